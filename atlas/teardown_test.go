package atlas_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestIdentify_DeletedOrganization(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", Lingers: true})
	c := newClient(t, srv)
	if found, err := c.Identify(t.Context(), acme); err != nil || found != (teardown.Organization{ID: acme, Name: "Acme"}) {
		t.Errorf("got %+v, %v", found, err)
	}
	if err := c.DeleteOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if found, err := c.Identify(t.Context(), acme); !errors.Is(err, errors.OrganizationNotFound) {
		t.Errorf("deleted: got %+v, %v", found, err)
	}
}

func TestPlan_StepOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newBlockedServer()
		srv.Resolve(acme)
		c := newClient(t, srv)
		r, err := execute(t, c, planOf(t, c), teardown.WithOverrides(teardown.TerminationProtection))
		checkReport(t, r, err, teardown.Deleted, "")
		started, finished, after := map[string]time.Time{}, map[string]time.Time{}, map[string][]string{}
		for _, s := range r.Steps {
			if strings.Contains(s.ID, "/"+blog) {
				continue
			}
			if at, ok := started[s.Kind]; !ok || s.StartedAt.Before(at) {
				started[s.Kind] = s.StartedAt
			}
			if s.FinishedAt.After(finished[s.Kind]) {
				finished[s.Kind] = s.FinishedAt
			}
			for _, id := range s.After {
				kind, _, _ := strings.Cut(id, "/")
				after[s.Name] = append(after[s.Name], kind)
			}
		}
		for first, others := range laterKinds {
			for _, other := range others {
				if finished[first].IsZero() || started[other].Before(finished[first]) {
					t.Errorf("%s started at %v, and %s finished at %v", other, started[other], first, finished[first])
				}
			}
		}
		want := []string{"outage_simulation", "online_archive", "backup_compliance_policy"}
		if diff := cmp.Diff(want, after["main in shop"][1:]); diff != "" { // the first step is of the simulation
			t.Errorf("predecessors of a cluster (-want +got):\n%s", diff)
		}
	})
}

func TestPlan_CredentialCascades(t *testing.T) {
	t.Parallel()
	srv := newServerWith()
	for i := range 12 {
		srv.AddAPIKey(atlastest.Credential{ID: fmt.Sprintf("acmekey%x", i), Secret: "secret", Organization: acme})
	}
	srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + acme, Secret: "secret", Organization: acme})
	srv.AddOrganization(atlastest.Organization{ID: other})
	srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + other, Secret: "secret", Organization: other})
	const note = "invalid after the deletion"
	want := []teardown.Cascade{
		{Kind: "service_accounts", Count: 1, Names: []string{"mdb_sa_id_" + acme}, Note: note},
		{Kind: "api_keys", Count: 12, Names: []string{"acmekey0", "acmekey1", "acmekey2", "acmekey3", "acmekey4", "acmekey5", "acmekey6", "acmekey7", "acmekey8", "acmekey9"}, Note: note},
	}
	p := planOf(t, newClient(t, srv))
	if diff := cmp.Diff(want, p.Cascades); diff != "" || len(p.Overrides()) != 0 {
		t.Errorf("overrides %v; cascades (-want +got):\n%s", p.Overrides(), diff)
	}
}

func TestPlan_OwnOrganization(t *testing.T) {
	t.Parallel()
	for name, credential := range ownCredentials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, lost := range []bool{false, true} {
					srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerCluster})
					c := newClientAs(t, srv, credential(srv))
					p := planOf(t, c)
					if diff := cmp.Diff([]teardown.Override{teardown.OwnOrganization}, p.Overrides()); diff != "" {
						t.Errorf("overrides (-want +got):\n%s", diff)
					}
					if r, err := execute(t, c, p); r != nil || !errors.Is(err, errors.NotConfirmed) || srv.Count("DeleteCluster") != 0 {
						t.Fatalf("got %+v, %v", r, err)
					}
					permitted := teardown.WithOverrides(teardown.OwnOrganization)
					if !lost {
						r, err := execute(t, c, p, permitted)
						checkReport(t, r, err, teardown.Deleted, "")
						continue
					}
					srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
					r, err := execute(t, c, p, permitted)
					checkReport(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
					if srv.Exists(acme) || srv.Count("DeleteOrganization") != 1 {
						t.Errorf("%d deletions were sent", srv.Count("DeleteOrganization"))
					}
				}
			})
		})
	}
}

