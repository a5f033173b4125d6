package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/demo"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// asProgram is a variable that makes the test binary run the program.
const asProgram = "OFFBOARD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// The programs that the tests start must not inherit from nohup that SIGHUP is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// The test kills apply after a number of lines, at any point of its work, and runs it again.
// The fake of the provider runs in another process.
func TestApply_KilledAfterLines(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 5, 9} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			const tenant = "acme-edge-kqzvxwbn"
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: tenant, KeepsCredential: true})
			srv.AddNamespace(volterratest.Namespace{Name: "web", Takes: 100 * time.Millisecond})
			srv.AddNamespace(volterratest.Namespace{Name: "api"})
			srv.AddChildTenantManager("partners")
			srv.AddManagedTenant(volterratest.ManagedTenant{Name: "customer"})
			srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
			base := srv.Start()
			t.Cleanup(srv.Close)
			dir := t.TempDir()
			manifest := fmt.Sprintf("organizations: [{provider: volterra, organization: %s, confirm: %s, email: a@example.com, base_url: %q}]", tenant, tenant, base)
			if err := os.WriteFile(filepath.Join(dir, "manifest.yaml"), []byte(manifest), 0o600); err != nil {
				t.Fatal(err)
			}
			command := func(args ...string) *exec.Cmd {
				c := exec.CommandContext(t.Context(), os.Args[0], args...)
				c.Dir, c.Env = dir, append(os.Environ(), asProgram+"=1", "F5XC_API_TOKEN="+volterratest.Token, "F5XC_API_URL="+base)
				return c
			}
			if out, err := command("plan", "manifest.yaml", "-o", "plan.json").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			kill(t, command("apply", "plan.json", "--json", "--concurrency", "2"), after)
			if out, err := command("apply", "plan.json").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if n := len(srv.Accepted()); n != 1 || len(srv.Remaining()) != 0 {
				t.Errorf("%d requests were accepted, and the fake still has %v", n, srv.Remaining())
			}
			checkJournal(t, filepath.Join(dir, "plan.json.journal"))
		})
	}
}

// kill runs a command, and kills it after a number of lines.
func kill(t *testing.T, c *exec.Cmd, after int) {
	t.Helper()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for range after {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Errorf("fewer lines: %v", err)
			break
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.Wait() // killed
}

// checkJournal checks a journal: no step is started again after a read showed that its resource does
// not exist.
func checkJournal(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
		return
	}
	deleted := map[string]bool{}
	for e, err := range teardown.ReadJournal(bytes.NewReader(text)) {
		if err != nil {
			t.Error(err)
			return
		}
		switch state := e.State; {
		case e.Step != "" && e.Kind == teardown.EntryStarted && deleted[e.Organization+" "+e.Step]:
			t.Errorf("%s was deleted and is started again", e.Step)
		case e.Step != "" && (state == teardown.StepDeleted || state == teardown.StepAlreadyDeleted):
			deleted[e.Organization+" "+e.Step] = true
		}
	}
}

// kills returns how often TestApply_KilledAtAnyMoment kills the program.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("OFFBOARD_KILLS"), "6"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The program applies plans for five organizations at five providers under faults. The test
// kills it at a random time, and runs it again.
func TestApply_KilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	// The programs mostly wait, so more of them run at a time than tests of a package.
	free := make(chan struct{}, 24)
	var group sync.WaitGroup
	for range kills(t) {
		dir := t.TempDir()
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			killOnce(t, dir)
		})
	}
	group.Wait()
}

// killOnce makes a plan, applies it, kills the program, and applies the plan again.
func killOnce(t *testing.T, dir string) {
	t.Helper()
	scenes := demo.NewScenes()
	m, environment := demo.Listen(scenes)
	defer demo.Close(scenes)
	text, err := yaml.Marshal(m)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "manifest.yaml"), text, 0o600)
	}
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], args...)
		c.Dir, c.Env = dir, append(os.Environ(), asProgram+"=1")
		for name, value := range environment {
			c.Env = append(c.Env, name+"="+value)
		}
		return c
	}
	if out, err := command("plan", "manifest.yaml", "-o", "plan.json").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
		return
	}
	for _, s := range scenes {
		s.InjectFaults()
	}
	c := command("apply", "plan.json")
	if err := c.Start(); err != nil {
		t.Errorf("%v", err)
		return
	}
	after := rand.N(4 * time.Second)
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
	_ = c.Wait() // killed, or finished
	timer.Stop()
	if out, err := command("apply", "plan.json").CombinedOutput(); err != nil {
		t.Errorf("killed after %v, and then: %v: %s", after, err, out)
	}
	for _, s := range scenes {
		if err := s.Verify(); err != nil {
			t.Errorf("killed after %v: %v", after, err)
		}
	}
	journal := filepath.Join(dir, "plan.json.journal")
	checkJournal(t, journal)
	checkOrder(t, journal, filepath.Join(dir, "plan.json"))
}

// checkOrder checks that no organization was deleted before reads showed that all its steps are
// deleted.
func checkOrder(t *testing.T, journal, plan string) {
	t.Helper()
	file, err := planfile.Read(plan)
	if err != nil {
		t.Error(err)
		return
	}
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Error(err)
		return
	}
	deleted := map[string]map[string]bool{}
	for e, err := range teardown.ReadJournal(bytes.NewReader(text)) {
		if err != nil {
			t.Error(err)
			return
		}
		if deleted[e.Organization] == nil {
			deleted[e.Organization] = map[string]bool{}
		}
		switch state := e.State; {
		case state == teardown.StepDeleted, state == teardown.StepAlreadyDeleted:
			deleted[e.Organization][e.Step] = true
		case e.Step == "" && (e.Kind == teardown.EntryDeletionStarted || e.Outcome == teardown.Deleted):
			for _, o := range file.Organizations {
				for _, step := range o.Plan.Steps {
					if o.Plan.Organization.ID == e.Organization && !deleted[e.Organization][step.ID] {
						t.Errorf("%s: %s before %s was deleted", o.Entry.Provider, e.Kind, step.ID)
					}
				}
			}
		}
	}
}
