package format

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Label is the name of a step. ID is set if other steps of the kind have the same name, such as
// those of two projects; it may contain the ID of the parent. Its texts print.
type Label struct{ Name, ID string }

// Labels returns the labels of the steps of a plan, in their order.
func Labels(steps []teardown.Step) []Label {
	type key struct{ kind, name string }
	used := map[key]int{}
	for _, s := range steps {
		used[key{s.Kind, s.Name}]++
	}
	labels := make([]Label, len(steps))
	for i, s := range steps {
		labels[i].Name = printable.Text(s.Name)
		if used[key{s.Kind, s.Name}] > 1 {
			labels[i].ID = printable.Text(strings.TrimPrefix(s.ID, s.Kind+"/"))
		}
	}
	return labels
}

// String returns the name, followed by the ID in parentheses.
func (l Label) String() string {
	if l.ID == "" {
		return l.Name
	}
	return strings.TrimSpace(l.Name + " (" + l.ID + ")")
}

// Fit returns the label in at most width cells. It cuts the name before the ID. It omits the ID of the
// parent, or cuts the ID at its start, because IDs of one parent differ at their ends.
func (l Label) Fit(width int) string {
	text := l.String()
	if l.ID == "" || ansi.StringWidth(text) <= width {
		return ansi.Truncate(text, width, "…")
	}
	id := "(" + l.ID + ")"
	const least = 2 // of the name, and a space
	room := max(width-least-1, 0)
	own := l.ID[strings.LastIndex(l.ID, "/")+1:]
	if excess := ansi.StringWidth(id) - room; excess > 0 && own != l.Name && ansi.StringWidth(own)+2 <= room {
		id = "(" + own + ")"
	} else if excess > 0 {
		id = "(" + ansi.TruncateLeft(l.ID, excess+1, "…") + ")"
	}
	name := ansi.Truncate(l.Name, max(width-ansi.StringWidth(id)-1, 0), "…")
	return ansi.Truncate(strings.TrimSpace(name+" "+id), width, "…")
}
