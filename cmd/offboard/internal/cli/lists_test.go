package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// family manages another organization, which its plan deletes first.
func family() *scripted.Organization {
	s := scripted.Named("org_1", "Acme")
	s.DeletionError = scripted.Blocked
	s.Steps = []teardown.Step{{
		ID: "managed_organization/org_child", Kind: "managed_organization", Name: "Child", Requires: []teardown.Override{teardown.ManagedOrganizations},
		Organization: &teardown.Organization{ID: "org_child", Name: "Child"},
	}}
	return s
}

// listing plans the first organization with lists in the manifest.
func (b *harness) listing(lines string) (code int, out, errOut string) {
	b.Helper()
	o := b.organizations[0]
	b.write("manifest.yaml", fmt.Sprintf("organizations:\n  - {provider: %s, organization: %s, confirm: %q, override: [managed_organizations]}\n%s\n", o.Provider, o.ID, o.Organization.Name, lines))
	return b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
}

func TestLists_ResolvedLikeOrganizations(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		code  int
		want  string // in the output
	}{
		"denied by ID":              {"deny: [org_1]", exitcode.NotConfirmed, "the manifest denies this organization"},
		"denied by subdomain":       {"deny: [acme]", exitcode.NotConfirmed, "the manifest denies this organization"},
		"child denied by ID":        {"deny: [org_child]", exitcode.NotConfirmed, `the manifest denies "org_child", which is deleted first`},
		"child denied by subdomain": {"deny: [child]", exitcode.NotConfirmed, `the manifest denies "org_child"`},
		"another denied":            {"deny: [org_2]", exitcode.OK, "deny: \"org_2\" matches no organization of this plan\n"},
		"another by subdomain":      {"deny: [other]", exitcode.OK, "deny: \"other\" (org_2) matches no organization of this plan\n"},
		"all allowed by ID":         {"allow: [org_1, org_child]", exitcode.OK, ""},
		"all allowed by subdomain":  {"allow: [acme, child]", exitcode.OK, ""},
		"allowed without its child": {"allow: [acme]", exitcode.NotConfirmed, `the manifest does not allow "org_child"`},
		"child allowed alone":       {"allow: [org_child]", exitcode.NotConfirmed, "the manifest does not allow this organization"},
		"another allowed":           {"allow: [other]", exitcode.NotConfirmed, "the manifest does not allow this organization"},
		"allowed and another":       {"allow: [acme, child, other]", exitcode.OK, "allow: \"other\" (org_2) matches no organization"},
		"denied wins":               {"allow: [acme, child]\ndeny: [acme]", exitcode.NotConfirmed, "denies this organization"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, family(), family(), scripted.Named("org_2", "Other"), scripted.Named("org_2", "Other"), scripted.Named("org_child", "Child"), scripted.Named("org_child", "Child"))
				b.organizations[1].Alias, b.organizations[2].Alias, b.organizations[4].Alias = "acme", "other", "child"
				code, out, errOut := b.listing(test.lines)
				if code != test.code || !strings.Contains(out, test.want) || test.want == "" && strings.Contains(out, "matches no") {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if code, out, errOut := b.run("apply", "DIR/plan.json", "--report", "DIR/report.html"); (code == exitcode.OK) != (test.code == exitcode.OK) {
					t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
				} else if strings.Contains(test.want, "matches no") && (!strings.Contains(out, "matches no") || !strings.Contains(b.read("report.html"), "matches no")) {
					t.Errorf("apply does not report the unmatched entry: %s", out)
				}
				if b.organizations[0].Touched() != (test.code == exitcode.OK) {
					t.Errorf("touched is %t", b.organizations[0].Touched())
				}
			})
		})
	}
}

func TestLists_UnmatchedJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, family(), scripted.Named("org_2", "Other"))
		b.listing("deny: [org_2]")
		if !strings.Contains(b.read("plan.json"), `"unmatched": [`) {
			t.Error("the plan file does not list the entry")
		}
		if _, out, _ := b.run("apply", "DIR/plan.json", "--json"); !strings.Contains(out, `"unmatched":["deny: \"org_2\""]`) || strings.Contains(out, `"kind":"unmatched"`) {
			t.Errorf("the summary does not list the entry, or an event does: %s", out)
		}
	})
}

