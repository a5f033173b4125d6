package trace

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxParallel is how many reads of one inspection are in flight at a time.
const maxParallel = 8

type parallelKey struct{}

// WithParallel returns a context whose calls of [Parallel] have so many functions run at a
// time, and no more than ctx permits.
func WithParallel(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, parallelKey{}, min(n, permitted(ctx)))
}

// permitted returns how many functions may run at a time.
func permitted(ctx context.Context) int {
	if ctx != nil {
		if of, ok := ctx.Value(parallelKey{}).(int); ok {
			return of
		}
	}
	return maxParallel
}

// Parallel calls f for 0 to n-1, some at a time, in this order. After an error no call
// starts. The error is that of the smallest number that has one, so that it does not depend
// on which call ends first.
func Parallel(ctx context.Context, n int, f func(i int) error) error {
	atATime := min(permitted(ctx), n)
	if atATime <= 1 {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range atATime {
		workers.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = f(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
