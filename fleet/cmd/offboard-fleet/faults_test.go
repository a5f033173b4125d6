package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"go.temporal.io/api/serviceerror"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/enginefake"
	"github.com/offboard-dev/offboard-go/teardown"
)

// failingAt returns an output that fails from the first text on that contains a part.
func failingAt(part string, err error) writerFunc {
	failed := false
	return func(text []byte) (int, error) {
		if failed = failed || bytes.Contains(text, []byte(part)); failed {
			return 0, err
		}
		return len(text), nil
	}
}

// message returns the standard error as one line.
func (f *fleetOf) message() string { return strings.Join(strings.Fields(f.errOut.String()), " ") }

// A plan that a person cannot have read is not decided.
func TestDecide_NotShown(t *testing.T) {
	t.Parallel()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { null.Close() })
	for name, test := range map[string]struct {
		part   string // at which the output fails
		fault  error
		prompt bool
		text   string
	}{
		"null device": {text: "the standard output is closed, or is the null device"},
		"disk full":   {"Organization", &os.PathError{Op: "write", Err: syscall.ENOSPC}, false, "the disk is full"},
		"last line":   {"invoices", errors.New("disconnected"), false, "disconnected"},
		"closed pipe": {"Digest", syscall.EPIPE, false, syscall.EPIPE.Error()},
		"prompt":      {"Type the name", errors.New("disconnected"), true, "disconnected"},
	} {
		if test.fault == nil && runtime.GOOS == "windows" {
			continue
		}
		for _, command := range []string{"approve", "deny"} {
			t.Run(name+"/"+command, func(t *testing.T) {
				t.Parallel()
				f := newFleet(t)
				f.in = strings.NewReader("Acme Hosting\n")
				id, digest := f.wait(plan(1), 1)
				p := f.program()
				p.out = null
				if test.fault != nil {
					p.out = failingAt(test.part, test.fault)
				}
				args := []string{command, id, "--digest", digest, "--by", "jane"}
				if !test.prompt {
					args = append(args, "--yes", "Acme Hosting")
				}
				code := p.run(t.Context(), args)
				if want := "the plan could not be shown: " + test.text + ": nothing was decided"; code != exitFailed || !strings.Contains(f.message(), want) {
					t.Errorf("got %d: %s", code, f.message())
				}
				if s := f.engine.States[id]; len(s.Approvals) > 0 || s.Denied != nil {
					t.Errorf("got the decisions %v, %v", s.Approvals, s.Denied)
				}
			})
		}
	}
}

// A lost output is a failure, unless the command has changed something.
func TestProgram_LostOutput(t *testing.T) {
	t.Parallel()
	full := &os.PathError{Op: "write", Err: syscall.ENOSPC}
	for name, test := range map[string]struct {
		args  []string
		part  string
		fault error
		code  int
		text  string
	}{
		"help":         {[]string{"--help"}, "", full, exitFailed, "offboard-fleet: the output is incomplete: the disk is full"},
		"help command": {[]string{"help", "status"}, "", full, exitFailed, "incomplete"},
		"overview":     {[]string{"status"}, "", full, exitFailed, "incomplete"},
		"JSON":         {[]string{"status", "--json"}, "", full, exitFailed, "incomplete"},
		"status":       {[]string{"status", "ID"}, "State", full, exitFailed, "incomplete"},
		"report":       {[]string{"report", "ENDED"}, "", full, exitFailed, "incomplete"},
		"closed pipe":  {[]string{"status", "ID"}, "State", syscall.EPIPE, exitDone, ""},
		"approve":      {[]string{"approve", "ID", "--digest", "DIGEST", "--by", "jane", "--yes", "Acme Hosting"}, "Approved", full, exitDone, "The result does not change: Approved: 1 of 1."},
		"start":        {[]string{"start", "-"}, "", full, exitDone, "The result does not change: the batch offboard-batch/"},
		"cancel":       {[]string{"cancel", "ID"}, "", full, exitDone, "The result does not change: The cancellation is requested."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.in = strings.NewReader(twoOrganizations)
			id, digest := f.wait(plan(1), 1)
			f.addReport("offboard/atlas/x/5f1b")
			p := f.program()
			p.out = failingAt(test.part, test.fault)
			var args []string
			for _, arg := range test.args {
				args = append(args, strings.NewReplacer("DIGEST", digest, "ID", id, "ENDED", "offboard/atlas/x/5f1b").Replace(arg))
			}
			if code := p.run(t.Context(), args); code != test.code || !strings.Contains(f.message(), test.text) || test.text == "" && f.errOut.Len() > 0 {
				t.Errorf("got %d: %s", code, f.message())
			}
		})
	}
}

