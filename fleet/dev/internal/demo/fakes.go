package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// fakeDuration is how long the fakes take for asynchronous removals, which take minutes at the
// providers.
const fakeDuration = 200 * time.Millisecond

// fake is a provider in memory with its organizations.
type fake struct {
	clients *offboard.Clients
	baseURL string
	entries []fleet.Entry
	exists  func(organization string) bool
}

// newFake returns the fake of a server. The keys of credentials are names of environment variables.
func newFake(srv *offboardtest.Server, exists func(string) bool, credentials map[string]string, entries ...fleet.Entry) *fake {
	url, client := srv.Endpoint()
	f := &fake{baseURL: url, exists: exists, entries: entries}
	f.clients = offboard.NewClients(offboard.WithHTTPClient(client),
		offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }))
	for i := range f.entries {
		f.entries[i].BaseURL = url
	}
	return f
}

// fakes are the fakes by the names of their providers.
type fakes map[string]*fake

// newFakes returns a fake of each provider. A person must act before two of the organizations can be
// deleted, and F5 decides about one later.
func newFakes() fakes {
	return fakes{
		"katapult": newKatapult(), "zitadel": newZitadel(), "atlas": newAtlas(), "workspace": newApplivery(), "volterra": newF5(),
	}
}

// open opens an organization at its fake.
func (f fakes) open(ctx context.Context, spec offboard.Spec) (offboard.Organization, error) {
	provider, ok := f[spec.Provider]
	if !ok {
		return offboard.Organization{}, fmt.Errorf("the demonstration has no provider %q", spec.Provider)
	}
	return provider.clients.Open(ctx, spec)
}

func newKatapult() *fake {
	srv := katapulttest.NewServer()
	srv.SetTaskTime(fakeDuration)
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme Hosting"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: "org_acme"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_birch", Name: "Birch", Open: []string{"ensure_zero_balance"}})
	srv.AddOrganization(katapulttest.Organization{ID: "org_cedar", Name: "Cedar"})
	srv.Add("org_labs", katapulttest.VirtualMachine{ID: "vm_lab", Name: "lab"})
	srv.Add("org_acme",
		katapulttest.VirtualMachine{ID: "vm_web", Name: "web"},
		katapulttest.Disk{ID: "disk_data", Name: "data", VirtualMachine: "vm_web"},
		katapulttest.DiskBackupPolicy{ID: "dbp_daily", Target: "disk_data"},
		katapulttest.LoadBalancer{ID: "lb_front", Name: "front"},
		katapulttest.IPAddress{ID: "ip_front", Address: "192.0.2.7", AllocatedTo: "lb_front"},
		katapulttest.DNSZone{ID: "dnszone_acme", Name: "acme.example"},
		katapulttest.VirtualNetwork{ID: "vnet_inner", Name: "inner"},
	)
	srv.Add("org_birch", katapulttest.DNSZone{ID: "dnszone_birch", Name: "birch.example"})
	for i := range 12 {
		srv.Add("org_cedar", katapulttest.DNSZone{ID: fmt.Sprintf("dnszone_cedar%d", i), Name: fmt.Sprintf("cedar%d.example", i)})
	}
	srv.Fail(offboardtest.LoseResponse("DeleteLoadBalancer"))
	return newFake(srv.Server, srv.Exists, map[string]string{"KATAPULT_API_KEY": katapulttest.Token},
		fleet.Entry{Provider: "katapult", Organization: "org_acme", Override: []teardown.Override{teardown.ManagedOrganizations}},
		fleet.Entry{Provider: "katapult", Organization: "org_birch"},
		fleet.Entry{Provider: "katapult", Organization: "org_cedar"},
	)
}

func newZitadel() *fake {
	srv := zitadeltest.NewServer()
	f := newFake(srv.Server, srv.Exists, map[string]string{"ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token})
	for i, name := range []string{"Acme Login", "Birch Login", "Cedar Login"} {
		id := fmt.Sprintf("28176352991739494%d", i)
		srv.AddOrganization(zitadeltest.Organization{ID: id, Name: name})
		shop := srv.AddProject(zitadeltest.Project{Organization: id, Name: "Shop"})
		srv.AddApp(zitadeltest.App{Project: shop, Name: "API"})
		jane := srv.AddUser(zitadeltest.User{Organization: id, UserName: "jane"})
		srv.AddUserGrant(zitadeltest.UserGrant{User: jane, Project: shop, Roles: []string{"clerk"}})
		f.entries = append(f.entries, fleet.Entry{Provider: "zitadel", Organization: id, BaseURL: f.baseURL})
	}
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	return f
}

func newAtlas() *fake {
	srv := atlastest.NewServer()
	srv.SetDeletionTime(fakeDuration)
	f := newFake(srv.Server, srv.Exists, map[string]string{
		"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
	})
	for i, name := range []string{"Acme Data", "Birch Data", "Cedar Data"} {
		id, shop := fmt.Sprintf("5e2f0000000000000000000%d", i), fmt.Sprintf("5e2f0000000000000000001%d", i)
		srv.AddOrganization(atlastest.Organization{ID: id, Name: name})
		srv.AddProject(id, atlastest.Project{ID: shop, Name: "shop"})
		for _, resource := range []atlastest.Resource{
			// No cluster: a teardown reads it 45 seconds after its deletion was accepted.
			{Kind: atlas.BlockerFlexCluster, ID: "ledger", Protected: i == 0},
			{Kind: atlas.BlockerNetworkPeering},
			{Kind: atlas.BlockerFederatedDatabase, ID: "reports"},
		} {
			srv.AddResource(shop, resource)
		}
		f.entries = append(f.entries, fleet.Entry{
			Provider: "atlas", Organization: id, BaseURL: f.baseURL,
			Override: []teardown.Override{teardown.TerminationProtection},
		})
	}
	limited := offboardtest.Respond("DeleteFlexCluster", http.StatusTooManyRequests, "{}")
	limited.Header.Set("Retry-After", "1")
	srv.Fail(limited)
	return f
}

func newApplivery() *fake {
	srv := workspacetest.NewServer()
	ids := map[string]string{"acme-apps": "65f000000000000000000001", "birch-apps": "65f000000000000000000002"}
	srv.AddOrganization(workspacetest.Organization{
		ID: ids["acme-apps"], Slug: "acme-apps", Name: "Acme Apps", Apps: []workspacetest.App{{Name: "Acme Shop", OSs: []string{"ios"}}},
	})
	srv.AddOrganization(workspacetest.Organization{
		ID: ids["birch-apps"], Slug: "birch-apps", Name: "Birch Apps",
		Subscriptions: []workspacetest.Subscription{{ID: "sub_1", Plan: "Enterprise", Status: "active"}},
	})
	return newFake(srv.Server, func(slug string) bool { return srv.Exists(ids[slug]) },
		map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token},
		fleet.Entry{Provider: "workspace", Organization: "acme-apps"},
		fleet.Entry{Provider: "workspace", Organization: "birch-apps"},
	)
}

func newF5() *fake {
	const name = "acme-edge-kqzvxwbn"
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: name, Domain: "acme-edge", KeepsCredential: true})
	srv.AddNamespace(volterratest.Namespace{Name: "web", Takes: fakeDuration, Objects: []volterratest.Object{{Name: "front"}}})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	return newFake(srv.Server, func(string) bool { return len(srv.Accepted()) == 0 },
		map[string]string{"F5XC_API_TOKEN": volterratest.Token},
		fleet.Entry{Provider: "volterra", Organization: name, Email: "owner@example.com"},
	)
}
