package connect

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func TestManifest_OnlyProvidersOwnVariables(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All {
		for name, ok := range map[string]bool{
			"OFFBOARD_ACME": true, "OFFBOARD_": false, "AWS_SECRET_ACCESS_KEY": false, "HOME": false, "GITHUB_TOKEN": false,
			"KATAPULT_ACME": p.Name == "katapult", "ZITADEL_ACME": p.Name == "zitadel", "MONGODB_ATLAS_ACME": p.Name == "atlas",
			"APPLIVERY_ACME": p.Name == "workspace", "F5XC_ACME": p.Name == providers.F5, "VOLT_API_P12_FILE": p.Name == providers.F5, "VES_P12_PASSWORD": p.Name == providers.F5,
			"MY_OFFBOARD_KEY": false, "offboard_key": false, "OFFBOARD_KEY ": false, "OFFBOARD_KEY\n": false, "MONGODB_KEY": false,
		} {
			e := planfile.Entry{Provider: p.Name, Organization: "acme", Email: "owner@example.com", Credentials: map[string]string{p.Variables[0]: name}}
			text := fmt.Sprintf("organizations: [{provider: %s, organization: acme, credentials: {%s: %q}}]", p.Name, p.Variables[0], name)
			if p.Name == providers.F5 {
				text = strings.Replace(text, "acme,", "acme, email: owner@example.com,", 1)
			}
			_, _, err := planfile.ParseManifest(strings.NewReader(text), "m.yaml")
			if ok != (err == nil) {
				t.Errorf("%s %q: got %v", p.Name, name, err)
			}
			// The same rule applies to a plan file.
			_, opened := FromEnv(slog.New(slog.DiscardHandler))(e)
			if refused := opened != nil && strings.Contains(opened.Error(), "must name an environment variable"); refused == ok {
				t.Errorf("%s %q: opened: %v", p.Name, name, opened)
			}
			if err != nil && (!strings.Contains(err.Error(), p.Prefixes[0]) || strings.Contains(err.Error(), strings.TrimSpace(name)) && name != "OFFBOARD_") {
				t.Errorf("%s %q: the error does not name the rule alone: %v", p.Name, name, err)
			}
		}
	}
}

// canary is the value of a variable, which must be neither sent nor printed.
const canary = "c4nary-S3CRET"

// Not parallel: the test sets the environment.
func TestManifest_MissingVariableIsNamed(t *testing.T) {
	for _, p := range providers.All {
		for _, variable := range p.Variables {
			t.Setenv(variable, "")
		}
	}
	t.Setenv("ZITADEL_API_URL", "https://fake.invalid")
	for _, test := range []struct {
		provider    string
		credentials map[string]string
		want        string
	}{
		{"katapult", map[string]string{"KATAPULT_API_KEY": "KATAPULT_ACME"}, "KATAPULT_ACME is not set"},
		{"zitadel", map[string]string{"ZITADEL_KEY_PATH": "OFFBOARD_ACME"}, "OFFBOARD_ACME is not set"},
		{"atlas", map[string]string{"MONGODB_ATLAS_CLIENT_ID": "OFFBOARD_SET"}, "MONGODB_ATLAS_CLIENT_SECRET is not set"},
		{"atlas", map[string]string{"MONGODB_ATLAS_CLIENT_ID": "OFFBOARD_SET", "MONGODB_ATLAS_CLIENT_SECRET": "OFFBOARD_ACME"}, "OFFBOARD_ACME is not set"},
		{"atlas", map[string]string{"MONGODB_ATLAS_PUBLIC_KEY": "OFFBOARD_SET"}, "MONGODB_ATLAS_PRIVATE_KEY is not set"},
		{"workspace", map[string]string{"APPLIVERY_API_TOKEN": "APPLIVERY_ACME"}, "APPLIVERY_ACME is not set"},
		{providers.F5, map[string]string{"F5XC_P12_FILE": "OFFBOARD_SET", "F5XC_P12_PASSWORD": "VES_ACME"}, "VES_ACME is not set"},
	} {
		t.Setenv("OFFBOARD_SET", canary)
		e := planfile.Entry{Provider: test.provider, Organization: "acme", Credentials: test.credentials}
		if test.provider == providers.F5 {
			e.Email = "owner@example.com"
		}
		_, err := FromEnv(slog.New(slog.DiscardHandler))(e)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s %v: got %v", test.provider, test.credentials, err)
		}
	}
}

// Not parallel: the test sets the environment.
func TestManifest_ForeignVariableIsNotSent(t *testing.T) {
	srv := zitadeltest.NewServer()
	base := srv.Start()
	t.Cleanup(srv.Close)
	t.Setenv("AWS_SECRET_ACCESS_KEY", canary)
	_, err := FromEnv(slog.New(slog.DiscardHandler))(planfile.Entry{
		Provider: "zitadel", Organization: "1", BaseURL: base,
		Credentials: map[string]string{"ZITADEL_SERVICE_USER_TOKEN": "AWS_SECRET_ACCESS_KEY"},
	})
	if err == nil || len(srv.Requests()) > 0 {
		t.Errorf("got %v, and %d requests", err, len(srv.Requests()))
	}
}
