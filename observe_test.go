package offboard_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The clients of all providers get the observers of the options.
func TestWithObserver(t *testing.T) {
	t.Parallel()
	for name, target := range serve() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			got := map[string]int{}
			count := func(event string) offboard.Option {
				return offboard.WithObserver(observe.Observer{Done: func(_ context.Context, call observe.Call, _ observe.Result) {
					mu.Lock()
					defer mu.Unlock()
					got[event+" "+call.Provider]++
				}})
			}
			o, err := offboard.Open(t.Context(), target.spec, credentials(target.values),
				offboard.WithHTTPClient(&http.Client{Transport: target.server}), count("first"), count("second"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Identify(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := []string{"first " + o.Provider(), "second " + o.Provider()}
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A teardown sends the deletion by several calls. The numbers of its attempts continue.
func TestObserver_TeardownAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := serve()["atlas"]
		target.server.Fail(offboardtest.Fault{Operation: "DeleteOrganization", Failure: offboardtest.ConnectionReset, Times: 2})
		var got []int
		var log bytes.Buffer
		o, err := offboard.Open(t.Context(), target.spec, credentials(target.values),
			offboard.WithHTTPClient(&http.Client{Transport: target.server}),
			offboard.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
			offboard.WithObserver(observe.Observer{Attempt: func(_ context.Context, call observe.Call, a observe.Attempt) {
				if call.Write {
					got = append(got, a.Number)
				}
			}}))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := o.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = o.Teardown(t.Context(), plan, teardown.WithConfirm("Acme")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		for _, attempt := range []string{"attempt=1", "attempt=2", "attempt=3"} {
			deletion := regexp.MustCompile(`msg=request provider=atlas operation=DeleteOrganization target=\S+ ` + attempt + ` `)
			if n := len(deletion.FindAllString(log.String(), -1)); n != 1 {
				t.Errorf("%d records of the deletion with %s, want 1:\n%s", n, attempt, log.String())
			}
		}
	})
}

// observers are observers by the cost that they may have.
func observers() map[string][]atlas.Option {
	return map[string][]atlas.Option{
		"none": nil,
		"zero": {atlas.WithObserver(observe.Observer{})},
		"all functions": {atlas.WithObserver(observe.Observer{
			Start:   func(ctx context.Context, _ observe.Call) context.Context { return ctx },
			Attempt: func(context.Context, observe.Call, observe.Attempt) {},
			Wait:    func(context.Context, observe.Call, observe.Wait) {},
			Done:    func(context.Context, observe.Call, observe.Result) {},
		})},
	}
}

// deleting returns a deletion at Atlas by a client with more options.
func deleting(t testing.TB, options ...atlas.Option) func() {
	t.Helper()
	c, err := atlas.New(append([]atlas.Option{
		atlas.WithServiceAccount("id", "secret"), atlas.WithHTTPClient(&http.Client{Transport: canned{204, ""}}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := c.DeleteOrganization(t.Context(), orgID); err != nil {
			t.Fatal(err)
		}
	}
}

// Without an observer, a deletion allocates nothing for it.
//
// The test is not parallel: testing.AllocsPerRun counts for the whole program.
func TestObserver_Allocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates, too")
	}
	n := map[string]float64{}
	for name, options := range observers() {
		n[name] = testing.AllocsPerRun(100, deleting(t, options...))
	}
	t.Logf("allocations: %v", n)
	if n["zero"] != n["none"] || n["none"] > 16 { // 16 before the option existed
		t.Errorf("got allocations %v, want 16 without an observer", n)
	}
	if n["all functions"] > n["none"]+2 { // the operation, and its name
		t.Errorf("got allocations %v, want at most 2 for an observer", n)
	}
}

// BenchmarkObserver deletes with and without an observer. The metric ratio compares both, in turn
// within one benchmark.
func BenchmarkObserver(b *testing.B) {
	all := observers()
	for _, name := range []string{"none", "zero", "all functions"} {
		b.Run(name, func(b *testing.B) {
			run := deleting(b, all[name]...)
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
	b.Run("ratio", func(b *testing.B) {
		const batch = 50
		runs := []func(){deleting(b, all["none"]...), deleting(b, all["all functions"]...)}
		var spent [2]time.Duration
		for b.Loop() {
			for i, run := range runs {
				start := time.Now()
				for range batch {
					run()
				}
				spent[i] += time.Since(start)
			}
		}
		b.ReportMetric(float64(spent[1])/float64(spent[0]), "observer/none")
		b.ReportMetric(0, "ns/op")
	})
}
