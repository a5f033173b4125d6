// Package pipelinesuite tests the rules of the pipeline through the public API of every
// provider, against the provider's fake. If a rule is removed from the pipeline, a test
// here fails for every provider.
package pipelinesuite

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// Provider is a provider under test.
type Provider struct {
	// Operation is the name of the deletion at the fake.
	Operation string

	// New returns a new fake with one organization that can be deleted.
	New func(testing.TB) Case

	// EmptyObject is true if {} is the documented success.
	EmptyObject bool

	// Unverifiable is true if no read shows whether a deletion took place.
	Unverifiable bool

	// NotFoundStatus is the status of the provider's own "organization not found"; 0 if the
	// provider has no such answer.
	NotFoundStatus int

	// IDInBody is true if a body names the organization and the client compares it with a
	// read before sending, so that no ID can change the path.
	IDInBody bool

	// AlwaysVerified is true if the answer to the deletion does not prove it, and a read
	// follows.
	AlwaysVerified bool

	// InvalidIDs are refused before anything is sent, in addition to those that all
	// providers refuse.
	InvalidIDs []string
}

// Case is one organization at a fake.
type Case struct {
	Server *offboardtest.Server

	// Exists reports whether the organization exists at the fake.
	Exists func() bool

	// Delete makes a client and deletes the organization, or another one if an ID is set.
	Delete func(context.Context, Settings) error
}

// fail adds faults to the fake. The test fails if one of them applies to no request.
func (c Case) fail(t *testing.T, faults ...offboardtest.Fault) {
	t.Helper()
	c.Server.Fail(faults...)
	t.Cleanup(func() { c.Server.AssertFaultsUsed(t) })
}

// Settings are the settings of a client. The zero value is a client with the provider's
// defaults that reaches the fake in memory.
type Settings struct {
	Client   *http.Client
	Logger   *slog.Logger
	Observer observe.Observer
	Attempts int
	MaxWait  time.Duration
	ID       *string
}

// Run runs all tests.
func (p Provider) Run(t *testing.T) {
	t.Run("UndocumentedSuccess", p.undocumented)
	t.Run("Redirect", p.redirects)
	t.Run("LostAnswer", p.lostAnswer)
	t.Run("NotSent", p.unsent)
	t.Run("ServerError", p.serverFailure)
	t.Run("RateLimit", p.rateLimit)
	t.Run("ContextEnd", p.context)
	t.Run("FirstNotFound", p.notFound)
	t.Run("InvalidID", p.ids)
	t.Run("CallersClient", p.callersClient)
	t.Run("ClosedBodies", p.openBodies)
	t.Run("Observer", p.observer)
}

// fails deletes with a fault and checks the properties of every failure: a typed error with
// the status, one deletion, and an organization that still exists.
func (p Provider) fails(t *testing.T, fault offboardtest.Fault) *errors.Error {
	t.Helper()
	c := p.New(t)
	fault.Operation = p.Operation
	c.fail(t, fault)
	err := c.Delete(t.Context(), Settings{})
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *errors.Error", err)
	}
	if e.Status != fault.Status {
		t.Errorf("got status %d, want %d", e.Status, fault.Status)
	}
	if !c.Exists() {
		t.Error("the organization is deleted")
	}
	if n := c.Server.Count(p.Operation); n != 1 {
		t.Errorf("%d deletions were sent, want 1", n)
	}
	return e
}

