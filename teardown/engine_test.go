package teardown_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// fakeDriver is a driver whose functions determine its progress. It records all calls, and
// fails the test if calls for one step overlap, or a poll starts before the last act of its
// step has ended.
type fakeDriver struct {
	t         *testing.T
	steps     []teardown.Step
	takes     time.Duration                                     // each request; a second by default
	act       func(id string, n int) (teardown.Progress, error) // the nth act of a step
	poll      func(id string, n int) (teardown.Progress, error) // the nth poll of a step; an error is that of the whole poll
	hang      func(call string) time.Duration                   // instead of takes; it ends with the context
	answer    func(all []teardown.Progress) []teardown.Progress // instead of a Progress for each step
	durations *teardown.Durations                               // of the client

	mu                             sync.Mutex
	start                          time.Time
	calls                          []string
	busy                           map[string]bool
	acts, polls                    map[string]int
	inspected, pollCalls, actCalls int
	acting, polling                int
	mostActs, mostPolls, most      int
	isDeleted                      map[string]bool
}

func newFakeDriver(t *testing.T, ids ...string) *fakeDriver {
	return &fakeDriver{
		t: t, steps: stepsOf(ids...), takes: time.Second, start: time.Now(),
		busy: map[string]bool{}, acts: map[string]int{}, polls: map[string]int{}, isDeleted: map[string]bool{},
	}
}

// numbered returns n IDs.
func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("s%03d", i)
	}
	return ids
}

func (d *fakeDriver) Provider() (name, instance string) { return "fake", "https://fake.invalid" }

func (d *fakeDriver) Durations() *teardown.Durations { return d.durations }

func (d *fakeDriver) Inspect(context.Context, teardown.Organization, *teardown.Plan) (*teardown.Plan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inspected++
	p := &teardown.Plan{Provider: "fake", Instance: "https://fake.invalid", Organization: acme}
	for _, s := range d.steps {
		if !d.isDeleted[s.ID] {
			s.After = slices.DeleteFunc(slices.Clone(s.After), func(id string) bool { return d.isDeleted[id] })
			p.Steps = append(p.Steps, s)
		}
	}
	if len(p.Steps) > 0 {
		p.DeletionError = &errors.Error{Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied}
	}
	return teardown.Seal(p), nil
}

// startCall records a call and returns the function that ends it.
func (d *fakeDriver) startCall(call string, ids []string, running, most *int) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, fmt.Sprintf("%v %s %s", time.Since(d.start), call, strings.Join(ids, " ")))
	*running++
	*most, d.most = max(*most, *running), max(d.most, d.acting+d.polling)
	for _, id := range ids {
		if d.busy[id] {
			d.t.Errorf("calls for %s overlap", id)
		}
		d.busy[id] = true
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		*running--
		for _, id := range ids {
			d.busy[id] = false
		}
	}
}

// wait is the time that a request takes.
func (d *fakeDriver) wait(ctx context.Context, call string) error {
	takes := d.takes
	if d.hang != nil {
		if hang := d.hang(call); hang > 0 {
			takes = hang
		}
	}
	if takes == 0 { // a driver that ignores the context
		return nil
	}
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *fakeDriver) Act(ctx context.Context, _ teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	defer d.startCall("act", []string{s.ID}, &d.acting, &d.mostActs)()
	if err := d.wait(ctx, "act "+s.ID); err != nil {
		return teardown.Progress{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.actCalls++
	d.acts[s.ID]++
	if d.act == nil {
		return teardown.Progress{State: teardown.ProgressDeleting}, nil
	}
	p, err := d.act(s.ID, d.acts[s.ID])
	if err == nil && p.State == teardown.ProgressNotFound {
		d.isDeleted[s.ID] = true
	}
	return p, err
}

func (d *fakeDriver) Poll(ctx context.Context, _ teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	if len(steps) == 0 {
		d.t.Error("poll without steps")
	}
	var ids []string
	for _, s := range steps {
		ids = append(ids, s.ID)
	}
	call := strings.TrimSpace("poll " + group)
	defer d.startCall(call, ids, &d.polling, &d.mostPolls)()
	if err := d.wait(ctx, call); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pollCalls++
	var all []teardown.Progress
	for _, id := range ids {
		d.polls[id]++
		p := teardown.Progress{State: teardown.ProgressNotFound}
		if d.poll != nil {
			var err error
			if p, err = d.poll(id, d.polls[id]); err != nil {
				return nil, err
			}
		}
		if p.State == teardown.ProgressNotFound {
			d.isDeleted[id] = true
		}
		all = append(all, p)
	}
	if d.answer != nil {
		all = d.answer(all)
	}
	return all, nil
}

func (d *fakeDriver) Delete(context.Context, teardown.Organization) (teardown.Deletion, error) {
	return teardown.Deletion{Outcome: teardown.Deleted}, nil
}

func (d *fakeDriver) execute(ctx context.Context, options ...teardown.Option) (*teardown.Report, error) {
	d.t.Helper()
	p, err := d.Inspect(ctx, acme, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return teardown.Execute(ctx, d, p, append([]teardown.Option{teardown.WithConfirm("Acme")}, options...)...)
}

// took returns the time since the start.
func (d *fakeDriver) took() time.Duration { return time.Since(d.start) }

func deletingIn(group string, expect time.Duration) teardown.Progress {
	return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Group: group, Expect: expect}}
}

// want fails the test unless these are the calls, in order.
func (d *fakeDriver) want(calls ...string) {
	d.t.Helper()
	if diff := cmp.Diff(calls, d.calls); diff != "" {
		d.t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestEngine_OnePollForAGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(100)...)
		d.takes = 20 * time.Millisecond
		d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", 10*time.Second), nil }
		r, err := d.execute(t.Context())
		if err != nil || r.Outcome != teardown.Deleted || d.actCalls != 100 || d.pollCalls != 1 {
			t.Errorf("got %v after %d acts and %d polls", err, d.actCalls, d.pollCalls)
		}
		// The poll is due with the first step, 10 s after the act of that step.
		if want := 10*time.Second + 2*d.takes; d.took() != want {
			t.Errorf("took %v, want %v", d.took(), want)
		}
	})
}

// The interval of a group decreases with the number of its steps, and increases with the time
// of their wait.
func TestEngine_IntervalOfAGroup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ steps, polls int }{{1, 15}, {3, 30}, {15, 85}, {150, 85}} {
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, numbered(test.steps)...)
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", 10*time.Second), nil }
			d.poll = func(string, int) (teardown.Progress, error) {
				if d.took() < 3*time.Minute {
					return deletingIn("list", 0), nil
				}
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			}
			if _, err := d.execute(t.Context(), teardown.WithConcurrency(200), teardown.WithMaxStarted(200)); err != nil || d.pollCalls != test.polls {
				t.Errorf("%d steps: %v after %d polls, want %d", test.steps, err, d.pollCalls, test.polls)
			}
		})
	}
}

// A poll that is in flight when an act ends does not decide its step.
func TestEngine_JoiningAPollInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a", "b", "c")
		d.hang = func(call string) time.Duration {
			return map[string]time.Duration{"act b": 3 * time.Second, "act c": 8 * time.Second, "poll list": 5 * time.Second}[call]
		}
		d.act = func(string, int) (teardown.Progress, error) {
			return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Group: "list", Now: true}}, nil
		}
		if _, err := d.execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(d.calls[:3])
		d.want("0s act a", "0s act b", "0s act c", "1s poll list a", "6s poll list b", "11s poll list c")
	})
}

