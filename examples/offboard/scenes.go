package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// scene is one organization of the demonstration at the double of its provider.
type scene struct {
	entry       entry
	server      *offboardtest.Server
	path        string            // of the base URL
	environment map[string]string // that reaches the double; "" is its base URL
	connect     func(*slog.Logger) (organization, error)

	attempt    func(context.Context) error // deletes it as it is, in one line
	manualStep func() string               // does what no API can, and says what it was
	deleted    func() bool                 // what really happened
	spared     func() bool                 // its neighbour has all that it had
	faults     []offboardtest.Fault

	deletion string // the operation, at the double
}

// limited is a refusal by a rate limit that asks for a wait.
func limited(operation string) offboardtest.Fault {
	fault := offboardtest.Respond(operation, http.StatusTooManyRequests, "{}")
	fault.Header.Set("Retry-After", "1")
	return fault
}

// faults is what befalls operations: each request in its turn.
func faultsOf(deletion string, lost ...string) []offboardtest.Fault {
	faults := []offboardtest.Fault{
		limited(deletion),
		offboardtest.HTMLResponse(deletion, http.StatusServiceUnavailable),
		offboardtest.LoseResponse(deletion),
	}
	for _, operation := range lost {
		faults = append(faults, offboardtest.LoseResponse(operation))
	}
	return faults
}

// newScenes is five organizations at five doubles, each with what can stand in the way
// of its deletion, and each with a neighbour that has to be spared.
func newScenes() []*scene {
	return []*scene{sceneKatapult(), sceneZitadel(), sceneAtlas(), sceneApplivery(), sceneF5()}
}

// fakeDuration is how long the doubles take for what takes their providers minutes.
const fakeDuration = 200 * time.Millisecond

func pathOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Path
}

func sceneKatapult() *scene {
	const id, neighbour = "org_acme", "org_other"
	srv := katapulttest.NewServer()
	srv.SetTaskTime(fakeDuration)
	srv.AddOrganization(katapulttest.Organization{ID: id, Name: "Acme Hosting", Subdomain: "acme-hosting", Open: []string{"ensure_zero_balance"}})
	srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: id})
	srv.AddOrganization(katapulttest.Organization{ID: neighbour, Name: "Other"})
	srv.Add(neighbour, katapulttest.VirtualMachine{ID: "vm_other", Name: "other"})
	srv.Add("org_labs", katapulttest.VirtualMachine{ID: "vm_lab", Name: "lab"})
	srv.Add(id,
		katapulttest.VirtualMachine{ID: "vm_web", Name: "web"},
		katapulttest.VirtualMachine{ID: "vm_mail", Name: "mail"},
		katapulttest.Disk{ID: "disk_data", Name: "data", VirtualMachine: "vm_web"},
		katapulttest.DiskBackupPolicy{ID: "dbp_daily", Target: "disk_data"},
		katapulttest.FileStorageVolume{ID: "fsv_shared", Name: "shared"},
		katapulttest.LoadBalancer{ID: "lb_front", Name: "front"},
		katapulttest.DNSZone{ID: "dnszone_acme", Name: "acme.example"},
		katapulttest.VirtualNetwork{ID: "vnet_inner", Name: "inner"},
		katapulttest.IPAddress{ID: "ip_front", Address: "192.0.2.7", AllocatedTo: "lb_front"},
	)
	had := fmt.Sprint(srv.Remaining(neighbour))
	return &scene{
		entry: entry{
			Provider: "katapult", Organization: id, Confirm: "Acme Hosting",
			Override: []teardown.Override{teardown.ManagedOrganizations, teardown.OwnOrganization},
		},
		server: srv.Server, path: pathOf(katapult.DefaultBaseURL),
		environment: map[string]string{"KATAPULT_API_KEY": katapulttest.Token},
		connect: func(log *slog.Logger) (organization, error) {
			c, err := katapult.New(srv.Option(), katapult.WithLogger(log))
			return atKatapult{c, katapult.ID(id)}, err
		},
		attempt: func(ctx context.Context) error {
			return katapult.DeleteOrganization(ctx, katapult.ID(id), srv.Option())
		},
		manualStep: func() string { srv.SetOpen(id); return "the balance is settled" },
		deleted:    func() bool { return !srv.Exists(id) },
		spared:     func() bool { return srv.Exists(neighbour) && fmt.Sprint(srv.Remaining(neighbour)) == had },
		deletion:   "DeleteOrganization",
		faults:     faultsOf("DeleteOrganization", "DeleteLoadBalancer", "DeleteDNSZone"),
	}
}

