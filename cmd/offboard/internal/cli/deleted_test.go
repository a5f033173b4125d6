package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// mixed runs apply for two organizations: the first one is deleted, and the second one is blocked.
func mixed(t *testing.T) *harness {
	t.Helper()
	b := newHarness(t, hostings()...)
	b.organizations[0].Alias = "acme-hosting"
	b.organizations[1].Remove = func(teardown.Step) error {
		return &errors.Error{Provider: "katapult", Operation: "DeleteDisk", Code: errors.PermissionDenied, Status: 403}
	}
	b.plan()
	if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.Blocked {
		t.Fatalf("exit code %d: %s%s", code, out, errOut)
	}
	b.organizations[1].Remove = nil
	return b
}

// A plan that replaces the plan file after a run keeps the organizations that the run deleted.
func TestPlan_DeletedByTheJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := mixed(t)
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--html", "DIR/plan.html")
		if code != exitcode.OK || !strings.Contains(out, "katapult: Acme Hosting: deleted 2000-01-01 00:00:0") || !strings.Contains(out, "1 organization (1 more deleted or pending, by the journal), 3 steps.") {
			t.Errorf("plan: exit code %d: %s%s", code, out, errOut)
		}
		if page := b.read("plan.html"); !strings.Contains(page, `<span class="badge deleted">deleted</span>`) || strings.Contains(page, "not planned") {
			t.Error("the page does not show the deletion")
		}
		code, out, errOut = b.run("status", "DIR/plan.json")
		if code != exitcode.Blocked || !strings.Contains(out, "2 organizations: 1 deleted, 1 not started\n") {
			t.Errorf("status: exit code %d: %s%s", code, out, errOut)
		}
		code, out, errOut = b.run("apply", "DIR/plan.json")
		if code != exitcode.OK || !strings.Contains(out, "2 organizations: 2 deleted\n") {
			t.Errorf("apply: exit code %d: %s%s", code, out, errOut)
		}
		for _, command := range []string{
			"status DIR/plan.json", "plan DIR/manifest.yaml -o DIR/plan.json", "status DIR/plan.json", "status DIR/plan.json --offline", "apply DIR/plan.json", "apply DIR/plan.json --json",
		} {
			code, out, errOut := b.run(strings.Fields(command)...)
			if code != exitcode.OK || strings.HasSuffix(command, "plan.json") && !strings.HasPrefix(command, "plan") && !strings.Contains(out, "2 organizations: 2 deleted\n") {
				t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
			}
		}
	})
}

// Reads of Zitadel and of Atlas can still find a deleted organization. It stays deleted.
func TestPlan_DeletedStillFound(t *testing.T) {
	const id, atlasID = "312909075211944042", "5e2f00000000000000000001"
	for provider, serve := range map[string]func() (srv *offboardtest.Server, organization string, credentials map[string]string){
		"katapult": func() (*offboardtest.Server, string, map[string]string) {
			srv := katapulttest.NewServer()
			srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
			return srv.Server, "acme", map[string]string{"KATAPULT_API_KEY": katapulttest.Token}
		},
		"zitadel": func() (*offboardtest.Server, string, map[string]string) {
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme"})
			return srv.Server, id, map[string]string{"ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token}
		},
		"atlas": func() (*offboardtest.Server, string, map[string]string) {
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: atlasID, Name: "Acme", Lingers: true})
			return srv.Server, atlasID, map[string]string{"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret}
		},
		"workspace": func() (*offboardtest.Server, string, map[string]string) {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme"})
			return srv.Server, "acme", map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token}
		},
	} {
		t.Run(provider, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv, organization, credentials := serve()
				h := &harness{T: t, dir: t.TempDir()}
				h.write("manifest.yaml", "organizations: [{provider: "+provider+", organization: \""+organization+"\", confirm: Acme, override: [own_organization]}]\n")
				for _, command := range []string{"plan MANIFEST -o PLAN", "apply PLAN", "status PLAN", "plan MANIFEST -o PLAN", "status PLAN", "apply PLAN"} {
					args := strings.Fields(command)
					for i := range args { // the directory may contain a space
						args[i] = strings.NewReplacer("MANIFEST", h.dir+"/manifest.yaml", "PLAN", h.dir+"/plan.json").Replace(args[i])
					}
					var out, errOut bytes.Buffer
					code := runWith(t.Context(), args, &out, &errOut, atFake(t, srv, credentials))
					if code != exitcode.OK || args[0] != "plan" && !strings.Contains(out.String(), "1 organization: 1 deleted\n") {
						t.Errorf("%s: exit code %d: %s%s", command, code, &out, &errOut)
					}
				}
			})
		})
	}
}

