package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// fakeStarter is a server that starts workflows, which end at once.
type fakeStarter struct {
	mu      sync.Mutex
	running map[string]bool // organizations whose workflows others have started
	runs    map[string]*workflowpb.WorkflowExecutionInfo
	starts  map[string]int        // successful ones, by organization
	ids     map[string]ids        // of the inputs, by organization
	fail    func(id string) error // the error of a start; nil for none
	after   func(s *fakeStarter)  // called after each start
	empty   bool                  // the namespace lacks search attributes
}

func (s *fakeStarter) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := args[0].(organizationInput); !slices.Contains([]string{"zitadel", "katapult"}, in.Provider) || in.Policy.Approvals != 1 || o.TaskQueue == "" {
		return nil, fmt.Errorf("got %+v in the queue %q", in, o.TaskQueue)
	}
	_, _, organization, err := ParseWorkflowID(o.ID)
	if err != nil {
		return nil, err
	}
	if s.running[organization] {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("it runs", "", "")
	}
	if s.fail != nil {
		if err := s.fail(organization); err != nil {
			return nil, err
		}
	}
	s.starts[organization]++
	s.ids[organization] = args[0].(organizationInput).Entry.IDs
	s.ran(o.ID, o.Memo[memoRun].(string))
	if s.after != nil {
		s.after(s)
	}
	return nil, nil
}

// ran records a run of a workflow that a run of a batch has started now.
func (s *fakeStarter) ran(id, batch string) {
	s.runs[id] = run(id, completed, time.Now(), nil, map[string]string{memoRun: batch})
}

// DescribeWorkflowExecution describes the last run of a workflow.
func (s *fakeStarter) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[id] == nil {
		return nil, serviceerror.NewNotFound("no workflow has the ID")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: s.runs[id]}, nil
}

func (s *fakeStarter) CountWorkflow(context.Context, *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	if s.empty {
		return nil, serviceerror.NewInvalidArgument("unknown search attribute")
	}
	return nil, nil
}

// batchFixture is a batch of n organizations of Zitadel, whose IDs are "1" to n.
type batchFixture struct {
	t        *testing.T
	starter  *fakeStarter
	memory   *memory
	config   Config
	manifest Manifest
	state    BatchState // after the batch, also if it failed
}

func newBatch(t *testing.T, n int) *batchFixture {
	t.Helper()
	s := &fakeStarter{starts: map[string]int{}, ids: map[string]ids{}, runs: map[string]*workflowpb.WorkflowExecutionInfo{}}
	m := &memory{blobs: map[string][]byte{}}
	open := openAt(zitadeltest.NewServer().Server, map[string]string{"ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token})
	f := &batchFixture{t: t, starter: s, memory: m, config: Config{Open: open, Store: m, Journal: m, record: confirmed, starter: s}}
	f.manifest.Policy.Approvals = 1
	for i := range n {
		f.manifest.Organizations = append(f.manifest.Organizations, Entry{Provider: "zitadel", Organization: fmt.Sprint(i + 1)})
	}
	return f
}

// openFails makes an organization fail to open, n times.
func (f *batchFixture) openFails(organization string, err error, n int) {
	open := f.config.Open
	var mu sync.Mutex
	f.config.Open = func(ctx context.Context, s offboard.Spec) (offboard.Organization, error) {
		mu.Lock()
		defer mu.Unlock()
		if s.Organization == organization && n > 0 {
			n--
			return offboard.Organization{}, err
		}
		return open(ctx, s)
	}
}

// run runs the batch to its end.
func (f *batchFixture) run() error {
	f.t.Helper()
	ref, err := PutManifest(f.t.Context(), f.memory, f.manifest)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.runRef(ref)
}

func (f *batchFixture) runRef(ref ManifestRef) error {
	f.t.Helper()
	in := batchInput{Manifest: ref}
	for {
		env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
		env.SetTestTimeout(time.Minute)
		if err := Register(env, f.config); err != nil {
			f.t.Fatal(err)
		}
		env.ExecuteWorkflow(workflowBatch, in)
		value, err := env.QueryWorkflow(queryState)
		if err == nil {
			err = value.Get(&f.state)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		err = env.GetWorkflowError()
		next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
		if !ok {
			return err
		}
		if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
			f.t.Fatal(err)
		}
	}
}

// page runs one attempt of the first page, which change may change.
func (f *batchFixture) page(change func(context.Context, *pageStart) context.Context) (r pageResult, err error) {
	f.t.Helper()
	f.config.Heartbeat, f.config.Logger = defaultHeartbeat, slog.New(slog.DiscardHandler)
	a := &activities{config: f.config}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(leased(a, func(ctx context.Context, l *lease, _ pageInput) (pageResult, error) {
		s := &pageStart{activities: a, lease: l, attempt: 1, starter: f.starter, ids: map[string]bool{}}
		return s.run(change(ctx, s), Ref{}, &f.manifest)
	}), activity.RegisterOptions{Name: activityPage})
	value, err := env.ExecuteActivity(activityPage, pageInput{})
	if err == nil {
		err = value.Get(&r)
	}
	return r, err
}

// expect checks the state of the batch, and that no organization was started twice.
func (f *batchFixture) expect(want BatchState) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.state); diff != "" {
		f.t.Errorf("(-want +got):\n%s", diff)
	}
	for organization, n := range f.starter.starts {
		if n > 1 {
			f.t.Errorf("organization %s was started %d times", organization, n)
		}
	}
	if n := len(f.starter.starts); n != want.Started {
		f.t.Errorf("%d organizations were started", n)
	}
}

