package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// run runs the program with the credentials of the environment.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	return runWith(ctx, args, out, errOut, connect.FromEnv)
}

// runWith runs the program with a connector.
func runWith(ctx context.Context, args []string, out, errOut io.Writer, open func(*slog.Logger) connect.Connector) int {
	return (&program{in: strings.NewReader(""), out: out, errOut: errOut, connect: open}).run(ctx, args)
}

// Not parallel: the test sets the environment.
func TestUsage_OneLineAndExitCode2(t *testing.T) {
	for _, name := range []string{
		"KATAPULT_API_KEY", "ZITADEL_API_URL", "ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH", "APPLIVERY_API_TOKEN",
		"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY",
		"F5XC_API_URL", "F5XC_API_TOKEN", "F5XC_P12_FILE", "VOLT_API_URL", "VOLT_API_P12_FILE", "VOLT_API_CERT", "VOLT_API_KEY",
	} {
		t.Setenv(name, "")
	}
	for _, test := range []struct{ args, want string }{
		{"--verbos", "unknown flag: --verbos; did you mean --verbose?"},
		{"aply plan.json", "; did you mean apply?"},
		{"Check katapult org_acme", "; did you mean check?"},
		{"check katapul org_acme", "; did you mean katapult?"},
		{"delete aplivery acme --confirm Acme", "; did you mean applivery?"},
		{"check mongodb 5e2f00000000000000000001", "; did you mean atlas?"},
		{"plan manifest.yaml --parallel 0", "--parallel has an invalid value: use a number of at least 1"},
		{"apply plan.json --parallel 0", "--parallel has an invalid value: use a number of at least 1"},
		{"apply plan.json --parallel -2", "--parallel has an invalid value: use a number of at least 1"},
		{"apply plan.json --concurrency 0", "--concurrency has an invalid value: use a number of at least 1"},
		{"apply plan.json --timeout 0s", "--timeout has an invalid value: use a time span such as 90s, 15m or 2h\n"},
		{"apply plan.json --timeout 90", "--timeout has an invalid value"},
		{"apply plan.json --step-timeout 0", "--step-timeout has an invalid value"},
		{"apply plan.json --retry-for -1s", "--retry-for has an invalid value: use a time span such as 90s, 15m or 2h, or 0\n"},
		{"status plan.json --parallel 0", "--parallel has an invalid value"},
		{"plan --nothing-like-it", "unknown flag; to list the flags: offboard plan --help\n"},
		{"remove", "unknown command: use apply, check"},
		{"check", "PROVIDER and ORG are missing; usage: offboard check PROVIDER ORG [flags]\n"},
		{"check atlas", "ORG is missing; usage: offboard check PROVIDER ORG [flags]\n"},
		{"check atlas acme secret", "unexpected argument after ORG; usage: offboard check PROVIDER ORG [flags]\n"},
		{"delete katapult", "ORG is missing; usage: offboard delete PROVIDER ORG --confirm NAME [flags]\n"},
		{"check katapult ''", "offboard: the organization is empty; usage: offboard check"},
		{"check '' acme", "offboard: PROVIDER is empty; usage: offboard check"},
		{"check f5 acme --email ''", "--email ADDRESS"},
		{"plan", "MANIFEST is missing; usage: offboard plan MANIFEST [flags]\n"},
		{"apply plan.json other.json", "unexpected argument after PLAN; usage: offboard apply PLAN [flags]\n"},
		{"status", "PLAN is missing; usage: offboard status PLAN [flags]\n"},
		{"man", "DIR is missing; usage: offboard man DIR [flags]\n"},
		{"schema", "NAME is missing; usage: offboard schema NAME [flags]\n"},
		{"version x", "offboard version takes no arguments; usage: offboard version [flags]\n"},
		{"completion", "the shell is missing: use bash, fish, powershell or zsh\n"},
		{"completion foo", "unknown shell: use bash, fish, powershell or zsh\n"},
		{"completion bsh", "unknown shell: use bash, fish, powershell or zsh; did you mean bash?\n"},
		{"completion bash zsh", "offboard completion bash takes no arguments; usage: offboard completion bash\n"},
		{"check acme 1", `unknown provider: use one of katapult, zitadel, atlas, workspace (or applivery), volterra (or f5)`},
		{"check katapult org_acme", "KATAPULT_API_KEY is not set"},
		{"check zitadel 1", "ZITADEL_API_URL is not set"},
		{"check atlas 5e2f00000000000000000001", "MONGODB_ATLAS_"},
		{"check workspace acme", "APPLIVERY_API_TOKEN is not set"},
		{"check volterra acme", "--email ADDRESS"},
		{"check f5 acme", "--email ADDRESS"},
		{"check f5 acme --email owner@example.com", "F5XC_API_TOKEN"},
		{"check applivery acme", "APPLIVERY_API_TOKEN is not set"},
		{"check volterra acme --email owner@example.com", "F5XC_API_TOKEN"},
		{"delete workspace acme --confirm Acme", "APPLIVERY_API_TOKEN is not set"},
		{"delete workspace acme --confirm", "flag needs an argument"},
	} {
		var out, errOut bytes.Buffer
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "''", "")
		}
		if code := run(t.Context(), args, &out, &errOut); code != exitcode.Usage {
			t.Errorf("%s: exit code %d", test.args, code)
		}
		if got := errOut.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want one line with %q", test.args, got, test.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: printed %q", test.args, out.String())
		}
	}
}

