package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

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
	if manifest.Pages == 0 {
		return Batch{}, invalid("the manifest has no page: use PutManifest")
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: batchPrefix + manifest.Digest, TaskQueue: cmp.Or(manifest.Queue, DefaultQueue),
		Memo:                     map[string]any{memoStarted: time.Now().UTC().Format(time.RFC3339Nano)}, // of all runs
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
//     waits, the organization does not wait, the person has approved the plan already, the name is
//     missing, a text is too long, or the plan has [State.Missing] overrides
//   - [errors.Conflict] if the workflow has ended
//   - [errors.NotFound] for an ID without a workflow
//   - [errors.InvalidArgument] if id is not the ID of an organization's workflow
//   - [errors.PermissionDenied] if the Temporal Service refuses the caller
//   - [errors.Unavailable] if the Temporal Service fails, or no worker answers
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

// Status returns the state of an organization's last workflow. A worker must run, because it answers,
// also if the workflow has ended. The error of an ID without a workflow is [errors.NotFound].
func Status(ctx context.Context, c client.Client, id string) (State, error) {
	s, e, err := query[State](ctx, c, id)
	if err != nil {
		return State{}, err
	}
	s.Status, s.Code, s.Closed = e.status, e.code, e.closed
	if !s.Closed.IsZero() {
		s.WaitingFor, s.Since = WaitingForNothing, time.Time{}
	}
	return s, nil
}

// BatchStatus returns the progress of a batch. A worker must run, because it answers. The error of an
// ID without a batch is [errors.NotFound].
func BatchStatus(ctx context.Context, c client.Client, id string) (BatchState, error) {
	s, e, err := query[BatchState](ctx, c, id)
	if err != nil {
		return BatchState{}, err
	}
	s.Status, s.Code, s.Closed = e.status, e.code, e.closed
	return s, nil
}

// execution is what Temporal knows about the last run of a workflow.
type execution struct {
	status string
	code   errors.Code // of a workflow that failed
	closed time.Time
}

// query returns the state of the last run of a workflow, and what Temporal knows about the run.
func query[T any](ctx context.Context, c client.Client, id string) (T, execution, error) {
	const operation = "Status"
	var state T
	d, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return state, execution{}, engineError(operation, err)
	}
	info := d.GetWorkflowExecutionInfo()
	run := info.GetExecution().GetRunId()
	e := execution{status: info.GetStatus().String(), closed: timeOf(info.GetCloseTime())}
	if info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_FAILED {
		err := c.GetWorkflow(ctx, id, run).Get(ctx, nil)
		if !is[*temporal.WorkflowExecutionError](err) {
			return state, execution{}, engineError(operation, err)
		}
		e.code = failureCode(err)
	}
	value, err := c.QueryWorkflow(ctx, id, run, queryState)
	if err == nil {
		err = value.Get(&state)
	}
	return state, e, engineError(operation, err)
}

// failureCode returns the code of the error with which an activity, or a workflow, failed; "" for none.
func failureCode(err error) errors.Code {
	e, _ := errors.AsType[*temporal.ApplicationError](err)
	if e == nil || !slices.Contains(errors.Codes(), errors.Code(e.Type())) {
		return ""
	}
	return errors.Code(e.Type())
}

// timeOf returns a time of Temporal; zero for none.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// Cancel requests the cancellation of the workflow of an organization, or of a batch. A worker learns
// of it with its next heartbeat, within 3 seconds by default; see [Config.Heartbeat]. Then requests in
// flight finish, and nothing more starts. The workflows that a batch has started continue.
//
// The status of the workflow is then "Canceled", and [State.Result] has the outcome and the report if
// a plan was being applied: [teardown.Stopped], [teardown.Pending] if the provider had accepted the
// deletion, or [teardown.Unknown]. A workflow whose plan was applied to its end is "Completed".
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

// Filter selects organizations by their last workflows. Empty fields select all.
type Filter struct {
	// Provider is the package of the provider.
	Provider string

	// Batch is the ID of the batch that started the workflow.
	Batch string

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

	// Batch is the ID of the batch that started the workflow; "" if the workflow does not state it.
	Batch string `json:"batch,omitempty"`

	// Outcome is the outcome of the teardown; "" if the workflow has no result.
	Outcome string `json:"outcome,omitempty"`

	// WaitingFor is what the organization waits for: nothing if the workflow has ended.
	WaitingFor WaitingFor `json:"waiting_for,omitempty"`

	// Status is that of Temporal: "Running", "Completed", "Failed", "Canceled", "Terminated",
	// "TimedOut" or "ContinuedAsNew".
	Status string `json:"status"`

	// Started is the time of the workflow's start.
	Started time.Time `json:"started,omitzero"`

	// Closed is the time of the workflow's end; zero if it runs.
	Closed time.Time `json:"closed,omitzero"`
}

