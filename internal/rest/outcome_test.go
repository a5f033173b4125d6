package rest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

func TestRemoval_AcceptedAnswers(t *testing.T) {
	t.Parallel()
	for _, documented := range []int{200, 202, 204} {
		for _, test := range []struct {
			status   int
			body     string
			accepted bool
		}{
			{200, "", true}, {200, "{}", true}, {202, "", true}, {202, " { \n} ", true}, {204, "", true}, {204, "{}", true},
			{201, "", false}, {203, "{}", false}, {205, "", false}, {206, "{}", false}, {302, "", false},
			{200, `{"error":"x"}`, false}, {202, "<html></html>", false}, {200, "null", false}, {200, "[]", false}, {202, "{}{}", false}, {200, "}", false},
		} {
			call := remove()
			call.Status, call.Removal = documented, true
			got, status := code(t, newClient(t, playing(answer(test.status, test.body))).Do(t.Context(), call))
			if (got == "") != test.accepted {
				t.Errorf("documented %d, answered %d %q: got code %q", documented, test.status, test.body, got)
			}
			if !test.accepted && (got != errors.UnexpectedResponse || status != test.status) {
				t.Errorf("documented %d, answered %d %q: got code %q and status %d", documented, test.status, test.body, got, status)
			}
		}
	}
}

// The documented body is decoded; an empty body leaves the value zero.
func TestRemoval_DocumentedBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{`{"id":"x"}`: "x", "{}": "", "": ""} {
		out := resource{}
		call := remove()
		call.Status, call.Removal, call.Out = 200, true, &out
		call.Validate = func() string { return rest.Validate(rest.Required{Name: "id", Absent: out.ID == ""}) }
		if got, _ := code(t, newClient(t, playing(answer(200, body))).Do(t.Context(), call)); got != "" || out.ID != want {
			t.Errorf("%q: got code %q and ID %q", body, got, out.ID)
		}
	}
}

func TestWrite_OtherStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 302} {
		if got, s := code(t, newClient(t, playing(answer(status, ""))).Do(t.Context(), remove())); got != errors.UnexpectedResponse || s != status {
			t.Errorf("%d: got code %q and status %d", status, got, s)
		}
	}
}

func TestSuccess_ErrorMember(t *testing.T) {
	t.Parallel()
	type data struct {
		ID    string `json:"id"`
		Error string `json:"error"` // described: a resource may have it
	}
	for body, want := range map[string]errors.Code{
		`{"id":"x"}`:              "",
		`{"id":"x","error":null}`: "",
		`{"id":"x","error":{},"errors":[],"code":0}`:      "",
		`{"id":"x","error":{"code":1}}`:                   errors.UnexpectedResponse,
		`{"id":"x","Error":"no"}`:                         errors.UnexpectedResponse,
		`{"id":"x","\u0065rror":"no"}`:                    errors.UnexpectedResponse,
		`{"errors":["no"],"id":"x"}`:                      errors.UnexpectedResponse,
		`{"id":"x","code":5,"message":"not found"}`:       errors.UnexpectedResponse,
		`{"id":"x","errorCode":"NO"}`:                     errors.UnexpectedResponse,
		`{"id":"x","data":{"error":"no"}}`:                errors.UnexpectedResponse,
		`{"id":"x","more":{"error":"of a sub resource"}}`: "",
	} {
		for _, repeat := range []bool{true, false} {
			out := resource{}
			call := get(&out)
			call.Repeat = repeat
			if got, _ := code(t, newClient(t, playing(answer(200, body))).Do(t.Context(), call)); got != want {
				t.Errorf("read %t, %s: got code %q, want %q", repeat, body, got, want)
			}
		}
	}
	var out struct {
		data
		Data *data `json:"data"`
	}
	call := get(nil)
	call.Out, call.Validate = &out, nil
	for _, body := range []string{`{"error":"described"}`, `{"data":{"error":"described"}}`} {
		if got, _ := code(t, newClient(t, playing(answer(200, body))).Do(t.Context(), call)); got != "" {
			t.Errorf("%s: got code %q", body, got)
		}
	}
}

func TestSuccess_KnownMembersOnly(t *testing.T) {
	t.Parallel()
	known := func(c *rest.Config) { c.KnownMembersOnly = true }
	for body, want := range map[string]errors.Code{
		`{"id":"x"}`:                 "",
		`{"id":"x","message":"no"}`:  errors.UnexpectedResponse,
		`{"id":"x","details":[]}`:    errors.UnexpectedResponse,
		`{"id":"x" , "other" :null}`: errors.UnexpectedResponse,
	} {
		out := resource{}
		call := get(&out)
		call.Repeat = false
		if got, _ := code(t, newClient(t, playing(answer(200, body)), known).Do(t.Context(), call)); got != want {
			t.Errorf("write, %s: got code %q, want %q", body, got, want)
		}
		// The answers to reads get new members with new versions of the API.
		if got, _ := code(t, newClient(t, playing(answer(200, body)), known).Do(t.Context(), get(&out))); got != "" {
			t.Errorf("read, %s: got code %q", body, got)
		}
	}
}