// The progress of acts and polls determines the state of a step, and the numbers of its acts
// and polls.
func TestEngine_Progress(t *testing.T) {
	t.Parallel()
	type answers []any // a Progress, a state, or an error code; the last one lasts
	const (
		exists    = teardown.ProgressExists
		deleting  = teardown.ProgressDeleting
		ready     = teardown.ProgressReady
		notFound  = teardown.ProgressNotFound
		pollFirst = teardown.ProgressPollFirst
	)
	why := teardown.Progress{State: teardown.ProgressExists, Err: refused(errors.TaskFailed)}
	for name, test := range map[string]struct {
		acts, polls answers
		nActs       int
		nPolls      int
		attempts    int
		state       teardown.StepState
		code        errors.Code
	}{
		"deleted":                         {answers{deleting}, answers{notFound}, 1, 1, 1, teardown.StepDeleted, ""},
		"found deleted by an act":         {answers{notFound}, nil, 1, 0, 1, teardown.StepDeleted, ""},
		"two acts":                        {answers{ready, deleting}, answers{notFound}, 2, 1, 1, teardown.StepDeleted, ""},
		"ready after a poll":              {answers{deleting}, answers{ready, notFound}, 2, 2, 1, teardown.StepDeleted, ""},
		"still deleting":                  {answers{deleting}, answers{deleting, deleting, notFound}, 1, 3, 1, teardown.StepDeleted, ""},
		"an act shows why it exists":      {answers{why}, nil, 1, 0, 1, teardown.StepFailed, errors.TaskFailed},
		"a poll shows why it exists":      {answers{deleting}, answers{why}, 1, 1, 1, teardown.StepFailed, errors.TaskFailed},
		"exists for no reason":            {answers{deleting}, answers{exists, notFound}, 2, 2, 2, teardown.StepDeleted, ""},
		"poll first":                      {answers{pollFirst}, answers{notFound}, 1, 1, 1, teardown.StepDeleted, ""},
		"poll first, which fails":         {answers{pollFirst}, answers{errors.Unavailable, notFound}, 2, 2, 2, teardown.StepDeleted, ""},
		"poll first, which is denied":     {answers{pollFirst}, answers{errors.PermissionDenied}, 1, 1, 1, teardown.StepFailed, errors.PermissionDenied},
		"poll first, a later one fails":   {answers{pollFirst}, answers{deleting, errors.Unavailable, notFound}, 1, 3, 1, teardown.StepDeleted, ""},
		"poll first, ready, poll fails":   {answers{pollFirst, deleting}, answers{ready, errors.Unavailable, notFound}, 2, 3, 1, teardown.StepDeleted, ""},
		"a poll fails":                    {answers{deleting}, answers{errors.Unavailable, notFound}, 1, 2, 1, teardown.StepDeleted, ""},
		"a poll is denied":                {answers{deleting}, answers{errors.PermissionDenied}, 1, 1, 1, teardown.StepFailed, errors.PermissionDenied},
		"polls fail for long":             {answers{deleting}, answers{errors.Unavailable}, 1, 0, 1, teardown.StepFailed, errors.Unavailable},
		"act fails, deleted":              {answers{errors.PermissionDenied}, answers{notFound}, 1, 1, 1, teardown.StepDeleted, ""},
		"act fails, deleting":             {answers{errors.PermissionDenied}, answers{deleting, notFound}, 1, 2, 1, teardown.StepDeleted, ""},
		"act fails, deleting, exists":     {answers{errors.PermissionDenied, deleting}, answers{deleting, exists, notFound}, 2, 3, 2, teardown.StepDeleted, ""},
		"act fails, deleting, poll fails": {answers{errors.PermissionDenied}, answers{deleting, errors.Unavailable, notFound}, 1, 3, 1, teardown.StepDeleted, ""},
		"act fails, ready":                {answers{errors.PermissionDenied, deleting}, answers{ready, notFound}, 2, 2, 1, teardown.StepDeleted, ""},
		"act fails, ready, poll fails":    {answers{errors.PermissionDenied, deleting}, answers{ready, errors.Unavailable, notFound}, 2, 3, 1, teardown.StepDeleted, ""},
		"act fails, exists":               {answers{errors.PermissionDenied}, answers{exists}, 1, 1, 1, teardown.StepFailed, errors.PermissionDenied},
		"act fails, exists for a reason":  {answers{errors.PermissionDenied}, answers{why}, 1, 1, 1, teardown.StepFailed, errors.PermissionDenied},
		"act fails, poll fails":           {answers{errors.PermissionDenied}, answers{errors.Unavailable}, 1, 1, 1, teardown.StepFailed, errors.PermissionDenied},
		"act fails once":                  {answers{errors.Unavailable, deleting}, answers{exists, notFound}, 2, 2, 2, teardown.StepDeleted, ""},
		"a poll that polls first":         {answers{deleting}, answers{pollFirst, notFound}, 1, 1, 1, teardown.StepFailed, errors.DriverFailed},
		"an act without a state":          {answers{teardown.Progress{}}, answers{notFound}, 1, 1, 1, teardown.StepDeleted, ""},
		"an act without a state, exists":  {answers{teardown.Progress{}}, answers{exists}, 1, 1, 1, teardown.StepFailed, errors.DriverFailed},
		"an act of an unknown state":      {answers{teardown.ProgressState(7)}, answers{exists}, 1, 1, 1, teardown.StepFailed, errors.DriverFailed},
		"an act of a negative state":      {answers{teardown.ProgressState(-1)}, answers{exists}, 1, 1, 1, teardown.StepFailed, errors.DriverFailed},
		"a poll without a state":          {answers{deleting}, answers{teardown.Progress{}, notFound}, 1, 1, 1, teardown.StepFailed, errors.DriverFailed},
		"a poll of an unknown state":      {answers{deleting}, answers{teardown.ProgressState(7), notFound}, 1, 1, 1, teardown.StepFailed, errors.DriverFailed},
		"act fails, poll without a state": {answers{errors.PermissionDenied}, answers{teardown.Progress{}}, 1, 1, 1, teardown.StepFailed, errors.PermissionDenied},
	} {
		for _, wait := range []teardown.Wait{{}, {Group: "list"}, {Class: "class"}} {
			t.Run(strings.TrimSpace(name+" "+wait.Group+wait.Class), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					answer := func(all answers) func(string, int) (teardown.Progress, error) {
						return func(_ string, n int) (teardown.Progress, error) {
							p := teardown.Progress{}
							switch a := all[min(n, len(all))-1].(type) {
							case teardown.Progress:
								p = a
							case teardown.ProgressState:
								p.State = a
							case errors.Code:
								return p, refused(a)
							}
							p.Next = wait
							return p, nil
						}
					}
					d := newFakeDriver(t, "a")
					d.act, d.poll = answer(test.acts), answer(test.polls)
					r, err := d.execute(t.Context())
					if r == nil || len(r.Steps) != 1 {
						t.Fatalf("got %+v, %v", r, err)
					}
					s := r.Steps[0]
					if s.State != test.state || codeOf(s.Err) != test.code || s.Attempts != test.attempts {
						t.Errorf("got %s, %v after %d attempts; want %s, %q after %d", s.State, s.Err, s.Attempts, test.state, test.code, test.attempts)
					}
					if d.actCalls != test.nActs || test.nPolls > 0 && d.pollCalls != test.nPolls || test.polls == nil && d.pollCalls > 0 {
						t.Errorf("%d acts and %d polls, want %d and %d:\n%s", d.actCalls, d.pollCalls, test.nActs, test.nPolls, strings.Join(d.calls, "\n"))
					}
					if name == "polls fail for long" && (d.took() < 13*time.Minute || d.took() > 16*time.Minute) {
						t.Errorf("took %v", d.took())
					}
				})
			})
		}
	}
}

