package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// limiter returns a limiter of the key "k".
func limiter(t *testing.T, db *postgres.DB, perSecond float64, burst int) *postgres.Limiter {
	t.Helper()
	l, err := db.Limiter(t.Context(), postgres.LimiterConfig{Key: "k", PerSecond: perSecond, Burst: burst})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// take takes a request that must be granted at once.
func take(t *testing.T, l *postgres.Limiter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Wait(ctx, "GetOrganization"); err != nil {
		t.Fatalf("Wait: %v", err)
	}
}

// eventually returns when a query returns true.
func eventually(t *testing.T, pool *pgxpool.Pool, query string, args ...any) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		var ok bool
		if err := pool.QueryRow(t.Context(), query, args...).Scan(&ok); err != nil {
			t.Fatal(err)
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never true: %s", query)
		}
	}
}

// number returns the number that a query returns.
func number(t *testing.T, pool *pgxpool.Pool, query string) (n int64) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// pausedFor returns the time until the end of the pause of the key "k".
func pausedFor(t *testing.T, pool *pgxpool.Pool) time.Duration {
	t.Helper()
	return time.Duration(number(t, pool,
		"SELECT blocked_us - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM offboard.limits WHERE key = 'k'")) * time.Microsecond
}

// waits calls Wait in the background, and returns its result.
func waits(ctx context.Context, l *postgres.Limiter) <-chan error {
	result := make(chan error, 1)
	go func() { result <- l.Wait(ctx, "GetOrganization") }()
	return result
}

// excess returns the largest number of grants, in any window of time, above burst + rate × window.
func excess(grants []time.Time, perSecond float64, burst int) float64 {
	slices.SortFunc(grants, time.Time.Compare)
	// The excess of the grants i to j is (j-i+1) - burst - rate × (t[j]-t[i]): the maximum of one
	// term of j and one of i.
	most, best := math.Inf(-1), math.Inf(-1)
	for n, grant := range grants {
		at := grant.Sub(grants[0]).Seconds() * perSecond
		best = max(best, at-float64(n))
		most = max(most, best-at+float64(n)+1-float64(burst))
	}
	return most
}

// TestLimiter_FourWorkers measures the rate of four processes under one budget: 1,000 requests per
// minute, and six times as fast.
func TestLimiter_FourWorkers(t *testing.T) {
	for _, config := range []postgres.LimiterConfig{
		{Key: "k", PerSecond: 1000.0 / 60, Burst: 1},
		{Key: "k", PerSecond: 6 * 1000.0 / 60, Burst: 10},
	} {
		t.Run(fmt.Sprintf("%.1fPerSecond", config.PerSecond), func(t *testing.T) {
			t.Parallel()
			dsn := database(t)
			var workers []*worker
			for range 4 {
				workers = append(workers, hire(t, dsn, order{config, 8}))
			}
			start := time.Now()
			for _, w := range workers {
				w.start(t)
			}
			<-time.After(10 * time.Second) // the length of the measurement
			var all []time.Time
			for i, w := range workers {
				grants := w.stop(t)
				all = append(all, grants...)
				t.Logf("worker %d: %d grants", i, len(grants))
			}
			last := slices.MaxFunc(all, time.Time.Compare)
			elapsed := last.Sub(start).Seconds()
			permitted := float64(config.Burst) + config.PerSecond*elapsed
			over := excess(all, config.PerSecond, config.Burst)
			t.Logf("%d grants of %.1f in %.2f s: %.1f %%; most in a window: %.2f above the budget",
				len(all), permitted, elapsed, 100*float64(len(all))/permitted, over)
			if float64(len(all)) > permitted {
				t.Errorf("got %d grants, permitted are %.1f", len(all), permitted)
			}
			if float64(len(all)) < 0.9*permitted {
				t.Errorf("got %d grants, less than 90 %% of %.1f", len(all), permitted)
			}
			// The times are those of the workers after Wait: the delivery of a grant can take longer
			// than that of a later one. With a burst of 1, the limiter permits that of one interval.
			const delivery = 0.05
			if over > config.PerSecond*delivery+1/float64(config.Burst) {
				t.Errorf("got %.2f grants above the budget in a window", over)
			}
			for i, w := range workers {
				if share := float64(len(w.grants)) / float64(len(all)); share < 0.15 || share > 0.35 {
					t.Errorf("worker %d got %.0f %% of the grants", i, 100*share)
				}
			}
		})
	}
}

