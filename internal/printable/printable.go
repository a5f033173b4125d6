// Package printable makes a provider's texts safe to print.
package printable

import (
	"strings"
	"unicode"
)

// Text returns s with each character that does not print replaced by U+FFFD. Names come from
// the provider's users, and such a character can break a line or control a terminal.
func Text(s string) string {
	return strings.Map(printed, s)
}

// Lines returns s like [Text], with its line ends. It is for an error, whose text may have several
// lines, and may contain the name of a file.
func Lines(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printed(r)
	}, s)
}

func printed(r rune) rune {
	if !unicode.IsPrint(r) {
		return unicode.ReplacementChar
	}
	return r
}
