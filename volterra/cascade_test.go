package volterra_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// A cascade that is not in the plan stops the deletion.
func TestTeardown_MoreThanInPlan(t *testing.T) {
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

// A quota that cannot be read anymore, or that is empty, stops the deletion: before the first write
// and right before the deletion.
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

// A quota that was unreadable for the plan may stay unreadable.
func TestTeardown_QuotaNeverReadable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		fault := offboardtest.Respond("GetQuotaUsage", 403, `{"code":7,"details":[],"message":"denied"}`)
		fault.Times = 1000
		srv.Fail(fault)
		if _, r, err := apply(t, newClient(t, srv)); err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

// A tenant's credential often may not read invoices.
func TestPlan_UnreadableCascades(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer string
		status int
		note   string
	}{
		{`{"code":7,"message":"denied"}`, 403, "number unknown: permission_denied"},
		{`{"code":5,"message":"none"}`, 404, "number unknown: not_found"},
		{`{"code":12,"message":"unimplemented"}`, 501, "number unknown: route_not_found"},
	} {
		srv := volterratest.NewServer()
		for _, operation := range []string{"GetQuotaUsage", "ListSubscriptions", "ListInvoices"} {
			srv.Fail(offboardtest.Respond(operation, test.status, test.answer))
		}
		p, err := newClient(t, srv).Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		want := []teardown.Cascade{{Kind: "objects", Note: test.note}, {Kind: "subscription", Note: test.note}, {Kind: "invoice", Note: test.note}}
		if diff := cmp.Diff(want, p.Cascades); diff != "" {
			t.Errorf("cascades (-want +got):\n%s", diff)
		}
	}
}

// A step may create a ticket or an invoice.
func TestTeardown_NewTicket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		for _, name := range []string{"app", "pools"} {
			srv.AddNamespace(volterratest.Namespace{Name: name})
		}
		c := newClient(t, srv)
		p, err := c.Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		srv.AddInvoice(volterra.Invoice{Name: "inv-1"})
		srv.AddSubscription(volterra.Subscription{Name: "sub-1", Current: true})
		if _, err := c.CascadeDeleteNamespace(t.Context(), "app"); err != nil {
			t.Fatal(err)
		}
		srv.AddNamespace(volterratest.Namespace{Name: "system", Objects: []volterratest.Object{{Kind: "support_ticket", Name: "1"}}})
		r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
		if err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

// F5 does not document that invoices block a deletion.
func TestTeardown_UnpaidInvoice(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddSubscription(volterra.Subscription{Name: "sub-1", Current: true})
	srv.AddInvoice(volterra.Invoice{Name: "inv-1"})
	p, r, err := apply(t, newClient(t, srv))
	if err != nil || r.Outcome != teardown.Pending || len(p.Steps) != 0 || len(p.Cascades) != 2 || len(srv.Accepted()) != 1 {
		t.Errorf("got %+v, %+v and %v", p, r, err)
	}
	// 9 for the plan; 7 before the deletion; the settings once more, the request itself, and
	// three reads that are refused.
	if n := len(srv.Requests()); n != 21 {
		t.Errorf("sent %d requests, want 21", n)
	}
}