func (p Provider) undocumented(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("{", 2<<20)
	for name, fault := range map[string]offboardtest.Fault{
		"200 with HTML":            offboardtest.HTMLResponse("", 200),
		"200 with an empty object": offboardtest.Respond("", 200, "{}"),
		"200 with null":            offboardtest.Respond("", 200, "null"),
		"200 with an array":        offboardtest.Respond("", 200, `[{"success":true,"status":true}]`),
		"200 with a string":        offboardtest.Respond("", 200, `"OK"`),
		"200 with truncated JSON":  offboardtest.Respond("", 200, `{"success":tr`),
		"200 with 2 MiB of {":      offboardtest.Respond("", 200, huge),
		"200 without a body":       offboardtest.Respond("", 200, ""),
		"200 with success null":    offboardtest.Respond("", 200, `{"success":null,"status":null,"details":null,"data":null,"code":5}`),
		"200 with an error member": offboardtest.Respond("", 200, `{"success":true,"status":true,"details":{"resourceOwner":"1"},`+
			`"data":{"delete":"OK","error":{"code":1}},"error":{"code":1},"code":5,"message":"no"}`),
		"201": offboardtest.Respond("", 201, `{"success":true}`),
		"202": offboardtest.Respond("", 202, ""),
		"206": offboardtest.Respond("", 206, `{"success":true}`),
		"304": offboardtest.Respond("", 304, ""),
		"999": offboardtest.Respond("", 999, "{}"), // treated as a 5xx (RFC 9110, section 15)
		"200 with a contradiction": offboardtest.Respond("", 200, `{"success":false,"success":true,"status":false,"Status":true,`+
			`"data":{"delete":"no","delet\u0065":"OK"},"details":{"resourceOwner":"1"}}`),
		"200 with HTML as JSON": offboardtest.Respond("", 200, "<html></html>"),
	} {
		if p.EmptyObject && fault.Body == "{}" && fault.Status == 200 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.openOutcome(t, fault)
		})
	}
	for name, fault := range map[string]offboardtest.Fault{
		"404 with HTML":            offboardtest.HTMLResponse("", 404),
		"404 without a body":       offboardtest.Respond("", 404, ""),
		"404 with an empty object": offboardtest.Respond("", 404, "{}"),
		"404 with 2 MiB of {":      offboardtest.Respond("", 404, huge),
		"404 with an array":        offboardtest.Respond("", 404, `[{"code":"organization_not_found"}]`),
		"400 with HTML":            offboardtest.HTMLResponse("", 400),
		"401 without a body":       offboardtest.Respond("", 401, ""),
		"402 without a body":       offboardtest.Respond("", 402, ""),
		"403 with HTML":            offboardtest.HTMLResponse("", 403),
		"403 without a body":       offboardtest.Respond("", 403, ""),
		"409 with an array":        offboardtest.Respond("", 409, "[]"),
		"409 with 2 MiB of {":      offboardtest.Respond("", 409, huge),
		"409 with truncated JSON":  offboardtest.Respond("", 409, `{"error":{"code":"dele`),
		"409 with null":            offboardtest.Respond("", 409, "null"),
		"422 without a body":       offboardtest.Respond("", 422, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if e := p.fails(t, fault); !errors.Is(e, errors.UnexpectedResponse) {
				t.Errorf("got code %q, want %q or one below it", e.Code, errors.UnexpectedResponse)
			}
		})
	}
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		want  errors.Code
	}{
		"401 with a challenge": {offboardtest.Fault{Status: 401, Header: http.Header{"Www-Authenticate": {"Basic"}}}, errors.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if e := p.fails(t, test.fault); e.Code != test.want {
				t.Errorf("got code %q, want %q", e.Code, test.want)
			}
		})
	}
	// 204 is a success at some providers, but not if the success has a body.
	t.Run("204", func(t *testing.T) {
		t.Parallel()
		if !p.documents204() {
			p.openOutcome(t, offboardtest.Respond("", 204, ""))
		}
	})
}

// openOutcome deletes with an answer that is neither the documented success nor a refusal,
// before and after the provider processed the request, one time and always. A read decides:
// nil only if the organization is deleted, an error for an existing organization only if it
// exists, and OutcomeUnknown only if no read can decide.
func (p Provider) openOutcome(t *testing.T, fault offboardtest.Fault) {
	t.Helper()
	for _, processed := range []bool{false, true} {
		for _, times := range []int{1, 100} {
			synctest.Test(t, func(t *testing.T) {
				c := p.New(t)
				fault := fault
				fault.Operation, fault.Processed, fault.Times = p.Operation, processed, times
				c.fail(t, fault)
				err := c.Delete(t.Context(), Settings{})
				want := errors.Code("")
				switch {
				case p.Unverifiable:
					want = errors.OutcomeUnknown
				case !processed && times > 1:
					want = errors.UnexpectedResponse
				}
				e, _ := errors.AsType[*errors.Error](err)
				if err == nil && want != "" || err != nil && (e == nil || e.Code.Category() != want) {
					t.Errorf("processed %t, %d times: got %v, want %q", processed, times, err, want)
				}
				if e != nil && e.Status != fault.Status {
					t.Errorf("processed %t, %d times: got status %d, want %d", processed, times, e.Status, fault.Status)
				}
				if !p.Unverifiable && c.Exists() != (err != nil) {
					t.Errorf("processed %t, %d times: got %v, organization exists: %t", processed, times, err, c.Exists())
				}
			})
		}
	}
}