// After a failed act, a poll of that step follows at once.
func TestEngine_PollAfterFailedAct(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a")
		d.act = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return deletingIn("list", 10*time.Second), nil
			}
			return teardown.Progress{}, refused(errors.OutcomeUnknown)
		}
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{State: teardown.ProgressReady}, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		if _, err := d.execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.want("0s act a", "11s poll list a", "12s act a", "13s poll a")
	})
}

// A poll that shows progress of the removal resets the time for retries.
func TestEngine_RetriesOfPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a")
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			switch {
			case n == 40:
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			case n%2 == 0:
				return teardown.Progress{State: teardown.ProgressDeleting}, nil
			}
			return teardown.Progress{}, refused(errors.Unavailable)
		}
		if _, err := d.execute(t.Context(), teardown.WithRetryFor(10*time.Second)); err != nil || d.actCalls != 1 || d.pollCalls != 40 {
			t.Errorf("got %v after %d polls in %v", err, d.pollCalls, d.took())
		}
		// If the provider requires a longer wait, no request is sent before it ends.
		d = newFakeDriver(t, "a")
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{}, &errors.Error{Code: errors.RateLimitReached, RetryAfter: 5 * time.Minute}
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		if _, err := d.execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.want("0s act a", "2s poll a", "5m3s poll a")
	})
}

// The time of failing attempts is limited, although each removal was accepted and started.
func TestEngine_RetriesOfAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a")
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			if n%2 == 0 {
				return teardown.Progress{State: teardown.ProgressExists, Err: refused(errors.Unavailable)}, nil
			}
			return teardown.Progress{State: teardown.ProgressDeleting}, nil
		}
		_, err := d.execute(t.Context(), teardown.WithRetryFor(5*time.Minute))
		if !errors.Is(err, errors.Unavailable) || d.took() < 4*time.Minute || d.took() > 6*time.Minute {
			t.Errorf("got %v after %d attempts in %v", err, d.actCalls, d.took())
		}
	})
}

// The text of a progress is reported when it changes.
func TestEngine_Texts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a")
		texts := []string{"stopping", "stopping", "", "stopping", "stopped", "stopping"}
		d.act = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{State: teardown.ProgressReady, Text: "preparing"}, nil
			}
			return teardown.Progress{State: teardown.ProgressDeleting, Text: "stopping"}, nil
		}
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			switch {
			case n > len(texts)+1:
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			case n > len(texts):
				return teardown.Progress{State: teardown.ProgressReady, Text: "ready"}, nil
			}
			return teardown.Progress{State: teardown.ProgressDeleting, Text: texts[n-1]}, nil
		}
		var got []string
		if _, err := d.execute(t.Context(), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventWaiting {
				got = append(got, e.Text)
			}
		})); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"preparing", "stopping", "stopped", "stopping", "ready", "stopping"}, got); diff != "" {
			t.Errorf("texts (-want +got):\n%s", diff)
		}
	})
}

func TestEngine_MaxStarted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		options []teardown.Option
		most    int
		took    time.Duration
	}{
		{[]teardown.Option{teardown.WithMaxStarted(3)}, 3, 4*time.Minute + 8*time.Second},
		{[]teardown.Option{teardown.WithMaxStarted(1)}, 1, 10 * (time.Minute + 2*time.Second)},
		{nil, 10, time.Minute + 3*time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, numbered(10)...)
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("", time.Minute), nil }
			started, most := 0, 0
			_, err := d.execute(t.Context(), append(test.options, teardown.WithEvents(func(e teardown.Event) {
				switch {
				case e.Step == "":
				case e.Kind == teardown.EventStarted:
					started++
					most = max(most, started)
				case e.Kind == teardown.EventFinished:
					started--
				}
			}))...)
			if err != nil || most != test.most || d.took() > test.took {
				t.Errorf("got %v, %d at a time in %v; want %d in %v", err, most, d.took(), test.most, test.took)
			}
		})
	}
	// The default.
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(101)...)
		d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", time.Hour/2), nil }
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		if r, err := d.execute(ctx); err == nil || states(r)["s099"] != teardown.StepInterrupted || states(r)["s100"] != teardown.StepNotStarted {
			t.Errorf("got %v, %v", states(r), err)
		}
	})
}

// Acts and polls have slots of their own, and a step that waits has none.
func TestEngine_Slots(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ concurrency, acts, polls, most int }{
		{8, 8, 8, 16}, {4, 4, 4, 8}, {2, 2, 2, 4}, {1, 1, 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, numbered(100)...)
			d.takes = 3 * time.Second
			r, err := d.execute(t.Context(), teardown.WithConcurrency(test.concurrency))
			if err != nil || r.Outcome != teardown.Deleted || d.mostActs != test.acts || d.mostPolls != test.polls || d.most != test.most {
				t.Errorf("with %d: got %v, %d acts, %d polls, %d requests at a time", test.concurrency, err, d.mostActs, d.mostPolls, d.most)
			}
			if d.actCalls != 100 || d.pollCalls != 100 {
				t.Errorf("%d acts and %d polls", d.actCalls, d.pollCalls)
			}
		})
	}
	// All of them wait at the same time.
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(100)...)
		d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", time.Hour/2), nil }
		if _, err := d.execute(t.Context(), teardown.WithConcurrency(2)); err != nil || d.took() > time.Hour/2+time.Minute {
			t.Errorf("got %v after %v", err, d.took())
		}
	})
}

// pausing is a blocking driver whose removals wait without a slot.
type pausing struct {
	*fakeBlocking
	working, most int
}

func (w *pausing) work(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.working += n
	w.most = max(w.most, w.working)
}

func (w *pausing) Remove(ctx context.Context, _ teardown.Organization, step teardown.Step, progress func(string)) error {
	w.work(1)
	time.Sleep(time.Second)
	w.work(-1)
	trace.Pause(ctx, func() {
		progress("it takes its time")
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
		}
	})
	w.work(1)
	defer w.work(-1)
	time.Sleep(time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isDeleted = append(w.isDeleted, step.ID)
	return ctx.Err()
}

