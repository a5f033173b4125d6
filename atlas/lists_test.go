package atlas_test

import (
	"fmt"
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

func TestClient_Reads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
		srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
		srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop", Clusters: 2})
		c := newClient(t, srv)
		organization := atlas.Organization{ID: acme, Name: "Acme"}
		got, err := c.GetOrganization(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&organization, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		all := atlas.Organization{ID: other, Name: "Other"}
		if diff := cmp.Diff([]atlas.Organization{organization, all}, gather(t, c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}))); diff != "" {
			t.Errorf("organizations (-want +got):\n%s", diff)
		}
		page, err := c.ListOrganizationsPage(t.Context(), atlas.ListOrganizationsPageOptions{Name: "aC"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]atlas.Organization{organization}, page.Results); diff != "" || page.TotalCount != 1 {
			t.Errorf("%d organizations by name (-want +got):\n%s", page.TotalCount, diff)
		}
		project := atlas.Project{
			ID: shop, Name: "shop", OrgID: acme, ClusterCount: 2,
			Created: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Tags: []atlas.Tag{},
		}
		if diff := cmp.Diff([]atlas.Project{project}, gather(t, c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{}))); diff != "" {
			t.Errorf("projects (-want +got):\n%s", diff)
		}
		projects, err := c.ListProjectsPage(t.Context(), acme, atlas.ListProjectsPageOptions{Name: "blog"})
		if err != nil {
			t.Fatal(err)
		}
		if len(projects.Results) != 0 {
			t.Errorf("got projects %v by name, want none", projects.Results)
		}
		if none := gather(t, c.ListProjects(t.Context(), other, atlas.ListProjectsPageOptions{})); len(none) != 0 {
			t.Errorf("got projects %v, want none", none)
		}
		_, err = c.ListProjectsPage(t.Context(), acme, atlas.ListProjectsPageOptions{ItemsPerPage: 501})
		if got := code(t, err); got != errors.ValidationError {
			t.Errorf("got %v for a page above the maximum, want %q", err, errors.ValidationError)
		}
	})
}

func TestListOrganizations_OwnCredential(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
	srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
	c := newClientAs(t, srv, ownCredentials["service account"](srv))
	want := []atlas.Organization{{ID: acme, Name: "Acme"}}
	if diff := cmp.Diff(want, gather(t, c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}))); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
}

func TestList_Pages(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	var want []string
	for i := range 1201 {
		id := fmt.Sprintf("5e2f0000000000000000%04d", i)
		srv.AddProject(acme, atlastest.Project{ID: id})
		want = append(want, id)
	}
	var got []string
	for _, p := range gather(t, newClient(t, srv).ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{})) {
		got = append(got, p.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	var queries []string
	for _, r := range srv.Requests() {
		queries = append(queries, r.Query)
	}
	pages := []string{"pageNum=1&itemsPerPage=500", "pageNum=2&itemsPerPage=500", "pageNum=3&itemsPerPage=500"}
	if diff := cmp.Diff(pages, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// gather returns the items of a list and fails on an error.
func gather[T any](t *testing.T, list func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

func TestList_End(t *testing.T) {
	t.Parallel()
	item := `{"id":"` + shop + `","name":"shop"}`
	answer := func(items int, total int, rel string) offboardtest.Fault {
		return offboardtest.Respond("", 200, fmt.Sprintf(`{"results":[%s],"totalCount":%d,"links":[{"rel":"self"},{"rel":%q}]}`,
			strings.TrimSuffix(strings.Repeat(item+",", items), ","), total, rel))
	}
	for name, test := range map[string]struct {
		pages       []offboardtest.Fault
		items, sent int
		fails       bool
	}{
		"a short page":                       {[]offboardtest.Fault{answer(2, 2, "previous")}, 2, 1, false},
		"a short page with a greater total":  {[]offboardtest.Fault{answer(2, 900, "previous"), answer(0, 900, "previous")}, 2, 2, true},
		"a short page and a smaller total":   {[]offboardtest.Fault{answer(2, 900, "previous"), answer(0, 2, "previous")}, 2, 2, true},
		"an empty page":                      {[]offboardtest.Fault{answer(0, 0, "previous")}, 0, 1, false},
		"an empty page with a greater total": {[]offboardtest.Fault{answer(0, 900, "previous")}, 0, 1, true},
		"a short page with a next link":      {[]offboardtest.Fault{answer(2, 2, "next"), answer(1, 2, "previous")}, 3, 2, false},
		"a full page without a next link":    {[]offboardtest.Fault{answer(500, 500, "self"), answer(0, 500, "previous")}, 500, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, list := range map[string]func(*atlas.Client) (int, error){
				"projects": func(c *atlas.Client) (n int, err error) {
					for _, err = range c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{}) {
						if err == nil {
							n++
						}
					}
					return n, err
				},
				"organizations": func(c *atlas.Client) (n int, err error) {
					for _, err = range c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}) {
						if err == nil {
							n++
						}
					}
					return n, err
				},
			} {
				srv := atlastest.NewServer()
				srv.Fail(test.pages...)
				n, err := list(newClient(t, srv))
				if test.fails != errors.Is(err, errors.UnexpectedResponse) || !test.fails && err != nil || n != test.items || len(srv.Requests()) != test.sent {
					t.Errorf("got %d %s by %d requests and %v, want %d by %d", n, what, len(srv.Requests()), err, test.items, test.sent)
				}
			}
		})
	}
}

