package teardown

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/backoff"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// retryBackoff limits the jitter of the waits between attempts.
var retryBackoff = backoff.Exponential{First: time.Second, Max: 30 * time.Second}

// Execute applies a plan with a driver. The clients of this module call it from their method
// Teardown, which documents the errors.
//
// The plan only selects: a step is executed if the plan names it and a fresh read of the
// organization finds its resource, and in the form of that read. Execute copies the plan before
// anything else: a change of p after the call has started has no effect.
//
// The report is nil if the error was found before the plan was applied: no request that
// changes something was sent. Otherwise the report lists all steps, and the error is its Err.
func Execute(ctx context.Context, d Driver, p *Plan, options ...Option) (*Report, error) {
	r, err := newRun(ctx, d, p, options, whole)
	if err != nil {
		return nil, err
	}
	ctx = r.context(ctx)
	if report, err := r.begin(ctx); report != nil || err != nil {
		return report, err
	}
	newScheduler(ctx, r).runSteps()
	return r.end(ctx)
}

// newRun returns the run of a part of a plan. Its error is about the arguments, the plan and the
// options; no request was sent.
func newRun(ctx context.Context, d Driver, p *Plan, options []Option, part part) (*run, error) {
	s := configure(options)
	switch {
	case ctx == nil:
		s.invalid("the context is nil")
	case nilness.IsNil(d):
		s.invalid("the driver is nil")
	case p == nil:
		s.invalid("the plan is nil")
	case p.PreparedAt.IsZero() && (part == stepsOnly || part == deletionOnly) && !recordOf(s.resume, p).started:
		s.invalid("the plan is not prepared: see Prepare")
	}
	if s.err != nil {
		e := &errors.Error{Operation: "Teardown", Code: errors.InvalidArgument, Err: s.err}
		if !nilness.IsNil(d) {
			e.Provider, _ = d.Provider()
		}
		if p != nil {
			e.Provider, e.Target = p.Provider, p.Organization.ID
		}
		return nil, e
	}
	p = p.clone()
	r := &run{driver: d, plan: p, settings: s, part: part, started: time.Now()}
	if err := r.admit(); err != nil {
		return nil, err
	}
	r.recorded = recordOf(s.resume, p)
	r.deletionStarted = r.recorded.deletionOpen > 0
	// The entries of a teardown that was canceled are written, too.
	r.journal = &journal{ctx: context.WithoutCancel(ctx), w: s.journal}
	return r, nil
}

// begin inspects the organization, compares it with the plan, and sets the state of each step. It
// returns a report if nothing remains to be done; otherwise neither a report nor an error.
func (r *run) begin(ctx context.Context) (*Report, error) {
	reading := trace.WithReadsStopped(ctx)
	now, err := r.inspect(reading)
	if pause := r.recorded.deletionPause(); err == nil && pause > 0 {
		if err := wait.Sleep(ctx, pause); err != nil {
			return nil, r.refuse(errors.Canceled, nil, "%w", err)
		}
		now, err = r.inspect(reading)
	}
	r.inspected = now
	switch {
	case r.absent(err):
		return r.notFound(err)
	case r.recorded.deleted && denied(err):
		// The credential may have ended with the organization, which was deleted before.
		return r.notFound(err)
	case r.deletionStarted && denied(err):
		// The credential may have ended with the organization. That proves nothing.
		r.start(nil, StepNotStarted, nil)
		if failed := r.write(Entry{Kind: EntryStarted}, nil); failed != nil {
			return nil, failed
		}
		return r.finish(Deletion{Outcome: Unknown}, r.unknown(err))
	case err != nil:
		return nil, r.typed(ctx, err)
	}
	missed, err := r.missed(reading, now)
	if err != nil {
		return nil, err
	}
	listed := now
	if r.part == deletionOnly {
		if listed, err = r.withoutDeleted(reading, now); err != nil {
			return nil, err
		}
		for _, s := range listed.Steps {
			if r.recorded.steps[s.ID] == stepDeleted {
				return nil, r.existsAgain(s)
			}
		}
	}
	r.start(listed, StepAlreadyDeleted, missed)
	if r.part == preparation {
		if r.prepared, err = r.prepare(now); err != nil {
			return nil, err
		}
		r.plan.Fingerprint = r.prepared.Fingerprint // of the journal's entries
	}
	if err := r.write(Entry{Kind: EntryStarted, Exists: now.PendingDeletion == nil}, nil); err != nil {
		return nil, err
	}
	if err := r.writeDeleted(); err != nil {
		return nil, err
	}
	switch {
	case len(missed) > 0:
		return r.finish(Deletion{Outcome: Blocked}, r.notListed(missed[0], remaining(r.states)))
	case r.cannotProceed(now):
		err := now.Err()
		if err == nil { // the provider would accept the deletion, and manual steps remain
			err = r.refuse(errors.DeletionStepsNotSatisfied, remaining(r.states), "")
		}
		return r.finish(Deletion{Outcome: Blocked}, err)
	}
	return nil, nil
}