// A credential of unknown identity may be a service account of the organization.
func TestPlan_TokenSourceOfUnknownIdentity(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		account bool
		option  atlas.Option
		want    []teardown.Override
	}{
		"with service accounts":      {true, atlas.Options(), []teardown.Override{teardown.OwnOrganization}},
		"without accounts":           {false, atlas.Options(), nil},
		"of another service account": {true, atlas.WithClientID(atlastest.ClientID), nil},
		"of its own service account": {true, atlas.WithClientID("mdb_sa_id_" + acme), []teardown.Override{teardown.OwnOrganization}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServerWith()
			if test.account {
				srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + acme, Secret: "secret", Organization: acme})
			}
			url, hc := srv.Endpoint()
			source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: atlastest.Token})
			c, err := atlas.New(atlas.WithBaseURL(url), atlas.WithHTTPClient(hc), atlas.WithTokenSource(source), test.option)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, planOf(t, c).Overrides()); diff != "" {
				t.Errorf("overrides (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlan_UnreadableList(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"GetOrganization", "ListProjectsPage", "ListInvoicesPage", "ListLiveMigrationProjects", "GetFederation", "ListServiceAccountsPage",
		"ListAPIKeysPage", "ListClustersPage", "ListFlexClustersPage", "ListStreamProcessorsPage",
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			srv := newFilledServer()
			srv.Fail(offboardtest.Respond(operation, http.StatusForbidden, `{"errorCode":"ACCESS_FORBIDDEN"}`))
			if p, err := newClient(t, srv).Plan(t.Context(), acme); p != nil || !errors.Is(err, errors.PermissionDenied) {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	t.Run("another organization", func(t *testing.T) {
		t.Parallel()
		srv := newFilledServer()
		srv.Fail(offboardtest.Respond("GetOrganization", http.StatusOK, `{"id":"`+other+`","name":"Other"}`))
		if p, err := newClient(t, srv).Plan(t.Context(), acme); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
			t.Errorf("got %+v, %v", p, err)
		}
	})
	t.Run("a project deleted meanwhile", func(t *testing.T) {
		t.Parallel()
		srv := newFilledServer()
		srv.Fail(offboardtest.Respond("ListClustersPage", http.StatusNotFound, `{"errorCode":"GROUP_NOT_FOUND"}`))
		p, err := newClient(t, srv).Plan(t.Context(), acme)
		if err != nil || !slices.ContainsFunc(p.Steps, func(s teardown.Step) bool { return s.ID == "project/"+shop }) {
			t.Errorf("got %+v, %v", p, err)
		}
	})
}

// Projects are read concurrently, and the result does not depend on the order of the answers. With
// Concurrency(1) one request is in flight.
func TestPlan_ManyProjects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
		id := func(i int) string { return fmt.Sprintf("5e2f000000000000000003%02d", i) }
		for i := range 20 {
			srv.AddProject(acme, atlastest.Project{ID: id(i), Name: fmt.Sprintf("p%d", i)})
		}
		_, hc := srv.Endpoint()
		x := &inFlightTransport{next: hc.Transport}
		c := newClient(t, srv, atlas.WithHTTPClient(&http.Client{Transport: x}))
		p := planOf(t, c)
		if x.most != 8 {
			t.Errorf("%d requests were in flight, want 8", x.most)
		}
		for i, s := range p.Steps {
			if s.ID != "project/"+id(i) {
				t.Errorf("step %d is %s", i, s.ID)
			}
		}
		x.refuse = map[string]time.Duration{id(3): time.Second, id(4): 0, id(5): time.Millisecond}
		_, err := c.Plan(t.Context(), acme)
		if e, ok := errors.AsType[*errors.Error](err); !ok || e.Target != id(3) {
			t.Errorf("got %v, want the error of project %s", err, id(3))
		}
		x.refuse, x.most = nil, 0
		r, err := execute(t, c, p, teardown.WithConcurrency(1))
		checkReport(t, r, err, teardown.Deleted, "")
		if x.most != 1 {
			t.Errorf("%d requests were in flight, want 1", x.most)
		}
	})
}

// inFlightTransport counts the requests in flight and refuses requests about some projects.
type inFlightTransport struct {
	next   http.RoundTripper
	refuse map[string]time.Duration // delay of the refusal, by project

	mu        sync.Mutex
	now, most int
}

func (x *inFlightTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	x.mu.Lock()
	x.now++
	x.most = max(x.most, x.now)
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.now--
		x.mu.Unlock()
	}()
	time.Sleep(20 * time.Millisecond)
	for id, after := range x.refuse {
		if strings.Contains(req.URL.Path, "/groups/"+id+"/") {
			time.Sleep(after)
			body := `{"error":403,"errorCode":"ACCESS_FORBIDDEN","detail":"-"}`
			return &http.Response{
				StatusCode: http.StatusForbidden, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
				Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
			}, nil
		}
	}
	return x.next.RoundTrip(req)
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	teardownsuite.Provider{
		Kinds: []string{
			"backup_compliance_policy", "cluster", "encryption_endpoint", "failed_invoice", "federated_database", "federation",
			"federation_endpoint", "flex_cluster", "live_migration_link", "network_peering", "online_archive", "outage_simulation",
			"policy_protection", "private_endpoint", "private_endpoint_service", "project", "sharded_snapshot", "snapshot",
			"stream_private_link", "stream_processor", "stream_vpc_peering", "stream_workspace",
		},
		Overrides: []teardown.Override{teardown.TerminationProtection},
		Outcome:   teardown.Deleted,
		New: func(tb testing.TB) *teardownsuite.World {
			srv := newBlockedServer()
			c, err := atlas.New(srv.Option())
			if err != nil {
				tb.Fatal(err)
			}
			return &teardownsuite.World{
				Server: srv.Server, Name: "Acme",
				Plan:              func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, acme) },
				Teardown:          c.Teardown,
				Check:             func(ctx context.Context) error { return c.CheckDeletion(ctx, acme) },
				ResolveManual:     func() { srv.Resolve(acme) },
				AddBlocker:        func() { srv.AddResource(blog, atlastest.Resource{Kind: atlas.BlockerFlexCluster}) },
				AddDuringTeardown: func() { srv.AddProject(acme, atlastest.Project{ID: "5e2f0000000000000000000f", Name: "new"}) },
				PlanOther:         func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, other) },
				Deleted:           func() bool { return !srv.Exists(acme) },
				Unrelated:         func() any { return otherResources(srv) },
			}
		},
	}.Run(t)
}

