package volterra_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// A removal that F5 accepts and does not start is requested again, at most three times.
func TestTeardown_AcceptedAndNeverStarted(t *testing.T) {
	t.Parallel()
	for operation, add := range map[string]func(*volterratest.Server){
		"DeleteChildTenant": func(s *volterratest.Server) {
			s.AddChildTenant(volterratest.ChildTenant{Name: "x", Domain: "x-retail"})
		},
		"DeleteChildTenantManager": func(s *volterratest.Server) { s.AddChildTenantManager("x") },
		"DeleteManagedTenant": func(s *volterratest.Server) {
			s.AddManagedTenant(volterratest.ManagedTenant{Name: "x", TenantID: "x-1"})
		},
		"CascadeDeleteNamespace": func(s *volterratest.Server) { s.AddNamespace(volterratest.Namespace{Name: "x"}) },
		"Unsubscribe":            func(s *volterratest.Server) { s.AddAddonSubscription(volterratest.AddonSubscription{Name: "x"}) },
		"DeleteAddonSubscription": func(s *volterratest.Server) {
			s.AddAddonSubscription(volterratest.AddonSubscription{Name: "x", Service: "f5xc_bot_defense_advanced"})
		},
	} {
		for _, ignored := range []int{1, 3, 1000} {
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
				add(srv)
				c := newClient(t, srv)
				p, err := c.Plan(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				fault := offboardtest.Ignore(operation, 200, "{}")
				fault.Times = ignored
				srv.Fail(fault)
				r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), permit, teardown.WithStepTimeout(10*time.Minute))
				switch n := srv.Count(operation); {
				case ignored > 3 && (n != 4 || !errors.Is(err, errors.NotFinished) || len(srv.Accepted()) != 0):
					t.Errorf("%s, never started: got %v after %d requests, want %q after 4", operation, err, n, errors.NotFinished)
				case ignored <= 3 && (err != nil || n != ignored+1 || r.Outcome != teardown.Pending):
					t.Errorf("%s, ignored %d times: got %v after %d requests", operation, ignored, err, n)
				}
			})
		}
	}
}

// A request for the tenant's deletion that F5 accepts and does not act on is sent again, at
// most three times.
func TestTeardown_TenantDeletionNeverStarted(t *testing.T) {
	t.Parallel()
	for _, ignored := range []int{0, 1, 3, 1000} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
			c := newClient(t, srv)
			p, err := c.Plan(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			fault := offboardtest.Ignore("RequestTenantDeletion", 200, "{}")
			fault.Times = ignored
			if ignored > 0 {
				srv.Fail(fault)
			}
			r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
			switch n := srv.Count("RequestTenantDeletion"); {
			case r == nil:
				t.Error(err)
			case ignored > 3 && (n != 4 || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown)):
				t.Errorf("never started: got %q and %v after %d requests, want %q after 4", r.Outcome, err, n, teardown.Unknown)
			case ignored <= 3 && (n != ignored+1 || r.Outcome != teardown.Pending || err != nil || len(srv.Accepted()) != 1):
				t.Errorf("ignored %d times: got %q and %v after %d requests", ignored, r.Outcome, err, n)
			}
		})
	}
}

// A request that F5 accepts and does not act on, with settings that cannot be read afterwards
// for a while or for good: only a credential that goes on being refused is the expected end.
func TestTeardown_NeverStartedAndNotRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		want  teardown.Outcome // if it lasts
	}{
		"503":              {offboardtest.HTMLResponse("", http.StatusServiceUnavailable), teardown.Unknown},
		"a web page":       {offboardtest.HTMLResponse("", http.StatusOK), teardown.Unknown},
		"a firewall's 403": {offboardtest.HTMLResponse("", http.StatusForbidden), teardown.Unknown},
		"denied":           {offboardtest.Respond("", 403, `{"code":7,"message":"no"}`), teardown.Unknown},
		"a redirect":       {offboardtest.Redirect("", http.StatusFound, "/login"), teardown.Unknown},
		"another tenant": {offboardtest.EditBody("", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("acme"), []byte("bolt"))
		}), teardown.Unknown},
		"a dead credential": {offboardtest.Respond("", 401, `{"code":16,"message":"no"}`), teardown.Pending},
	} {
		for _, reads := range []int{1, 2, 1000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := volterratest.NewServer()
					srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
					c := newClient(t, srv)
					p, err := c.Plan(t.Context(), request)
					if err != nil {
						t.Fatal(err)
					}
					fault := test.fault
					fault.Operation, fault.Times = "GetTenantSettings", reads
					before := offboardtest.Fault{Operation: "GetTenantSettings", Times: 3} // the reads before the request
					srv.Fail(offboardtest.Ignore("RequestTenantDeletion", 200, "{}"), before, fault)
					r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
					if r == nil {
						t.Fatal(err)
					}
					want, sent, accepted := teardown.Pending, 2, 1 // sent again
					if reads == 1000 {
						want, sent, accepted = test.want, 1, 0
					}
					if r.Outcome != want || srv.Count("RequestTenantDeletion") != sent || len(srv.Accepted()) != accepted {
						t.Errorf("%d reads: got %q, %v after %d requests", reads, r.Outcome, err, srv.Count("RequestTenantDeletion"))
					}
				})
			})
		}
	}
}

