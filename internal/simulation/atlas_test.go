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

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func atlasDeletion(r *rand.Rand) *scenario {
	const id, other = "5e2f00000000000000000001", "5e2f00000000000000000002"
	srv := atlastest.NewServer()
	acme := atlastest.Organization{ID: id, Name: "Acme", Lingers: chance(r, 0.3)}
	srv.AddOrganization(atlastest.Organization{ID: other})
	o := &organization{
		provider: "atlas", existed: true, reads: atlasSays,
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
		disturb = unlessDeleted(func() { srv.RemoveOrganization(id) })
	}
	if o.existed = state != "absent"; o.existed {
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
		title: joinTitle(state, credential), server: srv.Server, limited: limited, kind: kindOf, done: func() bool { return o.deleted() }, evaluate: o.evaluate,
		ids: []string{id},
		disturb: func(r *rand.Rand) {
			switch r.IntN(3) {
			case 0:
				srv.EndTokens()
			case 1:
				srv.EndNonces()
			default:
				disturb()
			}
		},
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			return atlas.DeleteOrganization(ctx, id, option, atlas.WithBaseURL(base),
				atlasWith(set))
		},
	}
}

// atlasCredential returns a service account or an API key: a wrong one, one of another
// organization, one of the organization itself, which ends with it, or one for all.
func atlasCredential(r *rand.Rand, srv *atlastest.Server, o *organization, id, other string) (string, atlas.Option) {
	c := atlastest.Credential{ID: "mine", Secret: "my-own-secret"}
	owner := one(r, "", "", "", "", "its own", "its own", "its own", "its own member", "another's", "wrong")
	switch owner {
	case "its own":
		c.Organization = id
	case "its own member":
		c.Organization, c.Member = id, true
	case "another's":
		c.Organization = other
	}
	if c.Organization == id && !o.existed { // which has no credential then
		owner, c.Organization = "another's", other
	}
	o.refused = o.refused || owner != ""
	secret := c.Secret
	if owner == "wrong" {
		secret = "another-secret"
	}
	if chance(r, 0.5) {
		srv.AddServiceAccount(c)
		return joinTitle(owner, "service account"), atlas.WithServiceAccount(c.ID, secret)
	}
	srv.AddAPIKey(c)
	return joinTitle(owner, "API key"), atlas.WithAPIKey(c.ID, secret)
}

// atlasSays reads the state of an organization. Atlas may still return a deleted one, with
// isDeleted set.
func atlasSays(x *exchange) existence {
	if x.status == 200 && bytes.Contains(x.body, []byte(`"isDeleted":true`)) {
		return missing
	}
	return byStatus(x)
}

