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
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// The state has the same explanation in all commands, and none shows the name of a Go constant.
func TestPlan_TenantMarkedForDeletion(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", State: volterra.StateDisabled})
	open := func(*slog.Logger) connect.Connector {
		return func(e planfile.Entry) (connect.Organization, error) {
			base, client := srv.Endpoint()
			spec := connect.Spec(e)
			spec.BaseURL = base
			return offboard.Open(t.Context(), spec, offboard.WithHTTPClient(client),
				offboard.WithCredentials(func(name string) (string, error) {
					if name != "F5XC_API_TOKEN" {
						return "", nil
					}
					return volterratest.Token, nil
				}))
		}
	}
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
