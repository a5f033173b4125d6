package teardown_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// slowJournal is a journal that takes a minute for the entries of the deletion for which slow
// returns true; n counts from 1.
func slowJournal(slow func(n int) bool) teardown.Option {
	n := 0
	return teardown.WithJournal(writerFunc(func(line []byte) (int, error) {
		if bytes.Contains(line, []byte(`"deletion_started"`)) {
			if n++; slow(n) {
				time.Sleep(time.Minute)
			}
		}
		return len(line), nil
	}))
}

// A slow journal makes another inspection necessary, also after the second inspection and in a later
// attempt. After three of them the deletion fails, and WithRetryFor bounds the attempts.
func TestExecute_SlowJournal(t *testing.T) {
	t.Parallel()
	always := func(int) bool { return true }
	refusedOnce := func(w *fakeBlocking) {
		w.delete = func() (teardown.Deletion, error) {
			if w.deleted == 1 {
				return teardown.Deletion{}, refused(errors.RateLimitReached)
			}
			return teardown.Deletion{Outcome: teardown.Deleted}, nil
		}
	}
	for name, test := range map[string]struct {
		steps       []string
		prepare     func(*fakeBlocking)
		slow        func(n int) bool
		retryFor    time.Duration
		want        teardown.Outcome
		code        errors.Code
		inspections int // after the first one
		deletions   int
		atMost      time.Duration
	}{
		"after the second inspection": {[]string{"a"}, nil, func(n int) bool { return n == 1 }, 0, teardown.Deleted, "", 2, 1, 2 * time.Minute},
		"twice":                       {[]string{"a"}, nil, func(n int) bool { return n <= 2 }, 0, teardown.Deleted, "", 3, 1, 3 * time.Minute},
		"in the second attempt":       {nil, refusedOnce, func(n int) bool { return n == 2 }, time.Minute, teardown.Deleted, "", 2, 2, 2 * time.Minute},
		"always":                      {[]string{"a"}, nil, always, 0, teardown.Blocked, errors.Unavailable, 3, 0, 4 * time.Minute},
		"always, with retries":        {[]string{"a"}, nil, always, 10 * time.Minute, teardown.Blocked, errors.Unavailable, 12, 0, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{steps: stepsOf(test.steps...)}
				if test.prepare != nil {
					test.prepare(w)
				}
				p, start := w.plan(t), time.Now()
				w.inspected = 0
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p,
					teardown.WithConfirm("Acme"), teardown.WithRetryFor(test.retryFor), slowJournal(test.slow))
				if r == nil || r.Outcome != test.want || errors.CodeOf(err) != test.code || w.deleted != test.deletions {
					t.Errorf("got %+v, %v after %d deletions, want %+v", r, err, w.deleted, test)
				}
				if took := time.Since(start); w.inspected-1 != test.inspections || took > test.atMost {
					t.Errorf("%d inspections after the first one in %v, want %d in %v", w.inspected-1, took, test.inspections, test.atMost)
				}
			})
		})
	}
}

// A slow journal hides no change.
func TestExecute_ChangesDuringSlowJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &fakeBlocking{steps: stepsOf("a"), cascades: []teardown.Cascade{{Kind: "users", Count: 1}}}
		r, err := w.execute(t, slowJournal(func(int) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.cascades = []teardown.Cascade{{Kind: "users", Count: 2}}
			return true
		}))
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.PlanStale) || w.deleted != 0 {
			t.Errorf("got %+v, %v after %d deletions", r, err, w.deleted)
		}
	})
}

// lagging returns a driver whose list contains its steps after their removal, and calls read for
// each read of them right before the deletion.
func lagging(n int, read func(w *fakeBlocking, id string)) *fakeBlocking {
	w := &fakeBlocking{steps: stepsOf(numbered(n)...), lags: true}
	w.inspects = func(n int) error {
		if n == 3 { // the first one after the steps
			w.read = func(id string) error {
				w.mu.Unlock() // of IsDeleted
				defer w.mu.Lock()
				read(w, id)
				return nil
			}
		}
		return nil
	}
	return w
}