// The type of an error proves nothing, because a transport may have sent the request before.
func TestNotSent_ErrorType(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"record header":        tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
		"certificate":          &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"unknown authority":    x509.UnknownAuthorityError{},
		"dns":                  &net.DNSError{Err: "no such host"},
		"dial":                 &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"proxy":                &net.OpError{Op: "proxyconnect", Err: syscall.ECONNREFUSED},
		"socks":                &net.OpError{Op: "socks connect", Err: syscall.ECONNREFUSED},
		"handshake failure":    &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")},
		"our certificate":      &net.OpError{Op: "remote error", Err: errors.New("tls: expired certificate")},
		"scheme":               http.ErrSchemeMismatch,
		"within another error": fmt.Errorf("gave up: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}),
	} {
		for trace, connected := range map[string]func(*httptrace.ClientTrace){
			"connected":              func(c *httptrace.ClientTrace) { c.GetConn(""); c.GotConn(httptrace.GotConnInfo{}) },
			"no report":              func(*httptrace.ClientTrace) {},
			"connected, dials again": func(c *httptrace.ClientTrace) { c.GetConn(""); c.GotConn(httptrace.GotConnInfo{}); c.GetConn("") },
		} {
			server := playing(func(req *http.Request) (*http.Response, error) {
				connected(httptrace.ContextClientTrace(req.Context()))
				return nil, err
			})
			if got, status := code(t, newClient(t, server).Do(t.Context(), remove())); got != errors.OutcomeUnknown || status != 0 || len(server.requests) != 1 {
				t.Errorf("%s, %s: got code %q after %d requests, want %q after 1", name, trace, got, len(server.requests), errors.OutcomeUnknown)
			}
		}
	}
}

func TestAnswer_FromCache(t *testing.T) {
	t.Parallel()
	missing := func(c *rest.Config) {
		c.Classify = func(a *rest.Answer, e *errors.Error) bool {
			if a.Status == 404 {
				e.Code = errors.OrganizationNotFound
			}
			return true
		}
	}
	for name, test := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		write  bool
	}{
		"a resource":       {answer(200, `{"id":"x"}`, "Age", "7"), false},
		"a not found":      {answer(404, `{}`, "Age", "0"), false},
		"a documented 204": {answer(204, "", "Age", "7"), true},
	} {
		server := playing(test.answer)
		call := get(new(resource))
		if test.write {
			call = remove()
		}
		got, status := code(t, newClient(t, server, missing).Do(t.Context(), call))
		if got != errors.UnexpectedResponse || status == 0 {
			t.Errorf("%s: got code %q and status %d", name, got, status)
		}
		if control := server.requests[0].Header.Get("Cache-Control"); control != "no-cache" {
			t.Errorf("%s: the request has Cache-Control %q", name, control)
		}
	}
	call := remove()
	call.Status, call.Removal = 202, true
	if got, _ := code(t, newClient(t, playing(answer(200, "{}", "Age", "7"))).Do(t.Context(), call)); got != errors.UnexpectedResponse {
		t.Errorf("a removal: got code %q", got)
	}
}

