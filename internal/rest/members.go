package rest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Members reads the members of a JSON object in their order. The zero Members has none.
//
//	for m := a.Members(); m.Next(); {
//		switch {
//		case m.Is("code"):
//			code = m.Value.Text()
//		}
//	}
type Members struct {
	Value JSON // Value is the value of the current member.

	name []byte // of the current member
	rest []byte // the text of the object after the current member
}

// JSON is a value in a valid JSON text.
type JSON []byte

// Members returns the members of the body; none if the body is not a JSON object. It does not
// check the body a second time, as package json would.
func (a *Answer) Members() Members {
	if a.valid || a.call == nil && json.Valid(a.Body) {
		return JSON(a.Body).Members()
	}
	return Members{}
}

// Next advances to the next member, and reports whether the object has one.
func (m *Members) Next() bool {
	text := trimSpace(m.rest)
	if len(text) > 0 && text[0] == ',' {
		text = trimSpace(text[1:])
	}
	if len(text) == 0 || text[0] != '"' {
		return false
	}
	end := stringLength(text)
	m.name = text[1 : end-1]
	if bytes.IndexByte(m.name, '\\') >= 0 {
		m.name = []byte(JSON(text[:end]).Text())
	}
	text = trimSpace(trimSpace(text[end:])[1:]) // after the colon
	end = valueLength(text)
	m.Value, m.rest = text[:end], text[end:]
	return true
}

// Name returns the name of the current member.
func (m *Members) Name() string { return string(m.name) }

// Is reports whether the current member has the name. Like package json, Is ignores the case of
// letters.
func (m *Members) Is(name string) bool {
	return string(m.name) == name || len(m.name) >= len(name) && strings.EqualFold(string(m.name), name)
}

// IsObject reports whether a value is an object.
func (v JSON) IsObject() bool { return isObject(v) }

// Members returns the members of a value; none if it is not an object.
func (v JSON) Members() Members {
	if !v.IsObject() {
		return Members{}
	}
	return Members{rest: trimSpace(v)[1:]}
}

// Text returns the decoded string; "" if the value is not a string.
func (v JSON) Text() string {
	if len(v) == 0 || v[0] != '"' {
		return ""
	}
	text := v[1 : len(v)-1]
	if bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return string(text)
	}
	var decoded string
	_ = json.Unmarshal(v, &decoded) // v is valid
	return decoded
}

// Int returns the integer; 0 if the value is not an integer, or is too large.
func (v JSON) Int() int {
	n, err := strconv.Atoi(string(v))
	if err != nil {
		return 0
	}
	return n
}

// Bool reports whether the value is true.
func (v JSON) Bool() bool { return string(v) == "true" }

// Decode decodes the value into out, like package json. A member of another type than out has
// is not decoded.
func (v JSON) Decode(out any) {
	if len(v) > 0 {
		_ = json.Unmarshal(v, out)
	}
}

// trimSpace returns a text without its leading white space.
func trimSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// valueLength returns the length of the valid JSON value at the start of a text.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			} else if depth < 0 {
				return i // the end of the object or array of a number or a literal
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		case '"':
			i += stringLength(text[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// stringLength returns the length of the valid JSON string at the start of a text.
func stringLength(text []byte) int {
	end := 1 + bytes.IndexByte(text[1:], '"')
	if bytes.IndexByte(text[1:end], '\\') < 0 {
		return end + 1
	}
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}