// Steps that the list still contains are read in parallel, and only once although these reads make
// another inspection necessary.
func TestExecute_LaggingListReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := map[string]int{}
		var first, last time.Time
		w := lagging(100, func(w *fakeBlocking, id string) {
			w.mu.Lock()
			reads[id]++
			if first.IsZero() {
				first = time.Now()
			}
			w.mu.Unlock()
			time.Sleep(time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			last = time.Now()
		})
		r, err := w.execute(t, teardown.WithConcurrency(8))
		if err != nil || r.Outcome != teardown.Deleted || w.inspected != 4 || w.deleted != 1 {
			t.Errorf("got %+v, %v after %d inspections and %d deletions", r, err, w.inspected, w.deleted)
		}
		if took := last.Sub(first); took != 13*time.Second {
			t.Errorf("the reads took %v, want 13 s", took)
		}
		for id, n := range reads {
			if n != 1 {
				t.Errorf("%s was read %d times", id, n)
			}
		}
	})
}

// A later attempt reads these steps again: a resource that exists again stops the deletion.
func TestExecute_RecreatedBetweenAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := lagging(1, func(*fakeBlocking, string) {})
		w.delete = func() (teardown.Deletion, error) {
			w.isDeleted = nil // others create the resource again
			return teardown.Deletion{}, refused(errors.RateLimitReached)
		}
		r, err := w.execute(t)
		if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.PlanStale) || w.deleted != 1 {
			t.Errorf("got %+v, %v after %d deletions, want %q after 1", r, err, w.deleted, errors.PlanStale)
		}
	})
}

// renewing is a driver whose deletion waits, and then asks for another inspection.
type renewing struct {
	*fakeBlocking
	wait    time.Duration
	changed func()
}

func (d *renewing) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	fresh, start := trace.FreshnessOf(ctx), time.Now()
	if until := fresh.Until().Sub(start); until != 10*time.Second {
		return teardown.Deletion{}, refused(errors.Internal)
	}
	time.Sleep(d.wait)
	d.changed()
	if err := fresh.Renew(ctx); err != nil {
		return teardown.Deletion{}, err
	}
	return d.fakeBlocking.Delete(ctx, o)
}

// A deletion that waited is sent only after another inspection that finds nothing new.
func TestExecute_DeletionWaits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*fakeBlocking)
		want   teardown.Outcome
	}{
		"unchanged":   {func(*fakeBlocking) {}, teardown.Deleted},
		"a new user":  {func(w *fakeBlocking) { w.cascades = []teardown.Cascade{{Kind: "users", Count: 2}} }, teardown.Blocked},
		"a resource":  {func(w *fakeBlocking) { w.isDeleted = nil }, teardown.Blocked},
		"another one": {func(w *fakeBlocking) { w.steps = append(w.steps, stepsOf("z")...) }, teardown.Blocked},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeBlocking{steps: stepsOf("a"), lags: true}
			d := &renewing{w, time.Minute, func() { test.change(w) }}
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(d), w.plan(t), teardown.WithConfirm("Acme"), teardown.WithRetryFor(0))
			if r == nil || r.Outcome != test.want || (err != nil) != errors.Is(err, errors.PlanStale) || (w.deleted == 1) != (test.want == teardown.Deleted) {
				t.Errorf("%s: got %+v, %v after %d deletions", name, r, err, w.deleted)
			}
		})
	}
}