// No error repeats a text that may be a secret in the wrong place.
func TestProgram_SecretInTheWrongPlace(t *testing.T) {
	t.Parallel()
	const secret = "k4tQm7Zt2Wn9Lx5Rb1Vd"
	digest := []string{"--digest", "0", "--by", "jane"}
	for _, args := range [][]string{
		{"start", secret}, {"start", "--store", "x", secret, secret}, {"worker", "--activities", secret}, {"worker", "--limit", secret}, {"worker", "--limit", secret + "=1"}, {"worker", "--limit", "atlas=" + secret},
		{"status", "--tls=" + secret}, {"status", "--json=" + secret}, {"--" + secret}, {"-" + secret}, {"status", "--" + secret}, {"status", "-" + secret}, {"status", secret},
		{"cancel", secret}, {"report", secret}, append([]string{"approve", secret}, digest...), append([]string{"deny", secret}, digest...), {secret}, {"help", secret},
		{"completion", secret}, {"completion", "bash", secret}, {"version", secret}, {"serve", "--listen", secret}, {"serve", "--public", secret}, {"serve", "--by", secret},
		{"status", "--address", secret}, {"status", "offboard/a/b/c", "--store", secret}, {"status", "--queue", "Bearer " + secret}, {"cancel", "offboard-batch/Bearer " + secret, "x"},
	} {
		f := newFleet(t)
		p := f.program()
		p.connect, p.storage = p.dial, p.openStorage
		if args[0] == "status" && len(args) > 1 && args[1] == "offboard/a/b/c" {
			p.connect = func(context.Context) (engine.Engine, func(), error) { return f.engine, func() {}, nil }
			f.engine.States = map[string]fleet.State{args[1]: {ID: args[1]}}
		}
		if code := p.run(t.Context(), args); code != exitUsage || f.errOut.Len() == 0 {
			t.Errorf("%v: got %d: %s%s", args, code, &f.out, &f.errOut)
		}
		if text := f.out.String() + f.errOut.String(); strings.Contains(text, secret) || strings.Contains(text, secret[1:]) {
			t.Errorf("%v: got %s", args, text)
		}
	}
}