// What is removed is the resource that the plan names, not another one of its name.
func TestTeardown_RecreatedUnderTheSameName(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
	srv.AddNamespace(volterratest.Namespace{Name: "app"})
	c := newClient(t, srv)
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	// After the plan was compared with what exists, and before the namespace is removed.
	recreate := func() {
		if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); err != nil {
			t.Error(err)
		}
		srv.AddNamespace(volterratest.Namespace{Name: "app"})
	}
	r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), teardown.WithEvents(func(e teardown.Event) {
		if e.Kind == teardown.EventStarted && e.Step != "" {
			recreate()
		}
	}))
	if n := srv.Count("CascadeDeleteNamespace"); n != 1 || !slices.Contains(srv.Objects(), "namespace /app") {
		t.Errorf("%d namespaces were deleted, want 1; %v is left", n, srv.Objects())
	}
	if r == nil || r.Steps[0].State != teardown.StepDeleted {
		t.Errorf("got %+v and %v", r, err)
	}
}

// losing loses the answer to the first removal, after which others create a resource of
// the same name.
type losing struct {
	next     http.RoundTripper
	recreate func()
	lost     bool
}

func (l *losing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	removal := req.Method == http.MethodDelete || strings.HasSuffix(req.URL.Path, "/cascade_delete")
	if err != nil || l.lost || !removal {
		return resp, err
	}
	resp.Body.Close()
	l.lost = true
	l.recreate()
	return nil, io.ErrUnexpectedEOF
}

// After a lost answer, another UID shows that the resource of the step was removed: the
// removal, which names it by its name, is not sent again.
func TestTeardown_RecreatedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for operation, add := range map[string]func(*volterratest.Server){
		"DeleteChildTenant": func(s *volterratest.Server) {
			s.AddChildTenant(volterratest.ChildTenant{Name: "x", Domain: "x-retail"})
		},
		"DeleteChildTenantManager": func(s *volterratest.Server) { s.AddChildTenantManager("x") },
		"DeleteManagedTenant": func(s *volterratest.Server) {
			s.AddManagedTenant(volterratest.ManagedTenant{Name: "x", TenantID: "x-1"})
		},
		"CascadeDeleteNamespace": func(s *volterratest.Server) { s.AddNamespace(volterratest.Namespace{Name: "x"}) },
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
				add(srv)
				p, err := newClient(t, srv).Plan(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				before := len(srv.Remaining())
				c := newClient(t, srv, volterra.WithHTTPClient(&http.Client{Transport: &losing{next: srv, recreate: func() { add(srv) }}}))
				r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), permit)
				if n := srv.Count(operation); n != 1 || len(srv.Remaining()) != before || len(srv.Accepted()) != 0 {
					t.Errorf("%d removals, want 1; %v exist; %d deletions of the tenant were accepted, want none", n, srv.Remaining(), len(srv.Accepted()))
				}
				if r == nil || r.Steps[0].State != teardown.StepDeleted || !errors.Is(err, errors.PlanStale) {
					t.Errorf("got %+v and %v, want a step that is done and %q", r, err, errors.PlanStale)
				}
			})
		})
	}
}

