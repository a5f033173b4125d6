package ratelimit

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Window is what the headers of an answer state about the window of time in which the
// provider counts requests. Times are the provider's own.
type Window struct {
	Permitted int       // requests in one window
	Remaining int       // requests left in this one
	Start     time.Time // when this window began; zero if the provider does not state it
	Length    time.Duration
	Date      time.Time // the provider's clock at the answer
}

// ReadWindow reads a window from the headers of an answer, and reports whether they state
// one.
type ReadWindow func(http.Header) (Window, bool)

// MaxRest is the longest time for which one answer holds back all requests of a client. A
// provider that asks for more is asked again after it.
const MaxRest = 15 * time.Minute

// Adaptive is the rate limiter of one client. It is safe for concurrent use.
type Adaptive struct {
	own          *bucket
	perOperation bool
	shared       *queue // of all operations, unless each has one

	mu  sync.Mutex
	all map[string]*queue // by operation
}

// New returns a limiter that keeps to the caller's own rate and to the provider's limit,
// which it learns. perOperation is true if the provider limits each operation by itself.
func New(rate Rate, perOperation bool) *Adaptive {
	a := &Adaptive{own: newBucket(rate), perOperation: perOperation, all: make(map[string]*queue)}
	a.shared = newQueue(a.own)
	return a
}

// Request is a request that waits for its permit.
type Request struct {
	Resent  bool          // it was sent before, and goes first
	MaxWait time.Duration // the longest wait

	// OnWait is called once, with the time, when the request begins to wait for a known time.
	OnWait func(time.Duration)
}

// TooLongError is the error of a request that would wait longer than its MaxWait, or for
// the provider's limit longer than its context lasts.
type TooLongError struct{ Wait time.Duration }

func (*TooLongError) Error() string { return "the wait for the rate limit is too long" }

// Wait returns a permit as soon as a request of the operation can be sent. The error is a
// [*TooLongError] as soon as the wait is known to be too long; otherwise it is that of the
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

// Permit is a request that can be sent. It ends with exactly one of Answered, Refused and
// Lost.
type Permit struct {
	queue  *queue
	window int
	number int // of the request, among all of the queue
}

// Answered records an answer that was no refusal by the rate limit. known is false if its
// headers state no window.
func (p Permit) Answered(w Window, known bool) {
	p.end(func(q *quota) {
		q.answered(p.window)
		if known {
			q.update(w, time.Now(), p.number)
		}
	})
}

// Refused records a refusal by the rate limit. Nothing is sent for as long as the provider
// asks; after is 0 if it named no time.
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

// Lost records that there was no answer.
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
