package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestApply_NotFound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting(), scripted.Tenant())
		b.plan()
		b.organizations[0].Deleted = true // by another program, or the credential cannot see it
		code, out, errOut := b.run("apply", "DIR/plan.json", "--report", "DIR/report.html")
		if code != exitcode.NotFound || errOut != "" || !strings.Contains(out, "not_found: this run and its journal started no deletion") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		if page := b.read("report.html"); !strings.Contains(page, `<span class="badge not_found">not_found</span>`) || strings.Contains(page, `class="badge deleted"`) {
			t.Error("the report does not show the outcome")
		}
		code, out, _ = b.run("status", "DIR/plan.json")
		if code != exitcode.NotFound || !strings.Contains(out, "not_found: the journal has no") {
			t.Errorf("status: exit code %d: %s", code, out)
		}
		for _, command := range []string{"status", "apply"} { // another plan would not find the organization either
			_, out, _ := b.run(command, "DIR/plan.json")
			if !strings.Contains(out, "\nNot found: Acme Hosting. Compare the ID, or use a credential that can see the organization.\n") || len(nextCommands(out)) > 0 {
				t.Errorf("%s: the advice: %s", command, out)
			}
		}
		code, out, _ = b.run("apply", "DIR/plan.json", "--json")
		if code != exitcode.NotFound || !strings.Contains(out, `"outcome":"not_found"`) || !strings.Contains(out, `"outcomes":{"not_found":1,"pending":1}`) {
			t.Errorf("again: exit code %d: %s", code, out)
		}
	})
}

