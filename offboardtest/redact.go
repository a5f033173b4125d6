package offboardtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// redacted replaces a secret in a recording. In a replay, it matches any text.
const redacted = "REDACTED"

// redaction removes secrets from exchanges. It is not safe for concurrent use.
type redaction struct {
	secrets map[string]bool // values that are replaced wherever they occur, in all their forms
	ordered []string        // the same, the longest first
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
		for _, at := range secretStrings(x.Body) {
			var value string
			if json.Unmarshal(x.Body[at[0]:at[1]], &value) == nil {
				r.add(value, leastLearned)
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
	x.Error = r.text(x.Error)
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
	return s
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
		at := secretStrings(body)
		for _, span := range slices.Backward(at) {
			body = slices.Concat(body[:span[0]], []byte(`"`+redacted+`"`), body[span[1]:])
		}
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
	return []byte(r.text(string(body)))
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
		"password", "passwd", "passphrase", "secret", "token", "privatekey", "apikey", "credential", "assertion", "authorization", "signature", "cookie",
	}, func(part string) bool { return strings.Contains(letters, part) })
}

// secretStrings returns the positions of the JSON strings that are values of members with a
// secret name, or items of such an array. It returns nil for a body that is not JSON.
func secretStrings(body []byte) [][2]int {
	if !json.Valid(body) {
		return nil
	}
	type level struct {
		object, value bool // value: the next token of the object is a value
		secret        bool // of the member, or of the array
	}
	var found [][2]int
	var levels []level
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		var at *level
		if len(levels) > 0 {
			at = &levels[len(levels)-1]
		}
		if delim, ok := token.(json.Delim); ok {
			switch delim {
			case '{':
				levels = append(levels, level{object: true})
			case '[':
				levels = append(levels, level{secret: at != nil && at.secret && (at.value || !at.object)})
			default:
				levels = levels[:len(levels)-1]
				if len(levels) > 0 {
					levels[len(levels)-1].value = false
				}
			}
			continue
		}
		text, isText := token.(string)
		switch {
		case at == nil:
		case at.object && !at.value: // a name
			at.value, at.secret = true, isSecretName(text)
		default:
			if isText && at.secret {
				end := int(decoder.InputOffset())
				found = append(found, [2]int{startOfString(body, end), end})
			}
			at.value = false
		}
	}
}

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
