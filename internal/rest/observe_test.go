package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/observe"
)

// calls records the calls of an observer as text, indented below the operation in whose context
// they are made.
type calls []string

type depth struct{}

func (c *calls) observer() observe.Observer {
	add := func(ctx context.Context, format string, args ...any) {
		indent, _ := ctx.Value(depth{}).(int)
		*c = append(*c, fmt.Sprintf("%*s", 2*indent, "")+fmt.Sprintf(format, args...))
	}
	return observe.Observer{
		Start: func(ctx context.Context, call observe.Call) context.Context {
			add(ctx, "start %s %s write=%t", call.Provider, call.Operation, call.Write)
			indent, _ := ctx.Value(depth{}).(int)
			return context.WithValue(ctx, depth{}, indent+1)
		},
		Attempt: func(ctx context.Context, _ observe.Call, a observe.Attempt) {
			limit := ""
			if a.RateLimit != nil {
				limit = fmt.Sprintf(" %d of %d", a.RateLimit.Remaining, a.RateLimit.Limit)
			}
			add(ctx, "attempt %d %s %d %q %v%s", a.Number, a.Method, a.Status, a.Code, a.Duration, limit)
		},
		Wait: func(ctx context.Context, _ observe.Call, w observe.Wait) {
			add(ctx, "wait %d %s %v", w.Attempt, w.Reason, w.Duration.Round(time.Second))
		},
		Done: func(ctx context.Context, _ observe.Call, r observe.Result) {
			add(ctx, "done %s %q %d after %d in %v, verified=%t", r.Outcome, r.Code, r.Status, r.Attempts, r.Duration.Round(time.Second), r.Verified)
			if (r.Err == nil) != (r.Outcome == observe.Succeeded) {
				add(ctx, "error %v", r.Err)
			}
		},
	}
}

