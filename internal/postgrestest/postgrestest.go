// Package postgrestest runs a PostgreSQL server for the tests of all modules. It uses the standard
// library and the programs of PostgreSQL only, so that no module requires a driver for it.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Server is a server in a temporary directory. It listens on a Unix socket only.
type Server struct {
	directory string
	settings  []string
	databases atomic.Int64

	mu      sync.Mutex
	command *exec.Cmd
	ended   chan struct{}
	output  bytes.Buffer
}

// Skip skips a test if PostgreSQL is not installed. The test fails instead if OFFBOARD_COMPONENTS
// requires all programs.
func Skip(t testing.TB) {
	t.Helper()
	for _, name := range []string{"postgres", "initdb", "createdb"} {
		if _, err := exec.LookPath(program(name)); err != nil {
			if os.Getenv("OFFBOARD_COMPONENTS") == "required" {
				t.Fatalf("%s is not installed, but OFFBOARD_COMPONENTS requires it", name)
			}
			t.Skipf("%s is not installed", name)
		}
	}
}

// program returns the path of a program of PostgreSQL. Debian's package installs them outside of
// PATH.
func program(name string) string {
	if _, err := exec.LookPath(name); err != nil {
		if paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(paths) > 0 {
			return paths[len(paths)-1]
		}
	}
	return name
}

// Start starts a server with settings such as "synchronous_commit=off". Stop it after use. If the
// test runs as root, which PostgreSQL refuses, the server runs as another user.
func Start(settings ...string) (*Server, error) {
	base := os.TempDir()
	if os.Getuid() == 0 || len(base) > maxBase {
		base = "/tmp" // other users may not have access to TMPDIR
	}
	directory, err := os.MkdirTemp(base, "postgrestest")
	if err != nil {
		return nil, err
	}
	s := &Server{directory: directory, settings: settings}
	if err := s.initialize(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if err := s.Run(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// maxBase is the maximum length of the directory that contains the server's: the path of a Unix
// socket has at most about 100 bytes.
const maxBase = 60

func (s *Server) initialize() error {
	if os.Getuid() == 0 {
		uid, gid, err := unprivileged()
		if err != nil {
			return err
		}
		if err := os.Chown(s.directory, uid, gid); err != nil {
			return err
		}
	}
	command, err := s.program("initdb", "--pgdata="+filepath.Join(s.directory, "data"), "--auth=trust",
		"--username=test", "--encoding=UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, output)
	}
	return nil
}

// program returns a command that does not run as root.
func (s *Server) program(name string, args ...string) (*exec.Cmd, error) {
	command := exec.Command(program(name), args...)
	command.Dir = s.directory
	if os.Getuid() == 0 {
		uid, gid, err := unprivileged()
		if err != nil {
			return nil, err
		}
		runAs(command, uid, gid)
	}
	return command, nil
}

// unprivileged returns the IDs of a user without privileges.
func unprivileged() (uid, gid int, err error) {
	var found *user.User
	for _, name := range []string{"postgres", "daemon"} {
		if found, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(found.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(found.Gid)
	return uid, gid, err
}

// Run runs the server again after [Server.Crash], and returns when it accepts connections.
func (s *Server) Run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	args := []string{"-D", filepath.Join(s.directory, "data"), "-k", s.directory, "-c", "listen_addresses=", "-c", "fsync=off"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	command, err := s.program("postgres", args...)
	if err != nil {
		return err
	}
	s.output.Reset()
	command.Stdout, command.Stderr, command.WaitDelay = &s.output, &s.output, time.Second
	ended := make(chan struct{})
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	s.command, s.ended = command, ended
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.ready() {
		select {
		case <-ended:
			return fmt.Errorf("postgres ended: %s", &s.output)
		case <-timeout.C:
			return errors.New("postgres does not accept connections after 30 seconds")
		case <-tick.C:
		}
	}
	return nil
}

// ready reports whether the server accepts connections: pg_ctl reads the same file. A server that
// crashed leaves its file, with another process ID.
func (s *Server) ready() bool {
	content, err := os.ReadFile(filepath.Join(s.directory, "data", "postmaster.pid"))
	lines := strings.Split(string(content), "\n")
	return err == nil && len(lines) > 7 && lines[0] == strconv.Itoa(s.command.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
}

// Database creates a database, and returns its connection string.
func (s *Server) Database(ctx context.Context) (string, error) {
	name := "test" + strconv.FormatInt(s.databases.Add(1), 10)
	command := exec.CommandContext(ctx, program("createdb"), "--host="+s.directory, "--username=test", "--maintenance-db=postgres", name)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("createdb: %w: %s", err, output)
	}
	return s.DataSource(name), nil
}

// DataSource returns the connection string of a database, which need not exist.
func (s *Server) DataSource(database string) string {
	return fmt.Sprintf("host='%s' user=test dbname='%s'", s.directory, database)
}

// StartFor starts a server that is stopped after a test. It skips the test as [Skip] does.
func StartFor(t testing.TB, settings ...string) *Server {
	t.Helper()
	Skip(t)
	s, err := Start(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Crash ends the server at once: it writes nothing to its files.
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

// Stop ends the server and removes its directory.
func (s *Server) Stop() error {
	return errors.Join(s.end(syscall.SIGINT), os.RemoveAll(s.directory))
}

func (s *Server) end(signal os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return nil
	}
	_ = s.command.Process.Signal(signal) // it may have ended
	select {
	case <-s.ended:
		s.command = nil
		return nil
	case <-time.After(20 * time.Second):
		_ = s.command.Process.Kill()
		return fmt.Errorf("postgres did not end: %s", strings.TrimSpace(s.output.String()))
	}
}