// laterKinds are the kinds that are removed after all resources of a kind in a project.
var laterKinds = map[string][]string{
	"live_migration_link":      {"outage_simulation", "online_archive", "backup_compliance_policy", "flex_cluster", "federation_endpoint", "stream_processor", "private_endpoint"},
	"backup_compliance_policy": {"cluster", "snapshot", "sharded_snapshot"},
	"cluster":                  {"network_peering", "encryption_endpoint"},
	"federation_endpoint":      {"federated_database"},
	"stream_processor":         {"stream_workspace"},
	"stream_workspace":         {"stream_private_link", "stream_vpc_peering"},
	"project":                  {"federation"},
}

// newBlockedServer returns a fake with two organizations that have blockers of all kinds.
func newBlockedServer() *atlastest.Server {
	srv := atlastest.NewServer()
	for _, o := range []struct{ id, shop, blog string }{{acme, shop, blog}, {other, "5e2f0000000000000000001a", "5e2f0000000000000000001b"}} {
		srv.AddOrganization(atlastest.Organization{
			ID: o.id, Name: "Acme", Federation: federation, LinkedProjects: []string{"old"}, FailedPayments: true,
		})
		srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + o.id, Secret: "secret", Organization: o.id})
		srv.AddAPIKey(atlastest.Credential{ID: "key" + o.id[19:], Secret: "secret", Organization: o.id})
		srv.AddProject(o.id, atlastest.Project{ID: o.shop, Name: "shop"})
		srv.AddProject(o.id, atlastest.Project{ID: o.blog, Name: "blog", Clusters: 2})
		srv.AddProject(o.id, atlastest.Project{ID: o.blog[:23] + "f"}) // empty
		service := srv.AddResource(o.shop, atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService})
		azure := srv.AddResource(o.shop, atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, Provider: atlas.CloudProviderAzure})
		for _, r := range []atlastest.Resource{
			{Kind: atlas.BlockerBackupCompliancePolicy, Protected: true},
			{Kind: atlas.BlockerCluster, ID: "main", Protected: true},
			{Kind: atlas.BlockerCluster, ID: "shards", Sharded: true},
			{Kind: atlas.BlockerCluster, ID: "old", Retained: true},
			{Kind: atlas.BlockerCluster, ID: "old-shards", Sharded: true, Retained: true},
			{Kind: atlas.BlockerSnapshot, Parent: "main"},
			{Kind: atlas.BlockerSnapshot, Parent: "old"},
			{Kind: atlas.BlockerShardedSnapshot, Parent: "old-shards"},
			{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
			{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
			{Kind: atlas.BlockerOnlineArchive, Parent: "shards"},
			{Kind: atlas.BlockerFlexCluster, ID: "small", Protected: true},
			{Kind: atlas.BlockerNetworkPeering},
			{Kind: atlas.BlockerNetworkPeering, Provider: atlas.CloudProviderGCP},
			{Kind: atlas.BlockerFederationEndpoint, RemovedAfter: 2},
			{Kind: atlas.BlockerFederatedDatabase},
			{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
			{Kind: atlas.BlockerStreamProcessor, ID: "count", Parent: "events"},
			{Kind: atlas.BlockerStreamPrivateLink},
			{Kind: atlas.BlockerStreamVPCPeering},
			{Kind: atlas.BlockerPrivateEndpoint, Parent: service},
			{Kind: atlas.BlockerPrivateEndpoint, Parent: service},
			{Kind: atlas.BlockerPrivateEndpoint, Parent: azure, Provider: atlas.CloudProviderAzure},
			{Kind: atlas.BlockerEncryptionEndpoint, Provider: atlas.CloudProviderAzure},
		} {
			srv.AddResource(o.shop, r)
		}
		srv.AddResource(o.blog, atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, Provider: atlas.CloudProviderGCP}) // without endpoints
	}
	return srv
}

const blog = "5e2f0000000000000000000b"

// otherResources returns the resources of the other organization of newBlockedServer.
func otherResources(srv *atlastest.Server) []string {
	all := []string{fmt.Sprintf("%+v", srv.Organization(other))}
	for _, p := range srv.Projects(other) {
		all = append(all, fmt.Sprintf("%+v", p))
		for _, r := range srv.Resources(p.ID) {
			all = append(all, fmt.Sprintf("%+v", r))
		}
	}
	return all
}

// newServerWith returns a fake with an organization and one project with these resources.
func newServerWith(resources ...atlastest.Resource) *atlastest.Server {
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
	srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
	for _, r := range resources {
		srv.AddResource(shop, r)
	}
	return srv
}

