package teardown_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

var acme = teardown.Organization{ID: "org_1", Name: "Acme"}

// fakeBlocking is a blocking driver of a provider with one organization.
type fakeBlocking struct {
	steps         []teardown.Step
	deletionError *errors.Error
	lenient       bool // the provider accepts the deletion although steps remain
	cascades      []teardown.Cascade
	takes         time.Duration
	remove        func(id string, attempt int) error // replaces a successful removal; a nil error removes the resource
	read          func(id string) error
	delete        func() (teardown.Deletion, error)
	inspect       error
	inspects      func(n int) error // of each inspection, from 1
	name          string
	requires      []teardown.Override
	lags          bool                                             // the inspection still lists deleted resources
	before        func(ctx context.Context, progress func(string)) // called by Remove
	foreign       []string                                         // resources of another organization

	mu        sync.Mutex
	isDeleted []string // in order
	removed   []string // whose removal was requested, in order
	running   int
	most      int // maximum of running
	deleted   int
	inspected int
}

func stepsOf(ids ...string) []teardown.Step {
	var steps []teardown.Step
	for _, id := range ids {
		id, after, _ := strings.Cut(id, "<") // "b<a": b comes after a
		step := teardown.Step{ID: id, Kind: "resource", Name: strings.ToUpper(id), Why: "it is there", Removal: "delete it"}
		if after != "" {
			step.After = strings.Split(after, ",")
		}
		steps = append(steps, step)
	}
	return steps
}

func (w *fakeBlocking) Provider() (string, string) { return "fake", "https://fake.invalid" }

func (w *fakeBlocking) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inspected++
	if w.inspects != nil {
		if err := w.inspects(w.inspected); err != nil {
			return nil, err
		}
	}
	if w.inspect != nil {
		return nil, w.inspect
	}
	p := &teardown.Plan{Provider: "fake", Instance: "https://fake.invalid", Organization: acme, DeletionError: w.deletionError, Cascades: slices.Clone(w.cascades)}
	if w.name != "" {
		p.Organization.Name = w.name
	}
	p.Requires = w.requires
	for _, s := range w.steps {
		if !slices.Contains(w.isDeleted, s.ID) || w.lags {
			s.After = slices.DeleteFunc(slices.Clone(s.After), func(id string) bool { return slices.Contains(w.isDeleted, id) })
			p.Steps = append(p.Steps, s)
		}
	}
	if p.DeletionError == nil && len(p.Steps) > 0 && !w.lenient {
		p.DeletionError = &errors.Error{Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied}
	}
	return teardown.Seal(p), nil
}

func (w *fakeBlocking) Remove(ctx context.Context, _ teardown.Organization, step teardown.Step, progress func(string)) error {
	w.mu.Lock()
	w.removed = append(w.removed, step.ID)
	attempt := 0
	for _, id := range w.removed {
		if id == step.ID {
			attempt++
		}
	}
	w.running++
	w.most = max(w.most, w.running)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.running--
		w.mu.Unlock()
	}()
	if w.before != nil {
		w.before(ctx, progress)
	}
	if w.takes > 0 {
		progress("deleting")
		select {
		case <-time.After(w.takes):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if w.remove != nil {
		if err := w.remove(step.ID, attempt); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isDeleted = append(w.isDeleted, step.ID)
	return nil
}

func (w *fakeBlocking) IsDeleted(_ context.Context, _ teardown.Organization, step teardown.Step) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.read != nil {
		if err := w.read(step.ID); err != nil {
			return false, err
		}
	}
	there := slices.ContainsFunc(w.steps, func(s teardown.Step) bool { return s.ID == step.ID }) && !slices.Contains(w.isDeleted, step.ID)
	return !there && !slices.Contains(w.foreign, step.ID), nil
}

func (w *fakeBlocking) Delete(context.Context, teardown.Organization) (teardown.Deletion, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deleted++
	if w.delete != nil {
		return w.delete()
	}
	return teardown.Deletion{Outcome: teardown.Deleted}, nil
}

func (w *fakeBlocking) plan(t *testing.T) *teardown.Plan {
	t.Helper()
	p, err := w.Inspect(t.Context(), acme, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *fakeBlocking) execute(t *testing.T, options ...teardown.Option) (*teardown.Report, error) {
	t.Helper()
	return teardown.Execute(t.Context(), teardown.FromBlocking(w), w.plan(t), append([]teardown.Option{teardown.WithConfirm("Acme")}, options...)...)
}

func states(r *teardown.Report) map[string]teardown.StepState {
	all := map[string]teardown.StepState{}
	for _, s := range r.Steps {
		all[s.ID] = s.State
	}
	return all
}

func TestExecute_Order(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a", "b<a", "c<a", "d<b,c", "e"), takes: time.Minute}
		start := time.Now()
		r, err := w.execute(t)
		if err != nil || r.Outcome != teardown.Deleted || w.deleted != 1 {
			t.Fatalf("got %v, %v, %d deletions", r, err, w.deleted)
		}
		for _, s := range w.steps {
			for _, before := range s.After {
				if slices.Index(w.isDeleted, before) > slices.Index(w.removed, s.ID) && slices.Index(w.isDeleted, before) > slices.Index(w.isDeleted, s.ID) {
					t.Errorf("%s was deleted before %s: %v", s.ID, before, w.isDeleted)
				}
			}
		}
		if took := time.Since(start); took != 3*time.Minute || w.most != 2 {
			t.Errorf("took %v with %d at once, want the longest chain of 3 with 2", took, w.most)
		}
		for id, state := range states(r) {
			if state != teardown.StepDeleted {
				t.Errorf("%s is %s", id, state)
			}
		}
	})
}

