package teardown_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// instant is a provider whose resources are removed and polled at once.
type instant struct {
	plan      *teardown.Plan
	isDeleted map[string]bool
}

func (d *instant) Provider() (name, instance string) { return "fake", "https://fake.invalid" }

func (d *instant) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	if d.isDeleted != nil { // the read before the deletion
		return (&teardown.Plan{Provider: d.plan.Provider, Instance: d.plan.Instance, Organization: acme}), nil
	}
	d.isDeleted = map[string]bool{}
	return d.plan, nil
}

func (d *instant) Act(context.Context, teardown.Organization, teardown.Step) (teardown.Progress, error) {
	return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Group: "all", Now: true}}, nil
}

func (d *instant) Poll(_ context.Context, _ teardown.Organization, _ string, steps []teardown.Step) ([]teardown.Progress, error) {
	all := make([]teardown.Progress, len(steps))
	for i := range all {
		all[i].State = teardown.ProgressNotFound
	}
	return all, nil
}

func (d *instant) Delete(context.Context, teardown.Organization) (teardown.Deletion, error) {
	return teardown.Deletion{Outcome: teardown.Deleted}, nil
}

// orders contains shapes of plans: the number of the step that step i comes after; -1 for none.
var orders = map[string]func(i int) int{
	"flat":  func(int) int { return -1 },
	"tree":  func(i int) int { return (i+1)/2 - 1 },
	"chain": func(i int) int { return i - 1 },
}

func planOf(n int, after func(int) int) *teardown.Plan {
	p := &teardown.Plan{Provider: "fake", Instance: "https://fake.invalid", Organization: acme}
	p.DeletionError = &errors.Error{Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied}
	for i := range n {
		s := teardown.Step{ID: "resource/" + strconv.Itoa(i), Kind: "resource", Name: strconv.Itoa(i), Why: "it exists", Removal: "DELETE /resources/{id}"}
		if j := after(i); j >= 0 {
			s.After = []string{"resource/" + strconv.Itoa(j)}
		}
		p.Steps = append(p.Steps, s)
	}
	return teardown.Seal(p)
}

// BenchmarkSteps measures the cost of the engine per step.
func BenchmarkSteps(b *testing.B) {
	for _, name := range []string{"flat", "tree", "chain"} {
		for _, n := range []int{1000, 16_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				p := planOf(n, orders[name])
				for b.Loop() {
					r, err := teardown.Execute(b.Context(), &instant{plan: p}, p, teardown.WithConfirm("Acme"), teardown.WithMaxStarted(n))
					if err != nil || len(r.Remaining()) > 0 {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/step")
				runtime.GC()
			})
		}
	}
}

// stoppable is a provider that records which of its calls have the channel of a gentle stop.
type stoppable struct {
	isDeleted bool
	learned   map[string]bool
}

func (d *stoppable) note(ctx context.Context, call string) { d.learned[call] = trace.Stop(ctx) != nil }

func (*stoppable) Provider() (name, instance string) { return "fake", "" }

func (d *stoppable) Inspect(ctx context.Context, o teardown.Organization, _ *teardown.Plan) (*teardown.Plan, error) {
	d.note(ctx, "Inspect")
	p := &teardown.Plan{Provider: "fake", Organization: o}
	if !d.isDeleted {
		p.Steps = []teardown.Step{{ID: "resource/1", Kind: "resource", Name: "1", Why: "it exists", Removal: "DELETE"}}
	}
	return teardown.Seal(p), nil
}

func (d *stoppable) Act(ctx context.Context, _ teardown.Organization, _ teardown.Step) (teardown.Progress, error) {
	d.note(ctx, "Act")
	d.isDeleted = true
	return teardown.Progress{State: teardown.ProgressDeleting}, nil
}

func (d *stoppable) Poll(ctx context.Context, _ teardown.Organization, _ string, _ []teardown.Step) ([]teardown.Progress, error) {
	d.note(ctx, "Poll")
	return []teardown.Progress{{State: teardown.ProgressNotFound}}, nil
}

func (d *stoppable) Delete(ctx context.Context, _ teardown.Organization) (teardown.Deletion, error) {
	d.note(ctx, "Delete")
	return teardown.Deletion{Outcome: teardown.Deleted}, nil
}

// Each call of a driver has the channel of a gentle stop, which ends its waits.
func TestStop_CallsOfDriver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &stoppable{learned: map[string]bool{}}
		p, err := d.Inspect(t.Context(), teardown.Organization{ID: "org_1", Name: "Acme"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := teardown.Execute(t.Context(), d, p, teardown.WithConfirm("Acme"), teardown.WithStop(make(chan struct{})))
		if err != nil || r.Outcome != teardown.Deleted {
			t.Fatalf("got %+v, %v", r, err)
		}
		want := map[string]bool{"Inspect": true, "Act": true, "Poll": true, "Delete": true}
		if diff := cmp.Diff(want, d.learned); diff != "" {
			t.Errorf("calls that learn of the stop (-want +got):\n%s", diff)
		}
	})
}
