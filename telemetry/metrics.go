package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	offboard "github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
)

// metrics are the instruments.
type metrics struct {
	operations, requests, refusals   metric.Int64Counter
	duration, requestDuration, waits metric.Float64Histogram
	limit, remaining                 metric.Int64Gauge
	teardowns, steps, retries        metric.Int64Counter
	active                           metric.Int64UpDownCounter
	teardownDuration, stepDuration   metric.Float64Histogram
}

// The bounds of the buckets in seconds.
var (
	callBounds     = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90, 300, 900}
	teardownBounds = []float64{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600}
)

func newMetrics(meter metric.Meter) (*metrics, error) {
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	histogram := func(name, description string, bounds []float64) metric.Float64Histogram {
		h, err := meter.Float64Histogram(prefix+name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(bounds...))
		errs = append(errs, err)
		return h
	}
	gauge := func(name, description string) metric.Int64Gauge {
		g, err := meter.Int64Gauge(prefix+name, metric.WithUnit("{request}"), metric.WithDescription(description))
		errs = append(errs, err)
		return g
	}
	m := &metrics{
		operations:       counter("client.operations", "{operation}", "Operations that ended, by outcome."),
		duration:         histogram("client.operation.duration", "Duration of operations, waits included.", callBounds),
		requests:         counter("client.requests", "{request}", "Requests that were sent."),
		requestDuration:  histogram("client.request.duration", "Duration of requests until the end of the response.", callBounds),
		refusals:         counter("client.refusals", "{response}", "Responses that are no success."),
		waits:            histogram("client.wait.duration", "Duration of waits, by reason.", callBounds),
		limit:            gauge("client.rate_limit.limit", "Requests that the provider's current window permits."),
		remaining:        gauge("client.rate_limit.remaining", "Requests that the provider's current window still permits."),
		teardowns:        counter("teardowns", "{teardown}", "Teardowns that ended, by outcome."),
		teardownDuration: histogram("teardown.duration", "Duration of teardowns.", teardownBounds),
		steps:            counter("teardown.steps", "{step}", "Steps of teardowns that ended, by state."),
		stepDuration:     histogram("teardown.step.duration", "Duration of steps that were started, waits included.", teardownBounds),
		retries:          counter("teardown.retries", "{retry}", "Attempts of steps and deletions that failed and are retried."),
	}
	var err error
	m.active, err = meter.Int64UpDownCounter(prefix+"teardown.active", metric.WithUnit("{teardown}"), metric.WithDescription("Teardowns that run."))
	return m, errors.Join(append(errs, err)...)
}

// of returns attributes without those that are empty.
func of(attributes ...attribute.KeyValue) metric.MeasurementOption {
	kept := attributes[:0]
	for _, a := range attributes {
		if a.Value.Type() != attribute.STRING || a.Value.AsString() != "" {
			kept = append(kept, a)
		}
	}
	return metric.WithAttributeSet(attribute.NewSet(kept...))
}

// named returns the attributes that all metrics of an operation have, and more.
func named(call observe.Call, more ...attribute.KeyValue) metric.MeasurementOption {
	return of(append([]attribute.KeyValue{providerKey.String(call.Provider), operationKey.String(call.Operation)}, more...)...)
}

func coded(code offboard.Code) attribute.KeyValue { return codeKey.String(string(code)) }

func (m *metrics) attempt(ctx context.Context, call observe.Call, a observe.Attempt) {
	if a.Status == 0 {
		m.requests.Add(ctx, 1, named(call))
	} else {
		m.requests.Add(ctx, 1, named(call, statusKey.Int(a.Status)))
	}
	m.requestDuration.Record(ctx, a.Duration.Seconds(), named(call))
	if a.Code != "" && a.Status != 0 {
		m.refusals.Add(ctx, 1, named(call, coded(a.Code)))
	}
	if l := a.RateLimit; l != nil {
		m.limit.Record(ctx, int64(l.Limit), named(call))
		m.remaining.Record(ctx, int64(l.Remaining), named(call))
	}
}

func (m *metrics) wait(ctx context.Context, call observe.Call, w observe.Wait) {
	m.waits.Record(ctx, w.Duration.Seconds(), named(call, reasonKey.String(string(w.Reason))))
}

func (m *metrics) done(ctx context.Context, call observe.Call, r observe.Result) {
	outcome := outcomeKey.String(string(r.Outcome))
	m.operations.Add(ctx, 1, named(call, outcome, coded(r.Code)))
	m.duration.Record(ctx, r.Duration.Seconds(), named(call, outcome))
}
