package simulation

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func zitadelDeletion(r *rand.Rand) *scenario {
	srv := zitadeltest.NewServer()
	acme := zitadeltest.Organization{ID: "200000000000000001", Name: "Acme"}
	srv.AddOrganization(zitadeltest.Organization{ID: "200000000000000002", Name: "Other"})
	o := &organization{
		provider: "zitadel", existed: true, reads: zitadelSays,
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
		o.blocked = true
	case "undeletable":
		acme.Undeletable = true
	case "home": // the credential ends with the organization
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
	if o.existed = state != "absent"; o.existed {
		srv.AddOrganization(acme)
	}
	if state == "default" {
		srv.SetDefault(acme.ID)
	}
	credential := one(r, "", "", "", "", "", "wrong", "client credentials", "client credentials", "client credentials", "client credentials", "wrong client credentials", "key", "key")
	option := zitadel.WithToken(zitadeltest.Token)
	switch credential {
	case "wrong":
		option, o.refused = zitadel.WithToken("another-token"), true
	case "client credentials":
		option = zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret)
	case "key":
		option = zitadel.WithKey(serviceKey())
	case "wrong client credentials":
		option, o.refused = zitadel.WithClientCredentials(zitadeltest.ClientID, "another-secret"), true
	}
	return &scenario{
		title: joinTitle(state, credential), server: srv.Server, kind: kindOf, done: func() bool { return !o.exists() && o.existed }, evaluate: o.evaluate,
		ids: []string{acme.ID},
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			_, err := zitadel.DeleteOrganization(ctx, acme.ID, option, zitadel.WithBaseURL(base),
				zitadelWith(set))
			return err
		},
	}
}

// zitadelSays reads the state of an organization. Zitadel returns a deleted one without a
// state, and not every 404 is about an organization.
func zitadelSays(x *exchange) existence {
	has := func(text string) bool { return bytes.Contains(x.body, []byte(text)) }
	switch {
	case x.status == 200 && has(`"state"`):
		return present
	case x.status == 200, x.status == 404 && (has("COMMA-aps2n") || has("QUERY-leq5Q")):
		return missing
	}
	return undecided
}

func zitadelTeardown(r *rand.Rand) *scenario {
	const id, other = "200000000000000001", "200000000000000002"
	srv := zitadeltest.NewServer()
	srv.Legacy(chance(r, 0.3))
	acme := zitadeltest.Organization{ID: id, Name: "Acme"}
	d := &teardownCase{
		organization: organization{
			provider: "zitadel", existed: true, reads: zitadelSays,
			exists:  func() bool { return srv.Exists(id) },
			deleted: func() bool { return !srv.Exists(id) },
		},
		name: acme.Name, outcome: teardown.Deleted,
		isDeletion:        func(req *http.Request) bool { return req.Method == http.MethodDelete },
		aboutOrganization: func(x *exchange) bool { return strings.Contains(x.path, id) },
		remains:           func(teardown.Step) bool { return false }, // the plan has no steps
		unrelated: func() string {
			return fmt.Sprint(slices.DeleteFunc(srv.Contents(), func(line string) bool { return strings.Contains(line, id) }))
		},
		newClient: func(set setting) (teardownClient, error) {
			base, _ := srv.Endpoint()
			c, err := zitadel.New(zitadel.WithToken(zitadeltest.Token), zitadel.WithBaseURL(base),
				zitadelWith(set))
			return teardownClient{func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, id) }, c.Teardown}, err
		},
	}
	state := one(r, "", "", "", "home")
	if state == "home" { // the credential ends with the organization
		acme.Home, d.credentialEnds, d.refused = true, true, true
		d.overrides = []teardown.Override{teardown.OwnOrganization}
	}
	srv.AddOrganization(acme)
	srv.AddOrganization(zitadeltest.Organization{ID: other, Name: "Other"})
	for _, o := range []string{id, other} {
		srv.AddUser(zitadeltest.User{ID: o + "-ada", UserName: "ada", Organization: o})
		srv.AddProject(zitadeltest.Project{ID: o + "-shop", Name: "Shop", Organization: o})
		srv.AddApp(zitadeltest.App{ID: o + "-web", Name: "Web", Project: o + "-shop"})
	}
	return d.scenario(r, scenario{title: "teardown: " + joinTitle(state), server: srv.Server, ids: []string{id}})
}

