package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/golden"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

func bubble(t *testing.T, f func(*testing.T)) {
	t.Parallel()
	t.Helper()
	synctest.Test(t, f)
}

func TestPlan_Views(t *testing.T) {
	for _, view := range []string{"tree", "table"} {
		t.Run(view, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting(), scripted.Tenant())
				b.manifest()
				code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--view", view)
				if code != exitcode.OK || errOut != "" {
					t.Errorf("exit code %d: %s", code, errOut)
				}
				golden.Compare(t, "plan-"+view+".txt", out)
				if b.organizations[0].Touched() || b.organizations[1].Touched() {
					t.Error("the organization was touched")
				}
			})
		})
	}
}

func TestPlan_TableNamesCascades(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]string{
		0:  "Deleted along with the organization:\n  3 namespaces: shop, blog, … (with all that is in them)\n\n",
		80: "Deleted along with the organization:\n  3 namespaces: shop, blog, … (with all that is in them)\n\n",
		40: "Deleted along with the organization:\n  3 namespaces: shop, blog, … (with all\n    that is in them)\n\n",
	} {
		b := newHarness(t, scripted.Tenant(), scripted.Hosting())
		b.columns = columns
		b.manifest()
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "--view", "table")
		if code != exitcode.OK || !strings.Contains(out, "\n"+want) || strings.Count(out, "Deleted along with") != 1 {
			t.Errorf("%d columns: exit code %d: %s%s", columns, code, out, errOut)
		}
	}
}

func TestPlan_JSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting(), scripted.Tenant())
		b.manifest("override: [partial]")
		code, out, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--json")
		if code != exitcode.OK {
			t.Errorf("exit code %d", code)
		}
		if diff := cmp.Diff(b.read("plan.json"), out); diff != "" {
			t.Errorf("(-file +printed):\n%s", diff)
		}
		golden.Compare(t, "plan.json", out)
		if info, err := os.Stat(b.dir + "/plan.json"); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	})
}

func TestPlan_OverridesJSON(t *testing.T) {
	for name, test := range map[string]struct {
		requires []teardown.Override
		code     int
		want     any
	}{
		"none":      {nil, exitcode.OK, nil},
		"permitted": {[]teardown.Override{teardown.ManagedOrganizations}, exitcode.OK, map[string]any{"permitted": []any{"managed_organizations"}}},
		"one missing": {
			[]teardown.Override{teardown.ManagedOrganizations, teardown.TerminationProtection}, exitcode.NotConfirmed,
			map[string]any{
				"permitted": []any{"managed_organizations"}, "missing": []any{"termination_protection"},
				"add": "override: [managed_organizations, termination_protection]", "line": 3.0,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.organizations[0].Steps[0].Requires = test.requires
				b.manifest("override: [managed_organizations]")
				code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--json")
				if code != test.code {
					t.Fatalf("exit code %d: %s%s", code, out, errOut)
				}
				planned := documents(t, out)[0]["organizations"].([]any)[0].(map[string]any)
				if diff := cmp.Diff(test.want, planned["overrides"]); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if code, out, errOut := b.run("apply", "DIR/plan.json"); code != test.code || b.organizations[0].Deleted != (code == exitcode.OK) {
					t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}

// plan advises to apply only if apply can delete an organization.
func TestPlan_NothingApplicable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, family())
		b.manifest()
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--html", "DIR/plan.html")
		const want = "apply can delete nothing. Write the lines above in the manifest, and plan again.\nTo plan again: offboard plan DIR/manifest.yaml --html DIR/plan.html --output DIR/plan.json\n"
		if code != exitcode.NotConfirmed || !strings.Contains(out, want) || strings.Contains(out, "To apply") || strings.Contains(b.read("plan.html"), "To apply") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		if page := b.read("plan.html"); !strings.Contains(page, "<code>override: [managed_organizations]</code>") {
			t.Error("the page lacks the line that permits the override")
		}
	})
}

