package fleet

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/offboard-dev/offboard-go/errors"
)

// listClient is a client with one workflow on each page of its list.
type listClient struct {
	client.Client
	queries   []string
	workflows []*workflowpb.WorkflowExecutionInfo
}

func (c *listClient) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	c.queries = append(c.queries, r.GetQuery())
	n := len(r.GetNextPageToken())
	answer := &workflowservice.ListWorkflowExecutionsResponse{Executions: c.workflows[n : n+1]}
	if n+1 < len(c.workflows) {
		answer.NextPageToken = make([]byte, n+1)
	}
	return answer, nil
}

// run returns a run of a workflow as Temporal lists it, with search attributes and memos by name.
func run(id string, status enums.WorkflowExecutionStatus, started time.Time, attributes, memos map[string]string) *workflowpb.WorkflowExecutionInfo {
	e := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: started.Format(time.TimeOnly)}, Status: status, StartTime: timestamppb.New(started),
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{}}, Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{}},
	}
	if status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		e.CloseTime = timestamppb.New(started.Add(time.Minute))
	}
	for name, value := range attributes {
		e.SearchAttributes.IndexedFields[name] = &commonpb.Payload{Data: []byte(value)}
	}
	for name, value := range memos {
		e.Memo.Fields[name], _ = converter.GetDefaultDataConverter().ToPayload(value)
	}
	return e
}

const (
	running   = enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	completed = enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	canceled  = enums.WORKFLOW_EXECUTION_STATUS_CANCELED
	failed    = enums.WORKFLOW_EXECUTION_STATUS_FAILED
)

// The list has the last run of each workflow. The workflow "again" has run before, with other outcomes
// and batches, and "canceled" ended while it waited.
func TestList_LastRuns(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)
	deleted, blocked := map[string]string{"Outcome": `"deleted"`}, map[string]string{"Outcome": `["blocked"]`}
	first, second := map[string]string{memoBatch: "first"}, map[string]string{memoBatch: "second"}
	waiting := map[string]string{"Provider": `"zitadel"`, "WaitingFor": `["approval"]`}
	c := &listClient{workflows: []*workflowpb.WorkflowExecutionInfo{
		run("waits", running, start, waiting, first),
		run("again", completed, start, blocked, second),
		run("canceled", canceled, start, waiting, first),
		run("again", completed, start.Add(-time.Hour), deleted, first),
		run("other", completed, start.Add(-time.Hour), deleted, first),
		run("waits", completed, start.Add(-2*time.Hour), blocked, second),
	}}
	all := []Listed{
		{ID: "waits", Provider: "zitadel", Batch: "first", WaitingFor: WaitingForApproval, Status: "Running", Started: start},
		{ID: "again", Outcome: "blocked", Batch: "second", Status: "Completed", Started: start, Closed: start.Add(time.Minute)},
		{ID: "canceled", Provider: "zitadel", Batch: "first", Status: "Canceled", Started: start, Closed: start.Add(time.Minute)},
		{ID: "other", Outcome: "deleted", Batch: "first", Status: "Completed", Started: start.Add(-time.Hour), Closed: start.Add(-59 * time.Minute)},
	}
	const organizations = `WorkflowType = "offboard.Organization"`
	for _, test := range []struct {
		filter Filter
		query  string
		want   []Listed
	}{
		{Filter{}, organizations, all},
		{Filter{Outcome: "deleted"}, organizations, all[3:]},
		{Filter{Batch: "first"}, organizations, []Listed{all[0], all[2], all[3]}},
		{Filter{Batch: "second", Outcome: "blocked"}, organizations, all[1:2]},
		{Filter{Provider: `a"b`, Running: true}, organizations + ` AND Provider = "a\"b" AND ExecutionStatus = "Running"`, all},
		{Filter{WaitingFor: WaitingForApproval}, organizations + ` AND WaitingFor = "approval" AND ExecutionStatus = "Running"`, all},
	} {
		c.queries = nil
		var got []Listed
		for l, err := range List(t.Context(), c, test.filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.filter, diff)
		}
		if diff := cmp.Diff(slices.Repeat([]string{test.query}, len(c.workflows)), c.queries); diff != "" {
			t.Errorf("%+v: queries (-want +got):\n%s", test.filter, diff)
		}
	}
}

