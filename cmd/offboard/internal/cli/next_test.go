package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/teardown"
)

// hostings returns two organizations with three steps each.
func hostings() []*scripted.Organization {
	other := scripted.Hosting()
	other.Organization = teardown.Organization{ID: "org_2", Name: "Other"}
	return []*scripted.Organization{scripted.Hosting(), other}
}

// nextCommands returns the lines of an output that start with an advice.
func nextCommands(out string) []string {
	var lines []string
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "1. ") || strings.HasPrefix(text, "2. ") || strings.HasPrefix(text, "To ") && strings.Contains(text, ": offboard ") && !strings.HasPrefix(text, "To see") {
			lines = append(lines, text)
		}
	}
	return lines
}

// Each selected organization has a result with its reason.
func TestApply_ResultsOfDenied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, hostings()...)
		b.plan()
		_, out, errOut := b.run("apply", "DIR/plan.json", "--deny", "org_1", "--json")
		results := map[string]map[string]any{}
		var summary map[string]any
		for _, d := range documents(t, out) {
			switch d["type"] {
			case "result":
				results[d["organization"].(map[string]any)["id"].(string)] = d
			case "summary":
				summary = d
			}
		}
		denied, deleted := results["org_1"], results["org_2"]
		if denied["state"] != "denied" || denied["total"] != 3.0 || denied["problem"] == nil || deleted["outcome"] != "deleted" || summary["denied"] != 1.0 || summary["not_started"] != 1.0 {
			t.Errorf("got %s%s", out, errOut)
		}
		if report, _ := deleted["report"].(map[string]any); report == nil || report["unmatched_deny"] != nil {
			t.Errorf("unmatched_deny lists an organization of the plan file: %s", out)
		}
	})
}

// An organization that --only does not select is counted, and a deny entry that names it is matched.
func TestApply_ResultsOfOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, hostings()...)
		b.plan()
		_, out, _ := b.run("apply", "DIR/plan.json", "--only", "Other", "--deny", "org_1", "--json")
		if !strings.Contains(out, `"not_selected":1`) || strings.Contains(out, "unmatched_deny") || strings.Count(out, `"type":"result"`) != 1 {
			t.Errorf("got %s", out)
		}
	})
}

// A denied organization has one state in all texts, and no command is advised for it.
func TestApply_DeniedState(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, hostings()...)
		b.plan()
		code, out, errOut := b.run("apply", "DIR/plan.json", "--deny", "org_1", "--report", "DIR/report.html")
		if code != exitcode.NotConfirmed || len(nextCommands(out)) > 0 || strings.Contains(out, "not planned") || strings.Contains(out, "not started") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		for _, want := range []string{"Acme Hosting: denied: katapult", "│ 0/3   │ denied: katapult", "To delete it, correct --deny in the command.", "2 organizations: 1 deleted, 1 denied\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing: %s", want, out)
			}
		}
		if !strings.Contains(b.read("report.html"), `<span class="badge denied">denied</span>`) {
			t.Error("the report lacks the state")
		}
		if _, out, _ = b.run("status", "DIR/plan.json", "--deny", "org_1"); !strings.Contains(out, "1 deleted, 1 denied\n") || len(nextCommands(out)) > 0 {
			t.Errorf("status: %s", out)
		}
		code, out, errOut = b.run("apply", "DIR/plan.json", "--deny", "org_1", "--only", "org_1", "--journal", "DIR/other.journal")
		if _, err := os.Stat(b.dir + "/other.journal"); code != exitcode.NotConfirmed || !strings.Contains(out, "1 organization: 1 denied\n") || err == nil {
			t.Errorf("only denied ones: exit code %d, journal: %v: %s%s", code, err, out, errOut)
		}
	})
}