// A read decides if a deleted organization is found again.
func TestPlan_DeletedFoundAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := mixed(t)
		b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
		b.organizations[0].Deleted = false
		for _, command := range []string{"status", "apply"} {
			code, out, errOut := b.run(command, "DIR/plan.json", "--only", "Acme Hosting")
			if code != exitcode.Stale || strings.Contains(out, "1 deleted") || !strings.Contains(out, "To plan again: offboard plan MANIFEST -o DIR/plan.json\n") {
				t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
			}
		}
		if _, out, _ := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); strings.Contains(out, "by the journal") {
			t.Errorf("the plan does not contain an organization that exists: %s", out)
		}
	})
}

// Another organization that has the slug of a deleted one is not the planned one.
func TestStatus_SlugOfAnotherOrganization(t *testing.T) {
	for name, replan := range map[string]bool{"plan": false, "deletion by the journal": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := workspacetest.NewServer()
				srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme"})
				h := &harness{T: t, dir: t.TempDir()}
				h.write("manifest.yaml", "organizations: [{provider: workspace, organization: acme, confirm: Acme}]\n")
				run := func(want int, args ...string) string {
					t.Helper()
					for i := range args {
						args[i] = strings.ReplaceAll(args[i], "DIR", h.dir)
					}
					var out, errOut bytes.Buffer
					if code := runWith(t.Context(), args, &out, &errOut, atWorkspace(t, srv)); code != want {
						t.Errorf("%s: exit code %d: %s%s", args[0], code, &out, &errOut)
					}
					return out.String()
				}
				run(exitcode.OK, "plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				run(exitcode.OK, "apply", "DIR/plan.json")
				if replan {
					run(exitcode.OK, "plan", "DIR/manifest.yaml", "-o", "DIR/plan.json")
				}
				srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ad", Slug: "acme", Name: "Acme"})
				for _, command := range []string{"status", "apply", "status"} {
					if out := run(exitcode.OK, command, "DIR/plan.json"); !strings.Contains(out, "1 organization: 1 deleted\n") {
						t.Errorf("%s: %s", command, out)
					}
				}
				const note = "\"acme\" now names another organization, 65f0000000000000000000ad: the journal shows the deletion of 65f0000000000000000000ac\n"
				if out := run(exitcode.OK, "plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); !strings.Contains(out, note) {
					t.Errorf("the plan does not state that the slug names another organization: %s", out)
				}
				if out := run(exitcode.Blocked, "status", "DIR/plan.json"); !strings.Contains(out, "1 organization: 1 not started\n") {
					t.Errorf("the new plan: %s", out)
				}
			})
		})
	}
}

// Only the journal proves a deletion.
func TestPlan_NotFoundWithoutJournal(t *testing.T) {
	for name, change := range map[string]func(*harness){
		"no journal":       func(b *harness) { _ = os.Remove(b.dir + "/plan.json.journal") },
		"another instance": func(b *harness) { b.replaceInJournal(`"provider":`, `"instance":"https://other.example","provider":`) },
		"another provider": func(b *harness) { b.replaceInJournal(`"katapult"`, `"zitadel"`) },
		"another ID":       func(b *harness) { b.replaceInJournal(`"org_1"`, `"org_9"`) },
		"refused":          func(b *harness) { b.replaceInJournal(`"outcome":"deleted"`, `"outcome":"blocked"`); b.refuse() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := mixed(t)
				change(b)
				for _, command := range []string{"plan DIR/manifest.yaml -o DIR/plan.json", "status DIR/plan.json", "apply DIR/plan.json"} {
					if code, out, errOut := b.run(strings.Fields(command)...); code != exitcode.NotFound || strings.Contains(out, "by the journal") {
						t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
					}
				}
			})
		})
	}
}

func (b *harness) replaceInJournal(text, by string) {
	b.Helper()
	b.write("plan.json.journal", strings.ReplaceAll(b.read("plan.json.journal"), text, by))
}

