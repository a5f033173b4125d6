package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/postgrestest"
	"github.com/offboard-dev/offboard-go/teardown"
)

const (
	organization = "5e2f00000000000000000001"
	project      = "5e2f0000000000000000000a"

	// workerVariable makes the process of the test a worker.
	workerVariable = "OFFBOARD_RIVER_WORKER"
)

// server is the server of all tests.
var server struct {
	sync.Once
	*postgrestest.Server
	err error
}

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		main()
	}
	code := m.Run()
	if server.Server != nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// env is a database, and a fake with an organization.
type env struct {
	*testing.T
	database string
	pool     *pgxpool.Pool
	fake     *atlastest.Server
}

func newEnv(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	postgrestest.Skip(t)
	server.Do(func() { server.Server, server.err = postgrestest.Start() })
	if server.err != nil {
		t.Fatal(server.err)
	}
	e := &env{T: t, fake: atlastest.NewServer()}
	var err error
	if e.database, err = server.Database(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.pool, err = pgxpool.New(t.Context(), e.database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.pool.Close)
	e.fake.SetDeletionTime(0)
	t.Cleanup(e.fake.Close)
	return e
}

// add adds an organization with two clusters in a project.
func (e *env) add(o atlastest.Organization) {
	e.fake.AddOrganization(o)
	e.fake.AddProject(o.ID, atlastest.Project{ID: project, Name: "shop"})
	for _, id := range []string{"main", "test"} {
		e.fake.AddResource(project, atlastest.Resource{Kind: atlas.BlockerFlexCluster, ID: id})
	}
}

// args are the arguments of a job for the organization at a URL.
func args(url string) Args {
	return Args{
		Provider: "atlas", Organization: organization, BaseURL: url, Confirm: "Acme",
		Credentials: map[string]string{"MONGODB_ATLAS_CLIENT_ID": "ACME_ID", "MONGODB_ATLAS_CLIENT_SECRET": "ACME_SECRET"},
	}
}

var credentials = map[string]string{"ACME_ID": atlastest.ClientID, "ACME_SECRET": atlastest.ClientSecret}

// client returns a client whose jobs a context ends gently.
func (e *env) client(ctx context.Context) *river.Client[pgx.Tx] {
	e.Helper()
	clients := offboard.NewClients(
		offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }))
	e.Cleanup(clients.Close)
	c, err := newClient(ctx, e.pool, clients, slog.New(slog.DiscardHandler))
	if err != nil {
		e.Fatal(err)
	}
	return c
}

// insert inserts a job.
func (e *env) insert(c *river.Client[pgx.Tx], a Args) *rivertype.JobInsertResult {
	e.Helper()
	result, err := c.Insert(e.Context(), a, nil)
	if err != nil {
		e.Fatal(err)
	}
	return result
}

// work starts a worker and returns its events.
func (e *env) work(c *river.Client[pgx.Tx]) <-chan *river.Event {
	e.Helper()
	events, cancel := c.Subscribe(
		river.EventKindJobCompleted, river.EventKindJobCancelled, river.EventKindJobFailed, river.EventKindJobSnoozed)
	// The context of a client's start ends gently, and that of the test ends first.
	if err := c.Start(context.WithoutCancel(e.Context())); err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		cancel()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Context()), time.Minute)
		defer cancel()
		if err := c.StopAndCancel(ctx); err != nil {
			e.Error(err)
		}
	})
	return events
}

// expect waits for an event, and checks the state of the job and the outcome in its output.
func (e *env) expect(events <-chan *river.Event, state rivertype.JobState, outcome teardown.Outcome) (*rivertype.JobRow, teardown.Summary) {
	e.Helper()
	select {
	case event := <-events:
		var output teardown.Summary
		if err := json.Unmarshal(event.Job.Output(), &output); err != nil {
			e.Fatal(err)
		}
		if event.Job.State != state || output.Outcome != outcome {
			e.Fatalf("got %s, %+v, %+v", event.Job.State, output, event.Job.Errors)
		}
		return event.Job, output
	case <-time.After(time.Minute):
		e.Fatal("timeout")
	}
	return nil, teardown.Summary{}
}

// deletions returns how often each path was deleted.
func (e *env) deletions() map[string]int {
	paths := map[string]int{}
	for _, r := range e.fake.Requests() {
		if r.Method == http.MethodDelete {
			paths[r.Path]++
		}
	}
	return paths
}

// deletedOnce checks that each resource was deleted, by one request.
func (e *env) deletedOnce() {
	e.Helper()
	paths := e.deletions()
	for path, n := range paths {
		if n != 1 {
			e.Errorf("got %d deletions of %s", n, path)
		}
	}
	if len(paths) != 4 || e.fake.Exists(organization) {
		e.Errorf("got %v", paths)
	}
}

