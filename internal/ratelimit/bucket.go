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

// throttle is the caller's own limit: a bucket of tokens that fills by the rate.
// It is not golang.org/x/time/rate because that would be one more module in the
// programs of all users.
type throttle struct {
	rate Rate

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

func newThrottle(rate Rate) *throttle {
	return &throttle{rate: rate, tokens: float64(rate.Burst)}
}

// take takes a token, or says how long it is until there is one.
func (t *throttle) take(clock *clock) (bool, time.Duration) {
	if t.rate.PerSecond == 0 {
		return true, 0
	}
	now := clock.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.filled.IsZero() {
		t.tokens = min(float64(t.rate.Burst), t.tokens+now.Sub(t.filled).Seconds()*t.rate.PerSecond)
	}
	t.filled = now
	if t.tokens < 1 {
		return false, time.Duration(math.Ceil((1 - t.tokens) / t.rate.PerSecond * float64(time.Second)))
	}
	t.tokens--
	return true, 0
}
