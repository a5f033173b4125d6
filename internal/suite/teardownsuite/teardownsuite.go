// Package teardownsuite tests the teardown of every provider against the provider's fake:
// an organization with every kind of blocker is deleted in spite of faults, and no other
// resource changes.
package teardownsuite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Provider is a provider under test.
type Provider struct {
	// New returns a new fake with an organization that has every kind of blocker, and
	// another one with the same. It is called inside of a synctest bubble.
	New func(testing.TB) *World

	// Kinds are the expected kinds of steps, sorted.
	Kinds []string

	// Overrides are the overrides that the plan requires.
	Overrides []teardown.Override

	// Outcome is the outcome of a successful run: Deleted or Pending.
	Outcome teardown.Outcome

	// Runs is the number of random runs of each test; 0 means 25. With the race detector it
	// is 3.
	Runs int
}

// World is a fake with two organizations.
type World struct {
	Server *offboardtest.Server

	// Plan and Teardown are the client's calls for the first organization.
	Plan     func(context.Context) (*teardown.Plan, error)
	Teardown func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)

	// Check is the client's CheckDeletion of the first organization.
	Check func(context.Context) error

	// Name is the name of the first organization.
	Name string

	// ResolveManual does the manual steps of the first organization; nil if there are none.
	ResolveManual func()

	// AddBlocker adds a resource that blocks the deletion, or is deleted along with the
	// organization.
	AddBlocker func()

	// AddDuringTeardown adds a resource to the first organization itself during its
	// teardown; nil if AddBlocker does.
	AddDuringTeardown func()

	// PlanOther is the client's Plan of the second organization; nil if the client has no
	// access to it, or no API can remove any of its resources.
	PlanOther func(context.Context) (*teardown.Plan, error)

	// Deleted reports whether the first organization is deleted at the fake, or its
	// deletion was accepted.
	Deleted func() bool

	// Unrelated returns all other state of the fake, which no test may change.
	Unrelated func() any
}

// Run runs all tests.
func (p Provider) Run(t *testing.T) {
	t.Run("Plan", p.plan)
	t.Run("ManualSteps", p.manual)
	t.Run("Complete", p.complete)
	t.Run("FaultsInOneRun", p.faultsOneRun)
	t.Run("FaultsInManyRuns", p.faultsManyRuns)
	t.Run("Interrupted", p.interrupted)
	t.Run("StalePlan", p.stale)
	t.Run("NotFound", p.notFound)
	t.Run("ForeignSteps", p.foreign)
	t.Run("NewBeforeDeletion", p.newBeforeDeletion)
	t.Run("NewBeforeRepetition", p.newBeforeRepetition)
	t.Run("DeniedOrganizations", p.denied)
	t.Run("Unconfirmed", p.unconfirmed)
}

// writes returns the requests that change something.
func (w *World) writes() []offboardtest.Request {
	return slices.DeleteFunc(w.Server.Requests(), func(r offboardtest.Request) bool {
		reads := []string{"Get", "List", "Search", "Count", "Check", "Token", "Issue", "Is"}
		return r.Method == http.MethodGet || r.Operation == "" ||
			slices.ContainsFunc(reads, func(prefix string) bool { return strings.HasPrefix(r.Operation, prefix) })
	})
}

func (p Provider) bubble(t *testing.T, f func(*testing.T, *World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, p.New(t)) })
}

func (p Provider) plan(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		plan, err := w.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, s := range plan.Steps {
			kinds = append(kinds, s.Kind)
			if s.ID == "" || s.Name == "" || s.Why == "" || s.Removal == "" {
				t.Errorf("the step %+v lacks an ID, a name, a reason or a removal", s)
			}
			if !strings.HasPrefix(s.ID, s.Kind+"/") {
				t.Errorf("the ID %q does not start with the kind %q", s.ID, s.Kind)
			}
		}
		slices.Sort(kinds)
		if diff := cmp.Diff(p.Kinds, slices.Compact(kinds)); diff != "" {
			t.Errorf("kinds of steps (-want +got):\n%s", diff)
		}
		if plan.Organization.Name != w.Name {
			t.Errorf("got the organization %q, want %q", plan.Organization.Name, w.Name)
		}
		if diff := cmp.Diff(fmt.Sprint(w.Check(t.Context())), fmt.Sprint(plan.Err())); diff != "" {
			t.Errorf("error of the plan, compared with CheckDeletion (-want +got):\n%s", diff)
		}
		if plan.Err() != nil && !errors.Is(plan.Err(), errors.DeletionStepsNotSatisfied) {
			t.Errorf("got %v, want %q", plan.Err(), errors.DeletionStepsNotSatisfied)
		}
		again, err := w.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plan.Steps, again.Steps); diff != "" {
			t.Errorf("steps of a second plan (-first +second):\n%s", diff)
		}
		text, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		read, err := teardown.ReadPlan(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plan, read); diff != "" {
			t.Errorf("after JSON (-before +after):\n%s", diff)
		}
		if n := len(w.writes()); n != 0 {
			t.Errorf("%d requests changed something: %+v", n, w.writes()[0])
		}
	})
}

