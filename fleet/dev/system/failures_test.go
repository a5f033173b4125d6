//go:build unix

package system

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestFailures_SQLite(t *testing.T) { testFailures(t, "sqlite") }

func TestFailures_Postgres(t *testing.T) { testFailures(t, "postgres") }

// testFailures deletes organizations while workers are killed, frozen and cut off, and the server on
// Postgres is killed.
func testFailures(t *testing.T, database string) {
	s := newSystem(t, database)
	s.config.Heartbeat = 3 * time.Second
	f := &failures{
		system: s, katapult: newKatapult(t, 600*time.Millisecond), random: rand.New(rand.NewPCG(1, 2)),
		lost: map[string]loss{}, latest: map[string]int32{}, delays: map[string][]delay{}, enough: make(chan struct{}),
	}
	s.handle(f.event)
	f.proxy = newProxy(t, s.server.Address())
	f.cutOff = s.startWorker(f.proxy.address())
	for range 3 {
		f.workers = append(f.workers, s.startWorker(s.server.Address()))
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		f.feed()
	}()

	for range kills() {
		f.killWorker()
	}
	f.settle()
	for range freezes() {
		f.freezeWorker()
		f.settle()
	}
	for range cuts() {
		f.cutWorker()
		f.settle()
	}
	down := 0
	if database == "postgres" {
		for ; down < serverKills(); down++ {
			f.waitForRequests(1 + f.random.IntN(60))
			s.server.Restart()
		}
	}
	close(f.enough)
	<-fed
	f.check()
	f.report(down)
}

// A worker that the network separates from the server, and not from the provider and the journal,
// must start nothing after the server has given its activity to another worker.
func TestCut_OtherWorkerContinues(t *testing.T) {
	s := newSystem(t, "sqlite")
	s.config.Heartbeat = 10 * time.Second
	katapult := newKatapult(t, 0)
	entry := addOrganization(katapult, "acme", 0, 300)
	entry.Confirm = "Organization acme"
	katapult.Fail(offboardtest.Fault{Operation: "DeleteDNSZone", Times: 1000, Delay: time.Second})
	p := newProxy(t, s.server.Address())
	first := s.startWorker(p.address())
	id := s.mustStart(fleet.Manifest{Organizations: []fleet.Entry{entry}})[0]
	eventually(t, time.Minute, "the first worker removes zones", func() bool {
		return len(first.inFlight()) > 0 && katapult.Count("DeleteDNSZone") > 20
	})
	s.startWorker(s.server.Address())
	p.cut()
	r, err := s.result(id)
	if err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
	again, err := startedAgain(t.Context(), s.journal, "katapult", entry.BaseURL, entry.Organization)
	if err != nil || len(again) > 0 {
		t.Errorf("%d steps were started again after a read had shown them to be deleted: %v, %v", len(again), again, err)
	}
	if n := katapult.Count("DeleteDNSZone"); n > 300+8 { // 8 requests are in flight
		t.Errorf("%d requests for 300 zones: more than those in flight were sent again", n)
	}
}

// A worker is suspended while a step waits for another attempt, and the workflow ends. When the worker
// continues, it sends nothing: no entry precedes another attempt.
func TestFreeze_BetweenAttempts(t *testing.T) {
	for name, cut := range map[string]bool{"with network": false, "without network": true} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, "sqlite")
			katapult := newKatapult(t, 0)
			entry := addOrganization(katapult, "acme", 0, 1)
			entry.Confirm = "Organization acme"
			katapult.Fail(offboardtest.Fault{
				Operation: "DeleteDNSZone", Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"4"}}, Body: `{}`,
			})
			p := newProxy(t, s.server.Address())
			w := s.startWorker(p.address())
			id := s.mustStart(fleet.Manifest{Organizations: []fleet.Entry{entry}})[0]
			eventually(t, time.Minute, "the first attempt", func() bool { return katapult.Count("DeleteDNSZone") == 1 })
			if err := w.freeze(); err != nil {
				t.Fatal(err)
			}
			if err := fleet.Cancel(t.Context(), s.client, id); err != nil {
				t.Fatal(err)
			}
			s.startWorker(s.server.Address())
			if r, err := s.result(id); r.Outcome == teardown.Deleted {
				t.Fatalf("got %+v, %v", r, err)
			}
			if cut {
				p.cut()
			}
			if err := w.thaw(); err != nil {
				t.Fatal(err)
			}
			eventually(t, time.Minute, "the activity of the worker ends", func() bool { return len(w.inFlight()) == 0 })
			if n := katapult.Count("DeleteDNSZone"); n > 1 {
				t.Errorf("%d removals were sent after the workflow had ended", n-1)
			}
		})
	}
}

