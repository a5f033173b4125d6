package offboard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// inParts returns organizations with steps, at all providers whose plans have steps, and those
// without steps.
func inParts() map[string]target {
	k := katapulttest.NewServer()
	k.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
	for i := range 8 {
		k.Add("org_acme", katapulttest.VirtualMachine{ID: fmt.Sprintf("vm_%d", i)})
	}
	a := atlastest.NewServer()
	a.AddOrganization(atlastest.Organization{ID: acmeAtlas, Name: "Acme"})
	for i := range 4 {
		id := fmt.Sprintf("5e2f%020x", i+10)
		a.AddProject(acmeAtlas, atlastest.Project{ID: id, Name: fmt.Sprintf("p%d", i)})
		for j := range 2 {
			a.AddResource(id, atlastest.Resource{Kind: atlas.BlockerCluster, ID: fmt.Sprintf("c%d", j)})
		}
	}
	v := volterratest.NewServer()
	v.SetTenant(volterratest.Tenant{Name: "acme"})
	for i := range 8 {
		v.AddNamespace(volterratest.Namespace{Name: fmt.Sprintf("ns-%d", i)})
	}
	all := serve()
	replace := func(name string, s *offboardtest.Server, exists func() bool) {
		t := all[name]
		t.server, t.exists = s, exists
		all[name] = t
	}
	replace("katapult", k.Server, func() bool { return k.Exists("org_acme") })
	replace("atlas", a.Server, func() bool { return a.Exists(acmeAtlas) })
	replace("f5", v.Server, func() bool { return len(v.Accepted()) == 0 })
	return all
}

// storedJournal is a JournalWriter.
type storedJournal struct {
	mu      sync.Mutex
	entries []teardown.Entry
}

func (j *storedJournal) Append(_ context.Context, e teardown.Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	return nil
}

// worker is a process that applies parts of plans. A call that is interrupted is repeated by
// another worker.
type worker struct {
	t       *testing.T
	at      target
	journal storedJournal
	name    string     // of the organization
	random  *rand.Rand // nil: no call is interrupted
}

// process calls f with the organization of a new client, until a call is not interrupted.
func (w *worker) process(f func(context.Context, offboard.Organization, ...teardown.Option) error) {
	w.t.Helper()
	for n := range 200 {
		ctx, cancel := context.WithCancel(w.t.Context())
		transport := &dying{inner: w.at.server, cancel: cancel, after: -1}
		if w.random != nil && n < 100 {
			transport.after = w.random.IntN(12)
			transport.answered = w.random.IntN(2) == 0
		}
		o, err := offboard.Open(w.t.Context(), w.at.spec, credentials(w.at.values), offboard.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			w.t.Fatal(err)
		}
		err = f(ctx, o, w.options()...)
		interrupted := ctx.Err() != nil
		cancel()
		if !interrupted {
			if err != nil {
				w.t.Fatalf("process %d: %v", n, err)
			}
			return
		}
	}
	w.t.Fatal("all processes were interrupted")
}

// dying is the transport of a process that ends during one of its requests.
type dying struct {
	inner    http.RoundTripper
	cancel   func()
	answered bool // the provider processes the last request

	mu    sync.Mutex
	after int // number of requests; -1 for no limit
}

func (d *dying) RoundTrip(req *http.Request) (*http.Response, error) {
	d.mu.Lock()
	last, dead := d.after == 0, d.after < -1
	if d.after >= 0 {
		if d.after--; d.after < 0 {
			d.after = -2
		}
	}
	d.mu.Unlock()
	switch {
	case dead:
		return nil, context.Canceled
	case last:
		if d.answered {
			_, _ = d.inner.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
		}
		d.cancel()
		return nil, context.Canceled
	}
	return d.inner.RoundTrip(req)
}

// teardown applies a plan in parts, of a few steps each.
func (w *worker) teardown() *teardown.Report {
	w.t.Helper()
	var plan *teardown.Plan
	var report *teardown.Report
	w.process(func(ctx context.Context, o offboard.Organization, options ...teardown.Option) error {
		p, err := o.Plan(ctx)
		if err != nil {
			return err
		}
		w.name = p.Organization.Name
		options = append(options, teardown.WithConfirm(w.name))
		d, err := o.Driver(p)
		if err != nil {
			return err
		}
		plan, report, err = teardown.Prepare(ctx, d, p, options...)
		return err
	})
	if report != nil {
		return report
	}
	ids := make([]string, len(plan.Steps))
	for i, s := range plan.Steps {
		ids[i] = s.ID
	}
	for part := range slices.Chunk(ids, 3) {
		w.process(func(ctx context.Context, o offboard.Organization, options ...teardown.Option) error {
			d, err := o.Driver(plan)
			if err != nil {
				return err
			}
			_, err = teardown.ExecuteSteps(ctx, d, plan, part, options...)
			return err
		})
	}
	w.process(func(ctx context.Context, o offboard.Organization, options ...teardown.Option) error {
		d, err := o.Driver(plan)
		if err != nil {
			return err
		}
		report, err = teardown.ExecuteDelete(ctx, d, plan, options...)
		if report != nil && report.Outcome == teardown.Unknown {
			return nil // a process ended during the deletion, and the credential with the organization
		}
		return err
	})
	return report
}

func TestParts_AllProviders(t *testing.T) {
	t.Parallel()
	for name := range inParts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &worker{t: t, at: inParts()[name]}
				if r := w.teardown(); r.Outcome != w.at.outcome || w.at.exists() || len(r.Remaining()) > 0 {
					t.Errorf("got %+v", r)
				}
			})
		})
	}
}

