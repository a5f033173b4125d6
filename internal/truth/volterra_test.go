package truth

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"

	"github.com/offboard-dev/offboard-go/internal/auth/clientcert"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// volterraDeletion is a request for a deletion: what counts is whether it was
// accepted, which the tenant's state may show and its absence never does.
func volterraDeletion(r *rand.Rand) *scenario {
	srv := volterratest.NewServer()
	tenant := volterratest.Tenant{Name: "acme", KeepsCredential: chance(r, 0.5), KeepsState: chance(r, 0.3)}
	request := volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example", Reason: volterra.ReasonNoLongerNeeded}
	o := &organization{
		provider: "volterra", there: true,
		exists:  func() bool { return len(srv.Accepted()) == 0 },
		deleted: func() bool { return len(srv.Accepted()) > 0 },
		touched: func() bool {
			accepted := srv.Accepted()
			return len(accepted) > 1 || slices.ContainsFunc(accepted, func(a volterra.DeleteTenantRequest) bool { return a.Name != tenant.Name })
		},
		reads: func(x *exchange) presence {
			if x.status == 200 && bytes.Contains(x.body, []byte(`"StateDisabled"`)) {
				return gone
			}
			return nothing
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
		title: titled(state, credential), server: srv.Server, limited: limited, kind: kindOf, done: o.deleted, judge: o.judge,
		do: func(ctx context.Context, set setting) error {
			base, _ := srv.Reach()
			return volterra.DeleteTenant(ctx, request, volterra.WithAPIToken(t), volterra.WithBaseURL(base),
				func(c *clientcert.Config) error { set(&c.Config); return nil })
		},
	}
}
