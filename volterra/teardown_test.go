package volterra_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

var request = volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}

var permit = teardown.WithOverrides(teardown.ManagedOrganizations)

// inUse is a double of a tenant that has everything that can be removed, and that is
// not deleted before.
func inUse(name string) *volterratest.Server {
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: name, RefusesWhileInUse: true})
	for _, namespace := range []string{"system", "shared", "default", "ves-io-mon"} {
		srv.AddNamespace(volterratest.Namespace{Name: namespace, Objects: []volterratest.Object{{Kind: "token", Name: namespace + "-token"}}})
	}
	// Neither namespace can be emptied before the other.
	srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: 40 * time.Second, Objects: []volterratest.Object{
		{Name: "web", RefersTo: []string{"pools/pool", "shared/shared-token"}}, {Kind: "origin_pool", Name: "pool"},
	}})
	srv.AddNamespace(volterratest.Namespace{Name: "pools", Objects: []volterratest.Object{
		{Name: "web", RefersTo: []string{"app/pool"}}, {Kind: "origin_pool", Name: "pool"},
	}})
	srv.AddNamespace(volterratest.Namespace{Name: "empty"})
	srv.AddChildTenantManager("retail")
	srv.AddChildTenantManager("idle")
	srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Manager: "retail", Takes: 3 * time.Minute})
	srv.AddChildTenant(volterratest.ChildTenant{Name: "stubborn", Manager: "retail", Takes: time.Minute, Failures: 1})
	srv.AddManagedTenant(volterratest.ManagedTenant{Name: "partner", TenantID: "partner-abcdefgh"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "mesh", Service: volterra.AddonSecureMeshStandard, Takes: time.Minute})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "bots", Service: "f5xc_bot_defense_advanced"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "over", State: volterra.AddonSubscriptionStateDisabled})
	srv.AddAddonSubscription(volterratest.AddonSubscription{
		Name: "support", Service: volterra.AddonDelegatedAccessStandard, State: volterra.AddonSubscriptionStateDisablePending,
	})
	srv.AddSubscription(volterra.Subscription{Name: "sub-1", PlanName: "Teams plan", Current: true})
	srv.AddSubscription(volterra.Subscription{Name: "sub-0", PlanName: "Free plan"})
	srv.AddInvoice(volterra.Invoice{Name: "inv-1", Amount: 4990, Currency: "USD"})
	srv.AddInvoice(volterra.Invoice{Name: "inv-0", Amount: 4990, Currency: "USD", Status: volterra.InvoiceStatusPaid})
	return srv
}

// settle does what no API does.
func settle(srv *volterratest.Server) {
	srv.ApproveUnsubscription("support")
	srv.CancelSubscription("sub-1")
	srv.PayInvoice("inv-1")
}

// others returns what of a double is not the tenant's own.
func others(srv *volterratest.Server) []string {
	return slices.DeleteFunc(srv.Objects(), func(object string) bool {
		kind, rest, _ := strings.Cut(object, " ")
		path, _, _ := strings.Cut(rest, ":")
		namespace, name, _ := strings.Cut(path, "/")
		switch kind {
		case "child_tenant", "child_tenant_manager", "managed_tenant", "addon_subscription":
			return true
		case "namespace":
			namespace = name
		}
		return slices.Contains([]string{"app", "pools", "empty"}, namespace)
	})
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	teardownsuite.Provider{
		New: func(t testing.TB) *teardownsuite.World {
			srv, other := inUse("acme"), inUse("another")
			c := newClient(t, srv)
			return &teardownsuite.World{
				Server: srv.Server,
				Plan:   func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, request) },
				Teardown: func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
					return c.Teardown(ctx, p, request, options...)
				},
				Check:         func(ctx context.Context) error { return c.CheckDeletion(ctx, request) },
				Name:          "acme",
				ResolveManual: func() { settle(srv) },
				AddBlocker:    func() { srv.AddNamespace(volterratest.Namespace{Name: "late"}) },
				Deleted:       func() bool { return slices.Equal(srv.Accepted(), []volterra.DeleteTenantRequest{request}) },
				Unrelated:     func() any { return [][]string{others(srv), other.Objects()} },
			}
		},
		Kinds:     []string{"addon_subscription", "child_tenant", "child_tenant_manager", "managed_tenant", "namespace"},
		Overrides: []teardown.Override{teardown.ManagedOrganizations},
		Outcome:   teardown.Pending,
	}.Run(t)
}

