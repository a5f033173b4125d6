package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Next lists the commands that can help with organizations which are not deleted.
type Next struct {
	Resume string // the command that applies the plan file again
	Plan   string // the command that plans again
	Fresh  bool   // nothing was applied yet

	resume, plan bool
}

// Add adds an organization by its exit code.
func (n *Next) Add(code int) {
	switch {
	case code == exitcode.OK:
	case exitcode.Resumable(code):
		n.resume = true
	default:
		n.plan = true
	}
}

// AddStale adds an organization whose plan apply refuses.
func (n *Next) AddStale() { n.plan = true }

// Any reports whether a command can help.
func (n *Next) Any() bool { return n.resume || n.plan }

// Resumes returns the command that resumes; "" if it cannot help.
func (n *Next) Resumes() string {
	if !n.resume {
		return ""
	}
	return n.Resume
}

// Show prints the commands that can help.
func (n *Next) Show(out io.Writer) {
	if n.resume {
		verb := "resume"
		if n.Fresh {
			verb = "apply"
		}
		fmt.Fprintf(out, "To %s: %s\n", verb, n.Resume)
	}
	if n.plan {
		fmt.Fprintf(out, "To plan again: %s\n", n.Plan)
	}
}

// MaxShown is the maximum number of organizations that the summary shows. The report shows
// all.
const MaxShown = 20

// Show shows the results of a run: a table, the number of organizations by outcome, and why
// organizations are not deleted. Of more than [MaxShown] organizations, it shows only those
// that need attention, at most MaxShown, the most severe ones first.
func Show(out io.Writer, results []Result) {
	attention := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Code() == exitcode.OK })
	slices.SortStableFunc(attention, func(a, b Result) int { return exitcode.Compare(b.Code(), a.Code()) })
	shown, listed := attention, results
	if len(attention) > MaxShown {
		shown = attention[:MaxShown]
	}
	if len(results) > MaxShown {
		listed = shown
	}
	if len(listed) > 0 {
		t := layout.NewTable("provider", "organization", "steps", "result")
		for _, r := range listed {
			t.Add(r.Provider, r.Title, fmt.Sprintf("%d/%d", r.Done, r.Total), r.Text())
		}
		t.Write(out)
	}
	for _, r := range shown {
		Explain(out, r)
	}
	if n := len(attention) - len(shown); n > 0 {
		fmt.Fprintf(out, "… and %d more not deleted\n", n)
	}
	if lost := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return !r.unrecorded() }); len(lost) > 0 {
		fmt.Fprintf(out, "The journal lacks the last entry of %s whose outcome is certain: %s\n", format.Count(len(lost), "organization"), problem.Short(lost[0].err))
	}
	fmt.Fprintln(out, Counts(results))
}

// Counts returns the number of organizations, in total and by outcome.
func Counts(results []Result) string {
	s := Summarize(results, 0)
	var parts []string
	for _, o := range []teardown.Outcome{
		teardown.Deleted, teardown.Pending, teardown.Stopped, teardown.Blocked, teardown.Unknown, teardown.NotFound,
	} {
		if n := s.Outcomes[o]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	if s.NotStarted > 0 {
		parts = append(parts, fmt.Sprintf("%d not started", s.NotStarted))
	}
	return format.Count(len(results), "organization") + ": " + strings.Join(parts, ", ")
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
	Version       int                      `json:"version"`
	Organizations int                      `json:"organizations"`
	Outcomes      map[teardown.Outcome]int `json:"outcomes"`
	NotStarted    int                      `json:"not_started,omitempty"`
	ExitCode      int                      `json:"exit_code"`

	// ResumeCommand is the command that resumes, as a shell takes it; "" if it cannot help.
	ResumeCommand string `json:"resume_command,omitempty"`

	// Unmatched lists the entries of allow and deny that match no organization.
	Unmatched []string `json:"unmatched,omitempty"`

	// ReportProblem is why the report was not written.
	ReportProblem *problem.Problem `json:"report_problem,omitempty"`
}

func Summarize(results []Result, code int) summary {
	s := summary{Type: "summary", Version: schema.Version, Organizations: len(results), Outcomes: map[teardown.Outcome]int{}, ExitCode: code}
	for _, r := range results {
		if r.Outcome == "" {
			s.NotStarted++
			continue
		}
		s.Outcomes[r.Outcome]++
	}
	return s
}