// A 400 of the provider to a read does not show that the resource of a step does not exist, and not
// that the step is not one of the driver.
func TestExecute_RefusedRead(t *testing.T) {
	t.Parallel()
	for status, started := range map[int]bool{400: false, 0: true} {
		w := &fakeBlocking{steps: stepsOf("a")}
		p := w.plan(t)
		w.steps = nil // the list misses it
		w.read = func(string) error { return &errors.Error{Code: errors.InvalidArgument, Status: status} }
		r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"))
		if (r != nil) != started || started != (err == nil) || w.deleted > 0 != started || !started && !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%d: got %+v, %v after %d deletions", status, r, err, w.deleted)
		}
	}
}

// A step whose expected duration exceeds its time limit is polled before the limit, and rarely.
func TestEngine_ExpectedAfterTimeLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wait    teardown.Wait
		learned time.Duration
		limit   time.Duration
	}{
		"expected":            {teardown.Wait{Expect: 2 * time.Hour}, 0, time.Hour},
		"expected in a class": {teardown.Wait{Class: "class", Expect: 2 * time.Hour}, 0, time.Hour},
		"expected in a group": {teardown.Wait{Group: "group", Expect: 2 * time.Hour}, 0, time.Hour},
		"for ever":            {teardown.Wait{Expect: 1 << 62}, 0, time.Hour},
		"learned":             {teardown.Wait{Class: "class"}, 50 * time.Minute, 30 * time.Minute},
		"a short limit":       {teardown.Wait{Expect: time.Hour}, 0, time.Minute},
	} {
		for _, deleted := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				d := newFakeDriver(t, "a")
				if d.durations = new(teardown.Durations); test.learned > 0 { // by another teardown
					d.durations.Learn("class", test.learned, true)
				}
				d.act = func(string, int) (teardown.Progress, error) {
					return teardown.Progress{State: teardown.ProgressDeleting, Next: test.wait}, nil
				}
				if !deleted {
					d.poll = d.act
				}
				r, err := d.execute(t.Context(), teardown.WithStepTimeout(test.limit))
				if deleted && (err != nil || d.pollCalls != 1) || !deleted && (!errors.Is(err, errors.NotFinished) || d.pollCalls > 3) {
					t.Errorf("%s, deleted %t: got %v, %v after %d polls", name, deleted, states(r), err, d.pollCalls)
				}
				if took := d.took(); took > test.limit+time.Second || took < test.limit/2 {
					t.Errorf("%s, deleted %t: took %v with the limit %v", name, deleted, took, test.limit)
				}
			})
		}
	}
}

// After a stop at most as many steps are polled as requests may be in flight.
func TestStop_ManyOpenOutcomes(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, numbered(100)...)
			d.takes = 3 * time.Second
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressPollFirst, Next: teardown.Wait{Expect: 10 * time.Minute}}, nil
			}
			const at = 305 * time.Second
			stop := make(chan struct{})
			time.AfterFunc(at, func() { close(stop) })
			r, err := d.execute(t.Context(), teardown.WithConcurrency(concurrency), teardown.WithStop(stop))
			if took := d.took() - at; r == nil || r.Outcome != teardown.Stopped || took > 2*d.takes || d.pollCalls > concurrency {
				t.Errorf("%d: got %v after %v and %d polls", concurrency, err, took, d.pollCalls)
			}
		})
	}
}

// A stop reaches the reads of an inspection, and not those that decide an outcome.
func TestStop_Inspections(t *testing.T) {
	t.Parallel()
	d := &readsStopped{fakeBlocking: &fakeBlocking{steps: stepsOf("a")}}
	d.stop = make(chan struct{})
	p := d.plan(t)
	r, err := teardown.Execute(t.Context(), teardown.FromBlocking(d), p, teardown.WithConfirm("Acme"), teardown.WithStop(d.stop))
	if r == nil || r.Outcome != teardown.Stopped || !errors.Is(err, errors.NotFinished) {
		t.Errorf("got %+v, %v", r, err)
	}
	if diff := cmp.Diff([]bool{true, false, true}, d.stops); diff != "" { // the poll after the removal decides
		t.Errorf("whether a stop ends the reads (-want +got):\n%s", diff)
	}
}

