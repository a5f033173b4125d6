package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offboard-dev/offboard-go/errors"
)

// Batch is a batch that was started.
type Batch struct {
	// ID is the ID of the batch's workflow.
	ID string `json:"id"`

	// Run is the ID of its first run.
	Run string `json:"run"`
}

// Start starts a batch: a workflow that starts one workflow for each organization of the manifest.
// A batch of the same manifest that runs already is an error: [errors.Conflict]. An organization
// whose workflow runs already, such as one of another manifest, keeps that workflow.
func Start(ctx context.Context, c client.Client, manifest ManifestRef) (Batch, error) {
	if len(manifest.Pages) == 0 {
		return Batch{}, invalid("the manifest has no page: use PutManifest")
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: batchPrefix + manifest.Digest, TaskQueue: cmp.Or(manifest.Queue, DefaultQueue),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflowBatch, batchInput{Manifest: manifest})
	if err != nil {
		return Batch{}, engineError("Start", err)
	}
	return Batch{run.GetID(), run.GetRunID()}, nil
}

// Approve approves the plan of an organization, whose ID is that of [WorkflowID]. The error is
//
//   - [errors.NotConfirmed] if the approval does not count: the digest is not that of the plan that
//     waits, the organization does not wait, or the person has approved the plan already
//   - [errors.Conflict] if the workflow has ended
//   - [errors.NotFound] for an ID without a workflow
//   - [errors.InvalidArgument] if id is not the ID of an organization's workflow
//   - [errors.PermissionDenied] if the server of the engine refuses the caller
//   - [errors.Unavailable] if the server of the engine fails, or no worker answers
func Approve(ctx context.Context, c client.Client, id string, a Approval) (State, error) {
	return decide(ctx, c, "Approve", id, updateApprove, a)
}

// Deny ends the workflow of an organization that waits for an approval. Its outcome is
// [teardown.Stopped]. Errors are those of [Approve].
func Deny(ctx context.Context, c client.Client, id string, a Approval) (State, error) {
	return decide(ctx, c, "Deny", id, updateDeny, a)
}

// decide sends a decision and returns the state after it.
func decide(ctx context.Context, c client.Client, operation, id, name string, a Approval) (State, error) {
	var s State
	if _, _, _, err := ParseWorkflowID(id); err != nil {
		return s, err
	}
	update := client.UpdateWorkflowOptions{
		UpdateID:   rand.Text(), // of all attempts: one after a lost answer returns the result of the first
		WorkflowID: id, UpdateName: name, Args: []any{a}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		h, err := c.UpdateWorkflow(ctx, update)
		if err == nil {
			err = h.Get(ctx, &s)
		}
		if err == nil {
			return s, nil
		}
		// The server aborts an update if a result arrives while the update ends the workflow.
		err = engineError(operation, err)
		if errors.Is(err, errors.NotFound) { // no workflow has the ID, or it has ended
			if ended := notRunning(ctx, c, operation, id); ended != nil {
				err = ended
			}
			return State{}, err
		}
		if !errors.Is(err, errors.Unavailable) || wait > maxDecideWait {
			return State{}, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return State{}, err
		}
	}
}

// maxDecideWait is the last wait before another attempt of a decision.
const maxDecideWait = 2 * time.Second

// Status returns the state of an organization's workflow. A worker must run, because it answers.
// The error of an ID without a workflow is [errors.NotFound].
func Status(ctx context.Context, c client.Client, id string) (State, error) {
	return query[State](ctx, c, id)
}

// BatchStatus returns the progress of a batch.
func BatchStatus(ctx context.Context, c client.Client, id string) (BatchState, error) {
	return query[BatchState](ctx, c, id)
}

func query[T any](ctx context.Context, c client.Client, id string) (T, error) {
	var state T
	value, err := c.QueryWorkflow(ctx, id, "", queryState)
	if err == nil {
		err = value.Get(&state)
	}
	if err != nil {
		return state, engineError("Status", err)
	}
	return state, nil
}

// Cancel ends the workflow of an organization, or of a batch, gently: requests in flight finish,
// and nothing more starts. The outcome is [teardown.Stopped] if steps had started. The workflows
// that a batch has started continue.
//
// The error is [errors.Conflict] if the workflow has ended; it states how. The others are those of
// [Approve]. If the workflow ends at the same time, the error is nil.
func Cancel(ctx context.Context, c client.Client, id string) error {
	const operation = "Cancel"
	if _, _, _, err := ParseWorkflowID(id); err != nil && !strings.HasPrefix(id, batchPrefix) {
		return invalid("%q is not the ID of a workflow of a fleet", id)
	}
	// The server accepts the cancellation of a workflow that has ended.
	if err := notRunning(ctx, c, operation, id); err != nil {
		return err
	}
	return engineError(operation, c.CancelWorkflow(ctx, id, ""))
}

