package atlas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestDelete_AllKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newFilledServer()
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy, Protected: true})
		c := newClient(t, srv)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		every := []atlas.BlockerKind{
			atlas.BlockerOutageSimulation, atlas.BlockerOnlineArchive, atlas.BlockerBackupCompliancePolicy, atlas.BlockerCluster, atlas.BlockerFlexCluster,
			atlas.BlockerNetworkPeering, atlas.BlockerFederationEndpoint, atlas.BlockerFederatedDatabase,
			atlas.BlockerStreamProcessor, atlas.BlockerStreamWorkspace, atlas.BlockerStreamPrivateLink, atlas.BlockerStreamVPCPeering,
			atlas.BlockerPrivateEndpoint, atlas.BlockerPrivateEndpointService, atlas.BlockerEncryptionEndpoint,
		}
		if diff := cmp.Diff(every, kindsOf(t, c)); diff != "" {
			t.Errorf("kinds (-want +got):\n%s", diff)
		}
		blocked := func() {
			t.Helper()
			if err := c.DeleteOrganization(ctx, acme); !errors.Is(err, errors.OrganizationNotEmpty) {
				t.Fatalf("got %v, want %q", err, errors.OrganizationNotEmpty)
			}
			if err := c.DeleteProject(ctx, shop); !errors.Is(err, errors.DeletionStepsNotSatisfied) {
				t.Fatalf("got %v, want %q", err, errors.DeletionStepsNotSatisfied)
			}
		}
		for _, kind := range every {
			if kind == atlas.BlockerBackupCompliancePolicy {
				continue
			}
			blocked()
			for _, blocker := range gather(t, c.ListBlockers(ctx, shop, kind)) {
				if err := remove(ctx, c, blocker); err != nil {
					t.Fatalf("%+v: %v", blocker, err)
				}
			}
			if err := c.WaitForDeletion(ctx, shop, nil, kind); err != nil {
				t.Fatal(err)
			}
		}
		// The policy retained the snapshots of the clusters.
		retained := []atlas.BlockerKind{atlas.BlockerBackupCompliancePolicy, atlas.BlockerSnapshot, atlas.BlockerShardedSnapshot}
		if diff := cmp.Diff(retained, kindsOf(t, c)); diff != "" {
			t.Errorf("kinds (-want +got):\n%s", diff)
		}
		if err := c.DeleteProject(ctx, shop); !errors.Is(err, errors.BackupCompliancePolicy) {
			t.Errorf("got %v, want %q", err, errors.BackupCompliancePolicy)
		}
		if err := c.DeleteSnapshot(ctx, shop, "main", snapshot); !errors.Is(err, errors.BackupCompliancePolicy) {
			t.Errorf("got %v, want %q", err, errors.BackupCompliancePolicy)
		}
		if err := c.DeleteBackupCompliancePolicy(ctx, shop); !errors.Is(err, errors.PermissionDenied) {
			t.Errorf("got %v, want %q", err, errors.PermissionDenied)
		}
		srv.Resolve(acme)
		for blocker, err := range c.ListBlockers(ctx, shop) {
			if err == nil {
				err = remove(ctx, c, blocker)
			}
			if err != nil {
				t.Fatalf("%+v: %v", blocker, err)
			}
		}
		if err := c.DeleteProject(ctx, shop); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteOrganization(ctx, acme); err != nil {
			t.Fatal(err)
		}
		if srv.Exists(acme) || len(srv.Resources(shop)) != 0 {
			t.Errorf("the organization exists: %t; remaining: %v", srv.Exists(acme), srv.Resources(shop))
		}
	})
}

// remove requests the removal of a blocker.
func remove(ctx context.Context, c *atlas.Client, blocker atlas.Blocker) (err error) {
	switch blocker.Kind {
	case atlas.BlockerOutageSimulation:
		_, err = c.EndOutageSimulation(ctx, shop, blocker.ID)
	case atlas.BlockerOnlineArchive:
		err = c.DeleteOnlineArchive(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerCluster:
		err = c.DeleteCluster(ctx, shop, blocker.ID, atlas.DeleteClusterOptions{RetainBackups: blocker.ID == "shards"})
	case atlas.BlockerFlexCluster:
		err = c.DeleteFlexCluster(ctx, shop, blocker.ID)
	case atlas.BlockerBackupCompliancePolicy:
		err = c.DeleteBackupCompliancePolicy(ctx, shop)
	case atlas.BlockerSnapshot:
		err = c.DeleteSnapshot(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerShardedSnapshot:
		err = c.DeleteShardedSnapshot(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerNetworkPeering:
		err = c.DeleteNetworkPeering(ctx, shop, blocker.ID)
	case atlas.BlockerFederationEndpoint:
		err = c.DeleteFederationEndpoint(ctx, shop, blocker.ID)
	case atlas.BlockerFederatedDatabase:
		err = c.DeleteFederatedDatabase(ctx, shop, blocker.ID)
	case atlas.BlockerStreamProcessor:
		err = c.DeleteStreamProcessor(ctx, shop, blocker.Parent, blocker.ID)
	case atlas.BlockerStreamWorkspace:
		err = c.DeleteStreamWorkspace(ctx, shop, blocker.ID)
	case atlas.BlockerStreamPrivateLink:
		err = c.DeleteStreamPrivateLink(ctx, shop, blocker.ID)
	case atlas.BlockerStreamVPCPeering:
		err = c.DeleteStreamVPCPeering(ctx, shop, blocker.ID)
	case atlas.BlockerPrivateEndpoint:
		err = c.DeletePrivateEndpoint(ctx, shop, blocker.Provider, blocker.Parent, blocker.ID)
	case atlas.BlockerPrivateEndpointService:
		err = c.DeletePrivateEndpointService(ctx, shop, blocker.Provider, blocker.ID)
	case atlas.BlockerEncryptionEndpoint:
		err = c.DeleteEncryptionEndpoint(ctx, shop, blocker.Provider, blocker.ID)
	default:
		err = fmt.Errorf("unknown kind %s", blocker.Kind)
	}
	return err
}

// kindsOf returns the kinds of the blockers, each once.
func kindsOf(t *testing.T, c *atlas.Client) []atlas.BlockerKind {
	t.Helper()
	var kinds []atlas.BlockerKind
	for _, blocker := range gather(t, c.ListBlockers(t.Context(), shop)) {
		if !slices.Contains(kinds, blocker.Kind) {
			kinds = append(kinds, blocker.Kind)
		}
	}
	return kinds
}

func TestSetClusterTerminationProtection(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "safe", Protected: true})
	c, ctx := newClient(t, srv), t.Context()
	if blocker := gather(t, c.ListBlockers(ctx, shop)); len(blocker) != 1 || !blocker[0].Protected {
		t.Errorf("remaining: %+v, want a protected one", blocker)
	}
	if _, err := c.SetClusterTerminationProtection(ctx, shop, "safe", false); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteCluster(ctx, shop, "safe", atlas.DeleteClusterOptions{}); err != nil {
		t.Error(err)
	}
}

func TestDeleteFederationEndpoint_TwoDeletions(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerFederationEndpoint, ID: endpoint, RemovedAfter: 2})
	c, ctx := newClient(t, srv), t.Context()
	for _, blocker := range []int{1, 0} {
		if err := c.DeleteFederationEndpoint(ctx, shop, endpoint); err != nil {
			t.Fatal(err)
		}
		if got := gather(t, c.ListFederationEndpoints(ctx, shop)); len(got) != blocker {
			t.Errorf("%d endpoints exist, want %d", len(got), blocker)
		}
	}
	if err := c.DeleteProject(ctx, shop); err != nil {
		t.Error(err)
	}
}

