package simulation

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// volterraDeletion requests a deletion. The oracle compares whether F5 accepted the
// request. The tenant's state may show that; a missing tenant never does.
func volterraDeletion(r *rand.Rand) *scenario {
	srv := volterratest.NewServer()
	tenant := volterratest.Tenant{Name: "acme", KeepsCredential: chance(r, 0.5), KeepsState: chance(r, 0.3)}
	request := volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}
	o := &organization{
		provider: "volterra", existed: true,
		exists:  func() bool { return len(srv.Accepted()) == 0 },
		deleted: func() bool { return len(srv.Accepted()) > 0 },
		touched: func() bool {
			accepted := srv.Accepted()
			return len(accepted) > 1 || slices.ContainsFunc(accepted, func(a volterra.DeleteTenantRequest) bool { return a.Name != tenant.Name })
		},
		reads: func(x *exchange) existence {
			if x.status == 200 && bytes.Contains(x.body, []byte(`"StateDisabled"`)) {
				return missing
			}
			return undecided
		},
	}
	state := one(r, "", "", "", "", "", "", "", "", "of another name", "disabled", "may not delete", "suspended")
	switch state {
	case "of another name":
		tenant.Name = "acme-kqzvxwbn"
	case "disabled":
		tenant.State = volterra.StateDisabled
	case "may not delete":
		tenant.Unprivileged, o.refused = true, true
	case "suspended":
		tenant.State = volterra.StateSuspended
	}
	srv.SetTenant(tenant)
	limited := chance(r, 0.3)
	if limited {
		srv.LimitRate(1+r.IntN(60), 1+r.IntN(2))
	}
	credential := one(r, "", "", "", "", "", "", "", "wrong")
	t := volterratest.Token
	if credential == "wrong" {
		t, o.refused = "another-token", true
	}
	return &scenario{
		title: joinTitle(state, credential), server: srv.Server, limited: limited, kind: kindOf, done: o.deleted, evaluate: o.evaluate,
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			return volterra.DeleteTenant(ctx, request, volterra.WithAPIToken(t), volterra.WithBaseURL(base),
				volterraWith(set))
		},
	}
}

// volterraTeardown checks F5's own namespaces instead of another tenant, because a fake has
// one tenant.
func volterraTeardown(r *rand.Rand) *scenario {
	srv := volterratest.NewServer()
	tenant := volterratest.Tenant{Name: "acme", KeepsCredential: chance(r, 0.7), KeepsState: chance(r, 0.3)}
	// If the tenant stays in use and readable, reads cannot distinguish an accepted request
	// from one that F5 does not act on: see TestTeardown_TenantDeletionNeverStarted.
	tenant.KeepsState = tenant.KeepsState && !tenant.KeepsCredential
	request := volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}
	d := &teardownCase{
		organization: organization{
			provider: "volterra", existed: true,
			exists:  func() bool { return len(srv.Accepted()) == 0 },
			deleted: func() bool { return len(srv.Accepted()) > 0 },
			reads: func(x *exchange) existence {
				if x.status == 200 && bytes.Contains(x.body, []byte(`"StateDisabled"`)) {
					return missing
				}
				return undecided
			},
		},
		name: "acme", outcome: teardown.Pending, credentialEnds: !tenant.KeepsCredential,
		isDeletion:        func(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/request-delete") },
		aboutOrganization: func(*exchange) bool { return true },
		remains: func(s teardown.Step) bool {
			return slices.Contains(srv.Remaining(), s.Kind+" "+s.Name)
		},
		unrelated: func() string {
			return fmt.Sprint(tenant.KeepsState || len(srv.Accepted()) <= 1, slices.DeleteFunc(srv.Objects(), func(object string) bool { return !strings.Contains(object, "system-token") }))
		},
		newClient: func(set setting) (teardownClient, error) {
			base, _ := srv.Endpoint()
			c, err := volterra.New(volterra.WithAPIToken(volterratest.Token), volterra.WithBaseURL(base),
				volterraWith(set))
			return teardownClient{
				func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, request) },
				func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
					return c.Teardown(ctx, p, request, options...)
				},
			}, err
		},
	}
	takes := one(r, 0, time.Second, time.Minute)
	srv.SetTenant(tenant)
	srv.AddNamespace(volterratest.Namespace{Name: "system", Objects: []volterratest.Object{{Kind: "token", Name: "system-token"}}})
	srv.AddNamespace(volterratest.Namespace{Name: "web", Takes: takes, Objects: []volterratest.Object{{Name: "front"}}})
	srv.AddNamespace(volterratest.Namespace{Name: "empty"})
	srv.AddManagedTenant(volterratest.ManagedTenant{Name: "customer"})
	state := one(r, "", "", "a child tenant", "an addon", "a ticket", "a resource disappears")
	switch state {
	case "a child tenant":
		srv.AddChildTenantManager("partners")
		srv.AddChildTenant(volterratest.ChildTenant{Name: "labs", Manager: "partners", Takes: takes})
		d.overrides = []teardown.Override{teardown.ManagedOrganizations}
	case "an addon":
		srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap", Takes: takes})
	case "a ticket":
		srv.AddAddonSubscription(volterratest.AddonSubscription{
			Name: "support", Service: volterra.AddonDelegatedAccessStandard, State: volterra.AddonSubscriptionStateDisablePending,
		})
		d.resolveManual = unlessDeleted(func() { srv.ApproveUnsubscription("support") })
	case "a resource disappears":
		d.disappear = unlessDeleted(func() { srv.RemoveObject("", "empty") })
	}
	d.create = func() { srv.AddNamespace(volterratest.Namespace{Name: "late"}) }
	d.recreation = &recreation{"namespace/empty", "namespaces/empty", func() bool { return slices.Contains(srv.Remaining(), "namespace empty") },
		func() { srv.AddNamespace(volterratest.Namespace{Name: "empty"}) }}
	return d.scenario(r, scenario{title: "teardown: " + joinTitle(state), server: srv.Server})
}