// notRunning returns the error of an operation that needs a running workflow; nil if the workflow
// runs.
func notRunning(ctx context.Context, c client.Client, operation, id string) error {
	answer, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return engineError(operation, err)
	}
	info := answer.GetWorkflowExecutionInfo()
	if info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil
	}
	l := listed(info)
	text := "the workflow has ended: its status is " + l.Status
	if l.Outcome != "" {
		text += ", and its outcome is " + l.Outcome
	}
	return &errors.Error{Operation: operation, Target: id, Code: errors.Conflict, Err: errors.New(text)}
}

// Filter selects workflows of organizations. Empty fields select all.
type Filter struct {
	// Provider is the package of the provider.
	Provider string

	// Outcome is the outcome of the workflow's result, such as "blocked".
	Outcome string

	// WaitingFor is what the organization waits for.
	WaitingFor WaitingFor

	// Running selects workflows that have not ended.
	Running bool
}

// Listed is a workflow in a list.
type Listed struct {
	// ID is the ID of the workflow. [ParseWorkflowID] returns its organization.
	ID string `json:"id"`

	// Provider is the package of the provider; "" if the workflow does not state it.
	Provider string `json:"provider,omitempty"`

	// Outcome is the outcome of the teardown; "" if the workflow has no result.
	Outcome string `json:"outcome,omitempty"`

	// WaitingFor is what the organization waits for.
	WaitingFor WaitingFor `json:"waiting_for,omitempty"`

	// Status is that of the engine: "Running", "Completed", "Failed", "Canceled", "Terminated",
	// "TimedOut" or "ContinuedAsNew".
	Status string `json:"status"`

	// Started is the time of the workflow's start.
	Started time.Time `json:"started,omitzero"`

	// Closed is the time of the workflow's end; zero if it runs.
	Closed time.Time `json:"closed,omitzero"`
}

// List yields the last workflow of each organization, the newest first. The list may lack changes
// of the last seconds. An error is the last value.
func List(ctx context.Context, c client.Client, f Filter) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		request := &workflowservice.ListWorkflowExecutionsRequest{Query: f.query(), PageSize: 500}
		for {
			page, err := c.ListWorkflow(ctx, request)
			if err != nil {
				yield(Listed{}, engineError("List", err))
				return
			}
			for _, e := range page.Executions {
				if !yield(listed(e), nil) {
					return
				}
			}
			if request.NextPageToken = page.NextPageToken; len(request.NextPageToken) == 0 {
				return
			}
		}
	}
}

// listed returns a workflow of the engine's list.
func listed(e *workflowpb.WorkflowExecutionInfo) Listed {
	attribute := func(name string) string { return keyword(e.GetSearchAttributes().GetIndexedFields()[name].GetData()) }
	l := Listed{
		ID: e.GetExecution().GetWorkflowId(), Provider: attribute("Provider"), Outcome: attribute("Outcome"),
		WaitingFor: WaitingFor(attribute("WaitingFor")), Status: e.GetStatus().String(),
	}
	if e.GetStartTime() != nil {
		l.Started = e.GetStartTime().AsTime()
	}
	if e.GetCloseTime() != nil {
		l.Closed = e.GetCloseTime().AsTime()
	}
	return l
}

// keyword returns the text of a search attribute, whose form is a JSON string or a list of one.
func keyword(data []byte) string {
	return strings.Trim(string(data), `[]"`)
}

// query returns the query of the engine's list.
func (f Filter) query() string {
	all := []string{fmt.Sprintf("WorkflowType = %q", workflowOrganization)}
	add := func(name, value string) {
		if value != "" {
			all = append(all, fmt.Sprintf("%s = %q", name, value))
		}
	}
	add("Provider", f.Provider)
	add("Outcome", f.Outcome)
	add("WaitingFor", string(f.WaitingFor))
	if f.Running {
		add("ExecutionStatus", "Running")
	}
	return strings.Join(all, " AND ")
}

// engineError returns an error of the engine with a code of package errors.
func engineError(operation string, err error) error {
	if err == nil {
		return nil
	}
	e := &errors.Error{Operation: operation, Code: errors.Unavailable, Err: err}
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		e.Code, e.Err = errors.NotConfirmed, errors.New(refused.Message())
		return e
	}
	switch {
	case is[*serviceerror.NotFound](err):
		e.Code = errors.NotFound
	case is[*serviceerror.InvalidArgument](err):
		e.Code = errors.InvalidArgument
	case is[*serviceerror.PermissionDenied](err):
		e.Code = errors.PermissionDenied
	case temporal.IsWorkflowExecutionAlreadyStartedError(err):
		e.Code = errors.Conflict
	}
	return e
}

// is reports whether an error wraps one of the type E.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