// A batch is in the list once, with the time at which its first run started.
func TestListBatches_LastRuns(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)
	c := &listClient{workflows: []*workflowpb.WorkflowExecutionInfo{
		run("a", running, start.Add(time.Hour), nil, map[string]string{memoStarted: start.Format(time.RFC3339Nano)}),
		run("b", failed, start, nil, nil),
		run("a", enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, start, nil, nil),
	}}
	var got []BatchListed
	for b, err := range ListBatches(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
	}
	want := []BatchListed{
		{ID: "a", Run: "13:00:00", Status: "Running", Started: start},
		{ID: "b", Run: "12:00:00", Status: "Failed", Started: start, Closed: start.Add(time.Minute)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// failure returns the error of a workflow whose activity failed with a type.
func failure(t *testing.T, name string) error {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(func(context.Context) error {
		return temporal.NewNonRetryableApplicationError("failed", name, nil)
	}, activity.RegisterOptions{Name: activityPlan})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(ctx, activityPlan).Get(ctx, nil)
	})
	return env.GetWorkflowError()
}

// The state of a workflow that failed has the code of its error.
func TestStatus_Failed(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]errors.Code{"permission_denied": errors.PermissionDenied, "LeaseLost": ""} {
		c := &statusClient{info: run("w", failed, start, nil, nil), state: State{}, err: failure(t, name)}
		s, err := Status(t.Context(), c, "w")
		if err != nil || s.Code != want || s.Status != "Failed" {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
		c.state = BatchState{Started: 3}
		b, err := BatchStatus(t.Context(), c, "w")
		if diff := cmp.Diff(BatchState{Started: 3, Status: "Failed", Code: want, Closed: start.Add(time.Minute)}, b); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if diff := cmp.Diff(slices.Repeat([]string{"12:00:00"}, 4), c.runs); diff != "" {
			t.Errorf("%s: runs (-want +got):\n%s", name, diff)
		}
	}
	c := &statusClient{info: run("w", failed, start, nil, nil), err: serviceerror.NewUnavailable("the server restarts")}
	if _, err := Status(t.Context(), c, "w"); !errors.Is(err, errors.Unavailable) {
		t.Errorf("got %v", err)
	}
}

// countClient is a client of a namespace that refuses queries.
type countClient struct {
	client.Client
	errs map[string]error // by query
}

func (c countClient) CountWorkflow(_ context.Context, r *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	return nil, c.errs[r.GetQuery()]
}

func TestCheckNamespace_Attributes(t *testing.T) {
	t.Parallel()
	unknown := serviceerror.NewInvalidArgument("invalid query: column name is not defined")
	for name, test := range map[string]struct {
		errs map[string]error
		code errors.Code
		text string
	}{
		"all":     {nil, "", ""},
		"missing": {map[string]error{`Provider = "none"`: unknown, `WaitingFor = "none"`: unknown}, errors.InvalidArgument, "the namespace lacks search attributes of type Keyword: Provider, WaitingFor"},
		"refused": {map[string]error{`Provider = "none"`: serviceerror.NewPermissionDenied("no", "")}, "", ""},
		"old":     {map[string]error{`Provider = "none"`: serviceerror.NewUnimplemented("no")}, "", ""},
		"down":    {map[string]error{`Outcome = "none"`: serviceerror.NewUnavailable("the server restarts")}, errors.Unavailable, "the server restarts"},
	} {
		err := CheckNamespace(t.Context(), countClient{errs: test.errs})
		e, _ := errors.AsType[*errors.Error](err)
		if test.code == "" && err == nil || e != nil && e.Code == test.code && e.Err.Error() == test.text {
			continue
		}
		t.Errorf("%s: got %v", name, err)
	}
}

// statusClient is a client with one workflow, and its state and error.
type statusClient struct {
	client.Client
	info  *workflowpb.WorkflowExecutionInfo
	state any
	err   error
	runs  []string // of the requests
}

func (c *statusClient) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: c.info}, nil
}

