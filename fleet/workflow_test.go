package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// memory is a Store and a Journal.
type memory struct {
	mu      sync.Mutex
	blobs   map[string][]byte
	entries []teardown.Entry
}

func (m *memory) Put(ctx context.Context, key string, content []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[key] = content
	return nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.blobs[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return content, nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, key)
	return nil
}

func (m *memory) Append(_ context.Context, e teardown.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, e)
	return nil
}

func (m *memory) Entries(_ context.Context, provider, instance, organization string) ([]teardown.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []teardown.Entry
	for _, e := range m.entries {
		if e.Provider == provider && e.Instance == instance && e.Organization == organization {
			found = append(found, e)
		}
	}
	return found, nil
}

const acme, shop = "5e2f00000000000000000001", "5e2f0000000000000000000a"

// fixture is a workflow of one organization at a fake of Atlas.
type fixture struct {
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	memory *memory
	atlas  *atlastest.Server
	config Config
	entry  Entry
	ids    ids
	policy Policy
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	srv := atlastest.NewServer()
	srv.SetDeletionTime(0)
	srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
	srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "main"})
	m := &memory{blobs: map[string][]byte{}}
	f := &fixture{t: t, memory: m, atlas: srv, policy: Policy{Approvals: 1}}
	f.entry = Entry{Provider: "atlas", Organization: acme}
	f.config = Config{Open: openAt(srv.Server, map[string]string{
		"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
	}), Store: m, Journal: m, record: confirmed}
	f.env = new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	f.env.SetTestTimeout(time.Minute)
	return f
}

// addSteps adds resources until the plan has so many steps that it is applied in chunks.
func (f *fixture) addSteps() {
	for i := range minChunkSize {
		f.atlas.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: fmt.Sprint("cluster", i)})
	}
}

// useTenant makes the workflow that of a tenant at a fake of F5.
func (f *fixture) useTenant(t volterratest.Tenant) {
	srv := volterratest.NewServer()
	srv.SetTenant(t)
	f.config.Open = openAt(srv.Server, map[string]string{"F5XC_API_TOKEN": volterratest.Token})
	f.entry = Entry{Provider: "volterra", Organization: t.Name, Email: "owner@acme.example"}
}

// confirmed is a heartbeat that the server confirms.
func confirmed(context.Context) error { return nil }

// openAt returns the function that opens organizations at a fake.
func openAt(srv *offboardtest.Server, credentials map[string]string) func(context.Context, offboard.Spec) (offboard.Organization, error) {
	url, hc := srv.Endpoint()
	clients := offboard.NewClients(offboard.WithHTTPClient(hc), offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }))
	return func(ctx context.Context, s offboard.Spec) (offboard.Organization, error) {
		s.BaseURL = url
		return clients.Open(ctx, s)
	}
}

// run runs the workflow to its end.
func (f *fixture) run() (Result, error) {
	f.t.Helper()
	if err := Register(f.env, f.config); err != nil {
		f.t.Fatal(err)
	}
	page, err := put(f.t.Context(), f.memory, "manifests", Manifest{Organizations: []Entry{f.entry}, Policy: f.policy})
	if err != nil {
		f.t.Fatal(err)
	}
	f.env.ExecuteWorkflow("offboard.Organization", organizationInput{Entry: entryRef{Page: page, IDs: f.ids}, Provider: f.entry.Provider, Policy: f.policy})
	var r Result
	if !f.env.IsWorkflowCompleted() {
		f.t.Fatal("the workflow has not ended")
	}
	err = f.env.GetWorkflowError()
	if err == nil {
		err = f.env.GetWorkflowResult(&r)
	}
	return r, err
}

