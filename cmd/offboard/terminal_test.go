package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/demo"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// operator runs the built program in a temporary directory, as a person does.
type operator struct {
	*testing.T
	dir         string
	environment []string
}

// run runs a command without a terminal, and returns its output and the standard error.
func (o *operator) run(args ...string) (code int, out, errOut string) {
	o.Helper()
	c := o.command(args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	return exitOf(o.T, c.Run()), stdout.String(), stderr.String()
}

func (o *operator) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(o.Context(), os.Args[0], args...)
	c.Dir, c.Env = o.dir, append(append(os.Environ(), asProgram+"=1", "TERM=xterm-256color"), o.environment...)
	return c
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	exit, failed := err.(*exec.ExitError)
	if err != nil && !failed {
		t.Fatal(err)
	}
	if failed {
		return exit.ExitCode()
	}
	return 0
}

func (o *operator) write(name, text string) {
	o.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
		o.Fatal(err)
	}
}

// plan writes a plan file for a manifest.
func (o *operator) plan(manifest string) {
	o.Helper()
	o.write("manifest.yaml", manifest)
	if code, out, errOut := o.run("plan", "manifest.yaml", "-o", "plan.json"); code != exitcode.OK {
		o.Fatalf("plan: exit code %d: %s%s", code, out, errOut)
	}
}

// workspaces returns an operator with three organizations at a fake, in a plan that confirms
// none of them.
func workspaces(t *testing.T) (*operator, *workspacetest.Server) {
	t.Helper()
	t.Parallel()
	srv := workspacetest.NewServer()
	manifest := "organizations:\n"
	for i, name := range []string{"Acme One", "Acme Two", "Acme Three"} {
		id := workspaceID(i)
		srv.AddOrganization(workspacetest.Organization{ID: id, Slug: fmt.Sprintf("acme-%d", i), Name: name})
		manifest += fmt.Sprintf("  - {provider: applivery, organization: %q}\n", id)
	}
	base := srv.Start()
	t.Cleanup(srv.Close)
	o := &operator{t, t.TempDir(), []string{"APPLIVERY_API_TOKEN=" + workspacetest.Token, "OFFBOARD_WORKSPACE_BASE_URL=" + base}}
	o.plan(manifest)
	return o, srv
}

func workspaceID(i int) string { return fmt.Sprintf("65f00000000000000000000%d", i) }

// existing returns how many of the organizations of workspaces exist.
func existing(srv *workspacetest.Server) int {
	n := 0
	for i := range 3 {
		if srv.Exists(workspaceID(i)) {
			n++
		}
	}
	return n
}

// tenant returns an operator with a plan for a tenant whose namespace is deleted slowly.
func tenant(t *testing.T, takes time.Duration, of volterratest.Tenant) (*operator, *volterratest.Server) {
	t.Helper()
	t.Parallel()
	const name = "acme-edge-kqzvxwbn"
	of.Name = name
	srv := volterratest.NewServer()
	srv.SetTenant(of)
	srv.AddNamespace(volterratest.Namespace{Name: "web", Takes: takes})
	srv.AddChildTenantManager("partners")
	base := srv.Start()
	t.Cleanup(srv.Close)
	o := &operator{t, t.TempDir(), []string{"F5XC_API_TOKEN=" + volterratest.Token, "F5XC_API_URL=" + base, "OFFBOARD_VOLTERRA_BASE_URL=" + base}}
	o.plan(fmt.Sprintf("organizations: [{provider: f5, organization: %s, confirm: %s, email: owner@example.com}]\n", name, name))
	return o, srv
}

// session is the program on a pseudo-terminal.
type session struct {
	*operator
	command *exec.Cmd
	master  *os.File

	mu    sync.Mutex
	text  strings.Builder // all output, without control sequences
	more  *sync.Cond
	ended bool
	seen  int // the length of the text that expect has passed
}

// start starts a command on a pseudo-terminal.
func (o *operator) start(args ...string) *session {
	o.Helper()
	return o.startWith(func(*exec.Cmd) {}, args...)
}

