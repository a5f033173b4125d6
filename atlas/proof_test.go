package atlas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// omitting splits the list of a path into two pages, and leaves out an item by its name:
// it moves to page 1 while page 2 is read. The total is that of an item less, so that it
// shows nothing of this.
type omitting struct {
	next http.RoundTripper
	path string // the end of it
	name string
	on   *atomic.Bool
	once bool // a later read is complete
}

func (o omitting) RoundTrip(req *http.Request) (*http.Response, error) {
	// The double has one page: both of ours are made of it.
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
	kept := []map[string]any{}
	for _, item := range page.Results {
		if item["name"] != o.name {
			kept = append(kept, item)
		}
	}
	if len(kept) < 2 { // one page has all items
		kept = page.Results
	}
	half := (len(kept) + 1) / 2
	page.TotalCount = len(kept)
	page.Links = []map[string]any{{"rel": "self", "href": requested}}
	if page.Results = kept[:half]; number == "1" && half < len(kept) && len(kept) > 1 {
		page.Links = append(page.Links, map[string]any{"rel": "next", "href": req.URL.String()})
	}
	if number == "2" {
		page.Results = kept[half:]
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
	return newClient(t, srv, atlas.WithHTTPClient(&http.Client{Transport: omitting{hc.Transport, path, name, on, once}})), on
}

// What exists is removed although a list of several pages lacks it: when the plan is
// applied, and while a step waits for the end of its deletion.
func TestTeardown_AbsentFromPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind            atlas.BlockerKind
		path, operation string
		once            bool // no operation reads one item, and the next list has it
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
						p, set := planned(t, c), false
						option := teardown.WithEvents(func(e teardown.Event) { // when a deletion has begun
							if e.Kind == teardown.EventWaiting && !set {
								set = true
								on.Store(true)
							}
						})
						if when == "at first" {
							on.Store(true)
						}
						r, err := execute(t, c, p, option)
						check(t, r, err, teardown.Deleted, "")
						for _, s := range r.Steps {
							if s.State != teardown.StepDeleted {
								t.Errorf("%s is %s, want %s", s.ID, s.State, teardown.StepDeleted)
							}
							if took := s.FinishedAt.Sub(s.StartedAt); s.Kind == string(test.kind) && took < 10*time.Second {
								t.Errorf("%s was done after %v, and existed", s.ID, took)
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

// A 404 of one list, or one about a cluster, marks nothing as deleted.
func TestTeardown_NotFoundOfOneList(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"a cluster that is deleted": offboardtest.Respond("ListClustersPage", 404, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","parameters":["gone"]}`),
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
					srv := with(
						atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "other"},
						atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "main"},
						atlastest.Resource{Kind: atlas.BlockerFlexCluster}, atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
						atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
						atlastest.Resource{Kind: atlas.BlockerStreamProcessor, Parent: "events"},
					)
					c := newClient(t, srv)
					p := planned(t, c)
					fault := fault
					fault.Times = 7
					option := during("cluster", func() { srv.Fail(fault) })
					if when == "at first" {
						srv.Fail(fault)
					}
					r, err := execute(t, c, p, option)
					if r == nil { // nothing was started
						if errors.Is(err, errors.NotFound) || len(srv.Projects(acme)) != 1 {
							t.Fatalf("got %v", err)
						}
						return
					}
					check(t, r, err, teardown.Deleted, "")
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

// Atlas has accepted a deletion that never starts: it is requested again, three times
// at most.
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
					srv := with(resources...)
					c := newClient(t, srv)
					r, err := execute(t, c, planned(t, c), teardown.WithStepTimeout(10*time.Minute))
					if want == teardown.Deleted {
						check(t, r, err, teardown.Deleted, "")
					} else {
						check(t, r, err, teardown.Blocked, errors.NotFinished)
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
			srv := with()
			fault := offboardtest.Respond("DeleteProject", http.StatusAccepted, "{}")
			fault.Times = 2
			srv.Fail(fault)
			c := newClient(t, srv)
			r, err := execute(t, c, planned(t, c))
			check(t, r, err, teardown.Deleted, "")
			if n := srv.Count("DeleteProject"); n != 3 {
				t.Errorf("%d requests, want 3", n)
			}
		})
	})
}

