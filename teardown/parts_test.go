package teardown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// memoryJournal is a JournalWriter.
type memoryJournal struct {
	mu      sync.Mutex
	entries []teardown.Entry
	fail    error
	ended   bool // the context of an Append had ended
}

func (j *memoryJournal) Append(ctx context.Context, e teardown.Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = j.ended || ctx.Err() != nil
	if j.fail != nil {
		return j.fail
	}
	j.entries = append(j.entries, e)
	return nil
}

// kinds returns the entries as text.
func (j *memoryJournal) kinds() []string {
	var all []string
	for _, e := range j.entries {
		all = append(all, strings.Join(slices.DeleteFunc([]string{e.Step, string(e.Kind), string(e.State), string(e.Outcome)}, func(s string) bool { return s == "" }), " "))
	}
	return all
}

// parts applies plans in parts. Each call has a new driver, as in another process.
type parts struct {
	t       *testing.T
	at      *fakeBlocking
	journal memoryJournal
}

func (p *parts) options() []teardown.Option {
	return []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithJournalWriter(&p.journal), teardown.WithResume(p.journal.entries)}
}

func (p *parts) prepare() *teardown.Plan {
	p.t.Helper()
	prepared, report, err := teardown.Prepare(p.t.Context(), teardown.FromBlocking(p.at), p.at.plan(p.t), p.options()...)
	if err != nil || report != nil {
		p.t.Fatalf("got %v, %v", report, err)
	}
	return p.stored(prepared)
}