// A removal by name is sent again only if a read shows the UID of the object that was there
// before the first attempt.
func TestDelete_RecreatedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	add := map[string]func(*volterratest.Server){
		"DeleteChildTenant": func(s *volterratest.Server) {
			s.AddChildTenant(volterratest.ChildTenant{Name: "branch"})
		},
		"DeleteChildTenantManager": func(s *volterratest.Server) { s.AddChildTenantManager("retail") },
		"DeleteManagedTenant": func(s *volterratest.Server) {
			s.AddManagedTenant(volterratest.ManagedTenant{Name: "partner", TenantID: "x-1"})
		},
		"DeleteAddonSubscription": func(s *volterratest.Server) {
			s.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
		},
		"CascadeDeleteNamespace": func(s *volterratest.Server) { s.AddNamespace(volterratest.Namespace{Name: "app"}) },
	}
	const noUID = `{"metadata":{"name":"x"},"system_metadata":{},"spec":{},"referring_objects":[]}`
	for operation, deletion := range deletions {
		real := offboardtest.Fault{Operation: deletion.read, Delay: 1}
		bare := offboardtest.Respond(deletion.read, 200, noUID)
		bare.Times = 1000
		denied := offboardtest.Respond(deletion.read, 403, `{"code":7,"details":[],"message":"denied"}`)
		for name, test := range map[string]struct {
			reads    []offboardtest.Fault
			recreate bool
			want     errors.Code
			sent     int
		}{
			"another one":                   {nil, true, "", 1},
			"another one, not read before":  {[]offboardtest.Fault{denied}, true, errors.OutcomeUnknown, 1},
			"another one, no UID before":    {[]offboardtest.Fault{offboardtest.Respond(deletion.read, 200, noUID)}, true, errors.OutcomeUnknown, 1},
			"another one, no UID after":     {[]offboardtest.Fault{real, bare}, true, errors.OutcomeUnknown, 1},
			"none":                          {nil, false, "", 1},
			"none, not read before":         {[]offboardtest.Fault{denied}, false, "", 1},
			"none before":                   {[]offboardtest.Fault{offboardtest.Respond(deletion.read, 404, `{"code":5,"details":[],"message":"none"}`)}, false, errors.NotFound, 0},
			"another one's page before":     {[]offboardtest.Fault{offboardtest.HTMLResponse(deletion.read, 200)}, true, errors.OutcomeUnknown, 1},
			"the credential ended before":   {[]offboardtest.Fault{offboardtest.Respond(deletion.read, 401, `{"code":16,"details":[],"message":"expired"}`)}, false, errors.Unauthenticated, 0},
			"none, and the read is another": {[]offboardtest.Fault{real, offboardtest.HTMLResponse(deletion.read, 404)}, false, errors.OutcomeUnknown, 1},
		} {
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				add[operation](srv)
				srv.Fail(test.reads...)
				c := newClient(t, srv, volterra.WithHTTPClient(&http.Client{Transport: &losing{next: srv, recreate: func() {
					if test.recreate {
						add[operation](srv)
					}
				}}}))
				err := deletion.delete(t.Context(), c, volterra.DeleteOptions{})
				if code(err) != test.want || srv.Count(operation) != test.sent {
					t.Errorf("%s, %s: got %v after %d removals, want %q after %d", operation, name, err, srv.Count(operation), test.want, test.sent)
				}
				if test.recreate && len(srv.Remaining()) != 1 {
					t.Errorf("%s, %s: what others created was removed", operation, name)
				}
				if e, ok := errors.AsType[*errors.Error](err); ok && e.Operation != operation {
					t.Errorf("%s, %s: the error is of %s", operation, name, e.Operation)
				}
			})
		}
	}
}

// A wait is about the object that its first look shows, not about another one of its name.
func TestWait_RecreatedUnderTheSameName(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(context.Context, *volterra.Client, *volterratest.Server) error{
		"child tenant": func(ctx context.Context, c *volterra.Client, srv *volterratest.Server) error {
			add := func() { srv.AddChildTenant(volterratest.ChildTenant{Name: "x", Domain: "x-retail"}) }
			add()
			return c.WaitForChildTenantDeletion(ctx, "x", func(*volterra.ChildTenant) { srv.RemoveObject("system", "x"); add() })
		},
		"namespace": func(ctx context.Context, c *volterra.Client, srv *volterratest.Server) error {
			add := func() { srv.AddNamespace(volterratest.Namespace{Name: "x"}) }
			add()
			return c.WaitForNamespaceDeletion(ctx, "x", func(*volterra.Namespace) { srv.RemoveObject("", "x"); add() })
		},
		"subscription": func(ctx context.Context, c *volterra.Client, srv *volterratest.Server) error {
			add := func() { srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "x"}) }
			add()
			return c.WaitUntilUnsubscribed(ctx, "x", func(*volterra.AddonSubscription) { srv.RemoveObject("system", "x"); add() })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err := wait(ctx, newClient(t, srv), srv); err != nil {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
}

// A tenant that others mark right before the request is Pending, and the journal does not
// say that a deletion was started.
func TestTeardown_MarkedRightBeforeTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		p, err := newClient(t, srv).Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, srv, volterra.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			// The plan, and the read before it is applied, which is the one right before the deletion.
			if srv.Count("GetTenantSettings") == 2 {
				srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
			}
			return srv.RoundTrip(req)
		})}))
		var journal bytes.Buffer
		r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), teardown.WithJournal(&journal))
		if err != nil || r.Outcome != teardown.Pending || !strings.Contains(r.PendingOn, "no request was sent") || srv.Count("RequestTenantDeletion") != 0 {
			t.Errorf("got %+v and %v after %d requests", r, err, srv.Count("RequestTenantDeletion"))
		}
		text := journal.String()
		if strings.Count(text, `"deletion_started"`) != strings.Count(text, `"deletion_refused"`) {
			t.Errorf("got the journal\n%s", text)
		}
	})
}