// TestLimiter_KilledWorker kills a process with many waiting calls: it has reserved one request.
func TestLimiter_KilledWorker(t *testing.T) {
	dsn := database(t)
	pool := connect(t, dsn)
	l := limiter(t, open(t, pool), 5, 1)
	w := hire(t, dsn, order{postgres.LimiterConfig{Key: "k", PerSecond: 5, Burst: 1}, 100})
	w.start(t)
	wait(t, w.first)
	w.kill()
	start := time.Now()
	take(t, l)
	if took := time.Since(start); took > time.Second {
		t.Errorf("Wait took %v after another process was killed", took)
	}
}

func TestLimiter_RefusalBlocksAllWorkers(t *testing.T) {
	dsn := database(t)
	pool := connect(t, dsn)
	config := postgres.LimiterConfig{Key: "k", PerSecond: 100, Burst: 5}
	l := limiter(t, open(t, pool), config.PerSecond, config.Burst)
	var workers []*worker
	for range 4 {
		workers = append(workers, hire(t, dsn, order{config, 4}))
	}
	for _, w := range workers {
		w.start(t)
	}
	for _, w := range workers {
		wait(t, w.first)
	}
	l.Update("GetOrganization", http.StatusTooManyRequests, http.Header{"Retry-After": {"2"}})
	refused := time.Now()
	end := refused.Add(pausedFor(t, pool))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 10 { // all workers resume
		if err := l.Wait(ctx, "GetOrganization"); err != nil {
			t.Fatal(err)
		}
	}
	const delivery = 250 * time.Millisecond // of grants before the refusal
	after := 0
	for _, w := range workers {
		for _, grant := range w.stop(t) {
			if grant.After(refused.Add(delivery)) && grant.Before(end) {
				t.Errorf("a request was granted %v before the end of the pause", end.Sub(grant))
			}
			if grant.After(end) {
				after++
			}
		}
	}
	if after < 40 { // each worker gets at least as many
		t.Errorf("the workers got %d requests after the pause", after)
	}
}

