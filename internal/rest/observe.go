package rest

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/observe"
)

// observation is one operation that the observer of the client receives: a call, or a deletion
// with all its calls. Its methods do nothing if it is nil.
type observation struct {
	observer *observe.Observer
	ctx      context.Context // that Start returned
	call     observe.Call
	started  time.Time
	requests int  // number of requests that were sent
	deletion bool // the calls that send a deletion are part of it
}

// observe starts an observation, and returns the context of the operation. The client must have an
// observer.
func (c *Client) observe(ctx context.Context, operation string, write bool) (context.Context, *observation) {
	o := &observation{
		observer: c.observer, ctx: ctx, started: time.Now(),
		call: observe.Call{Provider: c.config.Provider, Operation: operation, Write: write},
	}
	if o.observer.Start != nil {
		if started := o.observer.Start(ctx, o.call); started != nil {
			o.ctx = started
		}
	}
	return o.ctx, o
}

// begin starts the observation of a call, and returns the context of the call. A call that sends a
// deletion is part of the observation of the deletion.
func (c *Client) begin(ctx context.Context, call *Call) context.Context {
	if c.observer == nil || ctx == nil {
		return ctx
	}
	if d := deletionOf(ctx, call); d != nil && d.observed != nil {
		call.observed = d.observed
		return ctx
	}
	ctx, call.observed = c.observe(ctx, call.Operation, !call.Repeat)
	return ctx
}

// end ends the observation of a call, unless it is part of a deletion. It returns the error.
func (c *Client) end(call *Call, e *errors.Error) *errors.Error {
	if o := call.observed; o != nil && !o.deletion {
		o.done(outcome(call, e), e, false)
	}
	return e
}

// outcome returns the outcome of a call. The outcome of a write is unknown unless the answer
// shows it.
func outcome(call *Call, e *errors.Error) observe.Outcome {
	if e != nil && !call.Repeat && ambiguous(e) {
		return observe.Unknown
	}
	return outcomeOf(e)
}

// outcomeOf returns the outcome of an operation by its code.
func outcomeOf(e *errors.Error) observe.Outcome {
	if e == nil {
		return observe.Succeeded
	}
	switch e.Code.Category() {
	case errors.OutcomeUnknown:
		return observe.Unknown
	case errors.Canceled, errors.NotFinished:
		return observe.Canceled
	case errors.Unavailable, errors.Internal, errors.RateLimitReached, errors.UnexpectedResponse:
		return observe.Failed
	}
	return observe.Refused
}

// done reports the end of the operation.
func (o *observation) done(outcome observe.Outcome, e *errors.Error, verified bool) {
	if o == nil || o.observer.Done == nil {
		return
	}
	r := observe.Result{Outcome: outcome, Attempts: o.requests, Duration: time.Since(o.started), Verified: verified}
	if e != nil {
		r.Code, r.Status, r.Err = e.Code, e.Status, e
	}
	o.observer.Done(o.ctx, o.call, r)
}

// exchanged reports a request that was sent, and its answer.
func (o *observation) exchanged(call *Call, x *exchange, e *errors.Error) {
	if o == nil || x.sent.IsZero() {
		return
	}
	o.requests++
	if o.observer.Attempt == nil {
		return
	}
	a := observe.Attempt{Number: call.attempt, Method: call.Method, Duration: time.Since(x.sent)}
	if e != nil {
		a.Code, a.Status = e.Code, e.Status
	} else {
		a.Status = call.answer.Status
	}
	if x.windowed {
		a.RateLimit = &observe.RateLimit{Limit: x.window.Permitted, Remaining: x.window.Remaining}
	}
	o.observer.Attempt(o.ctx, o.call, a)
}

// now returns the time, at which a wait starts; zero without an observer.
func (o *observation) now() (now time.Time) {
	if o != nil {
		now = time.Now()
	}
	return now
}

// minWait is the duration of the shortest reported wait for the rate limiter or a credential.
const minWait = time.Millisecond

// waited reports a wait that started at a time. Each wait before another attempt is reported.
func (o *observation) waited(reason observe.Reason, attempt int, start time.Time) {
	if o == nil || o.observer.Wait == nil {
		return
	}
	w := observe.Wait{Attempt: attempt, Reason: reason, Duration: time.Since(start)}
	if w.Duration >= minWait || reason == observe.ReasonRetry {
		o.observer.Wait(o.ctx, o.call, w)
	}
}

// requestContext is the context of a request. It contains what [observe.FromContext] returns, which
// it makes only for a transport that asks for it.
type requestContext struct {
	context.Context
	provider, operation string
	write               bool
	attempt             int
	since               time.Time
}

func (r *requestContext) Value(key any) any {
	if key == (trace.RequestKey{}) {
		return observe.Request{
			Call:    observe.Call{Provider: r.provider, Operation: r.operation, Write: r.write},
			Attempt: r.attempt,
			Since:   r.since,
		}
	}
	return r.Context.Value(key)
}

// stated is the rate limit that the headers of an answer state.
type stated struct {
	window   ratelimit.Window
	windowed bool // the headers state a window
}

// UseObserver adds an observer.
func (c *Config) UseObserver(o observe.Observer) error {
	c.Observer = observe.Join(c.Observer, o)
	return nil
}
