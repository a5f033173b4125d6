package ratelimit

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Window is the window of time in which the provider counts requests, by the headers of an
// answer. Its times are those of the provider's clock.
type Window struct {
	Permitted int           // Permitted is the number of requests in one window.
	Remaining int           // Remaining is the number of requests that the window still permits.
	Start     time.Time     // Start is the start of the window; zero if the provider does not state it.
	Length    time.Duration // Length is the length of the window.
	Date      time.Time     // Date is the time of the answer.
}

// ReadWindow reads a window from the headers of an answer, and reports whether they state
// one.
type ReadWindow func(http.Header) (Window, bool)

// MaxRest is the longest time for which one answer delays all requests of a client, even if the
// provider states a longer time.
const MaxRest = 15 * time.Minute

// Adaptive is the rate limiter of one client. It is safe for concurrent use.
type Adaptive struct {
	own          *bucket // the caller's limit
	perOperation bool
	shared       *queue // the queue of all operations, unless each has one

	mu  sync.Mutex
	all map[string]*queue // by operation
}

// New returns a limiter for the caller's rate and for the provider's limit, which it learns.
// perOperation is true if the provider limits each operation separately.
func New(rate Rate, perOperation bool) *Adaptive {
	a := &Adaptive{own: newBucket(rate), perOperation: perOperation, all: make(map[string]*queue)}
	a.shared = newQueue(a.own)
	return a
}

// Request is a request that waits for its permit.
type Request struct {
	Resent  bool          // Resent is true if the request was sent before. It then goes first.
	MaxWait time.Duration // MaxWait is the longest wait for the limit, without the requests before it.
	Until   time.Time     // Until is the latest time to send the request; zero for no limit.

	// SendBy is the latest time to send the request, unless only the caller's own limit delays
	// it; zero for no limit. A request with this time goes first.
	SendBy time.Time

	// OnWait is called once, with the duration, when the request starts a wait of known
	// duration.
	OnWait func(time.Duration)
}

// TooLongError is the error of a request that would wait longer than its MaxWait, beyond
// its Until or SendBy, or for the provider's limit beyond the deadline of its context.
type TooLongError struct {
	// Wait is the time until the limit permits the next request of the queue; 0 if it is
	// unknown.
	Wait time.Duration
}

// Error returns a text without the wait.
func (*TooLongError) Error() string { return "the wait for the rate limit is too long" }

// Wait returns a permit when a request of the operation can be sent. The error is a
// [*TooLongError] as soon as the wait is known to be too long; otherwise it is the error of the
// context, or [trace.ErrStopped].
func (a *Adaptive) Wait(ctx context.Context, operation string, r Request) (Permit, error) {
	return a.queueOf(operation).wait(ctx, r)
}

func (a *Adaptive) queueOf(operation string) *queue {
	if !a.perOperation {
		return a.shared
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.all[operation]
	if q == nil {
		q = newQueue(a.own)
		a.all[operation] = q
	}
	return q
}

// Permit permits one request. The caller must call exactly one of Answered, Refused, Lost and Unused.
type Permit struct {
	queue  *queue
	window int // the number of the window
	number int // the number of the request in the queue
}

// Answered records an answer that is no refusal by the rate limit. known is false if the headers
// state no window.
func (p Permit) Answered(w Window, known bool) {
	p.end(func(q *quota) {
		q.answered(p.window)
		if known {
			q.update(w, time.Now(), p.number)
		}
	})
}

// Refused records a refusal by the rate limit. No request is sent for the time after, which the
// provider stated; 0 if it stated none.
func (p Permit) Refused(after time.Duration, w Window, known bool) {
	p.end(func(q *quota) {
		now := time.Now()
		if known {
			q.update(w, now, p.number)
		}
		until := now.Add(q.refused(p.window, now, after))
		if until.After(p.queue.blockedUntil) {
			p.queue.blockedUntil = until
		}
	})
}

// Unused returns the permit of a request that is not sent.
func (p Permit) Unused() {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	p.queue.quota.returned()
	p.queue.dispatch(time.Now(), nil)
}

// Lost records that the request was not sent, or not answered.
func (p Permit) Lost() { p.end(func(*quota) {}) }

func (p Permit) end(record func(*quota)) {
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.quota.inFlight--
	record(&q.quota)
	if len(q.waiting) > 0 {
		q.dispatch(time.Now(), nil)
	}
}
