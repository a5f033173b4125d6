package ratelimit_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// patient is a request without a limit of its wait.
var patient = ratelimit.Request{MaxWait: time.Hour, OnWait: func(time.Duration) {}}

// take returns the permit of a request of an operation.
func take(t *testing.T, limiter *ratelimit.Adaptive, operation string) ratelimit.Permit {
	t.Helper()
	permit, err := limiter.Wait(t.Context(), operation, patient)
	if err != nil {
		t.Fatal(err)
	}
	return permit
}

// After a refusal, no operation sends a request for the time that the provider stated.
func TestAdaptive_Refusal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		perOperation bool
		operation    string
		want         time.Duration
	}{
		"same operation":                       {false, "Delete", 30 * time.Second},
		"other operation":                      {false, "Get", 30 * time.Second},
		"same operation, limits by operation":  {true, "Delete", 30 * time.Second},
		"other operation, limits by operation": {true, "Get", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limiter := ratelimit.New(ratelimit.Rate{}, test.perOperation)
				take(t, limiter, "Delete").Refused(30*time.Second, ratelimit.Window{}, false)
				start := time.Now()
				take(t, limiter, test.operation)
				if took := time.Since(start); took != test.want {
					t.Errorf("waited %v, want %v", took, test.want)
				}
			})
		})
	}
}

// Each refusal without a stated time doubles the rest, up to a minute.
func TestAdaptive_RefusalWithoutTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := ratelimit.New(ratelimit.Rate{}, false)
		var rests []time.Duration
		for range 8 {
			start := time.Now()
			permit := take(t, limiter, "Delete")
			rests = append(rests, time.Since(start).Round(time.Second)/time.Second)
			permit.Refused(0, ratelimit.Window{}, false)
		}
		if diff := cmp.Diff([]time.Duration{0, 1, 2, 4, 8, 16, 32, 60}, rests); diff != "" {
			t.Error(diff)
		}
	})
}

// If no requests remain by the headers, no request is sent until the window ends.
func TestAdaptive_Headers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := ratelimit.New(ratelimit.Rate{}, false)
		now := time.Now()
		take(t, limiter, "Get").Answered(ratelimit.Window{
			Permitted: 10, Start: now, Length: time.Minute, Date: now.Add(10 * time.Second),
		}, true)
		take(t, limiter, "Get")
		if took := time.Since(now); took != 50*time.Second {
			t.Errorf("waited %v, want until the end of the window", took)
		}
	})
}

// A wait that is known to be too long ends at once, with its time.
func TestAdaptive_TooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := ratelimit.New(ratelimit.Rate{}, false)
		take(t, limiter, "Get").Refused(time.Minute, ratelimit.Window{}, false)
		impatient := patient
		impatient.MaxWait = time.Minute - 1
		_, err := limiter.Wait(t.Context(), "Get", impatient)
		if e, ok := errors.AsType[*ratelimit.TooLongError](err); !ok || e.Wait != time.Minute {
			t.Errorf("got %v, want a wait of a minute that is too long", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := limiter.Wait(ctx, "Get", patient); !errors.As(err, new(*ratelimit.TooLongError)) {
			t.Errorf("got %v with a deadline before the end of the wait", err)
		}
	})
}

// A waiting request leaves the queue if its context ends, or at a stop. The next request
// gets its permit.
func TestAdaptive_Ended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := ratelimit.New(ratelimit.Rate{PerSecond: 0.1, Burst: 1}, false)
		start := time.Now()
		take(t, limiter, "Get").Lost()
		canceled, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stop := make(chan struct{})
		time.AfterFunc(2*time.Second, func() { close(stop) })
		results := make(chan error, 2)
		for _, ctx := range []context.Context{canceled, trace.WithStop(t.Context(), stop)} {
			go func() {
				_, err := limiter.Wait(ctx, "Get", patient)
				results <- err
			}()
			synctest.Wait()
		}
		take(t, limiter, "Get").Lost()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v, want 10 s", took)
		}
		if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		if err := <-results; !errors.Is(err, trace.ErrStopped) {
			t.Errorf("got %v, want %v", err, trace.ErrStopped)
		}
	})
}

