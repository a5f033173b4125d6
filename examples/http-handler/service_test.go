package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/examples/internal/offboarding"
	"github.com/offboard-dev/offboard-go/examples/internal/telemetrytest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

const shop, bank = "5e2f0000000000000000000a", "5e2f0000000000000000000b"

// env is a service at a fake in memory, with the organization "acme".
type env struct {
	t         *testing.T
	srv       *atlastest.Server
	directory string
	service   *service
	handler   http.Handler
	store     *offboarding.Store
	telemetry *telemetrytest.Telemetry
}

// test runs a test in simulated time. The organization has no projects.
func test(t *testing.T, f func(*testing.T, *env)) {
	t.Helper()
	t.Parallel()
	directory := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		e := &env{t: t, srv: atlastest.NewServer(), directory: directory, telemetry: telemetrytest.New(t)}
		e.srv.AddOrganization(atlastest.Organization{ID: organizations["acme"], Name: "Acme"})
		e.start()
		f(t, e)
		e.shutdown()
		e.store.Close()
		e.srv.AssertFaultsUsed(t)
	})
}

// start starts the service with the jobs in the directory.
func (e *env) start() {
	e.t.Helper()
	if e.store != nil {
		e.store.Close()
	}
	store, err := offboarding.OpenStore(e.directory)
	if err != nil {
		e.t.Fatal(err)
	}
	e.store = store
	if e.service, err = newService(store, lookUp, newClients(e.srv.Server, e.telemetry.Telemetry), 6*time.Hour, slog.New(slog.DiscardHandler), e.telemetry.Telemetry); err != nil {
		e.t.Fatal(err)
	}
	e.handler = newHandler(e.service, demoAuthorization)
}

func (e *env) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e.service.shutdown(ctx)
}

// do sends a request and checks the status of the response.
func (e *env) do(ctx context.Context, method, id, body string, want int) (status, http.Header) {
	e.t.Helper()
	req := httptest.NewRequestWithContext(ctx, method, "/organizations/"+id+"/offboarding", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer demo")
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, req)
	var st status
	if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil || w.Code != want {
		e.t.Errorf("%s %s: got %d %s, want %d", method, id, w.Code, w.Body, want)
	}
	return st, w.Header()
}

func (e *env) post(want int) status {
	e.t.Helper()
	st, _ := e.do(e.t.Context(), "POST", "acme", `{"confirm":"Acme"}`, want)
	return st
}

func (e *env) get() status {
	e.t.Helper()
	st, _ := e.do(e.t.Context(), "GET", "acme", "", http.StatusOK)
	return st
}

// expect waits until no attempt runs or waits, and checks the state.
func (e *env) expect(state string) status {
	e.t.Helper()
	for range 10_000 {
		if st := e.get(); ended(st) {
			if st.State != state {
				e.t.Errorf("got %+v, want the state %s", st, state)
			}
			return st
		}
		time.Sleep(time.Minute)
	}
	e.t.Fatal("the offboarding does not end")
	return status{}
}

// job returns the stored job.
func (e *env) job() *offboarding.Job {
	e.t.Helper()
	j, err := e.store.Load("acme")
	if err != nil {
		e.t.Fatal(err)
	}
	return j
}

func TestPost_Deleted(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		st, header := e.do(t.Context(), "POST", "acme", `{"confirm":"Acme"}`, http.StatusAccepted)
		if st.State != "in_progress" || header.Get("Location") != "/organizations/acme/offboarding" {
			t.Errorf("got %+v, %v", st, header)
		}
		e.expect("deleted")
		if e.post(http.StatusOK).State != "deleted" || e.srv.Count("DeleteOrganization") != 1 {
			t.Errorf("a repeated request deletes again")
		}
	})
}

// The client disconnects while the provider deletes, which takes an hour.
func TestPost_ClientDisconnects(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.AddProject(organizations["acme"], atlastest.Project{ID: shop, Takes: time.Hour})
		ctx, disconnect := context.WithCancel(t.Context())
		e.do(ctx, "POST", "acme", `{"confirm":"Acme"}`, http.StatusAccepted)
		synctest.Wait()
		if e.srv.Count("DeleteProject") != 1 {
			t.Fatal("no attempt runs")
		}
		disconnect()
		time.Sleep(10 * time.Minute)
		if st := e.get(); st.State != "in_progress" || st.Total != 1 {
			t.Errorf("got %+v", st)
		}
		e.expect("deleted")
	})
}

