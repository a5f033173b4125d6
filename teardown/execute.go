package teardown

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// maxAttempts is how often a step is tried: what a provider calls a conflict often
// passes once its neighbours are gone.
const maxAttempts = 8

// Backoff between attempts: full jitter below a bound that doubles.
const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
)

// Execute carries out a plan with a driver. The clients of this module call it from
// their method Teardown, which says what errors there are.
//
// The report is nil when nothing was begun. Otherwise it lists every step, and the
// error is its Err.
func Execute(ctx context.Context, d Driver, p *Plan, options ...Option) (*Report, error) {
	r := &run{driver: d, plan: p, settings: configure(options), started: time.Now()}
	if err := r.admit(); err != nil {
		return nil, err
	}
	now, err := d.Inspect(ctx, p.Organization, p)
	switch {
	case errors.Is(err, errors.OrganizationNotFound):
		// The plan is the proof that it was there.
		now = nil
	case err != nil:
		return nil, err
	default:
		if err := r.compare(now); err != nil {
			return nil, err
		}
	}
	r.journal = newJournal(r.settings.journal)
	r.begin(now)
	if err := r.write("", begun, nil, ""); err != nil {
		return nil, err
	}
	for _, s := range r.states {
		if s.State == AlreadyGone {
			if err := r.write(s.ID, string(s.State), nil, ""); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case now == nil:
		return r.finish(Deletion{Outcome: Gone}, nil)
	case r.hopeless(now):
		err := now.Err()
		if err == nil { // the provider would not refuse, and hands are needed all the same
			err = r.refuse(errors.DeletionStepsNotSatisfied, whatIsLeft(r.states), "")
		}
		return r.finish(Deletion{Outcome: Blocked}, err)
	}
	r.steps(ctx)
	return r.end(ctx)
}

// run is one execution of a plan.
type run struct {
	driver   Driver
	plan     *Plan
	settings *settings
	started  time.Time
	journal  *journal

	mu     sync.Mutex // of what is below, and of calls of OnEvent
	states []StepReport
}

// refuse is the error of a plan that is not carried out.
func (r *run) refuse(code errors.Code, steps []errors.Step, format string, args ...any) error {
	e := &errors.Error{
		Provider: r.plan.Provider, Operation: "Teardown", Target: r.plan.Organization.ID, Code: code, Steps: steps,
	}
	if format != "" {
		e.Err = fmt.Errorf(format, args...)
	}
	return e
}

// admit looks at the plan and the options, before anything is read.
func (r *run) admit() error {
	p, s := r.plan, r.settings
	if wrong := p.check(); len(wrong) > 0 {
		return r.refuse(errors.PlanStale, wrong, "%s %s", wrong[0].Name, wrong[0].Description)
	}
	if name, instance := r.driver.Provider(); p.Provider != name || p.Instance != instance {
		steps := []errors.Step{{Name: "provider", Description: fmt.Sprintf("is %s at %s", name, instance)}}
		return r.refuse(errors.PlanStale, steps, "the plan is of %s at %q, not of %s at %q", p.Provider, p.Instance, name, instance)
	}
	switch id := p.Organization.ID; {
	case !s.confirmed:
		return r.refuse(errors.NotConfirmed, nil, "the name was not given")
	case s.name != p.Organization.Name:
		return r.refuse(errors.NotConfirmed, nil, "the organization is called %q, not %q", p.Organization.Name, s.name)
	case slices.Contains(s.deny, id):
		return r.refuse(errors.NotConfirmed, nil, "the organization must not be deleted")
	case len(s.allow) > 0 && !slices.Contains(s.allow, id):
		return r.refuse(errors.NotConfirmed, nil, "the organization is not among those that may be deleted")
	}
	return r.consented(p)
}

// consented refuses what was not permitted.
func (r *run) consented(p *Plan) error {
	missing := slices.DeleteFunc(p.Consents(), r.settings.permits)
	if len(missing) == 0 {
		return nil
	}
	var steps []errors.Step
	for _, step := range p.Steps {
		if step.Needs != "" && slices.Contains(missing, step.Needs) {
			steps = append(steps, errors.Step{Name: step.ID, Description: "has to be permitted: " + string(step.Needs)})
		}
	}
	return r.refuse(errors.NotConfirmed, steps, "it has to be permitted: %s", joined(missing))
}

// compare refuses a plan that is no longer the truth.
func (r *run) compare(now *Plan) error {
	if changed := r.plan.changes(now); len(changed) > 0 {
		return r.refuse(errors.PlanStale, changed, "%s %s", changed[0].Name, changed[0].Description)
	}
	return r.consented(now)
}

// hopeless reports whether no step can make the deletion succeed, or only somebody's
// hand: then nothing is touched, unless that is permitted.
func (r *run) hopeless(now *Plan) bool {
	err := now.Err()
	if err != nil && (!errors.Is(err, errors.DeletionStepsNotSatisfied) || lasting(err)) {
		return true
	}
	return len(now.Manual()) > 0 && !r.settings.permits(Partial)
}

// begin makes the report of every step of the plan: those that are no longer there
// are gone already.
func (r *run) begin(now *Plan) {
	r.states = make([]StepReport, len(r.plan.Steps))
	for i, step := range r.plan.Steps {
		r.states[i] = StepReport{Step: step, State: Untouched}
		there := now != nil && slices.ContainsFunc(now.Steps, func(s Step) bool { return s.ID == step.ID })
		switch {
		case !there:
			r.states[i].State = AlreadyGone
		case step.Manual:
			r.states[i].State = ByHand
		}
	}
	r.event(Event{Kind: Begun})
	for _, s := range r.states {
		if s.State == AlreadyGone || s.State == ByHand {
			r.event(Event{Step: s.ID, Kind: Ended, Text: string(s.State)})
		}
	}
}

// steps runs all steps that can be run, each once those before it are gone.
func (r *run) steps(ctx context.Context) {
	ended := make(chan struct{}, len(r.states))
	running := 0
	for {
		for running < r.settings.concurrency && !r.stopped(ctx) {
			i := r.next()
			if i < 0 {
				break
			}
			running++
			go func() {
				r.step(ctx, i)
				ended <- struct{}{}
			}()
		}
		if running == 0 {
			return
		}
		<-ended
		running--
	}
}

// stopped reports whether nothing more is to be begun.
func (r *run) stopped(ctx context.Context) bool {
	select {
	case <-r.settings.stop:
		return true
	default:
		return ctx.Err() != nil
	}
}

// next takes a step that has not begun and whose predecessors are gone; -1 for none.
func (r *run) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.states {
		s := &r.states[i]
		if s.State == Untouched && !slices.ContainsFunc(s.After, func(id string) bool { return !r.gone(id) }) {
			s.State, s.Started = Running, time.Now()
			return i
		}
	}
	return -1
}

