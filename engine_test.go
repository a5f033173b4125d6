package offboard_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// delayed answers after [latency], and counts requests.
type delayed struct {
	inner    http.RoundTripper
	requests atomic.Int64
	refused  atomic.Int64

	mu    sync.Mutex
	paths map[string]int // requests, by method and path
}

// byPath returns the number of requests for each method and path without IDs, a line for each.
func (d *delayed) byPath() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lines strings.Builder
	for _, path := range slices.Sorted(maps.Keys(d.paths)) {
		fmt.Fprintf(&lines, "\n%5d %s", d.paths[path], path)
	}
	return lines.String()
}

// digits are those of IDs and names.
var digits = regexp.MustCompile(`[0-9a-f]{24}|[0-9]+`)

func (d *delayed) RoundTrip(req *http.Request) (*http.Response, error) {
	d.requests.Add(1)
	d.mu.Lock()
	if d.paths == nil {
		d.paths = map[string]int{}
	}
	d.paths[req.Method+" "+digits.ReplaceAllString(req.URL.Path, "N")]++
	d.mu.Unlock()
	time.Sleep(latency)
	resp, err := d.inner.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		d.refused.Add(1)
	}
	return resp, err
}

// large is an organization with many resources of one kind.
type large struct {
	name string

	// open fills a fake and returns the functions that plan and apply.
	open func(*testing.T, *delayed) (
		plan func(context.Context) (*teardown.Plan, error),
		apply func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error),
	)
	perStep  float64       // maximum number of requests, without those of the plan
	bound    time.Duration // the time that the provider itself takes; 0 for none
	planOnly bool          // count the requests of the plan only
}

const acmeAtlas = "5e2f00000000000000000001"

// largeOrganizations are in the order of the table that the test prints.
var largeOrganizations = []large{
	{name: "Katapult, 256 machines, each with a disk, no limit", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return machines(t, d, 1_000_000)
	}, bound: 12 * time.Second, perStep: 4.2},
	{name: "Katapult, the same, 1,000 requests per clock minute", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return machines(t, d, 1000)
	}, bound: 2 * time.Minute, perStep: 4.2},
	{name: "Atlas, 256 clusters in one project", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return atlasProjects(t, d, 1, 256)
	}, bound: time.Minute, perStep: 3.2},
	{name: "Atlas, 256 projects of one cluster", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return atlasProjects(t, d, 256, 1)
	}, bound: time.Minute, perStep: 6.6},
	{name: "Atlas, planning 256 empty projects", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return atlasProjects(t, d, 256, 0)
	}, planOnly: true, perStep: 13.1},
	{name: "F5, 64 namespaces of 40 s", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return f5(t, d, func(srv *volterratest.Server) {
			for i := range 64 {
				srv.AddNamespace(volterratest.Namespace{Name: fmt.Sprintf("ns-%d", i), Takes: 40 * time.Second})
			}
		})
	}, bound: 40 * time.Second, perStep: 3.6},
	{name: "F5, 64 child tenants of 3 minutes", open: func(t *testing.T, d *delayed) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		return f5(t, d, func(srv *volterratest.Server) {
			for i := range 64 {
				srv.AddChildTenant(volterratest.ChildTenant{Name: fmt.Sprintf("child-%d", i), Takes: 3 * time.Minute})
			}
		})
	}, bound: 3 * time.Minute, perStep: 4.3},
}

func machines(t *testing.T, d *delayed, perMinute int) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
	srv := katapulttest.NewServer()
	srv.LimitRate(perMinute)
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
	for i := range 256 {
		srv.Add("org_acme", katapulttest.VirtualMachine{ID: fmt.Sprintf("vm_%d", i)})
	}
	d.inner = srv
	c, err := katapult.New(srv.Option(), katapult.WithHTTPClient(&http.Client{Transport: d}))
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, katapult.ID("org_acme")) }, c.Teardown
}

func atlasProjects(t *testing.T, d *delayed, projects, clusters int) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acmeAtlas, Name: "Acme"})
	for i := range projects {
		id := fmt.Sprintf("5e2f%020x", i+10)
		srv.AddProject(acmeAtlas, atlastest.Project{ID: id, Name: fmt.Sprintf("p%d", i)})
		for j := range clusters {
			srv.AddResource(id, atlastest.Resource{Kind: atlas.BlockerCluster, ID: fmt.Sprintf("c%d", j)})
		}
	}
	d.inner = srv
	c, err := atlas.New(srv.Option(), atlas.WithHTTPClient(&http.Client{Transport: d}))
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, acmeAtlas) }, c.Teardown
}

func f5(t *testing.T, d *delayed, fill func(*volterratest.Server)) (func(context.Context) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
	srv := volterratest.NewServer()
	fill(srv)
	d.inner = srv
	c, err := volterra.New(srv.Option(), volterra.WithHTTPClient(&http.Client{Transport: d}))
	if err != nil {
		t.Fatal(err)
	}
	request := volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}
	plan := func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, request) }
	return plan, func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
		return c.Teardown(ctx, p, request, options...)
	}
}

