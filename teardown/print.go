package teardown

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// Errors of [Plan.WriteTable] and [Plan.WriteTree].
var (
	errNoPlan   = errors.New("teardown: the plan is nil")
	errNoWriter = errors.New("teardown: the writer of the plan is nil")
)

// write writes a text about the plan.
func (p *Plan) write(w io.Writer, text func(*strings.Builder)) error {
	switch {
	case p == nil:
		return errNoPlan
	case nilness.IsNil(w):
		return errNoWriter
	}
	b := new(strings.Builder)
	fmt.Fprintln(b, p.title())
	text(b)
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteTable writes the plan as a table for people: a line for each step, followed by a line
// for each cascade. The format is not stable. Characters that do not print are replaced. The
// error is that of w; a nil plan or writer is an error, too.
func (p *Plan) WriteTable(w io.Writer) error {
	return p.write(w, p.table)
}

func (p *Plan) table(b *strings.Builder) {
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	if len(p.Steps) > 0 {
		fmt.Fprintln(table, "STEP\tNAME\tWHY\tREMOVAL\tAFTER")
	}
	for _, s := range p.Steps {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", printable.Text(s.ID), printable.Text(s.Name), printable.Text(s.Why), s.removal(), printable.Text(strings.Join(s.After, ", ")))
	}
	_ = table.Flush() // to a strings.Builder
	for _, c := range p.Cascades {
		fmt.Fprintln(b, c.String())
	}
}

// WriteTree writes the plan as a tree for people: the organization, the kinds of resources,
// and each resource. The format is not stable. Characters that do not print are replaced. The
// error is that of w; a nil plan or writer is an error, too.
func (p *Plan) WriteTree(w io.Writer) error {
	return p.write(w, p.tree)
}

func (p *Plan) tree(b *strings.Builder) {
	type kind struct {
		name  string
		lines []string
	}
	var kinds []kind
	add := func(name, line string) {
		for i := range kinds {
			if kinds[i].name == name {
				kinds[i].lines = append(kinds[i].lines, line)
				return
			}
		}
		kinds = append(kinds, kind{name, []string{line}})
	}
	for _, s := range p.Steps {
		add(printable.Text(s.Kind), fmt.Sprintf("%s (%s): %s", printable.Text(s.Name), printable.Text(s.ID), s.removal()))
	}
	for _, c := range p.Cascades {
		add("deleted along with it", c.String())
	}
	for i, k := range kinds {
		branch, stem := "├─ ", "│  "
		if i == len(kinds)-1 {
			branch, stem = "└─ ", "   "
		}
		fmt.Fprintf(b, "%s%s\n", branch, k.name)
		for j, line := range k.lines {
			leaf := "├─ "
			if j == len(k.lines)-1 {
				leaf = "└─ "
			}
			fmt.Fprintf(b, "%s%s%s\n", stem, leaf, line)
		}
	}
}

// title names the organization and counts its blockers.
func (p *Plan) title() string {
	blockers := "no blockers"
	switch manual := len(p.Manual()); {
	case manual > 0:
		blockers = fmt.Sprintf("%s, %d manual", counted(len(p.Steps)), manual)
	case len(p.Steps) > 0:
		blockers = counted(len(p.Steps))
	case p.DeletionError != nil:
		blockers = string(p.DeletionError.Code)
	}
	line := fmt.Sprintf("%s: %s (%s): %s", printable.Text(p.Provider), printable.Text(p.Organization.Name), printable.Text(p.Organization.ID), blockers)
	if needed := p.Overrides(); len(needed) > 0 {
		line += "; requires: " + printable.Text(joined(needed))
	}
	return line
}

func counted(steps int) string {
	if steps == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", steps)
}

func (s Step) removal() string {
	text := printable.Text(s.Removal)
	if s.Manual {
		text = "manual: " + text
	}
	if len(s.Requires) > 0 {
		text += " [" + printable.Text(joined(s.Requires)) + "]"
	}
	return text
}

// quantity returns a number of items of a kind, whose name may be singular or plural.
func quantity(n int, kind string) string {
	head, rest := kind, ""
	for _, link := range []string{"_of_", "_by_", "_elsewhere"} { // users_of_other_organizations
		if i := strings.Index(head, link); i > 0 {
			head, rest = head[:i], head[i:]+rest
		}
	}
	switch {
	case head == "metadata":
	case n == 1 && strings.HasSuffix(head, "ies"):
		head = strings.TrimSuffix(head, "ies") + "y"
	case n == 1:
		head = strings.TrimSuffix(head, "s")
	case strings.HasSuffix(head, "s"):
	case strings.HasSuffix(head, "y"):
		head = strings.TrimSuffix(head, "y") + "ies"
	default:
		head += "s"
	}
	return fmt.Sprintf("%d %s%s", n, head, rest)
}

// String returns the cascade as one printable line.
func (c Cascade) String() string {
	line := printable.Text(quantity(c.Count, c.Kind))
	if c.Count == 0 { // not counted; the note states the reason
		line = printable.Text(c.Kind)
	}
	if len(c.Names) > 0 {
		line += ": " + printable.Text(strings.Join(c.Names, ", "))
		if len(c.Names) < c.Count {
			line += ", …"
		}
	}
	if c.Note != "" {
		line += " (" + printable.Text(c.Note) + ")"
	}
	return line
}
