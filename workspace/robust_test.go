package workspace_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// surface is the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": workspace.New, "DeleteOrganization": workspace.DeleteOrganization},
		Options: map[string]any{
			"WithToken": workspace.WithToken,
			"FromEnv":   workspace.FromEnv, "WithBaseURL": workspace.WithBaseURL, "WithHTTPClient": workspace.WithHTTPClient,
			"WithLogger": workspace.WithLogger, "WithPlainHTTP": workspace.WithPlainHTTP, "WithRateLimit": workspace.WithRateLimit,
			"WithRetry": workspace.WithRetry, "WithUserAgent": workspace.WithUserAgent,
			"WithBaseURL, as its host": func(host string) workspace.Option { return workspace.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) workspace.Option {
				return workspace.WithBaseURL("https://user:" + password + "@double.invalid")
			},
		},
		New: func(options ...any) (any, error) {
			var all []workspace.Option
			for _, option := range options {
				all = append(all, option.(workspace.Option))
			}
			return workspace.New(all...)
		},
	}
}

// clientOf returns a client of a new fake that has a secret as its credential, or the
// one that the fake accepts.
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

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	pipelinesuite.PlainHTTP(t, func(base string, allowed bool) error {
		options := []workspace.Option{workspace.WithToken("secret-token"), workspace.WithBaseURL(base)}
		if allowed {
			options = append(options, workspace.WithPlainHTTP())
		}
		_, err := workspace.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"APPLIVERY_API_TOKEN"}, func() error {
		_, err := workspace.New(workspace.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"not set":      {Set: nil, Words: []string{"APPLIVERY_API_TOKEN is not set"}},
		"with a space": {Set: map[string]string{"APPLIVERY_API_TOKEN": "Bearer canary"}, Words: []string{"APPLIVERY_API_TOKEN"}},
	})
}