// Processes end at any request, and others continue. No outcome is wrong, and no step is started
// again after a read has shown that it is deleted. F5 refuses the credential after the deletion,
// so that no read can decide if the answer was lost.
func TestParts_Interrupted(t *testing.T) {
	t.Parallel()
	for name := range inParts() {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := &worker{t: t, at: inParts()[name], random: rand.New(rand.NewPCG(seed, 1))}
					r := w.teardown()
					if unknown := name == "f5" && r.Outcome == teardown.Unknown; !unknown && (r.Outcome != w.at.outcome || w.at.exists()) {
						t.Errorf("got %+v, exists: %v", r, w.at.exists())
					}
					finished := map[string]bool{}
					for _, e := range w.journal.entries {
						if e.Step == "" {
							continue
						}
						if e.Kind == teardown.EntryStarted && finished[e.Step] {
							t.Errorf("%s was started again", e.Step)
						}
						finished[e.Step] = finished[e.Step] || e.State == teardown.StepDeleted || e.State == teardown.StepAlreadyDeleted
					}
				})
			})
		}
	}
}

// The organization that a step deletes belongs to another one since the preparation.
func TestParts_ManagedOrganizationMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := func(srv *katapulttest.Server) offboard.Organization {
			to := serve()["katapult"]
			to.server = srv.Server
			return to.open(t)
		}
		srv, later := katapulttest.NewServer(), katapulttest.NewServer()
		for _, s := range []*katapulttest.Server{srv, later} {
			s.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
			s.AddOrganization(katapulttest.Organization{ID: "org_buyer", Name: "Buyer"})
		}
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Child", Parent: "org_acme"})
		later.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Child", Parent: "org_buyer"})
		w := &worker{t: t, name: "Acme"}
		plan, _ := w.prepare(at(srv))
		d, err := at(later).Driver(plan)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := teardown.ExecuteSteps(t.Context(), d, plan, []string{plan.Steps[0].ID}, w.options()...)
		if err == nil || !later.Exists("org_child") {
			t.Errorf("got %+v, %v; exists: %v", steps, err, later.Exists("org_child"))
		}
	})
}

// One process deletes a cluster, which retains a snapshot, and another one its project.
func TestParts_RetainedSnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const project = "5e2f0000000000000000000a"
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acmeAtlas, Name: "Acme"})
		srv.AddProject(acmeAtlas, atlastest.Project{ID: project, Name: "shop"})
		srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
		srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerSnapshot, Parent: "main"})
		c, err := atlas.New(srv.Option())
		if err != nil {
			t.Fatal(err)
		}
		to := serve()["atlas"]
		to.server = srv.Server
		w := &worker{t: t, name: "Acme"}
		plan, o := w.prepare(to.open(t))
		if len(plan.Steps) != 2 {
			t.Fatalf("got %+v", plan.Steps)
		}
		retains := teardown.WithEvents(func(e teardown.Event) { // a policy retains the snapshot
			switch {
			case e.Step != plan.Steps[0].ID:
			case e.Kind == teardown.EventStarted:
				srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerBackupCompliancePolicy})
			case e.State == teardown.StepDeleted:
				if err := c.DeleteBackupCompliancePolicy(t.Context(), project); err != nil {
					t.Error(err)
				}
			}
		})
		for _, s := range plan.Steps {
			d, err := o.Driver(plan)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := teardown.ExecuteSteps(t.Context(), d, plan, []string{s.ID}, append(w.options(), retains)...); err != nil {
				t.Fatal(err)
			}
		}
		d, err := o.Driver(plan)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := teardown.ExecuteDelete(t.Context(), d, plan, w.options()...); err != nil || r.Outcome != teardown.Deleted {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// The cause of an open deletion step at Katapult is unknown. Prepare refuses the plan as Teardown
// does: only an inspection shows that a step of the plan was the cause.
func TestPrepare_UnknownCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
		srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.DNSZone{ID: "zone_1", Name: "a.b"})
		to := serve()["katapult"]
		to.server = srv.Server
		o := to.open(t)
		plan, err := o.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		srv.Remove("vm_1")
		srv.SetOpen("org_acme", "virtual_machines")
		d, err := o.Driver(plan)
		if err != nil {
			t.Fatal(err)
		}
		w := &worker{t: t, name: "Acme"}
		if prepared, _, err := teardown.Prepare(t.Context(), d, plan, w.options()...); prepared != nil || !errors.Is(err, errors.PlanStale) {
			t.Errorf("got %v, %v", prepared, err)
		}
	})
}

// prepare plans and prepares an organization.
func (w *worker) prepare(o offboard.Organization) (*teardown.Plan, offboard.Organization) {
	w.t.Helper()
	plan, err := o.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := o.Driver(plan)
	if err != nil {
		w.t.Fatal(err)
	}
	prepared, report, err := teardown.Prepare(w.t.Context(), d, plan, w.options()...)
	if prepared == nil {
		w.t.Fatal(report, err)
	}
	return prepared, o
}

// options returns the options of all parts.
func (w *worker) options() []teardown.Option {
	return []teardown.Option{
		teardown.WithConfirm(w.name), teardown.WithJournalWriter(&w.journal), teardown.WithResume(w.journal.entries),
		teardown.WithOverrides(teardown.Overrides()...),
	}
}

func TestDriver_InvalidArguments(t *testing.T) {
	t.Parallel()
	if _, err := (offboard.Organization{}).Driver(new(teardown.Plan)); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("zero Organization: got %v", err)
	}
	for name, at := range serve() {
		o := at.open(t)
		if _, err := o.Driver(nil); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// F5's requests name a tenant, and steps are run without an inspection.
	other := &teardown.Plan{Organization: teardown.Organization{ID: "other"}}
	if _, err := serve()["f5"].open(t).Driver(other); !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("another tenant: got %v", err)
	}
}
