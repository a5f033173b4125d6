package postgres

// Queued returns the number of waiting calls.
func (l *Limiter) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}
