package teardown

import (
	"container/heap"
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// scheduler runs the steps of a teardown. The goroutine of [Execute] owns all of its fields.
// Each request runs in a goroutine of its own, which holds a slot and sends its result back; a
// step that waits has neither. No decision iterates over all steps: a step counts the steps
// that it still comes after, and lists the steps that come after it.
//
//	idle ──▶ queued ──▶ acting ──▶ waiting ◀─▶ polling ──▶ over
//	           ▲ ▲                                │
//	           │ └──── ready for the next act ────┤
//	           └────── pausing ◀── the attempt failed
type scheduler struct {
	*run
	ctx     context.Context
	tasks   []task
	results chan result

	fresh  []int             // steps whose predecessors are deleted, in order
	again  []int             // started steps whose next act can be sent
	resume []chan<- struct{} // acts that waited without a slot and need one
	active int               // number of steps that are started and not over

	waitingOnOthers int // number of active steps whose last attempt was blocked

	acting, polling int        // numbers of requests in flight
	due             []*group   // groups whose poll is due and has no slot
	timers          timers     // pauses and polls
	deadlines       []deadline // of all started steps, in order: the time limit is the same for all

	groups    map[string]*group
	durations *Durations

	completed []int // steps whose result is not synced yet
	ending    bool  // no attempt or step starts
}

// task is the scheduler's state of a step; its index is the same as in run.states.
type task struct {
	phase  phase
	before int   // number of steps that it still comes after
	next   []int // steps that come after it

	deadline time.Time
	tries    retries // of attempts
	reads    retries // of polls that fail
	wait     Wait
	acted    time.Time // when the last act ended
	dueAt    time.Time // when the next poll is useful
	group    *group    // the group in which it waits

	actErr    error  // error of the last act; a poll decides
	pollFirst bool   // the next poll decides the attempt
	onOthers  bool   // it is counted in waitingOnOthers
	pauseErr  error  // the reason for the pause
	method    string // the driver's method that ended the last failed attempt
	text      string
	requestID string
	attempts  *trace.Attempts // nil before the start
	timer     int             // ID of the valid timer of a pause
}

type phase uint8

const (
	idle    phase = iota // comes after steps that are not over
	queued               // acts as soon as a slot is free
	acting               // a request is in flight
	waiting              // waits for its next poll
	polling              // a poll that counts for it is in flight
	pausing              // waits for another attempt
	over
)

// result is the result of a request, or the message of an act that waits.
type result struct {
	released bool            // the act waits and releases its slot
	resumes  chan<- struct{} // the act continues when this channel is closed

	tasks    []int
	group    *group // of a poll; nil for an act
	progress []Progress
	err      error
}

// deadline is the time limit of a step.
type deadline struct {
	at   time.Time
	task int
}

// newScheduler returns the scheduler of a run's steps.
func newScheduler(ctx context.Context, r *run) *scheduler {
	s := &scheduler{
		run: r, ctx: ctx, tasks: make([]task, len(r.states)),
		results: make(chan result, min(r.settings.concurrency, len(r.states)+1)),
		groups:  map[string]*group{}, durations: new(Durations),
	}
	if d, ok := r.driver.(DurationsDriver); ok {
		if shared := d.Durations(); shared != nil {
			s.durations = shared
		}
	}
	for i := range r.states {
		state := &r.states[i]
		t := &s.tasks[i]
		if !state.found {
			t.phase = over
		}
		for _, id := range state.After {
			j, ok := r.index[id]
			if !ok && r.deletedBefore[id] {
				continue
			}
			if !ok || !r.states[j].State.deleted() {
				// A step after an unknown one, or after one that is never deleted, never starts.
				t.before++
				if ok {
					s.tasks[j].next = append(s.tasks[j].next, i)
				}
			}
		}
	}
	for i := range s.tasks {
		if t := &s.tasks[i]; t.phase == idle && t.before == 0 {
			t.phase = queued
			s.fresh = append(s.fresh, i)
		}
	}
	return s
}

// runSteps runs the steps. It returns when no step is active and none can start.
func (s *scheduler) runSteps() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stop, done := s.settings.stop, s.ctx.Done()
	for {
		if !s.ending && s.stopped(s.ctx) {
			s.end()
		}
		s.flush()
		s.dispatch()
		switch {
		case len(s.completed) > 0: // they failed to start
			continue
		case s.active == 0:
			return
		}
		if at, ok := s.nextTime(); ok {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
		select {
		case r := <-s.results:
			s.apply(r)
		case <-timer.C:
			s.fire(time.Now())
		case <-stop:
			stop = nil
		case <-done:
			done = nil
		}
	}
}

// dispatch starts the requests that have a slot. Polls are first, because they may end a step.
func (s *scheduler) dispatch() {
	for len(s.due) > 0 && s.canPoll() {
		g := s.due[0]
		s.due = s.due[1:]
		g.queued = false
		s.poll(g)
	}
	for len(s.resume) > 0 && s.canAct() {
		close(s.resume[0])
		s.resume = s.resume[1:]
		s.acting++
	}
	for len(s.again) > 0 && s.canAct() && !s.stopped(s.ctx) {
		i := s.again[0]
		s.again = s.again[1:]
		if s.tasks[i].phase == queued { // otherwise its deadline has passed
			s.act(i)
		}
	}
	for len(s.fresh) > 0 && s.canAct() && s.active < s.settings.maxStarted && !s.stopped(s.ctx) {
		i := s.fresh[0]
		s.fresh = s.fresh[1:]
		s.start(i)
	}
}

// canAct reports whether an act has a slot.
func (s *scheduler) canAct() bool {
	return s.acting < s.settings.concurrency && (s.settings.concurrency > 1 || s.polling == 0)
}

// canPoll reports whether a poll has a slot. Polls have their own slots, so that acts do not
// delay the end of a step. With a concurrency of 1, only one request of either kind is in
// flight.
func (s *scheduler) canPoll() bool {
	return s.polling < s.settings.concurrency && (s.settings.concurrency > 1 || s.acting == 0)
}

// start starts a step.
func (s *scheduler) start(i int) {
	t, state := &s.tasks[i], &s.states[i]
	now := time.Now()
	state.State, state.StartedAt = StepRunning, now
	s.active++
	t.deadline, t.attempts = now.Add(s.settings.stepTimeout), new(trace.Attempts)
	t.tries = retries{within: s.settings.retryFor}
	t.reads = t.tries
	if err := s.write(Entry{Step: state.ID, Kind: EntryStarted}, nil); err != nil {
		s.complete(i, StepFailed, err)
		return
	}
	s.deadlines = append(s.deadlines, deadline{t.deadline, i})
	s.event(Event{Step: state.ID, Kind: EventStarted, Text: state.Removal})
	state.Attempts++
	s.act(i)
}

// act sends the next request that changes something. Its context ends at the step's deadline.
func (s *scheduler) act(i int) {
	t := &s.tasks[i]
	t.phase, t.actErr, t.pollFirst = acting, nil, false
	s.acting++
	step, deadline, attempts := s.states[i].Step, t.deadline, t.attempts
	go func() {
		ctx := trace.WithAttempts(withStep(s.ctx, &step), attempts)
		ctx, cancel := context.WithDeadlineCause(ctx, deadline, errStepTimeout)
		defer cancel()
		ctx = withProgress(ctx, func(text string) {
			s.event(Event{Step: step.ID, Kind: EventWaiting, Text: text})
		})
		if s.settings.concurrency > 1 {
			ctx = trace.WithPauses(ctx, s.pause)
		}
		var p Progress
		err := s.checkLease(ctx)
		if err != nil {
			err = s.refuse(errors.Canceled, nil, "%w", err)
		} else {
			p, err = s.driver.Act(ctx, s.plan.Organization, step)
		}
		s.results <- result{tasks: []int{i}, progress: []Progress{p}, err: err}
	}()
}

// pause releases the slot of an act that waits, and returns when the act has a slot again.
func (s *scheduler) pause(wait func()) {
	s.results <- result{released: true}
	wait()
	slot := make(chan struct{})
	s.results <- result{resumes: slot}
	<-slot
}

// apply processes the result of a request.
func (s *scheduler) apply(r result) {
	switch {
	case r.released:
		s.acting--
		return
	case r.resumes != nil:
		s.resume = append(s.resume, r.resumes)
		return
	}
	now := time.Now()
	if r.group != nil {
		s.polling--
		s.polled(r, now)
		return
	}
	s.acting--
	i := r.tasks[0]
	t, p := &s.tasks[i], r.progress[0]
	t.acted, t.dueAt = now, time.Time{}
	t.note(p.RequestID)
	if r.err == nil && !p.State.ofAct() {
		r.err = s.invalidProgress(methodAct, s.states[i].ID, p.State)
	}
	if r.err != nil {
		t.actErr, t.pollFirst, t.wait = r.err, true, Wait{Now: true}
		s.wait(i, now)
		return
	}
	switch p.State {
	case ProgressNotFound:
		s.complete(i, StepDeleted, nil)
	case ProgressReady:
		s.reportText(i, p.Text)
		s.proceed(i)
	case ProgressDeleting, ProgressPollFirst:
		s.reportText(i, p.Text)
		t.wait, t.pollFirst = p.Next, p.State == ProgressPollFirst
		switch {
		case s.ending && !t.pollFirst:
			s.interrupt(i, nil)
			return
		case s.ending:
			t.wait.Now = true
		}
		s.wait(i, now)
	default:
		s.failed(i, s.exists(i, p))
	}
}

// proceed queues the next act of a started step, in the same attempt.
func (s *scheduler) proceed(i int) {
	switch {
	case s.ending:
		s.interrupt(i, nil)
		return
	case !time.Now().Before(s.tasks[i].deadline):
		s.complete(i, StepFailed, s.timedOut(s.states[i].ID, nil, errStepTimeout))
		return
	}
	s.tasks[i].phase = queued
	s.again = append(s.again, i)
}

// result processes the progress of a step by a poll.
func (s *scheduler) result(i int, p Progress, err error, now time.Time) {
	t := &s.tasks[i]
	if err == nil {
		s.reportText(i, p.Text)
	}
	if err == nil && !p.State.ofPoll() {
		err = s.invalidProgress(methodPoll, s.states[i].ID, p.State)
	}
	shown := typed(s.ctx, s.plan.Provider, methodPoll, s.states[i].ID, err)
	switch {
	case err == nil && p.State == ProgressNotFound:
		s.learn(t, now, true)
		s.complete(i, StepDeleted, nil)
	case t.actErr != nil && (err != nil || p.State == ProgressExists):
		s.failed(i, t.actErr) // it has more information than the read that decided
	case err != nil && (t.pollFirst || !errors.Retryable(shown)):
		s.failed(i, err)
	case err != nil:
		// A failed read proves nothing: the state does not change.
		pause := s.backoff(s.states[i].ID, 1, err)
		if s.ending || !t.reads.again(pause) {
			t.tries = t.reads // no further attempt
			s.failed(i, err)
			return
		}
		t.wait.Now, t.dueAt = false, now.Add(pause)
		s.wait(i, now)
	case p.State == ProgressReady:
		s.learn(t, now, true)
		s.proceed(i)
	case p.State == ProgressDeleting:
		t.actErr, t.pollFirst = nil, false
		t.reads.reset()
		s.learn(t, now, false)
		if s.ending {
			s.interrupt(i, nil)
			return
		}
		t.wait, t.dueAt = p.Next, now
		// A group whose steps are not due yet, such as after a lost answer, is polled as rarely
		// as a single step.
		if p.Next.Group == "" || now.Before(t.acted.Add(s.expected(t.wait))) {
			t.dueAt = now.Add(again(now.Sub(t.acted)))
		}
		s.wait(i, now)
	default:
		s.failed(i, s.exists(i, p))
	}
}

// exists returns the error of an attempt after which the resource exists.
func (s *scheduler) exists(i int, p Progress) error {
	if p.Err != nil {
		return p.Err
	}
	return &errors.Error{
		Provider: s.plan.Provider, Operation: "Teardown", Target: s.states[i].ID,
		Code: errors.Unavailable, Err: errors.New("resource still exists after removal"),
	}
}

// failed ends an attempt: another attempt follows after a pause, or the step ends.
func (s *scheduler) failed(i int, err error) {
	t := &s.tasks[i]
	t.method = methodPoll
	if t.phase == acting || t.actErr != nil {
		t.method = methodAct
	}
	if s.countBlocked(i, err) {
		t.tries.reset()
	}
	pause := s.backoff(s.states[i].ID, s.states[i].Attempts, err)
	shown := typed(s.ctx, s.plan.Provider, t.method, s.states[i].ID, err)
	switch now := time.Now(); {
	case s.ctx.Err() != nil, s.stopped(s.ctx) && canceled(err):
		s.interrupt(i, err)
	case !now.Before(t.deadline):
		s.complete(i, StepFailed, s.timedOut(s.states[i].ID, err, errStepTimeout))
	case !retryable(shown) || s.journal.failed() || !t.tries.again(pause):
		s.complete(i, StepFailed, err)
	case s.ending || s.stopped(s.ctx):
		s.complete(i, StepInterrupted, err)
	default:
		s.event(Event{Step: s.states[i].ID, Kind: EventRetrying, Text: text(shown), Wait: pause, Err: shown})
		t.phase, t.pauseErr = pausing, err
		t.timer = s.timers.add(now.Add(pause), i, nil)
	}
}

// canceled reports whether an error states that a context ended, or that a stop ended a wait.
func canceled(err error) bool {
	if errors.Is(err, trace.ErrStopped) {
		return true
	}
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.Canceled || !ok && errors.Is(err, context.Canceled)
}

// interrupt ends a step without a result, because the context ended or the caller stopped the
// teardown.
func (s *scheduler) interrupt(i int, err error) {
	cause := s.stopCause(context.Cause(s.ctx), errStopped)
	s.complete(i, StepInterrupted, s.timedOut(s.states[i].ID, err, cause))
}

// countBlocked records whether another resource blocks a step, and reports whether an active
// step that is not blocked may remove that resource. Such an attempt does not count. Attempts
// of two steps that block each other count.
func (s *scheduler) countBlocked(i int, err error) bool {
	t := &s.tasks[i]
	blocked := errors.Is(err, errors.Conflict) || errors.Is(err, errors.DeletionStepsNotSatisfied)
	s.setBlocked(t, blocked)
	return blocked && s.active > s.waitingOnOthers
}

func (s *scheduler) setBlocked(t *task, blocked bool) {
	switch {
	case blocked && !t.onOthers:
		s.waitingOnOthers++
	case !blocked && t.onOthers:
		s.waitingOnOthers--
	}
	t.onOthers = blocked
}

// complete ends a step with a result, which flush reports.
func (s *scheduler) complete(i int, state StepState, err error) {
	t := &s.tasks[i]
	err = typed(s.ctx, s.plan.Provider, t.method, s.states[i].ID, err)
	if e, ok := errors.AsType[*errors.Error](err); ok && e.RequestID != "" {
		t.requestID = e.RequestID
	}
	s.setBlocked(t, false)
	t.phase = over
	s.active--
	if failed := s.append(Entry{Step: s.states[i].ID, Kind: EntryFinished, State: state, RequestID: t.requestID}, err); failed != nil && err == nil {
		err = failed
	}
	st := &s.states[i]
	st.State, st.Err, st.RequestID, st.FinishedAt = state, err, t.requestID, time.Now()
	s.completed = append(s.completed, i)
}

// flush syncs the journal once for all results since the last flush, and then reports the
// results and queues the next steps. A result that the journal does not contain is a failure.
func (s *scheduler) flush() {
	if len(s.completed) == 0 {
		return
	}
	failed := s.sync()
	for _, i := range s.completed {
		st := &s.states[i]
		if failed != nil && st.Err == nil {
			st.Err = failed
		}
		if st.State.deleted() {
			s.countDone()
			for _, j := range s.tasks[i].next {
				t := &s.tasks[j]
				if t.before--; t.before == 0 && t.phase == idle {
					t.phase = queued
					s.fresh = append(s.fresh, j)
				}
			}
		}
		s.event(Event{Step: st.ID, Kind: EventFinished, State: st.State, Err: st.Err})
	}
	s.completed = s.completed[:0]
}

// end ends the steps that wait. Requests in flight finish.
func (s *scheduler) end() {
	s.ending = true
	s.again = nil
	polls := s.settings.concurrency - s.polling // at most: a stop does not wait for one poll after the other
	for i := range s.tasks {
		if !s.states[i].StartedAt.IsZero() {
			switch t := &s.tasks[i]; t.phase {
			case pausing:
				s.complete(i, StepInterrupted, t.pauseErr)
			case waiting:
				if t.pollFirst && polls > 0 { // one poll decides the outcome of an act
					polls--
					s.hurry(i, time.Now())
				} else {
					s.interrupt(i, t.actErr)
				}
			case queued:
				s.interrupt(i, nil)
			}
		}
	}
}

// reportText reports the text of a progress, once per change.
func (s *scheduler) reportText(i int, text string) {
	if t := &s.tasks[i]; text != "" && text != t.text {
		t.text = text
		s.event(Event{Step: s.states[i].ID, Kind: EventWaiting, Text: text})
	}
}

// note records the ID of the last answer.
func (t *task) note(requestID string) {
	if requestID != "" {
		t.requestID = requestID
	}
}

// nextTime returns the time of the next timer or deadline.
func (s *scheduler) nextTime() (time.Time, bool) {
	for len(s.deadlines) > 0 && s.tasks[s.deadlines[0].task].phase == over {
		s.deadlines = s.deadlines[1:]
	}
	for len(s.timers.all) > 0 && !s.valid(s.timers.all[0]) {
		heap.Pop(&s.timers)
	}
	var at time.Time
	if len(s.timers.all) > 0 {
		at = s.timers.all[0].at
	}
	if len(s.deadlines) > 0 && (at.IsZero() || s.deadlines[0].at.Before(at)) {
		at = s.deadlines[0].at
	}
	return at, !at.IsZero()
}
