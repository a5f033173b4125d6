package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/observe"
)

// script answers each request by the next function, and the following requests by the last.
type script struct {
	answers  []func(*http.Request) (*http.Response, error)
	requests []*http.Request
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests = append(s.requests, req)
	return s.answers[min(len(s.requests), len(s.answers))-1](req)
}

func answer(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		header := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			header.Set(headers[i], headers[i+1])
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
		}, nil
	}
}

func breaks(req *http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func playing(answers ...func(*http.Request) (*http.Response, error)) *script {
	return &script{answers: answers}
}

type resource struct {
	ID string `json:"id"`
}

func get(out *resource) *rest.Call {
	return &rest.Call{
		Operation: "GetResource", Target: "x", Method: http.MethodGet, Path: "/resources/x", Status: 200, Out: out, Repeat: true,
		Validate: func() string {
			if out.ID == "" {
				return "id"
			}
			return ""
		},
	}
}

func remove() *rest.Call {
	return &rest.Call{Operation: "DeleteResource", Target: "x", Method: http.MethodDelete, Path: "/resources/x", Status: 204}
}

// code returns the code and the status of an error.
func code(t *testing.T, err error) (errors.Code, int) {
	t.Helper()
	if err == nil {
		return "", 0
	}
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *errors.Error", err)
	}
	return e.Code, e.Status
}

func TestRedirect_Read(t *testing.T) {
	t.Parallel()
	found := answer(200, `{"id":"x"}`)
	for name, test := range map[string]struct {
		status   int
		location string
		requests int
		code     errors.Code
	}{
		"within the origin":  {302, "/v2/resources/x", 2, ""},
		"permanently":        {308, "https://test.invalid/v2/resources/x", 2, ""},
		"to another host":    {302, "https://elsewhere.invalid/v1/resources/x", 1, errors.UnexpectedResponse},
		"to another port":    {302, "https://test.invalid:8443/v1/resources/x", 1, errors.UnexpectedResponse},
		"to another scheme":  {302, "http://test.invalid/v1/resources/x", 1, errors.UnexpectedResponse},
		"to a user":          {302, "https://u:p@test.invalid/v1/resources/x", 1, errors.UnexpectedResponse},
		"to what is no URL":  {302, "%zz", 1, errors.UnexpectedResponse},
		"to nowhere":         {302, "", 1, errors.UnexpectedResponse},
		"not modified":       {304, "", 1, errors.UnexpectedResponse},
		"without scheme, to": {302, "//elsewhere.invalid/", 1, errors.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := playing(answer(test.status, "", "Location", test.location), found)
			c := newClient(t, server)
			var out resource
			got, status := code(t, c.Do(t.Context(), get(&out)))
			if got != test.code {
				t.Errorf("got code %q, want %q", got, test.code)
			}
			if got != "" && status != test.status {
				t.Errorf("got status %d, want %d", status, test.status)
			}
			if len(server.requests) != test.requests {
				t.Errorf("%d requests were sent, want %d", len(server.requests), test.requests)
			}
		})
	}
	t.Run("without end", func(t *testing.T) {
		t.Parallel()
		server := playing(answer(302, "", "Location", "/v1/resources/x"))
		var out resource
		got, status := code(t, newClient(t, server).Do(t.Context(), get(&out)))
		if got != errors.UnexpectedResponse || status != 302 {
			t.Errorf("got code %q and status %d", got, status)
		}
	})
}

// The target of a redirect may not exist. This does not prove that the requested resource does not
// exist: otherwise a deletion would be reported as done.
func TestRedirect_NotFound(t *testing.T) {
	t.Parallel()
	notFound := func(c *rest.Config) {
		c.Classify = func(a *rest.Answer, e *errors.Error) bool {
			if a.Status == 404 {
				e.Code = errors.OrganizationNotFound
			}
			return true
		}
	}
	var out resource
	server := playing(answer(302, "", "Location", "/login"), answer(404, "{}"))
	if got, status := code(t, newClient(t, server, notFound).Do(t.Context(), get(&out))); got != errors.UnexpectedResponse || status != 404 {
		t.Errorf("got code %q and status %d, want %q", got, status, errors.UnexpectedResponse)
	}
	server = playing(answer(404, "{}"))
	if got, _ := code(t, newClient(t, server, notFound).Do(t.Context(), get(&out))); got != errors.OrganizationNotFound {
		t.Errorf("without a redirect: got code %q, want %q", got, errors.OrganizationNotFound)
	}
}