func TestRefusal_ForeignBody(t *testing.T) {
	t.Parallel()
	foreign := func(c *rest.Config) {
		c.Classify = func(a *rest.Answer, e *errors.Error) bool { return bytes.Contains(a.Body, []byte("own")) }
		c.Retry.MaxAttempts = 3
	}
	const page = "<html><title>The requested URL was rejected</title></html>"
	for status, own := range map[int]errors.Code{
		400: errors.InvalidArgument, 401: errors.Unauthenticated, 402: errors.PaymentRequired, 403: errors.PermissionDenied,
		406: errors.InvalidArgument, 409: errors.Conflict, 412: errors.InvalidArgument, 413: errors.InvalidArgument, 422: errors.InvalidArgument,
		423: errors.Conflict, 407: errors.UnexpectedResponse, 451: errors.UnexpectedResponse,
	} {
		for _, body := range []string{"", page, "{}", "null"} {
			synctest.Test(t, func(t *testing.T) {
				server := playing(answer(status, body))
				got, s := code(t, newClient(t, server, foreign).Do(t.Context(), remove()))
				if got != errors.UnexpectedResponse || s != status || len(server.requests) != 1 {
					t.Errorf("write, %d %q: got code %q, status %d, %d requests", status, body, got, s, len(server.requests))
				}
				server = playing(answer(status, body))
				requests := 1
				if status == 403 { // they come in bursts
					requests = 3
				}
				got, _ = code(t, newClient(t, server, foreign).Do(t.Context(), get(new(resource))))
				if got != errors.UnexpectedResponse || len(server.requests) != requests {
					t.Errorf("read, %d %q: got code %q after %d requests, want %d", status, body, got, len(server.requests), requests)
				}
			})
		}
		if got, _ := code(t, newClient(t, playing(answer(status, `{"own":1}`)), foreign).Do(t.Context(), remove())); got != own {
			t.Errorf("%d in the provider's form: got code %q, want %q", status, got, own)
		}
	}
	for name, test := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   errors.Code
	}{
		"401 with a challenge":    {answer(401, "", "WWW-Authenticate", `Digest realm="x"`), errors.Unauthenticated},
		"429 as a page":           {answer(429, page, "Retry-After", "3600"), errors.RateLimitReached},
		"408 as a page":           {answer(408, page), errors.Unavailable},
		"403, and then a success": {answer(403, ""), errors.UnexpectedResponse},
	} {
		if got, _ := code(t, newClient(t, playing(test.answer), foreign).Do(t.Context(), remove())); got != test.want {
			t.Errorf("%s: got code %q, want %q", name, got, test.want)
		}
	}
}

func TestRefusal_BurstOf403(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		foreign := func(c *rest.Config) { c.Classify = func(*rest.Answer, *errors.Error) bool { return false } }
		server := playing(answer(403, ""), answer(403, ""), answer(200, `{"id":"x"}`))
		if err := newClient(t, server, foreign).Do(t.Context(), get(new(resource))); err != nil || len(server.requests) != 3 {
			t.Errorf("got %v after %d requests", err, len(server.requests))
		}
	})
}

func TestOwnLimit_ContextEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"by cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(2*time.Second, cancel)
			return ctx, cancel
		},
		"by its deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2*time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(answer(200, `{"id":"x"}`))
				c := newClient(t, server, func(c *rest.Config) { c.Rate = ratelimit.Rate{PerSecond: 0.1, Burst: 1} })
				if err := c.Do(t.Context(), get(new(resource))); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := end(t.Context())
				defer cancel()
				go func() { _ = c.Do(t.Context(), get(new(resource))) }() // comes first
				synctest.Wait()
				sent := len(server.requests)
				err := c.Do(ctx, get(new(resource)))
				if got, _ := code(t, err); got != errors.Canceled {
					t.Errorf("got %v, want %q", err, errors.Canceled)
				}
				if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Attempts != 0 || sent != 1 {
					t.Errorf("%d requests were sent before, and then %v", sent, err)
				}
				if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v has no cause of a context", err)
				}
			})
		})
	}
}

// A refusal with any Retry-After must not stop a client forever.
func TestRateLimit_LongRetryAfter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		own  bool
		most time.Duration
	}{"in the provider's form": {true, 15 * time.Minute}, "as a page": {false, 90 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(answer(429, "", "Retry-After", "999999999"), answer(200, `{"id":"x"}`))
				c := newClient(t, server, func(c *rest.Config) {
					c.Classify = func(*rest.Answer, *errors.Error) bool { return test.own }
				})
				err := c.Do(t.Context(), get(new(resource)))
				if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.RateLimitReached || e.RetryAfter < time.Hour {
					t.Fatalf("got %v", err)
				}
				time.Sleep(test.most - time.Second)
				start := time.Now()
				if err := c.Do(t.Context(), get(new(resource))); err != nil || time.Since(start) > time.Second {
					t.Errorf("got %v after %v", err, time.Since(start))
				}
			})
		})
	}
}

