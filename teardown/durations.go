package teardown

import (
	"sync"
	"time"
)

// Durations are how long the waits of each [Wait.Class] took. A driver with a method
// Durations, which returns those of its client, has the teardowns of all organizations
// learn from each other; otherwise each teardown learns by itself. The zero value has
// learned nothing. It may be used by many goroutines.
type Durations struct {
	mu sync.Mutex
	by map[string]duration
}

// duration is what is known of a class: a poll after done has shown the end, and one
// after notYet has not. A poll that comes late, such as one that waited for the rate
// limit, shows everything late: while there is much time between the two, polls come a
// bit earlier each time.
type duration struct{ done, notYet time.Duration }

// expected returns after how long a poll of a class is worth its request; 0 if nothing
// was learned.
func (d *Durations) expected(class string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.by[class]
	if known.notYet < known.done*3/4 {
		return known.done * 4 / 5
	}
	return known.done
}

// learn takes the result of a poll so long after an act.
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