func TestPlan_Only(t *testing.T) {
	bubble(t, func(t *testing.T) {
		subdomain, manual := scripted.Named("org_2", "Other"), scripted.Named("org_3", "Other Three")
		subdomain.Alias = "other-hosting"
		manual.Steps = scripted.Hosting().Steps
		manual.Steps[0].Requires = []teardown.Override{teardown.Partial}
		b := newHarness(t, scripted.Hosting(), subdomain, manual)
		b.manifest()
		for _, test := range []struct {
			only []string
			code int
			want string // in the output
			not  string
		}{
			{[]string{"org_1"}, exitcode.OK, "katapult: Acme Hosting (org_1)", "Other"},
			{[]string{"other-hosting"}, exitcode.OK, "katapult: Other (org_2)", "Acme"},
			{[]string{"Other"}, exitcode.OK, "katapult: Other (org_2)", "Acme"},
			{[]string{"Acme Hosting", "Other", "org_1"}, exitcode.OK, "2 organizations, 3 steps", "org_3"},
			{[]string{"org_3"}, exitcode.NotConfirmed, "set this key in the entry at DIR/manifest.yaml:9;", "Acme"}, // the line in the whole manifest
			{[]string{"org_2"}, exitcode.Usage, "--only number 1 matches no organization of the manifest: give organization or confirm of an entry; did you mean org_1?", ""},
			{[]string{"org_1", "other-hostin"}, exitcode.Usage, "--only number 2 matches no organization of the manifest: give organization or confirm of an entry; did you mean other-hosting?", "hostin:"},
			{[]string{"unrelated"}, exitcode.Usage, "confirm of an entry\n", "unrelated"},
			{[]string{""}, exitcode.Usage, "--only number 1 matches no organization", ""},
		} {
			args := []string{"plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"}
			for _, name := range test.only {
				args = append(args, "--only", name)
			}
			code, out, errOut := b.run(args...)
			if code != test.code || !strings.Contains(out+errOut, test.want) || test.not != "" && strings.Contains(out+errOut, test.not) {
				t.Errorf("%q: exit code %d: %s%s", test.only, code, out, errOut)
			}
		}
		if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--only", "Acme Hosting"); code != exitcode.OK {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
		if code, out, errOut := b.run("apply", "DIR/plan.json", "--only", "Acme Hostin"); code != exitcode.Usage || !strings.Contains(errOut, "; did you mean Acme Hosting?") {
			t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
		}
		if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK || !b.organizations[0].Deleted || b.organizations[1].Touched() {
			t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
		}
	})
}

// A value that two entries have selects none of them.
func TestPlan_OnlyAmbiguous(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Named("org_1", "Twin"), scripted.Named("org_2", "Twin"))
		b.manifest()
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "--only", "Twin")
		if code != exitcode.Usage || !strings.Contains(errOut, "--only number 1 matches 2 organizations of the manifest, the first at DIR/manifest.yaml:3: ") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
}

// The lists of the manifest apply as without --only, also if they name an organization that is not
// selected, and at its provider.
func TestPlan_OnlyWithLists(t *testing.T) {
	bubble(t, func(t *testing.T) {
		other, absent := scripted.Named("200", "Other"), scripted.Named("200", "")
		other.Provider, absent.Deleted = "zitadel", true // at the other provider only
		b := newHarness(t, scripted.Hosting(), other)
		b.manifest()
		b.organizations = append(b.organizations, absent)
		manifest := b.read("manifest.yaml")
		for lines, want := range map[string]struct {
			code int
			text string
		}{
			"deny: [\"200\"]\n":         {exitcode.OK, `deny: "200" matches no organization of this plan`},
			"deny: [org_1]\n":           {exitcode.NotConfirmed, "the manifest denies this organization"},
			"allow: [\"200\"]\n":        {exitcode.NotConfirmed, "the manifest does not allow this organization"},
			"allow: [org_1, \"200\"]\n": {exitcode.OK, "1 organization, 3 steps"},
			"deny: [none]\n":            {exitcode.Usage, "cannot resolve entry 1 of deny"},
		} {
			b.write("manifest.yaml", manifest+lines)
			if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "--only", "org_1"); code != want.code || !strings.Contains(out+errOut, want.text) {
				t.Errorf("%s: exit code %d: %s%s", lines, code, out, errOut)
			}
		}
	})
}

func TestPlan_OutputIsSymbolicLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		b.write("kept.json", b.read("plan.json"))
		before := b.read("kept.json")
		time.Sleep(time.Second)
		if err := os.Remove(b.dir + "/plan.json"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(b.dir+"/kept.json", b.dir+"/plan.json"); err != nil {
			t.Skip(err)
		}
		b.plan()
		if info, err := os.Lstat(b.dir + "/plan.json"); err != nil || info.Mode().IsRegular() {
			t.Errorf("the link was replaced: %v", err)
		}
		if after := b.read("kept.json"); after == before || !strings.Contains(after, "fingerprint") {
			t.Error("the target of the link has no new plan")
		}
	})
}