// activeOrganizations is the number of organizations that are deleted at the same time.
const activeOrganizations = 12

// failures is a run with failures.
type failures struct {
	*system
	katapult *katapulttest.Server
	proxy    *proxy
	random   *rand.Rand
	workers  []*process
	cutOff   *process      // behind the proxy
	enough   chan struct{} // closed when no organization must be added

	mu     sync.Mutex
	ids    []string // of the organizations
	lost   map[string]loss
	latest map[string]int32 // the last attempt of each activity that started
	delays map[string][]delay
}

// loss is an activity whose worker failed, until another attempt starts.
type loss struct {
	kind    string
	at      time.Time
	attempt attempt
}

// delay is the time from a failure to the start of the next attempt. The server may give attempts to
// a frozen worker, whose polls are open: these are lost, too.
type delay struct {
	total   time.Duration
	backoff time.Duration // the retry policy's part of it
	lost    int           // attempts
}

// detection returns the mean time in which the server has detected that an attempt was lost.
func (d delay) detection() time.Duration { return (d.total - d.backoff) / time.Duration(d.lost) }

// key identifies an activity.
func (a attempt) key() string { return a.Run + "/" + a.ID }

// event records attempts, and approves plans.
func (f *failures) event(e event) {
	switch e.Kind {
	case "waiting":
		go func() {
			if err := f.approve(f.t.Context(), *e.Waiting); err != nil && f.t.Context().Err() == nil {
				f.t.Error(err)
			}
		}()
	case "started":
		if e.Time.Sub(e.process.thawedAt()) < time.Second {
			return // the server gave it to the worker while it was frozen
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		key := e.Activity.key()
		f.latest[key] = max(f.latest[key], e.Activity.Attempt)
		l, ok := f.lost[key]
		if !ok || e.Activity.Attempt <= l.attempt.Attempt {
			return
		}
		delete(f.lost, key)
		d := delay{total: e.Time.Sub(l.at), lost: int(e.Activity.Attempt - l.attempt.Attempt)}
		for n := l.attempt.Attempt; n < e.Activity.Attempt; n++ {
			d.backoff += min(time.Second<<(n-1), time.Minute) // of the workflow's policy
		}
		f.delays[l.kind] = append(f.delays[l.kind], d)
	case "finished":
		f.mu.Lock()
		defer f.mu.Unlock()
		l, ok := f.lost[e.Activity.key()]
		switch {
		case !ok:
		case l.attempt == e.Activity && e.Time.Before(l.at.Add(50*time.Millisecond)):
			// It finished before the failure. If the server got the result, no attempt follows.
			delete(f.lost, e.Activity.key())
		case l.attempt.Attempt < e.Activity.Attempt && !e.Failed:
			// The server gave it to the worker while it was frozen, and it continued in time.
			delete(f.lost, e.Activity.key())
		}
	}
}

// lose records the attempts that a worker has lost, and returns their keys.
func (f *failures) lose(kind string, at time.Time, attempts []attempt) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for _, a := range attempts {
		if f.latest[a.key()] > a.Attempt {
			continue // another worker acts already
		}
		f.lost[a.key()] = loss{kind, at, a}
		keys = append(keys, a.key())
	}
	return keys
}

// continued reports whether another attempt of each activity has started.
func (f *failures) continued(keys []string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		if _, ok := f.lost[key]; ok {
			return false
		}
	}
	return true
}

