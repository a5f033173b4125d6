package teardown

import (
	"context"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// part is the part of a plan that a run applies.
type part int

const (
	whole        part = iota // inspect, run the steps, delete the organization
	preparation              // inspect
	stepsOnly                // run selected steps
	deletionOnly             // inspect, delete the organization
)

// Prepare is the first of three functions that apply a plan in parts, in several processes if
// necessary; [Execute] does the same in one call:
//
//   - Prepare inspects the organization and compares it with the plan, once. It changes nothing.
//   - [ExecuteSteps] removes the resources of some steps, without an inspection. Calls for
//     different steps may run at the same time, in different processes.
//   - [ExecuteDelete] inspects the organization again, and deletes it.
//
// Prepare returns the prepared plan: the steps of p that the inspection found, in the form of
// the inspection. Store it as JSON, and give it to the other two functions, with a driver of the
// provider's client for that plan; see its method Driver. A prepared plan has no age limit, because
// a teardown may wait for days: its driver acts on the resources that [Step.Ref] locates and on no
// others, and ExecuteDelete compares it with a fresh inspection.
//
// If nothing remains to be done, Prepare returns a report instead: the outcome is [NotFound],
// [Deleted], [Blocked] or [Unknown], and the error is its Err. If both are nil, the error was
// found before the plan was applied, as in Execute.
//
// Give the same options to all three functions, and the entries of the journal by [WithResume] to
// each call: what it proves is not read again.
func Prepare(ctx context.Context, d Driver, p *Plan, options ...Option) (*Plan, *Report, error) {
	r, err := newRun(ctx, d, p, options, preparation)
	if err != nil {
		return nil, nil, err
	}
	if report, err := r.begin(trace.WithStop(ctx, r.settings.stop)); report != nil || err != nil {
		return nil, report, err
	}
	return r.prepared, nil, nil
}

// prepare returns the prepared plan. Its cascades and overrides are those of the plan, because an
// inspection that precedes a run reads less.
func (r *run) prepare(now *Plan) *Plan {
	p := *r.plan
	p.Steps, p.DeletionError = now.Steps, now.DeletionError
	return p.clone().seal()
}

// ExecuteSteps removes the resources of steps of a prepared plan, see [Prepare], in the order
// that [Step.After] requires, and returns the states of these steps in the order of the plan. A
// step whose After has a step that is not in ids starts only if that step is deleted: an entry of
// [WithResume] proves it, or else a read. Otherwise its state is [StepNotStarted].
//
// ExecuteSteps can be repeated, for example after a crash. A step that is deleted according to an
// entry of WithResume is not started again; its state is [StepAlreadyDeleted]. A step that was
// started according to an entry is read before it is started again. Only entries since the
// preparation of p count.
//
// The error joins those of the steps that failed. It is [errors.DeletionStepsNotSatisfied] if
// no step failed and some are not deleted, such as a manual step, and as in [Execute] after a
// stop. The result is nil if no request was sent, such as for [errors.InvalidArgument]: an ID that
// is not in the plan, or is listed twice.
func ExecuteSteps(ctx context.Context, d Driver, p *Plan, ids []string, options ...Option) ([]StepReport, error) {
	r, err := newRun(ctx, d, p, options, stepsOnly)
	if err != nil {
		return nil, err
	}
	ctx = trace.WithStop(ctx, r.settings.stop)
	steps, others, err := r.selected(ids)
	if err != nil {
		return nil, err
	}
	if err := r.startSteps(ctx, steps, others); err != nil {
		return nil, err
	}
	newScheduler(ctx, r).runSteps()
	return slices.Clone(r.states), r.stepsErr(ctx)
}

// selected returns the steps with the IDs, and the other steps of the plan that they come after.
func (r *run) selected(ids []string) (steps, others []Step, err error) {
	known := r.plan.byID()
	selected := make(map[string]bool, len(ids))
	for _, id := range ids {
		if known[id] == nil || selected[id] {
			return nil, nil, r.refuse(errors.InvalidArgument, nil, "the ID %q is not that of a step, or is listed twice", id)
		}
		selected[id] = true
	}
	added := map[string]bool{}
	for _, step := range r.plan.Steps {
		if !selected[step.ID] {
			continue
		}
		steps = append(steps, step)
		for _, id := range step.After {
			if !selected[id] && !added[id] {
				added[id] = true
				others = append(others, *known[id])
			}
		}
	}
	return steps, others, nil
}

// startSteps sets the states of the selected steps. Reads decide about the steps that were started
// before, and about other steps that must be deleted first, unless the journal proves them deleted.
func (r *run) startSteps(ctx context.Context, steps, others []Step) error {
	reading := trace.WithReadsStopped(ctx)
	r.deletedBefore = map[string]bool{}
	var unproved []Step
	for _, s := range others {
		if r.recorded.steps[s.ID] == stepDeleted {
			r.deletedBefore[s.ID] = true
		} else if !s.Manual { // the driver cannot poll a manual step
			unproved = append(unproved, s)
		}
	}
	deleted, errs := r.areDeleted(reading, unproved)
	for i, s := range unproved {
		if errs[i] != nil {
			return typed(ctx, r.plan.Provider, methodPoll, s.ID, errs[i])
		}
		r.deletedBefore[s.ID] = deleted[i]
	}
	r.states, r.index = make([]StepReport, len(steps)), make(map[string]int, len(steps))
	var again []Step
	for i, s := range steps {
		r.index[s.ID] = i
		r.states[i] = StepReport{Step: s, State: StepNotStarted, found: true}
		switch {
		case s.Manual:
			r.states[i].State, r.states[i].found = StepManual, false
		case r.recorded.steps[s.ID] == stepDeleted:
			r.skip(i)
		case r.recorded.steps[s.ID] == stepStarted:
			again = append(again, s)
		}
	}
	// If a read fails, the step is started, and its own reads decide.
	deleted, errs = r.areDeleted(reading, again)
	for i, s := range again {
		if errs[i] == nil && deleted[i] {
			r.skip(r.index[s.ID])
			if err := r.append(Entry{Step: s.ID, Kind: EntryFinished, State: StepAlreadyDeleted}, nil); err != nil {
				return err
			}
		}
	}
	r.plan.Steps = nil // the states have them
	return r.sync()
}

// skip records that a step was deleted before.
func (r *run) skip(i int) {
	r.states[i].State, r.states[i].found = StepAlreadyDeleted, false
	r.done++
	r.event(Event{Step: r.states[i].ID, Kind: EventFinished, State: StepAlreadyDeleted})
}

// stepsErr returns the error of [ExecuteSteps].
func (r *run) stepsErr(ctx context.Context) error {
	var errs []error
	incomplete := false
	for _, s := range r.states {
		incomplete = incomplete || !s.State.deleted()
		if s.Err != nil {
			errs = append(errs, s.Err)
		}
	}
	switch {
	case len(errs) > 0:
		return errors.Join(errs...)
	case incomplete && r.stopped(ctx):
		return r.ended(ctx)
	case incomplete:
		return r.refuse(errors.DeletionStepsNotSatisfied, remaining(r.states), "")
	}
	return nil
}

// ExecuteDelete is the last part of a teardown: it inspects the organization, compares it with
// the prepared plan, see [Prepare], and deletes the organization if all steps are deleted.
// Otherwise the outcome is [Blocked]. A step is deleted if the inspection does not find its
// resource, and an entry of [WithResume] or a read proves it. ExecuteDelete removes no resource
// of a step. It can be repeated; report and error are those of [Execute].
func ExecuteDelete(ctx context.Context, d Driver, p *Plan, options ...Option) (*Report, error) {
	r, err := newRun(ctx, d, p, options, deletionOnly)
	if err != nil {
		return nil, err
	}
	ctx = trace.WithStop(ctx, r.settings.stop)
	if report, err := r.begin(ctx); report != nil || err != nil {
		return report, err
	}
	return r.end(ctx)
}

// withoutDeleted returns an inspection without the steps whose resources do not exist: a list may
// still contain a resource that was deleted.
func (r *run) withoutDeleted(ctx context.Context, now *Plan) (*Plan, error) {
	polled := slices.DeleteFunc(slices.Clone(now.Steps), func(s Step) bool { return s.Manual })
	deleted, errs := r.areDeleted(ctx, polled)
	absent := map[string]bool{}
	for i, s := range polled {
		if errs[i] != nil {
			return nil, typed(ctx, r.plan.Provider, methodPoll, s.ID, errs[i])
		}
		absent[s.ID] = deleted[i]
	}
	p := *now
	p.Steps = slices.DeleteFunc(slices.Clone(now.Steps), func(s Step) bool { return absent[s.ID] })
	return &p, nil
}