// transport is a function that is a transport.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestTeardown_ReadWithoutUID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
		srv.AddNamespace(volterratest.Namespace{Name: "app"})
		c := newClient(t, srv)
		p, err := c.Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		fault := offboardtest.Respond("GetNamespace", 200, `{"metadata":{"name":"app"},"system_metadata":{},"spec":{},"referring_objects":[]}`)
		fault.Times = 10_000
		srv.Fail(fault)
		_, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
		if !errors.Is(err, errors.UnexpectedResponse) || srv.Count("CascadeDeleteNamespace") != 0 {
			t.Errorf("got %v after %d deletions, want %q and none", err, srv.Count("CascadeDeleteNamespace"), errors.UnexpectedResponse)
		}
	})
}

// A 404 with the code of something that does not exist and another status, a page, or an
// answer from a cache do not end a step.
func TestTeardown_NotFoundThatProvesNothing(t *testing.T) {
	t.Parallel()
	cached := offboardtest.Respond("GetNamespace", 404, `{"code":5,"message":"no namespace"}`)
	cached.Header.Set("Age", "12")
	for name, fault := range map[string]offboardtest.Fault{
		"another status": offboardtest.Respond("GetNamespace", 400, `{"code":5,"message":"no namespace"}`),
		"a page":         offboardtest.HTMLResponse("GetNamespace", 404),
		"cached":         cached,
		"no code":        offboardtest.Respond("GetNamespace", 404, `{}`),
		"no route":       offboardtest.Respond("GetNamespace", 404, `{"code":12,"message":"unimplemented"}`),
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
			srv.AddNamespace(volterratest.Namespace{Name: "app"})
			c := newClient(t, srv)
			p, err := c.Plan(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			fault.Times = 100_000
			srv.Fail(fault)
			r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
			if err == nil || r == nil || r.Outcome != teardown.Blocked || len(srv.Accepted()) != 0 {
				t.Errorf("%s: got %+v and %v", name, r, err)
			}
		})
	}
}

func TestQuotaUsage_BothForms(t *testing.T) {
	t.Parallel()
	item := func(n float64) volterra.QuotaItem { return volterra.QuotaItem{Usage: volterra.QuotaCount{Current: n}} }
	for body, want := range map[string]map[string]volterra.QuotaItem{
		`{"objects":{"a":{"usage":{"current":1}}}}`:                                                    {"a": item(1)},
		`{"quota_usage":{"a":{"limit":{"maximum":-1},"usage":{"current":2}}}}`:                         {"a": {Limit: volterra.QuotaLimit{Maximum: -1}, Usage: volterra.QuotaCount{Current: 2}}},
		`{"objects":{"a":{"usage":{"current":1}},"b":{}},"quota_usage":{"a":{"usage":{"current":2}}}}`: {"a": item(2), "b": {}},
		`{"quota_usage":{}}`: {},
		`{}`:                 nil, `{"objects":null,"quota_usage":null}`: nil, `{"resources":{"a":{}}}`: nil,
	} {
		srv := volterratest.NewServer()
		srv.Fail(offboardtest.Respond("GetQuotaUsage", 200, body))
		got, err := newClient(t, srv).GetQuotaUsage(t.Context(), "system")
		if want == nil {
			if !errors.Is(err, errors.UnexpectedResponse) {
				t.Errorf("%s: got %+v and %v, want %q", body, got, err, errors.UnexpectedResponse)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if diff := cmp.Diff(want, got.Objects); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// A firewall's page in place of any read never makes a tenant look free of blockers.
func TestPlan_ForeignRefusal(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"GetTenantSettings", "ListChildTenants", "ListChildTenantManagers", "ListManagedTenants", "ListNamespaces",
		"ListAddonSubscriptions", "GetAddonSubscription", "GetQuotaUsage", "ListSubscriptions", "ListInvoices",
	} {
		for _, fault := range []offboardtest.Fault{offboardtest.HTMLResponse(operation, 403), offboardtest.Respond(operation, 403, ""), offboardtest.HTMLResponse(operation, 404)} {
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
				fault.Times = 100
				srv.Fail(fault)
				if p, err := newClient(t, srv).Plan(t.Context(), request); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
					t.Errorf("%s, %d: got %+v and %v, want %q", operation, fault.Status, p, err, errors.UnexpectedResponse)
				}
			})
		}
	}
}