func TestExecute_Concurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a", "b", "c", "d", "e"), takes: time.Minute}
		if _, err := w.execute(t, teardown.WithConcurrency(3)); err != nil || w.most != 3 {
			t.Errorf("%d at once, %v", w.most, err)
		}
	})
}

func refused(code errors.Code) error {
	return &errors.Error{Provider: "fake", Operation: "Remove", Code: code, Status: 400, Message: "no", RequestID: "r-1"}
}

func TestExecute_IndependentSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a", "b<a", "c", "d<c"), remove: func(id string, _ int) error {
			if id == "a" {
				return refused(errors.PermissionDenied)
			}
			return nil
		}}
		r, err := w.execute(t)
		if !errors.Is(err, errors.PermissionDenied) || r == nil || r.Outcome != teardown.Blocked || w.deleted != 0 {
			t.Fatalf("got %+v, %v, %d deletions", r, err, w.deleted)
		}
		want := map[string]teardown.StepState{"a": teardown.StepFailed, "b": teardown.StepNotStarted, "c": teardown.StepDeleted, "d": teardown.StepDeleted}
		if diff := cmp.Diff(want, states(r)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if s := r.Steps[0]; s.Attempts != 1 || s.RequestID != "r-1" || messageOf(s.Err) != "no" || len(r.Remaining()) != 2 {
			t.Errorf("got %+v, %d left", s, len(r.Remaining()))
		}
	})
}

func TestExecute_StepDeletedByRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		remove func(id string, attempt int) error
		read   func(id string) error
		state  teardown.StepState
		tries  int // 0: until the time for retries is over
	}{
		"at once":                    {nil, nil, teardown.StepDeleted, 1},
		"after a conflict":           {first(2, errors.Conflict), nil, teardown.StepDeleted, 3},
		"after a failure":            {first(2, errors.Unavailable), nil, teardown.StepDeleted, 3},
		"after a lost answer":        {first(1, errors.OutcomeUnknown), nil, teardown.StepDeleted, 2},
		"never: always a conflict":   {first(1000, errors.Conflict), nil, teardown.StepFailed, 0},
		"never: denied":              {first(100, errors.PermissionDenied), nil, teardown.StepFailed, 1},
		"never: it cannot be read":   {nil, func(string) error { return refused(errors.PermissionDenied) }, teardown.StepFailed, 1},
		"never: answers are lost":    {first(1000, errors.OutcomeUnknown), nil, teardown.StepFailed, 0},
		"not: it says so, and stays": {first(1000, ""), nil, teardown.StepFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{steps: stepsOf("a"), remove: test.remove, read: test.read}
				if name == "not: it says so, and stays" {
					w.remove = nil
					w.read = func(string) error { w.isDeleted = nil; return nil }
				}
				start := time.Now()
				r, err := w.execute(t)
				if r == nil || r.Steps[0].State != test.state || (err == nil) != (test.state == teardown.StepDeleted) {
					t.Fatalf("got %+v, %v", r, err)
				}
				if took := time.Since(start); test.tries != 0 && r.Steps[0].Attempts != test.tries || test.tries == 0 && (took < 14*time.Minute || took > 15*time.Minute) {
					t.Errorf("%d attempts in %v", r.Steps[0].Attempts, took)
				}
				if want := map[teardown.StepState]int{teardown.StepDeleted: 1}[test.state]; w.deleted != want {
					t.Errorf("the organization was deleted %d times, want %d", w.deleted, want)
				}
			})
		})
	}
}

