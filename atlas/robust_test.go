package atlas_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// surface is the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": atlas.New, "DeleteOrganization": atlas.DeleteOrganization},
		Options: map[string]any{
			"WithServiceAccount": atlas.WithServiceAccount, "WithAPIKey": atlas.WithAPIKey,
			"FromEnv": atlas.FromEnv, "WithBaseURL": atlas.WithBaseURL, "WithHTTPClient": atlas.WithHTTPClient,
			"WithLogger": atlas.WithLogger, "WithPlainHTTP": atlas.WithPlainHTTP, "WithRateLimit": atlas.WithRateLimit,
			"WithRetry": atlas.WithRetry, "WithUserAgent": atlas.WithUserAgent,
			"WithBaseURL, as its host": func(host string) atlas.Option { return atlas.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) atlas.Option {
				return atlas.WithBaseURL("https://user:" + password + "@double.invalid")
			},
		},
		New: func(options ...any) (any, error) {
			var all []atlas.Option
			for _, option := range options {
				all = append(all, option.(atlas.Option))
			}
			return atlas.New(all...)
		},
	}
}

// clientOf returns a client of a new fake that has a secret as its credential, or the
// one that the fake accepts.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *atlas.Client {
	t.Helper()
	srv := atlastest.NewServer()
	if secret == "" {
		secret = atlastest.ClientSecret
	}
	c, err := atlas.New(atlas.WithServiceAccount(atlastest.ClientID, secret), atlas.WithLogger(logger),
		atlas.WithBaseURL(offboardtest.InMemory), atlas.WithHTTPClient(&http.Client{Transport: srv}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAPI_NoPanic(t *testing.T) {
	t.Parallel()
	surface(t).NoPanic(t)
}

func TestAPI_MisplacedSecrets(t *testing.T) {
	t.Parallel()
	surface(t).Misplaced(t, func(secret string, logger *slog.Logger) any { return clientOf(t, secret, logger) })
}

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	pipelinesuite.PlainHTTP(t, func(base string, allowed bool) error {
		options := []atlas.Option{atlas.WithAPIKey("public", "private"), atlas.WithBaseURL(base)}
		if allowed {
			options = append(options, atlas.WithPlainHTTP())
		}
		_, err := atlas.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"MONGODB_ATLAS_BASE_URL", "MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"}, func() error {
		_, err := atlas.New(atlas.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"nothing":            {Set: nil, Words: []string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_PUBLIC_KEY"}},
		"an id alone":        {Set: map[string]string{"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_id_canary"}, Words: []string{"MONGODB_ATLAS_CLIENT_SECRET is not set"}},
		"a secret alone":     {Set: map[string]string{"MONGODB_ATLAS_CLIENT_SECRET": "mdb_sa_sk_canary"}, Words: []string{"MONGODB_ATLAS_CLIENT_ID is not set"}},
		"a public key alone": {Set: map[string]string{"MONGODB_ATLAS_PUBLIC_KEY": "canaryab"}, Words: []string{"MONGODB_ATLAS_PRIVATE_KEY is not set"}},
		"a private key alone": {
			Set: map[string]string{"MONGODB_ATLAS_PRIVATE_KEY": "1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11"}, Words: []string{"MONGODB_ATLAS_PUBLIC_KEY is not set"},
		},
		"a secret with a line break": {
			Set:   map[string]string{"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_id_canary", "MONGODB_ATLAS_CLIENT_SECRET": "canary\n"},
			Words: []string{"the client secret", "MONGODB_ATLAS_CLIENT_SECRET"},
		},
		"a secret as the id": {
			Set:   map[string]string{"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_sk_canary", "MONGODB_ATLAS_CLIENT_SECRET": "mdb_sa_id_canary"},
			Words: []string{"the client id is a client secret", "MONGODB_ATLAS_CLIENT_ID"},
		},
		"a private key as the public one": {
			Set:   map[string]string{"MONGODB_ATLAS_PUBLIC_KEY": "1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11", "MONGODB_ATLAS_PRIVATE_KEY": "canaryab"},
			Words: []string{"the public key is a private key", "MONGODB_ATLAS_PUBLIC_KEY"},
		},
		"a base URL that is none": {
			Set:   map[string]string{"MONGODB_ATLAS_BASE_URL": "canary", "MONGODB_ATLAS_PUBLIC_KEY": "public", "MONGODB_ATLAS_PRIVATE_KEY": "private"},
			Words: []string{"base URL"},
		},
	})
}