// startWith starts a command on a pseudo-terminal, except the streams that redirect sets.
func (o *operator) startWith(redirect func(*exec.Cmd), args ...string) *session {
	o.Helper()
	s := &session{operator: o, command: o.command(args...)}
	redirect(s.command)
	s.more = sync.NewCond(&s.mu)
	master, err := pty.StartWithSize(s.command, &pty.Winsize{Rows: 40, Cols: 200})
	if err != nil {
		o.Skipf("no pseudo-terminal: %v", err)
	}
	s.master = master
	o.Cleanup(func() { master.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			s.mu.Lock()
			s.text.WriteString(strings.ReplaceAll(ansi.Strip(string(buffer[:n])), "\r", ""))
			s.ended = err != nil
			s.more.Broadcast()
			s.mu.Unlock()
			if err != nil { // the program closed the terminal
				return
			}
		}
	}()
	return s
}

// expect waits until the terminal shows a text, after the texts that earlier calls found.
func (s *session) expect(want string) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if i := strings.Index(s.text.String()[s.seen:], want); i >= 0 {
			s.seen += i + len(want)
			return
		}
		if s.ended {
			s.Fatalf("the terminal does not show %q after %q:\n%s", want, s.text.String()[:s.seen], s.text.String())
		}
		s.more.Wait()
	}
}

// answer types a line after the prompt.
func (s *session) answer(prompt, line string) {
	s.Helper()
	s.expect(prompt)
	if _, err := io.WriteString(s.master, line+"\n"); err != nil {
		s.Fatal(err)
	}
}

// wait waits for the end of the program, and returns its exit code and all its output.
func (s *session) wait() (int, string) {
	s.Helper()
	code := exitOf(s.T, s.command.Wait())
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.ended {
		s.more.Wait()
	}
	return code, s.text.String()
}

func TestTerminal_ConfirmationOfAll(t *testing.T) {
	o, srv := workspaces(t)
	s := o.start("apply", "plan.json", "--confirm", "Acme Two")
	s.expect("This permanently deletes 3 organizations")
	for _, name := range []string{"Acme One", "Acme Two", "Acme Three"} {
		s.expect("  - workspace " + name + " (65f")
	}
	s.expect("1 of 2: workspace Acme One")
	s.answer("Type the name Acme One to confirm", "Acme One")
	s.answer("Type the name Acme Three to confirm", "Acme Thre")
	s.expect("The answer differs from the name. Nothing was deleted, and your other answers are kept.")
	if n := existing(srv); n != 3 {
		t.Errorf("%d organizations exist before the last answer", n)
	}
	s.answer("Type the name Acme Three to confirm", "Acme Three")
	if code, out := s.wait(); code != exitcode.OK || existing(srv) != 0 {
		t.Errorf("exit code %d, %d organizations exist: %s", code, existing(srv), out)
	}
}

// The command that resumes repeats the answers of the prompt: it runs without a terminal.
func TestTerminal_ResumeAfterPrompt(t *testing.T) {
	o, srv := workspaces(t)
	s := o.start("apply", "plan.json", "--only", "Acme One", "--only", "Acme Two", "--confirm", "Acme One", "--retry-for", "0")
	s.expect("Type the name Acme Two to confirm")
	srv.Fail(offboardtest.Respond("DeleteOrganization", 403, `{"status":false,"error":{"code":3002,"message":"Forbidden"}}`))
	s.answer("", "Acme Two")
	const resume = "To resume: offboard apply plan.json --confirm 'Acme One' --only 'Acme One' --only 'Acme Two' --retry-for 0s --confirm 'Acme Two'\n"
	if code, out := s.wait(); code != exitcode.Blocked || !strings.Contains(out, resume) {
		t.Errorf("exit code %d: %s", code, out)
	}
	code, out, errOut := o.run("apply", "plan.json", "--confirm", "Acme One", "--only", "Acme One", "--only", "Acme Two", "--confirm", "Acme Two")
	if code != exitcode.OK || existing(srv) != 1 {
		t.Errorf("resumed: exit code %d, %d organizations exist: %s%s", code, existing(srv), out, errOut)
	}
}

