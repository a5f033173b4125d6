package telemetry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/telemetry"
)

const (
	acme = "5e2f00000000000000000001"
	shop = "5e2f0000000000000000000a"
)

// world is a fake with an organization, and a client with telemetry in memory.
type world struct {
	*telemetry.Telemetry
	server *atlastest.Server
	client *atlas.Client
	tracer trace.Tracer
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
}

// newWorld returns a world whose client has the secret.
func newWorld(t *testing.T, secret string, options ...atlas.Option) *world {
	t.Helper()
	w := &world{server: atlastest.NewServer(), spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	traces := sdk.NewTracerProvider(sdk.WithSyncer(w.spans))
	w.tracer = traces.Tracer("test")
	var err error
	w.Telemetry, err = telemetry.New(telemetry.WithTracerProvider(traces),
		telemetry.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(w.reader))))
	if err != nil {
		t.Fatal(err)
	}
	w.server.AddServiceAccount(atlastest.Credential{ID: "id", Secret: secret})
	w.server.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme Ltd"})
	url, httpClient := w.server.Endpoint()
	w.client, err = atlas.New(append([]atlas.Option{
		atlas.WithBaseURL(url), atlas.WithHTTPClient(httpClient), atlas.WithServiceAccount("id", secret), atlas.WithObserver(w.Observer()),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// text returns attributes in one line.
func text(attributes []attribute.KeyValue) string {
	var parts []string
	for _, a := range attributes {
		parts = append(parts, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// tree returns the ended spans as lines, in the order of their starts, indented below their
// parents.
func (w *world) tree() []string {
	spans := w.spans.GetSpans()
	var lines []string
	var add func(parent trace.SpanID, indent string)
	add = func(parent trace.SpanID, indent string) {
		for _, s := range spans {
			if s.Parent.SpanID() != parent {
				continue
			}
			lines = append(lines, fmt.Sprintf("%s%s %s %s %s [%s]", indent, s.Name, s.SpanKind, s.Status.Code, s.EndTime.Sub(s.StartTime), text(s.Attributes)))
			for _, e := range s.Events {
				lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s  - %s [%s]", indent, e.Name, text(e.Attributes)), " []"))
			}
			add(s.SpanContext.SpanID(), indent+"  ")
		}
	}
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	add(trace.SpanID{}, "")
	return lines
}

// collect returns the metrics as lines, sorted: counters and gauges with their values, and
// histograms with their counts and sums.
func (w *world) collect(t *testing.T) []string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, scope := range all.ScopeMetrics {
		if scope.Scope.Name != telemetry.Scope {
			t.Errorf("got scope %q", scope.Scope.Name)
		}
		for _, m := range scope.Metrics {
			add := func(attributes attribute.Set, value any) {
				lines = append(lines, fmt.Sprintf("%s %s [%s] %v", m.Name, m.Unit, text(attributes.ToSlice()), value))
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, fmt.Sprintf("%d in %.2fs", p.Count, p.Sum))
				}
			default:
				t.Errorf("%s: unknown data %T", m.Name, m.Data)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// A deletion is one span with an event for each request and wait. The read after the lost
// response is its child.
func TestObserver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "s3cret-of-the-account")
		limited := offboardtest.Respond("DeleteOrganization", 429, `{"errorCode":"RATE_LIMITED","error":429,"detail":"","reason":""}`)
		limited.Header.Set("Retry-After", "7")
		limited.Header.Set("RateLimit-Limit", "10")
		limited.Header.Set("RateLimit-Remaining", "3")
		w.server.Fail(offboardtest.Fault{Operation: atlastest.TokenRequest, Delay: 2 * time.Second}, limited, offboardtest.LoseResponse("DeleteOrganization"))
		ctx, span := w.tracer.Start(t.Context(), "caller")
		if err := w.client.DeleteOrganization(ctx, acme); err != nil {
			t.Fatal(err)
		}
		span.End()
		if err := w.client.DeleteOrganization(t.Context(), acme); !errors.Is(err, errors.OrganizationNotFound) {
			t.Fatal(err)
		}
		w.server.AssertFaultsUsed(t)
		waits := regexp.MustCompile(`offboard\.wait=7\.\d+`)
		got := w.tree()
		for i := range got {
			got[i] = waits.ReplaceAllString(got[i], "offboard.wait=7")
			got[i] = regexp.MustCompile(` \d+\.\d+s `).ReplaceAllString(got[i], " 9s ")
		}
		want := []string{
			"caller internal Unset 9s []",
			"  atlas.DeleteOrganization client Unset 9s [offboard.attempts=2 offboard.operation=DeleteOrganization offboard.outcome=succeeded offboard.provider=atlas offboard.verified=true]",
			"    - offboard.wait [offboard.attempt=1 offboard.reason=token offboard.wait=2]",
			"    - offboard.attempt [http.request.method=DELETE offboard.attempt=1 offboard.code=rate_limit_reached offboard.duration=0 offboard.status=429]",
			"    - offboard.wait [offboard.attempt=1 offboard.reason=retry offboard.wait=7]",
			"    - offboard.attempt [http.request.method=DELETE offboard.attempt=2 offboard.code=outcome_unknown offboard.duration=0]",
			"    atlas.GetOrganization client Error 0s [error.type=organization_not_found offboard.attempts=1 offboard.code=organization_not_found offboard.operation=GetOrganization offboard.outcome=refused offboard.provider=atlas offboard.status=404 offboard.verified=false]",
			"      - offboard.attempt [http.request.method=GET offboard.attempt=1 offboard.code=organization_not_found offboard.duration=0 offboard.status=404]",
			"atlas.DeleteOrganization client Error 0s [error.type=organization_not_found offboard.attempts=1 offboard.code=organization_not_found offboard.operation=DeleteOrganization offboard.outcome=refused offboard.provider=atlas offboard.status=404 offboard.verified=false]",
			"  - offboard.attempt [http.request.method=DELETE offboard.attempt=1 offboard.code=organization_not_found offboard.duration=0 offboard.status=404]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
		metrics := w.collect(t)
		for i := range metrics {
			metrics[i] = strings.ReplaceAll(metrics[i], "offboard.operation=DeleteOrganization", "DELETE")
			metrics[i] = strings.ReplaceAll(metrics[i], "offboard.operation=GetOrganization", "GET")
			metrics[i] = strings.ReplaceAll(metrics[i], " offboard.provider=atlas", "")
		}
		slices.Sort(metrics)
		wantMetrics := []string{
			"offboard.client.operation.duration s [DELETE offboard.outcome=refused] 1 in 0.00s",
			"offboard.client.operation.duration s [DELETE offboard.outcome=succeeded] 1 in 9.00s",
			"offboard.client.operation.duration s [GET offboard.outcome=refused] 1 in 0.00s",
			"offboard.client.operations {operation} [DELETE offboard.outcome=succeeded] 1",
			"offboard.client.operations {operation} [offboard.code=organization_not_found DELETE offboard.outcome=refused] 1",
			"offboard.client.operations {operation} [offboard.code=organization_not_found GET offboard.outcome=refused] 1",
			"offboard.client.rate_limit.limit {request} [DELETE] 10",
			"offboard.client.rate_limit.remaining {request} [DELETE] 3",
			"offboard.client.refusals {response} [offboard.code=organization_not_found DELETE] 1",
			"offboard.client.refusals {response} [offboard.code=organization_not_found GET] 1",
			"offboard.client.refusals {response} [offboard.code=rate_limit_reached DELETE] 1",
			"offboard.client.request.duration s [DELETE] 3 in 0.00s",
			"offboard.client.request.duration s [GET] 1 in 0.00s",
			"offboard.client.requests {request} [DELETE offboard.status=404] 1",
			"offboard.client.requests {request} [DELETE offboard.status=429] 1",
			"offboard.client.requests {request} [DELETE] 1",
			"offboard.client.requests {request} [GET offboard.status=404] 1",
			"offboard.client.wait.duration s [DELETE offboard.reason=retry] 1 in 7.00s",
			"offboard.client.wait.duration s [DELETE offboard.reason=token] 1 in 2.00s",
		}
		if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

// A teardown has a span, each step has one below it, and the operations of a step are below the
// step.
func TestTeardown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "s3cret-of-the-account")
		w.server.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
		w.server.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
		plan, err := w.client.Plan(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		w.spans.Reset()
		w.server.Fail(offboardtest.Respond("DeleteProject", 503, "{}"), offboardtest.Respond("DeleteOrganization", 503, "{}"))
		var events int
		report, err := w.Teardown(w.client.Teardown)(t.Context(), plan, teardown.WithConfirm("Acme Ltd"),
			teardown.WithEvents(func(teardown.Event) { events++ }))
		if err != nil || report.Outcome != teardown.Deleted || events == 0 {
			t.Fatalf("got %v, %v and %d events", report, err, events)
		}
		w.server.AssertFaultsUsed(t)
		var got []string
		numbers := regexp.MustCompile(`=[0-9.]+\b| [0-9hms.µ]+ \[`)
		for _, line := range w.tree() {
			name := strings.TrimSpace(line)
			if strings.HasPrefix(name, "atlas.Get") || strings.HasPrefix(name, "atlas.List") || strings.HasPrefix(name, "- offboard.attempt") {
				continue // reads, whose number depends on the engine
			}
			line = strings.ReplaceAll(numbers.ReplaceAllStringFunc(line, func(s string) string {
				if strings.HasSuffix(s, "[") {
					return " ["
				}
				return s
			}), "offboard.provider=atlas", "atlas")
			got = append(got, regexp.MustCompile(`offboard\.wait=[0-9.]+`).ReplaceAllString(line, "offboard.wait"))
		}
		want := []string{
			"atlas.Teardown internal Unset [offboard.outcome=deleted atlas offboard.steps.deleted=2 offboard.steps=2]",
			"  - offboard.wait [offboard.code=unavailable offboard.reason=retry offboard.wait]",
			"  atlas.Step internal Unset [offboard.attempts=1 offboard.kind=cluster atlas offboard.state=deleted]",
			"    - offboard.waiting",
			"    atlas.DeleteCluster client Unset [offboard.attempts=1 offboard.operation=DeleteCluster offboard.outcome=succeeded atlas offboard.verified=false]",
			"  atlas.Step internal Unset [offboard.attempts=2 offboard.kind=project atlas offboard.state=deleted]",
			"    - offboard.wait [offboard.code=unavailable offboard.reason=retry offboard.wait]",
			"    atlas.DeleteProject client Error [error.type=unavailable offboard.attempts=1 offboard.code=unavailable offboard.operation=DeleteProject offboard.outcome=unknown atlas offboard.status=503 offboard.verified=false]",
			"    atlas.DeleteProject client Unset [offboard.attempts=1 offboard.operation=DeleteProject offboard.outcome=succeeded atlas offboard.verified=false]",
			"  atlas.DeleteOrganization client Error [error.type=unavailable offboard.attempts=1 offboard.code=unavailable offboard.operation=DeleteOrganization offboard.outcome=failed atlas offboard.status=503 offboard.verified=false]",
			"  atlas.DeleteOrganization client Unset [offboard.attempts=1 offboard.operation=DeleteOrganization offboard.outcome=succeeded atlas offboard.verified=false]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
		var metrics []string
		for _, line := range w.collect(t) {
			if strings.HasPrefix(line, "offboard.teardown") {
				metrics = append(metrics, regexp.MustCompile(` in [0-9.]+s$`).ReplaceAllString(line, ""))
			}
		}
		wantMetrics := []string{
			"offboard.teardown.active {teardown} [offboard.provider=atlas] 0",
			"offboard.teardown.duration s [offboard.outcome=deleted offboard.provider=atlas] 1",
			"offboard.teardown.retries {retry} [offboard.code=unavailable offboard.provider=atlas] 2",
			"offboard.teardown.step.duration s [offboard.kind=cluster offboard.provider=atlas offboard.state=deleted] 1",
			"offboard.teardown.step.duration s [offboard.kind=project offboard.provider=atlas offboard.state=deleted] 1",
			"offboard.teardown.steps {step} [offboard.kind=cluster offboard.provider=atlas offboard.state=deleted] 1",
			"offboard.teardown.steps {step} [offboard.kind=project offboard.provider=atlas offboard.state=deleted] 1",
			"offboard.teardowns {teardown} [offboard.outcome=deleted offboard.provider=atlas] 1",
		}
		if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

// A plan that is refused before the first write has a span, too.
func TestTeardown_NotApplied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "s3cret-of-the-account")
		plan, err := w.client.Plan(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		w.spans.Reset()
		apply := w.Teardown(w.client.Teardown)
		if report, err := apply(t.Context(), plan, teardown.WithConfirm("Another")); report != nil || !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("got %v, %v", report, err)
		}
		if _, err := apply(t.Context(), nil); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("got %v without a plan", err)
		}
		want := []string{"atlas.Teardown internal Error 0s [error.type=not_confirmed offboard.code=not_confirmed offboard.outcome=not_applied offboard.provider=atlas offboard.steps.deleted=0 offboard.steps=0]"}
		if diff := cmp.Diff(want, w.tree()); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
	})
}

// Events makes a span of each of several teardowns that run at the same time.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "s3cret-of-the-account")
		const other = "5e2f00000000000000000002"
		w.server.AddOrganization(atlastest.Organization{ID: other, Name: "Other"})
		w.server.AddProject(other, atlastest.Project{ID: shop, Name: "shop"})
		var jobs []teardown.Job
		for id, name := range map[string]string{acme: "Acme Ltd", other: "Other"} {
			jobs = append(jobs, teardown.Job{
				Plan:     func(ctx context.Context) (*teardown.Plan, error) { return w.client.Plan(ctx, id) },
				Teardown: w.client.Teardown, Options: []teardown.Option{teardown.WithConfirm(name)},
			})
		}
		ctx, span := w.tracer.Start(t.Context(), "caller")
		for result := range teardown.RunJobs(ctx, jobs, 2, w.Events(ctx)) {
			if result.Err != nil {
				t.Error(result.Err)
			}
		}
		span.End()
		var got []string
		for _, line := range w.tree() {
			if name := strings.TrimSpace(line); strings.HasPrefix(name, "atlas.Teardown") || strings.HasPrefix(name, "atlas.Step") {
				got = append(got, regexp.MustCompile(` [0-9hms.µ]+ \[`).ReplaceAllString(line, " ["))
			}
		}
		slices.Sort(got)
		want := []string{
			"    atlas.Step internal Unset [offboard.attempts=1 offboard.provider=atlas offboard.state=deleted]",
			"  atlas.Teardown internal Unset [offboard.outcome=deleted offboard.provider=atlas offboard.steps.deleted=0 offboard.steps=0]",
			"  atlas.Teardown internal Unset [offboard.outcome=deleted offboard.provider=atlas offboard.steps.deleted=1 offboard.steps=1]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
	})
}

// No span and no metric contains an ID, a name, a text of the provider or a credential, whatever
// the provider answers.
func TestTelemetry_NoSecretsNoIDs(t *testing.T) {
	t.Parallel()
	const secret = "canary-5ebe2294ecd0"
	repeats := fmt.Sprintf(`{"errorCode":"%[1]s","error":409,"detail":"%[1]s %[2]s","reason":"%[1]s","parameters":["%[2]s"],"error_description":"%[1]s"}`, secret, acme)
	for _, status := range []int{0, 200, 301, 400, 401, 403, 404, 409, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, secret, atlas.WithRetry(atlas.Retry{MaxAttempts: 2}))
				w.server.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
				if plan, err := w.client.Plan(t.Context(), acme); err != nil {
					t.Error(err)
				} else {
					if status != 0 {
						w.server.Fail(offboardtest.Fault{Times: 5, Status: status, Body: repeats, Header: map[string][]string{"X-Request-Id": {secret}}})
					}
					_, _ = w.Teardown(w.client.Teardown)(t.Context(), plan, teardown.WithConfirm("Acme Ltd"), w.Events(t.Context()))
				}
				_ = w.client.DeleteOrganization(t.Context(), secret)
				_ = w.client.DeleteOrganization(t.Context(), acme)
				spans, err := json.Marshal(w.spans.GetSpans().Snapshots())
				if err != nil {
					t.Fatal(err)
				}
				stubs, err := json.Marshal(w.spans.GetSpans())
				if err != nil {
					t.Fatal(err)
				}
				all := strings.Join(append(append(w.tree(), w.collect(t)...), string(spans), string(stubs)), "\n")
				if len(w.spans.GetSpans()) < 5 {
					t.Errorf("got %d spans only", len(w.spans.GetSpans()))
				}
				for _, hidden := range []string{secret, acme, shop, "Acme", "shop", "Bearer", "@"} {
					if i := strings.Index(all, hidden); i >= 0 {
						t.Errorf("%q appears in …%s…", hidden, all[max(0, i-100):min(len(all), i+100)])
					}
				}
			})
		})
	}
}

