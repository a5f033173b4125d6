package fleet

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// steps returns steps from "a", "b<a" (b comes after a).
func steps(of ...string) []teardown.Step {
	var all []teardown.Step
	for _, s := range of {
		id, after, _ := strings.Cut(s, "<")
		step := teardown.Step{ID: id}
		if after != "" {
			step.After = strings.Split(after, ",")
		}
		all = append(all, step)
	}
	return all
}

func TestChunks_Chains(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		steps []teardown.Step
		ids   [][]string
		after [][]int
	}{
		"none":              {nil, nil, nil},
		"chains stay whole": {steps("m1", "m2", "d1<m1", "d2<m2"), [][]string{{"m1", "d1"}, {"m2", "d2"}}, [][]int{nil, nil}},
		"a step after both": {steps("a", "b", "c", "p<a,b,c"), [][]string{{"a", "b"}, {"c", "p"}}, [][]int{nil, {0}}},
		"a long chain":      {steps("a", "b<a", "c<b", "d<c", "e<d"), [][]string{{"a", "b"}, {"c", "d"}, {"e"}}, [][]int{nil, {0}, {1}}},
	} {
		var ids [][]string
		var after [][]int
		for _, c := range chunksOf(test.steps, 2) {
			ids, after = append(ids, c.ids), append(after, c.after)
		}
		if diff := cmp.Diff([]any{test.ids, test.after}, []any{ids, after}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Each step is in one chunk, and no chunk comes after a later one.
func TestChunks_AllSteps(t *testing.T) {
	t.Parallel()
	var all []teardown.Step
	for i := range 1000 {
		s := teardown.Step{ID: fmt.Sprint(i)}
		for _, d := range []int{1, 7, 31} {
			if i%(d+2) == 0 && i >= d {
				s.After = append(s.After, fmt.Sprint(i-d))
			}
		}
		all = append(all, s)
	}
	seen := map[string]int{}
	for n, c := range chunksOf(all, 64) {
		for _, id := range c.ids {
			seen[id]++
		}
		for _, before := range c.after {
			if before >= n {
				t.Errorf("chunk %d comes after chunk %d", n, before)
			}
		}
	}
	for _, s := range all {
		if seen[s.ID] != 1 {
			t.Errorf("step %s is in %d chunks", s.ID, seen[s.ID])
		}
	}
}

// The text of an error in the history has no text of the provider.
func TestActivityError_ByCode(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	suspended, suspend := context.WithCancelCause(t.Context())
	suspend(errLost)
	refused := &errors.Error{Provider: "atlas", Operation: "Plan", Code: errors.PermissionDenied, Status: 403, Message: "canary"}
	limited := &errors.Error{Provider: "atlas", Operation: "Plan", Code: errors.RateLimitReached, RetryAfter: time.Minute}
	absurd := &errors.Error{Provider: "atlas", Operation: "Plan", Code: errors.RateLimitReached, RetryAfter: 5 * 24 * time.Hour}
	for name, test := range map[string]struct {
		ctx          context.Context
		err          error
		text, code   string
		nonRetryable bool
		delay        time.Duration
	}{
		"refused":    {t.Context(), refused, "atlas: Plan: permission_denied (403)", "permission_denied", true, 0},
		"rate limit": {t.Context(), limited, "atlas: Plan: rate_limit_reached", "rate_limit_reached", false, time.Minute},
		"absurd":     {t.Context(), absurd, "atlas: Plan: rate_limit_reached", "rate_limit_reached", false, time.Hour},
		"interrupted": {
			t.Context(), interrupted(t.Context(), errors.Join(refused, limited)), ": Teardown: unavailable", "unavailable", false, time.Minute,
		},
		"of a store": {t.Context(), errors.New("canary"), "the worker's own error: see its log", "", false, 0},
		"suspended":  {suspended, limited, errLost.Error(), "LeaseLost", false, 0},
	} {
		e, ok := errors.AsType[*temporal.ApplicationError](activityError(test.ctx, test.err))
		if !ok || e.Message() != test.text || e.Type() != test.code || e.NonRetryable() != test.nonRetryable || e.NextRetryDelay() != test.delay {
			t.Errorf("%s: got %+v", name, e)
		}
	}
	if err := activityError(ended, refused); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := activityError(t.Context(), nil); err != nil {
		t.Errorf("got %v", err)
	}
}

// A wait that the provider states does not make the activity end, unless it ends soon anyway.
func TestActivityError_BeforeTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct{ remaining, stated, want time.Duration }{
			{7 * 24 * time.Hour, 7 * 24 * time.Hour, time.Hour},
			{7 * 24 * time.Hour, time.Minute, time.Minute},
			{time.Hour, time.Hour, 30 * time.Minute},
			{90 * time.Second, time.Hour, time.Minute},
			{90 * time.Second, time.Second, time.Second},
			{-time.Second, time.Hour, time.Minute},
		} {
			ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(test.remaining), nil)
			if got := nextDelay(ctx, test.stated); got != test.want {
				t.Errorf("%v before the end, after a stated wait of %v: got %v, want %v", test.remaining, test.stated, got, test.want)
			}
			cancel()
		}
	})
}

