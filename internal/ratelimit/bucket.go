package ratelimit

import (
	"math"
	"sync"
	"time"
)

// Rate is a limit that the caller sets. The zero Rate sets none.
type Rate struct {
	PerSecond float64
	Burst     int
}

// bucket is the caller's own limit: a bucket of tokens that fills by the rate.
// It is not golang.org/x/time/rate because that would be one more module in the
// programs of all users.
type bucket struct {
	rate Rate

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

func newBucket(rate Rate) *bucket {
	return &bucket{rate: rate, tokens: float64(rate.Burst)}
}

// take takes a token, or returns the time until there is one.
func (b *bucket) take(clock *clock) (bool, time.Duration) {
	if b.rate.PerSecond == 0 {
		return true, 0
	}
	now := clock.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.filled.IsZero() {
		b.tokens = min(float64(b.rate.Burst), b.tokens+now.Sub(b.filled).Seconds()*b.rate.PerSecond)
	}
	b.filled = now
	if b.tokens < 1 {
		return false, time.Duration(math.Ceil((1 - b.tokens) / b.rate.PerSecond * float64(time.Second)))
	}
	b.tokens--
	return true, 0
}
