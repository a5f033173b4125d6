package offboardtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// redacted replaces a secret in a recording. In a replay, it matches any text.
const redacted = "REDACTED"

// redaction removes secrets from exchanges. It is not safe for concurrent use.
type redaction struct {
	secrets map[string]bool  // values that are replaced wherever they occur, in all their forms
	ordered []string         // the same, the longest first
	escaped []*regexp.Regexp // the same with any escapes of JSON and URLs
}

func newRedaction(secrets []string) *redaction {
	r := &redaction{secrets: map[string]bool{}}
	for _, secret := range secrets {
		r.add(secret, 1)
	}
	return r
}

// add adds a secret of at least least bytes, in the forms that it has in URLs, JSON and headers.
func (r *redaction) add(secret string, least int) {
	if len(secret) < least || secret == redacted || r.secrets[secret] {
		return
	}
	quoted, _ := json.Marshal(secret)
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), string(quoted[1 : len(quoted)-1]),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		if !r.secrets[form] && !strings.Contains(redacted, form) {
			r.secrets[form] = true
			r.ordered = append(r.ordered, form)
		}
	}
	r.escaped = append(r.escaped, anyEscapes(secret))
	slices.SortFunc(r.ordered, func(a, b string) int { return len(b) - len(a) })
}

// leastLearned is the length from which on a credential in an exchange is replaced wherever it
// occurs: a shorter one may be a part of other words.
const leastLearned = 8

// learn adds the credentials that an exchange shows.
func (r *redaction) learn(x *Exchange) {
	for _, value := range x.RequestHeader["Authorization"] {
		scheme, credential, _ := strings.Cut(value, " ")
		if strings.EqualFold(scheme, "Digest") {
			continue // its parts are no secrets by themselves
		}
		r.add(strings.TrimSpace(credential), leastLearned)
		if decoded, err := base64.StdEncoding.DecodeString(credential); err == nil && strings.EqualFold(scheme, "Basic") {
			_, password, _ := strings.Cut(string(decoded), ":")
			r.add(password, leastLearned)
			if unescaped, err := url.QueryUnescape(password); err == nil {
				r.add(unescaped, leastLearned)
			}
		}
	}
	for _, line := range slices.Concat(x.RequestHeader["Cookie"], x.Header["Set-Cookie"]) {
		for pair := range strings.SplitSeq(line, ";") {
			if _, value, ok := strings.Cut(pair, "="); ok && line != redacted {
				r.add(strings.TrimSpace(value), leastLearned)
			}
		}
	}
	if isTokenRequest(x) {
		if form, err := url.ParseQuery(string(x.RequestBody)); err == nil {
			for name, values := range form {
				for _, value := range values {
					if isSecretName(name) {
						r.add(value, leastLearned)
					}
				}
			}
		}
		for _, v := range scalars(x.Body) {
			if v.secret && v.isText {
				r.add(v.text, leastLearned)
			}
		}
	}
}

// apply redacts an exchange.
func (r *redaction) apply(x *Exchange) {
	token := isTokenRequest(x)
	x.URL = r.text(redactURL(x.URL))
	x.RequestHeader, x.Header = r.header(x.RequestHeader), r.header(x.Header)
	x.RequestBody, x.Body = r.body(x.RequestBody), r.body(x.Body)
	x.Error = r.text(redactText(x.Error))
	if x.check() != nil { // a secret was a part of the scheme or host
		x.URL = "https://redacted.invalid/"
	}
	if token && len(x.RequestBody) > 0 {
		x.RequestBody = []byte(redacted)
	}
	if token && len(x.Body) > 0 && !json.Valid(x.Body) {
		x.Body = []byte(redacted)
	}
}

// text replaces all known secrets.
func (r *redaction) text(s string) string {
	for _, secret := range r.ordered {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	if strings.ContainsAny(s, `\%`) {
		for _, form := range r.escaped {
			s = form.ReplaceAllLiteralString(s, redacted)
		}
	}
	return s
}

// anyEscapes returns a pattern of a text in which each character may have an escape of JSON or of a
// URL, in upper or lower case.
func anyEscapes(text string) *regexp.Regexp {
	var pattern strings.Builder
	for _, c := range text {
		pattern.WriteString("(?:" + regexp.QuoteMeta(string(c)) + `|(?i:`)
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&pattern, `\\+u%04x`, unit)
		}
		pattern.WriteByte('|')
		for _, b := range []byte(string(c)) {
			fmt.Fprintf(&pattern, "%%%02x", b)
		}
		pattern.WriteByte(')')
		if c == ' ' {
			pattern.WriteString(`|\+`)
		}
		if i := strings.IndexRune("\"\\/\n\r\t\b\f", c); i >= 0 {
			pattern.WriteString(`|\\+` + regexp.QuoteMeta("\"\\/nrtbf"[i:i+1]))
		}
		pattern.WriteByte(')')
	}
	return regexp.MustCompile(pattern.String())
}