// documents204 reports whether the success is a 204, as the fake answers.
func (p Provider) documents204() bool {
	c := p.New(nil)
	_ = c.Delete(context.Background(), Settings{})
	for _, r := range c.Server.Requests() {
		if r.Operation == p.Operation && r.Status == 204 {
			return true
		}
	}
	return false
}

func (p Provider) redirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{
			"/", "https://elsewhere.invalid/", "//elsewhere.invalid/x", "%zz", "",
		} {
			t.Run(http.StatusText(status)+" to "+location, func(t *testing.T) {
				t.Parallel()
				p.openOutcome(t, offboardtest.Redirect("", status, location))
			})
		}
	}
}

func (p Provider) lostAnswer(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"the answer is lost":      offboardtest.LoseResponse(p.Operation),
		"the answer is truncated": offboardtest.TruncateResponse(p.Operation),
		"503 after processing":    {Operation: p.Operation, Processed: true, Status: 503},
		"500 after processing":    {Operation: p.Operation, Processed: true, Status: 500},
		"HTML after processing": func() offboardtest.Fault {
			f := offboardtest.HTMLResponse(p.Operation, 502)
			f.Processed = true
			return f
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if fault.Failure == offboardtest.BodyTruncated && p.documents204() {
					t.Skip("the answer has no body")
				}
				c := p.New(t)
				c.fail(t, fault)
				err := c.Delete(t.Context(), Settings{})
				if p.Unverifiable {
					if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.OutcomeUnknown {
						t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
					}
				} else if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				if c.Exists() {
					t.Error("the organization exists")
				}
				if n := c.Server.Count(p.Operation); n != 1 {
					t.Errorf("%d deletions were sent, want 1", n)
				}
			})
		})
	}
	t.Run("the request is lost, and the read after it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			c.fail(t, offboardtest.LoseRequest(p.Operation))
			broken := &http.Client{Transport: refuseAfterDeletion{p.Operation, c.Server}}
			err := c.Delete(t.Context(), Settings{Client: broken})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.OutcomeUnknown {
				t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
			}
			if n := c.Server.Count(p.Operation); n != 1 {
				t.Errorf("%d deletions were sent, want 1", n)
			}
		})
	})
	t.Run("the request is lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			c.fail(t, offboardtest.LoseRequest(p.Operation))
			want, sent := errors.Code(""), 2
			if p.Unverifiable {
				want, sent = errors.OutcomeUnknown, 1
			}
			err := c.Delete(t.Context(), Settings{})
			if e, _ := errors.AsType[*errors.Error](err); e == nil && want != "" || e != nil && e.Code != want {
				t.Errorf("got %v, want %q", err, want)
			}
			if c.Exists() != p.Unverifiable {
				t.Errorf("the organization exists: %t", c.Exists())
			}
			if n := c.Server.Count(p.Operation); n != sent {
				t.Errorf("%d deletions were sent, want %d", n, sent)
			}
		})
	})
}

// refuseAfterDeletion refuses all connections after the first deletion.
type refuseAfterDeletion struct {
	operation string
	server    *offboardtest.Server
}

func (a refuseAfterDeletion) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.server.Count(a.operation) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return a.server.RoundTrip(req)
}

func (p Provider) unsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := p.New(t)
		fault := offboardtest.RefuseConnection("")
		fault.Times = 2
		c.fail(t, fault)
		if err := c.Delete(t.Context(), Settings{}); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if c.Exists() {
			t.Error("the organization exists")
		}
	})
}

