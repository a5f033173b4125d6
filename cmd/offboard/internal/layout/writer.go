// Package layout fits text to the width of a terminal: it wraps lines and lays out tables.
//
// A pipe or a file has no width: lines are not wrapped, and every row of a table is one line.
// On a terminal, no text is cut off. A line is wrapped at spaces, and a word that is longer
// than a line is broken. Only a word of a command is not, so that the command can be copied.
package layout

import (
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

const (
	// unknownWidth is the width of a terminal whose size is unknown.
	unknownWidth = 80

	// minWidth is the smallest supported width.
	minWidth = 20
)

// Width returns the number of columns of the terminal that a writer writes to; 0 if the
// writer is not a terminal. A writer with a method Width returns its own width.
func Width(out io.Writer) int {
	switch o := out.(type) {
	case interface{ Width() int }:
		return o.Width()
	case *os.File:
		if !term.IsTerminal(int(o.Fd())) {
			return 0
		}
		width, _, err := term.GetSize(int(o.Fd()))
		if err != nil || width <= 0 {
			return unknownWidth
		}
		return max(width, minWidth)
	}
	return 0
}

// writer wraps lines at the width of a terminal.
type writer struct {
	out io.Writer

	mu sync.Mutex
	// line is the line that has not ended, and shown is the part of its wrapped text that
	// the terminal shows.
	line, shown string
}

// NewWriter returns a writer that wraps lines at the current width of a terminal. If out is
// not a terminal, it returns out.
func NewWriter(out io.Writer) io.Writer {
	if _, wraps := out.(*writer); wraps || Width(out) == 0 {
		return out
	}
	return &writer{out: out}
}

// Raw returns the writer without wrapping, for texts that are not for people.
func Raw(out io.Writer) io.Writer {
	if w, ok := out.(*writer); ok {
		return w.out
	}
	return out
}

// Width returns the width of the terminal.
func (w *writer) Width() int { return Width(w.out) }

// Write implements [io.Writer]. A text without a line feed at the end is shown at once. If it
// ends with a space, it is a prompt, and the answer ends the line.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	width := w.Width()
	var b strings.Builder
	for rest, more := string(p), true; more; {
		var text string
		text, rest, more = strings.Cut(rest, "\n")
		whole := strings.Join(Wrap(w.line+text, width), "\n")
		added, ok := strings.CutPrefix(whole, w.shown)
		if !ok { // the shown part would be wrapped in another way
			added = "\n" + strings.Join(Wrap(hang+text, width), "\n")
		}
		b.WriteString(added)
		w.line, w.shown = w.line+text, whole
		if more {
			b.WriteByte('\n')
		}
		if more || strings.HasSuffix(w.line, " ") {
			w.line, w.shown = "", ""
		}
	}
	if _, err := io.WriteString(w.out, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
