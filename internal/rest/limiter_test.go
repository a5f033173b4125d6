package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/observe"
)

// callersLimiter is a caller's limiter that records its calls. Its wait has the number of the call;
// nil permits each request.
type callersLimiter struct {
	wait   func(ctx context.Context, n int) error
	update func(http.Header)

	mu        sync.Mutex
	waits     int
	permitted int
	updates   []string
	headers   []http.Header
}

func (l *callersLimiter) Wait(ctx context.Context, _ string) error {
	l.mu.Lock()
	l.waits++
	n := l.waits
	l.mu.Unlock()
	var err error
	if l.wait != nil {
		err = l.wait(ctx, n)
	}
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.permitted++
	}
	return err
}

func (l *callersLimiter) Update(operation string, status int, header http.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.updates = append(l.updates, fmt.Sprint(operation, " ", status))
	l.headers = append(l.headers, header)
	if l.update != nil {
		l.update(header)
	}
}

// use returns the setting of the limiter. The test fails if a permit has not exactly one update.
func (l *callersLimiter) use(t *testing.T) func(*rest.Config) {
	t.Cleanup(func() {
		if l.permitted != len(l.updates) {
			t.Errorf("%d updates for %d permits", len(l.updates), l.permitted)
		}
	})
	return func(c *rest.Config) {
		if err := c.UseLimiter(l); err != nil {
			t.Error(err)
		}
		c.Classify = func(a *rest.Answer, e *errors.Error) bool {
			if a.Status == 429 {
				e.Code = errors.RateLimitReached
			}
			return true
		}
	}
}

// takes returns a wait that a limiter spends without regard to the context.
func takes(pauses ...time.Duration) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		time.Sleep(pauses[min(n, len(pauses))-1])
		return nil
	}
}

// heeds returns a wait of a limiter that ends with the context.
func heeds(pause time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			return nil
		}
	}
}

