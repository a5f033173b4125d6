package atlas_test

import (
	"context"
	"iter"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestAPI_Operations(t *testing.T) {
	t.Parallel()
	for operation, test := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newFilledServer()
				if strings.Contains(test.request, empty) {
					srv.AddProject(acme, atlastest.Project{ID: empty})
				}
				switch operation {
				case "DeleteStreamWorkspace":
					srv.AddResource(empty, atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "idle"})
				case "DeletePrivateEndpointService":
					srv.AddResource(empty, atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, ID: service, Provider: atlas.CloudProviderGCP})
				case "GetBackupCompliancePolicy", "DeleteBackupCompliancePolicy":
					srv.AddResource(empty, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy})
				}
				srv.AddAPIKey(atlastest.Credential{ID: "acmepublic", Organization: acme})
				srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + acme, Organization: acme, Member: true})
				srv.LimitRate("GetProject", 300, 100, time.Minute)
				srv.LimitRate("ListOrganizationsPage", 300, 100, time.Minute)
				got, err := test.call(t, newClient(t, srv))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				requests := srv.Requests()
				r := requests[len(requests)-1]
				request := r.Method + " " + strings.TrimPrefix(r.Path, "/api/atlas/v2")
				if r.Query != "" {
					request += "?" + r.Query
				}
				want := strings.NewReplacer("{org}", acme, "{project}", shop).Replace(test.request)
				if request != want || r.Operation != operation {
					t.Errorf("got request of %s\n%s, want\n%s", r.Operation, request, want)
				}
				if got, want := r.Header.Get("Accept"), "application/vnd.atlas."+test.version+"+json"; got != want {
					t.Errorf("got Accept %q, want %q", got, want)
				}
				contentType := ""
				if test.body != "" {
					contentType = "application/vnd.atlas." + test.version + "+json"
				}
				if got := r.Header.Get("Content-Type"); got != contentType {
					t.Errorf("got Content-Type %q, want %q", got, contentType)
				}
				if got := string(r.Body); got != test.body {
					t.Errorf("got body %q, want %q", got, test.body)
				}
			})
		})
	}
}

