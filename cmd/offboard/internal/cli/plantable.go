package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// writePlanTable writes a plan as a table of its steps that fits the terminal, and a list of
// what is deleted along with the organization.
func writePlanTable(out io.Writer, p *teardown.Plan) error {
	var whole strings.Builder
	if err := p.WriteTable(&whole); err != nil {
		return err
	}
	title, _, _ := strings.Cut(whole.String(), "\n")
	fmt.Fprintln(out, title)
	if len(p.Steps) > 0 {
		t := layout.NewTable("step", "name", "why", "removal", "after")
		for _, s := range p.Steps {
			removal := s.Removal
			if s.Manual {
				removal = "manual: " + removal
			}
			if len(s.Requires) > 0 {
				removal += " [" + format.List(s.Requires) + "]"
			}
			t.Add(printable.Text(s.ID), printable.Text(s.Name), printable.Text(s.Why), printable.Text(removal), printable.Text(strings.Join(s.After, ", ")))
		}
		t.Write(out)
	}
	if len(p.Cascades) > 0 {
		fmt.Fprintln(out, "Deleted along with the organization:")
	}
	for _, c := range p.Cascades {
		fmt.Fprintf(out, "  %s\n", c)
	}
	return nil
}