// The limiter permits each request, and receives each answer. A refusal delays its own call only.
func TestLimiter_EachRequest(t *testing.T) {
	t.Parallel()
	found := answer(200, `{"id":"x"}`)
	for name, test := range map[string]struct {
		answers []func(*http.Request) (*http.Response, error)
		updates []string
		want    errors.Code
		took    time.Duration
	}{
		"a success":         {[]func(*http.Request) (*http.Response, error){found}, []string{"GetResource 200"}, "", 0},
		"after a refusal":   {[]func(*http.Request) (*http.Response, error){answer(429, "{}", "Retry-After", "60"), found}, []string{"GetResource 429", "GetResource 200"}, "", time.Minute},
		"a long refusal":    {[]func(*http.Request) (*http.Response, error){answer(429, "{}", "Retry-After", "600")}, []string{"GetResource 429"}, errors.RateLimitReached, 0},
		"a missing body":    {[]func(*http.Request) (*http.Response, error){answer(200, "")}, []string{"GetResource 200"}, errors.UnexpectedResponse, 0},
		"an endless detour": {[]func(*http.Request) (*http.Response, error){answer(302, "", "Location", "/v1/resources/x")}, []string{"GetResource 302"}, errors.UnexpectedResponse, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out resource
				l := new(callersLimiter)
				c := newClient(t, playing(test.answers...), l.use(t))
				start := time.Now()
				got, _ := code(t, c.Do(t.Context(), get(&out)))
				if took := time.Since(start); got != test.want || took != test.took {
					t.Errorf("got %q after %v, want %q after %v", got, took, test.want, test.took)
				}
				if diff := cmp.Diff(test.updates, l.updates); diff != "" {
					t.Errorf("updates (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A request without an answer is an update, too.
func TestLimiter_NoAnswer(t *testing.T) {
	t.Parallel()
	l := new(callersLimiter)
	call := remove()
	call.Once = true
	got, _ := code(t, newClient(t, playing(breaks), l.use(t)).Do(t.Context(), call))
	if diff := cmp.Diff([]string{"DeleteResource 0"}, l.updates); diff != "" || got != errors.OutcomeUnknown || l.headers[0] != nil {
		t.Errorf("got %q and the header %v; updates (-want +got):\n%s", got, l.headers[0], diff)
	}
}

// A refusal of one call does not delay another: only the limiter decides.
func TestLimiter_ReplacesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(callersLimiter)
		c, server := after429(t, "60", l.use(t))
		start := time.Now()
		if err := c.Do(t.Context(), remove()); err != nil || time.Since(start) != 0 || len(server.requests) != 1 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// embedsCode is an error that is also a code.
type embedsCode struct{ errors.Code }

// equalsCode is an error that equals a code.
type equalsCode struct{}

func (equalsCode) Error() string        { return "equals a code" }
func (equalsCode) Is(target error) bool { return target == errors.NotFound }

// Without a permit nothing is sent. The error keeps a code about the limit, and no other: a limiter
// knows nothing about the resource.
func TestLimiter_WaitFails(t *testing.T) {
	t.Parallel()
	plain := errors.New("no connection to the limiter")
	for name, test := range map[string]struct {
		err        error
		want       errors.Code
		waits      int
		retryAfter time.Duration
	}{
		"plain":                  {plain, errors.Unavailable, 5, 0},
		"a code":                 {errors.RateLimitReached, errors.RateLimitReached, 5, 0},
		"a wrapped error":        {fmt.Errorf("limiter: %w", &errors.Error{Code: errors.RateLimitReached, RetryAfter: time.Hour}), errors.RateLimitReached, 1, time.Hour},
		"canceled":               {errors.Canceled, errors.Canceled, 1, 0},
		"not found":              {errors.OrganizationNotFound, errors.Unavailable, 5, 0},
		"permission denied":      {&errors.Error{Code: errors.PermissionDenied}, errors.Unavailable, 5, 0},
		"outcome unknown":        {errors.OutcomeUnknown, errors.Unavailable, 5, 0},
		"its own context's end":  {context.DeadlineExceeded, errors.Unavailable, 5, 0},
		"an embedded code":       {&embedsCode{errors.OrganizationNotFound}, errors.Unavailable, 5, 0},
		"an equal code":          {equalsCode{}, errors.Unavailable, 5, 0},
		"joined codes":           {errors.Join(errors.RateLimitReached, errors.OrganizationNotFound), errors.RateLimitReached, 5, 0},
		"a nil error":            {errors.Join(errors.RateLimitReached, (*errors.Error)(nil)), errors.RateLimitReached, 5, 0},
		"its own error of waits": {&errors.Error{Code: errors.Unavailable, Err: new(ratelimit.TooLongError)}, errors.Unavailable, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &callersLimiter{wait: func(context.Context, int) error { return test.err }}
				server := playing(answer(204, ""))
				var last trace.Last
				err := newClient(t, server, l.use(t)).Do(trace.With(t.Context(), &last), remove())
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != test.want || e.RetryAfter != test.retryAfter || e.Err.Error() != test.err.Error() || e.Status != 0 || e.Attempts != 0 {
					t.Fatalf("got %#v, want %+v", err, test)
				}
				if errors.Is(err, errors.NotFound) || errors.Is(err, errors.OrganizationNotFound) || errors.Is(test.err, plain) && !errors.Is(err, plain) {
					t.Errorf("got %#v", err)
				}
				if l.waits != test.waits || len(server.requests) != 0 || last.Sent() != 0 || len(l.updates) != 0 {
					t.Errorf("%d waits, want %d; requests: %d", l.waits, test.waits, len(server.requests))
				}
			})
		})
	}
}

// A deletion that the limiter does not permit was not sent: no read decides, and "not found" of a
// limiter does not count as deleted after a lost answer.
func TestLimiter_Delete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for lost, want := range map[bool]errors.Code{false: errors.Unavailable, true: errors.Unavailable} {
			l := &callersLimiter{wait: func(_ context.Context, n int) error {
				if lost && n == 1 {
					return nil
				}
				return errors.OrganizationNotFound
			}}
			server, reads := playing(breaks), 0
			c := newClient(t, server, l.use(t))
			got, _ := code(t, c.Delete(t.Context(), rest.Deletion{
				Send:   func(ctx context.Context) error { return c.Do(ctx, remove()) },
				Verify: func(context.Context) (rest.Existence, error) { reads++; return rest.Exists, nil },
			}))
			if n := len(server.requests); got != want || reads != n || (n == 1) != lost {
				t.Errorf("lost %v: got %q after %d requests and %d reads", lost, got, n, reads)
			}
		}
	})
}

