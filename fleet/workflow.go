package fleet

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Limits of the workflow of an organization.
const (
	firstCheck   = time.Hour           // until the first read of a pending deletion
	longestCheck = 24 * time.Hour      // between two reads
	pendingFor   = 60 * 24 * time.Hour // after which a pending deletion is a result
	activityTime = 7 * 24 * time.Hour  // of one activity, with all its attempts
	localTime    = 5 * time.Second     // of a local activity: half of a workflow task's time
)

// WaitingFor is what an organization waits for. It is the search attribute of the same name.
type WaitingFor string

// Values of [WaitingFor].
const (
	// WaitingForNothing: activities run, or the workflow has ended.
	WaitingForNothing WaitingFor = ""

	// WaitingForApproval: [State.Digest] must be approved.
	WaitingForApproval WaitingFor = "approval"

	// WaitingForProvider: the provider accepted the deletion and decides later.
	WaitingForProvider WaitingFor = "provider"
)

// State is the state of an organization's workflow.
type State struct {
	// ID is the ID of the workflow; see [WorkflowID].
	ID string `json:"id"`

	// Provider is the package of the provider, such as "katapult".
	Provider string `json:"provider"`

	// WaitingFor is what the organization waits for.
	WaitingFor WaitingFor `json:"waiting_for,omitempty"`

	// Since is the time since when it waits; zero if it does not wait.
	Since time.Time `json:"since,omitzero"`

	// Plan refers to the last plan; nil for none.
	Plan *Ref `json:"plan,omitempty"`

	// Digest is what people approve: the digest of the last plan; "" for none.
	Digest string `json:"digest,omitempty"`

	// Differences refers to what the plan has that the plan approved before lacks; nil if
	// no plan was approved before.
	Differences *Ref `json:"differences,omitempty"`

	// Required is the number of approvals that the plan requires.
	Required int `json:"required"`

	// Approvals are those of the plan, in their order.
	Approvals []Approval `json:"approvals,omitempty"`

	// Denied is the denial that ended the workflow; nil for none.
	Denied *Approval `json:"denied,omitempty"`

	// Overrides lists the overrides that the manifest permits.
	Overrides []teardown.Override `json:"overrides,omitempty"`

	// Missing lists the overrides that the plan requires and the manifest does not permit. If there
	// are any, [Approve] is refused, and a plan that requires no approval fails the workflow with
	// [errors.NotConfirmed]. Deny the plan, and start a batch whose manifest permits them.
	Missing []teardown.Override `json:"missing,omitempty"`

	// Steps is the number of steps of the plan.
	Steps int `json:"steps"`

	// Deleted is the number of steps that are deleted. It grows with each chunk.
	Deleted int `json:"deleted"`

	// Result is the result of the workflow; nil until it ends.
	Result *Result `json:"result,omitempty"`

	// Status is that of Temporal, as in [Listed]. [Status] sets it.
	Status string `json:"status,omitempty"`

	// Code is the code of the error with which the workflow failed; "" if it did not fail, or the
	// error has no code: the log of the worker has its text. [Status] sets it.
	Code errors.Code `json:"code,omitempty"`

	// Closed is the time of the workflow's end; zero if it runs. [Status] sets it.
	Closed time.Time `json:"closed,omitzero"`
}

// Result is the result of an organization's workflow.
type Result struct {
	// Outcome is the outcome of the teardown. It is [teardown.Stopped] if a person denied the
	// plan.
	Outcome teardown.Outcome `json:"outcome"`

	// Code is the code of the error that is the reason for the outcome; "" for none.
	Code errors.Code `json:"code,omitempty"`

	// Report refers to the report of the teardown; nil if the plan was not applied.
	Report *Ref `json:"report,omitempty"`
}

// Approval is the decision of a person about a plan.
type Approval struct {
	// By names the person, with at most 200 bytes. Two approvals must be of different people. Case,
	// white space, characters that people cannot see, and the Unicode form of the others (NFC, NFD,
	// full width) do not count. Names that only look alike, such as in Latin and Cyrillic letters, are
	// different.
	By string `json:"by"`

	// Digest is that of the plan: [teardown.Plan.Digest].
	Digest string `json:"digest"`

	// Reason is for people, with at most 1,000 bytes; "" for none.
	Reason string `json:"reason,omitempty"`

	// At is the time at which the workflow accepted the decision. It is ignored as an input.
	At time.Time `json:"at,omitzero"`
}