// A client that disconnects before the request is stored has requested nothing.
func TestPost_ClientDisconnectsFirst(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.service.directory = func(ctx context.Context, _ string) (offboard.Spec, error) { return offboard.Spec{}, ctx.Err() }
		ctx, disconnect := context.WithCancel(t.Context())
		disconnect()
		e.do(ctx, "POST", "acme", `{"confirm":"Acme"}`, http.StatusInternalServerError)
		e.do(t.Context(), "GET", "acme", "", http.StatusNotFound)
		if n := len(e.srv.Requests()); n > 0 {
			t.Errorf("got %d requests", n)
		}
	})
}

func TestPost_Refused(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		for body, want := range map[string]int{
			``: 400, `{}`: 400, `{"confirm":" "}`: 400, `{"confirm":"Acme","force":true}`: 400, `{"confirm":"` + strings.Repeat("x", 5000) + `"}`: 400,
		} {
			e.do(t.Context(), "POST", "acme", body, want)
		}
		e.do(t.Context(), "POST", "hooli", `{"confirm":"Hooli"}`, http.StatusNotFound)
		e.do(t.Context(), "GET", "acme", "", http.StatusNotFound)
		for name, value := range map[string]string{"Authorization": "Bearer other", "Sec-Fetch-Site": "cross-site"} {
			req := httptest.NewRequest("POST", "/organizations/acme/offboarding", strings.NewReader(`{"confirm":"Acme"}`))
			req.Header.Set("Authorization", "Bearer demo")
			req.Header.Set(name, value)
			w := httptest.NewRecorder()
			if e.handler.ServeHTTP(w, req); w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden {
				t.Errorf("%s: got %d", name, w.Code)
			}
		}
		if n := len(e.srv.Requests()); n > 0 {
			t.Errorf("got %d requests", n)
		}
	})
}

func TestPost_OtherName(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.do(t.Context(), "POST", "acme", `{"confirm":"Acme Ltd"}`, http.StatusAccepted)
		e.expect("action_required")
		if e.srv.Count("DeleteOrganization") > 0 {
			t.Error("a deletion was sent")
		}
		e.post(http.StatusAccepted)
		e.expect("deleted")
	})
}

// Requests at the same time start one attempt.
func TestPost_Concurrent(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		for range 20 {
			go e.post(http.StatusAccepted)
		}
		synctest.Wait()
		e.expect("deleted")
		if n := e.srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("got %d deletions", n)
		}
	})
}

// The service stops while a cluster is being deleted. The next start finishes the deletion.
func TestShutdown_Resume(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.AddProject(organizations["acme"], atlastest.Project{ID: shop})
		e.srv.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "ledger", Takes: 2 * time.Hour})
		e.post(http.StatusAccepted)
		time.Sleep(30 * time.Minute) // less than the time limit of a step
		started := time.Now()
		e.shutdown()
		if time.Since(started) > 0 {
			t.Errorf("the shutdown took %v: the attempt waits for the provider", time.Since(started))
		}
		if j := e.job(); j.State != offboarding.Queued || j.Attempts != 0 || !errors.Is(j.Err(), errors.NotFinished) {
			t.Errorf("got %s, %d attempts, %v", j.State, j.Attempts, j.Err())
		}
		e.do(t.Context(), "POST", "acme", `{"confirm":"Acme"}`, http.StatusServiceUnavailable)
		time.Sleep(12 * time.Hour)
		e.start()
		e.expect("deleted")
		for _, operation := range []string{"DeleteCluster", "DeleteProject", "DeleteOrganization"} {
			if n := e.srv.Count(operation); n != 1 {
				t.Errorf("got %d requests %s", n, operation)
			}
		}
	})
}

