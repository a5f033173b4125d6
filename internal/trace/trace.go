// Package trace carries data between a teardown and the requests of its driver in the context:
// the provider's ID of the last answered request, the number of writes, and the gentle stop.
package trace

import (
	"context"
	"errors"
	"sync/atomic"
)

// Last records the provider's ID of the last answered request, and counts the answers and the
// writes. It is safe for concurrent use.
type Last struct {
	id      atomic.Pointer[string]
	answers atomic.Int32
	writes  atomic.Int32 // number of requests that may change something
	unsent  atomic.Int32 // number of these requests for which no connection was made
}

type key struct{}

// With returns a context whose calls are recorded in last.
func With(ctx context.Context, last *Last) context.Context {
	return context.WithValue(ctx, key{}, last)
}

// Of returns the value of [With]; nil if the context has none.
func Of(ctx context.Context) *Last {
	last, _ := ctx.Value(key{}).(*Last)
	return last
}

// Note counts an answer and records its ID, unless it is empty.
func (l *Last) Note(id string) {
	l.answers.Add(1)
	if id != "" {
		l.id.Store(&id)
	}
}

// Write counts a request that may change something, right before it is sent.
func (l *Last) Write() { l.writes.Add(1) }

// Unsent marks the last write as not sent, because no connection was made for it.
func (l *Last) Unsent() { l.unsent.Add(1) }

// Writes returns the number of requests that may change something, and how many of them may
// have been sent.
func (l *Last) Writes() (tried, sent int) {
	unsent := int(l.unsent.Load()) // first: it never counts more than the writes read after it
	tried = int(l.writes.Load())
	return tried, tried - unsent
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

// WithWrites returns a context whose calls call before in front of each request that may
// change something.
func WithWrites(ctx context.Context, before func()) context.Context {
	return context.WithValue(ctx, writes{}, before)
}

// Write calls the function of [WithWrites], if the context has one.
func Write(ctx context.Context) {
	if before, ok := ctx.Value(writes{}).(func()); ok {
		before()
	}
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
