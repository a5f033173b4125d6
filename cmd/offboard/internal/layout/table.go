package layout

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// maxPart is the width of a part of a word that a column keeps whole.
const maxPart = 16

// Table is a table with a border. On a terminal, the cells of the widest columns are wrapped,
// and long words are broken after a separator.
// If the columns still do not fit, each row is a list of its cells. In a pipe, each row is one
// line.
type Table struct {
	header []string
	rows   [][]string
}

// NewTable returns a table with the names of its columns.
func NewTable(header ...string) *Table {
	for i := range header {
		header[i] = strings.ToUpper(header[i])
	}
	return &Table{header: header}
}

// Add adds a row.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(t.header))
	for i, cell := range cells {
		row[i] = strings.Join(strings.Fields(fmt.Sprint(cell)), " ")
	}
	t.rows = append(t.rows, row)
}

// Write writes the table for the width of the writer.
func (t *Table) Write(out io.Writer) {
	var b strings.Builder
	width := Width(out)
	if widths := t.fit(width); widths != nil {
		t.grid(&b, widths)
	} else {
		t.list(&b, width)
	}
	_, _ = io.WriteString(Raw(out), b.String()) // fails only if the reader has closed the stream
}

// fit returns the widths of the columns; nil if the columns do not fit.
func (t *Table) fit(width int) []int {
	widths, least := make([]int, len(t.header)), make([]int, len(t.header))
	total := 3*len(t.header) + 1
	for i := range widths {
		for _, row := range append([][]string{t.header}, t.rows...) {
			widths[i] = max(widths[i], ansi.StringWidth(row[i]))
			for part := range strings.FieldsFuncSeq(row[i], func(r rune) bool { return r == ' ' || strings.ContainsRune(separators, r) }) {
				least[i] = max(least[i], min(ansi.StringWidth(part)+1, widths[i], maxPart))
			}
		}
		total += widths[i]
	}
	for width > 0 && total > width {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return nil
		}
		widths[widest]--
		total--
	}
	return widths
}

func (t *Table) grid(b *strings.Builder, widths []int) {
	rule := func(left, middle, right string) {
		parts := make([]string, len(widths))
		for i, w := range widths {
			parts[i] = strings.Repeat("─", w+2)
		}
		b.WriteString(left + strings.Join(parts, middle) + right + "\n")
	}
	row := func(cells []string) {
		wrapped, height := make([][]string, len(widths)), 1
		for i, cell := range cells {
			wrapped[i] = []string{cell}
			if ansi.StringWidth(cell) > widths[i] {
				wrapped[i] = fill(cell, "", "", widths[i])
			}
			height = max(height, len(wrapped[i]))
		}
		for y := range height {
			for i, lines := range wrapped {
				text := ""
				if y < len(lines) {
					text = lines[y]
				}
				b.WriteString("│ " + text + strings.Repeat(" ", max(widths[i]-ansi.StringWidth(text), 0)) + " ")
			}
			b.WriteString("│\n")
		}
	}
	rule("┌", "┬", "┐")
	row(t.header)
	rule("├", "┼", "┤")
	for _, cells := range t.rows {
		row(cells)
	}
	rule("└", "┴", "┘")
}

// list writes each row as lines with the name of the column and the cell.
func (t *Table) list(b *strings.Builder, width int) {
	names := 0
	for _, name := range t.header {
		names = max(names, ansi.StringWidth(name))
	}
	for i, row := range t.rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, cell := range row {
			line := strings.TrimRight(fmt.Sprintf("%-*s  %s", names, t.header[j], cell), " ")
			b.WriteString(strings.Join(Wrap(line, width), "\n") + "\n")
		}
	}
}
