package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

func TestSleep(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	close(closed)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		d    time.Duration
		want error
		took time.Duration
	}{
		"to its end":      {nil, time.Minute, nil, time.Minute},
		"no time":         {nil, 0, nil, 0},
		"negative time":   {nil, -time.Second, nil, 0},
		"ended context":   {with(canceled), time.Minute, context.Canceled, 0},
		"ended, no time":  {with(canceled), 0, context.Canceled, 0},
		"stopped":         {with(trace.WithStop(context.Background(), closed)), time.Minute, trace.ErrStopped, 0},
		"stopped, 0 s":    {with(trace.WithStop(context.Background(), closed)), 0, trace.ErrStopped, 0},
		"without a stop":  {with(trace.WithStop(trace.WithStop(context.Background(), closed), nil)), time.Second, nil, time.Second},
		"deadline within": {deadline(time.Second), time.Minute, context.DeadlineExceeded, time.Second},
		"stop within":     {stop(time.Second), time.Minute, trace.ErrStopped, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.ctx != nil {
					var cancel context.CancelFunc
					ctx, cancel = test.ctx(ctx)
					defer cancel()
				}
				start := time.Now()
				if err := wait.Sleep(ctx, test.d); !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
			})
		})
	}
}

func with(ctx context.Context) func(context.Context) (context.Context, context.CancelFunc) {
	return func(context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }
}

func deadline(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

func stop(after time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		stop := make(chan struct{})
		time.AfterFunc(after, func() { close(stop) })
		return trace.WithStop(ctx, stop), func() {}
	}
}

// The intervals grow to 15 s, and are shorter by the jitter.
func TestPoll_Intervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		last := time.Now()
		var intervals []time.Duration
		half := backoff.WithJitter(t.Context(), func(bound time.Duration) time.Duration { return bound / 2 })
		err := wait.Poll(half, func() bool {
			intervals = append(intervals, time.Since(last))
			last = time.Now()
			return len(intervals) == 10
		})
		if err != nil {
			t.Fatal(err)
		}
		if intervals[1] != 875*time.Millisecond || intervals[9] != 13125*time.Millisecond {
			t.Errorf("polled after %v", intervals)
		}
	})
}

func TestPoll_Ended(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	close(closed)
	checks := 0
	check := func() bool { checks++; return false }
	if err := wait.Poll(trace.WithStop(t.Context(), closed), check); !errors.Is(err, trace.ErrStopped) || checks != 1 {
		t.Errorf("got %v after %d checks, want %v after one", err, checks, trace.ErrStopped)
	}
}

// A poll waits within the function of [trace.WithPauses].
func TestPoll_Pause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls []string
		ctx := trace.WithPauses(t.Context(), func(wait func()) {
			calls = append(calls, "pause")
			wait()
		})
		_ = wait.Poll(ctx, func() bool {
			calls = append(calls, "check")
			return len(calls) > 2
		})
		if diff := cmp.Diff([]string{"check", "pause", "check"}, calls); diff != "" {
			t.Error(diff)
		}
	})
}
