package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	offboard "github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/teardown"
)

// NotApplied is the value of the attribute "offboard.outcome" of a teardown whose plan was refused
// before the first write.
const NotApplied = "not_applied"

// TeardownFunc applies a plan, such as the method Teardown of a provider's client or of
// offboard.Organization.
type TeardownFunc func(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)

// Teardown returns a function that applies a plan by f, in a span with the spans of the steps as
// children. If the client has [Telemetry.Observer], the operations of each step are children of the
// step.
func (t *Telemetry) Teardown(f TeardownFunc) TeardownFunc {
	return func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
		if ctx == nil || p == nil { // f refuses both
			return f(ctx, p, options...)
		}
		r := t.run(ctx, p.Provider)
		for _, step := range p.Steps {
			r.kinds[step.ID] = step.Kind
		}
		report, err := f(context.WithValue(r.ctx, runKey{}, r), p, append(slices.Clip(options), teardown.WithEvents(r.event))...)
		r.end(report, err)
		return report, err
	}
}

// Events returns an option that makes spans and metrics of the events of teardowns. The spans of
// teardowns are children of the span in ctx. The option may be shared by teardowns that run at the
// same time, for teardown.RunJobs.
//
// Prefer [Telemetry.Teardown] if the program calls the function that applies the plan: events have
// neither the kinds of steps nor the plans that were refused before the first write, and the spans
// of operations are no children of them.
func (t *Telemetry) Events(ctx context.Context) teardown.Option {
	var mu sync.Mutex
	runs := map[[2]string]*run{}
	return teardown.WithEvents(func(e teardown.Event) {
		key := [2]string{e.Provider, e.Organization.ID}
		mu.Lock()
		r := runs[key]
		if r == nil {
			r = t.run(ctx, e.Provider)
			runs[key] = r
		}
		ended := e.Step == "" && e.Kind == teardown.EventFinished
		if ended {
			delete(runs, key)
		}
		mu.Unlock()
		r.event(e)
		if ended {
			r.close(string(e.Outcome), e.Err)
		}
	})
}

// run is the teardown of one organization.
type run struct {
	t        *Telemetry
	provider string
	ctx      context.Context
	span     trace.Span
	started  time.Time
	kinds    map[string]string // of the steps, by ID

	mu             sync.Mutex
	steps          map[string]*step // that run, by ID
	total, deleted int
}

// step is a step that runs.
type step struct {
	span     trace.Span
	started  time.Time
	attempts int
}

type runKey struct{}

// run starts the span of a teardown.
func (t *Telemetry) run(ctx context.Context, provider string) *run {
	r := &run{t: t, provider: provider, started: time.Now(), kinds: map[string]string{}, steps: map[string]*step{}}
	r.ctx, r.span = t.tracer.Start(ctx, provider+".Teardown", trace.WithAttributes(providerKey.String(provider)))
	t.metrics.active.Add(r.ctx, 1, of(providerKey.String(provider)))
	return r
}

// within returns a context with the span of a step that runs.
func (r *run) within(ctx context.Context, id string) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.steps[id]; s != nil {
		return trace.ContextWithSpan(ctx, s.span)
	}
	return ctx
}

// event adds an event to the spans and metrics.
func (r *run) event(e teardown.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total, r.deleted = e.Total, e.Done
	s := r.steps[e.Step]
	switch {
	case e.Kind == teardown.EventRetrying:
		span := r.span
		if s != nil {
			span = s.span
			s.attempts++
		}
		code := offboard.CodeOf(e.Err)
		attributes := []attribute.KeyValue{reasonKey.String(string(observe.ReasonRetry)), waitKey.Float64(e.Wait.Seconds())}
		if code != "" {
			attributes = append(attributes, coded(code))
		}
		span.AddEvent(waitEvent, trace.WithTimestamp(e.Time), trace.WithAttributes(attributes...))
		r.t.metrics.retries.Add(r.ctx, 1, of(providerKey.String(r.provider), coded(code)))
	case e.Step == "":
	case e.Kind == teardown.EventStarted:
		r.start(e, 1)
	case e.Kind == teardown.EventWaiting && s != nil:
		s.span.AddEvent(waitingEvent, trace.WithTimestamp(e.Time))
	case e.Kind == teardown.EventFinished:
		r.finish(e)
	}
}

// start starts the span of a step.
func (r *run) start(e teardown.Event, attempts int) *step {
	s := &step{started: e.Time, attempts: attempts}
	_, s.span = r.t.tracer.Start(r.ctx, r.provider+".Step", trace.WithTimestamp(e.Time), trace.WithAttributes(providerKey.String(r.provider)))
	if kind := r.kinds[e.Step]; kind != "" {
		s.span.SetAttributes(kindKey.String(kind))
	}
	r.steps[e.Step] = s
	return s
}

// finish ends the span of a step. A step that was not started has a span without a duration.
func (r *run) finish(e teardown.Event) {
	s := r.steps[e.Step]
	attributes := of(providerKey.String(r.provider), kindKey.String(r.kinds[e.Step]), stateKey.String(string(e.State)))
	if s == nil {
		s = r.start(e, 0)
	} else {
		r.t.metrics.stepDuration.Record(r.ctx, e.Time.Sub(s.started).Seconds(), attributes)
	}
	delete(r.steps, e.Step)
	r.t.metrics.steps.Add(r.ctx, 1, attributes)
	s.span.SetAttributes(stateKey.String(string(e.State)), attemptsKey.Int(s.attempts))
	fail(s.span, offboard.CodeOf(e.Err))
	s.span.End(trace.WithTimestamp(e.Time))
}

// end ends the span of a teardown by its report; nil if the plan was not applied.
func (r *run) end(report *teardown.Report, err error) {
	outcome := NotApplied
	if report != nil {
		outcome = string(report.Outcome)
	}
	r.close(outcome, err)
}

// close ends the span of a teardown, and the spans of the steps that have not ended.
func (r *run) close(outcome string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, s := range r.steps {
		s.span.End()
		delete(r.steps, id)
	}
	code := offboard.CodeOf(err)
	provider := providerKey.String(r.provider)
	r.t.metrics.active.Add(r.ctx, -1, of(provider))
	r.t.metrics.teardowns.Add(r.ctx, 1, of(provider, outcomeKey.String(outcome), coded(code)))
	r.t.metrics.teardownDuration.Record(r.ctx, time.Since(r.started).Seconds(), of(provider, outcomeKey.String(outcome)))
	r.span.SetAttributes(outcomeKey.String(outcome), stepsKey.Int(r.total), deletedKey.Int(r.deleted))
	fail(r.span, code)
	r.span.End()
}