// TestLimiter_Order queues calls in a known order.
func TestLimiter_Order(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 20, 1)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// No call is granted before all are queued.
	if _, err := tx.Exec(t.Context(), "SELECT FROM offboard.limits FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	read, write := observe.Call{Operation: "GetCluster"}, observe.Call{Operation: "DeleteCluster", Write: true}
	calls := []struct {
		name    string
		request observe.Request
	}{
		{"read", observe.Request{Call: read}},
		{"second read", observe.Request{Call: read}},
		{"write", observe.Request{Call: write}},
		{"second write", observe.Request{Call: write}},
		{"third read", observe.Request{Call: read}},
		{"read for an early write", observe.Request{Call: read, Since: start.Add(-20 * time.Second)}},
		{"earlier write", observe.Request{Call: write, Since: start.Add(-30 * time.Second)}},
		{"third write", observe.Request{Call: write}},
	}
	want := []string{"earlier write", "read for an early write", "write", "second write", "third write", "read", "second read", "third read"}
	var mu sync.Mutex
	var got []string
	var group sync.WaitGroup
	for i, call := range calls {
		group.Go(func() {
			err := l.Wait(observe.NewContext(t.Context(), call.request), call.request.Call.Operation)
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, call.name); err != nil {
				t.Error(err)
			}
		})
		for l.Queued() <= i {
			runtime.Gosched()
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLimiter_OrderOfLimiters shows that two limiters reserve in the order of their calls, one
// request each: the second call of the first limiter waits for the second limiter.
func TestLimiter_OrderOfLimiters(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	a, b := limiter(t, db, 4, 1), limiter(t, db, 4, 1)
	take(t, a)
	first := number(t, pool, "SELECT next_us FROM offboard.limits")
	next := func(slots int64) {
		t.Helper()
		eventually(t, pool, "SELECT next_us = $1 FROM offboard.limits", first+slots*250_000)
	}
	var mu sync.Mutex
	var got []string
	var group sync.WaitGroup
	call := func(name string, l *postgres.Limiter) {
		group.Go(func() {
			err := l.Wait(t.Context(), "GetOrganization")
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, name); err != nil {
				t.Error(err)
			}
		})
	}
	call("a", a)
	next(1)
	call("a", a)
	call("b", b)
	next(2)
	group.Wait()
	if diff := cmp.Diff([]string{"a", "b", "a"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestLimiter_Canceled cancels the only call of a limiter: the next call of another one gets its
// request, and not a later one.
func TestLimiter_Canceled(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	a, b := limiter(t, db, 1.0/3600, 3), limiter(t, db, 1.0/3600, 3)
	for range 3 {
		take(t, a)
	}
	before := number(t, pool, "SELECT next_us FROM offboard.limits")
	ctx, cancel := context.WithCancel(t.Context())
	result := waits(ctx, a)
	eventually(t, pool, "SELECT next_us > $1 FROM offboard.limits", before)
	cancel()
	if err := <-result; err != context.Canceled {
		t.Errorf("got %v", err)
	}
	eventually(t, pool, "SELECT count(*) = 1 FROM offboard.limit_slots WHERE slot = $1", before)

	ctx, cancel = context.WithCancel(t.Context())
	result = waits(ctx, b)
	eventually(t, pool, "SELECT count(*) = 0 FROM offboard.limit_slots")
	if after := number(t, pool, "SELECT next_us FROM offboard.limits"); after != before+3600*1e6 {
		t.Errorf("the next slot moved by %d µs", after-before)
	}
	cancel()
	<-result
	eventually(t, pool, "SELECT count(*) = 1 FROM offboard.limit_slots")

	// A returned request that becomes due is granted like others.
	if _, err := pool.Exec(t.Context(), "UPDATE offboard.limits SET paused_us = paused_us - 3600000000"); err != nil {
		t.Fatal(err)
	}
	take(t, b)
}

// TestLimiter_CanceledAmongOthers cancels the first of two calls: the second gets its request.
func TestLimiter_CanceledAmongOthers(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 2, 1)
	take(t, l)
	before := number(t, pool, "SELECT next_us FROM offboard.limits")
	ctx, cancel := context.WithCancel(t.Context())
	first := waits(ctx, l)
	eventually(t, pool, "SELECT next_us > $1 FROM offboard.limits", before)
	second := waits(t.Context(), l)
	for l.Queued() < 2 {
		runtime.Gosched()
	}
	cancel()
	if err := <-first; err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
	if after := number(t, pool, "SELECT next_us FROM offboard.limits"); after != before+500_000 {
		t.Errorf("the calls reserved %v requests, want 1", float64(after-before)/500_000)
	}
}

func TestLimiter_Deadline(t *testing.T) {
	l := limiter(t, open(t, connect(t, database(t))), 1.0/3600, 1)
	take(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for range 2 { // during and before the call
		if err := l.Wait(ctx, "GetOrganization"); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
	}
}

// TestLimiter_Burst shows the size of the bucket: no burst accumulates above it.
func TestLimiter_Burst(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 1.0/3600, 3)
	for range 3 {
		take(t, l)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := l.Wait(ctx, "GetOrganization"); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

// TestLimiter_LateSlot makes a reserved request later than the burst permits, as a suspended process
// would: it is not granted in addition to the current ones.
func TestLimiter_LateSlot(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 2, 1)
	take(t, l)
	before := number(t, pool, "SELECT next_us FROM offboard.limits")
	result := waits(t.Context(), l)
	eventually(t, pool, "SELECT next_us > $1 FROM offboard.limits", before)
	// The clock of the key passes by one hour, and another process uses the current slot.
	if _, err := pool.Exec(t.Context(), `UPDATE offboard.limits SET paused_us = paused_us - 3600000000,
		next_us = next_us + 3600000000 + 500000`); err != nil {
		t.Fatal(err)
	}
	moved := number(t, pool, "SELECT next_us FROM offboard.limits")
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if after := number(t, pool, "SELECT next_us FROM offboard.limits"); after <= moved {
		t.Error("the late request was granted")
	}
}

func TestLimiter_Backoff(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	limiters := []*postgres.Limiter{limiter(t, db, 1, 1), limiter(t, db, 1, 1)}
	end := func() {
		t.Helper()
		if _, err := pool.Exec(t.Context(), "UPDATE offboard.limits SET blocked_us = 0"); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		want *= time.Second
		status := []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}[i/2%2]
		limiters[i%2].Update("GetOrganization", status, http.Header{})
		limiters[i%2].Update("GetOrganization", status, nil)              // of a request in flight
		limiters[i%2].Update("GetOrganization", http.StatusOK, nil)       // of a request in flight
		limiters[i%2].Update("GetOrganization", http.StatusNotFound, nil) // no success
		if got := pausedFor(t, pool); got > want || got <= want*3/4-time.Second {
			t.Errorf("refusal %d: pause of %v, want %v", i+1, got, want)
		}
		end()
	}
	limiters[1].Update("GetOrganization", http.StatusNoContent, nil)
	limiters[0].Update("GetOrganization", http.StatusTooManyRequests, nil)
	if got := pausedFor(t, pool); got > time.Second || got <= 0 {
		t.Errorf("after a success: pause of %v, want 1s", got)
	}
}

// TestLimiter_ResetByOtherProcess resets the doubling in a process that had no refusal.
func TestLimiter_ResetByOtherProcess(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	a, b := limiter(t, db, 50, 1), limiter(t, db, 50, 1)
	a.Update("GetOrganization", http.StatusTooManyRequests, nil)
	take(t, b)
	b.Update("GetOrganization", http.StatusOK, nil)
	if n := number(t, pool, "SELECT refusals FROM offboard.limits"); n != 0 {
		t.Errorf("got %d refusals after a success", n)
	}
}

func TestLimiter_RefusalHeaders(t *testing.T) {
	const date = "Mon, 02 Jan 2006 15:04:05 GMT"
	const thirtySeconds, thousandHours = "in 30 seconds", "in 1000 hours" // replaced below
	for _, test := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"seconds", http.Header{"Retry-After": {"30"}}, 30 * time.Second},
		{"date", http.Header{"Retry-After": {"Mon, 02 Jan 2006 15:04:35 GMT"}, "Date": {date}}, 30 * time.Second},
		{"date without Date", http.Header{"Retry-After": {thirtySeconds}}, 30 * time.Second},
		{"past date", http.Header{"Retry-After": {"Mon, 02 Jan 2006 15:04:00 GMT"}, "Date": {date}}, time.Second},
		{"past date without Date", http.Header{"Retry-After": {date}}, time.Second},
		{"zero", http.Header{"Retry-After": {"0"}}, time.Second},
		{"zero and reset", http.Header{"Retry-After": {"0"}, "Ratelimit-Reset": {"20"}}, 20 * time.Second},
		{"invalid", http.Header{"Retry-After": {"-5"}}, time.Second},
		{"huge", http.Header{"Retry-After": {"999999999999"}}, postgres.MaxPause},
		{"far date", http.Header{"Retry-After": {thousandHours}}, postgres.MaxPause},
		{"reset in seconds", http.Header{"Ratelimit-Reset": {"12.2"}}, 13 * time.Second},
		{"reset as Unix time", http.Header{"X-Ratelimit-Reset": {"1136214265"}, "Date": {date}}, 20 * time.Second},
		{"Retry-After before reset", http.Header{"Retry-After": {"5"}, "X-Ratelimit-Reset": {"50"}}, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			pool := connect(t, database(t))
			l := limiter(t, open(t, pool), 1, 1)
			switch test.header.Get("Retry-After") {
			case thirtySeconds:
				test.header.Set("Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
			case thousandHours:
				test.header.Set("Retry-After", time.Now().Add(1000*time.Hour).UTC().Format(http.TimeFormat))
			}
			l.Update("GetOrganization", http.StatusTooManyRequests, test.header)
			if got := pausedFor(t, pool); got > test.want || got <= max(0, test.want-4*time.Second) {
				t.Errorf("pause of %v, want %v", got, test.want)
			}
		})
	}
}

// TestLimiter_PauseKeepsOrder pauses a key with reserved requests: they keep their distance, and no
// burst accumulates.
func TestLimiter_PauseKeepsOrder(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	l := limiter(t, db, 10, 10)
	take(t, l)
	var clock int64 // of the key, at the refusal
	l.Update("GetOrganization", http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}})
	clock = number(t, pool, "SELECT blocked_us - paused_us FROM offboard.limits")
	if next := number(t, pool, "SELECT next_us FROM offboard.limits"); next < clock-1000 {
		t.Errorf("the next request is %d µs before the end of the pause", clock-next)
	}
	// A longer pause extends the first one, a shorter one does not.
	for _, seconds := range []string{"3", "2"} {
		l.Update("GetOrganization", http.StatusTooManyRequests, http.Header{"Retry-After": {seconds}})
	}
	if got := pausedFor(t, pool); got > 3*time.Second || got < 2*time.Second+time.Second/2 {
		t.Errorf("pause of %v, want 3s", got)
	}
	if got := number(t, pool, "SELECT blocked_us - paused_us FROM offboard.limits"); math.Abs(float64(got-clock)) > 1000 {
		t.Errorf("the clock of the key moved by %d µs during the pause", got-clock)
	}
}

