// Package backoff computes how long to wait before another attempt.
package backoff

import "time"

// Exponential is a wait that doubles with every attempt.
type Exponential struct {
	First time.Duration // after the first attempt
	Max   time.Duration // the longest wait
}

// Bound returns the wait after an attempt: First after attempt 1, doubled after each
// further attempt, and at most Max. Callers that many others run next to take a random
// wait below it (full jitter). Without an attempt there is no wait.
func (e Exponential) Bound(attempt int) time.Duration {
	if attempt < 1 {
		return 0
	}
	bound := e.First
	for range attempt - 1 {
		if bound > e.Max/2 { // before it overflows
			return e.Max
		}
		bound *= 2
	}
	return min(bound, e.Max)
}
