package rest_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// A deletion whose next attempt would wait longer than MaxWait is not sent again. The
// wait is in the error.
func TestDelete_LongWait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		retryAfter time.Duration
		sends      int
		took       time.Duration
	}{
		"within the limit": {time.Minute, 5, 4 * time.Minute},
		"beyond the limit": {time.Minute + time.Second, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start, sends := time.Now(), 0
				c := newClient(t, playing(breaks), func(c *rest.Config) { c.Retry.MaxWait = time.Minute })
				err := c.Delete(t.Context(), rest.Deletion{
					Send: func(context.Context) error {
						sends++
						return &errors.Error{Code: errors.Unavailable, Status: 503, RetryAfter: test.retryAfter}
					},
					Verify: func(context.Context) (rest.Existence, error) { return rest.Exists, nil },
				})
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != errors.Unavailable || e.RetryAfter != test.retryAfter {
					t.Errorf("got %#v, want %q with the wait", err, errors.Unavailable)
				}
				if took := time.Since(start); sends != test.sends || took != test.took {
					t.Errorf("%d attempts in %v, want %d in %v", sends, took, test.sends, test.took)
				}
			})
		})
	}
}

// A call whose context ended is not sent again, and logs no wait.
func TestRetry_CanceledCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := playing(func(*http.Request) (*http.Response, error) {
			cancel()
			return nil, context.Canceled
		})
		var log bytes.Buffer
		c := newClient(t, server, func(c *rest.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		var out resource
		err := c.Do(ctx, get(&out))
		if got, _ := code(t, err); got != errors.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %q by the context", err, errors.Canceled)
		}
		if n := len(server.requests); n != 1 {
			t.Errorf("sent %d times", n)
		}
		if bytes.Contains(log.Bytes(), []byte("wait")) {
			t.Errorf("the log has a wait:\n%s", log.String())
		}
	})
}

// A 401 with a truncated body is still a 401: only another credential may help.
func TestRefusal_Truncated401(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]errors.Code{401: errors.Unauthenticated, 403: errors.Unavailable, 409: errors.Unavailable} {
		synctest.Test(t, func(t *testing.T) {
			server := playing(func(req *http.Request) (*http.Response, error) {
				resp, err := answer(status, `{"code":"x`, "WWW-Authenticate", "Bearer")(req)
				resp.Body = io.NopCloser(io.MultiReader(resp.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
				return resp, err
			})
			got, gotStatus := code(t, newClient(t, server, func(c *rest.Config) { c.Retry.MaxAttempts = 2 }).Do(t.Context(), remove()))
			if got != want || gotStatus != status {
				t.Errorf("%d: got %q with status %d, want %q", status, got, gotStatus, want)
			}
			if n, once := len(server.requests), status == 401; (n == 1) != once {
				t.Errorf("%d: sent %d times", status, n)
			}
		})
	}
}

// A refused connection of the first attempt does not prove that the second attempt,
// whose connections the transport does not report, was not sent.
func TestNotSent_UnreportedSecondAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		server := playing(func(req *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(req.Context()).GetConn("")
			return nil, refused
		}, func(*http.Request) (*http.Response, error) { return nil, refused })
		got, _ := code(t, newClient(t, server).Do(t.Context(), remove()))
		if n := len(server.requests); got != errors.OutcomeUnknown || n != 2 {
			t.Errorf("got %q after %d requests, want %q after 2", got, n, errors.OutcomeUnknown)
		}
	})
}

// A transport that connects a second time may have sent a deletion twice. The refusal of the second
// request proves nothing about the first, so that a read decides.
func TestDelete_TransportThatRedials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status, connections int
		existence           rest.Existence
		want                errors.Code // "" for a success
		requests            int
	}{
		"not found, deleted":      {404, 2, rest.NotFound, "", 1},
		"not found, not readable": {404, 2, rest.Unknown, errors.OutcomeUnknown, 1},
		"unauthenticated":         {401, 2, rest.NotFound, "", 1},
		"forbidden":               {403, 2, rest.NotFound, "", 1},
		"still there":             {403, 2, rest.Exists, errors.Unavailable, 5},
		"limited":                 {429, 2, rest.NotFound, "", 1},
		"a conflict":              {409, 2, rest.NotFound, errors.Conflict, 1},
		"sent once":               {404, 1, rest.NotFound, errors.OrganizationNotFound, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(func(req *http.Request) (*http.Response, error) {
					trace := httptrace.ContextClientTrace(req.Context())
					for range test.connections {
						trace.GetConn("")
						trace.GotConn(httptrace.GotConnInfo{})
					}
					return answer(test.status, "{}")(req)
				})
				c := newClient(t, server, func(c *rest.Config) {
					c.Classify = func(a *rest.Answer, e *errors.Error) bool {
						if a.Status == 404 {
							e.Code = errors.OrganizationNotFound
						}
						return true
					}
				})
				got, _ := code(t, c.Delete(t.Context(), rest.Deletion{
					Send:   func(ctx context.Context) error { return c.Do(ctx, remove()) },
					Verify: func(context.Context) (rest.Existence, error) { return test.existence, nil },
				}))
				if n := len(server.requests); got != test.want || n != test.requests {
					t.Errorf("got %q after %d requests, want %q after %d", got, n, test.want, test.requests)
				}
			})
		})
	}
}

// No attempt starts when MaxElapsed has passed since the start of the call, also not of a
// deletion whose attempts are calls of their own.
func TestRetry_MaxElapsed(t *testing.T) {
	t.Parallel()
	busy := answer(http.StatusTooManyRequests, `{}`)
	settings := func(c *rest.Config) { c.Retry = rest.Retry{MaxAttempts: 100, MaxElapsed: 20 * time.Second} }
	var out resource
	for name, call := range map[string]func(context.Context, *rest.Client) error{
		"a read": func(ctx context.Context, c *rest.Client) error { return c.Do(ctx, get(&out)) },
		"a deletion": func(ctx context.Context, c *rest.Client) error {
			return c.Delete(ctx, rest.Deletion{
				Send: func(ctx context.Context) error {
					if err := c.Do(ctx, remove()); err == nil {
						return nil
					}
					return &errors.Error{Code: errors.OutcomeUnknown, Attempts: 1}
				},
				Verify: func(context.Context) (rest.Existence, error) { return rest.Exists, nil },
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(busy)
				c := newClient(t, server, settings)
				start := time.Now()
				err := call(t.Context(), c)
				if err == nil || len(server.requests) < 2 {
					t.Fatalf("got %v after %d requests, want a failure after several", err, len(server.requests))
				}
				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("the last attempt started after %v", took)
				}
			})
		})
	}
}
