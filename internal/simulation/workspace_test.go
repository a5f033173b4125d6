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
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func workspaceDeletion(r *rand.Rand) *scenario {
	const id, other = "65f0000000000000000000ac", "65f0000000000000000000bd"
	srv := workspacetest.NewServer()
	acme := workspacetest.Organization{ID: id, Slug: "acme"}
	name := one(r, id, "acme")
	o := &organization{
		provider: "workspace", existed: true, reads: byStatus,
		exists:  func() bool { return srv.Exists(id) },
		deleted: func() bool { return len(srv.Deleted()) > 0 },
		touched: func() bool { return !srv.Exists(other) },
	}
	state := one(r, "", "", "", "", "", "", "", "", "subscriptions", "absent", "its ID is another's slug")
	slug := "other"
	switch state {
	case "subscriptions":
		acme.Subscriptions, o.blocked = []workspacetest.Subscription{{ID: "s", Plan: "team"}}, true
	case "absent":
		o.existed = false
	case "its ID is another's slug":
		o.existed, slug = false, id
	}
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: slug})
	if o.existed {
		srv.AddOrganization(acme)
	}
	credential := one(r, "", "", "", "", "", "", "its own", "its own", "its own", "another's", "wrong", "expired")
	if credential == "its own" && !o.existed { // an organization that never existed has no credential
		credential = "expired"
	}
	t := workspacetest.Token
	switch credential {
	case "its own": // the credential ends with the organization
		t, o.refused = srv.AddServiceAccount(id), true
	case "another's":
		t, o.hidden = srv.AddServiceAccount(other), true
	case "wrong":
		t, o.refused = "another-token", true
	case "expired":
		t, o.refused = workspacetest.ExpiredToken, true
	}
	const successor = "65f0000000000000000000fe"
	takesOver, turn, added := chance(r, 0.5), 1+r.IntN(3), false
	o.touched = func() bool { return !srv.Exists(other) || added && !srv.Exists(successor) }
	o.reads = func(x *exchange) existence {
		if bytes.Contains(x.body, []byte(successor)) {
			return undecided
		}
		return byStatus(x)
	}
	return &scenario{
		title: joinTitle(state, credential), server: srv.Server, kind: kindOf, done: func() bool { return !o.exists() && o.existed }, evaluate: o.evaluate,
		ids: []string{id, "acme"},
		changeByOthers: func(n *network, _ kind) { // the organization changes its slug, and another one registers the old slug
			read := slices.ContainsFunc(n.exchanges, func(x *exchange) bool { return x.genuine && x.status == 200 })
			if n.kinds[takenOver] && takesOver && !added && o.existed && read && len(n.exchanges) >= turn {
				if srv.Exists(id) {
					srv.Change(id, func(o *workspacetest.Organization) { o.Slug = "acme-old" })
				}
				srv.AddOrganization(workspacetest.Organization{ID: successor, Slug: "acme"})
				added = true
			}
		},
		call: func(ctx context.Context, set setting) error {
			return workspace.DeleteOrganization(ctx, name, srv.OptionWithToken(t),
				workspaceWith(set))
		},
	}
}

