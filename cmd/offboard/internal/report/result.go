// Package report describes the results of apply: as JSON, as text, and as an HTML page.
package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Result is the result of apply for one organization of a plan file.
type Result struct {
	Provider     string                `json:"provider"`
	Organization teardown.Organization `json:"organization"`
	Line         int                   `json:"line,omitempty"` // in the manifest, if the organization has no plan

	// State is why nothing was started; "" if the organization has a plan.
	State planfile.State `json:"state,omitempty"`

	// Outcome is "" if the teardown was not started.
	Outcome   teardown.Outcome `json:"outcome,omitempty"`
	PendingOn string           `json:"pending_on,omitempty"`

	Done      int              `json:"done"`
	Total     int              `json:"total"`
	Remaining []remainingStep  `json:"remaining,omitempty"`
	Problem   *problem.Problem `json:"problem,omitempty"`

	// Deletion is the evidence of an organization that an earlier run deleted, or whose deletion it
	// requested, by the journal; nil if the plan file has a plan.
	Deletion *planfile.Deletion `json:"deletion,omitempty"`

	err     error // also nil if the teardown was not started
	started bool
	Title   string `json:"-"` // the name of the organization, for people

	unplanned int              // the exit code of an organization without a plan
	Took      time.Duration    `json:"-"`
	Report    *teardown.Report `json:"-"` // nil if nothing was started, or if no report is written
}

// remainingStep is a step whose resource exists, or may exist.
type remainingStep struct {
	ID      string             `json:"id"`
	State   teardown.StepState `json:"state"`
	Removal string             `json:"removal"`
	Problem *problem.Problem   `json:"problem,omitempty"`
}

// NotStarted returns the result of an organization whose teardown was not started.
func NotStarted(p planfile.Planned) Result {
	r := Result{Provider: p.Entry.Provider, Organization: p.Subject(), Problem: p.Problem, Line: p.Line, Title: p.Title(), State: p.State(), Total: p.Total()}
	switch {
	case p.Deletion != nil:
		r.Outcome, r.Deletion = p.Deletion.Outcome, p.Deletion
		if r.Outcome == teardown.Pending {
			r.PendingOn = "by the journal, accepted " + p.Deletion.Time.UTC().Format(time.RFC3339)
		}
	case p.Plan == nil:
		r.unplanned = p.Exit()
	}
	return r
}

// ResultOf returns the result of a job of [teardown.RunJobs].
func ResultOf(p planfile.Planned, of teardown.JobResult) Result {
	r := NotStarted(p)
	r.err, r.Problem, r.Report = of.Err, problem.Of(of.Err), of.Report
	if of.Report == nil {
		r.Outcome = OutcomeOf("", of.Err)
		r.adviseUnwritten()
		return r
	}
	r.Took = of.Report.FinishedAt.Sub(of.Report.StartedAt)
	r.started, r.Outcome, r.PendingOn = true, of.Report.Outcome, of.Report.PendingOn
	failed := false
	for _, s := range of.Report.Remaining() {
		r.Remaining = append(r.Remaining, remainingStep{s.ID, s.State, s.Removal, problem.OfStep(s.Err)})
		failed = failed || s.Err != nil
	}
	if failed && r.Outcome != teardown.Unknown { // the error is that of the steps
		r.Problem = problem.OfStep(of.Err)
	} else {
		r.Problem = problem.OfOutcome(r.Outcome, of.Err)
	}
	r.Total = len(of.Report.Steps)
	r.Done = r.Total - len(r.Remaining)
	if r.Problem != nil && r.Outcome == teardown.Stopped {
		r.Problem.Advice = problem.AdviceStopped
	}
	if r.Problem != nil && errors.Is(of.Err, errors.PlanStale) {
		// The plan became stale after the first step.
		r.Problem.Advice = "The organization was not deleted. Deleted steps stay deleted. Plan again, and review the differences."
	}
	r.adviseUnwritten()
	return r
}

// unwritten returns the error of the entry of the journal that ended the run; nil if another reason
// ended it, or if the deletion was requested.
func (r Result) unwritten() error {
	if failed, ok := errors.AsType[*planfile.Unwritten](r.err); ok && (r.Outcome == teardown.Blocked || r.Outcome == teardown.Stopped) {
		return failed
	}
	return nil
}

