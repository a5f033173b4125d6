package teardown

import (
	"context"
	"sync"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

type progressKey struct{}

// withProgress returns the context of an act of a driver that may block. progress takes a
// text when the act starts to wait.
func withProgress(ctx context.Context, progress func(text string)) context.Context {
	return context.WithValue(ctx, progressKey{}, progress)
}

// interruptible cancels the context of an act on a gentle stop, but only while the act waits:
// a request that changes something is never canceled.
type interruptible struct {
	cancel   context.CancelCauseFunc
	done     chan struct{}
	progress func(text string)

	mu      sync.Mutex
	stopped bool
	waits   bool
}

// withInterruption returns the context of an act that may wait. The caller calls end after the
// act.
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
	return trace.WithWrites(ctx, w.stopWaiting), w
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

// startWaiting is called with a text when the act starts to wait.
func (w *interruptible) startWaiting(text string) {
	if w.progress != nil {
		w.progress(text)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waits = true; w.stopped {
		w.cancel(errStopped)
	}
}

// stopWaiting is called when the act continues, before a request that changes something.
func (w *interruptible) stopWaiting() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = false
	return nil
}