// readsStopped records for each read whether a stop ends it. It stops in the second inspection.
type readsStopped struct {
	*fakeBlocking
	stop  chan struct{}
	stops []bool
}

func (d *readsStopped) note(ctx context.Context) {
	stopped := make(chan struct{})
	close(stopped)
	d.stops = append(d.stops, trace.ReadsStopped(trace.WithStop(ctx, stopped)))
}

func (d *readsStopped) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	if before != nil {
		if d.note(ctx); len(d.stops) > 1 {
			close(d.stop)
		}
	}
	return d.fakeBlocking.Inspect(ctx, o, before)
}

func (d *readsStopped) IsDeleted(ctx context.Context, o teardown.Organization, step teardown.Step) (bool, error) {
	d.note(ctx)
	return d.fakeBlocking.IsDeleted(ctx, o, step)
}

// No attempt of a step follows a failed write of the journal.
func TestEngine_NoAttemptAfterFailedJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a", "b")
		d.act = func(id string, _ int) (teardown.Progress, error) {
			if id == "a" {
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			}
			return teardown.Progress{}, refused(errors.Unavailable)
		}
		d.poll = func(string, int) (teardown.Progress, error) { return teardown.Progress{}, nil }
		journal := &syncs{disk: disk{fails: 4}} // the result of a
		r, err := d.execute(t.Context(), teardown.WithJournal(journal))
		if r == nil || r.Outcome != teardown.Blocked || err == nil || d.acts["b"] > 1 {
			t.Errorf("got %v, %v after %d acts:\n%s", states(r), err, d.acts["b"], strings.Join(d.calls, "\n"))
		}
	})
}

// leased is a driver whose deletions are counted.
type leased struct {
	*fakeDriver
	deletions int
}

func (d *leased) Delete(ctx context.Context, _ teardown.Organization) (teardown.Deletion, error) {
	d.deletions++
	if err := trace.Write(ctx); err != nil {
		return teardown.Deletion{}, refused(errors.Canceled)
	}
	return teardown.Deletion{Outcome: teardown.Deleted}, nil
}

// After the lease has ended, no act and no deletion starts: not the first act of a step, whose entry is
// in the journal, not another attempt, and not the next act of an attempt.
func TestWithLease_Lost(t *testing.T) {
	t.Parallel()
	lost := errors.New("the lease is lost")
	ready := teardown.Progress{State: teardown.ProgressReady}
	for name, test := range map[string]struct {
		act       func(id string, n int) (teardown.Progress, error)
		permitted int // number of calls
		acts      int
		deletions int
		want      teardown.Outcome
		state     teardown.StepState
		entries   int // that a deletion was started and refused
	}{
		"before the first act": {nil, 0, 0, 0, teardown.Stopped, teardown.StepInterrupted, 0},
		"before another attempt": {
			func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists, Err: refused(errors.Unavailable)}, nil
			}, 1, 1, 0, teardown.Stopped, teardown.StepInterrupted, 0,
		},
		"before the next act": {
			func(string, int) (teardown.Progress, error) { return ready, nil },
			2, 2, 0, teardown.Stopped, teardown.StepInterrupted, 0,
		},
		"before the deletion":      {nil, 1, 1, 0, teardown.Stopped, teardown.StepDeleted, 2},
		"by the deletion's driver": {nil, 2, 1, 1, teardown.Stopped, teardown.StepDeleted, 2},
		"never":                    {nil, 3, 1, 1, teardown.Deleted, teardown.StepDeleted, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &leased{fakeDriver: newFakeDriver(t, "a")}
				d.act = test.act
				d.poll = func(_ string, n int) (teardown.Progress, error) {
					if test.acts == 1 && test.act == nil {
						return teardown.Progress{State: teardown.ProgressNotFound}, nil
					}
					return teardown.Progress{State: teardown.ProgressExists}, nil
				}
				p, err := d.Inspect(t.Context(), acme, nil)
				if err != nil {
					t.Fatal(err)
				}
				var asked, entries atomic.Int32
				journal := writerFunc(func(line []byte) (int, error) {
					if strings.Contains(string(line), `"deletion_`) {
						entries.Add(1)
					}
					return len(line), nil
				})
				r, err := teardown.Execute(t.Context(), d, p, teardown.WithConfirm("Acme"), teardown.WithJournal(journal),
					teardown.WithLease(func(context.Context) error {
						if int(asked.Add(1)) > test.permitted {
							return lost
						}
						return nil
					}))
				if r == nil || r.Outcome != test.want || r.Steps[0].State != test.state || d.actCalls != test.acts || d.deletions != test.deletions {
					t.Fatalf("got %+v after %d acts and %d deletions: %v", r, d.actCalls, d.deletions, err)
				}
				stopped := codeOf(err) == errors.NotFinished && errors.Is(err, lost)
				if stopped != (test.want == teardown.Stopped) || int(entries.Load()) != test.entries {
					t.Errorf("got %v; %d entries of the deletion, want %d", err, entries.Load(), test.entries)
				}
			})
		})
	}
}