// carryOut plans and carries the plan out.
func carryOut(t *testing.T, c *volterra.Client, options ...teardown.Option) (*teardown.Plan, *teardown.Report, error) {
	t.Helper()
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Teardown(t.Context(), p, request, append(options, teardown.WithConfirm("acme"), permit)...)
	return p, r, err
}

func states(r *teardown.Report) map[string]teardown.StepState {
	states := map[string]teardown.StepState{}
	if r != nil {
		for _, s := range r.Steps {
			states[s.Kind+" "+s.Name] = s.State
		}
	}
	return states
}

func TestAPlanSaysWhatGoesInOrder(t *testing.T) {
	t.Parallel()
	srv := inUse("acme")
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "ending", Service: volterra.AddonWAAPAdvanced, Takes: time.Minute})
	c := newClient(t, srv)
	if err := c.Unsubscribe(t.Context(), volterra.AddonWAAPAdvanced); err != nil {
		t.Fatal(err)
	}
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Steps {
		var after []string
		for _, id := range s.After {
			after = append(after, strings.Split(id, "/")[1])
		}
		by := ""
		if s.Manual {
			by = " manual:"
		}
		got = append(got, fmt.Sprintf("%s %s after %v:%s %s (%s) %s", s.Kind, s.Name, after, by, s.Removal, s.Why, s.Requires))
	}
	const all = "[branch stubborn idle retail partner app empty pools]"
	want := []string{
		"child_tenant branch after []: delete it, with all that it has, and wait until it is gone (the tenant owns it) [managed_organizations]",
		"child_tenant stubborn after []: delete it, with all that it has, and wait until it is gone (the tenant owns it) [managed_organizations]",
		"child_tenant_manager idle after [branch stubborn]: delete it (the tenant makes child tenants by it) []",
		"child_tenant_manager retail after [branch stubborn]: delete it (the tenant makes child tenants by it) []",
		"managed_tenant partner after []: delete it; the other tenant stays (the tenant manages another one by it) []",
		"namespace app after []: delete it, with all that is in it (the tenant owns it) []",
		"namespace empty after []: delete it, with all that is in it (the tenant owns it) []",
		"namespace pools after []: delete it, with all that is in it (the tenant owns it) []",
		"addon_subscription bots after " + all + ": delete it (the tenant is subscribed to f5xc-bot-defense-advanced: SUBSCRIPTION_ENABLED) []",
		"addon_subscription ending after " + all + ": wait until it has ended (the tenant is subscribed to f5xc-waap-advanced: SUBSCRIPTION_DISABLE_PENDING) []",
		"addon_subscription mesh after " + all + ": unsubscribe from the service, and wait until that is done (the tenant is subscribed to f5xc-securemesh-standard: SUBSCRIPTION_ENABLED) []",
		"addon_subscription support after []: manual: have F5 approve its end, by the ticket (the tenant is subscribed to f5xc-delegated-access-standard: SUBSCRIPTION_DISABLE_PENDING, ticket ticket-support) []",
		"addon_subscription waap after " + all + ": unsubscribe from the service, and wait until that is done (the tenant is subscribed to f5xc-waap-standard: SUBSCRIPTION_ENABLED) []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if err := p.Err(); err != nil || len(p.Requires) != 0 || p.Organization != (teardown.Organization{ID: "acme", Name: "acme"}) {
		t.Errorf("got %v, %v and %+v", err, p.Requires, p.Organization)
	}
	losses := []teardown.Cascade{
		{Kind: "http_loadbalancer", Count: 2}, {Kind: "origin_pool", Count: 2}, {Kind: "token", Count: 4},
		{Kind: "subscription", Count: 1, Names: []string{"Teams plan"}, Note: "its charges are prorated"},
		{Kind: "invoice", Count: 1, Names: []string{"inv-1"}, Note: "still to be paid; another one comes when the tenant is closed"},
	}
	if diff := cmp.Diff(losses, p.Cascades); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
}

// A tenant's credential often may not see its bills.
func TestWhatTheCredentialMayNotSeeIsALossOfUnknownCount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer string
		status int
		note   string
	}{
		{`{"code":7,"message":"denied"}`, 403, "how many is not known: permission_denied"},
		{`{"code":5,"message":"none"}`, 404, "how many is not known: not_found"},
		{`{"code":12,"message":"unimplemented"}`, 501, "how many is not known: route_not_found"},
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
			t.Errorf("losses (-want +got):\n%s", diff)
		}
	}
}