// gone reports whether a step is gone. The caller holds the mutex.
func (r *run) gone(id string) bool {
	i := slices.IndexFunc(r.states, func(s StepReport) bool { return s.ID == id })
	return i >= 0 && r.states[i].State.gone()
}

// step removes one thing and sees that it is gone.
func (r *run) step(ctx context.Context, i int) {
	step := r.states[i].Step
	if err := r.write(step.ID, begun, nil, ""); err != nil {
		r.settle(i, Failed, err, "")
		return
	}
	r.event(Event{Step: step.ID, Kind: Begun, Text: step.Removal})
	var last trace.Last
	whole := ctx
	ctx, cancel := context.WithTimeoutCause(trace.With(ctx, &last), r.settings.stepTimeout, errStepTimeout)
	defer cancel()
	tries := 0
	for attempt := 1; ; attempt++ {
		r.mu.Lock()
		r.states[i].Attempts = attempt
		r.mu.Unlock()
		gone, err := r.try(ctx, step)
		if !r.heldUp(i, err) {
			tries++
		}
		switch {
		case gone:
			r.settle(i, Done, nil, last.ID())
			return
		case whole.Err() != nil:
			r.settle(i, Interrupted, r.ended(step, err, whole), last.ID())
			return
		case ctx.Err() != nil:
			r.settle(i, Failed, r.ended(step, err, ctx), last.ID())
			return
		case tries == maxAttempts || err != nil && !passes(err) || r.stopped(ctx):
			r.settle(i, Failed, err, last.ID())
			return
		}
		wait := r.backoff(step.ID, attempt, err)
		r.event(Event{Step: step.ID, Kind: Retrying, Text: text(err), Wait: wait, Err: err})
		r.sleep(ctx, wait)
	}
}

