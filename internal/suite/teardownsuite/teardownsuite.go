// Package teardownsuite is what the teardown of every provider has to pass, against
// the provider's own double: an organization with everything that can stand in its
// way goes from blocked to gone, whatever goes wrong on the way, and nothing else
// is touched.
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
	// New returns a fresh double with an organization that has everything that can
	// stand in the way of its deletion, and another that has the same. It is called
	// inside of a synctest bubble.
	New func(testing.TB) *World

	// Kinds are the kinds of steps that the plan has to have, sorted.
	Kinds []string

	// Overrides is what has to be permitted.
	Overrides []teardown.Override

	// Outcome is what becomes of the organization: Gone, or Pending.
	Outcome teardown.Outcome

	// Runs is how many random runs each test makes; 0 for 25. With the race detector it
	// is 3.
	Runs int
}

// World is a double with two organizations.
type World struct {
	Server *offboardtest.Server

	// Plan and Teardown are the client's, for the first organization.
	Plan     func(context.Context) (*teardown.Plan, error)
	Teardown func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)

	// Check is the client's CheckDeletion of the first organization.
	Check func(context.Context) error

	// Name is the name of the first organization.
	Name string

	// ResolveManual does what no API can, for the first organization; nil when there is
	// nothing.
	ResolveManual func()

	// AddBlocker adds something that stands in the way, or is lost.
	AddBlocker func()

	// AddDuringTeardown adds something to the first organization itself, while it is torn down;
	// nil if Overtake does.
	AddDuringTeardown func()

	// PlanOther is the client's Plan of the second organization; nil if the client cannot
	// reach it, or no API removes anything of it.
	PlanOther func(context.Context) (*teardown.Plan, error)

	// Deleted tells the truth: the first organization is gone, or its deletion was
	// accepted.
	Deleted func() bool

	// Unrelated is all else that the double has: it has to stay as it is.
	Unrelated func() any
}

// Run runs all tests.
func (p Provider) Run(t *testing.T) {
	t.Run("the plan has everything and changes nothing", p.plan)
	t.Run("what hands have to do keeps everything", p.manual)
	t.Run("all of it goes, in order", p.complete)
	t.Run("all of it goes in one run, under trouble", p.faultsOneRun)
	t.Run("all of it goes, whatever goes wrong", p.faultsManyRuns)
	t.Run("it goes on after being ended at any moment", p.interrupted)
	t.Run("a plan that is not the truth touches nothing", p.stale)
	t.Run("NotFound", p.notFound)
	t.Run("ForeignSteps", p.foreign)
	t.Run("NewBeforeDeletion", p.newBeforeDeletion)
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
				t.Errorf("the step %+v does not say everything", s)
			}
			if !strings.HasPrefix(s.ID, s.Kind+"/") {
				t.Errorf("the id %q does not begin with the kind %q", s.ID, s.Kind)
			}
		}
		slices.Sort(kinds)
		if diff := cmp.Diff(p.Kinds, slices.Compact(kinds)); diff != "" {
			t.Errorf("kinds of steps (-want +got):\n%s", diff)
		}
		if plan.Organization.Name != w.Name {
			t.Errorf("the organization is called %q, want %q", plan.Organization.Name, w.Name)
		}
		if diff := cmp.Diff(fmt.Sprint(w.Check(t.Context())), fmt.Sprint(plan.Err())); diff != "" {
			t.Errorf("the plan's error is not that of CheckDeletion (-want +got):\n%s", diff)
		}
		if plan.Err() != nil && !errors.Is(plan.Err(), errors.DeletionStepsNotSatisfied) {
			t.Errorf("the plan's error is %v", plan.Err())
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
			t.Skip("nothing has to be done by hand")
		}
		plan, err := w.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Manual()) == 0 {
			t.Error("no step is to be done by hand")
		}
		r, err := w.Teardown(t.Context(), plan, teardown.WithConfirm(w.Name), teardown.WithOverrides(p.Overrides...))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) || len(w.writes()) != 0 {
			t.Errorf("got %+v, %v and %d writes", r, err, len(w.writes()))
		}
		// What the API can remove goes when that is permitted, and the rest after it was
		// done by hand.
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

// check checks that the organization is gone, and nothing else.
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

// ready returns the plan of a world in which all is done that has to be by hand.
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
		t.Fatalf("%+v is still to be done by hand", manual[0])
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
			t.Errorf("something else was touched (-before +after):\n%s", diff)
		}
		// The double refuses what comes too early.
		for _, request := range w.writes() {
			if request.Status >= 400 {
				t.Errorf("%s %s%s %s was refused with %d: it came too early, or too often", request.Method, request.Path, request.Query, request.Body, request.Status)
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
			t.Errorf("the journal has %d of %d steps as done", done, len(plan.Steps))
		}
		// Once more: there is nothing left to do.
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

// faultsOneRun has one run end well although every tenth request or so is refused by a
// limit, is answered by a page of 5xx, or has its answer lost. The faults are dealt out in
// the order of the requests, so that reads come one after the other: which of them meets
// how many faults must not depend on the scheduler.
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
				return // the answer was lost with the credential, and that is said
			case p.Outcome == teardown.Pending:
				// Nothing that can be read says that a request was not accepted.
				r, err = p.apply(t, w, plan, &journal)
			}
			if p.check(t, w, r, err); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("seed %d: something else was touched (-before +after):\n%s", seed, diff)
			}
		})
	}
}