func TestRedirect_Write(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*rest.Config){
		"straight to the transport": func(*rest.Config) {},
		"through http.Client":       func(c *rest.Config) { c.HTTPClient.Timeout = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"DELETE", "POST", "PUT", "PATCH"} {
				for _, status := range []int{301, 302, 303, 307, 308} {
					server := playing(answer(status, "", "Location", "/v1/resources/x"), answer(204, ""))
					call := remove()
					call.Method, call.Body = method, resource{"x"}
					got, s := code(t, newClient(t, server, set).Do(t.Context(), call))
					if got != errors.UnexpectedResponse || s != status || len(server.requests) != 1 {
						t.Errorf("%s answered by %d: got code %q, status %d, after %d requests", method, status, got, s, len(server.requests))
					}
				}
			}
		})
	}
}

func TestWrite_TimeoutAndCookies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := playing(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		start := time.Now()
		got, _ := code(t, newClient(t, slow, func(c *rest.Config) { c.HTTPClient.Timeout = time.Minute }).Do(t.Context(), remove()))
		if got != errors.OutcomeUnknown || time.Since(start) != time.Minute {
			t.Errorf("got code %q after %v", got, time.Since(start))
		}
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	server := playing(answer(204, "", "Set-Cookie", "a=b"), answer(204, ""))
	c := newClient(t, server, func(c *rest.Config) { c.HTTPClient.Jar = jar })
	for range 2 {
		if err := c.Do(t.Context(), remove()); err != nil {
			t.Fatal(err)
		}
	}
	if cookie := server.requests[1].Header.Get("Cookie"); cookie != "a=b" {
		t.Errorf("got cookie %q", cookie)
	}
}

func TestTransport_BrokenContract(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   errors.Code
	}{
		"neither response nor error": {func(*http.Request) (*http.Response, error) { return nil, nil }, errors.OutcomeUnknown},
		"no body": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Header: http.Header{}}, nil
		}, ""},
		"no header": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 302, Body: http.NoBody}, nil
		}, errors.UnexpectedResponse},
	} {
		if got, _ := code(t, newClient(t, playing(test.answer)).Do(t.Context(), remove())); got != test.want {
			t.Errorf("%s: got code %q, want %q", name, got, test.want)
		}
	}
}

func TestRetry_Repeatable(t *testing.T) {
	t.Parallel()
	refused := func(c errors.Code) func(*rest.Config) {
		return func(config *rest.Config) {
			config.Classify = func(_ *rest.Answer, e *errors.Error) bool { e.Code = c; return true }
		}
	}
	none := func(*rest.Config) {}
	fails := func(err error) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	unsent := func(err error) func(*http.Request) (*http.Response, error) {
		return func(req *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(req.Context()).GetConn("")
			return nil, err
		}
	}
	for name, test := range map[string]struct {
		read     bool
		first    func(*http.Request) (*http.Response, error)
		set      func(*rest.Config)
		requests int
		code     errors.Code
	}{
		"a read after a lost answer":             {true, breaks, none, 2, ""},
		"a read after 500":                       {true, answer(500, ""), none, 2, ""},
		"a read after 503":                       {true, answer(503, ""), none, 2, ""},
		"a read after 408":                       {true, answer(408, ""), none, 2, ""},
		"a read after 499":                       {true, answer(499, ""), none, 2, ""},
		"a read after 429":                       {true, answer(429, ""), none, 2, ""},
		"a read after 404":                       {true, answer(404, ""), none, 1, errors.UnexpectedResponse},
		"a read after 401":                       {true, answer(401, ""), none, 1, errors.Unauthenticated},
		"a read after a strange 200":             {true, answer(200, "[]"), none, 1, errors.UnexpectedResponse},
		"a read after a fault of ours, sent 500": {true, answer(500, ""), refused(errors.InvalidArgument), 1, errors.InvalidArgument},
		"a write that was not sent":              {false, unsent(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), none, 2, ""},
		"a write whose certificate was refused in the handshake": {false, unsent(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}), none, 1, errors.Unauthenticated},
		"a read whose certificate was refused":                   {true, fails(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}), none, 1, errors.Unauthenticated},
		"a write after a lost answer":                            {false, breaks, none, 1, errors.OutcomeUnknown},
		"a write after 500":                                      {false, answer(500, ""), none, 1, errors.Internal},
		"a write after 503":                                      {false, answer(503, ""), none, 1, errors.Unavailable},
		"a write after 408":                                      {false, answer(408, ""), none, 1, errors.Unavailable},
		"a write after 499":                                      {false, answer(499, ""), none, 1, errors.Unavailable},
		"a write after 429":                                      {false, answer(429, ""), none, 2, ""},
		"a write after 409":                                      {false, answer(409, ""), none, 1, errors.Conflict},
		"a write after a 405 that passes":                        {false, answer(405, ""), refused(errors.Unavailable), 2, ""},
		"a write after a failure sent as 200":                    {false, answer(200, "{}"), refused(errors.Internal), 1, errors.Internal},
		"a write after a quota":                                  {false, answer(429, ""), refused(errors.QuotaExhausted), 1, errors.QuotaExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				then, call := answer(204, ""), remove()
				if test.read {
					var out resource
					then, call = answer(200, `{"id":"x"}`), get(&out)
				}
				server := playing(test.first, then)
				got, _ := code(t, newClient(t, server, test.set).Do(t.Context(), call))
				if got != test.code {
					t.Errorf("got code %q, want %q", got, test.code)
				}
				if len(server.requests) != test.requests {
					t.Errorf("%d requests were sent, want %d", len(server.requests), test.requests)
				}
			})
		})
	}
}

