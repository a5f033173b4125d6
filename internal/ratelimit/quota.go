package ratelimit

import (
	"time"

	"github.com/offboard-dev/offboard-go/internal/backoff"
)

// quota is what is known of a provider's limit. It is learned in two ways.
//
// From headers: no more requests are in flight than the last of them stated to
// remain, and when none remain nothing is sent until the window ends.
//
// From refusals: requests run freely, with a concurrency that grows by success,
// until one is refused. The Retry-After of the refusal is taken for the length of the
// provider's window, and the requests granted in it for the base quota. From then on
// the base quota is sent when a window opens, and no more until the next. Now and then
// a few more are tried, spread over the window, and more each time that works, so that
// a rate that was underestimated or has been raised is found. A trial that fails costs
// one refusal and postpones the next.
type quota struct {
	inFlight int // requests that were sent and not answered
	number   int // of the last request that was sent

	// From headers; remaining is -1 until they state something.
	remaining, permitted int
	updated              int       // number of the last request that was sent before the last update
	start                time.Time // of the window, by the provider's clock
	ends                 time.Time // of the window, by ours; zero when unknown
	span                 time.Duration

	// From refusals.
	window  int // number of the present window
	opened  time.Time
	rested  bool // it opened after as long a rest as the provider asked for
	closed  bool // a refusal ended it; the next opens after the rest
	sent    int  // in it
	granted int  // in it

	length   time.Duration // of a window
	base     int           // the base quota: requests that a window grants at once; 0 while unknown
	extra    int           // requests that it grants besides when they are spread over it
	trial    int           // requests beyond these that are tried in this window
	ceiling  int           // requests that a window did not grant the last time; 0 while unknown
	exact    bool          // base is what the closed window has granted, which may grow by the requests in flight
	clean    int           // windows in a row that were used up without a refusal
	patience int           // clean windows before the next trial
	untimed  int           // refusals in a row that named no time
}

const (
	slowStart   = 64 // the square of the answers after which a second request may be in flight
	minPatience = 16 // after a trial that failed
	maxPatience = 512
)

// untimedBackoff is the rest after refusals that name no time.
var untimedBackoff = backoff.Exponential{First: time.Second, Max: time.Minute}

// canSend reports whether a request may be sent now, or else when to ask again; 0
// means after the next answer.
func (q *quota) canSend(clock *clock) (bool, time.Duration) {
	if !q.ends.IsZero() {
		return q.canSendByHeaders(clock.now())
	}
	q.advance(clock)
	switch {
	case q.remaining == 0 && q.inFlight > 0:
		// No header states when there will be more: one at a time, until an answer does.
		return false, 0
	case q.remaining > 0 && q.inFlight >= q.remaining:
		return false, 0
	case q.remaining > 0 && q.base > 0:
		return true, 0 // whatever refusals have shown
	case q.base == 0:
		// One at first, so that a small limit is met by few.
		return q.inFlight < 1+q.granted*q.granted/slowStart, 0
	}
	return q.canSendInWindow(clock.now())
}

func (q *quota) canSendByHeaders(now time.Time) (bool, time.Duration) {
	if past := now.Sub(q.ends); past >= 0 {
		// The window is over. Nothing is known of the present one but its size.
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

// canSendInWindow lets the base quota go when the window opens and spreads the other
// requests over it.
func (q *quota) canSendInWindow(now time.Time) (bool, time.Duration) {
	spread := q.extra + q.trial
	switch {
	case q.sent < q.base:
		// Two at first, so that a window smaller than assumed is met by few.
		return q.inFlight < 2+q.granted, 0
	case q.sent >= q.base+spread:
		return false, q.opened.Add(q.length).Sub(now)
	}
	parts := spread + 1
	if q.patience == 0 {
		parts = max(parts, 8) // the very first trial comes early: it may well be refused
	}
	due := q.opened.Add(q.length / time.Duration(parts) * time.Duration(q.sent-q.base+1))
	if pause := due.Sub(now); pause > 0 {
		return false, pause
	}
	return true, 0
}

// advance opens the next window when it is time.
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
	// What was granted late in a window may be missing in the next: more is tried
	// after one that was clean with all of it.
	if q.base > 0 && (q.clean > q.patience || q.window == 1) {
		q.clean, q.trial = 0, q.nextTrial()
	}
}

// nextTrial returns how many more are tried: several times what was found so far, and
// half of what is left below the ceiling.
func (q *quota) nextTrial() int {
	trial := max(1, 3*q.extra)
	if q.ceiling == 0 {
		return trial
	}
	left := (q.ceiling - q.base - q.extra) / 2
	if left < 1 {
		left, q.ceiling = 1, 0
	}
	return min(trial, left)
}

func (q *quota) open(at time.Time, rested bool) {
	q.window++
	q.opened, q.rested, q.closed = at, rested, false
	q.sent, q.granted, q.trial = 0, 0, 0
}

// sending records a request that is sent.
func (q *quota) sending() {
	q.inFlight++
	q.sent++
	q.number++
}

// returned records a request that is not sent after all.
func (q *quota) returned() {
	q.inFlight--
	q.sent--
}

// answered records an answer to a request of a window that was no refusal.
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

// refused records a refusal of a request of a window and returns how long to
// rest. after is what the provider asked for, 0 when it did not.
func (q *quota) refused(window int, now time.Time, after time.Duration) time.Duration {
	first := window == q.window && !q.closed // of those that end a window
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

// close ends a window that a refusal came in, and learns from it.
func (q *quota) close(now time.Time, after time.Duration) {
	q.closed, q.exact, q.clean = true, false, 0
	age := now.Sub(q.opened)
	switch {
	case q.base == 0 && age > 2*after:
		// What was granted long ago says nothing about a window of this length.
	case q.base == 0:
		q.length, q.exact = after, age <= after
		q.base = max(1, int(float64(q.granted)*min(1, float64(after)/float64(age))))
	case q.sent > q.base:
		// The base quota was granted. Of the others those are kept that were granted
		// before the trial.
		q.ceiling = q.sent
		if q.trial == 0 {
			q.extra = q.extra * 3 / 4
		}
		q.patience = min(max(2*q.patience, minPatience), maxPatience)
	case q.rested && q.extra == 0:
		// Fewer than assumed. None at all means that the window is longer.
		if q.granted == 0 {
			q.length = max(q.length, age+after)
		}
		q.base, q.exact = max(1, q.granted), true
	default:
		// This window may have begun within one of the provider's, or too many were
		// sent late in the last one.
		q.ceiling = q.base + q.extra
		q.base = max(1, q.granted, q.base*7/8)
		q.extra = q.extra * 3 / 4
		q.patience = min(max(2*q.patience, 2), maxPatience)
	}
}

// update takes over what the headers of an answer state. Answers overtake each other:
// of those to requests that were in flight together, and of those in one window,
// the smallest number is the latest.
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
