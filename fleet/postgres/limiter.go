package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
)

// MaxPause is the longest pause after one refusal, even if the provider states a longer time: a
// wrong header of one answer must not stop a fleet.
const MaxPause = 15 * time.Minute

// LimiterConfig is the budget of requests that all limiters of a key share.
type LimiterConfig struct {
	// Key is the caller's name of a credential, such as "atlas/acme". It is stored, logged and
	// part of errors: it must not be the credential.
	Key string

	// PerSecond is the number of requests per second: 1000.0/60 for 1,000 requests per minute. It
	// must be from 1 per day to 10,000.
	PerSecond float64

	// Burst is the number of requests that may be sent at once after a time without requests. It
	// must be positive, and at least the requests of 20 ms: no network delivers requests at
	// shorter intervals in order. In a time of t seconds, the limiter grants at most
	// Burst + PerSecond × t requests.
	Burst int

	// Logger gets a warning if the configuration of the key changes, and if the database cannot
	// store a refusal. The default is [slog.Default].
	Logger *slog.Logger
}

// Limiter grants requests from the budget of a key. All limiters of the key, in all processes, share
// the budget. It is safe for concurrent use.
//
// A Limiter implements the interface Limiter of package offboard and of all providers, for their
// option WithLimiter.
type Limiter struct {
	db       *DB
	config   LimiterConfig
	log      *slog.Logger
	maxSleep time.Duration

	mu      sync.Mutex
	waiting []*waiter // in the order in which they are served
	running bool      // dispatch is running
	wake    chan struct{}
	refused bool     // the database had a refusal since the last success
	unsaved *refusal // of an Update that the database did not store

	dispatching sync.WaitGroup
}

// waiter is one call of Wait.
type waiter struct {
	first   bool      // a write, or a read that is made again for a write
	since   time.Time // the time of the call, or of the first call for the write
	granted chan error
}

// newWaiter returns the waiter of a call. The context has the request.
func newWaiter(ctx context.Context) *waiter {
	request, _ := observe.FromContext(ctx)
	w := &waiter{request.Call.Write || !request.Since.IsZero(), request.Since, make(chan error, 1)}
	if w.since.IsZero() {
		w.since = time.Now()
	}
	return w
}

// isBefore reports whether w is served before v.
func (w *waiter) isBefore(v *waiter) bool {
	if w.first != v.first {
		return w.first
	}
	return w.since.Before(v.since)
}

// Limiter returns a limiter and stores its configuration. If limiters of one key have different
// configurations, the last call sets the budget for all of them, so that a new configuration
// can be deployed while workers run. If it changes the rate, the next request waits for at most one
// interval of the new rate, and calls that wait already learn of it within 30 seconds. Requests that
// limiters have reserved at the former rate may be sent in addition.
//
// The error is an [*errors.Error]: [errors.InvalidArgument] for an invalid configuration,
// [errors.Unavailable] if the database cannot be reached, and [errors.Internal] if it refuses a
// statement; or the error of the context.
func (d *DB) Limiter(ctx context.Context, config LimiterConfig) (*Limiter, error) {
	if err := config.validate(); err != nil {
		return nil, invalid("Limiter", config.Key, err)
	}
	l := &Limiter{db: d, config: config, log: config.Logger, wake: make(chan struct{}, 1), maxSleep: maxSleep}
	if l.log == nil {
		l.log = slog.Default()
	}
	if err := l.configure(ctx); err != nil {
		return nil, failed(ctx, "Limiter", config.Key, err)
	}
	return l, nil
}

// Limits of statements of a [Limiter], which have no context of the caller.
const (
	statementTimeout = 5 * time.Second
	updateTimeout    = 2 * time.Second // of Update, which delays the caller's next request
)

// minSpan is the shortest time whose requests a burst must cover.
const minSpan = 20 * time.Millisecond

func (c LimiterConfig) validate() error {
	switch {
	case c.Key == "":
		return errors.New("the key must not be empty")
	case len(c.Key) > 1024:
		return errors.New("the key must have at most 1024 bytes")
	case !(c.PerSecond >= 1.0/86400 && c.PerSecond <= 10_000): // also NaN
		return fmt.Errorf("the rate must be from 1 per day to 10,000 per second, not %v per second", c.PerSecond)
	case c.Burst < 1 || float64(c.Burst) < c.PerSecond*minSpan.Seconds():
		return fmt.Errorf("the burst must be at least 1 and the requests of %v, not %d", minSpan, c.Burst)
	case c.Burst > math.MaxInt32:
		return fmt.Errorf("the burst must be at most %d", math.MaxInt32)
	}
	return nil
}

// interval returns the time between two requests in µs, rounded up so that the rate is not exceeded.
func (c LimiterConfig) interval() int64 { return int64(math.Ceil(1e6 / c.PerSecond)) }