func sceneZitadel() *scene {
	const id, neighbour = "281763529917394947", "281763529917394948"
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme Login"})
	srv.AddOrganization(zitadeltest.Organization{ID: neighbour, Name: "Platform"})
	srv.SetDefault(id)
	jane := srv.AddUser(zitadeltest.User{Organization: id, UserName: "jane"})
	srv.AddUser(zitadeltest.User{Organization: id, UserName: "deployer", Machine: true})
	shop := srv.AddProject(zitadeltest.Project{Organization: id, Name: "Shop"})
	srv.AddApp(zitadeltest.App{Project: shop, Name: "API"})
	srv.AddUserGrant(zitadeltest.UserGrant{User: jane, Project: shop, Roles: []string{"clerk"}})
	return &scene{
		entry:  entry{Provider: "zitadel", Organization: id, Confirm: "Acme Login"},
		server: srv.Server,
		environment: map[string]string{
			"ZITADEL_API_URL": "", "ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token,
		},
		connect: func(log *slog.Logger) (organization, error) {
			c, err := zitadel.New(srv.Option(), zitadel.WithLogger(log))
			return atZitadel{c, id}, err
		},
		attempt: func(ctx context.Context) error {
			_, err := zitadel.DeleteOrganization(ctx, id, srv.Option())
			return err
		},
		manualStep: func() string { srv.SetDefault(neighbour); return "another organization is made the default one" },
		deleted:    func() bool { return !srv.Exists(id) },
		spared:     func() bool { return srv.Exists(neighbour) },
		deletion:   "DeleteOrganization",
		faults:     faultsOf("DeleteOrganization"),
	}
}

func sceneAtlas() *scene {
	const id, neighbour, shop = "5e2f00000000000000000001", "5e2f00000000000000000002", "5e2f0000000000000000000a"
	srv := atlastest.NewServer()
	srv.SetDeletionTime(fakeDuration)
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme Data"})
	srv.AddOrganization(atlastest.Organization{ID: neighbour, Name: "Other"})
	srv.AddProject(neighbour, atlastest.Project{ID: "5e2f0000000000000000000c", Name: "other", Clusters: 1})
	srv.AddProject(id, atlastest.Project{ID: shop, Name: "shop"})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "empty"})
	for _, resource := range []atlastest.Resource{
		{Kind: atlas.BlockerCluster, ID: "ledger", Protected: true},
		{Kind: atlas.BlockerFlexCluster, ID: "scratch"},
		{Kind: atlas.BlockerOnlineArchive, Parent: "ledger"},
		{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
		{Kind: atlas.BlockerFederatedDatabase, ID: "reports"},
	} {
		srv.AddResource(shop, resource)
	}
	return &scene{
		entry: entry{
			Provider: "atlas", Organization: id, Confirm: "Acme Data",
			Override: []teardown.Override{teardown.TerminationProtection, teardown.OwnOrganization},
		},
		server: srv.Server,
		environment: map[string]string{
			"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
		},
		connect: func(log *slog.Logger) (organization, error) {
			c, err := atlas.New(srv.Option(), atlas.WithLogger(log))
			return atAtlas{c, id}, err
		},
		attempt:    func(ctx context.Context) error { return atlas.DeleteOrganization(ctx, id, srv.Option()) },
		manualStep: func() string { return "" },
		deleted:    func() bool { return !srv.Exists(id) },
		spared:     func() bool { return srv.Exists(neighbour) },
		deletion:   "DeleteOrganization",
		faults:     faultsOf("DeleteOrganization", "DeleteCluster"),
	}
}

