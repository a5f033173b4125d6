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

// secret returns the credential of a request: its Authorization after the scheme.
func secret(req *http.Request) string {
	authorization := req.Header["Authorization"]
	if len(authorization) == 0 {
		return ""
	}
	_, secret, _ := strings.Cut(authorization[0], " ")
	return secret
}

// shortestSecret is the length of the shortest credential that is redacted. A shorter one
// occurs in any text.
const shortestSecret = 6

// redacted replaces a credential.
const redacted = "[redacted]"

// redact removes a credential from the body of an answer, and from the headers that are read,
// in all encodings of [patterns]. It is called for errors only.
func (a *Answer) redact(secret string) {
	if len(secret) >= shortestSecret {
		a.cut(patterns(secret))
	}
}

// cut removes patterns from an answer.
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

// kept contains the patterns of the last redacted secret, because most credentials are sent
// many times.
type kept struct {
	secret   string
	patterns []pattern
}

// patternsOf returns the patterns of the credential of a request. It keeps those of the last
// credential.
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

// redact returns a text without a credential.
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

// pattern is a text that is removed from other texts.
type pattern struct {
	text string

	// decode is true if each character may be escaped, as in JSON, URLs and HTML.
	decode bool

	// within is the number of characters to remove before and after the pattern. The
	// pattern is the middle of a base64 text, whose ends depend on the text around the
	// credential.
	within int
}

// shortestCode is the length of the shortest middle of a base64 text that is redacted.
const shortestCode = 8

// patterns returns the forms of a credential in an answer: unchanged, with escapes of JSON, URLs
// and HTML, in hexadecimal digits, and in base64, in both alphabets and with any text before and
// after the credential.
func patterns(secret string) []pattern {
	digits := hex.EncodeToString([]byte(secret))
	// Escapes come first, because the text of the secret may start within an escape.
	all := []pattern{
		{text: secret, decode: true}, {text: secret}, {text: digits}, {text: strings.ToUpper(digits)},
	}
	for before := range 3 {
		code := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00\x00"[:before] + secret))
		// The pattern excludes characters with bits of the text before or after the credential.
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

// cut returns a text without the pattern; the same slice if the text does not contain it.
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
				_, escape := p.next(text[i-1:], nil) // an escape is one character: no pattern starts within it
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

// at returns the length of the pattern at the start of a text; 0 for none.
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
	// The secret may contain the text of an escape of a URL or of HTML.
	if n := p.decoded(text, false); n > 0 {
		return n
	}
	if strings.ContainsAny(p.text, "%&") {
		return p.decoded(text, true)
	}
	return 0
}

// decoded returns the length of the pattern, with escapes, at the start of a text; 0 for none.
// literal is true if characters that equal those of the pattern are no escapes.
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

// next appends the first character of a text to a buffer, decoded, and returns its length in the
// text. Without an escape, a character is one byte.
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

// entities are the HTML entities of the characters of credentials.
var entities = map[string]rune{
	"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "sol": '/', "plus": '+', "equals": '=', "lowbar": '_',
	"hyphen": '-', "dash": '-', "period": '.', "colon": ':', "comma": ',', "semi": ';', "num": '#', "percnt": '%',
	"dollar": '$', "excl": '!', "ast": '*', "commat": '@', "quest": '?', "lpar": '(', "rpar": ')', "lsqb": '[', "rsqb": ']',
	"lbrack": '[', "rbrack": ']', "lcub": '{', "rcub": '}', "lbrace": '{', "rbrace": '}', "bsol": '\\', "grave": '`',
	"Hat": '^', "vert": '|', "verbar": '|', "tilde": '~',
}

// longestEntity is the length of the longest entity that is decoded: &#x0010ffff;
const longestEntity = 13

// entity decodes an HTML entity, such as &amp; &#47; or &#x2F; and returns its length.
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

// unescape decodes the escape of a JSON string at the start of a text, and returns its length.
func unescape(b []byte) (rune, int) {
	if len(b) > 1 && b[1] != 'u' {
		return rune(b[1]), 2 // no credential contains a control character
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

// hex4 decodes the four hexadecimal digits of an escape.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