func TestDelete_LoggedAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		server := playing(answer(500, ""), answer(500, ""), answer(204, ""))
		c := newClient(t, server, func(c *rest.Config) {
			c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		err := c.Delete(t.Context(), rest.Deletion{
			Send:   func(ctx context.Context) error { return c.Do(ctx, remove()) },
			Verify: func(context.Context) (rest.Existence, error) { return rest.Exists, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		var attempts []int
		for line := range bytes.Lines(log.Bytes()) {
			var record struct {
				Msg     string
				Attempt int
			}
			if err := json.Unmarshal(line, &record); err != nil {
				t.Fatal(err)
			}
			if record.Msg == "request" {
				attempts = append(attempts, record.Attempt)
			} else if record.Attempt != len(attempts) {
				t.Errorf("%s: got attempt %d after %d attempts", record.Msg, record.Attempt, len(attempts))
			}
		}
		if diff := cmp.Diff([]int{1, 2, 3}, attempts); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestOpaque_WhiteSpace(t *testing.T) {
	t.Parallel()
	for _, id := range []string{" ", "  ", "\u00a0", "\u3000", " x", "x ", "x\u00a0"} {
		if rest.Opaque(id) == nil {
			t.Errorf("%q is accepted", id)
		}
	}
	if err := rest.Opaque("x y"); err != nil {
		t.Errorf("a space within an ID: %v", err)
	}
}

func TestNotFound_OtherStatus(t *testing.T) {
	t.Parallel()
	missing := func(c *rest.Config) {
		c.Classify = func(_ *rest.Answer, e *errors.Error) bool { e.Code = errors.OrganizationNotFound; return true }
	}
	for status, want := range map[int]errors.Code{
		404: errors.OrganizationNotFound, 410: errors.OrganizationNotFound,
		400: errors.UnexpectedResponse, 403: errors.UnexpectedResponse, 409: errors.UnexpectedResponse, 418: errors.UnexpectedResponse,
		500: errors.UnexpectedResponse, 503: errors.UnexpectedResponse,
	} {
		for _, call := range []*rest.Call{get(new(resource)), remove()} {
			if got, _ := code(t, newClient(t, playing(answer(status, "{}")), missing).Do(t.Context(), call)); got != want {
				t.Errorf("%s, %d: got code %q, want %q", call.Operation, status, got, want)
			}
		}
	}
}

// The success of the deletion of an organization may have an error member of any name. So each
// member that the API description lacks leaves the outcome open.
func TestDeletion_UnknownMembers(t *testing.T) {
	t.Parallel()
	type answered struct {
		Success bool `json:"success"`
		Details struct {
			Owner string `json:"owner"`
		} `json:"details"`
	}
	for body, want := range map[string]bool{
		`{"success":true}`:                                       true,
		`{"success":true,"details":{"owner":"x"}}`:               true,
		`{"success":true,"message":"it has projects"}`:           false,
		`{"success":true,"status":"error"}`:                      false,
		`{"success":true,"data":[{"error":"x"}]}`:                false,
		`{"success":true,"details":{"owner":"x","reason":"no"}}`: false,
	} {
		call := remove()
		call.Status, call.Out = 200, new(answered)
		err := newClient(t, playing(answer(200, body))).Do(t.Context(), call)
		if (err == nil) != want || err != nil && !errors.Is(err, errors.UnexpectedResponse) {
			t.Errorf("%s: got %v", body, err)
		}
		call.Removal = true // of anything else: only an error speaks against it
		call.Method, call.Out = http.MethodDelete, new(answered)
		if err := newClient(t, playing(answer(200, body))).Do(t.Context(), call); err != nil && !strings.Contains(body, `"error":`) {
			t.Errorf("a removal, %s: got %v", body, err)
		}
	}
}

// A gentle stop of a teardown ends waits, and must know which writes are in flight.
func TestWrite_ReportedBeforeSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call *rest.Call
		want int
	}{
		"read":  {get(new(resource)), 0},
		"write": {remove(), 1},
	} {
		reported := 0
		server := playing(func(req *http.Request) (*http.Response, error) {
			if reported != test.want {
				t.Errorf("%s: reported %d times before it is sent, want %d", name, reported, test.want)
			}
			return answer(test.call.Status, `{"id":"x"}`)(req)
		})
		var last trace.Last
		ctx := trace.WithWrites(trace.With(t.Context(), &last), func() error { reported++; return nil })
		_ = newClient(t, server).Do(ctx, test.call)
		if sent := last.Sent(); sent != test.want {
			t.Errorf("%s: %d writes sent, want %d", name, sent, test.want)
		}
		if len(server.requests) != 1 || reported != test.want {
			t.Errorf("%s: %d requests, reported %d times", name, len(server.requests), reported)
		}
	}
}

// A failure of the server leaves the outcome open, also with the code of a missing resource.
func TestDelete_NotFoundWithTheStatusOfAFailure(t *testing.T) {
	t.Parallel()
	missing := func(c *rest.Config) {
		c.Classify = func(_ *rest.Answer, e *errors.Error) bool { e.Code = errors.OrganizationNotFound; return true }
	}
	for status, want := range map[int]errors.Code{500: "", 503: "", 408: "", 403: errors.UnexpectedResponse, 404: errors.OrganizationNotFound} {
		c := newClient(t, playing(answer(status, "{}")), missing)
		got, _ := code(t, c.Delete(t.Context(), rest.Deletion{
			Send:   func(ctx context.Context) error { return c.Do(ctx, remove()) },
			Verify: func(context.Context) (rest.Existence, error) { return rest.NotFound, nil },
		}))
		if got != want {
			t.Errorf("%d: got code %q, want %q", status, got, want)
		}
	}
}