func (p Provider) serverFailure(t *testing.T) {
	t.Parallel()
	if p.Unverifiable {
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			c.fail(t, offboardtest.HTMLResponse(p.Operation, 503))
			err := c.Delete(t.Context(), Settings{})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.OutcomeUnknown || e.Status != 503 || errors.Is(err, errors.Unavailable) {
				t.Errorf("got %v, want %q with status 503 that does not match the code of its cause", err, errors.OutcomeUnknown)
			}
			if n := c.Server.Count(p.Operation); n != 1 {
				t.Errorf("%d deletions were sent, want 1", n)
			}
		})
		return
	}
	t.Run("temporary", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			c.fail(t, offboardtest.HTMLResponse(p.Operation, 503), offboardtest.HTMLResponse(p.Operation, 502))
			if err := c.Delete(t.Context(), Settings{}); err != nil {
				t.Errorf("got %v, want nil", err)
			}
			requests := operations(c.Server.Requests(), p.Operation)
			want := []string{"deletion", "read", "deletion", "read", "deletion"}
			if p.AlwaysVerified {
				want = append(want, "read")
			}
			if diff := cmp.Diff(want, requests); diff != "" {
				t.Errorf("requests from the first deletion on (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("permanent", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			fault := offboardtest.HTMLResponse(p.Operation, 503)
			fault.Times = 100
			c.fail(t, fault)
			err := c.Delete(t.Context(), Settings{Attempts: 3, MaxWait: time.Minute})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.Unavailable || e.Status != 503 || e.Attempts != 3 {
				t.Errorf("got %v, want %q with status 503 after 3 attempts", err, errors.Unavailable)
			}
			if !c.Exists() {
				t.Error("the organization is deleted")
			}
		})
	})
}

// operations names the requests from the first deletion on.
func operations(requests []offboardtest.Request, deletion string) []string {
	var names []string
	for _, r := range requests {
		switch {
		case r.Operation == deletion:
			names = append(names, "deletion")
		case len(names) > 0:
			names = append(names, "read")
		}
	}
	return names
}

func (p Provider) rateLimit(t *testing.T) {
	t.Parallel()
	limited := func(after string) offboardtest.Fault {
		f := offboardtest.HTMLResponse(p.Operation, 429)
		if after != "" {
			f.Header.Set("Retry-After", after)
		}
		return f
	}
	for after, want := range map[string]time.Duration{
		"7":  7 * time.Second,
		"77": 77 * time.Second,
		"0":  0,
		time.Date(2000, 1, 1, 0, 0, 30, 0, time.UTC).Format(http.TimeFormat): 30 * time.Second,
	} {
		t.Run("Retry-After: "+after, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // the clock starts in the year 2000
				c := p.New(t)
				c.fail(t, limited(after), limited(after))
				start := time.Now()
				if err := c.Delete(t.Context(), Settings{}); err != nil {
					t.Fatalf("got %v, want nil", err)
				}
				waits := time.Duration(2)
				if p.AlwaysVerified { // the limit applies to the read, too
					waits++
				}
				if took := time.Since(start); took < want || want > 0 && took > waits*want+5*time.Second {
					t.Errorf("took %v, want %d times %v at most", took, waits, want)
				}
			})
		})
	}
	t.Run("a wait above the maximum is not started", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			c.fail(t, limited("601"))
			start := time.Now()
			err := c.Delete(t.Context(), Settings{Attempts: 5, MaxWait: 10 * time.Minute})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.RateLimitReached || e.RetryAfter != 601*time.Second {
				t.Errorf("got %v, want %q with RetryAfter", err, errors.RateLimitReached)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("took %v, want no time", took)
			}
		})
	})
	t.Run("a wait beyond the deadline is not started", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := p.New(t)
			c.fail(t, limited("30"))
			ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
			defer cancel()
			start := time.Now()
			err := c.Delete(ctx, Settings{})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.RateLimitReached || e.RetryAfter != 30*time.Second {
				t.Errorf("got %v, want %q with RetryAfter", err, errors.RateLimitReached)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("took %v, want no time", took)
			}
		})
	})
}