// deletionTime is the time in which a deletion that another run has sent may take effect: the process of
// that run may have ended while the provider worked on it.
const deletionTime = 10 * time.Second

// deletionPause returns the wait until a read proves that a deletion of an earlier run has no effect. The
// clock of that run may differ.
func (r record) deletionPause() time.Duration {
	if r.deletionOpen == 0 {
		return 0
	}
	return min(deletionTime-time.Since(r.deletionAt), deletionTime)
}

// run is the application of one plan, or of a part of it.
type run struct {
	driver   Driver
	plan     *Plan // a copy that the caller cannot change
	settings *settings
	part     part
	started  time.Time
	journal  *journal
	recorded record // what the journals of earlier runs prove
	prepared *Plan  // the result of a preparation

	deletedBefore map[string]bool // by ID: deleted steps of the plan that this run does not contain

	// deletionStarted is true if this run, or a run whose journal is known, sent a deletion
	// of the organization that the provider did not refuse.
	deletionStarted bool

	noSteps bool            // this run starts no step of the plan
	late    int             // number of deletions that were not sent because the inspection was too old
	proved  map[string]bool // by the ID of a step: in this attempt, a read has shown that it is deleted

	// undecided is true if the last deletion of this run may have had its effect, and no
	// inspection has found the organization since then.
	undecided bool

	// method is the name of the driver's method that was called last, except for steps.
	method string

	inspected   *Plan     // the result of the first inspection; nil after its use
	inspectedAt time.Time // when that inspection ended

	leaseErr atomic.Pointer[error] // the last error of the function of WithLease

	pending *Deletion // a deletion in progress, by the read right before the deletion; nil for none

	states []StepReport
	index  map[string]int // of states, by the ID of the step

	mu   sync.Mutex // of done, and of the calls of event functions
	done int        // number of deleted steps
}

// refuse returns an error of the engine.
func (r *run) refuse(code errors.Code, steps []errors.Step, format string, args ...any) error {
	e := &errors.Error{
		Provider: r.plan.Provider, Operation: "Teardown", Target: r.plan.Organization.ID, Code: code, Steps: steps,
	}
	if format != "" {
		e.Err = fmt.Errorf(format, args...)
	}
	return e
}

// unknown returns the error of a deletion that was sent and whose outcome no read can decide.
func (r *run) unknown(err error) error { return r.refuse(errors.OutcomeUnknown, nil, "%w", err) }

// admit checks the plan and the options before the first request.
func (r *run) admit() error {
	p, s := r.plan, r.settings
	if wrong := p.check(s.planTTL); len(wrong) > 0 {
		return r.refuse(errors.PlanStale, wrong, "%s %s", wrong[0].Name, wrong[0].Description)
	}
	if name, instance := r.driver.Provider(); p.Provider != name || p.Instance != instance {
		steps := []errors.Step{{Name: "provider", Description: fmt.Sprintf("is %s at %s", name, instance)}}
		return r.refuse(errors.PlanStale, steps, "the plan belongs to %s at %q, not to %s at %q", p.Provider, p.Instance, name, instance)
	}
	if err := r.confirmed(); err != nil {
		return err
	}
	if err := r.checkPermitted(p); err != nil {
		return err
	}
	return r.overridden(p)
}

// confirmed returns an error unless [WithConfirm] has the name of the organization, or its ID
// if it has no name.
func (r *run) confirmed() error {
	o, s := r.plan.Organization, r.settings
	switch {
	case !s.confirmed, strings.TrimSpace(s.name) == "":
		return r.refuse(errors.NotConfirmed, nil, "the name of the organization is missing")
	case strings.TrimSpace(o.Name) == "" && s.name != o.ID:
		return r.refuse(errors.NotConfirmed, nil, "the organization has no name: confirm its ID")
	case strings.TrimSpace(o.Name) != "" && s.name != o.Name:
		return r.refuse(errors.NotConfirmed, nil, "the name of the organization is %q, and differs from the confirmed name", o.Name)
	}
	return nil
}

