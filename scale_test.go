package offboard_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
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

// meter counts the requests to a provider, and delays them as a network does.
type meter struct {
	inner http.RoundTripper
	reset func()

	limited func(*http.Request) bool // the requests that the limit counts; nil: all

	mu          sync.Mutex
	requests    int // of these
	sent        int // of all
	refused     int
	first, last time.Time
	minute      time.Time
	lastMinute  int // requests in the last minute of the clock that had any
}

const latency = 20 * time.Millisecond

// parallel is the number of a provider's organizations that are torn down at the same time:
// its share of a hundred.
const parallel = 20

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.mu.Lock()
	if m.first.IsZero() {
		m.first = time.Now()
	}
	if m.limited == nil || m.limited(req) {
		m.requests++
	}
	if m.sent++; time.Now().Truncate(time.Minute).After(m.minute) {
		m.minute, m.lastMinute = time.Now().Truncate(time.Minute), 0
	}
	m.lastMinute++
	m.mu.Unlock()
	time.Sleep(latency)
	resp, err := m.inner.RoundTrip(req)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = time.Now()
	if m.sent%100 == 0 && m.reset != nil {
		m.reset() // otherwise the test would measure the fakes' logs
	}
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		m.refused++
	}
	return resp, err
}

// used is the share of the permitted requests that the provider granted, between the first
// and the last.
func (m *meter) used(perSecond float64, burst int) float64 {
	return float64(m.requests-m.refused) / (float64(burst) + perSecond*m.last.Sub(m.first).Seconds())
}

// usedByClock is the share if a number of requests is permitted in each minute of the
// clock. The last minute counts for the part that was used.
func (m *meter) usedByClock(perMinute int) float64 {
	minutes := int(m.minute.Sub(m.first.Truncate(time.Minute)) / time.Minute)
	return float64(m.sent-m.refused) / float64(perMinute*minutes+m.lastMinute)
}

// fleet is many organizations at one provider.
type fleet struct {
	*meter
	jobs  []teardown.Job
	name  string // of the provider
	limit string // in the words of BENCHMARKS.md

	perSecond float64 // permitted requests per second; 0 for no limit
	burst     int
	byClock   bool // burst is the number of permitted requests in each minute of the clock
}

// fleets are n organizations, a fifth at each provider.
func fleets(t *testing.T, n int) map[string]*fleet {
	t.Helper()
	n /= 5
	name := func(i int) string { return fmt.Sprintf("Acme %d", i) }
	confirm := func(i int) []teardown.Option {
		return []teardown.Option{teardown.WithConfirm(name(i)), teardown.WithOverrides(teardown.OwnOrganization, teardown.TerminationProtection)}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]*fleet{}
	make := func(provider, name, limit string, fake *offboardtest.Server, perSecond float64, burst int) (*fleet, *http.Client) {
		f := &fleet{name: name, limit: limit, meter: &meter{inner: fake, reset: fake.ResetRequests}, perSecond: perSecond, burst: burst}
		all[provider] = f
		return f, &http.Client{Transport: f.meter}
	}

	// Katapult reports the remaining requests of 1,000 per minute in headers.
	k := katapulttest.NewServer()
	f, hc := make("katapult", "Katapult", "1,000 per clock minute, by its headers", k.Server, 1000.0/60, 1000)
	f.byClock = true
	kc, err := katapult.New(k.Option(), katapult.WithHTTPClient(hc))
	must(err)
	for i := range n {
		id := fmt.Sprintf("org_%d", i)
		k.AddOrganization(katapulttest.Organization{ID: id, Name: name(i)})
		k.Add(id, katapulttest.VirtualMachine{ID: fmt.Sprintf("vm_%d", i)}, katapulttest.Disk{ID: fmt.Sprintf("disk_%d", i)},
			katapulttest.LoadBalancer{ID: fmt.Sprintf("lb_%d", i)}, katapulttest.VirtualNetwork{ID: fmt.Sprintf("vnet_%d", i)})
		f.jobs = append(f.jobs, teardown.Job{
			Plan:     func(ctx context.Context) (*teardown.Plan, error) { return kc.Plan(ctx, katapult.ID(id)) },
			Teardown: kc.Teardown, Options: confirm(i),
		})
	}

	// Zitadel limits requests only as its operator configures.
	z := zitadeltest.NewServer()
	f, hc = make("zitadel", "Zitadel", "50/s, set by option", z.Server, 50, 50)
	zc, err := zitadel.New(z.Option(), zitadel.WithHTTPClient(hc), zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: 50, Burst: 50}))
	must(err)
	for i := range n {
		id := fmt.Sprintf("%018d", i+1)
		z.AddOrganization(zitadeltest.Organization{ID: id, Name: name(i)})
		z.AddUser(zitadeltest.User{Organization: id})
		f.jobs = append(f.jobs, teardown.Job{
			Plan:     func(ctx context.Context) (*teardown.Plan, error) { return zc.Plan(ctx, id) },
			Teardown: zc.Teardown, Options: confirm(i),
		})
	}

	// Applivery documents 10,000 requests per hour.
	w := workspacetest.NewServer()
	f, hc = make("workspace", "Applivery", "10,000 an hour, set by option", w.Server, 10_000.0/3600, 100)
	wc, err := workspace.New(w.Option(), workspace.WithHTTPClient(hc), workspace.WithRateLimit(workspace.RateLimit{PerSecond: 10_000.0 / 3600, Burst: 100}))
	must(err)
	for i := range n {
		id := fmt.Sprintf("%024x", i+1)
		w.AddOrganization(workspacetest.Organization{ID: id, Name: name(i), Slug: fmt.Sprintf("acme-%d", i), Devices: []workspacetest.Device{{}}})
		f.jobs = append(f.jobs, teardown.Job{
			Plan:     func(ctx context.Context) (*teardown.Plan, error) { return wc.Plan(ctx, id) },
			Teardown: wc.Teardown, Options: confirm(i),
		})
	}

	// Atlas has a token bucket for each operation, and reports its content in headers. The
	// bucket of the deletion of clusters is empty first.
	a := atlastest.NewServer()
	a.LimitRate("DeleteCluster", 10, 5, time.Minute)
	f, hc = make("atlas", "Atlas", "5 deletions of clusters a minute, by its headers", a.Server, 5.0/60, 10)
	f.limited = func(req *http.Request) bool {
		return req.Method == http.MethodDelete && strings.Contains(req.URL.Path, "/clusters/")
	}
	ac, err := atlas.New(a.Option(), atlas.WithHTTPClient(hc))
	must(err)
	for i := range n {
		id, project := fmt.Sprintf("%024x", 2*i+1), fmt.Sprintf("%024x", 2*i+2)
		a.AddOrganization(atlastest.Organization{ID: id, Name: name(i)})
		a.AddProject(id, atlastest.Project{ID: project, Clusters: 2})
		f.jobs = append(f.jobs, teardown.Job{
			Plan:     func(ctx context.Context) (*teardown.Plan, error) { return ac.Plan(ctx, id) },
			Teardown: ac.Teardown, Options: confirm(i),
		})
	}

	// At F5 every tenant has a host, a credential and limits of its own.
	tenants := hosts{}
	f = &fleet{name: "F5", limit: "120 a minute for each operation of each tenant", meter: &meter{inner: tenants}}
	all["volterra"], hc = f, &http.Client{Transport: f.meter}
	for i := range n {
		v := volterratest.NewServer()
		v.SetTenant(volterratest.Tenant{Name: name(i), Domain: fmt.Sprintf("acme-%d", i), RefusesWhileInUse: true})
		v.AddNamespace(volterratest.Namespace{Name: "app", Objects: []volterratest.Object{{Name: "web"}}})
		v.LimitRate(120, 30)
		host := fmt.Sprintf("acme-%d.console.ves.volterra.io", i)
		tenants[host] = v
		request := volterra.DeleteTenantRequest{Name: name(i), Email: "owner@acme.example"}
		var vc *volterra.Client // lives as long as the job
		f.jobs = append(f.jobs, teardown.Job{
			Plan: func(ctx context.Context) (plan *teardown.Plan, err error) {
				vc, err = volterra.New(v.Option(), volterra.WithHTTPClient(hc), volterra.WithBaseURL("https://"+host))
				if err != nil {
					return nil, err
				}
				return vc.Plan(ctx, request)
			},
			Teardown: func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
				defer func() { vc = nil }()
				defer v.ResetRequests()
				return vc.Teardown(ctx, p, request, options...)
			},
			Options: confirm(i),
		})
	}
	return all
}