func TestList_Error(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]offboardtest.Fault{
		"a refusal":            offboardtest.Respond("", 403, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`),
		"a page without items": offboardtest.Respond("", 200, `{"totalCount":0,"links":[]}`),
		"items that are null":  offboardtest.Respond("", 200, `{"results":null}`),
		"a web page":           offboardtest.HTMLResponse("", 200),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			answer.Times = 2
			srv.Fail(answer)
			c := newClient(t, srv)
			n := 0
			for _, err := range c.ListProjects(t.Context(), acme, atlas.ListProjectsPageOptions{}) {
				if n++; err == nil {
					t.Error("got a project")
				}
			}
			for _, err := range c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}) {
				if n++; err == nil {
					t.Error("got an organization")
				}
			}
			if n != 2 || len(srv.Requests()) != 2 {
				t.Errorf("got %d errors by %d requests, want one for each list", n, len(srv.Requests()))
			}
		})
	}
}

// An error of a list about a changing item is transient, and another read succeeds. An error about
// the parent of the list is not retried.
func TestList_TransientErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operation string
		status    int
		body      string
		want      errors.Code // error after one answer; "" if the list is read again
	}{
		"a cluster being deleted":                {"ListClustersPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","detail":"-","parameters":["deleted","` + shop + `"]}`, ""},
		"a changing flex cluster":                {"ListClustersPage", 400, `{"error":400,"errorCode":"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"}`, ""},
		"a cluster in the list of flex clusters": {"ListFlexClustersPage", 400, `{"error":400,"errorCode":"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"}`, ""},
		"a deleted peering":                      {"ListNetworkPeeringsPage", 404, `{"error":404,"errorCode":"PEER_NOT_FOUND"}`, ""},
		"archives of another cluster":            {"ListOnlineArchivesPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","parameters":["deleted"]}`, ""},
		"archives of the cluster":                {"ListOnlineArchivesPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","parameters":["main"]}`, errors.NotFound},
		"the project":                            {"ListClustersPage", 404, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`, errors.NotFound},
		"the resource":                           {"ListClustersPage", 404, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}`, errors.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}, atlastest.Resource{Kind: atlas.BlockerNetworkPeering})
				srv.Fail(offboardtest.Respond(test.operation, test.status, test.body))
				kind := map[string]atlas.BlockerKind{
					"ListClustersPage": atlas.BlockerCluster, "ListFlexClustersPage": atlas.BlockerFlexCluster,
					"ListNetworkPeeringsPage": atlas.BlockerNetworkPeering, "ListOnlineArchivesPage": atlas.BlockerOnlineArchive,
				}[test.operation]
				c := newClient(t, srv)
				var err error
				if kind == atlas.BlockerOnlineArchive {
					_, err = c.ListOnlineArchivesPage(t.Context(), shop, "main", atlas.ListOnlineArchivesPageOptions{})
				} else {
					_, err = collect(c.ListBlockers(t.Context(), shop, kind))
				}
				switch n := srv.Count(test.operation); {
				case test.want == "" && (err != nil || n != 2):
					t.Errorf("got %v after %d requests", err, n)
				case test.want != "" && (!errors.Is(err, test.want) || n != 1):
					t.Errorf("got %v after %d requests, want %q", err, n, test.want)
				}
			})
		})
	}
}

func TestListBlockers_PeeringProviders(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	c, ctx := newClient(t, srv), t.Context()
	if found := gather(t, c.ListNetworkPeerings(ctx, shop, atlas.ListNetworkPeeringsPageOptions{})); len(found) != 0 {
		t.Errorf("got %v without a provider, want only AWS", found)
	}
	want := []atlas.Blocker{{Kind: atlas.BlockerNetworkPeering, ID: peer, Provider: atlas.CloudProviderAzure, State: "AVAILABLE"}}
	if diff := cmp.Diff(want, gather(t, c.ListBlockers(ctx, shop, atlas.BlockerNetworkPeering))); diff != "" {
		t.Errorf("blockers (-want +got):\n%s", diff)
	}
}