// A refused request for a token is counted by the operation, and is no refusal: the alerts of the
// example depend on it.
func TestObserver_RefusedToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status              int
		body, code, outcome string
	}{
		{401, `{"error":"invalid_client"}`, "unauthenticated", "refused"},
		{429, "{}", "rate_limit_reached", "failed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "s3cret-of-the-account")
			refusal := offboardtest.Respond(atlastest.TokenRequest, test.status, test.body)
			w.server.Fail(slices.Repeat([]offboardtest.Fault{refusal}, 20)...)
			if _, err := w.client.GetOrganization(t.Context(), acme); err == nil {
				t.Fatal("got no error")
			}
			lines := strings.Join(w.collect(t), "\n")
			want := "offboard.client.operations {operation} [offboard.code=" + test.code + " offboard.operation=GetOrganization offboard.outcome=" + test.outcome + " offboard.provider=atlas] 1"
			if !strings.Contains(lines, want) || strings.Contains(lines, "refusals") {
				t.Errorf("%d: got\n%s\nwant %s, and no refusals", test.status, lines, want)
			}
		})
	}
}

// The tables of the package contain exactly the names that spans and metrics have.
func TestDoc_Names(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//\t\| ((?:offboard|http|error)\.[a-z_.]+) +\|`).FindAllStringSubmatch(string(doc), -1) {
		documented[m[1]] = true
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "s3cret-of-the-account")
		w.server.AddProject(acme, atlastest.Project{ID: shop, Name: "shop"})
		w.server.AddResource(shop, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
		w.server.Fail(
			offboardtest.Fault{Operation: atlastest.TokenRequest, Delay: time.Second}, offboardtest.Respond("DeleteProject", 503, "{}"),
			offboardtest.Fault{Operation: "GetOrganization", AddHeader: http.Header{"Ratelimit-Limit": {"9"}, "Ratelimit-Remaining": {"8"}}},
		)
		plan, err := w.client.Plan(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Teardown(w.client.Teardown)(t.Context(), plan, teardown.WithConfirm("Acme Ltd")); err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		name := regexp.MustCompile(`((?:offboard|http|error)\.[a-z_.]+)(?:=| |$)`)
		for _, line := range append(w.tree(), w.collect(t)...) {
			for _, m := range name.FindAllStringSubmatch(line, -1) {
				used[m[1]] = true
			}
		}
		if diff := cmp.Diff(documented, used); diff != "" {
			t.Errorf("names (-documented +used):\n%s", diff)
		}
	})
}

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	if _, err := telemetry.New(nil); err == nil {
		t.Error("got no error for a nil option")
	}
	if _, err := telemetry.New(telemetry.WithTracerProvider(nil), telemetry.WithMeterProvider(nil)); err != nil {
		t.Errorf("got %v for the global providers", err)
	}
}