// configure stores the configuration.
func (l *Limiter) configure(ctx context.Context) error {
	var interval, burst *int64
	// The next slot of the former interval may be a day ahead.
	err := l.db.pool.QueryRow(ctx, `
		WITH former AS (SELECT interval_us, burst FROM offboard.limits WHERE key = $1)
		INSERT INTO offboard.limits (key, interval_us, burst) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET interval_us = excluded.interval_us, burst = excluded.burst,
			next_us = CASE WHEN limits.interval_us = excluded.interval_us THEN limits.next_us
				ELSE least(limits.next_us, `+databaseClock+` - limits.paused_us + excluded.interval_us) END
		RETURNING (SELECT interval_us FROM former), (SELECT burst FROM former)`,
		l.config.Key, l.config.interval(), l.config.Burst).Scan(&interval, &burst)
	if err != nil {
		return err
	}
	if interval != nil && (*interval != l.config.interval() || *burst != int64(l.config.Burst)) {
		l.log.WarnContext(ctx, "rate limit changed", "key", l.config.Key, "per_second", l.config.PerSecond,
			"burst", l.config.Burst, "former_per_second", 1e6/float64(*interval), "former_burst", *burst)
	}
	return nil
}

// Wait returns nil when the request may be sent. A Limiter serves writes first, and the reads that
// are made again for a write, because a write must be sent soon after its reads; each in the order of
// the first call for the write. Then it serves the other reads in the order of their calls. Calls of
// several limiters are served in the order in which the limiters reserve requests, at most 100 ms
// of the budget at a time.
//
// If ctx ends, the error is that of ctx, and the next waiting call gets the reserved request. All
// other errors are an [*errors.Error]: [errors.Unavailable] if the database cannot be reached, or
// could not store a refusal that this Limiter got, and [errors.Internal] if the database refuses a
// statement.
func (l *Limiter) Wait(ctx context.Context, operation string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := newWaiter(ctx)
	l.mu.Lock()
	i := len(l.waiting)
	for i > 0 && w.isBefore(l.waiting[i-1]) {
		i--
	}
	l.waiting = slices.Insert(l.waiting, i, w)
	if !l.running {
		l.running = true
		l.dispatching.Go(l.dispatch)
	}
	l.mu.Unlock()
	l.signal()

	var err error
	select {
	case err = <-w.granted:
	case <-ctx.Done():
		if l.forget(w) {
			l.signal()
			return ctx.Err()
		}
		err = <-w.granted // at the same time
	}
	if err != nil {
		return failed(context.Background(), operation, l.config.Key, err)
	}
	return nil
}

// Close returns when the limiter has returned its unused requests, at most 5 seconds after the last
// call of [Limiter.Wait]. Call it then, before you close the pool. Without Close, at most 100 ms of
// the budget are lost.
func (l *Limiter) Close() { l.dispatching.Wait() }

// forget removes a waiter, and reports whether it was waiting.
func (l *Limiter) forget(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}

// signal wakes dispatch, because the number of waiters has changed.
func (l *Limiter) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// dispatch reserves slots and grants them to the waiters, until none waits. It is the only user of
// the Limiter's slots, so that a process that is killed loses few of them.
func (l *Limiter) dispatch() {
	var held []int64 // reserved slots, in order
	var state state
	for {
		l.mu.Lock()
		waiting := len(l.waiting)
		if waiting == 0 {
			l.running = false
			l.mu.Unlock()
			l.giveBack(held)
			return
		}
		l.mu.Unlock()

		// One statement confirms the slots that are due and reserves the next ones: another
		// process may have paused the key in the meantime.
		due := state.due(held)
		missing := min(waiting-due, l.ahead(state)) - (len(held) - due)
		next, reused, reserved, err := l.reserve(max(missing, 0))
		if err != nil {
			held = nil
			l.failAll(err)
			continue
		}
		state = next
		// A slot that is older than the burst permits would exceed the budget, and one from the first
		// slot on is of a former interval. The statement made the reserved slots, which are neither.
		held = slices.DeleteFunc(append(held, reused...), func(slot int64) bool { return slot < state.oldest() || slot >= state.first })
		held = append(held, reserved...)
		slices.Sort(held)
		held = held[l.grant(state.due(held)):]
		l.sleep(state, held)
	}
}

// ahead returns the number of slots that a process reserves at most.
func (l *Limiter) ahead(s state) int {
	interval := s.interval
	if interval == 0 {
		interval = l.config.interval()
	}
	return max(1, int(maxAhead.Microseconds()/interval))
}

// maxAhead is the part of the budget that a process reserves at most, unless it is less than one
// request. A process that is killed loses it.
const maxAhead = 100 * time.Millisecond

// grant grants at most n requests, and returns their number.
func (l *Limiter) grant(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = min(n, len(l.waiting))
	for _, w := range l.waiting[:n] {
		w.granted <- nil
	}
	l.waiting = slices.Delete(l.waiting, 0, n)
	return n
}

// failAll ends all calls of Wait.
func (l *Limiter) failAll(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.waiting {
		w.granted <- err
	}
	l.waiting = nil
}

// maxSleep is the longest time without a read of the row of the key, whose interval may have been
// corrected.
const maxSleep = 30 * time.Second

// sleep returns when the first slot is due, no call waits, more slots can be reserved, or the row must
// be read again.
func (l *Limiter) sleep(s state, held []int64) {
	if len(held) == 0 {
		return
	}
	timer := time.NewTimer(min(s.until(held[0]), l.maxSleep))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-l.wake:
			l.mu.Lock()
			waiting := len(l.waiting)
			l.mu.Unlock()
			if waiting == 0 || min(waiting, l.ahead(s)) > len(held) {
				return
			}
		}
	}
}
