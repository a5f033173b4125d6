package ratelimit

import (
	"time"

	"github.com/offboard-dev/offboard-go/internal/backoff"
)

// quota is the learned state of a provider's limit. It learns in two ways.
//
// From headers: no more requests are in flight than the last answer stated to remain. If none
// remain, no request is sent until the window ends.
//
// From refusals: requests are sent without a limit, with a concurrency that grows with the
// answers, until one is refused. The Retry-After of the refusal becomes the length of the
// window, and the number of requests granted in it becomes the base quota. From then on, the
// base quota is sent when a window opens, and no other request until the next window. In some
// windows a few more requests are tried, spread over the window. Their number grows with each
// success, so that the quota reaches a limit that was underestimated or raised. A failed trial
// costs one refusal and postpones the next trial.
type quota struct {
	inFlight int // requests that were sent and not answered
	number   int // the number of the last request

	// From headers; remaining is -1 until an answer states it.
	remaining, permitted int
	updated              int       // the number of the last request before the last update
	start                time.Time // the start of the window, by the provider's clock
	ends                 time.Time // the end of the window, by the local clock; zero if unknown
	span                 time.Duration

	// From refusals.
	window  int // the number of the current window
	opened  time.Time
	rested  bool // the window opened after the time that the provider stated
	closed  bool // a refusal ended the window; the next opens after the rest
	sent    int  // requests in the window
	granted int  // granted requests in the window

	length   time.Duration // the length of a window
	base     int           // the base quota: requests that a window grants at once; 0 if unknown
	extra    int           // requests that a window grants in addition, if they are spread over it
	trial    int           // requests beyond base and extra that this window tries
	ceiling  int           // requests that a window last refused; 0 if unknown
	exact    bool          // base is the number that the closed window granted, and may grow by the requests in flight
	clean    int           // consecutive windows that were used up without a refusal
	patience int           // clean windows before the next trial
	untimed  int           // consecutive refusals without a stated time
}

// The constants of learning.
const (
	slowStart   = 64 // the square of the number of answers after which a second request may be in flight
	minPatience = 16 // the clean windows after a failed trial
	maxPatience = 512
)

// untimedBackoff is the rest after refusals without a stated time.
var untimedBackoff = backoff.Exponential{First: time.Second, Max: time.Minute}

// canSend reports whether a request may be sent now. Otherwise it returns the time until the next
// check; 0 means after the next answer.
func (q *quota) canSend(clock *clock) (bool, time.Duration) {
	if !q.ends.IsZero() {
		return q.canSendByHeaders(clock.now())
	}
	q.advance(clock)
	switch {
	case q.remaining == 0 && q.inFlight > 0:
		// No header states the end of the window: send one request at a time until an answer does.
		return false, 0
	case q.remaining > 0 && q.inFlight >= q.remaining:
		return false, 0
	case q.remaining > 0 && q.base > 0:
		return true, 0 // the headers override the quota from refusals
	case q.base == 0:
		// Start with one request, so that a small limit refuses few.
		return q.inFlight < 1+q.granted*q.granted/slowStart, 0
	}
	return q.canSendInWindow(clock.now())
}

func (q *quota) canSendByHeaders(now time.Time) (bool, time.Duration) {
	if past := now.Sub(q.ends); past >= 0 {
		// The window ended. Only the size of the current window is known.
		on := q.span * (1 + past/q.span)
		q.start, q.ends = q.start.Add(on), q.ends.Add(on)
		q.remaining = q.permitted
	}
	switch {
	case q.inFlight < q.remaining:
		return true, 0
	case q.remaining > 0:
		return false, 0
	}
	return false, q.ends.Sub(now)
}

// canSendInWindow permits the base quota when the window opens, and spreads the other requests
// over the window.
func (q *quota) canSendInWindow(now time.Time) (bool, time.Duration) {
	spread := q.extra + q.trial
	switch {
	case q.sent < q.base:
		// Start with two requests, so that a window smaller than assumed refuses few.
		return q.inFlight < 2+q.granted, 0
	case q.sent >= q.base+spread:
		return false, q.opened.Add(q.length).Sub(now)
	}
	parts := spread + 1
	if q.patience == 0 {
		parts = max(parts, 8) // the first trial comes early, because a refusal is likely
	}
	due := q.opened.Add(q.length / time.Duration(parts) * time.Duration(q.sent-q.base+1))
	if pause := due.Sub(now); pause > 0 {
		return false, pause
	}
	return true, 0
}

