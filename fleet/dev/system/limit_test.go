//go:build unix

package system

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// limit is a limit of a provider that workers share.
type limit struct {
	Operation string // that the limit is about; "" for all
	PerSecond float64
	Burst     int
}

// operationLimiter applies a limiter to one operation, or to all. Without a limiter, it permits all.
type operationLimiter struct {
	offboard.Limiter
	operation string
}

func (l operationLimiter) applies(operation string) bool {
	return l.Limiter != nil && (l.operation == "" || l.operation == operation)
}

func (l operationLimiter) Wait(ctx context.Context, operation string) error {
	if !l.applies(operation) {
		return ctx.Err()
	}
	return l.Limiter.Wait(ctx, operation)
}

func (l operationLimiter) Update(operation string, status int, header http.Header) {
	if l.applies(operation) {
		l.Limiter.Update(operation, status, header)
	}
}

// limiters returns the function for [offboard.WithLimiter], and one that returns unused requests.
func (c workerConfig) limiters(ctx context.Context) (func(offboard.Spec) offboard.Limiter, func(), error) {
	pool, err := pgxpool.New(ctx, c.Storage.Postgres)
	if err != nil {
		return nil, nil, err
	}
	db, err := postgres.Open(ctx, pool)
	if err != nil {
		return nil, nil, err
	}
	all := map[string]*postgres.Limiter{}
	for provider, limit := range c.Limits {
		all[provider], err = db.Limiter(ctx, postgres.LimiterConfig{Key: provider, PerSecond: limit.PerSecond, Burst: limit.Burst})
		if err != nil {
			return nil, nil, err
		}
	}
	find := func(s offboard.Spec) offboard.Limiter {
		if l := all[s.Provider]; l != nil {
			return operationLimiter{l, c.Limits[s.Provider].Operation}
		}
		return operationLimiter{}
	}
	return find, func() {
		for _, l := range all {
			l.Close()
		}
	}, nil
}

// TestLimit_FourWorkers deletes organizations at Katapult, which permits 1,000 requests a minute, and at
// Atlas, which has a token bucket for the deletions of clusters: 5, and 5 more each minute. Four workers
// that share the limits are as fast as the limits permit, and the providers refuse them no more requests
// than one worker. Without -full, the limit of Katapult is 12 times as high.
//
// The bucket of Atlas is always filled each second: a client does not use a permit for a write that
// has waited for more than 10 seconds, because its reads are too old then, and waits again. A queue of
// that length reaches a lower rate.
func TestLimit_FourWorkers(t *testing.T) {
	scale, organizations := 12, 80
	if *full {
		scale, organizations = 1, 40
	}
	const perMinute, burst, atlasScale = 1000, 5, 60
	type result struct {
		katapult, atlas rate
	}
	run := func(workers int) (r result) {
		t.Run(fmt.Sprintf("%d_workers", workers), func(t *testing.T) {
			s := newSystem(t, "postgres")
			s.config.Limits = map[string]limit{
				"katapult": {PerSecond: float64(scale*perMinute) / 60, Burst: scale},
				// The bucket is filled once a period: a burst, or a request right before that, would be refused.
				"atlas": {Operation: "DeleteFlexCluster", PerSecond: 0.97 * float64(atlasScale*burst) / 60, Burst: 1},
			}
			k := newKatapult(t, 0)
			k.LimitRate(scale * perMinute)
			a := atlastest.NewServer()
			a.SetDeletionTime(0)
			a.LimitRate("DeleteFlexCluster", burst, burst, time.Minute/atlasScale)
			url := a.Start()
			t.Cleanup(a.Close)
			entries := addOrganizations(k, organizations)
			for i := range 30 {
				id, project := fmt.Sprintf("5e2f%020d", i), fmt.Sprintf("5e3f%020d", i)
				a.AddOrganization(atlastest.Organization{ID: id, Name: "Organization " + id})
				a.AddProject(id, atlastest.Project{ID: project, Name: "shop"})
				a.AddResource(project, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: "main"})
				entries = append(entries, fleet.Entry{Provider: "atlas", Organization: id, BaseURL: url})
			}
			for i := range entries {
				entries[i].Confirm = "Organization " + entries[i].Organization
				if entries[i].Provider == "katapult" {
					entries[i].Confirm = "Organization " + entries[i].Organization[len("org_"):]
				}
			}
			for range workers {
				s.startWorker(s.server.Address())
			}
			for _, id := range s.mustStart(fleet.Manifest{Organizations: entries}) {
				if r, err := s.result(id); err != nil || r.Outcome != teardown.Deleted {
					t.Errorf("%s: got %+v, %v", id, r, err)
				}
			}
			r.katapult = rateOf(k.Requests(), "", 0)
			r.atlas = rateOf(a.Requests(), "DeleteFlexCluster", burst)
			t.Logf("%d workers: Katapult %v of %d; Atlas %v of %d", workers, r.katapult, scale*perMinute, r.atlas, atlasScale*burst)
		})
		return r
	}
	one, four := run(1), run(4)
	for _, test := range []struct {
		name      string
		one, four rate
		permitted float64
	}{
		{"Katapult", one.katapult, four.katapult, float64(scale * perMinute)},
		{"Atlas", one.atlas, four.atlas, atlasScale * burst},
	} {
		if test.four.refused > test.one.refused {
			t.Errorf("%s refused %d requests of four workers, and %d of one", test.name, test.four.refused, test.one.refused)
		}
		if test.four.perMinute < 0.9*test.permitted {
			t.Errorf("%s: four workers sent %.0f requests a minute of %.0f", test.name, test.four.perMinute, test.permitted)
		}
	}
}

// rate is how many requests of a minute a provider has accepted, and how many it refused in total.
type rate struct {
	perMinute float64
	refused   int
}

func (r rate) String() string {
	return fmt.Sprintf("accepted %.0f requests a minute, refused %d in total,", r.perMinute, r.refused)
}

// rateOf returns the rate of an operation; of all operations if it is "". The first and the last tenth
// of the requests do not count: not all organizations have requests to send then. The burst does
// not count, either.
func rateOf(requests []offboardtest.Request, operation string, burst int) rate {
	var r rate
	var times []time.Time
	for _, q := range requests {
		switch {
		case operation != "" && q.Operation != operation:
		case q.Status == http.StatusTooManyRequests:
			r.refused++
		default:
			times = append(times, q.Time)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	tenth := max(len(times)/10, burst)
	times = times[tenth : len(times)-len(times)/10]
	r.perMinute = float64(len(times)-1) / times[len(times)-1].Sub(times[0]).Minutes()
	return r
}