func TestListBlockers_RequestCount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		add  []atlastest.Resource
		want int
	}{
		"nothing":            {nil, 13},
		"clusters":           {[]atlastest.Resource{{Kind: atlas.BlockerCluster}, {Kind: atlas.BlockerCluster}}, 13 + 2 + 2*2},
		"a deleted cluster":  {[]atlastest.Resource{{Kind: atlas.BlockerCluster, ID: "old", Retained: true}, {Kind: atlas.BlockerSnapshot, Parent: "old"}}, 13 + 2 + 1},
		"a peering":          {[]atlastest.Resource{{Kind: atlas.BlockerNetworkPeering}}, 13 + 1},
		"a stream workspace": {[]atlastest.Resource{{Kind: atlas.BlockerStreamWorkspace}}, 13 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.AddProject(acme, atlastest.Project{ID: shop})
			for _, r := range test.add {
				srv.AddResource(shop, r)
			}
			gather(t, newClient(t, srv).ListBlockers(t.Context(), shop))
			if n := len(srv.Requests()); n != test.want {
				t.Errorf("got %d requests, want %d: %v", n, test.want, requests(srv))
			}
		})
	}
}

func TestListBlockers_Policy(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy, Protected: true})
	c := newClient(t, srv)
	if blocker := gather(t, c.ListBlockers(t.Context(), shop, atlas.BlockerBackupCompliancePolicy)); len(blocker) != 0 {
		t.Errorf("got %v, want no policy without clusters and snapshots", blocker)
	}
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster})
	want := []atlas.Blocker{{Kind: atlas.BlockerBackupCompliancePolicy, ID: shop, State: "ACTIVE", Protected: true}}
	if diff := cmp.Diff(want, gather(t, c.ListBlockers(t.Context(), shop, atlas.BlockerBackupCompliancePolicy))); diff != "" {
		t.Errorf("blockers (-want +got):\n%s", diff)
	}
}

func TestListBlockers_RetainedSnapshots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		srv.AddProject(acme, atlastest.Project{ID: shop})
		for _, name := range []string{"kept", "dropped", "there"} {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: name})
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: name})
		}
		c, ctx := newClient(t, srv), t.Context()
		for _, name := range []string{"kept", "dropped"} {
			if err := c.DeleteCluster(ctx, shop, name, atlas.DeleteClusterOptions{RetainBackups: name == "kept"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		var got []string
		for _, blocker := range gather(t, c.ListBlockers(ctx, shop)) {
			got = append(got, string(blocker.Kind)+" "+blocker.Parent)
		}
		if diff := cmp.Diff([]string{"cluster ", "snapshot kept"}, got); diff != "" {
			t.Errorf("blockers (-want +got):\n%s", diff)
		}
	})
}

func TestListBlockers_Error(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"ListClustersPage", "GetOutageSimulation", "ListOnlineArchivesPage", "ListFlexClustersPage", "GetBackupCompliancePolicy",
		"ListNetworkPeeringsPage", "ListFederationEndpointsPage", "ListFederatedDatabases", "ListStreamWorkspacesPage",
		"ListStreamProcessorsPage", "ListStreamPrivateLinksPage", "ListActiveStreamVPCPeeringsPage", "ListPrivateEndpointServices",
		"ListEncryptionEndpointsPage",
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			srv := newFilledServer()
			fault := offboardtest.Respond(operation, 403, `{"error":403,"errorCode":"ACCESS_FORBIDDEN"}`)
			srv.Fail(fault)
			last := error(nil)
			for _, err := range newClient(t, srv).ListBlockers(t.Context(), shop) {
				if last != nil {
					t.Fatal("the list continues after an error")
				}
				last = err
			}
			if !errors.Is(last, errors.PermissionDenied) {
				t.Errorf("got %v, want %q", last, errors.PermissionDenied)
			}
		})
	}
	t.Run("a missing project", func(t *testing.T) {
		t.Parallel()
		srv := newFilledServer()
		for _, kind := range []atlas.BlockerKind{atlas.BlockerCluster, atlas.BlockerBackupCompliancePolicy, atlas.BlockerSnapshot} {
			var last error
			for _, err := range newClient(t, srv).ListBlockers(t.Context(), empty, kind) {
				last = err
			}
			if e, _ := errors.AsType[*errors.Error](last); e == nil || e.ProviderCode != "GROUP_NOT_FOUND" || e.Code != errors.NotFound {
				t.Errorf("%s: got %v, want %q", kind, last, errors.NotFound)
			}
		}
	})
}

// A cluster that is deleted while its archives are listed has no archives.
func TestListBlockers_ClusterDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Takes: time.Second},
			atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
		)
		c := newClient(t, srv)
		if err := c.DeleteCluster(t.Context(), shop, "main", atlas.DeleteClusterOptions{}); err != nil {
			t.Fatal(err)
		}
		srv.Fail(offboardtest.Fault{Operation: "ListOnlineArchivesPage", Delay: 2 * time.Second})
		if blocker := gather(t, c.ListBlockers(t.Context(), shop, atlas.BlockerOnlineArchive)); len(blocker) != 0 {
			t.Errorf("remaining: %v", blocker)
		}
	})
}