func TestTerminal_WrongAnswers(t *testing.T) {
	for name, answers := range map[string][]string{"wrong": {"a", "b", "c"}, "empty": {""}, "end": {"\x04"}} {
		t.Run(name, func(t *testing.T) {
			o, srv := workspaces(t)
			s := o.start("apply", "plan.json", "--only", "Acme One", "--only", "Acme Two")
			s.answer("Type the name Acme One to confirm", "Acme One")
			for _, answer := range answers {
				s.answer("Type the name Acme Two to confirm", answer)
			}
			code, out := s.wait()
			if code != exitcode.NotConfirmed || existing(srv) != 3 {
				t.Errorf("exit code %d, %d organizations exist: %s", code, existing(srv), out)
			}
			for _, want := range []string{
				"To give your correct answers as flags: offboard apply plan.json --only 'Acme One' --only 'Acme Two' --confirm 'Acme One'\n",
				"1 organization without confirmation", "  - workspace Acme Two (" + workspaceID(1) + "): --confirm 'Acme Two'\n",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("the output does not contain %q:\n%s", want, out)
				}
			}
		})
	}
}

// A prompt is shown on a terminal: on the standard error if the standard output is a file. If neither
// is a terminal, apply does not wait for an answer.
func TestTerminal_PromptOfRedirectedOutput(t *testing.T) {
	o, srv := workspaces(t)
	file := func(name string) *os.File {
		f, err := os.Create(filepath.Join(o.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	s := o.startWith(func(c *exec.Cmd) { c.Stdout = file("log") }, "apply", "plan.json", "--only", "Acme One")
	s.expect("This permanently deletes 1 organization")
	s.answer("Type the name Acme One to confirm", "Acme One")
	code, out := s.wait()
	log, err := os.ReadFile(filepath.Join(o.dir, "log"))
	if err != nil || code != exitcode.OK || srv.Exists(workspaceID(0)) || strings.Contains(string(log), "Type the name") || !strings.Contains(string(log), "1 organization: 1 deleted\n") {
		t.Errorf("exit code %d, %v: %s%s", code, err, out, log)
	}
	s = o.startWith(func(c *exec.Cmd) { c.Stdout, c.Stderr = file("log"), file("errors") }, "apply", "plan.json", "--only", "Acme Two")
	code, _ = s.wait()
	log, err = os.ReadFile(filepath.Join(o.dir, "errors"))
	if err != nil || code != exitcode.NotConfirmed || !strings.Contains(string(log), "1 organization without confirmation") {
		t.Errorf("no terminal for the prompt: exit code %d, %v: %s", code, err, log)
	}
}

func TestTerminal_InterruptedPrompt(t *testing.T) {
	o, srv := workspaces(t)
	s := o.start("apply", "plan.json")
	s.expect("Type the name Acme One to confirm")
	if _, err := io.WriteString(s.master, "\x03"); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	if code, out := s.wait(); code != exitcode.NotConfirmed || existing(srv) != 3 || strings.Count(out, "Type the name") != 1 {
		t.Errorf("exit code %d, %d organizations exist: %s", code, existing(srv), out)
	}
}

// Without a terminal, one error names all organizations, each with the flag that confirms it.
func TestApply_AllUnconfirmedAtOnce(t *testing.T) {
	o, srv := workspaces(t)
	code, out, errOut := o.run("apply", "plan.json", "--confirm", "Acme Two")
	for _, want := range []string{"2 organizations without confirmation", "Acme One (" + workspaceID(0) + "): --confirm 'Acme One'\n", "--confirm 'Acme Three'\n", "Nothing was changed."} {
		if code != exitcode.NotConfirmed || !strings.Contains(errOut, want) {
			t.Errorf("exit code %d: %q is missing: %s%s", code, want, out, errOut)
		}
	}
	if n := existing(srv); n != 3 {
		t.Errorf("%d organizations exist", n)
	}
}

func TestApply_OnlySelectsAndConfirmsNothing(t *testing.T) {
	o, srv := workspaces(t)
	if code, _, errOut := o.run("apply", "plan.json", "--only", "Acme One"); code != exitcode.NotConfirmed || strings.Contains(errOut, "Acme Two") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
	if code, _, errOut := o.run("apply", "plan.json", "--only", "Acme Four"); code != exitcode.Usage || !strings.Contains(errOut, "--only number 1 matches no organization") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
	if code, _, errOut := o.run("apply", "plan.json", "--only", workspaceID(1), "--confirm", "Acme One"); code != exitcode.NotConfirmed {
		t.Errorf("exit code %d: %s", code, errOut)
	}
	if n := existing(srv); n != 3 {
		t.Fatalf("%d organizations exist", n)
	}
	code, out, errOut := o.run("apply", "plan.json", "--only", workspaceID(1), "--confirm", "Acme Two")
	if code != exitcode.OK || existing(srv) != 2 || srv.Exists(workspaceID(1)) || strings.Contains(out, "Acme One") {
		t.Errorf("exit code %d, %d organizations exist: %s%s", code, existing(srv), out, errOut)
	}
}

func TestApply_DenyAndAllowFlags(t *testing.T) {
	for name, test := range map[string]struct {
		args    []string
		code    int
		deleted []int
		want    string
	}{
		"deny by name":       {[]string{"--deny", "Acme Two"}, exitcode.NotConfirmed, []int{0, 2}, "--deny forbids this organization"},
		"deny by ID":         {[]string{"--deny", workspaceID(1), "--deny", workspaceID(0)}, exitcode.NotConfirmed, []int{2}, "--deny forbids this organization"},
		"allow":              {[]string{"--allow", "Acme Three"}, exitcode.NotConfirmed, []int{2}, "--allow does not permit this organization"},
		"allow and deny":     {[]string{"--allow", "Acme Three", "--deny", "Acme Three"}, exitcode.NotConfirmed, nil, "does not permit"},
		"deny without match": {[]string{"--deny", "Acme Four"}, exitcode.Usage, nil, "--deny number 1 matches no organization"},
	} {
		t.Run(name, func(t *testing.T) {
			o, srv := workspaces(t)
			args := []string{"apply", "plan.json"}
			for i, flag := range []string{"Acme One", "Acme Two", "Acme Three"} {
				if len(test.deleted) == 0 || strings.Contains(fmt.Sprint(test.deleted), fmt.Sprint(i)) {
					args = append(args, "--confirm", flag)
				}
			}
			if len(test.deleted) == 0 {
				args = args[:2]
			}
			code, out, errOut := o.run(append(args, test.args...)...)
			if code != test.code || !strings.Contains(out+errOut, test.want) {
				t.Errorf("exit code %d: %s%s", code, out, errOut)
			}
			for i := range 3 {
				if deleted := strings.Contains(fmt.Sprint(test.deleted), fmt.Sprint(i)); srv.Exists(workspaceID(i)) == deleted {
					t.Errorf("organization %d: deleted %t: %s%s", i, !deleted, out, errOut)
				}
			}
		})
	}
}

// The reader of the output closes it, as head does.
func TestApply_ClosedPipe(t *testing.T) {
	for _, args := range [][]string{{"--json"}, {"-v"}} {
		t.Run(args[0], func(t *testing.T) {
			o, srv := tenant(t, 300*time.Millisecond, volterratest.Tenant{KeepsCredential: true})
			c := o.command(append([]string{"apply", "plan.json"}, args...)...)
			out, err := c.StdoutPipe()
			if err == nil {
				err = c.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
			out.Close()
			if code := exitOf(t, c.Wait()); code != exitcode.OK || len(srv.Accepted()) != 1 || len(srv.Remaining()) != 0 {
				t.Errorf("exit code %d; %d requests accepted, remaining: %v", code, len(srv.Accepted()), srv.Remaining())
			}
		})
	}
}

// A signal stops gently, and the same command resumes. SIGHUP also stops gently if it comes
// twice, as when a terminal closes.
func TestApply_Signals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	for name, signals := range map[string][]syscall.Signal{
		"SIGTERM": {syscall.SIGTERM}, "SIGHUP": {syscall.SIGHUP}, "SIGHUP twice": {syscall.SIGHUP, syscall.SIGHUP}, "SIGINT": {syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			o, srv := tenant(t, 2*time.Second, volterratest.Tenant{KeepsCredential: true})
			c := o.command("apply", "plan.json", "-v", "--concurrency", "2", "--retry-for", "5m", "--journal", "other journal")
			out := new(synchronized)
			c.Stdout, c.Stderr = out, out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			out.expect(t, "namespace/web")
			for _, s := range signals {
				if err := c.Process.Signal(s); err != nil {
					t.Error(err)
				}
			}
			if code := exitOf(t, c.Wait()); code != exitcode.Stopped || len(srv.Accepted()) != 0 {
				t.Errorf("exit code %d: %s", code, out.String())
			}
			resume := regexp.MustCompile(`To resume: offboard (.*)`).FindStringSubmatch(out.String())
			if resume == nil || resume[1] != "apply plan.json --concurrency 2 --journal 'other journal' --retry-for 5m0s" {
				t.Fatalf("the command that resumes is missing or wrong: %q", out.String())
			}
			if code, out, errOut := o.run("apply", "plan.json", "--concurrency", "2", "--journal", "other journal", "--retry-for", "5m0s"); code != exitcode.OK || len(srv.Accepted()) != 1 {
				t.Errorf("resumed: exit code %d: %s%s", code, out, errOut)
			}
		})
	}
}

// synchronized is an output that a test waits for.
type synchronized struct {
	mu   sync.Mutex
	text bytes.Buffer
	wait []chan struct{}
}

func (s *synchronized) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.wait {
		close(c)
	}
	s.wait = nil
	return s.text.Write(text)
}

func (s *synchronized) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// expect waits until the output contains a text.
func (s *synchronized) expect(t *testing.T, want string) {
	t.Helper()
	for {
		s.mu.Lock()
		found, more := strings.Contains(s.text.String(), want), make(chan struct{})
		s.wait = append(s.wait, more)
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-time.After(20 * time.Second):
			t.Fatalf("the output does not contain %q: %s", want, s.String())
		}
	}
}