// Each wait ends with the call's context, with the limits of Retry and at a stop, also if the
// limiter ignores its context: then its permit is returned unused.
func TestLimiter_WaitEnds(t *testing.T) {
	t.Parallel()
	const long = time.Hour
	canceling := func(ctx context.Context, after time.Duration) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(after, cancel)
		return ctx
	}
	stopping := func(ctx context.Context, after time.Duration) context.Context {
		stop := make(chan struct{})
		time.AfterFunc(after, func() { close(stop) })
		return trace.WithStop(ctx, stop)
	}
	reading := func() *rest.Call { return get(new(resource)) }
	same := func(ctx context.Context, _ time.Duration) context.Context { return ctx }
	for name, test := range map[string]struct {
		retry   rest.Retry
		context func(context.Context, time.Duration) context.Context
		call    func() *rest.Call
		want    errors.Code
		cause   error
		took    time.Duration
	}{
		"MaxWait":     {rest.Retry{MaxWait: 5 * time.Second}, same, remove, errors.RateLimitReached, nil, 5 * time.Second},
		"default":     {rest.Retry{}, same, remove, errors.RateLimitReached, nil, 90 * time.Second},
		"MaxElapsed":  {rest.Retry{MaxElapsed: 5 * time.Second}, same, reading, errors.RateLimitReached, nil, 5 * time.Second},
		"cancel":      {rest.Retry{}, canceling, remove, errors.Canceled, context.Canceled, 5 * time.Second},
		"stop":        {rest.Retry{}, stopping, remove, errors.Canceled, trace.ErrStopped, 5 * time.Second},
		"stop a read": {rest.Retry{}, stopping, reading, errors.Canceled, trace.ErrStopped, 6 * time.Second},
		"stop reads": {rest.Retry{}, func(ctx context.Context, after time.Duration) context.Context {
			return trace.WithReadsStopped(stopping(ctx, after))
		}, reading, errors.Canceled, trace.ErrStopped, 5 * time.Second},
		"deadline": {rest.Retry{}, func(ctx context.Context, after time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(ctx, after)
			context.AfterFunc(ctx, cancel)
			return ctx
		}, remove, errors.Canceled, context.DeadlineExceeded, 5 * time.Second},
	} {
		for kind, wait := range map[string]func(context.Context, int) error{"heeds": heeds(long), "ignores": takes(long)} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					l, server := &callersLimiter{wait: wait}, playing(answer(204, ""))
					c := newClient(t, server, l.use(t), func(c *rest.Config) { c.Retry = test.retry })
					start := time.Now()
					err := c.Do(test.context(t.Context(), 5*time.Second), test.call())
					got, status := code(t, err)
					if got != test.want || status != 0 || test.cause != nil && !errors.Is(err, test.cause) {
						t.Errorf("got %v, want %q", err, test.want)
					}
					took := test.took
					if kind == "ignores" {
						took = long
					}
					if since := time.Since(start); since != took || l.waits != 1 || len(server.requests) != 0 {
						t.Errorf("%d waits and %d requests after %v, want %v", l.waits, len(server.requests), since, took)
					}
				})
			})
		}
	}
}

// A read after a stop may decide the outcome of a write: it is sent if the limiter permits it at
// once.
func TestLimiter_ReadAfterStop(t *testing.T) {
	t.Parallel()
	for pause, want := range map[time.Duration]errors.Code{100 * time.Millisecond: "", 2 * time.Second: errors.Canceled} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			close(stop)
			l := &callersLimiter{wait: heeds(pause)}
			c := newClient(t, playing(answer(200, `{"id":"x"}`)), l.use(t))
			if got, _ := code(t, c.Do(trace.WithStop(t.Context(), stop), get(new(resource)))); got != want {
				t.Errorf("%v: got %q, want %q", pause, got, want)
			}
		})
	}
}

