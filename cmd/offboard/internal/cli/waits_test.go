package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// A wait after a failure names the failure, and the token endpoint if that is limited.
func TestWaits_ReasonOfRetry(t *testing.T) {
	const id = "5e2f00000000000000000001"
	for operation, want := range map[string]string{
		atlastest.TokenRequest: ": waiting 1:00: retry after rate_limit_reached of token request\n",
		"GetOrganization":      ": waiting 1:00: retry after rate_limit_reached\n",
	} {
		t.Run(operation, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
				limited := offboardtest.Respond(operation, 429, `{"error":429,"errorCode":"RATE_LIMITED"}`)
				limited.Header.Set("Retry-After", "60")
				srv.Fail(limited)
				base, client := srv.Endpoint()
				open := func(log *slog.Logger) connect.Connector {
					return func(e planfile.Entry) (connect.Organization, error) {
						spec := connect.Spec(e)
						spec.BaseURL = base
						return offboard.Open(t.Context(), spec, offboard.WithHTTPClient(client), offboard.WithLogger(log), offboard.WithCredentials(func(name string) (string, error) {
							return map[string]string{"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret}[name], nil
						}))
					}
				}
				var out, errOut bytes.Buffer
				if code := runWith(t.Context(), []string{"check", "atlas", id}, &out, &errOut, open); code != exitcode.OK || !strings.Contains(errOut.String(), want) {
					t.Errorf("exit code %d, want %q: %s%s", code, want, &out, &errOut)
				}
			})
		})
	}
}