// What a list has left out may be what must not be deleted.
func TestThereIsNoPlanOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"ListChildTenants", "ListChildTenantManagers", "ListManagedTenants", "ListNamespaces", "ListAddonSubscriptions"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			srv := volterratest.NewServer()
			srv.AddNamespace(volterratest.Namespace{Name: "app"})
			c := newClient(t, srv)
			p, err := c.Plan(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			srv.SetListErrors(operation, volterra.ListError{Code: volterra.ListErrorCodePermissionDenied})
			if p, err := c.Plan(t.Context(), request); p != nil || !errors.Is(err, errors.PartialResult) {
				t.Errorf("got %+v and %v, want %v", p, err, errors.PartialResult)
			}
			r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
			if r != nil || !errors.Is(err, errors.PartialResult) || srv.Count("CascadeDeleteNamespace")+len(srv.Accepted()) != 0 {
				t.Errorf("got %+v and %v, want %v", r, err, errors.PartialResult)
			}
		})
	}
	for _, operation := range []string{
		"GetTenantSettings", "ListChildTenants", "ListChildTenantManagers", "ListManagedTenants", "ListNamespaces",
		"ListAddonSubscriptions", "GetAddonSubscription", "GetQuotaUsage", "ListSubscriptions", "ListInvoices",
	} {
		srv := volterratest.NewServer()
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
		srv.Fail(offboardtest.Respond(operation, 401, `{"code":16,"message":"expired"}`))
		p, err := newClient(t, srv).Plan(t.Context(), request)
		if p != nil || !errors.Is(err, errors.Unauthenticated) {
			t.Errorf("%s: got %+v and %v, want %v", operation, p, err, errors.Unauthenticated)
		}
	}
}

func TestNothingIsTouchedOfWhatTheRequestDoesNotName(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request volterra.DeleteTenantRequest
		change  func(*volterratest.Server, *teardown.Plan)
		options []teardown.Option
		reads   int // at most
		want    errors.Code
	}{
		"another name":   {volterra.DeleteTenantRequest{Name: "acme-2", Email: "a@b.example"}, nil, nil, 0, errors.NotConfirmed},
		"no name":        {volterra.DeleteTenantRequest{Email: "a@b.example"}, nil, nil, 0, errors.NotConfirmed},
		"no e-mail":      {volterra.DeleteTenantRequest{Name: "acme"}, nil, nil, 0, errors.InvalidArgument},
		"another plan":   {request, func(_ *volterratest.Server, p *teardown.Plan) { p.Provider = "atlas"; teardownsuite.Seal(p) }, nil, 0, errors.PlanStale},
		"another tenant": {request, func(srv *volterratest.Server, _ *teardown.Plan) { srv.SetTenant(volterratest.Tenant{Name: "b"}) }, nil, 1, errors.NotConfirmed},
		"denied":         {request, nil, []teardown.Option{teardown.WithDeny("acme")}, 0, errors.NotConfirmed},
		"not consented":  {request, nil, []teardown.Option{}, 0, errors.NotConfirmed},
		"an object of a new kind": {request, func(srv *volterratest.Server, _ *teardown.Plan) {
			srv.AddNamespace(volterratest.Namespace{Name: "system", Objects: []volterratest.Object{{Kind: "securemesh_site_v2", Name: "berlin"}}})
		}, nil, 20, errors.PlanStale},
		"a new namespace of the same name": {request, func(srv *volterratest.Server, _ *teardown.Plan) {
			srv.RemoveObject("", "empty")
			srv.AddNamespace(volterratest.Namespace{Name: "empty"})
		}, nil, 20, errors.PlanStale},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := inUse("acme")
				settle(srv)
				c := newClient(t, srv)
				p, err := c.Plan(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if test.change != nil {
					test.change(srv, p)
				}
				before, n := srv.Objects(), len(srv.Requests())
				options := append(test.options, teardown.WithConfirm("acme"))
				if name != "not consented" {
					options = append(options, permit)
				}
				r, err := c.Teardown(t.Context(), p, test.request, options...)
				if e, _ := errors.AsType[*errors.Error](err); r != nil || e == nil || e.Code != test.want || e.Operation != "Teardown" {
					t.Errorf("got %+v and %v, want %v", r, err, test.want)
				}
				if diff := cmp.Diff(before, srv.Objects()); diff != "" {
					t.Errorf("something was touched (-before +after):\n%s", diff)
				}
				if reads := len(srv.Requests()) - n; reads > test.reads {
					t.Errorf("sent %d requests, want at most %d", reads, test.reads)
				}
			})
		})
	}
}

