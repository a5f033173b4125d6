// Package wait implements the two waits of this module: [Sleep] for a known time, and [Poll]
// until a condition holds. Both end with the context and at a stop by [trace.WithStop].
package wait

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// Sleep waits for d. If the context ends or a stop occurs before, Sleep returns the error of
// the context or [trace.ErrStopped] at once, even if d is not positive.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if trace.Stopped(ctx) {
		return trace.ErrStopped
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-trace.Stop(ctx):
		return trace.ErrStopped
	case <-timer.C:
		return nil
	}
}

// The intervals of Poll: short at first, because most conditions hold within seconds,
// then longer.
const (
	firstInterval = time.Second
	maxInterval   = 15 * time.Second
)

// Poll calls check until check returns true. The interval between two calls grows from 1 s to
// 15 s, and is up to a quarter shorter by jitter, so that many callers do not poll at the same
// time.
//
// The error is that of [Sleep]. Poll calls check at least once, even after a stop.
func Poll(ctx context.Context, check func() (done bool)) error {
	for interval := firstInterval; ; interval = min(interval*3/2, maxInterval) {
		if check() {
			return nil
		}
		var err error
		trace.Pause(ctx, func() { err = Sleep(ctx, interval-backoff.Jitter(ctx, interval/4)) })
		if err != nil {
			return err
		}
	}
}