// TestEngine_LargeOrganizations prints the time and the requests of the teardown of large
// organizations as the table of BENCHMARKS.md, and fails if one takes more requests than stated.
// It does not compare times.
func TestEngine_LargeOrganizations(t *testing.T) {
	t.Parallel()
	rows := make([]string, len(largeOrganizations))
	t.Cleanup(func() {
		table := "\n| case | time | bound | requests | per step | at most |\n|---|---|---|---|---|---|"
		for _, row := range rows {
			table += row
		}
		t.Log(table)
	})
	for i, test := range largeOrganizations {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := new(delayed)
				plan, apply := test.open(t, d)
				start := time.Now()
				p, err := plan(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				planned, planning := d.requests.Load(), time.Since(start)
				start = time.Now()
				r, err := apply(t.Context(), p, teardown.WithConfirm(p.Organization.Name), teardown.WithMaxStarted(1000),
					teardown.WithOverrides(teardown.OwnOrganization, teardown.TerminationProtection, teardown.ManagedOrganizations))
				if err != nil || len(r.Remaining()) > 0 {
					t.Fatal(r, err)
				}
				requests, took, bound := d.requests.Load()-planned, time.Since(start), "–"
				if test.planOnly {
					requests, took = planned, planning
				}
				if test.bound > 0 {
					bound = test.bound.String()
				}
				perStep := float64(requests) / float64(max(len(p.Steps), 1))
				t.Logf("%s: %d steps; the plan took %d requests, %d were refused; in all:%s", test.name, len(p.Steps), planned, d.refused.Load(), d.byPath())
				rows[i] = fmt.Sprintf("\n| %s | %v | %s | %d | %.1f | %.1f |", test.name, took.Round(100*time.Millisecond), bound, requests, perStep, test.perStep)
				if perStep > test.perStep {
					t.Errorf("%s: %.2f requests per step, more than %.2f", test.name, perStep, test.perStep)
				}
			})
		})
	}
}

// stepless is a provider whose plans have no steps that an API removes: a teardown is a
// plan and its application, which read one list after the other.
type stepless struct {
	// open fills a fake with organizations and returns the functions that plan and apply.
	open func(*testing.T, *delayed) (
		plan func(ctx context.Context, organization int) (*teardown.Plan, error),
		apply func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error),
	)
	once           int // additional requests of a client's first plan
	planned, ended int // requests of a plan, and of its application
}

var steplessProviders = map[string]stepless{
	"Zitadel": {open: func(t *testing.T, d *delayed) (func(context.Context, int) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		srv := zitadeltest.NewServer()
		for i := range 3 {
			id := fmt.Sprintf("%018d", i+1)
			srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme"})
			srv.AddUser(zitadeltest.User{Organization: id})
		}
		d.inner = srv
		c, err := zitadel.New(srv.Option(), zitadel.WithHTTPClient(&http.Client{Transport: d}))
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context, i int) (*teardown.Plan, error) {
			return c.Plan(ctx, fmt.Sprintf("%018d", i+1))
		}, c.Teardown
	}, once: 16, planned: 42, ended: 38},
	"Applivery": {open: func(t *testing.T, d *delayed) (func(context.Context, int) (*teardown.Plan, error), func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)) {
		srv := workspacetest.NewServer()
		for i := range 3 {
			srv.AddOrganization(workspacetest.Organization{ID: fmt.Sprintf("%024x", i+1), Slug: fmt.Sprintf("acme-%d", i), Name: "Acme"})
		}
		d.inner = srv
		c, err := workspace.New(srv.Option(), workspace.WithHTTPClient(&http.Client{Transport: d}))
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context, i int) (*teardown.Plan, error) {
			return c.Plan(ctx, fmt.Sprintf("%024x", i+1))
		}, c.Teardown
	}, once: 1, planned: 6, ended: 8},
}

// TestEngine_PlanAndApply prints the requests and the time of a plan and its application.
// It fails if one takes another number of requests than stated, or longer than its requests
// one after the other.
func TestEngine_PlanAndApply(t *testing.T) {
	t.Parallel()
	for name, test := range steplessProviders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := new(delayed)
				plan, apply := test.open(t, d)
				sent := 0
				// took runs a part of a teardown, and compares its requests and its time.
				took := func(part string, want int, run func()) {
					start := time.Now()
					run()
					n := int(d.requests.Load()) - sent
					sent += n
					t.Logf("%s: %s: %v, %d requests; one after the other, they take %v", name, part, time.Since(start), n, time.Duration(n)*latency)
					if n != want {
						t.Errorf("%s: %d requests, want %d", part, n, want)
					}
					if time.Since(start) > time.Duration(n)*latency {
						t.Errorf("%s: %v for %d requests", part, time.Since(start), n)
					}
				}
				for i := range 3 {
					once := 0
					if i == 0 {
						once = test.once
					}
					var p *teardown.Plan
					took(fmt.Sprintf("plan %d", i), once+test.planned, func() {
						var err error
						if p, err = plan(t.Context(), i); err != nil {
							t.Fatal(err)
						}
					})
					took(fmt.Sprintf("application %d", i), test.ended, func() {
						if r, err := apply(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization)); err != nil || r.Outcome != teardown.Deleted {
							t.Fatal(r, err)
						}
					})
				}
				t.Logf("%s: in all:%s", name, d.byPath())
			})
		})
	}
}