func workspaceTeardown(r *rand.Rand) *scenario {
	const id, other = "65f0000000000000000000ac", "65f0000000000000000000bd"
	srv := workspacetest.NewServer()
	acme := workspacetest.Organization{ID: id, Slug: "acme", Name: "Acme", Apps: []workspacetest.App{{Name: "Bank"}}}
	d := &teardownCase{
		organization: organization{
			provider: "workspace", existed: true, reads: byStatus,
			exists:  func() bool { return srv.Exists(id) },
			deleted: func() bool { return !srv.Exists(id) },
		},
		name: acme.Name, outcome: teardown.Deleted,
		isDeletion: func(req *http.Request) bool { return req.Method == http.MethodDelete },
		aboutOrganization: func(x *exchange) bool {
			return strings.HasSuffix(x.path, "/"+id) || strings.HasSuffix(x.path, "/workspace")
		},
	}
	state := one(r, "", "", "", "a subscription")
	if state == "a subscription" {
		acme.Subscriptions = []workspacetest.Subscription{{ID: "sub", Plan: "Enterprise", Status: "active"}}
		d.resolveManual = func() { srv.CancelSubscriptions(id) }
	}
	srv.AddOrganization(acme)
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: "other", Name: "Other", Apps: []workspacetest.App{{Name: "Shop"}}})
	d.remains = func(teardown.Step) bool {
		return slices.ContainsFunc(srv.Organizations(), func(o workspacetest.Organization) bool {
			return o.ID == id && slices.ContainsFunc(o.Subscriptions, func(s workspacetest.Subscription) bool { return s.Ended.IsZero() })
		})
	}
	d.unrelated = func() string {
		return fmt.Sprintf("%+v", slices.DeleteFunc(srv.Organizations(), func(o workspacetest.Organization) bool { return o.ID == id }))
	}
	credential, t := one(r, "", "", "its own"), workspacetest.Token
	if credential == "its own" { // the credential ends with the organization
		t, d.credentialEnds, d.refused = srv.AddServiceAccount(id), true, true
		d.overrides = []teardown.Override{teardown.OwnOrganization}
	}
	d.newClient = func(set setting) (teardownClient, error) {
		c, err := workspace.New(srv.OptionWithToken(t), workspaceWith(set))
		return teardownClient{func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, id) }, c.Teardown}, err
	}
	d.rename = func() { srv.Change(id, func(o *workspacetest.Organization) { o.Name = "Acme 2" }) }
	return d.scenario(r, scenario{title: "teardown: " + joinTitle(state, credential), server: srv.Server, ids: []string{id, "acme"}})
}

func workspaceReading(r *rand.Rand) *scenario {
	const id = "65f0000000000000000000ac"
	srv := workspacetest.NewServer()
	acme := workspacetest.Organization{ID: id, Slug: "acme", Name: "Acme"}
	var apps []string
	for i := range r.IntN(6) {
		apps = append(apps, fmt.Sprintf("65f00000000000000000aa%02d", i))
		acme.Apps = append(acme.Apps, workspacetest.App{ID: apps[i], Name: fmt.Sprint("App ", i)})
	}
	state := one(r, "", "a subscription")
	if state != "" {
		acme.Subscriptions = []workspacetest.Subscription{{ID: "sub", Plan: "Enterprise", Status: "active"}}
	}
	srv.AddOrganization(acme)
	all := []string{id}
	for i := range r.IntN(5) {
		all = append(all, fmt.Sprintf("65f00000000000000000bb%02d", i))
		srv.AddOrganization(workspacetest.Organization{ID: all[i+1], Slug: fmt.Sprint("other", i)})
	}
	a := &readCall{provider: "workspace", blocked: state != ""}
	action, limit := one(r, "list", "apps", "check"), one(r, 0, 2, 3)
	return a.scenario(scenario{
		title: joinTitle(action, state, fmt.Sprint(len(all), " organizations, ", len(apps), " apps, pages of ", limit)), server: srv.Server, ids: []string{id},
		call: func(ctx context.Context, set setting) error {
			c, err := workspace.New(srv.Option(), workspaceWith(set))
			switch {
			case err != nil:
				return err
			case action == "check":
				return a.checkResult(c.CheckDeletion(ctx, id))
			case action == "apps":
				return list(a, apps, c.ListApps(ctx, id, workspace.ListAppsPageOptions{Limit: limit}), func(a workspace.App) string { return a.ID })
			}
			return list(a, all, c.ListOrganizations(ctx, workspace.ListOrganizationsPageOptions{Limit: limit}), func(o workspace.Organization) string { return o.ID })
		},
	})
}

// workspaceWith returns the option of a setting.
func workspaceWith(s setting) workspace.Option {
	options := []workspace.Option{
		workspace.WithHTTPClient(s.client), workspace.WithRetry(workspace.Retry{MaxAttempts: s.maxAttempts, MaxWait: s.maxWait}),
	}
	if s.rate > 0 {
		options = append(options, workspace.WithRateLimit(workspace.RateLimit{PerSecond: s.rate, Burst: 1}))
	}
	return workspace.Options(options...)
}
