package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/screentest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// sizes are the tested widths; 0 is a pipe.
var sizes = []int{20, 40, 60, 80, 100, 200, 0}

// longNames returns organizations whose texts are difficult to lay out.
func longNames() []*scripted.Organization {
	var all []*scripted.Organization
	for i, name := range []string{
		"Acme Hosting International Holding Limited and Partners of the Northern Hemisphere",
		"株式会社アクメホスティング東京本社営業部第一課",
		"👩\u200d💻👍🏽🇩🇪❤\ufe0f emoji " + strings.Repeat("e\u0301\u0302", 20),
		"a\x1b[2J\x1b]0;title\x07\r\nb\u202Ec\u200B" + strings.Repeat("0123456789", 8),
	} {
		o := scripted.Hosting()
		o.Organization = teardown.Organization{ID: fmt.Sprintf("org_%d", i), Name: name}
		for j := range o.Steps {
			o.Steps[j].Name = fmt.Sprintf("%s %d", name, j)
		}
		o.Steps[1].Why = "it is used by " + name
		switch i {
		case 1:
			o.Steps[0].Manual = true
			o.Steps[1].Requires = []teardown.Override{teardown.TerminationProtection}
		case 2:
			o.Remove = func(teardown.Step) error {
				return &errors.Error{Provider: "katapult", Operation: "DeleteDisk", Target: name, Code: errors.PermissionDenied, Status: 403, Message: name}
			}
		}
		all = append(all, o)
	}
	return append(all, scripted.Tenant())
}

func TestScreens_EveryCommand(t *testing.T) {
	for _, columns := range sizes {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHarness(t, longNames()...)
				h.columns = columns
				h.manifest("override: [termination_protection]")
				h.write("bad.yaml", "organizations:\n  - provider: katapult\n    organisation: org_0\n")
				for _, command := range []string{
					"plan DIR/manifest.yaml -o DIR/plan.json", "plan DIR/manifest.yaml --view table", "plan DIR/bad.yaml", "plan DIR/none.yaml",
					"status DIR/plan.json", "apply DIR/plan.json --confirm none", "apply DIR/plan.json --report DIR/report.html",
					"apply DIR/plan.json", "apply DIR/plan.json -v", "status DIR/plan.json", "status DIR/plan.json --offline",
					"check katapult org_2", "check katapult none", "delete katapult org_2 --confirm none", "delete katapult org_2", "check", "none", "--none",
					"--help", "version", "--version", "man DIR/man", "schema --help", "man --help", "help apply", "plan --help", "apply --help", "status --help", "check --help", "delete --help", "demo --help", "completion --help",
				} {
					_, out, errOut := h.run(strings.Fields(command)...)
					if out+errOut == "" {
						t.Errorf("%s: no output", command)
					}
					for _, text := range []string{out, errOut} {
						screentest.Check(t, text, columns)
						if strings.ContainsAny(text, "\x1b\x07\r\u202E\u200B") {
							t.Errorf("%s: control characters: %q", command, text)
						}
					}
					if t.Failed() {
						t.Fatalf("%d columns: offboard %s:\n%s%s", columns, command, out, errOut)
					}
				}
			})
		})
	}
}

// JSON and shell commands are for programs: a terminal does not change them.
func TestScreens_OutputForPrograms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, scripted.Hosting())
		h.plan()
		for _, command := range []string{"plan DIR/manifest.yaml --json", "status DIR/plan.json --json", "completion bash", "check katapult org_1 --json",
			"plan DIR/manifest.yaml --view dot", "plan DIR/manifest.yaml --view mermaid", "schema plan"} {
			h.columns = 0
			_, pipe, _ := h.run(strings.Fields(command)...)
			h.columns = 40
			if _, terminal, _ := h.run(strings.Fields(command)...); terminal != pipe {
				t.Errorf("%s: the terminal changes the output:\n%s", command, terminal)
			}
		}
	})
}

