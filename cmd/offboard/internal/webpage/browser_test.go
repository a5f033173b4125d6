package webpage_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planpage"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/timeline"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/browsertest"
	"github.com/offboard-dev/offboard-go/teardown"
)

var keep = flag.String("pages", "", "write the pages of the browser test to this folder")

var now = time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)

const hostile = `<script>console.error(1)</script>"'><img src=x onerror=alert(1)>`

// long has no place to break a line.
var long = strings.Repeat("unbreakable", 20)

// organization returns the plan of an organization with machines, each with a disk and its
// backups, in a managed organization if nested.
func organization(id string, machines int, nested bool) *teardown.Plan {
	p := &teardown.Plan{
		Provider: "katapult", Instance: "https://api.example/core/v1", Organization: teardown.Organization{ID: id, Name: "Organization " + id},
		CreatedAt: now, ExpiresAt: now.Add(teardown.PlanTTL), Fingerprint: strings.Repeat("0123456789abcdef", 4),
		DeletionError: &errors.Error{Provider: "katapult", Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied, Status: 409, Message: "Not empty"},
		Cascades: []teardown.Cascade{
			{Kind: "user", Count: 3, Names: []string{"jane", hostile, long}, Note: "with their sessions"}, {Kind: "invoice", Note: "could not be read: " + long},
		},
	}
	add := func(kind, name string, after ...string) string {
		s := teardown.Step{ID: kind + "/" + name, Kind: kind, Name: name, Why: "it keeps the organization", Removal: "delete it, and purge it from the trash", After: after}
		p.Steps = append(p.Steps, s)
		return s.ID
	}
	for i := range machines {
		backups := add("disk_backup_policy", fmt.Sprintf("daily-%d", i))
		machine := add("virtual_machine", fmt.Sprintf("web-%d", i))
		disk := add("disk", fmt.Sprintf("data-%d", i), backups, machine)
		add("virtual_network", fmt.Sprintf("inner-%d", i), machine)
		if nested && i == 0 { // in the graph of kinds, a cycle
			add("virtual_machine", "after-disk", disk)
		}
	}
	if nested {
		add("managed_organization", long)
		p.Steps[len(p.Steps)-1].Requires = []teardown.Override{teardown.ManagedOrganizations}
		p.Steps[len(p.Steps)-1].Organization = &teardown.Organization{ID: "org_child", Name: hostile}
		add("invoice", hostile)
		p.Steps[len(p.Steps)-1].Manual = true
	}
	return p
}

func small() *planfile.File {
	return &planfile.File{Fingerprint: "0123456789abcdef", Organizations: []planfile.Planned{
		{Entry: planfile.Entry{Provider: "katapult"}, Plan: organization("org_1", 3, true)},
	}}
}

// nested returns a file whose steps have short names and long request IDs.
func nested() *planfile.File {
	p := organization("org_1", 2, false)
	for _, id := range []string{"org_labs", "org_test"} {
		p.Steps = append(p.Steps, teardown.Step{ID: "managed_organization/" + id, Kind: "managed_organization", Name: id, Removal: "delete it"})
	}
	return &planfile.File{Organizations: []planfile.Planned{{Entry: planfile.Entry{Provider: "katapult"}, Plan: p}}}
}

// large returns a file of 10 organizations with about 300 steps.
func large() *planfile.File {
	f := &planfile.File{Fingerprint: "0123456789abcdef", Unmatched: []string{"deny: " + long}, Deny: []string{"org_platform", long}}
	for i, machines := range []int{30, 12, 10, 8, 6, 3, 2, 1, 0} {
		f.Organizations = append(f.Organizations, planfile.Planned{
			Entry: planfile.Entry{Provider: "katapult"}, Plan: organization(fmt.Sprintf("org_%d", i+1), machines, i%2 == 0),
		})
	}
	f.Organizations = append(f.Organizations, planfile.Planned{
		Entry: planfile.Entry{Provider: "atlas"}, Problem: &problem.Problem{Text: "permission denied " + long, Advice: "Use another credential."}, Line: 12,
	})
	return f
}