// TestLimiter_PauseOfWaitingCall pauses a key while a call of another process waits for its reserved
// request.
func TestLimiter_PauseOfWaitingCall(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	a, b := limiter(t, db, 2, 1), limiter(t, db, 2, 1)
	take(t, a)
	before := number(t, pool, "SELECT next_us FROM offboard.limits")
	result := waits(t.Context(), a)
	eventually(t, pool, "SELECT next_us > $1 FROM offboard.limits", before)
	b.Update("GetOrganization", http.StatusTooManyRequests, http.Header{"Retry-After": {"2"}})
	end := time.Now().Add(pausedFor(t, pool))
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	// The clock of this process is read some time after that of the database.
	if early := time.Until(end); early > 500*time.Millisecond {
		t.Errorf("the request was granted %v before the end of the pause", early)
	}
}

// TestLimiter_PauseOfReturnedSlot returns a request that is due, and pauses the key.
func TestLimiter_PauseOfReturnedSlot(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 1.0/3600, 5)
	for range 5 {
		take(t, l)
	}
	_, err := pool.Exec(t.Context(), "INSERT INTO offboard.limit_slots SELECT key, next_us - 2 * interval_us FROM offboard.limits")
	if err != nil {
		t.Fatal(err)
	}
	l.Update("GetOrganization", http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}})
	ctx, cancel := context.WithCancel(t.Context())
	result := waits(ctx, l)
	eventually(t, pool, "SELECT count(*) = 0 FROM offboard.limit_slots")
	cancel()
	if err := <-result; err != context.Canceled {
		t.Errorf("got %v during a pause", err)
	}
	l.Close()
	if n := number(t, pool, "SELECT count(*) FROM offboard.limit_slots"); n != 1 {
		t.Errorf("%d returned requests, want 1", n)
	}
}

