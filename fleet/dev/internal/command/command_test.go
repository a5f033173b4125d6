package command

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stdout, output := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- Run(ctx, []string{"-sqlite", filepath.Join(t.TempDir(), "file")}, output, &stderr)
		output.Close()
	}()

	line := make([]byte, 100)
	n, err := stdout.Read(line)
	if err != nil {
		t.Fatalf("exit code %d: %s", <-code, &stderr)
	}
	address, ok := strings.CutPrefix(string(line[:n]), "ready ")
	if !ok {
		t.Fatalf("got %q", line[:n])
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	stop()
	if got := <-code; got != 0 {
		t.Errorf("got the exit code %d: %s", got, &stderr)
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
		{[]string{"-log", "loud"}, 2},
		{[]string{"-sqlite", "file", "-postgres", "dbname=a"}, 1},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), tt.args, &stdout, &stderr); code != tt.code {
			t.Errorf("%v: got the exit code %d: %s", tt.args, code, &stderr)
		}
		if stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%v wrote %q to stdout and %q to stderr", tt.args, &stdout, &stderr)
		}
	}
}