// planOf returns a plan for acme.
func planOf(t *testing.T, c *atlas.Client) *teardown.Plan {
	t.Helper()
	p, err := c.Plan(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// execute applies a plan for acme.
func execute(t *testing.T, c *atlas.Client, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	t.Helper()
	return c.Teardown(t.Context(), p, append(options, teardown.WithConfirm("Acme"))...)
}

// checkReport checks the outcome of a teardown of acme.
func checkReport(t *testing.T, r *teardown.Report, err error, outcome teardown.Outcome, code errors.Code) {
	t.Helper()
	if r == nil || r.Outcome != outcome || (code == "") != (err == nil) || err != nil && !errors.Is(err, code) {
		t.Fatalf("got %+v, %v, want %q with code %q", r, err, outcome, code)
	}
}

// onStepStart calls f when a step of a kind starts.
func onStepStart(kind string, f func()) teardown.Option {
	return teardown.WithEvents(func(e teardown.Event) {
		if e.Kind == teardown.EventStarted && strings.HasPrefix(e.Step, kind+"/") {
			f()
		}
	})
}

func TestTeardown_RequestCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clusters = 24
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
		c := newClient(t, srv)
		planOf(t, c)
		if n := len(srv.Requests()); n != 7 {
			t.Errorf("a plan without projects took %d requests: %v", n, requests(srv))
		}
		srv.AddProject(acme, atlastest.Project{ID: shop, Clusters: clusters})
		srv.SetDeletionTime(10 * time.Minute)
		before := len(srv.Requests())
		p := planOf(t, c)
		const want = 7 + 13 + 2 + 2*clusters
		if n := len(srv.Requests()) - before; n != want {
			t.Errorf("a plan took %d requests, want %d", n, want)
		}
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
		if n := srv.Count("DeleteCluster"); n != clusters {
			t.Errorf("%d clusters were deleted", n)
		}
		// Eight clusters of three projects take ten minutes, and are finally listed every 15 seconds.
		if n := srv.Count("ListClustersPage"); n > 3*80 {
			t.Errorf("clusters were listed %d times", n)
		}
	})
}

// New resources are not deleted. A new resource that stores data makes the plan stale; a new resource
// because of which Atlas refuses a deletion blocks its project or cluster.
func TestTeardown_NewSincePlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		resources []atlastest.Resource
		stale     bool
	}{
		"cluster":                  {[]atlastest.Resource{{Kind: atlas.BlockerCluster, ID: "new"}}, true},
		"flex cluster":             {[]atlastest.Resource{{Kind: atlas.BlockerFlexCluster}}, true},
		"online archive":           {[]atlastest.Resource{{Kind: atlas.BlockerOnlineArchive, Parent: "main"}}, true},
		"federated database":       {[]atlastest.Resource{{Kind: atlas.BlockerFederatedDatabase}}, true},
		"stream workspace":         {[]atlastest.Resource{{Kind: atlas.BlockerStreamWorkspace}}, true},
		"stream processor":         {[]atlastest.Resource{{Kind: atlas.BlockerStreamProcessor, Parent: "events"}}, true},
		"outage simulation":        {[]atlastest.Resource{{Kind: atlas.BlockerOutageSimulation, Parent: "main"}}, false},
		"snapshot":                 {[]atlastest.Resource{{Kind: atlas.BlockerCluster, ID: "old", Retained: true}, {Kind: atlas.BlockerSnapshot, Parent: "old"}}, false},
		"peering":                  {[]atlastest.Resource{{Kind: atlas.BlockerNetworkPeering}}, false},
		"federation endpoint":      {[]atlastest.Resource{{Kind: atlas.BlockerFederationEndpoint}}, false},
		"stream private link":      {[]atlastest.Resource{{Kind: atlas.BlockerStreamPrivateLink}}, false},
		"stream VPC peering":       {[]atlastest.Resource{{Kind: atlas.BlockerStreamVPCPeering}}, false},
		"private endpoint":         {[]atlastest.Resource{{Kind: atlas.BlockerPrivateEndpoint, Parent: service}}, true}, // the plan has its service
		"private endpoint service": {[]atlastest.Resource{{Kind: atlas.BlockerPrivateEndpointService}}, true},
		"encryption endpoint":      {[]atlastest.Resource{{Kind: atlas.BlockerEncryptionEndpoint}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
					atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
					atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, ID: service},
				)
				c := newClient(t, srv)
				p := planOf(t, c)
				var ids []string
				for _, x := range test.resources {
					ids = append(ids, srv.AddResource(shop, x))
				}
				r, err := execute(t, c, p)
				if test.stale {
					if r != nil || !errors.Is(err, errors.PlanStale) || srv.Count("DeleteCluster") != 0 {
						t.Errorf("got %+v, %v", r, err)
					}
				} else if r == nil || r.Outcome != teardown.Blocked || err == nil {
					t.Errorf("got %+v, %v", r, err)
				}
				for _, x := range srv.Resources(shop) {
					for j, id := range ids {
						if x.ID == id && x.Kind == test.resources[j].Kind {
							ids[j] = ""
						}
					}
				}
				if strings.Join(ids, "") != "" || !srv.Exists(acme) {
					t.Errorf("%q were deleted", ids)
				}
			})
		})
	}
}

// In a project with more clusters than the limit, only the planned archives are listed.
func TestTeardown_ArchivesOfManyClusters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith()
		for i := range 101 {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: fmt.Sprintf("c%d", i)})
		}
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "c7"})
		c := newClient(t, srv)
		p := planOf(t, c)
		before := srv.Count("ListOnlineArchivesPage")
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
		if n := srv.Count("ListOnlineArchivesPage") - before; n > 4 {
			t.Errorf("archives were listed %d times", n)
		}
		if n := srv.Count("DeleteOnlineArchive"); n != 1 {
			t.Errorf("%d archives were deleted", n)
		}
	})
}