// Not parallel: the test sets the environment.
func TestDelete_CredentialsFromEnvironment(t *testing.T) {
	const id = "312909075211944042"
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: "Acme"})
	listener := srv.Start()
	t.Cleanup(srv.Close)
	t.Setenv("ZITADEL_API_URL", listener)
	t.Setenv("ZITADEL_SERVICE_USER_TOKEN", zitadeltest.Token)
	t.Setenv("ZITADEL_KEY_PATH", "")

	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"delete", "zitadel", id, "--confirm", "Acme", "--debug"}, &out, &errOut); code != exitcode.OK {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	if diff := cmp.Diff("zitadel "+id+": deleted\n", out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if srv.Exists(id) {
		t.Error("the organization exists")
	}
	if log := errOut.String(); !strings.Contains(log, "DeleteOrganization") || strings.Contains(log, zitadeltest.Token) {
		t.Errorf("the log does not contain the deletion, or contains the credential:\n%s", log)
	}
}

// atWorkspace returns a connector to the organizations of a fake of Applivery.
func atWorkspace(t *testing.T, srv *workspacetest.Server) func(*slog.Logger) connect.Connector {
	return atFake(t, srv.Server, map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token})
}

func times(n int, fault offboardtest.Fault) offboardtest.Fault {
	fault.Times = n
	return fault
}

func TestCheckAndDelete_ExitCodeAndAdvice(t *testing.T) {
	t.Parallel()
	const id = "65f000000000000000000001"
	subscribed := workspacetest.Organization{
		ID: id, Slug: "acme", Name: "Acme",
		Subscriptions: []workspacetest.Subscription{{ID: "sub_1", Plan: "Enterprise", Status: "active"}},
	}
	free := workspacetest.Organization{ID: id, Slug: "acme", Name: "Acme"}
	for name, test := range map[string]struct {
		organization workspacetest.Organization
		faults       []offboardtest.Fault
		args         string
		code         int
		out, errOut  []string
		deleted      bool
	}{
		"check": {
			organization: free, args: "check workspace acme", code: exitcode.OK,
			out: []string{"no blocker found"},
		},
		"delete": {
			organization: free, args: "delete workspace acme --confirm Acme", code: exitcode.OK,
			out: []string{"workspace acme: deleted"}, deleted: true,
		},
		"check finds a blocker": {
			organization: subscribed, args: "check workspace acme", code: exitcode.Blocked,
			out: []string{"workspace acme: 1 blocker\n  - ", "Enterprise"}, errOut: []string{"active_subscriptions", "Cancel the subscriptions"},
		},
		"delete with a blocker": {
			organization: subscribed, args: "delete workspace acme --confirm Acme", code: exitcode.Blocked,
			errOut: []string{"active_subscriptions", "  - subscription: ", "Cancel the subscriptions"},
		},
		"delete with another name": {
			organization: free, args: "delete workspace acme --confirm acme", code: exitcode.NotConfirmed,
			errOut: []string{`the confirmed name differs from the provider's name "Acme"`, "Nothing was changed."},
		},
		"delete without a name": {
			organization: free, args: "delete workspace acme", code: exitcode.NotConfirmed,
			errOut: []string{"not_confirmed: --confirm NAME is missing", "Nothing was changed."},
		},
		"check of another organization": {
			organization: free, args: "check workspace other", code: exitcode.NotFound,
			errOut: []string{"organization_not_found", "cannot see it"},
		},
		"delete of another organization": {
			organization: free, args: "delete workspace other --confirm Acme", code: exitcode.NotFound,
			errOut: []string{"organization_not_found", "cannot see it"},
		},
		"invalid ID": {
			organization: free, args: "check workspace a/b", code: exitcode.Usage,
			errOut: []string{"invalid_argument"},
		},
		"delete with a lost response and failing reads": {
			organization: free, args: "delete workspace acme --confirm Acme", code: exitcode.Unknown,
			faults: []offboardtest.Fault{
				offboardtest.LoseResponse("DeleteOrganization"),
				{Operation: "GetOrganization", Times: 2}, // for --confirm, and to resolve the ID
				times(9, offboardtest.LoseResponse("GetOrganization")),
			},
			errOut: []string{"outcome_unknown", "Check at the provider before you retry."}, deleted: true,
		},
		"failing provider": {
			organization: free, args: "delete workspace acme --confirm Acme", code: exitcode.Failed,
			faults: []offboardtest.Fault{times(9, offboardtest.HTMLResponse("GetOrganization", 503))},
			errOut: []string{"unavailable", "Retry later."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := workspacetest.NewServer()
				srv.AddOrganization(test.organization)
				srv.Fail(test.faults...)
				var out, errOut bytes.Buffer
				code := runWith(t.Context(), strings.Fields(test.args), &out, &errOut, atWorkspace(t, srv))
				if code != test.code {
					t.Errorf("exit code %d, want %d: %s", code, test.code, errOut.String())
				}
				for _, want := range test.out {
					if !strings.Contains(out.String(), want) {
						t.Errorf("the output does not contain %q:\n%s", want, out.String())
					}
				}
				for _, want := range test.errOut {
					if !strings.Contains(errOut.String(), want) {
						t.Errorf("the error does not contain %q:\n%s", want, errOut.String())
					}
				}
				if srv.Exists(id) == test.deleted {
					t.Errorf("deleted is %t, want %t", !test.deleted, test.deleted)
				}
			})
		})
	}
}

