package offboarding

import (
	"context"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Organization is the part of [offboard.Organization] that an attempt uses.
type Organization interface {
	Plan(context.Context) (*teardown.Plan, error)
	Teardown(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
}

// planTTL is the maximum age of a stored plan. A plan that a crash interrupted must still be
// applied after days, because only its application shows that the organization was deleted. A
// resource that the plan lacks makes it stale at any age.
const planTTL = 30 * 24 * time.Hour

// Attempt applies the plan of a job once. Attempts of the same job must not run at the same time.
type Attempt struct {
	Job          *Job
	Store        *Store
	Organization Organization

	// Stop ends the attempt gently when it is closed; see [teardown.WithStop].
	Stop <-chan struct{}
}

// Run runs the attempt, and stores the job with its result. The error is that of the store; the
// errors of the attempt are in the job.
func (a *Attempt) Run(ctx context.Context, options ...teardown.Option) error {
	plan, err := a.Plan(ctx)
	var report *teardown.Report
	if err == nil {
		report, err = a.Teardown(ctx, plan, options...)
	}
	return a.Finish(report, err)
}

// Plan returns the stored plan, or makes one and stores it. It is the function Plan of a
// [teardown.Job].
func (a *Attempt) Plan(ctx context.Context) (*teardown.Plan, error) {
	if a.Job.Plan != nil {
		return a.Job.Plan, nil
	}
	return a.planAgain(ctx)
}

func (a *Attempt) planAgain(ctx context.Context) (*teardown.Plan, error) {
	plan, err := a.Organization.Plan(ctx)
	if err != nil {
		return nil, err
	}
	a.Job.Plan = plan
	return plan, a.Store.Save(a.Job) // before the first change at the provider
}

// Teardown applies a plan with the journal of the job. It makes another plan, once, if the plan
// is stale: the user has confirmed the deletion of the organization, not a list of resources. It
// is the function Teardown of a [teardown.Job].
func (a *Attempt) Teardown(ctx context.Context, plan *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	report, err := a.apply(ctx, plan, options)
	if Decide("", err).Action != PlanAgain {
		return report, err
	}
	if plan, err = a.planAgain(ctx); err != nil {
		return nil, err
	}
	return a.apply(ctx, plan, options)
}

func (a *Attempt) apply(ctx context.Context, plan *teardown.Plan, options []teardown.Option) (*teardown.Report, error) {
	journal, entries, err := a.Store.Journal(a.Job.ID)
	if err != nil {
		return nil, err
	}
	defer journal.Close()
	return a.Organization.Teardown(ctx, plan, slices.Concat([]teardown.Option{
		teardown.WithConfirm(a.Job.Confirm),
		teardown.WithJournal(journal),
		teardown.WithResume(entries),
		teardown.WithPlanTTL(planTTL),
		teardown.WithStop(a.Stop),
	}, options)...)
}

// Finish records the result of the attempt, and stores the job.
func (a *Attempt) Finish(report *teardown.Report, err error) error {
	if report == nil && errors.Is(err, errors.OrganizationNotFound) {
		// The first plan could not be made: no journal shows a deletion.
		report = &teardown.Report{Outcome: teardown.NotFound}
	}
	stopped := false
	select {
	case <-a.Stop:
		stopped = true
	default:
	}
	a.Job.finish(report, err, stopped)
	return a.Store.Save(a.Job)
}
