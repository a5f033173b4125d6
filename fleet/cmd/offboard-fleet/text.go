package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// width is the number of columns of all texts for people. IDs and digests are not broken: people
// copy them.
const width = 80

// wrapped breaks a text into lines of at most width columns. The first line is indented by first
// columns, which the caller has written, and the others by rest. A longer word stays in one piece, and
// so do words with several spaces between them: a person may have to type them.
func wrapped(text string, first, rest int) string {
	var b strings.Builder
	column, start := first, true
	for _, word := range words.FindAllString(text, -1) {
		n := utf8.RuneCountInString(word)
		switch {
		case start:
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", rest))
			column = rest
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column, start = column+n, false
	}
	return b.String()
}

// words matches the texts between which wrapped may break a line.
var words = regexp.MustCompile(`\S+(?: {2,}\S+)*`)

// labelWidth is the width of the labels of facts.
const labelWidth = 15

// fact writes a label and its value, below the label if it is one word that is too long. It writes
// nothing for an empty value.
func fact(out io.Writer, label, value string) {
	switch {
	case value == "":
	case labelWidth+utf8.RuneCountInString(value) > width && !strings.Contains(value, " "):
		fmt.Fprintf(out, "%s\n  %s\n", label, value)
	default:
		fmt.Fprintf(out, "%-*s%s\n", labelWidth, label, wrapped(value, labelWidth, labelWidth))
	}
}

// item writes an entry of a list.
func item(out io.Writer, text string) { fmt.Fprintf(out, "  - %s\n", wrapped(text, 4, 4)) }

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