// After the time in which no heartbeat was confirmed, a worker writes no entry, so that the engine
// starts nothing: the process was suspended, or the network is cut.
func TestLease_Lost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		ctx, l := newLease(t.Context(), 15*time.Second, func(ctx context.Context) error {
			if !broken.Load() {
				return nil
			}
			<-ctx.Done() // the network is cut
			return ctx.Err()
		})
		defer l.end()
		journal := &memory{}
		j := leasedJournal{journal, l}
		time.Sleep(time.Minute + time.Second) // the last heartbeat was a second ago
		if err := j.Append(ctx, teardown.Entry{}); err != nil || ctx.Err() != nil {
			t.Fatalf("got %v, %v", err, ctx.Err())
		}
		broken.Store(true)
		time.Sleep(10 * time.Second)
		if err := j.Append(ctx, teardown.Entry{}); err != nil {
			t.Fatalf("11 s after a heartbeat: got %v", err)
		}
		time.Sleep(time.Second)
		broken.Store(false) // too late: another worker may have the activity
		for range 2 {
			if err := j.Append(ctx, teardown.Entry{}); err != errLost || context.Cause(ctx) != errLost || len(journal.entries) != 2 {
				t.Fatalf("got %v, %v, %d entries", err, context.Cause(ctx), len(journal.entries))
			}
			time.Sleep(time.Minute)
		}
	})
}

// A worker that was suspended gets an activity that the server gave to another worker since then.
func TestLease_FirstHeartbeatRefused(t *testing.T) {
	t.Parallel()
	for _, err := range []error{serviceerror.NewNotFound("the attempt has ended"), errors.New("the network is cut")} {
		ctx, l := newLease(t.Context(), 15*time.Second, func(context.Context) error { return err })
		if l.valid() || context.Cause(ctx) != errLost {
			t.Errorf("%v: got %v", err, context.Cause(ctx))
		}
		l.end()
	}
}

// The server answers a heartbeat that it has ended the attempt: the lease ends at once.
func TestLease_AttemptEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats := 0
		ctx, l := newLease(t.Context(), 15*time.Second, func(context.Context) error {
			if beats++; beats > 1 {
				return serviceerror.NewNotFound("the attempt has ended")
			}
			return nil
		})
		defer l.end()
		time.Sleep(2 * time.Second)
		if !l.valid() {
			t.Error("the lease ended without a reason")
		}
		<-ctx.Done()
		if context.Cause(ctx) != errLost || l.valid() {
			t.Errorf("got %v", context.Cause(ctx))
		}
	})
}

// The workflow is canceled: the lease continues until the activity ends, so that it can write the last
// entry and the report.
func TestLease_CanceledWorkflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var beats atomic.Int64
		workflow, cancel := context.WithCancel(t.Context())
		ctx, l := newLease(workflow, 15*time.Second, func(context.Context) error { beats.Add(1); return nil })
		defer l.end()
		cancel()
		time.Sleep(time.Minute + time.Second)
		if err := (leasedJournal{&memory{}, l}).Append(ctx, teardown.Entry{}); err != nil || ctx.Err() != nil || beats.Load() != 21 {
			t.Errorf("got %v, %v, %d heartbeats in a minute", err, ctx.Err(), beats.Load())
		}
	})
}