// The first run ended after it sent the deletion, and before it wrote the result.
func TestApply_ResumedByTheJournal(t *testing.T) {
	const head = `{"time":"2000-01-01T00:00:00Z","provider":"katapult","organization":"org_1",`
	for name, test := range map[string]struct {
		journal string
		code    int
	}{
		"deleting":             {head + `"kind":"started"}` + "\n" + head + `"kind":"deletion_started"}` + "\n", exitcode.OK},
		"deleting, then cut":   {head + `"kind":"deletion_started"}` + "\n" + head + `"kin`, exitcode.OK},
		"unknown":              {head + `"kind":"deletion_started"}` + "\n" + head + `"kind":"finished","outcome":"unknown"}` + "\n", exitcode.OK},
		"deleted":              {head + `"kind":"deletion_started"}` + "\n" + head + `"kind":"finished","outcome":"deleted"}` + "\n", exitcode.OK},
		"started only":         {head + `"kind":"started"}` + "\n", exitcode.NotFound},
		"cut before deleting":  {head + `"kind":"started"}` + "\n" + head + `"kind":"deletion_s`, exitcode.NotFound},
		"another provider":     {strings.Replace(head, "katapult", "zitadel", 1) + `"kind":"deletion_started"}` + "\n", exitcode.NotFound},
		"another instance":     {head + `"instance":"https://other.example","kind":"deletion_started"}` + "\n", exitcode.NotFound},
		"another organization": {strings.Replace(head, "org_1", "org_2", 1) + `"kind":"deletion_started"}` + "\n", exitcode.NotFound},
		"step only":            {head + `"step":"disk/disk_1","kind":"finished","state":"deleted"}` + "\n", exitcode.NotFound},
		"empty":                {"", exitcode.NotFound},
		"after other entries":  {"\n" + strings.Replace(head, "org_1", "org_9", 1) + `"kind":"finished","outcome":"deleted"}` + "\n" + head + `"kind":"deletion_started"}` + "\n", exitcode.OK},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.plan()
				b.write("plan.json.journal", test.journal)
				b.organizations[0].Deleted = true
				code, out, errOut := b.run("apply", "DIR/plan.json")
				if code != test.code {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}

func TestDelete_NotFoundJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.organizations[0].Deleted = true
		code, out, _ := b.run("delete", "katapult", "org_1", "--confirm", "Acme Hosting", "--json")
		if code != exitcode.NotFound || !strings.Contains(out, `"outcome":"not_found"`) {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
}

func TestStatus_OtherInstancesAndPlans(t *testing.T) {
	const head = `{"time":"2000-01-01T00:00:00Z","provider":"katapult","organization":"org_1",`
	for name, test := range map[string]struct {
		journal string // PLAN is this plan's fingerprint
		code    int
		deleted int
	}{
		"this plan":            {head + `"plan":"PLAN","kind":"finished","outcome":"deleted"}` + "\n", exitcode.OK, 3},
		"another plan":         {head + `"plan":"other","kind":"finished","outcome":"deleted"}` + "\n", exitcode.Blocked, 0},
		"no plan":              {head + `"kind":"finished","outcome":"deleted"}` + "\n", exitcode.Blocked, 0},
		"another instance":     {head + `"instance":"https://other.example","plan":"PLAN","kind":"finished","outcome":"deleted"}` + "\n", exitcode.Blocked, 0},
		"another organization": {strings.Replace(head, "org_1", "org_2", 1) + `"plan":"PLAN","kind":"finished","outcome":"deleted"}` + "\n", exitcode.Blocked, 0},
		"steps of this plan": {
			head + `"plan":"other","kind":"started"}` + "\n" + head + `"step":"trash/all","kind":"finished","state":"deleted"}` + "\n" +
				head + `"plan":"PLAN","kind":"started"}` + "\n" + head + `"step":"disk/disk_1","kind":"finished","state":"deleted"}` + "\n", exitcode.Blocked, 1,
		},
		"steps of another plan": {
			head + `"plan":"PLAN","kind":"started"}` + "\n" + head + `"step":"disk/disk_1","kind":"finished","state":"deleted"}` + "\n" +
				head + `"plan":"other","kind":"started"}` + "\n" + head + `"step":"trash/all","kind":"finished","state":"deleted"}` + "\n", exitcode.Blocked, 1,
		},
		"steps at another instance": {
			head + `"plan":"PLAN","kind":"started"}` + "\n" + head + `"instance":"https://other.example","plan":"other","kind":"started"}` + "\n" +
				head + `"instance":"https://other.example","step":"trash/all","kind":"finished","state":"deleted"}` + "\n" +
				head + `"step":"disk/disk_1","kind":"finished","state":"deleted"}` + "\n", exitcode.Blocked, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, scripted.Hosting())
				b.plan()
				file, err := planfile.Read(b.dir + "/plan.json")
				if err != nil {
					t.Fatal(err)
				}
				b.write("plan.json.journal", strings.ReplaceAll(test.journal, "PLAN", file.Organizations[0].Plan.Fingerprint))
				code, out, errOut := b.run("status", "DIR/plan.json", "--offline")
				if want := strings.Repeat(" ", 1) + string(rune('0'+test.deleted)) + "/3"; code != test.code || !strings.Contains(out, want) {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}

func TestStatus_UnreadableFiles(t *testing.T) {
	const head = `{"time":"2000-01-01T00:00:00Z","provider":"katapult","organization":"org_1",`
	for name, test := range map[string]struct {
		file, text string
		args       []string
		code       int
		want       string
	}{
		"empty plan":          {"plan.json", "", nil, exitcode.Usage, "not a plan file"},
		"cut plan":            {"plan.json", `{"version":1,"organiz`, nil, exitcode.Usage, "not a plan file"},
		"foreign plan":        {"plan.json", `{"name":"package"}`, nil, exitcode.Usage, "not a plan file"},
		"no organizations":    {"plan.json", `{"type":"plan","version":1,"organizations":[],"fingerprint":"EMPTY"}`, nil, exitcode.Usage, "the list of organizations is empty"},
		"null organizations":  {"plan.json", `{"type":"plan","version":1,"organizations":null,"fingerprint":"NULL"}`, nil, exitcode.Usage, "the list of organizations is empty"},
		"null":                {"plan.json", `null`, nil, exitcode.Stale, ""},
		"empty journal":       {"plan.json.journal", "", nil, exitcode.Blocked, ""},
		"foreign journal":     {"plan.json.journal", "Dear Jane,\n", nil, exitcode.Usage, "is not a journal"},
		"foreign JSON":        {"plan.json.journal", `{"type":"result"}` + "\n", nil, exitcode.Usage, "is not a journal"},
		"entries without IDs": {"plan.json.journal", `{"kind":"finished","outcome":"deleted"}` + "\n", nil, exitcode.Usage, "is not a journal"},
		"cut journal":         {"plan.json.journal", head + `"kind":"finished","outcome":"de`, nil, exitcode.Blocked, "cannot read 1 line of DIR/plan.json.journal"},
		"missing journal":     {"other", "", []string{"--journal", "DIR/none"}, exitcode.Usage, "cannot read DIR/none: the file does not exist"},
		"bytes":               {"plan.json.journal", "\x00\x01\x02\n\xff", nil, exitcode.Usage, "is not a journal"},
		"plan as journal":     {"other", "", []string{"--journal", "DIR/plan.json"}, exitcode.Usage, "is not a journal"},
		"manifest as plan":    {"plan.json", "organizations: []\n", nil, exitcode.Usage, "not a plan file"},
	} {
		for _, offline := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					b := newHarness(t, scripted.Hosting())
					b.plan()
					empty, null := planfile.File{Organizations: []planfile.Planned{}}, planfile.File{}
					empty.Seal()
					null.Seal()
					b.write(test.file, strings.NewReplacer("EMPTY", empty.Fingerprint, "NULL", null.Fingerprint).Replace(test.text))
					args := append([]string{"status", "DIR/plan.json"}, test.args...)
					if offline {
						args = append(args, "--offline")
					}
					code, out, errOut := b.run(args...)
					if code != test.code || !strings.Contains(errOut, test.want) {
						t.Errorf("exit code %d: %s%s", code, out, errOut)
					}
				})
			})
		}
	}
}

