package rest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// secret is what the Authorization of a request carries after its scheme.
func secret(req *http.Request) string {
	authorization := req.Header["Authorization"]
	if len(authorization) == 0 {
		return ""
	}
	_, secret, _ := strings.Cut(authorization[0], " ")
	return secret
}

// shortestSecret is the shortest credential that is looked for in answers: what
// is shorter would be found in any text.
const shortestSecret = 6

// redacted stands where a credential was.
const redacted = "[redacted]"

// redact takes a credential out of an answer that repeats it: out of what is read of
// the header, and out of the body, in all codes that [patterns] has. It runs on error
// answers only.
func (a *Answer) redact(secret string) {
	if len(secret) >= shortestSecret {
		a.cut(patterns(secret))
	}
}

// cut takes patterns out of an answer.
func (a *Answer) cut(all []pattern) {
	if id := requestID(a.Header); id != "" {
		text := []byte(id)
		for _, p := range all {
			text = p.cut(text)
		}
		a.Header.Set(requestIDHeader, string(text))
	}
	before := a.Body
	for _, p := range all {
		a.Body = p.cut(a.Body)
	}
	if !bytes.Equal(a.Body, before) {
		a.valid = json.Valid(a.Body)
	}
}

// kept are the patterns of a secret that was redacted before. Most credentials are sent
// many times.
type kept struct {
	secret   string
	patterns []pattern
}

// patternsOf returns the patterns of the credential of a request, which are made once for
// one that is sent again and again.
func (c *Client) patternsOf(secret string) []pattern {
	if len(secret) < shortestSecret {
		return nil
	}
	if k := c.redaction.Load(); k != nil && k.secret == secret {
		return k.patterns
	}
	k := &kept{secret, patterns(secret)}
	c.redaction.Store(k)
	return k.patterns
}

// redact takes a credential out of a text.
func redact(text, secret string) string {
	if len(secret) < shortestSecret || len(text) < len(secret) {
		return text
	}
	b := []byte(text)
	for _, p := range patterns(secret) {
		b = p.cut(b)
	}
	return string(b)
}

const requestIDHeader = "X-Request-Id"

func requestID(h http.Header) string { return h.Get(requestIDHeader) }

// pattern is a text to be taken out of others.
type pattern struct {
	text string

	// decode: each of its characters may be escaped, as JSON, URLs and HTML do.
	decode bool

	// within: it is the middle of a base64 text, whose ends depend on what is around the
	// credential. As many characters before and after it are taken out as well.
	within int
}

// shortestCode is the shortest middle of a base64 text that is looked for.
const shortestCode = 8

// patterns returns what a credential looks like in an answer: as it is, with escapes of
// JSON, URLs and HTML, in hexadecimal digits, and in base64, of both alphabets and with
// anything before and after it.
func patterns(secret string) []pattern {
	digits := hex.EncodeToString([]byte(secret))
	// Escapes come first: what looks like the secret may begin within one.
	all := []pattern{
		{text: secret, decode: true}, {text: secret}, {text: digits}, {text: strings.ToUpper(digits)},
	}
	for before := range 3 {
		code := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00\x00"[:before] + secret))
		// A character of the code that has bits of what is before or after is left out.
		start, end := (before*8+5)/6, len(code)
		if (before+len(secret))%3 != 0 {
			end--
		}
		if end-start < shortestCode {
			continue
		}
		code = code[start:end]
		all = append(all, pattern{text: code, decode: true, within: 2})
		if url := strings.NewReplacer("+", "-", "/", "_").Replace(code); url != code {
			all = append(all, pattern{text: url, decode: true, within: 2})
		}
	}
	return all
}