func (p Provider) manual(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		if w.ResolveManual == nil {
			t.Skip("the plan has no manual steps")
		}
		plan, err := w.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Manual()) == 0 {
			t.Error("the plan has no manual step")
		}
		r, err := w.Teardown(t.Context(), plan, teardown.WithConfirm(w.Name), teardown.WithOverrides(p.Overrides...))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) || len(w.writes()) != 0 {
			t.Errorf("got %+v, %v and %d writes", r, err, len(w.writes()))
		}
		// With the override, the other steps are applied before the manual ones, and the
		// rest after them.
		r, err = w.Teardown(t.Context(), plan, teardown.WithConfirm(w.Name), teardown.WithOverrides(append(p.Overrides, teardown.Partial)...))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) || w.Deleted() {
			t.Fatalf("got %+v, %v", r, err)
		}
		for _, s := range r.Remaining() {
			waitsForManual := func(id string) bool {
				i := slices.IndexFunc(r.Steps, func(s teardown.StepReport) bool { return s.ID == id })
				return i >= 0 && r.Steps[i].State != teardown.StepDeleted
			}
			if s.State != teardown.StepManual && !slices.ContainsFunc(s.After, waitsForManual) {
				t.Errorf("%s is %s: %v", s.ID, s.State, s.Err)
			}
		}
		w.ResolveManual()
		r, err = w.Teardown(t.Context(), plan, teardown.WithConfirm(w.Name), teardown.WithOverrides(p.Overrides...))
		p.check(t, w, r, err)
	})
}

// check checks that the run succeeded and the organization is deleted.
func (p Provider) check(t *testing.T, w *World, r *teardown.Report, err error) {
	t.Helper()
	if err != nil || r == nil || r.Outcome != p.Outcome || !w.Deleted() {
		t.Errorf("got %v, deleted %t", err, w.Deleted())
		if r != nil {
			t.Errorf("outcome %q", r.Outcome)
			for _, s := range r.Remaining() {
				t.Errorf("%s is %s: %v", s.ID, s.State, s.Err)
			}
		}
	}
}

// ready does the manual steps and returns a plan.
func (w *World) ready(t *testing.T) *teardown.Plan {
	t.Helper()
	if w.ResolveManual != nil {
		w.ResolveManual()
	}
	plan, err := w.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if manual := plan.Manual(); len(manual) > 0 {
		t.Fatalf("%+v is still a manual step", manual[0])
	}
	return plan
}

func (p Provider) options(w *World) []teardown.Option {
	return []teardown.Option{teardown.WithConfirm(w.Name), teardown.WithOverrides(p.Overrides...)}
}

func (p Provider) complete(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		plan := w.ready(t)
		before := w.Unrelated()
		var journal bytes.Buffer
		r, err := w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithJournal(&journal))...)
		p.check(t, w, r, err)
		if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
			t.Errorf("unrelated resources (-before +after):\n%s", diff)
		}
		// The fake refuses a request that is sent too early.
		for _, request := range w.writes() {
			if request.Status >= 400 {
				t.Errorf("%s %s%s %s was refused with %d: sent too early or too often", request.Method, request.Path, request.Query, request.Body, request.Status)
			}
		}
		done := 0
		entries := read(t, &journal)
		for _, e := range entries {
			if e.State == teardown.StepDeleted {
				done++
			}
		}
		if done != len(plan.Steps) {
			t.Errorf("the journal has %d of %d steps as deleted", done, len(plan.Steps))
		}
		// A second run has no remaining steps.
		n := len(w.writes())
		if p.Outcome == teardown.Deleted {
			r, err = w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithResume(entries))...)
			p.check(t, w, r, err)
			if got := len(w.writes()); got != n {
				t.Errorf("%d more requests changed something", got-n)
			}
		}
	})
}

