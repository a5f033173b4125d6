// Package trace carries data between a teardown and the requests of its driver in the context:
// the provider's ID of the last answered request, the number of writes, and the gentle stop.
package trace

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Last records the provider's ID of the last answered request, and counts the requests, the
// answers and the writes. It is safe for concurrent use.
type Last struct {
	outer    *Last // of the context of With, which counts, too
	id       atomic.Pointer[string]
	requests atomic.Int32
	answers  atomic.Int32
	writes   atomic.Int32 // number of requests that may change something
	unsent   atomic.Int32 // number of these requests for which no connection was made
}

type key struct{}

// With returns a context whose calls are recorded in last, and in that of ctx.
func With(ctx context.Context, last *Last) context.Context {
	last.outer = Of(ctx)
	return context.WithValue(ctx, key{}, last)
}

// Of returns the value of [With]; nil if the context has none.
func Of(ctx context.Context) *Last {
	last, _ := ctx.Value(key{}).(*Last)
	return last
}

// Note counts an answer and records its ID, unless it is empty.
func (l *Last) Note(id string) {
	for ; l != nil; l = l.outer {
		l.answers.Add(1)
		if id != "" {
			l.id.Store(&id)
		}
	}
}

// Request counts a request, right before it is sent. write is true if it may change something.
func (l *Last) Request(write bool) {
	for ; l != nil; l = l.outer {
		if write {
			l.writes.Add(1)
		}
		l.requests.Add(1)
	}
}

// Requests returns the number of requests. It is 0 for a driver whose requests are not recorded.
func (l *Last) Requests() int { return int(l.requests.Load()) }

// Unsent marks the last write as not sent, because no connection was made for it or the server
// does not have its route.
func (l *Last) Unsent() {
	for ; l != nil; l = l.outer {
		l.unsent.Add(1)
	}
}

// Sent returns the number of requests that may change something and may have been sent.
func (l *Last) Sent() int {
	unsent := int(l.unsent.Load()) // first: it never counts more than the writes read after it
	return int(l.writes.Load()) - unsent
}

// Answers returns the number of answers, including those to repeated requests.
func (l *Last) Answers() int { return int(l.answers.Load()) }

// ID returns the last ID; "" for none.
func (l *Last) ID() string {
	if id := l.id.Load(); id != nil {
		return *id
	}
	return ""
}

type writes struct{}

// WithWrites returns a context whose calls call before right before each request that may change
// something, and do not send the request after an error. If ctx has such a function, it is called
// first.
func WithWrites(ctx context.Context, before func() error) context.Context {
	return context.WithValue(ctx, writes{}, func() error {
		if err := Write(ctx); err != nil {
			return err
		}
		return before()
	})
}

// Write calls the function of [WithWrites], if the context has one.
func Write(ctx context.Context) error {
	if before, ok := ctx.Value(writes{}).(func() error); ok {
		return before()
	}
	return nil
}

type pauses struct{}

// WithPauses returns a context whose calls pass each wait for the provider to around, which
// calls it.
func WithPauses(ctx context.Context, around func(wait func())) context.Context {
	return context.WithValue(ctx, pauses{}, around)
}

// Pause passes wait to the function of [WithPauses], or calls it if the context has none.
func Pause(ctx context.Context, wait func()) {
	if around, ok := ctx.Value(pauses{}).(func(func())); ok {
		around(wait)
		return
	}
	wait()
}

type stops struct{}

// ErrStopped is the reason why a call was not sent, or did not wait, after a stop.
var ErrStopped = errors.New("the teardown was stopped")

// WithStop returns a context whose calls end their waits when the channel is closed, and send no
// request that may change something after that. Requests in flight finish.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return context.WithValue(ctx, stops{}, stop)
}

// Stop returns the channel of [WithStop]; nil if the context has none.
func Stop(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stops{}).(<-chan struct{})
	return stop
}

// Stopped reports whether the channel of [WithStop] is closed.
func Stopped(ctx context.Context) bool {
	select {
	case <-Stop(ctx):
		return true
	default:
		return false
	}
}

type readsToo struct{}

// WithReadsStopped returns a context whose calls send no request at all after a stop. Without
// it, a read is still sent, because it may decide the outcome of a write.
func WithReadsStopped(ctx context.Context) context.Context {
	return context.WithValue(ctx, readsToo{}, true)
}

// ReadsStopped reports whether a read is not sent any more.
func ReadsStopped(ctx context.Context) bool { return ctx.Value(readsToo{}) != nil && Stopped(ctx) }

type freshness struct{}

// Freshness states how long reads permit a write. One call at a time uses it.
type Freshness struct {
	until time.Time
	renew func(context.Context) (time.Time, error)
}

// WithFreshness returns a context whose writes are not sent after until, unless renew has read
// again what permits them, and returned a new time. A write that waits for a rate limit or after
// a refusal calls it. If ctx has such a function, both must permit the write.
func WithFreshness(ctx context.Context, until time.Time, renew func(context.Context) (time.Time, error)) context.Context {
	if outer := FreshnessOf(ctx); outer != nil {
		inner := renew
		until = earlier(until, outer.until)
		renew = func(ctx context.Context) (time.Time, error) {
			first, err := outer.renew(ctx)
			if err != nil {
				return first, err
			}
			second, err := inner(ctx)
			return earlier(first, second), err
		}
	}
	return context.WithValue(ctx, freshness{}, &Freshness{until, renew})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// FreshnessOf returns the value of [WithFreshness]; nil if ctx has none.
func FreshnessOf(ctx context.Context) *Freshness {
	f, _ := ctx.Value(freshness{}).(*Freshness)
	return f
}

// Until returns the time after which a write must not be sent.
func (f *Freshness) Until() time.Time { return f.until }

// Renew reads again what permits the write. After an error the write needs another call of Renew.
func (f *Freshness) Renew(ctx context.Context) error {
	until, err := f.renew(ctx)
	if err == nil {
		f.until = until
	}
	return err
}

type waitingSince struct{}

// WithWaitingSince returns the context of reads that are made again for a write, which has waited
// for the caller's limiter since a time.
func WithWaitingSince(ctx context.Context, since time.Time) context.Context {
	return context.WithValue(ctx, waitingSince{}, since)
}

// WaitingSince returns the time of [WithWaitingSince]; zero if the context has none.
func WaitingSince(ctx context.Context) time.Time {
	since, _ := ctx.Value(waitingSince{}).(time.Time)
	return since
}
