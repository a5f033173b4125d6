package ratelimit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// Adaptive is the rate limiter of one client: one for all operations, or one for each if
// the provider counts so.
type Adaptive struct {
	own          *throttle
	perOperation bool
	shared       *pacer // of all operations, unless each has one

	mu  sync.Mutex
	all map[string]*pacer
}

// New returns a limiter that keeps to the caller's own rate and to what it learns of the
// provider's limit.
func New(rate Rate, perOperation bool) *Adaptive {
	p := &Adaptive{own: newThrottle(rate), perOperation: perOperation, all: make(map[string]*pacer)}
	p.shared = p.new()
	return p
}

func (p *Adaptive) new() *pacer { return &pacer{own: p.own, limit: limit{remaining: -1}} }

// Wait lets a request of an operation through as soon as that is permitted.
func (p *Adaptive) Wait(ctx context.Context, operation string, again bool, most time.Duration, waiting func(time.Duration)) (Permit, time.Duration, error) {
	return p.of(operation).wait(ctx, again, most, waiting)
}

func (p *Adaptive) of(operation string) *pacer {
	if !p.perOperation {
		return p.shared
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[operation]
	if one == nil {
		one = p.new()
		p.all[operation] = one
	}
	return one
}

// pacer lets requests through one after the other, as the provider's limit and
// the caller's own permit. All calls of a client share it.
type pacer struct {
	own *throttle

	mu    sync.Mutex
	limit limit
	gate  time.Time // nothing is sent before
	queue []*waiter

	ownLimit bool // the caller's own limit was what held back the last request
}

// Permit is a request that was let through. It ends with exactly one of
// answered, refused and lost.
type Permit struct {
	pacer  *pacer
	window int
	number int // of the request, among all of the pacer
}

// waiter is a call that waits for its permit.
type waiter struct {
	look   chan struct{} // tells it to look again
	permit Permit        // has a pacer once it is given
}

// errTooLong: the wait would exceed what the caller allows. The caller sees an
// error that is made of the wait.
var errTooLong = errors.New("the wait is too long")

// wait lets a request through as soon as that is permitted, in the order in
// which calls came; one that was sent before goes first. When the time is known
// to be later than most, or for the provider's limit than the context's deadline, it
// returns at once, with errTooLong and how long it would be. It calls waiting once
// when it begins to wait for a known time.
func (p *pacer) wait(ctx context.Context, again bool, most time.Duration, waiting func(time.Duration)) (Permit, time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return Permit{}, 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		if ok, _ := p.take(&clock{}); ok {
			return Permit{p, p.limit.window, p.limit.number}, 0, nil
		}
	}
	w := &waiter{look: make(chan struct{}, 1)}
	if again {
		p.queue = slices.Insert(p.queue, 0, w)
	} else {
		p.queue = append(p.queue, w)
	}
	for said := false; ; {
		now := time.Now()
		pause := p.dispatch(now, w)
		if w.permit.pacer != nil {
			return w.permit, 0, nil
		}
		deadline, bounded := ctx.Deadline()
		if pause > most || bounded && pause > 0 && !p.ownLimit && now.Add(pause).After(deadline) {
			p.leave(w)
			return Permit{}, pause, errTooLong
		}
		if pause > 0 && !said {
			said = true
			waiting(pause)
		}
		first := p.queue[0] == w
		p.mu.Unlock()
		err := w.pause(ctx, pause, first)
		p.mu.Lock()
		if err != nil {
			p.leave(w)
			return Permit{}, pause, err
		}
	}
}

// pause waits until there is reason to look again. Only the first in the queue
// watches the clock.
func (w *waiter) pause(ctx context.Context, pause time.Duration, first bool) error {
	var after <-chan time.Time
	if first && pause > 0 {
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
	case <-w.look:
	}
	return nil
}

// dispatch gives permits to those who wait, in their order, and returns how long
// the next of them has to wait; 0 means until something changes. All that this
// concerns are told to look again, but for the one that asks.
func (p *pacer) dispatch(now time.Time, asks *waiter) time.Duration {
	for len(p.queue) > 0 {
		first := p.queue[0]
		ok, pause := p.take(&clock{now})
		if ok {
			first.permit = Permit{p, p.limit.window, p.limit.number}
			p.queue = p.queue[1:]
		}
		if first != asks {
			select {
			case first.look <- struct{}{}:
			default:
			}
		}
		if !ok {
			return pause
		}
	}
	return 0
}

// leave takes a call out of the queue that waits no longer. A permit that it was
// given in the meantime is given back.
func (p *pacer) leave(w *waiter) {
	if w.permit.pacer != nil {
		p.limit.returned()
	} else if i := slices.Index(p.queue, w); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
	p.dispatch(time.Now(), nil)
}

// take reports whether a request may be sent now, or else when to ask again; 0
// means when something has changed.
func (p *pacer) take(clock *clock) (bool, time.Duration) {
	p.ownLimit = false
	if !p.gate.IsZero() {
		if pause := p.gate.Sub(clock.now()); pause > 0 {
			return false, pause
		}
	}
	if ok, pause := p.limit.room(clock); !ok {
		return false, pause
	}
	if ok, pause := p.own.take(clock); !ok {
		p.ownLimit = true
		return false, pause
	}
	p.limit.sending()
	return true, 0
}

// clock is the time of one decision. It is read when it is needed first: mostly it is not.
type clock struct{ read time.Time }

func (c *clock) now() time.Time {
	if c.read.IsZero() {
		c.read = time.Now()
	}
	return c.read
}

// Answered records an answer that was no refusal.
func (pm Permit) Answered(w Window, told bool) {
	pm.end(func(l *limit) {
		l.answered(pm.window)
		if told {
			l.learn(w, time.Now(), pm.number)
		}
	})
}

// Refused records a refusal by the rate limit. Nothing is sent for as long as the
// provider asks.
func (pm Permit) Refused(after time.Duration, w Window, told bool) {
	pm.end(func(l *limit) {
		now := time.Now()
		if told {
			l.learn(w, now, pm.number)
		}
		until := now.Add(l.refused(pm.window, now, after))
		if until.After(pm.pacer.gate) {
			pm.pacer.gate = until
		}
	})
}

// Lost records that there was no answer.
func (pm Permit) Lost() { pm.end(func(*limit) {}) }

func (pm Permit) end(record func(*limit)) {
	p := pm.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit.underWay--
	record(&p.limit)
	if len(p.queue) > 0 {
		p.dispatch(time.Now(), nil)
	}
}
