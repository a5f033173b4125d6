package fleet

import (
	"cmp"
	"context"
	"sync"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// batchInput is the input of a batch, and of each of its continuations.
type batchInput struct {
	Manifest ManifestRef `json:"manifest"`
	Page     int         `json:"page"`
	Started  BatchState  `json:"started"`
}

// BatchState is the progress of a batch. Each organization of the manifest counts once: as Started,
// Running or Failed.
type BatchState struct {
	// Organizations is the number of organizations of the manifest.
	Organizations int `json:"organizations"`

	// Started is the number of workflows that the batch has started.
	Started int `json:"started"`

	// Running is the number of organizations whose workflow ran already. It continues, with the
	// manifest that started it.
	Running int `json:"running"`

	// Failed is the number of organizations whose workflow the batch could not start.
	Failed int `json:"failed,omitempty"`

	// Failures lists the first of them, at most 20.
	Failures []BatchFailure `json:"failures,omitempty"`

	// Status is that of the engine, as in [Listed]. [BatchStatus] sets it.
	Status string `json:"status,omitempty"`

	// Code is the code of the error with which the workflow of the batch failed; "" if it did not
	// fail, or the error has no code: the log of the worker has its text. [BatchStatus] sets it.
	Code errors.Code `json:"code,omitempty"`

	// Closed is the time of the batch's end; zero if it runs. [BatchStatus] sets it.
	Closed time.Time `json:"closed,omitzero"`
}

// BatchFailure is an organization whose workflow a batch could not start. The log of the worker has
// the text of the error.
type BatchFailure struct {
	// Entry is the number of the organization in the manifest, from 1 on.
	Entry int `json:"entry"`

	// Organization is [Entry.Organization].
	Organization string `json:"organization"`

	// Code is the code of the error, such as [errors.Unauthenticated] for a credential that the
	// worker does not have, and [errors.Conflict] for an organization that is in the manifest twice.
	Code errors.Code `json:"code"`
}

// batchWorkflow is the workflow of a batch.
type batchWorkflow struct{ heartbeat time.Duration }

// run starts a workflow for each organization of a manifest, page by page, and ends. The
// workflows do not depend on it.
func (w batchWorkflow) run(ctx workflow.Context, in batchInput) (BatchState, error) {
	in.Started.Organizations = in.Manifest.Organizations
	if err := workflow.SetQueryHandler(ctx, queryState, func() (BatchState, error) { return in.Started, nil }); err != nil {
		return in.Started, err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: activityTime, StartToCloseTimeout: time.Hour, HeartbeatTimeout: w.heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
	var p pageResult
	if err := workflow.ExecuteActivity(ctx, activityPage, in.Manifest.Pages[in.Page]).Get(ctx, &p); err != nil {
		return in.Started, err
	}
	in.Started.Started += p.Started
	in.Started.Running += p.Running
	if in.Page++; in.Page < len(in.Manifest.Pages) {
		return in.Started, workflow.NewContinueAsNewError(ctx, workflowBatch, in)
	}
	return in.Started, nil
}

// pageResult is the result of the activity page: numbers of organizations.
type pageResult struct {
	Started int `json:"started"`
	Running int `json:"running"` // by workflows that others have started
}

// page starts a workflow for each organization of a page of a manifest. An activity starts them, and not
// the workflow of the batch, so that they are no events of its history.
func (a *activities) page(ctx context.Context, l *lease, ref Ref) (pageResult, error) {
	p, err := a.pages.get(ctx, a.config.Store, ref)
	if err != nil {
		return pageResult{}, err
	}
	var all []client.StartWorkflowOptions
	var inputs []organizationInput
	info := activity.GetInfo(ctx)
	for i, e := range p.Organizations {
		o, err := a.config.Open(ctx, e.Spec())
		if err != nil {
			return pageResult{}, err
		}
		d, err := o.Driver(&teardown.Plan{Organization: teardown.Organization{ID: e.Organization}})
		if err != nil {
			return pageResult{}, err
		}
		provider, instance := d.Provider()
		all = append(all, client.StartWorkflowOptions{
			ID: WorkflowID(provider, instance, e.Organization), TaskQueue: info.TaskQueue,
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, WorkflowExecutionErrorWhenAlreadyStarted: true,
			WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // after the workflow before has ended
			TypedSearchAttributes: temporal.NewSearchAttributes(attributeProvider.ValueSet(provider)),
			Memo:                  map[string]any{memoBatch: info.WorkflowExecution.ID, memoRun: info.WorkflowExecution.RunID},
			EnableEagerStart:      true,
		})
		inputs = append(inputs, organizationInput{Entry: entryRef{ref, i}, Provider: provider, Policy: p.Policy})
	}
	starter := a.config.starter
	if starter == nil {
		starter = activity.GetClient(ctx)
	}
	var group sync.WaitGroup
	var mu sync.Mutex // of the result and the error
	var r pageResult
	slots := make(chan struct{}, maxStarts)
	for i := range all {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			started, failed := start(ctx, l, starter, all[i], inputs[i])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case failed != nil:
				err = cmp.Or(err, failed)
			case started:
				r.Started++
			default:
				r.Running++
			}
		})
	}
	group.Wait()
	return r, err
}

// maxStarts is the number of workflows that a batch starts at the same time.
const maxStarts = 8

// Names of the memos of an organization's workflow, which are the batch that started it and its run, and
// of the memo of a batch: the time of its start.
const (
	memoBatch   = "batch"
	memoRun     = "batch_run"
	memoStarted = "started"
)

// starter is the part of a client that starts workflows.
type starter interface {
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// start starts the workflow of an organization, and reports whether it was started by this run of the
// batch. Another attempt of the activity starts no workflow again that has ended since then.
func start(ctx context.Context, l *lease, c starter, options client.StartWorkflowOptions, in organizationInput) (bool, error) {
	if activity.GetInfo(ctx).Attempt > 1 {
		d, err := c.DescribeWorkflowExecution(ctx, options.ID, "")
		_, missing := errors.AsType[*serviceerror.NotFound](err)
		switch {
		case err == nil && memoText(d.GetWorkflowExecutionInfo(), memoRun) == options.Memo[memoRun]:
			return true, nil
		case err != nil && !missing:
			return false, engineError("Start", err)
		}
	}
	if !l.valid() {
		return false, errLost
	}
	_, err := c.ExecuteWorkflow(ctx, options, workflowOrganization, in)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return false, nil
	}
	return err == nil, engineError("Start", err)
}

// memoText returns a text of a workflow's memo; "" for none.
func memoText(e *workflowpb.WorkflowExecutionInfo, name string) string {
	var text string
	payload := e.GetMemo().GetFields()[name]
	if converter.GetDefaultDataConverter().FromPayload(payload, &text) != nil {
		return ""
	}
	return text
}