// linkTarget is a target of the header Link.
var linkTarget = regexp.MustCompile(`<[^>]*>`)

// stringMember is a member of an object with a string, which may be cut: its name, the colon, and
// the last quotation mark.
var stringMember = regexp.MustCompile(`"([^"\\]+)"(\s*:\s*)"(?:[^"\\]|\\.)*\\?("?)`)

// keptHeaders are the headers whose values a recording contains, in addition to those about rate
// limits and the IDs of requests. The value of any other header is replaced.
var keptHeaders = map[string]bool{
	"Accept": true, "Age": true, "Allow": true, "Cache-Control": true, "Connect-Protocol-Version": true, "Content-Type": true,
	"Date": true, "Deprecation": true, "Link": true, "Location": true, "Retry-After": true, "Server": true, "Sunset": true,
	"User-Agent": true, "Vary": true, "Via": true, "Www-Authenticate": true, "X-Zitadel-Orgid": true,
}

func isKept(name string) bool {
	return keptHeaders[name] || strings.Contains(name, "Ratelimit") || strings.Contains(name, "Rate-Limit") ||
		strings.HasSuffix(name, "Request-Id") || strings.HasSuffix(name, "Trace-Id") || name == "X-Java-Method"
}

func (r *redaction) header(header http.Header) http.Header {
	for name, values := range header {
		values = slices.Clone(values)
		for i, value := range values {
			switch {
			case !isKept(name):
				values[i] = redacted
			case name == "Location":
				values[i] = r.text(redactURL(value))
			case name == "Link":
				values[i] = r.text(linkTarget.ReplaceAllStringFunc(value, func(target string) string {
					return "<" + redactURL(target[1:len(target)-1]) + ">"
				}))
			default:
				values[i] = r.text(value)
			}
		}
		header[name] = values
	}
	return header
}

// body replaces secrets, and the strings of JSON members with a secret name. All other bytes
// stay.
func (r *redaction) body(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	if json.Valid(body) {
		for _, v := range slices.Backward(scalars(body)) {
			if put := r.scalar(v); put != "" {
				body = slices.Concat(body[:v.start], []byte(put), body[v.end:])
			}
		}
	} else if bytes.Contains(body, []byte("form-data")) {
		body = redactMultipart(body)
	} else if form := string(body); isForm(form) {
		body = []byte(redactQuery(form))
	} else { // such as a body that was cut
		body = stringMember.ReplaceAllFunc(body, func(member []byte) []byte {
			parts := stringMember.FindSubmatch(member)
			if !isSecretName(string(parts[1])) {
				return member
			}
			return slices.Concat([]byte{'"'}, parts[1], []byte{'"'}, parts[2], []byte(`"`+redacted), parts[3])
		})
	}
	return []byte(r.text(redactText(string(body))))
}

// scalar returns what replaces a value of a JSON body; "" for nothing. A number stays a number, so
// that a client can decode it.
func (r *redaction) scalar(v scalar) string {
	switch inner := strings.TrimSpace(v.text); {
	case v.secret && v.isText:
		return `"` + redacted + `"`
	case v.secret:
		return "0"
	case v.isText && (strings.HasPrefix(inner, "{") || strings.HasPrefix(inner, "[")) && json.Valid([]byte(inner)):
		clean := string(r.body([]byte(inner)))
		if clean == inner {
			return ""
		}
		quoted, _ := json.Marshal(clean)
		return string(quoted)
	}
	return ""
}

var (
	// privateKey is a private key in PEM, also in JSON and cut.
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s,:.-]|\\+[nrtu/])*`)
	// userInformation is that of a URL in a text.
	userInformation = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*:(?:\\*/){2})[^\s"'<>/?#@\\]*:[^\s"'<>/\\]*@`)
	// parameter is a parameter of a URL in a text.
	parameter = regexp.MustCompile(`([?&;]|\\+u0026)([A-Za-z0-9_.%\[\]-]+)=([^&;\s"'<>\\#]+)`)
	// formPart is a part of a multipart form: its header with the name, and its content.
	formPart = regexp.MustCompile(`(?is)(\bname="?([^"\r\n;]+)"?[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\n)(.*?)(\r?\n--|$)`)
)

// redactText replaces the private keys, and the secrets of URLs, in a text.
func redactText(text string) string {
	text = privateKey.ReplaceAllLiteralString(text, redacted)
	text = userInformation.ReplaceAllString(text, "${1}"+redacted+"@")
	return parameter.ReplaceAllStringFunc(text, func(pair string) string {
		parts := parameter.FindStringSubmatch(pair)
		if name, err := url.QueryUnescape(parts[2]); err == nil && !isSecretName(name) {
			return pair
		}
		return parts[1] + parts[2] + "=" + redacted
	})
}

