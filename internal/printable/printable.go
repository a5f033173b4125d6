// Package printable makes a provider's texts safe to print.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns s with each character that does not print, or that people cannot see, replaced by
// U+FFFD. Names come from the provider's users, and such a character can break a line, control a
// terminal, or make two names look the same.
func Text(s string) string { return replaced(s, false) }

// Lines returns s like [Text], with its line ends. It is for an error, whose text may have several
// lines, and may contain the name of a file.
func Lines(s string) string { return replaced(s, true) }

// JSON returns a JSON text in which each character that [Text] replaces is escaped, such as \u202e. The
// text has the same value.
func JSON(text []byte) []byte {
	var b []byte
	marked := false // the character before can have marks
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1, r < ' ': // not UTF-8, or a space between values
			b = append(b, text[:n]...)
			marked = false
		case !unicode.IsPrint(r), Invisible(r), unicode.In(r, unicode.Mn, unicode.Me) && !marked:
			for _, unit := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, "\\u%04x", unit)
			}
			marked = false
		default:
			b = append(b, text[:n]...)
			marked = r != ' ' && r != '"'
		}
		text = text[n:]
	}
	return b
}

// JSONWriter returns an output that writes each text as [JSON] returns it. It is for a [encoding/json.Encoder],
// which writes each document at once.
func JSONWriter(out io.Writer) io.Writer { return jsonWriter{out} }

type jsonWriter struct{ out io.Writer }

func (w jsonWriter) Write(text []byte) (int, error) {
	if _, err := w.out.Write(JSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func replaced(s string, lines bool) string {
	base := false // the character before can have marks
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			base = false
			return r
		case !unicode.IsPrint(r), Invisible(r), unicode.In(r, unicode.Mn, unicode.Me) && !base:
			base = false
			return unicode.ReplacementChar
		}
		base = r != ' '
		return r
	}, s)
}

// Invisible reports whether a character has no glyph, although its category is that of letters, marks
// or symbols: a filler, or the empty pattern of Braille.
func Invisible(r rune) bool {
	return r == '\u2800' || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}
