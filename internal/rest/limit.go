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
// after the wait, because a token may expire during the wait.
func (c *Client) limit(ctx context.Context, call *Call, x *exchange) *errors.Error {
	if e := c.stopped(ctx, call); e != nil {
		return e
	}
	var err error
	start := call.observed.now()
	x.permit, err = c.limiter.Wait(ctx, call.Operation, ratelimit.Request{
		Resent: call.sent > 0, MaxWait: c.config.Retry.MaxWait, Until: c.config.Retry.end(call.started),
		OnWait: func(pause time.Duration) {
			c.logWait(ctx, call.Operation, call.Target, call.attempt, observe.ReasonRateLimit, pause)
		},
	})
	call.observed.waited(observe.ReasonRateLimit, call.attempt, start)
	if err == nil {
		return nil
	}
	if tooLong, ok := errors.AsType[*ratelimit.TooLongError](err); ok {
		e := c.newError(call, errors.RateLimitReached, nil)
		e.RetryAfter = tooLong.Wait
		return e
	}
	// The context or a stop ended the wait before the request was sent.
	return c.newError(call, errors.Canceled, err)
}

// updateLimit updates the rate limiter by the answer of an exchange.
func (c *Client) updateLimit(call *Call, x *exchange, e *errors.Error) {
	if x.response == nil {
		x.permit.Lost()
		return
	}
	if c.config.Window != nil {
		x.window, x.windowed = c.config.Window(x.response.Header)
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

// stopped refuses a write after a stop. A read is still sent if the rate limit permits it
// without a wait, because it may decide the outcome of a write.
func (c *Client) stopped(ctx context.Context, call *Call) *errors.Error {
	if call.Repeat || !trace.Stopped(ctx) {
		return nil
	}
	return c.newError(call, errors.Canceled, trace.ErrStopped)
}
