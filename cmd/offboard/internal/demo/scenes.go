package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/internal/providers"
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

// Scene is one organization of the demonstration at the fake of its provider.
type Scene struct {
	entry       planfile.Entry
	server      *offboardtest.Server
	environment map[string]string // variables for the fake; "" stands for its base URL

	attempt    func(context.Context) error // deletes the organization without a teardown
	manualStep func() string               // does what a teardown does not, and describes it
	deleted    func() bool                 // reports whether the fake deleted the organization
	spared     func() bool                 // reports whether the other organization is unchanged
	faults     []offboardtest.Fault

	deletion string // the name of the deletion's operation at the fake
}

// limited returns a fault: 429 with Retry-After.
func limited(operation string) offboardtest.Fault {
	fault := offboardtest.Respond(operation, http.StatusTooManyRequests, "{}")
	fault.Header.Set("Retry-After", "1")
	return fault
}

// faultsOf returns faults of the deletion, and lost responses of other operations. Each fault
// applies to one request.
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

// NewScenes returns five organizations at five fakes. Each has resources that block its
// deletion, and another organization next to it that must stay unchanged.
func NewScenes() []*Scene {
	return []*Scene{sceneKatapult(), sceneZitadel(), sceneAtlas(), sceneApplivery(), sceneF5()}
}

// fakeDuration is how long the fakes take for asynchronous removals, which take minutes at
// the providers.
const fakeDuration = 200 * time.Millisecond

func sceneKatapult() *Scene {
	const id, other = "org_acme", "org_other"
	srv := katapulttest.NewServer()
	srv.SetTaskTime(fakeDuration)
	srv.AddOrganization(katapulttest.Organization{ID: id, Name: "Acme Hosting", Subdomain: "acme-hosting", Open: []string{"ensure_zero_balance"}})
	srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: id})
	srv.AddOrganization(katapulttest.Organization{ID: other, Name: "Other"})
	srv.Add(other, katapulttest.VirtualMachine{ID: "vm_other", Name: "other"})
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
	had := fmt.Sprint(srv.Remaining(other))
	return &Scene{
		entry: planfile.Entry{
			Provider: "katapult", Organization: id, Confirm: "Acme Hosting",
			Override: []teardown.Override{teardown.ManagedOrganizations},
		},
		server:      srv.Server,
		environment: map[string]string{"KATAPULT_API_KEY": katapulttest.Token},
		attempt: func(ctx context.Context) error {
			return katapult.DeleteOrganization(ctx, katapult.ID(id), srv.Option())
		},
		manualStep: func() string { srv.SetOpen(id); return "settle the balance in the console: no API can" },
		deleted:    func() bool { return !srv.Exists(id) },
		spared:     func() bool { return srv.Exists(other) && fmt.Sprint(srv.Remaining(other)) == had },
		deletion:   "DeleteOrganization",
		faults:     faultsOf("DeleteOrganization", "DeleteLoadBalancer", "DeleteDNSZone"),
	}
}

func sceneZitadel() *Scene {
	const id, other = "281763529917394947", "281763529917394948"
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme Login"})
	srv.AddOrganization(zitadeltest.Organization{ID: other, Name: "Platform"})
	srv.SetDefault(id)
	jane := srv.AddUser(zitadeltest.User{Organization: id, UserName: "jane"})
	srv.AddUser(zitadeltest.User{Organization: id, UserName: "deployer", Machine: true})
	shop := srv.AddProject(zitadeltest.Project{Organization: id, Name: "Shop"})
	srv.AddApp(zitadeltest.App{Project: shop, Name: "API"})
	srv.AddUserGrant(zitadeltest.UserGrant{User: jane, Project: shop, Roles: []string{"clerk"}})
	return &Scene{
		entry:  planfile.Entry{Provider: "zitadel", Organization: id, Confirm: "Acme Login"},
		server: srv.Server,
		environment: map[string]string{
			"ZITADEL_API_URL": "", "ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token,
		},
		attempt: func(ctx context.Context) error {
			_, err := zitadel.DeleteOrganization(ctx, id, srv.Option())
			return err
		},
		manualStep: func() string {
			srv.SetDefault(other)
			return "make another organization the default one: SetDefaultOrganization of package zitadel does, but only a person can choose the organization"
		},
		deleted:  func() bool { return !srv.Exists(id) },
		spared:   func() bool { return srv.Exists(other) },
		deletion: "DeleteOrganization",
		faults:   faultsOf("DeleteOrganization"),
	}
}

func sceneAtlas() *Scene {
	const id, other, shop = "5e2f00000000000000000001", "5e2f00000000000000000002", "5e2f0000000000000000000a"
	srv := atlastest.NewServer()
	srv.SetDeletionTime(fakeDuration)
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme Data"})
	srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
	srv.AddProject(other, atlastest.Project{ID: "5e2f0000000000000000000c", Name: "other", Clusters: 1})
	srv.AddProject(id, atlastest.Project{ID: shop, Name: "shop"})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "empty"})
	for _, resource := range []atlastest.Resource{
		// No cluster: a teardown reads it 45 seconds after its deletion was accepted.
		{Kind: atlas.BlockerFlexCluster, ID: "ledger", Protected: true},
		{Kind: atlas.BlockerFlexCluster, ID: "scratch"},
		{Kind: atlas.BlockerNetworkPeering},
		{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
		{Kind: atlas.BlockerFederatedDatabase, ID: "reports"},
	} {
		srv.AddResource(shop, resource)
	}
	return &Scene{
		entry: planfile.Entry{
			Provider: "atlas", Organization: id, Confirm: "Acme Data",
			Override: []teardown.Override{teardown.TerminationProtection},
		},
		server: srv.Server,
		environment: map[string]string{
			"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
		},
		attempt:    func(ctx context.Context) error { return atlas.DeleteOrganization(ctx, id, srv.Option()) },
		manualStep: func() string { return "" },
		deleted:    func() bool { return !srv.Exists(id) },
		spared:     func() bool { return srv.Exists(other) },
		deletion:   "DeleteOrganization",
		faults:     faultsOf("DeleteOrganization", "DeleteFlexCluster"),
	}
}