func sceneApplivery() *scene {
	const id, neighbour = "65f000000000000000000001", "65f000000000000000000002"
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: id, Slug: "acme-apps", Name: "Acme Apps",
		Subscriptions: []workspacetest.Subscription{{ID: "sub_1", Plan: "Enterprise", Status: "active"}},
		Apps:          []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop", OSs: []string{"ios"}}},
	})
	srv.AddOrganization(workspacetest.Organization{ID: neighbour, Slug: "other", Name: "Other"})
	return &scene{
		entry:  entry{Provider: "workspace", Organization: "acme-apps", Confirm: "Acme Apps"},
		server: srv.Server, path: pathOf(workspace.DefaultBaseURL),
		environment: map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token},
		connect: func(log *slog.Logger) (organization, error) {
			c, err := workspace.New(srv.Option(), workspace.WithLogger(log))
			return atApplivery{c, "acme-apps"}, err
		},
		attempt:    func(ctx context.Context) error { return workspace.DeleteOrganization(ctx, "acme-apps", srv.Option()) },
		manualStep: func() string { srv.CancelSubscriptions(id); return "the subscription is cancelled" },
		deleted:    func() bool { return !srv.Exists(id) },
		spared:     func() bool { return srv.Exists(neighbour) },
		deletion:   "DeleteOrganization",
		faults:     faultsOf("DeleteOrganization"),
	}
}

// sceneF5 has another trouble: a request for deletion is never repeated blindly, so
// the page of 503 befalls the read before it. That the answer was lost is found out
// by the tenant's state. There is no neighbour: a double plays one tenant.
func sceneF5() *scene {
	const name, email = "acme-edge-kqzvxwbn", "owner@example.com"
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: name, Domain: "acme-edge", KeepsCredential: true})
	srv.AddNamespace(volterratest.Namespace{Name: "web", Takes: fakeDuration, Objects: []volterratest.Object{{Name: "front"}}})
	srv.AddChildTenantManager("partners")
	srv.AddChildTenant(volterratest.ChildTenant{Name: "acme-labs", Manager: "partners", Takes: fakeDuration})
	srv.AddManagedTenant(volterratest.ManagedTenant{Name: "customer"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	srv.AddInvoice(volterra.Invoice{Name: "inv-7", Amount: 12000, Currency: "USD"})
	return &scene{
		entry: entry{
			Provider: f5, Organization: name, Confirm: name, Email: email,
			Override: []teardown.Override{teardown.ManagedOrganizations},
		},
		server:      srv.Server,
		environment: map[string]string{"F5XC_API_URL": "", "F5XC_API_TOKEN": volterratest.Token},
		connect: func(log *slog.Logger) (organization, error) {
			c, err := volterra.New(srv.Option(), volterra.WithLogger(log))
			return atF5{c, volterra.DeleteTenantRequest{Name: name, Email: email}}, err
		},
		attempt: func(ctx context.Context) error { // with the host's name for the tenant's
			return volterra.DeleteTenant(ctx, volterra.DeleteTenantRequest{Name: "acme-edge", Email: email}, srv.Option())
		},
		manualStep: func() string { return "" },
		deleted:    func() bool { return len(srv.Accepted()) == 1 },
		spared:     func() bool { return true },
		deletion:   "RequestTenantDeletion",
		faults: []offboardtest.Fault{
			limited("RequestTenantDeletion"),
			offboardtest.HTMLResponse("GetTenantSettings", http.StatusServiceUnavailable),
			offboardtest.LoseResponse("RequestTenantDeletion"),
		},
	}
}

// connectScenes opens the organizations of scenes.
func connectScenes(scenes []*scene) func(*slog.Logger) connector {
	return func(log *slog.Logger) connector {
		return func(e entry) (organization, error) {
			for _, s := range scenes {
				if s.entry.Provider == e.Provider {
					return s.connect(log)
				}
			}
			return nil, unknownProvider()
		}
	}
}

// actual is what really happened, in words.
func (s *scene) actual() string {
	switch {
	case !s.spared():
		return "NOT ONLY THIS ONE"
	case !s.deleted():
		return "still there"
	case s.entry.Provider == f5:
		return "in the queue, once"
	}
	return "gone; its neighbour is not"
}

// check fails when a verdict is not what really happened.
func (s *scene) check(v result) error {
	said := v.Outcome == teardown.Deleted || v.Outcome == teardown.Pending
	if said != s.deleted() || !s.spared() {
		return fmt.Errorf("%s: the verdict is %q, and it is %s", s.entry.Provider, v.text(), s.actual())
	}
	return nil
}