// slowly answers after a second.
func slowly(answer func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		time.Sleep(time.Second)
		return answer(req)
	}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	read := func(ctx context.Context, c *rest.Client) error { return c.Do(ctx, get(new(resource))) }
	deletion := func(existence rest.Existence) func(context.Context, *rest.Client) error {
		return func(ctx context.Context, c *rest.Client) error {
			return c.Delete(ctx, rest.Deletion{
				Operation: "DeleteResource",
				Send:      func(ctx context.Context) error { return c.Do(ctx, remove()) },
				Verify: func(ctx context.Context) (rest.Existence, error) {
					return existence, c.Do(ctx, get(new(resource)))
				},
			})
		}
	}
	found := slowly(answer(200, `{"id":"x"}`))
	failed := slowly(answer(500, ""))
	for name, test := range map[string]struct {
		answers []func(*http.Request) (*http.Response, error)
		set     func(*rest.Config)
		call    func(context.Context, *rest.Client) error
		want    []string
	}{
		"success": {
			answers: []func(*http.Request) (*http.Response, error){found}, call: read,
			want: []string{
				"start test GetResource write=false",
				`  attempt 1 GET 200 "" 1s`,
				`  done succeeded "" 0 after 1 in 1s, verified=false`,
			},
		},
		"retries": {
			answers: []func(*http.Request) (*http.Response, error){breaks, answer(503, "", "Retry-After", "3"), found}, call: read,
			want: []string{
				"start test GetResource write=false",
				`  attempt 1 GET 0 "unavailable" 0s`,
				"  wait 1 retry 0s",
				`  attempt 2 GET 503 "unavailable" 0s`,
				"  wait 2 retry 3s",
				`  attempt 3 GET 200 "" 1s`,
				`  done succeeded "" 0 after 3 in 4s, verified=false`,
			},
		},
		"renewed credential": {
			answers: []func(*http.Request) (*http.Response, error){answer(401, "", "WWW-Authenticate", "Bearer"), found}, call: read,
			set: func(c *rest.Config) { c.Authorizer = func(*http.Client) rest.Authorizer { return renewable{} } },
			want: []string{
				"start test GetResource write=false",
				`  attempt 1 GET 401 "unauthenticated" 0s`,
				`  attempt 1 GET 200 "" 1s`,
				`  done succeeded "" 0 after 2 in 1s, verified=false`,
			},
		},
		"wait for a token": {
			answers: []func(*http.Request) (*http.Response, error){found}, call: read,
			set: func(c *rest.Config) { c.Authorizer = func(*http.Client) rest.Authorizer { return slowToken{} } },
			want: []string{
				"start test GetResource write=false",
				"  wait 1 token 2s",
				`  attempt 1 GET 200 "" 1s`,
				`  done succeeded "" 0 after 1 in 3s, verified=false`,
			},
		},
		"wait for the rate limit": {
			answers: []func(*http.Request) (*http.Response, error){found},
			set:     func(c *rest.Config) { c.Rate = ratelimit.Rate{PerSecond: 0.1, Burst: 1} },
			call:    func(ctx context.Context, c *rest.Client) error { return errors.Join(read(ctx, c), read(ctx, c)) },
			want: []string{
				"start test GetResource write=false",
				`  attempt 1 GET 200 "" 1s`,
				`  done succeeded "" 0 after 1 in 1s, verified=false`,
				"start test GetResource write=false",
				"  wait 1 rate_limit 9s",
				`  attempt 1 GET 200 "" 1s`,
				`  done succeeded "" 0 after 1 in 10s, verified=false`,
			},
		},
		"rate limit in headers": {
			answers: []func(*http.Request) (*http.Response, error){answer(200, `{"id":"x"}`, "X-Left", "7")},
			set: func(c *rest.Config) {
				c.Window = func(h http.Header) (ratelimit.Window, bool) {
					return ratelimit.Window{Permitted: 9, Remaining: 7}, h.Get("X-Left") == "7"
				}
			},
			call: read,
			want: []string{
				"start test GetResource write=false",
				`  attempt 1 GET 200 "" 0s 7 of 9`,
				`  done succeeded "" 0 after 1 in 0s, verified=false`,
			},
		},
		"refused argument": {
			answers: []func(*http.Request) (*http.Response, error){found},
			call: func(ctx context.Context, c *rest.Client) error {
				call := get(new(resource))
				call.Require("id", "", rest.Opaque)
				return c.Do(ctx, call)
			},
			want: []string{
				"start test GetResource write=false",
				`  done refused "invalid_argument" 0 after 0 in 0s, verified=false`,
			},
		},
		"refused by the provider": {
			answers: []func(*http.Request) (*http.Response, error){answer(409, `{"code":"busy"}`)},
			call:    func(ctx context.Context, c *rest.Client) error { return c.Do(ctx, remove()) },
			want: []string{
				"start test DeleteResource write=true",
				`  attempt 1 DELETE 409 "conflict" 0s`,
				`  done refused "conflict" 409 after 1 in 0s, verified=false`,
			},
		},
		"write without an answer that decides": {
			answers: []func(*http.Request) (*http.Response, error){answer(500, "")},
			call:    func(ctx context.Context, c *rest.Client) error { return c.Do(ctx, remove()) },
			want: []string{
				"start test DeleteResource write=true",
				`  attempt 1 DELETE 500 "internal" 0s`,
				`  done unknown "internal" 500 after 1 in 0s, verified=false`,
			},
		},
		"canceled": {
			answers: []func(*http.Request) (*http.Response, error){found},
			call: func(ctx context.Context, c *rest.Client) error {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return read(ctx, c)
			},
			want: []string{
				"start test GetResource write=false",
				`  done canceled "canceled" 0 after 0 in 0s, verified=false`,
			},
		},
		"deletion in two calls": {
			answers: []func(*http.Request) (*http.Response, error){failed, found, answer(204, "")}, call: deletion(rest.Exists),
			want: []string{
				"start test DeleteResource write=true",
				`  attempt 1 DELETE 500 "internal" 1s`,
				"  start test GetResource write=false",
				`    attempt 1 GET 200 "" 1s`,
				`    done succeeded "" 0 after 1 in 1s, verified=false`,
				"  wait 1 retry 0s",
				`  attempt 2 DELETE 204 "" 0s`,
				`  done succeeded "" 0 after 2 in 2s, verified=false`,
			},
		},
		"deletion that a read shows": {
			answers: []func(*http.Request) (*http.Response, error){failed, found}, call: deletion(rest.NotFound),
			want: []string{
				"start test DeleteResource write=true",
				`  attempt 1 DELETE 500 "internal" 1s`,
				"  start test GetResource write=false",
				`    attempt 1 GET 200 "" 1s`,
				`    done succeeded "" 0 after 1 in 1s, verified=false`,
				`  done succeeded "" 0 after 1 in 2s, verified=true`,
			},
		},
		"deletion with an unknown outcome": {
			answers: []func(*http.Request) (*http.Response, error){failed, found}, call: deletion(rest.Unknown),
			want: []string{
				"start test DeleteResource write=true",
				`  attempt 1 DELETE 500 "internal" 1s`,
				"  start test GetResource write=false",
				`    attempt 1 GET 200 "" 1s`,
				`    done succeeded "" 0 after 1 in 1s, verified=false`,
				`  done unknown "outcome_unknown" 500 after 1 in 2s, verified=false`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got calls
				c := newClient(t, playing(test.answers...), func(c *rest.Config) {
					if test.set != nil {
						test.set(c)
					}
					c.Observer = got.observer()
				})
				_ = test.call(jitterFree(t.Context()), c)
				if diff := cmp.Diff(test.want, []string(got)); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// slowToken is a credential that takes two seconds.
type slowToken struct{ noCredential }

func (slowToken) Authorize(context.Context, *http.Request) error {
	time.Sleep(2 * time.Second)
	return nil
}

// Each function may be nil, and Start may return nil.
func TestObserver_NilFunctions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, nilFunctions)
}

func nilFunctions(t *testing.T) {
	started, done := 0, 0
	for name, o := range map[string]observe.Observer{
		"none":        {},
		"only Start":  {Start: func(context.Context, observe.Call) context.Context { started++; return nil }},
		"only Done":   {Done: func(context.Context, observe.Call, observe.Result) { done++ }},
		"no function": observe.Join(observe.Observer{}, observe.Observer{}),
	} {
		c := newClient(t, playing(answer(500, "")), func(c *rest.Config) { c.Observer = o })
		var out resource
		if err := c.Do(t.Context(), get(&out)); !errors.Is(err, errors.Internal) {
			t.Errorf("%s: got %v", name, err)
		}
		var none context.Context
		if err := c.Do(none, get(&out)); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: got %v without a context", name, err)
		}
	}
	if started != 1 || done != 1 {
		t.Errorf("%d operations were started and %d ended, want 1", started, done)
	}
}

