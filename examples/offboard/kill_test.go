package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// asProgram makes the test's own binary be the program.
const asProgram = "OFFBOARD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// It is killed after so many lines of what it says, wherever the rest of it is, and
// then run again. The provider lives in another process.
func TestAfterAKillTheSameCommandGoesOn(t *testing.T) {
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
			if n := len(srv.Accepted()); n != 1 || len(srv.Left()) != 0 {
				t.Errorf("%d requests were accepted, and this is left: %v", n, srv.Left())
			}
			told(t, filepath.Join(dir, "plan.json.journal"))
		})
	}
}

// kill runs a command, and kills it after so many lines.
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
			t.Errorf("it said less: %v", err)
			break
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.Wait() // it was killed
}

// told reads a journal: no step that was read to be gone is begun again.
func told(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	for e, err := range teardown.ReadJournal(bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		switch state := teardown.State(e.Verdict); {
		case e.Step != "" && e.Verdict == "begun" && gone[e.Step]:
			t.Errorf("%s was gone and is begun again", e.Step)
		case e.Step != "" && (state == teardown.Done || state == teardown.AlreadyGone):
			gone[e.Step] = true
		}
	}
}