func TestThereIsNoPlanOfAnotherTenant(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	c := newClient(t, srv)
	for _, test := range []struct {
		request volterra.DeleteTenantRequest
		reads   int
		want    errors.Code
	}{
		{volterra.DeleteTenantRequest{Name: "acme-2", Email: "a@b.example"}, 1, errors.NotConfirmed},
		{volterra.DeleteTenantRequest{Name: "acme"}, 0, errors.InvalidArgument},
		{volterra.DeleteTenantRequest{}, 0, errors.InvalidArgument},
	} {
		n := len(srv.Requests())
		p, err := c.Plan(t.Context(), test.request)
		e, _ := errors.AsType[*errors.Error](err)
		if p != nil || e == nil || e.Code != test.want || e.Operation != "Plan" || len(srv.Requests())-n != test.reads {
			t.Errorf("got %+v and %v after %d requests, want %v after %d", p, err, len(srv.Requests())-n, test.want, test.reads)
		}
	}
}

// Nothing removes what a plan does not have, whatever it says.
func TestStepsThatArePlannedByNobodyAreNotDone(t *testing.T) {
	t.Parallel()
	srv := inUse("acme")
	settle(srv)
	c := newClient(t, srv)
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	p.Steps = append(p.Steps,
		teardown.Step{ID: "namespace/shared", Kind: "namespace", Name: "shared"},
		teardown.Step{ID: "site/berlin", Kind: "site", Name: "berlin"})
	before := others(srv)
	synctest.Test(t, func(t *testing.T) {
		r, err := c.Teardown(t.Context(), teardownsuite.Seal(p), request, teardown.WithConfirm("acme"), permit)
		if err != nil || r.Outcome != teardown.Pending || states(r)["namespace shared"] != teardown.StepAlreadyDeleted || states(r)["site berlin"] != teardown.StepAlreadyDeleted {
			t.Errorf("got %v and %v", states(r), err)
		}
	})
	if diff := cmp.Diff(before, others(srv)); diff != "" {
		t.Errorf("something was touched (-before +after):\n%s", diff)
	}
}

func TestWhatUsesAServiceGoesBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := inUse("acme")
		settle(srv)
		var waits []string
		_, r, err := carryOut(t, newClient(t, srv), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventWaiting {
				step, _, _ := strings.Cut(e.Step, "/")
				waits = append(waits, step+": "+e.Text)
			}
		}))
		if err != nil || r.Outcome != teardown.Pending || r.PendingOn == "" {
			t.Fatalf("got %+v and %v", r, err)
		}
		var sent []string
		for _, r := range srv.Requests() {
			if r.Method != "GET" {
				sent = append(sent, r.Operation)
			}
		}
		for _, pair := range [][2]string{
			{"DeleteChildTenant", "DeleteChildTenantManager"}, {"DeleteChildTenantManager", "Unsubscribe"},
			{"CascadeDeleteNamespace", "Unsubscribe"}, {"DeleteManagedTenant", "DeleteAddonSubscription"},
			{"DeleteAddonSubscription", "RequestTenantDeletion"}, {"Unsubscribe", "RequestTenantDeletion"},
		} {
			if first := slices.Index(sent, pair[1]); slices.Contains(sent[first+1:], pair[0]) {
				t.Errorf("%s was sent after %s: %v", pair[0], pair[1], sent)
			}
		}
		// What has failed was asked for once more, and what takes its time only once.
		for operation, want := range map[string]int{
			"DeleteChildTenant": 3, "DeleteChildTenantManager": 2, "DeleteManagedTenant": 1, "Unsubscribe": 2,
			"DeleteAddonSubscription": 1, "RequestTenantDeletion": 1,
		} {
			if got := srv.Count(operation); got != want {
				t.Errorf("%s was sent %d times, want %d", operation, got, want)
			}
		}
		slices.Sort(waits)
		want := []string{
			"addon_subscription: the subscription is in SUBSCRIPTION_DISABLED",
			"addon_subscription: the subscription is in SUBSCRIPTION_DISABLE_PENDING",
			"child_tenant: the child tenant is in StateDeleteFailed",
			"child_tenant: the child tenant is in StateDeleteInProgress",
			"namespace: the namespace is still there",
		}
		if diff := cmp.Diff(want, slices.Compact(waits)); diff != "" {
			t.Errorf("what was waited for (-want +got):\n%s", diff)
		}
	})
}