func TestFromBlocking_WaitsHoldNoSlot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		concurrency, most int
		took              time.Duration
	}{
		{2, 2, time.Minute + 25*time.Second}, {1, 1, 20 * 62 * time.Second}, {20, 20, time.Minute + 3*time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, start := &pausing{fakeBlocking: &fakeBlocking{steps: stepsOf(numbered(20)...)}}, time.Now()
			r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), w.plan(t), teardown.WithConfirm("Acme"), teardown.WithConcurrency(test.concurrency))
			if took := time.Since(start); err != nil || r.Outcome != teardown.Deleted || w.most != test.most || took > test.took {
				t.Errorf("with %d: got %v, %d at a time in %v; want %d in %v", test.concurrency, err, w.most, took, test.most, test.took)
			} else if test.concurrency == 1 && took != test.took {
				t.Errorf("one after the other: took %v, want %v", took, test.took)
			}
		})
	}
	// A stop ends all waits.
	synctest.Test(t, func(t *testing.T) {
		w, start, stop := &pausing{fakeBlocking: &fakeBlocking{steps: stepsOf(numbered(20)...)}}, time.Now(), make(chan struct{})
		time.AfterFunc(30*time.Second, func() { close(stop) })
		r, err := teardown.Execute(t.Context(), teardown.FromBlocking(w), w.plan(t), teardown.WithConfirm("Acme"), teardown.WithConcurrency(2), teardown.WithStop(stop))
		if took := time.Since(start); r == nil || !errors.Is(err, errors.NotFinished) || took > 45*time.Second || w.deleted > 0 {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// A step ends at its time limit, in each phase.
func TestEngine_StepTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set  func(*fakeDriver)
		code errors.Code
		took time.Duration
	}{
		"waits": {func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("", time.Hour), nil }
			d.poll = func(string, int) (teardown.Progress, error) { return deletingIn("", time.Hour), nil }
		}, errors.NotFinished, time.Minute},
		"waits in a group": {func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", time.Hour), nil }
			d.poll = func(string, int) (teardown.Progress, error) { return deletingIn("list", time.Hour), nil }
		}, errors.NotFinished, time.Minute},
		"waits in a class": {func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Class: "class", Expect: time.Hour}}, nil
			}
			d.poll = d.act
		}, errors.NotFinished, time.Minute},
		"continues": {func(d *fakeDriver) {
			d.poll = func(string, int) (teardown.Progress, error) { return deletingIn("list", 0), nil }
		}, errors.NotFinished, time.Minute},
		"acts": {func(d *fakeDriver) {
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"act a": time.Hour}[call] }
		}, errors.NotFinished, time.Minute},
		"is polled": {func(d *fakeDriver) {
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"poll": time.Hour}[call] }
		}, errors.NotFinished, time.Minute},
		"is polled in a group": {func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", 0), nil }
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"poll list": time.Hour}[call] }
		}, errors.NotFinished, time.Minute},
		"acts for longer": {func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				time.Sleep(2 * time.Minute) // whatever the context says
				return deletingIn("", 0), nil
			}
		}, errors.NotFinished, 2*time.Minute + time.Second},
		"pauses": {func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, &errors.Error{Code: errors.RateLimitReached, RetryAfter: 5 * time.Minute}
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
		}, errors.RateLimitReached, time.Minute},
		"fails at its end": {func(d *fakeDriver) {
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"poll": 59 * time.Second}[call] }
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressPollFirst, Next: teardown.Wait{Now: true}}, nil
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
		}, errors.Unavailable, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newFakeDriver(t, "a", "b<a")
				test.set(d)
				r, err := d.execute(t.Context(), teardown.WithStepTimeout(time.Minute))
				if r == nil || r.Steps[0].State != teardown.StepFailed || codeOf(r.Steps[0].Err) != test.code || r.Steps[1].State != teardown.StepNotStarted {
					t.Errorf("got %+v, %v", r, err)
				}
				if d.took() != test.took || d.actCalls > 1 {
					t.Errorf("took %v, want %v:\n%s", d.took(), test.took, strings.Join(d.calls, "\n"))
				}
			})
		})
	}
	// A step whose next act has no slot.
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a", "b", "c")
		d.act = func(string, int) (teardown.Progress, error) {
			return teardown.Progress{}, refused(errors.Unavailable)
		}
		d.poll = func(string, int) (teardown.Progress, error) {
			return teardown.Progress{State: teardown.ProgressExists}, nil
		}
		d.hang = func(call string) time.Duration { return map[string]time.Duration{"act b": time.Hour}[call] }
		r, err := d.execute(t.Context(), teardown.WithStepTimeout(time.Minute), teardown.WithConcurrency(1))
		if r == nil || states(r)["a"] != teardown.StepFailed || states(r)["c"] != teardown.StepFailed || codeOf(r.Steps[0].Err) != errors.Unavailable || d.acts["a"] != 1 || r.Steps[0].FinishedAt.Sub(d.start) != time.Minute {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	// The other steps of its group continue.
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a", "b")
		d.hang = func(call string) time.Duration { return map[string]time.Duration{"act b": 30 * time.Second}[call] }
		d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", 40*time.Second), nil }
		d.poll = func(id string, _ int) (teardown.Progress, error) {
			if id == "a" {
				return deletingIn("list", 0), nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		r, err := d.execute(t.Context(), teardown.WithStepTimeout(45*time.Second), teardown.WithMaxStarted(2))
		if r == nil || states(r)["a"] != teardown.StepFailed || states(r)["b"] != teardown.StepDeleted {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// The time limit ends a step whose acts never end with a wait.
func TestEngine_StepTimeoutOfActs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a")
		d.takes = 0
		d.act = func(string, int) (teardown.Progress, error) {
			time.Sleep(time.Second) // whatever the context says
			return teardown.Progress{State: teardown.ProgressReady}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		r, err := d.execute(ctx, teardown.WithStepTimeout(time.Minute))
		if r == nil || states(r)["a"] != teardown.StepFailed || !errors.Is(err, errors.NotFinished) || d.acts["a"] != 60 || d.took() != time.Minute {
			t.Errorf("got %v, %v after %v and %d acts", states(r), err, d.took(), d.acts["a"])
		}
	})
}

// After a lost answer a group is polled as rarely as a single step until the expected time.
func TestEngine_ExpectedAfterLostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(12)...)
		deleting := teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Group: "list", Expect: 5 * time.Minute}}
		d.act = func(id string, _ int) (teardown.Progress, error) {
			if id == "s000" {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
			return deleting, nil
		}
		d.poll = func(string, int) (teardown.Progress, error) {
			if d.took() < 5*time.Minute {
				return deleting, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		r, err := d.execute(t.Context())
		if r == nil || r.Outcome != teardown.Deleted || d.pollCalls > 40 {
			t.Errorf("got %v after %d polls:\n%s", err, d.pollCalls, strings.Join(d.calls, "\n"))
		}
	})
}

