package offboard_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// blocked is an organization with blockers at a fake.
type blocked struct {
	provider string // name in [serve]
	server   *offboardtest.Server
	names    []string // of the steps of the check, sorted
	partly   bool     // the refusal of the deletion has only some of them

	// kinds reports that the names are kinds of the plan's steps. Katapult has names of its own
	// for its deletion steps, and no step of a plan can unblock an organization at Zitadel.
	kinds bool
}

func blockedOrganizations() map[string]blocked {
	k := katapulttest.NewServer()
	k.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
	open := []string{"a_new_one", "disks", "empty_trash", "ensure_zero_balance", "virtual_machines"}
	k.SetOpen("org_acme", open...)

	const id = "5e2f00000000000000000001"
	projects, payments, both := atlastest.NewServer(), atlastest.NewServer(), atlastest.NewServer()
	projects.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
	payments.AddOrganization(atlastest.Organization{ID: id, Name: "Acme", FailedPayments: true})
	both.AddOrganization(atlastest.Organization{ID: id, Name: "Acme", FailedPayments: true})
	for _, srv := range []*atlastest.Server{projects, both} {
		srv.AddProject(id, atlastest.Project{ID: "5e2f00000000000000000002", Name: "shop"})
		srv.AddProject(id, atlastest.Project{ID: "5e2f00000000000000000003", Name: "blog"})
	}

	z := zitadeltest.NewServer()
	z.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	z.SetDefault("312909075211944042")

	w := workspacetest.NewServer()
	w.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme",
		Subscriptions: []workspacetest.Subscription{{Plan: "Enterprise"}, {Plan: "Teams"}},
	})

	v := volterratest.NewServer() // F5 documents no blockers
	v.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
	v.AddNamespace(volterratest.Namespace{Name: "app"})

	return map[string]blocked{
		"katapult":               {provider: "katapult", server: k.Server, names: open},
		"zitadel":                {provider: "zitadel", server: z.Server, names: []string{"default_organization"}},
		"atlas, projects":        {provider: "atlas", server: projects.Server, names: []string{"project"}, kinds: true},
		"atlas, failed payments": {provider: "atlas", server: payments.Server, names: []string{"failed_invoice"}, kinds: true},
		"atlas, both":            {provider: "atlas", server: both.Server, names: []string{"failed_invoice", "project"}, partly: true, kinds: true},
		"applivery":              {provider: "applivery", server: w.Server, names: []string{"subscription"}, kinds: true},
		"f5":                     {provider: "f5", server: v.Server},
	}
}

// stepNames returns the names of the steps of an error, sorted.
func stepNames(err error) []string {
	var names []string
	if e, ok := errors.AsType[*errors.Error](err); ok {
		for _, s := range e.Steps {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A blocker has one name: in the error of a check, of a plan and of a deletion, and as the kind
// of the plan's steps.
func TestSteps_SameNames(t *testing.T) {
	t.Parallel()
	for name := range blockedOrganizations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test := blockedOrganizations()[name]
				s := serve()[test.provider]
				url, _ := test.server.Endpoint()
				s.server, s.spec.BaseURL = test.server, url
				o := s.open(t)
				check := o.Check(t.Context())
				if got := stepNames(check); !slices.Equal(got, test.names) {
					t.Errorf("check: got %q (%v), want %q", got, check, test.names)
				}
				p, err := o.Plan(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got := stepNames(p.Err()); !slices.Equal(got, test.names) {
					t.Errorf("plan: got %q (%v), want %q", got, p.Err(), test.names)
				}
				for _, name := range test.names {
					if test.kinds && !slices.ContainsFunc(p.Steps, func(s teardown.Step) bool { return s.Kind == name }) {
						t.Errorf("the plan has no step of the kind %q", name)
					}
				}
				deletion := o.Delete(t.Context())
				got := stepNames(deletion)
				if test.partly {
					if len(got) == 0 || slices.ContainsFunc(got, func(name string) bool { return !slices.Contains(test.names, name) }) {
						t.Errorf("deletion: got %q (%v), want some of %q", got, deletion, test.names)
					}
				} else if !slices.Equal(got, test.names) {
					t.Errorf("deletion: got %q (%v), want %q", got, deletion, test.names)
				}
				if len(test.names) > 0 && errors.CodeOf(check) != errors.CodeOf(deletion) {
					t.Errorf("got the code %q from the check, and %q from the deletion", errors.CodeOf(check), errors.CodeOf(deletion))
				}
			})
		})
	}
}
