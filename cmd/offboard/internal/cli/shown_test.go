package cli

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// The JSON output names an organization that a read has found, whatever the error is. Without a read,
// its text may be a secret.
func TestDelete_OrganizationInJSON(t *testing.T) {
	unknown := &errors.Error{Provider: "workspace", Operation: "DeleteWorkspace", Target: "acme-apps", Code: errors.OutcomeUnknown}
	unread := &errors.Error{Provider: "workspace", Operation: "GetWorkspace", Target: "acme-apps", Code: errors.Unauthenticated, Status: 401}
	for name, test := range map[string]struct {
		confirm         string
		read, deletion  error
		target, problem string // of the output
	}{
		"another name":      {"Other", nil, nil, "acme-apps", `"code":"not_confirmed"`},
		"outcome unknown":   {"Acme Apps", nil, unknown, "acme-apps", `"text":"workspace: DeleteWorkspace \"acme-apps\": outcome_unknown"`},
		"permission denied": {"Acme Apps", nil, &errors.Error{Provider: "workspace", Code: errors.PermissionDenied, Status: 403}, "acme-apps", `"code":"permission_denied"`},
		"deleted":           {"Acme Apps", nil, nil, "acme-apps", `"outcome":"deleted"`},
		"not read":          {"Acme Apps", unread, nil, "", `"code":"unauthenticated"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := scripted.Named("5e2f0000000000000000000a", "Acme Apps")
			o.Provider, o.Alias, o.ReadError, o.DeleteError = "workspace", "acme-apps", test.read, test.deletion
			_, out, _ := newHarness(t, o).run("delete", "--json", "workspace", "acme-apps", "--confirm", test.confirm)
			if !strings.Contains(out, `"organization":"`+test.target+`"`) || !strings.Contains(out, test.problem) || test.target == "" && strings.Contains(out, "acme-apps") {
				t.Errorf("got %s", out)
			}
		})
	}
}

// The state of a tenant that is marked for deletion does not show that the read found the named one:
// check reads it again.
func TestCheck_MarkedTenantInJSON(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
	for tenant, want := range map[string]string{"acme": `"organization":"acme"`, "hunter-two": `"organization":""`} {
		var out, errOut strings.Builder
		runWith(t.Context(), []string{"check", "--json", "volterra", tenant, "--email", "owner@example.com"}, &out, &errOut, atTenant(t, srv))
		if !strings.Contains(out.String(), want) || strings.Contains(out.String()+errOut.String(), "hunter-two") {
			t.Errorf("%s: got %s%s", tenant, out.String(), errOut.String())
		}
	}
}