// state returns the state of the workflow.
func (f *fixture) state() State {
	f.t.Helper()
	value, err := f.env.QueryWorkflow(queryState)
	var s State
	if err == nil {
		err = value.Get(&s)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// callback collects what an update returned.
type callback struct {
	rejected  error
	completed error
}

func (*callback) Accept()                     {}
func (c *callback) Reject(err error)          { c.rejected = err }
func (c *callback) Complete(_ any, err error) { c.completed = err }

// update sends an update at a time, and returns what becomes of it.
func (f *fixture) update(after time.Duration, name string, approval func(State) Approval) *callback {
	c := new(callback)
	f.env.RegisterDelayedCallback(func() { f.env.UpdateWorkflow(name, fmt.Sprint(name, after), c, approval(f.state())) }, after)
	return c
}

// by approves the plan that is shown.
func by(name string) func(State) Approval {
	return func(s State) Approval { return Approval{By: name, Digest: s.Digest} }
}

func (f *fixture) report(r Result) *teardown.Report {
	f.t.Helper()
	if r.Report == nil {
		f.t.Fatalf("no report: %+v", r)
	}
	report, err := ReadReport(f.t.Context(), f.memory, *r.Report)
	if err != nil {
		f.t.Fatal(err)
	}
	return report
}

func TestOrganization_ApprovedAndDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.update(time.Hour, updateApprove, by("ada"))
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Deleted || f.atlas.Exists(acme) {
		t.Fatalf("got %+v, %v", r, err)
	}
	report := f.report(r)
	if report.Outcome != teardown.Deleted || len(report.Steps) != 2 {
		t.Fatalf("got %+v", report)
	}
	for _, s := range report.Steps {
		if s.State != teardown.StepDeleted || s.Attempts == 0 {
			t.Errorf("the report lacks what happened: %+v", s)
		}
	}
	if s := f.state(); s.Deleted != 2 || s.Steps != 2 || s.WaitingFor != "" || s.Result == nil {
		t.Errorf("got %+v", s)
	}
}

// Approved on Monday and applied on Thursday: the plan is older than a day.
func TestOrganization_ApprovedDaysLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var reminders int
	f.config.Remind = func(_ context.Context, w Waiting) error {
		reminders++
		if w.Digest == "" || w.Since.IsZero() {
			t.Errorf("got %+v", w)
		}
		return nil
	}
	f.update(72*time.Hour+time.Minute, updateApprove, by("ada"))
	if r, err := f.run(); err != nil || r.Outcome != teardown.Deleted || reminders != 4 {
		t.Errorf("got %+v, %v, %d reminders", r, err, reminders)
	}
}

// Something was added after the approval and before the preparation: a new approval is needed.
func TestOrganization_NewResource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.policy.Approvals = 2
	f.update(time.Hour, updateApprove, by("ada"))
	f.env.RegisterDelayedCallback(func() {
		f.atlas.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "new"})
	}, 2*time.Hour)
	f.update(3*time.Hour, updateApprove, by("bob"))
	var before, after State
	f.env.RegisterDelayedCallback(func() { before = f.state() }, 90*time.Minute)
	f.env.RegisterDelayedCallback(func() { after = f.state() }, 4*time.Hour)
	f.update(5*time.Hour, updateApprove, by("ada"))
	f.update(6*time.Hour, updateApprove, by("bob"))
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Deleted {
		t.Fatalf("got %+v, %v", r, err)
	}
	if before.Digest == after.Digest || len(before.Approvals) != 1 || len(after.Approvals) != 0 || after.WaitingFor != WaitingForApproval || after.Differences == nil {
		t.Fatalf("got %+v, then %+v", before, after)
	}
	differences, err := ReadDifferences(t.Context(), f.memory, *after.Differences)
	if err != nil || len(differences) != 1 || differences[0].Text != "is new" {
		t.Errorf("got %v, %v", differences, err)
	}
}