func TestSuccess_BodyNoObject(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		"{}": "", " \r\n\t{} ": "", `{"other":1}`: "",
		"": errors.UnexpectedResponse, "null": errors.UnexpectedResponse, "[]": errors.UnexpectedResponse,
		`"x"`: errors.UnexpectedResponse, "0": errors.UnexpectedResponse, "true": errors.UnexpectedResponse,
		"{": errors.UnexpectedResponse, "{}{": errors.UnexpectedResponse, "<html>": errors.UnexpectedResponse,
		`{"id":7}`: errors.UnexpectedResponse,
	} {
		var out resource
		call := get(&out)
		call.Validate = nil
		if got, _ := code(t, newClient(t, playing(answer(200, body))).Do(t.Context(), call)); got != want {
			t.Errorf("%q: got code %q, want %q", body, got, want)
		}
	}
}

func TestSuccess_BodyArray(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		"[]": "", ` [{"id":"a"}]`: "",
		"{}": errors.UnexpectedResponse, "null": errors.UnexpectedResponse, "[7]": errors.UnexpectedResponse, "[": errors.UnexpectedResponse,
	} {
		var out []resource
		call := get(nil)
		call.Out, call.Validate = &out, nil
		if got, _ := code(t, newClient(t, playing(answer(200, body))).Do(t.Context(), call)); got != want {
			t.Errorf("%q: got code %q, want %q", body, got, want)
		}
	}
}

func TestSuccess_UndocumentedBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		"": "", " \n": "", "{}": "",
		"<html>": errors.UnexpectedResponse, "null": errors.UnexpectedResponse, "accepted": errors.UnexpectedResponse,
	} {
		call := get(nil)
		call.Out, call.Validate, call.Status = nil, nil, 202
		if got, _ := code(t, newClient(t, playing(answer(202, body))).Do(t.Context(), call)); got != want {
			t.Errorf("%q: got code %q, want %q", body, got, want)
		}
	}
}

func TestRetry_MaxAttempts(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(*http.Request) (*http.Response, error){
		"lost answers": breaks,
		"failures":     answer(500, ""),
		"refusals":     answer(429, "", "Retry-After", "2"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(first)
				var out resource
				err := newClient(t, server, func(c *rest.Config) { c.Retry.MaxAttempts = 3 }).Do(t.Context(), get(&out))
				if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Attempts != 3 || len(server.requests) != 3 {
					t.Errorf("got %v after %d requests, want 3", err, len(server.requests))
				}
			})
		})
	}
}

func TestRetry_LongWait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first    func(*http.Request) (*http.Response, error)
		deadline time.Duration
	}{
		"for the limit, beyond the cap":        {answer(429, "", "Retry-After", "91"), time.Hour},
		"for the limit, beyond the deadline":   {answer(429, "", "Retry-After", "50"), 49 * time.Second},
		"for the service, beyond the cap":      {answer(503, "", "Retry-After", "91"), time.Hour},
		"for the service, beyond the deadline": {answer(503, "", "Retry-After", "50"), 49 * time.Second},
		"for an absurd time":                   {answer(429, "", "Retry-After", "99999999999999999999"), time.Hour},
		"for an absurd time, as a date":        {answer(503, "", "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"), time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := playing(test.first)
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				start := time.Now()
				var out resource
				err := newClient(t, server).Do(ctx, get(&out))
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.RetryAfter < 50*time.Second || time.Since(start) != 0 || len(server.requests) != 1 {
					t.Errorf("got %v after %v and %d requests", err, time.Since(start), len(server.requests))
				}
			})
		})
	}
	t.Run("for the limit, of the calls that come after", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			server := playing(answer(429, "", "Retry-After", "600"), answer(204, ""))
			c := newClient(t, server)
			for range 3 {
				err := c.Do(t.Context(), remove())
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != errors.RateLimitReached || e.RetryAfter != 600*time.Second {
					t.Errorf("got %v", err)
				}
			}
			if len(server.requests) != 1 {
				t.Errorf("%d requests were sent, want 1", len(server.requests))
			}
			time.Sleep(550 * time.Second) // the rest is below the cap, but beyond this deadline
			ctx, cancel := context.WithTimeout(t.Context(), 49*time.Second)
			defer cancel()
			start := time.Now()
			err := c.Do(ctx, remove())
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.RateLimitReached || e.RetryAfter != 50*time.Second || time.Since(start) != 0 {
				t.Errorf("with a deadline: %v after %v", err, time.Since(start))
			}
			time.Sleep(51 * time.Second)
			if err := c.Do(t.Context(), remove()); err != nil {
				t.Errorf("after the wait: %v", err)
			}
		})
	})
}