// Search attributes of the workflows. A namespace must have them as keywords.
var (
	attributeProvider   = temporal.NewSearchAttributeKeyKeyword("Provider")
	attributeOutcome    = temporal.NewSearchAttributeKeyKeyword("Outcome")
	attributeWaitingFor = temporal.NewSearchAttributeKeyKeyword("WaitingFor")
)

// Names of the updates and of the query.
const (
	updateApprove = "approve"
	updateDeny    = "deny"
	queryState    = "state"
)

// organizationInput is the input of an organization's workflow.
type organizationInput struct {
	Entry    entryRef `json:"entry"`
	Provider string   `json:"provider"`
	Policy   Policy   `json:"policy"`
}

// organizationWorkflow is the workflow of an organization.
type organizationWorkflow struct{ heartbeat time.Duration }

// teardownRun is one run of an organization's workflow.
type teardownRun struct {
	in    organizationInput
	state State

	applying *planInput // the plan that is applied; nil before
}

// run deletes an organization.
func (w organizationWorkflow) run(ctx workflow.Context, in organizationInput) (Result, error) {
	r := &teardownRun{in: in, state: State{
		ID: workflow.GetInfo(ctx).WorkflowExecution.ID, Provider: in.Provider, Required: in.Policy.Approvals,
	}}
	if err := r.handle(ctx); err != nil {
		return Result{}, err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: activityTime, StartToCloseTimeout: activityTime, HeartbeatTimeout: w.heartbeat,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
	result, err := r.delete(ctx)
	canceled := ctx.Err()
	// The search attributes and the report of a workflow that was canceled are stored, too.
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err != nil && canceled != nil && r.applying != nil {
		if result, err = r.stopped(ctx); err != nil {
			workflow.GetLogger(ctx).Warn("cannot store the report", "error", err)
			err = canceled
		}
	}
	r.waits(ctx, WaitingForNothing)
	if err != nil {
		return Result{}, err
	}
	r.state.Result = &result
	if err := workflow.UpsertTypedSearchAttributes(ctx, attributeOutcome.ValueSet(string(result.Outcome))); err != nil {
		return Result{}, err
	}
	if canceled == nil || result.Outcome == teardown.Deleted || result.Outcome == teardown.Blocked {
		return result, nil // also if the cancellation came too late
	}
	return Result{}, canceled
}

// handle registers the query and the updates.
func (r *teardownRun) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, queryState, func() (State, error) { return r.state, nil })
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, updateApprove, func(ctx workflow.Context, a Approval) (State, error) {
		a.At = workflow.Now(ctx)
		r.state.Approvals = append(r.state.Approvals, a)
		return r.state, nil
	}, workflow.UpdateHandlerOptions{Validator: r.check})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, updateDeny, func(ctx workflow.Context, a Approval) (State, error) {
		a.At = workflow.Now(ctx)
		r.state.Denied = &a
		return r.state, nil
	}, workflow.UpdateHandlerOptions{Validator: r.checkDenial})
}

// check refuses an approval that does not count. It changes nothing.
func (r *teardownRun) check(a Approval) error {
	if err := r.checkDenial(a); err != nil {
		return err
	}
	if len(r.state.Missing) > 0 {
		text := fmt.Sprintf("the manifest does not permit overrides that the plan requires: %v: deny the plan, and start a batch whose manifest permits them", r.state.Missing)
		return temporal.NewApplicationError(text, "MissingOverride")
	}
	for _, other := range r.state.Approvals {
		if person(other.By) == person(a.By) {
			return temporal.NewApplicationError("this person has approved the plan already: another person must approve", "SameApprover")
		}
	}
	return nil
}

// checkDenial refuses a decision about another plan, and texts that the history must not contain.
func (r *teardownRun) checkDenial(a Approval) error {
	switch {
	case len(a.By) > maxBy || len(a.Reason) > maxReason:
		return temporal.NewApplicationError(fmt.Sprintf("the name of the approver must have at most %d bytes, and the reason at most %d", maxBy, maxReason), "InvalidApproval")
	case !visible(a.By):
		return temporal.NewApplicationError("the name of the approver is missing", "InvalidApproval")
	case r.state.WaitingFor != WaitingForApproval || r.decided():
		return temporal.NewApplicationError("the organization does not wait for an approval", "NotWaiting")
	case a.Digest != r.state.Digest:
		return temporal.NewApplicationError("the digest is not that of the plan that waits for an approval: read the plan again", "OtherPlan")
	}
	return nil
}