// settle waits until another attempt of each lost activity has started.
func (f *failures) settle() {
	f.t.Helper()
	eventually(f.t, 2*time.Minute, "all activities continue", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.lost) == 0
	})
}

// feed deletes organizations, several at a time, until there were enough failures.
func (f *failures) feed() {
	slots := make(chan struct{}, activeOrganizations)
	var group sync.WaitGroup
	defer group.Wait()
	for n := 0; ; n++ {
		select {
		case <-f.enough:
			return
		case slots <- struct{}{}:
		}
		group.Go(func() {
			defer func() { <-slots }()
			f.deleteOne(fmt.Sprintf("o%d", n))
		})
	}
}

// deleteOne deletes an organization.
func (f *failures) deleteOne(name string) {
	ctx := f.t.Context()
	entry := addOrganization(f.katapult, name, 2, 6)
	manifest := fleet.Manifest{Organizations: []fleet.Entry{entry}, Policy: fleet.Policy{Approvals: 1}}
	id := fleet.WorkflowID(entry.Provider, entry.BaseURL, entry.Organization)
	if err := f.retry(func(ctx context.Context) error {
		ref, err := fleet.PutManifest(ctx, f.store, manifest)
		if err != nil {
			return err
		}
		batch, err := fleet.Start(ctx, f.client, ref)
		if err != nil {
			return err
		}
		return f.client.GetWorkflow(ctx, batch.ID, "").Get(ctx, nil)
	}); err != nil {
		if ctx.Err() == nil { // the test has not ended
			f.t.Errorf("%s: %v", name, err)
		}
		return
	}
	f.mu.Lock()
	f.ids = append(f.ids, id)
	f.mu.Unlock()
	var r fleet.Result
	if err := f.retry(func(ctx context.Context) error { return f.client.GetWorkflow(ctx, id, "").Get(ctx, &r) }); err != nil {
		if ctx.Err() == nil {
			f.t.Errorf("%s: %v", name, err)
		}
		return
	}
	if exists := f.katapult.Exists(entry.Organization); r.Outcome != teardown.Deleted || exists {
		f.t.Errorf("%s: got %+v; the organization exists at the fake: %v", name, r, exists)
	}
}

// retry calls a function again after errors, because the server may be down.
func (f *failures) retry(call func(context.Context) error) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(3 * time.Minute)
	for {
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
		err := call(ctx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-limit:
			return err
		case <-f.t.Context().Done():
			return err
		}
	}
}

// waitForRequests waits until the fake has received more requests.
func (f *failures) waitForRequests(n int) {
	f.t.Helper()
	end := f.received() + n
	eventually(f.t, 2*time.Minute, fmt.Sprintf("%d more requests", n), func() bool { return f.received() >= end })
}

func (f *failures) received() int { return len(f.katapult.Requests()) }

// victim waits for a random worker with an activity in flight.
func (f *failures) victim() int {
	f.t.Helper()
	f.waitForRequests(1 + f.random.IntN(40))
	var found int
	eventually(f.t, 2*time.Minute, "a worker has an activity", func() bool {
		found = f.random.IntN(len(f.workers))
		return len(f.workers[found].inFlight()) > 0
	})
	return found
}

// killWorker kills a worker and starts another one.
func (f *failures) killWorker() {
	f.t.Helper()
	n := f.victim()
	at := time.Now()
	f.workers[n].kill()
	f.lose("killed", at, f.workers[n].inFlight()) // all its output is read
	f.workers[n] = f.startWorker(f.server.Address())
}

// freezeWorker suspends a worker until all its activities have another attempt.
func (f *failures) freezeWorker() {
	f.t.Helper()
	n := f.victim()
	w := f.workers[n]
	at := time.Now()
	if err := w.freeze(); err != nil {
		f.t.Fatal(err)
	}
	keys := f.lose("frozen", at, w.inFlight())
	limit := time.Now().Add(4 * f.config.Heartbeat)
	eventually(f.t, time.Minute, "other attempts after a freeze", func() bool {
		// An activity whose end was not read yet has no other attempt.
		return time.Since(at) > f.config.Heartbeat+time.Second && (f.continued(keys) || time.Now().After(limit))
	})
	if err := w.thaw(); err != nil {
		f.t.Fatal(err)
	}
}