func TestPlan_Problems(t *testing.T) {
	bubble(t, func(t *testing.T) {
		missing, named, manual := scripted.Hosting(), scripted.Tenant(), scripted.Hosting()
		missing.ID, missing.Deleted = "org_2", true
		manual.ID, manual.Organization.Name = "org_3", "Manual"
		manual.Steps[0].Manual, manual.Steps[1].Requires = true, []teardown.Override{teardown.TerminationProtection}
		b := newHarness(t, missing, named, manual, scripted.Hosting())
		b.manifest()
		b.write("manifest.yaml", strings.Replace(b.read("manifest.yaml"), `confirm: "acme-edge"`, `confirm: "Acme"`, 1))
		code, out, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		if code != exitcode.NotConfirmed {
			t.Errorf("exit code %d", code)
		}
		golden.Compare(t, "plan-problems.txt", out)
		if code, _, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.NotConfirmed || !strings.Contains(errOut, "organization 2 of the plan file") {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		for _, o := range b.organizations[1:] { // the first one does not exist
			if o.Touched() {
				t.Errorf("%s was touched although a name is wrong", o.ID)
			}
		}
		b.manifest()
		if code, _, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.NotFound {
			t.Errorf("exit code %d", code)
		}
		if code, _, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.NotFound || errOut != "" {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		if last := b.organizations[3]; !last.Deleted {
			t.Error("the plan was not applied")
		}
	})
}

func TestApply_Text(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting(), scripted.Tenant())
		b.organizations[0].Waits = func(progress func(string)) { progress("stopping the machine") }
		b.plan()
		code, out, errOut := b.run("apply", "DIR/plan.json", "--parallel", "1")
		if code != exitcode.OK || errOut != "" {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		golden.Compare(t, "apply.txt", out)
		want := []string{"virtual_machine/vm_1", "disk/disk_1", "trash/all"}
		if diff := cmp.Diff(want, b.organizations[0].Removed); diff != "" || !b.organizations[0].Deleted {
			t.Errorf("removed steps (-want +got):\n%s", diff)
		}
		golden.Compare(t, "journal.jsonl", withoutPlans(b.read("plan.json.journal")))
	})
}

// withoutPlans removes the fingerprints of plans.
func withoutPlans(journal string) string {
	var kept []string
	for line := range strings.Lines(journal) {
		if before, after, found := strings.Cut(line, `"plan":"`); found {
			line = before + after[strings.Index(after, ",")+1:]
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

func TestApply_JSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting(), scripted.Tenant())
		b.plan()
		code, out, errOut := b.run("apply", "DIR/plan.json", "--parallel", "1", "--json")
		if code != exitcode.OK || errOut != "" {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		golden.Compare(t, "apply.jsonl", out)
		for line := range strings.Lines(out) {
			var document struct{ Type string }
			if err := json.Unmarshal([]byte(line), &document); err != nil || document.Type == "" {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}

func TestApply_Confirmation(t *testing.T) {
	for name, test := range map[string]struct {
		confirm string // in the manifest
		args    []string
		code    int
		want    string
	}{
		"not confirmed":             {"", nil, exitcode.NotConfirmed, "neither in the manifest nor by --confirm"},
		"by a flag":                 {"", []string{"--confirm", "Acme Hosting"}, exitcode.OK, ""},
		"another one by a flag":     {"", []string{"--confirm", "Acme"}, exitcode.NotConfirmed, "matches no organization"},
		"in the manifest":           {"Acme Hosting", nil, exitcode.OK, ""},
		"in the manifest, for JSON": {"Acme Hosting", []string{"--json"}, exitcode.OK, ""},
		"not confirmed, for JSON":   {"", []string{"--json"}, exitcode.NotConfirmed, "neither in the manifest nor by --confirm"},
		"one of several, by a flag": {"", []string{"--confirm", "x", "--confirm", "Acme Hosting"}, exitcode.NotConfirmed, "matches no organization"},
		"another case":              {"", []string{"--confirm", "acme hosting"}, exitcode.NotConfirmed, "matches no organization"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.write("manifest.yaml", "organizations: [{provider: katapult, organization: org_1, confirm: "+strings.TrimSpace(test.confirm+" ")+"}]")
				if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK {
					t.Fatalf("exit code %d: %s%s", code, out, errOut)
				}
				code, _, errOut := b.run(append([]string{"apply", "DIR/plan.json"}, test.args...)...)
				if code != test.code || !strings.Contains(errOut, test.want) {
					t.Errorf("exit code %d, want %d: %s", code, test.code, errOut)
				}
				if touched := b.organizations[0].Touched(); touched != (test.code == exitcode.OK) {
					t.Errorf("touched: %t", touched)
				}
			})
		})
	}
}

// The program prompts on a terminal only. This test calls prompt itself.
func TestPrompt_Answer(t *testing.T) {
	t.Parallel()
	plan, err := scripted.Hosting().Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for answer, ok := range map[string]bool{"Acme Hosting\n": true, "Acme Hosting\r\n": true, "Acme Hosting": false, "Acme\n": false, "\n": false, "": false, "yes\n": false} {
		var out strings.Builder
		p := &program{out: &out}
		err := p.prompt(planfile.Planned{Plan: plan}, "Acme Hosting", bufio.NewReader(strings.NewReader(answer)))
		if ok != (err == nil) || !ok && !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("%q: got %v", answer, err)
		}
		if !strings.Contains(out.String(), "Type the name Acme Hosting to confirm") {
			t.Errorf("the prompt does not say what to type: %s", out.String())
		}
	}
}