func TestRateLimit_OwnLimit(t *testing.T) {
	t.Parallel()
	for _, perOperation := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server := playing(answer(204, ""))
			c := newClient(t, server, func(c *rest.Config) {
				c.Rate = ratelimit.Rate{PerSecond: 2, Burst: 3}
				c.PerOperation = perOperation
			})
			start := time.Now()
			for i := range 13 {
				call := remove()
				call.Operation += strings.Repeat("x", i%2)
				if err := c.Do(t.Context(), call); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(start).Round(time.Millisecond); took != 5*time.Second {
				t.Errorf("13 calls took %v, want 5 s: 3 at once and 2 a second", took)
			}
		})
	}
}

func TestRateLimit_PerOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := playing(answer(429, "", "Retry-After", "60"), answer(204, ""))
		c := newClient(t, server, func(c *rest.Config) { c.PerOperation = true; c.Retry.MaxAttempts = 1 })
		_ = c.Do(t.Context(), remove())
		start := time.Now()
		other := remove()
		other.Operation = "DeleteOther"
		if err := c.Do(t.Context(), other); err != nil || time.Since(start) != 0 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestAnswer_BodyLimit(t *testing.T) {
	t.Parallel()
	endless := func(status int) (func(*http.Request) (*http.Response, error), *counting) {
		body := &counting{}
		return func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: body, ContentLength: -1, Request: req}, nil
		}, body
	}
	for status, limit := range map[int]int{409: 1 << 20, 200: 64 << 20} {
		serve, body := endless(status)
		var out resource
		call := get(&out)
		call.Repeat = false
		got, s := code(t, newClient(t, playing(serve)).Do(t.Context(), call))
		if s != status || status == 200 && got != errors.UnexpectedResponse {
			t.Errorf("%d: got code %q and status %d", status, got, s)
		}
		if body.read > limit+1 || !body.closed {
			t.Errorf("%d: %d bytes were read, closed: %t", status, body.read, body.closed)
		}
	}
}

// counting is an endless body.
type counting struct {
	read   int
	closed bool
}

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	if c.read == 0 {
		copy(p, `{"id":"x"}`) // so that what was read is a success in itself
	}
	c.read += len(p)
	return len(p), nil
}

func (c *counting) Close() error { c.closed = true; return nil }