// A batch starts one workflow for each organization, page by page. Workflows that run already
// continue.
func TestBatch_Pages(t *testing.T) {
	t.Parallel()
	f := newBatch(t, PageSize+20)
	f.starter.running = map[string]bool{"5": true, "260": true}
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.expect(BatchState{Organizations: PageSize + 20, Started: PageSize + 18, Running: 2})
	for id := range f.starter.runs {
		if !strings.HasPrefix(id, "offboard/zitadel/https:%2F%2F") {
			t.Fatalf("got the ID %s", id)
		}
	}
}

// The input of a batch does not grow with its manifest.
func TestBatch_InputSize(t *testing.T) {
	t.Parallel()
	sizes := map[int]int{}
	for _, n := range []int{1, 20 * PageSize} {
		ref, err := PutManifest(t.Context(), &memory{blobs: map[string][]byte{}}, newBatch(t, n).manifest)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(ref)
		if err != nil {
			t.Fatal(err)
		}
		sizes[n] = len(text)
	}
	if sizes[20*PageSize] > sizes[1]+10 {
		t.Errorf("got the sizes %v", sizes)
	}
}

// An organization that cannot be started does not stop the others, of its page and of the next ones.
func TestBatch_Failures(t *testing.T) {
	t.Parallel()
	f := newBatch(t, PageSize+20)
	f.openFails("3", &errors.Error{Code: errors.Unauthenticated}, 1000)
	f.starter.fail = func(organization string) error {
		if organization == "7" || organization == "260" {
			return serviceerror.NewInvalidArgument("the ID is too long")
		}
		return nil
	}
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.expect(BatchState{Organizations: PageSize + 20, Started: PageSize + 17, Failed: 3, Failures: []BatchFailure{
		{3, "3", errors.Unauthenticated}, {7, "7", errors.InvalidArgument}, {260, "260", errors.InvalidArgument},
	}})
}

// A batch keeps few failures, because its history has them.
func TestBatch_ManyFailures(t *testing.T) {
	t.Parallel()
	f := newBatch(t, PageSize+20)
	f.starter.fail = func(string) error { return serviceerror.NewInvalidArgument("refused") }
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	if f.state.Failed != PageSize+20 || len(f.state.Failures) != maxFailures || f.state.Failures[19].Entry != 20 {
		t.Errorf("got %+v", f.state)
	}
}

// The server refuses all organizations: the batch fails.
func TestBatch_Refused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refusal error
		empty   bool
		want    errors.Code
	}{
		"search attributes": {serviceerror.NewInvalidArgument("unknown search attribute"), true, errors.InvalidArgument},
		"permission":        {serviceerror.NewPermissionDenied("no", ""), false, errors.PermissionDenied},
	} {
		f := newBatch(t, 20)
		f.starter.empty, f.starter.fail = test.empty, func(string) error { return test.refusal }
		err := f.run()
		if code := failureCode(err); code != test.want {
			t.Errorf("%s: got %v", name, err)
		}
		f.expect(BatchState{Organizations: 20})
	}
}

// An error that another attempt may not have is not a failure. The attempt starts nothing again: the
// workflows that the batch has started have ended, one of them after another batch has started it again.
func TestBatch_Repeated(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(*batchFixture){
		"retryable error of Open":    func(f *batchFixture) { f.openFails("7", &errors.Error{Code: errors.Unavailable}, 2) },
		"error of Open without code": func(f *batchFixture) { f.openFails("7", errors.New("the vault is sealed"), 2) },
		"error of the server": func(f *batchFixture) {
			n := 2
			f.starter.fail = func(organization string) error {
				if n--; n < 0 || organization != "7" {
					n++
					return nil
				}
				return serviceerror.NewUnavailable("the server restarts")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newBatch(t, 20)
			fails(f)
			f.starter.after = func(s *fakeStarter) {
				for id := range s.runs {
					if strings.HasSuffix(id, "/3") {
						s.ran(id, "another")
					}
				}
			}
			if err := f.run(); err != nil {
				t.Fatal(err)
			}
			if f.state.Started+f.state.Running != 20 || f.state.Running != 1 {
				t.Errorf("got %+v", f.state)
			}
			f.state.Started, f.state.Running = 20, 0
			f.expect(BatchState{Organizations: 20, Started: 20})
		})
	}
}

