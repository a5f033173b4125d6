package trace

import (
	"context"
	"sync"
)

// RequestKey is the key of the request that a context belongs to. Package observe defines the
// value. It is here, so that a pipeline can return the value without an allocation before a
// function asks for it.
type RequestKey struct{}

// Attempts counts the attempts of the writes of a step, or of the deletion of an organization,
// over all calls. The zero value is ready for use. It is safe for concurrent use.
type Attempts struct {
	mu sync.Mutex
	by map[string]int // by the operation and its target
}

type attemptsKey struct{}

// WithAttempts returns a context whose writes are counted in attempts.
func WithAttempts(ctx context.Context, attempts *Attempts) context.Context {
	return context.WithValue(ctx, attemptsKey{}, attempts)
}

// Attempt returns the number of the next attempt of a write by the value of [WithAttempts], and
// counts it. It returns number if the context has no such value.
func Attempt(ctx context.Context, operation, target string, number int) int {
	a, _ := ctx.Value(attemptsKey{}).(*Attempts)
	if a == nil {
		return number
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[string]int{}
	}
	key := operation + "\n" + target
	a.by[key]++
	return a.by[key]
}