func TestDeletePrivateEndpoint_LastOfService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newFilledServer()
		c, ctx := newClient(t, srv), t.Context()
		if err := c.DeletePrivateEndpoint(ctx, shop, atlas.CloudProviderAWS, service, endpoint); err != nil {
			t.Fatal(err)
		}
		var states []string
		for range 3 {
			found, err := c.ListPrivateEndpointServices(ctx, shop, atlas.CloudProviderAWS)
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, "")
			for _, s := range found {
				states[len(states)-1] = s.Status
			}
			time.Sleep(time.Minute)
		}
		if diff := cmp.Diff([]string{"AVAILABLE", "DELETING", ""}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestDeleteLiveMigrationLink_MigrationRuns(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, LiveMigration: true, FailedPayments: true, LinkedProjects: []string{"old"}})
	c, ctx := newClient(t, srv), t.Context()
	for _, err := range []error{c.DeleteLiveMigrationLink(ctx, acme), c.DeleteOrganization(ctx, acme)} {
		if !errors.Is(err, errors.ActiveLiveMigration) {
			t.Errorf("got %v, want %q", err, errors.ActiveLiveMigration)
		}
	}
	srv.Resolve(acme)
	if err := c.DeleteLiveMigrationLink(ctx, acme); err != nil {
		t.Error(err)
	}
	if found, err := c.ListLiveMigrationProjects(ctx, acme); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
	if err := c.DeleteOrganization(ctx, acme); err != nil {
		t.Error(err)
	}
}

// A driver needs a client and a plan, but no inspection: the steps identify their resources, also
// after JSON.
func TestDriver_WithoutInspect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newBlockedServer()
		srv.Resolve(acme)
		c := newClient(t, srv)
		text, err := json.Marshal(planOf(t, c))
		if err != nil {
			t.Fatal(err)
		}
		p, err := teardown.ReadPlan(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Steps {
			d := c.RunDriver()
			state := teardown.ProgressReady
			for range 100 {
				var now teardown.Progress
				if state == teardown.ProgressReady {
					now, err = d.Act(t.Context(), p.Organization, s)
				} else {
					time.Sleep(5 * time.Second)
					var all []teardown.Progress
					if all, err = d.Poll(t.Context(), p.Organization, "", []teardown.Step{s}); err == nil {
						now = all[0]
					}
				}
				if err != nil {
					t.Fatalf("%s: %v", s.ID, err)
				}
				if state = now.State; state == teardown.ProgressNotFound {
					break
				}
			}
			if state != teardown.ProgressNotFound {
				t.Fatalf("%s: state %d", s.ID, state)
			}
		}
		if n := len(srv.Projects(acme)); n != 0 {
			t.Errorf("%d projects exist", n)
		}
	})
}

// A reference of another step is invalid.
func TestDriver_ReferenceOfAnotherStep(t *testing.T) {
	t.Parallel()
	srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "spare"})
	c := newClient(t, srv)
	p := planOf(t, c)
	before := len(srv.Requests())
	for name, change := range map[string]func(*teardown.Step){
		"of another resource": func(s *teardown.Step) { s.Ref = p.Steps[1].Ref },
		"no JSON":             func(s *teardown.Step) { s.Ref = json.RawMessage(`{`) },
		"without a project":   func(s *teardown.Step) { s.Ref = json.RawMessage(`{"id":"main"}`) },
		"another kind":        func(s *teardown.Step) { s.Kind = "flex_cluster" },
		"no kind":             func(s *teardown.Step) { s.ID, s.Kind = "unknown/1", "unknown" },
	} {
		s := p.Steps[0]
		change(&s)
		if _, err := c.RunDriver().Act(t.Context(), p.Organization, s); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: Act: %v", name, err)
		}
		if _, err := c.RunDriver().Poll(t.Context(), p.Organization, "", []teardown.Step{s}); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: Poll: %v", name, err)
		}
	}
	if n := len(srv.Requests()); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
}

// A resource is recreated with its name after a read, or its project is moved. The next request
// follows a read of its own.
func TestDriver_RecreatedAfterRead(t *testing.T) {
	t.Parallel()
	for kind, operation := range map[atlas.BlockerKind]string{
		atlas.BlockerCluster: "DeleteCluster", atlas.BlockerFlexCluster: "DeleteFlexCluster",
		atlas.BlockerStreamWorkspace: "DeleteStreamWorkspace", "project": "DeleteProject",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				resource := atlastest.Resource{Kind: kind, ID: "x"}
				srv := newServerWith()
				if kind != "project" {
					srv = newServerWith(resource)
				}
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				srv.SetDeletionTime(0)
				c := newClient(t, srv)
				p := planOf(t, c)
				step := p.Steps[0]
				d := c.RunDriver()
				if all, err := d.Poll(t.Context(), p.Organization, "", []teardown.Step{step}); err != nil || all[0].State != teardown.ProgressReady {
					t.Fatal(all, err)
				}
				time.Sleep(100 * time.Millisecond)
				if kind == "project" {
					srv.MoveProject(shop, other)
				} else {
					if err := remove(t.Context(), c, atlas.Blocker{Kind: kind, ID: "x"}); err != nil {
						t.Fatal(err)
					}
					srv.AddResource(shop, resource)
				}
				before := srv.Count(operation)
				now, err := d.Act(t.Context(), p.Organization, step)
				if err == nil && now.Err == nil && now.State != teardown.ProgressNotFound {
					t.Errorf("got %+v", now)
				}
				if srv.Count(operation) != before {
					t.Error("another one was removed")
				}
			})
		})
	}
}

