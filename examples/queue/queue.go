package main

import (
	"context"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/examples/internal/offboarding"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/telemetry"
)

// queue is a durable queue of offboardings in one process. The jobs are files; see
// [offboarding.Store].
type queue struct {
	store     *offboarding.Store
	clients   *offboard.Clients // shared by all jobs, and so is the rate limit of each provider
	parallel  int               // the number of jobs that run at the same time
	timeout   time.Duration     // of one attempt; the next attempt resumes
	logger    *slog.Logger
	telemetry *telemetry.Telemetry

	stop chan struct{} // closing it stops [queue.work] gently
	put  chan struct{} // wakes [queue.work]; has room for one value

	mu sync.Mutex // of the files while a job is added or released
}

// newQueue returns a queue with the jobs of a store.
func newQueue(
	store *offboarding.Store, clients *offboard.Clients, parallel int, timeout time.Duration, logger *slog.Logger, t *telemetry.Telemetry,
) *queue {
	return &queue{
		store: store, clients: clients, parallel: parallel, timeout: timeout, logger: logger, telemetry: t,
		stop: make(chan struct{}), put: make(chan struct{}, 1),
	}
}

// add stores a job. An organization has one job: if the queue has one for the ID, add changes
// nothing. The job survives a crash when add returns without an error.
func (q *queue) add(id string, spec offboard.Spec, confirm string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, err := q.store.Load(id); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := q.store.Save(offboarding.NewJob(id, spec, confirm)); err != nil {
		return err
	}
	q.wake()
	return nil
}

// deadLetters returns the jobs that wait for a person.
func (q *queue) deadLetters() ([]*offboarding.Job, error) {
	jobs, err := q.store.Jobs()
	var dead []*offboarding.Job
	for _, j := range jobs {
		if j.State == offboarding.Dead {
			dead = append(dead, j)
		}
	}
	return dead, err
}

// release queues a dead job again, after a person has acted.
func (q *queue) release(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	j, err := q.store.Load(id)
	if err != nil || j.State != offboarding.Dead {
		return err
	}
	j.Requeue()
	if err := q.store.Save(j); err != nil {
		return err
	}
	q.wake()
	return nil
}

func (q *queue) wake() {
	select {
	case q.put <- struct{}{}:
	default:
	}
}

// work runs jobs until the queue is stopped or the context ends: a stop lets requests in flight
// finish. With untilEmpty, it also returns when all jobs are finished or dead. The error is that
// of the store.
func (q *queue) work(ctx context.Context, untilEmpty bool) error {
	for {
		due, next, err := q.due()
		if err != nil {
			return err
		}
		if len(due) > 0 {
			err = q.run(ctx, due)
		} else if next.IsZero() && untilEmpty {
			return nil
		}
		if err != nil || !q.wait(ctx, len(due) > 0, next) {
			return err
		}
	}
}

// due returns the jobs that may start now. If there are none, next is the time of the next one;
// zero for none.
func (q *queue) due() (due []*offboarding.Job, next time.Time, err error) {
	jobs, err := q.store.Jobs()
	now := time.Now()
	for _, j := range jobs { // in the order of NotBefore
		switch {
		case j.State != offboarding.Queued:
		case !j.NotBefore.After(now):
			due = append(due, j)
		case next.IsZero():
			next = j.NotBefore
		}
	}
	return due, next, err
}

// run runs the jobs that are due. Others start after the last of them has ended: the timeout of
// an attempt bounds the delay.
func (q *queue) run(ctx context.Context, due []*offboarding.Job) error {
	attempts := make([]*offboarding.Attempt, len(due))
	jobs := make([]teardown.Job, len(due))
	for i, j := range due {
		attempts[i] = &offboarding.Attempt{Job: j, Store: q.store, Stop: q.stop}
		jobs[i] = q.job(attempts[i])
	}
	var failed []error
	for result := range teardown.RunJobs(ctx, jobs, q.parallel, teardown.WithStop(q.stop)) {
		a := attempts[result.Index]
		failed = append(failed, a.Finish(result.Report, result.Err))
		q.logger.Info("attempt finished", "id", a.Job.ID, "action", a.Job.Action, "outcome", a.Job.Outcome, "error", a.Job.Err())
	}
	return errors.Join(failed...)
}

// job returns the functions of an attempt for RunJobs, each with the timeout of the queue.
func (q *queue) job(a *offboarding.Attempt) teardown.Job {
	return teardown.Job{
		Plan: func(ctx context.Context) (*teardown.Plan, error) {
			ctx, cancel := context.WithTimeout(ctx, q.timeout)
			defer cancel()
			organization, err := q.clients.Open(ctx, a.Job.Spec)
			if err != nil {
				return nil, err
			}
			a.Organization = organization
			return a.Plan(ctx)
		},
		Teardown: func(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
			ctx, cancel := context.WithTimeout(ctx, q.timeout)
			defer cancel()
			return q.telemetry.Teardown(a.Teardown)(ctx, plan, options...)
		},
	}
}

// wait waits until a job may start, and reports whether the queue still runs. at is zero if no
// job has a time; with ran, there may be one already.
func (q *queue) wait(ctx context.Context, ran bool, at time.Time) bool {
	select {
	case <-q.stop:
		return false
	case <-ctx.Done():
		return false
	default:
	}
	if ran {
		return true
	}
	var due <-chan time.Time // blocks forever without a time
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-q.stop:
		return false
	case <-ctx.Done():
		return false
	case <-q.put:
	case <-due:
	}
	return true
}
