package trace

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxParallel is the default number of functions that run at the same time.
const maxParallel = 8

type parallelKey struct{}

// WithParallel returns a context whose calls of [Parallel] run at most n functions at the same
// time, and at most as many as ctx permits.
func WithParallel(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, parallelKey{}, min(n, permitted(ctx)))
}

// permitted returns how many functions may run at the same time.
func permitted(ctx context.Context) int {
	if ctx != nil {
		if of, ok := ctx.Value(parallelKey{}).(int); ok {
			return of
		}
	}
	return maxParallel
}

// Parallel calls f for 0 to n-1 in this order, up to 8 calls at the same time; see
// [WithParallel]. After an error no call starts. If several calls fail, Parallel returns the
// error of the smallest number.
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