// hosts is a transport to several fakes, by host.
type hosts map[string]http.RoundTripper

func (h hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	return h[req.URL.Host].RoundTrip(req)
}

// measured is the result of a run of many organizations.
type measured struct {
	peak  uint64 // of the heap, in bytes
	took  time.Duration
	left  int
	fleet map[string]*fleet
}

// run tears down n organizations, all fleets at the same time.
func run(t *testing.T, n int) measured {
	t.Helper()
	all := fleets(t, n)
	m := measured{fleet: all}
	base, start := heap(), time.Now()
	done := 0
	var mu sync.Mutex
	var group sync.WaitGroup
	for provider, f := range all {
		group.Go(func() {
			for result := range teardown.RunJobs(t.Context(), f.jobs, parallel) {
				mu.Lock()
				if result.Err != nil {
					m.left++
					t.Errorf("%s: organization %d of %d: %v", provider, result.Index, n, result.Err)
				}
				if done++; done%(n/10) == 0 {
					m.peak = max(m.peak, heap()-min(base, heap()))
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	m.took = time.Since(start)
	return m
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestScale_ThousandOrganizations(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	synctest.Test(t, func(t *testing.T) {
		n := 1000
		if raceDetector {
			n = 500
		}
		few, many := run(t, 100), run(t, n)
		requests, refused := 0, 0
		var table strings.Builder
		table.WriteString("\n| | limit | requests | of what is permitted | refused | time |\n|---|---|---|---|---|---|")
		for _, provider := range offboard.Providers() {
			f := many.fleet[provider]
			requests, refused = requests+f.sent, refused+f.refused
			used, share := 1.0, "not reached"
			switch {
			case f.byClock:
				used = f.usedByClock(f.burst)
			case f.perSecond > 0:
				used = f.used(f.perSecond, f.burst)
			}
			if f.byClock || f.perSecond > 0 {
				share = fmt.Sprintf("%.0f %%", 100*used)
			}
			fmt.Fprintf(&table, "\n| %s | %s | %d | %s | %d | %v |", f.name, f.limit, f.sent, share, f.refused, f.last.Sub(f.first).Round(time.Second))
			if used < 0.9 {
				t.Errorf("%s: %.1f %% of the permitted requests were used", provider, 100*used)
			}
		}
		if refused*100 > requests {
			t.Errorf("%d of %d requests were refused", refused, requests)
		}
		t.Log(table.String())
		t.Logf("in all %d requests, %d refused; heap %d KiB for %d, %d KiB for 100", requests, refused, many.peak>>10, n, few.peak>>10)
		if many.peak > few.peak*3/2 {
			t.Errorf("%d KiB for %d organizations, %d KiB for 100", many.peak>>10, n, few.peak>>10)
		}
	})
}