// What was deleted in the meantime needs no approval.
func TestOrganization_PartDeletedByOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.env.RegisterDelayedCallback(func() { f.atlas.RemoveProjects(acme) }, time.Minute)
	f.update(time.Hour, updateApprove, by("ada"))
	if r, err := f.run(); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestOrganization_RefusedApprovals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.policy.Approvals = 2
	cases := map[string]*callback{
		"another digest": f.update(time.Hour, updateApprove, func(State) Approval { return Approval{By: "ada", Digest: strings.Repeat("0", 64)} }),
		"no digest":      f.update(2*time.Hour, updateApprove, func(State) Approval { return Approval{By: "ada"} }),
		"no name":        f.update(3*time.Hour, updateApprove, by(" \u200b")),
		"a long name":    f.update(200*time.Minute, updateApprove, by(strings.Repeat("a", maxBy+1))),
		"a long reason": f.update(210*time.Minute, updateApprove, func(s State) Approval {
			return Approval{By: "ada", Digest: s.Digest, Reason: strings.Repeat("a", maxReason+1)}
		}),
		"a long reason of a denial": f.update(3*time.Hour, updateDeny, func(s State) Approval {
			return Approval{By: "ada", Digest: s.Digest, Reason: strings.Repeat("a", maxReason+1)}
		}),
	}
	first := f.update(4*time.Hour, updateApprove, by("ada"))
	cases["the same person"] = f.update(5*time.Hour, updateApprove, by(" A\u200bda "))
	second := f.update(6*time.Hour, updateApprove, by("bob"))
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Deleted {
		t.Fatalf("got %+v, %v", r, err)
	}
	for name, c := range cases {
		if c.rejected == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if first.rejected != nil || second.rejected != nil {
		t.Errorf("got %v, %v", first.rejected, second.rejected)
	}
	if err := (&teardownRun{in: organizationInput{}, state: State{}}).check(Approval{By: "ada"}); err == nil {
		t.Error("an approval was accepted that nothing waits for")
	}
}

// The workflow states when it has accepted a decision, whatever the client states.
func TestOrganization_TimeOfDecision(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)
	for name, update := range map[string]string{"approval": updateApprove, "denial": updateDeny} {
		f := newFixture(t)
		f.env.SetStartTime(start)
		f.update(time.Hour, update, func(s State) Approval { return Approval{By: "ada", Digest: s.Digest, At: start.AddDate(-1, 0, 0)} })
		if _, err := f.run(); err != nil {
			t.Fatal(err)
		}
		s := f.state()
		if s.Denied != nil {
			s.Approvals = append(s.Approvals, *s.Denied)
		}
		if len(s.Approvals) != 1 || s.Approvals[0].At.Sub(start).Round(time.Minute) != time.Hour {
			t.Errorf("%s: got %+v", name, s.Approvals)
		}
	}
}

func TestOrganization_Denied(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.update(time.Hour, updateDeny, by("ada"))
	r, err := f.run()
	if diff := cmp.Diff(Result{Outcome: teardown.Stopped, Code: errors.NotConfirmed}, r); diff != "" || err != nil || !f.atlas.Exists(acme) {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestOrganization_WithoutApprovals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.policy.Approvals, f.entry.Confirm = 0, "Acme"
	if r, err := f.run(); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
	f = newFixture(t)
	f.policy.Approvals, f.entry.Confirm = 0, "Other"
	_, err := f.run()
	var refused *temporal.ApplicationError
	if !errors.As(err, &refused) || refused.Type() != string(errors.NotConfirmed) || !refused.NonRetryable() || !f.atlas.Exists(acme) {
		t.Errorf("got %v", err)
	}
}

// An approver sees the override that the manifest must permit before the plan can be approved.
func TestOrganization_MissingOverride(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.atlas.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "protected", Protected: true})
	f.entry.Override = []teardown.Override{teardown.Partial}
	var waiting State
	f.env.RegisterDelayedCallback(func() { waiting = f.state() }, time.Minute)
	approval := f.update(time.Hour, updateApprove, by("ada"))
	f.update(2*time.Hour, updateDeny, by("ada"))
	if r, err := f.run(); err != nil || r.Outcome != teardown.Stopped || !f.atlas.Exists(acme) {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := approval.rejected; err == nil || !strings.Contains(err.Error(), "overrides that the plan requires: [termination_protection]: deny the plan") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]teardown.Override{teardown.TerminationProtection}, waiting.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(f.entry.Override, waiting.Overrides); diff != "" {
		t.Errorf("permitted (-want +got):\n%s", diff)
	}
}

func TestOrganization_Blocked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.atlas.Fail(offboardtest.Fault{Operation: "DeleteFlexCluster", Times: 1000, Status: http.StatusForbidden, Body: `{"error":403,"errorCode":"CANNOT_DELETE","detail":"canary"}`})
	f.update(time.Hour, updateApprove, by("ada"))
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Blocked || r.Code == "" || !f.atlas.Exists(acme) {
		t.Fatalf("got %+v, %v", r, err)
	}
	if report := f.report(r); report.Err == nil || len(report.Remaining()) != 2 {
		t.Errorf("got %+v", report)
	}
}