// A step without a reference, from a plan of an earlier version, is read by its ID and name.
func TestTeardown_StepsWithoutReference(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newBlockedServer()
		srv.Resolve(acme)
		c, on := omittingClient(t, srv, "/clusters", "main", false)
		p := planOf(t, c)
		for i := range p.Steps {
			p.Steps[i].Ref = nil
		}
		teardownsuite.Seal(p)
		on.Store(true)
		r, err := execute(t, c, p, teardown.WithOverrides(teardown.TerminationProtection))
		checkReport(t, r, err, teardown.Deleted, "")
		for _, s := range r.Steps {
			if s.State != teardown.StepDeleted {
				t.Errorf("%s is %s", s.ID, s.State)
			}
		}
	})
}

// An item of a list without Atlas's ID is neither the resource nor another resource.
func TestTeardown_ItemWithoutID(t *testing.T) {
	t.Parallel()
	for operation, kind := range map[string]atlas.BlockerKind{"ListStreamWorkspacesPage": atlas.BlockerStreamWorkspace, "ListClustersPage": atlas.BlockerCluster} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: kind, ID: "main", Takes: time.Hour})
				c := newClient(t, srv)
				p := planOf(t, c)
				item := offboardtest.Respond(operation, http.StatusOK, `{"results":[{"name":"main"}],"totalCount":1,"links":[]}`)
				item.Times = 1000
				r, err := execute(t, c, p, onStepStart(string(kind), func() { srv.Fail(item) }), teardown.WithStepTimeout(10*time.Minute))
				if err == nil || r == nil || r.Outcome != teardown.Blocked || srv.Count("DeleteProject") != 0 {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// An existing resource is removed although a list of several pages lacks it: when the plan is
// applied, and while a step waits for the deletion.
func TestTeardown_AbsentFromPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind            atlas.BlockerKind
		path, operation string
		once            bool // no operation reads one item, and the next list has the item
	}{
		"clusters":          {atlas.BlockerCluster, "/clusters", "DeleteCluster", false},
		"flex clusters":     {atlas.BlockerFlexCluster, "/flexClusters", "DeleteFlexCluster", false},
		"projects":          {"", "/groups", "DeleteProject", false},
		"stream workspaces": {atlas.BlockerStreamWorkspace, "/streams", "DeleteStreamWorkspace", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, when := range []string{"at first", "while it is removed"} {
				t.Run(when, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						srv := atlastest.NewServer()
						srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
						srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
						for i := range 3 {
							if test.kind == "" {
								id := fmt.Sprintf("5e2f0000000000000000010%d", i)
								srv.AddProject(acme, atlastest.Project{ID: id, Name: fmt.Sprintf("item-%d", i), Clusters: 1})
							} else {
								srv.AddResource(shop, atlastest.Resource{Kind: test.kind, ID: fmt.Sprintf("item-%d", i), Takes: 10 * time.Second})
							}
						}
						c, on := omittingClient(t, srv, test.path, "item-1", test.once)
						p, set := planOf(t, c), false
						option := teardown.WithEvents(func(e teardown.Event) { // when a deletion was requested
							if e.Kind == teardown.EventWaiting && !set {
								set = true
								on.Store(true)
							}
						})
						if when == "at first" {
							on.Store(true)
						}
						r, err := execute(t, c, p, option)
						checkReport(t, r, err, teardown.Deleted, "")
						for _, s := range r.Steps {
							if s.State != teardown.StepDeleted {
								t.Errorf("%s is %s, want %s", s.ID, s.State, teardown.StepDeleted)
							}
							if took := s.FinishedAt.Sub(s.StartedAt); s.Kind == string(test.kind) && took < 10*time.Second {
								t.Errorf("%s finished after %v, and existed", s.ID, took)
							}
						}
						want := 3
						if test.kind == "" {
							want = 4
						}
						if n := srv.Count(test.operation); n != want {
							t.Errorf("%d deletions, want %d", n, want)
						}
					})
				})
			}
		})
	}
}

// A resource that one page lacks is read before its step finishes.
func TestTeardown_AbsentFromOnePage(t *testing.T) {
	t.Parallel()
	const body = `{"results":[],"totalCount":0,"links":[]}`
	for operation, kind := range map[string]atlas.BlockerKind{
		"ListClustersPage": atlas.BlockerCluster, "ListFlexClustersPage": atlas.BlockerFlexCluster, "ListProjectsPage": "project",
	} {
		for _, when := range []string{"at first", "while it is removed"} {
			t.Run(operation+"/"+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := newServerWith()
					if kind != "project" {
						srv.AddResource(shop, atlastest.Resource{Kind: kind, Takes: time.Minute})
					}
					c := newClient(t, srv)
					p := planOf(t, c)
					answer := offboardtest.Respond(operation, http.StatusOK, body)
					answer.Times = 2
					option := onStepStart(string(kind), func() { srv.Fail(answer) })
					if when == "at first" {
						srv.Fail(answer)
					}
					r, err := execute(t, c, p, option)
					checkReport(t, r, err, teardown.Deleted, "")
					for _, s := range r.Steps {
						if s.State != teardown.StepDeleted || s.Kind != "project" && s.FinishedAt.Sub(s.StartedAt) < time.Minute {
							t.Errorf("%s is %s after %s", s.ID, s.State, s.FinishedAt.Sub(s.StartedAt))
						}
					}
				})
			})
		}
	}
}