// The work of a teardown that was ended goes on at F5.
func TestWhatIsGoingAlreadyIsNotAskedToGoAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Takes: 10 * time.Minute})
		srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: 10 * time.Minute})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap", Takes: 10 * time.Minute})
		c := newClient(t, srv)
		p, err := c.Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // in the child tenant and the namespace, and then in the service
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
			r, err := c.Teardown(ctx, p, request, teardown.WithConfirm("acme"), permit)
			cancel()
			if err == nil || r == nil || r.Outcome != teardown.Stopped {
				t.Fatalf("got %+v and %v, want it to be ended", r, err)
			}
		}
		r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), permit)
		if err != nil || r.Outcome != teardown.Pending {
			t.Fatalf("got %+v and %v", r, err)
		}
		for _, operation := range []string{"DeleteChildTenant", "CascadeDeleteNamespace", "Unsubscribe", "RequestTenantDeletion"} {
			if n := srv.Count(operation); n != 1 {
				t.Errorf("%s was sent %d times, want once", operation, n)
			}
		}
	})
}

func TestAServiceIsUnsubscribedFromOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap-again"})
		_, r, err := carryOut(t, newClient(t, srv), teardown.WithConcurrency(1))
		if err != nil || len(r.Steps) != 2 || srv.Count("Unsubscribe") != 1 {
			t.Errorf("got %+v and %v after %d requests, want one", r, err, srv.Count("Unsubscribe"))
		}
	})
}

// Somebody may be faster than a step.
func TestWhatIsGoneBeforeItsStepIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := inUse("acme")
		settle(srv)
		c := newClient(t, srv)
		p, err := c.Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), permit, teardown.WithEvents(func(e teardown.Event) {
			if kind, name, ok := strings.Cut(e.Step, "/"); ok && e.Kind == teardown.EventStarted {
				name, _, _ = strings.Cut(name, "/")
				if kind == "namespace" {
					srv.RemoveObject("", name)
				} else {
					srv.RemoveObject("system", name)
				}
			}
		}))
		if err != nil || r.Outcome != teardown.Pending {
			t.Fatalf("got %+v and %v", r, err)
		}
		for step, state := range states(r) {
			if state != teardown.StepDeleted {
				t.Errorf("%s is %s", step, state)
			}
		}
		if diff := cmp.Diff([]string{"POST /api/web/namespaces/system/tenant/request-delete"}, granted(srv)); diff != "" {
			t.Errorf("what F5 has carried out (-want +got):\n%s", diff)
		}
	})
}

// granted returns the requests that changed something.
func granted(srv *volterratest.Server) []string {
	var granted []string
	for _, r := range srv.Requests() {
		if r.Method != "GET" && r.Status == 200 {
			granted = append(granted, r.Method+" "+r.Path)
		}
	}
	return granted
}

// A step may have caused what is counted: a ticket, or a bill.
func TestWhatIsNewAfterTheFirstStepIsNoReasonToStop(t *testing.T) {
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

// The end of some services is approved by people.
func TestAServiceThatF5HasToApproveIsWaitedForByHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "support", Service: volterra.AddonDelegatedAccessStandard})
		c := newClient(t, srv)
		begun := time.Now()
		p, r, err := carryOut(t, c)
		if p.Steps[0].Manual || r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.NotFinished) {
			t.Fatalf("got %+v and %v, want %v", r, err, errors.NotFinished)
		}
		want := []errors.Step{{Name: "addon_subscription", Description: "support: SUBSCRIPTION_DISABLE_PENDING, ticket ticket-support"}}
		if e, _ := errors.AsType[*errors.Error](r.Steps[0].Err); e == nil || !cmp.Equal(want, e.Steps) || e.ProviderCode != "SUBSCRIPTION_DISABLE_PENDING" {
			t.Errorf("got %v, want the ticket", r.Steps[0].Err)
		}
		if took := time.Since(begun); took > 5*time.Minute {
			t.Errorf("took %v", took)
		}
		if r, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme")); r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) {
			t.Errorf("got %+v and %v, want %v", r, err, errors.DeletionStepsNotSatisfied)
		}
		if n := srv.Count("Unsubscribe"); n != 1 || len(srv.Accepted()) != 0 {
			t.Errorf("it was asked for %d times, want once", n)
		}
		srv.ApproveUnsubscription("support")
		if r, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme")); err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

func TestWhatCannotGoKeepsTheTenantAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		add    func(*volterratest.Server)
		want   errors.Code
		states map[string]teardown.StepState
		says   string // the first of the error's steps
	}{
		"a namespace with an object that a shared one refers to": {
			func(srv *volterratest.Server) {
				srv.AddNamespace(volterratest.Namespace{Name: "shared", Objects: []volterratest.Object{{Kind: "route", Name: "all", RefersTo: []string{"app/pool"}}}})
				srv.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{{Kind: "origin_pool", Name: "pool"}}})
			},
			errors.NamespaceNotEmpty,
			map[string]teardown.StepState{
				"namespace app": teardown.StepFailed, "namespace free": teardown.StepDeleted, "child_tenant branch": teardown.StepDeleted,
				"child_tenant_manager retail": teardown.StepDeleted, "addon_subscription waap": teardown.StepNotStarted,
			},
			"pool: The object is referred to by route shared/all.",
		},
		"a child tenant that fails": {
			func(srv *volterratest.Server) {
				srv.AddChildTenant(volterratest.ChildTenant{Name: "stubborn", Failures: 100, Takes: time.Minute})
			},
			errors.DeletionFailed,
			map[string]teardown.StepState{
				"child_tenant stubborn": teardown.StepFailed, "namespace free": teardown.StepDeleted, "child_tenant branch": teardown.StepDeleted,
				"child_tenant_manager retail": teardown.StepNotStarted, "addon_subscription waap": teardown.StepNotStarted,
			},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.AddNamespace(volterratest.Namespace{Name: "free"})
				srv.AddChildTenantManager("retail")
				srv.AddChildTenant(volterratest.ChildTenant{Name: "branch", Manager: "retail"})
				srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
				test.add(srv)
				_, r, err := carryOut(t, newClient(t, srv))
				if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, test.want) || len(srv.Accepted()) != 0 {
					t.Fatalf("got %+v and %v, want %v", r, err, test.want)
				}
				if diff := cmp.Diff(test.states, states(r)); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
				if e, _ := errors.AsType[*errors.Error](err); test.says != "" && (len(e.Steps) != 1 || e.Steps[0].Description != test.says) {
					t.Errorf("got the steps %+v, want %q", e.Steps, test.says)
				}
			})
		})
	}
}

// A page of something in between is not F5's word.
func TestOnlyF5SaysThatSomethingIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddNamespace(volterratest.Namespace{Name: "app"})
		srv.Fail(offboardtest.HTMLResponse("GetNamespace", 404), offboardtest.HTMLResponse("GetNamespace", 404))
		_, r, err := carryOut(t, newClient(t, srv))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.UnexpectedResponse) || states(r)["namespace app"] != teardown.StepFailed {
			t.Errorf("got %+v and %v, want %v", r, err, errors.UnexpectedResponse)
		}
	})
}

// F5 does not document that bills keep a tenant.
func TestBillsDoNotStandInTheWay(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddSubscription(volterra.Subscription{Name: "sub-1", Current: true})
	srv.AddInvoice(volterra.Invoice{Name: "inv-1"})
	p, r, err := carryOut(t, newClient(t, srv))
	if err != nil || r.Outcome != teardown.Pending || len(p.Steps) != 0 || len(p.Cascades) != 2 || len(srv.Accepted()) != 1 {
		t.Errorf("got %+v, %+v and %v", p, r, err)
	}
	// 9 for the plan; 7 before the deletion; the settings once more, the request itself, and
	// three reads that are refused.
	if n := len(srv.Requests()); n != 21 {
		t.Errorf("sent %d requests, want 21", n)
	}
}