func TestPrompt_Interrupt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		plan, err := scripted.Hosting().Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		signals := make(chan os.Signal, 1)
		signals <- os.Interrupt
		reader, writer := io.Pipe()
		p := &program{out: new(strings.Builder), signals: signals}
		if err := p.prompt(planfile.Planned{Plan: plan}, "Acme Hosting", bufio.NewReader(reader)); !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("got %v", err)
		}
		writer.Close()
	})
}

func TestApply_InvalidPlanFile(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(string) string
		wait time.Duration
		more bool // the organization gets another resource
		code int
		want string
	}{
		"another machine":      {edit: replace(`"web-1"`, `"web-2"`), code: exitcode.Stale, want: "the file was edited"},
		"another organization": {edit: replace(`"id": "org_1"`, `"id": "org_2"`), code: exitcode.Stale, want: "the file was edited"},
		"another confirmation": {edit: replace(`"confirm": "Acme Hosting"`, `"confirm": "Acme"`), code: exitcode.Stale, want: "the file was edited"},
		"another base URL":     {edit: replace(`"confirm"`, `"base_url": "https://example.com", "confirm"`), code: exitcode.Stale, want: "the file was edited"},
		"a later version":      {edit: replace(`"version": 1,`, `"version": 2,`), code: exitcode.Stale, want: "file version is 2"},
		"unknown field":        {edit: replace(`"version": 1,`, `"version": 1, "force": true,`), code: exitcode.Usage, want: "unknown fields or invalid values"},
		"data after the plan":  {edit: func(s string) string { return s + "{}" }, code: exitcode.Usage, want: "unexpected data after the plan"},
		"truncated":            {edit: func(s string) string { return s[:len(s)/2] }, code: exitcode.Usage, want: "not a plan file"},
		"expired":              {wait: 25 * time.Hour, code: exitcode.Stale, want: ""},
		"new resource":         {more: true, code: exitcode.Stale, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.plan()
				if test.edit != nil {
					b.write("plan.json", test.edit(b.read("plan.json")))
				}
				time.Sleep(test.wait)
				if test.more {
					b.organizations[0].Steps = append(b.organizations[0].Steps, teardown.Step{ID: "virtual_machine/vm_2", Kind: "virtual_machine", Name: "web-2"})
				}
				code, out, errOut := b.run("apply", "DIR/plan.json")
				if code != test.code || !strings.Contains(errOut, test.want) {
					t.Errorf("exit code %d, want %d: %s", code, test.code, errOut)
				}
				if test.want == "" && (!strings.Contains(out, "blocked: nothing was changed: plan_stale") || strings.Contains(out, "To resume") ||
					!strings.Contains(out, "To plan again: offboard plan MANIFEST -o DIR/plan.json")) {
					t.Errorf("the result or the next command is wrong:\n%s", out)
				}
				if b.organizations[0].Touched() {
					t.Error("the organization was touched")
				}
			})
		})
	}
}

// replace returns a function that edits a text.
func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

