package fleet

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// lease is the right of a worker to act for an activity. It sends heartbeats by a ticker. If the
// process was suspended for longer than the server waits for a heartbeat, another worker may act,
// and the lease is lost.
type lease struct {
	timeout time.Duration
	cancel  context.CancelCauseFunc
	done    chan struct{}

	mu   sync.Mutex
	last time.Time // of the last tick
	lost bool
}

// errSuspended is the reason for the end of an activity.
var errSuspended = errors.New("the worker was suspended for longer than the heartbeat timeout")

// newLease starts the heartbeats of an activity. The returned context ends with the lease. The
// caller calls end.
func newLease(ctx context.Context, timeout time.Duration) (context.Context, *lease) {
	return startLease(ctx, timeout, func(ctx context.Context) { activity.RecordHeartbeat(ctx) })
}

// startLease starts a lease whose heartbeats are calls of record.
func startLease(ctx context.Context, timeout time.Duration, record func(context.Context)) (context.Context, *lease) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &lease{timeout: timeout, cancel: cancel, done: make(chan struct{}), last: time.Now()}
	record(ctx)
	go func() {
		ticker := time.NewTicker(timeout / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if l.valid(time.Now()) {
					record(ctx)
				}
			case <-l.done:
				return
			}
		}
	}()
	return ctx, l
}

// end ends the heartbeats.
func (l *lease) end() {
	close(l.done)
	l.cancel(nil)
}

// valid reports whether no time between two calls was longer than the timeout.
func (l *lease) valid(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.last) >= l.timeout {
		l.lost = true
		l.cancel(errSuspended)
	}
	l.last = now
	return !l.lost
}

// leasedJournal refuses entries after the lease is lost. The engine writes an entry before each
// start, and starts nothing after an error.
type leasedJournal struct {
	teardown.JournalWriter
	lease *lease
}

// Append appends an entry if the lease is valid.
func (j leasedJournal) Append(ctx context.Context, e teardown.Entry) error {
	if !j.lease.valid(time.Now()) {
		return errSuspended
	}
	return j.JournalWriter.Append(ctx, e)
}