// After a stop or a cancel no step and no act starts, and steps that wait end at once.
func TestEngine_Stop(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ids     []string
		set     func(*fakeDriver)
		options []teardown.Option
		states  map[string]teardown.StepState
		took    time.Duration // after a gentle stop after 10 s and a half
		acts    int
	}{
		"waits": {[]string{"a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("", time.Hour), nil }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 10500 * time.Millisecond, 1},
		"waits in a group, and another acts": {[]string{"a", "b"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", 15*time.Second), nil }
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"act b": 30 * time.Second}[call] }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted, "b": teardown.StepInterrupted}, 30 * time.Second, 2},
		"acts, and is being deleted, and another acts": {[]string{"a", "b"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("", 5*time.Second), nil }
			d.hang = func(call string) time.Duration {
				return map[string]time.Duration{"act a": 12 * time.Second, "act b": 30 * time.Second}[call]
			}
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted, "b": teardown.StepInterrupted}, 30 * time.Second, 2},
		"acts, and one comes after it": {[]string{"a", "b<a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			}
			d.hang = func(string) time.Duration { return 20 * time.Second }
		}, nil, map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepNotStarted}, 20 * time.Second, 1},
		"acts, and is ready then": {[]string{"a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressReady}, nil
			}
			d.hang = func(string) time.Duration { return 20 * time.Second }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 20 * time.Second, 1},
		"acts, and is polled first": {[]string{"a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressPollFirst, Next: teardown.Wait{Expect: time.Hour / 2}}, nil
			}
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"act a": 20 * time.Second}[call] }
		}, nil, map[string]teardown.StepState{"a": teardown.StepDeleted}, 21 * time.Second, 1},
		"acts, and fails": {[]string{"a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"act a": 20 * time.Second}[call] }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 21 * time.Second, 1},
		"is to be polled first": {[]string{"a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressPollFirst, Next: teardown.Wait{Expect: time.Hour / 2}}, nil
			}
		}, nil, map[string]teardown.StepState{"a": teardown.StepDeleted}, 11500 * time.Millisecond, 1},
		"are to be polled first in a class": {[]string{"a", "b"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressPollFirst, Next: teardown.Wait{Class: "class", Expect: time.Hour / 2}}, nil
			}
		}, nil, map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepDeleted}, 11500 * time.Millisecond, 2},
		"are to be polled first in a group": {[]string{"a", "b"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressPollFirst, Next: teardown.Wait{Group: "list", Expect: time.Hour / 2}}, nil
			}
		}, nil, map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepDeleted}, 11500 * time.Millisecond, 2},
		"is polled": {[]string{"a"}, func(d *fakeDriver) {
			d.poll = func(string, int) (teardown.Progress, error) { return deletingIn("", 0), nil }
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"poll": 20 * time.Second}[call] }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 22 * time.Second, 1},
		"is polled, and another acts": {[]string{"a", "b"}, func(d *fakeDriver) {
			d.poll = func(string, int) (teardown.Progress, error) { return deletingIn("", 0), nil }
			d.hang = func(call string) time.Duration {
				return map[string]time.Duration{"poll": 20 * time.Second, "act b": 40 * time.Second}[call]
			}
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted, "b": teardown.StepInterrupted}, 40 * time.Second, 2},
		"is polled, and is ready then": {[]string{"a"}, func(d *fakeDriver) {
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressReady}, nil
			}
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"poll": 20 * time.Second}[call] }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 22 * time.Second, 1},
		"is polled, which fails": {[]string{"a"}, func(d *fakeDriver) {
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"poll": 20 * time.Second}[call] }
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 22 * time.Second, 1},
		"pauses": {[]string{"a"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, &errors.Error{Code: errors.RateLimitReached, RetryAfter: time.Minute}
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
		}, nil, map[string]teardown.StepState{"a": teardown.StepInterrupted}, 10500 * time.Millisecond, 1},
		"finds no slot": {[]string{"a", "b", "c"}, func(d *fakeDriver) {
			d.act = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
			d.poll = func(string, int) (teardown.Progress, error) {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
			d.hang = func(call string) time.Duration { return map[string]time.Duration{"act b": 20 * time.Second}[call] }
		}, []teardown.Option{teardown.WithConcurrency(1)}, map[string]teardown.StepState{"a": teardown.StepInterrupted, "b": teardown.StepInterrupted, "c": teardown.StepNotStarted}, 23 * time.Second, 2},
	} {
		for _, gentle := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, gentle %t", name, gentle), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					d, stop := newFakeDriver(t, test.ids...), make(chan struct{})
					test.set(d)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					time.AfterFunc(10500*time.Millisecond, func() {
						if gentle {
							close(stop)
						} else {
							cancel()
						}
					})
					r, err := d.execute(ctx, append(test.options, teardown.WithStop(stop))...)
					if r == nil || r.Outcome != teardown.Stopped || !errors.Is(err, errors.NotFinished) && gentle {
						t.Fatalf("got %+v, %v", r, err)
					}
					if !gentle {
						if d.took() != 10500*time.Millisecond || len(d.acts) > len(test.ids) {
							t.Errorf("took %v:\n%s", d.took(), strings.Join(d.calls, "\n"))
						}
						for id, state := range states(r) {
							if want := test.states[id]; state != want && (want == teardown.StepNotStarted || state != teardown.StepInterrupted) {
								t.Errorf("%s is %s", id, state)
							}
						}
						return
					}
					if diff := cmp.Diff(test.states, states(r)); diff != "" {
						t.Errorf("states (-want +got):\n%s", diff)
					}
					if d.took() != test.took || d.actCalls != test.acts {
						t.Errorf("took %v and %d acts, want %v and %d:\n%s", d.took(), d.actCalls, test.took, test.acts, strings.Join(d.calls, "\n"))
					}
				})
			})
		}
	}
}

// After a stop while steps start, the next step does not start.
func TestEngine_StopWhileStarting(t *testing.T) {
	t.Parallel()
	for _, gentle := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d, stop := newFakeDriver(t, numbered(5)...), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := d.execute(ctx, teardown.WithStop(stop), teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.EventStarted && e.Step == "s001" {
					if gentle {
						close(stop)
					} else {
						cancel()
					}
				}
			}))
			if r == nil || !errors.Is(err, errors.NotFinished) && gentle || len(d.calls) > 4 || states(r)["s001"] != teardown.StepInterrupted || states(r)["s002"] != teardown.StepNotStarted {
				t.Errorf("got %v, %v", states(r), err)
			}
		})
	}
}

func TestEngine_WrongNumberOfAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func([]teardown.Progress) []teardown.Progress{
		"none":     func([]teardown.Progress) []teardown.Progress { return nil },
		"one less": func(all []teardown.Progress) []teardown.Progress { return all[1:] },
		"one more": func(all []teardown.Progress) []teardown.Progress { return append(all, all[0]) },
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, "a", "b")
			d.act = func(string, int) (teardown.Progress, error) { return deletingIn("list", 5*time.Second), nil }
			d.answer = answer
			r, err := d.execute(t.Context())
			if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, errors.Internal) || states(r)["a"] != teardown.StepFailed || states(r)["b"] != teardown.StepFailed || d.pollCalls != 1 {
				t.Errorf("%s: got %+v, %v after %d polls", name, r, err, d.pollCalls)
			}
		})
	}
}

// syncs is a journal that counts the calls of Sync, and fails at one of them.
type syncs struct {
	disk
	n, failsAt int
}

func (s *syncs) Sync() error {
	if s.n++; s.n == s.failsAt {
		return io.ErrShortWrite
	}
	return s.disk.Sync()
}

// The results of a poll are synced once, before a step that comes after them starts.
func TestEngine_JournalOfAPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		journal := new(syncs)
		d := newFakeDriver(t, append(numbered(50), "last<"+strings.Join(numbered(50), ","))...)
		d.act = func(id string, _ int) (teardown.Progress, error) {
			if id == "last" && strings.Count(journal.String()[:journal.synced], `"state":"deleted"`) != 50 {
				t.Errorf("started before the results were synced: %d bytes of %d", journal.synced, journal.Len())
			}
			return deletingIn("list", 20*time.Second), nil
		}
		r, err := d.execute(t.Context(), teardown.WithJournal(journal), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventFinished && e.Step != "" && journal.synced != journal.Len() {
				t.Errorf("%s was reported before it was synced", e.Step)
			}
		}))
		// Before the first step, both polls, before the deletion and after it.
		if err != nil || r.Outcome != teardown.Deleted || journal.n != 5 || d.pollCalls != 2 {
			t.Errorf("got %v, %d syncs and %d polls", err, journal.n, d.pollCalls)
		}
	})
}

// After a failed write of the journal no step starts, and no step is reported as deleted
// without an error.
func TestEngine_JournalFails(t *testing.T) {
	t.Parallel()
	for name, journal := range map[string]*syncs{
		"at the sync of a result": {failsAt: 2},
		"at the start of a step":  {disk: disk{fails: 2}},
		"at a result":             {disk: disk{fails: 3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, ended := newFakeDriver(t, "a", "b<a"), 0
			r, err := d.execute(t.Context(), teardown.WithJournal(journal), teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.EventFinished && e.Step == "a" && errors.Is(e.Err, io.ErrShortWrite) {
					ended++
				}
			}))
			if ended != 1 {
				t.Errorf("%s: %d events of the end of the step", name, ended)
			}
			if r == nil || r.Outcome != teardown.Blocked || !errors.Is(err, io.ErrShortWrite) || d.acts["b"] != 0 || r.Steps[0].Err == nil {
				t.Errorf("%s: got %+v, %v", name, r, err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if name == "at the start of a step" && (len(d.calls) != 0 || states(r)["a"] != teardown.StepFailed) {
				t.Errorf("%s: %q, %v", name, d.calls, states(r))
			}
		})
	}
}