// An empty page with a total is not an empty list: it finishes no step, neither when the plan is
// applied nor while a step waits.
func TestTeardown_EmptyPageWithTotal(t *testing.T) {
	t.Parallel()
	const body = `{"results":[],"totalCount":2,"links":[]}`
	for operation, kind := range map[string]atlas.BlockerKind{
		"ListClustersPage": atlas.BlockerCluster, "ListFlexClustersPage": atlas.BlockerFlexCluster,
		"ListNetworkPeeringsPage": atlas.BlockerNetworkPeering, "ListFederationEndpointsPage": atlas.BlockerFederationEndpoint,
		"ListStreamWorkspacesPage": atlas.BlockerStreamWorkspace, "ListEncryptionEndpointsPage": atlas.BlockerEncryptionEndpoint,
		"ListStreamPrivateLinksPage": atlas.BlockerStreamPrivateLink, "ListActiveStreamVPCPeeringsPage": atlas.BlockerStreamVPCPeering,
		"ListProjectsPage": "project",
	} {
		for _, when := range []string{"at first", "while it is removed"} {
			for _, times := range []int{2, 1000} {
				t.Run(fmt.Sprintf("%s/%s/%d", operation, when, times), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv := newServerWith()
						if kind != "project" {
							srv.AddResource(shop, atlastest.Resource{Kind: kind, Takes: time.Minute})
						}
						c := newClient(t, srv)
						p := planOf(t, c)
						answer := offboardtest.Respond(operation, http.StatusOK, body)
						answer.Times = times
						option := onStepStart(string(kind), func() { srv.Fail(answer) })
						if when == "at first" {
							srv.Fail(answer)
						}
						r, err := execute(t, c, p, option, teardown.WithStepTimeout(10*time.Minute))
						if times == 2 { // another read of the list succeeds
							checkReport(t, r, err, teardown.Deleted, "")
							for _, s := range r.Steps {
								if s.State != teardown.StepDeleted {
									t.Errorf("%s is %s, want %s", s.ID, s.State, teardown.StepDeleted)
								}
							}
							return
						}
						if err == nil || !srv.Exists(acme) || srv.Count("DeleteOrganization") != 0 {
							t.Errorf("got %v; exists: %t", err, srv.Exists(acme))
						}
						if r == nil {
							return
						}
						for _, s := range r.Steps {
							if s.Kind == string(kind) && s.State == teardown.StepAlreadyDeleted {
								t.Errorf("%s is %s", s.ID, s.State)
							}
						}
					})
				})
			}
		}
	}
}

// omittingTransport splits the list of a path into two pages and omits one item by its name: the item
// moves to page 1 while page 2 is read. The total does not count the item.
type omittingTransport struct {
	next http.RoundTripper
	path string // suffix of the path
	name string
	on   *atomic.Bool
	once bool // only the first read omits the item
}

func (o omittingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	// Both pages are made from the fake's one page.
	number, requested := req.URL.Query().Get("pageNum"), req.URL.String()
	if o.on.Load() && req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, o.path) {
		req = req.Clone(req.Context())
		req.URL.RawQuery = strings.Replace(req.URL.RawQuery, "pageNum=2", "pageNum=1", 1)
	}
	resp, err := o.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || !o.on.Load() || req.Method != http.MethodGet || !strings.HasSuffix(req.URL.Path, o.path) {
		return resp, err
	}
	var page struct {
		Results    []map[string]any `json:"results"`
		TotalCount int              `json:"totalCount"`
		Links      []map[string]any `json:"links"`
	}
	err = json.NewDecoder(resp.Body).Decode(&page)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	retained := []map[string]any{}
	for _, item := range page.Results {
		if item["name"] != o.name {
			retained = append(retained, item)
		}
	}
	if len(retained) < 2 { // one page has all items
		retained = page.Results
	}
	half := (len(retained) + 1) / 2
	page.TotalCount = len(retained)
	page.Links = []map[string]any{{"rel": "self", "href": requested}}
	if page.Results = retained[:half]; number == "1" && half < len(retained) && len(retained) > 1 {
		page.Links = append(page.Links, map[string]any{"rel": "next", "href": req.URL.String()})
	}
	if number == "2" {
		page.Results = retained[half:]
		o.on.Store(!o.once)
	}
	body, err := json.Marshal(page)
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// omittingClient returns a client whose lists omit an item once the flag is set.
func omittingClient(t *testing.T, srv *atlastest.Server, path, name string, once bool) (*atlas.Client, *atomic.Bool) {
	t.Helper()
	on := new(atomic.Bool)
	_, hc := srv.Endpoint()
	return newClient(t, srv, atlas.WithHTTPClient(&http.Client{Transport: omittingTransport{hc.Transport, path, name, on, once}})), on
}

