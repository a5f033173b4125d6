// Package enginetest runs a Temporal server in a process of its own, which a test can kill and
// start again.
//
// The process is the test program itself, so that no test links the server a second time:
//
//	func TestMain(m *testing.M) { enginetest.Main(m) }
package enginetest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/fleet/dev/internal/command"
)

// variable marks a process that [Spawn] started.
const variable = "OFFBOARD_ENGINETEST_SERVER"

// startTimeout limits the start of a process.
const startTimeout = time.Minute

// Main runs the tests, or the server in a process that [Spawn] started. It does not return.
func Main(m *testing.M) {
	if os.Getenv(variable) == "" {
		os.Exit(m.Run())
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		// The end of the input is the end of the test program, however it ended.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	os.Exit(command.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Server is a Temporal server in a process of its own.
type Server struct {
	t       testing.TB
	flags   []string
	address string

	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
	exited chan struct{}
	before time.Duration // the CPU time of the processes before
}

// Spawn starts a server with the flags of the command temporal-dev, and returns when the server
// accepts workflows. The server is stopped when the test ends. The test program must call [Main].
func Spawn(t testing.TB, flags ...string) *Server {
	t.Helper()
	s := &Server{t: t, flags: flags}
	s.start(flags)
	t.Cleanup(s.stop)
	return s
}

// Address returns the address of the frontend. It stays the same after [Server.Restart].
func (s *Server) Address() string { return s.address }

// CPU returns the CPU time of the processes that have ended.
func (s *Server) CPU() time.Duration {
	sum := s.before
	select {
	case <-s.exited:
		sum += s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
	default:
	}
	return sum
}

// Kill kills the process with SIGKILL, and returns when the process has ended.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Restart kills the process if it runs, and starts a server with the same flags and port.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.before = s.CPU()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.start(append(s.flags[:len(s.flags):len(s.flags)], "-port", port))
}

func (s *Server) start(flags []string) {
	s.t.Helper()
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(program, flags...)
	s.cmd.Env = append(os.Environ(), variable+"=1")
	s.stderr = new(bytes.Buffer)
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = time.Second
	stdout, output := io.Pipe()
	s.cmd.Stdout = output
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		output.Close()
		close(s.exited)
	}()

	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case line := <-ready:
		address, ok := strings.CutPrefix(line, "ready ")
		if !ok {
			s.Kill()
			s.t.Fatalf("the server did not start: %q\n%s", line, s.stderr)
		}
		s.address = address
	case <-time.After(startTimeout):
		s.Kill()
		s.t.Fatalf("the server did not start within %v\n%s", startTimeout, s.stderr)
	}
}

// stop ends the process as the end of the test program does.
func (s *Server) stop() {
	s.stdin.Close()
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.Kill()
	}
	if s.t.Failed() {
		s.t.Logf("the server wrote:\n%s", s.stderr)
	}
}
