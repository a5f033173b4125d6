package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/demo"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planning"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/timeline"
)

func TestPlan_HTML(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting(), scripted.Tenant())
	b.manifest()
	for range 2 { // it replaces its own page
		if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--html", "DIR/plan.html"); code != exitcode.OK {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
	}
	page := b.read("plan.html")
	for _, want := range []string{"<b>2</b> organizations planned", "Acme Hosting", "acme-edge", "<svg", "offboard apply"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// The page never replaces a file that is not a page of a plan.
func TestPlan_HTMLReplacesOnlyPages(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.manifest()
	b.write("notes.html", "<!DOCTYPE html><title>Notes</title>")
	b.write("report.html", "<!DOCTYPE html><title>Teardown report, 2000-01-01</title>")
	for _, name := range []string{"manifest.yaml", "notes.html", "report.html", "plan.json"} {
		before := ""
		if name != "plan.json" {
			before = b.read(name)
		}
		code, _, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--html", "DIR/"+name)
		if code != exitcode.Usage || !strings.Contains(errOut, "--html") && !strings.Contains(errOut, "is not a plan page") {
			t.Errorf("%s: exit code %d, %s", name, code, errOut)
		}
		if before != "" && b.read(name) != before {
			t.Errorf("%s was replaced", name)
		}
	}
}

// The output for other programs is the graph and nothing else.
func TestPlan_GraphViews(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting(), scripted.Tenant())
	b.manifest()
	for view, start := range map[string]string{"dot": "digraph plan {\n", "mermaid": "flowchart TB\n"} {
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "--view", view)
		if code != exitcode.OK || !strings.HasPrefix(out, start) || strings.Contains(out, "Nothing was changed") || !strings.Contains(out, "disk") {
			t.Errorf("%s: exit code %d, %s%s", view, code, out, errOut)
		}
	}
	if code, _, errOut := b.run("plan", "DIR/manifest.yaml", "--view", "svg"); code != exitcode.Usage || !strings.Contains(errOut, "tree, table, dot or mermaid") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}

func TestPlan_ViewAndJSONExcludeEachOther(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.manifest()
	for _, view := range planViews {
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "--view", view, "--json", "-o", "DIR/plan.json")
		if code != exitcode.Usage || !strings.Contains(errOut, "--view and --json exclude each other") || !strings.HasPrefix(out, `{"type":"error"`) {
			t.Errorf("%s: exit code %d: %s%s", view, code, out, errOut)
		}
	}
	if files := contents(t, b.dir); len(files) != 1 {
		t.Errorf("got the files %v", files)
	}
}

// The page is a file in addition to the standard output.
func TestPlan_PageWithEachOutput(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Hosting())
	b.manifest()
	for args, start := range map[string]string{"": "katapult: ", "--view table": "katapult: ", "--view dot": "digraph", "--view mermaid": "flowchart", "--json": "{"} {
		code, out, errOut := b.run(append([]string{"plan", "DIR/manifest.yaml", "--html", "DIR/plan.html", "-o", "DIR/plan.json"}, strings.Fields(args)...)...)
		if code != exitcode.OK || !strings.HasPrefix(out, start) || !strings.Contains(b.read("plan.html"), "Deletion plan") {
			t.Errorf("%s: exit code %d: %s%s", args, code, out, errOut)
		}
		if err := os.Remove(b.dir + "/plan.html"); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"--html", "--output"} {
		if code, _, errOut := b.run("plan", "DIR/manifest.yaml", name, ""); code != exitcode.Usage || errOut != "offboard: "+name+" is empty: name a file\n" {
			t.Errorf("%s: exit code %d: %s", name, code, errOut)
		}
	}
}

// The report has the waits of the steps, by reason.
func TestApply_ReportTimeline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted.Hosting()
		s.Waits = func(progress func(string)) { progress("the disk is in the trash") }
		b := newHarness(t, s)
		b.plan()
		if code, out, errOut := b.run("apply", "DIR/plan.json", "--report", "DIR/report.html"); code != exitcode.OK {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
		page := b.read("report.html")
		for _, want := range []string{"<h3>Timeline</h3>", `class="bar provider"`, "virtual_machine web-1, 0:02, deleted", "waits for the provider"} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is missing", want)
			}
		}
	})
}

// The clients of all providers report their requests and waits, which faults of the fakes cause.
func TestApply_ReportOfClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		scenes := demo.NewScenes()
		p := &program{out: io.Discard, errOut: io.Discard, connect: demo.Connect(scenes)}
		var x *execution
		var planned *planfile.File
		started := time.Now()
		results, err := demo.Run(t.Context(), io.Discard, scenes, demo.Program{
			Plan: func(ctx context.Context, m *planfile.Manifest) (*planfile.File, error) {
				file, _, err := planning.Plan(ctx, m, nil, p.connector(nil), len(scenes), planning.Earlier{})
				return file, err
			},
			Apply: func(ctx context.Context, file *planfile.File) ([]report.Result, error) {
				var err error
				planned = file
				s := applySettings{parallel: len(scenes), concurrency: 8, stepTimeout: defaultStepTimeout, retryFor: defaultRetryFor, report: "report.html"}
				if x, err = p.prepare(file, s); err != nil {
					return nil, err
				}
				return x.run(ctx, io.Discard), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "report.html")
		if err := report.Write(name, planned, results, name+".journal", x.recorder, started, time.Now()); err != nil {
			t.Fatal(err)
		}
		for i, o := range planned.Organizations {
			run := x.recorder.Of(i, time.Now())
			if run.Requests < 8 {
				t.Errorf("%s: got %d requests", o.Entry.Provider, run.Requests)
			}
			if waits := run.Totals(); !slices.ContainsFunc(waits, func(w timeline.Total) bool { return w.Reason == timeline.Retry }) {
				t.Errorf("%s: no wait before another attempt is recorded: %v", o.Entry.Provider, waits)
			}
		}
	})
}