// read reads a journal.
func read(t *testing.T, journal *bytes.Buffer) []teardown.Entry {
	t.Helper()
	var entries []teardown.Entry
	for e, err := range teardown.ReadJournal(bytes.NewReader(journal.Bytes())) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func (p Provider) runs() int {
	if slow {
		return 3
	}
	if p.Runs > 0 {
		return p.Runs
	}
	return 25
}

// faultsOneRun expects one run to succeed although a tenth of the requests have a fault: a
// rate limit, a 5xx with an HTML page, a lost answer. Faults are assigned in the order of
// the requests, so reads are sent one at a time: the scheduler must not decide which read
// has how many faults.
func (p Provider) faultsOneRun(t *testing.T) {
	t.Parallel()
	for seed := range p.runs() {
		p.bubble(t, func(t *testing.T, w *World) {
			plan := w.ready(t)
			before := w.Unrelated()
			w.Server.Fail(randomFaults(rand.New(rand.NewPCG(uint64(seed), 3)), 10)...)
			var journal bytes.Buffer
			r, err := w.Teardown(trace.WithParallel(t.Context(), 1), plan, append(p.options(w), teardown.WithJournal(&journal))...)
			switch {
			case r == nil || r.Outcome != teardown.Unknown:
			case w.Deleted():
				return // the answer was lost with the credential: Unknown is correct
			case p.Outcome == teardown.Pending:
				// No read shows that a request was not accepted.
				r, err = p.apply(t, w, plan, &journal)
			}
			if p.check(t, w, r, err); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("seed %d: unrelated resources (-before +after):\n%s", seed, diff)
			}
		})
	}
}

// randomFaults returns a fault for one of so many requests, at random.
func randomFaults(random *rand.Rand, of int) []offboardtest.Fault {
	busy := offboardtest.Respond("", http.StatusTooManyRequests, "{}")
	busy.Header.Set("Retry-After", "3")
	faults := []offboardtest.Fault{
		busy, offboardtest.LoseResponse(""), offboardtest.LoseRequest(""), offboardtest.HTMLResponse("", http.StatusServiceUnavailable),
		offboardtest.HTMLResponse("", http.StatusBadGateway), offboardtest.TruncateResponse(""), offboardtest.RefuseConnection(""), {Delay: 20 * time.Second},
	}
	all := make([]offboardtest.Fault, 400)
	for i := range all {
		if random.IntN(of) == 0 {
			all[i] = faults[random.IntN(len(faults))]
		}
	}
	return all
}

// apply applies a plan again until it is not blocked, as a reader of the report does.
func (p Provider) apply(t *testing.T, w *World, plan *teardown.Plan, journal *bytes.Buffer) (r *teardown.Report, err error) {
	t.Helper()
	for range 20 {
		r, err = w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithResume(read(t, journal)), teardown.WithJournal(journal))...)
		if r != nil && r.Outcome == teardown.Unknown && w.Deleted() {
			return r, nil // the outcome cannot be known: Unknown is correct
		}
		if err == nil || errors.Is(err, errors.PlanStale) {
			return r, err
		}
		if w.Deleted() && p.Outcome == teardown.Pending {
			return r, nil // the credential may have ended with the organization
		}
	}
	return r, err
}

func (p Provider) faultsManyRuns(t *testing.T) {
	t.Parallel()
	for seed := range p.runs() {
		p.bubble(t, func(t *testing.T, w *World) {
			plan := w.ready(t)
			before := w.Unrelated()
			w.Server.Fail(randomFaults(rand.New(rand.NewPCG(uint64(seed), 1)), 6)...)
			r, err := p.apply(t, w, plan, new(bytes.Buffer))
			if err != nil || !w.Deleted() {
				t.Errorf("seed %d:", seed)
				p.check(t, w, r, err)
			}
			if r != nil && r.Outcome == teardown.Deleted && !w.Deleted() {
				t.Errorf("seed %d: reports deleted, but the organization exists", seed)
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("seed %d: unrelated resources (-before +after):\n%s", seed, diff)
			}
		})
	}
}

func (p Provider) interrupted(t *testing.T) {
	t.Parallel()
	for seed := range p.runs() {
		p.bubble(t, func(t *testing.T, w *World) {
			plan := w.ready(t)
			before := w.Unrelated()
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			var journal bytes.Buffer
			for range 6 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(30_000))*time.Millisecond)
				r, err := w.Teardown(ctx, plan, append(p.options(w), teardown.WithResume(read(t, &journal)), teardown.WithJournal(&journal))...)
				cancel()
				if err == nil {
					p.check(t, w, r, err)
					break
				}
			}
			r, err := p.apply(t, w, plan, &journal)
			if err != nil || !w.Deleted() {
				t.Errorf("seed %d:", seed)
				p.check(t, w, r, err)
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("seed %d: unrelated resources (-before +after):\n%s", seed, diff)
			}
			done := map[string]int{}
			for _, e := range read(t, &journal) {
				if e.Step != "" && e.State == teardown.StepDeleted {
					done[e.Step]++
				}
			}
			for step, n := range done {
				if n > 1 {
					t.Errorf("seed %d: %s was deleted %d times", seed, step, n)
				}
			}
		})
	}
}