// A 404 of one list, or about one cluster, deletes no step.
func TestTeardown_NotFoundOfOneList(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"a cluster that is deleted": offboardtest.Respond("ListClustersPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","parameters":["deleted"]}`),
		"a flex cluster":            offboardtest.Respond("ListClustersPage", 400, `{"error":400,"errorCode":"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"}`),
		"the project":               offboardtest.Respond("ListClustersPage", 404, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`),
		"without a meaning":         offboardtest.Respond("ListFlexClustersPage", 404, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}`),
		"archives":                  offboardtest.Respond("ListOnlineArchivesPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND"}`),
		"processors":                offboardtest.Respond("ListStreamProcessorsPage", 404, `{"error":404,"errorCode":"STREAM_TENANT_NOT_FOUND_FOR_NAME"}`),
		"peerings":                  offboardtest.Respond("ListNetworkPeeringsPage", 404, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}`),
		"projects":                  offboardtest.Respond("ListProjectsPage", 404, `{"error":404,"errorCode":"ORG_NOT_FOUND"}`),
		"service accounts":          offboardtest.Respond("ListServiceAccountsPage", 404, `{"error":404,"errorCode":"ORG_NOT_FOUND"}`),
		"the link":                  offboardtest.Respond("ListLiveMigrationProjects", 404, `{"error":404,"errorCode":"ORG_NOT_FOUND"}`),
	} {
		for _, when := range []string{"at first", "while a cluster is removed"} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := newServerWith(
						atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "other"},
						atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
						atlastest.Resource{Kind: atlas.BlockerFlexCluster}, atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
						atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
						atlastest.Resource{Kind: atlas.BlockerStreamProcessor, Parent: "events"},
					)
					c := newClient(t, srv)
					p := planOf(t, c)
					fault := fault
					fault.Times = 7
					option := onStepStart("cluster", func() { srv.Fail(fault) })
					if when == "at first" {
						srv.Fail(fault)
					}
					r, err := execute(t, c, p, option)
					if r == nil { // no step was started
						if errors.Is(err, errors.NotFound) || len(srv.Projects(acme)) != 1 {
							t.Fatalf("got %v", err)
						}
						return
					}
					checkReport(t, r, err, teardown.Deleted, "")
					for _, s := range r.Steps {
						if s.State != teardown.StepDeleted {
							t.Errorf("%s is %s, want %s", s.ID, s.State, teardown.StepDeleted)
						}
					}
				})
			})
		}
	}
}

// A read about another resource proves nothing.
func TestTeardown_ProofAboutAnother(t *testing.T) {
	t.Parallel()
	for name, proof := range map[string]offboardtest.Fault{
		"another cluster":           offboardtest.Respond("GetCluster", http.StatusOK, `{"id":"64a700000000000000000099","name":"other"}`),
		"a cluster without an ID":   offboardtest.Respond("GetCluster", http.StatusOK, `{"name":"main"}`),
		"another cluster's absence": offboardtest.Respond("GetCluster", http.StatusNotFound, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","detail":"-","parameters":["other","`+shop+`"]}`),
		"an absence from a cache": func() offboardtest.Fault {
			f := offboardtest.Respond("GetCluster", http.StatusNotFound, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","detail":"-"}`)
			f.Header = http.Header{"Age": {"3"}}
			return f
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Takes: time.Hour})
				c := newClient(t, srv)
				p := planOf(t, c)
				proof.Times = 1000
				empty := offboardtest.Respond("ListClustersPage", http.StatusOK, `{"results":[],"totalCount":0,"links":[]}`)
				empty.Times = 1000
				r, err := execute(t, c, p, onStepStart("cluster", func() { srv.Fail(proof, empty) }), teardown.WithStepTimeout(10*time.Minute))
				if err == nil || r == nil || r.Outcome != teardown.Blocked || srv.Count("DeleteProject") != 0 {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// Atlas accepts a deletion that never starts: the deletion is requested again, at most three times.
func TestTeardown_DeletionNeverStarts(t *testing.T) {
	t.Parallel()
	for _, kind := range []atlas.BlockerKind{
		atlas.BlockerCluster, atlas.BlockerFlexCluster, atlas.BlockerOnlineArchive, atlas.BlockerNetworkPeering, atlas.BlockerFederationEndpoint,
		atlas.BlockerFederatedDatabase, atlas.BlockerStreamWorkspace, atlas.BlockerStreamPrivateLink, atlas.BlockerStreamVPCPeering,
		atlas.BlockerPrivateEndpointService, atlas.BlockerEncryptionEndpoint,
	} {
		for needed, want := range map[int]teardown.Outcome{3: teardown.Deleted, 100: teardown.Blocked} {
			t.Run(fmt.Sprintf("%s/%d", kind, needed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					resources := []atlastest.Resource{{Kind: kind, RemovedAfter: needed, Takes: time.Second}}
					if kind == atlas.BlockerOnlineArchive {
						resources = append([]atlastest.Resource{{Kind: atlas.BlockerCluster, ID: "main"}}, resources...)
						resources[1].Parent = "main"
					}
					srv := newServerWith(resources...)
					c := newClient(t, srv)
					r, err := execute(t, c, planOf(t, c), teardown.WithStepTimeout(10*time.Minute))
					if want == teardown.Deleted {
						checkReport(t, r, err, teardown.Deleted, "")
					} else {
						checkReport(t, r, err, teardown.Blocked, errors.NotFinished)
					}
					sent := 0
					for _, request := range srv.Requests() {
						if request.Method == http.MethodDelete && !strings.HasPrefix(request.Operation, "DeleteOrg") &&
							request.Operation != "DeleteProject" && (kind != atlas.BlockerOnlineArchive || request.Operation == "DeleteOnlineArchive") {
							sent++
						}
					}
					if sent != min(needed, 4) {
						t.Errorf("%d requests, want %d", sent, min(needed, 4))
					}
				})
			})
		}
	}
	t.Run("project", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := newServerWith()
			fault := offboardtest.Respond("DeleteProject", http.StatusAccepted, "{}")
			fault.Times = 2
			srv.Fail(fault)
			c := newClient(t, srv)
			r, err := execute(t, c, planOf(t, c))
			checkReport(t, r, err, teardown.Deleted, "")
			if n := srv.Count("DeleteProject"); n != 3 {
				t.Errorf("%d requests, want 3", n)
			}
		})
	})
}

// The same for removals that the fake cannot delay: Atlas accepts and ignores each.
func TestTeardown_DeletionIgnored(t *testing.T) {
	t.Parallel()
	cluster := atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}
	for operation, resources := range map[string][]atlastest.Resource{
		"EndOutageSimulation":          {cluster, {Kind: atlas.BlockerOutageSimulation, Parent: "main"}},
		"DeleteBackupCompliancePolicy": {cluster, {Kind: atlas.BlockerBackupCompliancePolicy}},
		"DeleteSnapshot":               {{Kind: atlas.BlockerCluster, ID: "old", Retained: true}, {Kind: atlas.BlockerSnapshot, Parent: "old"}},
		"DeleteShardedSnapshot":        {{Kind: atlas.BlockerCluster, ID: "old", Retained: true, Sharded: true}, {Kind: atlas.BlockerShardedSnapshot, Parent: "old"}},
		"DeleteStreamProcessor":        {{Kind: atlas.BlockerStreamWorkspace, ID: "events"}, {Kind: atlas.BlockerStreamProcessor, Parent: "events"}},
		"DeletePrivateEndpoint":        {{Kind: atlas.BlockerPrivateEndpointService, ID: strings.Repeat("6", 24)}, {Kind: atlas.BlockerPrivateEndpoint, Parent: strings.Repeat("6", 24)}},
		"DeleteLiveMigrationLink":      nil,
		"DeleteFederation":             nil,
		"DisconnectOrganization":       nil,
		"DeleteProject":                nil,
	} {
		for _, ignored := range []int{2, 1000} {
			t.Run(fmt.Sprintf("%s/%d", operation, ignored), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := atlastest.NewServer()
					o := atlastest.Organization{ID: acme, Name: "Acme"}
					switch operation {
					case "DeleteLiveMigrationLink":
						o.LinkedProjects = []string{"old"}
					case "DeleteFederation", "DisconnectOrganization":
						o.Federation = "5e2f0000000000000000000c"
					}
					srv.AddOrganization(o)
					if operation == "DisconnectOrganization" {
						srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other", Federation: o.Federation})
					}
					srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
					for _, x := range resources {
						srv.AddResource(shop, x)
					}
					c := newClient(t, srv)
					p := planOf(t, c)
					fault := offboardtest.Ignore(operation, http.StatusNoContent, "")
					fault.Times = ignored
					srv.Fail(fault)
					r, err := execute(t, c, p, teardown.WithStepTimeout(10*time.Minute))
					if ignored == 2 {
						checkReport(t, r, err, teardown.Deleted, "")
					} else {
						checkReport(t, r, err, teardown.Blocked, errors.NotFinished)
					}
					if n := srv.Count(operation); n != min(ignored+1, 4) {
						t.Errorf("%d requests, want %d", n, min(ignored+1, 4))
					}
				})
			})
		}
	}
}