func TestWorker_Deleted(t *testing.T) {
	e := newEnv(t)
	e.add(atlastest.Organization{ID: organization, Name: "Acme"})
	c := e.client(e.Context())
	e.insert(c, args(e.fake.Start()))
	job, output := e.expect(e.work(c), rivertype.JobStateCompleted, teardown.Deleted)
	if output.States[teardown.StepDeleted] != 3 || job.Attempt != 1 {
		t.Errorf("got %+v in attempt %d", output, job.Attempt)
	}
	if row := string(job.EncodedArgs) + string(job.Metadata); strings.Contains(row, atlastest.ClientSecret) {
		t.Errorf("the job contains a credential: %s", row)
	}
	e.deletedOnce()
}

// A worker is killed after the provider has processed a deletion, and before it answers.
func TestWorker_Killed(t *testing.T) {
	for name, killAt := range map[string]int{"first step": 1, "organization": 4} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.add(atlastest.Organization{ID: organization, Name: "Acme"})
			reached, killed := make(chan struct{}), make(chan struct{})
			address := e.proxy(func(n int) {
				if n == killAt {
					close(reached)
					<-killed
				}
			})
			c := e.client(e.Context())
			e.insert(c, args(address))
			worker := exec.Command(os.Args[0])
			worker.Env = append(os.Environ(), workerVariable+"=1", "DATABASE_URL="+e.database,
				"ACME_ID="+atlastest.ClientID, "ACME_SECRET="+atlastest.ClientSecret)
			worker.Stderr = os.Stderr
			if err := worker.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-reached:
			case <-time.After(time.Minute):
				t.Error("timeout")
			}
			_ = worker.Process.Kill() // SIGKILL
			_ = worker.Wait()
			close(killed)
			if t.Failed() {
				return
			}

			// An hour passes, after which River rescues the job, and another worker is the leader.
			for _, sql := range []string{
				"UPDATE river_job SET attempted_at = attempted_at - interval '61 minutes' WHERE state = 'running'",
				"DELETE FROM river_leader",
			} {
				if tag, err := e.pool.Exec(t.Context(), sql); err != nil || tag.RowsAffected() != 1 {
					t.Fatal(tag, err)
				}
			}
			if job, _ := e.expect(e.work(c), rivertype.JobStateCompleted, teardown.Deleted); job.Attempt != 2 {
				t.Errorf("got %d attempts", job.Attempt)
			}
			e.deletedOnce()
		})
	}
}

// proxy serves the fake, and calls a function after the fake has processed the n-th deletion.
func (e *env) proxy(deleted func(n int)) string {
	e.Helper()
	target, err := url.Parse(e.fake.Start())
	if err != nil {
		e.Fatal(err)
	}
	path := target.Path
	target.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(target)
	var mu sync.Mutex
	n := 0
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodDelete {
			mu.Lock()
			n++
			deleted(n)
			mu.Unlock()
		}
		return nil
	}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // the worker was killed
	srv := httptest.NewServer(proxy)
	e.Cleanup(srv.Close)
	return srv.URL + path
}