// heldUp notes whether something stands in the way of a step, and reports whether
// another step, which nothing holds up, may be what it waits for: such a try does not
// count. Two that wait for each other both do.
func (r *run) heldUp(i int, err error) bool {
	blocked := errors.Is(err, errors.Conflict) || errors.Is(err, errors.DeletionStepsNotSatisfied)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states[i].heldUp = blocked
	return blocked && slices.ContainsFunc(r.states, func(s StepReport) bool { return s.State == Running && !s.heldUp })
}

var errStepTimeout = errors.New("the step took longer than it may")

// ended is the error of a step whose context ended. What the step's own time has cut
// off was not canceled by anybody.
func (r *run) ended(step Step, err error, ctx context.Context) error {
	cause := context.Cause(ctx)
	if e, ok := errors.AsType[*errors.Error](err); ok && (e.Code != errors.Canceled || cause != errStepTimeout) {
		return err
	}
	return &errors.Error{
		Provider: r.plan.Provider, Operation: "Teardown", Target: step.ID,
		Code: errors.NotFinished, Err: cause,
	}
}

// try removes once, and reads whether it is gone. The error of the removal counts
// only when it is not.
func (r *run) try(ctx context.Context, step Step) (bool, error) {
	removal := r.driver.Remove(ctx, r.plan.Organization, step, func(text string) {
		r.event(Event{Step: step.ID, Kind: Waiting, Text: text})
	})
	if removal != nil && ctx.Err() != nil {
		return false, removal
	}
	gone, err := r.driver.IsGone(ctx, r.plan.Organization, step)
	switch {
	case err == nil && gone:
		return true, nil
	case removal != nil:
		return false, removal
	case err != nil:
		return false, err
	}
	return false, &errors.Error{
		Provider: r.plan.Provider, Operation: "Teardown", Target: step.ID,
		Code: errors.Unavailable, Err: errors.New("it was removed and is still there"),
	}
}

// lasting reports whether neither a step nor time changes a refusal: the organization
// has to stay as what it is.
func lasting(err error) bool {
	return errors.Is(err, errors.DefaultOrganization) || errors.Is(err, errors.SystemOrganization)
}

// passes reports whether trying again may help: what may succeed later, what others
// stand in the way of, and what was lost and is read to be still there.
func passes(err error) bool {
	if lasting(err) || errors.Is(err, errors.PaymentRequired) { // each try may charge somebody
		return false
	}
	return errors.Retryable(err) || errors.Is(err, errors.Conflict) || errors.Is(err, errors.DeletionStepsNotSatisfied) ||
		errors.Is(err, errors.OutcomeUnknown) || errors.Is(err, errors.NotFound)
}