// faultsOneRun is what befalls requests at random, one of so many.
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

// apply carries a plan out, again and again as somebody would who reads the
// report, until it is not blocked.
func (p Provider) apply(t *testing.T, w *World, plan *teardown.Plan, journal *bytes.Buffer) (r *teardown.Report, err error) {
	t.Helper()
	for range 20 {
		r, err = w.Teardown(t.Context(), plan, append(p.options(w), teardown.WithResume(read(t, journal)), teardown.WithJournal(journal))...)
		if r != nil && r.Outcome == teardown.Unknown && w.Deleted() {
			return r, nil // the truth is not known, and that is said
		}
		if err == nil || errors.Is(err, errors.PlanStale) {
			return r, err
		}
		if w.Deleted() && p.Outcome == teardown.Pending {
			return r, nil // the credential may be gone with it
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
				t.Errorf("seed %d: said to be gone, and is there", seed)
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("seed %d: something else was touched (-before +after):\n%s", seed, diff)
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
				t.Errorf("seed %d: something else was touched (-before +after):\n%s", seed, diff)
			}
			done := map[string]int{}
			for _, e := range read(t, &journal) {
				if e.Step != "" && e.State == teardown.StepDeleted {
					done[e.Step]++
				}
			}
			for step, n := range done {
				if n > 1 {
					t.Errorf("seed %d: %s was done %d times", seed, step, n)
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
		"overtaken": func(w *World, _ *teardown.Plan) error { w.AddBlocker(); return errors.PlanStale },
		"of another": func(_ *World, plan *teardown.Plan) error {
			plan.Provider = "another"
			Seal(plan)
			return errors.PlanStale
		},
		"not confirmed":  func(w *World, _ *teardown.Plan) error { w.Name += "?"; return errors.NotConfirmed },
		"as good as new": func(*World, *teardown.Plan) error { time.Sleep(time.Hour); return nil },
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
			t.Skip("nothing can be read after the deletion")
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

// foreign: steps of another organization's plan are never acted upon, whatever the plan
// says that they come after.
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
			// The plan itself is carried out for a while, so that something is in a trash.
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(9+4*(i%4))*time.Second)
			_, _ = w.Teardown(ctx, plan, p.options(w)...)
			cancel()
			foreign := other.Steps[i]
			foreign.Manual, foreign.Requires, foreign.After = false, nil, nil
			for _, s := range plan.Steps {
				foreign.After = append(foreign.After, s.ID)
			}
			plan.Steps = append(plan.Steps, foreign)
			r, err := w.Teardown(t.Context(), Seal(plan), p.options(w)...)
			if (r != nil && r.Outcome == p.Outcome) != w.Deleted() {
				t.Errorf("%s: got %+v, %v, deleted %t", foreign.ID, r, err, w.Deleted())
			}
			if diff := cmp.Diff(before, w.Unrelated()); diff != "" {
				t.Errorf("%s: something of the second organization was touched (-before +after):\n%s", foreign.ID, diff)
			}
		})
	}
}

// newBeforeDeletion: what is new when every step is gone keeps the organization.
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
			time.Sleep(10 * time.Second) // or else an inspection before the first step stands, if there is none
			if w.AddDuringTeardown != nil {
				w.AddDuringTeardown()
			} else {
				w.AddBlocker()
			}
		}))
		r, err := w.Teardown(t.Context(), plan, options...)
		if !added || r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.PlanStale) || w.Deleted() || len(r.Remaining()) > 0 {
			t.Errorf("got %+v, %v, deleted %t", r, err, w.Deleted())
		}
	})
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
				t.Errorf("%s deletes an organization, and is %+v", s.ID, s)
			}
			organizations = append(organizations, s.Organization.ID)
		}
		if slices.Contains(p.Overrides, teardown.ManagedOrganizations) == (len(organizations) == 1) {
			t.Errorf("the plan names the organizations %q", organizations)
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
		// Also if the plan file no longer says which organization a step deletes.
		for i := range plan.Steps {
			plan.Steps[i].Organization = nil
		}
		Seal(plan)
		for _, id := range organizations {
			refused("deny hidden "+id, teardown.WithDeny(id))
		}
	})
}

// unconfirmed: an empty name, and the ID of an organization that has a name, confirm
// nothing.
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