func (p Provider) stale(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*World, *teardown.Plan) error{
		"edited": func(_ *World, plan *teardown.Plan) error { plan.Organization.Name += "!"; return errors.PlanStale },
		"expired": func(*World, *teardown.Plan) error {
			time.Sleep(teardown.PlanTTL + time.Minute)
			return errors.PlanStale
		},
		"new blocker": func(w *World, _ *teardown.Plan) error { w.AddBlocker(); return errors.PlanStale },
		"another provider": func(_ *World, plan *teardown.Plan) error {
			plan.Provider = "another"
			Seal(plan)
			return errors.PlanStale
		},
		"not confirmed": func(w *World, _ *teardown.Plan) error { w.Name += "?"; return errors.NotConfirmed },
		"not expired":   func(*World, *teardown.Plan) error { time.Sleep(time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.bubble(t, func(t *testing.T, w *World) {
				plan := w.ready(t)
				want := change(w, plan)
				r, err := w.Teardown(t.Context(), plan, p.options(w)...)
				if want == nil {
					p.check(t, w, r, err)
					return
				}
				if r != nil || !errors.Is(err, want) || len(w.writes()) != 0 || w.Deleted() {
					t.Errorf("got %+v, %v and %d writes, want %v and none", r, err, len(w.writes()), want)
				}
			})
		})
	}
}

// notFound: an organization that the first read does not find is deleted only if the
// journal shows that the deletion was started.
func (p Provider) notFound(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		if p.Outcome != teardown.Deleted {
			t.Skip("no read is possible after the deletion")
		}
		plan := w.ready(t)
		var journal bytes.Buffer
		r, err := w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithJournal(&journal))...)
		p.check(t, w, r, err)
		entries := read(t, &journal)
		withoutStart := slices.DeleteFunc(slices.Clone(entries), func(e teardown.Entry) bool { return e.Kind == teardown.EntryDeletionStarted })
		elsewhere := slices.Clone(entries)
		for i := range elsewhere {
			elsewhere[i].Instance += "/elsewhere"
		}
		n := len(w.writes())
		for name, entries := range map[string][]teardown.Entry{"none": nil, "not started": withoutStart, "of another instance": elsewhere} {
			r, err := w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithResume(entries))...)
			if r == nil || r.Outcome != teardown.NotFound || !errors.Is(err, errors.OrganizationNotFound) || slices.ContainsFunc(r.Steps, func(s teardown.StepReport) bool { return s.State != teardown.StepNotStarted }) {
				t.Errorf("journal %s: got %+v, %v, want %s", name, r, err, teardown.NotFound)
			}
		}
		r, err = w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithResume(entries))...)
		p.check(t, w, r, err)
		if got := len(w.writes()); got != n {
			t.Errorf("%d more requests changed something", got-n)
		}
	})
}

// foreign: steps of another organization's plan are never applied, regardless of the steps
// in After.
func (p Provider) foreign(t *testing.T) {
	t.Parallel()
	steps := 1
	for i := 0; i < steps; i++ {
		p.bubble(t, func(t *testing.T, w *World) {
			if w.PlanOther == nil {
				t.Skip("the client cannot plan for the second organization")
			}
			plan := w.ready(t)
			other, err := w.PlanOther(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if steps = len(other.Steps); slow {
				steps = min(steps, p.runs())
			}
			before := w.Unrelated()
			// Apply the plan itself for a while, so that the trash is not empty.
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(9+4*(i%4))*time.Second)
			_, _ = w.Teardown(ctx, plan, p.options(w)...)
			cancel()
			foreign := other.Steps[i]
			foreign.Manual, foreign.Requires, foreign.After = false, nil, nil
			for _, s := range plan.Steps {
				if s.ID == foreign.ID {
					return // the step does not show whose resource it means
				}
				foreign.After = append(foreign.After, s.ID)
			}
			plan.Steps = append(plan.Steps, foreign)
			r, err := w.Teardown(t.Context(), Seal(plan), p.options(w)...)
			if (r != nil && r.Outcome == p.Outcome) != w.Deleted() {
				t.Errorf("%s: got %+v, %v, deleted %t", foreign.ID, r, err, w.Deleted())
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("%s: resources of the second organization (-before +after):\n%s", foreign.ID, diff)
			}
		})
	}
}

