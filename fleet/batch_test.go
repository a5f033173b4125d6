package fleet

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// fakeStarter is a server that starts workflows.
type fakeStarter struct {
	mu      sync.Mutex
	running map[string]bool // workflows that others have started
	memos   map[string]map[string]any
	starts  map[string]int // successful ones, by ID
	fails   int            // number of calls that fail
}

func (s *fakeStarter) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := args[0].(organizationInput); in.Provider != "zitadel" || in.Policy.Approvals != 1 || o.TaskQueue == "" {
		return nil, fmt.Errorf("got %+v in the queue %q", in, o.TaskQueue)
	}
	switch {
	case s.running[o.ID]:
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("it runs", "", "")
	case s.fails > 0 && strings.HasSuffix(o.ID, "/7"):
		s.fails--
		return nil, serviceerror.NewUnavailable("the server restarts")
	}
	s.starts[o.ID]++
	s.memos[o.ID] = o.Memo
	return nil, nil
}

// DescribeWorkflowExecution describes workflows that have ended, or run.
func (s *fakeStarter) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starts[id] == 0 && !s.running[id] {
		return nil, serviceerror.NewNotFound("no workflow has the ID")
	}
	fields := map[string]*commonpb.Payload{}
	for name, value := range s.memos[id] {
		payload, err := converter.GetDefaultDataConverter().ToPayload(value)
		if err != nil {
			return nil, err
		}
		fields[name] = payload
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Memo: &commonpb.Memo{Fields: fields}},
	}, nil
}

// runBatch runs a batch of n organizations at a server to its end.
func runBatch(t *testing.T, s *fakeStarter, n int) BatchState {
	t.Helper()
	s.starts, s.memos = map[string]int{}, map[string]map[string]any{}
	m := &memory{blobs: map[string][]byte{}}
	srv := zitadeltest.NewServer()
	config := Config{Open: openAt(srv.Server, map[string]string{"ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token, "ZITADEL_API_URL": "https://fake.invalid"}), Store: m, Journal: m, record: confirmed, starter: s}
	manifest := Manifest{Policy: Policy{Approvals: 1}}
	for i := range n {
		manifest.Organizations = append(manifest.Organizations, Entry{Provider: "zitadel", Organization: fmt.Sprint(i + 1)})
	}
	ref, err := PutManifest(t.Context(), m, manifest)
	if err != nil {
		t.Fatal(err)
	}
	in := batchInput{Manifest: ref}
	for {
		env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
		if err := Register(env, config); err != nil {
			t.Fatal(err)
		}
		env.ExecuteWorkflow(workflowBatch, in)
		err := env.GetWorkflowError()
		if next, ok := errors.AsType[*workflow.ContinueAsNewError](err); ok {
			if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var state BatchState
		if err == nil {
			err = env.GetWorkflowResult(&state)
		}
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
}

// A batch starts one workflow for each organization, page by page. Workflows that run already
// continue.
func TestBatch_Pages(t *testing.T) {
	t.Parallel()
	running := map[string]bool{}
	for _, organization := range []string{"5", "260"} {
		url, _ := zitadeltest.NewServer().Endpoint()
		running[WorkflowID("zitadel", url, organization)] = true
	}
	s := &fakeStarter{running: running}
	state := runBatch(t, s, PageSize+20)
	if diff := cmp.Diff(BatchState{Organizations: PageSize + 20, Started: PageSize + 18, Running: 2}, state); diff != "" || len(s.starts) != PageSize+18 {
		t.Errorf("%d started (-want +got):\n%s", len(s.starts), diff)
	}
	for id := range s.starts {
		if !strings.HasPrefix(id, "offboard/zitadel/https:%2F%2F") {
			t.Fatalf("got the ID %s", id)
		}
	}
}

// The activity that starts workflows is attempted again. The workflows that it has started may have
// ended in the meantime: none is started twice.
func TestBatch_Repeated(t *testing.T) {
	t.Parallel()
	s := &fakeStarter{fails: 2}
	state := runBatch(t, s, 20)
	if diff := cmp.Diff(BatchState{Organizations: 20, Started: 20}, state); diff != "" || s.fails > 0 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for id, n := range s.starts {
		if n != 1 {
			t.Errorf("%s was started %d times", id, n)
		}
	}
}
