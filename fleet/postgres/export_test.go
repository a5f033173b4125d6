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

// SetMaxSleep sets the longest time without a read of the row of the key.
func (l *Limiter) SetMaxSleep(d time.Duration) { l.maxSleep = d }
