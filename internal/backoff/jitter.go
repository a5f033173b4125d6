package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

type jitterKey struct{}

// WithJitter returns a context in which [Jitter] calls source, so that the runs of a simulation
// are repeatable.
func WithJitter(ctx context.Context, source func(bound time.Duration) time.Duration) context.Context {
	return context.WithValue(ctx, jitterKey{}, source)
}

// Jitter returns a random duration of at least 0 and less than bound; 0 if bound is not
// positive.
func Jitter(ctx context.Context, bound time.Duration) time.Duration {
	if bound <= 0 {
		return 0
	}
	if source, ok := ctx.Value(jitterKey{}).(func(time.Duration) time.Duration); ok {
		return source(bound)
	}
	return rand.N(bound)
}