// A part of a call that starts after MaxElapsed is sent if the limiter permits it at once, as by
// the client's own limiter.
func TestLimiter_AfterMaxElapsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &callersLimiter{wait: heeds(100 * time.Millisecond)}
		server := playing(answer(200, `{"id":"x"}`))
		c := newClient(t, server, l.use(t), func(c *rest.Config) { c.Retry.MaxElapsed = 5 * time.Second })
		_ = c.Delete(t.Context(), rest.Deletion{Send: func(ctx context.Context) error {
			time.Sleep(time.Minute)
			return c.Do(ctx, get(new(resource)))
		}})
		if len(server.requests) != 1 {
			t.Errorf("%d requests, want 1", len(server.requests))
		}
	})
}

// A limiter that always permits a write too late never leads to a write by stale reads, and not to
// an endless loop. The error ends the call.
func TestLimiter_Late(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pauses   []time.Duration
		renewals int
		sent     int
		want     errors.Code
	}{
		"in time":      {[]time.Duration{9 * time.Second}, 0, 1, ""},
		"late once":    {[]time.Duration{20 * time.Second, 0}, 1, 1, ""},
		"late 4 times": {[]time.Duration{20 * time.Second, 20 * time.Second, 20 * time.Second, 20 * time.Second, 0}, 4, 1, ""},
		"always late":  {[]time.Duration{20 * time.Second}, 4, 0, errors.RateLimitReached}, // MaxWait is 90 seconds
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, server := &callersLimiter{wait: takes(test.pauses...)}, playing(answer(204, ""))
				c := newClient(t, server, l.use(t))
				renewals, read := 0, time.Now()
				sent := func(req *http.Request) (*http.Response, error) {
					if age := time.Since(read); age > 10*time.Second {
						t.Errorf("the write was sent %v after its reads", age)
					}
					return answer(204, "")(req)
				}
				server.answers[0] = sent
				got, _ := code(t, c.Do(fresh(t.Context(), &renewals, func(int) error { read = time.Now(); return nil }), remove()))
				if got != test.want || renewals != test.renewals || len(server.requests) != test.sent || l.waits != renewals+1 {
					t.Errorf("got %q after %d renewals, %d waits and %d requests, want %+v", got, renewals, l.waits, len(server.requests), test)
				}
				for i, update := range l.updates {
					want := "DeleteResource 0"
					if i == len(l.updates)-1 && test.sent == 1 {
						want = "DeleteResource 204"
					}
					if update != want {
						t.Errorf("update %d: got %q, want %q", i, update, want)
					}
				}
			})
		})
	}
}

// A write that waits for long in a queue uses no permit before it is sent: its wait ends when its reads
// are too old. The write and its new reads keep the place of the write.
func TestLimiter_KeepsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var got []string
		l := &callersLimiter{wait: func(ctx context.Context, _ int) error {
			request, _ := observe.FromContext(ctx)
			place := "last"
			if !request.Since.IsZero() {
				place = request.Since.Sub(start).String()
			}
			deadline, _ := ctx.Deadline()
			got = append(got, fmt.Sprint(request.Call.Operation, " at ", time.Since(start), " ", place, " until ", deadline.Sub(start)))
			if request.Call.Operation == "GetResource" {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(25*time.Second - time.Since(start)):
				return nil
			}
		}}
		c := newClient(t, playing(answer(200, `{"id":"x"}`), answer(200, `{"id":"x"}`), answer(204, "")), l.use(t))
		err := c.Do(trace.WithFreshness(t.Context(), start.Add(10*time.Second), func(ctx context.Context) (time.Time, error) {
			until := time.Now().Add(10 * time.Second)
			return until, c.Do(ctx, get(new(resource)))
		}), remove())
		want := []string{
			"DeleteResource at 0s last until 1m30s",
			"GetResource at 10s 0s until 1m40s",
			"DeleteResource at 10s 0s until 1m30s",
			"GetResource at 20s 0s until 1m50s",
			"DeleteResource at 20s 0s until 1m30s",
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("got %v; waits (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff([]string{"GetResource 200", "GetResource 200", "DeleteResource 204"}, l.updates); diff != "" || time.Since(start) != 25*time.Second {
			t.Errorf("after %v; updates (-want +got):\n%s", time.Since(start), diff)
		}
	})
}

