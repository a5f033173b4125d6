package postgres

import "time"

// WithTimeout returns the journal with another limit of an append.
func (j *Journal) WithTimeout(d time.Duration) *Journal { return &Journal{j.db, d} }

// Queued returns the number of waiting calls.
func (l *Limiter) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}