// run returns the results of a run of a file, whose steps take some minutes. Some of them fail.
func run(f *planfile.File) ([]report.Result, *timeline.Recorder) {
	recorder := timeline.New()
	var results []report.Result
	for i, o := range f.Organizations {
		if o.Plan == nil {
			results = append(results, report.NotStarted(o))
			continue
		}
		r := &teardown.Report{Provider: "katapult", Organization: o.Plan.Organization, Outcome: teardown.Deleted, StartedAt: now}
		ends, last := map[string]time.Time{}, now.Add(2*time.Second)
		var failures []error
		for j, s := range o.Plan.Steps {
			start := now.Add(time.Duration(j%20) * 3 * time.Second)
			for _, id := range s.After {
				if ends[id].After(start) {
					start = ends[id]
				}
			}
			step := teardown.StepReport{Step: s, State: teardown.StepDeleted, Attempts: 1, RequestID: "5f0c7e52-93a1-4c1e-9d2b-" + s.Name, StartedAt: start, FinishedAt: start.Add(time.Duration(10+j%7) * time.Second)}
			switch {
			case s.Manual:
				step = teardown.StepReport{Step: s, State: teardown.StepManual}
			case j%50 == 8:
				step.State, step.Attempts = teardown.StepFailed, 3
				step.Err = &errors.Error{
					Provider: "katapult", Operation: "DeleteDisk", Target: s.ID, Code: errors.PermissionDenied, Status: 403, ProviderCode: "scope_not_granted",
					Message: hostile + "\n" + long, RequestID: "req-" + long, Attempts: 3, RetryAfter: time.Minute,
					Steps: []errors.Step{{Name: "scope", Description: long}}, Detail: map[string]any{"scopes": []string{"disks:delete", hostile, long}},
				}
				failures = append(failures, step.Err)
			}
			ends[s.ID] = step.FinishedAt
			if step.FinishedAt.After(last) {
				last = step.FinishedAt
			}
			if !s.Manual {
				event := func(kind teardown.EventKind, after, wait time.Duration) {
					recorder.Event(i, teardown.Event{Step: s.ID, Kind: kind, Time: start.Add(after), Wait: wait})
				}
				event(teardown.EventStarted, 0, 0)
				if j%3 == 0 {
					event(teardown.EventRetrying, time.Second, 2*time.Second)
				}
				event(teardown.EventWaiting, 4*time.Second, 0)
				event(teardown.EventFinished, step.FinishedAt.Sub(start), 0)
				recorder.Request(i)
				recorder.Wait(i, s.ID, "rate_limit", start.Add(6*time.Second), 2*time.Second)
			}
			r.Steps = append(r.Steps, step)
		}
		recorder.Wait(i, "", "rate_limit", now.Add(5*time.Second), 12*time.Second)
		recorder.Wait(i, "", "retry", now.Add(25*time.Second), 4*time.Second)
		r.FinishedAt = last.Add(3 * time.Second)
		if len(failures) > 0 {
			r.Outcome, r.Err = teardown.Blocked, errors.Join(failures...)
		}
		results = append(results, report.ResultOf(o, teardown.JobResult{Plan: o.Plan, Report: r, Err: r.Err}))
	}
	return results, recorder
}

// pages writes all pages to a folder and returns their names.
func pages(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	name := func(n string) string { names = append(names, n); return filepath.Join(dir, n) }
	for size, file := range map[string]*planfile.File{"small": small(), "nested": nested(), "large": large()} {
		if err := planpage.Write(name("plan-"+size+".html"), file, "plan.json", now); err != nil {
			t.Fatal(err)
		}
		results, recorder := run(file)
		if err := report.Write(name("report-"+size+".html"), file, results, filepath.Join(dir, "absent.journal"), recorder, now, now.Add(10*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// wrapper shows each page in a frame of each width, and writes the measured sizes as its text.
const wrapper = `<!DOCTYPE html><title>sizes</title><pre id="sizes"></pre><script>
addEventListener("load", () => {
  const sizes = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const wide = [...page.querySelectorAll("body *:not(thead *)")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1);
    sizes.push({
      page: frame.title, width: root.clientWidth, scroll: root.scrollWidth, wide: wide.slice(0, 3).map(e => e.outerHTML.slice(0, 100)),
      broken: [...page.querySelectorAll("td .kind")].filter(e => e.getClientRects().length > 1).length,
      drawings: [...page.querySelectorAll("svg")].filter(e => e.getBoundingClientRect().width > 0).length,
    });
  }
  document.getElementById("sizes").textContent = JSON.stringify(sizes);
});
</script>`

// A browser shows the pages at the width of a phone without scrolling sideways, and without an
// error on its console.
func TestPages_InBrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.Find(t)
	dir := t.TempDir()
	if *keep != "" {
		dir = *keep
	}
	names := pages(t, dir)
	text := wrapper
	for _, name := range names {
		for _, width := range []int{320, 390, 760, 1280} {
			text += fmt.Sprintf(`<iframe title="%s" src="/%s" style="width:%dpx;height:844px;border:0"></iframe>`, name, name, width)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("/sizes", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	mux.HandleFunc("/favicon.ico", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	defer server.Close()

	var sizes []struct {
		Page                    string
		Width, Scroll, Drawings int
		Broken                  int // kinds of steps that are wrapped inside the word
		Wide                    []string
	}
	browser.Measure(t, server.URL+"/sizes", &sizes)
	if len(sizes) != 4*len(names) {
		t.Errorf("got %d frames", len(sizes))
	}
	for _, s := range sizes {
		if s.Scroll > s.Width || len(s.Wide) > 0 || s.Drawings == 0 {
			t.Errorf("%s at %d pixels: %d pixels wide, %d drawings, too wide: %q", s.Page, s.Width, s.Scroll, s.Drawings, s.Wide)
		}
		if s.Broken > 0 {
			t.Errorf("%s at %d pixels: %d kinds of steps are broken", s.Page, s.Width, s.Broken)
		}
	}
}
