package truth

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func zitadelDeletion(r *rand.Rand) *scenario {
	srv := zitadeltest.NewServer()
	acme := zitadeltest.Organization{ID: "200000000000000001", Name: "Acme"}
	srv.AddOrganization(zitadeltest.Organization{ID: "200000000000000002", Name: "Other"})
	o := &organization{
		provider: "zitadel", there: true, reads: zitadelSays,
		exists:  func() bool { return srv.Exists(acme.ID) },
		deleted: func() bool { return len(srv.Deleted()) > 0 },
		touched: func() bool {
			return !srv.Exists("200000000000000002") || !srv.Exists(zitadeltest.DefaultOrganization)
		},
	}
	srv.Legacy(chance(r, 0.3))
	state := one(r, "", "", "", "", "", "", "", "", "", "", "inactive", "system", "default", "undeletable", "absent", "home", "home", "no role", "may not delete", "may not read", "blocked", "no quota")
	switch state {
	case "inactive":
		acme.Inactive = true
	case "system":
		acme.System, o.blocked = true, true
	case "default":
		srv.SetDefault(acme.ID)
		o.blocked = true
	case "undeletable":
		acme.Undeletable = true
	case "home": // the credential goes with the organization
		acme.Home, o.refused = true, true
	case "no role":
		srv.SetPermissions()
		o.refused = true
	case "may not delete":
		srv.SetPermissions("iam.read")
		o.refused = true
	case "may not read":
		srv.SetPermissions("iam.write")
		o.refused = true
	case "blocked":
		srv.Block(true)
	case "no quota":
		srv.ExhaustQuota(true)
	}
	if o.there = state != "absent"; o.there {
		srv.AddOrganization(acme)
	}
	credential := one(r, "", "", "", "", "", "wrong", "client credentials", "client credentials", "client credentials", "client credentials", "wrong client credentials")
	option := zitadel.WithToken(zitadeltest.Token)
	switch credential {
	case "wrong":
		option, o.refused = zitadel.WithToken("another-token"), true
	case "client credentials":
		option = zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret)
	case "wrong client credentials":
		option, o.refused = zitadel.WithClientCredentials(zitadeltest.ClientID, "another-secret"), true
	}
	return &scenario{
		title: titled(state, credential), server: srv.Server, kind: kindOf, done: func() bool { return !o.exists() && o.there }, judge: o.judge,
		do: func(ctx context.Context, set setting) error {
			base, _ := srv.Reach()
			_, err := zitadel.DeleteOrganization(ctx, acme.ID, option, zitadel.WithBaseURL(base),
				func(c *rest.Config) error { set(c); return nil })
			return err
		},
	}
}

// zitadelSays: one that was deleted is still read, without a state, and not every 404
// is about an organization.
func zitadelSays(x *exchange) presence {
	has := func(text string) bool { return bytes.Contains(x.body, []byte(text)) }
	switch {
	case x.status == 200 && has(`"state"`):
		return there
	case x.status == 200, x.status == 404 && (has("COMMA-aps2n") || has("QUERY-leq5Q")):
		return gone
	}
	return nothing
}

func zitadelTeardown(r *rand.Rand) *scenario {
	const id, other = "200000000000000001", "200000000000000002"
	srv := zitadeltest.NewServer()
	srv.Legacy(chance(r, 0.3))
	acme := zitadeltest.Organization{ID: id, Name: "Acme"}
	d := &demolition{
		organization: organization{
			provider: "zitadel", there: true, reads: zitadelSays,
			exists:  func() bool { return srv.Exists(id) },
			deleted: func() bool { return !srv.Exists(id) },
		},
		name: acme.Name, outcome: teardown.Gone,
		deletes: func(req *http.Request) bool { return req.Method == http.MethodDelete },
		about:   func(x *exchange) bool { return strings.Contains(x.path, id) },
		stands:  func(teardown.Step) bool { return false }, // there is none
		rest: func() string {
			return fmt.Sprint(slices.DeleteFunc(srv.Contents(), func(line string) bool { return strings.Contains(line, id) }))
		},
		use: func(set setting) (crew, error) {
			base, _ := srv.Reach()
			c, err := zitadel.New(zitadel.WithToken(zitadeltest.Token), zitadel.WithBaseURL(base),
				func(c *rest.Config) error { set(c); return nil })
			return crew{func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, id) }, c.Teardown}, err
		},
	}
	state := one(r, "", "", "", "home")
	if state == "home" { // the credential goes with the organization
		acme.Home, d.ends, d.refused = true, true, true
		d.permits = []teardown.Consent{teardown.OwnOrganization}
	}
	srv.AddOrganization(acme)
	srv.AddOrganization(zitadeltest.Organization{ID: other, Name: "Other"})
	for _, o := range []string{id, other} {
		srv.AddUser(zitadeltest.User{ID: o + "-ada", UserName: "ada", Organization: o})
		srv.AddProject(zitadeltest.Project{ID: o + "-shop", Name: "Shop", Organization: o})
		srv.AddApp(zitadeltest.App{ID: o + "-web", Name: "Web", Project: o + "-shop"})
	}
	return d.scenario(r, scenario{title: "teardown: " + titled(state), server: srv.Server})
}
