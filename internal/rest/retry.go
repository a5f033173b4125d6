package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// Retry says how often and how patiently a call is repeated.
type Retry struct {
	MaxAttempts int           // the maximum number of attempts; 0 for the default, 1 for no retry
	MaxWait     time.Duration // the longest single wait; 0 for the default
	MaxElapsed  time.Duration // since the start of a call: no attempt starts later; 0 for no limit
}

// Defaults. Real limits refill by the minute, at Katapult as at Atlas, so a
// shorter wait would give up just before it helps.
const (
	defaultAttempts = 5
	defaultMaxWait  = 90 * time.Second
)

// retryBackoff bounds the wait where the provider names no time.
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

// retry waits after a failed attempt, and reports whether the call is sent again: that is
// safe and may help.
func (c *Client) retry(ctx context.Context, call *Call, attempt int, e *errors.Error) bool {
	if e == nil {
		return false
	}
	e.Attempts = call.sent
	pause, again := c.config.Retry.next(ctx, call, e, attempt)
	return again && c.waits(ctx, e, pause)
}

// waits reports whether the wait after a failure was made to its end. It is not
// begun when the context would end first. When the context or a stop ends it, that
// becomes the cause of an error that has none.
func (c *Client) waits(ctx context.Context, e *errors.Error, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(pause).After(deadline) {
		return false
	}
	if pause > 0 {
		c.logWait(ctx, e.Operation, e.Target, "retry backoff", pause)
	}
	err := wait.Sleep(ctx, pause)
	if err != nil && e.Err == nil {
		e.Err = err
	}
	return err == nil
}

// next decides whether a call is sent again after it failed, and how long to
// wait before that.
func (r Retry) next(ctx context.Context, call *Call, e *errors.Error, attempt int) (time.Duration, bool) {
	if call.Once || e.Code == errors.Canceled || !repeatable(call, e) || !errors.Retryable(e) && !burst(call, e) {
		return 0, false
	}
	wait := e.RetryAfter
	if wait == 0 || e.Code != errors.RateLimitReached {
		wait = max(wait, jittered(ctx, attempt))
	}
	return wait, r.permits(attempt, call.started, wait)
}

// burst reports whether a read was answered by a 403 that is not the provider's own.
// They come in bursts, with credentials that otherwise work (Atlas, with an empty
// body).
func burst(call *Call, e *errors.Error) bool {
	return call.Repeat && call.foreign && e.Status == http.StatusForbidden
}

// repeatable reports whether nothing can go wrong by sending the call again: it
// changes nothing, it was not sent, or the provider refused it. What becomes of a
// write after anything else is not known; see [Client.Delete].
func repeatable(call *Call, e *errors.Error) bool {
	return call.Repeat || e.Status == 0 || refused(e.Status)
}

// jittered returns the wait after an attempt, with full jitter.
func jittered(ctx context.Context, attempt int) time.Duration {
	return 1 + backoff.Jitter(ctx, retryBackoff.Bound(attempt))
}

// permits reports whether another attempt may start after a wait.
func (r Retry) permits(attempt int, started time.Time, wait time.Duration) bool {
	return attempt < r.MaxAttempts && wait <= r.MaxWait && (r.MaxElapsed == 0 || time.Since(started)+wait <= r.MaxElapsed)
}

// longestWait returns the longest wait that a call may begin.
func (r Retry) longestWait(started time.Time) time.Duration {
	if r.MaxElapsed == 0 {
		return r.MaxWait
	}
	return min(r.MaxWait, max(r.MaxElapsed-time.Since(started), 0))
}

type startedKey struct{}

// start returns when the call began that MaxElapsed is about, and a context in which all that
// it consists of began then. It is zero without MaxElapsed.
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