// checkPermitted returns an error if the plan deletes an organization that must not be
// deleted.
func (r *run) checkPermitted(p *Plan) error {
	if err := r.settings.mayDelete(p.Organization.ID); err != nil {
		return r.refuse(errors.NotConfirmed, nil, "%w", err)
	}
	for _, step := range p.Steps {
		if step.Organization == nil {
			continue
		}
		if err := r.settings.mayDelete(step.Organization.ID); err != nil {
			steps := []errors.Step{{Name: step.ID, Description: err.Error()}}
			return r.refuse(errors.NotConfirmed, steps, "%s: %w", step.ID, err)
		}
	}
	return nil
}

// overridden returns an error if the plan requires an override that is not set.
func (r *run) overridden(p *Plan) error {
	missing := slices.DeleteFunc(p.Overrides(), r.settings.overrides)
	if len(missing) == 0 {
		return nil
	}
	var steps []errors.Step
	for _, step := range p.Steps {
		for _, o := range step.Requires {
			if slices.Contains(missing, o) {
				steps = append(steps, errors.Step{Name: step.ID, Description: "requires the override " + string(o)})
			}
		}
	}
	return r.refuse(errors.NotConfirmed, steps, "missing overrides: %s", joined(missing))
}

// inspect reads the organization again and returns an error if the plan no longer matches it.
func (r *run) inspect(ctx context.Context) (*Plan, error) {
	planned := r.planned()
	now, err := r.read(ctx, planned)
	if err != nil {
		return nil, err
	}
	return now, r.compare(planned, now)
}

// read calls Inspect of the driver with the plan that is applied, or with a part of it.
func (r *run) read(ctx context.Context, before *Plan) (*Plan, error) {
	r.method = methodInspect
	now, err := r.driver.Inspect(trace.WithParallel(ctx, r.settings.concurrency), r.plan.Organization, before)
	r.inspectedAt = time.Now()
	switch {
	case err != nil:
		return nil, err
	case now == nil:
		return nil, r.refuse(errors.DriverFailed, nil, "the driver returned no plan")
	}
	r.undecided = false // the organization exists
	return now, nil
}

// missed returns the IDs of the steps of the plan that the inspection did not find, and whose
// resources exist: a list of several pages may have missed one, and the plan may name a
// resource of another organization. Manual steps are not included, because only the inspection
// reads them; nor are steps that the driver does not know.
func (r *run) missed(ctx context.Context, now *Plan) ([]string, error) {
	var missing []Step
	steps := now.byID()
	for _, step := range r.plan.Steps {
		if !step.Manual && steps[step.ID] == nil && !(r.part == deletionOnly && r.recorded.steps[step.ID] == stepDeleted) {
			missing = append(missing, step)
		}
	}
	deleted, errs := r.areDeleted(ctx, missing)
	var found []string
	for i, step := range missing {
		switch e, ok := errors.AsType[*errors.Error](errs[i]); {
		case r.part != deletionOnly && ok && e.Code.Category() == errors.InvalidArgument && e.Status == 0: // the driver does not know the step
		case errs[i] != nil:
			return nil, typed(ctx, r.plan.Provider, methodPoll, step.ID, errs[i])
		case !deleted[i]:
			found = append(found, step.ID)
		}
	}
	return found, nil
}

// areDeleted reports for each step whether a read shows that its resource does not exist.
func (r *run) areDeleted(ctx context.Context, steps []Step) ([]bool, []error) {
	deleted, errs := make([]bool, len(steps)), make([]error, len(steps))
	var readers sync.WaitGroup
	turn := make(chan struct{}, min(r.settings.concurrency, len(steps)+1))
	for i, step := range steps {
		turn <- struct{}{}
		readers.Go(func() {
			defer func() { <-turn }()
			deleted[i], errs[i] = r.isDeleted(ctx, step)
		})
	}
	readers.Wait()
	return deleted, errs
}

// notListed returns the error of a step whose resource exists although the inspection did not
// find it; see [run.missed].
func (r *run) notListed(step string, steps []errors.Step) error {
	return r.refuse(errors.DeletionStepsNotSatisfied, steps, "%s exists, and the read of the organization did not find it", step)
}

