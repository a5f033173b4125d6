package rest

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/observe"
)

// limit waits for the provider's rate limit and the caller's. authorize sets the credential
// after the wait, because a token may expire during the wait. If the reads that permit a write
// are too old after the wait, limit reads again, and then sends the write before others. The
// caller's limiter cannot prefer it: the write is sent only if the next wait is short enough.
func (c *Client) limit(ctx context.Context, call *Call, x *exchange) *errors.Error {
	var by time.Time
	for renewals := 0; ; {
		if e := c.stopped(ctx, call); e != nil {
			return e
		}
		// A permit of the caller's limiter is part of a budget, and not used up before the reads.
		stale := c.config.Limiter != nil && isLate(ctx, call)
		var err error
		if !stale {
			err = c.wait(ctx, call, x, by)
		}
		if failed, ok := err.(*limiterError); ok {
			return c.unpermitted(call, failed)
		}
		late, _ := errors.AsType[*ratelimit.TooLongError](err)
		switch {
		case err == nil && !stale && (!by.IsZero() || !isLate(ctx, call)):
			return nil
		case err == nil:
			if !stale {
				c.unused(call, x)
			}
			if renewals++; renewals > maxRenewals {
				return c.newError(call, errors.RateLimitReached, errTooSlow)
			}
			fresh := trace.FreshnessOf(ctx)
			if err := fresh.Renew(ctx); err != nil {
				e := c.newError(call, errors.CodeOf(err), err) // the write was not sent
				if cause, ok := errors.AsType[*errors.Error](err); ok && cause != nil {
					e.RetryAfter = cause.RetryAfter
				}
				return e
			}
			if c.config.Limiter == nil {
				by = fresh.Until()
			}
		case late != nil && !by.IsZero() && time.Now().Add(late.Wait).After(by):
			by = time.Time{} // wait without that time, and read once more
		case late != nil:
			e := c.newError(call, errors.RateLimitReached, late)
			e.RetryAfter = late.Wait
			return e
		default: // the context or a stop ended the wait before the request was sent
			return c.newError(call, errors.Canceled, err)
		}
	}
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

// wait waits for a permit. A write that must be sent by a time goes before other requests.
func (c *Client) wait(ctx context.Context, call *Call, x *exchange, by time.Time) (err error) {
	start := call.observed.now()
	defer func() { call.observed.waited(observe.ReasonRateLimit, call.attempt, start) }()
	if c.config.Limiter != nil {
		return c.limiterWait(ctx, call)
	}
	x.permit, err = c.limiter.Wait(ctx, call.Operation, ratelimit.Request{
		Resent: call.sent > 0, MaxWait: c.config.Retry.MaxWait, Until: c.config.Retry.end(call.started), SendBy: by,
		OnWait: func(pause time.Duration) {
			c.logWait(ctx, call.Operation, call.Target, call.attempt, observe.ReasonRateLimit, pause, nil)
		},
	})
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