func TestApply_OneInterrupt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting(), scripted.Tenant())
		b.plan()
		go func() {
			time.Sleep(2 * time.Second)
			b.signals <- os.Interrupt
		}()
		code, out, errOut := b.run("apply", "DIR/plan.json", "--parallel", "1")
		if code != exitcode.Stopped || errOut != "" {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		golden.Compare(t, "apply-stopped.txt", out)
		if diff := cmp.Diff([]string{"virtual_machine/vm_1"}, b.organizations[0].Removed); diff != "" {
			t.Errorf("removed steps (-want +got):\n%s", diff)
		}
		_, out, _ = b.run("status", "DIR/plan.json")
		golden.Compare(t, "status-stopped.txt", out)

		code, _, errOut = b.run("apply", "DIR/plan.json", "--report", "DIR/report.html")
		if code != exitcode.OK {
			t.Errorf("resumed: exit code %d: %s", code, errOut)
		}
		if diff := cmp.Diff([]string{"virtual_machine/vm_1", "disk/disk_1", "trash/all"}, b.organizations[0].Removed); diff != "" {
			t.Errorf("removed steps (-want +got):\n%s", diff)
		}
		if !strings.Contains(b.read("report.html"), "deleted by an earlier run") {
			t.Error("the report does not show the steps of an earlier run")
		}
	})
}

func TestApply_ResumeCommandJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		go func() {
			time.Sleep(2 * time.Second)
			b.signals <- os.Interrupt
		}()
		code, out, errOut := b.run("apply", "DIR/plan.json", "--only", "Acme Hosting", "--json")
		lines := documents(t, out)
		got := strings.ReplaceAll(fmt.Sprint(lines[len(lines)-1]["resume_command"]), "'", "")
		if code != exitcode.Stopped || got != "offboard apply DIR/plan.json --json --only Acme Hosting" {
			t.Errorf("exit code %d: %q: %s%s", code, got, out, errOut)
		}
		code, out, errOut = b.run("apply", "DIR/plan.json", "--only", "Acme Hosting", "--json")
		if code != exitcode.OK || strings.Contains(out, "resume_command") {
			t.Errorf("resumed: exit code %d: %s%s", code, out, errOut)
		}
	})
}

func TestApply_TwoInterrupts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.organizations[0].Duration = time.Hour / 2
		b.plan()
		go func() {
			time.Sleep(2 * time.Second)
			b.signals <- os.Interrupt
			time.Sleep(time.Second)
			b.signals <- os.Interrupt
		}()
		started := time.Now()
		code, out, _ := b.run("apply", "DIR/plan.json")
		if took := time.Since(started); code != exitcode.Stopped || took != 3*time.Second {
			t.Errorf("exit code %d after %v", code, took)
		}
		if !strings.Contains(out, "interrupted") || !strings.Contains(out, "To resume: offboard apply DIR/plan.json") {
			t.Errorf("the output does not show how to resume:\n%s", out)
		}
	})
}

// A further interrupt does not block the view that sends it.
func TestInterrupt_NeverBlocks(t *testing.T) {
	t.Parallel()
	p := &program{signals: make(chan os.Signal, 1)}
	p.interrupt()
	p.interrupt()
	if len(p.signals) != 1 {
		t.Errorf("got %d interrupts", len(p.signals))
	}
}

func TestUntilInterrupted_Interrupt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.manifest()
		b.signals <- os.Interrupt
		ctx, done := (&program{signals: b.signals}).untilInterrupted(t.Context())
		defer done()
		<-ctx.Done()
	})
}

