package volterra

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// errorBody is the body of an error: a gRPC status in JSON. The details of the status contain
// internal traces as raw bytes and are not decoded.
type errorBody struct {
	code    string // recorded answers have a number; a string is accepted too
	message string
}

// readError reads the body of an error. A member of an undocumented type stays empty; only the
// code decides.
func readError(a *rest.Answer) errorBody {
	m := a.Members()
	if bytes.ContainsFunc(a.Body, isControl) {
		// Recorded details contain control characters, which JSON does not permit in strings.
		if body := bytes.Map(printable, a.Body); json.Valid(body) {
			m = rest.JSON(body).Members()
		}
	}
	var b errorBody
	var old string // the message of version 1 of the gateway
	for m.Next() {
		switch {
		case m.Is("code"):
			if b.code = m.Value.Text(); b.code == "" {
				b.code = integer(m.Value)
			}
		case m.Is("message"):
			b.message = m.Value.Text()
		case m.Is("error"):
			old = m.Value.Text()
		}
	}
	b.message = cmp.Or(b.message, old)
	return b
}

// integer returns the digits of an integer; "" for another value.
func integer(v rest.JSON) string {
	if _, err := strconv.Atoi(string(v)); err != nil {
		return ""
	}
	return string(v)
}

// classify reads the body of an error and reports whether the body is F5's: it has a code of gRPC.
func classify(a *rest.Answer, e *errors.Error) (own bool) {
	body := readError(a)
	e.ProviderCode, e.Message = body.code, body.message
	number := cmp.Or(numbers[e.ProviderCode], e.ProviderCode)
	// An answer of a gateway has a message, a text, or the HTTP status as its code.
	_, own = codes[number]
	if e.ProviderCode == "" && e.Message == "" {
		e.Message = text(a.Body)
	}
	if a.Status < 300 {
		return own // an error with a success status proves nothing
	}
	e.Code = codes[number]
	if a.IsWrite() && isOpen(e.Code) {
		// With every HTTP status: the request must not be sent again.
		e.Code, e.Err = errors.OutcomeUnknown, e.Code
	}
	return own
}

// numbers maps the names of gRPC's codes, which third-party clients expect, to the codes.
var numbers = map[string]string{
	"CANCELLED": "1", "UNKNOWN": "2", "INVALID_ARGUMENT": "3", "DEADLINE_EXCEEDED": "4", "NOT_FOUND": "5",
	"ALREADY_EXISTS": "6", "PERMISSION_DENIED": "7", "RESOURCE_EXHAUSTED": "8", "FAILED_PRECONDITION": "9",
	"ABORTED": "10", "OUT_OF_RANGE": "11", "UNIMPLEMENTED": "12", "INTERNAL": "13", "UNAVAILABLE": "14",
	"DATA_LOSS": "15", "UNAUTHENTICATED": "16",
}

// codes maps all gRPC codes in decimal digits.
var codes = map[string]errors.Code{
	"1":  errors.Unavailable,      // canceled, 408
	"2":  errors.Internal,         // unknown, 500
	"3":  errors.InvalidArgument,  // 400
	"4":  errors.Unavailable,      // deadline exceeded, 504
	"5":  errors.NotFound,         // 404; the answer does not name the missing object
	"6":  errors.Conflict,         // already exists, 409
	"7":  errors.PermissionDenied, // 403
	"8":  errors.RateLimitReached, // resource exhausted, 429
	"9":  errors.Conflict,         // failed precondition, 400
	"10": errors.Conflict,         // aborted, 409
	"11": errors.InvalidArgument,  // out of range, 400
	"12": errors.RouteNotFound,    // unimplemented, 501
	"13": errors.Internal,         // 500
	"14": errors.Unavailable,      // 503
	"15": errors.Internal,         // data loss, 500
	"16": errors.Unauthenticated,  // 401
}

// isOpen reports whether a code leaves the outcome of a write open.
func isOpen(code errors.Code) bool {
	return errors.Is(code, errors.Internal) || errors.Is(code, errors.Unavailable)
}

// maxText is the maximum length of a message in plain text, in bytes.
const maxText = 300

// text returns the message of a body that is not an object: a JSON string, which the vendor's
// OpenAPI documents, or a line of plain text. It returns "" for a web page.
func text(body []byte) string {
	var s string
	if len(body) > maxText {
		return ""
	}
	if json.Unmarshal(body, &s) != nil {
		s = string(body)
	}
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) ||
		s != "" && strings.ContainsRune("<{[", rune(s[0])) {
		return ""
	}
	return s
}

// isControl reports whether JSON does not permit a character in a string.
func isControl(r rune) bool { return r < ' ' }

// printable returns a space for a control character.
func printable(r rune) rune {
	if isControl(r) {
		return ' '
	}
	return r
}
