package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/enginefake"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/teardown"
)

var update = flag.Bool("update", false, "write the golden files")

var day = time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)

// fleetOf is a program with its fakes.
type fleetOf struct {
	t           *testing.T
	engine      *enginefake.Engine
	store       *enginefake.Store
	variables   map[string]string
	in          io.Reader
	out, errOut bytes.Buffer
}

func newFleet(t *testing.T) *fleetOf {
	return &fleetOf{t: t, engine: new(enginefake.Engine), store: new(enginefake.Store), in: strings.NewReader("")}
}

// program returns the program. Its streams are those of the fleet.
func (f *fleetOf) program() *program {
	return &program{
		in: f.in, out: &f.out, errOut: &f.errOut, getenv: func(name string) string { return f.variables[name] },
		connect: func(context.Context) (engine.Engine, func(), error) { return f.engine, func() {}, nil },
		storage: func(context.Context) (*storage, error) { return &storage{Store: f.store, close: func() {}}, nil },
	}
}

// run runs the program, and returns its exit code.
func (f *fleetOf) run(args ...string) int {
	f.out.Reset()
	f.errOut.Reset()
	return f.program().run(f.t.Context(), args)
}

// golden compares the output of a command with a file. No line is longer than a terminal.
func (f *fleetOf) golden(name string) {
	f.t.Helper()
	got := f.out.String()
	if f.errOut.Len() > 0 {
		got += "--- standard error\n" + f.errOut.String()
	}
	for line := range strings.Lines(got) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > width && !strings.HasPrefix(line, "Type the name") { // a person types the end of the line
			f.t.Errorf("the line is too long: %s", line)
		}
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		f.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// plan returns a plan of several kinds of steps.
func plan(machines int) *teardown.Plan {
	p := &teardown.Plan{
		Version: 2, Provider: "katapult", Instance: "https://api.katapult.io/core/v1",
		Organization: teardown.Organization{ID: "org_Fh7dKq2", Name: "Acme Hosting"}, CreatedAt: day.Add(-time.Hour),
		Cascades: []teardown.Cascade{
			{Kind: "users", Count: 3, Names: []string{"jane@example.com", "joe@example.com", "\x1b[2Jjim@example.com"}, Note: "with their sessions and their API tokens"},
			{Kind: "invoices", Note: "could not be read"},
		},
	}
	add := func(kind, name string, after ...string) string {
		s := teardown.Step{ID: kind + "/" + name, Kind: kind, Name: name, Why: "it keeps the organization", Removal: "delete it", After: after}
		p.Steps = append(p.Steps, s)
		return s.ID
	}
	for i := range machines {
		policy := add("disk_backup_policy", fmt.Sprintf("daily-%d", i))
		machine := add("virtual_machine", fmt.Sprintf("web-%d", i))
		disk := add("disk", fmt.Sprintf("data-%d", i), policy, machine)
		add("virtual_network", fmt.Sprintf("inner-%d", i), machine, disk, policy)
	}
	add("managed_organization", "child")
	p.Steps[len(p.Steps)-1].Organization = &teardown.Organization{ID: "org_child", Name: "Acme Child"}
	p.Steps[len(p.Steps)-1].Requires = []teardown.Override{teardown.ManagedOrganizations}
	add("invoice", "in_2000")
	p.Steps[len(p.Steps)-1].Manual, p.Steps[len(p.Steps)-1].Removal = true, "pay it in the billing console of the provider, or ask the support of the provider to write it off"
	return p
}

// wait adds an organization that waits for approvals, and returns its ID and digest.
func (f *fleetOf) wait(p *teardown.Plan, required int, approvals ...fleet.Approval) (id, digest string) {
	id = f.engine.Wait(f.t, f.store, p, fleet.State{Since: day, Required: required, Approvals: approvals})
	return id, p.Digest()
}

func TestApprove_Prompt(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, digest := f.wait(plan(2), 2, fleet.Approval{By: "joe", Reason: "contract ended"})
	s := f.engine.States[id]
	s.Differences = enginefake.PutJSON(t, f.store, []teardown.Difference{{Name: "disk/data-1", Text: "is new"}})
	s.Overrides = []teardown.Override{teardown.Partial, teardown.ManagedOrganizations}
	f.engine.States[id] = s
	f.in = strings.NewReader("Acme Hosting\n")
	if code := f.run("approve", id, "--digest", digest, "--by", "jane", "--reason", "ticket 7"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("approve.txt")
	want := []fleet.Approval{{By: "joe", Reason: "contract ended"}, {By: "jane", Digest: digest, Reason: "ticket 7"}}
	if diff := cmp.Diff(want, f.engine.States[id].Approvals); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A plan whose overrides the manifest does not permit cannot be applied: nothing is approved, and the
// text names the command that denies it.
func TestApprove_MissingOverride(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, digest := f.wait(plan(1), 1)
	s := f.engine.States[id]
	s.Missing = []teardown.Override{teardown.ManagedOrganizations}
	f.engine.States[id] = s
	if code := f.run("approve", id, "--digest", digest, "--by", "jane", "--yes", "Acme Hosting"); code != exitFailed {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("approve-missing.txt")
	if got := f.engine.States[id].Approvals; len(got) > 0 {
		t.Errorf("got the approvals %v", got)
	}
	if code := f.run("deny", id, "--digest", digest, "--by", "jane", "--yes", "Acme Hosting"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
}

func TestApprove_Steps(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, digest := f.wait(plan(1), 2)
	if code := f.run("approve", id, "--digest", digest, "--by", "jane", "--yes", "Acme Hosting", "--steps"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("approve-steps.txt")
}

func TestDeny(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, digest := f.wait(&teardown.Plan{Version: 2, Provider: "atlas", Organization: teardown.Organization{ID: "5f1b"}, CreatedAt: day}, 1)
	if code := f.run("deny", id, "--digest", digest, "--by", "jane", "--yes", "5f1b"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("deny.txt")
	if got := f.engine.States[id].Denied; got == nil || got.By != "jane" {
		t.Errorf("got %v", got)
	}
}

func TestDecide_Refused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string // after the ID
		in   string
		code int
		text string
	}{
		"digest missing":   {[]string{"--by", "jane", "--yes", "Acme Hosting"}, "", exitUsage, "--digest is missing"},
		"person missing":   {[]string{"--digest", "DIGEST", "--yes", "Acme Hosting"}, "", exitUsage, "--by is missing"},
		"other digest":     {[]string{"--digest", "0000", "--by", "jane", "--yes", "Acme Hosting"}, "", exitFailed, "the digest is not that of the plan"},
		"other name":       {[]string{"--digest", "DIGEST", "--by", "jane", "--yes", "Acme"}, "", exitFailed, "the name differs from the organization's name"},
		"empty name":       {[]string{"--digest", "DIGEST", "--by", "jane", "--yes", ""}, "", exitFailed, "the name differs from the organization's name"},
		"typed wrongly":    {[]string{"--digest", "DIGEST", "--by", "jane"}, "acme hosting\n", exitFailed, "the name differs from the organization's name"},
		"nothing typed":    {[]string{"--digest", "DIGEST", "--by", "jane"}, "", exitFailed, "the input ended before the end of a line: nothing was decided"},
		"no Enter":         {[]string{"--digest", "DIGEST", "--by", "jane"}, "Acme Hosting", exitFailed, "the input ended before the end of a line: nothing was decided"},
		"same person":      {[]string{"--digest", "DIGEST", "--by", "Joe", "--yes", "Acme Hosting"}, "", exitFailed, "this person has approved the plan already"},
		"unknown flag":     {[]string{"--dgest", "DIGEST"}, "", exitUsage, "unknown flag: --dgest"},
		"second argument":  {[]string{"x", "--digest", "DIGEST", "--by", "jane"}, "", exitUsage, "approve takes 1 argument"},
		"unknown workflow": {nil, "", exitFailed, "no workflow has this ID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.in = strings.NewReader(test.in)
			id, digest := f.wait(plan(1), 2, fleet.Approval{By: "joe"})
			args := append([]string{"approve", id}, test.args...)
			if test.args == nil {
				args = []string{"approve", "offboard/a/b/c", "--digest", digest, "--by", "jane"}
			}
			if i := slices.Index(args, "DIGEST"); i > 0 {
				args[i] = digest
			}
			if code := f.run(args...); code != test.code || !strings.Contains(strings.Join(strings.Fields(f.errOut.String()), " "), test.text) {
				t.Errorf("got %d: %s", code, &f.errOut)
			}
			if got := f.engine.States[id].Approvals; len(got) != 1 {
				t.Errorf("got the approvals %v", got)
			}
		})
	}
}

// A text that is not the ID of an organization's workflow is an error of usage.
func TestProgram_InvalidID(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"approve", "--digest", "0", "--by", "jane"}, {"deny", "--digest", "0", "--by", "jane"}, {"report"}, {"status"}, {"cancel"}} {
		for id, text := range map[string]string{"": "the ID is empty", "org_1": "the text is not the ID of a workflow", "offboard-batch/1": "the ID is that of a batch: "} {
			f := newFleet(t)
			if (command[0] == "status" || command[0] == "cancel") && strings.HasPrefix(id, "offboard-batch/") {
				continue
			}
			if code := f.run(append(command, id)...); code != exitUsage || !strings.Contains(f.errOut.String(), text) || strings.Contains(f.errOut.String(), "org_1") {
				t.Errorf("%s %q: got %d: %s", command[0], id, code, &f.errOut)
			}
		}
	}
}

// A blob that was changed, or that the storage lacks, is no fault of the arguments.
func TestDecide_OtherStorage(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, digest := f.wait(plan(1), 1)
	ref := *f.engine.States[id].Plan
	for text, change := range map[string]func() error{
		"the plan in the storage is not the one that the workers have stored": func() error { return f.store.Put(t.Context(), ref.Key, []byte("{}")) },
		"the storage does not have the plan of this workflow":                 func() error { return f.store.Delete(t.Context(), ref.Key) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if code := f.run("approve", id, "--digest", digest, "--by", "jane", "--yes", "Acme Hosting"); code != exitFailed || !strings.Contains(strings.Join(strings.Fields(f.errOut.String()), " "), text) {
			t.Errorf("got %d: %s", code, &f.errOut)
		}
	}
	s := f.engine.States[id]
	s.Result = &fleet.Result{Outcome: teardown.Blocked, Report: &fleet.Ref{Key: "absent"}}
	f.engine.States[id] = s
	if code := f.run("report", id); code != exitFailed || !strings.Contains(f.errOut.String(), "the storage does not have the report of this workflow") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
}

func TestProgram_Address(t *testing.T) {
	t.Parallel()
	for address, text := range map[string]string{
		"localhost": "the port is missing", "localhost:": "the port is missing", ":7233": "must be HOST:PORT", "::1": "must be HOST:PORT",
		"localhost:7233": "", "[::1]:7233": "", "dns:///engine:7233": "",
	} {
		err := checkAddress(address)
		if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v", address, err)
		}
	}
	f := newFleet(t)
	p := f.program()
	p.connect = p.dial
	if code := p.run(t.Context(), []string{"status", "--address", "localhost"}); code != exitUsage || !strings.Contains(f.errOut.String(), "the port is") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
}

// The error of a database is one line, also if several attempts fail.
func TestStorage_UnreachableDatabase(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p := &program{database: "postgres://user:secret-value@" + address + "/x", getenv: func(string) string { return "" }}
	_, err = p.openStorage(t.Context())
	if err == nil {
		t.Fatal("the database is open")
	}
	if text := review.Message(err); !strings.HasPrefix(text, "cannot open the database: dial tcp "+address) || strings.Contains(text, "\n") || strings.Contains(text, "secret-value") {
		t.Errorf("got %s", text)
	}
}

// A signal ends the prompt.
func TestApprove_Interrupted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	in, writer := io.Pipe()
	defer writer.Close()
	f.in = in
	id, digest := f.wait(plan(1), 1)
	ctx, cancel := context.WithCancel(t.Context())
	p := f.program()
	p.out = writerFunc(func(text []byte) (int, error) {
		if bytes.Contains(text, []byte("Type the name")) {
			cancel()
		}
		return len(text), nil
	})
	if code := p.run(ctx, []string{"approve", id, "--digest", digest, "--by", "jane"}); code != exitFailed || !strings.Contains(f.errOut.String(), "nothing was decided") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(text []byte) (int, error) { return w(text) }

func TestStatus_Organization(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, _ := f.wait(plan(1), 2, fleet.Approval{By: "joe", Reason: "contract ended", At: day.Add(time.Minute)}, fleet.Approval{By: "jane", At: day.Add(time.Hour)})
	s := f.engine.States[id]
	s.Overrides, s.Missing = []teardown.Override{teardown.Partial}, []teardown.Override{teardown.ManagedOrganizations}
	f.engine.States[id] = s
	if code := f.run("status", id); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("status-waiting.txt")
	if code := f.run("status", id, id); code != exitUsage || !strings.Contains(f.errOut.String(), "at most 1 argument") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}

	s.Missing = nil
	s.Status, s.Closed = "Completed", day.Add(2*time.Hour)
	s.WaitingFor, s.Deleted, s.Result = fleet.WaitingForNothing, 4, &fleet.Result{Outcome: teardown.Blocked, Code: errors.DeletionStepsNotSatisfied, Report: &fleet.Ref{}}
	f.engine.States[id] = s
	if code := f.run("status", id); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("status-ended.txt")

	var got organizationDocument
	if code := f.run("status", id, "--json"); code != exitDone || json.Unmarshal(f.out.Bytes(), &got) != nil {
		t.Errorf("got %d: %s", code, &f.out)
	}
	if diff := cmp.Diff(organizationDocument{plan(0).Organization, s}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each state of a workflow has a line, and only a plan that waits has a command to approve.
func TestStatus_States(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state fleet.State
		want  []string
	}{
		"running":  {fleet.State{}, []string{"State          running", "Approvals      none required"}},
		"no steps": {fleet.State{Plan: new(fleet.Ref), Required: 1}, []string{"State          running", "Approvals      0 of 1", "Steps          no steps"}},
		"pending": {
			fleet.State{WaitingFor: fleet.WaitingForProvider, Since: day},
			[]string{"State          pending: the provider decides later, since 2000-01-03 12:00 UTC"},
		},
		"failed": {
			fleet.State{Status: "Failed", Code: errors.Unauthenticated, Closed: day},
			[]string{"State          failed (unauthenticated)", "Ended          2000-01-03 12:00 UTC", "The workers' logs have the text of the error."},
		},
		"failed without a code": {fleet.State{Status: "Failed", Closed: day}, []string{"State          failed\n"}},
		"canceled":              {fleet.State{Status: "Canceled", Closed: day}, []string{"State          canceled\n", "Ended          2000-01-03 12:00 UTC"}},
		"canceled with a result": {
			fleet.State{Status: "Canceled", Closed: day, Result: &fleet.Result{Outcome: teardown.Stopped, Code: errors.Canceled}},
			[]string{"State          stopped (canceled)\n"},
		},
		"denied": {
			fleet.State{Status: "Completed", Denied: &fleet.Approval{By: "joe", Reason: "mistake", At: day}, Result: &fleet.Result{Outcome: teardown.Stopped}},
			[]string{"State          stopped\n", "Denied by      joe, 2000-01-03 12:00 UTC (mistake)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			const id = "offboard/katapult/x/org_1"
			test.state.ID, test.state.Provider = id, "katapult"
			f.engine.States = map[string]fleet.State{id: test.state}
			if code := f.run("status", id); code != exitDone || strings.Contains(f.out.String(), "offboard-fleet approve") {
				t.Errorf("got %d: %s%s", code, &f.out, &f.errOut)
			}
			for _, want := range append(test.want, "Organization   org_1\n") {
				if !strings.Contains(f.out.String(), want) {
					t.Errorf("got %s, want %q", &f.out, want)
				}
			}
		})
	}
}

// The state is shown without the name if the storage does not have it. Contradictory flags are refused.
func TestStatus_WithoutName(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, _ := f.wait(plan(1), 1)
	for name, test := range map[string]struct {
		open    func(context.Context) (*storage, error)
		code    int
		warning string
	}{
		"no storage":    {func(context.Context) (*storage, error) { return nil, errNoStorage }, exitDone, "the storage is missing"},
		"not reachable": {func(context.Context) (*storage, error) { return nil, errors.New("connection refused") }, exitDone, "connection refused"},
		"other storage": {
			func(context.Context) (*storage, error) {
				return &storage{Store: new(enginefake.Store), close: func() {}}, nil
			},
			exitDone, "the storage does not have the plan",
		},
		"contradiction": {func(context.Context) (*storage, error) { return nil, usage("exclude each other") }, exitUsage, "exclude each other"},
	} {
		f.out.Reset()
		f.errOut.Reset()
		p := f.program()
		p.storage = test.open
		code := p.run(t.Context(), []string{"status", id})
		shown := strings.Contains(f.out.String(), "Organization   org_Fh7dKq2\n")
		if code != test.code || shown != (code == exitDone) || !strings.Contains(strings.Join(strings.Fields(f.errOut.String()), " "), test.warning) {
			t.Errorf("%s: got %d: %s%s", name, code, &f.out, &f.errOut)
		}
	}
}

// failedBatch is the state of a batch that did not start everything.
func failedBatch() fleet.BatchState {
	return fleet.BatchState{
		Organizations: 5000, Started: 250, Running: 2, Status: "Failed", Code: errors.NotFound, Closed: day, Failed: 21,
		Failures: []fleet.BatchFailure{
			{Entry: 3, Organization: "org_3", Code: errors.Unauthenticated}, {Entry: 4, Organization: "org_4\x1b", Code: errors.Conflict},
			{Entry: 9, Organization: "org_9", Code: errors.InvalidArgument}, {Entry: 12, Organization: "org_12", Code: errors.InvalidArgument},
		},
	}
}

func TestStatus_Batch(t *testing.T) {
	t.Parallel()
	const id = "offboard-batch/1"
	f := newFleet(t)
	f.engine.Batches = map[string]fleet.BatchState{id: {Organizations: 5000, Started: 250, Running: 2, Status: "Running"}}
	f.engine.Listed = []fleet.Listed{
		listed(1, fleet.Listed{Batch: id, Status: "Running", WaitingFor: fleet.WaitingForProvider}), listed(2, fleet.Listed{Batch: id, Status: "Completed", Outcome: "deleted"}),
		listed(3, fleet.Listed{Batch: "offboard-batch/2", Status: "Running"}),
	}
	if code := f.run("status", id); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("status-batch.txt")
	f.engine.Batches[id] = failedBatch()
	if code := f.run("status", id); code != exitFailed {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("status-batch-failed.txt")
	var got batchDocument
	if code := f.run("status", id, "--json"); code != exitFailed || json.Unmarshal(f.out.Bytes(), &got) != nil {
		t.Errorf("got %d: %s", code, &f.out)
	}
	want := batchDocument{id, fleet.DefaultQueue, failedBatch(), map[string]int{"provider": 1, "deleted": 1}}
	want.Failures[1].Organization = "org_4\x1b"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	s := failedBatch()
	s.Status, s.Code = "Completed", ""
	f.engine.Batches[id] = s
	if code := f.run("status", id); code != exitFailed || !strings.Contains(f.errOut.String(), "21 organizations could not be started") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
}

// The list has the batches that run, failed, or could not start an organization.
func TestStatus_Batches(t *testing.T) {
	t.Parallel()
	partly := failedBatch()
	partly.Status, partly.Code = "Completed", ""
	f := newFleet(t)
	f.engine.Batches = map[string]fleet.BatchState{
		"offboard-batch/1": failedBatch(), "offboard-batch/2": partly, "offboard-batch/3": {Organizations: 1, Started: 1, Status: "Completed"},
		"offboard-batch/4": {Organizations: 12, Started: 3, Status: "Running"}, "offboard-batch/5": {Organizations: 12, Started: 3, Status: "Canceled"},
	}
	if code := f.run("status"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("status-batches.txt")
	var got overview
	if code := f.run("status", "--json"); code != exitDone || json.Unmarshal(f.out.Bytes(), &got) != nil || len(got.Batches) != 4 || got.Batches[0].State.Failed != 21 {
		t.Errorf("got %d: %s", code, &f.out)
	}

	// Without a worker, the Temporal server has the status of a batch only.
	f.engine.NoWorker = &errors.Error{Operation: "Status", Code: errors.Unavailable, Err: errors.New("context deadline exceeded")}
	if code := f.run("status"); code != exitDone || !strings.Contains(f.out.String(), "failed\n  offboard-batch/1\n") || !strings.Contains(f.errOut.String(), "Warning: organizations that batches could not start") {
		t.Errorf("got %d: %s%s", code, &f.out, &f.errOut)
	}
}

func listed(n int, l fleet.Listed) fleet.Listed {
	l.Provider, l.ID = "katapult", fleet.WorkflowID("katapult", "https://api.katapult.io/core/v1", fmt.Sprintf("org_%07d", n))
	if n%2 == 0 {
		l.Provider, l.ID = "atlas", fleet.WorkflowID("atlas", "https://cloud.mongodb.com", fmt.Sprintf("%07d", n))
	}
	return l
}

func TestStatus_Overview(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	if code := f.run("status"); code != exitDone || !strings.Contains(f.out.String(), "No organization.") {
		t.Errorf("got %d: %s", code, &f.out)
	}
	for i, l := range []fleet.Listed{
		{Status: "Running", WaitingFor: fleet.WaitingForApproval}, {Status: "Running"}, {Status: "Running", WaitingFor: fleet.WaitingForProvider},
		{Status: "Completed", Outcome: "deleted"}, {Status: "Completed", Outcome: "blocked"}, {Status: "Completed", Outcome: "not_found"},
		{Status: "Failed"}, {Status: "TimedOut"}, {Status: "Canceled", Outcome: "stopped"}, {Status: "Terminated"}, {Status: "Canceled"},
	} {
		f.engine.Listed = append(f.engine.Listed, listed(i, l))
	}
	if code := f.run("status"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("status.txt")

	for i := range 100 {
		f.engine.Listed = append(f.engine.Listed, listed(2*i+20, fleet.Listed{Status: "Failed"}))
	}
	if f.run("status"); !strings.Contains(f.out.String(), "59 more: use --all\n") {
		t.Errorf("got %s", &f.out)
	}
	var got overview
	if code := f.run("status", "--json", "--all"); code != exitDone || json.Unmarshal(f.out.Bytes(), &got) != nil {
		t.Errorf("got %d: %s", code, &f.out)
	}
	if len(got.Organizations) != 109 || got.Omitted != 0 || got.Counts["failed"] != 101 || got.Counts["deleted"] != 1 {
		t.Errorf("got %d organizations and the counts %v", len(got.Organizations), got.Counts)
	}
}

func TestStatus_EngineFails(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.engine.Err = &errors.Error{Operation: "List", Code: errors.Unavailable, Err: errors.New("connection refused")}
	for _, args := range [][]string{{"status"}, {"status", "offboard/a/b/c"}, {"status", "offboard-batch/1"}, {"cancel", "offboard/a/b/c"}, {"report", "offboard/a/b/c"}} {
		if code := f.run(args...); code != exitFailed || !strings.Contains(f.errOut.String(), "connection refused") {
			t.Errorf("%v: got %d: %s", args, code, &f.errOut)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, _ := f.wait(plan(1), 1)
	if code := f.run("cancel", id); code != exitDone || !slices.Equal(f.engine.Canceled(), []string{id}) {
		t.Errorf("got %d and %v", code, f.engine.Canceled())
	}
	if code := f.run("cancel", "offboard/a/b/c"); code != exitFailed || f.errOut.String() != "offboard-fleet: no workflow has this ID\n" {
		t.Errorf("unknown: got %d: %s", code, &f.errOut)
	}
	s := f.engine.States[id]
	s.Result = &fleet.Result{Outcome: teardown.Deleted}
	f.engine.States[id] = s
	if code := f.run("cancel", id); code != exitFailed || f.errOut.String() != "offboard-fleet: the workflow has ended: its status is Completed\n" || f.out.Len() > 0 {
		t.Errorf("ended: got %d: %s%s", code, &f.out, &f.errOut)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, _ := f.wait(plan(1), 1)
	if code := f.run("report", id); code != exitFailed || !strings.Contains(f.errOut.String(), "has no report") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	failed := &errors.Error{Provider: "katapult", Operation: "DeleteDisk", Target: "disk/data-0", Code: errors.PermissionDenied, Status: 403}
	r := teardown.Report{
		Provider: "katapult", Instance: "https://api.katapult.io/core/v1", Organization: plan(0).Organization,
		Outcome: teardown.Blocked, Err: failed, StartedAt: day, FinishedAt: day.Add(time.Hour),
	}
	for _, s := range plan(1).Steps {
		step := teardown.StepReport{Step: s, State: teardown.StepDeleted, Attempts: 1}
		switch s.Kind {
		case "disk":
			step.State, step.Err = teardown.StepFailed, failed
		case "invoice":
			step.State = teardown.StepManual
		}
		r.Steps = append(r.Steps, step)
	}
	s := f.engine.States[id]
	s.Result = &fleet.Result{Outcome: teardown.Blocked, Report: enginefake.PutJSON(t, f.store, r)}
	f.engine.States[id] = s
	if code := f.run("report", id); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("report.txt")
	var got teardown.Report
	if code := f.run("report", id, "--json"); code != exitDone || json.Unmarshal(f.out.Bytes(), &got) != nil || len(got.Steps) != len(r.Steps) {
		t.Errorf("got %d: %s", code, &f.out)
	}
}

const twoOrganizations = `approvals: 2
organizations:
  - {provider: katapult, organization: org_1}
  - {provider: f5, organization: acme, email: owner@example.com}
`

func TestStart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.in = strings.NewReader(twoOrganizations)
	if code := f.run("start", "-", "--queue", "other"); code != exitDone {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.golden("start.txt")
	started := f.engine.Started()
	if len(started) != 1 || started[0].Organizations != 2 || started[0].Queue != "other" || len(f.store.Keys()) != 2 {
		t.Errorf("got %v and the blobs %v", started, f.store.Keys())
	}

	f.in = strings.NewReader(twoOrganizations)
	f.engine.Polls = []bool{false}
	if code := f.run("start", "-"); code != exitDone || !strings.Contains(f.errOut.String(), "no worker polls the queue offboard. The batch waits") {
		t.Errorf("without a worker: got %d: %s", code, &f.errOut)
	}

	path := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(path, []byte(twoOrganizations+"bad: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := f.run("start", path); code != exitUsage || !strings.Contains(strings.Join(strings.Fields(f.errOut.String()), " "), path+":5: unknown key: use ") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	if code := f.run("start", path+".absent"); code != exitUsage {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
	f.in = strings.NewReader(twoOrganizations)
	f.engine.Err = &errors.Error{Operation: "Start", Code: errors.Conflict}
	if code := f.run("start", "-"); code != exitFailed || !strings.Contains(f.errOut.String(), "a batch of this manifest is running already") {
		t.Errorf("got %d: %s", code, &f.errOut)
	}
}

// A worker that starts at the same time as the batch is found.
func TestStart_LateWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.in = strings.NewReader(twoOrganizations)
		f.engine.Polls = []bool{false, true}
		p := f.program()
		p.workerWait = workerWait
		if code := p.run(t.Context(), []string{"start", "-"}); code != exitDone || strings.Contains(f.errOut.String(), "Warning") {
			t.Errorf("got %d: %s", code, &f.errOut)
		}
	})
}

func TestStorage_Flags(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, test := range map[string]struct {
		store, database, variable, text string
	}{
		"none":             {"", "", "", "the storage is missing"},
		"both":             {folder, "postgres://127.0.0.1/x", "", "exclude each other"},
		"invalid":          {"", "postgres://user:secret-value@127.0.0.1:port/x", "", "the URL of the database is invalid"},
		"variable":         {"", "", "postgres://user:secret-value@127.0.0.1:port/x", "the URL of the database is invalid"},
		"directory":        {folder, "", "", ""},
		"both by variable": {folder, "", "postgres://127.0.0.1/x", "unset DATABASE_URL to use the directory, or omit --store"},
		"all":              {folder, "postgres://127.0.0.1/x", "postgres://127.0.0.1/x", "exclude each other"},
		"database first":   {"", "postgres://user:secret-value@127.0.0.1:port/x", "postgres://127.0.0.1/x", "the URL of the database is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &program{store: test.store, database: test.database, getenv: func(string) string { return test.variable }, creates: true}
			s, err := p.openStorage(t.Context())
			if test.text == "" {
				if err != nil {
					t.Fatal(err)
				}
				s.close()
				if s.name != "directory "+folder {
					t.Errorf("got the name %s", s.name)
				}
				return
			}
			if _, ok := errors.AsType[usageError](err); !ok || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "secret-value") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestProgram_Variables(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.variables = map[string]string{"TEMPORAL_ADDRESS": "engine.example:7233", "TEMPORAL_NAMESPACE": "acme", "DATABASE_URL": "postgres://user:secret-value@example.com/x"}
	if code := f.run("--help"); code != exitDone || !strings.Contains(f.out.String(), `default "engine.example:7233"`) || strings.Contains(f.out.String(), "secret-value") {
		t.Errorf("got %d: %s", code, &f.out)
	}
	p := f.program()
	if code := p.run(t.Context(), []string{"status", "--namespace", "other"}); code != exitDone || p.address != "engine.example:7233" || p.namespace != "other" || p.queue != fleet.DefaultQueue {
		t.Errorf("got %d and %s %s %s", code, p.address, p.namespace, p.queue)
	}
}

func TestProgram_UnknownCommand(t *testing.T) {
	t.Parallel()
	for text, args := range map[string][]string{
		"; did you mean status?": {"statsu"},
		"; did you mean worker?": {"help", "wroker"},
		"version, worker":        {"secret-value"},
	} {
		f := newFleet(t)
		got := f.run(args...)
		message := strings.Join(strings.Fields(f.errOut.String()), " ")
		if got != exitUsage || !strings.HasPrefix(message, "offboard-fleet: unknown command: use approve, ") || !strings.HasSuffix(message, text) || f.out.Len() > 0 {
			t.Errorf("%v: got %d: %s", args, got, message)
		}
	}
	f := newFleet(t)
	if code := f.run("help", "status"); code != exitDone || !strings.Contains(f.out.String(), "--all") {
		t.Errorf("got %d: %s%s", code, &f.out, &f.errOut)
	}
}

func TestProgram_Version(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.run("version")
	text := f.out.String()
	for provider, version := range offboard.APIVersions() {
		if !strings.HasPrefix(text, "offboard-fleet ") || !strings.Contains(text, provider) || !strings.Contains(text, version) {
			t.Errorf("got %s", text)
		}
	}
	if code := f.run("--version"); code != exitDone || f.out.String() != text {
		t.Errorf("got %d: %s", code, &f.out)
	}
	var got struct {
		APIs map[string]string `json:"api_versions"`
	}
	if code := f.run("version", "--json"); code != exitDone || json.Unmarshal(f.out.Bytes(), &got) != nil || len(got.APIs) != 5 {
		t.Errorf("got %d: %s", code, &f.out)
	}
}

func TestProgram_TLS(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	one := func(name, value string) map[string]string { return map[string]string{name: value} }
	for name, test := range map[string]struct {
		tls       bool
		variables map[string]string
		want      bool
		fault     string
	}{
		"without":            {false, nil, false, ""},
		"flag":               {true, nil, true, ""},
		"API key":            {false, one("TEMPORAL_API_KEY", "secret-value"), true, ""},
		"authority":          {false, one("TEMPORAL_TLS_SERVER_CA_CERT_PATH", path), true, ""},
		"server name":        {false, one("TEMPORAL_TLS_SERVER_NAME", "x"), true, ""},
		"no authority":       {true, one("TEMPORAL_TLS_SERVER_CA_CERT_PATH", path+".absent"), false, "TEMPORAL_TLS_SERVER_CA_CERT_PATH: cannot read " + path + ".absent: the file does not exist"},
		"not a file name":    {true, one("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "-----BEGIN secret-value"), false, "TEMPORAL_TLS_SERVER_CA_CERT_PATH: cannot read the file: the file does not exist; the name is not shown"},
		"no PEM":             {true, one("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "program.go"), false, "TEMPORAL_TLS_SERVER_CA_CERT_PATH: the file has no certificate"},
		"no key":             {false, one("TEMPORAL_TLS_CLIENT_CERT_PATH", path), false, "must be set together"},
		"no certificate":     {false, one("TEMPORAL_TLS_CLIENT_KEY_PATH", path), false, "must be set together"},
		"invalid key":        {false, map[string]string{"TEMPORAL_TLS_CLIENT_CERT_PATH": path, "TEMPORAL_TLS_CLIENT_KEY_PATH": path}, false, "TEMPORAL_TLS_CLIENT_CERT_PATH"},
		"variable 1":         {false, one("TEMPORAL_TLS", "1"), true, ""},
		"variable TRUE":      {false, one("TEMPORAL_TLS", "TRUE"), true, ""},
		"variable true":      {false, one("TEMPORAL_TLS", "true"), true, ""},
		"variable 0":         {false, one("TEMPORAL_TLS", "0"), false, ""},
		"variable False":     {false, one("TEMPORAL_TLS", "False"), false, ""},
		"variable yes":       {false, one("TEMPORAL_TLS", "yes"), false, "TEMPORAL_TLS must be true, false, 1 or 0"},
		"flag and variable":  {true, one("TEMPORAL_TLS", "0"), true, ""},
		"contradiction":      {false, map[string]string{"TEMPORAL_TLS": "false", "TEMPORAL_API_KEY": "secret-value"}, false, "TEMPORAL_API_KEY requires it"},
		"certificate itself": {false, one("TEMPORAL_TLS_CLIENT_CERT_DATA", "secret-value"), false, "TEMPORAL_TLS_CLIENT_CERT_DATA is not supported"},
		"not verified":       {true, one("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "True"), false, "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.variables = test.variables
			p := f.program()
			var args []string
			if test.tls {
				args = []string{"--tls"}
			}
			if code := p.run(t.Context(), append(args, "version")); code != exitDone { // sets the flags
				t.Fatalf("got %d: %s", code, &f.errOut)
			}
			got, err := p.tlsConfig()
			if (got != nil) != test.want || (err != nil) != (test.fault != "") || err != nil && (!strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "secret-value")) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