// A write whose reads always take longer than they are valid ends with an error.
func TestLimiter_SlowReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, reads := new(callersLimiter), 0
		c := newClient(t, playing(), l.use(t))
		time.Sleep(time.Second)
		start := time.Now()
		got, _ := code(t, c.Do(trace.WithFreshness(t.Context(), start.Add(-time.Second), func(context.Context) (time.Time, error) {
			if reads++; reads > 10 {
				t.Fatal("the reads are made again without end")
			}
			until := time.Now().Add(10 * time.Second)
			time.Sleep(20 * time.Second)
			return until, nil
		}), remove()))
		if took := time.Since(start); got != errors.RateLimitReached || took != 100*time.Second || l.waits != 0 {
			t.Errorf("got %q after %v and %d waits", got, took, l.waits)
		}
	})
}

// The permit of a late write is returned before its reads are renewed: a limiter that permits one
// request at a time permits the reads.
func TestLimiter_OneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{}, 1)
		l := &callersLimiter{wait: func(ctx context.Context, n int) error {
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			if n == 1 {
				time.Sleep(time.Minute)
			}
			return nil
		}}
		l.update = func(http.Header) { <-free }
		server := playing(answer(200, `{"id":"x"}`), answer(204, ""))
		c := newClient(t, server, l.use(t))
		renewals := 0
		err := c.Do(fresh(t.Context(), &renewals, func(int) error { return c.Do(t.Context(), get(new(resource))) }), remove())
		if diff := cmp.Diff([]string{"DeleteResource 0", "GetResource 200", "DeleteResource 204"}, l.updates); diff != "" || err != nil {
			t.Errorf("got %v; updates (-want +got):\n%s", err, diff)
		}
	})
}

// The permit of a write whose credential took long is returned, and another one is necessary.
func TestLimiter_SlowCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(callersLimiter)
		c := newClient(t, playing(answer(204, "")), l.use(t), func(c *rest.Config) {
			c.Authorizer = func(*http.Client) rest.Authorizer { return new(lateToken) }
		})
		renewals := 0
		err := c.Do(fresh(t.Context(), &renewals, func(int) error { return nil }), remove())
		if diff := cmp.Diff([]string{"DeleteResource 0", "DeleteResource 204"}, l.updates); diff != "" || err != nil || renewals != 1 {
			t.Errorf("got %v; updates (-want +got):\n%s", err, diff)
		}
	})
}

// noToken is a credential that cannot be fetched.
type noToken struct{ noCredential }

func (noToken) Authorize(context.Context, *http.Request) error {
	return &url.Error{Op: "Post", URL: "https://test.invalid/token", Err: errors.New("no route")}
}

