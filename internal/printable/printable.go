// Package printable makes a provider's texts safe to print.
package printable

import (
	"strings"
	"unicode"
)

// Text returns s with each character that does not print, or that people cannot see, replaced by
// U+FFFD. Names come from the provider's users, and such a character can break a line, control a
// terminal, or make two names look the same.
func Text(s string) string { return replaced(s, false) }

// Lines returns s like [Text], with its line ends. It is for an error, whose text may have several
// lines, and may contain the name of a file.
func Lines(s string) string { return replaced(s, true) }

func replaced(s string, lines bool) string {
	base := false // the character before can have marks
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			base = false
			return r
		case !unicode.IsPrint(r), invisible(r), unicode.In(r, unicode.Mn, unicode.Me) && !base:
			base = false
			return unicode.ReplacementChar
		}
		base = r != ' '
		return r
	}, s)
}

// invisible reports whether a character has no glyph, although its category is that of letters, marks
// or symbols: a filler, or the empty pattern of Braille.
func invisible(r rune) bool {
	return r == '\u2800' || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}