func TestTeardown_AnotherInstance(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*teardown.Plan){
		"another provider": func(p *teardown.Plan) { p.Provider = "zitadel" },
		"Government":       func(p *teardown.Plan) { p.Instance = "https://cloud.mongodbgov.com" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServerWith()
			c := newClient(t, srv)
			p := planOf(t, c)
			n := len(srv.Requests())
			change(p)
			p.Organization.ID = other // does not exist
			if r, err := execute(t, c, teardownsuite.Seal(p)); r != nil || !errors.Is(err, errors.PlanStale) || len(srv.Requests()) != n {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestTeardown_LiveMigrationRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", LiveMigration: true, LinkedProjects: []string{"old"}})
		srv.AddProject(acme, atlastest.Project{ID: shop, Clusters: 2})
		c := newClient(t, srv)
		p := planOf(t, c)
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Blocked, errors.ActiveLiveMigration)
		if n := len(srv.Resources(shop)); n != 2 || len(r.Remaining()) != 4 || srv.Count("DeleteCluster") != 0 {
			t.Errorf("%d resources exist; remaining: %+v", n, r.Remaining())
		}
		srv.Resolve(acme)
		r, err = execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
	})
}

func TestTeardown_TerminationProtection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "safe", Protected: true},
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "free"},
			atlastest.Resource{Kind: atlas.BlockerOutageSimulation, Parent: "free"},
		)
		c := newClient(t, srv)
		p := planOf(t, c)
		if r, err := execute(t, c, p); r != nil || !errors.Is(err, errors.NotConfirmed) || !srv.Resources(shop)[0].Protected {
			t.Fatalf("got %+v, %v", r, err)
		}
		protect := onStepStart("outage_simulation", func() {
			if _, err := c.SetClusterTerminationProtection(t.Context(), shop, "free", true); err != nil {
				t.Error(err)
			}
		})
		permitted := teardown.WithOverrides(teardown.TerminationProtection)
		r, err := execute(t, c, p, permitted, protect)
		checkReport(t, r, err, teardown.Blocked, errors.TerminationProtection)
		if blocker := srv.Resources(shop); len(blocker) != 1 || blocker[0].ID != "free" || !blocker[0].Protected {
			t.Errorf("remaining: %+v", blocker)
		}
		r, err = execute(t, c, p, permitted)
		if r != nil || !errors.Is(err, errors.PlanStale) {
			t.Errorf("got %+v, %v for a new project", r, err)
		}
		r, err = execute(t, c, planOf(t, c), permitted)
		checkReport(t, r, err, teardown.Deleted, "")
	})
}

// A recreated cluster is not the planned cluster.
func TestTeardown_RecreatedName(t *testing.T) {
	t.Parallel()
	for _, kind := range []atlas.BlockerKind{atlas.BlockerCluster, atlas.BlockerFlexCluster, atlas.BlockerStreamWorkspace} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: kind, ID: "main"})
				srv.SetDeletionTime(0) // receivers of events must not wait
				c := newClient(t, srv)
				p := planOf(t, c)
				again := func() {
					if err := remove(t.Context(), c, atlas.Blocker{Kind: kind, ID: "main"}); err != nil {
						t.Error(err)
					}
					srv.AddResource(shop, atlastest.Resource{Kind: kind, ID: "main"})
				}
				again()
				if r, err := execute(t, c, p); r != nil || !errors.Is(err, errors.PlanStale) {
					t.Errorf("got %+v, %v", r, err)
				}
				// Nor is a cluster that is recreated while the plan is applied.
				r, err := execute(t, c, planOf(t, c), onStepStart(string(kind), again))
				checkReport(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
				if n := len(srv.Resources(shop)); n != 1 {
					t.Errorf("%d resources exist", n)
				}
			})
		})
	}
}

func TestTeardown_AlreadyDeleting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Takes: 20 * time.Minute},
			atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
			atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, Takes: 20 * time.Minute},
			atlastest.Resource{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
		)
		c := newClient(t, srv)
		p := planOf(t, c)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			r, err := c.Teardown(ctx, p, teardown.WithConfirm("Acme"))
			cancel()
			checkReport(t, r, err, teardown.Stopped, errors.NotFinished)
		}
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
		for _, operation := range []string{"EndOutageSimulation", "DeleteCluster", "DeletePrivateEndpointService", "DeleteNetworkPeering"} {
			if n := srv.Count(operation); n != 1 {
				t.Errorf("%s was sent %d times", operation, n)
			}
		}
	})
}

// Another client was faster.
func TestTeardown_AlreadyRequested(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind      atlas.BlockerKind
		operation string
		status    int
		code      string
	}{
		"a cluster":              {atlas.BlockerCluster, "DeleteCluster", 400, "CLUSTER_ALREADY_REQUESTED_DELETION"},
		"a peering":              {atlas.BlockerNetworkPeering, "DeleteNetworkPeering", 409, "PEER_ALREADY_REQUESTED_DELETION"},
		"a deleted flex cluster": {atlas.BlockerFlexCluster, "DeleteFlexCluster", 404, "CLUSTER_NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: test.kind})
				fault := offboardtest.Respond(test.operation, test.status, `{"errorCode":"`+test.code+`"}`)
				fault.Processed = true
				srv.Fail(fault)
				c := newClient(t, srv)
				r, err := execute(t, c, planOf(t, c))
				checkReport(t, r, err, teardown.Deleted, "")
				if n := srv.Count(test.operation); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestTeardown_LostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "old", Retained: true},
			atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "old"},
		)
		srv.Fail(offboardtest.LoseResponse("DeleteSnapshot"), offboardtest.LoseResponse("DeleteProject"))
		c := newClient(t, srv)
		r, err := execute(t, c, planOf(t, c))
		checkReport(t, r, err, teardown.Deleted, "")
		if got := []int{srv.Count("DeleteSnapshot"), srv.Count("DeleteProject")}; !slices.Equal(got, []int{1, 1}) {
			t.Errorf("got %v deletions", got)
		}
	})
}

