package report

import (
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// started is when the run of a report started.
var started = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestReport_HostileNames(t *testing.T) {
	t.Parallel()
	const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\u202E\u0000</style>"
	s := scripted.Hosting()
	s.Organization = teardown.Organization{ID: hostile, Name: hostile}
	s.Provider = hostile
	for i := range s.Steps {
		step := &s.Steps[i]
		step.Kind, step.Name, step.Why, step.Removal = hostile, hostile, hostile, hostile
	}
	s.Cascades = []teardown.Cascade{{Kind: hostile, Count: 2, Names: []string{hostile}, Note: hostile}}
	s.DeletionError = &errors.Error{Operation: hostile, Code: hostile, ProviderCode: hostile, Status: 409, Message: hostile, RequestID: hostile}
	p := scripted.Planned(t, s)
	failure := &errors.Error{Provider: hostile, Operation: hostile, Target: hostile, Code: hostile, ProviderCode: hostile, Status: 400, Message: hostile, RequestID: hostile}
	report := &teardown.Report{Provider: hostile, Organization: s.Organization, Outcome: teardown.Pending, PendingOn: hostile}
	for _, step := range p.Plan.Steps {
		report.Steps = append(report.Steps, teardown.StepReport{Step: step, State: teardown.StepFailed, Err: failure, RequestID: hostile})
	}
	v := ResultOf(p, teardown.JobResult{Plan: p.Plan, Report: report, Err: failure})
	page, err := render(&planfile.File{Organizations: []planfile.Planned{p, p}}, []Result{v, NotStarted(p)}, planfile.Index{}, started, started.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "\x1b", "\u202E", "\u0000", "onerror=alert(1)>"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("%q is in the report", bad)
		}
	}
	if n := strings.Count(string(page), "</style>"); n != 1 {
		t.Errorf("got %d ends of the style", n)
	}
	if !strings.Contains(string(page), "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the names are missing")
	}
}

func TestReport_SelfContained(t *testing.T) {
	t.Parallel()
	page, err := render(&planfile.File{}, nil, planfile.Index{}, started, started.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, outside := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "<script"} {
		if strings.Contains(string(page), outside) {
			t.Errorf("%q is in the report", outside)
		}
	}
}