// Something shortens a list while its pages are read: the activity is attempted again. A response that
// stays unexpected is an error.
func TestOrganization_ListChangesDuringActivity(t *testing.T) {
	t.Parallel()
	for _, name := range []string{activityPlan, activityApply, activityPrepare, activitySteps} {
		for times, deleted := range map[int]bool{4: true, 1000: false} {
			f := newFixture(t)
			if name == activitySteps || name == activityPrepare {
				f.addSteps()
			}
			var once sync.Once
			f.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
				if info.ActivityType.Name == name {
					once.Do(func() {
						fault := offboardtest.Respond("ListFlexClustersPage", http.StatusOK, `{"results":[],"totalCount":7}`)
						fault.Times = times
						f.atlas.Fail(fault)
					})
				}
			})
			f.update(time.Hour, updateApprove, by("ada"))
			r, err := f.run()
			if got := err == nil && r.Outcome == teardown.Deleted; got != deleted || f.atlas.Exists(acme) == deleted {
				t.Errorf("%s, %d responses: got %+v, %v", name, times, r, err)
			}
		}
	}
}

func TestOrganization_NotFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.entry.Organization = "5e2f00000000000000000009"
	if r, err := f.run(); err != nil || r.Outcome != teardown.NotFound {
		t.Errorf("got %+v, %v", r, err)
	}
}

// An organization that no read finds was deleted if the journal records a deletion that the provider
// has not refused, such as that of an earlier workflow, which then failed.
func TestOrganization_NotFoundAfterDeletion(t *testing.T) {
	t.Parallel()
	for _, refused := range []bool{false, true} {
		f := newFixture(t)
		f.entry.Organization = "5e2f00000000000000000009"
		url, _ := f.atlas.Endpoint()
		e := teardown.Entry{Provider: "atlas", Instance: url, Organization: f.entry.Organization, Kind: teardown.EntryDeletionStarted}
		f.memory.entries = append(f.memory.entries, e)
		want := teardown.Deleted
		if refused {
			e.Kind, want = teardown.EntryDeletionRefused, teardown.NotFound
			f.memory.entries = append(f.memory.entries, e)
		}
		if r, err := f.run(); err != nil || r.Outcome != want {
			t.Errorf("got %+v, %v, want %s", r, err, want)
		}
	}
}

func TestOrganization_Canceled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.env.RegisterDelayedCallback(f.env.CancelWorkflow, time.Hour)
	_, err := f.run()
	if !temporal.IsCanceledError(err) || !f.atlas.Exists(acme) || f.state().WaitingFor != WaitingForNothing {
		t.Errorf("got %v, %+v", err, f.state())
	}
}