func TestExecute_BlockedStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("slow", "held")}
		w.remove = func(id string, _ int) error {
			if id == "slow" {
				time.Sleep(30 * time.Minute)
				return nil
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if !slices.Contains(w.isDeleted, "slow") {
				return refused(errors.Conflict)
			}
			return nil
		}
		r, err := w.execute(t)
		if err != nil || r.Steps[1].Attempts <= 8 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestExecute_StepsBlockEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := &fakeBlocking{steps: stepsOf("a", "b"), remove: first(1000, errors.Conflict)}
		r, err := w.execute(t)
		if !errors.Is(err, errors.Conflict) || r == nil || time.Since(start) > 15*time.Minute {
			t.Errorf("got %+v, %v after %v", r, err, time.Since(start))
		}
	})
}

// first returns a function that fails n times.
func first(n int, code errors.Code) func(string, int) error {
	return func(_ string, attempt int) error {
		if attempt <= n {
			return refused(code)
		}
		return nil
	}
}

// A removal whose answer was lost may have been executed.
func TestExecute_LostAnswer(t *testing.T) {
	t.Parallel()
	w := &fakeBlocking{steps: stepsOf("a")}
	w.remove = func(id string, _ int) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.isDeleted = append(w.isDeleted, id)
		return refused(errors.OutcomeUnknown)
	}
	r, err := w.execute(t)
	if err != nil || r.Outcome != teardown.Deleted || len(w.removed) != 1 {
		t.Errorf("got %+v, %v after %d removals", r, err, len(w.removed))
	}
}

func TestExecute_NotConfirmed(t *testing.T) {
	t.Parallel()
	protected := stepsOf("a")
	protected[0].Requires = []teardown.Override{teardown.TerminationProtection}
	for name, test := range map[string]struct {
		steps   []teardown.Step
		options []teardown.Option
		ok      bool
	}{
		"no name":                   {nil, nil, false},
		"another name":              {nil, []teardown.Option{teardown.WithConfirm("acme")}, false},
		"the name":                  {nil, []teardown.Option{teardown.WithConfirm("Acme")}, true},
		"denied":                    {nil, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithDeny("org_2", "org_1")}, false},
		"others are denied":         {nil, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithDeny("org_2")}, true},
		"allowed":                   {nil, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithAllow("org_1")}, true},
		"others are allowed":        {nil, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithAllow("org_2")}, false},
		"allowed and denied":        {nil, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithAllow("org_1"), teardown.WithDeny("org_1")}, false},
		"protected":                 {protected, []teardown.Option{teardown.WithConfirm("Acme")}, false},
		"protected, and another":    {protected, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization)}, false},
		"protected, and permitted":  {protected, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.TerminationProtection)}, true},
		"permitted without purpose": {nil, []teardown.Option{teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &fakeBlocking{steps: test.steps}
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), w.plan(t), test.options...)
			if test.ok != (err == nil) || !test.ok && (!errors.Is(err, errors.NotConfirmed) || r != nil) {
				t.Errorf("got %+v, %v", r, err)
			}
			if !test.ok && len(w.removed)+w.deleted != 0 {
				t.Error("something was written")
			}
		})
	}
}

