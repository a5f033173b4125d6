package rest_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// after429 returns a client that the server has asked to wait, and the server. The server permits
// all later requests.
func after429(t *testing.T, retryAfter string, settings ...func(*rest.Config)) (*rest.Client, *script) {
	t.Helper()
	server := playing(answer(429, "{}", "Retry-After", retryAfter), answer(204, ""))
	c := newClient(t, server, append(settings, func(c *rest.Config) {
		c.Classify = func(a *rest.Answer, e *errors.Error) bool {
			if a.Status == 429 {
				e.Code = errors.RateLimitReached
			}
			return true
		}
	})...)
	refuse(t, c)
	server.answers, server.requests = server.answers[1:], nil
	return c, server
}

// refuse sends a write once, which the server refuses.
func refuse(t *testing.T, c *rest.Client) {
	t.Helper()
	once := remove()
	once.Once = true
	if got, _ := code(t, c.Do(t.Context(), once)); got != errors.RateLimitReached {
		t.Fatalf("got %q", got)
	}
}

// fresh returns a context whose writes are permitted for 10 seconds, and again for 10 seconds after
// each renewal without an error. It counts the renewals.
func fresh(ctx context.Context, renewals *int, renew func(n int) error) context.Context {
	const age = 10 * time.Second
	return trace.WithFreshness(ctx, time.Now().Add(age), func(context.Context) (time.Time, error) {
		*renewals++
		err := renew(*renewals)
		return time.Now().Add(age), err
	})
}

// A write that waited for the rate limit longer than its reads permit is sent after another read.
func TestLimit_Renew(t *testing.T) {
	t.Parallel()
	stale := &errors.Error{Code: errors.PlanStale, Status: 200, RetryAfter: time.Second}
	slow := func(c *rest.Config) { c.Rate = ratelimit.Rate{PerSecond: 1. / 20, Burst: 1} }
	nothing := func(*rest.Config) {}
	for name, test := range map[string]struct {
		retryAfter string
		settings   func(*rest.Config)
		call       *rest.Call
		renew      func(n int) error
		want       errors.Code
		renewals   int
		requests   int
		took       time.Duration
	}{
		"a long wait":  {"60", nothing, remove(), nil, "", 1, 1, 60 * time.Second},
		"a short wait": {"9", nothing, remove(), nil, "", 0, 1, 9 * time.Second},
		"a read":       {"60", nothing, &rest.Call{Operation: "GetResource", Method: http.MethodGet, Path: "/x", Status: 204, Repeat: true}, nil, "", 0, 1, 60 * time.Second},
		"an error":     {"60", nothing, remove(), func(int) error { return stale }, errors.PlanStale, 1, 0, 60 * time.Second},
		"a slow read":  {"60", nothing, remove(), func(int) error { time.Sleep(time.Minute); return nil }, "", 1, 1, 2 * time.Minute},
		// The caller's own limit permits no request within the 10 seconds.
		"the caller's limit": {"1", slow, remove(), func(n int) error {
			if n > 1 {
				return stale
			}
			return nil
		}, "", 1, 1, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, server := after429(t, test.retryAfter, test.settings)
				start, renewals := time.Now(), 0
				err := c.Do(fresh(t.Context(), &renewals, func(n int) error {
					if len(server.requests) > 0 {
						t.Error("the write was sent before the read")
					}
					if test.renew == nil {
						return nil
					}
					return test.renew(n)
				}), test.call)
				got, status := code(t, err)
				if took := time.Since(start); got != test.want || status != 0 || renewals != test.renewals || len(server.requests) != test.requests || took != test.took {
					t.Errorf("got %v after %d renewals, %d requests and %v, want %+v", err, renewals, len(server.requests), took, test)
				}
				if e, ok := errors.AsType[*errors.Error](err); ok && (e.Attempts != 0 || e.Operation != test.call.Operation || e.RetryAfter != stale.RetryAfter || e.Err != stale) {
					t.Errorf("got %#v", e)
				}
			})
		})
	}
}

// The attempt after a renewal that failed needs a renewal, too.
func TestLimit_RenewFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, server := after429(t, "60")
		renewals := 0
		err := c.Do(fresh(t.Context(), &renewals, func(n int) error {
			if len(server.requests) > 0 {
				t.Error("the write was sent after a failed read")
			}
			if n < 3 {
				return &errors.Error{Code: errors.Unavailable}
			}
			return nil
		}), remove())
		if err != nil || renewals != 3 || len(server.requests) != 1 {
			t.Errorf("got %v after %d renewals and %d requests", err, renewals, len(server.requests))
		}
	})
}