// decided reports whether the plan has all approvals, or a denial.
func (r *teardownRun) decided() bool {
	return r.state.Denied != nil || len(r.state.Approvals) >= r.state.Required
}

// waits records what the organization waits for.
func (r *teardownRun) waits(ctx workflow.Context, what WaitingFor) {
	if r.state.WaitingFor == what {
		return
	}
	r.state.WaitingFor, r.state.Since = what, time.Time{}
	update := attributeWaitingFor.ValueUnset()
	if what != WaitingForNothing {
		r.state.Since, update = workflow.Now(ctx), attributeWaitingFor.ValueSet(string(what))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, update); err != nil {
		workflow.GetLogger(ctx).Warn("cannot set the search attribute", "error", err)
	}
}

// delete plans until a plan is approved and applied.
func (r *teardownRun) delete(ctx workflow.Context) (Result, error) {
	var made planResult
	if err := workflow.ExecuteActivity(ctx, activityPlan, r.in.Entry).Get(ctx, &made); err != nil {
		return Result{}, err
	}
	for made.Ended == nil {
		if err := r.approval(ctx, *made.Planned); err != nil {
			return Result{}, err
		}
		if r.state.Denied != nil {
			return Result{Outcome: teardown.Stopped, Code: errors.NotConfirmed}, nil
		}
		var err error
		if made, err = r.apply(ctx, made.Planned.Plan); err != nil {
			return Result{}, err
		}
	}
	return Result{made.Ended.Outcome, made.Ended.Code, &made.Ended.Report}, nil
}

// approval waits until the plan has all approvals, or a denial, and reminds people.
func (r *teardownRun) approval(ctx workflow.Context, p planned) error {
	r.state.Plan, r.state.Digest, r.state.Differences = &p.Plan, p.Digest, p.Differences
	r.state.Approvals, r.state.Steps, r.state.Deleted = nil, p.Steps, 0
	r.state.Overrides, r.state.Missing = p.Overrides, p.Missing
	if p.Differences != nil { // no person has seen the new resources
		r.state.Required = max(r.state.Required, 1)
	}
	if r.state.Required == 0 {
		return nil
	}
	r.waits(ctx, WaitingForApproval)
	for remind := r.remindAtOnce; !r.decided(); remind = r.remind {
		w := Waiting{ID: r.state.ID, Plan: p.Plan, Digest: p.Digest, Differences: p.Differences, Since: r.state.Since}
		next := workflow.Now(ctx).Add(r.in.Policy.remindEvery())
		if err := remind(ctx, w); err != nil {
			return err
		}
		if _, err := workflow.AwaitWithTimeout(ctx, next.Sub(workflow.Now(ctx)), r.decided); err != nil {
			return err
		}
	}
	r.waits(ctx, WaitingForNothing)
	return nil
}

// remind returns after a reminder, or after the decision: a reminder that fails must not delay it.
func (r *teardownRun) remind(ctx workflow.Context, w Waiting) error {
	reminder := workflow.ExecuteActivity(workflow.WithScheduleToCloseTimeout(ctx, time.Hour), activityRemind, w)
	return workflow.Await(ctx, func() bool { return r.decided() || reminder.IsReady() })
}

// remindAtOnce makes the first reminder a local activity, which costs the server less. If it fails, or
// takes longer than a workflow task may, an activity repeats it.
func (r *teardownRun) remindAtOnce(ctx workflow.Context, w Waiting) error {
	reminder := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: localTime, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	}), activityRemind, w)
	if err := workflow.Await(ctx, func() bool { return r.decided() || reminder.IsReady() }); err != nil {
		return err
	}
	if !reminder.IsReady() || reminder.Get(ctx, nil) == nil {
		return nil
	}
	return r.remind(ctx, w)
}

// apply applies an approved plan: with few steps in one activity, with many in chunks.
func (r *teardownRun) apply(ctx workflow.Context, plan Ref) (planResult, error) {
	r.applying = &planInput{Entry: r.in.Entry, Plan: plan}
	var made planResult
	var err error
	if r.state.Steps > minChunkSize {
		made, err = r.applyInChunks(ctx, r.applying)
	} else {
		err = workflow.ExecuteActivity(ctx, activityApply, *r.applying).Get(ctx, &made)
	}
	switch {
	case err != nil:
		return planResult{}, err
	case made.Ended == nil:
		r.applying = nil
		return made, nil
	}
	r.state.Deleted = made.Ended.Deleted
	return r.applied(ctx, *r.applying, made)
}

