//go:build unix

package system

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
)

// A server refuses search attributes that a namespace lacks.
func TestCheckNamespace_Server(t *testing.T) {
	s := newSystem(t, "sqlite")
	if err := fleet.CheckNamespace(t.Context(), s.client); err != nil {
		t.Error(err)
	}
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: s.server.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	err = namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: "empty", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := client.DialContext(context.Background(), client.Options{HostPort: s.server.Address(), Namespace: "empty"})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	eventually(t, time.Minute, "the server knows the namespace", func() bool {
		err = fleet.CheckNamespace(t.Context(), empty)
		return !errors.Is(err, errors.NotFound)
	})
	if !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}

// slowStarts delays the start of workflows.
type slowStarts struct {
	interceptor.ClientInterceptorBase
	started atomic.Int32
}

func (i *slowStarts) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &slowOutbound{interceptor.ClientOutboundInterceptorBase{Next: next}, i}
}

type slowOutbound struct {
	interceptor.ClientOutboundInterceptorBase
	starts *slowStarts
}

func (o *slowOutbound) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	time.Sleep(200 * time.Millisecond)
	run, err := o.Next.ExecuteWorkflow(ctx, in)
	if err == nil {
		o.starts.started.Add(1)
	}
	return run, err
}

// A batch that is canceled in a page ends after the starts in flight, and knows how many it has started.
func TestBatch_Canceled(t *testing.T) {
	s := newSystem(t, "sqlite")
	starts := &slowStarts{}
	c, err := client.DialContext(context.Background(), client.Options{
		HostPort: s.server.Address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)), Interceptors: []interceptor.ClientInterceptor{starts},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, fleet.DefaultQueue, worker.Options{})
	clients := offboard.NewClients(offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }))
	if err := fleet.Register(w, fleet.Config{Open: clients.Open, Store: s.store, Journal: s.journal}); err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)

	url, _ := newKatapult(t, 0).Endpoint()
	m := fleet.Manifest{Policy: fleet.Policy{Approvals: 1}}
	for n := range fleet.PageSize + 1 {
		m.Organizations = append(m.Organizations, fleet.Entry{Provider: "katapult", Organization: fmt.Sprintf("org_%d", n), BaseURL: url})
	}
	ref, err := fleet.PutManifest(t.Context(), s.store, m)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := fleet.Start(t.Context(), s.client, ref)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "some are started", func() bool { return starts.started.Load() >= 16 })
	if err := fleet.Cancel(t.Context(), s.client, batch.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.client.GetWorkflow(t.Context(), batch.ID, "").Get(t.Context(), nil); !temporal.IsCanceledError(err) {
		t.Errorf("got %v", err)
	}
	n := int(starts.started.Load())
	state, err := fleet.BatchStatus(t.Context(), s.client, batch.ID)
	if err != nil || state.Status != "Canceled" || state.Closed.IsZero() || state.Started != n || n > 120 {
		t.Errorf("%d are started, got %+v, %v", n, state, err)
	}
	for b, err := range fleet.ListBatches(t.Context(), s.client) {
		if err != nil || b.ID != batch.ID || b.Started.IsZero() {
			t.Errorf("got %+v, %v", b, err)
		}
	}
}