func TestStatus_UnreadableJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Hosting())
		b.plan()
		b.write("plan.json.journal", "")
		if err := os.Chmod(b.dir+"/plan.json.journal", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile(b.dir + "/plan.json.journal"); err == nil {
			t.Skip("this user can read every file")
		}
		if code, _, errOut := b.run("status", "DIR/plan.json"); code != exitcode.Usage || !strings.Contains(errOut, "permission denied") {
			t.Errorf("exit code %d: %s", code, errOut)
		}
	})
}

// unreadable is an organization whose reads fail.
type unreadable struct {
	connect.Organization
	err error
}

func (u unreadable) Plan(context.Context) (*teardown.Plan, error) { return nil, u.err }

func TestStatusOf_FailedRead(t *testing.T) {
	t.Parallel()
	for code, want := range map[errors.Code]int{
		errors.Unauthenticated: exitcode.OK, errors.PermissionDenied: exitcode.OK, // the credential may be deleted with the organization
		errors.Unavailable: exitcode.Failed, errors.UnexpectedResponse: exitcode.Failed, errors.OrganizationNotFound: exitcode.OK,
	} {
		p := scripted.Planned(t, scripted.Hosting())
		started := teardown.Entry{
			Time: time.Now(), Provider: p.Plan.Provider, Instance: p.Plan.Instance, Organization: p.Plan.Organization.ID, Plan: p.Plan.Fingerprint, Kind: teardown.EntryDeletionStarted,
		}
		finished := started
		finished.Kind, finished.Outcome = teardown.EntryFinished, teardown.Deleted
		c := planfile.NewIndex([]teardown.Entry{started, finished})
		got := statusOf(t.Context(), p, c, unreadable{err: &errors.Error{Code: code}})
		if got.code != want {
			t.Errorf("%s: exit code %d, want %d", code, got.code, want)
		}
	}
}

