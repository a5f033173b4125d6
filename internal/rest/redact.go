package rest

import (
	"bytes"
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
// the header, and out of the body, as it is or as JSON writes it.
func (a *Answer) redact(secret string) {
	if len(secret) < shortestSecret {
		return
	}
	if id := requestID(a.Header); strings.Contains(id, secret) {
		a.Header.Set(requestIDHeader, redact(id, secret))
	}
	if bytes.IndexByte(a.Body, '\\') >= 0 {
		a.Body = redactEscaped(a.Body, secret)
	}
	if bytes.Contains(a.Body, []byte(secret)) {
		a.Body = bytes.ReplaceAll(a.Body, []byte(secret), []byte(redacted))
	}
}

// redact takes a credential out of a text.
func redact(text, secret string) string {
	if len(secret) < shortestSecret {
		return text
	}
	return strings.ReplaceAll(text, secret, redacted)
}

const requestIDHeader = "X-Request-Id"

func requestID(h http.Header) string { return h.Get(requestIDHeader) }

// redactEscaped takes a credential out of JSON that writes some of it as escapes:
// many write a slash, which is in every other token, as \/.
func redactEscaped(body []byte, secret string) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(body); {
		if n := escaped(body[i:], secret); n > 0 {
			out = append(append(out, body[done:i]...), redacted...)
			i += n
			done = i
			continue
		}
		_, n := unescape(body[i:]) // an escape is one character: none begins within it
		i += max(n, 1)
	}
	if done == 0 {
		return body
	}
	return append(out, body[done:]...)
}

// escaped returns how many bytes at the beginning of a body are a text as JSON may
// write it; 0 for none.
func escaped(body []byte, text string) int {
	at := 0
	for _, want := range text {
		got, n := unescape(body[at:])
		if n == 0 || got != want {
			return 0
		}
		at += n
	}
	return at
}

// unescape returns the first character of a JSON string, and its length there.
func unescape(b []byte) (rune, int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] != '\\':
		return utf8.DecodeRune(b)
	case len(b) > 1 && b[1] != 'u':
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
