package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// limiter is the rate limit of a server. It reports whether a request is permitted, and adds its
// headers.
type limiter interface {
	permit(now time.Time, h http.Header) bool
}

// windows permits a number of requests in each window of the clock.
type windows struct {
	permitted int
	length    time.Duration
	start     time.Time
	used      int
	headers   bool // headers with the remaining requests and without Retry-After, like Katapult
}

func (l *windows) permit(now time.Time, h http.Header) bool {
	if start := now.Truncate(l.length); !start.Equal(l.start) {
		l.start, l.used = start, 0
	}
	permitted := l.used < l.permitted
	if permitted {
		l.used++
	}
	if l.headers {
		h.Set("X-Permitted", strconv.Itoa(l.permitted))
		h.Set("X-Remaining", strconv.Itoa(l.permitted-l.used))
	} else if !permitted {
		h.Set("Retry-After", "1")
	}
	return permitted
}

// bucket is a token bucket.
type bucket struct {
	perSecond, capacity, tokens float64
	filled                      time.Time
}

func (l *bucket) permit(now time.Time, h http.Header) bool {
	if l.filled.IsZero() {
		l.tokens = l.capacity
	} else {
		l.tokens = min(l.capacity, l.tokens+now.Sub(l.filled).Seconds()*l.perSecond)
	}
	l.filled = now
	if l.tokens < 1-1e-9 {
		h.Set("Retry-After", "1")
		return false
	}
	l.tokens--
	return true
}

// limited is a provider with a limiter.
type limited struct {
	limiter
	latency time.Duration

	mu                sync.Mutex
	granted, refusals int
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(l.latency / 2)
	l.mu.Lock()
	header := http.Header{}
	now := time.Now()
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	status := 200
	if l.permit(now, header) {
		l.granted++
	} else {
		l.refusals++
		status = 429
	}
	l.mu.Unlock()
	time.Sleep(l.latency - l.latency/2)
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2, Request: req,
	}, nil
}

// minuteWindow reads the rate-limit headers of windows.
func minuteWindow(h http.Header) (ratelimit.Window, bool) {
	permitted, ok := rest.Count(h.Get("X-Permitted"))
	remaining, _ := rest.Count(h.Get("X-Remaining"))
	date, _ := http.ParseTime(h.Get("Date"))
	return ratelimit.Window{
		Permitted: permitted, Remaining: remaining,
		Start: date.Truncate(time.Minute), Length: time.Minute, Date: date,
	}, ok
}

func TestRateLimit_NoLostDeletion(t *testing.T) {
	t.Parallel()
	for _, load := range []struct {
		calls, workers int
		perSecond      float64
	}{
		{2000, 16, 300},
		{400, 64, 20},
		{60, 32, 5},
	} {
		for _, latency := range []time.Duration{0, 5 * time.Millisecond} {
			for kind, make := range map[string]func() limiter{
				"windows": func() limiter {
					return &windows{permitted: int(load.perSecond), length: time.Second}
				},
				"bucket": func() limiter {
					return &bucket{perSecond: load.perSecond, capacity: load.perSecond}
				},
			} {
				t.Run(fmt.Sprintf("%d calls by %d workers at %v per second, %s, latency %v", load.calls, load.workers, load.perSecond, kind, latency), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						server := &limited{limiter: make(), latency: latency}
						took := run(t, server, nil, load.calls, load.workers)
						report(t, server, took, load.perSecond)
					})
				})
			}
		}
	}
}

func TestRateLimit_ClockMinute(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{0, 40 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(37 * time.Second) // in the middle of a minute
				server := &limited{limiter: &windows{permitted: 1000, length: time.Minute, headers: true}, latency: latency}
				took := run(t, server, minuteWindow, 5000, 64)
				report(t, server, took, 1000.0/60)
			})
		})
	}
}