// cutWorker cuts a worker from the server until all its activities have another attempt.
func (f *failures) cutWorker() {
	f.t.Helper()
	eventually(f.t, 2*time.Minute, "the worker behind the proxy has an activity", func() bool { return len(f.cutOff.inFlight()) > 0 })
	at := time.Now()
	f.proxy.cut()
	keys := f.lose("cut off", at, f.cutOff.inFlight())
	limit := time.Now().Add(4 * f.config.Heartbeat)
	eventually(f.t, time.Minute, "other attempts after a cut", func() bool {
		return time.Since(at) > f.config.Heartbeat+time.Second && (f.continued(keys) || time.Now().After(limit))
	})
	f.proxy.repair()
}

// check compares the journal and the requests with the rules: no organization is deleted twice, and
// no step that a read has shown to be deleted is started again.
func (f *failures) check() {
	f.t.Helper()
	deletions := map[string]int{}
	for _, r := range f.katapult.Requests() {
		if r.Operation == "DeleteOrganization" && r.Processed && r.Status/100 == 2 {
			deletions["request "+r.Query+string(r.Body)]++
		}
	}
	for _, id := range f.katapult.Deleted() {
		deletions[id]++
	}
	for id, n := range deletions {
		if n != 1 {
			f.t.Errorf("%s: %d deletions", id, n)
		}
	}
	url, _ := f.katapult.Endpoint()
	for n := range f.ids {
		again, err := startedAgain(f.t.Context(), f.journal, "katapult", url, fmt.Sprintf("org_o%d", n))
		if err != nil {
			f.t.Fatal(err)
		}
		for _, step := range again {
			f.t.Errorf("organization o%d: %s was started again after a read had shown it to be deleted", n, step)
		}
	}
}

// startedAgain returns the steps that the journal shows to be started after they were deleted.
func startedAgain(ctx context.Context, j fleet.Journal, provider, instance, organization string) ([]string, error) {
	entries, err := j.Entries(ctx, provider, instance, organization)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("the journal has no entry of %s", organization)
	}
	var again []string
	deleted := map[string]bool{}
	for _, e := range entries {
		switch {
		case e.Step == "":
		case e.Kind == teardown.EntryStarted && deleted[e.Step]:
			again = append(again, e.Step)
		case e.Kind == teardown.EntryFinished && e.State == teardown.StepDeleted:
			deleted[e.Step] = true
		}
	}
	return again, nil
}

// report logs the numbers, and checks the time until another worker continued.
func (f *failures) report(serverKills int) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t.Logf("%d organizations deleted, %d requests, %d kills, %d freezes, %d cuts, %d kills of the server; heartbeat %v",
		len(f.katapult.Deleted()), f.received(), kills(), freezes(), cuts(), serverKills, f.config.Heartbeat)
	for _, kind := range []string{"killed", "frozen", "cut off"} {
		var longest, detected, sum time.Duration
		attempts := 0
		for _, d := range f.delays[kind] {
			longest, detected, sum = max(longest, d.total), max(detected, d.detection()), sum+d.total
			attempts += d.lost
		}
		if n := len(f.delays[kind]); n > 0 {
			f.t.Logf("%-7s  %4d activities with %d lost attempts; until the next attempt: mean %.1f s, longest %.1f s; longest detection of an attempt, without the backoff of retries: %.1f s",
				kind, n, attempts, (sum / time.Duration(n)).Seconds(), longest.Seconds(), detected.Seconds())
		} else if kind == "killed" && kills() > 0 {
			f.t.Error("no activity was in flight in a worker that was killed")
		}
		if detected > 2*f.config.Heartbeat {
			f.t.Errorf("a worker that was %s was detected after %v, more than two heartbeats of %v", kind, detected, f.config.Heartbeat)
		}
	}
}
