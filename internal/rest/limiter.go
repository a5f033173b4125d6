package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/observe"
)

// Limiter is the caller's rate limiter, which replaces that of the client. Each provider package
// declares the same interface, and documents it.
type Limiter interface {
	// Wait returns nil when a request of the operation may be sent.
	Wait(ctx context.Context, operation string) error

	// Update is called exactly once after each Wait that returned nil.
	Update(operation string, status int, header http.Header)
}

// UseLimiter sets the caller's rate limiter. It returns an error for nil, and for a nil value,
// whose methods could panic.
func (c *Config) UseLimiter(limiter Limiter) error {
	if nilness.IsNil(limiter) {
		return errors.New("the limiter must not be nil")
	}
	c.Limiter = limiter
	return nil
}

// noWait is the time in which the caller's limiter can permit a request that must not wait: a
// limiter that processes share asks a server.
const noWait = time.Second

// limitByCaller waits for a permit of the caller's limiter. The wait of a write ends when the reads
// that permit it are too old. The client reads again, and waits again: the context of Wait has the
// time of the write's first wait, so that the write and these reads keep the write's place.
func (c *Client) limitByCaller(ctx context.Context, call *Call) *errors.Error {
	start := time.Now()
	since := trace.WaitingSince(ctx) // of the write for which this read is made again, if any
	for {
		if e := c.stopped(ctx, call); e != nil {
			return e
		}
		err := errStale
		if !isLate(ctx, call) {
			err = c.limiterWait(ctx, call, start, since)
		}
		switch {
		case err != errStale:
			return c.unpermitted(call, err)
		case time.Since(start) >= c.config.Retry.MaxWait:
			return c.unpermitted(call, errTooSlow)
		case since.IsZero():
			since = start
		}
		if e := c.readAgain(trace.WithWaitingSince(ctx, since), call); e != nil {
			return e
		}
	}
}

// errStale ends a wait when the reads that permit the write are too old.
var errStale = errors.New("the reads before the write are too old")

// limiterWait waits for the caller's limiter. The error is that of the end of the context, a
// [*ratelimit.TooLongError], [trace.ErrStopped], errStale or a [*limiterError]. A permit that comes
// after one of these ends is returned unused, because the limiter may ignore its context.
func (c *Client) limiterWait(ctx context.Context, call *Call, start, since time.Time) error {
	bounded, cancel := c.limiterContext(ctx, call, start, since)
	defer cancel()
	from := call.observed.now()
	err := c.config.Limiter.Wait(bounded, call.Operation)
	call.observed.waited(observe.ReasonRateLimit, call.attempt, from)
	ended := context.Cause(bounded)
	if ctx.Err() != nil {
		ended = ctx.Err()
	}
	switch {
	case ended == nil && err != nil:
		return &limiterError{err}
	case ended != nil && err == nil:
		c.config.Limiter.Update(call.Operation, 0, nil)
	}
	return ended
}

// limiterContext returns the context of a wait for the caller's limiter, and the function that
// releases it. It ends with ctx, with MaxWait after the start of the first wait, with MaxElapsed,
// when the reads that permit a write are too old, and at a stop. A read that is sent after a stop,
// because it may decide the outcome of a write, has the time noWait.
func (c *Client) limiterContext(ctx context.Context, call *Call, start, since time.Time) (context.Context, func()) {
	now := time.Now()
	end := start.Add(c.config.Retry.MaxWait)
	if last := c.config.Retry.end(call.started); !last.IsZero() {
		if !last.After(now) {
			last = now.Add(noWait)
		}
		if last.Before(end) {
			end = last
		}
	}
	request := &requestContext{ctx, c.config.Provider, call.Operation, !call.Repeat, call.attempt, since}
	stoppable, stop := context.WithCancelCause(request)
	var stale *time.Timer
	if fresh := trace.FreshnessOf(ctx); fresh != nil && !call.Repeat {
		// This time is no deadline, because some limiters fail at once if they will not permit the
		// request before the deadline.
		stale = time.AfterFunc(time.Until(fresh.Until()), func() { stop(errStale) })
	}
	bounded, cancel := context.WithDeadlineCause(stoppable, end, new(ratelimit.TooLongError))
	if stopped := trace.Stop(ctx); stopped != nil {
		var grace time.Duration
		if call.Repeat {
			grace = noWait
		}
		go func() {
			select {
			case <-bounded.Done():
				return
			case <-stopped:
			}
			if grace > 0 && !trace.ReadsStopped(ctx) {
				timer := time.NewTimer(grace)
				defer timer.Stop()
				select {
				case <-bounded.Done():
				case <-timer.C:
				}
			}
			stop(trace.ErrStopped)
		}()
	}
	return bounded, func() {
		cancel()
		if stale != nil {
			stale.Stop()
		}
		stop(nil)
	}
}

// limiterError is an error of the caller's limiter. It has no code, whatever it wraps: a code says
// something about the resource, about which the limiter knows nothing.
type limiterError struct{ err error }

// Error returns the text of the limiter's error.
func (e *limiterError) Error() string { return e.err.Error() }

// Is reports whether the limiter's error is another error than a code.
func (e *limiterError) Is(target error) bool {
	if _, code := target.(errors.Code); code {
		return false
	}
	return errors.Is(e.err, target)
}

// As finds errors of the limiter that have no code.
func (e *limiterError) As(target any) bool {
	switch target.(type) {
	case **errors.Error, *errors.Code:
		return false
	}
	return errors.As(e.err, target)
}

// code returns the code of a request that was not sent because of the limiter's error, and when to
// retry. Of the codes only those about the limit are kept. A "not found" would count as deleted.
func (e *limiterError) code() (errors.Code, time.Duration) {
	code := errors.CodeOf(e.err)
	switch code {
	case errors.RateLimitReached, errors.Unavailable, errors.Canceled:
	default:
		return errors.Unavailable, 0
	}
	if cause, ok := errors.AsType[*errors.Error](e.err); ok && cause != nil {
		return code, cause.RetryAfter
	}
	return code, 0
}

// unused returns the permit of a request that is not sent.
func (c *Client) unused(call *Call, x *exchange) {
	if c.config.Limiter != nil {
		c.config.Limiter.Update(call.Operation, 0, nil)
		return
	}
	x.permit.Unused()
}

// updateLimiter passes the answer of an exchange to the caller's limiter.
func (c *Client) updateLimiter(call *Call, x *exchange, e *errors.Error) {
	switch {
	case x.response != nil:
		c.config.Limiter.Update(call.Operation, x.response.StatusCode, limitHeader(x.response.Header, secret(x.request)))
	case e != nil: // with the status of a redirect that was not followed; otherwise 0
		c.config.Limiter.Update(call.Operation, e.Status, nil)
	default:
		c.config.Limiter.Update(call.Operation, 0, nil)
	}
}

// limitHeader returns a copy of the headers about a rate limit, without the credential. The
// others may contain secrets, such as cookies.
func limitHeader(header http.Header, secret string) http.Header {
	limits := make(http.Header, 4)
	for name, values := range header {
		if !aboutLimit(name) {
			continue
		}
		for _, value := range values {
			limits[name] = append(limits[name], redact(value, secret))
		}
	}
	return limits
}

// aboutLimit reports whether a header states a rate limit, or the time that it relates to.
func aboutLimit(name string) bool {
	name = strings.ToLower(name)
	return name == "retry-after" || name == "date" || strings.Contains(name, "ratelimit") || strings.Contains(name, "rate-limit")
}