// redactMultipart replaces the parts of a multipart form that have a secret name.
func redactMultipart(body []byte) []byte {
	return formPart.ReplaceAllFunc(body, func(part []byte) []byte {
		parts := formPart.FindSubmatch(part)
		if !isSecretName(string(parts[2])) {
			return part
		}
		return slices.Concat(parts[1], []byte(redacted), parts[4])
	})
}

// isForm reports whether a body looks like an HTML form.
func isForm(body string) bool {
	name, _, ok := strings.Cut(body, "=")
	return ok && !strings.ContainsAny(name, " <{\"\n")
}

// redactURL replaces the user information of a URL and the values of secret parameters.
func redactURL(raw string) string {
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		end := len(rest)
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			end = i
		}
		if i := strings.LastIndexByte(rest[:end], '@'); i >= 0 {
			raw = scheme + "://" + rest[i+1:]
		}
	}
	raw, _, _ = strings.Cut(raw, "#")
	path, query, ok := strings.Cut(raw, "?")
	if !ok {
		return raw
	}
	return path + "?" + redactQuery(query)
}

// redactQuery replaces the values of secret parameters, and keeps their order.
func redactQuery(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, ok := strings.Cut(pair, "=")
		if unescaped, err := url.QueryUnescape(name); ok && (err != nil || isSecretName(unescaped) || unescaped == "key" || unescaped == "code") {
			pairs[i] = name + "=" + redacted
		}
	}
	return strings.Join(pairs, "&")
}

// isTokenRequest reports whether a request is one for an access token.
func isTokenRequest(x *Exchange) bool {
	path, _, _ := strings.Cut(x.URL, "?")
	return strings.HasSuffix(path, "/token") || strings.HasSuffix(path, "/oauth/revoke") || bytes.Contains(x.RequestBody, []byte("grant_type="))
}

// isSecretName reports whether the name of a member or parameter is that of a secret.
func isSecretName(name string) bool {
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	if strings.Contains(letters, "page") || slices.ContainsFunc([]string{"type", "id", "name", "url", "uri", "endpoint", "hint"}, func(end string) bool {
		return strings.HasSuffix(letters, end)
	}) {
		return false
	}
	if letters == "sig" || letters == "auth" || letters == "jwt" || letters == "pwd" {
		return true
	}
	return slices.ContainsFunc([]string{
		"keydetails", "keycontent", "keydata", "password", "passwd", "passphrase", "secret", "token", "privatekey", "apikey", "credential", "assertion", "authorization", "signature", "cookie",
	}, func(part string) bool { return strings.Contains(letters, part) })
}

// scalar is a string or a number of a JSON body.
type scalar struct {
	start, end int
	text       string
	isText     bool
	secret     bool // the value is below a member with a secret name
}

// scalars returns the strings and the numbers of a body; nil for a body that is not JSON. The member
// id of an object is no secret: replaying needs it.
func scalars(body []byte) []scalar {
	if !json.Valid(body) {
		return nil
	}
	type level struct {
		object, value bool // value: the next token of the object is a value
		name          string
		below, secret bool // all values; the next value
	}
	var found []scalar
	levels := []level{{}}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		at := &levels[len(levels)-1]
		end := int(decoder.InputOffset())
		text, isText := token.(string)
		number, isNumber := token.(json.Number)
		delim, _ := token.(json.Delim)
		switch {
		case delim == '{' || delim == '[':
			levels = append(levels, level{object: delim == '{', name: at.name, below: at.secret, secret: at.secret})
			continue
		case delim != 0:
			levels = levels[:len(levels)-1]
			levels[len(levels)-1].value = false
			continue
		case at.object && !at.value: // a name
			at.value, at.name, at.secret = true, text, isSecretName(text) || at.below && text != "id"
			continue
		case isText:
			secret := at.secret || at.name == "key" && len(text) >= leastKey && !strings.ContainsAny(text, " .:")
			found = append(found, scalar{startOfString(body, end), end, text, true, secret})
		case isNumber:
			found = append(found, scalar{end - len(number), end, number.String(), false, at.secret})
		}
		at.value = false
	}
}

// leastKey is the length from which on the text of a member "key" is a secret: a shorter one may be
// the name of a label.
const leastKey = 16

// startOfString returns the position of the quote that starts the JSON string before end.
func startOfString(body []byte, end int) int {
	for i := end - 2; i >= 0; i-- {
		if body[i] != '"' {
			continue
		}
		escapes := 0
		for j := i - 1; j >= 0 && body[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return 0
}