// backoff is how long to wait before a step, or with "" the organization, is tried
// again. Its jitter is made of what is waited for, so that plans and steps differ and
// the same run always waits the same.
func (r *run) backoff(step string, attempt int, err error) time.Duration {
	of := fnv.New64a()
	_, _ = io.WriteString(of, r.plan.Fingerprint+"/"+step)
	jitter := rand.New(rand.NewPCG(of.Sum64(), uint64(attempt)))
	wait := firstBackoff/2 + time.Duration(jitter.Int64N(int64(min(firstBackoff<<min(attempt-1, 8), maxBackoff))))
	if e, ok := errors.AsType[*errors.Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	return wait
}

// sleep waits, unless nothing more is to be begun.
func (r *run) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.settings.stop:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// settle ends a step with a verdict. One that cannot be written down is a failure.
func (r *run) settle(i int, state State, err error, requestID string) {
	if e, ok := errors.AsType[*errors.Error](err); ok && e.RequestID != "" {
		requestID = e.RequestID
	}
	if failed := r.write(r.states[i].ID, string(state), err, requestID); failed != nil && err == nil {
		err = failed
	}
	r.mu.Lock()
	s := &r.states[i]
	s.State, s.Err, s.RequestID, s.Ended = state, err, requestID, time.Now()
	s.Error, s.Message = text(err), message(err)
	r.mu.Unlock()
	r.event(Event{Step: s.ID, Kind: Ended, Text: string(state), Err: err})
}

// end deletes the organization, once every step is gone.
func (r *run) end(ctx context.Context) (*Report, error) {
	var failed []error
	left := false
	for _, s := range r.states {
		left = left || !s.State.gone()
		if s.Err != nil {
			failed = append(failed, s.Err)
		}
	}
	switch {
	case len(failed) > 0:
		return r.finish(Deletion{Outcome: Blocked}, errors.Join(failed...))
	case r.stopped(ctx):
		return r.finish(Deletion{Outcome: Blocked}, r.refuse(errors.Canceled, whatIsLeft(r.states), ""))
	case left:
		return r.finish(Deletion{Outcome: Blocked}, r.refuse(errors.DeletionStepsNotSatisfied, whatIsLeft(r.states), ""))
	}
	if err := r.write("", "deleting", nil, ""); err != nil {
		return r.finish(Deletion{Outcome: Blocked}, err)
	}
	var last trace.Last
	ctx = trace.With(ctx, &last)
	for attempt := 1; ; attempt++ {
		deletion, err := r.driver.Delete(ctx, r.plan.Organization)
		switch {
		case err == nil:
			return r.finish(deletion, nil, last.ID())
		case errors.Is(err, errors.OrganizationNotFound):
			return r.finish(Deletion{Outcome: Gone}, nil, last.ID()) // it was there a moment ago
		case errors.Is(err, errors.OutcomeUnknown):
			return r.finish(Deletion{Outcome: Unknown}, err, last.ID())
		case attempt == maxAttempts || !passes(err) || r.stopped(ctx):
			return r.finish(Deletion{Outcome: Blocked}, err, last.ID())
		}
		wait := r.backoff("", attempt, err)
		r.event(Event{Kind: Retrying, Text: text(err), Wait: wait, Err: err})
		r.sleep(ctx, wait)
	}
}

// finish makes the report.
func (r *run) finish(d Deletion, err error, requestID ...string) (*Report, error) {
	id := ""
	if len(requestID) > 0 {
		id = requestID[0]
	}
	if failed := r.write("", string(d.Outcome), err, id); failed != nil && err == nil {
		err = failed
	}
	report := &Report{
		Provider: r.plan.Provider, Organization: r.plan.Organization, Outcome: d.Outcome, Decides: d.Decides,
		Started: r.started, Ended: time.Now(), Steps: slices.Clone(r.states), Err: err, Error: text(err),
	}
	r.event(Event{Kind: Ended, Text: string(d.Outcome), Err: err})
	return report, err
}

// write writes an entry of the journal.
func (r *run) write(step, verdict string, err error, requestID string) error {
	e := Entry{
		Time: time.Now().UTC(), Provider: r.plan.Provider, Instance: r.plan.Instance, Organization: r.plan.Organization.ID,
		Step: step, Verdict: verdict, RequestID: requestID, Error: text(err),
	}
	if step == "" {
		e.Name, e.Plan = r.plan.Organization.Name, r.plan.Fingerprint
	}
	if typed, ok := errors.AsType[*errors.Error](err); ok {
		e.Code = typed.Code
	}
	if failed := r.journal.write(e); failed != nil {
		return r.refuse(errors.Internal, nil, "the journal cannot be written: %w", failed)
	}
	return nil
}

// event tells the caller.
func (r *run) event(e Event) {
	if r.settings.onEvent == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time, e.Provider, e.Organization, e.Total = time.Now(), r.plan.Provider, r.plan.Organization, len(r.states)
	for _, s := range r.states {
		if s.State.gone() {
			e.Done++
		}
	}
	r.settings.onEvent(e)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// message is what the provider said in its own words.
func message(err error) string {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.Message
	}
	return ""
}