// List yields the last workflow of each organization: first those that run, then the others, the last
// one that ended first. A workflow before the last one is not in the list, also if only its outcome or
// its batch is that of the filter. The list may lack changes of the last seconds. An error is the last
// value.
func List(ctx context.Context, c client.Client, f Filter) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for e, err := range newest(ctx, c, f.query()) {
			if err != nil {
				yield(Listed{}, engineError("List", err))
				return
			}
			l := listed(e)
			if f.Outcome != "" && f.Outcome != l.Outcome || f.Batch != "" && f.Batch != l.Batch {
				continue
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// BatchListed is a batch in a list.
type BatchListed struct {
	// ID is the ID of the batch's workflow.
	ID string `json:"id"`

	// Run is the ID of its last run. Each page of the manifest is a run.
	Run string `json:"run"`

	// Status is that of Temporal, as in [Listed].
	Status string `json:"status"`

	// Started is the time of the batch's start.
	Started time.Time `json:"started,omitzero"`

	// Closed is the time of the batch's end; zero if it runs.
	Closed time.Time `json:"closed,omitzero"`
}

// ListBatches yields the batches: first those that run, then the others, the last one that ended first.
// A batch that was started again is in the list once. The list may lack changes of the last seconds. An
// error is the last value.
func ListBatches(ctx context.Context, c client.Client) iter.Seq2[BatchListed, error] {
	return func(yield func(BatchListed, error) bool) {
		for e, err := range newest(ctx, c, fmt.Sprintf("WorkflowType = %q", workflowBatch)) {
			if err != nil {
				yield(BatchListed{}, engineError("ListBatches", err))
				return
			}
			b := BatchListed{
				ID: e.GetExecution().GetWorkflowId(), Run: e.GetExecution().GetRunId(), Status: e.GetStatus().String(),
				Started: timeOf(e.GetStartTime()), Closed: timeOf(e.GetCloseTime()),
			}
			if started, err := time.Parse(time.RFC3339Nano, memoText(e, memoStarted)); err == nil {
				b.Started = started
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// newest yields the last run of each workflow of a query, which must not select an older run without
// the last one. Temporal lists the runs that have not ended first, and then the last one that ended
// first, so that the first run of a workflow is its last one.
func newest(ctx context.Context, c client.Client, query string) iter.Seq2[*workflowpb.WorkflowExecutionInfo, error] {
	return func(yield func(*workflowpb.WorkflowExecutionInfo, error) bool) {
		seen := map[[sha256.Size]byte]bool{} // the IDs of a million workflows need more memory
		request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 500}
		for {
			page, err := c.ListWorkflow(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range page.Executions {
				id := sha256.Sum256([]byte(e.GetExecution().GetWorkflowId()))
				if seen[id] {
					continue
				}
				seen[id] = true
				if !yield(e, nil) {
					return
				}
			}
			if request.NextPageToken = page.NextPageToken; len(request.NextPageToken) == 0 {
				return
			}
		}
	}
}

// listed returns a workflow of Temporal's list.
func listed(e *workflowpb.WorkflowExecutionInfo) Listed {
	attribute := func(name string) string { return keyword(e.GetSearchAttributes().GetIndexedFields()[name].GetData()) }
	l := Listed{
		ID: e.GetExecution().GetWorkflowId(), Provider: attribute(attributeProvider.GetName()), Batch: memoText(e, memoBatch),
		Outcome: attribute(attributeOutcome.GetName()), Status: e.GetStatus().String(),
		Started: timeOf(e.GetStartTime()), Closed: timeOf(e.GetCloseTime()),
	}
	if e.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		l.WaitingFor = WaitingFor(attribute(attributeWaitingFor.GetName()))
	}
	return l
}

// CheckNamespace checks that the namespace of a client has the search attributes Provider, Outcome and
// WaitingFor, of type Keyword. The error is [errors.InvalidArgument] and names those that are missing; a
// server that has added them may need a minute until it knows them. It is nil if the server refuses to
// answer, such as to a client that may only start workflows, and that of Temporal if the service fails.
func CheckNamespace(ctx context.Context, c client.Client) error {
	return checkNamespace(ctx, c)
}

// counter is the part of a client that counts workflows.
type counter interface {
	CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error)
}

// checkNamespace counts workflows by each search attribute, which the server refuses for one that it
// does not know. A list of the attributes would need the name of the namespace, which a client does not
// have, and the permission of an operator.
func checkNamespace(ctx context.Context, c counter) error {
	const operation = "CheckNamespace"
	var missing []string
	for _, a := range []temporal.SearchAttributeKeyKeyword{attributeProvider, attributeOutcome, attributeWaitingFor} {
		_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: a.GetName() + ` = "none"`})
		switch {
		case is[*serviceerror.InvalidArgument](err):
			missing = append(missing, a.GetName())
		case is[*serviceerror.PermissionDenied](err), is[*serviceerror.Unimplemented](err):
			return nil
		case err != nil:
			return engineError(operation, err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &errors.Error{Operation: operation, Code: errors.InvalidArgument, Err: fmt.Errorf(
		"the namespace lacks search attributes of type Keyword: %s", strings.Join(missing, ", "))}
}

// keyword returns the text of a search attribute, whose form is a JSON string or a list of one.
func keyword(data []byte) string {
	return strings.Trim(string(data), `[]"`)
}

// query returns the query of Temporal's list. It does not select by the outcome: the last workflow of
// an organization may have another one. A workflow that ended while it waited still has the attribute.
func (f Filter) query() string {
	all := []string{fmt.Sprintf("WorkflowType = %q", workflowOrganization)}
	add := func(name, value string) {
		if value != "" {
			all = append(all, fmt.Sprintf("%s = %q", name, value))
		}
	}
	add(attributeProvider.GetName(), f.Provider)
	add(attributeWaitingFor.GetName(), string(f.WaitingFor))
	if f.Running || f.WaitingFor != WaitingForNothing {
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
