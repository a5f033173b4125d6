package atlas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
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

// A driver needs a client and a plan, and no inspection: steps say where their resources
// are, also after JSON.
func TestDriver_WithoutInspect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := blocked()
		srv.Resolve(acme)
		c := newClient(t, srv)
		text, err := json.Marshal(planned(t, c))
		if err != nil {
			t.Fatal(err)
		}
		p, err := teardown.ReadPlan(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Steps {
			d := c.Driver()
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

// A reference that is not that of its step is none.
func TestDriver_ReferenceOfAnotherStep(t *testing.T) {
	t.Parallel()
	srv := with(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"}, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "spare"})
	c := newClient(t, srv)
	p := planned(t, c)
	before := len(srv.Requests())
	for name, change := range map[string]func(*teardown.Step){
		"of another resource": func(s *teardown.Step) { s.Ref = p.Steps[1].Ref },
		"no JSON":             func(s *teardown.Step) { s.Ref = json.RawMessage(`{`) },
		"without a project":   func(s *teardown.Step) { s.Ref = json.RawMessage(`{"id":"main"}`) },
		"another kind":        func(s *teardown.Step) { s.Kind = "flex_cluster" },
		"no kind":             func(s *teardown.Step) { s.ID, s.Kind = "thing/1", "thing" },
	} {
		s := p.Steps[0]
		change(&s)
		if _, err := c.Driver().Act(t.Context(), p.Organization, s); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: Act: %v", name, err)
		}
		if _, err := c.Driver().Poll(t.Context(), p.Organization, "", []teardown.Step{s}); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: Poll: %v", name, err)
		}
	}
	if n := len(srv.Requests()); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
}

// A step without a reference, of a plan that an earlier version made, is read by its ID and
// name.
func TestTeardown_StepsWithoutReference(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := blocked()
		srv.Resolve(acme)
		c, on := omittingClient(t, srv, "/clusters", "main", false)
		p := planned(t, c)
		for i := range p.Steps {
			p.Steps[i].Ref = nil
		}
		teardownsuite.Seal(p)
		on.Store(true)
		r, err := execute(t, c, p, teardown.WithOverrides(teardown.TerminationProtection))
		check(t, r, err, teardown.Deleted, "")
		for _, s := range r.Steps {
			if s.State != teardown.StepDeleted {
				t.Errorf("%s is %s", s.ID, s.State)
			}
		}
	})
}

// An item of a list without Atlas's own ID is neither the resource nor another one.
func TestTeardown_ItemWithoutID(t *testing.T) {
	t.Parallel()
	for operation, kind := range map[string]atlas.BlockerKind{"ListStreamWorkspacesPage": atlas.BlockerStreamWorkspace, "ListClustersPage": atlas.BlockerCluster} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(atlastest.Resource{Kind: kind, ID: "main", Takes: time.Hour})
				c := newClient(t, srv)
				p := planned(t, c)
				item := offboardtest.Respond(operation, http.StatusOK, `{"results":[{"name":"main"}],"totalCount":1,"links":[]}`)
				item.Times = 1000
				r, err := execute(t, c, p, during(string(kind), func() { srv.Fail(item) }), teardown.WithStepTimeout(10*time.Minute))
				if err == nil || r == nil || r.Outcome != teardown.Blocked || srv.Count("DeleteProject") != 0 {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// A project that was moved to another organization during the run is not deleted.
func TestTeardown_ProjectMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := with()
		c := newClient(t, srv)
		p := planned(t, c)
		r, err := execute(t, c, p, during("project", func() {
			srv.Fail(always(offboardtest.Respond("GetProject", http.StatusOK, `{"id":"`+shop+`","name":"shop","orgId":"`+other+`"}`)))
		}))
		check(t, r, err, teardown.Blocked, errors.NotConfirmed)
		if n := srv.Count("DeleteProject"); n != 0 || len(srv.Projects(acme)) != 1 {
			t.Errorf("%d deletions were sent", n)
		}
	})
}

