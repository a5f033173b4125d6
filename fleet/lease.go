package fleet

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// lease is the right of a worker to act for an activity. It sends heartbeats by a ticker, and
// counts those that the server has confirmed. When the server may count the worker as lost,
// because the process was suspended or the network is cut, the lease ends, and another worker
// may act.
//
// The heartbeats of the SDK do not show whether the server has got them.
type lease struct {
	timeout time.Duration
	cancel  context.CancelCauseFunc
	done    chan struct{}

	// activity is the context of the activity, which ends when the workflow is canceled. The lease
	// continues until the activity ends.
	activity context.Context

	mu        sync.Mutex
	confirmed time.Time   // when the last confirmed heartbeat was sent
	wall      time.Time   // the same time by the wall clock
	expiry    *time.Timer // ends the lease
	lost      bool
	unwritten error // the first error of the journal
}

// errLost is the reason for the end of an activity whose lease has ended.
var errLost = errors.New("the server may count this worker as lost: no heartbeat was confirmed in time")

// newLease sends a heartbeat, and others until the caller calls end. The returned context ends with
// the lease. The lease is lost if the first heartbeat is not confirmed: the server may have given the
// activity to this worker before the worker was suspended, and to another one since then. record
// sends a heartbeat; nil means one to the server.
func newLease(ctx context.Context, timeout time.Duration, record func(context.Context) error) (context.Context, *lease) {
	if record == nil {
		record = heartbeat
	}
	l := &lease{timeout: timeout, activity: ctx, done: make(chan struct{})}
	ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.first(ctx, record)
	l.expire()
	go l.beat(ctx, record)
	return ctx, l
}

// heartbeat sends a heartbeat and returns when the server has confirmed it.
func heartbeat(ctx context.Context) error {
	err := activity.GetClient(ctx).RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken)
	if temporal.IsCanceledError(err) {
		// The server waits for the end of the activity. The SDK ends the context, and accepts the
		// cancellation as the result, only after a heartbeat of its own.
		activity.RecordHeartbeat(ctx)
		return nil
	}
	return err
}

// first sends the first heartbeat.
func (l *lease) first(ctx context.Context, record func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout/3)
	defer cancel()
	sent := time.Now()
	err := record(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.confirm(sent)
	}
	l.check(time.Now())
}

// beat sends heartbeats until the lease ends.
func (l *lease) beat(ctx context.Context, record func(context.Context) error) {
	ticker := time.NewTicker(min(l.timeout/5, maxInterval))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-l.done:
			return
		case <-ctx.Done():
			return
		}
		if !l.valid() { // a heartbeat would delay the attempt of another worker
			return
		}
		sent := time.Now()
		attempt, cancel := context.WithTimeout(ctx, l.timeout/3)
		err := record(attempt)
		cancel()
		l.note(sent, err)
	}
}

// maxInterval is the longest interval of the heartbeats. The answer to a heartbeat has the cancellation.
const maxInterval = 5 * time.Second

// note records the result of a heartbeat.
func (l *lease) note(sent time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && !l.lost && l.age(sent) < l.limit() {
		l.confirm(sent)
	}
	if _, ended := errors.AsType[*serviceerror.NotFound](err); ended { // the server has ended the attempt
		l.confirmed = time.Time{}
	}
	l.check(time.Now())
}

// confirm records that the server has confirmed a heartbeat.
func (l *lease) confirm(sent time.Time) { l.confirmed, l.wall = sent, sent.Round(0) }

// age returns the time since the last confirmed heartbeat. The monotonic clock stands still while a
// virtual machine is suspended, and the wall clock can be set back: the longer time counts.
func (l *lease) age(now time.Time) time.Duration {
	return max(now.Sub(l.confirmed), now.Round(0).Sub(l.wall))
}

// limit is the time after a confirmed heartbeat in which the server waits for another one, less
// the time in which the next request may arrive at the provider.
func (l *lease) limit() time.Duration { return l.timeout * 4 / 5 }

// check ends the lease if its time is over.
func (l *lease) check(now time.Time) {
	if !l.lost && l.age(now) >= l.limit() {
		l.lost = true
		l.cancel(errLost)
	}
}

// expire ends the lease if its time is over, and otherwise is called again at that time.
func (l *lease) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.check(now); !l.lost {
		l.expiry = time.AfterFunc(l.limit()-l.age(now), l.expire)
	}
}

// permit returns errLost if another worker can have the activity.
func (l *lease) permit(context.Context) error {
	if !l.valid() {
		return errLost
	}
	return nil
}

// valid reports whether no other worker can have the activity.
func (l *lease) valid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.check(time.Now())
	return !l.lost
}

// isCanceled reports whether the workflow was canceled.
func (l *lease) isCanceled() bool { return l.activity.Err() != nil }

// end ends the heartbeats.
func (l *lease) end() {
	close(l.done)
	l.cancel(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost = true; l.expiry != nil {
		l.expiry.Stop()
	}
}

// leasedJournal refuses entries after the lease has ended. The engine starts nothing after an error.
type leasedJournal struct {
	teardown.JournalWriter
	lease *lease
}

// Append appends an entry if the lease is valid.
func (j leasedJournal) Append(ctx context.Context, e teardown.Entry) error {
	err := j.lease.permit(ctx)
	if err == nil {
		err = j.JournalWriter.Append(ctx, e)
	}
	if err == nil {
		err = j.lease.permit(ctx) // the journal may be slow
	}
	j.lease.mu.Lock()
	defer j.lease.mu.Unlock()
	if j.lease.unwritten == nil {
		j.lease.unwritten = err
	}
	return err
}

// journalErr returns the first error of the journal, from which on nothing was started.
func (l *lease) journalErr() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unwritten
}
