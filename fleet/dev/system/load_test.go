//go:build unix

package system

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// cpu returns the CPU time of this process, or of all children that have ended.
func cpu(t testing.TB, who int) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// usage is what a part of a test takes.
type usage struct {
	wall, cpu             time.Duration
	self, server, workers time.Duration    // CPU times of this process and of others
	transactions          map[string]int64 // by database
	events                int              // of the history of one organization
}

// postgres returns the CPU time of the other processes: Postgres.
func (u usage) postgres() time.Duration { return u.cpu - u.self - u.server - u.workers }

// transactions returns the number of committed transactions of each database of a server.
func transactions(t testing.TB, source string) map[string]int64 {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(t.Context(), `SELECT datname, xact_commit FROM pg_stat_database WHERE datname IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	var name string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { all[name] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// addOrganizations adds organizations with a machine and three zones each.
func addOrganizations(srv *katapulttest.Server, n int) []fleet.Entry {
	var entries []fleet.Entry
	for i := range n {
		entries = append(entries, addOrganization(srv, fmt.Sprintf("o%d", i), 1, 3))
	}
	return entries
}

// inProcess deletes organizations by [teardown.RunJobs].
func inProcess(ctx context.Context, t testing.TB, entries []fleet.Entry) {
	t.Helper()
	clients := offboard.NewClients(offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }))
	defer clients.Close()
	var jobs []teardown.Job
	for _, e := range entries {
		o, err := clients.Open(ctx, e.Spec())
		if err != nil {
			t.Fatal(err)
		}
		name, err := o.Name(ctx)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, teardown.Job{Plan: o.Plan, Teardown: o.Teardown, Options: []teardown.Option{teardown.WithConfirm(name)}})
	}
	for r := range teardown.RunJobs(ctx, jobs, 100) {
		if r.Err != nil || r.Report.Outcome != teardown.Deleted {
			t.Errorf("organization %d: got %v", r.Index, r.Err)
		}
	}
}

// TestRate_Postgres compares a fleet with approvals with the same teardowns in one process. Two
// workers, the server, Postgres, the fake and the test share the machine.
func TestRate_Postgres(t *testing.T) {
	n := organizations()
	const taskTime = 200 * time.Millisecond
	measure := func(name string, f func(t *testing.T, u *usage)) usage {
		t.Helper()
		var u usage
		self, children := cpu(t, syscall.RUSAGE_SELF), cpu(t, syscall.RUSAGE_CHILDREN)
		if !t.Run(name, func(t *testing.T) { f(t, &u) }) {
			t.FailNow()
		}
		u.self = cpu(t, syscall.RUSAGE_SELF) - self
		u.cpu = u.self + cpu(t, syscall.RUSAGE_CHILDREN) - children // after the end of all processes
		return u
	}
	single := measure("in_process", func(t *testing.T, u *usage) {
		srv := newKatapult(t, taskTime)
		entries := addOrganizations(srv, n)
		start := time.Now()
		inProcess(t.Context(), t, entries)
		u.wall = time.Since(start)
	})
	run := func(n int) func(t *testing.T, u *usage) {
		return func(t *testing.T, u *usage) {
			var s *system
			var workers []*process
			t.Cleanup(func() { // after the end of all processes
				u.server = s.server.CPU()
				for _, w := range workers {
					u.workers += w.cpu()
				}
			})
			s = newSystem(t, "postgres")
			srv := newKatapult(t, taskTime)
			entries := addOrganizations(srv, n)
			waiting := make(chan fleet.Waiting, 2*n)
			s.handle(func(e event) {
				if e.Kind == "waiting" {
					waiting <- *e.Waiting
				}
			})
			workers = append(workers, s.startWorker(s.server.Address()), s.startWorker(s.server.Address()))
			var approvers sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			var approved atomic.Int64
			for range 8 {
				approvers.Go(func() {
					for {
						select {
						case w := <-waiting:
							if err := s.approve(ctx, w); err != nil {
								t.Error(err)
							}
							approved.Add(1)
						case <-ctx.Done():
							return
						}
					}
				})
			}
			before, start := transactions(t, s.config.Storage.Postgres), time.Now()
			var ids []string
			if n > 0 {
				ids = s.mustStart(fleet.Manifest{Organizations: entries, Policy: fleet.Policy{Approvals: 1}})
			}
			eventually(t, 30*time.Minute, "all organizations are deleted", func() bool { return len(srv.Deleted()) == n })
			u.wall = time.Since(start)
			eventually(t, time.Minute, "all workflows end", func() bool {
				r, err := s.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: `Outcome = "deleted"`})
				return err == nil && r.GetCount() == int64(n)
			})
			cancel()
			approvers.Wait()
			u.transactions = map[string]int64{}
			for name, total := range transactions(t, s.config.Storage.Postgres) {
				u.transactions[name] = total - before[name]
			}
			if n > 0 {
				u.events = len(s.history(ids[0]).Events)
			}
			if int(approved.Load()) < n {
				t.Errorf("%d approvals of %d organizations", approved.Load(), n)
			}
		}
	}
	startup := measure("startup", run(0))
	many := measure("fleet", run(n))
	perMinute := func(u usage) float64 { return float64(n) / u.wall.Minutes() }
	perOrganization := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(n) }
	t.Logf("%d organizations with 4 steps each, 2 workers", n)
	t.Logf("%-12s %16s %26s", "", "per minute", "CPU per organization")
	t.Logf("%-12s %16.0f %23.1f ms", "one process", perMinute(single), perOrganization(single.cpu))
	t.Logf("%-12s %16.0f %23.1f ms", "fleet", perMinute(many), perOrganization(many.cpu-startup.cpu))
	t.Logf("%-12s %16s %23.1f ms", "difference", "", perOrganization(many.cpu-startup.cpu-single.cpu))
	t.Logf("CPU of the fleet: server %.1f ms, workers %.1f ms, Postgres %.1f ms, fake and approvals %.1f ms",
		perOrganization(many.server-startup.server), perOrganization(many.workers-startup.workers),
		perOrganization(many.postgres()-startup.postgres()), perOrganization(many.self-startup.self))
	for name, total := range many.transactions {
		if !strings.HasPrefix(name, "template") && name != "postgres" {
			t.Logf("transactions of the database %s: %.1f per organization", name, float64(total)/float64(n))
		}
	}
	t.Logf("events of the history of an organization: %d", many.events)
}

// TestLarge_HistoryAndRequests deletes an organization with many steps. The limits are those of
// docs/fleet.md: the size of the history does not depend on the number of steps, apart from chunks.
func TestLarge_HistoryAndRequests(t *testing.T) {
	n := steps()
	srv := newKatapult(t, 0)
	inProcess(t.Context(), t, []fleet.Entry{addOrganization(srv, "one", 0, n)})
	single := len(srv.Requests())
	srv.ResetRequests()

	s := newSystem(t, "sqlite")
	s.startWorker(s.server.Address())
	s.startWorker(s.server.Address())
	id := s.mustStart(fleet.Manifest{
		Organizations: []fleet.Entry{addOrganization(srv, "many", 0, n)}, Policy: fleet.Policy{Approvals: 1},
	})[0]
	state := s.waitFor(id, fleet.WaitingForApproval)
	start := time.Now()
	if err := s.approve(t.Context(), fleet.Waiting{ID: id, Digest: state.Digest}); err != nil {
		t.Fatal(err)
	}
	r, err := s.result(id)
	took := time.Since(start)
	if err != nil || r.Outcome != teardown.Deleted {
		t.Fatalf("got %+v, %v", r, err)
	}
	counts := map[string]int{}
	for _, q := range srv.Requests() {
		counts[q.Operation]++
	}
	h := s.history(id)
	largest, requests := 0, len(srv.Requests())
	for _, e := range h.Events {
		largest = max(largest, proto.Size(e))
	}
	t.Logf("%d steps in %.1f s after the approval: %d events of history, the largest with %d bytes; %d requests, %d in one process (%.2f times)",
		n, took.Seconds(), len(h.Events), largest, requests, single, float64(requests)/float64(single))
	if n <= 1000 && len(h.Events) > 100 {
		t.Errorf("the history has %d events", len(h.Events))
	}
	if largest > 256<<10 {
		t.Errorf("an event has %d bytes", largest)
	}
	if float64(requests) > 1.2*float64(single) {
		t.Errorf("%d requests, and %d in one process: %v", requests, single, counts)
	}
}
