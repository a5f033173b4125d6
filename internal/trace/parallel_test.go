package trace_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/internal/trace"
)

func TestParallel(t *testing.T) {
	t.Parallel()
	for atATime, want := range map[int]int{0: 8, 1: 1, 3: 3, 100: 8} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if atATime > 0 {
				ctx = trace.WithParallel(ctx, atATime)
			}
			var mu sync.Mutex
			var started []int
			now, most := 0, 0
			err := trace.Parallel(ctx, 20, func(i int) error {
				mu.Lock()
				started = append(started, i)
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			})
			slices.Sort(started)
			if err != nil || most != want || len(slices.Compact(started)) != 20 {
				t.Errorf("%d: got %v, %d at a time, %v", atATime, err, most, started)
			}
		})
	}
}

// Parallel returns the error of the smallest number, and starts no call after an error.
func TestParallel_Error(t *testing.T) {
	t.Parallel()
	first, second := errors.New("first"), errors.New("second")
	for _, atATime := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			calls := 0
			err := trace.Parallel(trace.WithParallel(t.Context(), atATime), 100, func(i int) error {
				mu.Lock()
				calls++
				mu.Unlock()
				switch i {
				case 2:
					time.Sleep(time.Second)
					return first
				case 4:
					return second
				}
				time.Sleep(2 * time.Second)
				return nil
			})
			if err != first || calls > 8 {
				t.Errorf("%d at a time: got %v after %d calls", atATime, err, calls)
			}
		})
	}
	var none context.Context
	if err := trace.Parallel(none, 2, func(int) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := trace.Parallel(context.Background(), 0, nil); err != nil {
		t.Error(err)
	}
}

func TestWithParallel_OuterLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := trace.WithParallel(trace.WithParallel(t.Context(), 1), 8)
		start := time.Now()
		if err := trace.Parallel(ctx, 4, func(int) error { time.Sleep(time.Second); return nil }); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %v, want one after the other", took)
		}
	})
}