// A cancellation ends an application: what is in flight finishes, nothing more starts, and the report has
// what was deleted.
func TestOrganization_CanceledWhileApplying(t *testing.T) {
	t.Parallel()
	const deleted, notStarted = teardown.StepDeleted, teardown.StepNotStarted
	for name, test := range map[string]struct {
		at      func(teardown.Entry) bool
		outcome teardown.Outcome
		states  []teardown.StepState
	}{
		"before the steps":    {func(e teardown.Entry) bool { return e.Kind == teardown.EntryStarted && e.Step == "" }, teardown.Stopped, []teardown.StepState{notStarted, notStarted}},
		"in a step":           {func(e teardown.Entry) bool { return e.Kind == teardown.EntryFinished && e.Step != "" }, teardown.Stopped, []teardown.StepState{deleted, notStarted}},
		"before the deletion": {func(e teardown.Entry) bool { return e.Kind == teardown.EntryDeletionStarted }, teardown.Stopped, []teardown.StepState{deleted, deleted}},
		"after the deletion":  {func(e teardown.Entry) bool { return e.Kind == teardown.EntryFinished && e.Step == "" }, teardown.Deleted, []teardown.StepState{deleted, deleted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx}) // that of the activities
			f.config.Journal = &brokenJournal{memory: f.memory, at: func(e teardown.Entry) bool {
				if test.at(e) {
					cancel()
				}
				return false
			}}
			f.update(time.Hour, updateApprove, by("ada"))
			r, err := f.run()
			if err != nil || r.Outcome != test.outcome || f.atlas.Exists(acme) != (test.outcome != teardown.Deleted) {
				t.Fatalf("got %+v, %v", r, err)
			}
			var states []teardown.StepState
			for _, s := range f.report(r).Steps {
				states = append(states, s.State)
			}
			if diff := cmp.Diff(test.states, states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// A workflow is canceled, and no activity has a result: the report has what the journal proves.
func TestOrganization_CanceledWithoutResult(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at      func(teardown.Entry) bool // cannot be written
		outcome teardown.Outcome
		last    teardown.StepState
	}{
		"in a step": {func(e teardown.Entry) bool {
			return strings.HasPrefix(e.Step, "project") && e.Kind == teardown.EntryFinished
		}, teardown.Stopped, teardown.StepInterrupted},
		"in the deletion": {func(e teardown.Entry) bool { return e.Step == "" && e.Kind == teardown.EntryFinished }, teardown.Unknown, teardown.StepDeleted},
	} {
		f := newFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
		f.config.Journal = &brokenJournal{memory: f.memory, at: func(e teardown.Entry) bool {
			if test.at(e) {
				f.env.CancelWorkflow()
				cancel()
			}
			return test.at(e)
		}}
		f.update(time.Hour, updateApprove, by("ada"))
		_, err := f.run()
		r := f.state().Result
		if !temporal.IsCanceledError(err) || r == nil || r.Outcome != test.outcome {
			t.Fatalf("%s: got %+v, %v", name, r, err)
		}
		if report := f.report(*r); report.Steps[0].State != teardown.StepDeleted || report.Steps[1].State != test.last {
			t.Errorf("%s: got %+v", name, report.Steps)
		}
	}
}

// The provider accepts the deletion, the credential ends with it, and the report is lost: the workflow
// waits for the provider.
func TestApply_PendingReportLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.useTenant(volterratest.Tenant{Name: "acme"})
	f.config.Journal = &committed{memory: f.memory, at: func(e teardown.Entry) bool { return e.Outcome == teardown.Pending }}
	f.update(time.Hour, updateApprove, by("ada"))
	if r, err := f.run(); err != nil || r.Outcome != teardown.Pending {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A workflow that is canceled while the provider decides has the result and waits for nothing.
func TestOrganization_CanceledWhilePending(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.useTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
	f.update(time.Hour, updateApprove, by("ada"))
	f.env.RegisterDelayedCallback(f.env.CancelWorkflow, 48*time.Hour)
	_, err := f.run()
	if s := f.state(); !temporal.IsCanceledError(err) || s.WaitingFor != WaitingForNothing || s.Result == nil || s.Result.Outcome != teardown.Pending {
		t.Errorf("got %+v, %v", s, err)
	}
}

// F5 decides about a deletion later: a timer waits for days, and a read decides.
func TestOrganization_Pending(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.useTenant(volterratest.Tenant{Name: "acme"})
	f.update(time.Hour, updateApprove, by("ada"))
	var waiting State
	f.env.RegisterDelayedCallback(func() { waiting = f.state() }, 48*time.Hour)
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Pending || waiting.WaitingFor != WaitingForProvider {
		t.Errorf("got %+v, %v, waiting for %q", r, err, waiting.WaitingFor)
	}
}

// The history has no text of the provider and no credential.
func TestOrganization_HistoryWithoutTexts(t *testing.T) {
	t.Parallel()
	for name, many := range map[string]bool{"few steps": false, "many steps": true} {
		f := newFixture(t)
		if many {
			f.addSteps()
		}
		f.atlas.AddProject(acme, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "canary"})
		f.atlas.Fail(offboardtest.Fault{Operation: "DeleteFlexCluster", Times: 1000, Status: http.StatusForbidden, Body: `{"error":403,"errorCode":"CANNOT_DELETE","detail":"canary"}`})
		var history []string
		f.env.SetOnActivityCompletedListener(func(info *activity.Info, result converter.EncodedValue, err error) {
			var text json.RawMessage
			if result != nil && result.HasValue() {
				if err := result.Get(&text); err != nil {
					t.Error(err)
				}
			}
			history = append(history, fmt.Sprint(info.ActivityType.Name, string(text), err))
		})
		f.update(time.Hour, updateApprove, by("ada"))
		if _, err := f.run(); err != nil {
			t.Fatal(err)
		}
		for _, text := range history {
			if strings.Contains(text, "canary") || strings.Contains(text, "Acme") || strings.Contains(text, atlastest.ClientSecret) {
				t.Errorf("%s: the history has a text: %s", name, text)
			}
		}
		if want := 2; !many && len(history) != want || many && len(history) < 4 {
			t.Errorf("%s: got %d results: %v", name, len(history), history)
		}
	}
}

// A plan with many steps is applied in chunks, one after another.
func TestOrganization_ManySteps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.addSteps()
	chunks, active := 0, 0
	f.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == activitySteps {
			chunks++
			active++
		}
		if active > 1 {
			t.Errorf("%d chunks run at the same time", active)
		}
	})
	f.env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
		if info.ActivityType.Name == activitySteps {
			active--
		}
	})
	f.update(time.Hour, updateApprove, by("ada"))
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Deleted || f.atlas.Exists(acme) || chunks != 2 {
		t.Fatalf("got %+v, %v, %d chunks", r, err, chunks)
	}
	want := minChunkSize + 2
	if s := f.state(); s.Deleted != want || s.Steps != want {
		t.Errorf("got %+v", s)
	}
	for _, s := range f.report(r).Steps {
		if s.State != teardown.StepDeleted || s.Attempts == 0 {
			t.Errorf("the report lacks what happened: %+v", s)
		}
	}
}