func (p Provider) context(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"while it waits for the rate limit": func() offboardtest.Fault {
			f := offboardtest.HTMLResponse(p.Operation, 429)
			f.Header.Set("Retry-After", "60")
			return f
		}(),
		"while it waits for the answer": {Operation: p.Operation, Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := p.New(t)
				c.fail(t, fault)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Second, cancel)
				start := time.Now()
				err := c.Delete(ctx, Settings{Client: &http.Client{Transport: c.Server}})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want %v", err, context.Canceled)
				}
				if _, ok := errors.AsType[*errors.Error](err); !ok {
					t.Errorf("got %T, want an *errors.Error", err)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("took %v, want 10 s", took)
				}
			})
		})
	}
	t.Run("before the first request", func(t *testing.T) {
		t.Parallel()
		c := p.New(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := c.Delete(ctx, Settings{})
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.Canceled || !errors.Is(err, context.Canceled) || e.Attempts != 0 {
			t.Errorf("got %v, want %q without an attempt", err, errors.Canceled)
		}
		if n := len(c.Server.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

func (p Provider) notFound(t *testing.T) {
	t.Parallel()
	if p.NotFoundStatus == 0 {
		t.Skip("the provider has no such answer")
	}
	c := p.New(t)
	if err := c.Delete(t.Context(), Settings{}); err != nil {
		t.Fatal(err)
	}
	err := c.Delete(t.Context(), Settings{})
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.OrganizationNotFound || e.Status != p.NotFoundStatus {
		t.Errorf("got %v, want %q with status %d", err, errors.OrganizationNotFound, p.NotFoundStatus)
	}
}

func (p Provider) ids(t *testing.T) {
	t.Parallel()
	if p.IDInBody {
		t.Skip("no path contains an ID")
	}
	foreign := []string{
		"", ".", "..", "a/b", `a\b`, "/", "../x", "a\nb", "a\x00b", "a\x7fb", "\u0085", "\xff",
		strings.Repeat("x", 201),
	}
	for _, id := range append(foreign, p.InvalidIDs...) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			c := p.New(t)
			err := c.Delete(t.Context(), Settings{ID: &id})
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument || e.Status != 0 {
				t.Errorf("got %v, want %q", err, errors.InvalidArgument)
			}
			if n := len(c.Server.Requests()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func (p Provider) callersClient(t *testing.T) {
	t.Parallel()
	c := p.New(t)
	called := false
	client := &http.Client{
		Transport:     c.Server,
		Timeout:       time.Hour,
		CheckRedirect: func(*http.Request, []*http.Request) error { called = true; return nil },
	}
	before := *client
	if err := c.Delete(t.Context(), Settings{Client: client}); err != nil {
		t.Fatal(err)
	}
	if client.Transport != before.Transport || client.Timeout != before.Timeout || client.Jar != nil {
		t.Error("the caller's client was changed")
	}
	if _ = client.CheckRedirect(nil, nil); !called {
		t.Error("the caller's CheckRedirect was replaced")
	}
}

// openBodies counts open bodies. synctest.Test itself fails if a goroutine remains.
func (p Provider) openBodies(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"after a success":      {},
		"after a refusal":      offboardtest.HTMLResponse(p.Operation, 409),
		"after a redirect":     offboardtest.Redirect(p.Operation, 302, "/"),
		"after a lost answer":  offboardtest.LoseResponse(p.Operation),
		"after a huge answer":  offboardtest.Respond(p.Operation, 403, strings.Repeat(" ", 2<<20)),
		"after a server fault": offboardtest.HTMLResponse(p.Operation, 503),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := p.New(t)
				c.fail(t, fault)
				bodies := &bodyCounter{next: c.Server}
				_ = c.Delete(t.Context(), Settings{Client: &http.Client{Transport: bodies}})
				if n := bodies.open(); n != 0 {
					t.Errorf("%d bodies were not closed", n)
				}
			})
		})
	}
}

// bodyCounter counts bodies that are not closed.
type bodyCounter struct {
	next http.RoundTripper
	mu   sync.Mutex
	left int
}

func (c *bodyCounter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.left++
	c.mu.Unlock()
	resp.Body = &countedBody{bytes.NewReader(body), sync.OnceFunc(func() {
		c.mu.Lock()
		c.left--
		c.mu.Unlock()
	})}
	return resp, nil
}

func (c *bodyCounter) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

type countedBody struct {
	io.Reader
	close func()
}

func (b *countedBody) Close() error { b.close(); return nil }
