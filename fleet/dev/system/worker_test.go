//go:build unix

package system

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/folder"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// credentials are the values of the credentials that the fakes accept, by their names.
var credentials = map[string]string{
	"KATAPULT_API_KEY":            katapulttest.Token,
	"MONGODB_ATLAS_CLIENT_ID":     atlastest.ClientID,
	"MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
	"F5XC_API_TOKEN":              volterratest.Token,
}

// workerVariable has the [workerConfig] of a process that is a worker.
const workerVariable = "OFFBOARD_SYSTEM_WORKER"

// workerConfig configures a worker process.
type workerConfig struct {
	Temporal  string        // address of the server
	Storage   storageConfig // of plans, reports and the journal
	Heartbeat time.Duration
	Limits    map[string]limit // shared by all workers, by provider; only with Postgres
}

// storageConfig selects the storage: a directory or a data source.
type storageConfig struct{ Folder, Postgres string }

// open returns the storage, which the process uses until it ends.
func (c storageConfig) open(ctx context.Context) (fleet.Store, fleet.Journal, error) {
	if c.Folder != "" {
		f, err := folder.Open(c.Folder)
		if err != nil {
			return nil, nil, err
		}
		return f.Store(), f.Journal(), nil
	}
	pool, err := pgxpool.New(ctx, c.Postgres)
	if err != nil {
		return nil, nil, err
	}
	db, err := postgres.Open(ctx, pool)
	if err != nil {
		return nil, nil, err
	}
	return db.Store(), db.Journal(), nil
}

// event is a line of a worker's output.
type event struct {
	Kind     string         `json:"kind"` // "ready", "started", "finished" or "waiting"
	Time     time.Time      `json:"time"`
	Activity attempt        `json:"activity,omitzero"`
	Failed   bool           `json:"failed,omitempty"` // the activity returned an error
	Waiting  *fleet.Waiting `json:"waiting,omitempty"`

	process *process // that wrote the line
}

// attempt is an attempt of an activity.
type attempt struct {
	Workflow, Run, ID, Type string
	Attempt                 int32
}

// tracer writes events to stdout.
type tracer struct {
	interceptor.WorkerInterceptorBase
	mu sync.Mutex
}

func (t *tracer) write(e event) {
	e.Time = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n'))
}

func (t *tracer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activityTracer{interceptor.ActivityInboundInterceptorBase{Next: next}, t}
}

type activityTracer struct {
	interceptor.ActivityInboundInterceptorBase
	tracer *tracer
}

func (a *activityTracer) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity { // it is repeated with its workflow task
		return a.Next.ExecuteActivity(ctx, in)
	}
	act := attempt{info.WorkflowExecution.ID, info.WorkflowExecution.RunID, info.ActivityID, info.ActivityType.Name, info.Attempt}
	a.tracer.write(event{Kind: "started", Activity: act})
	result, err := a.Next.ExecuteActivity(ctx, in)
	a.tracer.write(event{Kind: "finished", Activity: act, Failed: err != nil})
	return result, err
}

// runWorker runs a worker until stdin ends.
func runWorker(text string) error {
	var config workerConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, journal, err := config.Storage.open(ctx)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := client.DialContext(ctx, client.Options{
		HostPort: config.Temporal, Identity: "worker", Logger: log.NewStructuredLogger(logger),
	})
	if err != nil {
		return err
	}
	t := new(tracer)
	w := worker.New(c, fleet.DefaultQueue, worker.Options{
		Identity: "worker", Interceptors: []interceptor.WorkerInterceptor{t}, WorkerStopTimeout: 5 * time.Second,
		// Histories contain the version, which is the hash of the program by default.
		DeploymentOptions: worker.DeploymentOptions{Version: worker.WorkerDeploymentVersion{DeploymentName: "test", BuildID: "test"}},
	})
	options := []offboard.Option{offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil })}
	if len(config.Limits) > 0 {
		limiters, end, err := config.limiters(ctx)
		if err != nil {
			return err
		}
		defer end()
		options = append(options, offboard.WithLimiter(limiters))
	}
	clients := offboard.NewClients(options...)
	if err := fleet.Register(w, fleet.Config{
		Open: clients.Open, Store: store, Journal: journal, Heartbeat: config.Heartbeat, Logger: logger,
		Remind: func(_ context.Context, waiting fleet.Waiting) error {
			t.write(event{Kind: "waiting", Waiting: &waiting})
			return nil
		},
	}); err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	t.write(event{Kind: "ready"})
	_, _ = io.Copy(io.Discard, os.Stdin) // the end of the input is the end of the test program
	w.Stop()
	return nil
}

// process is a worker process.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	ready  chan struct{}
	exited chan struct{} // closed when all output is read

	mu      sync.Mutex
	running map[attempt]bool
	thawed  time.Time // zero if it was never frozen
}

// startWorker starts a worker process, and returns when it polls for tasks. handle gets its events.
func startWorker(t testing.TB, config workerConfig, handle func(event)) *process {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{ready: make(chan struct{}), exited: make(chan struct{}), running: map[attempt]bool{}}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				continue // a line that a kill has cut
			}
			if e.Kind == "ready" {
				close(p.ready)
				continue
			}
			p.mu.Lock()
			switch e.Kind {
			case "started":
				p.running[e.Activity] = true
			case "finished":
				delete(p.running, e.Activity)
			}
			p.mu.Unlock()
			e.process = p
			handle(e)
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)
	select {
	case <-p.ready:
	case <-p.exited:
		t.Fatal("the worker ended")
	case <-time.After(time.Minute):
		t.Fatal("the worker does not start")
	}
	return p
}

// inFlight returns the attempts that have started and not finished.
func (p *process) inFlight() []attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []attempt
	for a := range p.running {
		all = append(all, a)
	}
	return all
}

// kill ends the process by SIGKILL, and returns when its output is read.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// cpu returns the CPU time of the process, which has ended.
func (p *process) cpu() time.Duration {
	<-p.exited
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// freeze suspends the process until [process.thaw].
func (p *process) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// thaw continues the process.
func (p *process) thaw() error {
	p.mu.Lock()
	p.thawed = time.Now()
	p.mu.Unlock()
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

// thawedAt returns the time of the last [process.thaw].
func (p *process) thawedAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.thawed
}

func (a attempt) String() string {
	return fmt.Sprintf("%s of %s, attempt %d", a.Type, a.Workflow, a.Attempt)
}
