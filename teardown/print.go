package teardown

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

var errNoPlan = errors.New("teardown: the plan is nil")

// WriteTable writes the plan as a table: a line for each step, then what is lost.
func (p *Plan) WriteTable(w io.Writer) error {
	if p == nil {
		return errNoPlan
	}
	b := new(strings.Builder)
	fmt.Fprintln(b, p.title())
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	if len(p.Steps) > 0 {
		fmt.Fprintln(table, "STEP\tNAME\tWHY\tREMOVAL\tAFTER")
	}
	for _, s := range p.Steps {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", printable.Text(s.ID), printable.Text(s.Name), printable.Text(s.Why), s.removal(), printable.Text(strings.Join(s.After, ", ")))
	}
	_ = table.Flush() // to a strings.Builder
	for _, l := range p.Cascades {
		fmt.Fprintln(b, l.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteTree writes the plan as a tree: the organization, the kinds of what has to
// go, and each thing.
func (p *Plan) WriteTree(w io.Writer) error {
	if p == nil {
		return errNoPlan
	}
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
	for _, l := range p.Cascades {
		add("deleted along with it", l.String())
	}
	b := new(strings.Builder)
	fmt.Fprintln(b, p.title())
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
	_, err := io.WriteString(w, b.String())
	return err
}

// title names the organization and says what stands in the way.
func (p *Plan) title() string {
	verdict := "no blockers"
	switch manual := len(p.Manual()); {
	case manual > 0:
		verdict = fmt.Sprintf("%s, %d manual", counted(len(p.Steps)), manual)
	case len(p.Steps) > 0:
		verdict = counted(len(p.Steps))
	case p.DeletionError != nil:
		verdict = string(p.DeletionError.Code)
	}
	line := fmt.Sprintf("%s: %s (%s): %s", printable.Text(p.Provider), printable.Text(p.Organization.Name), printable.Text(p.Organization.ID), verdict)
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

// quantity is a number of things of a kind, whose name may be singular or plural.
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

// String returns the loss in one printable line.
func (l Cascade) String() string {
	line := printable.Text(quantity(l.Count, l.Kind))
	if l.Count == 0 { // it was not counted, and the note says why
		line = printable.Text(l.Kind)
	}
	if len(l.Names) > 0 {
		line += ": " + printable.Text(strings.Join(l.Names, ", "))
		if len(l.Names) < l.Count {
			line += ", …"
		}
	}
	if l.Note != "" {
		line += " (" + printable.Text(l.Note) + ")"
	}
	return line
}
