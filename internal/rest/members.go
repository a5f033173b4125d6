package rest

import (
	"bytes"
	"encoding/json"
	"iter"
)

// members yields the names and values of the members of a valid JSON object, and
// nothing for another value. Values are not decoded.
func members(text []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		text = bytes.TrimLeft(text, " \t\r\n")
		if len(text) == 0 || text[0] != '{' {
			return
		}
		for i := 1; i < len(text); i++ {
			if text[i] != '"' {
				continue // white space, a comma, or the end
			}
			end := i + valueLength(text[i:])
			name := unquoted(text[i:end])
			start := end + bytes.IndexByte(text[end:], ':') + 1
			start += len(text[start:]) - len(bytes.TrimLeft(text[start:], " \t\r\n"))
			end = start + valueLength(text[start:])
			if !yield(string(name), text[start:end]) {
				return
			}
			i = end - 1
		}
	}
}

// valueLength returns the length of the valid JSON value at the beginning of a text.
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
				return i // the end of what encloses a number or a literal
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// unquoted returns what a JSON string says.
func unquoted(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // it is valid
	return []byte(name)
}
