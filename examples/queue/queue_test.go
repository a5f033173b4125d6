package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/examples/internal/offboarding"
	"github.com/offboard-dev/offboard-go/examples/internal/telemetrytest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

const project = "5e2f0000000000000000000a"

var (
	acme   = offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000001"}
	globex = offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000002"}
)

// env is a queue at a fake in memory, with the organizations acme and globex.
type env struct {
	*queue
	t         *testing.T
	srv       *atlastest.Server
	directory string
	telemetry *telemetrytest.Telemetry
}

// test runs a test in simulated time.
func test(t *testing.T, f func(*testing.T, *env)) {
	t.Helper()
	t.Parallel()
	directory := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		e := &env{t: t, srv: atlastest.NewServer(), directory: directory, telemetry: telemetrytest.New(t)}
		e.srv.AddOrganization(atlastest.Organization{ID: acme.Organization, Name: "Acme"})
		e.srv.AddOrganization(atlastest.Organization{ID: globex.Organization, Name: "Globex"})
		e.restart()
		f(t, e)
		e.store.Close()
		e.srv.AssertFaultsUsed(t)
	})
}

// restart replaces the queue by one with the jobs in the directory.
func (e *env) restart() {
	e.t.Helper()
	if e.queue != nil {
		e.store.Close()
	}
	store, err := offboarding.OpenStore(e.directory)
	if err != nil {
		e.t.Fatal(err)
	}
	e.queue = newQueue(store, e.newClients(e.srv), 2, 6*time.Hour, slog.New(slog.DiscardHandler), e.telemetry.Telemetry)
}

// newClients returns clients for the fake that send their requests by a transport.
func (e *env) newClients(transport http.RoundTripper) *offboard.Clients {
	url, _ := e.srv.Endpoint()
	credentials := map[string]string{
		"MONGODB_ATLAS_BASE_URL": url, "MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
	}
	return offboard.NewClients(
		offboard.WithHTTPClient(&http.Client{Transport: transport}),
		offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }),
		offboard.WithObserver(e.telemetry.Observer()),
	)
}

// put adds a job.
func (e *env) put(id string, spec offboard.Spec, confirm string) {
	e.t.Helper()
	if err := e.add(id, spec, confirm); err != nil {
		e.t.Fatal(err)
	}
}

// finish works until no job is queued.
func (e *env) finish() {
	e.t.Helper()
	if err := e.work(e.t.Context(), true); err != nil {
		e.t.Fatal(err)
	}
}

// expect checks the state and the action of a job.
func (e *env) expect(id string, state offboarding.State, action offboarding.Action) *offboarding.Job {
	e.t.Helper()
	j, err := e.store.Load(id)
	if err != nil {
		e.t.Fatal(err)
	}
	if j.State != state || j.Action != action {
		e.t.Errorf("%s: got %s, %s: %v; want %s, %s", id, j.State, j.Action, j.Err(), state, action)
	}
	return j
}

func limited(operation, seconds string) offboardtest.Fault {
	f := offboardtest.Respond(operation, http.StatusTooManyRequests, `{"errorCode":"RATE_LIMITED","error":429}`)
	f.Header.Set("Retry-After", seconds)
	return f
}

// Each teardown is a trace, and the metrics count the outcomes.
func TestQueue_TracesAndMetrics(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.put("acme", acme, "Acme")
		e.put("globex", globex, "Globex")
		e.finish()
		spans := e.telemetry.Spans()
		if len(spans["atlas.Teardown"]) != 2 || len(spans["atlas.DeleteOrganization"]) != 2 {
			t.Errorf("got the spans %v", slices.Sorted(maps.Keys(spans)))
		}
		sum, ok := e.telemetry.Metrics(t)["offboard.teardowns"].(metricdata.Sum[int64])
		if !ok || len(sum.DataPoints) != 1 || sum.DataPoints[0].Value != 2 {
			t.Errorf("got the outcomes %+v", sum.DataPoints)
		}
	})
}