func TestATenantThatIsMarkedIsPending(t *testing.T) {
	t.Parallel()
	t.Run("before the plan", func(t *testing.T) {
		t.Parallel()
		srv := inUse("acme")
		srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
		p, r, err := carryOut(t, newClient(t, srv))
		if e, _ := errors.AsType[*errors.Error](p.Err()); e == nil || e.Code != errors.Conflict || e.Operation != "CheckDeletion" || len(p.Steps) != 0 {
			t.Errorf("got %v and %+v, want %v", p.Err(), p.Steps, errors.Conflict)
		}
		if err != nil || r.Outcome != teardown.Pending || !strings.Contains(r.PendingOn, "no request was sent") ||
			srv.Count("GetTenantSettings") != len(srv.Requests()) {
			t.Errorf("got %+v and %v after %+v", r, err, srv.Requests())
		}
	})
	t.Run("by the same plan", func(t *testing.T) {
		t.Parallel()
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true, RefusesWhileInUse: true})
		srv.AddNamespace(volterratest.Namespace{Name: "app"})
		c := newClient(t, srv)
		p, r, err := carryOut(t, c)
		if err != nil || r.Outcome != teardown.Pending {
			t.Fatalf("got %+v and %v", r, err)
		}
		r, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
		if err != nil || r.Outcome != teardown.Pending || states(r)["namespace app"] != teardown.StepAlreadyDeleted || len(srv.Accepted()) != 1 {
			t.Errorf("got %+v and %v after %d requests", r, err, len(srv.Accepted()))
		}
	})
	t.Run("by somebody else, with something left", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.AddNamespace(volterratest.Namespace{Name: "app"})
			c := newClient(t, srv)
			p, err := c.Plan(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
			var journal bytes.Buffer
			r, err := c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"), teardown.WithJournal(&journal))
			if err != nil || r.Outcome != teardown.Pending || !strings.Contains(r.PendingOn, "no request was sent") ||
				states(r)["namespace app"] != teardown.StepDeleted || srv.Count("RequestTenantDeletion") != 0 {
				t.Errorf("got %+v and %v", r, err)
			}
			// No entry says that a deletion was sent.
			if text := journal.String(); strings.Contains(text, `"deletion_started"`) || !strings.Contains(text, `"pending"`) {
				t.Errorf("got the journal\n%s", text)
			}
		})
	})
}

// The credential has gone with the tenant, so that nothing can be read.
func TestALostAnswerIsNoVerdict(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Fail(offboardtest.LoseResponse("RequestTenantDeletion"))
	_, r, err := carryOut(t, newClient(t, srv))
	if r == nil || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) || len(srv.Accepted()) != 1 {
		t.Errorf("got %+v and %v", r, err)
	}
}

// F5 documents no refusal of a tenant in use; one would pass as the rest goes.
func TestARefusedRequestIsTriedAgainAndThenBlocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
		srv.AddInvoice(volterra.Invoice{Name: "inv-1"})
		_, r, err := carryOut(t, newClient(t, srv))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.Conflict) || len(srv.Accepted()) != 0 {
			t.Errorf("got %+v and %v", r, err)
		}
		srv.PayInvoice("inv-1")
		if _, r, err = carryOut(t, newClient(t, srv)); err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

func ExampleClient_Teardown() {
	srv := volterratest.NewServer() // in place of the real service
	srv.SetTenant(volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme"})
	srv.AddChildTenant(volterratest.ChildTenant{Name: "branch"})
	srv.AddNamespace(volterratest.Namespace{Name: "shop", Objects: []volterratest.Object{{Name: "web"}}})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})

	ctx := context.Background()
	c, err := volterra.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	request := volterra.DeleteTenantRequest{Name: "acme-kqzvxwbn", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}
	plan, err := c.Plan(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	var tree strings.Builder
	_ = plan.WriteTree(&tree)
	fmt.Print(tree.String())

	report, err := c.Teardown(ctx, plan, request, teardown.WithConfirm("acme-kqzvxwbn"), teardown.WithOverrides(teardown.ManagedOrganizations))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Outcome)
	fmt.Println(report.PendingOn)
	// Output:
	// volterra: acme-kqzvxwbn (acme-kqzvxwbn): 3 steps; requires: managed_organizations
	// ├─ child_tenant
	// │  └─ branch (child_tenant/branch/00000000-0000-4000-8000-000000000004): delete it, with all that it has, and wait until it is gone [managed_organizations]
	// ├─ namespace
	// │  └─ shop (namespace/shop/00000000-0000-4000-8000-000000000005): delete it, with all that is in it
	// ├─ addon_subscription
	// │  └─ waap (addon_subscription/waap/00000000-0000-4000-8000-000000000007): unsubscribe from the service, and wait until that is done
	// └─ deleted along with it
	//    └─ 1 http_loadbalancer
	// pending
	// F5 has the tenant in its deletion queue, and removes it once that is approved. No API tells when.
}
