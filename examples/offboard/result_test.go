package main

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// A plan that becomes stale after steps were done is no reason to say that nothing was
// changed, and the same plan cannot be resumed.
func TestResult_StaleAfterSteps(t *testing.T) {
	t.Parallel()
	plan := &teardown.Plan{Organization: teardown.Organization{ID: "org_x", Name: "X"}, Steps: []teardown.Step{{ID: "disk/a"}, {ID: "disk/b"}}}
	stale := &errors.Error{Operation: "Teardown", Code: errors.PlanStale}
	late := resultOf(planned{Plan: plan}, teardown.JobResult{Plan: plan, Err: stale, Report: &teardown.Report{
		Organization: plan.Organization, Outcome: teardown.Blocked, Err: stale,
		Steps: []teardown.StepReport{{Step: plan.Steps[0], State: teardown.StepDeleted}, {Step: plan.Steps[1], State: teardown.StepDeleted}},
	}})
	if text := late.text(); strings.Contains(text, "untouched") || !strings.Contains(text, "2 of 2 steps") {
		t.Errorf("late: got %q", text)
	}
	if strings.Contains(late.Problem.Advice, "Nothing was changed") || late.code() != exitStale {
		t.Errorf("late: got advice %q and code %d", late.Problem.Advice, late.code())
	}
	first := resultOf(planned{Plan: plan}, teardown.JobResult{Plan: plan, Err: stale})
	if !strings.Contains(first.text(), "untouched") || !strings.Contains(first.Problem.Advice, "Nothing was changed") || first.code() != exitStale {
		t.Errorf("at the start: got %q, advice %q and code %d", first.text(), first.Problem.Advice, first.code())
	}
}