// advance opens the next window if the current one ended.
func (q *quota) advance(clock *clock) {
	switch {
	case q.opened.IsZero():
		q.opened = clock.now()
		return
	case q.closed:
		q.open(clock.now(), true)
	case q.base == 0 || clock.now().Before(q.opened.Add(q.length)):
		return
	default:
		if q.granted+q.inFlight >= q.base+q.extra+q.trial {
			q.clean++
			q.extra += q.trial
		}
		next := q.opened.Add(q.length)
		if now := clock.now(); now.Sub(next) >= q.length {
			next = now
		}
		q.open(next, false)
	}
	// Requests granted late in a window may count in the next one. So a trial follows only
	// a clean window with the whole quota.
	if q.base > 0 && (q.clean > q.patience || q.window == 1) {
		q.clean, q.trial = 0, q.nextTrial()
	}
}

// nextTrial returns the number of requests of the next trial: three times extra, and at most half
// of the difference to the ceiling.
func (q *quota) nextTrial() int {
	trial := max(1, 3*q.extra)
	if q.ceiling == 0 {
		return trial
	}
	most := (q.ceiling - q.base - q.extra) / 2
	if most < 1 {
		most, q.ceiling = 1, 0
	}
	return min(trial, most)
}

func (q *quota) open(at time.Time, rested bool) {
	q.window++
	q.opened, q.rested, q.closed = at, rested, false
	q.sent, q.granted, q.trial = 0, 0, 0
}

// sending records a request that got a permit.
func (q *quota) sending() {
	q.inFlight++
	q.sent++
	q.number++
}

// returned records a request whose permit was returned.
func (q *quota) returned() {
	q.inFlight--
	q.sent--
}

// answered records an answer, to a request of a window, that is no refusal.
func (q *quota) answered(window int) {
	q.untimed = 0
	if window != q.window {
		return
	}
	q.granted++
	if q.closed && q.exact {
		q.base++
	}
}

// refused records the refusal of a request of a window, and returns the time to rest. after is the
// time that the provider stated; 0 for none.
func (q *quota) refused(window int, now time.Time, after time.Duration) time.Duration {
	first := window == q.window && !q.closed // the first refusal ends the window
	if after <= 0 {
		if first {
			q.untimed++
		}
		after = untimedBackoff.Bound(max(q.untimed, 1))
	}
	if first && q.ends.IsZero() {
		q.close(now, after)
	}
	return after
}

// close ends a window after a refusal, and learns from it.
func (q *quota) close(now time.Time, after time.Duration) {
	q.closed, q.exact, q.clean = true, false, 0
	age := now.Sub(q.opened)
	switch {
	case q.base == 0 && age > 2*after:
		// The window is older than a window of this length, so that its number proves nothing.
	case q.base == 0:
		q.length, q.exact = after, age <= after
		q.base = max(1, int(float64(q.granted)*min(1, float64(after)/float64(age))))
	case q.sent > q.base:
		// The base quota was granted. Keep the extra requests that were granted before
		// the trial.
		q.ceiling = q.sent
		if q.trial == 0 {
			q.extra = q.extra * 3 / 4
		}
		q.patience = min(max(2*q.patience, minPatience), maxPatience)
	case q.rested && q.extra == 0:
		// The window granted fewer requests than assumed. If it granted none, it is longer.
		if q.granted == 0 {
			q.length = max(q.length, age+after)
		}
		q.base, q.exact = max(1, q.granted), true
	default:
		// The window may overlap two windows of the provider, or too many requests were
		// sent late in the last one.
		q.ceiling = q.base + q.extra
		q.base = max(1, q.granted, q.base*7/8)
		q.extra = q.extra * 3 / 4
		q.patience = min(max(2*q.patience, 2), maxPatience)
	}
}

// update records the window that the headers of an answer state. Answers may arrive out of order:
// the smallest number of remaining requests is the latest, among requests that were in flight at
// the same time, and in the same window.
func (q *quota) update(w Window, now time.Time, number int) {
	q.permitted = w.Permitted
	switch {
	case w.Start.IsZero() && q.remaining >= 0 && number <= q.updated:
		q.remaining = min(q.remaining, w.Remaining)
	case w.Start.IsZero():
		q.remaining, q.updated = w.Remaining, q.number
	case w.Start.After(q.start):
		q.start, q.span, q.remaining = w.Start, w.Length, w.Remaining
		q.ends = now.Add(min(w.Start.Add(w.Length).Sub(w.Date), MaxRest))
	case w.Start.Equal(q.start):
		q.remaining = min(q.remaining, w.Remaining)
	}
}
