package cli

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
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
