package rest

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/observe"
)

// limit waits for the provider's rate limit, or for a permit of the caller's limiter. authorize sets
// the credential after the wait, because a token may expire during the wait. If the reads that permit
// a write are too old after the wait, limit reads again, and then sends the write before others.
func (c *Client) limit(ctx context.Context, call *Call, x *exchange) *errors.Error {
	if c.config.Limiter != nil {
		return c.limitByCaller(ctx, call)
	}
	var by time.Time
	for renewals := 0; ; {
		if e := c.stopped(ctx, call); e != nil {
			return e
		}
		err := c.wait(ctx, call, x, by)
		late, _ := err.(*ratelimit.TooLongError)
		switch {
		case err == nil && (!by.IsZero() || !isLate(ctx, call)):
			return nil
		case err == nil:
			x.permit.Unused()
			if renewals++; renewals > maxRenewals {
				return c.unpermitted(call, errTooSlow)
			}
			if e := c.readAgain(ctx, call); e != nil {
				return e
			}
			by = trace.FreshnessOf(ctx).Until()
		case late != nil && !by.IsZero() && time.Now().Add(late.Wait).After(by):
			by = time.Time{} // wait without that time, and read once more
		default:
			return c.unpermitted(call, err)
		}
	}
}

// unpermitted returns the error of a request that was not sent because of an error of a wait: that of
// the end of the context, [trace.ErrStopped], errTooSlow, a [*ratelimit.TooLongError] or a
// [*limiterError]. It is nil for nil.
func (c *Client) unpermitted(call *Call, err error) *errors.Error {
	code, wait := errors.Canceled, time.Duration(0)
	switch failure := err.(type) {
	case nil:
		return nil
	case *ratelimit.TooLongError:
		code, wait = errors.RateLimitReached, failure.Wait
	case *limiterError:
		code, wait = failure.code()
	}
	if err == errTooSlow {
		code = errors.RateLimitReached
	}
	e := c.newError(call, code, err)
	e.RetryAfter = wait
	return e
}

// readAgain makes the reads again that permit a write. The error says that the write was not sent.
func (c *Client) readAgain(ctx context.Context, call *Call) *errors.Error {
	err := trace.FreshnessOf(ctx).Renew(ctx)
	if err == nil {
		return nil
	}
	e := c.newError(call, errors.CodeOf(err), err)
	if cause, ok := errors.AsType[*errors.Error](err); ok && cause != nil {
		e.RetryAfter = cause.RetryAfter
	}
	return e
}

// isLate reports whether the reads that permit a write are too old.
func isLate(ctx context.Context, call *Call) bool {
	if call.Repeat {
		return false
	}
	fresh := trace.FreshnessOf(ctx)
	return fresh != nil && time.Now().After(fresh.Until())
}

// maxRenewals is the maximum number of renewals before one attempt: a limit that permits fewer
// requests than the reads need would delay the write forever.
const maxRenewals = 5

var errTooSlow = errors.New("the rate limit does not permit the request soon enough after the reads that must precede it")

// wait waits for a permit of the client's limiter. A write that must be sent by a time goes before other requests.
func (c *Client) wait(ctx context.Context, call *Call, x *exchange, by time.Time) (err error) {
	start := call.observed.now()
	x.permit, err = c.limiter.Wait(ctx, call.Operation, ratelimit.Request{
		Resent: call.sent > 0, MaxWait: c.config.Retry.MaxWait, Until: c.config.Retry.end(call.started), SendBy: by,
		OnWait: func(pause time.Duration) {
			c.logWait(ctx, call.Operation, call.Target, call.attempt, observe.ReasonRateLimit, pause, nil)
		},
	})
	call.observed.waited(observe.ReasonRateLimit, call.attempt, start)
	return err
}

// updateLimit updates the rate limiter by the answer of an exchange.
func (c *Client) updateLimit(call *Call, x *exchange, e *errors.Error) {
	if x.response != nil && c.config.Window != nil {
		x.window, x.windowed = c.config.Window(x.response.Header)
	}
	if c.config.Limiter != nil {
		c.updateLimiter(call, x, e)
		return
	}
	if x.response == nil {
		x.permit.Lost()
		return
	}
	if e != nil && e.Code == errors.RateLimitReached {
		after := min(e.RetryAfter, ratelimit.MaxRest)
		if call.foreign { // the answer of a proxy must not stop all calls of the client for long
			after = min(after, c.config.Retry.MaxWait)
		}
		x.permit.Refused(after, x.window, x.windowed)
		return
	}
	x.permit.Answered(x.window, x.windowed)
}

// stopped refuses a write after a stop, and a read if the context says so. Another read is still
// sent if the rate limit permits it without a wait, because it may decide the outcome of a write.
func (c *Client) stopped(ctx context.Context, call *Call) *errors.Error {
	if call.Repeat && !trace.ReadsStopped(ctx) || !trace.Stopped(ctx) {
		return nil
	}
	return c.newError(call, errors.Canceled, trace.ErrStopped)
}