func TestApply_NohupIgnoresHangup(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("no shell")
	}
	o, srv := tenant(t, 300*time.Millisecond, volterratest.Tenant{KeepsCredential: true})
	c := o.command()
	c.Path, c.Args = shell, []string{"sh", "-c", `trap "" HUP; exec "$0" apply plan.json -v`, os.Args[0]}
	out := new(synchronized)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out.expect(t, "namespace/web")
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	if code := exitOf(t, c.Wait()); code != exitcode.OK || len(srv.Accepted()) != 1 {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

// The terminal disappears during a run.
func TestTerminal_Closed(t *testing.T) {
	o, srv := tenant(t, time.Second, volterratest.Tenant{KeepsCredential: true})
	s := o.start("apply", "plan.json")
	s.expect("acme-edge-kqzvxwbn")
	s.expect("running") // one step or two: later frames contain only what changed
	if err := s.master.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out := s.wait(); code != exitcode.Stopped || len(srv.Accepted()) != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out, errOut := o.run("apply", "plan.json"); code != exitcode.OK || len(srv.Accepted()) != 1 {
		t.Errorf("resumed: exit code %d: %s%s", code, out, errOut)
	}
}

func TestApply_Timeout(t *testing.T) {
	o, srv := tenant(t, time.Hour, volterratest.Tenant{KeepsCredential: true})
	code, out, errOut := o.run("apply", "plan.json", "--timeout", "300ms", "--retry-for", "5m")
	if code != exitcode.Stopped || len(srv.Accepted()) != 0 || !strings.Contains(out, "To resume: offboard apply plan.json --retry-for 5m0s\n") ||
		!strings.Contains(out, "Stopping: the time of --timeout 300ms has ended. Running attempts finish. Ctrl-C: stop at once\n") || !strings.Contains(out, "Ended by --timeout 300ms.") {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
	code, out, errOut = o.run("apply", "plan.json", "--step-timeout", "300ms", "--retry-for", "0")
	if code != exitcode.Blocked || len(srv.Accepted()) != 0 || !strings.Contains(out, "To resume: offboard apply plan.json --retry-for 0s\n") || !strings.Contains(out, "Ended by --step-timeout 300ms.") {
		t.Errorf("--step-timeout: exit code %d: %s%s", code, out, errOut)
	}
}

func TestCommands_Timeout(t *testing.T) {
	o, srv := workspaces(t)
	srv.Fail(offboardtest.Fault{Times: 9, Delay: time.Minute})
	const ended = "--timeout 200ms ended the command. To resume, give a longer time or none."
	for _, args := range [][]string{
		{"check", "workspace", workspaceID(0)}, {"plan", "manifest.yaml"}, {"status", "plan.json"}, {"delete", "workspace", workspaceID(0), "--confirm", "Acme One"},
	} {
		started := time.Now()
		code, out, errOut := o.run(append(args, "--timeout", "200ms")...)
		if code != exitcode.Stopped || strings.Count(errOut, ended) != 1 || time.Since(started) > 20*time.Second {
			t.Errorf("%v: exit code %d after %v: %s%s", args, code, time.Since(started), out, errOut)
		}
		if strings.Contains(errOut, "run the same command") || strings.Contains(errOut, "offboard: offboard:") {
			t.Errorf("%v: another advice, or a prefix twice: %s", args, errOut)
		}
	}
}

// The end of --timeout does not cancel a deletion that was requested. A command that ended with an
// unknown outcome must not be advised to run again.
func TestDelete_TimeoutAfterRequest(t *testing.T) {
	o, srv := workspaces(t)
	srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", Delay: 4 * time.Second})
	code, out, errOut := o.run("delete", "workspace", workspaceID(0), "--confirm", "Acme One", "--timeout", "2s")
	if code != exitcode.OK || srv.Exists(workspaceID(0)) || !strings.Contains(errOut, "The time of --timeout 2s has ended. Waiting for the result of the deletion.") {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
	lost := offboardtest.LoseResponse("DeleteOrganization")
	lost.Delay = 4 * time.Second
	srv.Fail(offboardtest.Fault{Operation: "GetOrganization", Times: 2}, lost, offboardtest.Fault{Operation: "GetOrganization", Times: 9, Status: 503})
	code, out, errOut = o.run("delete", "workspace", workspaceID(1), "--confirm", "Acme Two", "--timeout", "2s")
	const advice = "  --timeout 2s ended the command. The organization is possibly deleted. Do not repeat the deletion: check at the provider first.\n"
	if code != exitcode.Unknown || strings.Contains(errOut, "To resume") || !strings.Contains(errOut, advice) {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
}

// The first signal does not cancel a deletion that was requested. A further Ctrl-C does.
func TestDelete_SignalAfterRequest(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	for name, test := range map[string]struct {
		signals []syscall.Signal
		code    int
	}{
		"SIGINT": {[]syscall.Signal{syscall.SIGINT}, exitcode.OK}, "SIGTERM": {[]syscall.Signal{syscall.SIGTERM}, exitcode.OK},
		"SIGHUP twice": {[]syscall.Signal{syscall.SIGHUP, syscall.SIGHUP}, exitcode.OK}, "SIGINT twice": {[]syscall.Signal{syscall.SIGINT, syscall.SIGINT}, exitcode.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			o, srv := workspaces(t)
			requested, answer := make(chan struct{}), make(chan struct{})
			srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", EditRequest: func(*http.Request) { close(requested); <-answer }})
			c := o.command("delete", "workspace", workspaceID(0), "--confirm", "Acme One")
			out := new(synchronized)
			c.Stdout, c.Stderr = out, out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			<-requested
			for _, s := range test.signals {
				if err := c.Process.Signal(s); err != nil {
					t.Error(err)
				}
				out.expect(t, "Waiting for the result of the deletion. Ctrl-C again: end at once")
			}
			if test.code == exitcode.OK {
				close(answer)
			} else {
				defer close(answer)
			}
			if code := exitOf(t, c.Wait()); code != test.code || strings.Count(out.String(), "Waiting for the result") != 1 {
				t.Errorf("exit code %d: %s", code, out.String())
			}
		})
	}
}

// F5 removes a tenant together with its credentials some time after it accepted the deletion.
func TestApply_TenantRemoved(t *testing.T) {
	o, srv := tenant(t, 0, volterratest.Tenant{})
	for range 3 {
		if code, out, errOut := o.run("apply", "plan.json"); code != exitcode.OK || !strings.Contains(out, "pending") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		if code, out, errOut := o.run("status", "plan.json"); code != exitcode.OK {
			t.Errorf("status: exit code %d: %s%s", code, out, errOut)
		}
	}
	if n := len(srv.Accepted()); n != 1 {
		t.Errorf("%d requests were accepted", n)
	}
}

func TestOutput_FullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	defer full.Close()
	o, srv := workspaces(t)
	const repeat, result = "  The disk is full. Free space, then run the same command.\n", "  The disk is full.\n  The result does not change: "
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"plan", "manifest.yaml", "--json"}, exitcode.Failed, repeat},
		{[]string{"plan", "manifest.yaml"}, exitcode.Failed, repeat},
		{[]string{"check", "workspace", workspaceID(0)}, exitcode.Failed, repeat},
		{[]string{"status", "plan.json"}, exitcode.Blocked, repeat},
		{[]string{"demo", "--serve", "served.yaml"}, exitcode.Failed, repeat}, // at once, not after Ctrl-C
		// The exit code of a deletion is that of its outcome.
		{[]string{"delete", "workspace", workspaceID(0), "--confirm", "Acme", "--json"}, exitcode.NotConfirmed, result + "workspace: blocked: not_confirmed: "},
		{[]string{"delete", "workspace", workspaceID(0), "--confirm", "Acme One"}, exitcode.OK, result + "workspace " + workspaceID(0) + ": deleted\n"},
		{[]string{"delete", "workspace", workspaceID(0), "--confirm", "Acme One", "--json"}, exitcode.NotFound, result + "workspace: not_found: organization_not_found"},
		{[]string{"delete", "workspace", workspaceID(1), "--confirm", "Acme Two", "--json"}, exitcode.OK, result + "workspace " + workspaceID(1) + ": deleted\n"},
		{
			[]string{"apply", "plan.json", "--only", "Acme Three", "--confirm", "Acme Three"}, exitcode.OK,
			result + "1 organization: 1 deleted\n  To see the result of each: offboard status plan.json --only 'Acme Three'\n",
		},
		{[]string{"apply", "plan.json", "--only", "Acme Two", "--confirm", "Acme Two"}, exitcode.NotFound, result + "1 organization: 1 not_found\n"},
	} {
		c := o.command(test.args...)
		var errOut strings.Builder
		c.Stdout, c.Stderr = full, &errOut
		if code := exitOf(t, c.Run()); code != test.code || !strings.Contains(errOut.String(), "the output is incomplete: write /dev/stdout: no space left on device\n"+test.want) ||
			test.want != repeat && strings.Contains(errOut.String(), "run the same command") {
			t.Errorf("%v: exit code %d: %s", test.args, code, errOut.String())
		}
	}
	if n := existing(srv); n != 0 {
		t.Errorf("%d organizations exist", n)
	}
}