// The context of a request has its operation, with and without an observer.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	for name, observer := range map[string]observe.Observer{
		"without an observer": {},
		"with an observer":    new(calls).observer(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(answer(500, ""), answer(200, `{"id":"x"}`), answer(204, ""))
				c := newClient(t, server, func(c *rest.Config) { c.Observer = observer })
				var out resource
				if err := c.Do(t.Context(), get(&out)); err != nil {
					t.Fatal(err)
				}
				if err := c.Do(t.Context(), remove()); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, req := range server.requests {
					r, ok := observe.FromContext(req.Context())
					got = append(got, fmt.Sprintf("%s %s write=%t %d %t", r.Call.Provider, r.Call.Operation, r.Call.Write, r.Attempt, ok))
				}
				want := []string{"test GetResource write=false 1 true", "test GetResource write=false 2 true", "test DeleteResource write=true 1 true"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A teardown sends a write by several calls. The numbers of its attempts continue.
func TestObserver_AttemptsOfTeardown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var numbers []int
		c := newClient(t, playing(answer(500, ""), answer(429, ""), answer(500, ""), answer(200, `{"id":"x"}`), answer(204, "")), func(c *rest.Config) {
			c.Observer = observe.Observer{Attempt: func(_ context.Context, _ observe.Call, a observe.Attempt) { numbers = append(numbers, a.Number) }}
		})
		ctx := trace.WithAttempts(t.Context(), new(trace.Attempts))
		for range 2 {
			_ = c.Do(ctx, remove())
		}
		var out resource
		_ = c.Do(ctx, get(&out))
		other := remove()
		other.Target = "y"
		_ = c.Do(ctx, other)
		if diff := cmp.Diff([]int{1, 2, 3, 1, 1}, numbers); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

// jitterFree returns a context whose waits before another attempt have the least jitter.
func jitterFree(ctx context.Context) context.Context {
	return backoff.WithJitter(ctx, func(time.Duration) time.Duration { return 0 })
}
