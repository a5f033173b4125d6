//go:build unix

package system

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/dev/enginetest"
	"github.com/offboard-dev/offboard-go/internal/postgrestest"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
)

// Numbers of the tests.
var (
	full          = flag.Bool("full", false, "use the numbers of a release, which take more than an hour")
	kills         = number("kills", 6, 200, "kills of workers")
	freezes       = number("freezes", 2, 20, "freezes of workers that are longer than the heartbeat")
	cuts          = number("cuts", 1, 10, "cuts of the network between a worker and the server")
	serverKills   = number("server-kills", 2, 10, "kills of the server")
	organizations = number("organizations", 50, 1000, "organizations of the test of the rate")
	steps         = number("steps", 1000, 10000, "steps of the organization of the test of a large one")
)

// number returns a function that returns a flag's value, whose default depends on -full.
func number(name string, small, large int, usage string) func() int {
	n := flag.Int(name, -1, fmt.Sprintf("%s (default %d; %d with -full)", usage, small, large))
	return func() int {
		switch {
		case *n >= 0:
			return *n
		case *full:
			return large
		}
		return small
	}
}

func TestMain(m *testing.M) {
	if config := os.Getenv(workerVariable); config != "" {
		if err := runWorker(config); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	enginetest.Main(m)
}

// system is a server with its storage and its workers.
type system struct {
	t       *testing.T
	server  *enginetest.Server
	client  client.Client
	config  workerConfig // of workers
	store   fleet.Store
	journal fleet.Journal

	mu      sync.Mutex
	handler func(event) // of the events of all workers; nil for none
}

// newSystem starts a server without workers. The database of the server is "sqlite" or "postgres".
func newSystem(t *testing.T, database string) *system {
	t.Helper()
	s := &system{t: t}
	s.config.Heartbeat = 5 * time.Second
	switch database {
	case "sqlite":
		s.server = enginetest.Spawn(t, "-sqlite", filepath.Join(t.TempDir(), "temporal.db"))
		s.config.Storage.Folder = t.TempDir()
	case "postgres":
		cluster := postgrestest.StartFor(t)
		storage, err := cluster.Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.server = enginetest.Spawn(t, "-postgres", cluster.DataSource("temporal"))
		s.config.Storage.Postgres = storage + " pool_max_conns=8"
	default:
		t.Fatalf("unknown database %q", database)
	}
	s.config.Temporal = s.server.Address()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	var err error
	if s.store, s.journal, err = s.config.Storage.open(ctx); err != nil {
		t.Fatal(err)
	}
	s.client, err = client.DialContext(ctx, client.Options{
		HostPort: s.server.Address(), Identity: "test", Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	return s
}

// handle sets the function that gets the events of all workers, one at a time.
func (s *system) handle(f func(event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = f
}

// startWorker starts a worker that connects to an address of the server.
func (s *system) startWorker(address string) *process {
	s.t.Helper()
	config := s.config
	config.Temporal = address
	return startWorker(s.t, config, func(e event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.handler != nil {
			s.handler(e)
		}
	})
}

// start starts a batch, and returns the IDs of the workflows in the order of the manifest.
func (s *system) start(ctx context.Context, m fleet.Manifest) ([]string, error) {
	ref, err := fleet.PutManifest(ctx, s.store, m)
	if err != nil {
		return nil, err
	}
	batch, err := fleet.Start(ctx, s.client, ref)
	if err != nil {
		return nil, err
	}
	var state fleet.BatchState
	if err := s.client.GetWorkflow(ctx, batch.ID, "").Get(ctx, &state); err != nil {
		return nil, err
	}
	if state.Started != len(m.Organizations) {
		return nil, fmt.Errorf("the batch started %d of %d organizations", state.Started, len(m.Organizations))
	}
	var ids []string
	for _, e := range m.Organizations {
		ids = append(ids, fleet.WorkflowID(e.Provider, e.BaseURL, e.Organization))
	}
	return ids, nil
}

// mustStart is start for a test without failures.
func (s *system) mustStart(m fleet.Manifest) []string {
	s.t.Helper()
	ids, err := s.start(s.t.Context(), m)
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// eventually polls a condition until it is true. The test fails after a time limit.
func eventually(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("timeout after %v: %s", limit, what)
		}
	}
}

// waitFor waits until an organization waits for something, and returns its state.
func (s *system) waitFor(id string, what fleet.WaitingFor) fleet.State {
	s.t.Helper()
	var state fleet.State
	var err error
	defer func() {
		if s.t.Failed() {
			text, _ := json.Marshal(state)
			s.t.Logf("the state of %s is %s, %v", id, text, err)
		}
	}()
	eventually(s.t, time.Minute, fmt.Sprintf("%s waits for %q", id, what), func() bool {
		state, err = fleet.Status(s.t.Context(), s.client, id)
		return err == nil && (state.WaitingFor == what || state.Result != nil)
	})
	if state.WaitingFor != what {
		s.t.Fatalf("%s has ended", id)
	}
	return state
}

// result waits for the end of a workflow.
func (s *system) result(id string) (fleet.Result, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	var r fleet.Result
	err := s.client.GetWorkflow(ctx, id, "").Get(ctx, &r)
	return r, err
}

// approve approves a plan. The error is nil if the plan was approved before.
func (s *system) approve(ctx context.Context, w fleet.Waiting) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		call, cancel := context.WithTimeout(ctx, 20*time.Second)
		_, err := fleet.Approve(call, s.client, w.ID, fleet.Approval{By: "ada", Digest: w.Digest})
		cancel()
		if err == nil || errors.Is(err, errors.NotConfirmed) {
			return nil // an answer may have been lost
		}
		select { // the server may be down
		case <-ticker.C:
		case <-ctx.Done():
			return err
		}
	}
}

// newKatapult serves a fake of Katapult without a rate limit.
func newKatapult(t testing.TB, taskTime time.Duration) *katapulttest.Server {
	t.Helper()
	srv := katapulttest.NewServer()
	srv.LimitRate(1 << 30)
	srv.SetTaskTime(taskTime)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// addOrganization adds an organization with machines and zones to a fake, and returns its entry.
func addOrganization(srv *katapulttest.Server, id string, machines, zones int) fleet.Entry {
	srv.AddOrganization(katapulttest.Organization{ID: "org_" + id, Name: "Organization " + id})
	for i := range machines {
		srv.Add("org_"+id, katapulttest.VirtualMachine{ID: fmt.Sprintf("vm_%s_%d", id, i), Name: fmt.Sprintf("machine %d", i)})
	}
	for i := range zones {
		srv.Add("org_"+id, katapulttest.DNSZone{ID: fmt.Sprintf("dnszone_%s_%d", id, i), Name: fmt.Sprintf("zone%d.%s.example", i, id)})
	}
	url, _ := srv.Endpoint()
	return fleet.Entry{Provider: "katapult", Organization: "org_" + id, BaseURL: url}
}

// proxy forwards connections to the server until it is cut.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	off   bool
	conns map[net.Conn]bool
}

// newProxy starts a proxy of an address.
func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.forward(conn)
		}
	}()
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// forward copies both directions until one ends.
func (p *proxy) forward(conn net.Conn) {
	defer conn.Close()
	target, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer target.Close()
	p.mu.Lock()
	if p.off {
		p.mu.Unlock()
		return
	}
	p.conns[conn], p.conns[target] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, conn)
		delete(p.conns, target)
	}()
	done := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{conn: target, target: conn} {
		go func() {
			_, _ = io.Copy(to, from)
			done <- struct{}{}
		}()
	}
	<-done
}

// cut ends all connections, and closes new ones at once.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// repair forwards new connections again.
func (p *proxy) repair() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = false
}
