package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/client"

	"github.com/offboard-dev/offboard-go/errors"
)

// A teardown of a workflow is counted by provider, outcome and code.
func TestMetrics_OfWorkflow(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	observe, err := Metrics(metric.NewMeterProvider(metric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.config.Observe = observe
	f.update(time.Hour, updateApprove, by("ada"))
	if _, err := f.run(); err != nil {
		t.Fatal(err)
	}
	observe(Observation{Provider: "atlas", Outcome: "blocked", Code: errors.ActiveLiveMigration})
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	names := map[string]bool{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		names[m.Name] = true
		sum, ok := m.Data.(metricdata.Sum[int64])
		if !ok {
			continue
		}
		for _, p := range sum.DataPoints {
			key := ""
			for _, a := range p.Attributes.ToSlice() {
				key += string(a.Key) + "=" + a.Value.AsString() + " "
			}
			got[key] += p.Value
		}
	}
	want := map[string]int64{
		"offboard.outcome=deleted offboard.provider=atlas ":                                     1,
		"offboard.code=active_live_migration offboard.outcome=blocked offboard.provider=atlas ": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" || !names["offboard.fleet.teardown.duration"] || !names["offboard.fleet.teardown.steps"] {
		t.Errorf("%v (-want +got):\n%s", names, diff)
	}
}

func TestInstrument_Options(t *testing.T) {
	t.Parallel()
	var options client.Options
	if err := Instrument(&options, noop.NewTracerProvider(), metric.NewMeterProvider()); err != nil || len(options.Interceptors) != 1 || options.MetricsHandler == nil {
		t.Errorf("got %+v, %v", options, err)
	}
	if err := Instrument(nil, noop.NewTracerProvider(), metric.NewMeterProvider()); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
	if _, err := Metrics(nil); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}
