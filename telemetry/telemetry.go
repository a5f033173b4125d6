package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	offboard "github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Scope is the name of the instrumentation scope of all spans and metrics.
const Scope = "github.com/offboard-dev/offboard-go/telemetry"

// Telemetry makes spans and metrics. It is safe for concurrent use. Create it with [New].
type Telemetry struct {
	tracer  trace.Tracer
	metrics *metrics
}

// Option configures [New].
type Option interface{ apply(*settings) }

type settings struct {
	traces  trace.TracerProvider
	metrics metric.MeterProvider
}

type option func(*settings)

func (o option) apply(s *settings) { o(s) }

// WithTracerProvider sets the provider of the tracer. The default, also for nil, is the global one
// of package otel.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return option(func(s *settings) { s.traces = provider })
}

// WithMeterProvider sets the provider of the meter. The default, also for nil, is the global one of
// package otel.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return option(func(s *settings) { s.metrics = provider })
}

// New returns a Telemetry. The error is that of a meter that refuses an instrument, or that of a nil
// option.
func New(options ...Option) (*Telemetry, error) {
	var s settings
	for _, o := range options {
		if o == nil {
			return nil, errors.New("telemetry: nil Option")
		}
		o.apply(&s)
	}
	if s.traces == nil {
		s.traces = otel.GetTracerProvider()
	}
	if s.metrics == nil {
		s.metrics = otel.GetMeterProvider()
	}
	m, err := newMetrics(s.metrics.Meter(Scope))
	if err != nil {
		return nil, err
	}
	return &Telemetry{tracer: s.traces.Tracer(Scope), metrics: m}, nil
}

// prefix is in front of the names of package observe.
const prefix = "offboard."

// The names of attributes.
const (
	providerKey  = attribute.Key(prefix + observe.ProviderKey)
	operationKey = attribute.Key(prefix + observe.OperationKey)
	attemptKey   = attribute.Key(prefix + observe.AttemptKey)
	attemptsKey  = attribute.Key(prefix + observe.AttemptsKey)
	statusKey    = attribute.Key(prefix + observe.StatusKey)
	codeKey      = attribute.Key(prefix + observe.CodeKey)
	outcomeKey   = attribute.Key(prefix + observe.OutcomeKey)
	reasonKey    = attribute.Key(prefix + observe.ReasonKey)
	waitKey      = attribute.Key(prefix + observe.WaitKey)
	durationKey  = attribute.Key(prefix + observe.DurationKey)
	verifiedKey  = attribute.Key(prefix + "verified")
	kindKey      = attribute.Key(prefix + "kind")
	stateKey     = attribute.Key(prefix + "state")
	stepsKey     = attribute.Key(prefix + "steps")
	deletedKey   = attribute.Key(prefix + "steps.deleted")

	methodKey    = attribute.Key("http.request.method")
	errorTypeKey = attribute.Key("error.type")
)

// The names of events.
const (
	attemptEvent = prefix + "attempt"
	waitEvent    = prefix + "wait"
	waitingEvent = prefix + "waiting"
)

// Observer returns the observer of the operations, for the option WithObserver of all providers.
func (t *Telemetry) Observer() observe.Observer {
	return observe.Observer{Start: t.start, Attempt: t.attempt, Wait: t.wait, Done: t.done}
}

// start starts the span of an operation, as a child of the step of a teardown, if the context
// belongs to one.
func (t *Telemetry) start(ctx context.Context, call observe.Call) context.Context {
	if r, ok := ctx.Value(runKey{}).(*run); ok {
		if step, ok := teardown.StepFromContext(ctx); ok {
			ctx = r.within(ctx, step.ID)
		}
	}
	ctx, _ = t.tracer.Start(ctx, call.Provider+"."+call.Operation, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(providerKey.String(call.Provider), operationKey.String(call.Operation)))
	return ctx
}

func (t *Telemetry) attempt(ctx context.Context, call observe.Call, a observe.Attempt) {
	attributes := []attribute.KeyValue{
		attemptKey.Int(a.Number), methodKey.String(a.Method), durationKey.Float64(a.Duration.Seconds()),
	}
	if a.Status != 0 {
		attributes = append(attributes, statusKey.Int(a.Status))
	}
	if a.Code != "" {
		attributes = append(attributes, codeKey.String(string(a.Code)))
	}
	trace.SpanFromContext(ctx).AddEvent(attemptEvent, trace.WithAttributes(attributes...))
	t.metrics.attempt(ctx, call, a)
}

func (t *Telemetry) wait(ctx context.Context, call observe.Call, w observe.Wait) {
	trace.SpanFromContext(ctx).AddEvent(waitEvent, trace.WithAttributes(
		attemptKey.Int(w.Attempt), reasonKey.String(string(w.Reason)), waitKey.Float64(w.Duration.Seconds()),
	))
	t.metrics.wait(ctx, call, w)
}

func (t *Telemetry) done(ctx context.Context, call observe.Call, r observe.Result) {
	t.metrics.done(ctx, call, r)
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attemptsKey.Int(r.Attempts), outcomeKey.String(string(r.Outcome)), verifiedKey.Bool(r.Verified))
	if r.Status != 0 {
		span.SetAttributes(statusKey.Int(r.Status))
	}
	fail(span, r.Code)
	span.End()
}

// fail records a code on a span, unless it is empty. The text of an error is not recorded, because
// it contains IDs.
func fail(span trace.Span, code offboard.Code) {
	if code == "" {
		return
	}
	span.SetStatus(codes.Error, string(code))
	span.SetAttributes(codeKey.String(string(code)), errorTypeKey.String(string(code)))
}