func TestLimiter_Unreachable(t *testing.T) {
	dsn := database(t)
	pool, network := cuttable(t, dsn)
	other := connect(t, dsn)
	var log bytes.Buffer
	l, err := open(t, pool).Limiter(t.Context(), postgres.LimiterConfig{
		Key: "k", PerSecond: 1.0 / 3600, Burst: 2, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	network.set(true)
	err = l.Wait(t.Context(), "GetOrganization")
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Code != errors.Unavailable || e.Operation != "GetOrganization" || e.Target != "k" {
		t.Errorf("got %#v", err)
	}
	l.Update("GetOrganization", http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}})
	if text := log.String(); !strings.Contains(text, "cannot store refusal") || !strings.Contains(text, "level=ERROR") {
		t.Errorf("log: %s", text)
	}
	if err := l.Wait(t.Context(), "GetOrganization"); !errors.Is(err, errors.Unavailable) {
		t.Errorf("got %v", err)
	}
	network.set(false)
	// The next call stores the refusal before it reserves a request.
	ctx, cancel := context.WithCancel(t.Context())
	result := waits(ctx, l)
	eventually(t, other, "SELECT refusals = 1 AND next_us > blocked_us - paused_us FROM offboard.limits")
	if got := pausedFor(t, other); got > time.Minute || got < 30*time.Second {
		t.Errorf("pause of %v, want 1m", got)
	}
	cancel()
	if err := <-result; err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// TestLimiter_Client uses limiters in two clients of a provider, which refuses a request of one.
func TestLimiter_Client(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	a, b := limiter(t, db, 100, 10), limiter(t, db, 100, 10)
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id})
	refused := offboardtest.Respond("GetOrganization", http.StatusTooManyRequests, "")
	refused.Header.Set("Retry-After", "2")
	srv.Fail(refused)

	var clients []*atlas.Client
	for _, l := range []*postgres.Limiter{a, b} {
		client, err := atlas.New(srv.Option(), atlas.WithLimiter(l), atlas.WithRetry(atlas.Retry{MaxAttempts: 1}))
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client)
	}
	if _, err := clients[0].GetOrganization(t.Context(), id); !errors.Is(err, errors.RateLimitReached) {
		t.Fatalf("got %v", err)
	}
	end := time.Now().Add(pausedFor(t, pool))
	if _, err := clients[1].GetOrganization(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if early := time.Until(end); early > 500*time.Millisecond {
		t.Errorf("the other client sent its request %v before the end of the pause", early)
	}
	if n := number(t, pool, "SELECT refusals FROM offboard.limits"); n != 0 {
		t.Errorf("%d refusals after the success", n)
	}
}

