package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offboard-dev/offboard-go/errors"
)

// state is the row of a key at a time. All times are in µs.
type state struct {
	interval int64
	burst    int64
	paused   int64
	blocked  int64
	first    int64     // the first slot that was not reserved before the statement
	now      int64     // by the clock of the database
	at       time.Time // of now, or later
}

// until returns the time until a slot is due.
func (s state) until(slot int64) time.Duration {
	elapsed := time.Since(s.at)
	return time.Duration(max(slot+s.paused, s.blocked)-s.now)*time.Microsecond - elapsed
}

// due returns the number of slots that are due.
func (s state) due(slots []int64) int {
	n := 0
	for n < len(slots) && s.until(slots[n]) <= 0 {
		n++
	}
	return n
}

// oldest returns the oldest slot that can be granted: the burst permits that requests are sent
// later than their slots. With a burst of 1, a request can be late by one interval, because no
// request is sent exactly on time.
func (s state) oldest() int64 {
	return s.now - s.paused - max(s.burst-1, 1)*s.interval
}

// The clock of a key stands still while the key is paused. So all slots move by the pause, in all
// processes, and keep their order and their intervals. The slots are a token bucket in the form of
// the generic cell rate algorithm: a slot may be granted from its time on, and the next slot is at
// most burst - 1 intervals in the past.
const (
	databaseClock = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	keyClock      = `(` + databaseClock + ` - paused_us)`
	oldestSlot    = `(` + keyClock + ` - (burst - 1) * interval_us)`
	columns       = `next_us, interval_us, burst, paused_us, blocked_us, refusals, ` + databaseClock + ` AS now_us`
)

// reserveSQL reserves $2 slots: returned ones, and new ones. ANY(ARRAY()) evaluates the subquery
// once.
const reserveSQL = `
WITH reused AS (
	DELETE FROM offboard.limit_slots WHERE key = $1 AND slot = ANY(ARRAY(
		SELECT s.slot FROM offboard.limit_slots s JOIN offboard.limits l ON l.key = s.key
		WHERE s.key = $1 AND s.slot >= ` + oldestSlot + `
		ORDER BY s.slot LIMIT $2 FOR UPDATE OF s SKIP LOCKED))
	RETURNING slot
), reserved AS (
	UPDATE offboard.limits
	SET next_us = greatest(next_us, ` + oldestSlot + `) + ($2 - (SELECT count(*) FROM reused)) * interval_us
	WHERE key = $1
	RETURNING ` + columns + `
)
SELECT reserved.*, ARRAY(SELECT slot FROM reused) FROM reserved`

// confirmSQL reads the row.
const confirmSQL = `SELECT ` + columns + `, '{}'::bigint[] FROM offboard.limits WHERE key = $1`

// reserve reserves n slots and returns the state, the returned slots among them, and the new ones.
func (l *Limiter) reserve(n int) (s state, reused, reserved []int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	if err := l.saveRefusal(ctx); err != nil {
		return state{}, nil, nil, timely(ctx, err)
	}
	s, reused, reserved, err = l.tryReserve(ctx, n)
	if errors.Is(err, pgx.ErrNoRows) { // an operator deleted the row
		if err = l.configure(ctx); err == nil {
			s, reused, reserved, err = l.tryReserve(ctx, n)
		}
	}
	return s, reused, reserved, timely(ctx, err)
}

func (l *Limiter) tryReserve(ctx context.Context, n int) (s state, reused, reserved []int64, err error) {
	query, args := confirmSQL, []any{l.config.Key}
	if n > 0 {
		query, args = reserveSQL, append(args, n)
	}
	var next int64
	var refusals int
	err = l.db.pool.QueryRow(ctx, query, args...).
		Scan(&next, &s.interval, &s.burst, &s.paused, &s.blocked, &refusals, &s.now, &reused)
	if err != nil {
		return state{}, nil, nil, err
	}
	s.at = time.Now()
	s.first = next - int64(n-len(reused))*s.interval
	for i := n - len(reused); i > 0; i-- {
		reserved = append(reserved, next-int64(i)*s.interval)
	}
	l.mu.Lock()
	l.refused = refusals > 0
	l.mu.Unlock()
	return s, reused, reserved, nil
}

// giveBack returns unused slots, which the next reservations of any process get.
func (l *Limiter) giveBack(slots []int64) {
	if len(slots) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	// Expired slots are removed here, and not with each reservation, because few slots are returned.
	_, err := l.db.pool.Exec(ctx, `
		WITH expired AS (
			DELETE FROM offboard.limit_slots WHERE key = $1 AND slot = ANY(ARRAY(
				SELECT s.slot FROM offboard.limit_slots s JOIN offboard.limits l ON l.key = s.key
				WHERE s.key = $1 AND s.slot < `+oldestSlot+` FOR UPDATE OF s SKIP LOCKED))
		)
		INSERT INTO offboard.limit_slots (key, slot)
		SELECT key, unnest($2::bigint[]) FROM offboard.limits WHERE key = $1
		ON CONFLICT DO NOTHING`, l.config.Key, slots)
	if err != nil {
		l.log.Warn("cannot return unused requests", "key", l.config.Key, "requests", len(slots), "error", err)
	}
}