// The projects' number of clusters is a hint: reads decide when a cluster is deleted.
func TestTeardown_NumberOfClusters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		to    string
		lists int // maximum number of lists of clusters
		late  time.Duration
	}{
		"correct":  {"", 5 * 14, 5 * time.Second},
		"constant": {"1", 5 * 16, 2 * time.Minute},
		"too low":  {"0", 5 * 16, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
				for i := range 5 {
					id := fmt.Sprintf("5e2f0000000000000000020%d", i)
					srv.AddProject(acme, atlastest.Project{ID: id, Name: fmt.Sprintf("p%d", i)})
					srv.AddResource(id, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Takes: 10 * time.Minute})
				}
				_, hc := srv.Endpoint()
				c := newClient(t, srv, atlas.WithHTTPClient(&http.Client{Transport: countTransport{hc.Transport, test.to}}))
				r, err := execute(t, c, planOf(t, c))
				checkReport(t, r, err, teardown.Deleted, "")
				for _, s := range r.Steps {
					if took := s.FinishedAt.Sub(s.StartedAt); s.Kind == "cluster" && (took < 10*time.Minute || took > 10*time.Minute+test.late) {
						t.Errorf("%s took %v", s.ID, took)
					}
				}
				if n := srv.Count("ListClustersPage"); n > test.lists {
					t.Errorf("clusters were listed %d times, want at most %d", n, test.lists)
				}
			})
		})
	}
}

// countTransport rewrites the projects' number of clusters.
type countTransport struct {
	next http.RoundTripper
	to   string
}

var count = regexp.MustCompile(`"clusterCount":\d+`)

func (x countTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := x.next.RoundTrip(req)
	if err != nil || x.to == "" {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	body = count.ReplaceAll(body, []byte(`"clusterCount":`+x.to))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// A missing role is transient in a new project, and permanent in an older project.
func TestTeardown_RoleMissingInNewProject(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"DeleteProject", "DeleteFlexCluster", "ListFlexClustersPage"} {
		for _, code := range []string{"USER_UNAUTHORIZED", "USER_CANNOT_ACCESS_GROUP"} {
			t.Run(operation+"/"+code, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for _, age := range []time.Duration{0, time.Hour} {
						srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerFlexCluster})
						c := newClient(t, srv)
						p := planOf(t, c)
						time.Sleep(age)
						fault := offboardtest.Respond(operation, http.StatusUnauthorized, `{"error":401,"errorCode":"`+code+`"}`)
						fault.Times = 2
						srv.Fail(fault)
						r, err := execute(t, c, p)
						if age == 0 {
							checkReport(t, r, err, teardown.Deleted, "")
						} else if !errors.Is(err, errors.PermissionDenied) {
							t.Errorf("got %v for an older project, want %q", err, errors.PermissionDenied)
						}
					}
				})
			})
		}
	}
}

// Atlas answers 401 NOT_IN_GROUP for a deleted project and for a project that the credential cannot
// read. The organization's list of projects decides.
func TestTeardown_NotInGroup(t *testing.T) {
	t.Parallel()
	const notInGroup = `{"error":401,"errorCode":"NOT_IN_GROUP"}`
	for name, deleted := range map[string]bool{"deleted": true, "denied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerFlexCluster, Takes: time.Hour})
				c := newClient(t, srv)
				p := planOf(t, c)
				r, err := execute(t, c, p, onStepStart("flex_cluster", func() {
					if deleted {
						srv.RemoveProjects(acme)
					}
					for _, operation := range []string{"GetProject", "ListFlexClustersPage", "DeleteProject"} {
						fault := offboardtest.Respond(operation, http.StatusUnauthorized, notInGroup)
						fault.Times = 100
						srv.Fail(fault)
					}
				}))
				if deleted {
					checkReport(t, r, err, teardown.Deleted, "")
					return
				}
				checkReport(t, r, err, teardown.Blocked, errors.PermissionDenied)
				if len(srv.Projects(acme)) != 1 || srv.Count("DeleteOrganization") != 0 {
					t.Errorf("projects: %v", srv.Projects(acme))
				}
			})
		})
	}
}

// A 404 about another project proves nothing.
func TestTeardown_AnotherProjectMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith()
		c := newClient(t, srv)
		p := planOf(t, c)
		r, err := execute(t, c, p, teardown.WithStepTimeout(10*time.Minute), onStepStart("project", func() {
			missing := offboardtest.Respond("GetProject", http.StatusNotFound, `{"error":404,"errorCode":"GROUP_NOT_FOUND","parameters":["`+blog+`"]}`)
			empty := offboardtest.Respond("ListProjectsPage", http.StatusOK, `{"results":[],"totalCount":0,"links":[]}`)
			missing.Times, empty.Times = 1000, 1000
			srv.Fail(missing, empty)
		}))
		if err == nil || r == nil || r.Outcome != teardown.Blocked || srv.Count("DeleteOrganization") != 0 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// A project that was moved to another organization during the run is not deleted.
func TestTeardown_ProjectMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith()
		c := newClient(t, srv)
		p := planOf(t, c)
		r, err := execute(t, c, p, onStepStart("project", func() {
			srv.Fail(always(offboardtest.Respond("GetProject", http.StatusOK, `{"id":"`+shop+`","name":"shop","orgId":"`+other+`"}`)))
		}))
		checkReport(t, r, err, teardown.Blocked, errors.NotConfirmed)
		if n := srv.Count("DeleteProject"); n != 0 || len(srv.Projects(acme)) != 1 {
			t.Errorf("%d deletions were sent", n)
		}
	})
}

