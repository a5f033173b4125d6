package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offboard-dev/offboard-go/fleet/dev/engine"
	"github.com/offboard-dev/offboard-go/fleet/dev/enginetest"
	"github.com/offboard-dev/offboard-go/internal/postgrestest"
)

// lookups counts the requests to name servers of all tests. No request is sent.
var lookups atomic.Int32

func TestMain(m *testing.M) {
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			lookups.Add(1)
			return nil, errors.New("no network in tests")
		},
	}
	enginetest.Main(m)
}

const queue = "hello"

// hello greets in an activity, and ends after the signal "continue".
func hello(ctx workflow.Context, name string) (string, error) {
	if err := workflow.UpsertTypedSearchAttributes(ctx,
		temporal.NewSearchAttributeKeyKeyword("Provider").ValueSet("atlas"),
		temporal.NewSearchAttributeKeyKeyword("Outcome").ValueSet("pending"),
		temporal.NewSearchAttributeKeyKeyword("WaitingFor").ValueSet("signal"),
	); err != nil {
		return "", err
	}
	var greeting string
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	if err := workflow.ExecuteActivity(ctx, greet, name).Get(ctx, &greeting); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "continue").Receive(ctx, nil)
	return greeting, nil
}

func greet(_ context.Context, name string) (string, error) { return "Hello " + name, nil }

// bounded returns a context that ends before the test's deadline.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, cfg engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.Start(bounded(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// connect returns a client, and runs a worker until the test ends.
func connect(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(hello)
	w.RegisterActivity(greet)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return c
}

// quiet discards the SDK's logs.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

var _ log.Logger = quiet{}

// startHello starts the workflow, and returns when its activity has completed.
func startHello(t *testing.T, c client.Client) client.WorkflowRun {
	t.Helper()
	ctx := bounded(t)
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: queue}, hello, "Temporal")
	if err != nil {
		t.Fatal(err)
	}
	events := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
			return run
		}
	}
	t.Fatal("the workflow ended before its activity completed")
	return nil
}

// finishHello sends the signal, and checks the result.
func finishHello(t *testing.T, c client.Client, id, runID string) {
	t.Helper()
	ctx := bounded(t)
	if err := c.SignalWorkflow(ctx, id, runID, "continue", nil); err != nil {
		t.Fatal(err)
	}
	var greeting string
	if err := c.GetWorkflow(ctx, id, runID).Get(ctx, &greeting); err != nil {
		t.Fatal(err)
	}
	if greeting != "Hello Temporal" {
		t.Errorf("got the result %q", greeting)
	}
}

// find returns when a query finds the workflow. The server updates visibility asynchronously.
func find(t *testing.T, c client.Client, id string) {
	t.Helper()
	ctx := bounded(t)
	query := fmt.Sprintf(`Provider = "atlas" AND Outcome = "pending" AND WaitingFor = "signal" AND WorkflowId = %q`, id)
	for {
		list, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.GetExecutions()) == 1 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("found %d workflows", len(list.GetExecutions()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestStart runs a workflow with each store. A second engine on the same store resumes it.
func TestStart(t *testing.T) {
	t.Parallel()
	for name, config := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			first := start(t, cfg)
			c := connect(t, first.Address())

			ns, err := c.WorkflowService().DescribeNamespace(bounded(t), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
			if err != nil {
				t.Fatal(err)
			}
			if ttl := ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); ttl != 7*24*time.Hour {
				t.Errorf("got a retention of %v", ttl)
			}
			run := startHello(t, c)
			find(t, c, run.GetID())
			if name == "memory" {
				finishHello(t, c, run.GetID(), run.GetRunID())
				return
			}

			if err := first.Stop(); err != nil {
				t.Fatal(err)
			}
			second := connect(t, start(t, cfg).Address())
			find(t, second, run.GetID())
			finishHello(t, second, run.GetID(), run.GetRunID())
		})
	}
}

// TestServer_Killed kills the server's process while a workflow runs. The client and the worker
// stay connected to the address, and the workflow completes after the restart.
func TestServer_Killed(t *testing.T) {
	t.Parallel()
	for name, config := range stores() {
		if name == "memory" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			server := enginetest.Spawn(t, "-sqlite", cfg.SQLite, "-postgres", cfg.Postgres)
			address := server.Address()
			c := connect(t, address)
			run := startHello(t, c)
			server.Restart()
			if server.Address() != address {
				t.Fatalf("got the address %s after %s", server.Address(), address)
			}
			finishHello(t, c, run.GetID(), run.GetRunID())
		})
	}
}

// stores returns a configuration for each store.
func stores() map[string]func(*testing.T) engine.Config {
	return map[string]func(*testing.T) engine.Config{
		"memory": func(*testing.T) engine.Config { return engine.Config{} },
		"SQLite": func(t *testing.T) engine.Config {
			return engine.Config{SQLite: filepath.Join(t.TempDir(), "a%20name?.db")}
		},
		"Postgres": func(t *testing.T) engine.Config {
			return engine.Config{Postgres: postgrestest.StartFor(t).DataSource("temporal")}
		},
	}
}

// TestStart_Offline checks that a server looks up no host. The server's check for new versions,
// which needs a lookup, would start before the server is ready.
func TestStart_Offline(t *testing.T) {
	t.Parallel()
	e := start(t, engine.Config{})
	c := connect(t, e.Address())
	run := startHello(t, c)
	finishHello(t, c, run.GetID(), run.GetRunID())
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := lookups.Load(); n > 0 {
		t.Errorf("the server or its client looked up %d hosts", n)
	}
}

// TestStart_SeparateMemory starts two engines in the process: each has its own workflows.
func TestStart_SeparateMemory(t *testing.T) {
	t.Parallel()
	first, second := start(t, engine.Config{}), start(t, engine.Config{})
	run := startHello(t, connect(t, first.Address()))
	_, err := connect(t, second.Address()).DescribeWorkflowExecution(bounded(t), run.GetID(), run.GetRunID())
	if err == nil {
		t.Error("the second engine knows the workflow of the first")
	}
}

func TestStart_InvalidConfig(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // after the parallel subtests
	for name, cfg := range map[string]engine.Config{
		"two stores":       {SQLite: "file", Postgres: "dbname=a"},
		"negative port":    {Port: -1},
		"port in use":      {Port: l.Addr().(*net.TCPAddr).Port},
		"no directory":     {SQLite: filepath.Join(t.TempDir(), "missing", "file")},
		"no Postgres":      {Postgres: "host='" + t.TempDir() + "' dbname=a"},
		"no database name": {Postgres: "host=127.0.0.1"},
		"invalid source":   {Postgres: "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if e, err := engine.Start(bounded(t), cfg); err == nil {
				_ = e.Stop()
				t.Error("the server started")
			}
		})
	}
}

func TestStart_Canceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Start(ctx, engine.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
