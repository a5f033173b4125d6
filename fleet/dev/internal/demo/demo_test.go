package demo

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is an output that a test reads while the demonstration writes it.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	wrote  func(all string)
}

func (o *output) Write(p []byte) (int, error) {
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
	var stdout output
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
	stdout := output{wrote: func(all string) {
		if strings.Count(all, " waits for the update approve ") == 12 {
			cancel()
		}
	}}
	var stderr bytes.Buffer
	if code := Run(ctx, []string{"-approve=false"}, &stdout, &stderr); code != 0 {
		t.Fatalf("got the exit code %d: %s\n%s", code, &stderr, &stdout.buffer)
	}
	if got := strings.Count(stdout.buffer.String(), " running "); got != 12 {
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
		{[]string{"argument"}, 2},
		{[]string{"-port", "-1"}, 1},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), tt.args, &stdout, &stderr); code != tt.code || stderr.Len() == 0 {
			t.Errorf("%v: got the exit code %d: %s", tt.args, code, &stderr)
		}
	}
}
