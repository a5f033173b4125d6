package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"
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
