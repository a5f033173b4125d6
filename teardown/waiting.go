package teardown

import (
	"context"
	"sync"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

// waiting ends the context of a step on a gentle stop, but only while the step waits: a
// request that changes something is never cut off.
type waiting struct {
	cancel context.CancelCauseFunc
	done   chan struct{}

	mu      sync.Mutex
	stopped bool
	waits   bool
}

// withWaiting returns the context of a step, which is to be ended by end.
func withWaiting(ctx context.Context, stop <-chan struct{}) (context.Context, *waiting) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &waiting{cancel: cancel, done: make(chan struct{})}
	if stop != nil {
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

func (w *waiting) end() {
	close(w.done)
	w.cancel(nil)
}

func (w *waiting) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped = true; w.waits {
		w.cancel(errStopped)
	}
}

// begin is called while the step waits.
func (w *waiting) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waits = true; w.stopped {
		w.cancel(errStopped)
	}
}

// pause is called when the step goes on, before a request that changes something.
func (w *waiting) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = false
}