func TestApply_Problems(t *testing.T) {
	bubble(t, func(t *testing.T) {
		failing, lost, manual := scripted.Hosting(), scripted.Tenant(), scripted.Hosting()
		failing.Remove = func(s teardown.Step) error {
			if s.Kind != "disk" {
				return nil
			}
			return &errors.Error{
				Provider: "katapult", Operation: "DeleteDisk", Target: s.ID, Code: errors.PermissionDenied, Status: 403,
				RequestID: "req-1", Message: "Not \x1b[31myours",
			}
		}
		lost.DeleteError = &errors.Error{Provider: providers.F5, Operation: "DeleteTenant", Target: "acme-edge", Code: errors.OutcomeUnknown}
		manual.ID, manual.Organization.Name, manual.Steps[0].Manual = "org_3", "Manual", true
		b := newHarness(t, failing, lost, manual)
		b.manifest()
		if code, _, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.Blocked {
			t.Errorf("plan: exit code %d", code)
		}
		code, out, errOut := b.run("apply", "DIR/plan.json", "--parallel", "1", "--report", "DIR/report.html")
		if code != exitcode.Unknown || errOut != "" {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		golden.Compare(t, "apply-problems.txt", out)
		golden.Compare(t, "report.html", withoutPlans(b.read("report.html")))
		code, out, _ = b.run("status", "DIR/plan.json", "--offline")
		if code != exitcode.Blocked {
			t.Errorf("status: exit code %d", code)
		}
		golden.Compare(t, "status-offline.txt", out)
		code, out, _ = b.run("status", "DIR/plan.json", "--json")
		if code != exitcode.Blocked {
			t.Errorf("status: exit code %d", code)
		}
		golden.Compare(t, "status.json", withoutPlans(out))
	})
}

func TestPlan_Denied(t *testing.T) {
	for line, want := range map[string]string{"deny: [org_1]\n": "the manifest denies this organization", "allow: [org_2]\n": "the manifest does not allow this organization"} {
		t.Run(want, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.manifest()
				other := scripted.Hosting() // otherwise the entry cannot be resolved
				other.ID = "org_2"
				b.organizations = append(b.organizations, other)
				b.write("manifest.yaml", b.read("manifest.yaml")+line)
				code, out, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				if code != exitcode.NotConfirmed || !strings.Contains(out, want) {
					t.Errorf("exit code %d: %s", code, out)
				}
				if code, out, _ := b.run("apply", "DIR/plan.json"); code != exitcode.NotConfirmed || b.organizations[0].Touched() {
					t.Errorf("exit code %d: %s", code, out)
				}
			})
		})
	}
}

func TestPlan_SameOrganizationTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		same := scripted.Hosting()
		same.Alias = "acme-hosting"
		b := newHarness(t, scripted.Hosting(), same)
		b.manifest()
		code, out, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		if code != exitcode.NotConfirmed || !strings.Contains(out, `same organization as "org_1"`) {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
}

// An address in the manifest and the same address from the environment are one instance.
func TestPlan_SameOrganizationAtOneAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		const entry = "  - {provider: katapult, organization: org_1, confirm: Acme Hosting"
		b.write("manifest.yaml", "organizations:\n"+entry+"}\n"+entry+", base_url: \"https://katapult.example\"}\n")
		for _, command := range []string{"plan DIR/manifest.yaml -o DIR/plan.json", "apply DIR/plan.json"} {
			code, out, errOut := b.run(strings.Fields(command)...)
			if code != exitcode.NotConfirmed || !strings.Contains(out, `same organization as "org_1"`) {
				t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
			}
		}
	})
}

// The journal shows the deletion of one entry, and a read finds the same organization by the other.
func TestPlan_SameOrganizationDeletedByTheJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		same := scripted.Hosting()
		same.Alias = "acme-hosting"
		b := newHarness(t, scripted.Hosting())
		b.plan()
		if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
		b.organizations = []*scripted.Organization{same, b.organizations[0]}
		b.manifest()
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		if code != exitcode.NotConfirmed || !strings.Contains(out, `same organization as "org_1"`) || !strings.Contains(out, "by the journal") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
}

