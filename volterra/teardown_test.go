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
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

var request = volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}

var permit = teardown.WithOverrides(teardown.ManagedOrganizations)

// inUse returns a fake of a tenant with resources of every removable kind. The fake refuses the
// deletion of the tenant while resources remain.
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

// resolveAll does the steps that no API can: it approves, cancels and pays.
func resolveAll(srv *volterratest.Server) {
	srv.ApproveUnsubscription("support")
	srv.CancelSubscription("sub-1")
	srv.PayInvoice("inv-1")
}

// others returns the resources that a teardown must not change.
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
				ResolveManual: func() { resolveAll(srv) },
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

// apply makes a plan and applies it.
func apply(t *testing.T, c *volterra.Client, options ...teardown.Option) (*teardown.Plan, *teardown.Report, error) {
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

// An incomplete list makes no plan: it may lack a protected resource.
func TestPlan_UnreadableList(t *testing.T) {
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

func TestTeardown_Refused(t *testing.T) {
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
		"no email":       {volterra.DeleteTenantRequest{Name: "acme"}, nil, nil, 0, errors.InvalidArgument},
		"another plan":   {request, func(_ *volterratest.Server, p *teardown.Plan) { p.Provider = "atlas"; teardownsuite.Seal(p) }, nil, 0, errors.PlanStale},
		"another tenant": {request, func(srv *volterratest.Server, _ *teardown.Plan) { srv.SetTenant(volterratest.Tenant{Name: "b"}) }, nil, 1, errors.NotConfirmed},
		"denied":         {request, nil, []teardown.Option{teardown.WithDeny("acme")}, 0, errors.NotConfirmed},
		"no override":    {request, nil, []teardown.Option{}, 0, errors.NotConfirmed},
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
				resolveAll(srv)
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
				if name != "no override" {
					options = append(options, permit)
				}
				r, err := c.Teardown(t.Context(), p, test.request, options...)
				if e, _ := errors.AsType[*errors.Error](err); r != nil || e == nil || e.Code != test.want || e.Operation != "Teardown" {
					t.Errorf("got %+v and %v, want %v", r, err, test.want)
				}
				if diff := cmp.Diff(before, srv.Objects()); diff != "" {
					t.Errorf("changed (-before +after):\n%s", diff)
				}
				if reads := len(srv.Requests()) - n; reads > test.reads {
					t.Errorf("sent %d requests, want at most %d", reads, test.reads)
				}
			})
		})
	}
}

func TestPlan_OtherTenant(t *testing.T) {
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

// Steps that are not in a fresh plan are not applied.
func TestTeardown_InventedSteps(t *testing.T) {
	t.Parallel()
	srv := inUse("acme")
	resolveAll(srv)
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
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

func TestTeardown_Order(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := inUse("acme")
		resolveAll(srv)
		var waits []string
		_, r, err := apply(t, newClient(t, srv), teardown.WithEvents(func(e teardown.Event) {
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
		// A failed removal is requested once more, a slow one is not.
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
			"addon_subscription: the subscription is in state SUBSCRIPTION_DISABLED",
			"addon_subscription: the subscription is in state SUBSCRIPTION_DISABLE_PENDING",
			"child_tenant: the child tenant is in state StateDeleteFailed",
			"child_tenant: the child tenant is in state StateDeleteInProgress",
			"namespace: the namespace still exists",
		}
		if diff := cmp.Diff(want, slices.Compact(waits)); diff != "" {
			t.Errorf("texts of waits (-want +got):\n%s", diff)
		}
	})
}

// F5 continues after a teardown was stopped.
func TestTeardown_Resume(t *testing.T) {
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
		for range 2 { // during the child tenant and the namespace, then during the service
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
			r, err := c.Teardown(ctx, p, request, teardown.WithConfirm("acme"), permit)
			cancel()
			if err == nil || r == nil || r.Outcome != teardown.Stopped {
				t.Fatalf("got %+v and %v, want %q", r, err, teardown.Stopped)
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

func TestTeardown_UnsubscribeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap-again"})
		_, r, err := apply(t, newClient(t, srv), teardown.WithConcurrency(1))
		if err != nil || len(r.Steps) != 2 || srv.Count("Unsubscribe") != 1 {
			t.Errorf("got %+v and %v after %d requests, want one", r, err, srv.Count("Unsubscribe"))
		}
	})
}

// Another client may delete a resource before its step.
func TestTeardown_DeletedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := inUse("acme")
		resolveAll(srv)
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
			t.Errorf("accepted writes (-want +got):\n%s", diff)
		}
	})
}

