// Package screentest checks texts for a terminal.
package screentest

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// Terminal is a writer with the width of a terminal; 0 is a pipe.
type Terminal struct {
	bytes.Buffer
	Columns int
}

// Width returns the width.
func (s *Terminal) Width() int { return s.Columns }

// word matches a line of a command that has one word.
var word = regexp.MustCompile(`^ *('[^']*'|"[^"]*"|\S+)( \\)?$`)

// Check fails the test if a line is longer than the width, or if the border of a table is
// broken. A line with one word of a command may be longer. The width 0 has no limit.
func Check(t *testing.T, text string, width int) {
	t.Helper()
	top := ""          // of the current table
	continues := false // the line before ended with a backslash
	for line := range strings.SplitSeq(ansi.Strip(text), "\n") {
		command := continues || strings.HasSuffix(line, ` \`)
		if n := ansi.StringWidth(line); width > 0 && n > width && !(command && word.MatchString(line)) {
			t.Errorf("%d columns: a line has %d: %q", width, n, line)
		}
		continues = strings.HasSuffix(line, ` \`)
		if strings.HasPrefix(line, "┌") {
			top = line
		}
		if top == "" {
			continue
		}
		if ansi.StringWidth(line) != ansi.StringWidth(top) {
			t.Errorf("%d columns: a line of the table has another width: %q", width, line)
		}
		at := 0
		for _, r := range top {
			if r != '─' && !strings.Contains("┌├└│┬┼┴┐┤┘", border(line, at)) {
				t.Errorf("%d columns: no border in column %d: %q", width, at, line)
			}
			at++
		}
		if strings.HasPrefix(line, "└") {
			top = ""
		}
	}
	if top != "" {
		t.Errorf("%d columns: a table has no end", width)
	}
}

// border returns the character in a column, or a text that is no border.
func border(line string, at int) string {
	if c := ansi.Cut(line, at, at+1); c != "" {
		return c
	}
	return "none"
}