// Atlas deletes the service along with its last endpoint. An earlier list does not show that.
func TestTeardown_ServiceDeletedWithEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, Takes: time.Second}, // its list is read first
			atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, ID: service},
			atlastest.Resource{Kind: atlas.BlockerPrivateEndpoint, Parent: service, Takes: 3 * time.Second},
		)
		c := newClient(t, srv)
		r, err := execute(t, c, planOf(t, c))
		checkReport(t, r, err, teardown.Deleted, "")
		if n := srv.Count("DeletePrivateEndpointService"); n != 1 {
			t.Errorf("%d services were deleted, want only the service without endpoints", n)
		}
	})
}

// An earlier failure of a resource is not a failure of its deletion.
func TestTeardown_FailedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerEncryptionEndpoint, ID: keys, State: "FAILED"})
		c := newClient(t, srv)
		p := planOf(t, c)
		const list = "ListEncryptionEndpointsPage"
		srv.Fail(
			offboardtest.Fault{Operation: list, Times: 3}, // two of the plan, for two providers, and one before the deletion
			offboardtest.Respond(list, http.StatusOK, `{"results":[{"id":"`+keys+`","cloudProvider":"AWS","status":"FAILED"}]}`),
		)
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
		if n := srv.Count("DeleteEncryptionEndpoint"); n != 1 {
			t.Errorf("%d deletions were sent", n)
		}
	})
}

// A permanent refusal fails its step and all later steps at once.
func TestTeardown_PermanentRefusal(t *testing.T) {
	t.Parallel()
	invalid, denied := `{"errorCode":"VALIDATION_ERROR"}`, `{"errorCode":"ACCESS_FORBIDDEN"}`
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		code  errors.Code
		left  int
	}{
		"a cluster":               {offboardtest.Respond("DeleteCluster", 403, denied), errors.PermissionDenied, 3},
		"the project":             {offboardtest.Respond("DeleteProject", 403, denied), errors.PermissionDenied, 2},
		"the federation's list":   {offboardtest.Respond("ListConnectedOrganizationsPage", 403, denied), errors.PermissionDenied, 1},
		"to leave the federation": {offboardtest.Respond("DisconnectOrganization", 400, invalid), errors.ValidationError, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", Federation: federation})
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other", Federation: federation})
				srv.AddProject(acme, atlastest.Project{ID: shop, Clusters: 1})
				test.fault.Times = 2
				srv.Fail(test.fault)
				c := newClient(t, srv)
				r, err := execute(t, c, planOf(t, c))
				checkReport(t, r, err, teardown.Blocked, test.code)
				if n := len(r.Remaining()); n != test.left || srv.Count("DeleteOrganization") != 0 {
					t.Errorf("%d steps remain: %+v", n, r.Remaining())
				}
			})
		})
	}
}

func TestTeardown_DeletionFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerNetworkPeering, Fails: true},
			atlastest.Resource{Kind: atlas.BlockerEncryptionEndpoint, State: "FAILED"}, // not a failure of its deletion
			atlastest.Resource{Kind: atlas.BlockerFederationEndpoint, RemovedAfter: 3},
		)
		c := newClient(t, srv)
		r, err := execute(t, c, planOf(t, c))
		checkReport(t, r, err, teardown.Deleted, "")
		got := []int{srv.Count("DeleteNetworkPeering"), srv.Count("DeleteEncryptionEndpoint"), srv.Count("DeleteFederationEndpoint")}
		if diff := cmp.Diff([]int{2, 1, 3}, got); diff != "" {
			t.Errorf("deletions (-want +got):\n%s", diff)
		}
	})
}

func TestTeardown_ProjectSettling(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code     string
		times    int
		outcome  teardown.Outcome
		want     errors.Code
		requests int
	}{
		"after some minutes": {"CANNOT_CLOSE_GROUP_ACTIVE_PEERING_CONNECTIONS", 5, teardown.Deleted, "", 6},
		"never":              {"CANNOT_CLOSE_GROUP_ACTIVE_SOMETHING_NEW", 1000, teardown.Blocked, errors.DeletionStepsNotSatisfied, 16},
		"after its failures": {"UNEXPECTED_ERROR", 2, teardown.Deleted, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerFlexCluster})
				status := http.StatusConflict
				if test.code == "UNEXPECTED_ERROR" {
					status = http.StatusInternalServerError
				}
				fault := offboardtest.Respond("DeleteProject", status, `{"errorCode":"`+test.code+`"}`)
				fault.Times = test.times
				srv.Fail(fault)
				c := newClient(t, srv)
				start := time.Now()
				r, err := execute(t, c, planOf(t, c))
				checkReport(t, r, err, test.outcome, test.want)
				if n := srv.Count("DeleteProject"); n != test.requests {
					t.Errorf("%d requests, want %d", n, test.requests)
				}
				if took := time.Since(start); status == http.StatusConflict && took < time.Duration(test.requests-1)*time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// A project still exists after its deletion was accepted: its step waits for the end, and the
