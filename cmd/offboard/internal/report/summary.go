package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Next lists the commands that can help with organizations which are not deleted.
type Next struct{ Resume, Plan bool }

// Add adds an organization by its exit code.
func (n *Next) Add(code int) {
	switch {
	case code == exitcode.OK:
	case exitcode.Resumable(code):
		n.Resume = true
	default:
		n.Plan = true
	}
}

// Show prints the commands. again is the command that resumes.
func (n *Next) Show(out io.Writer, again string) {
	if n.Resume {
		fmt.Fprintf(out, "To resume: %s\n", again)
	}
	if n.Plan {
		fmt.Fprintf(out, "To plan again: %s\n", strings.Replace(again, "offboard apply", "offboard plan MANIFEST -o", 1))
	}
}

// MaxListed is the maximum number of steps that are listed for an organization. The report
// lists all.
const MaxListed = 10

// Explain shows why an organization is not deleted, and the advice.
func Explain(out io.Writer, r Result) {
	if r.err == nil {
		return
	}
	fmt.Fprintf(out, "%s %s: %s\n", r.Provider, r.Title, r.Text())
	for i, l := range r.Remaining {
		if i == MaxListed {
			fmt.Fprintf(out, "  … and %d more\n", len(r.Remaining)-MaxListed)
			break
		}
		why := format.State(l.State)
		if l.Problem != nil {
			why = printable.Text(l.Problem.Text)
		} else if l.State == teardown.StepManual {
			why = "manual step required: " + printable.Text(l.Removal)
		}
		fmt.Fprintf(out, "  - %s: %s\n", printable.Text(l.ID), why)
	}
	e, ok := errors.AsType[*errors.Error](r.err)
	if !ok {
		return
	}
	if len(r.Remaining) == 0 {
		for i, step := range e.Steps {
			if i == MaxListed {
				break
			}
			fmt.Fprintf(out, "  - %s\n", problem.Describe(step))
		}
	}
	if e.Message != "" {
		fmt.Fprintf(out, "  provider message: %s\n", printable.Text(e.Message))
	}
	if r.Problem != nil && r.Problem.Advice != "" && r.Outcome != teardown.Stopped {
		fmt.Fprintf(out, "  %s\n", r.Problem.Advice)
	}
}

// summary is the last line of the JSON output.
type summary struct {
	Type          string                   `json:"type"`
	Organizations int                      `json:"organizations"`
	Outcomes      map[teardown.Outcome]int `json:"outcomes"`
	NotStarted    int                      `json:"not_started,omitempty"`
	ExitCode      int                      `json:"exit_code"`

	// Unmatched lists the entries of allow and deny that match no organization.
	Unmatched []string `json:"unmatched,omitempty"`

	// ReportProblem is why the report was not written.
	ReportProblem *problem.Problem `json:"report_problem,omitempty"`
}

func Summarize(results []Result, code int) summary {
	s := summary{Type: "summary", Organizations: len(results), Outcomes: map[teardown.Outcome]int{}, ExitCode: code}
	for _, r := range results {
		if r.Outcome == "" {
			s.NotStarted++
			continue
		}
		s.Outcomes[r.Outcome]++
	}
	return s
}