// refuse makes the journal show that the provider refused each deletion.
func (b *harness) refuse() {
	b.Helper()
	b.replaceInJournal(`"kind":"deletion_started"`, `"kind":"deletion_refused"`)
}

// --journal names the journal of the runs, and the advice repeats it.
func TestPlan_JournalFlag(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := mixed(t)
		b.write("other.journal", b.read("plan.json.journal"))
		_ = os.Remove(b.dir + "/plan.json.journal")
		code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--journal", "DIR/other.journal")
		if code != exitcode.OK || !strings.Contains(out, "by the journal") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		b.organizations[1].Steps = append(b.organizations[1].Steps, teardown.Step{ID: "disk/disk_2", Kind: "disk", Name: "data-2"})
		if _, out, _ := b.run("status", "DIR/plan.json", "--journal", "DIR/other.journal"); !strings.Contains(out, "To plan again: offboard plan MANIFEST -o DIR/plan.json --journal DIR/other.journal\n") {
			t.Errorf("status: %s", out)
		}
		if code, _, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--journal", "DIR/none"); code != exitcode.Usage || !strings.Contains(errOut, "cannot read DIR/none: the file does not exist") {
			t.Errorf("a missing journal: exit code %d: %s", code, errOut)
		}
	})
}

// An entry of allow still names an organization that an earlier run deleted.
func TestPlan_AllowNamesDeleted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := mixed(t)
		b.write("manifest.yaml", b.read("manifest.yaml")+"allow: [org_1, org_2]\n")
		if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK || strings.Contains(out, "matches no") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
}

// An organization that is created again with the same ID is planned again. If the credential then loses
// its access, the deletion of the first one proves nothing.
func TestApply_CreatedAgainAndAccessLost(t *testing.T) {
	for name, ended := range map[string]errors.Code{"not found": errors.OrganizationNotFound, "denied": errors.PermissionDenied, "credential ended": errors.Unauthenticated} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := mixed(t)
				b.organizations[0].Deleted = false
				time.Sleep(time.Second)
				if _, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json", "--only", "acme-hosting"); !strings.Contains(out, "1 organization") {
					t.Fatalf("the organization is not planned again: %s%s", out, errOut)
				}
				b.organizations[0].ReadError = &errors.Error{Provider: "katapult", Operation: "GetOrganization", Target: "org_1", Code: ended}
				for _, command := range []string{"apply", "status"} {
					code, out, errOut := b.run(command, "DIR/plan.json")
					if code == exitcode.OK || strings.Contains(out, "1 deleted") {
						t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
					}
				}
			})
		})
	}
}

// A tenant whose deletion was pending is in use again. A read decides.
func TestStatus_TenantActiveAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Tenant())
		b.plan()
		if code, out, errOut := b.run("apply", "DIR/plan.json"); code != exitcode.OK || !strings.Contains(out, "1 pending") {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
		if code, out, errOut := b.run("status", "DIR/plan.json"); code != exitcode.OK || !strings.Contains(out, "1 pending") {
			t.Fatalf("status: exit code %d: %s%s", code, out, errOut)
		}
		b.organizations[0].Reactivate()
		if code, out, errOut := b.run("status", "DIR/plan.json"); code == exitcode.OK || strings.Contains(out, "1 pending") {
			t.Errorf("status: exit code %d: %s%s", code, out, errOut)
		}
		// A plan file that states the deletion, because the credential could not be used when it was made.
		b.organizations[0].ReadError = &errors.Error{Provider: "volterra", Operation: "GetTenantSettings", Code: errors.Unauthenticated}
		if code, out, errOut := b.run("plan", "DIR/manifest.yaml", "-o", "DIR/plan.json"); code != exitcode.OK || !strings.Contains(out, "by the journal") {
			t.Fatalf("plan: exit code %d: %s%s", code, out, errOut)
		}
		b.organizations[0].ReadError = nil
		for _, command := range []string{"status", "apply"} {
			if code, out, errOut := b.run(command, "DIR/plan.json"); code != exitcode.Stale || strings.Contains(out, "1 pending") {
				t.Errorf("%s: exit code %d: %s%s", command, code, out, errOut)
			}
		}
	})
}
