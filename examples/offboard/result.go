package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// result is what became of an organization of a plan file.
type result struct {
	Provider     string                `json:"provider"`
	Organization teardown.Organization `json:"organization"`
	Line         int                   `json:"line,omitempty"` // of the manifest, for what has no plan

	// Outcome is "" for what was not begun.
	Outcome   teardown.Outcome `json:"outcome,omitempty"`
	PendingOn string           `json:"decides,omitempty"`

	Done      int             `json:"done"`
	Total     int             `json:"total"`
	Remaining []remainingStep `json:"left,omitempty"`
	Problem   *problem        `json:"problem,omitempty"`
	err       error           // nil for what was not begun as well
	started   bool
	title     string // how people call it

	unplanned int // the exit code of what has no plan
	took      time.Duration
	report    *teardown.Report // nil when nothing was begun, or when nobody wants it any more
}

// remainingStep is a step that is not gone.
type remainingStep struct {
	ID      string             `json:"id"`
	State   teardown.StepState `json:"state"`
	Removal string             `json:"removal"`
	Problem *problem           `json:"problem,omitempty"`
}

// notStarted is the verdict of what nothing was done for.
func notStarted(p planned) result {
	v := result{Provider: p.Entry.Provider, Organization: p.subject(), Problem: p.Problem, Line: p.Line, title: p.title()}
	if p.Plan != nil {
		v.Total = len(p.Plan.Steps)
	} else {
		v.unplanned = p.code()
	}
	return v
}

// resultOf is what became of what was begun, or refused.
func resultOf(p planned, r teardown.JobResult) result {
	v := notStarted(p)
	v.err, v.Problem, v.report = r.Err, problemOf(r.Err), r.Report
	if r.Report == nil {
		v.Outcome = teardown.Blocked
		return v
	}
	v.took = r.Report.FinishedAt.Sub(r.Report.StartedAt)
	v.started, v.Outcome, v.PendingOn = true, r.Report.Outcome, r.Report.PendingOn
	for _, s := range r.Report.Remaining() {
		v.Remaining = append(v.Remaining, remainingStep{s.ID, s.State, s.Removal, problemOf(s.Err)})
	}
	v.Total = len(r.Report.Steps)
	v.Done = v.Total - len(v.Remaining)
	if v.Problem != nil && errors.Is(r.Err, errors.PlanStale) {
		// It became stale after steps were done.
		v.Problem.Advice = "The steps that are done are permanent; the organization was not deleted. Plan again, and review what differs."
	}
	return v
}

// what is the verdict in a few words.
func (v result) text() string {
	switch {
	case v.Outcome == teardown.Pending && v.PendingOn != "":
		return "pending: " + printable.Text(v.PendingOn)
	case v.Outcome == teardown.Deleted, v.Outcome == teardown.Pending:
		return string(v.Outcome)
	case v.Outcome == "" && v.Problem != nil:
		return "not planned: " + printable.Text(v.Problem.Text)
	case v.Outcome == "":
		return "not begun"
	case !v.started && errors.Is(v.err, errors.PlanStale):
		return "untouched: the plan is no longer the truth"
	case !v.started:
		return "untouched: " + short(v.err)
	case errors.Is(v.err, errors.PlanStale):
		return fmt.Sprintf("blocked: %d of %d steps are done, and the organization no longer matches the plan", v.Done, v.Total)
	case errors.Is(v.err, errors.Canceled):
		return "stopped"
	case v.Outcome == teardown.Unknown:
		return "unknown: it may be deleted or not"
	case v.Outcome == teardown.NotFound:
		return "not found: this run and its journal deleted nothing"
	}
	return string(v.Outcome) + ": " + v.reason()
}

// reason is what keeps an organization from going.
func (v result) reason() string {
	states := map[teardown.StepState]int{}
	for _, l := range v.Remaining {
		states[l.State]++
	}
	var parts []string
	for _, s := range []struct {
		state teardown.StepState
		text  string
	}{
		{teardown.StepFailed, "failed"}, {teardown.StepManual, "by hand"},
		{teardown.StepInterrupted, "interrupted"}, {teardown.StepNotStarted, "untouched"},
	} {
		if n := states[s.state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.text))
		}
	}
	if len(parts) == 0 {
		return short(v.err)
	}
	return strings.Join(parts, ", ")
}

// short is an error in a few words.
func short(err error) string {
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return ""
	case !ok:
		return printable.Text(err.Error())
	case e.Status == 0 && e.Err != nil:
		return printable.Text(fmt.Sprintf("%v: %v", e.Code, e.Err))
	}
	return printable.Text(reason(e))
}

// code is the exit code of one verdict.
func (v result) code() int {
	switch {
	case v.Outcome == "" && v.Problem != nil:
		return v.unplanned // as plan had it
	case v.Outcome == "":
		return exitStopped
	case v.Outcome == teardown.Unknown:
		return exitUnknown
	case errors.Is(v.err, errors.Canceled), errors.Is(v.err, errors.NotFinished):
		return exitStopped
	case v.started && errors.Is(v.err, errors.PlanStale):
		return exitStale // the same plan cannot be resumed
	case v.started && v.Outcome == teardown.Blocked:
		return exitBlocked
	}
	return exitCode(v.err)
}

// severity orders exit codes: of several the one that asks for most attention is
// that of all.
var severity = []int{exitOK, exitStopped, exitBlocked, exitNotConfirmed, exitStale, exitUsage, exitNotFound, exitFailed, exitUnknown}

// worst is the exit code of several.
func worst(codes []int) int {
	return slices.MaxFunc(append([]int{exitOK}, codes...), func(a, b int) int {
		return cmp.Compare(slices.Index(severity, a), slices.Index(severity, b))
	})
}
