package report

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The advice must not claim that nothing was changed if a plan becomes stale after the first
// step. Applying the same plan cannot help.
func TestResult_StaleAfterSteps(t *testing.T) {
	t.Parallel()
	plan := &teardown.Plan{Organization: teardown.Organization{ID: "org_x", Name: "X"}, Steps: []teardown.Step{{ID: "disk/a"}, {ID: "disk/b"}}}
	stale := &errors.Error{Operation: "Teardown", Code: errors.PlanStale}
	late := ResultOf(planfile.Planned{Plan: plan}, teardown.JobResult{Plan: plan, Err: stale, Report: &teardown.Report{
		Organization: plan.Organization, Outcome: teardown.Blocked, Err: stale,
		Steps: []teardown.StepReport{{Step: plan.Steps[0], State: teardown.StepDeleted}, {Step: plan.Steps[1], State: teardown.StepDeleted}},
	}})
	if text := late.Text(); strings.Contains(text, "nothing was changed") || !strings.Contains(text, "2 of 2 steps") {
		t.Errorf("late: got %q", text)
	}
	if strings.Contains(late.Problem.Advice, "Nothing was changed") || late.Code() != exitcode.Stale {
		t.Errorf("late: got advice %q and code %d", late.Problem.Advice, late.Code())
	}
	first := ResultOf(planfile.Planned{Plan: plan}, teardown.JobResult{Plan: plan, Err: stale})
	if !strings.Contains(first.Text(), "blocked: nothing was changed: plan_stale") || !strings.Contains(first.Problem.Advice, "Nothing was changed") || first.Code() != exitcode.Stale {
		t.Errorf("at the start: got %q, advice %q and code %d", first.Text(), first.Problem.Advice, first.Code())
	}
}

func TestResultOf_Outcome(t *testing.T) {
	t.Parallel()
	plan := &teardown.Plan{Organization: teardown.Organization{ID: "org_x", Name: "X"}, Steps: []teardown.Step{{ID: "disk/a"}}}
	canceled := &errors.Error{Operation: "Teardown", Code: errors.Canceled}
	stopped := &errors.Error{Operation: "Teardown", Code: errors.NotFinished}
	timeout := &errors.Error{Operation: "DeleteDisk", Code: errors.NotFinished}
	report := func(outcome teardown.Outcome, state teardown.StepState, err error) *teardown.Report {
		return &teardown.Report{Organization: plan.Organization, Outcome: outcome, Err: err, Steps: []teardown.StepReport{{Step: plan.Steps[0], State: state}}}
	}
	for name, test := range map[string]struct {
		report  *teardown.Report
		err     error
		outcome teardown.Outcome
		code    int
		text    string
	}{
		"canceled before the first step": {nil, canceled, teardown.Stopped, exitcode.Stopped, "stopped: nothing was changed: canceled"},
		"refused before the first step":  {nil, &errors.Error{Code: errors.NotConfirmed}, teardown.Blocked, exitcode.NotConfirmed, "blocked: nothing was changed: not_confirmed"},
		"stopped":                        {report(teardown.Stopped, teardown.StepInterrupted, stopped), stopped, teardown.Stopped, exitcode.Stopped, "stopped: 1 interrupted"},
		// The step failed by its own timeout: nothing stopped the teardown.
		"step timeout": {report(teardown.Blocked, teardown.StepFailed, timeout), timeout, teardown.Blocked, exitcode.Blocked, "blocked: 1 failed"},
	} {
		r := ResultOf(planfile.Planned{Plan: plan}, teardown.JobResult{Plan: plan, Report: test.report, Err: test.err})
		if r.Outcome != test.outcome || r.Code() != test.code || r.Text() != test.text {
			t.Errorf("%s: got %q, exit code %d and %q", name, r.Outcome, r.Code(), r.Text())
		}
		if want := test.outcome == teardown.Stopped; (r.Problem.Advice == problem.AdviceStopped) != want {
			t.Errorf("%s: got the advice %q", name, r.Problem.Advice)
		}
	}
}