// isDeleted reports whether a read shows that the resource of a step does not exist.
func (r *run) isDeleted(ctx context.Context, step Step) (bool, error) {
	all, err := r.driver.Poll(ctx, r.plan.Organization, "", []Step{step})
	switch {
	case err != nil:
		return false, err
	case len(all) != 1:
		return false, r.refuse(errors.DriverFailed, nil, "the driver returned the progress of %d steps, not of 1", len(all))
	}
	if !all[0].State.ofPoll() {
		return false, r.invalidProgress(methodPoll, step.ID, all[0].State)
	}
	return all[0].State == ProgressNotFound, nil
}

// invalidProgress returns the error of a driver whose method returned no valid state of a step.
func (r *run) invalidProgress(method, step string, s ProgressState) error {
	return &errors.Error{
		Provider: r.plan.Provider, Operation: method, Target: step,
		Code: errors.DriverFailed, Err: fmt.Errorf("the driver returned the invalid state %v", s),
	}
}

// compare returns an error if a fresh read shows a resource that the plan lacks.
func (r *run) compare(planned, now *Plan) error {
	if err := r.checkPermitted(now); err != nil {
		return err
	}
	if diff := planned.Diff(now); len(diff) > 0 {
		steps := make([]errors.Step, len(diff))
		for i, d := range diff {
			steps[i] = errors.Step{Name: d.Name, Description: d.Text}
		}
		return r.refuse(errors.PlanStale, steps, "%s", diff[0])
	}
	return r.overridden(now)
}

// cannotProceed reports whether no step can unblock the deletion, or manual steps remain and
// [Partial] is not set. Then no step starts.
func (r *run) cannotProceed(now *Plan) bool {
	err := now.Err()
	if err != nil && (!errors.Is(err, errors.DeletionStepsNotSatisfied) || permanent(err)) {
		return true
	}
	return len(now.Manual()) > 0 && !r.settings.overrides(Partial)
}

// start sets the state of each step of the plan by the inspection now. A step that the
// inspection did not find is in the state missing, except the missed ones: their resources
// exist, and the engine does not act on them.
func (r *run) start(now *Plan, missing StepState, missed []string) {
	r.states = make([]StepReport, len(r.plan.Steps))
	r.index = make(map[string]int, len(r.plan.Steps))
	steps := now.byID()
	for i, step := range r.plan.Steps {
		r.index[step.ID] = i
		found := steps[step.ID]
		switch {
		case found == nil && slices.Contains(missed, step.ID):
			r.states[i] = StepReport{Step: step, State: StepNotStarted, Err: r.notListed(step.ID, nil)}
		case found == nil:
			r.states[i] = StepReport{Step: step, State: missing}
		case found.Manual:
			r.states[i] = StepReport{Step: *found, State: StepManual}
		default:
			r.states[i] = StepReport{Step: *found, State: StepNotStarted, found: true}
		}
		if r.states[i].State.deleted() {
			r.done++
		}
	}
	r.event(Event{Kind: EventStarted})
	for _, id := range r.unmatched(r.settings.allow) {
		r.event(Event{Kind: EventUnmatched, Text: fmt.Sprintf("WithAllow: %q is not an organization of the plan", id)})
	}
	for _, id := range r.unmatched(r.settings.deny) {
		r.event(Event{Kind: EventUnmatched, Text: fmt.Sprintf("WithDeny: %q is not an organization of the plan", id)})
	}
	for _, s := range r.states {
		if s.State == StepAlreadyDeleted || s.State == StepManual {
			r.event(Event{Step: s.ID, Kind: EventFinished, State: s.State})
		}
	}
	r.noSteps = r.part == deletionOnly || len(r.plan.Manual()) == len(r.plan.Steps)
	if !r.noSteps {
		r.inspected = nil // another inspection precedes the deletion
	}
	plan := *r.plan  // the driver may keep the other one
	plan.Steps = nil // the states have them
	r.plan = &plan
}

// planned returns the plan that is applied. After [run.start], its steps are those of the states:
// as the first inspection read them, which found no difference from the plan.
func (r *run) planned() *Plan {
	if r.states == nil {
		return r.plan
	}
	p := *r.plan
	p.Steps = make([]Step, len(r.states))
	for i := range r.states {
		p.Steps[i] = r.states[i].Step
	}
	return &p
}

// unmatched returns the IDs that match no organization of the plan, each once.
func (r *run) unmatched(ids []string) []string {
	var unmatched []string
	for _, id := range ids {
		of := func(o Organization) bool { return strings.EqualFold(o.ID, id) }
		planned := of(r.plan.Organization) || slices.ContainsFunc(r.states, func(s StepReport) bool {
			return s.Organization != nil && of(*s.Organization)
		})
		if !planned && !slices.Contains(unmatched, id) {
			unmatched = append(unmatched, id)
		}
	}
	return unmatched
}