func TestQueue_Deleted(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.put("acme", acme, "Acme")
		e.put("acme", acme, "Acme") // delivered twice
		e.put("globex", globex, "Globex")
		e.finish()
		e.put("acme", acme, "Acme") // and after the end
		e.finish()
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
		e.expect("globex", offboarding.Finished, offboarding.Deleted)
		if n := e.srv.Count("DeleteOrganization"); n != 2 {
			t.Errorf("got %d deletions", n)
		}
	})
}

// The queue waits for jobs until it is stopped.
func TestQueue_AddWhileItWaits(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		done := make(chan error, 1)
		go func() { done <- e.work(t.Context(), false) }()
		time.Sleep(time.Hour)
		e.put("acme", acme, "Acme")
		synctest.Wait()
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
		close(e.stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The workers stop while the provider deletes a project. Another process resumes.
func TestQueue_StopAndResume(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.AddProject(acme.Organization, atlastest.Project{ID: project, Takes: time.Hour})
		e.put("acme", acme, "Acme")
		stop := e.stop
		time.AfterFunc(30*time.Minute, func() { close(stop) })
		if err := e.work(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		j := e.expect("acme", offboarding.Queued, offboarding.Retry)
		if j.Attempts != 0 || !errors.Is(j.Err(), errors.NotFinished) {
			t.Errorf("got %d attempts, %v", j.Attempts, j.Err())
		}
		e.restart()
		e.finish()
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
		if n := e.srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("got %d deletions", n)
		}
	})
}

// The context ends at once what runs; the jobs stay queued.
func TestQueue_CanceledContext(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.AddProject(acme.Organization, atlastest.Project{ID: project, Takes: time.Hour})
		e.put("acme", acme, "Acme")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := e.work(ctx, true); err != nil {
			t.Fatal(err)
		}
		e.expect("acme", offboarding.Queued, offboarding.Retry)
		e.restart()
		e.finish()
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
	})
}

// The provider states a wait that is longer than the retries of the SDK and the backoff. Other
// jobs do not wait.
func TestQueue_RetryAfter(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.Fail(limited("DeleteOrganization", "7200"))
		e.put("acme", acme, "Acme")
		started := time.Now()
		done := make(chan error, 1)
		go func() { done <- e.work(t.Context(), false) }()
		time.Sleep(time.Minute)
		j := e.expect("acme", offboarding.Queued, offboarding.Retry)
		if wait := j.NotBefore.Sub(started); wait < 2*time.Hour || j.Errors[0].RetryAfter != 2*time.Hour || !errors.Is(j.Err(), errors.RateLimitReached) {
			t.Errorf("got the wait %v, %v", wait, j.Err())
		}
		time.Sleep(3 * time.Hour)
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
		close(e.stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A provider that is unreachable for days makes a dead letter, which a person releases.
func TestQueue_DeadLetter(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		var up atomic.Bool
		e.clients = e.newClients(transport(func(r *http.Request) (*http.Response, error) {
			if !up.Load() {
				return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>"))}, nil
			}
			return e.srv.RoundTrip(r)
		}))
		started := time.Now()
		e.put("acme", acme, "Acme")
		e.finish()
		j := e.expect("acme", offboarding.Dead, offboarding.AskOperator)
		if j.Attempts != offboarding.MaxAttempts || time.Since(started) < 12*time.Hour || !errors.Is(j.Err(), errors.Unavailable) {
			t.Errorf("got %d attempts in %v, %v", j.Attempts, time.Since(started), j.Err())
		}
		if dead, err := e.deadLetters(); err != nil || len(dead) != 1 || dead[0].ID != "acme" {
			t.Errorf("got %v, %v", dead, err)
		}
		up.Store(true)
		if err := e.release("acme"); err != nil {
			t.Fatal(err)
		}
		e.finish()
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
	})
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// The queue is killed after the deletion and before the result is stored, and delivers the job
// again. Not found counts as deleted only if the journal shows the deletion.
func TestQueue_NotFoundAfterSuccess(t *testing.T) {
	for name, want := range map[string]struct {
		journal bool
		state   offboarding.State
		action  offboarding.Action
	}{
		"with journal":    {true, offboarding.Finished, offboarding.Deleted},
		"without journal": {false, offboarding.Dead, offboarding.AskOperator},
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, e *env) {
				e.put("acme", acme, "Acme")
				e.finish()
				j := e.expect("acme", offboarding.Finished, offboarding.Deleted)
				j.State, j.Action, j.Outcome = offboarding.Queued, "", ""
				if err := e.store.Save(j); err != nil {
					t.Fatal(err)
				}
				if !want.journal {
					if err := os.Remove(filepath.Join(e.directory, "acme.journal")); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(48 * time.Hour)
				e.restart()
				e.finish()
				j = e.expect("acme", want.state, want.action)
				if !want.journal && !errors.Is(j.Err(), errors.OrganizationNotFound) {
					t.Errorf("got %v", j.Err())
				}
				if n := e.srv.Count("DeleteOrganization"); n != 1 {
					t.Errorf("got %d deletions", n)
				}
			})
		})
	}
}

