//go:build unix

// Package postgrestest starts Postgres for a test.
//
// The tests are skipped if Postgres is not installed, and fail if OFFBOARD_COMPONENTS is
// "required".
package postgrestest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a running Postgres with its own data directory.
type Cluster struct {
	socket string // directory of the Unix socket
}

// Start starts Postgres on a Unix socket until the test ends. The cluster has no password, the
// superuser "postgres" and the database "postgres". As root, Start runs Postgres as another
// user, because Postgres refuses root.
func Start(t testing.TB) *Cluster {
	t.Helper()
	initdb, postgres := program(t, "initdb"), program(t, "postgres")
	credential := unprivileged(t)
	dir := directory(t, credential)
	data := filepath.Join(dir, "data")

	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir // the user may not be able to enter the current directory
		cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C", "TZ=UTC")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		cmd.WaitDelay = time.Second
		return cmd
	}
	if out, err := run(initdb, "--pgdata="+data, "--username=postgres", "--auth=trust",
		"--encoding=UTF8", "--no-locale", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}

	var output bytes.Buffer
	// Without fsync, the data survive a killed process, but no power failure.
	cmd := run(postgres, "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	t.Cleanup(sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // a shutdown that closes all connections
		select {
		case <-exited:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			t.Logf("postgres wrote:\n%s", &output)
		}
	}))

	c := &Cluster{socket: dir}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.DataSource("postgres"))
		if err == nil {
			conn.Close(ctx)
			return c
		}
		select {
		case <-exited:
			t.Fatal("postgres exited")
		case <-ctx.Done():
			t.Fatalf("postgres does not accept connections: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// DataSource returns the data source of a database, which need not exist.
func (c *Cluster) DataSource(database string) string {
	return fmt.Sprintf("host='%s' user=postgres dbname='%s'", c.socket, database)
}

// program returns the path of a program. Debian installs the programs outside of PATH.
func program(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(paths) > 0 {
		return paths[len(paths)-1]
	}
	if os.Getenv("OFFBOARD_COMPONENTS") == "required" {
		t.Fatalf("%s is not installed, but OFFBOARD_COMPONENTS requires it: install postgresql", name)
	}
	t.Skipf("%s is not installed: install postgresql", name)
	return ""
}

// unprivileged returns the user that runs Postgres if the test runs as root, and otherwise nil.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			t.Fatalf("cannot run Postgres as root, and the users postgres and nobody do not exist: %v", err)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// directory returns a directory of the user that is removed after the test. Unlike t.TempDir,
// its parents are accessible to the user, and its path is short enough for a Unix socket.
func directory(t testing.TB, owner *syscall.Credential) string {
	t.Helper()
	base := os.TempDir()
	if len(base) > 60 || strings.ContainsAny(base, `'\`) || owner != nil && !accessible(base) {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// accessible reports whether all users can enter a directory.
func accessible(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}