func TestAPI_AllOperations(t *testing.T) {
	t.Parallel()
	spec, err := os.ReadFile("../openapi/atlas.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`operationId: (\w+)`).FindAllSubmatch(spec, -1)
	if len(found) != len(operations) {
		t.Errorf("%d operations are described and %d tested", len(found), len(operations))
	}
	for _, match := range found {
		name := strings.ToUpper(string(match[1][:1])) + string(match[1][1:])
		if _, ok := operations[name]; !ok {
			t.Errorf("%s is not tested", name)
		}
	}
}

func TestAPI_InvalidIDs(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	c, ctx := newClient(t, srv), t.Context()
	for _, id := range []string{"", ".", "..", "a/b", "../groups/" + shop, "a b/..", `a\b`, "a\n"} {
		for what, err := range map[string]error{
			"project":   c.DeleteProject(ctx, id),
			"cluster":   c.DeleteCluster(ctx, shop, id, atlas.DeleteClusterOptions{}),
			"workspace": c.DeleteStreamWorkspace(ctx, shop, id),
			"provider":  c.DeleteEncryptionEndpoint(ctx, shop, atlas.CloudProvider(id), keys),
			"peering":   c.DeleteNetworkPeering(ctx, shop, id),
		} {
			if !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("%s %q: got %v, want %q", what, id, err, errors.InvalidArgument)
			}
		}
		if id != "a/b" && id != "../groups/"+shop {
			if err := c.DeletePrivateEndpoint(ctx, shop, "AWS", service, id); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("endpoint %q: got %v, want %q", id, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Swapped arguments are refused before a request, and the error names the argument.
func TestAPI_SwappedArguments(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	c, ctx := newClient(t, srv), t.Context()
	for want, err := range map[string]error{
		"projectID must be":  c.DeleteCluster(ctx, "main", shop, atlas.DeleteClusterOptions{}),
		"snapshotID must be": c.DeleteSnapshot(ctx, shop, snapshot, "main"),
		"archiveID must be":  c.DeleteOnlineArchive(ctx, shop, archive, "main"),
		"serviceID must be":  c.DeletePrivateEndpoint(ctx, shop, atlas.CloudProviderAWS, endpoint, service),
	} {
		if !errors.Is(err, errors.InvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q with %q", err, errors.InvalidArgument, want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Atlas documents 204 for these deletions. Recorded answers have 202 or 200 with {}.
func TestDelete_RecordedStatuses(t *testing.T) {
	t.Parallel()
	endpoint := strings.Repeat("6", 24)
	for operation, call := range map[string]func(context.Context, *atlas.Client) error{
		"DeleteProject": func(ctx context.Context, c *atlas.Client) error { return c.DeleteProject(ctx, shop) },
		"DeleteFederatedDatabase": func(ctx context.Context, c *atlas.Client) error {
			return c.DeleteFederatedDatabase(ctx, shop, "lake")
		},
		"DeletePrivateEndpointService": func(ctx context.Context, c *atlas.Client) error {
			return c.DeletePrivateEndpointService(ctx, shop, atlas.CloudProviderAWS, endpoint)
		},
		"DeleteOnlineArchive": func(ctx context.Context, c *atlas.Client) error {
			return c.DeleteOnlineArchive(ctx, shop, "main", endpoint)
		},
		"DeleteNetworkPeering": func(ctx context.Context, c *atlas.Client) error {
			return c.DeleteNetworkPeering(ctx, shop, endpoint)
		},
		"DeleteFlexCluster": func(ctx context.Context, c *atlas.Client) error { return c.DeleteFlexCluster(ctx, shop, "small") },
		"EndOutageSimulation": func(ctx context.Context, c *atlas.Client) error {
			_, err := c.EndOutageSimulation(ctx, shop, "main")
			return err
		},
	} {
		for status, body := range map[int]string{http.StatusOK: "{}", http.StatusAccepted: "{}", http.StatusNoContent: ""} {
			t.Run(operation+"/"+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				srv := newFilledServer()
				srv.Fail(offboardtest.Respond(operation, status, body))
				if err := call(t.Context(), newClient(t, srv)); err != nil {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

func TestDelete_LostAnswer(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	srv.Fail(offboardtest.LoseResponse("DeleteCluster"))
	err := newClient(t, srv).DeleteCluster(t.Context(), shop, "shards", atlas.DeleteClusterOptions{})
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.OutcomeUnknown || e.Target != "shards" || srv.Count("DeleteCluster") != 1 {
		t.Errorf("got %v after %d requests, want %q after one", err, srv.Count("DeleteCluster"), errors.OutcomeUnknown)
	}
}

func TestDelete_UndocumentedSuccess(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	c, ctx := newClient(t, srv), t.Context()
	srv.Fail(
		offboardtest.Respond("DeleteCluster", 201, ""), offboardtest.HTMLResponse("DeleteCluster", 202),
		offboardtest.Respond("DeleteFlexCluster", 206, ""), offboardtest.Respond("DeleteFederatedDatabase", 200, `{"error":"x"}`),
		offboardtest.Respond("ListFederatedDatabases", 200, "{}"), offboardtest.Respond("ListFederatedDatabases", 200, "null"),
	)
	_, object := c.ListFederatedDatabases(ctx, shop)
	_, null := c.ListFederatedDatabases(ctx, shop)
	for i, err := range []error{
		c.DeleteCluster(ctx, shop, "shards", atlas.DeleteClusterOptions{}), c.DeleteCluster(ctx, shop, "shards", atlas.DeleteClusterOptions{}),
		c.DeleteFlexCluster(ctx, shop, "small"), c.DeleteFederatedDatabase(ctx, shop, "lake"), object, null,
	} {
		if !errors.Is(err, errors.UnexpectedResponse) {
			t.Errorf("%d: got %v, want %q", i, err, errors.UnexpectedResponse)
		}
	}
}

// IDs of the resources of [newFilledServer].
const (
	federation = "5e2f000000000000000000f0"
	archive    = "5e2f000000000000000000a1"
	snapshot   = "5e2f000000000000000000a2"
	shards     = "5e2f000000000000000000a3"
	peer       = "5e2f000000000000000000a4"
	container  = "5e2f000000000000000000a5"
	link       = "5e2f000000000000000000a6"
	streamPeer = "5e2f000000000000000000a7"
	service    = "5e2f000000000000000000a8"
	azure      = "5e2f000000000000000000a9"
	keys       = "5e2f000000000000000000aa"
	endpoint   = "vpce-0123456789abcdef0"
	resource   = "/subscriptions/00000000-0000-0000-0000-00000000000a/resourceGroups/shop/providers/Microsoft.Network/privateEndpoints/pe"
)

// newFilledServer returns a fake with an organization that has one resource of each kind.
func newFilledServer() *atlastest.Server {
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{
		ID: acme, Name: "Acme", Federation: federation, LinkedProjects: []string{"old"},
	})
	srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other", Federation: federation})
	srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
	for _, r := range []atlastest.Resource{
		{Kind: atlas.BlockerCluster, ID: "main"},
		{Kind: atlas.BlockerCluster, ID: "shards", Sharded: true},
		{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
		{Kind: atlas.BlockerOnlineArchive, ID: archive, Parent: "main"},
		{Kind: atlas.BlockerSnapshot, ID: snapshot, Parent: "main"},
		{Kind: atlas.BlockerShardedSnapshot, ID: shards, Parent: "shards"},
		{Kind: atlas.BlockerFlexCluster, ID: "small"},
		{Kind: atlas.BlockerNetworkPeering, ID: peer, Provider: atlas.CloudProviderAzure},
		{Kind: atlastest.KindNetworkContainer, ID: container, Provider: atlas.CloudProviderGCP},
		{Kind: atlas.BlockerFederationEndpoint, ID: endpoint},
		{Kind: atlas.BlockerFederatedDatabase, ID: "lake"},
		{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
		{Kind: atlas.BlockerStreamProcessor, ID: "count", Parent: "events"},
		{Kind: atlas.BlockerStreamPrivateLink, ID: link},
		{Kind: atlas.BlockerStreamVPCPeering, ID: streamPeer},
		{Kind: atlas.BlockerPrivateEndpointService, ID: service},
		{Kind: atlas.BlockerPrivateEndpoint, ID: endpoint, Parent: service},
		{Kind: atlas.BlockerPrivateEndpointService, ID: azure, Provider: atlas.CloudProviderAzure},
		{Kind: atlas.BlockerPrivateEndpoint, ID: resource, Parent: azure, Provider: atlas.CloudProviderAzure},
		{Kind: atlas.BlockerEncryptionEndpoint, ID: keys, Provider: atlas.CloudProviderAzure},
	} {
		srv.AddResource(shop, r)
	}
	return srv
}

// collect returns the items of a list.
func collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var items []T
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// createdAt is the creation time of the fake's resources.
var createdAt = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// operations has, for each operation, the call, the requested version, the request body and the
// decoded answer of the fake.
var operations = map[string]struct {
	call    func(*testing.T, *atlas.Client) (any, error)
	request string
	version string
	body    string
	want    any
}{

	"GetSystemStatus": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetSystemStatus(t.Context()) },
		"GET ", "2023-01-01", "", &atlas.SystemStatus{
			AppName: "MongoDB Atlas", Build: "0123456789abcdef0123456789abcdef01234567",
			APIKey: atlas.CurrentAPIKey{
				ID: "6d64625f73615f69645f6174", PublicKey: "mdb_sa_id_atlastest", Roles: []atlas.Role{{RoleName: "ORG_OWNER"}},
				AccessList: []atlas.AccessListEntry{{IPAddress: "192.0.2.1"}},
			},
		},
	},
	"ListRateLimitsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListRateLimits(t.Context(), atlas.ListRateLimitsPageOptions{OrgID: acme, EndpointPath: "/api/atlas/v2/orgs"}))
		},
		"GET /rateLimits?orgId=" + acme + "&endpointPath=%2Fapi%2Fatlas%2Fv2%2Forgs&pageNum=1&itemsPerPage=500", "2025-03-12", "", []atlas.EndpointRateLimit{rateLimit("ListOrganizationsPage", "/api/atlas/v2/orgs")},
	},
	"GetRateLimit": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.GetRateLimit(t.Context(), "GetProject", atlas.GetRateLimitOptions{ProjectID: shop})
		},
		"GET /rateLimits/GetProject?groupId=" + shop, "2025-03-12", "", new(rateLimit("GetProject", "/api/atlas/v2/groups/{groupId}")),
	},
	"ListClusterDetailsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) { return collect(c.ListClusterDetails(t.Context())) },
		"GET /clusters?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.ProjectClusters{{
			ProjectID: shop, ProjectName: "shop", OrgID: acme, OrgName: "Acme", PlanType: "Atlas", Tags: []string{},
			Clusters: []atlas.ClusterSummary{summary("64a700000000000000000001", "main"), summary("64a700000000000000000002", "shards"), summary("64a700000000000000000007", "small")},
		}},
	},
	"GetOrganizationSettings": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetOrganizationSettings(t.Context(), acme) },
		"GET /orgs/{org}/settings", "2023-01-01", "", &atlas.OrganizationSettings{
			GenAIFeaturesEnabled: true, MaxServiceAccountSecretValidityInHours: 8760,
			OperationsContact: "ops@example.com", SecurityContact: "security@example.com",
		},
	},
	"ListAPIKeysPage": {
		func(t *testing.T, c *atlas.Client) (any, error) { return collect(c.ListAPIKeys(t.Context(), acme)) },
		"GET /orgs/{org}/apiKeys?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.APIKey{{
			Description: "acmepublic", ID: "61636d657075626c69636163", PublicKey: "acmepublic", PrivateKey: "********-****-****-0123456789ab",
			Roles: []atlas.Role{{OrgID: acme, RoleName: "ORG_OWNER"}},
		}},
	},
	"ListServiceAccountsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListServiceAccounts(t.Context(), acme, atlas.ListServiceAccountsPageOptions{IncludeSystemManaged: true}))
		},
		"GET /orgs/{org}/serviceAccounts?includeSystemManaged=true&pageNum=1&itemsPerPage=500", "2024-08-05", "", []atlas.ServiceAccount{{
			ClientID: "mdb_sa_id_" + acme, Name: "mdb_sa_id_" + acme, CreatedAt: createdAt, Roles: []string{"ORG_MEMBER"},
			Secrets: []atlas.ServiceAccountSecret{{
				ID: "6d64625f73615f69645f3565", CreatedAt: createdAt, ExpiresAt: createdAt.AddDate(100, 0, 0), MaskedSecretValue: "mdb_sa_sk_...atest",
			}},
		}},
	},
	"ListPendingInvoices": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.ListPendingInvoices(t.Context(), acme) },
		"GET /orgs/{org}/invoices/pending", "2023-01-01", "", []atlas.Invoice{{
			ID: "323565326630303030303030", OrgID: acme, Status: atlas.InvoiceStatusPending, AmountBilledCents: 700, SubtotalCents: 700,
			Created: createdAt, Updated: createdAt, StartDate: createdAt, EndDate: createdAt.AddDate(0, 1, 0), LinkedInvoices: []atlas.Invoice{},
		}},
	},
	"ListInvoicesPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListInvoices(t.Context(), acme, atlas.ListInvoicesPageOptions{
				StatusNames: []atlas.InvoiceStatus{atlas.InvoiceStatusFailed, atlas.InvoiceStatusPaid},
			}))
		},
		"GET /orgs/{org}/invoices?statusNames=FAILED&statusNames=PAID&pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.Invoice{{
			ID: "313565326630303030303030", OrgID: acme, Status: atlas.InvoiceStatusPaid, AmountBilledCents: 4200, AmountPaidCents: 4200, SubtotalCents: 4200,
			Created: createdAt, Updated: createdAt, StartDate: createdAt, EndDate: createdAt.AddDate(0, 1, 0), LinkedInvoices: []atlas.Invoice{},
		}},
	},
	"ListLiveMigrationProjects": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.ListLiveMigrationProjects(t.Context(), acme)
		},
		"GET /orgs/{org}/liveMigrations/availableProjects", "2023-01-01", "", []atlas.LiveMigrationProject{{
			ProjectID: "6f6c646f6c646f6c646f6c64", Name: "old", MigrationHosts: []string{},
			Deployments: []atlas.LiveMigrationDeployment{{
				Name: "cluster-0", ClusterID: "636c75737465722d30636c75", Managed: true, TLSEnabled: true, MongoDBVersion: "7.0.14",
				FeatureCompatibilityVersion: "7.0", DBSizeBytes: 1 << 30, OplogSizeMB: 990, AgentVersion: "13.10.0",
			}},
		}},
	},
	"DeleteLiveMigrationLink": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteLiveMigrationLink(t.Context(), acme)
		},
		"DELETE /orgs/{org}/liveMigrations/linkTokens", "2023-01-01", "", nil,
	},
	"GetFederation": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetFederation(t.Context(), acme) },
		"GET /orgs/{org}/federationSettings", "2023-01-01", "", &atlas.Federation{
			ID: federation, FederatedDomains: []string{"example.com"}, IdentityProviderID: "c2777a9eca931f29fc2f", IdentityProviderStatus: "ACTIVE",
		},
	},
	"ListConnectedOrganizationsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListConnectedOrganizations(t.Context(), federation))
		},
		"GET /federationSettings/" + federation + "/connectedOrgConfigs?pageNum=1&itemsPerPage=500", "2023-01-01", "",
		[]atlas.ConnectedOrganization{connected(acme), connected(other)},
	},
	"DisconnectOrganization": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DisconnectOrganization(t.Context(), federation, acme)
		},
		"DELETE /federationSettings/" + federation + "/connectedOrgConfigs/{org}", "2023-01-01", "", nil,
	},
	"DeleteFederation": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			if err := c.DisconnectOrganization(t.Context(), federation, other); err != nil {
				return nil, err
			}
			return nil, c.DeleteFederation(t.Context(), federation)
		},
		"DELETE /federationSettings/" + federation, "2023-01-01", "", nil,
	},
	"ListOrganizationsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{Name: "ac"}))
		},
		"GET /orgs?name=ac&pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.Organization{{ID: acme, Name: "Acme"}},
	},
	"GetOrganization": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetOrganization(t.Context(), acme) },
		"GET /orgs/{org}", "2023-01-01", "", &atlas.Organization{ID: acme, Name: "Acme"},
	},
	"DeleteOrganization": {
		func(t *testing.T, c *atlas.Client) (any, error) { return nil, c.DeleteOrganization(t.Context(), other) },
		"DELETE /orgs/" + other, "2023-01-01", "", nil,
	},
	"ListProjectsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{Name: "none"}))
		},
		"GET /orgs/{org}/groups?name=none&pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.Project(nil),
	},
	"GetProject": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetProject(t.Context(), shop) },
		"GET /groups/{project}", "2023-01-01", "", &atlas.Project{
			ID: shop, Name: "shop", OrgID: acme, ClusterCount: 3, Created: createdAt, Tags: []atlas.Tag{},
		},
	},
	"DeleteProject": {
		func(t *testing.T, c *atlas.Client) (any, error) { return nil, c.DeleteProject(t.Context(), empty) },
		"DELETE /groups/" + empty, "2023-01-01", "", nil,
	},
	"ListClustersPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListClusters(t.Context(), shop, atlas.ListClustersPageOptions{IncludeDeletedWithRetainedBackups: true}))
		},
		"GET /groups/{project}/clusters?includeDeletedWithRetainedBackups=true&pageNum=1&itemsPerPage=500", "2024-08-05", "",
		[]atlas.Cluster{cluster("64a700000000000000000001", "main", "REPLICASET", false), cluster("64a700000000000000000002", "shards", "SHARDED", false)},
	},
	"GetCluster": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetCluster(t.Context(), shop, "shards") },
		"GET /groups/{project}/clusters/shards", "2024-08-05", "", new(cluster("64a700000000000000000002", "shards", "SHARDED", false)),
	},
	"DeleteCluster": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteCluster(t.Context(), shop, "shards", atlas.DeleteClusterOptions{RetainBackups: true})
		},
		"DELETE /groups/{project}/clusters/shards?retainBackups=true", "2023-02-01", "", nil,
	},
	"SetClusterTerminationProtection": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.SetClusterTerminationProtection(t.Context(), shop, "shards", false)
		},
		"PATCH /groups/{project}/clusters/shards", "2024-10-23", `{"terminationProtectionEnabled":false}`,
		new(cluster("64a700000000000000000002", "shards", "SHARDED", false)),
	},
	"ListFlexClustersPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListFlexClusters(t.Context(), shop))
		},
		"GET /groups/{project}/flexClusters?pageNum=1&itemsPerPage=500", "2024-11-13", "", []atlas.FlexCluster{flex(false)},
	},
	"GetFlexCluster": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.GetFlexCluster(t.Context(), shop, "small") },
		"GET /groups/{project}/flexClusters/small", "2024-11-13", "", new(flex(false)),
	},
	"DeleteFlexCluster": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteFlexCluster(t.Context(), shop, "small")
		},
		"DELETE /groups/{project}/flexClusters/small", "2024-11-13", "", nil,
	},
	"SetFlexClusterTerminationProtection": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.SetFlexClusterTerminationProtection(t.Context(), shop, "small", true)
		},
		"PATCH /groups/{project}/flexClusters/small", "2024-11-13", `{"terminationProtectionEnabled":true}`, new(flex(true)),
	},
	"ListSnapshotsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListSnapshots(t.Context(), shop, "main"))
		},
		"GET /groups/{project}/clusters/main/backup/snapshots?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.Snapshot{{
			ID: snapshot, CloudProvider: "AWS", CopyRegions: []string{}, CreatedAt: createdAt, ExpiresAt: createdAt.AddDate(100, 0, 0),
			FrequencyType: "daily", SnapshotType: "scheduled", Status: "completed", StorageSizeBytes: 1 << 30, MongodVersion: "8.0.4",
			PolicyItems: []string{}, ReplicaSetName: "main", Type: "replicaSet",
		}},
	},
	"DeleteSnapshot": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteSnapshot(t.Context(), shop, "main", snapshot)
		},
		"DELETE /groups/{project}/clusters/main/backup/snapshots/" + snapshot, "2023-01-01", "", nil,
	},
	"ListShardedSnapshots": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.ListShardedSnapshots(t.Context(), shop, "shards")
		},
		"GET /groups/{project}/clusters/shards/backup/snapshots/shardedClusters", "2023-01-01", "", []atlas.ShardedSnapshot{{
			ID: shards, ConfigServerType: "DEDICATED", CreatedAt: createdAt, ExpiresAt: createdAt.AddDate(100, 0, 0),
			FrequencyType: "daily", SnapshotType: "scheduled", Status: "completed", StorageSizeBytes: 1 << 30, MongodVersion: "8.0.4",
			PolicyItems: []string{}, SnapshotIds: []string{}, Type: "shardedCluster",
		}},
	},
	"DeleteShardedSnapshot": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteShardedSnapshot(t.Context(), shop, "shards", shards)
		},
		"DELETE /groups/{project}/clusters/shards/backup/snapshots/shardedCluster/" + shards, "2023-01-01", "", nil,
	},
	"GetBackupCompliancePolicy": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.GetBackupCompliancePolicy(t.Context(), empty)
		},
		"GET /groups/" + empty + "/backupCompliancePolicy", "2023-10-01", "", &atlas.BackupCompliancePolicy{
			ProjectID: empty, State: "ACTIVE", Deletable: true, RestoreWindowDays: 7, AuthorizedEmail: "owner@example.com",
			AuthorizedUserFirstName: "A", AuthorizedUserLastName: "B", UpdatedDate: createdAt, UpdatedUser: "owner@example.com",
		},
	},
	"DeleteBackupCompliancePolicy": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteBackupCompliancePolicy(t.Context(), empty)
		},
		"DELETE /groups/" + empty + "/backupCompliancePolicy", "2024-11-13", "", nil,
	},
	"ListOnlineArchivesPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListOnlineArchives(t.Context(), shop, "main"))
		},
		"GET /groups/{project}/clusters/main/onlineArchives?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.OnlineArchive{{
			ID: archive, ClusterName: "main", ProjectID: shop, State: atlas.OnlineArchiveStateIdle,
			DBName: "shop", CollName: "orders", CollectionType: "STANDARD", DataSetName: "v1$atlas$snapshot",
		}},
	},
	"DeleteOnlineArchive": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteOnlineArchive(t.Context(), shop, "main", archive)
		},
		"DELETE /groups/{project}/clusters/main/onlineArchives/" + archive, "2023-01-01", "", nil,
	},
	"GetOutageSimulation": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.GetOutageSimulation(t.Context(), shop, "main")
		},
		"GET /groups/{project}/clusters/main/outageSimulation", "2023-01-01", "", outage(atlas.OutageSimulationStateSimulating),
	},
	"EndOutageSimulation": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.EndOutageSimulation(t.Context(), shop, "main")
		},
		"DELETE /groups/{project}/clusters/main/outageSimulation", "2023-01-01", "", outage(atlas.OutageSimulationStateRecoveryRequested),
	},
	"ListStreamWorkspacesPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListStreamWorkspaces(t.Context(), shop))
		},
		"GET /groups/{project}/streams?pageNum=1&itemsPerPage=500", "2023-02-01", "", []atlas.StreamWorkspace{{
			ID: "64a70000000000000000000c", Name: "events", ProjectID: shop, Hostnames: []string{"events.example.net"},
			DataProcessRegion: atlas.StreamRegion{CloudProvider: "AWS", Region: "VIRGINIA_USA"}, FailoverRegions: []atlas.StreamRegion{},
		}},
	},
	"DeleteStreamWorkspace": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteStreamWorkspace(t.Context(), empty, "idle")
		},
		"DELETE /groups/" + empty + "/streams/idle", "2023-02-01", "", nil,
	},
	"ListStreamProcessorsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListStreamProcessors(t.Context(), shop, "events"))
		},
		"GET /groups/{project}/streams/events/processors?pageNum=1&itemsPerPage=500", "2024-05-30", "", []atlas.StreamProcessor{{
			ID: "64a70000000000000000000d", Name: "count", State: "STARTED", Tier: "SP10",
		}},
	},
	"DeleteStreamProcessor": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteStreamProcessor(t.Context(), shop, "events", "count")
		},
		"DELETE /groups/{project}/streams/events/processor/count", "2024-05-30", "", nil,
	},
	"ListStreamPrivateLinksPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListStreamPrivateLinks(t.Context(), shop))
		},
		"GET /groups/{project}/streams/privateLinkConnections?pageNum=1&itemsPerPage=500", "2023-02-01", "", []atlas.StreamPrivateLink{{
			ID: link, Provider: "AWS", Region: "us-east-1", State: "DONE", Vendor: "S3", InterfaceEndpointID: endpoint,
		}},
	},
	"DeleteStreamPrivateLink": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteStreamPrivateLink(t.Context(), shop, link)
		},
		"DELETE /groups/{project}/streams/privateLinkConnections/" + link, "2023-02-01", "", nil,
	},
	"ListStreamVPCPeeringsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListStreamVPCPeerings(t.Context(), shop, "123456789012"))
		},
		"GET /groups/{project}/streams/vpcPeeringConnections?requesterAccountId=123456789012&pageNum=1&itemsPerPage=500", "2023-02-01", "",
		[]atlas.StreamVPCPeering{vpcPeering},
	},
	"ListActiveStreamVPCPeeringsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListActiveStreamVPCPeerings(t.Context(), shop))
		},
		"GET /groups/{project}/streams/activeVpcPeeringConnections?pageNum=1&itemsPerPage=500", "2024-11-13", "", []atlas.StreamVPCPeering{vpcPeering},
	},
	"DeleteStreamVPCPeering": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteStreamVPCPeering(t.Context(), shop, streamPeer)
		},
		"DELETE /groups/{project}/streams/vpcPeeringConnections/" + streamPeer, "2023-02-01", "", nil,
	},
	"ListFederatedDatabases": {
		func(t *testing.T, c *atlas.Client) (any, error) { return c.ListFederatedDatabases(t.Context(), shop) },
		"GET /groups/{project}/dataFederation", "2023-01-01", "", []atlas.FederatedDatabase{{
			Name: "lake", ProjectID: shop, State: "ACTIVE", Hostnames: []string{"lake.example.net"},
			DataProcessRegion: atlas.FederatedDatabaseRegion{CloudProvider: "AWS", Region: "VIRGINIA_USA"}, PrivateEndpointHostnames: []atlas.FederatedDatabaseHostname{},
		}},
	},
	"DeleteFederatedDatabase": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteFederatedDatabase(t.Context(), shop, "lake")
		},
		"DELETE /groups/{project}/dataFederation/lake", "2023-01-01", "", nil,
	},
	"ListFederationEndpointsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListFederationEndpoints(t.Context(), shop))
		},
		"GET /groups/{project}/privateNetworkSettings/endpointIds?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.FederationEndpoint{{
			EndpointID: endpoint, Provider: "AWS", Region: "US_EAST_1", Status: "OK", Type: "DATA_LAKE",
		}},
	},
	"DeleteFederationEndpoint": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteFederationEndpoint(t.Context(), shop, endpoint)
		},
		"DELETE /groups/{project}/privateNetworkSettings/endpointIds/" + endpoint, "2023-01-01", "", nil,
	},
	"ListPrivateEndpointServices": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return c.ListPrivateEndpointServices(t.Context(), shop, atlas.CloudProviderAWS)
		},
		"GET /groups/{project}/privateEndpoint/AWS/endpointService", "2023-01-01", "", []atlas.PrivateEndpointService{{
			ID: service, CloudProvider: atlas.CloudProviderAWS, RegionName: "us-east-1", Status: "AVAILABLE", InterfaceEndpoints: []string{endpoint},
		}},
	},
	"DeletePrivateEndpointService": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeletePrivateEndpointService(t.Context(), empty, atlas.CloudProviderGCP, service)
		},
		"DELETE /groups/" + empty + "/privateEndpoint/GCP/endpointService/" + service, "2023-01-01", "", nil,
	},
	"DeletePrivateEndpoint": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeletePrivateEndpoint(t.Context(), shop, atlas.CloudProviderAzure, azure, resource)
		},
		"DELETE /groups/{project}/privateEndpoint/AZURE/endpointService/" + azure + "/endpoint/" + strings.ReplaceAll(resource, "/", "%2F"), "2023-01-01", "", nil,
	},
	"ListEncryptionEndpointsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListEncryptionEndpoints(t.Context(), shop, atlas.CloudProviderAzure))
		},
		"GET /groups/{project}/encryptionAtRest/AZURE/privateEndpoints?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.EncryptionEndpoint{{
			ID: keys, CloudProvider: atlas.CloudProviderAzure, RegionName: "US_EAST_1", Status: "ACTIVE",
		}},
	},
	"DeleteEncryptionEndpoint": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteEncryptionEndpoint(t.Context(), shop, atlas.CloudProviderAzure, keys)
		},
		"DELETE /groups/{project}/encryptionAtRest/AZURE/privateEndpoints/" + keys, "2023-01-01", "", nil,
	},
	"ListNetworkPeeringsPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListNetworkPeerings(t.Context(), shop, atlas.ListNetworkPeeringsPageOptions{ProviderName: atlas.CloudProviderAzure}))
		},
		"GET /groups/{project}/peers?providerName=AZURE&pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.NetworkPeering{{
			ID: peer, ContainerID: "64a800000000000000000008", ProviderName: atlas.CloudProviderAzure, Status: "AVAILABLE", VnetName: "shop", ResourceGroupName: "shop",
		}},
	},
	"DeleteNetworkPeering": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteNetworkPeering(t.Context(), shop, peer)
		},
		"DELETE /groups/{project}/peers/" + peer, "2023-01-01", "", nil,
	},
	"ListNetworkContainersPage": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return collect(c.ListNetworkContainers(t.Context(), shop))
		},
		"GET /groups/{project}/containers/all?pageNum=1&itemsPerPage=500", "2023-01-01", "", []atlas.NetworkContainer{
			{ID: "64a800000000000000000008", ProviderName: atlas.CloudProviderAzure, Provisioned: true, AtlasCidrBlock: "10.8.0.0/21"},
			{ID: container, ProviderName: atlas.CloudProviderGCP, Provisioned: true, AtlasCidrBlock: "10.8.0.0/21"},
		},
	},
	"DeleteNetworkContainer": {
		func(t *testing.T, c *atlas.Client) (any, error) {
			return nil, c.DeleteNetworkContainer(t.Context(), shop, container)
		},
		"DELETE /groups/{project}/containers/" + container, "2023-01-01", "", nil,
	},
}