func TestExecute_StalePlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*fakeBlocking)
		edit   func(*teardown.Plan)
		later  time.Duration
		want   string // the name of the difference
	}{
		"nothing":             {},
		"a new resource":      {change: func(w *fakeBlocking) { w.steps = append(w.steps, stepsOf("z")...) }, want: "z"},
		"another name of one": {change: func(w *fakeBlocking) { w.steps[0].Name = "other" }, want: "a"},
		"one less":            {change: func(w *fakeBlocking) { w.isDeleted = []string{"a"} }},
		"now protected":       {change: func(w *fakeBlocking) { w.steps[0].Requires = []teardown.Override{teardown.TerminationProtection} }, want: "a"},
		"another name":        {change: func(w *fakeBlocking) { w.name = "Acme Ltd" }, want: "organization"},
		"a new kind of items": {change: func(w *fakeBlocking) { w.cascades = append(w.cascades, teardown.Cascade{Kind: "apps", Count: 1}) }, want: "apps"},
		"more of the same":    {change: func(w *fakeBlocking) { w.cascades[0].Count = 7 }, want: "users"},
		"less of the same":    {change: func(w *fakeBlocking) { w.cascades[0].Count = 1 }},
		"expired":             {later: 25 * time.Hour, want: "expires_at"},
		"nearly expired":      {later: 23 * time.Hour},
		"a step edited out":   {edit: func(p *teardown.Plan) { p.Steps = p.Steps[:1] }, want: "fingerprint"},
		"the id edited":       {edit: func(p *teardown.Plan) { p.Organization.ID = "org_2" }, want: "fingerprint"},
		"the end edited":      {edit: func(p *teardown.Plan) { p.ExpiresAt = p.ExpiresAt.Add(time.Hour) }, want: "fingerprint"},
		"no fingerprint":      {edit: func(p *teardown.Plan) { p.Fingerprint = "" }, want: "fingerprint"},
		"of a later version":  {edit: func(p *teardown.Plan) { p.Version++; p.SealAs() }, want: "version"},
		"from the future":     {edit: func(p *teardown.Plan) { p.CreatedAt = p.CreatedAt.Add(time.Hour); p.SealAs() }, want: "created_at"},
		"of another provider": {edit: func(p *teardown.Plan) { p.Provider = "moon"; teardown.Seal(p) }, want: "provider"},
		"of another instance": {edit: func(p *teardown.Plan) { p.Instance = "https://moon.invalid"; teardown.Seal(p) }, want: "provider"},
		"of another":          {edit: func(p *teardown.Plan) { p.Organization.ID = "org_2"; teardown.Seal(p) }, want: "organization"},
		"impossible order":    {edit: func(p *teardown.Plan) { p.Steps[0].After = []string{"b"}; teardown.Seal(p) }, want: "a"},
		"with a step twice":   {edit: func(p *teardown.Plan) { p.Steps = append(p.Steps, p.Steps[0]); teardown.Seal(p) }, want: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{steps: stepsOf("a", "b"), cascades: []teardown.Cascade{{Kind: "users", Count: 3}}}
				p := w.plan(t)
				if test.edit != nil {
					test.edit(p)
				}
				if test.change != nil {
					test.change(w)
				}
				time.Sleep(test.later)
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
				if test.want == "" {
					if err != nil || r.Outcome != teardown.Deleted {
						t.Errorf("got %+v, %v", r, err)
					}
					return
				}
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != errors.PlanStale || len(e.Steps) == 0 || e.Steps[0].Name != test.want {
					t.Errorf("got %v with %+v, want %q because of %q", err, e, errors.PlanStale, test.want)
				}
				if r != nil || len(w.removed)+w.deleted != 0 {
					t.Error("a request was sent")
				}
			})
		})
	}
}

