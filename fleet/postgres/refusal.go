package postgres

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Update reports the status and the header of an answer. After 429 and 503, all requests of the key
// pause in all processes: for the time of the header Retry-After (seconds or date), RateLimit-Reset,
// X-RateLimit-Reset or X-Rate-Limit-Reset (seconds or Unix time), at most [MaxPause]; or without these
// headers for 1 s, twice as long after each further refusal, at most 1 minute. A success (2xx) ends
// the doubling. A date is compared with the header Date; without it, with the clock of the database.
//
// Update returns after at most 2 seconds. If the database did not store a refusal, Update logs the
// error, and the next [Limiter.Wait] stores the refusal before it grants a request.
func (l *Limiter) Update(operation string, status int, header http.Header) {
	ctx, cancel := context.WithTimeout(context.Background(), updateTimeout)
	defer cancel()
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		r := readRefusal(header, time.Now())
		l.mu.Lock()
		if l.unsaved == nil || l.unsaved.until().Before(r.until()) {
			l.unsaved = &r
		}
		l.mu.Unlock()
		if err := timely(ctx, l.saveRefusal(ctx)); err != nil {
			l.log.Error("cannot store refusal of the provider", "key", l.config.Key, "operation", operation, "status", status, "error", err)
		}
	case status >= 200 && status <= 299:
		l.mu.Lock()
		refused := l.refused
		l.mu.Unlock()
		if !refused {
			return // most successes change nothing
		}
		// A success during a pause belongs to a request that was sent before the refusal.
		tag, err := l.db.pool.Exec(ctx, `
			UPDATE offboard.limits SET refusals = 0 WHERE key = $1 AND blocked_us <= `+databaseClock, l.config.Key)
		if err != nil {
			l.log.Warn("cannot store success of the provider", "key", l.config.Key, "operation", operation, "error", timely(ctx, err))
			return
		}
		if tag.RowsAffected() > 0 {
			l.mu.Lock()
			l.refused = false
			l.mu.Unlock()
		}
	}
}

// saveRefusal stores the refusal that is not stored, if any.
func (l *Limiter) saveRefusal(ctx context.Context) error {
	l.mu.Lock()
	r := l.unsaved
	l.mu.Unlock()
	if r == nil {
		return nil
	}
	if err := l.pause(ctx, *r); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = true
	if l.unsaved == r {
		l.unsaved = nil
	}
	return nil
}

// pause pauses the key. Refusals during a pause are of requests that were sent before: they can
// make the pause longer, and do not count.
func (l *Limiter) pause(ctx context.Context, r refusal) error {
	var end *int64
	var wait int64
	switch {
	case !r.end.IsZero():
		micros := r.end.UnixMicro()
		end = &micros
	case r.wait > 0:
		wait = max((r.wait - time.Since(r.at)).Microseconds(), 1)
	}
	const (
		pause = `CASE
			WHEN $3::bigint > ` + databaseClock + ` THEN least($3::bigint, ` + databaseClock + ` + $4)
			WHEN $2::bigint > 0 THEN ` + databaseClock + ` + least($2::bigint, $4)
			WHEN blocked_us > ` + databaseClock + ` THEN blocked_us
			ELSE ` + databaseClock + ` + least(1000000 * 2 ^ least(refusals, 6), 60000000)::bigint
		END`
		start = `greatest(blocked_us, ` + databaseClock + `)`
	)
	// The slots until the pause are over: the burst does not accumulate.
	_, err := l.db.pool.Exec(ctx, `
		UPDATE offboard.limits SET
			paused_us = paused_us + greatest(`+pause+` - `+start+`, 0),
			next_us = CASE WHEN blocked_us > `+databaseClock+` THEN next_us ELSE greatest(next_us, `+keyClock+`) END,
			refusals = CASE WHEN blocked_us > `+databaseClock+` THEN refusals ELSE least(refusals, 30) + 1 END,
			blocked_us = greatest(blocked_us, `+pause+`)
		WHERE key = $1`, l.config.Key, wait, end, MaxPause.Microseconds())
	return err
}

// refusal is an answer that the provider refused because of its load.
type refusal struct {
	at   time.Time     // the time of the answer
	wait time.Duration // the pause that the answer states; 0 if it states none
	end  time.Time     // the end of the pause if the answer states it without its own time
}

// until returns the end of the pause by the clock of this process.
func (r refusal) until() time.Time {
	if !r.end.IsZero() {
		return r.end
	}
	return r.at.Add(r.wait)
}

// readRefusal reads the pause that the header of an answer states. A pause of 0 is none: it would not
// reduce the load.
func readRefusal(h http.Header, now time.Time) refusal {
	r := refusal{at: now}
	for _, name := range []string{"Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		value := strings.TrimSpace(h.Get(name))
		end, err := http.ParseTime(value)
		if err != nil || name != "Retry-After" {
			seconds, ok := parseSeconds(value)
			switch {
			case !ok || seconds == 0:
				continue
			case name == "Retry-After" || seconds < minUnixTime:
				r.wait = min(time.Duration(min(seconds, int64(MaxPause/time.Second)))*time.Second, MaxPause)
				return r
			}
			end = time.Unix(seconds, 0)
		}
		date, err := http.ParseTime(h.Get("Date"))
		switch {
		case err != nil:
			r.end = end
			return r
		case end.After(date):
			r.wait = min(end.Sub(date), MaxPause)
			return r
		}
	}
	return r
}

// minUnixTime separates numbers of seconds and Unix times, of 2001 and later.
const minUnixTime = 1_000_000_000

// parseSeconds parses a number of seconds. Fractions of a second are rounded up.
func parseSeconds(s string) (int64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseUint(whole, 10, 40)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	if strings.Trim(fraction, "0") != "" {
		seconds++
	}
	return int64(seconds), true
}
