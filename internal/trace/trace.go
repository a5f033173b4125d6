// Package trace tells whoever asks by the context which request was answered last.
package trace

import (
	"context"
	"errors"
	"sync/atomic"
)

// Last keeps the provider's id of the last request that was answered, and counts the
// answers and the writes.
type Last struct {
	id      atomic.Pointer[string]
	answers atomic.Int32
	writes  atomic.Int32 // the requests that may change something
	unsent  atomic.Int32 // those of them that no connection was made for
}

type key struct{}

// With returns a context whose calls are noted in last.
func With(ctx context.Context, last *Last) context.Context {
	return context.WithValue(ctx, key{}, last)
}

// Of returns where the calls of a context are noted; nil when nobody asks.
func Of(ctx context.Context) *Last {
	last, _ := ctx.Value(key{}).(*Last)
	return last
}

// Note counts an answer and keeps its id, unless that is empty.
func (l *Last) Note(id string) {
	l.answers.Add(1)
	if id != "" {
		l.id.Store(&id)
	}
}

// Write counts a request that may change something, right before it is sent.
func (l *Last) Write() { l.writes.Add(1) }

// Unsent takes the last write back: no connection was made for it.
func (l *Last) Unsent() { l.unsent.Add(1) }

// Writes returns how many requests that may change something were tried, and how many
// of them may have been sent.
func (l *Last) Writes() (tried, sent int) {
	unsent := int(l.unsent.Load()) // first: it never counts more than the writes read after it
	tried = int(l.writes.Load())
	return tried, tried - unsent
}

// Answers returns the number of answers, those to repeated requests included.
func (l *Last) Answers() int { return int(l.answers.Load()) }

// ID returns the last id; "" for none.
func (l *Last) ID() string {
	if id := l.id.Load(); id != nil {
		return *id
	}
	return ""
}

type writes struct{}

// WithWrites returns a context whose calls call a function before each request that
// may change something.
func WithWrites(ctx context.Context, before func()) context.Context {
	return context.WithValue(ctx, writes{}, before)
}

// Write calls the function of WithWrites, if there is one.
func Write(ctx context.Context) {
	if before, ok := ctx.Value(writes{}).(func()); ok {
		before()
	}
}

type pauses struct{}

// WithPauses returns a context whose calls wait for the provider within a function, which
// is given the wait.
func WithPauses(ctx context.Context, around func(wait func())) context.Context {
	return context.WithValue(ctx, pauses{}, around)
}

// Pause waits, within the function of WithPauses if there is one.
func Pause(ctx context.Context, wait func()) {
	if around, ok := ctx.Value(pauses{}).(func(func())); ok {
		around(wait)
		return
	}
	wait()
}

type stops struct{}

// ErrStopped is why a call of [WithStop] was not sent, or did not wait.
var ErrStopped = errors.New("the teardown was stopped")

// WithStop returns a context whose calls end their waits when a channel is closed, and send
// nothing then that may change something. A request in flight is not cut off.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return context.WithValue(ctx, stops{}, stop)
}

// Stop returns the channel of WithStop; nil if there is none.
func Stop(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stops{}).(<-chan struct{})
	return stop
}

// Stopped reports whether the channel of WithStop is closed.
func Stopped(ctx context.Context) bool {
	select {
	case <-Stop(ctx):
		return true
	default:
		return false
	}
}
