// Package format formats values for people: lists, numbers, durations and states.
package format

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// List returns values separated by commas.
func List[S ~string](of []S) string {
	names := make([]string, len(of))
	for i, s := range of {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// ShellQuote returns a text, such as the name of a file, quoted for a shell if necessary. The result is
// printable.
func ShellQuote(name string) string {
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	switch {
	case name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0:
		return name
	case strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 || !utf8.ValidString(name):
		return ansiQuote(name)
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// ansiQuote returns a text in the quotes $'…', which bash, zsh and ksh read, without unprintable
// characters: they could control the terminal.
func ansiQuote(text string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\'' || r == '\\':
			b.WriteString("\\" + string(r))
		case unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			b.WriteRune(r)
		default:
			for _, c := range []byte(text[i : i+size]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		}
	}
	b.WriteString("'")
	return b.String()
}

// Clock returns a duration as minutes and seconds, with hours if it has any.
func Clock(d time.Duration) string {
	s := max(int(d.Round(time.Second).Seconds()), 0)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Count returns a number and a noun, such as "2 steps".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// State returns a state as text, such as "already deleted".
func State(s teardown.StepState) string {
	return printable.Text(strings.ReplaceAll(string(s), "_", " "))
}

// Alternatives lists names as "A, B or C".
func Alternatives(names []string) string { return joined(names, " or ") }

// Conjunction lists names as "A, B and C".
func Conjunction(names []string) string { return joined(names, " and ") }

func joined(names []string, before string) string {
	last := len(names) - 1
	if last < 1 {
		return List(names)
	}
	return List(names[:last]) + before + names[last]
}