// A process that was suspended continues with an old lease before its heartbeats continue. While a
// virtual machine is suspended, only the wall clock continues.
func TestLease_Suspended(t *testing.T) {
	t.Parallel()
	now := time.Now()
	before := now.Add(-12 * time.Second)
	for name, l := range map[string]*lease{
		"process":         {confirmed: before, wall: before},
		"virtual machine": {confirmed: now, wall: before},
		"clock set back":  {confirmed: before, wall: now.Add(time.Hour)},
	} {
		l.timeout, l.cancel = 15*time.Second, func(error) {}
		m := &memory{}
		if err := (leasedJournal{m, l}).Append(t.Context(), teardown.Entry{}); err != errLost || l.permit(t.Context()) != errLost || len(m.entries) != 0 {
			t.Errorf("%s: got %v, %d entries", name, err, len(m.entries))
		}
		// A heartbeat that the server confirms now proves nothing about the past.
		l.lost = false
		if l.note(time.Now(), nil); l.valid() {
			t.Errorf("%s: a late heartbeat renews the lease", name)
		}
		// No heartbeat is sent that the server could take for a sign of life.
		l.lost, l.timeout = false, 5*time.Millisecond
		l.beat(t.Context(), func(context.Context) error {
			t.Errorf("%s: a heartbeat is sent", name)
			return nil
		})
	}
}

// The lease ends by itself, and not with a heartbeat. The first error of the journal is kept.
func TestLease_EndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, l := newLease(t.Context(), 15*time.Second, func(ctx context.Context) error {
			if time.Since(start) < 4*time.Second {
				return nil
			}
			<-ctx.Done() // the network is cut
			return ctx.Err()
		})
		defer l.end()
		journal := &slowJournal{memory: &memory{}, takes: 5 * time.Second}
		time.Sleep(11 * time.Second)
		if err := (leasedJournal{journal, l}).Append(ctx, teardown.Entry{}); err != errLost || l.journalErr() != errLost || len(journal.entries) != 1 {
			t.Errorf("got %v, and %v as the error of the journal", err, l.journalErr())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, l := newLease(t.Context(), 15*time.Second, func(ctx context.Context) error {
			if time.Since(start) < 4*time.Second {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		defer l.end()
		<-ctx.Done()
		if took := time.Since(start); took != 15*time.Second || context.Cause(ctx) != errLost {
			t.Errorf("got %v after %v, want %v after %v", context.Cause(ctx), took, errLost, 15*time.Second)
		}
	})
}

// slowJournal is a journal whose appends take time.
type slowJournal struct {
	*memory
	takes time.Duration
}

func (j *slowJournal) Append(ctx context.Context, e teardown.Entry) error {
	time.Sleep(j.takes)
	return j.memory.Append(ctx, e)
}

// suspendedDriver has one step, which needs two acts. The worker is suspended during the first one.
type suspendedDriver struct {
	teardown.Driver
	suspend func()
	acts    int
}

func (*suspendedDriver) Provider() (name, instance string) { return "fake", "" }

func (*suspendedDriver) Inspect(_ context.Context, o teardown.Organization, _ *teardown.Plan) (*teardown.Plan, error) {
	return &teardown.Plan{Provider: "fake", Organization: o, Steps: []teardown.Step{{ID: "zone/1", Kind: "zone"}}}, nil
}

func (d *suspendedDriver) Act(context.Context, teardown.Organization, teardown.Step) (teardown.Progress, error) {
	if d.acts++; d.acts > 1 {
		return teardown.Progress{State: teardown.ProgressNotFound}, nil
	}
	d.suspend()
	return teardown.Progress{State: teardown.ProgressReady}, nil
}

func (*suspendedDriver) Poll(context.Context, teardown.Organization, string, []teardown.Step) ([]teardown.Progress, error) {
	return []teardown.Progress{{State: teardown.ProgressExists}}, nil
}

// A worker that continues after a suspension sends no further request of a step that it has started.
func TestLease_SuspendedBetweenActs(t *testing.T) {
	t.Parallel()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(suspendedActivity)
	acts, err := env.ExecuteActivity(suspendedActivity)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := acts.Get(&n); err != nil || n != 1 {
		t.Errorf("%d acts, want 1: %v", n, err)
	}
}

func suspendedActivity(ctx context.Context) (int, error) {
	l := &lease{timeout: 15 * time.Second, activity: ctx, cancel: func(error) {}}
	l.confirm(time.Now())
	d := &suspendedDriver{suspend: func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wall = l.wall.Add(-time.Hour)
	}}
	p, err := teardown.NewPlan(ctx, d, teardown.Organization{ID: "1", Name: "Acme"})
	if err != nil {
		return 0, err
	}
	m := &memory{}
	a := &activities{config: Config{Store: m, Journal: m}}
	options := a.options(ctx, &subject{page: &Manifest{}, entry: Entry{Confirm: "Acme"}}, p, l, nil)
	if _, err := teardown.Execute(ctx, d, p, options...); !errors.Is(err, errLost) {
		return 0, err
	}
	return d.acts, nil
}