// A "not found" of one list is an error and not a shorter list, because it does not prove that the
// parent of the list does not exist.
func TestListBlockers_NotFoundOfOneList(t *testing.T) {
	t.Parallel()
	for operation, kind := range map[string]atlas.BlockerKind{
		"ListClustersPage": atlas.BlockerCluster, "ListFlexClustersPage": atlas.BlockerFlexCluster,
		"ListOnlineArchivesPage": atlas.BlockerOnlineArchive, "GetOutageSimulation": atlas.BlockerOutageSimulation,
		"ListNetworkContainersPage": atlas.BlockerNetworkPeering, "ListNetworkPeeringsPage": atlas.BlockerNetworkPeering,
		"ListFederationEndpointsPage": atlas.BlockerFederationEndpoint, "ListFederatedDatabases": atlas.BlockerFederatedDatabase,
		"ListStreamWorkspacesPage": atlas.BlockerStreamWorkspace, "ListStreamProcessorsPage": atlas.BlockerStreamProcessor,
		"ListStreamPrivateLinksPage": atlas.BlockerStreamPrivateLink, "ListActiveStreamVPCPeeringsPage": atlas.BlockerStreamVPCPeering,
		"ListPrivateEndpointServices": atlas.BlockerPrivateEndpointService, "ListEncryptionEndpointsPage": atlas.BlockerEncryptionEndpoint,
	} {
		for _, code := range []string{
			"CLUSTER_NOT_FOUND", "STREAM_TENANT_NOT_FOUND_FOR_NAME", "GROUP_NOT_FOUND", "PROJECT_NOT_FOUND", "PEER_NOT_FOUND",
			"SNAPSHOT_NOT_FOUND", "UNEXPECTED_ERROR", "RESOURCE_NOT_FOUND",
		} {
			if kind == atlas.BlockerOutageSimulation && code == "RESOURCE_NOT_FOUND" {
				continue // no error has this code
			}
			t.Run(operation+"/"+code, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := newServerWith(
						atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
						atlastest.Resource{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
						atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
						atlastest.Resource{Kind: atlas.BlockerFlexCluster}, atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
						atlastest.Resource{Kind: atlas.BlockerFederationEndpoint}, atlastest.Resource{Kind: atlas.BlockerFederatedDatabase},
						atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
						atlastest.Resource{Kind: atlas.BlockerStreamProcessor, Parent: "events"},
						atlastest.Resource{Kind: atlas.BlockerStreamPrivateLink}, atlastest.Resource{Kind: atlas.BlockerStreamVPCPeering},
						atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService}, atlastest.Resource{Kind: atlas.BlockerEncryptionEndpoint},
					)
					srv.Fail(always(offboardtest.Respond(operation, 404, `{"error":404,"errorCode":"`+code+`"}`)))
					blocker, err := collect(newClient(t, srv).ListBlockers(t.Context(), shop, kind))
					if err == nil {
						t.Errorf("remaining: %v, without an error", blocker)
					}
					if srv.Count(operation) == 0 {
						t.Errorf("%s was not called", operation)
					}
				})
			})
		}
	}
}

// Finished resources are not blockers.
func TestListBlockers_Finished(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	srv.Fail(
		offboardtest.Respond("GetOutageSimulation", 200, `{"clusterName":"main","state":"COMPLETE"}`),
		offboardtest.Respond("ListOnlineArchivesPage", 200, `{"results":[{"_id":"`+archive+`","state":"DELETED"}]}`),
		offboardtest.Respond("GetBackupCompliancePolicy", 200, `{}`),
	)
	c := newClient(t, srv)
	kinds := []atlas.BlockerKind{atlas.BlockerOutageSimulation, atlas.BlockerOnlineArchive, atlas.BlockerBackupCompliancePolicy}
	if blocker := gather(t, c.ListBlockers(t.Context(), shop, kinds...)); len(blocker) != 0 {
		t.Errorf("remaining: %v", blocker)
	}
}

func TestListBlockers_StoppedEarly(t *testing.T) {
	t.Parallel()
	srv := newFilledServer()
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy})
	c := newClient(t, srv)
	whole := gather(t, c.ListBlockers(t.Context(), shop))
	for n := range whole {
		var got []atlas.Blocker
		for blocker := range c.ListBlockers(t.Context(), shop) {
			if got = append(got, blocker); len(got) == n+1 {
				break
			}
		}
		if diff := cmp.Diff(whole[:n+1], got); diff != "" {
			t.Errorf("after %d (-want +got):\n%s", n, diff)
		}
	}
}