// granted returns the accepted writes.
func granted(srv *volterratest.Server) []string {
	var granted []string
	for _, r := range srv.Requests() {
		if r.Method != "GET" && r.Status == 200 {
			granted = append(granted, r.Method+" "+r.Path)
		}
	}
	return granted
}

// F5 must approve the unsubscription from some services.
func TestTeardown_UnsubscriptionNeedsApproval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "support", Service: volterra.AddonDelegatedAccessStandard})
		c := newClient(t, srv)
		started := time.Now()
		p, r, err := apply(t, c)
		if p.Steps[0].Manual || r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.NotFinished) {
			t.Fatalf("got %+v and %v, want %v", r, err, errors.NotFinished)
		}
		want := []errors.Step{{Name: "addon_subscription", Description: "support: SUBSCRIPTION_DISABLE_PENDING, ticket ticket-support"}}
		if e, _ := errors.AsType[*errors.Error](r.Steps[0].Err); e == nil || !cmp.Equal(want, e.Steps) || e.ProviderCode != "SUBSCRIPTION_DISABLE_PENDING" {
			t.Errorf("got %v, want the ticket", r.Steps[0].Err)
		}
		if took := time.Since(started); took > 5*time.Minute {
			t.Errorf("took %v", took)
		}
		if r, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme")); r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.DeletionStepsNotSatisfied) {
			t.Errorf("got %+v and %v, want %v", r, err, errors.DeletionStepsNotSatisfied)
		}
		if n := srv.Count("Unsubscribe"); n != 1 || len(srv.Accepted()) != 0 {
			t.Errorf("sent %d times, want once", n)
		}
		srv.ApproveUnsubscription("support")
		if r, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme")); err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

func TestTeardown_FailedStep(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		add    func(*volterratest.Server)
		want   errors.Code
		states map[string]teardown.StepState
		step   string // the first of the error's steps
	}{
		"a namespace to which a shared object refers": {
			func(srv *volterratest.Server) {
				srv.AddNamespace(volterratest.Namespace{Name: "shared", Objects: []volterratest.Object{{Kind: "route", Name: "all", RefersTo: []string{"app/pool"}}}})
				srv.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{{Kind: "origin_pool", Name: "pool"}}})
			},
			errors.NamespaceNotEmpty,
			map[string]teardown.StepState{
				"namespace app": teardown.StepFailed, "namespace free": teardown.StepDeleted, "child_tenant branch": teardown.StepDeleted,
				"child_tenant_manager retail": teardown.StepDeleted, "addon_subscription waap": teardown.StepNotStarted,
			},
			"pool: Referred to by route shared/all.",
		},
		"a child tenant with failing deletions": {
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
				_, r, err := apply(t, newClient(t, srv))
				if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, test.want) || len(srv.Accepted()) != 0 {
					t.Fatalf("got %+v and %v, want %v", r, err, test.want)
				}
				if diff := cmp.Diff(test.states, states(r)); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
				if e, _ := errors.AsType[*errors.Error](err); test.step != "" && (len(e.Steps) != 1 || e.Steps[0].Description != test.step) {
					t.Errorf("got the steps %+v, want %q", e.Steps, test.step)
				}
			})
		})
	}
}

// The page of a proxy proves nothing.
func TestTeardown_ForeignNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.AddNamespace(volterratest.Namespace{Name: "app"})
		srv.Fail(offboardtest.HTMLResponse("GetNamespace", 404), offboardtest.HTMLResponse("GetNamespace", 404))
		_, r, err := apply(t, newClient(t, srv))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.UnexpectedResponse) || states(r)["namespace app"] != teardown.StepFailed {
			t.Errorf("got %+v and %v, want %v", r, err, errors.UnexpectedResponse)
		}
	})
}