// organization is deleted after the step.
func TestTeardown_SlowProjectDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
		srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop", Clusters: 1, Takes: 5 * time.Minute})
		srv.AddProject(acme, atlastest.Project{ID: blog, Name: "blog", Takes: time.Minute})
		c := newClient(t, srv)
		r, err := execute(t, c, planOf(t, c))
		checkReport(t, r, err, teardown.Deleted, "")
		for _, s := range r.Steps {
			took := map[string]time.Duration{"project/" + shop: 5 * time.Minute, "project/" + blog: time.Minute}[s.ID]
			if s.State != teardown.StepDeleted || s.FinishedAt.Sub(s.StartedAt) < took {
				t.Errorf("%s is %s after %s", s.ID, s.State, s.FinishedAt.Sub(s.StartedAt))
			}
		}
		if n := srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("%d deletions of the organization, want 1", n)
		}
		if n := srv.Count("DeleteProject"); n > 2*4 {
			t.Errorf("%d deletions of projects, want at most 4 of each", n)
		}
	})
}

func TestTeardown_Federation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		ids := []string{acme, other, "5e2f00000000000000000003", "5e2f00000000000000000004"}
		for _, id := range ids {
			srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme", Federation: federation})
		}
		c := newClient(t, srv)
		var jobs []teardown.Job
		for _, id := range ids {
			jobs = append(jobs, teardown.Job{
				Plan:     func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, id) },
				Teardown: c.Teardown, Options: []teardown.Option{teardown.WithConfirm("Acme")},
			})
		}
		// Two of them leave at the same time: each sees the other one.
		for r := range teardown.RunJobs(t.Context(), jobs[:2], 1) {
			checkReport(t, r.Report, r.Err, teardown.Deleted, "")
		}
		srv.Fail(offboardtest.Fault{Operation: "DisconnectOrganization", Delay: time.Second}, offboardtest.Fault{Operation: "DisconnectOrganization", Delay: 2 * time.Second})
		for r := range teardown.RunJobs(t.Context(), jobs[2:], 2) {
			checkReport(t, r.Report, r.Err, teardown.Deleted, "")
		}
		if got := []int{srv.Count("DisconnectOrganization"), srv.Count("DeleteFederation")}; !slices.Equal(got, []int{4, 1}) {
			t.Errorf("got %v, want 4 disconnections, one of them late, and one deletion", got)
		}
	})
}

func TestTeardown_ChargeFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith()
		srv.Fail(offboardtest.Respond("DeleteOrganization", http.StatusPaymentRequired, `{"errorCode":"FAILED_TO_DELETE_ORG_CHARGE_FAILED"}`))
		c := newClient(t, srv)
		p := planOf(t, c)
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Blocked, errors.PaymentRequired)
		if n := srv.Count("DeleteOrganization"); n != 1 || !srv.Exists(acme) {
			t.Errorf("%d deletions were sent", n)
		}
		r, err = execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
	})
}

// Atlas accepts the deletion of the organization and never starts it: reads show that the organization
// exists, and the deletion is requested again, at most three times.
func TestTeardown_OrganizationDeletionIgnored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ignored, sent int
		outcome       teardown.Outcome
		code          errors.Code
	}{
		"once":        {1, 2, teardown.Deleted, ""},
		"three times": {3, 4, teardown.Deleted, ""},
		"always":      {1000, 4, teardown.Unknown, errors.OutcomeUnknown},
	} {
		for whose, credential := range allCredentials() {
			t.Run(name+"/"+whose, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := newServerWith()
					c := newClientAs(t, srv, credential(srv))
					p := planOf(t, c)
					ignored := offboardtest.Ignore("DeleteOrganization", http.StatusNoContent, "")
					ignored.Times = test.ignored
					srv.Fail(ignored)
					r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization))
					checkReport(t, r, err, test.outcome, test.code)
					if n := srv.Count("DeleteOrganization"); n != test.sent || srv.Exists(acme) != (test.code != "") {
						t.Errorf("%d deletions were sent, want %d; exists: %t", n, test.sent, srv.Exists(acme))
					}
				})
			})
		}
	}
}