const empty = "5e2f0000000000000000000e" // a project with the resources that block a deletion in the other one

func summary(id, name string) atlas.ClusterSummary {
	return atlas.ClusterSummary{
		ClusterID: id, Name: name, Type: "REPLICA_SET", Availability: "available", NodeCount: 3, DataSizeBytes: 1 << 30,
		AuthEnabled: true, BackupEnabled: true, SSLEnabled: true, Versions: []string{"8.0.4"},
	}
}

func rateLimit(operation, path string) atlas.EndpointRateLimit {
	return atlas.EndpointRateLimit{
		EndpointSetID: operation, EndpointSetName: operation, Scope: "ORGANIZATION",
		Capacity: atlas.RateLimitValue{DefaultValue: 300, Value: 300}, RefillRate: atlas.RateLimitValue{DefaultValue: 100, Value: 100},
		RefillDurationSeconds: atlas.RateLimitValue{DefaultValue: 60, Value: 60},
		Endpoints:             []atlas.RateLimitEndpoint{{Method: "GET", Path: path}},
	}
}

func connected(orgID string) atlas.ConnectedOrganization {
	return atlas.ConnectedOrganization{
		OrgID: orgID, IdentityProviderID: "c2777a9eca931f29fc2f",
		DataAccessIdentityProviderIds: []string{}, DomainAllowList: []string{}, PostAuthRoleGrants: []string{},
	}
}

