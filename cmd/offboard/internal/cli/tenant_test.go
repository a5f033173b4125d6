package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// The state has the same explanation in all commands, and none shows the name of a Go constant.
func TestPlan_TenantMarkedForDeletion(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
	open := atTenant(t, srv)
	dir := t.TempDir()
	h := &harness{T: t, dir: dir}
	h.write("manifest.yaml", "organizations: [{provider: volterra, organization: acme, email: owner@example.com}]\n")
	for _, args := range []string{
		"check volterra acme --email owner@example.com", "delete volterra acme --email owner@example.com --confirm acme",
		"plan DIR/manifest.yaml", "plan DIR/manifest.yaml --view table", "plan DIR/manifest.yaml --json",
	} {
		var out, errOut bytes.Buffer
		fields := strings.Fields(args)
		for i := range fields { // the directory may contain a space
			fields[i] = strings.ReplaceAll(fields[i], "DIR", dir)
		}
		code := runWith(t.Context(), fields, &out, &errOut, open)
		text := out.String() + errOut.String()
		if code != exitcode.Failed || !strings.Contains(text, "the tenant is already marked for deletion") || strings.Contains(text, "StateDisabled") {
			t.Errorf("%s: exit code %d: %s", args, code, text)
		}
		for _, want := range []string{"F5 accepted an earlier request to delete the tenant", "contact F5's support"} {
			if !strings.HasSuffix(args, "--json") && !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing: %s", args, want, text)
			}
		}
	}
}

// atTenant returns a connector to a tenant at a fake.
func atTenant(t *testing.T, srv *volterratest.Server) func(*slog.Logger) connect.Connector {
	return atFake(t, srv.Server, map[string]string{"F5XC_API_TOKEN": volterratest.Token})
}

// atFake returns a connector to a fake, in memory, with credentials.
func atFake(t *testing.T, srv *offboardtest.Server, credentials map[string]string) func(*slog.Logger) connect.Connector {
	return func(*slog.Logger) connect.Connector {
		return func(e planfile.Entry) (connect.Organization, error) {
			base, client := srv.Endpoint()
			spec := connect.Spec(e)
			spec.BaseURL = base
			return offboard.Open(t.Context(), spec, offboard.WithHTTPClient(client),
				offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }))
		}
	}
}

// F5 documents no refusal of a tenant with child tenants, so check shows them, and delete requires an
// override.
func TestDelete_ChildTenants(t *testing.T) {
	t.Parallel()
	const tenant = "volterra acme --email owner@example.com"
	run := func(t *testing.T, srv *volterratest.Server, args string) (code int, out, errOut string) {
		var o, e bytes.Buffer
		code = runWith(t.Context(), strings.Fields(args), &o, &e, atTenant(t, srv))
		return code, o.String(), e.String()
	}
	made := func(t *testing.T) *volterratest.Server {
		srv := volterratest.NewServer()
		srv.SetTenant(volterratest.Tenant{Name: "acme"})
		srv.AddChildTenantManager("partners")
		srv.AddChildTenant(volterratest.ChildTenant{Name: "acme-labs", Manager: "partners"})
		return srv
	}
	t.Run("check", func(t *testing.T) {
		t.Parallel()
		srv := made(t)
		code, out, errOut := run(t, srv, "check "+tenant)
		if code != exitcode.OK || !strings.Contains(out, "no blocker found; 1 child tenant: acme-labs") ||
			!strings.Contains(errOut, "    override: [managed_organizations]\n") || !strings.Contains(errOut, "    email: \"owner@example.com\"\n") || strings.Contains(errOut, "To delete:") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		if _, out, _ := run(t, srv, "check --json "+tenant); !strings.Contains(out, `"managed_organizations":["acme-labs"]`) {
			t.Errorf("the child tenant is missing: %s", out)
		}
	})
	t.Run("check, unreadable", func(t *testing.T) {
		t.Parallel()
		srv := made(t)
		srv.Fail(offboardtest.Respond("ListChildTenants", 403, `{"code":7,"details":[],"message":"x"}`))
		if code, out, errOut := run(t, srv, "check "+tenant); code != exitcode.OK || !strings.Contains(errOut, "The child tenants could not be read: permission_denied") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
	t.Run("delete", func(t *testing.T) {
		t.Parallel()
		srv := made(t)
		code, out, errOut := run(t, srv, "delete "+tenant+" --confirm acme")
		if code != exitcode.NotConfirmed || len(srv.Accepted()) != 0 || !strings.Contains(errOut, "acme-labs") || !strings.Contains(errOut, "--override managed_organizations") {
			t.Errorf("exit code %d after %d requests: %s%s", code, len(srv.Accepted()), out, errOut)
		}
	})
	t.Run("delete, unreadable", func(t *testing.T) {
		t.Parallel()
		srv := made(t)
		srv.Fail(offboardtest.Respond("ListChildTenants", 403, `{"code":7,"details":[],"message":"x"}`))
		if code, out, errOut := run(t, srv, "delete "+tenant+" --confirm acme"); code != exitcode.Failed || len(srv.Accepted()) != 0 {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
	t.Run("delete, permitted", func(t *testing.T) {
		t.Parallel()
		srv := made(t)
		code, out, errOut := run(t, srv, "delete "+tenant+" --confirm acme --override managed_organizations")
		if code != exitcode.OK || len(srv.Accepted()) != 1 || srv.Count("DeleteChildTenant") != 0 {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
	t.Run("unknown override", func(t *testing.T) {
		t.Parallel()
		for _, args := range []string{
			"delete " + tenant + " --confirm acme --override managed_organisations", "delete katapult org_1 --confirm Acme --override managed_organizations",
		} {
			if code, out, errOut := run(t, made(t), args); code != exitcode.Usage || !strings.Contains(errOut, "--override") || strings.Contains(errOut, "did you mean") {
				t.Errorf("%s: exit code %d: %s%s", args, code, out, errOut)
			}
		}
	})
}