// apply and status advise the same command after the same run.
func TestNext_SameInApplyAndStatus(t *testing.T) {
	for name, test := range map[string]struct {
		override, missing, stop bool // an override is missing; an organization has no plan; Ctrl-C
		want                    []string
	}{
		"missing override": {override: true, want: []string{"To plan again: offboard plan MANIFEST -o DIR/plan.json"}},
		"stopped":          {stop: true, want: []string{"To resume: offboard apply DIR/plan.json"}},
		"stopped, and one not planned": {stop: true, missing: true, want: []string{
			"1. Acme Hosting", "To resume: offboard apply DIR/plan.json", "2. org_2", "To plan again: offboard plan MANIFEST -o DIR/plan.json",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, hostings()...)
				if b.organizations[1].Deleted = test.missing; !test.missing {
					b.organizations = b.organizations[:1]
				}
				if test.override {
					b.organizations[0].Steps[0].Requires = []teardown.Override{teardown.TerminationProtection}
				}
				b.manifest()
				b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				if test.stop {
					go func() {
						time.Sleep(2 * time.Second)
						b.signals <- os.Interrupt
					}()
				}
				_, applied, _ := b.run("apply", "DIR/plan.json")
				_, shown, _ := b.run("status", "DIR/plan.json")
				for command, out := range map[string]string{"apply": applied, "status": shown} {
					if diff := cmp.Diff(test.want, nextCommands(out)); diff != "" {
						t.Errorf("%s (-want +got):\n%s%s", command, diff, out)
					}
					if test.missing && !strings.Contains(out, "2 organizations: 1 stopped, 1 not planned\n") {
						t.Errorf("%s: another state: %s", command, out)
					}
					if test.override && !strings.Contains(out, "1 organization: 1 blocked\n") {
						t.Errorf("%s: another outcome: %s", command, out)
					}
				}
			})
		})
	}
}

// The command that resumes omits the limit that ended the run or a step, and the output names it.
func TestApply_LimitEnded(t *testing.T) {
	for name, test := range map[string]struct {
		args      []string
		interrupt bool
		want      string // as ended_by
		resume    string
	}{
		"timeout":      {[]string{"--timeout", "2s", "--parallel", "1"}, false, `"ended_by":["--timeout 2s"]`, "offboard apply DIR/plan.json --json --parallel 1"},
		"step timeout": {[]string{"--step-timeout", "1s", "--timeout", "1h"}, false, `"ended_by":["--step-timeout 1s"]`, "offboard apply DIR/plan.json --json --timeout 1h0m0s"},
		"interrupt":    {[]string{"--timeout", "1h"}, true, "", "offboard apply DIR/plan.json --json --timeout 1h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.plan()
				if test.interrupt {
					go func() {
						time.Sleep(2 * time.Second)
						b.signals <- os.Interrupt
					}()
				}
				code, out, errOut := b.run(append([]string{"apply", "DIR/plan.json", "--json"}, test.args...)...)
				if code == exitcode.OK || !strings.Contains(out, test.want) || strings.Contains(out, "ended_by") != (test.want != "") || !strings.Contains(out, `"resume_command":"`+test.resume+`"`) {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if advised := strings.Contains(out, `"advice":"--timeout 2s ended the command. To resume, give a longer time or none."`); advised != (name == "timeout") {
					t.Errorf("the advice: %s", out)
				}
			})
		})
	}
}

// The command that plans again repeats the flags that narrow the plan.
func TestPlanAgain_FlagsOfPlan(t *testing.T) {
	for name, test := range map[string]struct{ flags, want string }{
		"none":  {"", ""},
		"only":  {"--only org_1", " --only org_1"},
		"name":  {"--only=Acme Hosting", " --only org_1"},
		"lists": {"--deny org_2 --allow org_1", " --allow org_1 --deny org_2"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, hostings()...)
				b.manifest()
				args := []string{"plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"}
				if name == "name" { // a space is in the value
					args = append(args, test.flags)
				} else {
					args = append(args, strings.Fields(test.flags)...)
				}
				if code, out, errOut := b.run(args...); code != exitcode.OK && code != exitcode.NotConfirmed {
					t.Fatalf("exit code %d: %s%s", code, out, errOut)
				}
				b.organizations[0].Steps = append(b.organizations[0].Steps, teardown.Step{ID: "disk/disk_2", Kind: "disk", Name: "data-2"})
				for _, command := range []string{"status", "apply"} {
					code, out, errOut := b.run(command, "DIR/plan.json")
					if want := "To plan again: offboard plan MANIFEST -o DIR/plan.json" + test.want + "\n"; !strings.Contains(out, want) {
						t.Errorf("%s: exit code %d, want %q: %s%s", command, code, want, out, errOut)
					}
				}
			})
		})
	}
}
