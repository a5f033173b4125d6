package teardown

import (
	"sync"
	"time"
)

// DurationsDriver is a [Driver] that shares learned durations between teardowns. Durations
// returns those of its client, so that the teardowns of all organizations learn from each
// other. If a driver lacks the method, or the method returns nil, each teardown learns by
// itself.
type DurationsDriver interface {
	Driver

	// Durations returns the durations of the client. All calls return the same value.
	Durations() *Durations
}

// Durations records how long the waits of each [Wait.Class] took. The zero value is ready for
// use and has learned nothing. Durations is safe for concurrent use. See [DurationsDriver].
type Durations struct {
	mu sync.Mutex
	by map[string]duration
}

// duration is the knowledge about a class: a poll after done has shown the end, and a poll
// after notYet has not. A late poll, such as one that waited for the rate limiter, shows the
// end late: while done and notYet differ much, each poll comes a bit earlier than the one
// before.
type duration struct{ done, notYet time.Duration }

// expected returns after how long a poll of a class probably shows the end; 0 if nothing was
// learned.
func (d *Durations) expected(class string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.by[class]
	if known.notYet < known.done*3/4 {
		return known.done * 4 / 5
	}
	return known.done
}

// learn records the result of a poll that was made took after an act.
func (d *Durations) learn(class string, took time.Duration, done bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by == nil {
		d.by = map[string]duration{}
	}
	known := d.by[class]
	switch {
	case !done:
		if known.notYet = max(known.notYet, took); known.done > 0 {
			known.notYet = min(known.notYet, known.done)
		}
	case known.done == 0, took < known.done:
		known.done = took
		known.notYet = min(known.notYet, took)
	default:
		known.done += (took - known.done) / 8
	}
	d.by[class] = known
}