// writeDeleted writes an entry for each step that was deleted before.
func (r *run) writeDeleted() error {
	for _, s := range r.states {
		recorded := r.part == deletionOnly && r.recorded.steps[s.ID] == stepDeleted
		if s.State == StepAlreadyDeleted && !recorded {
			if err := r.append(Entry{Step: s.ID, Kind: EntryFinished, State: s.State}, nil); err != nil {
				return err
			}
		}
	}
	return r.sync()
}

// stopped reports whether no attempt or step may start.
func (r *run) stopped(ctx context.Context) bool {
	select {
	case <-r.settings.stop:
		return true
	default:
		return ctx.Err() != nil || r.leaseErr.Load() != nil
	}
}

// context returns the context of the driver's calls.
func (r *run) context(ctx context.Context) context.Context {
	ctx = trace.WithStop(ctx, r.settings.stop)
	if r.settings.lease != nil {
		ctx = trace.WithWrites(ctx, func() error { return r.checkLease(ctx) })
	}
	return ctx
}

// checkLease calls the function of [WithLease]. An error stops the teardown.
func (r *run) checkLease(ctx context.Context) error {
	if r.settings.lease == nil {
		return nil
	}
	err := r.settings.lease(ctx)
	if err != nil {
		r.leaseErr.Store(&err)
	}
	return err
}

// stopCause returns the reason why a teardown stopped: that of the context, the error of the lease, or
// otherwise stop.
func (r *run) stopCause(ctxErr, stop error) error {
	if err := r.leaseErr.Load(); ctxErr == nil && err != nil {
		return *err
	}
	if ctxErr == nil {
		return stop
	}
	return ctxErr
}

// retries limits the time of retries.
type retries struct {
	within time.Duration
	since  time.Time // of the first attempt that failed
}

// reset discards the failed attempts.
func (t *retries) reset() { t.since = time.Time{} }

// again reports whether another attempt may start after a pause.
func (t *retries) again(pause time.Duration) bool {
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	return pause <= t.within-now.Sub(t.since)
}

// Causes of a step's context that ended.
var (
	errStepTimeout = errors.New("the step exceeded its time limit")
	errStopped     = fmt.Errorf("%w while the step was waiting", trace.ErrStopped)
)

// timedOut returns the error of a step that a cause ended. Canceled becomes NotFinished if the
// cause is the step's time limit or a stop, because the caller canceled nothing.
func (r *run) timedOut(step string, err, cause error) error {
	if e, ok := errors.AsType[*errors.Error](err); ok && (e.Code != errors.Canceled || cause != errStepTimeout && cause != errStopped) {
		return err
	}
	return &errors.Error{
		Provider: r.plan.Provider, Operation: "Teardown", Target: step,
		Code: errors.NotFinished, Err: cause,
	}
}

// Names of the methods of a [Driver], for [errors.Error.Operation].
const (
	methodInspect = "Inspect"
	methodAct     = "Act"
	methodPoll    = "Poll"
	methodDelete  = "Delete"
)

// typed returns an error of a driver's method as an [*errors.Error] if it contains none. Its
// code is that of err or, without one, [errors.Canceled] if err states that ctx ended,
// [errors.Internal] if err is the error of another context, which may not end again, and
// otherwise [errors.DriverFailed].
//
// Decisions about retries use the typed error, so that [errors.Retryable] of the error that
// callers see agrees with the engine.
func typed(ctx context.Context, provider, method, target string, err error) error {
	if err == nil {
		return nil
	}
	for range errors.All(err) {
		return err
	}
	e := &errors.Error{Provider: provider, Operation: method, Target: target, Code: errors.CodeOf(err), Err: err}
	switch {
	case e.Code != "":
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		e.Code = errors.Canceled
	case errors.Retryable(err):
		e.Code = errors.Internal
	default:
		e.Code = errors.DriverFailed
	}
	return e
}

// typed returns an error of the method that was called last as a typed one; see [typed].
func (r *run) typed(ctx context.Context, err error) error {
	return typed(ctx, r.plan.Provider, r.method, r.plan.Organization.ID, err)
}

// permanent reports whether neither a step nor time can change a refusal.
func permanent(err error) bool {
	return errors.Is(err, errors.DefaultOrganization) || errors.Is(err, errors.SystemOrganization)
}