// Of the steps of a class without a group, one is polled, and the others wait until that one is
// deleted.
func TestEngine_PollsOfAClass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(50)...)
		d.takes = 20 * time.Millisecond
		wait := teardown.Wait{Class: "class", Expect: 10 * time.Second}
		d.act = func(string, int) (teardown.Progress, error) {
			return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
		}
		d.poll = func(string, int) (teardown.Progress, error) {
			if d.took() < time.Minute {
				return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		if _, err := d.execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		// One poll each second, until one step is deleted. Then the others are read at once,
		// with an increasing number of polls at the same time.
		if d.pollCalls != 49+50 || d.took() > time.Minute+300*time.Millisecond {
			t.Errorf("%d polls of 50 steps in %v", d.pollCalls, d.took())
		}
	})
}

// A teardown uses the durations that another one of the same client has learned.
func TestEngine_DurationsOfAClient(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			client := new(teardown.Durations)
			var first []time.Duration // polls until each is done
			for range 3 {
				d := newFakeDriver(t, "a")
				d.takes = 20 * time.Millisecond
				if shared {
					d.durations = client
				}
				wait := teardown.Wait{Class: "class"}
				d.act = func(string, int) (teardown.Progress, error) {
					return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
				}
				d.poll = func(string, int) (teardown.Progress, error) {
					if d.took() < 30*time.Second {
						return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
					}
					return teardown.Progress{State: teardown.ProgressNotFound}, nil
				}
				if _, err := d.execute(t.Context()); err != nil {
					t.Fatal(err)
				}
				first = append(first, time.Duration(d.pollCalls))
				// Earlier polls that did not show the end prove that the poll that did was not late.
				if got := client.Expected("class"); shared && (got < 29*time.Second || got > 40*time.Second) {
					t.Errorf("learned %v", got)
				}
			}
			if shared != (first[1] < first[0]) || first[2] > first[0] {
				t.Errorf("shared %t: polls of each %d", shared, first)
			}
		})
	}
}

func TestDurations_Learn(t *testing.T) {
	t.Parallel()
	type poll struct {
		took time.Duration
		done bool
	}
	for name, test := range map[string]struct {
		polls []poll
		want  time.Duration
	}{
		"nothing":                          {nil, 0},
		"not done yet":                     {[]poll{{10, false}}, 0},
		"done":                             {[]poll{{70, false}, {80, true}}, 80},
		"done late":                        {[]poll{{80, true}}, 64},
		"done late, the last one long ago": {[]poll{{59, false}, {80, true}}, 64},
		"done late, corrected":             {[]poll{{80, true}, {64, true}}, 64 * 4 / 5},
		"done late, and not before":        {[]poll{{80, true}, {64, false}}, 80},
		"earlier":                          {[]poll{{70, false}, {80, true}, {40, true}}, 40},
		"later":                            {[]poll{{80, false}, {80, true}, {160, true}}, 90},
		"not done early":                   {[]poll{{80, true}, {10, false}}, 64},
		"not done late and early":          {[]poll{{70, false}, {10, false}, {80, true}}, 80},
		"slower after one that lasts":      {[]poll{{70, false}, {80, true}, {100, false}, {160, true}, {160, true}, {160, true}, {160, true}}, 111 * 4 / 5},
		"slower after a fast one":          {[]poll{{70, false}, {80, true}, {40, true}, {160, true}, {160, true}}, 68 * 4 / 5},
		"not done after it was":            {[]poll{{70, false}, {80, true}, {100, false}}, 80},
	} {
		var d teardown.Durations
		for _, p := range test.polls {
			d.Learn("class", p.took, p.done)
		}
		if got := d.Expected("class"); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
		if got := d.Expected("another"); got != 0 {
			t.Errorf("%s: another class has %d", name, got)
		}
	}
}

// Steps start in the order of the plan, and the same run makes the same calls.
func TestEngine_Order(t *testing.T) {
	t.Parallel()
	var calls [][]string
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			ids := numbered(40)
			for i := 1; i < 40; i += 3 {
				ids[i] += "<" + strings.SplitN(ids[i-1], "<", 2)[0]
			}
			d := newFakeDriver(t, ids...)
			d.act = func(id string, n int) (teardown.Progress, error) {
				if id == "s005" && n == 1 {
					return teardown.Progress{}, refused(errors.Unavailable)
				}
				return deletingIn("list", 0), nil
			}
			d.poll = func(id string, n int) (teardown.Progress, error) {
				if n == 1 {
					return teardown.Progress{State: teardown.ProgressExists}, nil
				}
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			}
			if _, err := d.execute(t.Context(), teardown.WithConcurrency(1)); err != nil {
				t.Fatal(err)
			}
			calls = append(calls, d.calls)
			// More at a time.
			d = newFakeDriver(t, numbered(40)...)
			var started []string
			if _, err := d.execute(t.Context(), teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.EventStarted && e.Step != "" {
					started = append(started, e.Step)
				}
			})); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(numbered(40), started); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(calls[0], calls[1]); diff != "" {
		t.Errorf("calls (-first +second):\n%s", diff)
	}
}

// waits returns a driver whose steps have the given waits until their first poll.
func waits(t *testing.T, all map[string]teardown.Wait, ids ...string) *fakeDriver {
	d := newFakeDriver(t, ids...)
	d.act = func(id string, _ int) (teardown.Progress, error) {
		return teardown.Progress{State: teardown.ProgressDeleting, Next: all[id]}, nil
	}
	return d
}

