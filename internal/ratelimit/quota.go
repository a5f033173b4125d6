package ratelimit

import (
	"time"

	"github.com/offboard-dev/offboard-go/internal/backoff"
)

// Window is what a provider's headers say of the window of time in which its
// limit counts. Times are the provider's own.
type Window struct {
	Permitted int       // requests in one window
	Remaining int       // requests left in this one
	Start     time.Time // when this window began; zero when the provider does not say
	Length    time.Duration
	Date      time.Time // the provider's clock at the answer
}

// limit is what is known of a provider's limit. It is learned in two ways.
//
// From headers: no more requests are under way than the last of them said
// remain, and when none remain nothing is sent until the window ends.
//
// From refusals: requests run freely, with a concurrency that grows by success,
// until one is refused. The Retry-After that comes with the refusal is taken for
// the length of the provider's window, and what was granted in it for its size.
// From then on that many go out when a window opens, and no more until the next.
// Now and then a few more are tried, spread over the window, and more each time
// that works, so that a rate that was underestimated or has been raised is found.
// A try that fails costs one refusal and puts off the next.
type limit struct {
	underWay int // requests that were sent and not answered
	number   int // of the last request that was sent

	// From headers; remaining is -1 while they have told nothing.
	remaining, permitted int
	told                 int       // number of the last request that was sent before they told
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
	safe     int           // requests that a window grants at once; 0 while unknown
	extra    int           // requests that it grants besides when they are spread over it
	trying   int           // requests beyond these that are tried in this window
	tooMuch  int           // requests that a window did not grant the last time; 0 while unknown
	exact    bool          // safe is what the closed window has granted, which may grow by what is under way
	clean    int           // windows in a row that were used up without a refusal
	patience int           // clean windows before the next try
	unnamed  int           // refusals in a row that named no time
}

// MaxRest is the longest time for which one answer holds back all calls of a client. A
// provider that asks for more is asked again after it.
const MaxRest = 15 * time.Minute

const (
	slowStart   = 64 // the square of the answers after which a second request may be under way
	minPatience = 16 // after a try that failed
	maxPatience = 512
)

// unnamedBackoff is the rest after refusals that name no time.
var unnamedBackoff = backoff.Exponential{First: time.Second, Max: time.Minute}

// room reports whether a request may be sent now, or else when to ask again; 0
// means after the next answer.
func (l *limit) room(clock *clock) (bool, time.Duration) {
	if !l.ends.IsZero() {
		return l.roomByHeaders(clock.now())
	}
	l.turn(clock)
	switch {
	case l.remaining == 0 && l.underWay > 0:
		// Nobody says when there will be more: one at a time, until an answer tells.
		return false, 0
	case l.remaining > 0 && l.underWay >= l.remaining:
		return false, 0
	case l.remaining > 0 && l.safe > 0:
		return true, 0 // whatever refusals have taught
	case l.safe == 0:
		// One at first, so that a small limit is met by few.
		return l.underWay < 1+l.granted*l.granted/slowStart, 0
	}
	return l.roomInWindow(clock.now())
}

func (l *limit) roomByHeaders(now time.Time) (bool, time.Duration) {
	if past := now.Sub(l.ends); past >= 0 {
		// The window is over. Nothing is known of the present one but its size.
		on := l.span * (1 + past/l.span)
		l.start, l.ends = l.start.Add(on), l.ends.Add(on)
		l.remaining = l.permitted
	}
	switch {
	case l.underWay < l.remaining:
		return true, 0
	case l.remaining > 0:
		return false, 0
	}
	return false, l.ends.Sub(now)
}

// roomInWindow lets the sure ones go when the window opens and spreads the others
// over it.
func (l *limit) roomInWindow(now time.Time) (bool, time.Duration) {
	spread := l.extra + l.trying
	switch {
	case l.sent < l.safe:
		// Two at first, so that a window smaller than was thought is met by few.
		return l.underWay < 2+l.granted, 0
	case l.sent >= l.safe+spread:
		return false, l.opened.Add(l.length).Sub(now)
	}
	parts := spread + 1
	if l.patience == 0 {
		parts = max(parts, 8) // the very first try comes early: it may well be refused
	}
	due := l.opened.Add(l.length / time.Duration(parts) * time.Duration(l.sent-l.safe+1))
	if pause := due.Sub(now); pause > 0 {
		return false, pause
	}
	return true, 0
}