// The error of a namespace, or of a server, shows a name, and hides one that looks like a credential.
func TestProgram_NamespaceAndAddress(t *testing.T) {
	t.Parallel()
	const secret = "k4tQm7Zt2Wn9Lx5Rb1Vd"
	for namespace, want := range map[string]string{"acme-prod.a2dd6": "acme-prod.a2dd6", secret: "[not shown]"} {
		f := newFleet(t)
		f.engine.Err = &errors.Error{Operation: "List", Code: errors.NotFound, Err: serviceerror.NewNamespaceNotFound(namespace)}
		if code := f.run("status", "--namespace", namespace); code != exitFailed || f.message() != "offboard-fleet: the Temporal server at 127.0.0.1:7233 does not have the namespace "+want {
			t.Errorf("%s: got %d: %s", namespace, code, f.message())
		}
	}
	for host, want := range map[string]string{"temporal.example": "at temporal.example:7233: no such host temporal.example", secret: "of --address or TEMPORAL_ADDRESS: no such host [not shown]"} {
		p := &program{address: host + ":7233"}
		cause := errors.New("no such host " + host)
		if err := p.unreachableServer(cause); err.Error() != "cannot reach the Temporal server "+want || !errors.Is(err, cause) {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

// A credential, and an empty name, are refused before any request.
func TestProgram_RefusedValues(t *testing.T) {
	t.Parallel()
	for text, args := range map[string][]string{
		"--queue is empty: ":                                    {"worker", "--queue", ""},
		"--namespace is empty: ":                                {"status", "--namespace", " "},
		"--store is empty: ":                                    {"worker", "--store", ""},
		"--database is empty: ":                                 {"worker", "--database", ""},
		"--address is empty: ":                                  {"status", "--address", ""},
		"--namespace is refused: ":                              {"status", "--namespace", "eyJhbGciOi.secret"},
		"--limit is refused: ":                                  {"worker", "--limit", "eyJhbGciOi.secret"},
		"an argument is refused: ":                              {"start", "mdb_sa_sk_secret"},
		"--activities has an invalid value: use a whole number": {"worker", "--activities", "x"},
		"--all has an invalid value: use true or false":         {"status", "--all=x"},
		"unknown shell: use bash, fish, powershell, zsh; did you mean fish?": {"completion", "fisch"},
		"the shell is missing: use bash":                                     {"completion"},
	} {
		f := newFleet(t)
		f.variables = map[string]string{"DATABASE_URL": "postgres://127.0.0.1/x"}
		if code := f.run(args...); code != exitUsage || !strings.HasPrefix(f.message(), "offboard-fleet: "+text) {
			t.Errorf("%v: got %d: %s", args, code, f.message())
		}
	}
}

// A signal that ends a command is no failure of the workers. The request in flight may have had an effect.
func TestProgram_Canceled(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"canceled": {"status", "ID"},
		"canceled: the cancellation may be requested: offboard-fleet status ID shows the state": {"cancel", "ID"},
		"canceled: the batch may have started: offboard-fleet status shows it":                  {"start", "-"},
		"canceled: the decision was sent, and may count: offboard-fleet status ID shows it":     {"approve", "ID", "--digest", "DIGEST", "--by", "jane", "--yes", "Acme Hosting"},
	} {
		f := newFleet(t)
		f.in = strings.NewReader(twoOrganizations)
		id, digest := f.wait(plan(1), 1)
		ctx, cancel := context.WithCancel(t.Context())
		p := f.program()
		p.connect = func(context.Context) (engine.Engine, func(), error) {
			return canceling{f.engine, cancel}, func() {}, nil
		}
		if args[0] == "status" {
			p.connect = func(context.Context) (engine.Engine, func(), error) {
				return canceling{f.engine, cancel}.status(), func() {}, nil
			}
		}
		for i, arg := range args {
			args[i] = strings.NewReplacer("DIGEST", digest, "ID", id).Replace(arg)
		}
		if code := p.run(ctx, args); code != exitFailed || f.message() != "offboard-fleet: "+want {
			t.Errorf("%v: got %d: %s", args, code, f.message())
		}
		cancel()
	}
}

// canceling is an engine whose changes are interrupted by a signal.
type canceling struct {
	engine.Engine
	cancel func()
}

func (c canceling) fail(operation string) error {
	c.cancel()
	return &errors.Error{Operation: operation, Code: errors.Unavailable, Err: serviceerror.NewCanceled("context canceled")}
}

func (c canceling) Start(context.Context, fleet.ManifestRef) (fleet.Batch, error) {
	return fleet.Batch{}, c.fail("Start")
}

func (c canceling) Approve(context.Context, string, fleet.Approval) (fleet.State, error) {
	return fleet.State{}, c.fail("Approve")
}

func (c canceling) Cancel(context.Context, string) error { return c.fail("Cancel") }

// status returns an engine whose reads of states are interrupted.
func (c canceling) status() engine.Engine { return cancelingStatus{c} }

type cancelingStatus struct{ canceling }

func (c cancelingStatus) Status(context.Context, string) (fleet.State, error) {
	return fleet.State{}, c.fail("Status")
}

func TestStatus_UnprintableJSON(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := plan(0)
	p.Organization.Name = "\u202eAcme\u0085"
	id, _ := f.wait(p, 1)
	if code := f.run("status", id, "--json"); code != exitDone || !strings.Contains(f.out.String(), `"\u202eAcme\u0085"`) {
		t.Errorf("got %d: %s", code, &f.out)
	}
}

// An organization without a name that can be typed is confirmed by its ID.
func TestApprove_PromptForID(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p := plan(0)
	p.Organization.Name = "\u202eAcme"
	id, digest := f.wait(p, 1)
	f.in = strings.NewReader("org_Fh7dKq2\n")
	if code := f.run("approve", id, "--digest", digest, "--by", "jane"); code != exitDone || !strings.Contains(f.out.String(), "\nType the ID org_Fh7dKq2 to approve the deletion: \nApproved: 1 of 1.") {
		t.Errorf("got %d: %s", code, &f.out)
	}
}

// A batch on the queue of no worker keeps its manifest from being started again: each text names the queue.
func TestProgram_QueueWithoutWorker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.in = strings.NewReader(twoOrganizations)
	if code := f.run("start", "-", "--queue", "typo"); code != exitDone {
		t.Fatalf("got %d: %s", code, &f.errOut)
	}
	batch := strings.TrimSpace(f.out.String())
	f.engine.Queues = map[string]string{batch: "typo"}
	f.engine.Batches = map[string]fleet.BatchState{batch: {Status: "Running"}}
	f.engine.Polls = []bool{false}

	f.in = strings.NewReader(twoOrganizations)
	want := "offboard-fleet: a batch of this manifest is running already, on the queue typo, which no worker polls: start one with offboard-fleet worker --queue typo, or cancel the batch" +
		" To see the batch, or to cancel it: offboard-fleet status \\ " + batch + " offboard-fleet cancel \\ " + batch
	if code := f.run("start", "-"); code != exitFailed || f.message() != want {
		t.Errorf("start: got %d: %s", code, f.message())
	}

	want = "Warning: no worker polls the queue typo, so the workflow does not end before one does: offboard-fleet worker --queue typo" +
		" Or terminate the batch, which deletes nothing itself; the workflows that it has started continue: temporal workflow terminate --address 127.0.0.1:7233 --namespace default \\ --workflow-id \\ " + batch
	if code := f.run("cancel", batch); code != exitDone || f.message() != want {
		t.Errorf("cancel: got %d: %s", code, f.message())
	}

	f.engine.NoWorker = &errors.Error{Operation: "Status", Code: errors.Unavailable, Err: errors.New("context deadline exceeded")}
	if code := f.run("status", batch); code != exitFailed || f.message() != "offboard-fleet: no worker of the queue typo answers: start one with offboard-fleet worker --queue typo" {
		t.Errorf("status: got %d: %s", code, f.message())
	}
	f.engine.NoWorker, f.engine.Polls = nil, []bool{true}
	if code := f.run("cancel", batch); code != exitDone || f.errOut.Len() > 0 {
		t.Errorf("cancel with a worker: got %d: %s", code, f.message())
	}
}

// A batch on a queue without a worker does not hide the states of batches on other queues, and its queue
// is asked once.
func TestStatus_BatchesOfSilentQueue(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.engine.Batches = map[string]fleet.BatchState{"offboard-batch/1": {Status: "Running"}, "offboard-batch/2": {Status: "Running"}, "offboard-batch/3": failedBatch()}
	f.engine.Queues = map[string]string{"offboard-batch/1": "typo", "offboard-batch/2": "typo"}
	silent := &silentQueue{Engine: f.engine}
	p := f.program()
	p.connect = func(context.Context) (engine.Engine, func(), error) { return silent, func() {}, nil }
	code := p.run(t.Context(), []string{"status"})
	if code != exitDone || !strings.Contains(f.out.String(), "21 could not be started") || !strings.Contains(f.message(), "no worker of the queue typo answers") || silent.asked != 1 {
		t.Errorf("got %d and %d questions: %s%s", code, silent.asked, &f.out, &f.errOut)
	}
}

// silentQueue is an engine without a worker of the queue "typo".
type silentQueue struct {
	*enginefake.Engine
	asked int
}

func (s *silentQueue) BatchStatus(ctx context.Context, id string) (fleet.BatchState, error) {
	if queue, _ := s.Queue(ctx, id); queue != "typo" {
		return s.Engine.BatchStatus(ctx, id)
	}
	s.asked++
	return fleet.BatchState{}, &errors.Error{Operation: "Status", Code: errors.Unavailable, Err: errors.New("context deadline exceeded")}
}

// Only a worker and the start of a batch create the directory of --store.
func TestStorage_Directory(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "store")
	p := &program{store: directory, getenv: func(string) string { return "" }}
	if _, err := p.openStorage(t.Context()); err == nil || !strings.Contains(err.Error(), "the directory "+directory+" does not exist") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(directory); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory exists: %v", err)
	}
	f := newFleet(t)
	f.in = strings.NewReader(twoOrganizations)
	started := f.program()
	started.storage = started.openStorage
	if code := started.run(t.Context(), []string{"start", "-", "--store", directory}); code != exitDone {
		t.Fatalf("got %d: %s", code, &f.errOut)
	}
	s, err := p.openStorage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	if runtime.GOOS == "windows" {
		return
	}
	for _, name := range []string{"", "blobs", "journals"} {
		name = filepath.Join(directory, name)
		if err := os.Chmod(name, 0o777); err != nil {
			t.Fatal(err)
		}
		_, err := p.openStorage(t.Context())
		if _, ok := errors.AsType[usageError](err); !ok || !strings.Contains(err.Error(), "every user of this machine can write to the directory "+name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
		if err := os.Chmod(name, 0o770); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = p.openStorage(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.close()
}

// addReport adds a workflow with a report.
func (f *fleetOf) addReport(id string) {
	r := teardown.Report{Provider: "atlas", Organization: teardown.Organization{ID: "5f1b"}, Outcome: teardown.Deleted, StartedAt: day, FinishedAt: day}
	f.engine.States[id] = fleet.State{ID: id, Provider: "atlas", Result: &fleet.Result{Outcome: teardown.Deleted, Report: enginefake.PutJSON(f.t, f.store, r)}}
}
