package atlas_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
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

// writes are the requests, among the last ones from n on, that change something.
func writes(srv *atlastest.Server, n int) (all []string) {
	for _, q := range srv.Requests()[n:] {
		if q.Method != http.MethodGet && !strings.Contains(q.Path, "oauth") {
			all = append(all, q.Operation)
		}
	}
	return all
}

// A project is moved to another organization while the steps run. Nothing in it is changed
// from then on, and nothing in it is taken for removed.
func TestTeardown_ProjectMovedToAnotherOrganization(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"outage_simulation", "cluster", "flex_cluster", "stream_workspace", "network_peering", "project"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(
					atlastest.Resource{Kind: atlas.BlockerOutageSimulation, Parent: "main"},
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
					atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "small", Protected: true},
					atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"},
					atlastest.Resource{Kind: atlas.BlockerNetworkPeering},
				)
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				c := newClient(t, srv)
				moved, before := false, 0
				r, err := execute(t, c, planned(t, c), teardown.WithConcurrency(1), teardown.WithOverrides(teardown.TerminationProtection), during(kind, func() {
					if !moved {
						time.Sleep(2 * time.Second)
						moved, before = true, len(srv.Requests())
						srv.MoveProject(shop, other)
					}
				}))
				check(t, r, err, teardown.Blocked, errors.NotConfirmed)
				if got := writes(srv, before); len(got) > 0 || len(srv.Projects(other)) != 1 {
					t.Errorf("it was changed: %q", got)
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

// The project is moved after a removal was accepted: that the resource does not exist in
// another organization's project does not prove that it was removed.
func TestTeardown_ProjectMovedAfterRemoval(t *testing.T) {
	t.Parallel()
	for _, kind := range []atlas.BlockerKind{atlas.BlockerCluster, atlas.BlockerNetworkPeering, atlas.BlockerFederatedDatabase} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := with(atlastest.Resource{Kind: kind, ID: "x"})
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				c := newClient(t, srv)
				p := planned(t, c)
				step := p.Steps[0]
				d := c.Driver()
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

// A project that was moved before the plan is applied, with and without its own step, makes
// the plan stale: what is in it exists.
func TestTeardown_ProjectMovedBefore(t *testing.T) {
	t.Parallel()
	for _, edited := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := with(atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
			srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
			c := newClient(t, srv)
			p := planned(t, c)
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
			if got := writes(srv, before); len(got) > 0 {
				t.Errorf("it was changed: %q", got)
			}
		})
	}
}

// A resource is recreated under its name after a read of it, or its project is moved. The
// next request relies on a read of its own.
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
				srv := with()
				if kind != "project" {
					srv = with(resource)
				}
				srv.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
				srv.SetDeletionTime(0)
				c := newClient(t, srv)
				p := planned(t, c)
				step := p.Steps[0]
				d := c.Driver()
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

// Clusters that are removed in the same second share the list that shows whose project it is.
func TestTeardown_SharedProofOfProject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := with()
		for range 50 {
			srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster})
		}
		c := newClient(t, srv)
		p := planned(t, c)
		before := srv.Count("ListProjectsPage")
		r, err := execute(t, c, p)
		check(t, r, err, teardown.Deleted, "")
		if n := srv.Count("ListProjectsPage") - before; n > 20 {
			t.Errorf("%d lists of projects", n)
		}
	})
}

// Somebody deletes a cluster of the plan and keeps its snapshots, or a plan has a step for a
// cluster that never existed: the snapshots are not deleted, for the plan does not have them.
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
				srv := with(
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Sharded: sharded},
					atlastest.Resource{Kind: kind, Parent: "main"},
				)
				srv.SetDeletionTime(0)
				c := newClient(t, srv)
				p := planned(t, c)
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
				srv := with(
					atlastest.Resource{Kind: atlas.BlockerCluster, ID: "old", Sharded: sharded, Retained: true},
					atlastest.Resource{Kind: kind, Parent: "old"},
				)
				c := newClient(t, srv)
				p := planned(t, c)
				p.Steps = slices.DeleteFunc(p.Steps, func(s teardown.Step) bool { return s.Kind == string(kind) })
				p.Steps[0].After = nil
				p.Steps = append(p.Steps, teardown.Step{ID: "cluster/" + shop + "/64a7ffffffffffffffffffff", Kind: "cluster", Name: "old in shop"})
				teardownsuite.Seal(p)
				r, err := execute(t, c, p)
				intact(t, srv, r, err)
			})
		})
	}
	// Somebody else deletes it while the run waits for another one.
	synctest.Test(t, func(t *testing.T) {
		srv := with(
			atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
			atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "main"},
		)
		c := newClient(t, srv)
		p := planned(t, c)
		r, err := execute(t, c, p, during("cluster", func() {
			if err := c.DeleteCluster(t.Context(), shop, "main", atlas.DeleteClusterOptions{RetainBackups: true}); err != nil {
				t.Error(err)
			}
		}))
		check(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if srv.Count("DeleteSnapshot") > 0 {
			t.Error("a snapshot was deleted")
		}
	})
}

// Snapshots that a cluster leaves behind which this run has deleted go with the project.
func TestTeardown_SnapshotsLeftByRun(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := with(
				atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"},
				atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "main"},
			)
			c := newClient(t, srv)
			p := planned(t, c)
			r, err := execute(t, c, p, teardown.WithEvents(func(e teardown.Event) {
				switch {
				case e.Kind != teardown.EventStarted:
				case strings.HasPrefix(e.Step, "cluster/"):
					srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy})
				case strings.HasPrefix(e.Step, "project/"):
					if err := c.DeleteBackupCompliancePolicy(t.Context(), shop); err != nil && !errors.Is(err, errors.NotFound) {
						t.Error(err)
					}
					if kept { // an earlier one of the name, whose snapshots somebody keeps
						srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main", Retained: true})
					}
				}
			}))
			if kept {
				check(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
			} else {
				check(t, r, err, teardown.Deleted, "")
			}
			if deleted := srv.Count("DeleteSnapshot") > 0; deleted == kept {
				t.Errorf("deleted: %v", deleted)
			}
		})
	}
}

// writer is called with each line of a journal.
type writer func(line []byte)

func (w writer) Write(line []byte) (int, error) {
	w(line)
	return len(line), nil
}

// One refusal of the organization's own credential after the deletion may pass: the deletion
// never started. It is sent again.
func TestTeardown_OwnCredentialRefusedOnce(t *testing.T) {
	t.Parallel()
	for name, credential := range own {
		for _, ignored := range []int{1, 1000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := with()
					c := as(t, srv, credential(srv))
					p := planned(t, c)
					ignore := offboardtest.Ignore("DeleteOrganization", http.StatusNoContent, "")
					ignore.Times = ignored
					refusal := offboardtest.Respond("GetOrganization", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR","detail":"You are not authorized for this resource."}`)
					refusal.Times = 2
					first := true
					journal := writer(func(line []byte) {
						if first && bytes.Contains(line, []byte(`"deletion_started"`)) {
							first = false
							srv.Fail(ignore, refusal)
						}
					})
					r, err := execute(t, c, p, teardown.WithOverrides(teardown.OwnOrganization), teardown.WithJournal(journal))
					if ignored == 1 {
						check(t, r, err, teardown.Deleted, "")
					} else {
						check(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
					}
					if (r.Outcome == teardown.Deleted) == srv.Exists(acme) {
						t.Errorf("got %s; it exists: %v", r.Outcome, srv.Exists(acme))
					}
				})
			})
		}
	}
}
