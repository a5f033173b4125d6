package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The demonstration waits, so it runs in a bubble. It compares the results with the state of
// the fakes itself.
func TestDemo_AllProviders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out, errOut bytes.Buffer
		start := time.Now()
		if code := run(t.Context(), nil, &out, &errOut); code != exitcode.OK {
			t.Fatalf("exit code %d, %s%s", code, out.String(), errOut.String())
		}
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("took %v", took)
		}
		_, results, found := strings.Cut(out.String(), "5. The results")
		if !found {
			t.Fatalf("no results in\n%s", out.String())
		}
		for _, p := range providers.All {
			want := "deleted"
			if p.Name == providers.F5 {
				want = "pending"
			}
			if row := line(results, p.Name); !strings.Contains(row, want) {
				t.Errorf("%s: the result is missing: %q", p.Name, row)
			}
		}
		for _, reason := range []errors.Code{
			errors.DeletionStepsNotSatisfied, errors.DefaultOrganization, errors.OrganizationNotEmpty, errors.ActiveSubscriptions,
		} {
			if !strings.Contains(out.String(), "deletion would fail: "+reason.Error()) {
				t.Errorf("the reason %s is missing", reason)
			}
		}
		for _, code := range []errors.Code{
			errors.DeletionStepsNotSatisfied, errors.DefaultOrganization, errors.OrganizationNotEmpty, errors.ActiveSubscriptions, errors.NotConfirmed,
		} {
			if !strings.Contains(out.String(), "│ "+string(code)+" ") {
				t.Errorf("the code %s is not in the table", code)
			}
		}
		_, refusals, _ := strings.Cut(out.String(), "2. Deletion without")
		if cells := strings.Split(line(refusals, providers.F5), "│"); len(cells) < 6 || strings.TrimSpace(cells[4]) != "–" || strings.TrimSpace(cells[5]) == "–" {
			t.Errorf("a wrong name is no blocker: %q", cells)
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Error("the output contains control sequences")
		}
	})
}

// line returns the first line of a table about a provider.
func line(text, provider string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "│ "+provider) {
			return l
		}
	}
	return ""
}

func TestDemo_JSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), []string{"demo", "--json"}, &out, &errOut); code != exitcode.OK {
			t.Fatalf("exit code %d, %s", code, errOut.String())
		}
		results := map[string]teardown.Outcome{}
		for text := range strings.Lines(out.String()) {
			var document struct {
				Type, Provider string
				Outcome        teardown.Outcome
			}
			if err := json.Unmarshal([]byte(text), &document); err != nil || document.Type == "" {
				t.Errorf("%q: %v", text, err)
			}
			if document.Type == "result" {
				results[document.Provider] = document.Outcome
			}
		}
		if len(results) != len(providers.All) || results[providers.F5] != teardown.Pending || results["atlas"] != teardown.Deleted {
			t.Errorf("got %v", results)
		}
	})
}

// loopbackOnly is a transport that sends requests to this machine only, and counts the
// requests to each host.
type loopbackOnly struct {
	next http.RoundTripper

	mu      sync.Mutex
	sent    map[string]int
	outside []string
}

func (l *loopbackOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.sent[req.URL.Host]++
	local := net.ParseIP(req.URL.Hostname()).IsLoopback()
	if !local {
		l.outside = append(l.outside, req.Method+" "+req.URL.String())
	}
	l.mu.Unlock()
	if !local {
		return nil, errors.New("the request leaves this machine")
	}
	return l.next.RoundTrip(req)
}

// Not parallel: the test sets the environment and the default transport.
func TestDemo_ServedEnvironmentReachesFakesOnly(t *testing.T) {
	only := &loopbackOnly{next: http.DefaultTransport, sent: map[string]int{}}
	http.DefaultTransport = only
	t.Cleanup(func() { http.DefaultTransport = only.next })
	for _, p := range providers.All { // credentials of real accounts
		for _, variable := range slices.Concat(p.Variables, p.Others) {
			t.Setenv(variable, "https://real.invalid/"+variable)
		}
		t.Setenv(providers.BaseURLVariable(p.Name), "")
	}

	name := filepath.Join(t.TempDir(), "manifest.yaml")
	signals := make(chan os.Signal, 1)
	reader, writer := io.Pipe()
	var out bytes.Buffer
	server := &program{in: strings.NewReader(""), out: &out, errOut: writer, connect: connect.FromEnv, signals: signals}
	ended := make(chan int)
	go func() { ended <- server.run(t.Context(), []string{"demo", "--serve", name}) }()
	var instructions strings.Builder
	lines := bufio.NewReader(reader)
	for !strings.Contains(instructions.String(), "offboard check") { // the instructions
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		instructions.WriteString(line)
	}
	if !strings.Contains(instructions.String(), "reach the real providers") { // without the variables
		t.Errorf("the instructions do not warn:\n%s", &instructions)
	}
	for text := range strings.Lines(out.String()) {
		command, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		switch variable, value, ok := strings.Cut(rest, "="); {
		case command == "export" && ok:
			t.Setenv(variable, strings.Trim(value, "'"))
		case command == "unset" && !ok:
			os.Unsetenv(variable) // t.Setenv restores it
		default:
			t.Errorf("%q sets nothing", text)
		}
	}

	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, _, err := planfile.ParseManifest(file, name)
	if err != nil || len(m.Organizations) != len(providers.All) {
		t.Fatalf("got %+v, %v", m, err)
	}
	offboard := func(args ...string) int {
		t.Helper()
		var out, errOut bytes.Buffer
		code := (&program{in: strings.NewReader(""), out: &out, errOut: &errOut, connect: connect.FromEnv}).run(t.Context(), args)
		if code != exitcode.OK && code != exitcode.Blocked {
			t.Errorf("%v: exit code %d: %s%s", args, code, &out, &errOut)
		}
		return code
	}
	if code := offboard("plan", name, "-o", filepath.Join(t.TempDir(), "plan.json")); code != exitcode.OK {
		t.Errorf("plan: exit code %d", code)
	}
	for _, e := range m.Organizations {
		at, err := url.Parse(e.BaseURL)
		if err != nil {
			t.Fatal(err)
		}
		args := []string{e.Provider, e.Organization}
		if e.Email != "" {
			args = append(args, "--email", e.Email)
		}
		for _, command := range []string{"check", "delete"} {
			before := only.sent[at.Host]
			all := append([]string{command}, args...)
			if command == "delete" {
				all = append(all, "--confirm", e.Confirm)
			}
			if command == "delete" && e.Email != "" { // the tenant has a child tenant
				all = append(all, "--override", "managed_organizations")
			}
			offboard(all...)
			if only.sent[at.Host] == before {
				t.Errorf("%v: no request reached the fake at %s", all, at.Host)
			}
		}
	}
	for _, request := range only.outside {
		t.Errorf("%s was sent", request)
	}
	signals <- os.Interrupt
	if code := <-ended; code != exitcode.OK {
		t.Errorf("exit code %d", code)
	}
}