func cluster(id, name, clusterType string, protected bool) atlas.Cluster {
	return atlas.Cluster{
		ID: id, Name: name, ProjectID: shop, ClusterType: clusterType, State: atlas.ClusterStateIdle, BackupEnabled: true,
		CreateDate: createdAt, EncryptionAtRestProvider: "NONE", FeatureCompatibilityVersion: "8.0", MongoDBMajorVersion: "8.0",
		MongoDBVersion: "8.0.4", VersionReleaseSystem: "LTS", Tags: []atlas.Tag{}, TerminationProtectionEnabled: protected,
	}
}

func flex(protected bool) atlas.FlexCluster {
	return atlas.FlexCluster{
		ID: "64a700000000000000000007", Name: "small", ProjectID: shop, ClusterType: "REPLICASET", State: atlas.ClusterStateIdle,
		CreateDate: createdAt, MongoDBVersion: "8.0.4", VersionReleaseSystem: "LTS", Tags: []atlas.Tag{}, TerminationProtectionEnabled: protected,
		ProviderSettings: atlas.FlexProviderSettings{ProviderName: "FLEX", BackingProviderName: "AWS", RegionName: "US_EAST_1", DiskSizeGB: 5},
	}
}

func outage(state atlas.OutageSimulationState) *atlas.OutageSimulation {
	return &atlas.OutageSimulation{
		ID: "64a700000000000000000003", ProjectID: shop, ClusterName: "main", State: state, StartRequestDate: createdAt, ExpirationDate: createdAt,
		OutageFilters: []atlas.OutageFilter{{CloudProvider: "AWS", RegionName: "US_EAST_1", Type: "REGION"}},
	}
}

var vpcPeering = atlas.StreamVPCPeering{
	ID: streamPeer, Name: "pcx-0123456789abcdef0", ProjectID: shop, LocalStatus: "ACCEPTED", CloudStatus: "active",
	RequesterAccountID: "123456789012", RequesterVpcID: "vpc-0123456789abcdef0", RequesterCidr: "10.0.0.0/24",
	AccepterAccountID: "210987654321", AccepterVpcID: "vpc-0123456789abcdef1", AccepterCidr: "10.8.0.0/24",
}