func TestWorker_Stopped(t *testing.T) {
	e := newEnv(t)
	e.add(atlastest.Organization{ID: organization, Name: "Acme"})
	ctx, stop := context.WithCancel(t.Context())
	address := e.proxy(func(int) { stop() })
	first := e.client(ctx)
	e.insert(first, args(address))
	job, _ := e.expect(e.work(first), rivertype.JobStateAvailable, teardown.Stopped)
	if job.Attempt != 0 {
		t.Errorf("the stop counts as attempt %d", job.Attempt)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.expect(e.work(e.client(t.Context())), rivertype.JobStateCompleted, teardown.Deleted)
	e.deletedOnce()
}

func TestWorker_NotRetryable(t *testing.T) {
	e := newEnv(t)
	e.add(atlastest.Organization{ID: organization, Name: "Acme"})
	c := e.client(e.Context())
	a := args(e.fake.Start())
	a.Confirm = "Globex"
	e.insert(c, a)
	job, output := e.expect(e.work(c), rivertype.JobStateCancelled, "")
	if output.Code != errors.NotConfirmed || job.Attempt != 1 || len(e.deletions()) != 0 {
		t.Errorf("got %+v, %d, %v", output, job.Attempt, e.deletions())
	}
}

func TestWorker_Blocked(t *testing.T) {
	e := newEnv(t)
	e.add(atlastest.Organization{ID: organization, Name: "Acme", FailedPayments: true})
	c := e.client(e.Context())
	events := e.work(c)
	a := args(e.fake.Start())
	e.insert(c, a)
	job, output := e.expect(events, rivertype.JobStateCompleted, teardown.Blocked)
	if !errors.Is(output.Code, errors.DeletionStepsNotSatisfied) || output.Error == "" || job.Attempt != 1 {
		t.Errorf("got %+v in attempt %d", output, job.Attempt)
	}
	e.fake.Resolve(organization) // a person pays
	e.insert(c, a)
	e.expect(events, rivertype.JobStateCompleted, teardown.Deleted)
	e.deletedOnce()
}

// The plan that an attempt stores is applied by the next one, and replaced if it is stale.
func TestWorker_PlanStale(t *testing.T) {
	e := newEnv(t)
	e.add(atlastest.Organization{ID: organization, Name: "Acme"})
	var once sync.Once
	address := e.proxy(func(int) {
		once.Do(func() { // a new project, while the job runs
			e.fake.AddProject(organization, atlastest.Project{ID: "5e2f0000000000000000000b", Name: "new"})
		})
	})
	c := e.client(e.Context())
	e.insert(c, args(address))
	events := e.work(c)
	if _, output := e.expect(events, rivertype.JobStateAvailable, teardown.Blocked); output.Code != errors.PlanStale {
		t.Errorf("got %+v", output)
	}
	e.expect(events, rivertype.JobStateCompleted, teardown.Deleted)
}

func TestArgs_Unique(t *testing.T) {
	e := newEnv(t)
	c := e.client(e.Context())
	first := args("")
	again := first
	again.Confirm, again.Credentials = "Other", nil
	other := first
	other.Organization = "5e2f00000000000000000002"
	if e.insert(c, first).UniqueSkippedAsDuplicate || !e.insert(c, again).UniqueSkippedAsDuplicate || e.insert(c, other).UniqueSkippedAsDuplicate {
		t.Error("an organization must have one job")
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	limited := &errors.Error{Code: errors.RateLimitReached, RetryAfter: time.Minute}
	busy := &errors.Error{Code: errors.ServiceUnavailable}
	denied := &errors.Error{Code: errors.PermissionDenied}
	report := func(outcome teardown.Outcome) *teardown.Report { return &teardown.Report{Outcome: outcome} }
	for name, test := range map[string]struct {
		ctx    context.Context
		report *teardown.Report
		err    error
		want   string
	}{
		"deleted":                  {report: report(teardown.Deleted), want: "completed"},
		"deleted, journal failed":  {report: report(teardown.Deleted), err: &errors.Error{Code: errors.Internal}, want: "completed"},
		"deleted at the timeout":   {ctx: ended, report: report(teardown.Deleted), want: "completed"},
		"pending":                  {report: report(teardown.Pending), want: "completed"},
		"blocked":                  {report: report(teardown.Blocked), err: denied, want: "completed"},
		"blocked for some time":    {report: report(teardown.Blocked), err: busy, want: "retried"},
		"blocked by several":       {report: report(teardown.Blocked), err: errors.Join(limited, denied), want: "completed"},
		"blocked by the limit":     {report: report(teardown.Blocked), err: errors.Join(limited, busy), want: "snoozed 1m0s"},
		"blocked by a new project": {report: report(teardown.Blocked), err: &errors.Error{Code: errors.PlanStale}, want: "retried"},
		"unknown":                  {report: report(teardown.Unknown), err: &errors.Error{Code: errors.OutcomeUnknown, Err: busy}, want: "completed"},
		"not found":                {report: report(teardown.NotFound), err: &errors.Error{Code: errors.OrganizationNotFound}, want: "completed"},
		"stopped":                  {report: report(teardown.Stopped), err: &errors.Error{Code: errors.NotFinished}, want: "snoozed 0s"},
		"context":                  {ctx: ended, report: report(teardown.Stopped), err: &errors.Error{Code: errors.NotFinished}, want: "retried"},
		"context, unknown":         {ctx: ended, report: report(teardown.Unknown), err: &errors.Error{Code: errors.OutcomeUnknown}, want: "retried"},
		"no plan":                  {err: denied, want: "canceled"},
		"no plan for some time":    {err: busy, want: "retried"},
		"manual steps":             {err: &errors.Error{Code: errors.PaymentRequired}, want: "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			err := decide(ctx, test.report, test.err)
			got := "retried"
			if snooze, ok := errors.AsType[*river.JobSnoozeError](err); ok {
				got = "snoozed " + snooze.Duration.String()
			} else if _, ok := errors.AsType[*river.JobCancelError](err); ok {
				got = "canceled"
			} else if err == nil {
				got = "completed"
			}
			if got != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestRun_Usage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"atlas", organization, "Acme"}, {"atlas"}} {
		var errs bytes.Buffer
		if code := run(t.Context(), args, "", io.Discard, &errs); code != 2 || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%v: got %d, %q", args, code, errs.String())
		}
	}
}

func TestRun_AddJob(t *testing.T) {
	e := newEnv(t)
	for _, want := range []string{"added job 1\n", "the organization has job 1\n"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"atlas", organization, "Acme"}, e.database, &out, &errs); code != 0 || out.String() != want {
			t.Errorf("got %d, %q, %q", code, out.String(), errs.String())
		}
	}
}