// cut takes the pattern out of a text. It returns the text itself if that has none.
func (p pattern) cut(text []byte) []byte {
	if escapes := p.decode && hasEscapes(text); len(text) < len(p.text) || !escapes && !holds(text, p.text) {
		return text
	}
	var out []byte
	done := 0
	for i := 0; i < len(text); {
		n := p.at(text[i:])
		if n == 0 {
			if i++; p.decode && text[i-1] == '\\' {
				_, escape := p.next(text[i-1:], nil) // is one character: none begins within it
				i += escape - 1
			}
			continue
		}
		start, end := i, i+n
		for range p.within {
			if start > done && isBase64(text[start-1]) {
				start--
			}
			if end < len(text) && isBase64(text[end]) {
				end++
			}
		}
		out = append(append(out, text[done:start]...), redacted...)
		i, done = end, end
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

// at returns how many bytes at the beginning of a text are the pattern; 0 for none.
func (p pattern) at(text []byte) int {
	if !p.decode {
		if len(text) < len(p.text) || text[0] != p.text[0] || string(text[:len(p.text)]) != p.text {
			return 0
		}
		return len(p.text)
	}
	if c := text[0]; c != p.text[0] && c != '\\' && c != '%' && c != '&' {
		return 0
	}
	// What looks like the escape of a URL or of HTML may be part of the secret.
	if n := p.decoded(text, false); n > 0 {
		return n
	}
	if strings.ContainsAny(p.text, "%&") {
		return p.decoded(text, true)
	}
	return 0
}

// decoded returns how many bytes at the beginning of a text are the pattern, with
// escapes; 0 for none. literal: what stands in the pattern as it is, is no escape.
func (p pattern) decoded(text []byte, literal bool) int {
	var buffer [utf8.UTFMax]byte
	at := 0
	for want := p.text; want != ""; {
		if at == len(text) {
			return 0
		}
		got, n := p.next(text[at:], buffer[:0])
		if literal && text[at] != '\\' && strings.HasPrefix(want, string(text[at:at+n])) {
			got = text[at : at+n]
		}
		if !strings.HasPrefix(want, string(got)) || len(got) == 0 {
			return 0
		}
		want = want[len(got):]
		at += n
	}
	return at
}

// next appends the first character of a text to a buffer, decoded, and returns its
// length in the text. A character without an escape is one byte of it.
func (p pattern) next(text, buffer []byte) (char []byte, n int) {
	if p.decode {
		switch text[0] {
		case '\\':
			if r, n := unescape(text); n > 0 {
				return utf8.AppendRune(buffer, r), n
			}
		case '%':
			if len(text) > 2 {
				if b, err := strconv.ParseUint(string(text[1:3]), 16, 8); err == nil {
					return append(buffer, byte(b)), 3
				}
			}
		case '&':
			if r, n := entity(text); n > 0 {
				return utf8.AppendRune(buffer, r), n
			}
		}
	}
	return append(buffer, text[0]), 1
}

// hasEscapes reports whether a text may have an escape of JSON, of a URL or of HTML.
func hasEscapes(text []byte) bool {
	return bytes.IndexByte(text, '\\') >= 0 || bytes.IndexByte(text, '%') >= 0 || bytes.IndexByte(text, '&') >= 0
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_=", c) >= 0
}

// entities are the names that HTML has for the characters of credentials.
var entities = map[string]rune{
	"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "sol": '/', "plus": '+', "equals": '=', "lowbar": '_',
	"hyphen": '-', "dash": '-', "period": '.', "colon": ':', "comma": ',', "semi": ';', "num": '#', "percnt": '%',
	"dollar": '$', "excl": '!', "ast": '*', "commat": '@', "quest": '?', "lpar": '(', "rpar": ')', "lsqb": '[', "rsqb": ']',
	"lbrack": '[', "rbrack": ']', "lcub": '{', "rcub": '}', "lbrace": '{', "rbrace": '}', "bsol": '\\', "grave": '`',
	"Hat": '^', "vert": '|', "verbar": '|', "tilde": '~',
}

// longestEntity is the length of the longest entity that is read: &#x0010ffff;
const longestEntity = 13

// entity reads an HTML entity: &amp; &#47; &#x2F;
func entity(text []byte) (rune, int) {
	end := bytes.IndexByte(text[:min(len(text), longestEntity)], ';')
	if end < 0 {
		return 0, 0
	}
	name := string(text[1:end])
	if r, ok := entities[name]; ok {
		return r, end + 1
	}
	number, ok := strings.CutPrefix(strings.ToLower(name), "#")
	base := 10
	if digits, isHex := strings.CutPrefix(number, "x"); isHex {
		number, base = digits, 16
	}
	r, err := strconv.ParseUint(number, base, 21)
	if !ok || err != nil {
		return 0, 0
	}
	return rune(r), end + 1
}

// unescape returns the first character of a JSON string, which begins with a backslash,
// and its length there.
func unescape(b []byte) (rune, int) {
	if len(b) > 1 && b[1] != 'u' {
		return rune(b[1]), 2 // a line break or the like is in no credential
	}
	first, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(first) {
		if second, ok := hex4(b[6:]); ok {
			return utf16.DecodeRune(first, second), 12
		}
	}
	return first, 6
}

// hex4 reads the four digits of an escape.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