// applied waits for a provider that decides later.
func (r *teardownRun) applied(ctx workflow.Context, in planInput, made planResult) (planResult, error) {
	if made.Ended.Outcome == teardown.Pending {
		return r.pending(ctx, in, made)
	}
	return made, nil
}

// applyInChunks compares, removes the resources in chunks, and deletes the organization.
func (r *teardownRun) applyInChunks(ctx workflow.Context, in *planInput) (planResult, error) {
	var p prepareResult
	if err := workflow.ExecuteActivity(ctx, activityPrepare, *in).Get(ctx, &p); err != nil {
		return planResult{}, err
	}
	if p.Planned != nil || p.Ended != nil {
		return p.planResult, nil
	}
	r.state.Deleted += max(r.state.Steps-p.Steps, 0) // deleted by others since the plan
	in.Plan = p.Prepared
	made, err := r.chunks(ctx, p, in)
	if err != nil || made.Planned != nil || made.Ended != nil {
		return made, err
	}
	err = workflow.ExecuteActivity(ctx, activityDelete, *in).Get(ctx, &made)
	return made, err
}

// chunks removes the resources of all steps, one chunk after another: a chunk that lists the resources
// while another one removes them would have to list them again. A chunk starts if the chunks that it
// comes after have no failed step. A result has a new plan, or is the end.
func (r *teardownRun) chunks(ctx workflow.Context, p prepareResult, in *planInput) (planResult, error) {
	deleted := make([]bool, len(p.Chunks)) // all steps of the chunk
	for n, after := range p.Chunks {
		if slices.ContainsFunc(after, func(before int) bool { return !deleted[before] }) {
			continue
		}
		var s stepsResult
		chunk := planInput{Entry: in.Entry, Plan: in.Plan, Chunk: n}
		if err := workflow.ExecuteActivity(ctx, activitySteps, chunk).Get(ctx, &s); err != nil {
			return planResult{}, err
		}
		if s.Planned != nil || s.Ended != nil {
			return s.planResult, nil
		}
		r.state.Deleted += s.Deleted
		in.Reports = append(in.Reports, s.Report)
		if deleted[n] = s.Failed == 0; !deleted[n] {
			in.Blocked = true
		}
		if ctx.Err() != nil { // canceled: steps were stopped, and did not fail
			return planResult{}, ctx.Err()
		}
	}
	return planResult{}, nil
}

// stopped returns the result of a teardown that was canceled, by the journal.
func (r *teardownRun) stopped(ctx workflow.Context) (Result, error) {
	in := *r.applying
	in.Stopped = true
	var made planResult
	if err := workflow.ExecuteActivity(ctx, activityDelete, in).Get(ctx, &made); err != nil {
		return Result{}, err
	}
	r.state.Deleted = made.Ended.Deleted
	return Result{made.Ended.Outcome, made.Ended.Code, &made.Ended.Report}, nil
}

// pending waits, for days if necessary, until a read shows that the provider has deleted the
// organization. A timer waits, and no activity.
func (r *teardownRun) pending(ctx workflow.Context, in planInput, made planResult) (planResult, error) {
	in.Reports = nil
	r.waits(ctx, WaitingForProvider)
	checking := workflow.WithScheduleToCloseTimeout(ctx, time.Hour)
	interval := firstCheck
	for end := workflow.Now(ctx).Add(pendingFor); workflow.Now(ctx).Before(end); interval = min(2*interval, longestCheck) {
		if err := workflow.Sleep(ctx, interval); err != nil {
			return planResult{}, err
		}
		var c checkResult
		err := workflow.ExecuteActivity(checking, activityCheck, in).Get(ctx, &c)
		switch {
		case temporal.IsCanceledError(err):
			return planResult{}, err
		case err != nil: // the next read may prove more
			workflow.GetLogger(ctx).Warn("the pending deletion cannot be read", "error", err)
		case c.Deleted:
			return planResult{Ended: &ended{Outcome: teardown.Deleted, Report: *c.Report}}, nil
		}
	}
	return made, nil
}