// No read shows the outcome of an accepted deletion: the outcome is Unknown, unless a later read
// decides.
func TestTeardown_OrganizationNotRead(t *testing.T) {
	t.Parallel()
	cached := offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"ORG_NOT_FOUND"}`)
	cached.Header = http.Header{"Age": {"7"}}
	for name, test := range map[string]struct {
		answer offboardtest.Fault
		times  int
		want   teardown.Outcome
	}{
		"a page":                   {offboardtest.HTMLResponse("GetOrganization", http.StatusForbidden), 1000, teardown.Unknown},
		"a page for a while":       {offboardtest.HTMLResponse("GetOrganization", http.StatusForbidden), 12, teardown.Deleted},
		"a failure":                {offboardtest.Respond("GetOrganization", http.StatusInternalServerError, `{"error":500,"errorCode":"UNEXPECTED_ERROR"}`), 1000, teardown.Unknown},
		"a page of a wrong path":   {offboardtest.HTMLResponse("GetOrganization", http.StatusNotFound), 1000, teardown.Unknown},
		"from a cache":             {cached, 1000, teardown.Unknown},
		"denied":                   {offboardtest.Respond("GetOrganization", http.StatusForbidden, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`), 1000, teardown.Unknown},
		"a missing role":           {offboardtest.Respond("GetOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"USER_CANNOT_ACCESS_ORG"}`), 1000, teardown.Unknown},
		"an invalid credential":    {offboardtest.Respond("GetOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"-"}`), 1000, teardown.Unknown},
		"another organization":     {offboardtest.Respond("GetOrganization", http.StatusOK, `{"id":"`+other+`","name":"Acme"}`), 1000, teardown.Unknown},
		"another one missing":      {offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"ORG_NOT_FOUND","parameters":["`+other+`"]}`), 1000, teardown.Unknown},
		"missing":                  {offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND","parameters":["/api/atlas/v2/orgs/`+acme+`"]}`), 1000, teardown.Deleted},
		"another resource missing": {offboardtest.Respond("GetOrganization", http.StatusNotFound, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`), 1000, teardown.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith()
				c := newClient(t, srv)
				p := planOf(t, c)
				test.answer.Times = test.times
				srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", EditRequest: func(*http.Request) { srv.Fail(test.answer) }})
				r, err := execute(t, c, p)
				code := errors.Code("")
				if test.want == teardown.Unknown {
					code = errors.OutcomeUnknown
				}
				checkReport(t, r, err, test.want, code)
				if n := srv.Count("DeleteOrganization"); n != 1 {
					t.Errorf("%d deletions were sent", n)
				}
			})
		})
	}
}

// allCredentials add a credential of all organizations or of the organization itself.
func allCredentials() map[string]func(*atlastest.Server) atlas.Option {
	all := maps.Clone(ownCredentials)
	all["another organization's"] = func(srv *atlastest.Server) atlas.Option {
		srv.AddAPIKey(atlastest.Credential{ID: "otherkey", Secret: "secret"})
		return atlas.WithAPIKey("otherkey", "secret")
	}
	return all
}

// One refusal of the organization's own credential after the deletion can be transient: the deletion
// never started and is sent again.
func TestTeardown_OwnCredentialRefusedOnce(t *testing.T) {
	t.Parallel()
	for name, credential := range ownCredentials {
		for _, ignored := range []int{1, 1000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := newServerWith()
					c := newClientAs(t, srv, credential(srv))
					p := planOf(t, c)
					ignore := offboardtest.Ignore("DeleteOrganization", http.StatusNoContent, "")
					ignore.Times = ignored
					refusal := offboardtest.Respond("GetOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"You are not authorized for this resource."}`)
					refusal.Times = 2
					first := true
					journal := lineWriter(func(line []byte) {
						if first && bytes.Contains(line, []byte(`"deletion_started"`)) {
							first = false
							srv.Fail(ignore, refusal)
						}
					})
					r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization), teardown.WithJournal(journal))
					if ignored == 1 {
						checkReport(t, r, err, teardown.Deleted, "")
					} else {
						checkReport(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
					}
					if (r.Outcome == teardown.Deleted) == srv.Exists(acme) {
						t.Errorf("got %s; exists: %v", r.Outcome, srv.Exists(acme))
					}
				})
			})
		}
	}
}

// A page of another server is not a refusal of the organization's own credential.
func TestTeardown_OwnCredentialRefusedByPage(t *testing.T) {
	t.Parallel()
	for name, credential := range ownCredentials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith()
				c := newClientAs(t, srv, credential(srv))
				p := planOf(t, c)
				page := offboardtest.HTMLResponse("", http.StatusUnauthorized)
				page.Times = 1000
				srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", EditRequest: func(*http.Request) { srv.Fail(page) }})
				r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization))
				checkReport(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
			})
		})
	}
}

// The repeated request is refused: later refusals of the organization's own credential prove nothing.
func TestTeardown_OwnCredentialRefusedByRepeat(t *testing.T) {
	t.Parallel()
	for name, credential := range ownCredentials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith()
				c := newClientAs(t, srv, credential(srv))
				p := planOf(t, c)
				srv.Fail(
					offboardtest.Ignore("DeleteOrganization", http.StatusNoContent, ""),
					offboardtest.Accept("DeleteOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"-"}`),
				)
				r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization))
				checkReport(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
			})
		})
	}
}

// A teardown waits for a resource as its documentation and that of the fake say, however fast the
// fake is.
func TestTeardown_TimeAtFake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind               atlas.BlockerKind
		takes, least, most time.Duration
	}{
		"cluster at once":      {atlas.BlockerCluster, 0, 45 * time.Second, 50 * time.Second},
		"cluster, short time":  {atlas.BlockerCluster, 10 * time.Millisecond, 45 * time.Second, 50 * time.Second},
		"cluster, default":     {atlas.BlockerCluster, time.Minute, time.Minute, 80 * time.Second},
		"flex cluster at once": {atlas.BlockerFlexCluster, 0, 0, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.SetDeletionTime(test.takes)
				srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
				srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
				srv.AddResource(shop, atlastest.Resource{Kind: test.kind, ID: "main"})
				c := newClient(t, srv)
				p, err := c.Plan(t.Context(), acme)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
					t.Fatal(r, err)
				}
				if took := time.Since(start); took < test.least || took > test.most {
					t.Errorf("took %v, want %v to %v", took, test.least, test.most)
				}
			})
		})
	}
}
