// Package backoff computes the wait before another attempt.
package backoff

import "time"

// Exponential is a wait that doubles with each attempt.
type Exponential struct {
	First time.Duration // after the first attempt
	Max   time.Duration // the longest wait
}

// Bound returns the wait after an attempt: First after attempt 1, doubled after each further
// attempt, and at most Max; 0 if attempt is less than 1. Callers that run in many processes
// wait for a random time below it (full jitter).
func (e Exponential) Bound(attempt int) time.Duration {
	if attempt < 1 {
		return 0
	}
	bound := e.First
	for range attempt - 1 {
		if bound > e.Max/2 { // 2*bound would exceed Max, or overflow
			return e.Max
		}
		bound *= 2
	}
	return min(bound, e.Max)
}
