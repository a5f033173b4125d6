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

// Errors of [service.request], for the handler.
var (
	errUnknownOrganization = errors.New("unknown organization")
	errStopping            = errors.New("the service stops")
	errNeedsOperator       = errors.New("an operator must act first")
)

// service offboards organizations in the background. One process serves the directory of its
// store.
type service struct {
	store *offboarding.Store

	// directory returns where an organization of this service is at its provider. It returns
	// errUnknownOrganization for an ID that the service does not have.
	directory func(ctx context.Context, id string) (offboard.Spec, error)

	// clients are shared by all attempts, so that the organizations of one provider share its
	// rate limit. A service sets its logger, proxy and instrumentation in their options.
	clients *offboard.Clients

	// timeout is the maximum time of one attempt: a context is the only limit that covers all
	// waits of a teardown. The next attempt resumes.
	timeout time.Duration

	logger    *slog.Logger
	telemetry *telemetry.Telemetry

	stop   chan struct{}   // closed by shutdown: attempts end gently
	killed context.Context // ends when the grace period of shutdown is over
	kill   context.CancelFunc

	mu       sync.Mutex
	stopped  bool
	jobs     map[string]*offboarding.Job // those that are queued, by ID
	progress map[string]teardown.Event   // the last event of each, by ID
	running  sync.WaitGroup
}

// newService returns a service that resumes the queued jobs of the store.
func newService(
	store *offboarding.Store, directory func(context.Context, string) (offboard.Spec, error), clients *offboard.Clients,
	timeout time.Duration, logger *slog.Logger, t *telemetry.Telemetry,
) (*service, error) {
	s := &service{
		store: store, directory: directory, clients: clients, timeout: timeout, logger: logger, telemetry: t,
		stop: make(chan struct{}), jobs: map[string]*offboarding.Job{}, progress: map[string]teardown.Event{},
	}
	s.killed, s.kill = context.WithCancel(context.Background())
	jobs, err := store.Jobs()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		if j.State == offboarding.Queued {
			s.start(context.Background(), j)
		}
	}
	return s, nil
}

// request stores a job for an organization and starts it. If the organization has a job, that
// one counts: a job that is queued or finished is returned unchanged, and one that waits for the
// user starts again. started is false if the job is finished.
func (s *service) request(ctx context.Context, id, confirm string) (j offboarding.Job, started bool, err error) {
	spec, err := s.directory(ctx, id)
	if err != nil {
		return j, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return j, false, errStopping
	}
	if queued := s.jobs[id]; queued != nil {
		return *queued, true, nil
	}
	stored, err := s.store.Load(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		stored = offboarding.NewJob(id, spec, confirm)
	case err != nil:
		return j, false, err
	case stored.State == offboarding.Finished:
		return *stored, false, nil
	case stored.Action != offboarding.AskUser:
		return *stored, false, errNeedsOperator
	default:
		stored.Confirm = confirm
		stored.Requeue()
	}
	// The job is on the disk before the response promises it.
	if err := s.store.Save(stored); err != nil {
		return j, false, err
	}
	s.start(ctx, stored)
	return *stored, true, nil
}

// release starts a dead job again, after an operator has checked the provider, or has changed
// what the errors of the job require. A service calls it from an internal tool.
func (s *service) release(ctx context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.store.Load(id)
	switch {
	case err != nil:
		return err
	case s.stopped:
		return errStopping
	case j.State != offboarding.Dead || s.jobs[id] != nil:
		return nil
	}
	j.Requeue()
	if err := s.store.Save(j); err != nil {
		return err
	}
	s.start(ctx, j)
	return nil
}

// find returns a job, and its progress if an attempt runs.
func (s *service) find(id string) (offboarding.Job, teardown.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		return *j, s.progress[id], nil
	}
	j, err := s.store.Load(id)
	if err != nil {
		return offboarding.Job{}, teardown.Event{}, err
	}
	return *j, teardown.Event{}, nil
}

// start runs a job in the background. The mutex is locked. The context of a request ends when
// its client disconnects or gets the response: WithoutCancel keeps its values, such as the
// trace, and not its end.
func (s *service) start(ctx context.Context, j *offboarding.Job) {
	s.jobs[j.ID] = j
	ctx = context.WithoutCancel(ctx)
	s.running.Go(func() {
		s.run(ctx, j)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.jobs, j.ID)
		delete(s.progress, j.ID)
	})
}

// run runs the attempts of a job until the job is finished or dead, or the service stops.
func (s *service) run(ctx context.Context, j *offboarding.Job) {
	for j.State == offboarding.Queued && s.wait(time.Until(j.NotBefore)) {
		next := *j // the handlers read j
		if err := s.attempt(ctx, &next); err != nil {
			s.logger.Error("cannot store job", "id", j.ID, "error", err)
			return // the journal has the result; the next start of the service resumes
		}
		s.mu.Lock()
		*j = next
		delete(s.progress, j.ID)
		s.mu.Unlock()
		s.logger.Info("attempt finished", "id", j.ID, "action", j.Action, "outcome", j.Outcome, "error", j.Err())
	}
}

// attempt runs one attempt, with a time limit of its own.
func (s *service) attempt(ctx context.Context, j *offboarding.Job) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	defer context.AfterFunc(s.killed, cancel)()
	a := &offboarding.Attempt{Job: j, Store: s.store, Stop: s.stop}
	organization, err := s.clients.Open(ctx, j.Spec)
	if err != nil {
		return a.Finish(nil, err)
	}
	a.Organization = instrumented{organization, s.telemetry.Teardown(organization.Teardown)}
	return a.Run(ctx, teardown.WithEvents(func(e teardown.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.progress[j.ID] = e
	}))
}

// instrumented is an organization whose teardowns have a span and metrics.
type instrumented struct {
	offboard.Organization
	teardown telemetry.TeardownFunc
}

// Teardown applies a plan.
func (i instrumented) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return i.teardown(ctx, p, options...)
}

// wait waits for d, and reports whether the service still runs.
func (s *service) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.stop:
		return false
	default:
	}
	select {
	case <-s.stop:
		return false
	case <-timer.C:
		return true
	}
}

// shutdown stops the service: requests in flight finish, and no attempt or step starts. When
// the context ends, the attempts end at once. The next start of the service resumes all jobs.
func (s *service) shutdown(ctx context.Context) {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.stop)
	}
	s.mu.Unlock()
	defer context.AfterFunc(ctx, s.kill)()
	s.running.Wait()
	s.kill()
}