// If the wait after a renewal is too long as well, another renewal follows; but not forever.
func TestLimit_RenewAgain(t *testing.T) {
	t.Parallel()
	for limited, test := range map[int]struct {
		want     errors.Code
		renewals int
		requests int
	}{2: {"", 3, 1}, 100: {errors.RateLimitReached, 5, 0}} {
		synctest.Test(t, func(t *testing.T) {
			c, server := after429(t, "60")
			renewals, call := 0, remove()
			call.Once = true
			err := c.Do(fresh(t.Context(), &renewals, func(n int) error {
				if n <= limited { // another call of the client is refused meanwhile
					permitted := server.answers
					server.answers = playing(answer(429, "{}", "Retry-After", "60")).answers
					refuse(t, c)
					server.answers, server.requests = permitted, nil
				}
				return nil
			}), call)
			got, _ := code(t, err)
			if got != test.want || renewals != test.renewals || len(server.requests) != test.requests {
				t.Errorf("%d: got %v after %d renewals and %d requests, want %+v", limited, err, renewals, len(server.requests), test)
			}
		})
	}
}

// After a renewal the write goes before the requests that waited longer.
func TestLimit_RenewedGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		c := newClient(t, playing(answer(204, "")), func(c *rest.Config) {
			c.Rate = ratelimit.Rate{PerSecond: 1. / 20, Burst: 1}
		})
		var group sync.WaitGroup
		send := func(ctx context.Context, name string) {
			group.Go(func() {
				if err := c.Do(ctx, remove()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
			synctest.Wait()
		}
		renewals := 0
		for _, name := range []string{"first", "fresh", "second", "third"} {
			ctx := t.Context()
			if name == "fresh" {
				ctx = fresh(ctx, &renewals, func(int) error { return nil })
			}
			send(ctx, name)
		}
		group.Wait()
		if diff := cmp.Diff([]string{"first", "fresh", "second", "third"}, order); diff != "" || renewals != 1 {
			t.Errorf("%d renewals; order (-want +got):\n%s", renewals, diff)
		}
	})
}

// After a stop no read is sent if the context says so.
func TestStop_Reads(t *testing.T) {
	t.Parallel()
	var out resource
	server, stop := playing(answer(200, `{"id":"x"}`)), make(chan struct{})
	close(stop)
	got, _ := code(t, newClient(t, server).Do(trace.WithReadsStopped(trace.WithStop(t.Context(), stop)), get(&out)))
	if n := len(server.requests); got != errors.Canceled || n != 0 {
		t.Errorf("got %q after %d requests, want %q before any", got, n, errors.Canceled)
	}
}

// lateToken is an Authorizer whose credential takes a minute, once.
type lateToken struct{ done bool }

func (s *lateToken) Authorize(_ context.Context, req *http.Request) error {
	if !s.done {
		s.done = true
		time.Sleep(time.Minute)
	}
	req.Header.Set("Authorization", "Bearer token")
	return nil
}

func (*lateToken) Refused(*http.Request, http.Header) bool { return false }

// A write whose credential took longer than its reads permit is sent after another read.
func TestLimit_SlowCredential(t *testing.T) {
	t.Parallel()
	stale := &errors.Error{Code: errors.PlanStale}
	for _, failure := range []error{nil, stale} {
		synctest.Test(t, func(t *testing.T) {
			server := playing(answer(204, ""))
			c := newClient(t, server, func(c *rest.Config) {
				c.Authorizer = func(*http.Client) rest.Authorizer { return new(lateToken) }
			})
			renewals := 0
			err := c.Do(fresh(t.Context(), &renewals, func(int) error {
				if len(server.requests) > 0 {
					t.Error("the write was sent before the read")
				}
				return failure
			}), remove())
			if renewals != 1 || (err == nil) != (failure == nil) || len(server.requests) != 1 && failure == nil || len(server.requests) != 0 && failure != nil {
				t.Errorf("got %v after %d renewals and %d requests", err, renewals, len(server.requests))
			}
		})
	}
}
