// Package printable makes texts of a provider safe to print.
package printable

import (
	"strings"
	"unicode"
)

// Text returns s with U+FFFD in place of each character that does not print. Such a
// character can break a line or control a terminal, and names come from the provider's
// users.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