// An organization that was never there is a dead letter, not a success.
func TestQueue_NotFoundFirst(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.put("hooli", offboard.Spec{Provider: "atlas", Organization: "5e2f000000000000000000ff"}, "Hooli")
		e.finish()
		e.expect("hooli", offboarding.Dead, offboarding.AskOperator)
	})
}

func TestQueue_InvalidSpec(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.put("hooli", offboard.Spec{Provider: "hooli", Organization: "x"}, "Hooli")
		e.put("acme", acme, "Acme")
		e.finish()
		if j := e.expect("hooli", offboarding.Dead, offboarding.AskOperator); !errors.Is(j.Err(), errors.InvalidArgument) {
			t.Errorf("got %v", j.Err())
		}
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
	})
}

// A job with several errors waits for the person that the most severe one requires. Its stored
// form has all of them.
func TestQueue_JoinedErrors(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.AddProject(acme.Organization, atlastest.Project{ID: project})
		e.srv.AddProject(acme.Organization, atlastest.Project{ID: "5e2f0000000000000000000b"})
		e.srv.Fail(
			limited("DeleteProject", "86400"),
			offboardtest.Respond("DeleteProject", http.StatusForbidden, `{"errorCode":"USER_UNAUTHORIZED","error":403}`),
		)
		e.put("acme", acme, "Acme")
		e.finish()
		j := e.expect("acme", offboarding.Dead, offboarding.AskOperator)
		n := 0
		for range errors.All(j.Err()) {
			n++
		}
		if n != 2 || !errors.Is(j.Err(), errors.PermissionDenied) || !errors.Is(j.Err(), errors.RateLimitReached) {
			t.Errorf("got %d errors: %v", n, j.Err())
		}
	})
}

// The response of the deletion is lost and the organization cannot be read. A person looks at
// the provider first.
func TestQueue_OutcomeUnknown(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		var readable atomic.Bool
		e.srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
		e.srv.Fail(offboardtest.Fault{Operation: "GetOrganization", Times: 1 << 20, EditRequest: func(r *http.Request) {
			if e.srv.Count("DeleteOrganization") > 0 && !readable.Load() {
				r.Header.Del("Authorization")
			}
		}})
		e.put("acme", acme, "Acme")
		e.finish()
		if j := e.expect("acme", offboarding.Dead, offboarding.Investigate); !errors.Is(j.Err(), errors.OutcomeUnknown) {
			t.Errorf("got %v", j.Err())
		}
		readable.Store(true)
		if err := e.release("acme"); err != nil {
			t.Fatal(err)
		}
		e.finish()
		e.expect("acme", offboarding.Finished, offboarding.Deleted)
		if n := e.srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("got %d deletions", n)
		}
	})
}

func TestRun_Demonstration(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	_, end, _ := strings.Cut(out.String(), "# All jobs are finished or dead.")
	for _, want := range []string{
		"apps     workspace dead       ask_user; subscription: Enterprise, active", "hosting  katapult  finished   deleted",
		"login    zitadel   finished   deleted", "data     atlas     finished   deleted", "apps     workspace finished   deleted",
		"edge     volterra  finished   accepted",
	} {
		if !strings.Contains(end, want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