// denied reports whether the provider refused the credential, or the credential lacks a
// permission.
func denied(err error) bool {
	return !errors.Is(err, errors.OutcomeUnknown) &&
		(errors.Is(err, errors.Unauthenticated) || errors.Is(err, errors.PermissionDenied))
}

// waitingOnOthers reports whether the end of a removal depends on others, such as an approval.
// It is false if a context ended the wait.
func waitingOnOthers(err error) bool {
	return errors.Is(err, errors.NotFinished) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// retryable reports whether another attempt may succeed after an error, which must be typed.
// OutcomeUnknown comes first, because the code of its cause does not describe the outcome: the
// resource was read to exist.
func retryable(err error) bool {
	switch {
	case errors.Is(err, errors.OutcomeUnknown):
		return true
	case permanent(err), waitingOnOthers(err), errors.Is(err, errors.PaymentRequired): // each attempt may charge the customer
		return false
	}
	return errors.Retryable(err) || errors.Is(err, errors.Conflict) || errors.Is(err, errors.DeletionStepsNotSatisfied) ||
		errors.Is(err, errors.NotFound)
}

// backoff returns the wait before another attempt of a step, or of the organization for "".
// Its jitter is a hash of the plan, the step and the attempt, so that plans and steps differ
// and the same run always has the same waits.
func (r *run) backoff(step string, attempt int, err error) time.Duration {
	of := fnv.New64a()
	_, _ = io.WriteString(of, r.plan.Fingerprint+"/"+step)
	jitter := rand.New(rand.NewPCG(of.Sum64(), uint64(attempt)))
	wait := retryBackoff.First/2 + time.Duration(jitter.Int64N(int64(retryBackoff.Bound(attempt))))
	if e, ok := errors.AsType[*errors.Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	return wait
}

// finish writes the last entry and returns the report.
func (r *run) finish(d Deletion, err error) (*Report, error) {
	err = r.typed(context.Background(), err)
	entry := Entry{Kind: EntryFinished, Outcome: d.Outcome, RequestID: cmp.Or(d.RequestID, requestIDOf(err))}
	if failed := r.write(entry, err); failed != nil && err == nil {
		err = failed
	}
	report := &Report{
		Provider: r.plan.Provider, Instance: r.plan.Instance, Organization: r.plan.Organization, Outcome: d.Outcome, PendingOn: d.PendingOn,
		StartedAt: r.started, FinishedAt: time.Now(), Steps: slices.Clone(r.states), Err: err,
		UnmatchedAllow: r.unmatched(r.settings.allow), UnmatchedDeny: r.unmatched(r.settings.deny),
	}
	r.event(Event{Kind: EventFinished, Outcome: d.Outcome, Err: err})
	return report, err
}

// requestIDOf returns the provider's ID of the request that an error is about; "" for none.
func requestIDOf(err error) string {
	for e := range errors.All(err) {
		if e.RequestID != "" {
			return e.RequestID
		}
	}
	return ""
}

// write appends an entry to the journal, and syncs it unless something is about to start.
func (r *run) write(e Entry, err error) error {
	if failed := r.append(e, err); failed != nil || e.Kind == EntryStarted {
		return failed
	}
	return r.sync()
}

// append completes an entry and appends it to the journal.
func (r *run) append(e Entry, err error) error {
	e.Time = time.Now().UTC()
	e.Provider, e.Instance, e.Organization = r.plan.Provider, r.plan.Instance, r.plan.Organization.ID
	e.Plan = r.plan.Fingerprint
	if e.Step == "" {
		e.Name = r.plan.Organization.Name
	}
	e.Error, e.Code = text(err), errors.CodeOf(err)
	return r.unwritten(r.journal.append(e))
}

// sync stores the journal on the disk.
func (r *run) sync() error { return r.unwritten(r.journal.sync()) }

func (r *run) unwritten(failed error) error {
	if failed != nil {
		return r.refuse(errors.Internal, nil, "cannot write the journal: %w", failed)
	}
	return nil
}

// event completes an event and calls the functions of [WithEvents].
func (r *run) event(e Event) {
	if len(r.settings.onEvent) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time, e.Provider, e.Organization = time.Now(), r.plan.Provider, r.plan.Organization
	e.Done, e.Total = r.done, len(r.states)
	for _, f := range r.settings.onEvent {
		f(e)
	}
}

// countDone counts a deleted step.
func (r *run) countDone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
}

// text returns the text of an error; "" for nil. Package fmt also prints a nil pointer, whose
// method Error may panic.
func text(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprint(err)
}