func atlasTeardown(r *rand.Rand) *scenario {
	const id, other, shop = "5e2f00000000000000000001", "5e2f00000000000000000002", "5e2f0000000000000000000a"
	srv := atlastest.NewServer()
	srv.SetDeletionTime(one(r, time.Second, time.Minute))
	acme := atlastest.Organization{ID: id, Name: "Acme", Lingers: chance(r, 0.3)}
	d := &teardownCase{
		organization: organization{
			provider: "atlas", existed: true, reads: atlasSays,
			exists:  func() bool { return srv.Exists(id) },
			deleted: func() bool { return len(srv.Deleted()) > 0 },
		},
		name: acme.Name, outcome: teardown.Deleted, overrides: []teardown.Override{teardown.TerminationProtection},
		isDeletion: func(req *http.Request) bool {
			return req.Method == http.MethodDelete && strings.HasSuffix(req.URL.Path, "/orgs/"+id)
		},
		aboutOrganization: func(x *exchange) bool { return strings.HasSuffix(x.path, "/orgs/"+id) },
		unrelated: func() string {
			all := fmt.Sprintf("%+v", srv.Organization(other))
			for _, p := range srv.Projects(other) {
				all += fmt.Sprintf("%+v%+v", p, srv.Resources(p.ID))
			}
			return all
		},
	}
	state := one(r, "", "", "", "a linked project", "failed payments")
	switch state {
	case "a linked project":
		acme.LinkedProjects = []string{"old"}
	case "failed payments":
		acme.FailedPayments = true
		d.resolveManual = unlessDeleted(func() { srv.Resolve(id) })
	}
	srv.AddOrganization(acme)
	srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
	srv.AddProject(other, atlastest.Project{ID: "5e2f0000000000000000000c", Name: "shop", Clusters: 1})
	srv.AddProject(id, atlastest.Project{ID: shop, Name: "shop"})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "ledger", Protected: chance(r, 0.5)})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"})
	if chance(r, 0.5) {
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "ledger"})
	}
	d.remains = func(s teardown.Step) bool {
		switch s.Kind {
		case "failed_invoice":
			return srv.Organization(id).FailedPayments
		case "live_migration_link":
			return len(srv.Organization(id).LinkedProjects) > 0
		case "project":
			return slices.ContainsFunc(srv.Projects(id), func(p atlastest.Project) bool { return s.ID == "project/"+p.ID })
		}
		return slices.ContainsFunc(srv.Resources(shop), func(x atlastest.Resource) bool {
			return s.Kind == string(x.Kind) && (x.Kind != atlas.BlockerFlexCluster || strings.HasPrefix(s.Name, x.ID))
		})
	}
	owner, option := one(r, "", "", "its own"), atlas.Option(nil)
	credential := atlastest.Credential{ID: "mine", Secret: "my-own-secret"}
	if owner == "its own" { // the credential ends with the organization
		credential.Organization, d.credentialEnds, d.refused = id, true, true
		d.overrides = append(d.overrides, teardown.OwnOrganization)
	}
	if chance(r, 0.5) {
		srv.AddServiceAccount(credential)
		option = atlas.WithServiceAccount(credential.ID, credential.Secret)
	} else {
		srv.AddAPIKey(credential)
		option = atlas.WithAPIKey(credential.ID, credential.Secret)
	}
	d.newClient = func(set setting) (teardownClient, error) {
		base, _ := srv.Endpoint()
		c, err := atlas.New(option, atlas.WithBaseURL(base), atlasWith(set))
		return teardownClient{func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, id) }, c.Teardown}, err
	}
	if chance(r, 0.3) { // more than one small page
		for i := range 3 {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: fmt.Sprint("flex", i)})
		}
	}
	d.recreation = &recreation{string(atlas.BlockerStreamWorkspace), "/streams", func() bool {
		return slices.ContainsFunc(srv.Resources(shop), func(x atlastest.Resource) bool { return x.Kind == atlas.BlockerStreamWorkspace })
	}, unlessDeleted(func() { srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"}) })}
	ids := []string{id, shop, "ledger", "events", "flex0", "flex1", "flex2"}
	return d.scenario(r, scenario{title: "teardown: " + joinTitle(state, owner), server: srv.Server, ids: ids, disturb: func(r *rand.Rand) {
		if chance(r, 0.5) {
			srv.EndTokens()
		} else {
			srv.EndNonces()
		}
	}})
}

func atlasReading(r *rand.Rand) *scenario {
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	acme := atlastest.Organization{ID: id, Name: "Acme"}
	state := one(r, "", "", "failed payments")
	acme.FailedPayments = state == "failed payments"
	srv.AddOrganization(acme)
	all := []string{id}
	for i := range one(r, 0, 1, 2, 3, 4, one(r, 5, 6, 499, 500)) {
		all = append(all, fmt.Sprintf("5e2f0000000000000000f%03d", i))
		srv.AddOrganization(atlastest.Organization{ID: all[i+1]})
	}
	var projects []string
	for i := range max(r.IntN(9)-3, 0) {
		projects = append(projects, fmt.Sprintf("5e2f00000000000000000a%02d", i))
		srv.AddProject(id, atlastest.Project{ID: projects[i]})
	}
	srv.AddServiceAccount(atlastest.Credential{ID: "mine", Secret: "my-own-secret"})
	a := &readCall{provider: "atlas", blocked: state != "" || len(projects) > 0}
	action := one(r, "list", "projects", "check")
	return a.scenario(scenario{
		title: joinTitle(action, state, fmt.Sprint(len(all), " organizations, ", len(projects), " projects")), server: srv.Server, ids: []string{id},
		call: func(ctx context.Context, set setting) error {
			base, _ := srv.Endpoint()
			c, err := atlas.New(atlas.WithServiceAccount("mine", "my-own-secret"), atlas.WithBaseURL(base), atlasWith(set))
			switch {
			case err != nil:
				return err
			case action == "check":
				return a.checkResult(c.CheckDeletion(ctx, id))
			case action == "projects":
				return list(a, projects, c.ListProjects(ctx, id, atlas.ListProjectsPageOptions{}), func(p atlas.Project) string { return p.ID })
			}
			return list(a, all, c.ListOrganizations(ctx, atlas.ListOrganizationsPageOptions{}), func(o atlas.Organization) string { return o.ID })
		},
	})
}

// atlasWith returns the option of a setting.
func atlasWith(s setting) atlas.Option {
	options := []atlas.Option{
		atlas.WithHTTPClient(s.client), atlas.WithRetry(atlas.Retry{MaxAttempts: s.maxAttempts, MaxWait: s.maxWait}),
	}
	if s.rate > 0 {
		options = append(options, atlas.WithRateLimit(atlas.RateLimit{PerSecond: s.rate, Burst: 1}))
	}
	return atlas.Options(options...)
}