// TestLimiter_Hanging shows that Update and Wait end although the database does not answer.
func TestLimiter_Hanging(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 1, 1)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE offboard.limits"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	l.Update("GetOrganization", http.StatusTooManyRequests, nil)
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("Update took %v", took)
	}
	err = l.Wait(t.Context(), "GetOrganization")
	if !errors.Is(err, errors.Unavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestLimiter_Reconfigured(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	var log bytes.Buffer
	config := postgres.LimiterConfig{Key: "k", PerSecond: 1.0 / 3600, Burst: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	a, err := db.Limiter(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Limiter(t.Context(), config); err != nil || log.Len() > 0 {
		t.Errorf("same configuration: %v, log %q", err, &log)
	}
	config.PerSecond, config.Burst = 1.0/1800, 3
	if _, err := db.Limiter(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "rate limit changed") {
		t.Errorf("log: %q", &log)
	}
	for range 3 { // the former limiter uses the new burst
		take(t, a)
	}
}

// TestLimiter_RateCorrected corrects a rate of one request a day while a call waits for the request of
// the next day. The requests that are permitted then do not wait for it: also if the call is canceled
// before or after that, or its process is killed. The call itself learns of the new rate.
func TestLimiter_RateCorrected(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after, learns bool }{
		"canceled before": {before: true}, "canceled after": {after: true}, "killed": {}, "waits": {learns: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := connect(t, database(t))
			db := open(t, pool)
			slow := limiter(t, db, 1.0/86400, 1)
			if test.learns {
				slow.SetMaxSleep(10 * time.Millisecond)
			}
			take(t, slow)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := waits(ctx, slow)
			eventually(t, pool, "SELECT next_us - paused_us > (extract(epoch FROM clock_timestamp()) + 90000) * 1000000 FROM offboard.limits")
			if test.before {
				cancel()
				slow.Close()
			}
			fast := limiter(t, db, 100, 10)
			if test.after {
				cancel()
				slow.Close()
			}
			for range 20 {
				take(t, fast)
			}
			if n := number(t, pool, "SELECT count(*) FROM offboard.limit_slots WHERE slot > (extract(epoch FROM clock_timestamp()) + 3600) * 1000000"); n != 0 {
				t.Errorf("%d requests of the next day are reserved", n)
			}
			if test.learns {
				if err := <-result; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestLimiter_SameRate shows that a process that starts with the same rate, or with a lower one, permits
// no request before its time: also if calls of others wait.
func TestLimiter_SameRate(t *testing.T) {
	t.Parallel()
	pool := connect(t, database(t))
	db := open(t, pool)
	first := limiter(t, db, 1.0/3600, 1)
	take(t, first)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waits(ctx, first)
	eventually(t, pool, "SELECT next_us > (extract(epoch FROM clock_timestamp()) + 7000) * 1000000 FROM offboard.limits")
	next := number(t, pool, "SELECT next_us FROM offboard.limits")
	for _, perSecond := range []float64{1.0 / 3600, 1.0 / 10800} {
		limiter(t, db, perSecond, 1)
		if n := number(t, pool, "SELECT next_us FROM offboard.limits"); n != next {
			t.Errorf("%v per second: the next request is %v earlier", perSecond, time.Duration(next-n)*time.Microsecond)
		}
	}
}

// TestLimiter_RowDeleted deletes the row of a key.
func TestLimiter_RowDeleted(t *testing.T) {
	pool := connect(t, database(t))
	l := limiter(t, open(t, pool), 1, 1)
	if _, err := pool.Exec(t.Context(), "DELETE FROM offboard.limits"); err != nil {
		t.Fatal(err)
	}
	take(t, l)
}

// TestLimiter_Interval shows that a rate that is no whole number of µs is not exceeded.
func TestLimiter_Interval(t *testing.T) {
	pool := connect(t, database(t))
	limiter(t, open(t, pool), 3, 1)
	if n := number(t, pool, "SELECT interval_us FROM offboard.limits"); n != 333_334 {
		t.Errorf("got an interval of %d µs, want 333,334", n)
	}
}

func TestLimiter_InvalidConfig(t *testing.T) {
	db := open(t, connect(t, database(t)))
	for _, config := range []postgres.LimiterConfig{
		{PerSecond: 1, Burst: 1},
		{Key: strings.Repeat("k", 1025), PerSecond: 1, Burst: 1},
		{Key: "k", Burst: 1},
		{Key: "k", PerSecond: -1, Burst: 1},
		{Key: "k", PerSecond: math.NaN(), Burst: 1},
		{Key: "k", PerSecond: math.Inf(1), Burst: 1},
		{Key: "k", PerSecond: 1},
		{Key: "k", PerSecond: 1000, Burst: 19},
	} {
		if _, err := db.Limiter(t.Context(), config); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%+v: got %v", config, err)
		}
	}
}

// TestLimiter_Concurrent uses one limiter in many goroutines, with cancellations.
func TestLimiter_Concurrent(t *testing.T) {
	pool := connect(t, database(t))
	db := open(t, pool)
	const perSecond, burst = 500, 10
	limiters := []*postgres.Limiter{limiter(t, db, perSecond, burst), limiter(t, db, perSecond, burst)}
	start := time.Now()
	var mu sync.Mutex
	granted := 0
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			for j := range 20 {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if (i+j)%3 == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(j)*time.Millisecond)
				}
				err := limiters[i%2].Wait(ctx, fmt.Sprint("operation", i))
				cancel()
				mu.Lock()
				if err == nil {
					granted++
				} else if err != context.DeadlineExceeded {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if permitted := burst + perSecond*time.Since(start).Seconds(); float64(granted) > permitted {
		t.Errorf("got %d grants, permitted are %.1f", granted, permitted)
	}
}