func TestScreens_Demonstration(t *testing.T) {
	for _, columns := range sizes {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				out, errOut := screentest.Terminal{Columns: columns}, bytes.Buffer{}
				if code := runWith(t.Context(), nil, &out, &errOut, connect.FromEnv); code != exitcode.OK {
					t.Fatalf("exit code %d: %s", code, errOut.String())
				}
				screentest.Check(t, out.String(), columns)
			})
		})
	}
}

// The prompt stays in one part with the answer, and the next line starts at the left.
func TestScreens_Prompt(t *testing.T) {
	t.Parallel()
	out := screentest.Terminal{Columns: 40}
	p := &program{in: strings.NewReader(""), out: &out, errOut: io.Discard}
	p.fitTerminal()
	fmt.Fprint(p.out, "This permanently deletes everything above. Type the organization name to confirm: ")
	fmt.Fprint(p.out, "next\n")
	const want = "This permanently deletes everything\n  above. Type the organization name to\n  confirm: next\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// results returns fake results. One of a hundred organizations is blocked.
func fakeResults(t *testing.T, n int) ([]planfile.Planned, []report.Result) {
	t.Helper()
	planned, results := make([]planfile.Planned, n), make([]report.Result, n)
	one := scripted.Planned(t, scripted.Hosting())
	for i := range n {
		planned[i] = one
		of := teardown.JobResult{Report: &teardown.Report{Outcome: teardown.Deleted, Steps: make([]teardown.StepReport, 3)}}
		for j := range of.Report.Steps {
			of.Report.Steps[j] = teardown.StepReport{Step: one.Plan.Steps[j], State: teardown.StepDeleted}
		}
		if i%100 == 99 {
			of.Report.Outcome, of.Err = teardown.Blocked, &errors.Error{Provider: "katapult", Operation: "Teardown", Code: errors.PermissionDenied, Status: 403}
			for j := range of.Report.Steps {
				of.Report.Steps[j].State = teardown.StepNotStarted
			}
		}
		if i == n-1 {
			of.Report.Outcome, of.Err = teardown.Unknown, &errors.Error{Provider: "katapult", Operation: "Teardown", Code: errors.OutcomeUnknown}
		}
		results[i] = report.ResultOf(one, of)
	}
	return planned, results
}

func TestApply_LinesOfManyOrganizations(t *testing.T) {
	t.Parallel()
	const n = 10_000
	planned, results := fakeResults(t, n)
	for name, test := range map[string]struct {
		verbose bool
		lines   int // at most
	}{
		"default": {false, n + 200},
		"-v":      {true, n*5 + 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			p := &program{in: strings.NewReader(""), out: &out, errOut: io.Discard, verbose: test.verbose}
			file := &planfile.File{Organizations: planned}
			w := p.newWatcher(file)
			for i := range n {
				w.Event(i, teardown.Event{Kind: teardown.EventStarted, Total: 3})
				w.Note(i, "rate limit reached", time.Minute)
				for j, s := range planned[i].Plan.Steps {
					w.Event(i, teardown.Event{Kind: teardown.EventFinished, Step: s.ID, State: teardown.StepDeleted, Done: j + 1, Total: 3})
				}
				w.End(i, results[i])
			}
			w.Close()
			p.summarize(file, results, applySettings{plan: "plan.json", journal: "plan.json.journal"}, nil)
			if got := strings.Count(out.String(), "\n"); got > test.lines || got < n {
				t.Errorf("%d lines, want at most %d", got, test.lines)
			}
			_, summary, _ := strings.Cut(out.String(), "\n\n")
			for _, want := range []string{"10000 organizations: 9900 deleted, 99 blocked, 1 unknown\n", "… and 80 more not deleted\n", "To resume: offboard apply plan.json\n"} {
				if !strings.Contains(summary, want) {
					t.Errorf("the summary does not contain %q:\n%s", want, summary)
				}
			}
			// The most severe result is the first.
			if unknown, blocked := strings.Index(summary, "unknown: "), strings.Index(summary, "blocked: "); unknown < 0 || unknown > blocked {
				t.Errorf("the unknown outcome is not first:\n%s", summary)
			}
		})
	}
}