// orderOf returns the names of requests in the order in which they get a permit. They start to wait
// one after the other.
func orderOf(t *testing.T, names []string, edit func(name string, r *ratelimit.Request)) []string {
	t.Helper()
	limiter := ratelimit.New(ratelimit.Rate{PerSecond: 1, Burst: 1}, false)
	take(t, limiter, "Get").Lost()
	order := make(chan string, len(names))
	for _, name := range names {
		go func() {
			r := patient
			edit(name, &r)
			permit, err := limiter.Wait(t.Context(), "Get", r)
			if err != nil {
				t.Error(err)
			}
			order <- name
			permit.Lost()
		}()
		synctest.Wait()
	}
	got := make([]string, len(names))
	for i := range got {
		got[i] = <-order
	}
	return got
}

// A request that was sent before goes first.
func TestAdaptive_Resent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := orderOf(t, []string{"first", "second", "resent"}, func(name string, r *ratelimit.Request) { r.Resent = name == "resent" })
		if diff := cmp.Diff([]string{"resent", "first", "second"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// No request waits beyond its Until, also for the requests before it, and for an answer.
func TestAdaptive_TooLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rate    ratelimit.Rate
		granted int64
		wait    time.Duration // in the error
	}{
		"caller's limit": {ratelimit.Rate{PerSecond: 1, Burst: 1}, 5, time.Second},
		"answers":        {ratelimit.Rate{}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limiter := ratelimit.New(test.rate, false)
				permit := take(t, limiter, "Get")
				if test.granted > 0 {
					permit.Lost()
				}
				start := time.Now()
				var group sync.WaitGroup
				var granted atomic.Int64
				for range 10 {
					group.Go(func() {
						r := patient
						r.Until = start.Add(5500 * time.Millisecond)
						permit, err := limiter.Wait(t.Context(), "Get", r)
						if err == nil {
							granted.Add(1)
							permit.Lost()
						} else if e, ok := errors.AsType[*ratelimit.TooLongError](err); !ok || e.Wait.Round(time.Millisecond) != test.wait {
							t.Errorf("got %v, want a wait of %v that is too long", err, test.wait)
						}
						if took := time.Since(start); took > 5500*time.Millisecond+1 {
							t.Errorf("waited %v", took)
						}
					})
					synctest.Wait()
				}
				group.Wait()
				if got := granted.Load(); got != test.granted {
					t.Errorf("%d permits, want %d", got, test.granted)
				}
			})
		})
	}
}

