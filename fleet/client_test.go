package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
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

func TestList_Pages(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)
	running, ended := WorkflowID("zitadel", "https://a.example", "1"), WorkflowID("atlas", "https://b.example", "2")
	payload := func(text string) *commonpb.Payload { return &commonpb.Payload{Data: []byte(text)} }
	c := &listClient{workflows: []*workflowpb.WorkflowExecutionInfo{
		{
			Execution: &commonpb.WorkflowExecution{WorkflowId: running}, Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(start),
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"Provider": payload(`"zitadel"`), "WaitingFor": payload(`["approval"]`)}},
		},
		{
			Execution: &commonpb.WorkflowExecution{WorkflowId: ended}, Status: enums.WORKFLOW_EXECUTION_STATUS_COMPLETED,
			StartTime: timestamppb.New(start.Add(-time.Hour)), CloseTime: timestamppb.New(start),
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"Outcome": payload(`"deleted"`)}},
		},
		{},
	}}
	var got []Listed
	for l, err := range List(t.Context(), c, Filter{Provider: `a"b`, Outcome: "deleted", WaitingFor: WaitingForApproval, Running: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	want := []Listed{
		{ID: running, Provider: "zitadel", WaitingFor: WaitingForApproval, Status: "Running", Started: start},
		{ID: ended, Outcome: "deleted", Status: "Completed", Started: start.Add(-time.Hour), Closed: start},
		{Status: "Unspecified"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const query = `WorkflowType = "offboard.Organization" AND Provider = "a\"b" AND Outcome = "deleted" AND WaitingFor = "approval" AND ExecutionStatus = "Running"`
	if diff := cmp.Diff([]string{query, query, query}, c.queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
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
