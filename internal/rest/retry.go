package rest

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
)

// Retry says how often and how patiently a call is repeated.
type Retry struct {
	Attempts int           // how often a call is sent at most; 0 for the default, 1 for never again
	MaxWait  time.Duration // the longest single wait; 0 for the default

	// Jitter picks a wait below a bound; nil for one by chance. A simulation, whose
	// runs have to be repeatable, sets its own.
	Jitter func(bound time.Duration) time.Duration
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
	if r.Attempts <= 0 {
		r.Attempts = defaultAttempts
	}
	if r.MaxWait <= 0 {
		r.MaxWait = defaultMaxWait
	}
	if r.Jitter == nil {
		r.Jitter = rand.N[time.Duration]
	}
	return r
}

// next decides whether a call is sent again after it failed, and how long to
// wait before that.
func (r Retry) next(call *Call, e *errors.Error, attempt int) (time.Duration, bool) {
	if attempt >= r.Attempts || call.Once || e.Code == errors.Canceled || !repeatable(call, e) || !errors.Retryable(e) && !burst(call, e) {
		return 0, false
	}
	wait := e.RetryAfter
	if wait == 0 || e.Code != errors.RateLimitReached {
		wait = max(wait, r.backoff(attempt))
	}
	return wait, wait <= r.MaxWait
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

// backoff returns a wait with full jitter.
func (r Retry) backoff(attempt int) time.Duration {
	return 1 + r.Jitter(retryBackoff.Bound(attempt))
}