// brokenJournal fails once, at an entry: the process ends there.
type brokenJournal struct {
	*memory
	at   func(teardown.Entry) bool
	once sync.Once
}

func (j *brokenJournal) Append(ctx context.Context, e teardown.Entry) (err error) {
	if j.at(e) {
		j.once.Do(func() { err = errors.New("the process ends") })
	}
	if err != nil {
		return err
	}
	return j.memory.Append(ctx, e)
}

// The process ends while it applies a plan. The next attempt starts no step again that a read has shown
// to be deleted, also if a list still contains its resource, and deletes nothing twice.
func TestApply_EndedEarly(t *testing.T) {
	t.Parallel()
	project := func(e teardown.Entry) bool { return strings.HasPrefix(e.Step, "project") }
	for name, test := range map[string]struct {
		at      func(teardown.Entry) bool
		started int // number of entries for the start of the deletion
		then    func(*fixture)
		outcome teardown.Outcome
	}{
		"before the first entry": {func(teardown.Entry) bool { return true }, 1, nil, teardown.Deleted},
		"before a step":          {func(e teardown.Entry) bool { return project(e) && e.Kind == teardown.EntryStarted }, 1, nil, teardown.Deleted},
		"after a step":           {func(e teardown.Entry) bool { return project(e) && e.Kind == teardown.EntryFinished }, 1, nil, teardown.Deleted},
		"before the deletion":    {func(e teardown.Entry) bool { return e.Kind == teardown.EntryDeletionStarted }, 1, nil, teardown.Deleted},
		"after the deletion":     {func(e teardown.Entry) bool { return e.Step == "" && e.Kind == teardown.EntryFinished }, 1, nil, teardown.Deleted},
		"others delete the rest": {func(e teardown.Entry) bool { return project(e) && e.Kind == teardown.EntryStarted }, 0, func(f *fixture) { f.atlas.RemoveOrganization(acme) }, teardown.NotFound},
		"the credential ends": {func(e teardown.Entry) bool { return e.Step == "" && e.Kind == teardown.EntryFinished }, 1, func(f *fixture) {
			refused := offboardtest.Respond("", http.StatusUnauthorized, `{"error":401,"errorCode":"UNAUTHORIZED","detail":"the credential is refused"}`)
			refused.Times = 1000
			f.atlas.Fail(refused)
		}, teardown.Unknown},
		"something new is created": {func(e teardown.Entry) bool { return e.Kind == teardown.EntryDeletionStarted }, 1, func(f *fixture) {
			f.atlas.AddProject(acme, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "new"})
		}, teardown.Deleted},
		"in a chunk": {func(e teardown.Entry) bool { return e.Step != "" && e.Kind == teardown.EntryStarted }, 1, nil, teardown.Deleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if name == "in a chunk" {
				f.addSteps()
			}
			broken := false
			journal := &brokenJournal{memory: f.memory, at: func(e teardown.Entry) bool {
				at := test.at(e)
				if at && !broken {
					if broken = true; test.then != nil {
						test.then(f)
					}
				}
				return at
			}}
			f.config.Journal = journal
			var before []byte
			stale := offboardtest.EditBody("ListFlexClustersPage", func(body []byte) []byte {
				switch {
				case before == nil && strings.Contains(string(body), "main"):
					before = body
				case broken && before != nil && !strings.Contains(string(body), "main"):
					old := before
					before = []byte{}
					if len(old) > 0 {
						return old
					}
				}
				return body
			})
			stale.Times = 1000
			f.atlas.Fail(stale)
			f.update(time.Hour, updateApprove, by("ada"))
			f.update(3*time.Hour, updateApprove, by("ada")) // what is new
			r, err := f.run()
			if err != nil || r.Outcome != test.outcome {
				t.Errorf("got %+v, %v", r, err)
				return
			}
			verified, deletions := map[string]bool{}, 0
			for _, e := range f.memory.entries {
				switch {
				case e.Kind == teardown.EntryDeletionStarted:
					deletions++
				case e.Step != "" && e.Kind == teardown.EntryStarted && verified[e.Step]:
					t.Errorf("%s: %s was started again", name, e.Step)
				case e.Step != "" && e.Kind == teardown.EntryFinished && e.State == teardown.StepDeleted:
					verified[e.Step] = true
				}
			}
			if deletions != test.started || !broken {
				t.Errorf("%s: %d deletions, the journal failed: %v", name, deletions, broken)
			}
			if report := f.report(r); test.outcome == teardown.Deleted {
				for _, s := range report.Steps {
					if verified[s.ID] && s.State != teardown.StepDeleted || !verified[s.ID] && s.State != teardown.StepAlreadyDeleted {
						t.Errorf("%s: %s is %s", name, s.ID, s.State)
					}
				}
			}
		})
	}
}

