package teardown_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/teardown"
)

// measured is a provider that counts goroutines during acts and polls.
type measured struct {
	*fakeDriver
	n int // of goroutines
}

func (d *measured) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	d.mu.Lock()
	d.n = max(d.n, runtime.NumGoroutine())
	d.mu.Unlock()
	return d.fakeDriver.Poll(ctx, o, group, steps)
}

func (d *measured) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	d.mu.Lock()
	d.n = max(d.n, runtime.NumGoroutine())
	d.mu.Unlock()
	return d.fakeDriver.Act(ctx, o, s)
}

// The number of goroutines depends on the requests in flight, and not on the steps. The test
// runs alone, because it counts the goroutines of other tests, too.
//
//nolint:paralleltest // see above
func TestEngine_Goroutines(t *testing.T) {
	peak := func(n int) int {
		most := 0
		synctest.Test(t, func(t *testing.T) {
			d := &measured{fakeDriver: newFakeDriver(t, numbered(n)...)}
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("", time.Hour/4), nil }
			p, err := d.Inspect(t.Context(), acme, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := runtime.NumGoroutine()
			if _, err := teardown.Execute(t.Context(), d, p, teardown.WithConfirm("Acme"), teardown.WithMaxStarted(n)); err != nil {
				t.Fatal(err)
			}
			most = d.n - before
		})
		return most
	}
	few, many := peak(50), peak(1000)
	t.Logf("peak of goroutines: %d with 50 steps, %d with 1,000", few, many)
	// A goroutine that has sent its result may not have ended yet on a busy machine.
	if few > 100 || many > 100 {
		t.Errorf("got %d with 50 steps, and %d with 1,000; want 16 and a few", few, many)
	}
}

// weighed is a provider that measures the heap when the last step is polled.
type weighed struct {
	instant
	polled int
	heap   uint64
}

func (d *weighed) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	// Polls of a group do not overlap.
	if d.polled += len(steps); d.polled == len(d.plan.Steps) {
		d.heap = heap()
	}
	return d.instant.Poll(ctx, o, group, steps)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// bytesPerStep returns the memory per step of a plan and its run while all steps wait, and the
// part of the plan.
func bytesPerStep(tb testing.TB, n int, after func(int) int) (total, plan uint64) {
	tb.Helper()
	before := heap()
	p := planOf(n, after)
	plan = heap() - before
	d := &weighed{instant: instant{plan: p}}
	r, err := teardown.Execute(tb.Context(), d, p, teardown.WithConfirm("Acme"), teardown.WithMaxStarted(n))
	if err != nil || len(r.Remaining()) > 0 {
		tb.Fatal(err)
	}
	return (d.heap - before) / uint64(n), plan / uint64(n)
}

// A step of a plan that is applied takes at most a kilobyte.
//
//nolint:paralleltest // it measures the heap
func TestEngine_Memory(t *testing.T) {
	for name, after := range orders {
		total, plan := bytesPerStep(t, 10_000, after)
		t.Logf("%s: %d bytes per step, of which %d are the plan's", name, total, plan)
		if total > 1024 {
			t.Errorf("%s: %d bytes per step", name, total)
		}
	}
}

// BenchmarkMemory measures the same for 100,000 steps.
func BenchmarkMemory(b *testing.B) {
	for _, name := range []string{"flat", "tree", "chain"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				total, plan := bytesPerStep(b, 100_000, orders[name])
				b.ReportMetric(float64(total), "B/step")
				b.ReportMetric(float64(plan), "B/step-plan")
			}
		})
	}
}
