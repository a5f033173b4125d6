package ratelimit

import (
	"math"
	"sync"
	"time"
)

// Rate is the caller's rate limit. The zero Rate is no limit.
type Rate struct {
	PerSecond float64 // PerSecond is the number of requests per second.
	Burst     int     // Burst is the number of requests that may be sent at once.
}

// bucket is the caller's rate limit: a bucket of tokens that the rate fills. It replaces
// golang.org/x/time/rate, which would add a module to the programs of all users.
type bucket struct {
	rate Rate

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

func newBucket(rate Rate) *bucket {
	return &bucket{rate: rate, tokens: float64(rate.Burst)}
}

// take takes a token and reports true, or returns the time until the next token.
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