// Something is created after the preparation: no step of a chunk starts before a new approval, because
// the removal of a resource may delete what is new, too.
func TestSteps_NewResource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.addSteps()
	var once sync.Once
	f.config.Journal = &brokenJournal{memory: f.memory, at: func(e teardown.Entry) bool {
		if e.Kind == teardown.EntryStarted { // of the preparation
			once.Do(func() { f.atlas.AddProject(acme, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "new"}) })
		}
		return false
	}}
	f.update(time.Hour, updateApprove, by("ada"))
	started := 0
	f.env.RegisterDelayedCallback(func() {
		for _, e := range f.memory.entries {
			if e.Step != "" && e.Kind == teardown.EntryStarted {
				started++
			}
		}
	}, 2*time.Hour)
	f.update(3*time.Hour, updateApprove, by("ada"))
	r, err := f.run()
	if err != nil || r.Outcome != teardown.Deleted || started != 0 {
		t.Errorf("got %+v, %v, %d steps before the approval", r, err, started)
	}
}

// The start of the deletion is recorded, and then a resource exists again: a new plan waits for an
// approval.
func TestApply_ExistsAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := katapulttest.NewServer()
	k.AddOrganization(katapulttest.Organization{ID: "org_a", Name: "A"})
	zone := katapulttest.DNSZone{ID: "dnszone_1", Name: "z1.example"}
	k.Add("org_a", zone)
	f.config.Open = openAt(k.Server, map[string]string{"KATAPULT_API_KEY": katapulttest.Token})
	f.entry = Entry{Provider: "katapult", Organization: "org_a"}
	var once sync.Once
	f.config.Journal = &committed{memory: f.memory, at: func(e teardown.Entry) bool {
		if e.Kind == teardown.EntryDeletionStarted {
			once.Do(func() { k.Add("org_a", zone) })
		}
		return e.Kind == teardown.EntryDeletionStarted
	}}
	f.update(time.Hour, updateApprove, by("ada"))
	f.update(3*time.Hour, updateApprove, by("ada"))
	if r, err := f.run(); err != nil || r.Outcome != teardown.Deleted || len(f.state().Approvals) != 1 || f.state().Differences == nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

