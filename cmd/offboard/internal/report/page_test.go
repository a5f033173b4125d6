package report

import (
	"encoding/json"
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
	page, err := render(&planfile.File{Organizations: []planfile.Planned{p, p}}, []Result{v, NotStarted(p)}, planfile.Index{}, nil, started, started.Add(time.Minute))
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
	page, err := render(&planfile.File{}, nil, planfile.Index{}, nil, started, started.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, outside := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "<script"} {
		if strings.Contains(string(page), outside) {
			t.Errorf("%q is in the report", outside)
		}
	}
}

// The report states all that the provider said for each step that failed, and that it said
// nothing otherwise.
func TestReport_EachFailedStep(t *testing.T) {
	t.Parallel()
	p := scripted.Planned(t, scripted.Hosting())
	first := &errors.Error{
		Provider: "katapult", Operation: "DeleteDisk", Target: "disk_1", Code: errors.PermissionDenied, Status: 403, ProviderCode: "scope_not_granted",
		Message: "Ask <the> owner\nof it", RequestID: "req-1", RetryAfter: 90 * time.Second, Attempts: 4,
		Steps: []errors.Step{{Name: "scope", Description: "grant disks:delete"}}, Detail: map[string]any{"scopes": []string{"disks:<all>"}},
	}
	second := &errors.Error{Provider: "katapult", Operation: "GetDisk", Code: errors.Internal, Status: 500, Message: "Try later"}
	report := &teardown.Report{Provider: "katapult", Organization: p.Plan.Organization, Outcome: teardown.Blocked, Steps: []teardown.StepReport{
		{Step: p.Plan.Steps[0], State: teardown.StepFailed, Err: errors.Join(first, second)},
		{Step: p.Plan.Steps[1], State: teardown.StepFailed, Err: errors.New("cannot read the list")},
		{Step: p.Plan.Steps[2], State: teardown.StepInterrupted},
	}}
	report.Err = errors.Join(report.Steps[0].Err, report.Steps[1].Err)
	page, err := render(&planfile.File{Organizations: []planfile.Planned{p}}, []Result{ResultOf(p, teardown.JobResult{Plan: p.Plan, Report: report, Err: report.Err})},
		planfile.Index{}, nil, started, started.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	_, messages, _ := strings.Cut(string(page), "<h3>Provider messages</h3>")
	for _, want := range []string{
		"<b>virtual_machine/vm_1</b>: failed", "<blockquote>Ask &lt;the&gt; owner\nof it</blockquote>", "<code>scope_not_granted</code>", "<code>403</code>",
		"<code>req-1</code>", "<code>1m30s</code>", "<code>4</code>", "scope: grant disks:delete", "&#34;disks:&lt;all&gt;&#34;", "<blockquote>Try later</blockquote>",
		"<b>disk/disk_1</b>: failed", "cannot read the list. The provider sent no message.",
		"<b>trash/all</b>: interrupted", "no error is known. The provider sent no message.",
	} {
		if !strings.Contains(messages, want) {
			t.Errorf("%q is missing in\n%s", want, messages)
		}
	}
}

// An organization that an earlier run deleted has the evidence of its deletion.
func TestReport_DeletedByTheJournal(t *testing.T) {
	t.Parallel()
	p := planfile.Planned{Entry: planfile.Entry{Provider: "katapult", Organization: "org_1"}, Deletion: &planfile.Deletion{Instance: "https://api.example/core/v1", Outcome: teardown.Deleted, Time: started}}
	result := NotStarted(p)
	page, err := render(&planfile.File{Organizations: []planfile.Planned{p}}, []Result{result}, planfile.Index{}, nil, started, started.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<dd>katapult, https://api.example/core/v1</dd>", `<p class="note deleted">deleted 2000-01-01 00:00:00, by the journal</p>`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	document, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"deletion":{"instance":"https://api.example/core/v1","outcome":"deleted","time":"2000-01-01T00:00:00Z"}`; !strings.Contains(string(document), want) {
		t.Errorf("%s is missing in %s", want, document)
	}
}

func TestDetailOf_Limits(t *testing.T) {
	t.Parallel()
	if got := detailOf(strings.Repeat("é", maxDetail)); len(got) > maxDetail+30 || !strings.Contains(got, "more bytes") || strings.Contains(got, "\uFFFD") {
		t.Errorf("got %d bytes that end with %q", len(got), got[len(got)-30:])
	}
	if got := detailOf(func() {}); got != "the details have no JSON form" {
		t.Errorf("got %q", got)
	}
}
