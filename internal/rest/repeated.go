package rest

import (
	"bytes"
	"encoding/json"
)

// maxKeys is how many keys the success of a write has at most, many times over.
const maxKeys = 1000

// repeated reports whether a valid JSON text has an object with a key twice, as
// package json compares keys, or more keys than can be. It decodes the last of them,
// and others may read the first: such a text says nothing that can be relied on.
func repeated(text []byte) bool {
	type key struct {
		depth int
		name  []byte
	}
	var room [16]key
	keys, depth := room[:0], 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			for len(keys) > 0 && keys[len(keys)-1].depth == depth {
				keys = keys[:len(keys)-1]
			}
			depth--
		case '"':
			start := i
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if !bytes.HasPrefix(bytes.TrimLeft(text[i+1:], " \t\r\n"), []byte(":")) {
				continue // a value
			}
			name := unquoted(text[start : i+1])
			for k := len(keys) - 1; k >= 0 && keys[k].depth == depth; k-- {
				if bytes.EqualFold(keys[k].name, name) {
					return true
				}
			}
			if keys = append(keys, key{depth, name}); len(keys) > maxKeys {
				return true
			}
		}
	}
	return false
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
