package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offboard-dev/offboard-go/teardown"
)

// recorder is an output that a test reads while the demonstration writes it.
type recorder struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	wrote  func(all string)
}

func (o *recorder) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buffer.Write(p)
	if o.wrote != nil {
		o.wrote(o.buffer.String())
	}
	return n, err
}

func TestRun(t *testing.T) {
	t.Setenv("TERM", "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout recorder
	var stderr bytes.Buffer
	if code := Run(ctx, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("got the exit code %d: %s\n%s", code, &stderr, &stdout.buffer)
	}
	text := stdout.buffer.String()
	_, table, ok := strings.Cut(text, "PROVIDER ")
	if !ok || strings.Contains(text, "\x1b") {
		t.Fatalf("got:\n%s", text)
	}
	for _, want := range []struct {
		text  string
		count int
	}{{" deleted ", 18}, {" blocked ", 2}, {" pending ", 1}, {" exists ", 2}} {
		if got := strings.Count(table, want.text); got != want.count {
			t.Errorf("the table contains%q %d times, want %d:\n%s", want.text, got, want.count, table)
		}
	}
}

// Without approvals, the organizations wait until the user ends the demonstration.
func TestRun_WithoutApprovals(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stdout := recorder{wrote: func(all string) {
		if strings.Count(all, " waits for: offboard-fleet approve --address 127.0.0.1:") == 12 {
			cancel()
		}
	}}
	var stderr bytes.Buffer
	if code := Run(ctx, []string{"-approve=false"}, &stdout, &stderr); code != 0 {
		t.Fatalf("got the exit code %d: %s\n%s", code, &stderr, &stdout.buffer)
	}
	text := stdout.buffer.String()
	for _, command := range []string{"offboard-fleet status --address ", "offboard-fleet serve --address "} {
		if strings.Count(text, command) != 1 {
			t.Errorf("the command %s is missing:\n%s", command, text)
		}
	}
	if !regexp.MustCompile(`The batch offboard-batch/[0-9a-f]{64} starts`).MatchString(text) {
		t.Errorf("the ID of the batch is missing:\n%s", text)
	}
	if got := strings.Count(text, " running "); got != 12 {
		t.Errorf("got %d running organizations:\n%s", got, &stdout.buffer)
	}
}

func TestRun_ExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"-unknown"}, 2},
		{[]string{"--help"}, 0},
		{[]string{"argument"}, 2},
		{[]string{"-port", "-1"}, 1},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), tt.args, &stdout, &stderr); code != tt.code || stderr.Len() == 0 {
			t.Errorf("%v: got the exit code %d: %s", tt.args, code, &stderr)
		}
	}
}

// An output that is closed, such as by a pipe to head, ends the demonstration, which removes its directory.
func TestRun_ClosedOutput(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("TMPDIR", directory)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, writer := io.Pipe()
	go func() {
		_, _ = bufio.NewReader(reader).ReadString('\n')
		_ = reader.Close()
	}()
	var stderr bytes.Buffer
	if code := Run(ctx, []string{"-approve=false"}, writer, &stderr); code != 1 || !strings.Contains(stderr.String(), "cannot write") {
		t.Errorf("got the exit code %d: %s", code, &stderr)
	}
	left, err := os.ReadDir(directory)
	if err != nil || len(left) > 0 || ctx.Err() != nil {
		t.Errorf("got %v, %v, %v", left, err, ctx.Err())
	}
}

// A cancellation on purpose is no wrong result. A workflow that failed is one.
func TestTable_Canceled(t *testing.T) {
	t.Parallel()
	f := newFakes()
	e := f["katapult"].entries[0]
	for want, err := range map[string]error{"canceled": temporal.NewCanceledError(), "failed": errors.New("permission_denied")} {
		var stdout bytes.Buffer
		d := &demo{out: &stdout, fakes: f, all: []*organization{{Entry: e, name: "katapult", err: err}}}
		if got := d.table(t.Context()); (got == nil) != (want == "canceled") || !strings.Contains(stdout.String(), " "+want+" ") {
			t.Errorf("got %v:\n%s", got, &stdout)
		}
	}
}

// The name of a step of an action may be that of its kind.
func TestList_Action(t *testing.T) {
	t.Parallel()
	steps := []teardown.Step{{Kind: "ensure_zero_balance", Name: "ensure zero balance"}, {Kind: "dns_zone", Name: "example.com"}}
	if got, want := list(steps), "ensure zero balance, dns zone example.com"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
