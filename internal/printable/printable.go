// Package printable makes a provider's texts safe to print.
package printable

import (
	"strings"
	"unicode"
)

// Text returns s with each character that does not print replaced by U+FFFD. Names come from
// the provider's users, and such a character can break a line or control a terminal.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