func TestPlan_ShowsWaits(t *testing.T) {
	o, srv := workspaces(t)
	limited := offboardtest.Respond("", 429, "{}")
	limited.Header.Set("Retry-After", "1")
	srv.Fail(limited)
	code, out, errOut := o.run("plan", "manifest.yaml", "--parallel", "1")
	if code != exitcode.OK || !strings.Contains(errOut, ": waiting 0:0") {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
}

// Every provider can be tried without an account: by the flag and by the variable.
func TestCheck_BaseURL(t *testing.T) {
	t.Parallel()
	scenes := demo.NewScenes()
	m, environment := demo.Listen(scenes)
	t.Cleanup(func() { demo.Close(scenes) })
	for _, e := range m.Organizations {
		t.Run(e.Provider, func(t *testing.T) {
			t.Parallel()
			o := &operator{T: t, dir: t.TempDir()}
			for name, value := range environment {
				if !strings.HasSuffix(name, "_URL") {
					o.environment = append(o.environment, name+"="+value)
				}
			}
			args := []string{"check", e.Provider, e.Organization, "--base-url", e.BaseURL}
			if e.Email != "" {
				args = append(args, "--email", e.Email)
			}
			if e.Provider == "zitadel" { // the client reads the address from the environment
				o.environment = append(o.environment, "ZITADEL_API_URL="+e.BaseURL)
			}
			code, out, errOut := o.run(args...)
			if code != exitcode.OK && code != exitcode.Blocked {
				t.Errorf("exit code %d: %s%s", code, out, errOut)
			}
			o.environment = append(o.environment, "OFFBOARD_"+strings.ToUpper(e.Provider)+"_BASE_URL="+e.BaseURL)
			if again, out, errOut := o.run(append(args[:3:3], args[5:]...)...); again != code {
				t.Errorf("by the variable: exit code %d: %s%s", again, out, errOut)
			}
		})
	}
}