func volterraReading(r *rand.Rand) *scenario {
	srv := volterratest.NewServer()
	tenant := volterratest.Tenant{Name: "acme"}
	state := one(r, "", "", "disabled")
	if state == "disabled" {
		tenant.State = volterra.StateDisabled
	}
	srv.SetTenant(tenant)
	all := []string{"system", "shared", "default"}
	for i := range r.IntN(4) {
		all = append(all, fmt.Sprint("web", i))
		srv.AddNamespace(volterratest.Namespace{Name: all[i+3]})
	}
	var children []string
	srv.AddChildTenantManager("partners")
	for i := range r.IntN(4) {
		children = append(children, fmt.Sprint("labs", i))
		srv.AddChildTenant(volterratest.ChildTenant{Name: children[i], Manager: "partners"})
	}
	a := &readCall{provider: "volterra", blocked: state != ""}
	action := one(r, "list", "children", "check")
	return a.scenario(scenario{
		title: joinTitle(action, state, fmt.Sprint(len(all), " namespaces, ", len(children), " child tenants")), server: srv.Server,
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			c, err := volterra.New(volterra.WithAPIToken(volterratest.Token), volterra.WithBaseURL(base),
				volterraWith(set))
			switch {
			case err != nil:
				return err
			case action == "check":
				return a.checkResult(c.CheckDeletion(ctx, volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}))
			case action == "children":
				found, err := c.ListChildTenants(ctx, volterra.ListChildTenantsOptions{})
				return list(a, children, sequence(found, err), func(c volterra.ChildTenantItem) string { return c.Name })
			}
			found, err := c.ListNamespaces(ctx, volterra.ListNamespacesOptions{})
			return list(a, all, sequence(found, err), func(n volterra.NamespaceItem) string { return n.Name })
		},
	})
}

// volterraWith returns the option of a setting.
func volterraWith(s setting) volterra.Option {
	options := []volterra.Option{
		volterra.WithHTTPClient(s.client), volterra.WithRetry(volterra.Retry{MaxAttempts: s.maxAttempts, MaxWait: s.maxWait}),
	}
	if s.rate > 0 {
		options = append(options, volterra.WithRateLimit(volterra.RateLimit{PerSecond: s.rate, Burst: 1}))
	}
	return volterra.Options(options...)
}