func TestLists_UnresolvedEntryFailsClosed(t *testing.T) {
	for name, test := range map[string]struct {
		lines, want string
	}{
		"deny, unknown":          {"deny: [org_deleted]", `manifest.yaml:3: entry 1 of deny matches no organization`},
		"allow, unknown":         {"allow: [org_1, org_child, org_deleted]", `manifest.yaml:3: entry 3 of allow matches no organization`},
		"deny, by name":          {"deny: [Acme]", `entry 1 of deny matches no organization`},
		"deny, empty":            {"deny: ['']", "manifest.yaml:3: an entry of deny is empty"},
		"deny, blank":            {"deny: [' ']", "manifest.yaml:3: an entry of deny is empty"},
		"deny, null":             {"deny: [~]", "manifest.yaml:3: an entry of deny is empty"},
		"allow, empty":           {"allow: [org_1, '']", "manifest.yaml:3: an entry of allow is empty"},
		"allow without entries":  {"allow: []", "manifest.yaml:3: allow is empty"},
		"allow without anything": {"allow:", "manifest.yaml:3: allow is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				deleted := scripted.Named("org_deleted", "Deleted")
				deleted.Deleted = true
				acme := scripted.Named("Acme", "")
				acme.Deleted = true
				b := newHarness(t, family(), deleted, acme)
				code, out, errOut := b.listing(test.lines)
				if code == exitcode.OK || !strings.Contains(errOut, test.want) {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if code, _, _ := b.run("apply", "DIR/plan.json"); code != exitcode.Usage || b.organizations[0].Touched() {
					t.Errorf("apply: exit code %d", code)
				}
			})
		})
	}
}

// A slug and an ID of the same organization are both denied at a fake.
func TestLists_SlugAtTheFake(t *testing.T) {
	for entry, want := range map[string]int{"acme": exitcode.NotConfirmed, "65f000000000000000000001": exitcode.NotConfirmed, "other": exitcode.OK, "none": exitcode.Usage} {
		t.Run(entry, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := workspacetest.NewServer()
				srv.AddOrganization(workspacetest.Organization{ID: "65f000000000000000000001", Slug: "acme", Name: "Acme"})
				srv.AddOrganization(workspacetest.Organization{ID: "65f000000000000000000002", Slug: "other", Name: "Other"})
				b := newHarness(t)
				b.write("manifest.yaml", "organizations: [{provider: workspace, organization: acme, confirm: Acme}]\ndeny: ["+entry+"]\n")
				var out, errOut strings.Builder
				code := runWith(t.Context(), []string{"plan", b.dir + "/manifest.yaml"}, &out, &errOut, atWorkspace(t, srv))
				if code != want {
					t.Errorf("exit code %d: %s%s", code, out.String(), errOut.String())
				}
			})
		})
	}
}

// The flags of plan only narrow what the manifest permits.
func TestLists_FlagsOfPlan(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		args  []string
		code  int
		want  string
	}{
		"denied":                      {"", []string{"--deny", "acme"}, exitcode.NotConfirmed, "--deny forbids this organization"},
		"child denied":                {"", []string{"--deny", "org_child"}, exitcode.NotConfirmed, `--deny forbids "org_child", which is deleted first`},
		"allowed":                     {"", []string{"--allow", "acme", "--allow", "child"}, exitcode.OK, ""},
		"allowed without its child":   {"", []string{"--allow", "acme"}, exitcode.NotConfirmed, `--allow does not permit "org_child"`},
		"not allowed by the manifest": {"allow: [acme, other]", []string{"--allow", "acme", "--allow", "child"}, exitcode.NotConfirmed, `the manifest does not allow "org_child"`},
		"not allowed by the flag":     {"allow: [acme, child]", []string{"--allow", "acme"}, exitcode.NotConfirmed, `--allow does not permit "org_child"`},
		"nothing in common":           {"allow: [acme, child]", []string{"--allow", "other"}, exitcode.Usage, "--allow and the manifest permit no organization in common"},
		"denied by the manifest":      {"deny: [child]", []string{"--allow", "acme", "--allow", "child"}, exitcode.NotConfirmed, `the manifest denies "org_child"`},
		"not found":                   {"", []string{"--deny", "org_missing"}, exitcode.Usage, "cannot resolve --deny number 1: "},
		"empty":                       {"", []string{"--deny", " "}, exitcode.Usage, "--deny number 1 is empty"},
		"another":                     {"", []string{"--deny", "other"}, exitcode.OK, "--deny: \"other\" (org_2) matches no organization of this plan\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newHarness(t, family(), family(), scripted.Named("org_2", "Other"), scripted.Named("org_child", "Child"))
				b.organizations[1].Alias, b.organizations[2].Alias, b.organizations[3].Alias = "acme", "other", "child"
				b.listing(test.lines)
				code, out, errOut := b.run(append([]string{"plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"}, test.args...)...)
				if code != test.code || !strings.Contains(out+errOut, test.want) || test.want == "" && strings.Contains(out, "matches no") {
					t.Errorf("exit code %d: %s%s", code, out, errOut)
				}
				if code == exitcode.OK {
					if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK || !b.organizations[0].Deleted {
						t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
					}
				}
			})
		})
	}
}

// The text of a plan has the provider's message about an organization without a plan.
func TestPlan_ProviderMessage(t *testing.T) {
	t.Parallel()
	b := newHarness(t, scripted.Named("org_1", "Acme"))
	b.organizations[0].ReadError = &errors.Error{Provider: "katapult", Operation: "Plan", Target: "org_1", Code: errors.ValidationError, Status: 422, Message: "The ID is\x1b invalid"}
	b.manifest()
	if code, out, errOut := b.run("plan", "DIR/manifest.yaml"); code == exitcode.OK || !strings.Contains(out, "validation_error (422)\n  provider message: The ID is") || strings.Contains(out, "\x1b") {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
}