func sceneApplivery() *Scene {
	const id, other = "65f000000000000000000001", "65f000000000000000000002"
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: id, Slug: "acme-apps", Name: "Acme Apps",
		Subscriptions: []workspacetest.Subscription{{ID: "sub_1", Plan: "Enterprise", Status: "active"}},
		Apps:          []workspacetest.App{{Name: "Acme Bank"}, {Name: "Acme Shop", OSs: []string{"ios"}}},
	})
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: "other", Name: "Other"})
	return &Scene{
		entry:       planfile.Entry{Provider: "workspace", Organization: "acme-apps", Confirm: "Acme Apps"},
		server:      srv.Server,
		environment: map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token},
		attempt:     func(ctx context.Context) error { return workspace.DeleteOrganization(ctx, "acme-apps", srv.Option()) },
		manualStep: func() string {
			srv.CancelSubscriptions(id)
			return "cancel the subscription in the dashboard: no API can"
		},
		deleted:  func() bool { return !srv.Exists(id) },
		spared:   func() bool { return srv.Exists(other) },
		deletion: "DeleteOrganization",
		faults:   faultsOf("DeleteOrganization"),
	}
}

// sceneF5 has other faults: the client never repeats the deletion request after a 503, so the
// 503 applies to the read before it. After the lost response, a read of the tenant's state
// decides. The fake has one tenant only, so the scene has no other organization.
func sceneF5() *Scene {
	const name, email = "acme-edge-kqzvxwbn", "owner@example.com"
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: name, Domain: "acme-edge", KeepsCredential: true})
	srv.AddNamespace(volterratest.Namespace{Name: "web", Takes: fakeDuration, Objects: []volterratest.Object{{Name: "front"}}})
	srv.AddChildTenantManager("partners")
	srv.AddChildTenant(volterratest.ChildTenant{Name: "acme-labs", Manager: "partners", Takes: fakeDuration})
	srv.AddManagedTenant(volterratest.ManagedTenant{Name: "customer"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	srv.AddInvoice(volterra.Invoice{Name: "inv-7", Amount: 12000, Currency: "USD"})
	return &Scene{
		entry: planfile.Entry{
			Provider: providers.F5, Organization: name, Confirm: name, Email: email,
			Override: []teardown.Override{teardown.ManagedOrganizations},
		},
		server:      srv.Server,
		environment: map[string]string{"F5XC_API_URL": "", "F5XC_API_TOKEN": volterratest.Token},
		attempt: func(ctx context.Context) error { // with the name of the host instead of the tenant
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

// Connect returns a connector to the organizations of scenes.
func Connect(scenes []*Scene) func(*slog.Logger) connect.Connector {
	return func(log *slog.Logger) connect.Connector {
		return func(e planfile.Entry) (connect.Organization, error) {
			for _, s := range scenes {
				if s.entry.Provider == e.Provider {
					return s.open(log)
				}
			}
			return nil, providers.Unknown(e.Provider)
		}
	}
}

// open returns the organization of a scene at its fake.
func (s *Scene) open(log *slog.Logger) (connect.Organization, error) {
	base, client := s.server.Endpoint()
	spec := connect.Spec(s.entry)
	spec.BaseURL = base
	credentials := func(name string) (string, error) {
		if value, ok := s.environment[name]; ok && value == "" { // the address of the fake
			return spec.BaseURL, nil
		}
		return s.environment[name], nil
	}
	return offboard.Open(context.Background(), spec,
		offboard.WithCredentials(credentials), offboard.WithHTTPClient(client), offboard.WithLogger(log))
}

// InjectFaults makes the fake fail the next requests.
func (s *Scene) InjectFaults() { s.server.Fail(s.faults...) }

// Verify returns an error unless the fake deleted the organization, and the other one is
// unchanged.
func (s *Scene) Verify() error {
	if !s.deleted() || !s.spared() {
		return fmt.Errorf("%s: %s", s.entry.Provider, s.actual())
	}
	return nil
}

// actual returns the state of the fake as text.
func (s *Scene) actual() string {
	switch {
	case !s.spared():
		return "OTHER ORGANIZATION CHANGED"
	case !s.deleted():
		return "exists"
	case s.entry.Provider == providers.F5:
		return "queued once"
	}
	return "deleted; other unchanged"
}

// check returns an error if a result differs from the state of the fake.
func (s *Scene) check(r report.Result) error {
	claimed := r.Outcome == teardown.Deleted || r.Outcome == teardown.Pending
	if claimed != s.deleted() || !s.spared() {
		return fmt.Errorf("%s: wrong result %q: the state of the fake is %q", s.entry.Provider, r.Text(), s.actual())
	}
	return nil
}
