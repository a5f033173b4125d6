package teardown

import (
	"context"
	"sync"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

type progressKey struct{}

// withProgress returns the context of an act whose driver may block, and takes what it
// waits for.
func withProgress(ctx context.Context, progress func(text string)) context.Context {
	return context.WithValue(ctx, progressKey{}, progress)
}

// interruptible ends the context of an act on a gentle stop, but only while it waits: a
// request that changes something is never cut off.
type interruptible struct {
	cancel   context.CancelCauseFunc
	done     chan struct{}
	progress func(text string)

	mu      sync.Mutex
	stopped bool
	waits   bool
}

// withInterruption returns the context of an act that may wait, which is to be ended by end.
func withInterruption(ctx context.Context) (context.Context, *interruptible) {
	progress, _ := ctx.Value(progressKey{}).(func(string))
	ctx, cancel := context.WithCancelCause(ctx)
	w := &interruptible{cancel: cancel, done: make(chan struct{}), progress: progress}
	if stop := trace.Stop(ctx); stop != nil {
		go func() {
			select {
			case <-stop:
				w.stop()
			case <-w.done:
			}
		}()
	}
	return trace.WithWrites(ctx, w.pause), w
}

func (w *interruptible) end() {
	close(w.done)
	w.cancel(nil)
}

func (w *interruptible) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped = true; w.waits {
		w.cancel(errStopped)
	}
}

// start is called while the act waits, with what it waits for.
func (w *interruptible) begin(text string) {
	if w.progress != nil {
		w.progress(text)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waits = true; w.stopped {
		w.cancel(errStopped)
	}
}

// pause is called when the act goes on, before a request that changes something.
func (w *interruptible) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = false
}
