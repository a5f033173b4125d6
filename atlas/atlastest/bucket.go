package atlastest

import (
	"net/http"
	"strconv"
	"time"
)

// LimitRate gives an operation, such as "DeleteOrganization", a bucket of tokens:
// it is full at first, and every period it is refilled by some. Without it the
// operation has no limit, and no headers say so.
func (s *Server) LimitRate(operation string, capacity, refill int, period time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[operation] = &bucket{
		capacity: capacity, refill: refill, period: period, tokens: capacity, filled: time.Now(),
	}
}

// bucket holds the requests that an operation may have.
type bucket struct {
	capacity, refill int
	period           time.Duration
	tokens           int
	filled           time.Time // for the last time
}

// admits takes a token and writes the headers, or answers that there is none.
func (b *bucket) admits(w http.ResponseWriter, r *http.Request) bool {
	if b == nil {
		return true
	}
	now := time.Now()
	periods := now.Sub(b.filled) / b.period
	b.filled = b.filled.Add(periods * b.period)
	b.tokens = min(b.capacity, b.tokens+int(periods)*b.refill)
	ok := b.tokens > 0
	if ok {
		b.tokens--
	}
	w.Header().Set("RateLimit-Limit", strconv.Itoa(b.capacity))
	w.Header().Set("RateLimit-Remaining", strconv.Itoa(b.tokens))
	if !ok {
		wait := int((b.filled.Add(b.period).Sub(now) + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		failure(w, http.StatusTooManyRequests, "RATE_LIMITED_TOKEN_BUCKET",
			r.URL.Path, wait, b.capacity, b.refill, int(b.period/time.Second))
	}
	return ok
}