// A step with an unknown outcome does not make the outcome of the organization unknown.
func TestResultOf_StepError(t *testing.T) {
	t.Parallel()
	plan := &teardown.Plan{Organization: teardown.Organization{ID: "org_x", Name: "X"}, Steps: []teardown.Step{{ID: "disk/a"}}}
	for _, code := range []errors.Code{errors.OutcomeUnknown, errors.NotConfirmed, errors.PlanStale} {
		for _, outcome := range []teardown.Outcome{teardown.Blocked, teardown.Stopped} {
			err := &errors.Error{Operation: "DeleteDisk", Code: code}
			r := ResultOf(planfile.Planned{Plan: plan}, teardown.JobResult{Plan: plan, Err: err, Report: &teardown.Report{
				Organization: plan.Organization, Outcome: outcome, Err: err,
				Steps: []teardown.StepReport{{Step: plan.Steps[0], State: teardown.StepFailed, Err: err}},
			}})
			for of, p := range map[string]*problem.Problem{"organization": r.Problem, "step": r.Remaining[0].Problem} {
				if strings.Contains(p.Advice, "organization is possibly deleted") || strings.Contains(p.Advice, "Nothing was changed") {
					t.Errorf("%s, %s, %s: got the advice %q", code, outcome, of, p.Advice)
				}
			}
		}
	}
	// The organization itself.
	err := &errors.Error{Operation: "DeleteOrganization", Code: errors.OutcomeUnknown}
	r := ResultOf(planfile.Planned{Plan: plan}, teardown.JobResult{Plan: plan, Err: err, Report: &teardown.Report{
		Organization: plan.Organization, Outcome: teardown.Unknown, Err: err,
		Steps: []teardown.StepReport{{Step: plan.Steps[0], State: teardown.StepFailed, Err: err}},
	}})
	if !strings.Contains(r.Problem.Advice, "organization is possibly deleted") {
		t.Errorf("got the advice %q", r.Problem.Advice)
	}
}

func TestOutcomeOf_Error(t *testing.T) {
	t.Parallel()
	for code, want := range map[errors.Code]teardown.Outcome{
		errors.OutcomeUnknown: teardown.Unknown, errors.OrganizationNotFound: teardown.NotFound, errors.Canceled: teardown.Stopped,
		errors.NotFinished: teardown.Stopped, errors.PermissionDenied: teardown.Blocked,
	} {
		if got := OutcomeOf("atlas", &errors.Error{Code: code}); got != want {
			t.Errorf("%s: got %q, want %q", code, got, want)
		}
	}
	if got := OutcomeOf("atlas", nil); got != teardown.Deleted {
		t.Errorf("got %q", got)
	}
	if got := OutcomeOf(providers.F5, nil); got != teardown.Pending {
		t.Errorf("got %q", got)
	}
}

// Two commands are ordered, with the organizations of each. No command helps with a denied one.
func TestNext_Order(t *testing.T) {
	t.Parallel()
	n := Next{Resume: "offboard apply p.json", Plan: "offboard plan MANIFEST -o p.json"}
	for _, name := range []string{"A", "B", "C", "D"} {
		n.Add(name, exitcode.Stopped, "")
	}
	n.Add("E", exitcode.NotConfirmed, planfile.Denied)
	n.Add("F", exitcode.Failed, planfile.NotPlanned)
	const want = "1. A, B, C and 1 more\n   To resume: offboard apply p.json\n2. F\n   To plan again: offboard plan MANIFEST -o p.json\n"
	var out strings.Builder
	if n.Show(&out); out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestNext_Commands(t *testing.T) {
	t.Parallel()
	const resume, plan = "To resume: offboard apply p.json\n", "To plan again: offboard plan MANIFEST -o p.json\n"
	for code, want := range map[int]string{
		exitcode.OK: "", exitcode.Stopped: resume, exitcode.Blocked: resume, exitcode.Failed: resume, exitcode.Unknown: resume,
		exitcode.Stale: plan, exitcode.NotConfirmed: plan, exitcode.Usage: plan,
		exitcode.NotFound: "Not found: Acme. Compare the ID, or use a credential that can see the organization.\n",
	} {
		n := Next{Resume: "offboard apply p.json", Plan: "offboard plan MANIFEST -o p.json"}
		n.Add("Acme", code, "")
		var out strings.Builder
		n.Show(&out)
		if out.String() != want || n.Any() != (want == resume || want == plan) || (n.Resumes() != "") != (want == resume) {
			t.Errorf("%d: got %q, want %q", code, out.String(), want)
		}
	}
}