// An organization fails if an hour of attempts has not started it.
func TestBatch_LastAttempt(t *testing.T) {
	t.Parallel()
	f := newBatch(t, 20)
	f.openFails("7", errors.New("the vault is sealed"), 1000)
	got, err := f.page(func(ctx context.Context, s *pageStart) context.Context {
		s.attempt = maxPageAttempts
		return ctx
	})
	if diff := cmp.Diff(pageResult{Started: 19, Failed: 1, Failures: []BatchFailure{{7, "7", errors.Unavailable}}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// The manifest has an organization twice, and only the worker knows it.
func TestBatch_SameOrganization(t *testing.T) {
	t.Parallel()
	f := newBatch(t, 0)
	f.manifest.Organizations = []Entry{
		{Provider: "zitadel", Organization: "1", BaseURL: "https://a.example"}, {Provider: "zitadel", Organization: "1", BaseURL: "https://b.example"},
	}
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.expect(BatchState{Organizations: 2, Started: 1, Failed: 1, Failures: []BatchFailure{{2, "1", errors.Conflict}}})
}

// What a manifest names by a subdomain or a slug has one workflow, that of its ID. The lists are resolved, too.
func TestBatch_Names(t *testing.T) {
	t.Parallel()
	f := newBatch(t, 0)
	k := katapulttest.NewServer()
	k.AddOrganization(katapulttest.Organization{ID: "org_a", Name: "A", Subdomain: "acme"})
	k.AddOrganization(katapulttest.Organization{ID: "org_b", Name: "B", Subdomain: "beta"})
	f.config.Open = openAt(k.Server, map[string]string{"KATAPULT_API_KEY": katapulttest.Token})
	f.manifest.Organizations = []Entry{
		{Provider: "katapult", Organization: "acme"}, {Provider: "katapult", Organization: "org_a"}, {Provider: "katapult", Organization: "missing"},
	}
	f.manifest.Deny = []string{"beta", "org_c", "nothing"}
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.expect(BatchState{Organizations: 3, Started: 2, Failed: 1, Failures: []BatchFailure{{2, "org_a", errors.Conflict}}})
	want := map[string]ids{"org_a": {Organization: "org_a", Deny: []string{"org_b"}}, "missing": {Deny: []string{"org_b"}}}
	if diff := cmp.Diff(want, f.starter.ids); diff != "" {
		t.Errorf("IDs (-want +got):\n%s", diff)
	}
}

// A store without the manifest fails the batch.
func TestBatch_MissingManifest(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*batchFixture{"index": newBatch(t, 20), "page": newBatch(t, 20)} {
		ref, err := PutManifest(t.Context(), f.memory, f.manifest)
		if err != nil {
			t.Fatal(err)
		}
		for key := range f.memory.blobs {
			if (key == ref.Index.Key) == (name == "index") {
				delete(f.memory.blobs, key)
			}
		}
		if err := f.runRef(ref); failureCode(err) != errors.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// An activity that is canceled finishes the starts in flight, starts nothing more, and returns what it has
// started.
func TestBatch_Canceled(t *testing.T) {
	t.Parallel()
	f := newBatch(t, PageSize)
	got, err := f.page(func(ctx context.Context, _ *pageStart) context.Context {
		ctx, cancel := context.WithCancelCause(ctx)
		f.starter.after = func(s *fakeStarter) {
			if len(s.starts) == 20 {
				cancel(temporal.NewCanceledError())
			}
		}
		return ctx
	})
	n := len(f.starter.starts)
	if diff := cmp.Diff(pageResult{Started: n, Canceled: true}, got); diff != "" || err != nil || n < 20 || n > 20+maxStarts {
		t.Errorf("%d organizations were started, %v (-want +got):\n%s", n, err, diff)
	}
}

// Another worker continues if the lease is lost, or if the worker ends.
func TestBatch_WorkerEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.CancelCauseFunc, *pageStart){
		"lease lost": func(_ context.CancelCauseFunc, s *pageStart) {
			s.lease.note(time.Now(), serviceerror.NewNotFound("ended"))
		},
		"worker ends": func(cancel context.CancelCauseFunc, _ *pageStart) { cancel(worker.ErrWorkerShutdown) },
	} {
		f := newBatch(t, PageSize)
		got, err := f.page(func(ctx context.Context, p *pageStart) context.Context {
			ctx, cancel := context.WithCancelCause(ctx)
			f.starter.after = func(s *fakeStarter) {
				if len(s.starts) == 20 {
					end(cancel, p)
				}
			}
			return ctx
		})
		n := len(f.starter.starts)
		if diff := cmp.Diff(pageResult{}, got); diff != "" || err == nil || n < 20 || n > 20+maxStarts {
			t.Errorf("%s: %d organizations were started, %v (-want +got):\n%s", name, n, err, diff)
		}
	}
}
