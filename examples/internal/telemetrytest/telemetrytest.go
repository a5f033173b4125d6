// Package telemetrytest makes spans and metrics that a test reads.
package telemetrytest

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/offboard-dev/offboard-go/telemetry"
)

// Telemetry keeps its spans and metrics in memory.
type Telemetry struct {
	*telemetry.Telemetry
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
}

// New returns a Telemetry without spans and metrics.
func New(tb testing.TB) *Telemetry {
	tb.Helper()
	spans, reader := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	t, err := telemetry.New(
		telemetry.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(spans))),
		telemetry.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return &Telemetry{t, spans, reader}
}

// Spans returns the ended spans by their names.
func (t *Telemetry) Spans() map[string]tracetest.SpanStubs {
	spans := map[string]tracetest.SpanStubs{}
	for _, span := range t.spans.GetSpans() {
		spans[span.Name] = append(spans[span.Name], span)
	}
	return spans
}

// Metrics returns the metrics by their names.
func (t *Telemetry) Metrics(tb testing.TB) map[string]metricdata.Aggregation {
	tb.Helper()
	var all metricdata.ResourceMetrics
	if err := t.reader.Collect(tb.Context(), &all); err != nil {
		tb.Fatal(err)
	}
	metrics := map[string]metricdata.Aggregation{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			metrics[m.Name] = m.Data
		}
	}
	return metrics
}