// OnWait calls the caller's logger, which may be slow and may send requests itself: it delays no
// other request.
func TestAdaptive_OnWaitUsesLimiter(t *testing.T) {
	t.Parallel()
	limiter := ratelimit.New(ratelimit.Rate{PerSecond: 10, Burst: 1}, false)
	take(t, limiter, "get").Answered(ratelimit.Window{}, false)
	done := make(chan error, 2)
	go func() {
		_, err := limiter.Wait(t.Context(), "get", ratelimit.Request{MaxWait: time.Hour, OnWait: func(time.Duration) {
			_, err := limiter.Wait(t.Context(), "get", ratelimit.Request{})
			done <- err
		}})
		done <- err
	}()
	for _, call := range []string{"the call of OnWait", "the call"} {
		select {
		case err := <-done:
			if tooLong, _ := errors.AsType[*ratelimit.TooLongError](err); (tooLong != nil) != (call == "the call of OnWait") {
				t.Errorf("%s: got %v", call, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s did not return", call)
		}
	}
}

// A request with SendBy goes before others.
func TestAdaptive_SendByGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := orderOf(t, []string{"first", "second", "by"}, func(name string, r *ratelimit.Request) {
			if name == "by" {
				r.SendBy = time.Now().Add(time.Minute)
			}
		})
		if diff := cmp.Diff([]string{"by", "first", "second"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A request ends its wait at SendBy, unless only the caller's own limit delays it.
func TestAdaptive_SendBy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rate    ratelimit.Rate
		before  func(ratelimit.Permit)
		until   time.Duration
		took    time.Duration
		tooLong bool
		wait    time.Duration // in the error
	}{
		"refused":                {ratelimit.Rate{}, func(p ratelimit.Permit) { p.Refused(time.Minute, ratelimit.Window{}, false) }, 0, 0, true, time.Minute},
		"refused for a moment":   {ratelimit.Rate{}, func(p ratelimit.Permit) { p.Refused(time.Second, ratelimit.Window{}, false) }, 0, time.Second, false, 0},
		"without an answer":      {ratelimit.Rate{}, func(ratelimit.Permit) {}, 0, 5*time.Second + 1, true, 0},
		"before a later Until":   {ratelimit.Rate{}, func(ratelimit.Permit) {}, time.Minute, 5*time.Second + 1, true, 0},
		"after an earlier Until": {ratelimit.Rate{}, func(ratelimit.Permit) {}, time.Second, time.Second + 1, true, 0},
		"caller's limit":         {ratelimit.Rate{PerSecond: 0.1, Burst: 1}, ratelimit.Permit.Lost, 0, 10 * time.Second, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limiter := ratelimit.New(test.rate, false)
				test.before(take(t, limiter, "Get"))
				start := time.Now()
				r := patient
				r.SendBy = start.Add(5 * time.Second)
				if test.until > 0 {
					r.Until = start.Add(test.until)
				}
				_, err := limiter.Wait(t.Context(), "Get", r)
				e, tooLong := errors.AsType[*ratelimit.TooLongError](err)
				if took := time.Since(start); took != test.took || tooLong != test.tooLong || err != nil && !tooLong || tooLong && e.Wait != test.wait {
					t.Errorf("got %v after %v, want %+v", err, took, test)
				}
			})
		})
	}
}

// Requests that the caller's own limit delays beyond their SendBy check the limits rarely.
func TestAdaptive_SendByOfSeveral(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const period = 100 * time.Microsecond
		limiter := ratelimit.New(ratelimit.Rate{PerSecond: float64(time.Second / period), Burst: 100}, false)
		for range 100 { // more than one request may be in flight after this
			take(t, limiter, "Get").Answered(ratelimit.Window{}, false)
		}
		start, checks := time.Now(), new(atomic.Int64)
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				r := patient
				r.SendBy = start.Add(period / 2)
				permit, err := limiter.Wait(checked{t.Context(), checks}, "Get", r)
				if err != nil {
					t.Error(err)
					return
				}
				permit.Lost()
			})
			synctest.Wait()
		}
		group.Wait()
		if took := time.Since(start).Round(period); took != 5*period || checks.Load() > 30 {
			t.Errorf("took %v and %d checks, want %v and at most 30", took, checks.Load(), 5*period)
		}
	})
}

// checked is a context that counts the checks of the limits: each reads the deadline.
type checked struct {
	context.Context
	checks *atomic.Int64
}

func (c checked) Deadline() (time.Time, bool) {
	c.checks.Add(1)
	return c.Context.Deadline()
}

// A permit that is not used is given to the next request.
func TestPermit_Unused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := ratelimit.New(ratelimit.Rate{}, false)
		start := time.Now()
		take(t, limiter, "Get").Answered(ratelimit.Window{Permitted: 10, Remaining: 1, Start: start, Length: time.Minute, Date: start}, true)
		unused := take(t, limiter, "Get")
		time.AfterFunc(time.Second, unused.Unused)
		take(t, limiter, "Get")
		if took := time.Since(start); took != time.Second {
			t.Errorf("waited %v, want until the permit was returned", took)
		}
	})
}