// A role that is missing in a project that was just made is granted in time; in an older
// one it is not.
func TestTeardown_RoleMissingInNewProject(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"DeleteProject", "DeleteFlexCluster", "ListFlexClustersPage"} {
		for _, code := range []string{"USER_UNAUTHORIZED", "USER_CANNOT_ACCESS_GROUP"} {
			t.Run(operation+"/"+code, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for _, age := range []time.Duration{0, time.Hour} {
						srv := with(atlastest.Resource{Kind: atlas.BlockerFlexCluster})
						c := newClient(t, srv)
						p := planned(t, c)
						time.Sleep(age)
						fault := offboardtest.Respond(operation, http.StatusUnauthorized, `{"error":401,"errorCode":"`+code+`"}`)
						fault.Times = 2
						srv.Fail(fault)
						r, err := execute(t, c, p)
						if age == 0 {
							check(t, r, err, teardown.Deleted, "")
						} else if !errors.Is(err, errors.PermissionDenied) {
							t.Errorf("got %v for an older project, want %q", err, errors.PermissionDenied)
						}
					}
				})
			})
		}
	}
}

// Atlas answers 401 NOT_IN_GROUP for a project that was deleted, and for one that the
// credential may not read. The organization's list of projects tells which.
func TestTeardown_NotInGroup(t *testing.T) {
	t.Parallel()
	const notInGroup = `{"error":401,"errorCode":"NOT_IN_GROUP"}`
	for name, deleted := range map[string]bool{"deleted": true, "denied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(atlastest.Resource{Kind: atlas.BlockerFlexCluster, Takes: time.Hour})
				c := newClient(t, srv)
				p := planned(t, c)
				r, err := execute(t, c, p, during("flex_cluster", func() {
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
					check(t, r, err, teardown.Deleted, "")
					return
				}
				check(t, r, err, teardown.Blocked, errors.PermissionDenied)
				if len(srv.Projects(acme)) != 1 || srv.Count("DeleteOrganization") != 0 {
					t.Errorf("projects: %v", srv.Projects(acme))
				}
			})
		})
	}
}

