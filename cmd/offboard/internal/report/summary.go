package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Next lists the commands that can help with organizations which are not deleted. apply and status
// use it, so that both advise the same.
type Next struct {
	Resume string // the command that applies the plan file again
	Plan   string // the command that plans again
	Fresh  bool   // nothing was applied yet

	resume, plan []string // names of the organizations that each command is for
	missing      []string // names of organizations that are not found, which no command helps
}

// Add adds an organization by its exit code and its state. No command can help with one that is
// denied, or that has a plan and is not found.
func (n *Next) Add(name string, code int, state planfile.State) {
	switch {
	case code == exitcode.OK, state == planfile.Denied:
	case state == "" && exitcode.Resumable(code):
		n.resume = append(n.resume, name)
	case state == "" && code == exitcode.NotFound:
		n.missing = append(n.missing, name)
	default:
		n.plan = append(n.plan, name)
	}
}

// AddStale adds an organization whose plan apply refuses.
func (n *Next) AddStale(name string) { n.plan = append(n.plan, name) }

// Any reports whether a command can help.
func (n *Next) Any() bool { return len(n.resume)+len(n.plan) > 0 }

// Resumes returns the command that resumes; "" if it cannot help.
func (n *Next) Resumes() string {
	if len(n.resume) == 0 {
		return ""
	}
	return n.Resume
}

// Show prints the command that can help. If there are two, it prints both in their order, with the
// organizations that each is for. It says what to do about organizations that are not found.
func (n *Next) Show(out io.Writer) {
	resume, plan := "To resume: "+n.Resume, "To plan again: "+n.Plan
	if n.Fresh {
		resume = "To apply: " + n.Resume
	}
	switch {
	case len(n.resume) > 0 && len(n.plan) > 0:
		fmt.Fprintf(out, "1. %s\n   %s\n2. %s\n   %s\n", some(n.resume), resume, some(n.plan), plan)
	case len(n.resume) > 0:
		fmt.Fprintln(out, resume)
	case len(n.plan) > 0:
		fmt.Fprintln(out, plan)
	}
	if len(n.missing) > 0 {
		fmt.Fprintf(out, "Not found: %s. Compare the ID, or use a credential that can see the organization.\n", some(n.missing))
	}
}

// some lists at most three names.
func some(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
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
	for _, of := range []struct {
		count int
		text  string
	}{{s.Denied, planfile.Denied.Text()}, {s.NotPlanned, planfile.NotPlanned.Text()}, {s.NotStarted - s.Denied - s.NotPlanned, "not started"}} {
		if of.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", of.count, of.text))
		}
	}
	return format.Count(len(results), "organization") + ": " + strings.Join(parts, ", ")
}

// MaxListed is the maximum number of steps that are listed for an organization. The report
// lists all.
const MaxListed = 10

// Explain shows why an organization is not deleted, and the advice.
func Explain(out io.Writer, r Result) {
	if r.State != "" && r.Problem != nil && r.Problem.Advice != "" {
		fmt.Fprintf(out, "%s %s: %s\n  %s\n", r.Provider, r.Title, r.State.Text(), r.Problem.Advice)
	}
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
	Denied        int                      `json:"denied,omitempty"`       // of NotStarted
	NotPlanned    int                      `json:"not_planned,omitempty"`  // of NotStarted
	NotSelected   int                      `json:"not_selected,omitempty"` // by --only; not counted in Organizations
	ExitCode      int                      `json:"exit_code"`

	// ResumeCommand is the command that resumes, as a shell takes it; "" if it cannot help.
	ResumeCommand string `json:"resume_command,omitempty"`

	// EndedBy lists the flags whose limits ended the run or a step. ResumeCommand omits them.
	EndedBy []string `json:"ended_by,omitempty"`

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
			switch r.State {
			case planfile.Denied:
				s.Denied++
			case planfile.NotPlanned:
				s.NotPlanned++
			}
			continue
		}
		s.Outcomes[r.Outcome]++
	}
	return s
}