// A project is moved to another organization while the steps run. Its resources are neither changed
// from then on nor reported as deleted.
func TestTeardown_ProjectMovedToAnotherOrganization(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"outage_simulation", "cluster", "flex_cluster", "stream_workspace", "network_peering", "project"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(
					atlastest.Resource{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
					atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "small", Protected: true},
					atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
					atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
				)
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				c := newClient(t, srv)
				moved, before := false, 0
				r, err := execute(t, c, planOf(t, c), teardown.WithConcurrency(1), teardown.WithOverrides(teardown.TerminationProtection), onStepStart(kind, func() {
					if !moved {
						time.Sleep(2 * time.Second)
						moved, before = true, len(srv.Requests())
						srv.MoveProject(shop, other)
					}
				}))
				checkReport(t, r, err, teardown.Blocked, errors.NotConfirmed)
				if got := writeRequests(srv, before); len(got) > 0 || len(srv.Projects(other)) != 1 {
					t.Errorf("the project was changed: %q", got)
				}
				for _, s := range r.Steps {
					if s.Kind == kind && s.State != teardown.StepFailed {
						t.Errorf("%s is %s", s.ID, s.State)
					}
				}
			})
		})
	}
}

// The project is moved after a removal was accepted. The absence of the resource in another
// organization's project does not prove the removal.
func TestTeardown_ProjectMovedAfterRemoval(t *testing.T) {
	t.Parallel()
	for _, kind := range []atlas.BlockerKind{atlas.BlockerCluster, atlas.BlockerNetworkPeering, atlas.BlockerFederatedDatabase} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(atlastest.Resource{Kind: kind, ID: "x"})
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				c := newClient(t, srv)
				p := planOf(t, c)
				step := p.Steps[0]
				d := c.RunDriver()
				if now, err := d.Act(t.Context(), p.Organization, step); err != nil || now.State != teardown.ProgressDeleting {
					t.Fatal(now, err)
				}
				srv.MoveProject(shop, other)
				time.Sleep(2 * time.Minute)
				all, err := d.Poll(t.Context(), p.Organization, "", []teardown.Step{step})
				if err == nil && all[0].State == teardown.ProgressNotFound {
					t.Error("it was taken for removed")
				}
			})
		})
	}
}

// A project that was moved before the plan is applied, with or without its own step, makes the plan
// stale, because its resources exist.
func TestTeardown_ProjectMovedBefore(t *testing.T) {
	t.Parallel()
	for _, edited := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
			srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
			c := newClient(t, srv)
			p := planOf(t, c)
			if edited {
				p.Steps = slices.DeleteFunc(p.Steps, func(s teardown.Step) bool { return s.Kind == "project" })
				teardownsuite.Seal(p)
			}
			srv.MoveProject(shop, other)
			before := len(srv.Requests())
			r, err := execute(t, c, p)
			if r != nil || !errors.Is(err, errors.PlanStale) || !strings.Contains(err.Error(), "another organization") {
				t.Errorf("got %+v, %v", r, err)
			}
			if got := writeRequests(srv, before); len(got) > 0 {
				t.Errorf("the project was changed: %q", got)
			}
		})
	}
}

// A planned project that the list lacks and that belongs to another organization is not deleted.
func TestTeardown_ProjectOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"of another organization": `{"id":"` + blog + `","name":"blog","orgId":"` + other + `"}`,
		"without an organization": `{"id":"` + blog + `","name":"blog"}`,
		"another project":         `{"id":"` + shop + `","name":"blog","orgId":"` + acme + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith()
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				srv.AddProject(other, atlastest.Project{ID: blog, Name: "blog"})
				c := newClient(t, srv)
				p := planOf(t, c)
				p.Steps = append(p.Steps, teardown.Step{ID: "project/" + blog, Kind: "project", Name: "blog"})
				teardownsuite.Seal(p)
				srv.Fail(always(offboardtest.Respond("GetProject", http.StatusOK, body)))
				_, err := execute(t, c, p)
				if len(srv.Projects(other)) != 1 {
					t.Errorf("the project was removed: %v", err)
				}
			})
		})
	}
}

// Removals within one second share the list that shows the organization of the projects.
func TestTeardown_SharedProofOfProject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith()
		for range 50 {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster})
		}
		c := newClient(t, srv)
		p := planOf(t, c)
		before := srv.Count("ListProjectsPage")
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Deleted, "")
		if n := srv.Count("ListProjectsPage") - before; n > 20 {
			t.Errorf("%d lists of projects", n)
		}
	})
}

// writeRequests returns the requests after the first n that change something.
func writeRequests(srv *atlastest.Server, n int) (all []string) {
	for _, q := range srv.Requests()[n:] {
		if q.Method != http.MethodGet && !strings.Contains(q.Path, "oauth") {
			all = append(all, q.Operation)
		}
	}
	return all
}

// Snapshots of a cluster that is not in the plan are retained.
func TestTeardown_SnapshotsNotInPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(atlastest.Resource{Kind: atlas.BlockerFlexCluster})
		c := newClient(t, srv)
		r, err := execute(t, c, planOf(t, c), onStepStart("flex_cluster", func() {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "new", Retained: true})
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "new"})
		}))
		checkReport(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if n := len(srv.Resources(shop)); n != 2 {
			t.Errorf("%d resources exist", n)
		}
	})
}