// The permit of a request without a credential is returned.
func TestLimiter_NoCredential(t *testing.T) {
	t.Parallel()
	l, server := new(callersLimiter), playing(answer(204, ""))
	c := newClient(t, server, l.use(t), func(c *rest.Config) {
		c.Authorizer = func(*http.Client) rest.Authorizer { return noToken{} }
		c.Retry.MaxAttempts = 1
	})
	_ = c.Do(t.Context(), remove())
	if diff := cmp.Diff([]string{"DeleteResource 0"}, l.updates); diff != "" || len(server.requests) != 0 {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

// token is a credential.
type token struct{ noCredential }

func (token) Authorize(_ context.Context, req *http.Request) error {
	req.Header.Set("Authorization", "Bearer s3cret-token")
	return nil
}

// The limiter receives a copy of the headers about the limit. The others may contain secrets.
func TestLimiter_Header(t *testing.T) {
	t.Parallel()
	l := &callersLimiter{update: func(h http.Header) { h.Set("X-Ratelimit-Remaining", "0") }}
	var sent http.Header
	c := newClient(t, playing(func(req *http.Request) (*http.Response, error) {
		resp, err := answer(204, "", "Date", "Fri, 27 Nov 2026 00:00:00 GMT", "Retry-After", "3", "X-RateLimit-Remaining", "7",
			"RateLimit-Policy", `"s3cret-token";q=10`, "X-Rate-Limit-Limit", "9", "Set-Cookie", "session=s3cret", "Location", "/x?code=s3cret",
			"WWW-Authenticate", "Bearer", "X-Request-Id", "r-1")(req)
		sent = resp.Header
		return resp, err
	}), l.use(t), func(c *rest.Config) {
		c.Authorizer = func(*http.Client) rest.Authorizer { return token{} }
	})
	if err := c.Do(t.Context(), remove()); err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Date": {"Fri, 27 Nov 2026 00:00:00 GMT"}, "Retry-After": {"3"}, "X-Ratelimit-Remaining": {"0"},
		"Ratelimit-Policy": {`"[redacted]";q=10`}, "X-Rate-Limit-Limit": {"9"},
	}
	if diff := cmp.Diff(want, l.headers[0]); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if got := sent.Get("X-Ratelimit-Remaining"); got != "7" || !strings.Contains(sent.Get("Set-Cookie"), "s3cret") {
		t.Errorf("the headers of the answer were changed: %v", sent)
	}
}

// The context of a wait has the request, and the observer receives the duration of the wait.
func TestLimiter_Observer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &callersLimiter{wait: func(ctx context.Context, _ int) error {
			request, _ := observe.FromContext(ctx)
			want := observe.Request{Call: observe.Call{Provider: "test", Operation: "DeleteResource", Write: true}, Attempt: 1}
			if diff := cmp.Diff(want, request); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			time.Sleep(3 * time.Second)
			return nil
		}}
		var got []observe.Wait
		c := newClient(t, playing(answer(204, "")), l.use(t), func(c *rest.Config) {
			c.Observer = observe.Observer{Wait: func(_ context.Context, _ observe.Call, w observe.Wait) { got = append(got, w) }}
		})
		err := c.Do(t.Context(), remove())
		want := []observe.Wait{{Attempt: 1, Reason: observe.ReasonRateLimit, Duration: 3 * time.Second}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("got %v; waits (-want +got):\n%s", err, diff)
		}
	})
}

// Calls of several clients use one limiter at the same time.
func TestLimiter_Parallel(t *testing.T) {
	t.Parallel()
	l := new(callersLimiter)
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		c := newClient(t, &limited{limiter: &bucket{perSecond: 1e9, capacity: 1e9}}, l.use(t))
		for range 25 {
			group.Go(func() {
				call := &rest.Call{Operation: "GetResource", Method: http.MethodGet, Path: "/x", Status: 200, Out: new(struct{}), Repeat: true}
				if err := c.Do(trace.WithStop(t.Context(), stop), call); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	if len(l.updates) != 100 || l.waits != 100 {
		t.Errorf("%d waits and %d updates, want 100", l.waits, len(l.updates))
	}
}

// pointerLimiter panics if it is nil.
type pointerLimiter struct{ callersLimiter }

func TestUseLimiter(t *testing.T) {
	t.Parallel()
	for name, limiter := range map[string]rest.Limiter{"nil": nil, "a nil pointer": (*pointerLimiter)(nil)} {
		if err := new(rest.Config).UseLimiter(limiter); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	_, err := rest.New(rest.Config{
		Provider: "test", BaseURL: "https://test.invalid", Authorizer: func(*http.Client) rest.Authorizer { return noCredential{} },
		Limiter: new(callersLimiter), Rate: ratelimit.Rate{PerSecond: 1, Burst: 1},
	})
	if got, _ := code(t, err); got != errors.InvalidArgument {
		t.Errorf("got %v for two limits, want %q", err, errors.InvalidArgument)
	}
}
