package teardown

import (
	"context"
	"slices"
	"time"

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
//   - Prepare inspects the organization and compares it with the plan. It changes nothing.
//   - [ExecuteSteps] removes the resources of some steps. Calls for different steps may run at the
//     same time, in different processes.
//   - [ExecuteDelete] inspects the organization again, and deletes it.
//
// Prepare returns the prepared plan: the steps of p that the inspection found, in the form of
// the inspection. Store it as JSON where only these processes can write, and give it to the other
// two functions, with a driver of the provider's client for that plan; see its method Driver.
//
// If nothing remains to be done, Prepare returns a report instead: the outcome is [NotFound],
// [Deleted], [Blocked] or [Unknown], and the error is its Err. If both are nil, the error was
// found before the plan was applied, as in Execute.
//
// Give the same options to all three functions, and the entries of the journal by [WithResume] to
// each call: what it proves is not read again. [WithPlanTTL] limits the age of p, and then that of
// the prepared plan: a teardown that waits for days needs a longer one.
//
// ExecuteSteps and ExecuteDelete also continue an Execute that ended early, such as with its process:
// give them its plan and, by WithResume, its entries.
func Prepare(ctx context.Context, d Driver, p *Plan, options ...Option) (*Plan, *Report, error) {
	r, err := newRun(ctx, d, p, options, preparation)
	if err != nil {
		return nil, nil, err
	}
	if report, err := r.begin(r.context(ctx)); report != nil || err != nil {
		return nil, report, err
	}
	return r.prepared, nil, nil
}

// prepare returns the prepared plan. Its cascades and overrides are those of the plan, because an
// inspection that precedes a run reads less.
func (r *run) prepare(now *Plan) (*Plan, error) {
	p := *r.plan
	p.Steps, p.DeletionError = now.Steps, now.DeletionError
	prepared := p.clone()
	prepared.PreparedAt = time.Now().UTC().Round(0)
	if prepared.seal().invalidText() != "" {
		return nil, r.refuse(errors.DriverFailed, nil, "the driver returned text that is not valid UTF-8: %q", prepared.invalidText())
	}
	if wrong := prepared.checkSteps(); len(wrong) > 0 {
		return nil, r.refuse(errors.DriverFailed, wrong, "the driver returned a plan that cannot be applied")
	}
	return prepared, nil
}

// ExecuteSteps removes the resources of steps of a prepared plan, see [Prepare], in the order
// that [Step.After] requires, and returns the states of these steps in the order of the plan. A
// step whose After has a step that is not in ids starts only if that step is deleted: an entry of
// [WithResume] proves it, or else a read. Otherwise its state is [StepNotStarted].
//
// ExecuteSteps inspects the organization once: the plan may be days old, and the organization may
// not be visible to the credential, or have another owner. A step is acted on only if the
// inspection finds its resource, and in the form of that inspection, as in Execute. If the
// organization has something that the plan lacks, the error is [errors.PlanStale] and no step starts:
// the removal of a resource may delete it, too. Use hundreds of steps in a call, so that the requests
// of the inspections are few.
//
// ExecuteSteps can be repeated, for example after a crash. A step that is deleted according to an
// entry of WithResume is not started again; its state is [StepAlreadyDeleted]. If a read shows that
// its resource exists again, the error is [errors.PlanStale]. Only entries since the preparation of
// p count.
//
// The error joins those of the steps that failed. It is [errors.DeletionStepsNotSatisfied] if
// no step failed and some are not deleted, such as a manual step, and as in [Execute] after a
// stop. The result is nil if the error was found before the first step, such as
// [errors.InvalidArgument]: p is not prepared, or an ID is not in the plan or is listed twice.
func ExecuteSteps(ctx context.Context, d Driver, p *Plan, ids []string, options ...Option) ([]StepReport, error) {
	r, err := newRun(ctx, d, p, options, stepsOnly)
	if err != nil {
		return nil, err
	}
	ctx = r.context(ctx)
	steps, others, err := r.selected(ids)
	if err != nil {
		return nil, err
	}
	if err := r.startSteps(ctx, steps, others); err != nil {
		return nil, r.typed(ctx, err)
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

// startSteps inspects the organization, and sets the states of the selected steps. Reads decide about
// the steps that the inspection does not find, and about those that are deleted according to the
// journal and that it finds: a list may lack a resource, or still contain it.
func (r *run) startSteps(ctx context.Context, steps, others []Step) error {
	reading := trace.WithReadsStopped(ctx)
	all := slices.Concat(steps, others)
	now, err := r.inspectSteps(reading, all)
	if err != nil {
		return err
	}
	found, exists := now.byID(), map[string]bool{}
	var polled []Step
	for _, s := range all {
		listed, recorded := found[s.ID] != nil, r.recorded.steps[s.ID] == stepDeleted
		switch {
		case s.Manual, listed && found[s.ID].Manual: // only the inspection reads it
			exists[s.ID] = listed
		case listed != recorded: // both agree
			exists[s.ID] = listed
		default:
			polled = append(polled, s)
		}
	}
	deleted, errs := r.areDeleted(reading, polled)
	for i, s := range polled {
		if errs[i] != nil {
			return typed(ctx, r.plan.Provider, methodPoll, s.ID, errs[i])
		}
		if exists[s.ID] = !deleted[i]; exists[s.ID] && r.recorded.steps[s.ID] == stepDeleted {
			return r.existsAgain(s)
		}
	}
	r.deletedBefore = map[string]bool{}
	for _, s := range others {
		r.deletedBefore[s.ID] = !exists[s.ID]
	}
	r.states, r.index = make([]StepReport, len(steps)), make(map[string]int, len(steps))
	for i, s := range steps {
		r.index[s.ID] = i
		r.states[i] = StepReport{Step: s, State: StepNotStarted}
		switch {
		case !exists[s.ID]:
			if err := r.skip(i); err != nil {
				return err
			}
		case found[s.ID] == nil:
			r.states[i].Err = r.notListed(s.ID, nil)
		case found[s.ID].Manual:
			r.states[i].Step, r.states[i].State = *found[s.ID], StepManual
		default:
			r.states[i].Step, r.states[i].found = *found[s.ID], true
		}
	}
	plan := *r.plan
	plan.Steps = nil // the states have them
	r.plan = &plan
	return r.sync()
}

// inspectSteps inspects the organization and compares it with the plan. It returns the steps that the
// inspection and the part have in common.
func (r *run) inspectSteps(ctx context.Context, steps []Step) (*Plan, error) {
	before := *r.plan // a driver may read each of its steps that the lists lack
	before.Steps = steps
	now, err := r.read(ctx, &before)
	if err != nil {
		return nil, err
	}
	if err := now.Err(); err != nil && permanent(err) {
		return nil, err
	}
	if err := r.compare(r.plan, now); err != nil {
		return nil, err
	}
	selected := make(map[string]bool, len(steps))
	for _, s := range steps {
		selected[s.ID] = true
	}
	common := *now
	common.Steps = slices.DeleteFunc(slices.Clone(now.Steps), func(s Step) bool { return !selected[s.ID] })
	return &common, nil
}

// skip records that a step was deleted before.
func (r *run) skip(i int) error {
	id := r.states[i].ID
	r.states[i].State = StepAlreadyDeleted
	r.done++
	r.event(Event{Step: id, Kind: EventFinished, State: StepAlreadyDeleted})
	if r.recorded.steps[id] == stepDeleted {
		return nil
	}
	return r.append(Entry{Step: id, Kind: EntryFinished, State: StepAlreadyDeleted}, nil)
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
	ctx = r.context(ctx)
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