// Another client deletes a planned cluster with retained snapshots, or a plan has a step for a cluster
// that never existed: the snapshots are not deleted, because the plan does not have them.
func TestTeardown_SnapshotsKeptByOthers(t *testing.T) {
	t.Parallel()
	for name, sharded := range map[string]bool{"replica set": false, "sharded": true} {
		kind := atlas.BlockerSnapshot
		if sharded {
			kind = atlas.BlockerShardedSnapshot
		}
		intact := func(t *testing.T, srv *atlastest.Server, r *teardown.Report, err error) {
			t.Helper()
			if r != nil || !errors.Is(err, errors.PlanStale) {
				t.Errorf("got %+v, %v", r, err)
			}
			if n := srv.Count("DeleteSnapshot") + srv.Count("DeleteShardedSnapshot"); n > 0 || len(srv.Resources(shop)) != 2 {
				t.Errorf("%d deletions", n)
			}
		}
		t.Run(name+", before the plan is applied", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Sharded: sharded},
					atlastest.Resource{Kind: kind, Parent: "main"},
				)
				srv.SetDeletionTime(0)
				c := newClient(t, srv)
				p := planOf(t, c)
				if err := c.DeleteCluster(t.Context(), shop, "main", atlas.DeleteClusterOptions{RetainBackups: true}); err != nil {
					t.Fatal(err)
				}
				r, err := execute(t, c, p)
				intact(t, srv, r, err)
			})
		})
		t.Run(name+", a step of a cluster that never existed", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "old", Sharded: sharded, Retained: true},
					atlastest.Resource{Kind: kind, Parent: "old"},
				)
				c := newClient(t, srv)
				p := planOf(t, c)
				p.Steps = slices.DeleteFunc(p.Steps, func(s teardown.Step) bool { return s.Kind == string(kind) })
				p.Steps[0].After = nil
				p.Steps = append(p.Steps, teardown.Step{ID: "cluster/" + shop + "/64a7ffffffffffffffffffff", Kind: "cluster", Name: "old in shop"})
				teardownsuite.Seal(p)
				r, err := execute(t, c, p)
				intact(t, srv, r, err)
			})
		})
	}
	// Another client deletes the cluster while the run waits for another cluster.
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWith(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
			atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "main"},
		)
		c := newClient(t, srv)
		p := planOf(t, c)
		r, err := execute(t, c, p, onStepStart("cluster", func() {
			if err := c.DeleteCluster(t.Context(), shop, "main", atlas.DeleteClusterOptions{RetainBackups: true}); err != nil {
				t.Error(err)
			}
		}))
		checkReport(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if srv.Count("DeleteSnapshot") > 0 {
			t.Error("a snapshot was deleted")
		}
	})
}

// Retained snapshots of a cluster that this run deleted are deleted along with the project.
func TestTeardown_SnapshotsLeftByRun(t *testing.T) {
	t.Parallel()
	for _, retained := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := newServerWith(
				atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
				atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "main"},
			)
			c := newClient(t, srv)
			p := planOf(t, c)
			r, err := execute(t, c, p, teardown.WithEvents(func(e teardown.Event) {
				switch {
				case e.Kind != teardown.EventStarted:
				case strings.HasPrefix(e.Step, "cluster/"):
					srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy})
				case strings.HasPrefix(e.Step, "project/"):
					if err := c.DeleteBackupCompliancePolicy(t.Context(), shop); err != nil && !errors.Is(err, errors.NotFound) {
						t.Error(err)
					}
					if retained { // an earlier cluster with the name, whose snapshots another client retained
						srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Retained: true})
					}
				}
			}))
			if retained {
				checkReport(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
			} else {
				checkReport(t, r, err, teardown.Deleted, "")
			}
			if deleted := srv.Count("DeleteSnapshot") > 0; deleted == retained {
				t.Errorf("deleted: %v", deleted)
			}
		})
	}
}

// lineWriter is called with each line of a journal.
type lineWriter func(line []byte)

func (w lineWriter) Write(line []byte) (int, error) {
	w(line)
	return len(line), nil
}

// A removal that waits for the rate limit is not sent if others replace the resource meanwhile.
func TestTeardown_RecreatedDuringWait(t *testing.T) {
	t.Parallel()
	for operation, kind := range map[string]atlas.BlockerKind{
		"DeleteCluster": atlas.BlockerCluster, "DeleteFlexCluster": atlas.BlockerFlexCluster, "DeleteStreamWorkspace": atlas.BlockerStreamWorkspace,
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				resource := atlastest.Resource{Kind: kind, ID: "x"}
				srv := newServerWith(resource)
				srv.SetDeletionTime(0)
				c, others := newClient(t, srv), newClient(t, srv)
				p := planOf(t, c)
				srv.Fail(limited(operation))
				time.AfterFunc(30*time.Second, func() {
					if err := remove(t.Context(), others, atlas.Blocker{Kind: kind, ID: "x"}); err != nil {
						t.Error(err)
					}
					srv.AddResource(shop, resource)
				})
				r, err := execute(t, c, p)
				if n := srv.Count(operation); n != 2 || len(srv.Resources(shop)) != 1 { // one by the others
					t.Errorf("got %+v, %v after %d removals, want 2; remaining %v", r, err, n, srv.Resources(shop))
				}
			})
		})
	}
}

// A change that waits for the rate limit is not sent to a project that is moved meanwhile.
func TestTeardown_ProjectMovedDuringWait(t *testing.T) {
	t.Parallel()
	for operation, resources := range map[string][]atlastest.Resource{
		"DeleteProject":        nil,
		"DeleteNetworkPeering": {{Kind: atlas.BlockerNetworkPeering}},
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServerWith(resources...)
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				c := newClient(t, srv)
				p := planOf(t, c)
				before := len(srv.Resources(shop))
				srv.Fail(limited(operation))
				time.AfterFunc(30*time.Second, func() { srv.MoveProject(shop, other) })
				r, err := execute(t, c, p)
				if n := srv.Count(operation); n != 1 || len(srv.Projects(other)) != 1 || len(srv.Resources(shop)) != before {
					t.Errorf("got %+v, %v after %d requests, want 1; projects of the other organization: %v", r, err, n, srv.Projects(other))
				}
			})
		})
	}
}

// limited refuses one request, which can be sent again after a minute.
func limited(operation string) offboardtest.Fault {
	f := offboardtest.Respond(operation, 429, `{"error":429,"errorCode":"RATE_LIMITED","reason":"Too Many Requests","detail":"x"}`)
	f.Header.Set("Retry-After", "60")
	return f
}

// An empty list of the connected organizations does not show that no other organization uses the
// federation.
func TestTeardown_NoConnectedOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		for _, id := range []string{acme, other} {
			srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme", Federation: "5e2f0000000000000000000c"})
		}
		c := newClient(t, srv)
		p := planOf(t, c)
		empty := offboardtest.Respond("ListConnectedOrganizationsPage", 200, `{"results":[],"totalCount":0}`)
		empty.Times = 1000
		srv.Fail(empty)
		r, err := execute(t, c, p)
		checkReport(t, r, err, teardown.Blocked, errors.UnexpectedResponse)
		if sent := srv.Count("DeleteFederation") + srv.Count("DisconnectOrganization"); sent > 0 {
			t.Errorf("%d requests were sent", sent)
		}
	})
}
