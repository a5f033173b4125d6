package fleet

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Observation is the result of a teardown, for [Config.Observe].
type Observation struct {
	// Provider is the package of the provider, such as "katapult".
	Provider string

	// Outcome is the outcome of the teardown.
	Outcome teardown.Outcome

	// Code is the code of the error that is the reason for the outcome; "" for none.
	Code errors.Code

	// Steps is the number of steps of the plan.
	Steps int

	// Duration is the time from the start of the first step to the result. It does not include
	// the wait for approvals.
	Duration time.Duration
}

// Instrument makes a client, and the workers that use it, record spans and metrics of Temporal:
// workflows, activities, retries and queues. The names of spans are those of workflows and
// activities. A trace contains neither credentials nor texts of providers. The error is
// [errors.InvalidArgument] if an argument is nil.
func Instrument(options *client.Options, tracers trace.TracerProvider, meters metric.MeterProvider) error {
	if options == nil || nilness.IsNil(tracers) || nilness.IsNil(meters) {
		return invalid("the options, the TracerProvider and the MeterProvider must not be nil")
	}
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: tracers.Tracer(scope)})
	if err != nil {
		return err
	}
	options.Interceptors = append(options.Interceptors, tracing)
	options.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: meters.Meter(scope), UseMonotonicCounters: true, OnError: func(error) {}, // a metric must not end a worker
	})
	return nil
}

// scope is the name of the instrumentation.
const scope = "github.com/offboard-dev/offboard-go/fleet"

// Metrics returns a function for [Config.Observe] that records these metrics, with the attributes
// offboard.provider, offboard.outcome and, if there is an error, offboard.code:
//
//   - offboard.fleet.teardowns: the number of teardowns with a result
//   - offboard.fleet.teardown.duration: their durations in seconds, without approvals
//   - offboard.fleet.teardown.steps: their numbers of steps
//
// A teardown that a crash repeats may count twice.
func Metrics(meters metric.MeterProvider) (func(Observation), error) {
	if nilness.IsNil(meters) {
		return nil, invalid("the MeterProvider is nil")
	}
	meter := meters.Meter(scope)
	count, err := meter.Int64Counter("offboard.fleet.teardowns", metric.WithUnit("{teardown}"),
		metric.WithDescription("Teardowns with a result."))
	if err != nil {
		return nil, err
	}
	duration, err := meter.Float64Histogram("offboard.fleet.teardown.duration", metric.WithUnit("s"),
		metric.WithDescription("Durations of teardowns, without approvals."),
		metric.WithExplicitBucketBoundaries(1, 5, 15, 60, 300, 900, 3600, 14400, 86400, 259200))
	if err != nil {
		return nil, err
	}
	steps, err := meter.Int64Histogram("offboard.fleet.teardown.steps", metric.WithUnit("{step}"),
		metric.WithDescription("Numbers of steps of teardowns."),
		metric.WithExplicitBucketBoundaries(0, 1, 10, 100, 1000, 10000))
	if err != nil {
		return nil, err
	}
	return func(o Observation) {
		attributes := []attribute.KeyValue{
			attribute.String("offboard.provider", o.Provider), attribute.String("offboard.outcome", string(o.Outcome)),
		}
		if o.Code != "" {
			attributes = append(attributes, attribute.String("offboard.code", string(o.Code)))
		}
		with := metric.WithAttributeSet(attribute.NewSet(attributes...))
		ctx := context.Background()
		count.Add(ctx, 1, with)
		duration.Record(ctx, o.Duration.Seconds(), with)
		steps.Record(ctx, int64(o.Steps), with)
	}, nil
}
