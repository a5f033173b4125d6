package truth

import (
	"bytes"
	"context"
	"math/rand/v2"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

func atlasDeletion(r *rand.Rand) *scenario {
	const id, other = "5e2f00000000000000000001", "5e2f00000000000000000002"
	srv := atlastest.NewServer()
	acme := atlastest.Organization{ID: id, Name: "Acme", Lingers: chance(r, 0.3)}
	srv.AddOrganization(atlastest.Organization{ID: other})
	o := &organization{
		provider: "atlas", there: true, reads: atlasSays,
		exists:  func() bool { return srv.Exists(id) },
		deleted: func() bool { return len(srv.Deleted()) > 0 },
		touched: func() bool { return !srv.Exists(other) },
	}
	state := one(r, "", "", "", "", "", "", "", "", "projects", "live migration", "failed payments", "absent", "wrong address", "deleted by another")
	disturb := func() {}
	switch state {
	case "projects", "live migration", "failed payments":
		acme.LiveMigration, acme.FailedPayments = state == "live migration", state == "failed payments"
		o.blocked = true
	case "wrong address":
		srv.RefuseAddress(true)
		o.refused = true
	case "deleted by another":
		disturb = func() { srv.RemoveOrganization(id) }
	}
	if o.there = state != "absent"; o.there {
		srv.AddOrganization(acme)
	}
	if state == "projects" {
		srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000a"})
	}
	credential, option := atlasCredential(r, srv, o, id, other)
	limited := chance(r, 0.3)
	if limited {
		srv.LimitRate("DeleteOrganization", 1+r.IntN(3), 1, time.Minute)
		srv.LimitRate("GetOrganization", 1+r.IntN(3), 1, time.Minute)
	}
	if chance(r, 0.2) {
		srv.LimitTokens(1 + r.IntN(2))
	}
	return &scenario{
		title: titled(state, credential), server: srv.Server, limited: limited, kind: kindOf, done: func() bool { return o.deleted() }, judge: o.judge,
		disturb: func() {
			switch r.IntN(3) {
			case 0:
				srv.EndTokens()
			case 1:
				srv.EndNonces()
			default:
				disturb()
			}
		},
		do: func(ctx context.Context, set setting) error {
			base, _ := srv.Reach()
			return atlas.DeleteOrganization(ctx, id, option, atlas.WithBaseURL(base),
				func(c *rest.Config) error { set(c); return nil })
		},
	}
}

// atlasCredential makes one of either kind: of nobody, of another organization, of
// the organization itself, with which it ends, or of all.
func atlasCredential(r *rand.Rand, srv *atlastest.Server, o *organization, id, other string) (string, atlas.Option) {
	c := atlastest.Credential{ID: "mine", Secret: "my-own-secret"}
	whose := one(r, "", "", "", "", "its own", "its own", "its own", "its own member", "another's", "wrong")
	switch whose {
	case "its own":
		c.Organization = id
	case "its own member":
		c.Organization, c.Member = id, true
	case "another's":
		c.Organization = other
	}
	o.refused = o.refused || whose != ""
	secret := c.Secret
	if whose == "wrong" {
		secret = "another-secret"
	}
	if chance(r, 0.5) {
		srv.AddServiceAccount(c)
		return titled(whose, "service account"), atlas.WithServiceAccount(c.ID, secret)
	}
	srv.AddAPIKey(c)
	return titled(whose, "API key"), atlas.WithAPIKey(c.ID, secret)
}

// atlasSays: one that was deleted may be read as such.
func atlasSays(x *exchange) presence {
	if x.status == 200 && bytes.Contains(x.body, []byte(`"isDeleted":true`)) {
		return gone
	}
	return byStatus(x)
}
