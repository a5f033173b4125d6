package ratelimit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

// queue gives permits in the order of the requests, within the provider's limit and the caller's.
type queue struct {
	own *bucket // the caller's limit

	mu           sync.Mutex
	quota        quota
	blockedUntil time.Time // no request is sent before
	waiting      []*waiter

	ownLimit bool // the caller's limit delayed the last request
}

func newQueue(own *bucket) *queue { return &queue{own: own, quota: quota{remaining: -1}} }

// waiter is a request that waits for its permit.
type waiter struct {
	wake   chan struct{} // makes the request check the limits again
	permit Permit        // its queue is nil until it is given
}

// wait returns a permit; see [Adaptive.Wait].
func (q *queue) wait(ctx context.Context, r Request) (Permit, error) {
	if err := ctx.Err(); err != nil {
		return Permit{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		if ok, _ := q.canSend(&clock{}); ok {
			return q.permit(), nil
		}
	}
	w := &waiter{wake: make(chan struct{}, 1)}
	if r.Resent || !r.SendBy.IsZero() {
		q.waiting = slices.Insert(q.waiting, 0, w)
	} else {
		q.waiting = append(q.waiting, w)
	}
	for reported := false; ; {
		now := time.Now()
		pause := q.dispatch(now, w)
		if w.permit.queue != nil {
			return w.permit, nil
		}
		deadline, bounded := ctx.Deadline()
		if pause > r.MaxWait || r.late(now.Add(pause), q.ownLimit) || bounded && pause > 0 && !q.ownLimit && now.Add(pause).After(deadline) {
			q.leave(w)
			return Permit{}, &TooLongError{pause}
		}
		if pause > 0 && !reported {
			reported = true
			q.report(r, pause)
			continue
		}
		if pause == 0 || q.waiting[0] != w {
			pause = r.left(now)
		}
		q.mu.Unlock()
		err := w.pause(ctx, pause)
		q.mu.Lock()
		if err != nil {
			q.leave(w)
			return Permit{}, err
		}
	}
}

// report calls OnWait of a request. The mutex is not locked meanwhile, because OnWait calls the
// caller's logger, which may be slow, and may send requests.
func (q *queue) report(r Request, pause time.Duration) {
	q.mu.Unlock()
	defer q.mu.Lock()
	r.OnWait(pause)
}

// late reports whether the request must not be sent at a time. ownLimit is true if only the
// caller's own limit delays it: a slow limit would otherwise never permit a request with SendBy.
func (r Request) late(at time.Time, ownLimit bool) bool {
	return !r.Until.IsZero() && at.After(r.Until) || !r.SendBy.IsZero() && !ownLimit && at.After(r.SendBy)
}

// left returns the time until the request is late; 0 if it never is. A SendBy that has passed does
// not count: only the caller's own limit delays the request.
func (r Request) left(now time.Time) time.Duration {
	end := r.Until
	if r.SendBy.After(now) && (end.IsZero() || r.SendBy.Before(end)) {
		end = r.SendBy
	}
	if end.IsZero() {
		return 0
	}
	return max(end.Sub(now)+1, 1)
}

// pause waits until the request must check the limits again: when it is woken, or after the
// pause; 0 means only when it is woken. The pause of the first request in the queue is that of
// the limit. That of the others ends when they are late.
func (w *waiter) pause(ctx context.Context, pause time.Duration) error {
	var after <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-trace.Stop(ctx):
		return trace.ErrStopped
	case <-after:
	case <-w.wake:
	}
	return nil
}

// dispatch gives permits to the waiters in their order, and returns the wait of the next waiter;
// 0 means until an answer. It wakes all waiters with a permit and the next waiter, except the
// caller.
func (q *queue) dispatch(now time.Time, caller *waiter) time.Duration {
	for len(q.waiting) > 0 {
		first := q.waiting[0]
		ok, pause := q.canSend(&clock{now})
		if ok {
			first.permit = q.permit()
			q.waiting = q.waiting[1:]
		}
		if first != caller {
			select {
			case first.wake <- struct{}{}:
			default:
			}
		}
		if !ok {
			return pause
		}
	}
	return 0
}

// leave removes a waiter from the queue, and returns the permit that it got in the meantime.
func (q *queue) leave(w *waiter) {
	if w.permit.queue != nil {
		q.quota.returned()
	} else if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.dispatch(time.Now(), nil)
}

// canSend counts a request and reports true if the request can be sent now. Otherwise it returns
// the time until the next check; 0 means after the next answer.
func (q *queue) canSend(clock *clock) (bool, time.Duration) {
	q.ownLimit = false
	if !q.blockedUntil.IsZero() {
		if pause := q.blockedUntil.Sub(clock.now()); pause > 0 {
			return false, pause
		}
	}
	if ok, pause := q.quota.canSend(clock); !ok {
		return false, pause
	}
	if ok, pause := q.own.take(clock); !ok {
		q.ownLimit = true
		return false, pause
	}
	q.quota.sending()
	return true, 0
}

// permit returns the permit of the request that canSend counted last.
func (q *queue) permit() Permit { return Permit{q, q.quota.window, q.quota.number} }

// clock is the time of one decision. It is read on first use, because most decisions do not need
// it.
type clock struct{ read time.Time }

func (c *clock) now() time.Time {
	if c.read.IsZero() {
		c.read = time.Now()
	}
	return c.read
}
