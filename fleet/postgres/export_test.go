package postgres

import (
	"testing"
	"time"
)

// SetAppendTimeout sets the limit of an append during a test.
func SetAppendTimeout(t testing.TB, d time.Duration) {
	former := appendTimeout
	appendTimeout = d
	t.Cleanup(func() { appendTimeout = former })
}

// Queued returns the number of waiting calls.
func (l *Limiter) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}