// Before the first apply, status names the command that applies; later, the one that resumes.
func TestStatus_NextCommand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, scripted.Hosting(), scripted.Tenant())
		h.plan()
		if _, out, _ := h.run("status", "DIR/plan.json", "--only", "Acme Hosting"); !strings.Contains(out, "To apply: offboard apply DIR/plan.json --only 'Acme Hosting'\n") || strings.Contains(out, "To resume") {
			t.Errorf("before apply: %s", out)
		}
		go func() {
			time.Sleep(2 * time.Second)
			h.signals <- os.Interrupt
		}()
		if code, out, _ := h.run("apply", "DIR/plan.json"); code != exitcode.Stopped {
			t.Errorf("exit code %d: %s", code, out)
		}
		if _, out, _ := h.run("status", "DIR/plan.json"); !strings.Contains(out, "To resume: offboard apply DIR/plan.json\n") || strings.Contains(out, "To apply") {
			t.Errorf("after a stop: %s", out)
		}
		h.write("other.journal", "")
		h.organizations[0].Steps = append(h.organizations[0].Steps, teardown.Step{ID: "disk/disk_2", Kind: "disk", Name: "data-2"})
		if _, out, _ := h.run("status", "DIR/plan.json", "--journal", "DIR/other.journal"); !strings.Contains(out, "To plan again: offboard plan MANIFEST -o DIR/plan.json --journal DIR/other.journal\n") {
			t.Errorf("a stale plan with another journal: %s", out)
		}
	})
}

func TestShowStatus_ManyOrganizations(t *testing.T) {
	t.Parallel()
	const n = 10_000
	deleted, stopped := &teardown.Entry{Kind: teardown.EntryFinished, Outcome: teardown.Deleted}, &teardown.Entry{Kind: teardown.EntryFinished, Outcome: teardown.Stopped}
	statuses := make([]organizationStatus, n)
	for i := range statuses {
		s := &statuses[i]
		*s = organizationStatus{Provider: "katapult", title: fmt.Sprintf("Acme %d", i), Now: "not_found", Journal: deleted, Done: 30, Total: 30}
		if i%100 == 99 {
			s.Now, s.Journal, s.code = "exists", stopped, exitcode.Blocked
			for j := range 30 {
				s.Remaining = append(s.Remaining, fmt.Sprintf("disk/disk_%d", j))
			}
		}
	}
	last := &statuses[n-1]
	last.Now, last.Journal, last.code = "not_found", nil, exitcode.NotFound
	show := func(p *program, statuses []organizationStatus) string {
		var out strings.Builder
		p.out = &out
		if err := p.showStatus(statuses, applySettings{plan: "plan.json"}, nil); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	out := show(new(program), statuses)
	if lines := strings.Count(out, "\n"); lines > 300 {
		t.Errorf("%d lines", lines)
	}
	for _, want := range []string{"10000 organizations: 9900 deleted, 99 stopped, 1 not_found\n", "… and 80 more not deleted; -v lists all\n", "To resume: offboard apply plan.json\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing: %s", want, out)
		}
	}
	if severe, other := strings.Index(out, "Acme 9999 "), strings.Index(out, "Acme 99 "); severe < 0 || severe > other || strings.Contains(out, "Acme 0 ") {
		t.Errorf("the most severe organization is not first, or a deleted one is listed: %s", out)
	}
	if out := show(&program{verbose: true}, statuses); strings.Count(out, "│ katapult │") != n || strings.Contains(out, "-v lists all") {
		t.Errorf("-v does not list all organizations: %d", strings.Count(out, "│ katapult │"))
	}
	var document statusDocument
	if err := json.Unmarshal([]byte(show(&program{json: true}, statuses)), &document); err != nil || len(document.Organizations) != n {
		t.Errorf("JSON: %d organizations: %v", len(document.Organizations), err)
	}
	if out := show(new(program), statuses[:50]); out != "50 organizations: 50 deleted\n" {
		t.Errorf("all are deleted: %s", out)
	}
}