// committed is a journal that stores an entry, and whose answer is lost once.
type committed struct {
	*memory
	at   func(teardown.Entry) bool
	once sync.Once
}

func (j *committed) Append(ctx context.Context, e teardown.Entry) (err error) {
	if e.Kind == teardown.EntryDeletionStarted {
		e.Time = e.Time.Add(-time.Minute) // the next attempt does not wait for its effect
	}
	if err := j.memory.Append(ctx, e); err != nil {
		return err
	}
	if j.at(e) {
		j.once.Do(func() { err = errors.New("the connection ends") })
	}
	return err
}

// Only a deletion that was started after the last read that found the organization explains why it is
// not found.
func TestOrganization_NotFoundAfterRead(t *testing.T) {
	t.Parallel()
	hide := func(f *fixture) {
		hidden := offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"ORG_NOT_FOUND","detail":"x"}`)
		hidden.Times = 1000
		f.atlas.Fail(hidden)
	}
	for name, first := range map[string]func(*fixture){
		"the deletion failed, and a read found it": func(f *fixture) {
			f.atlas.Fail(offboardtest.Fault{Operation: "DeleteOrganization", Times: 1000, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"86400"}}, Body: `{}`})
			f.update(time.Hour, updateApprove, by("ada"))
		},
		"the clock of another worker was fast": func(f *fixture) {
			url, _ := f.atlas.Endpoint()
			f.memory.entries = append(f.memory.entries, teardown.Entry{
				Time: time.Now().Add(10 * time.Minute), Provider: "atlas", Instance: url, Organization: acme, Kind: teardown.EntryDeletionStarted,
			})
			f.update(time.Hour, updateDeny, by("ada"))
		},
	} {
		f := newFixture(t)
		first(f)
		if r, err := f.run(); err != nil || !f.atlas.Exists(acme) {
			t.Fatalf("%s: got %+v, %v", name, r, err)
		}
		again := *f // another workflow with the same storage
		again.env = new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
		hide(f)
		if r, err := again.run(); err != nil || r.Outcome != teardown.NotFound {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

// People are not asked to approve the deletion of an organization that the manifest does not permit, also
// if the manifest names it by its subdomain.
func TestOrganization_NotPermitted(t *testing.T) {
	t.Parallel()
	for name, lists := range map[string]ids{"denied": {Deny: []string{"ORG_A"}}, "not allowed": {Allow: []string{"org_b"}}, "denied child": {Deny: []string{"org_child"}}} {
		f := newFixture(t)
		k := katapulttest.NewServer()
		k.AddOrganization(katapulttest.Organization{ID: "org_a", Name: "A"})
		k.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Child", Parent: "org_a"})
		f.config.Open = openAt(k.Server, map[string]string{"KATAPULT_API_KEY": katapulttest.Token})
		f.entry = Entry{Provider: "katapult", Organization: "acme", Override: teardown.Overrides()}
		f.ids = lists
		f.ids.Organization = "org_a"
		_, err := f.run()
		var refused *temporal.ApplicationError
		if !errors.As(err, &refused) || refused.Type() != string(errors.NotConfirmed) || f.state().Plan != nil || len(k.Deleted()) > 0 {
			t.Errorf("%s: got %v, deleted %v", name, err, k.Deleted())
		}
	}
}

// A reminder that fails is repeated by an activity, and does not delay the approval.
func TestOrganization_ReminderFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	reminders := 0
	f.config.Remind = func(context.Context, Waiting) error {
		if reminders++; reminders == 1 {
			return errors.New("the service is down")
		}
		return nil
	}
	f.update(time.Hour, updateApprove, by("ada"))
	if r, err := f.run(); err != nil || r.Outcome != teardown.Deleted || reminders != 2 {
		t.Errorf("got %+v, %v, %d reminders", r, err, reminders)
	}
}