func TestCheck_NextCommand(t *testing.T) {
	t.Parallel()
	blocked, paying, system, managing := scripted.Hosting(), scripted.Hosting(), scripted.Hosting(), scripted.Hosting()
	blocked.ID, paying.ID, system.ID = "org_2", "org_3", "org_4"
	paying.DeletionError = &errors.Error{Provider: "katapult", Operation: "CheckDeletion", Target: "org_3", Code: errors.PaymentRequired, Status: 402}
	system.DeletionError = &errors.Error{Provider: "katapult", Operation: "CheckDeletion", Target: "org_4", Code: errors.SystemOrganization}
	managing.ID, managing.Steps[0].Requires = "org_5", []teardown.Override{teardown.ManagedOrganizations}
	managing.DeletionError = &errors.Error{Code: errors.DeletionStepsNotSatisfied, Steps: []errors.Step{{Name: "managed_organizations"}}}
	h := newHarness(t, scripted.Named("org_1", "Acme"), blocked, paying, system, scripted.Tenant(), managing)
	const another = "If the removal requires another override, the plan names the override.\n"
	const managed = "organizations:\n  - provider: katapult\n    organization: \"org_5\"\n    override: [managed_organizations]\n"
	tenant := h.organizations[4].ID
	for args, want := range map[string]string{
		"check katapult org_1": "To delete: offboard delete katapult org_1 --confirm NAME\n",
		"check katapult org_1 --base-url https://api.example.com": "To delete: offboard delete katapult org_1 --base-url 'https://api.example.com' --confirm NAME\n",
		"check f5 " + tenant + " --email owner@example.com":       "To delete: offboard delete volterra " + tenant + " --email 'owner@example.com' --confirm NAME\n",
		"check katapult org_2": "To plan the removal: offboard plan manifest.yaml\n" +
			"Content of manifest.yaml:\norganizations:\n  - provider: katapult\n    organization: \"org_2\"\n" + another,
		"check katapult org_5": "To plan the removal: offboard plan manifest.yaml\nContent of manifest.yaml:\n" + managed +
			"The override permits the deletion of the managed organizations, which precedes that of the organization.\n" + another,
		"check katapult org_3": "To check again: offboard check katapult org_3\n",
		"check katapult org_4": "",
		"check katapult org_9": "",
	} {
		for _, more := range []string{"", " --json"} {
			code, out, errOut := h.run(strings.Fields(args + more)...)
			hint := ""
			if at := strings.Index(errOut, "To "); at >= 0 {
				hint = errOut[at:]
			}
			if hint != want || strings.Contains(out, "To ") {
				t.Errorf("%s%s: exit code %d: got %q and %q, want %q", args, more, code, out, errOut, want)
			}
		}
	}
	for _, manifest := range []string{"organizations:\n  - provider: katapult\n    organization: \"org_2\"\n", managed} {
		h.write("manifest.yaml", manifest)
		if code, _, errOut := h.run("plan", "DIR/manifest.yaml"); code != exitcode.OK {
			t.Errorf("the manifest %s: exit code %d: %s", manifest, code, errOut)
		}
	}
}

func TestCheck_CanceledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	srv := workspacetest.NewServer()
	var out, errOut bytes.Buffer
	if code := runWith(ctx, []string{"check", "workspace", "acme"}, &out, &errOut, atWorkspace(t, srv)); code != exitcode.Stopped {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
}