// Short activities send heartbeats, too, and long ones by a ticker, until they end.
func TestLease_Heartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var beats atomic.Int64
		_, l := newLease(t.Context(), 15*time.Second, func(context.Context) error { beats.Add(1); return nil })
		time.Sleep(time.Minute + time.Second)
		if n := beats.Load(); n != 21 {
			t.Errorf("got %d heartbeats in a minute", n)
		}
		l.end()
		time.Sleep(time.Minute)
		if n := beats.Load(); n != 21 {
			t.Errorf("got %d heartbeats after the end", n)
		}
	})
}

func TestPutManifest_Invalid(t *testing.T) {
	t.Parallel()
	entry := Entry{Provider: "zitadel", Organization: "1"}
	at := func(url string) Entry { return Entry{Provider: "zitadel", Organization: "1", BaseURL: url} }
	one := Policy{Approvals: 1}
	for want, m := range map[string]Manifest{
		"no organization":  {},
		"use 0, 1 or 2":    {Organizations: []Entry{entry}, Policy: Policy{Approvals: 3}},
		"unknown provider": {Organizations: []Entry{{Provider: "acme", Organization: "1"}}, Policy: Policy{Approvals: 1}},
		"is missing":       {Organizations: []Entry{{Provider: "zitadel"}}, Policy: Policy{Approvals: 1}},
		"is the same":      {Organizations: []Entry{entry, entry}, Policy: Policy{Approvals: 1}},
		"must have":        {Organizations: []Entry{entry}},
		"organization 2: volterra: Validate: invalid_argument: reason must be":        {Organizations: []Entry{entry, {Provider: "volterra", Organization: "acme", Email: "owner@acme.example", Reason: "BORED"}}, Policy: Policy{Approvals: 1}},
		"organization 1: deny contains":                                               {Organizations: []Entry{{Provider: "zitadel", Organization: "Acme"}}, Policy: one, Deny: []string{"ACME"}},
		"organization 2: allow does not contain":                                      {Organizations: []Entry{entry, {Provider: "zitadel", Organization: "2"}}, Policy: one, Allow: []string{"1"}},
		"allow or deny contains an invalid ID":                                        {Organizations: []Entry{entry}, Policy: one, Allow: []string{"1", "2\n"}},
		"deny contains an invalid ID":                                                 {Organizations: []Entry{entry}, Policy: one, Deny: []string{" 2"}},
		"reminds every 59m0s: use at least 1h0m0s":                                    {Organizations: []Entry{entry}, Policy: Policy{Approvals: 1, RemindEvery: 59 * time.Minute}},
		"reminds every -1h0m0s":                                                       {Organizations: []Entry{entry}, Policy: Policy{Approvals: 1, RemindEvery: -time.Hour}},
		"workflow has 1218 bytes: at most 1000":                                       {Organizations: []Entry{{Provider: "zitadel", Organization: strings.Repeat("é", 200)}}, Policy: one},
		"organization 2 is the same as organization 1":                                {Organizations: []Entry{at("https://a.example"), at("https://A.example:443/")}, Policy: one},
		"organization 2 may be the same as organization 1: both must have a base URL": {Organizations: []Entry{entry, at("https://a.example")}, Policy: one},
		"organization 3 may be the same as organization 1":                            {Organizations: []Entry{at("https://a.example"), at("https://b.example"), entry}, Policy: one},
		"unknown override":                                                            {Organizations: []Entry{{Provider: "zitadel", Organization: "1", Override: []teardown.Override{"all"}}}, Policy: Policy{Approvals: 1}},
	} {
		if _, err := PutManifest(t.Context(), &memory{blobs: map[string][]byte{}}, m); !errors.Is(err, errors.InvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestPutManifest_Accepted(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]Manifest{
		"two instances": {Organizations: []Entry{
			{Provider: "zitadel", Organization: "1", BaseURL: "https://a.example"}, {Provider: "zitadel", Organization: "1", BaseURL: "https://b.example"},
		}, Policy: Policy{Approvals: 2, RemindEvery: MinRemindEvery}},
		"lists": {Organizations: []Entry{{Provider: "zitadel", Organization: "1"}}, Policy: Policy{Approvals: 1}, Allow: []string{"1", "2"}, Deny: []string{"3"}},
	} {
		if _, err := PutManifest(t.Context(), &memory{blobs: map[string][]byte{}}, m); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A blob that was changed is not used.
func TestStore_ChangedBlob(t *testing.T) {
	t.Parallel()
	m := &memory{blobs: map[string][]byte{}}
	ref, err := put(t.Context(), m, "plans", teardown.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlan(t.Context(), m, ref); err != nil {
		t.Errorf("got %v", err)
	}
	m.blobs[ref.Key] = append(m.blobs[ref.Key], ' ')
	if _, err := ReadPlan(t.Context(), m, ref); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}

func TestRegister_Invalid(t *testing.T) {
	t.Parallel()
	open := func(context.Context, offboard.Spec) (offboard.Organization, error) {
		return offboard.Organization{}, nil
	}
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	for _, c := range []Config{{}, {Open: open}, {Open: open, Store: &memory{}}, {Open: open, Journal: &memory{}}} {
		if err := Register(env, c); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	if err := Register(nil, Config{Open: open, Store: &memory{}, Journal: &memory{}}); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}

// decisionClient is a client whose updates fail at first.
type decisionClient struct {
	client.Client
	fails   int
	updates []client.UpdateWorkflowOptions
}

func (c *decisionClient) UpdateWorkflow(_ context.Context, u client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	if c.updates = append(c.updates, u); len(c.updates) <= c.fails {
		return nil, serviceerror.NewUnavailable("unexpected workflow task failure")
	}
	return updateHandle{}, nil
}

type updateHandle struct{ client.WorkflowUpdateHandle }

func (updateHandle) Get(_ context.Context, value any) error {
	value.(*State).Digest = "d"
	return nil
}

// The server aborts an update if a result arrives while the update ends the workflow.
func TestApprove_AbortedUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &decisionClient{fails: 2}
		s, err := Deny(t.Context(), c, "offboard/atlas//1", Approval{By: "ada", Digest: "d"})
		if err != nil || s.Digest != "d" || len(c.updates) != 3 {
			t.Fatalf("got %+v, %v, %d updates", s, err, len(c.updates))
		}
		if c.updates[0].UpdateID == "" || c.updates[0].UpdateID != c.updates[2].UpdateID {
			t.Errorf("the attempts have different IDs: %v", c.updates)
		}
		if _, err := Approve(t.Context(), c, "offboard/atlas//1", Approval{By: "ada", Digest: "d"}); err != nil || c.updates[3].UpdateID == c.updates[0].UpdateID {
			t.Errorf("got %v; another decision must have another ID", err)
		}
		c = &decisionClient{fails: 100}
		if _, err := Approve(t.Context(), c, "offboard/atlas//1", Approval{By: "ada", Digest: "d"}); !errors.Is(err, errors.Unavailable) || len(c.updates) > 10 {
			t.Errorf("got %v after %d updates", err, len(c.updates))
		}
	})
}
