package truth

import (
	"context"
	"math/rand/v2"

	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func workspaceDeletion(r *rand.Rand) *scenario {
	const id, other = "65f0000000000000000000ac", "65f0000000000000000000bd"
	srv := workspacetest.NewServer()
	acme := workspacetest.Organization{ID: id, Slug: "acme"}
	name := one(r, id, "acme")
	o := &organization{
		provider: "workspace", there: true, reads: byStatus,
		exists:  func() bool { return srv.Exists(id) },
		deleted: func() bool { return len(srv.Deleted()) > 0 },
		touched: func() bool { return !srv.Exists(other) },
	}
	state := one(r, "", "", "", "", "", "", "", "", "subscriptions", "absent", "another has its id for a slug")
	slug := "other"
	switch state {
	case "subscriptions":
		acme.Subscriptions, o.blocked = []workspacetest.Subscription{{ID: "s", Plan: "team"}}, true
	case "absent":
		o.there = false
	case "another has its id for a slug":
		o.there, slug = false, id
	}
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: slug})
	if o.there {
		srv.AddOrganization(acme)
	}
	credential := one(r, "", "", "", "", "", "", "its own", "its own", "its own", "another's", "wrong", "expired")
	t := workspacetest.Token
	switch credential {
	case "its own": // it ends with the organization
		t, o.refused = srv.AddServiceAccount(id), true
	case "another's":
		t, o.hidden = srv.AddServiceAccount(other), true
	case "wrong":
		t, o.refused = "another-token", true
	case "expired":
		t, o.refused = workspacetest.ExpiredToken, true
	}
	return &scenario{
		title: titled(state, credential), server: srv.Server, kind: kindOf, done: func() bool { return !o.exists() && o.there }, judge: o.judge,
		do: func(ctx context.Context, set setting) error {
			return workspace.DeleteOrganization(ctx, name, srv.OptionWithToken(t),
				func(c *rest.Config) error { set(c); return nil })
		},
	}
}