// A request hangs when the grace period ends: its context ends, and the next start resumes.
func TestShutdown_GracePeriod(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", Delay: time.Hour})
		e.post(http.StatusAccepted)
		time.Sleep(time.Minute)
		started := time.Now()
		e.shutdown()
		if time.Since(started) != time.Minute {
			t.Errorf("the shutdown took %v", time.Since(started))
		}
		e.start()
		// The deletion was sent, and its response is lost. An attempt in a background that has
		// ended cannot read, so that an operator looks at the provider.
		if j := e.job(); j.State == offboarding.Dead {
			if err := e.service.release(t.Context(), "acme"); err != nil {
				t.Fatal(err)
			}
		}
		e.expect("deleted")
	})
}

// The process is killed after the provider has deleted the organization, and before the result
// is stored. The second run finds no organization, and the journal decides.
func TestRestart_NotFoundAfterSuccess(t *testing.T) {
	for name, state := range map[string]string{"with journal": "deleted", "without journal": "failed"} {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, e *env) {
				e.srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", Delay: time.Minute})
				e.post(http.StatusAccepted)
				time.Sleep(time.Second)
				before, err := os.ReadFile(filepath.Join(e.directory, "acme.json")) // with the plan
				if err != nil {
					t.Fatal(err)
				}
				e.expect("deleted")
				e.shutdown()
				if err := os.WriteFile(filepath.Join(e.directory, "acme.json"), before, 0o600); err != nil {
					t.Fatal(err)
				}
				if state == "failed" {
					if err := os.Remove(filepath.Join(e.directory, "acme.journal")); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(48 * time.Hour) // longer than the age at which a plan expires by default
				e.start()
				e.expect(state)
				if n := e.srv.Count("DeleteOrganization"); n != 1 {
					t.Errorf("got %d deletions", n)
				}
			})
		})
	}
}

// Two projects fail in different ways. The user gets one state, and an operator all errors.
func TestJob_JoinedErrors(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.AddProject(organizations["acme"], atlastest.Project{ID: shop, Name: "shop"})
		e.srv.AddProject(organizations["acme"], atlastest.Project{ID: bank, Name: "bank"})
		busy := offboardtest.Respond("DeleteProject", http.StatusTooManyRequests, `{"errorCode":"RATE_LIMITED","error":429}`)
		busy.Header.Set("Retry-After", "86400")
		denied := offboardtest.Respond("DeleteProject", http.StatusForbidden, `{"errorCode":"USER_UNAUTHORIZED","error":403}`)
		busy.Times, denied.Times = 1, 1
		e.srv.Fail(busy, denied)
		e.post(http.StatusAccepted)
		if st := e.expect("failed"); len(st.Steps) > 0 {
			t.Errorf("got %+v", st)
		}
		j := e.job()
		var codes []errors.Code
		for err := range errors.All(j.Err()) {
			codes = append(codes, err.Code)
		}
		if len(codes) != 2 || !errors.Is(j.Err(), errors.PermissionDenied) || !errors.Is(j.Err(), errors.RateLimitReached) {
			t.Errorf("got %v", codes)
		}
		if errors.Retryable(j.Err()) || j.Action != offboarding.AskOperator {
			t.Errorf("got %s", j.Action)
		}
		e.post(http.StatusConflict)
	})
}

// The response of the deletion is lost, and the credential ended with the organization. The
// user cannot repeat the request. An operator checks the provider and releases the job; then the
// journal decides.
func TestJob_OutcomeUnknown(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		var renewed atomic.Bool // the credential
		e.srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", Processed: true, Failure: offboardtest.ConnectionReset})
		e.srv.Fail(offboardtest.Fault{Operation: "GetOrganization", Times: 1 << 20, EditRequest: func(r *http.Request) {
			if e.srv.Count("DeleteOrganization") > 0 && !renewed.Load() {
				r.Header.Del("Authorization")
			}
		}})
		e.post(http.StatusAccepted)
		st := e.expect("failed")
		if j := e.job(); j.Action != offboarding.Investigate || !errors.Is(j.Err(), errors.OutcomeUnknown) || strings.Contains(st.Text, "deleted") {
			t.Errorf("got %s, %v, %q", j.Action, j.Err(), st.Text)
		}
		e.post(http.StatusConflict)
		for _, state := range []string{"failed", "deleted"} {
			if err := e.service.release(t.Context(), "acme"); err != nil {
				t.Fatal(err)
			}
			e.expect(state)
			renewed.Store(true)
		}
		if n := e.srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("got %d deletions", n)
		}
	})
}