func (c *statusClient) QueryWorkflow(_ context.Context, _, run, _ string, _ ...any) (converter.EncodedValue, error) {
	c.runs = append(c.runs, run)
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(c.state)
	return client.NewValue(payloads), err
}

func (c *statusClient) GetWorkflow(_ context.Context, _, run string) client.WorkflowRun {
	c.runs = append(c.runs, run)
	return failedRun{err: c.err}
}

type failedRun struct {
	client.WorkflowRun
	err error
}

func (r failedRun) Get(context.Context, any) error { return r.err }

// The state of a workflow that has ended has its end, and waits for nothing.
func TestStatus_Ended(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)
	end := start.Add(time.Minute)
	waiting := State{ID: "w", WaitingFor: WaitingForApproval, Since: start}
	for name, test := range map[string]struct {
		status enums.WorkflowExecutionStatus
		want   State
	}{
		"running":  {running, State{ID: "w", WaitingFor: WaitingForApproval, Since: start, Status: "Running"}},
		"canceled": {canceled, State{ID: "w", Status: "Canceled", Closed: end}},
	} {
		c := &statusClient{info: run("w", test.status, start, nil, nil), state: waiting}
		got, err := Status(t.Context(), c, "w")
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if diff := cmp.Diff([]string{"12:00:00"}, c.runs); diff != "" {
			t.Errorf("%s: runs (-want +got):\n%s", name, diff)
		}
	}
}

// endClient is a client with one workflow, which updates do not find after its end.
type endClient struct {
	client.Client
	info     *workflowpb.WorkflowExecutionInfo // nil for no workflow
	canceled int
}

func (c *endClient) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if c.info == nil {
		return nil, serviceerror.NewNotFound("workflow not found")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: c.info}, nil
}

func (c *endClient) CancelWorkflow(context.Context, string, string) error {
	c.canceled++
	return nil
}

func (*endClient) UpdateWorkflow(context.Context, client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	return nil, serviceerror.NewNotFound("workflow execution already completed")
}

// The server accepts the cancellation of a workflow that has ended, and answers a decision about it
// as if it did not exist. The errors state how it ended.
func TestClient_WorkflowEnded(t *testing.T) {
	t.Parallel()
	id := WorkflowID("atlas", "https://a.example", "1")
	info := func(status enums.WorkflowExecutionStatus, outcome string) *workflowpb.WorkflowExecutionInfo {
		return &workflowpb.WorkflowExecutionInfo{Status: status, SearchAttributes: &commonpb.SearchAttributes{
			IndexedFields: map[string]*commonpb.Payload{"Outcome": {Data: []byte(outcome)}},
		}}
	}
	for _, test := range []struct {
		info *workflowpb.WorkflowExecutionInfo
		code errors.Code
		text string
	}{
		{nil, errors.NotFound, "workflow not found"},
		{info(enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, `"blocked"`), errors.Conflict, "the workflow has ended: its status is Completed, and its outcome is blocked"},
		{info(enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, ""), errors.Conflict, "the workflow has ended: its status is Terminated"},
	} {
		c := &endClient{info: test.info}
		_, approve := Approve(t.Context(), c, id, Approval{By: "ada"})
		_, deny := Deny(t.Context(), c, id, Approval{By: "ada"})
		for operation, err := range map[string]error{"Approve": approve, "Deny": deny, "Cancel": Cancel(t.Context(), c, id)} {
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Operation != operation || e.Code != test.code || e.Err.Error() != test.text || c.canceled > 0 {
				t.Errorf("got %v, want %s and %q", err, test.code, test.text)
			}
		}
	}
}

func TestCancel_Running(t *testing.T) {
	t.Parallel()
	c := &endClient{info: &workflowpb.WorkflowExecutionInfo{Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING}}
	for n, id := range []string{WorkflowID("atlas", "", "1"), batchPrefix + "d"} {
		if err := Cancel(t.Context(), c, id); err != nil || c.canceled != n+1 {
			t.Errorf("%s: got %v", id, err)
		}
	}
	if err := Cancel(t.Context(), c, "a-workflow-of-another-program"); !errors.Is(err, errors.InvalidArgument) || c.canceled != 2 {
		t.Errorf("got %v", err)
	}
}
