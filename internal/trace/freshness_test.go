package trace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

// renewal returns a function for WithFreshness that records its name and returns a time in the
// future.
func renewal(calls *[]string, name string, in time.Duration, err error) func(context.Context) (time.Time, error) {
	return func(context.Context) (time.Time, error) {
		*calls = append(*calls, name)
		return time.Now().Add(in), err
	}
}

// Both functions of nested contexts renew, and the earlier time applies.
func TestWithFreshness_Nested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct{ outer, inner time.Duration }{{time.Second, time.Minute}, {time.Minute, time.Second}} {
			var calls []string
			soon := time.Now().Add(time.Second)
			ctx := trace.WithFreshness(t.Context(), time.Now().Add(test.outer), renewal(&calls, "outer", 2*test.outer, nil))
			ctx = trace.WithFreshness(ctx, time.Now().Add(test.inner), renewal(&calls, "inner", 2*test.inner, nil))
			f := trace.FreshnessOf(ctx)
			if until := f.Until(); !until.Equal(soon) {
				t.Errorf("%v: permitted until %v, want %v", test, until, soon)
			}
			if err := f.Renew(ctx); err != nil || !f.Until().Equal(soon.Add(time.Second)) {
				t.Errorf("%v: renewed until %v, want %v: %v", test, f.Until(), soon.Add(time.Second), err)
			}
			if diff := cmp.Diff([]string{"outer", "inner"}, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		}
	})
}

// A renewal that fails does not change the time.
func TestFreshness_RenewFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failure, start := errors.New("unread"), time.Now()
		for _, failing := range []string{"outer", "inner"} {
			of := map[string]error{failing: failure}
			var calls []string
			ctx := trace.WithFreshness(t.Context(), start, renewal(&calls, "outer", time.Minute, of["outer"]))
			ctx = trace.WithFreshness(ctx, start, renewal(&calls, "inner", time.Minute, of["inner"]))
			f := trace.FreshnessOf(ctx)
			if err := f.Renew(ctx); !errors.Is(err, failure) || !f.Until().Equal(start) || calls[len(calls)-1] != failing {
				t.Errorf("%s: got %v after %q, until %v", failing, err, calls, f.Until())
			}
		}
	})
}

func TestWithReadsStopped(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	ctx := trace.WithStop(t.Context(), stop)
	reading := trace.WithReadsStopped(ctx)
	if trace.ReadsStopped(ctx) || trace.ReadsStopped(reading) {
		t.Error("reads are stopped before the stop")
	}
	close(stop)
	if trace.ReadsStopped(ctx) || !trace.ReadsStopped(reading) || trace.ReadsStopped(trace.WithReadsStopped(t.Context())) {
		t.Error("a stop ends reads without WithReadsStopped, or does not end them with it")
	}
}
