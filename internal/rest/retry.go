package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/wait"
	"github.com/offboard-dev/offboard-go/observe"
)

// Retry bounds the attempts of a call.
type Retry struct {
	MaxAttempts int           // MaxAttempts is the maximum number of attempts; 0 for 5, 1 for no retry.
	MaxWait     time.Duration // MaxWait is the longest single wait; 0 for 90 seconds.
	MaxElapsed  time.Duration // MaxElapsed is the time after the start of a call from which on no attempt starts; 0 for no limit.
}

// The defaults. The rate limits of Katapult and Atlas reset each minute, so that the longest
// wait exceeds a minute.
const (
	defaultAttempts = 5
	defaultMaxWait  = 90 * time.Second
)

// retryBackoff bounds the wait if the provider states no time.
var retryBackoff = backoff.Exponential{First: 250 * time.Millisecond, Max: 15 * time.Second}

func (r Retry) orDefault() Retry {
	if r.MaxAttempts <= 0 {
		r.MaxAttempts = defaultAttempts
	}
	if r.MaxWait <= 0 {
		r.MaxWait = defaultMaxWait
	}
	return r
}

// retry waits after a failed attempt, and reports whether the call is sent again: whether that
// is safe, and may succeed.
func (c *Client) retry(ctx context.Context, call *Call, attempt int, e *errors.Error) bool {
	if e == nil || c.config.Limiter != nil && waitedTooLong(e) {
		return false
	}
	pause, again := c.config.Retry.next(ctx, call, e, attempt)
	return again && c.waits(ctx, call.observed, e, call.attempt, pause)
}

// waits waits after a failure, and reports whether the wait was completed. It does not wait if
// the context would end first. If the context or a stop ends the wait, its error becomes the
// cause of a failure without a cause.
func (c *Client) waits(ctx context.Context, o *observation, e *errors.Error, attempt int, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(pause).After(deadline) {
		return false
	}
	if pause > 0 {
		c.logWait(ctx, e.Operation, e.Target, attempt, observe.ReasonRetry, pause, e)
	}
	start := o.now()
	err := wait.Sleep(ctx, pause)
	o.waited(observe.ReasonRetry, attempt, start)
	if err != nil && e.Err == nil {
		e.Err = err
	}
	return err == nil
}

// next reports whether a failed call is sent again, and the wait before that.
func (r Retry) next(ctx context.Context, call *Call, e *errors.Error, attempt int) (time.Duration, bool) {
	if call.Once || !call.Repeat && isSingle(ctx) || e.Code == errors.Canceled || !repeatable(call, e) || !errors.Retryable(e) && !burst(call, e) {
		return 0, false
	}
	wait := e.RetryAfter
	if wait == 0 || e.Code != errors.RateLimitReached {
		wait = max(wait, jittered(ctx, attempt))
	}
	return wait, r.permits(attempt, call.started, wait)
}

// waitedTooLong reports whether the caller's limiter permitted the request too late. Another attempt
// would wait as long, and use up as much of the budget, again.
func waitedTooLong(e *errors.Error) bool {
	_, tooLong := errors.AsType[*ratelimit.TooLongError](e)
	return tooLong || errors.Is(e, errTooSlow)
}

// burst reports whether the answer to a read is a 403 that is not in the provider's form. Atlas
// sends bursts of them, with an empty body, for credentials that are valid.
func burst(call *Call, e *errors.Error) bool {
	return call.Repeat && call.foreign && e.Status == http.StatusForbidden
}

// repeatable reports whether sending the call again is safe: it changes nothing, it was not
// sent, or the provider refused it. The outcome of any other write is unknown; see
// [Client.Delete].
func repeatable(call *Call, e *errors.Error) bool {
	return call.Repeat || e.Status == 0 || refused(e.Status)
}

// jittered returns a random wait after an attempt, up to the bound of retryBackoff.
func jittered(ctx context.Context, attempt int) time.Duration {
	return 1 + backoff.Jitter(ctx, retryBackoff.Bound(attempt))
}

// permits reports whether another attempt may start after a wait.
func (r Retry) permits(attempt int, started time.Time, wait time.Duration) bool {
	return attempt < r.MaxAttempts && wait <= r.MaxWait && r.inTime(started, wait)
}

// inTime reports whether MaxElapsed permits to send a request after a wait.
func (r Retry) inTime(started time.Time, wait time.Duration) bool {
	return r.MaxElapsed == 0 || time.Since(started)+wait <= r.MaxElapsed
}

// end returns the time from which on no attempt starts; zero for no limit.
func (r Retry) end(started time.Time) time.Time {
	if r.MaxElapsed == 0 {
		return time.Time{}
	}
	return started.Add(r.MaxElapsed)
}

// bound returns a context that ends at the time from which on no attempt starts, for the request
// of a credential. The caller must call the function that it returns.
func (r Retry) bound(ctx context.Context, started time.Time) (context.Context, context.CancelFunc) {
	if r.MaxElapsed == 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, r.end(started))
}

type startedKey struct{}

// start returns the time from which MaxElapsed counts, and a context with that time for the
// calls that are part of this one. The time is zero without MaxElapsed.
func (r Retry) start(ctx context.Context) (context.Context, time.Time) {
	if r.MaxElapsed == 0 {
		return ctx, time.Time{}
	}
	if started, ok := ctx.Value(startedKey{}).(time.Time); ok {
		return ctx, started
	}
	now := time.Now()
	return context.WithValue(ctx, startedKey{}, now), now
}