// newBeforeDeletion: a resource that is new after all steps keeps the organization from
// being deleted.
func (p Provider) newBeforeDeletion(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		plan := w.ready(t)
		added := false
		options := append(p.options(w), teardown.WithEvents(func(e teardown.Event) {
			if added || e.Done != e.Total {
				return
			}
			added = true
			time.Sleep(10 * time.Second) // a plan without steps would otherwise rely on its first inspection
			w.addDuringTeardown()
		}))
		r, err := w.Teardown(t.Context(), plan, options...)
		if !added || r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.PlanStale) || w.Deleted() || len(r.Remaining()) > 0 {
			t.Errorf("got %+v, %v, deleted %t", r, err, w.Deleted())
		}
	})
}

func (w *World) addDuringTeardown() {
	if w.AddDuringTeardown != nil {
		w.AddDuringTeardown()
	} else {
		w.AddBlocker()
	}
}

// newBeforeRepetition: if the provider refuses the deletion for the moment, no further attempt
// deletes a resource that is new since then.
func (p Provider) newBeforeRepetition(t *testing.T) {
	t.Parallel()
	deletion := ""
	p.bubble(t, func(t *testing.T, w *World) {
		if _, err := w.Teardown(t.Context(), w.ready(t), p.options(w)...); err != nil {
			t.Fatal(err)
		}
		writes := w.writes()
		deletion = writes[len(writes)-1].Operation
	})
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		p.bubble(t, func(t *testing.T, w *World) {
			plan := w.ready(t)
			refused := offboardtest.Respond(deletion, status, "{}")
			refused.Header.Set("Retry-After", "30")
			before := -1 // deletions of other organizations
			r, err := w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithEvents(func(e teardown.Event) {
				switch {
				case before < 0 && e.Done == e.Total:
					before = w.Server.Count(deletion)
					w.Server.Fail(refused)
				case before >= 0 && e.Kind == teardown.EventRetrying:
					w.addDuringTeardown()
				}
			}))...)
			// F5 does not show whether a request that it answered with 503 was accepted.
			blocked := r != nil && r.Outcome == teardown.Blocked && errors.Is(err, errors.PlanStale) ||
				status == http.StatusServiceUnavailable && errors.Is(err, errors.OutcomeUnknown)
			if sent := w.Server.Count(deletion) - before; !blocked || w.Deleted() || sent != 1 {
				t.Errorf("%d: got %v, deleted %t after %d times %s, want blocked after one", status, err, w.Deleted(), sent, deletion)
			}
		})
	}
}

// denied: Deny and Allow apply to every organization that the plan deletes.
func (p Provider) denied(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		plan := w.ready(t)
		organizations := []string{plan.Organization.ID}
		for _, s := range plan.Steps {
			if s.Organization == nil {
				continue
			}
			if s.Organization.ID == "" || !slices.Equal(s.Requires, []teardown.Override{teardown.ManagedOrganizations}) {
				t.Errorf("%s deletes an organization, but is %+v", s.ID, s)
			}
			organizations = append(organizations, s.Organization.ID)
		}
		if slices.Contains(p.Overrides, teardown.ManagedOrganizations) == (len(organizations) == 1) {
			t.Errorf("got the organizations %q", organizations)
		}
		refused := func(name string, options ...teardown.Option) {
			t.Helper()
			r, err := w.Teardown(t.Context(), plan, append(p.options(w), options...)...)
			if r != nil || !errors.Is(err, errors.NotConfirmed) || len(w.writes()) != 0 {
				t.Errorf("%s: got %+v, %v and %d writes", name, r, err, len(w.writes()))
			}
		}
		for i, id := range organizations {
			refused("deny "+id, teardown.WithDeny("another", id))
			refused("allow all but "+id, teardown.WithAllow(slices.Delete(slices.Clone(organizations), i, i+1)...))
		}
		// The same applies if the plan file does not name the organization of a step.
		for i := range plan.Steps {
			plan.Steps[i].Organization = nil
		}
		Seal(plan)
		for _, id := range organizations {
			refused("deny hidden "+id, teardown.WithDeny(id))
		}
	})
}

// unconfirmed: neither an empty name nor the ID of an organization with a name confirms a
// deletion.
func (p Provider) unconfirmed(t *testing.T) {
	t.Parallel()
	p.bubble(t, func(t *testing.T, w *World) {
		plan := w.ready(t)
		for _, name := range []string{"", " ", "\t", plan.Organization.ID + " ", w.Name + " "} {
			r, err := w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithConfirm(name))...)
			if r != nil || !errors.Is(err, errors.NotConfirmed) || len(w.writes()) != 0 {
				t.Errorf("%q: got %+v, %v and %d writes", name, r, err, len(w.writes()))
			}
		}
	})
}