// The provider states a wait of an hour, which no layer of the SDK takes.
func TestJob_RateLimit(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		limited := offboardtest.Respond("DeleteOrganization", http.StatusTooManyRequests, `{"errorCode":"RATE_LIMITED","error":429}`)
		limited.Header.Set("Retry-After", "3600")
		e.srv.Fail(limited)
		started := time.Now()
		e.post(http.StatusAccepted)
		time.Sleep(time.Minute)
		st, header := e.do(t.Context(), "GET", "acme", "", http.StatusOK)
		if wait, _ := strconv.Atoi(header.Get("Retry-After")); st.State != "in_progress" || wait < 3000 || wait > 3600 {
			t.Errorf("got %+v, Retry-After %d", st, wait)
		}
		if j := e.job(); !errors.Is(j.Err(), errors.RateLimitReached) || j.Errors[0].RetryAfter != time.Hour {
			t.Errorf("got %v", j.Err())
		}
		e.expect("deleted")
		if time.Since(started) < time.Hour {
			t.Errorf("deleted after %v", time.Since(started))
		}
	})
}

// The wait before a retry survives a restart.
func TestJob_RateLimitRestart(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		limited := offboardtest.Respond("DeleteOrganization", http.StatusTooManyRequests, `{"errorCode":"RATE_LIMITED","error":429}`)
		limited.Header.Set("Retry-After", "3600")
		e.srv.Fail(limited)
		e.post(http.StatusAccepted)
		time.Sleep(time.Minute)
		e.shutdown()
		e.start()
		time.Sleep(30 * time.Minute)
		if n := e.srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("got %d deletions before the time", n)
		}
		e.expect("deleted")
	})
}

// An attempt that exceeds its time limit is not the end: the next one resumes.
func TestJob_Timeout(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.service.timeout = 10 * time.Minute
		e.srv.AddProject(organizations["acme"], atlastest.Project{ID: shop, Takes: 45 * time.Minute})
		e.post(http.StatusAccepted)
		e.expect("deleted")
		if n := e.job().Attempts; n < 3 {
			t.Errorf("got %d attempts", n)
		}
	})
}

func TestRun_Demonstration(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"POST acme {\"confirm\":\"Acme\"}\n  202 ", "# restart\nGET acme\n  200 {\"state\":\"deleted\"", "GET globex\n  200 {\"state\":\"action_required\"",
		"GET globex\n  200 {\"state\":\"deleted\"", "GET initech\n  200 {\"state\":\"failed\"", "POST hooli {\"confirm\":\"Hooli\"}\n  404 ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// The teardown belongs to the trace of the request that started it, and its requests to the
// teardown. A retry is visible in the trace and in the metrics.
func TestService_TraceAndMetrics(t *testing.T) {
	test(t, func(t *testing.T, e *env) {
		e.srv.Fail(offboardtest.Respond("DeleteOrganization", http.StatusServiceUnavailable, "{}"))
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled}))
		e.do(ctx, "POST", "acme", `{"confirm":"Acme"}`, http.StatusAccepted)
		synctest.Wait()
		time.Sleep(time.Minute)
		spans := e.telemetry.Spans()
		for name, all := range spans {
			for _, span := range all {
				if span.SpanContext.TraceID() != (trace.TraceID{1}) {
					t.Errorf("%s is in another trace than the request", name)
				}
			}
		}
		teardowns, deletions := spans["atlas.Teardown"], spans["atlas.DeleteOrganization"]
		if len(teardowns) != 1 || len(deletions) == 0 {
			t.Fatalf("got %d teardowns and %d deletions: %v", len(teardowns), len(deletions), slices.Sorted(maps.Keys(spans)))
		}
		for _, deletion := range deletions {
			if deletion.Parent.SpanID() != teardowns[0].SpanContext.SpanID() {
				t.Errorf("a deletion is not a child of the teardown")
			}
		}
		metrics := e.telemetry.Metrics(t)
		for _, name := range []string{"offboard.client.operation.duration", "offboard.client.requests", "offboard.teardown.duration"} {
			if metrics[name] == nil {
				t.Errorf("the metric %s is missing: %v", name, slices.Sorted(maps.Keys(metrics)))
			}
		}
	})
}