func TestCall_Request(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base, id string
		query    func(*rest.Call)
		want     string
	}{
		"plain":            {"https://test.invalid/v1", "abc", nil, "https://test.invalid/v1/resources/abc"},
		"trailing slashes": {"https://test.invalid/v1//", "abc", nil, "https://test.invalid/v1/resources/abc"},
		"no path":          {"https://test.invalid", "abc", nil, "https://test.invalid/resources/abc"},
		"an id to escape":  {"https://test.invalid/v1", "a b%2f?#é", nil, "https://test.invalid/v1/resources/a%20b%252f%3F%23%C3%A9"},
		"a path to escape": {"https://test.invalid/a%2Fb", "c", nil, "https://test.invalid/a%2Fb/resources/c"},
		"both to escape":   {"https://test.invalid/a%2Fb", "c%", nil, "https://test.invalid/a%2Fb/resources/c%25"},
		"a query": {"https://test.invalid/v1", "abc", func(c *rest.Call) {
			c.QueryParam("page", "form", true, 2)
			c.QueryParam("organization[id]", "form", true, "a&b=c")
		}, "https://test.invalid/v1/resources/abc?page=2&organization%5Bid%5D=a%26b%3Dc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := playing(answer(204, ""))
			c := newClient(t, server, func(c *rest.Config) { c.BaseURL = test.base })
			call := remove()
			call.Path = "/resources/{id}"
			call.PathParam("id", "id", test.id, rest.Opaque)
			if test.query != nil {
				test.query(call)
			}
			if err := c.Do(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, server.requests[0].URL.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCall_GetBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		keep := func(then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
			return func(req *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(req.Body)
				again, err := req.GetBody() // as HTTP/2 does after a GOAWAY
				if err != nil {
					return nil, err
				}
				second, _ := io.ReadAll(again)
				bodies = append(bodies, string(body), string(second))
				if int(req.ContentLength) != len(body) {
					t.Errorf("got length %d of %q", req.ContentLength, body)
				}
				return then(req)
			}
		}
		call := remove()
		call.Method, call.Body = "POST", map[string]string{"a": "<b>"}
		server := playing(keep(answer(429, "")), keep(answer(204, "")))
		if err := newClient(t, server).Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		body := `{"a":"\u003cb\u003e"}`
		if diff := cmp.Diff([]string{body, body, body, body}, bodies); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestCall_InvalidArgument(t *testing.T) {
	t.Parallel()
	server := playing(answer(204, ""))
	c := newClient(t, server)
	unencodable := remove()
	unencodable.Body = make(chan int)
	badQuery := remove()
	badQuery.QueryParam("x", "matryoshka", true, []string{"a"})
	for name, call := range map[string]*rest.Call{"a body": unencodable, "a query": badQuery} {
		if got, _ := code(t, c.Do(t.Context(), call)); got != errors.InvalidArgument {
			t.Errorf("%s: got code %q", name, got)
		}
	}
	var none context.Context
	if got, _ := code(t, c.Do(none, remove())); got != errors.InvalidArgument {
		t.Errorf("no context: got code %q", got)
	}
	if len(server.requests) != 0 {
		t.Errorf("%d requests were sent", len(server.requests))
	}
}

func TestError_NoURL(t *testing.T) {
	t.Parallel()
	server := playing(func(req *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: io.ErrUnexpectedEOF}
	})
	err := newClient(t, server).Do(t.Context(), remove())
	if text := err.Error(); strings.Contains(text, "test.invalid") {
		t.Errorf("got %q", text)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		t.Error("the chain has a *url.Error")
	}
}

func TestLog_EveryAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		server := playing(answer(503, `{"secret":"words"}`, "Retry-After", "3"), answer(200, `{"id":"x"}`))
		c := newClient(t, server, func(c *rest.Config) {
			c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		var out resource
		if err := c.Do(t.Context(), get(&out)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(log.String()) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			got = append(got, record["level"].(string)+" "+record["msg"].(string)+" "+attributes(record))
			if e, ok := record["error"].(map[string]any); ok && e["attempts"] != record["attempt"] {
				t.Errorf("got the error of attempt %v with attempts %v", record["attempt"], e["attempts"])
			}
		}
		want := []string{
			"WARN request [attempt=1 code=unavailable duration error operation provider status=503 target]",
			"INFO waiting [attempt=1 code=unavailable operation provider reason=retry target wait]",
			"DEBUG request [attempt=2 duration operation provider status=200 target]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if strings.Contains(log.String(), "words") {
			t.Errorf("the log has the body: %s", log.String())
		}
	})
}

// attributes returns the names of a record's attributes, and the values of some.
func attributes(record map[string]any) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(record)) {
		switch name {
		case slog.LevelKey, slog.MessageKey, slog.TimeKey:
		case observe.AttemptKey, observe.StatusKey, observe.CodeKey, observe.ReasonKey:
			names = append(names, fmt.Sprintf("%s=%v", name, record[name]))
		default:
			names = append(names, name)
		}
	}
	return fmt.Sprint(names)
}

// The received part of a refusal may lack the reason.
func TestRefusal_Truncated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cut := func(req *http.Request) (*http.Response, error) {
			resp, err := answer(404, `{"code":"not_fo`)(req)
			resp.Body = io.NopCloser(io.MultiReader(resp.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
			return resp, err
		}
		server := playing(cut, answer(200, `{"id":"x"}`))
		var out resource
		if err := newClient(t, server).Do(t.Context(), get(&out)); err != nil || out.ID != "x" {
			t.Errorf("got %+v, %v", out, err)
		}
		server = playing(cut)
		err := newClient(t, server).Do(t.Context(), remove())
		if got, status := code(t, err); got != errors.Unavailable || status != 404 {
			t.Errorf("got %q with status %d, want %q with 404", got, status, errors.Unavailable)
		}
	})
}