// What is new since the plan is not deleted. What stores data keeps everything; what Atlas
// refuses to delete a project or cluster with keeps that.
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
		"private endpoint":         {[]atlastest.Resource{{Kind: atlas.BlockerPrivateEndpoint, Parent: service}}, true}, // its service is in the plan
		"private endpoint service": {[]atlastest.Resource{{Kind: atlas.BlockerPrivateEndpointService}}, true},
		"encryption endpoint":      {[]atlastest.Resource{{Kind: atlas.BlockerEncryptionEndpoint}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
					atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
					atlastest.Resource{Kind: atlas.BlockerPrivateEndpointService, ID: service},
				)
				c := newClient(t, srv)
				p := planned(t, c)
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

// A project with more clusters than archives are listed for has the archives of the plan
// listed.
func TestTeardown_ArchivesOfManyClusters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := with()
		for i := range 101 {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: fmt.Sprintf("c%d", i)})
		}
		srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerOnlineArchive, Parent: "c7"})
		c := newClient(t, srv)
		p := planned(t, c)
		before := srv.Count("ListOnlineArchivesPage")
		r, err := execute(t, c, p)
		check(t, r, err, teardown.Deleted, "")
		if n := srv.Count("ListOnlineArchivesPage") - before; n > 4 {
			t.Errorf("archives were listed %d times", n)
		}
		if n := srv.Count("DeleteOnlineArchive"); n != 1 {
			t.Errorf("%d archives were deleted", n)
		}
	})
}

// counting rewrites the number of clusters of projects.
type counting struct {
	next http.RoundTripper
	to   string
}

var count = regexp.MustCompile(`"clusterCount":\d+`)

func (x counting) RoundTrip(req *http.Request) (*http.Response, error) {
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

// The number of clusters of projects is a hint: whatever it says, reads decide when a
// cluster is deleted.
func TestTeardown_NumberOfClusters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		to    string
		lists int // of clusters, at most
		late  time.Duration
	}{
		"as it is":      {"", 5 * 14, 5 * time.Second},
		"it is fixed":   {"1", 5 * 16, 2 * time.Minute},
		"it is too low": {"0", 5 * 16, 2 * time.Minute},
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
				c := newClient(t, srv, atlas.WithHTTPClient(&http.Client{Transport: counting{hc.Transport, test.to}}))
				r, err := execute(t, c, planned(t, c))
				check(t, r, err, teardown.Deleted, "")
				for _, s := range r.Steps {
					if took := s.FinishedAt.Sub(s.StartedAt); s.Kind == "cluster" && (took < 10*time.Minute || took > 10*time.Minute+test.late) {
						t.Errorf("%s took %v", s.ID, took)
					}
				}
				if n := srv.Count("ListClustersPage"); n > test.lists {
					t.Errorf("clusters were listed %d times, want %d at most", n, test.lists)
				}
			})
		})
	}
}

// inFlight measures how many requests are in flight, and refuses those about some projects.
type inFlight struct {
	next   http.RoundTripper
	refuse map[string]time.Duration // by project: after so long

	mu        sync.Mutex
	now, most int
}

func (x *inFlight) RoundTrip(req *http.Request) (*http.Response, error) {
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

// Projects are read at the same time, and the result does not depend on which read ends
// first. With Concurrency(1) one request is in flight.
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
		x := &inFlight{next: hc.Transport}
		c := newClient(t, srv, atlas.WithHTTPClient(&http.Client{Transport: x}))
		p := planned(t, c)
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
			t.Errorf("got %v, want that of project %s", err, id(3))
		}
		x.refuse, x.most = nil, 0
		r, err := execute(t, c, p, teardown.WithConcurrency(1))
		check(t, r, err, teardown.Deleted, "")
		if x.most != 1 {
			t.Errorf("%d requests were in flight, want 1", x.most)
		}
	})
}