// A deletion that another process has sent seconds ago may still take effect: a read decides after that,
// and no second deletion is sent before.
func TestExecute_RecentDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		started     time.Duration // before the run
		takesEffect bool          // the first deletion takes effect during the wait
		stop        bool          // during the wait
		refused     bool          // the journal contains the refusal
		took        time.Duration
		inspected   int
		deletions   int
		want        teardown.Outcome
	}{
		"in flight":            {started: 4 * time.Second, takesEffect: true, took: 6 * time.Second, inspected: 2, want: teardown.Deleted},
		"without effect":       {started: 4 * time.Second, took: 6 * time.Second, inspected: 2, deletions: 1, want: teardown.Deleted},
		"by a differing clock": {started: -time.Hour, took: 10 * time.Second, inspected: 2, deletions: 1, want: teardown.Deleted},
		"long ago":             {started: time.Minute, inspected: 1, deletions: 1, want: teardown.Deleted},
		"refused":              {started: 4 * time.Second, refused: true, inspected: 1, deletions: 1, want: teardown.Deleted},
		"stopped":              {started: 4 * time.Second, stop: true, took: 3 * time.Second, inspected: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeBlocking{}
				p := w.plan(t)
				before := w.inspected
				start := time.Now()
				w.inspects = func(int) error {
					if test.takesEffect && time.Since(start) >= 5*time.Second {
						return &errors.Error{Provider: "fake", Operation: "GetOrganization", Target: "org_1", Code: errors.OrganizationNotFound}
					}
					return nil
				}
				stop := make(chan struct{})
				if test.stop {
					time.AfterFunc(3*time.Second, func() { close(stop) })
				}
				entries := []teardown.Entry{
					entry(teardown.EntryStarted, func(e *teardown.Entry) { e.Plan = p.Fingerprint }),
					entry(teardown.EntryDeletionStarted, func(e *teardown.Entry) { e.Time = start.Add(-test.started) }),
				}
				if test.refused {
					entries = append(entries, entry(teardown.EntryDeletionRefused))
				}
				r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), p, teardown.WithConfirm("Acme"), teardown.WithResume(entries), teardown.WithStop(stop))
				took := time.Since(start)
				if test.stop != (r == nil && codeOf(err) == errors.Canceled) || r != nil && (r.Outcome != test.want || err != nil) {
					t.Fatalf("got %+v, %v", r, err)
				}
				if took != test.took || w.inspected-before != test.inspected || w.deleted != test.deletions {
					t.Errorf("took %v with %d inspections and %d deletions, want %v, %d and %d", took, w.inspected-before, w.deleted, test.took, test.inspected, test.deletions)
				}
			})
		})
	}
}