func TestTeardown_AlreadyMarked(t *testing.T) {
	t.Parallel()
	t.Run("before the plan", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := inUse("acme")
			srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
			p, r, err := apply(t, newClient(t, srv))
			if e, _ := errors.AsType[*errors.Error](p.Err()); e == nil || e.Code != errors.AlreadyRequestedDeletion || e.Operation != "CheckDeletion" || len(p.Steps) != 0 {
				t.Errorf("got %v and %+v, want %v", p.Err(), p.Steps, errors.AlreadyRequestedDeletion)
			}
			if err != nil || r.Outcome != teardown.Pending || !strings.Contains(r.PendingOn, "no request was sent") ||
				srv.Count("GetTenantSettings") != len(srv.Requests()) {
				t.Errorf("got %+v and %v after %+v", r, err, srv.Requests())
			}
		})
	})
	t.Run("by the same plan", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true, RefusesWhileInUse: true})
			srv.AddNamespace(volterratest.Namespace{Name: "app"})
			c := newClient(t, srv)
			p, r, err := apply(t, c)
			if err != nil || r.Outcome != teardown.Pending {
				t.Fatalf("got %+v and %v", r, err)
			}
			r, err = c.Teardown(t.Context(), p, request, teardown.WithConfirm("acme"))
			if err != nil || r.Outcome != teardown.Pending || states(r)["namespace app"] != teardown.StepAlreadyDeleted || len(srv.Accepted()) != 1 {
				t.Errorf("got %+v and %v after %d requests", r, err, len(srv.Accepted()))
			}
		})
	})
	t.Run("by another client, with remaining resources", func(t *testing.T) {
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
			// The journal has no entry of a deletion.
			if text := journal.String(); strings.Contains(text, `"deletion_started"`) || !strings.Contains(text, `"pending"`) {
				t.Errorf("got the journal\n%s", text)
			}
		})
	})
}

// F5 refuses the credential, so no read can decide.
func TestTeardown_LostAnswer(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Fail(offboardtest.LoseResponse("RequestTenantDeletion"))
	_, r, err := apply(t, newClient(t, srv))
	if r == nil || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) || len(srv.Accepted()) != 1 {
		t.Errorf("got %+v and %v", r, err)
	}
}

// F5 documents no refusal of a tenant in use.
func TestTeardown_RefusedRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
		srv.AddInvoice(volterra.Invoice{Name: "inv-1"})
		_, r, err := apply(t, newClient(t, srv))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.Conflict) || len(srv.Accepted()) != 0 {
			t.Errorf("got %+v and %v", r, err)
		}
		srv.PayInvoice("inv-1")
		if _, r, err = apply(t, newClient(t, srv)); err != nil || r.Outcome != teardown.Pending {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

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
// temporarily or permanently: only repeated refusals of the credential confirm the request.
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
					before := offboardtest.Fault{Operation: "GetTenantSettings", Times: 2} // the reads before the request
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

// A step removes only the resource with the UID of the plan, not another one with its name.
func TestTeardown_Recreated(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
	srv.AddNamespace(volterratest.Namespace{Name: "app"})
	c := newClient(t, srv)
	p, err := c.Plan(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	// After the comparison of the plan, and before the removal of the namespace.
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
		t.Errorf("%d namespaces were deleted, want 1; remaining: %v", n, srv.Objects())
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
func TestTeardown_RecreatedAfterLostAnswer(t *testing.T) {
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

// If another client marks the tenant right before the request, the outcome is Pending and the journal
// has no entry of a deletion.
func TestTeardown_MarkedBeforeRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		p, err := newClient(t, srv).Plan(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, srv, volterra.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			// The read of the plan, and the read right before the deletion.
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

// transport is an http.RoundTripper.
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

// A code 5 with another status, a web page, or an answer of a cache does not end a step.
func TestTeardown_UnprovenNotFound(t *testing.T) {
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

// If a firewall answers a read, Plan returns an error.
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

// The read before the request fails, and then the credential expires: no request was sent, so that
// its outcome is not open.
func TestTeardown_NoRequestSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		var journal bytes.Buffer
		_, r, err := apply(t, newClient(t, srv), teardown.WithJournal(writerFunc(func(entry []byte) (int, error) {
			if bytes.Contains(entry, []byte(`"deletion_started"`)) {
				down := offboardtest.Respond("GetTenantSettings", http.StatusServiceUnavailable, `{}`)
				down.Times = 5 // attempts of the read
				expired := offboardtest.Respond("GetTenantSettings", http.StatusUnauthorized, `{"code":16,"message":"expired"}`)
				expired.Times = 1000
				srv.Fail(down, expired)
			}
			return journal.Write(entry)
		})))
		if n := srv.Count(deletion); r == nil || r.Outcome != teardown.Blocked || errors.Is(err, errors.OutcomeUnknown) || n != 0 {
			t.Errorf("got %+v, %v after %d requests, want %q after none", r, err, n, teardown.Blocked)
		}
		if !strings.Contains(journal.String(), `"deletion_refused"`) {
			t.Errorf("the journal has an open deletion:\n%s", journal.String())
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
