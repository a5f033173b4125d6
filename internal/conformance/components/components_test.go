package components_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// program returns the path of a program. Without it the test is skipped, or fails if
// OFFBOARD_COMPONENTS requires all programs.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} { // the PATH of users may lack it
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	if os.Getenv("OFFBOARD_COMPONENTS") == "required" {
		t.Fatalf("%s is not installed, but OFFBOARD_COMPONENTS requires it: run install.sh", name)
	}
	t.Skipf("%s is not installed: run install.sh", name)
	return ""
}

// directory returns a directory that is removed after the test. Unlike t.TempDir, daemons
// can read it after they have dropped their privileges.
func directory(t *testing.T) string {
	t.Helper()
	base := ""
	if os.Getuid() == 0 && !readable(os.TempDir()) {
		base = "/tmp" // daemons that root starts change to a user without access to TMPDIR
	}
	dir, err := os.MkdirTemp(base, "components")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readable reports whether all users can enter a directory.
func readable(dir string) bool {
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

// write writes a file.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// daemon is a component that a test starts.
type daemon struct {
	config  string   // its configuration: a template with .Dir, .Port and .Settings
	command []string // with ${config}, its file, ${dir} and ${port}
	dir     string

	address string
	stop    func() // stops it, as the end of the test does
}

// start runs a daemon on a loopback port until the test ends. If it does not start, the
// test shows its output.
func (d *daemon) start(t *testing.T, settings any) {
	t.Helper()
	for range 3 { // another program may have taken the port
		if d.try(t, settings) {
			return
		}
	}
	t.Fatalf("%s did not start", d.command[0])
}

func (d *daemon) try(t *testing.T, settings any) (started bool) {
	t.Helper()
	port := freePort(t)
	var config bytes.Buffer
	if err := template.Must(template.New("").Parse(d.config)).Execute(&config, struct {
		Dir      string
		Port     int
		Settings any
	}{d.dir, port, settings}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(d.dir, "config")
	if d.config != "" {
		write(t, file, config.String())
	}

	var output bytes.Buffer
	command := exec.Command(d.command[0])
	for _, arg := range d.command[1:] {
		command.Args = append(command.Args, os.Expand(arg, func(name string) string {
			return map[string]string{"config": file, "dir": d.dir, "port": strconv.Itoa(port)}[name]
		}))
	}
	command.Stdout, command.Stderr, command.WaitDelay = &output, &output, time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	stop := sync.OnceFunc(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
	})
	t.Cleanup(func() {
		stop()
		if started && !t.Failed() {
			return
		}
		t.Logf("%s wrote:\n%s", d.command[0], &output)
		logs, _ := filepath.Glob(filepath.Join(d.dir, "*.log"))
		for _, log := range logs {
			content, _ := os.ReadFile(log)
			t.Logf("%s:\n%s", filepath.Base(log), content)
		}
	})
	d.stop, d.address = stop, fmt.Sprintf("127.0.0.1:%d", port)
	for started := time.Now(); time.Since(started) < 10*time.Second; {
		if conn, err := net.Dial("tcp", d.address); err == nil {
			conn.Close()
			// Another program may use the port, and this one may be about to exit.
			select {
			case <-ended:
			case <-time.After(20 * time.Millisecond):
				return true
			}
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}

// freePort returns a loopback port without a listener.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// exchange is a request and its answer on the wire.
type exchange struct {
	status int // 0 without an answer
	url    string
	header http.Header
	answer http.Header
}

// recorder records all exchanges of a client.
type recorder struct {
	next http.RoundTripper

	mu  sync.Mutex
	all []exchange
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	x := exchange{url: req.URL.String(), header: req.Header.Clone()}
	if err == nil {
		x.status, x.answer = resp.StatusCode, resp.Header.Clone()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, x)
	return resp, err
}

// take returns the exchanges since the last call.
func (r *recorder) take() []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// statuses returns the statuses of exchanges.
func statuses(all []exchange) []int {
	var s []int
	for _, x := range all {
		s = append(s, x.status)
	}
	return s
}

// code returns the code and the status of an error; none for nil.
func code(t *testing.T, err error) (errors.Code, int) {
	t.Helper()
	if err == nil {
		return "", 0
	}
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		t.Fatalf("got an untyped error: %v", err)
	}
	return e.Code, e.Status
}

// in returns a context that ends with the test.
func in(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serve starts a server on loopback that stops with the test, and returns its address.
func serve(t *testing.T, server *http.Server, handler http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Handler = handler
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}
