package fleet

import (
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// batchInput is the input of a batch, and of each of its continuations.
type batchInput struct {
	Manifest ManifestRef `json:"manifest"`
	Page     int         `json:"page"`
	Started  BatchState  `json:"started"`
}

// BatchState is the progress of a batch: how many workflows it has started.
type BatchState struct {
	// Organizations is the number of organizations of the manifest.
	Organizations int `json:"organizations"`

	// Started is the number of workflows that the batch has started.
	Started int `json:"started"`

	// Running is the number of organizations whose workflow ran already. It continues, with the
	// manifest that started it.
	Running int `json:"running"`
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
	children := make([]workflow.ChildWorkflowFuture, len(p.Organizations))
	for i, o := range p.Organizations {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: o.ID, ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
			WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // after the workflow before has ended
			TypedSearchAttributes: temporal.NewSearchAttributes(attributeProvider.ValueSet(o.Provider)),
		})
		children[i] = workflow.ExecuteChildWorkflow(child, workflowOrganization, organizationInput{
			Entry: entryRef{in.Manifest.Pages[in.Page], o.Index}, Provider: o.Provider, Policy: p.Policy,
		})
	}
	for _, child := range children {
		err := child.GetChildWorkflowExecution().Get(ctx, nil)
		switch {
		case err == nil:
			in.Started.Started++
		case temporal.IsWorkflowExecutionAlreadyStartedError(err):
			in.Started.Running++
		default:
			return in.Started, err
		}
	}
	if in.Page++; in.Page < len(in.Manifest.Pages) {
		return in.Started, workflow.NewContinueAsNewError(ctx, workflowBatch, in)
	}
	return in.Started, nil
}