// adviseUnwritten sets the advice if a journal that could not be written ended the run.
func (r Result) adviseUnwritten() {
	if failed := r.unwritten(); failed != nil {
		r.Problem.Advice = problem.AdviceUnwritten(failed)
	}
}

// unrecorded reports whether the organization is deleted or pending, and the last entry of the
// journal could not be written. The error changes neither the outcome nor the exit code.
func (r Result) unrecorded() bool {
	return r.err != nil && (r.Outcome == teardown.Deleted || r.Outcome == teardown.Pending)
}

// Text returns the result in a few words.
func (r Result) Text() string {
	switch {
	case r.Outcome == teardown.Pending && r.PendingOn != "":
		return "pending: " + printable.Text(r.PendingOn)
	case r.Outcome == teardown.Deleted, r.Outcome == teardown.Pending:
		return string(r.Outcome)
	case r.Outcome == "" && r.Problem != nil:
		return r.State.Text() + ": " + printable.Text(r.Problem.Text)
	case r.Outcome == "":
		return cmp.Or(r.State.Text(), "not started")
	case r.Outcome == teardown.Unknown:
		return "unknown: possibly deleted"
	case r.Outcome == teardown.NotFound:
		return "not_found: this run and its journal started no deletion"
	case r.unwritten() != nil && !r.started:
		return fmt.Sprintf("%s: this run changed nothing: cannot write the journal: %s", r.Outcome, safefile.Cause(r.unwritten()))
	case r.unwritten() != nil:
		return fmt.Sprintf("%s: cannot write the journal: %s; %d of %s deleted", r.Outcome, safefile.Cause(r.unwritten()), r.Done, format.Count(r.Total, "step"))
	case !r.started:
		return fmt.Sprintf("%s: nothing was changed: %s", r.Outcome, problem.Short(r.err))
	case errors.Is(r.err, errors.PlanStale):
		return fmt.Sprintf("%s: %d of %d steps deleted, and the organization no longer matches the plan", r.Outcome, r.Done, r.Total)
	}
	return string(r.Outcome) + ": " + r.reason()
}

// reason returns why the organization is not deleted: the number of remaining steps by
// state, or the error.
func (r Result) reason() string {
	states := map[teardown.StepState]int{}
	for _, s := range r.Remaining {
		states[s.State]++
	}
	var parts []string
	for _, state := range []teardown.StepState{teardown.StepFailed, teardown.StepManual, teardown.StepInterrupted, teardown.StepNotStarted} {
		if n := states[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, format.State(state)))
		}
	}
	if len(parts) == 0 {
		return problem.Short(r.err)
	}
	return strings.Join(parts, ", ")
}

// Code returns the exit code of one result.
func (r Result) Code() int {
	switch {
	case r.unwritten() != nil:
		return exitcode.Failed
	case r.Outcome == "" && r.State != "":
		return r.unplanned // the exit code of plan
	case r.Outcome == "", r.Outcome == teardown.Stopped:
		return exitcode.Stopped
	case r.Outcome == teardown.Deleted, r.Outcome == teardown.Pending:
		return exitcode.OK
	case r.Outcome == teardown.Unknown:
		return exitcode.Unknown
	case r.started && errors.Is(r.err, errors.PlanStale):
		return exitcode.Stale
	case r.started && r.Outcome == teardown.Blocked:
		return exitcode.Blocked
	}
	return exitcode.Of(r.err)
}

// OutcomeOf returns the outcome of a deletion that returned an error, or nil.
func OutcomeOf(provider string, err error) teardown.Outcome {
	switch {
	case err == nil && provider == providers.F5:
		return teardown.Pending
	case err == nil:
		return teardown.Deleted
	case errors.Is(err, errors.OutcomeUnknown):
		return teardown.Unknown
	case errors.Is(err, errors.OrganizationNotFound):
		return teardown.NotFound
	case errors.Is(err, errors.Canceled), errors.Is(err, errors.NotFinished):
		return teardown.Stopped
	}
	return teardown.Blocked
}