// stored returns a plan as another process reads it.
func (p *parts) stored(plan *teardown.Plan) *teardown.Plan {
	p.t.Helper()
	text, err := json.Marshal(plan)
	if err != nil {
		p.t.Fatal(err)
	}
	read, err := teardown.ReadPlan(bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	return read
}

func (p *parts) steps(plan *teardown.Plan, ids ...string) (map[string]teardown.StepState, error) {
	p.t.Helper()
	steps, err := teardown.ExecuteSteps(p.t.Context(), teardown.FromBlocking(p.at), plan, ids, p.options()...)
	return states(&teardown.Report{Steps: steps}), err
}

func (p *parts) delete(plan *teardown.Plan) (*teardown.Report, error) {
	p.t.Helper()
	return teardown.ExecuteDelete(p.t.Context(), teardown.FromBlocking(p.at), plan, p.options()...)
}

func TestParts_WholePlan(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b<a", "c", "d<b,c")}}
	plan := p.prepare()
	for _, ids := range [][]string{{"a"}, {"b", "c"}, {"d"}} {
		got, err := p.steps(plan, ids...)
		for _, id := range ids {
			if err != nil || got[id] != teardown.StepDeleted {
				t.Fatalf("%v: got %v, %v", ids, got, err)
			}
		}
	}
	report, err := p.delete(plan)
	if err != nil || report.Outcome != teardown.Deleted || len(report.Steps) != 4 {
		t.Fatalf("got %+v, %v", report, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, p.at.removed, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	// The plan, its preparation, each part and the deletion inspect once each.
	if p.at.inspected != 6 || p.at.deleted != 1 {
		t.Errorf("got %d inspections and %d deletions", p.at.inspected, p.at.deleted)
	}
	want := []string{
		"started", "a started", "a finished deleted", "b started", "c started", "b finished deleted", "c finished deleted",
		"d started", "d finished deleted", "started", "deletion_started", "finished deleted",
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff(want, p.journal.kinds(), sorted); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

// inspectedDriver records the steps of the plans that inspections get.
type inspectedDriver struct {
	teardown.Driver
	before [][]string
}

func (d *inspectedDriver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	var ids []string
	for _, s := range before.Steps {
		ids = append(ids, s.ID)
	}
	d.before = append(d.before, ids)
	return d.Driver.Inspect(ctx, o, before)
}

// A driver may read each step of the plan that the lists lack: the inspection of a part gets the steps
// of the part, and those that they come after.
func TestParts_InspectionOfSelectedSteps(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b<a", "c", "d<c")}}
	plan := p.prepare()
	d := &inspectedDriver{Driver: teardown.FromBlocking(p.at)}
	for _, id := range []string{"a", "b"} {
		if _, err := teardown.ExecuteSteps(t.Context(), d, plan, []string{id}, p.options()...); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([][]string{{"a"}, {"b", "a"}}, d.before); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Every call may be repeated after a crash. What the journal proves is neither removed nor read
// again.
func TestParts_Repeated(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b<a")}}
	plan := p.prepare()
	for range 3 {
		if _, err := p.steps(plan, "a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	p.at.read = func(id string) error { return errors.New("reads " + id) }
	if got, err := p.steps(plan, "b"); err != nil || got["b"] != teardown.StepAlreadyDeleted {
		t.Errorf("got %v, %v", got, err)
	}
	if report, err := p.delete(plan); err != nil || report.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", report, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, p.at.removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

// The process ended after the removal, and before its result was written.
func TestParts_StepStartedBefore(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b")}}
	plan := p.prepare()
	p.journal.entries = append(p.journal.entries, entryOf("a", teardown.EntryStarted, ""), entryOf("b", teardown.EntryStarted, ""))
	p.at.isDeleted = []string{"a"}
	got, err := p.steps(plan, "a", "b")
	want := map[string]teardown.StepState{"a": teardown.StepAlreadyDeleted, "b": teardown.StepDeleted}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"b"}, p.at.removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	if last := p.journal.kinds(); !slices.Contains(last, "a finished already_deleted") {
		t.Errorf("got %v", last)
	}
}

func entryOf(step string, kind teardown.EntryKind, state teardown.StepState) teardown.Entry {
	return teardown.Entry{Provider: "fake", Instance: "https://fake.invalid", Organization: "org_1", Step: step, Kind: kind, State: state}
}

// A resource of the same identity may exist again: an entry of an earlier plan proves nothing.
func TestParts_EntryOfEarlierPlan(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	p.journal.entries = []teardown.Entry{entryOf("a", teardown.EntryFinished, teardown.StepDeleted)}
	if got, err := p.steps(p.prepare(), "a"); err != nil || got["a"] != teardown.StepDeleted {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParts_PredecessorNotDeleted(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b<a")}}
	plan := p.prepare()
	got, err := p.steps(plan, "b")
	if got["b"] != teardown.StepNotStarted || !errors.Is(err, errors.DeletionStepsNotSatisfied) || len(p.at.removed) > 0 {
		t.Errorf("got %v, %v, removed %v", got, err, p.at.removed)
	}
	p.at.isDeleted = []string{"a"} // by others
	if got, err := p.steps(plan, "b"); got["b"] != teardown.StepDeleted || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	p.at.isDeleted = nil
	p.at.read = func(string) error { return refused(errors.Unavailable) }
	if got, err := p.steps(plan, "b"); len(got) > 0 || !errors.Is(err, errors.Unavailable) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParts_InvalidIDs(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.prepare()
	for _, ids := range [][]string{{"x"}, {"a", "a"}} {
		if got, err := p.steps(plan, ids...); len(got) > 0 || !errors.Is(err, errors.InvalidArgument) || p.at.removed != nil {
			t.Errorf("%v: got %v, %v", ids, got, err)
		}
	}
}

func TestParts_FailedStep(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b<a", "c")}}
	p.at.remove = func(id string, _ int) error {
		if id == "a" {
			return refused(errors.PermissionDenied)
		}
		return nil
	}
	plan := p.prepare()
	got, err := p.steps(plan, "a", "b", "c")
	want := map[string]teardown.StepState{"a": teardown.StepFailed, "b": teardown.StepNotStarted, "c": teardown.StepDeleted}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, errors.PermissionDenied) {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	report, err := p.delete(plan)
	if report.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) || p.at.deleted > 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// A new resource is not in the approved plan.
func TestParts_NewResource(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.prepare()
	if _, err := p.steps(plan, "a"); err != nil {
		t.Fatal(err)
	}
	p.at.steps = stepsOf("a", "new")
	if report, err := p.delete(plan); report != nil || !errors.Is(err, errors.PlanStale) || p.at.deleted > 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// A list may miss a resource. Without an entry of the journal, a read decides.
func TestParts_DeletionReadsUnlistedSteps(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.prepare()
	p.at.steps, p.at.foreign = nil, []string{"a"}
	if report, err := p.delete(plan); report == nil || report.Outcome != teardown.Blocked || p.at.deleted > 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// A list may contain a resource that was deleted.
func TestParts_DeletionReadsListedSteps(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a"), lags: true}}
	plan := p.prepare()
	p.at.isDeleted = []string{"a"}
	if report, err := p.delete(plan); err != nil || report.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestParts_ManualSteps(t *testing.T) {
	t.Parallel()
	at := &fakeBlocking{steps: stepsOf("a", "b")}
	at.steps[1].Manual = true
	p := &parts{t: t, at: at}
	prepared, report, err := teardown.Prepare(t.Context(), teardown.FromBlocking(at), at.plan(t), p.options()...)
	if prepared != nil || report == nil || report.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) {
		t.Errorf("got %v, %+v, %v", prepared, report, err)
	}
}

func TestParts_Checks(t *testing.T) {
	t.Parallel()
	at := &fakeBlocking{steps: stepsOf("a")}
	plan := at.plan(t)
	plan.PreparedAt = plan.CreatedAt
	plan.SealAs()
	edited := *plan
	edited.Organization.ID = "org_2"
	ctx, d := t.Context(), teardown.FromBlocking(at)
	calls := map[string]func(*teardown.Plan, ...teardown.Option) error{
		"Prepare": func(p *teardown.Plan, o ...teardown.Option) error {
			_, _, err := teardown.Prepare(ctx, d, p, o...)
			return err
		},
		"ExecuteSteps": func(p *teardown.Plan, o ...teardown.Option) error {
			_, err := teardown.ExecuteSteps(ctx, d, p, []string{"a"}, o...)
			return err
		},
		"ExecuteDelete": func(p *teardown.Plan, o ...teardown.Option) error {
			_, err := teardown.ExecuteDelete(ctx, d, p, o...)
			return err
		},
	}
	acme := teardown.WithConfirm("Acme")
	for name, call := range calls {
		if err := call(plan); !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("%s without a confirmation: got %v", name, err)
		}
		if err := call(plan, acme, teardown.WithDeny("org_1")); !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("%s of a denied organization: got %v", name, err)
		}
		if err := call(&edited, acme); !errors.Is(err, errors.PlanStale) {
			t.Errorf("%s of an edited plan: got %v", name, err)
		}
		if err := call(nil, acme); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s without a plan: got %v", name, err)
		}
		if err := call(plan, acme, teardown.WithJournalWriter(nil)); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s with a nil JournalWriter: got %v", name, err)
		}
	}
	if at.removed != nil || at.deleted > 0 {
		t.Errorf("removed %v, %d deletions", at.removed, at.deleted)
	}
}

// The organization was deleted before, and the deletion was written.
func TestParts_DeletedBefore(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.prepare()
	if _, err := p.steps(plan, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.delete(plan); err != nil {
		t.Fatal(err)
	}
	for _, code := range []errors.Code{errors.OrganizationNotFound, errors.Unauthenticated} {
		p.at.inspect = refused(code)
		if report, err := p.delete(plan); err != nil || report.Outcome != teardown.Deleted || p.at.deleted != 1 {
			t.Errorf("%v: got %+v, %v", code, report, err)
		}
	}
}

// A plan selects. An edited plan, and a resource of another owner, select nothing that an inspection
// does not find.
func TestParts_ResourceOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b")}}
	plan := p.prepare()
	p.at.steps, p.at.foreign = stepsOf("a"), []string{"b"}
	got, err := p.steps(plan, "a", "b")
	want := map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepNotStarted}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, errors.DeletionStepsNotSatisfied) || slices.Contains(p.at.removed, "b") {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// The overrides are those of the inspection, not of the file.
func TestParts_EditedOverride(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.prepare()
	p.at.steps[0].Requires = []teardown.Override{teardown.ManagedOrganizations}
	if got, err := p.steps(plan, "a"); len(got) > 0 || !errors.Is(err, errors.PlanStale) && !errors.Is(err, errors.NotConfirmed) || p.at.removed != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// A credential that does not see the organization proves nothing about its resources.
func TestParts_InvisibleOrganization(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.prepare()
	p.at.isDeleted, p.at.inspect = []string{"a"}, refused(errors.OrganizationNotFound)
	if got, err := p.steps(plan, "a"); len(got) > 0 || !errors.Is(err, errors.OrganizationNotFound) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParts_NotPrepared(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	plan := p.at.plan(t)
	if got, err := p.steps(plan, "a"); len(got) > 0 || !errors.Is(err, errors.InvalidArgument) || p.at.removed != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if report, err := p.delete(plan); report != nil || !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v, %v", report, err)
	}
	other := entryOf("", teardown.EntryStarted, "")
	other.Plan = p.stored(p.at.plan(t)).Fingerprint + "x"
	p.journal.entries = append(p.journal.entries, other)
	if got, err := p.steps(plan, "a"); len(got) > 0 || !errors.Is(err, errors.InvalidArgument) || p.at.removed != nil {
		t.Errorf("after another plan: got %v, %v", got, err)
	}
}

// The process ended after the removal of a step and before that of another one. Lists still contain
// what was removed.
func TestParts_ExecuteEndedEarly(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b<a"), lags: true}}
	plan := p.at.plan(t)
	p.at.remove = func(id string, _ int) error {
		if id == "b" {
			p.journal.fail = errors.New("the process ends")
			return refused(errors.Conflict)
		}
		return nil
	}
	if _, err := teardown.Execute(t.Context(), teardown.FromBlocking(p.at), plan, append(p.options(), teardown.WithRetryFor(0))...); err == nil {
		t.Fatal("the first process did not end early")
	}
	p.journal.fail, p.at.remove = nil, nil
	plan = p.stored(plan)
	got, err := p.steps(plan, "a", "b")
	want := map[string]teardown.StepState{"a": teardown.StepAlreadyDeleted, "b": teardown.StepDeleted}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	if report, err := p.delete(plan); err != nil || report.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", report, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "b"}, p.at.removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

// A step that is deleted according to the journal, and whose resource exists, was created again.
func TestParts_ExistsAgain(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a", "b")}}
	plan := p.prepare()
	if _, err := p.steps(plan, "a"); err != nil {
		t.Fatal(err)
	}
	p.at.isDeleted = nil
	if got, err := p.steps(plan, "a", "b"); len(got) > 0 || !errors.Is(err, errors.PlanStale) || len(p.at.removed) != 1 {
		t.Errorf("got %v, %v, removed %v", got, err, p.at.removed)
	}
}

// A prepared plan can be stored and applied.
func TestPrepare_InvalidInspection(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakeBlocking){
		"a text that is not UTF-8": func(at *fakeBlocking) { at.steps[0].Why = "\xff" },
		"a wrong order":            func(at *fakeBlocking) { slices.Reverse(at.steps) },
	} {
		at := &fakeBlocking{steps: stepsOf("a", "b<a")}
		plan := at.plan(t)
		change(at)
		prepared, report, err := teardown.Prepare(t.Context(), teardown.FromBlocking(at), plan, teardown.WithConfirm("Acme"))
		if prepared != nil || report != nil || !errors.Is(err, errors.DriverFailed) {
			t.Errorf("%s: got %v, %v, %v", name, prepared, report, err)
		}
	}
}

// The credential ends with the organization, which another process deletes right before the
// deletion of this one: no read shows that the organization exists.
func TestExecute_CredentialEndsBeforeDeletion(t *testing.T) {
	t.Parallel()
	at := &fakeBlocking{steps: stepsOf("a")}
	at.delete = func() (teardown.Deletion, error) {
		at.inspect = refused(errors.Unauthenticated)
		return teardown.Deletion{}, refused(errors.Unauthenticated)
	}
	report, err := at.execute(t)
	if report.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) {
		t.Errorf("got %+v, %v", report, err)
	}
	lacks := &fakeBlocking{steps: stepsOf("a"), delete: func() (teardown.Deletion, error) { return teardown.Deletion{}, refused(errors.PermissionDenied) }}
	if report, err := lacks.execute(t); report.Outcome != teardown.Blocked || !errors.Is(err, errors.PermissionDenied) {
		t.Errorf("a credential that lacks a permission: got %+v, %v", report, err)
	}
}

func TestSummary_HostileTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"<", "\x00", "\xff", "\u2028", "\"", "é", "a"} {
		long := strings.Repeat(text, 10_000)
		r := &teardown.Report{PendingOn: long, Err: errors.New(long), Outcome: teardown.Blocked}
		for i := range 300 {
			e := &errors.Error{Code: errors.Code(fmt.Sprintf("a_rather_long_code_%d", i)), Message: long}
			r.Steps = append(r.Steps, teardown.StepReport{Step: teardown.Step{ID: long}, State: teardown.StepFailed, Err: e})
		}
		for _, limit := range []int{0, 1, 20} {
			s := r.Summary(limit)
			form, err := json.Marshal(s)
			if err != nil || len(form) > 2<<10+limit<<10 || len(s.Codes) != 10 || s.Omitted != 300-limit {
				t.Errorf("%q, %d: %d bytes, %d codes, %v", text, limit, len(form), len(s.Codes), err)
			}
		}
	}
	short := (&teardown.Report{PendingOn: "a <b>"}).Summary(0)
	if short.PendingOn != "a <b>" {
		t.Errorf("got %q", short.PendingOn)
	}
}

func TestJournalWriter_Error(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	p.journal.fail = errors.New("no space left on device")
	report, err := p.at.execute(t, p.options()...)
	if report != nil || !errors.Is(err, errors.Internal) || p.at.removed != nil {
		t.Errorf("got %+v, %v", report, err)
	}
}

// The result of a teardown that was canceled is stored.
func TestJournalWriter_Canceled(t *testing.T) {
	t.Parallel()
	p := &parts{t: t, at: &fakeBlocking{steps: stepsOf("a")}}
	ctx, cancel := context.WithCancel(t.Context())
	p.at.before = func(context.Context, func(string)) { cancel() }
	report, _ := teardown.Execute(ctx, teardown.FromBlocking(p.at), p.at.plan(t), p.options()...)
	entries := p.journal.kinds()
	if report == nil || p.journal.ended || !strings.HasPrefix(entries[len(entries)-1], "finished") {
		t.Errorf("got %+v, %v, context ended: %v", report, entries, p.journal.ended)
	}
}

func TestReport_Summary(t *testing.T) {
	t.Parallel()
	r := &teardown.Report{Provider: "fake", Organization: acme, Outcome: teardown.Blocked}
	var errs []error
	for i, id := range numbered(6000) {
		s := teardown.StepReport{Step: teardown.Step{ID: id + strings.Repeat("é", 300)}, State: teardown.StepDeleted}
		switch i % 3 {
		case 1:
			s.State = teardown.StepNotStarted
		case 2:
			s.State, s.Err = teardown.StepFailed, &errors.Error{Code: errors.PermissionDenied, Message: strings.Repeat("m", 5000)}
			errs = append(errs, s.Err)
		}
		r.Steps = append(r.Steps, s)
	}
	r.Err = errors.Join(errs...)
	got := r.Summary(10)
	want := map[teardown.StepState]int{teardown.StepDeleted: 2000, teardown.StepNotStarted: 2000, teardown.StepFailed: 2000}
	if diff := cmp.Diff(want, got.States); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Total != 6000 || len(got.Steps) != 10 || got.Omitted != 3990 || got.Steps[0].Code != errors.PermissionDenied ||
		got.Codes[errors.PermissionDenied] != 2000 || got.Code != errors.PermissionDenied {
		t.Errorf("got %+v", got)
	}
	text, err := json.Marshal(got)
	if err != nil || len(text) > 2<<10+10<<10 || bytes.Contains(text, []byte("\ufffd")) {
		t.Errorf("got %d bytes, %v: %s", len(text), err, text)
	}
	if diff := cmp.Diff(teardown.Summary{}, (*teardown.Report)(nil).Summary(1)); diff != "" {
		t.Errorf("nil report: %s", diff)
	}
}
