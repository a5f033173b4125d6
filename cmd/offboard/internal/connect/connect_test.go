package connect

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// Not parallel: the test sets the environment.
func TestConnect_VariablesOfTheEntry(t *testing.T) {
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	base := srv.Start()
	t.Cleanup(srv.Close)
	for _, name := range []string{"ZITADEL_API_URL", "ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH", "OFFBOARD_EMPTY"} {
		t.Setenv(name, "")
	}
	t.Setenv("ZITADEL_ACME_TOKEN", zitadeltest.Token)
	open := FromEnv(slog.New(slog.DiscardHandler))
	e := planfile.Entry{
		Provider: "zitadel", Organization: "312909075211944042", BaseURL: base,
		Credentials: map[string]string{"ZITADEL_SERVICE_USER_TOKEN": "ZITADEL_ACME_TOKEN"},
	}
	o, err := open(e)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := o.Identify(t.Context()); err != nil || found.Name != "Acme" {
		t.Errorf("got %+v, %v", found, err)
	}
	t.Setenv("ZITADEL_ACME_TOKEN", "another-token") // is not read again: both share a client
	again, err := open(e)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := again.Identify(t.Context()); err != nil || found.Name != "Acme" {
		t.Errorf("two organizations do not share a client: got %+v, %v", found, err)
	}
	e.Credentials = map[string]string{"ZITADEL_SERVICE_USER_TOKEN": "OFFBOARD_EMPTY"}
	if _, err := open(e); err == nil || !strings.Contains(err.Error(), "OFFBOARD_EMPTY is not set: it is named in place of ZITADEL_SERVICE_USER_TOKEN") {
		t.Errorf("got %v", err)
	}
}

func TestConnect_EveryVariableBelongsToACredential(t *testing.T) {
	for _, p := range providers.All {
		for _, variable := range p.Variables {
			file := strings.HasSuffix(variable, "_PATH") || strings.HasSuffix(variable, "_FILE")
			t.Setenv("OFFBOARD_ACME", "secret-of-acme")
			if file {
				t.Setenv("OFFBOARD_ACME", filepath.Join(t.TempDir(), "none"))
			}
			e := planfile.Entry{
				Provider: p.Name, Organization: "acme", BaseURL: "https://fake.invalid",
				Credentials: map[string]string{variable: "OFFBOARD_ACME"},
			}
			if p.Name == providers.F5 {
				e.Email = "owner@example.com"
			}
			for _, other := range p.Variables { // set the other halves of pairs
				t.Setenv(other, "secret-of-"+other)
			}
			_, err := FromEnv(slog.New(slog.DiscardHandler))(e)
			if err != nil && strings.Contains(err.Error(), "secret-of") {
				t.Errorf("%s %s: the error has the secret: %v", p.Name, variable, err)
			}
			alone := strings.HasSuffix(variable, "_SECRET") || strings.HasSuffix(variable, "PRIVATE_KEY") || strings.HasSuffix(variable, "PASSWORD")
			switch {
			case alone && (err == nil || !strings.Contains(err.Error(), "must name one of")):
				t.Errorf("%s %s: half a pair is accepted: %v", p.Name, variable, err)
			case file && err == nil:
				t.Errorf("%s %s: a missing file is accepted", p.Name, variable)
			case !alone && !file && err != nil:
				t.Errorf("%s %s: got %v", p.Name, variable, err)
			}
		}
	}
}

// Not parallel: the test sets the environment. Credentials of an entry do not change the base
// URL: otherwise those of Atlas for Government would be sent to another host.
func TestConnect_EnvironmentBaseURLWithEntryCredentials(t *testing.T) {
	srv := atlastest.NewServer()
	base := srv.Start()
	t.Cleanup(srv.Close)
	const id = "5e2f00000000000000000001"
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
	t.Setenv("OFFBOARD_ID", atlastest.ClientID)
	t.Setenv("OFFBOARD_SECRET", atlastest.ClientSecret)
	for _, variable := range []string{"MONGODB_ATLAS_BASE_URL", "OFFBOARD_ATLAS_BASE_URL"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("MONGODB_ATLAS_BASE_URL", "http://127.0.0.1:9")
			t.Setenv(variable, base)
			o, err := FromEnv(slog.New(slog.DiscardHandler))(planfile.Entry{
				Provider: "atlas", Organization: id,
				Credentials: map[string]string{"MONGODB_ATLAS_CLIENT_ID": "OFFBOARD_ID", "MONGODB_ATLAS_CLIENT_SECRET": "OFFBOARD_SECRET"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if found, err := o.Identify(t.Context()); err != nil || found.Name != "Acme" {
				t.Errorf("got %+v, %v", found, err)
			}
		})
	}
}

func TestConnect_EmailOfAnotherProvider(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All {
		if p.Name == providers.F5 {
			continue
		}
		_, err := FromEnv(slog.New(slog.DiscardHandler))(planfile.Entry{Provider: p.Name, Organization: "1", Email: "owner@example.com"})
		if err == nil || err.Error() != "--email is for volterra only" {
			t.Errorf("%s: got %v", p.Name, err)
		}
	}
}