// A group is polled when the first of its steps is due, or a step requires a poll at once.
func TestEngine_FirstPoll(t *testing.T) {
	t.Parallel()
	type all = map[string]teardown.Wait
	for name, test := range map[string]struct {
		waits all
		want  []string // polls
	}{
		"the first is due first": {all{
			"a": {Group: "list", Expect: 10 * time.Second}, "b": {Group: "list", Expect: time.Minute},
		}, []string{"11s poll list a b"}},
		"the second is due first": {all{
			"a": {Group: "list", Expect: time.Minute}, "b": {Group: "list", Expect: 10 * time.Second},
		}, []string{"11s poll list a b"}},
		"the second requires it": {all{
			"a": {Group: "list", Expect: time.Minute}, "b": {Group: "list", Now: true},
		}, []string{"1s poll list a b"}},
		"nothing is expected": {all{"a": {Group: "list"}}, []string{"2s poll list a"}},
		"two groups":          {all{"a": {Group: "one"}, "b": {Group: "two"}}, []string{"2s poll one a", "2s poll two b"}},
		"two of no class":     {all{"a": {}, "b": {}}, []string{"2s poll a", "2s poll b"}},
		"two classes": {all{
			"a": {Class: "one", Expect: 10 * time.Minute}, "b": {Class: "two", Expect: 10 * time.Second},
		}, []string{"11s poll b", "10m1s poll a"}},
		"one class": {all{
			"a": {Class: "one", Expect: 10 * time.Second}, "b": {Class: "one", Expect: 10 * time.Second},
		}, []string{"11s poll a", "12s poll b"}},
		"one class, the second is due first": {all{
			"a": {Class: "one", Expect: 10 * time.Minute}, "b": {Class: "one", Expect: 10 * time.Second},
		}, []string{"11s poll b", "12s poll a"}}, // the duration of the first one is the expectation for the second
		"a class, and one at once": {all{
			"a": {Class: "one", Expect: 10 * time.Second}, "b": {Class: "one", Now: true},
		}, []string{"1s poll b", "11s poll a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := waits(t, test.waits, "a", "b")
				d.steps = d.steps[:len(test.waits)]
				// b acts after a.
				d.hang = func(call string) time.Duration {
					return map[string]time.Duration{"act b": time.Second + time.Nanosecond}[call]
				}
				if _, err := d.execute(t.Context()); err != nil {
					t.Fatal(err)
				}
				polls := slices.DeleteFunc(slices.Clone(d.calls), func(call string) bool { return strings.Contains(call, " act ") })
				for i := range polls {
					polls[i] = strings.Replace(polls[i], ".000000001s", "s", 1)
				}
				slices.Sort(polls)
				slices.Sort(test.want)
				if diff := cmp.Diff(test.want, polls); diff != "" {
					t.Errorf("polls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A step that requires a poll at once while one is in flight gets the next poll, whichever steps
// wait.
func TestEngine_NowWhileAPollIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := waits(t, map[string]teardown.Wait{
			"a": {Group: "list", Now: true}, "b": {Group: "list", Now: true}, "c": {Group: "list", Expect: time.Hour / 2},
		}, "a", "b", "c")
		d.hang = func(call string) time.Duration {
			return map[string]time.Duration{"act b": 3 * time.Second, "act c": 4 * time.Second, "poll list": 5 * time.Second}[call]
		}
		if _, err := d.execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(d.calls[:3])
		d.want("0s act a", "0s act b", "0s act c", "1s poll list a", "6s poll list b c")
	})
}

// The engine learns nothing from steps without a class, nor from polls at once.
func TestEngine_NothingToLearn(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]teardown.Wait{"no class": {Expect: 5 * time.Second}, "at once": {Class: "class", Now: true}} {
		synctest.Test(t, func(t *testing.T) {
			d := waits(t, map[string]teardown.Wait{"a": first, "b": {Class: first.Class, Expect: time.Minute}}, "a", "b<a")
			if _, err := d.execute(t.Context()); err != nil {
				t.Fatal(err)
			}
			at := d.calls[2][:strings.Index(d.calls[2], " ")] // of the second act
			acted, err := time.ParseDuration(at)
			if want := fmt.Sprint(acted+time.Second+time.Minute, " poll b"); err != nil || d.calls[3] != want {
				t.Errorf("%s: got %q, want %q", name, d.calls, want)
			}
		})
	}
}

// A class that waits for a slot is not polled more often than other classes.
func TestEngine_ClassWithoutASlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(10)...)
		wait := teardown.Wait{Class: "class"}
		d.act = func(string, int) (teardown.Progress, error) {
			return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
		}
		d.poll = func(string, int) (teardown.Progress, error) {
			if d.took() < time.Minute {
				return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		if _, err := d.execute(t.Context(), teardown.WithConcurrency(1)); err != nil {
			t.Fatal(err)
		}
		before := slices.DeleteFunc(slices.Clone(d.calls), func(call string) bool {
			at, _, _ := strings.Cut(call, " ")
			took, err := time.ParseDuration(at)
			return err != nil || took > time.Minute || strings.Contains(call, " act ")
		})
		// Each poll takes a second, and starts a second after the one before.
		if len(before) > 30 {
			t.Errorf("%d polls in a minute: %q", len(before), before)
		}
	})
}

// After a step exceeds its time limit, the others of its class are still polled.
func TestEngine_TimeoutWithinAClass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := waits(t, map[string]teardown.Wait{
			"a": {Class: "class", Expect: 50 * time.Second}, "b": {Class: "class", Expect: 70 * time.Second}, "c": {Now: true},
		}, "a", "c", "b<c")
		d.hang = func(call string) time.Duration { return map[string]time.Duration{"act c": 30 * time.Second}[call] }
		d.poll = func(id string, _ int) (teardown.Progress, error) {
			if id == "a" {
				return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Class: "class"}}, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		r, err := d.execute(t.Context(), teardown.WithStepTimeout(time.Minute+30*time.Second))
		if r == nil || states(r)["a"] != teardown.StepFailed || states(r)["b"] != teardown.StepDeleted {
			t.Errorf("got %v, %v:\n%s", states(r), err, strings.Join(d.calls, "\n"))
		}
	})
}

// The interval between polls of a single step increases with the time of its wait.
func TestEngine_IntervalOfOne(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wait  teardown.Wait
		polls int
	}{{teardown.Wait{}, 27}, {teardown.Wait{Expect: 4 * time.Minute}, 5}, {teardown.Wait{Group: "list", Now: true}, 27}} {
		synctest.Test(t, func(t *testing.T) {
			d := waits(t, map[string]teardown.Wait{"a": test.wait}, "a")
			d.poll = func(string, int) (teardown.Progress, error) {
				if d.took() < 5*time.Minute {
					return deletingIn(test.wait.Group, 0), nil
				}
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			}
			if _, err := d.execute(t.Context()); err != nil || d.pollCalls != test.polls {
				t.Errorf("%+v: %v after %d polls in %v, want %d: %q", test.wait, err, d.pollCalls, d.took(), test.polls, d.calls)
			}
		})
	}
}

// perSecond returns how many polls started in each second.
func (d *fakeDriver) perSecond() []int {
	var all []int
	for _, call := range d.calls {
		at, what, _ := strings.Cut(call, " ")
		took, err := time.ParseDuration(at)
		if err != nil || !strings.HasPrefix(what, "poll") {
			continue
		}
		for n := int(took / time.Second); len(all) <= n; {
			all = append(all, 0)
		}
		all[int(took/time.Second)]++
	}
	return all
}

// After a step of a class is deleted, more of the others are polled at the same time; after a
// poll that does not show the end, fewer.
func TestEngine_WindowOfAClass(t *testing.T) {
	t.Parallel()
	wait := teardown.Wait{Class: "class", Expect: 40 * time.Second}
	act := func(string, int) (teardown.Progress, error) {
		return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(150)...)
		d.act = act
		if _, err := d.execute(t.Context(), teardown.WithConcurrency(4), teardown.WithMaxStarted(150)); err != nil {
			t.Fatal(err)
		}
		// The first is due after 41 s.
		if got := d.perSecond()[41:]; !slices.Equal(got[:5], []int{1, 2, 4, 4, 4}) || len(got) != 39 {
			t.Errorf("polls in each second: %d", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, numbered(40)...)
		d.act = act
		d.poll = func(id string, _ int) (teardown.Progress, error) {
			if id < "s008" || d.took() > 2*time.Minute {
				return teardown.Progress{State: teardown.ProgressNotFound}, nil
			}
			return teardown.Progress{State: teardown.ProgressDeleting, Next: wait}, nil
		}
		if _, err := d.execute(t.Context(), teardown.WithMaxStarted(40)); err != nil {
			t.Fatal(err)
		}
		most := 0
		for _, n := range d.perSecond()[50:119] {
			most = max(most, n)
		}
		if most != 1 {
			t.Errorf("polls in each second: %d", d.perSecond())
		}
	})
}

// The last deadline of its steps ends the poll of a group.
func TestEngine_DeadlineOfAGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := waits(t, map[string]teardown.Wait{
			"a": {Group: "list", Expect: time.Hour}, "b": {Group: "list", Expect: 14 * time.Second}, "c": {Now: true},
		}, "a", "c", "b<c")
		d.hang = func(call string) time.Duration {
			return map[string]time.Duration{"act a": 30 * time.Second, "act c": 20 * time.Second, "poll list": time.Hour}[call]
		}
		r, err := d.execute(t.Context(), teardown.WithStepTimeout(time.Minute))
		if r == nil || states(r)["a"] != teardown.StepFailed || states(r)["b"] != teardown.StepFailed || d.took() != 81*time.Second || !errors.Is(r.Steps[0].Err, errors.NotFinished) {
			t.Errorf("got %v, %v after %v: %q", states(r), err, d.took(), d.calls)
		}
	})
}

// traced is a provider whose answers have IDs.
type traced struct {
	*fakeDriver
	acts, polls string
}