// turn opens the next window when it is time.
func (l *limit) turn(clock *clock) {
	switch {
	case l.opened.IsZero():
		l.opened = clock.now()
		return
	case l.closed:
		l.open(clock.now(), true)
	case l.safe == 0 || clock.now().Before(l.opened.Add(l.length)):
		return
	default:
		if l.granted+l.underWay >= l.safe+l.extra+l.trying {
			l.clean++
			l.extra += l.trying
		}
		next := l.opened.Add(l.length)
		if now := clock.now(); now.Sub(next) >= l.length {
			next = now
		}
		l.open(next, false)
	}
	// What was granted late in a window may be missing in the next: more is tried
	// after one that was clean with all of it.
	if l.safe > 0 && (l.clean > l.patience || l.window == 1) {
		l.clean, l.trying = 0, l.try()
	}
}

// try is how many more are tried: several times what was found so far, and half
// of what is left below what was too much the last time.
func (l *limit) try() int {
	try := max(1, 3*l.extra)
	if l.tooMuch == 0 {
		return try
	}
	left := (l.tooMuch - l.safe - l.extra) / 2
	if left < 1 {
		left, l.tooMuch = 1, 0
	}
	return min(try, left)
}

func (l *limit) open(at time.Time, rested bool) {
	l.window++
	l.opened, l.rested, l.closed = at, rested, false
	l.sent, l.granted, l.trying = 0, 0, 0
}

// sending records a request that is sent.
func (l *limit) sending() {
	l.underWay++
	l.sent++
	l.number++
}

// returned records a request that is not sent after all.
func (l *limit) returned() {
	l.underWay--
	l.sent--
}

// answered records an answer to a request of a window that was no refusal.
func (l *limit) answered(window int) {
	l.unnamed = 0
	if window != l.window {
		return
	}
	l.granted++
	if l.closed && l.exact {
		l.safe++
	}
}

// refused records a refusal of a request of a window and returns how long to
// rest. after is what the provider asked for, 0 when it did not.
func (l *limit) refused(window int, now time.Time, after time.Duration) time.Duration {
	first := window == l.window && !l.closed // of those that end a window
	if after <= 0 {
		if first {
			l.unnamed++
		}
		after = unnamedBackoff.Bound(max(l.unnamed, 1))
	}
	if first && l.ends.IsZero() {
		l.close(now, after)
	}
	return after
}

// close ends a window that a refusal came in, and learns from it.
func (l *limit) close(now time.Time, after time.Duration) {
	l.closed, l.exact, l.clean = true, false, 0
	age := now.Sub(l.opened)
	switch {
	case l.safe == 0 && age > 2*after:
		// What was granted long ago says nothing about a window of this length.
	case l.safe == 0:
		l.length, l.exact = after, age <= after
		l.safe = max(1, int(float64(l.granted)*min(1, float64(after)/float64(age))))
	case l.sent > l.safe:
		// The sure ones were granted. Of the others those are kept that were granted
		// before the try.
		l.tooMuch = l.sent
		if l.trying == 0 {
			l.extra = l.extra * 3 / 4
		}
		l.patience = min(max(2*l.patience, minPatience), maxPatience)
	case l.rested && l.extra == 0:
		// Fewer than was thought. None at all means that the window is longer.
		if l.granted == 0 {
			l.length = max(l.length, age+after)
		}
		l.safe, l.exact = max(1, l.granted), true
	default:
		// This window may have begun within one of the provider's, or too many were
		// sent late in the last one.
		l.tooMuch = l.safe + l.extra
		l.safe = max(1, l.granted, l.safe*7/8)
		l.extra = l.extra * 3 / 4
		l.patience = min(max(2*l.patience, 2), maxPatience)
	}
}

// learn takes over what the headers of an answer say. Answers overtake each other:
// of those to requests that were under way together, and of those in one window,
// the smallest number is the latest.
func (l *limit) learn(w Window, now time.Time, number int) {
	l.permitted = w.Permitted
	switch {
	case w.Start.IsZero() && l.remaining >= 0 && number <= l.told:
		l.remaining = min(l.remaining, w.Remaining)
	case w.Start.IsZero():
		l.remaining, l.told = w.Remaining, l.number
	case w.Start.After(l.start):
		l.start, l.span, l.remaining = w.Start, w.Length, w.Remaining
		l.ends = now.Add(min(w.Start.Add(w.Length).Sub(w.Date), MaxRest))
	case w.Start.Equal(l.start):
		l.remaining = min(l.remaining, w.Remaining)
	}
}
