package rest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// A stop ends the waits of a call, and no write is sent after it. A read that needs no wait is
// sent, and a request in flight is not canceled.
func TestStop(t *testing.T) {
	t.Parallel()
	var out resource
	limited := answer(429, "{}", "Retry-After", "80")
	found := answer(200, `{"id":"x"}`)
	slow := func(then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
		return func(req *http.Request) (*http.Response, error) {
			select {
			case <-req.Context().Done():
				return nil, req.Context().Err()
			case <-time.After(20 * time.Second):
				return then(req)
			}
		}
	}
	isLimited := func(a *rest.Answer, e *errors.Error) bool {
		if a.Status == 429 {
			e.Code = errors.RateLimitReached
		}
		return true
	}
	for name, test := range map[string]struct {
		answer    func(*http.Request) (*http.Response, error)
		before    *rest.Call // answered first
		call      *rest.Call
		stopAfter time.Duration
		want      errors.Code
		stopped   bool // as the error's cause
		requests  int
		took      time.Duration
	}{
		"before another attempt":      {limited, nil, get(&out), 5 * time.Second, errors.RateLimitReached, true, 1, 5 * time.Second},
		"a write, before another one": {limited, nil, remove(), 5 * time.Second, errors.RateLimitReached, true, 1, 5 * time.Second},
		"for the rate limit":          {limited, get(&out), get(&out), 5 * time.Second, errors.Canceled, true, 1, 5 * time.Second},
		"a write after it":            {answer(204, ""), nil, remove(), 0, errors.Canceled, true, 0, 0},
		"a read after it":             {found, nil, get(&out), 0, "", false, 1, 0},
		"a write in flight":           {slow(answer(204, "")), nil, remove(), 5 * time.Second, "", false, 1, 20 * time.Second},
		"a read in flight":            {slow(found), nil, get(&out), 5 * time.Second, "", false, 1, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := playing(test.answer)
				c := newClient(t, server, func(c *rest.Config) { c.Classify = isLimited })
				if test.before != nil {
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					defer cancel()
					_ = c.Do(ctx, test.before) // learns of the limit
				}
				stop := make(chan struct{})
				if test.stopAfter == 0 {
					close(stop)
				} else {
					time.AfterFunc(test.stopAfter, func() { close(stop) })
				}
				start := time.Now()
				err := c.Do(trace.WithStop(t.Context(), stop), test.call)
				got, _ := code(t, err)
				if took := time.Since(start); got != test.want || errors.Is(err, trace.ErrStopped) != test.stopped || took != test.took {
					t.Errorf("got %v after %v, want %q after %v", err, took, test.want, test.took)
				}
				if n := len(server.requests); n != test.requests {
					t.Errorf("%d requests, want %d", n, test.requests)
				}
			})
		})
	}
}

// A write is not sent if the stop comes while its credential is fetched.
func TestStop_WhileCredentialIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, stop := playing(answer(204, "")), make(chan struct{})
		c := newClient(t, server, func(c *rest.Config) {
			c.Authorizer = func(*http.Client) rest.Authorizer { return fetching{func() { close(stop) }} }
		})
		got, _ := code(t, c.Do(trace.WithStop(t.Context(), stop), remove()))
		if n := len(server.requests); got != errors.Canceled || n != 0 {
			t.Errorf("got %q after %d requests, want %q before any", got, n, errors.Canceled)
		}
	})
}

// fetching is a credential that calls a function while it is fetched.
type fetching struct{ fetch func() }

func (f fetching) Authorize(context.Context, *http.Request) error { f.fetch(); return nil }
func (fetching) Refused(*http.Request, http.Header) bool          { return false }

// A deletion whose answer was lost is not sent again after a stop.
func TestStop_Delete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, stop := playing(breaks), make(chan struct{})
		c := newClient(t, server)
		looks := 0
		got, _ := code(t, c.Delete(trace.WithStop(t.Context(), stop), rest.Deletion{
			Send: func(ctx context.Context) error { return c.Do(ctx, remove()) },
			Verify: func(context.Context) (rest.Existence, error) {
				looks++
				close(stop)
				return rest.Exists, nil
			},
		}))
		if n := len(server.requests); got != errors.Unavailable || n != 1 || looks != 1 {
			t.Errorf("got %q after %d requests and %d reads, want %q after 1 and 1", got, n, looks, errors.Unavailable)
		}
	})
}

// A wait ends at a stop, and calls list once if it did not call list before.
func TestStop_Wait(t *testing.T) {
	t.Parallel()
	for after, looks := range map[time.Duration]int{0: 1, 1100 * time.Millisecond: 2} {
		synctest.Test(t, func(t *testing.T) {
			stop, n := make(chan struct{}), 0
			if after == 0 {
				close(stop)
			} else {
				time.AfterFunc(after, func() { close(stop) })
			}
			start := time.Now()
			err := newClient(t, nil).Wait(trace.WithStop(t.Context(), stop), "WaitForResources", "x", func(context.Context) ([]errors.Step, error) {
				n++
				return []errors.Step{{Name: "resource"}}, nil
			})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.NotFinished || len(e.Steps) != 1 || !errors.Is(err, trace.ErrStopped) {
				t.Errorf("got %#v", err)
			}
			if took := time.Since(start); n != looks || took != after {
				t.Errorf("%d looks in %v, want %d in %v", n, took, looks, after)
			}
		})
	}
}

// A write is not sent without permission, also when its credential took long or its first attempt was
// permitted. Nested functions must all permit it. A read needs no permission.
func TestWrite_NotPermitted(t *testing.T) {
	t.Parallel()
	lost := errors.New("the lease is lost")
	var out resource
	for name, test := range map[string]struct {
		call                *rest.Call
		permitted, requests int
		want                errors.Code
	}{
		"a write":             {remove(), 0, 0, errors.Canceled},
		"the second attempt":  {remove(), 1, 1, errors.Canceled},
		"the third attempt":   {remove(), 2, 2, errors.Canceled},
		"a read":              {get(&out), 0, 5, errors.RateLimitReached},
		"a write that may be": {remove(), 9, 5, errors.RateLimitReached},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := playing(answer(429, "{}", "Retry-After", "1"))
				c := newClient(t, server, func(c *rest.Config) {
					c.Classify = func(_ *rest.Answer, e *errors.Error) bool { e.Code = errors.RateLimitReached; return true }
				})
				asked, inner := 0, 0
				ctx := trace.WithWrites(t.Context(), func() error {
					if asked++; asked > test.permitted {
						return lost
					}
					return nil
				})
				err := c.Do(trace.WithWrites(ctx, func() error { inner++; return nil }), test.call)
				got, _ := code(t, err)
				if got != test.want || errors.Is(err, lost) != (test.want == errors.Canceled) || len(server.requests) != test.requests || inner > test.permitted {
					t.Errorf("got %v after %d requests, want %q after %d; the inner function was called %d times", err, len(server.requests), test.want, test.requests, inner)
				}
			})
		})
	}
}