func zitadelReading(r *rand.Rand) *scenario {
	const id = "200000000000000001"
	srv := zitadeltest.NewServer()
	srv.Legacy(chance(r, 0.3))
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme"})
	all := []string{zitadeltest.DefaultOrganization, id}
	for i := range r.IntN(4) {
		all = append(all, fmt.Sprintf("20000000000000001%d", i))
		srv.AddOrganization(zitadeltest.Organization{ID: all[i+2], Name: fmt.Sprint("Other ", i)})
	}
	srv.AddUser(zitadeltest.User{ID: "caller", UserName: "caller"}) // a user of the default organization
	var users []string
	for i := range one(r, 0, 1, 2, 3, 4, 5, 100, 101, 200) {
		users = append(users, fmt.Sprintf("user%03d", i))
		srv.AddUser(zitadeltest.User{ID: users[i], UserName: users[i], Organization: id})
	}
	state := one(r, "", "", "default")
	if state == "default" {
		srv.SetDefault(id)
	}
	action := one(r, "list", "list v2", "users", "users", "check", "deactivate", "deactivate")
	if action == "list v2" && chance(r, 0.2) { // more than one page
		for i := range 100 {
			all = append(all, fmt.Sprintf("20000000000000002%02d", i))
			srv.AddOrganization(zitadeltest.Organization{ID: all[len(all)-1], Name: fmt.Sprint("More ", i)})
		}
	}
	a := &readCall{provider: "zitadel", blocked: state == "default"}
	before := srv.Contents()
	a.touched = func() bool {
		return slices.ContainsFunc(before, func(line string) bool {
			return !(strings.HasPrefix(line, "organization "+id) && action == "deactivate") && !slices.Contains(srv.Contents(), line)
		})
	}
	a.done = func() bool {
		return action != "deactivate" || slices.ContainsFunc(srv.Contents(), func(line string) bool {
			return strings.HasPrefix(line, "organization "+id) && strings.HasSuffix(line, "_INACTIVE")
		})
	}
	return a.scenario(scenario{
		title: joinTitle(action, state, fmt.Sprint(len(all), " organizations, ", len(users), " users")), server: srv.Server, ids: []string{id},
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			c, err := zitadel.New(zitadel.WithToken(zitadeltest.Token), zitadel.WithBaseURL(base),
				zitadelWith(set))
			switch {
			case err != nil:
				return err
			case action == "check":
				return a.checkResult(c.CheckDeletion(ctx, id))
			case action == "users":
				return list(a, users, c.ListUsers(ctx, id), func(u zitadel.User) string { return u.ID })
			case action == "deactivate":
				_, err := c.DeactivateOrganization(ctx, id)
				return err
			case action == "list v2":
				return list(a, all, c.SearchOrganizationsV2(ctx), func(o zitadel.OrganizationV2) string { return o.ID })
			}
			return list(a, all, c.SearchOrganizations(ctx), func(o zitadel.Organization) string { return o.ID })
		},
	})
}

// zitadelWith returns the option of a setting.
func zitadelWith(s setting) zitadel.Option {
	options := []zitadel.Option{
		zitadel.WithHTTPClient(s.client), zitadel.WithRetry(zitadel.Retry{MaxAttempts: s.maxAttempts, MaxWait: s.maxWait}),
	}
	if s.rate > 0 {
		options = append(options, zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: s.rate, Burst: 1}))
	}
	return zitadel.Options(options...)
}