func TestExecute_ManualSteps(t *testing.T) {
	t.Parallel()
	steps := stepsOf("a", "invoice", "b<invoice")
	steps[1].Manual = true
	w := &fakeBlocking{steps: steps}
	r, err := w.execute(t)
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || r == nil || r.Outcome != teardown.Blocked || len(w.removed)+w.deleted != 0 {
		t.Fatalf("got %+v, %v; %v were removed", r, err, w.removed)
	}
	r, err = w.execute(t, teardown.WithOverrides(teardown.Partial))
	want := map[string]teardown.StepState{"a": teardown.StepDeleted, "invoice": teardown.StepManual, "b": teardown.StepNotStarted}
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || r == nil || w.deleted != 0 {
		t.Fatalf("got %+v, %v, %d deletions", r, err, w.deleted)
	}
	if diff := cmp.Diff(want, states(r)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	w.isDeleted = append(w.isDeleted, "invoice") // paid
	if r, err = w.execute(t); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestExecute_ManualStepsWithoutDeletionError(t *testing.T) {
	t.Parallel()
	steps := stepsOf("a", "invoice")
	steps[1].Manual = true
	w := &fakeBlocking{steps: steps, lenient: true}
	r, err := w.execute(t)
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || r == nil || r.Outcome != teardown.Blocked || len(w.removed)+w.deleted != 0 {
		t.Fatalf("got %+v, %v; %v were removed", r, err, w.removed)
	}
	want := []errors.Step{
		{Name: "a", Description: "delete it: not started"}, {Name: "invoice", Description: "delete it: manual step required"},
	}
	if e, _ := errors.AsType[*errors.Error](err); !cmp.Equal(want, e.Steps) {
		t.Errorf("steps (-want +got):\n%s", cmp.Diff(want, e.Steps))
	}
}

func TestExecute_PermanentRefusal(t *testing.T) {
	t.Parallel()
	for _, code := range []errors.Code{errors.PermissionDenied, errors.DefaultOrganization, errors.SystemOrganization} {
		w := &fakeBlocking{deletionError: &errors.Error{Operation: "CheckDeletion", Code: code, Status: 403}}
		r, err := w.execute(t)
		if !errors.Is(err, code) || r == nil || r.Outcome != teardown.Blocked || w.deleted != 0 {
			t.Errorf("got %+v, %v", r, err)
		}
	}
}

func TestExecute_DeletionOutcomes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		delete  func(n int) (teardown.Deletion, error)
		outcome teardown.Outcome
		code    errors.Code
		times   int
	}{
		"pending": {func(int) (teardown.Deletion, error) {
			return teardown.Deletion{Outcome: teardown.Pending, PendingOn: "they"}, nil
		}, teardown.Pending, "", 1},
		"unknown": {func(int) (teardown.Deletion, error) { return teardown.Deletion{}, refused(errors.OutcomeUnknown) }, teardown.Unknown, errors.OutcomeUnknown, 1},
		"deleted in between": {func(int) (teardown.Deletion, error) {
			return teardown.Deletion{}, refused(errors.OrganizationNotFound)
		}, teardown.NotFound, errors.OrganizationNotFound, 1},
		"denied": {func(int) (teardown.Deletion, error) {
			return teardown.Deletion{}, refused(errors.PermissionDenied)
		}, teardown.Blocked, errors.PermissionDenied, 1},
		"not paid": {func(int) (teardown.Deletion, error) { return teardown.Deletion{}, refused(errors.PaymentRequired) }, teardown.Blocked, errors.PaymentRequired, 1},
		"permanent refusal": {func(int) (teardown.Deletion, error) {
			return teardown.Deletion{}, refused(errors.SystemOrganization)
		}, teardown.Blocked, errors.SystemOrganization, 1},
		"another resource exists": {func(int) (teardown.Deletion, error) {
			return teardown.Deletion{}, refused(errors.DeletionStepsNotSatisfied)
		}, teardown.Blocked, errors.DeletionStepsNotSatisfied, 0}, // until the time for retries is over
		"a little too early": {func(n int) (teardown.Deletion, error) {
			if n < 3 {
				return teardown.Deletion{}, refused(errors.DeletionStepsNotSatisfied)
			}
			return teardown.Deletion{Outcome: teardown.Deleted}, nil
		}, teardown.Deleted, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{}
				w.delete = func() (teardown.Deletion, error) { return test.delete(w.deleted) }
				r, err := w.execute(t)
				if r == nil || r.Outcome != test.outcome || test.times != 0 && w.deleted != test.times || test.code != "" && !errors.Is(err, test.code) || test.code == "" && err != nil {
					t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
				}
				if test.outcome == teardown.Pending && r.PendingOn != "they" {
					t.Errorf("got %q", r.PendingOn)
				}
			})
		})
	}
}

func TestExecute_Cancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &fakeBlocking{steps: stepsOf("a", "b<a", "c<b"), takes: time.Minute}
		p := w.plan(t)
		time.AfterFunc(90*time.Second, cancel)
		r, err := teardown.Execute(ctx, teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
		want := map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepInterrupted, "c": teardown.StepNotStarted}
		if !errors.Is(err, context.Canceled) || r == nil || r.Outcome != teardown.Stopped || w.deleted != 0 {
			t.Fatalf("got %+v, %v", r, err)
		}
		if diff := cmp.Diff(want, states(r)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		r, err = teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
		want = map[string]teardown.StepState{"a": teardown.StepAlreadyDeleted, "b": teardown.StepDeleted, "c": teardown.StepDeleted}
		if err != nil || r.Outcome != teardown.Deleted {
			t.Fatalf("got %+v, %v", r, err)
		}
		if diff := cmp.Diff(want, states(r)); diff != "" {
			t.Errorf("states of the second run (-want +got):\n%s", diff)
		}
	})
}

