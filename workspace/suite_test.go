package workspace_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// surface returns the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": workspace.New, "DeleteOrganization": workspace.DeleteOrganization},
		Options: map[string]any{
			"WithToken": workspace.WithToken,
			"FromEnv":   workspace.FromEnv, "WithBaseURL": workspace.WithBaseURL, "WithHTTPClient": workspace.WithHTTPClient,
			"WithLogger": workspace.WithLogger, "WithObserver": workspace.WithObserver, "WithPlainHTTP": workspace.WithPlainHTTP, "WithRateLimit": workspace.WithRateLimit, "WithLimiter": workspace.WithLimiter,
			"WithRetry": workspace.WithRetry, "WithUserAgent": workspace.WithUserAgent,
			"WithBaseURL, as its host": func(host string) workspace.Option { return workspace.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) workspace.Option {
				return workspace.WithBaseURL("https://user:" + password + "@fake.invalid")
			},
		},
	}
}

// clientOf returns a client of a new fake. The credential is the secret; if the secret is empty,
// the token of the fake.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *workspace.Client {
	t.Helper()
	srv := workspacetest.NewServer()
	if secret == "" {
		secret = workspacetest.Token
	}
	c, err := workspace.New(workspace.WithToken(secret), workspace.WithLogger(logger),
		workspace.WithBaseURL(offboardtest.InMemory), workspace.WithHTTPClient(&http.Client{Transport: srv}))
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
	surface(t).MisplacedSecrets(t, func(secret string, logger *slog.Logger) any { return clientOf(t, secret, logger) })
}

func TestRules(t *testing.T) {
	t.Parallel()
	rules.Run(t)
}

var rules = pipelinesuite.Provider{
	Operation:      "DeleteOrganization",
	NotFoundStatus: 404,
	InvalidIDs:     []string{"ab", "a b", "a.b", "acmé", "acme\n", "acme%2f", strings.Repeat("x", 129)},
	New: func(testing.TB) pipelinesuite.Case {
		srv := workspacetest.NewServer()
		srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme"})
		return pipelinesuite.Case{
			Server: srv.Server,
			Exists: func() bool { return srv.Exists(acme) },
			Delete: func(ctx context.Context, s pipelinesuite.Settings) error {
				id := acme
				if s.ID != nil {
					id = *s.ID
				}
				return workspace.DeleteOrganization(ctx, id, options(srv, s)...)
			},
		}
	},
}

// options returns the options for the settings of a rule.
func options(srv *workspacetest.Server, s pipelinesuite.Settings) []workspace.Option {
	options := []workspace.Option{srv.Option(), workspace.WithLogger(s.Logger), workspace.WithObserver(s.Observer)}
	if s.Client != nil {
		options = append(options, workspace.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, workspace.WithRetry(workspace.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

func TestCredentials_NotShown(t *testing.T) {
	t.Parallel()
	credential := func(through func(http.RoundTripper) http.RoundTripper) pipelinesuite.Credential {
		return func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			client, err := workspace.New(workspace.WithToken(canary), workspace.WithLogger(s.Logger),
				workspace.WithHTTPClient(&http.Client{Transport: through(s.Client.Transport)}),
				workspace.WithBaseURL(offboardtest.InMemory+"/v1"))
			if err != nil {
				return nil, nil, err
			}
			return client, func(ctx context.Context) error { return client.DeleteOrganization(ctx, acme) }, nil
		}
	}
	rules.Secrecy(t, map[string]pipelinesuite.Credential{
		"token": credential(func(next http.RoundTripper) http.RoundTripper { return next }),
		// The read before succeeds, so that the deletion meets the fault.
		"token, at the deletion": credential(func(next http.RoundTripper) http.RoundTripper { return readable{next} }),
	})
}

// readable answers every read with the organization acme.
type readable struct{ next http.RoundTripper }

func (r readable) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return r.next.RoundTrip(req)
	}
	return pipelinesuite.Fixture{Status: 200, Text: `{"status":true,"data":{"id":"` + acme + `"}}`}.RoundTrip(req)
}

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{"status":true,"data":{"delete":"OK"}}`, func(hc *http.Client) error {
		return workspace.DeleteOrganization(context.Background(), acme, workspace.WithToken("token"),
			workspace.WithHTTPClient(&http.Client{Transport: readable{hc.Transport}}), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool {
		return pipelinesuite.Field(body, "status") == true && pipelinesuite.Field(body, "data", "delete") == "OK" && pipelinesuite.Field(body, "error") == nil
	})
}