// An organization that the plan of another entry deletes has no plan of its own.
func TestPlan_ManagedOrganizationHasEntry(t *testing.T) {
	const parent, child = "  - {provider: katapult, organization: org_1, confirm: Acme, override: [managed_organizations]}\n", "  - {provider: katapult, organization: org_child, confirm: Child}\n"
	for name, test := range map[string]struct {
		entries string
		denied  bool // the parent
	}{
		"parent first":  {entries: parent + child},
		"child first":   {entries: child + parent},
		"parent denied": {entries: child + parent + "deny: [org_1]\n", denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, family(), scripted.Named("org_child", "Child"))
				b.write("manifest.yaml", "organizations:\n"+test.entries)
				code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				if code != exitcode.NotConfirmed || strings.Contains(out, `deleted by the plan of "org_1"`) == test.denied {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				code, out, errOut = b.run("apply", "DIR/plan.json")
				if code != exitcode.NotConfirmed || b.organizations[0].Touched() == test.denied || b.organizations[1].Touched() != test.denied {
					t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}

func TestApply_MissingOverride(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.organizations[0].Steps[0].Requires = []teardown.Override{teardown.ManagedOrganizations}
		b.plan()
		if code, out, _ := b.run("apply", "DIR/plan.json"); code != exitcode.NotConfirmed || b.organizations[0].Touched() || !strings.Contains(out, "managed_organizations") {
			t.Errorf("exit code %d: %s", code, out)
		}
		b.plan("override: [managed_organizations]")
		if code, out, _ := b.run("apply", "DIR/plan.json"); code != exitcode.OK {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
}

func TestApply_UnwritableFiles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		for _, flag := range []string{"--journal", "--report"} {
			if code, _, _ := b.run("apply", "DIR/plan.json", flag, "DIR/none/file"); code != exitcode.Usage || b.organizations[0].Touched() {
				t.Errorf("%s: exit code %d", flag, code)
			}
		}
	})
}

func TestCheckAndDelete_JSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		var text strings.Builder
		for _, command := range [][]string{
			{"check", "katapult", "org_1", "--json"},
			{"delete", "katapult", "org_1", "--confirm", "Acme", "--json"},
			{"delete", "katapult", "org_1", "--confirm", "Acme Hosting", "--json"},
		} {
			_, out, _ := b.run(command...)
			text.WriteString(out)
		}
		golden.Compare(t, "single.jsonl", text.String())
	})
}

// A plan file in the place of a manifest is named as such.
func TestPlan_PlanFileAsManifest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Named("org_1", "Acme"))
		b.write("manifest.yaml", "organizations: [{provider: katapult, organization: org_1}]\n")
		b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		code, _, errOut := b.run("plan", "DIR/plan.json")
		if code != exitcode.Usage || !strings.Contains(errOut, "plan.json: this is a plan file: apply it with offboard apply") {
			t.Errorf("exit code %d: %s", code, errOut)
		}
	})
}

func TestApply_StalePlanFileJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		b.write("plan.json", strings.Replace(b.read("plan.json"), "web-1", "web-2", 1))
		code, out, errOut := b.run("apply", "DIR/plan.json", "--json")
		want := `{"type":"error","version":1,"problem":{"text":"offboard: apply \"DIR/plan.json\": plan_stale: the file was edited","code":"plan_stale",` +
			`"advice":"Nothing was changed. Plan again, and review the differences."},"exit_code":6}` + "\n"
		if code != exitcode.Stale || !strings.Contains(errOut, "Plan again") {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestHelp_Texts(t *testing.T) {
	t.Parallel()
	b := newHarness(t)
	for _, command := range []string{"", "check", "delete", "plan", "apply", "status", "demo", "version", "schema", "man"} {
		_, out, _ := b.run(append(strings.Fields(command), "--help")...)
		golden.Compare(t, "help"+command+".txt", out)
	}
}

func TestCompletion_Values(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.plan()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"completion", "bash"}, "__start_offboard"},
		{[]string{"__complete", "check", ""}, "zitadel\n"},
		{[]string{"__complete", "delete", ""}, "applivery\n"},
		{[]string{"__complete", "schema", ""}, "summary\n"},
		{[]string{"__complete", "apply", "--st"}, "--step-timeout"},
		{[]string{"__complete", "plan", ""}, "yaml\n"},
		{[]string{"__complete", "apply", ""}, "json\n"},
		{[]string{"__complete", "plan", "--view", ""}, "table\n"},
		{[]string{"__complete", "plan", "DIR/manifest.yaml", "--only", ""}, "org_1\n"},
		{[]string{"__complete", "plan", "DIR/none.yaml", "--only", ""}, ":4\n"},
		{[]string{"__complete", "delete", "volterra", "acme", "--override", ""}, "managed_organizations\n:4\n"},
		{[]string{"__complete", "delete", "volterra", "acme", "--confirm", ""}, ":4\n"},
		{[]string{"__complete", "apply", "DIR/plan.json", "--confirm", ""}, "Acme Hosting\n:4\n"},
		{[]string{"__complete", "apply", "DIR/plan.json", "--journal", ""}, ":0\n"},
		{[]string{"__complete", "check", "volterra", "x", "--em"}, "--email\tvolterra: the email ADDRESS of the account to delete\n"},
	} {
		if code, out, _ := b.run(test.args...); code != exitcode.OK || !strings.Contains(out, test.want) {
			t.Errorf("%v: %d, %s", test.args, code, out)
		}
	}
}