func TestOrganizationStatus_Outcome(t *testing.T) {
	t.Parallel()
	entry := func(o teardown.Outcome) *teardown.Entry {
		return &teardown.Entry{Kind: teardown.EntryFinished, Outcome: o}
	}
	for _, test := range []struct {
		status organizationStatus
		want   string
	}{
		{organizationStatus{Now: "not_found", Journal: entry(teardown.Unknown)}, "deleted"},
		{organizationStatus{Now: "not_found", code: exitcode.NotFound}, "not_found"},
		{organizationStatus{Now: "not_read", code: exitcode.Failed}, "not started"},
		{organizationStatus{Now: "not_read", Journal: &teardown.Entry{Kind: teardown.EntryDeletionStarted}, code: exitcode.Blocked}, "not finished"},
		{organizationStatus{Now: "not_read", Journal: entry(teardown.Deleted)}, "deleted"},
		{organizationStatus{Now: "exists", Journal: entry(teardown.Pending)}, "pending"},
		{organizationStatus{Now: "exists", Journal: entry(teardown.Deleted), code: exitcode.Blocked}, "exists"},
		{organizationStatus{Now: "not_read", Journal: entry(teardown.Deleted), code: exitcode.Failed}, "not read"},
		{organizationStatus{Now: "exists", Journal: entry(teardown.Blocked), code: exitcode.Blocked}, "blocked"},
		{organizationStatus{Now: "not_read", Journal: entry(teardown.Unknown), code: exitcode.Failed}, "unknown"},
	} {
		if got := test.status.outcome(); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.status, got, test.want)
		}
	}
}

// The exit code of an expired plan precedes that of a missing override, which precedes that of a plan
// that does not match, as in apply.
func TestStatus_StalePlanMissingOverride(t *testing.T) {
	for name, test := range map[string]struct {
		wait time.Duration
		code int
	}{
		"valid":   {code: exitcode.NotConfirmed},
		"expired": {wait: 25 * time.Hour, code: exitcode.Stale},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHarness(t, scripted.Hosting())
				h.organizations[0].Steps[0].Requires = []teardown.Override{teardown.TerminationProtection}
				h.plan()
				h.organizations[0].Steps = append(h.organizations[0].Steps, teardown.Step{ID: "disk/disk_2", Kind: "disk", Name: "data-2"})
				time.Sleep(test.wait)
				for _, command := range []string{"status", "apply"} {
					if code, out, errOut := h.run(command, "DIR/plan.json"); code != test.code {
						t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
					}
				}
			})
		})
	}
}

func TestStatus_StalePlan(t *testing.T) {
	for name, test := range map[string]struct {
		wait  time.Duration
		add   bool // the organization gets another resource
		stale bool
		code  int
	}{
		"valid":        {code: exitcode.Blocked},
		"expired":      {wait: 25 * time.Hour, stale: true, code: exitcode.Stale},
		"new resource": {add: true, stale: true, code: exitcode.Stale},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHarness(t, scripted.Hosting())
				h.plan()
				time.Sleep(test.wait)
				if test.add {
					h.organizations[0].Steps = append(h.organizations[0].Steps, teardown.Step{ID: "disk/disk_2", Kind: "disk", Name: "data-2"})
				}
				code, out, errOut := h.run("status", "DIR/plan.json")
				if code != test.code || strings.Contains(out, "To plan again") != test.stale || strings.Contains(out, "To apply") == test.stale {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if _, out, _ := h.run("status", "DIR/plan.json", "--json"); strings.Contains(out, `"stale": true`) != test.stale {
					t.Errorf("got %s", out)
				}
				if code, out, errOut := h.run("apply", "DIR/plan.json"); test.stale && code != test.code {
					t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
				}
			})
		})
	}
}