// run sends calls by workers that share one client, and returns the elapsed time.
func run(t *testing.T, server *limited, window func(http.Header) (ratelimit.Window, bool), calls, workers int) time.Duration {
	t.Helper()
	c := newClient(t, server, func(c *rest.Config) { c.Window = window })
	start := time.Now()
	jobs := make(chan int)
	var group sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	for range workers {
		group.Go(func() {
			for range jobs {
				if err := c.Do(context.Background(), &rest.Call{
					Operation: "DeleteOrganization", Method: http.MethodDelete, Path: "/x", Status: 200,
				}); err != nil {
					mu.Lock()
					lost++
					mu.Unlock()
					t.Log(err)
				}
			}
		})
	}
	for i := range calls {
		jobs <- i
	}
	close(jobs)
	group.Wait()
	if lost > 0 {
		t.Errorf("%d of %d calls were lost", lost, calls)
	}
	return time.Since(start)
}

func report(t *testing.T, server *limited, took time.Duration, perSecond float64) {
	t.Helper()
	requests := server.granted + server.refusals
	used := float64(server.granted) / (perSecond * took.Seconds())
	refused := float64(server.refusals) / float64(requests)
	t.Logf("%d granted in %v: %.0f %% of the permitted rate; %d refused: %.1f %%", server.granted, took, 100*used, server.refusals, 100*refused)
	if used < 0.9 {
		t.Errorf("only %.0f %% of the permitted rate was used", 100*used)
	}
	if refused >= 0.05 {
		t.Errorf("%.1f %% of the requests were refused", 100*refused)
	}
}

// newClient returns a client of a provider without codes.
func newClient(t *testing.T, transport http.RoundTripper, settings ...func(*rest.Config)) *rest.Client {
	t.Helper()
	config := rest.Config{
		Provider: "test", BaseURL: "https://test.invalid/v1",
		HTTPClient: &http.Client{Transport: transport},
		Authorizer: func(*http.Client) rest.Authorizer { return noCredential{} },
		Classify:   func(*rest.Answer, *errors.Error) bool { return true },
	}
	for _, set := range settings {
		set(&config)
	}
	c, err := rest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type noCredential struct{}

func (noCredential) Authorize(context.Context, *http.Request) error { return nil }
func (noCredential) Refused(*http.Request, http.Header) bool        { return false }

// Calls that share the caller's rate limit start no attempt after MaxElapsed.
func TestRetry_MaxElapsedInQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		last, codes := queued(t, 30, 503, func(c *rest.Config) {
			c.Retry.MaxElapsed, c.Rate = 10*time.Second, ratelimit.Rate{PerSecond: 0.5, Burst: 30}
		})
		if last > 10*time.Second || last < 8*time.Second {
			t.Errorf("the last attempt started after %v, want 8 s to 10 s", last)
		}
		if n := codes[errors.Unavailable] + codes[errors.RateLimitReached]; n != 30 {
			t.Errorf("got %v, want 30 failures", codes)
		}
	})
}

// MaxWait bounds the wait for the rate limit, and not the wait for the calls before: all calls of
// a queue are sent.
func TestRetry_MaxWaitInQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, codes := queued(t, 100, 200, func(c *rest.Config) {
			c.Retry.MaxWait, c.Rate = 5*time.Second, ratelimit.Rate{PerSecond: 1, Burst: 1}
		})
		if diff := cmp.Diff(map[errors.Code]int{"": 100}, codes); diff != "" {
			t.Error(diff)
		}
	})
}

// queued starts calls at the same time, and returns the time of the last request and the number of
// calls by code.
func queued(t *testing.T, calls, status int, settings func(*rest.Config)) (last time.Duration, codes map[errors.Code]int) {
	t.Helper()
	start := time.Now()
	var mu sync.Mutex
	c := newClient(t, requests(func() int {
		mu.Lock()
		defer mu.Unlock()
		last = max(last, time.Since(start))
		return status
	}), settings)
	codes = make(map[errors.Code]int)
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			var out resource
			err := c.Do(t.Context(), get(&out))
			mu.Lock()
			defer mu.Unlock()
			got, _ := code(t, err)
			codes[got]++
		})
	}
	group.Wait()
	return last, codes
}

// requests answers each request with the status that it returns.
type requests func() int

func (r requests) RoundTrip(req *http.Request) (*http.Response, error) {
	return answer(r(), `{"id":"x"}`)(req)
}