// More of what is deleted along with a tenant than the plan names stops the deletion.
func TestTeardown_MoreThanInThePlan(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
	srv.AddNamespace(volterratest.Namespace{Name: "system", Objects: []volterratest.Object{{Kind: "token", Name: "one"}}})
	c := newClient(t, srv)
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	srv.AddNamespace(volterratest.Namespace{Name: "shared", Objects: []volterratest.Object{{Kind: "token", Name: "two"}}})
	_, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
	if !errors.Is(err, errors.PlanStale) || len(srv.Accepted()) != 0 {
		t.Errorf("got %v after %d requests, want %q and none", err, len(srv.Accepted()), errors.PlanStale)
	}
}

// A quota that cannot be read any more, or that counts nothing, stops the deletion: before
// anything is done, and right before the deletion.
func TestTeardown_QuotaUnreadable(t *testing.T) {
	t.Parallel()
	for _, token := range []bool{true, false} { // whether the plan counts anything
		for _, before := range []int{0, 1} { // reads of the quota that succeed
			for name, test := range map[string]struct {
				fault offboardtest.Fault
				want  errors.Code
			}{
				"denied":          {offboardtest.Respond("GetQuotaUsage", 403, `{"code":7,"details":[],"message":"denied"}`), errors.PlanStale},
				"not found":       {offboardtest.Respond("GetQuotaUsage", 404, `{"code":5,"details":[],"message":"none"}`), errors.PlanStale},
				"not implemented": {offboardtest.Respond("GetQuotaUsage", 501, `{"code":12,"details":[],"message":"unimplemented"}`), errors.PlanStale},
				"no kinds":        {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":{}}`), errors.UnexpectedResponse},
				"a list":          {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":[]}`), errors.UnexpectedResponse},
				"a text":          {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":{"token":{"usage":{"current":"1"}}}}`), errors.UnexpectedResponse},
				"less than none":  {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":{"token":{"usage":{"current":-1}}}}`), errors.UnexpectedResponse},
				"a part":          {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":{"token":{"usage":{"current":0.5}}}}`), errors.UnexpectedResponse},
				"too many":        {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":{"token":{"usage":{"current":1e300}}}}`), errors.UnexpectedResponse},
				"none by one":     {offboardtest.Respond("GetQuotaUsage", 200, `{"objects":{"token":{"usage":{"current":9}}},"quota_usage":{"token":{"usage":{"current":0}}}}`), errors.PlanStale},
			} {
				synctest.Test(t, func(t *testing.T) {
					srv := volterratest.NewServer()
					srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
					if token {
						srv.AddNamespace(volterratest.Namespace{Name: "system", Objects: []volterratest.Object{{Kind: "token", Name: "one"}}})
					}
					if before > 0 { // a step, after which the tenant is read again
						srv.AddNamespace(volterratest.Namespace{Name: "app"})
					}
					c := newClient(t, srv)
					p, err := c.Plan(t.Context(), request)
					if err != nil {
						t.Fatal(err)
					}
					if before > 0 {
						srv.Fail(offboardtest.Fault{Operation: "GetQuotaUsage", Delay: 1})
					}
					test.fault.Times = 1000
					srv.Fail(test.fault)
					_, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
					if !errors.Is(err, test.want) || srv.Count("RequestTenantDeletion") != 0 {
						t.Errorf("%s after %d reads: got %v after %d requests, want %q and none", name, before, err, srv.Count("RequestTenantDeletion"), test.want)
					}
				})
			}
		}
	}
}

// What could not be read when the plan was made does not have to be readable later.
func TestTeardown_QuotaNeverReadable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		fault := offboardtest.Respond("GetQuotaUsage", 403, `{"code":7,"details":[],"message":"denied"}`)
		fault.Times = 1000
		srv.Fail(fault)
		if _, r, err := carryOut(t, newClient(t, srv)); err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}