func TestStop_WaitingSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		w := &fakeBlocking{steps: stepsOf("a", "b<a", "c<b"), takes: time.Minute}
		time.AfterFunc(90*time.Second, func() { close(stop) })
		r, err := w.execute(t, teardown.WithStop(stop))
		want := map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepInterrupted, "c": teardown.StepNotStarted}
		if !errors.Is(err, errors.NotFinished) || errors.Is(err, errors.Canceled) || !strings.Contains(err.Error(), "the teardown was stopped") || len(stepsOfError(err)) != 2 || r == nil || r.Outcome != teardown.Stopped || w.deleted != 0 {
			t.Fatalf("got %+v, %v", r, err)
		}
		if diff := cmp.Diff(want, states(r)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestExecute_StepTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a"), takes: 24 * time.Hour}
		start := time.Now()
		r, err := w.execute(t, teardown.WithStepTimeout(time.Hour))
		if !errors.Is(err, errors.NotFinished) || r == nil || r.Steps[0].State != teardown.StepFailed || time.Since(start) != time.Hour {
			t.Errorf("got %+v, %v after %v", r, err, time.Since(start))
		}
	})
}

// The code of a step that exceeded its time limit is not Canceled, although the error of its
// request is: the caller canceled nothing.
func TestExecute_StepTimeoutCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a"), remove: func(string, int) error {
			time.Sleep(2 * time.Hour)
			return &errors.Error{Code: errors.Canceled, Err: context.DeadlineExceeded}
		}}
		r, err := w.execute(t, teardown.WithStepTimeout(time.Hour))
		if !errors.Is(err, errors.NotFinished) || errors.Is(err, errors.Canceled) || r == nil || r.Steps[0].State != teardown.StepFailed {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestExecute_Events(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a", "b<a"), takes: time.Second, remove: func(id string, attempt int) error {
			if id == "b" && attempt == 1 {
				return &errors.Error{Code: errors.RateLimitReached, RetryAfter: time.Minute}
			}
			return nil
		}}
		var got []string
		_, err := w.execute(t, teardown.WithEvents(func(e teardown.Event) {
			line := e.Step + " " + string(e.Kind)
			if e.Kind == teardown.EventFinished {
				line += " " + string(e.State) + string(e.Outcome)
			}
			if e.Kind == teardown.EventRetrying && e.Wait != time.Minute {
				line += " after " + e.Wait.String()
			}
			got = append(got, line)
			if e.Organization != acme || e.Provider != "fake" || e.Total != 2 || e.Time.IsZero() {
				t.Errorf("got %+v", e)
			}
		}))
		want := []string{
			" started", "a started", "a waiting", "a finished deleted",
			"b started", "b waiting", "b retrying", "b waiting", "b finished deleted", " finished deleted",
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v; events (-want +got):\n%s", err, diff)
		}
	})
}

func messageOf(err error) string {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return ""
	}
	return e.Message
}

func stepsOfError(err error) []errors.Step {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return nil
	}
	return e.Steps
}

// The code of the error of a stopped teardown is Canceled only if nothing was started.
func TestStop_Code(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		close(stop)
		w := &fakeBlocking{steps: stepsOf("a")}
		r, err := w.execute(t, teardown.WithStop(stop))
		if r == nil || r.Outcome != teardown.Stopped || codeOf(err) != errors.Canceled || states(r)["a"] != teardown.StepNotStarted || len(stepsOfError(err)) != 1 {
			t.Errorf("before the first step: got %+v, %v", r, err)
		}
	})
	for name, test := range map[string]struct {
		steps  []teardown.Step
		gentle bool
		want   errors.Code
	}{
		"without a step":              {nil, true, errors.Canceled},
		"after a step":                {stepsOf("a"), true, errors.NotFinished},
		"canceled after a step":       {stepsOf("a"), false, errors.NotFinished},
		"canceled, and without steps": {nil, false, errors.Canceled},
	} {
		t.Run("at the deletion "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stop := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := &fakeBlocking{steps: test.steps, delete: func() (teardown.Deletion, error) {
					if test.gentle {
						close(stop)
					} else {
						cancel()
					}
					return teardown.Deletion{}, refused(errors.Canceled) // nothing was sent
				}}
				r, err := teardown.Execute(ctx, teardown.FromBlocking(w), w.plan(t), teardown.WithConfirm("Acme"), teardown.WithStop(stop))
				if r == nil || r.Outcome != teardown.Stopped || codeOf(err) != test.want || errors.Is(err, context.Canceled) == test.gentle {
					t.Errorf("got %+v, %v, want %q", r, err, test.want)
				}
			})
		})
	}
}