// A page that is not Atlas's proves nothing, whichever read it answers.
func TestCheckDeletion_ForeignPage(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"GetOrganization", "ListProjectsPage", "ListInvoicesPage"} {
		for name, fault := range map[string]offboardtest.Fault{
			"403 page":  offboardtest.Respond(operation, http.StatusForbidden, "<html>Request blocked</html>"),
			"403 empty": offboardtest.Respond(operation, http.StatusForbidden, ""),
			"401 empty": offboardtest.Respond(operation, http.StatusUnauthorized, ""),
			"404 page":  offboardtest.Respond(operation, http.StatusNotFound, "<html>Not found</html>"),
		} {
			t.Run(operation+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := atlastest.NewServer()
					srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", FailedPayments: true})
					srv.Fail(always(fault))
					c := newClient(t, srv)
					if err := c.CheckDeletion(t.Context(), acme); !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("CheckDeletion: got %v", err)
					}
					if p, err := c.Plan(t.Context(), acme); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("Plan: got %v, %v", p, err)
					}
				})
			})
		}
	}
	t.Run("a burst passes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", FailedPayments: true})
			fault := offboardtest.Respond("ListInvoicesPage", http.StatusForbidden, "")
			fault.Times = 3
			srv.Fail(fault)
			if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.PaymentRequired) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("a revoked credential", func(t *testing.T) {
		t.Parallel()
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", FailedPayments: true})
		srv.Fail(always(offboardtest.Respond("ListInvoicesPage", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR"}`)))
		if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.Unauthenticated) {
			t.Errorf("got %v", err)
		}
	})
}

// An empty page whose total names items is no empty list: no step is taken to be done by
// it, when the plan is applied and while a step waits.
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
						srv := with()
						if kind != "project" {
							srv.AddResource(shop, atlastest.Resource{Kind: kind, Takes: time.Minute})
						}
						c := newClient(t, srv)
						p := planned(t, c)
						answer := offboardtest.Respond(operation, http.StatusOK, body)
						answer.Times = times
						option := during(string(kind), func() { srv.Fail(answer) })
						if when == "at first" {
							srv.Fail(answer)
						}
						r, err := execute(t, c, p, option, teardown.WithStepTimeout(10*time.Minute))
						if times == 2 { // another read of the list succeeds
							check(t, r, err, teardown.Deleted, "")
							for _, s := range r.Steps {
								if s.State != teardown.StepDeleted {
									t.Errorf("%s is %s, want %s", s.ID, s.State, teardown.StepDeleted)
								}
							}
							return
						}
						if err == nil || !srv.Exists(acme) || srv.Count("DeleteOrganization") != 0 {
							t.Errorf("got %v; it exists: %t", err, srv.Exists(acme))
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

// What one page lacks is read before its step counts as done.
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
					srv := with()
					if kind != "project" {
						srv.AddResource(shop, atlastest.Resource{Kind: kind, Takes: time.Minute})
					}
					c := newClient(t, srv)
					p := planned(t, c)
					answer := offboardtest.Respond(operation, http.StatusOK, body)
					answer.Times = 2
					option := during(string(kind), func() { srv.Fail(answer) })
					if when == "at first" {
						srv.Fail(answer)
					}
					r, err := execute(t, c, p, option)
					check(t, r, err, teardown.Deleted, "")
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

// A read that answers about another resource proves nothing.
func TestTeardown_ProofAboutAnother(t *testing.T) {
	t.Parallel()
	for name, proof := range map[string]offboardtest.Fault{
		"another cluster":           offboardtest.Respond("GetCluster", http.StatusOK, `{"id":"64a700000000000000000099","name":"other"}`),
		"a cluster without an ID":   offboardtest.Respond("GetCluster", http.StatusOK, `{"name":"main"}`),
		"another cluster's absence": offboardtest.Respond("GetCluster", http.StatusNotFound, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","detail":"-","parameters":["other","`+shop+`"]}`),
		"an absence in a cache": func() offboardtest.Fault {
			f := offboardtest.Respond("GetCluster", http.StatusNotFound, `{"error":404,"errorCode":"CLUSTER_NOT_FOUND","detail":"-"}`)
			f.Header = http.Header{"Age": {"3"}}
			return f
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Takes: time.Hour})
				c := newClient(t, srv)
				p := planned(t, c)
				proof.Times = 1000
				empty := offboardtest.Respond("ListClustersPage", http.StatusOK, `{"results":[],"totalCount":0,"links":[]}`)
				empty.Times = 1000
				r, err := execute(t, c, p, during("cluster", func() { srv.Fail(proof, empty) }), teardown.WithStepTimeout(10*time.Minute))
				if err == nil || r == nil || r.Outcome != teardown.Blocked || srv.Count("DeleteProject") != 0 {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// A plan names a project of another organization that the list does not show: it is not
// removed.
func TestTeardown_ProjectOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"as it is":                `{"id":"` + blog + `","name":"blog","orgId":"` + other + `"}`,
		"without an organization": `{"id":"` + blog + `","name":"blog"}`,
		"another project":         `{"id":"` + shop + `","name":"blog","orgId":"` + acme + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with()
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				srv.AddProject(other, atlastest.Project{ID: blog, Name: "blog"})
				c := newClient(t, srv)
				p := planned(t, c)
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

// The same for the removals that the fake cannot delay: each is accepted and ignored.
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
					p := planned(t, c)
					fault := offboardtest.Ignore(operation, http.StatusNoContent, "")
					fault.Times = ignored
					srv.Fail(fault)
					r, err := execute(t, c, p, teardown.WithStepTimeout(10*time.Minute))
					if ignored == 2 {
						check(t, r, err, teardown.Deleted, "")
					} else {
						check(t, r, err, teardown.Blocked, errors.NotFinished)
					}
					if n := srv.Count(operation); n != min(ignored+1, 4) {
						t.Errorf("%d requests, want %d", n, min(ignored+1, 4))
					}
				})
			})
		}
	}
}

// A 404 of a project that names another project proves nothing.
func TestTeardown_AnotherProjectMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := with()
		c := newClient(t, srv)
		p := planned(t, c)
		r, err := execute(t, c, p, teardown.WithStepTimeout(10*time.Minute), during("project", func() {
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