func (d *traced) Act(ctx context.Context, o teardown.Organization, s teardown.Step) (teardown.Progress, error) {
	p, err := d.fakeDriver.Act(ctx, o, s)
	p.RequestID = d.acts
	return p, err
}

func (d *traced) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	all, err := d.fakeDriver.Poll(ctx, o, group, steps)
	for i := range all {
		all[i].RequestID = d.polls
	}
	return all, err
}

func (d *traced) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	deletion, err := d.fakeDriver.Delete(ctx, o)
	deletion.RequestID = "r-3"
	return deletion, err
}

// A step has the ID of the last answer about it.
func TestEngine_RequestID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ act, poll, want string }{{"r-1", "r-2", "r-2"}, {"r-1", "", "r-1"}, {"", "r-2", "r-2"}, {"", "", ""}} {
		synctest.Test(t, func(t *testing.T) {
			d := &traced{newFakeDriver(t, "a"), test.act, test.poll}
			p, err := d.Inspect(t.Context(), acme, nil)
			if err != nil {
				t.Fatal(err)
			}
			journal := new(disk)
			r, err := teardown.Execute(t.Context(), d, p, teardown.WithConfirm("Acme"), teardown.WithJournal(journal))
			if err != nil || r.Steps[0].RequestID != test.want {
				t.Errorf("got %+v, %v, want %q", r, err, test.want)
			}
			entries := read(t, &journal.Buffer)
			if e := entries[2]; e.State != teardown.StepDeleted || e.RequestID != test.want {
				t.Errorf("got the entry %+v", e)
			}
			if e := entries[len(entries)-1]; e.Outcome != teardown.Deleted || e.RequestID != "r-3" {
				t.Errorf("got the last entry %+v", e)
			}
		})
	}
}

// The fresh read determines the order: a step whose resource does not exist delays no other
// step, and a step after one that the plan lacks never starts.
func TestEngine_OrderOfAFreshRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after string
		done  string
		want  map[string]teardown.StepState
	}{
		"after one that is deleted already": {"a", "a", map[string]teardown.StepState{"a": teardown.StepAlreadyDeleted, "b": teardown.StepDeleted}},
		"after one that is unknown":         {"unknown", "", map[string]teardown.StepState{"a": teardown.StepDeleted, "b": teardown.StepNotStarted}},
		"after one that fails":              {"a", "", map[string]teardown.StepState{"a": teardown.StepFailed, "b": teardown.StepNotStarted}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newFakeDriver(t, "a", "b")
			p, err := d.Inspect(t.Context(), acme, nil)
			if err != nil {
				t.Fatal(err)
			}
			fresh := &ordered{d, test.after}
			d.isDeleted[test.done] = true
			if name == "after one that fails" {
				d.act = func(string, int) (teardown.Progress, error) {
					return teardown.Progress{State: teardown.ProgressExists, Err: refused(errors.PermissionDenied)}, nil
				}
			}
			r, err := teardown.Execute(t.Context(), fresh, p, teardown.WithConfirm("Acme"))
			if r == nil || (err == nil) != (r.Outcome == teardown.Deleted) {
				t.Fatalf("%s: got %+v, %v", name, r, err)
			}
			if diff := cmp.Diff(test.want, states(r)); diff != "" {
				t.Errorf("%s: states (-want +got):\n%s", name, diff)
			}
		})
	}
}

// ordered is a provider whose reads determine the order of b.
type ordered struct {
	*fakeDriver
	after string
}

func (d *ordered) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	p, err := d.fakeDriver.Inspect(ctx, o, before)
	if err != nil {
		return nil, err
	}
	for i := range p.Steps {
		if p.Steps[i].ID == "b" {
			p.Steps[i].After = []string{d.after}
		}
	}
	return teardown.Seal(p), nil
}

// After a stop, a step that has waited for a slot does not act again.
func TestEngine_StopBeforeAnotherAct(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, stop := newFakeDriver(t, "b", "a"), make(chan struct{})
		d.act = func(id string, _ int) (teardown.Progress, error) {
			if id == "b" {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		d.poll = func(string, int) (teardown.Progress, error) {
			return teardown.Progress{State: teardown.ProgressExists}, nil
		}
		d.hang = func(call string) time.Duration { return map[string]time.Duration{"act a": 20 * time.Second}[call] }
		r, err := d.execute(t.Context(), teardown.WithConcurrency(1), teardown.WithStop(stop), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventFinished && e.Step == "a" {
				close(stop)
			}
		}))
		if r == nil || !errors.Is(err, errors.NotFinished) || states(r)["b"] != teardown.StepInterrupted || len(d.calls) != 3 {
			t.Errorf("got %v, %v: %q", states(r), err, d.calls)
		}
	})
}

// Acts and polls run at the same time.
func TestEngine_ActsDuringPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := waits(t, map[string]teardown.Wait{"a": {Group: "list", Now: true}, "b": {Now: true}, "c": {Now: true}}, "a", "c", "b<c")
		d.hang = func(call string) time.Duration {
			return map[string]time.Duration{"poll list": time.Minute, "act c": 3 * time.Second}[call]
		}
		if _, err := d.execute(t.Context()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(d.calls[:2])
		d.want("0s act a", "0s act c", "1s poll list a", "3s poll c", "4s act b", "5s poll b")
	})
}

// The engine also learns the time until the next act.
func TestEngine_DurationUntilReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := new(teardown.Durations)
		d := newFakeDriver(t, "a")
		d.durations = client
		d.act = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{Class: "stop", Expect: 20 * time.Second}}, nil
			}
			return deletingIn("", 0), nil
		}
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{State: teardown.ProgressReady}, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		if _, err := d.execute(t.Context()); err != nil || client.Expected("stop") == 0 {
			t.Errorf("got %v, learned %v", err, client.Expected("stop"))
		}
	})
}

// A step whose polls fail for too long ends, although other steps continue.
func TestEngine_PollsFailWhileAnotherActs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDriver(t, "a", "b")
		d.hang = func(call string) time.Duration { return map[string]time.Duration{"act b": 2 * time.Minute}[call] }
		d.poll = func(id string, _ int) (teardown.Progress, error) {
			if id == "a" {
				return teardown.Progress{}, refused(errors.Unavailable)
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		r, err := d.execute(t.Context(), teardown.WithRetryFor(10*time.Second))
		if r == nil || !errors.Is(err, errors.Unavailable) || states(r)["a"] != teardown.StepFailed || states(r)["b"] != teardown.StepDeleted || r.Steps[0].FinishedAt.Sub(d.start) > 20*time.Second {
			t.Errorf("got %v, %v: %q", states(r), err, d.calls)
		}
	})
}

// The error of a step that a stop ended states the stop. A "canceled" error without a stop is
// retried.
func TestEngine_CanceledErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := &fakeBlocking{steps: stepsOf("a"), takes: time.Hour / 2}, make(chan struct{})
		time.AfterFunc(time.Minute, func() { close(stop) })
		r, err := w.execute(t, teardown.WithStop(stop))
		if r == nil || r.Steps[0].State != teardown.StepInterrupted || codeOf(r.Steps[0].Err) != errors.NotFinished {
			t.Errorf("got %+v, %v", r, err)
		}
		d := newFakeDriver(t, "a")
		d.act = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{}, refused(errors.Canceled)
			}
			return deletingIn("", 0), nil
		}
		d.poll = func(_ string, n int) (teardown.Progress, error) {
			if n == 1 {
				return teardown.Progress{State: teardown.ProgressExists}, nil
			}
			return teardown.Progress{State: teardown.ProgressNotFound}, nil
		}
		if r, err := d.execute(t.Context()); err != nil || r.Steps[0].Attempts != 2 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}
