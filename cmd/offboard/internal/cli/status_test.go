package cli

import (
	"context"
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
		"missing journal":     {"other", "", []string{"--journal", "DIR/none"}, exitcode.Usage, "no such file"},
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
		c := planfile.NewIndex([]teardown.Entry{{
			Time: time.Now(), Provider: p.Plan.Provider, Instance: p.Plan.Instance, Organization: p.Plan.Organization.ID, Plan: p.Plan.Fingerprint, Kind: teardown.EntryFinished, Outcome: teardown.Deleted,
		}})
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
		if _, out, _ := h.run("status", "DIR/plan.json", "--journal", "DIR/other.journal"); !strings.Contains(out, "To plan again: offboard plan MANIFEST -o DIR/plan.json\n") {
			t.Errorf("a stale plan with another journal: %s", out)
		}
	})
}

func TestStatus_StalePlan(t *testing.T) {
	for name, test := range map[string]struct {
		wait  time.Duration
		add   bool // the organization gets another resource
		stale bool
	}{
		"valid":        {},
		"expired":      {wait: 25 * time.Hour, stale: true},
		"new resource": {add: true, stale: true},
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
				if code != exitcode.Blocked || strings.Contains(out, "To plan again") != test.stale || strings.Contains(out, "To apply") == test.stale {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if _, out, _ := h.run("status", "DIR/plan.json", "--json"); strings.Contains(out, `"stale": true`) != test.stale {
					t.Errorf("got %s", out)
				}
			})
		})
	}
}
