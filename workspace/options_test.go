package workspace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	token := workspace.WithToken("token")
	for name, options := range map[string][]workspace.Option{
		"no credential":           nil,
		"two credentials":         {token, token},
		"an empty token":          {workspace.WithToken("")},
		"a token with a newline":  {workspace.WithToken("to\nken")},
		"a token with a space":    {workspace.WithToken("to ken")},
		"no HTTP client":          {token, workspace.WithHTTPClient(nil)},
		"a base URL without host": {token, workspace.WithBaseURL("https:///v1")},
		"a base URL of a file":    {token, workspace.WithBaseURL("file:///v1")},
		"a relative base URL":     {token, workspace.WithBaseURL("/v1")},
		"a base URL with a query": {token, workspace.WithBaseURL("https://api.invalid/?a=b")},
		"a base URL with a user":  {token, workspace.WithBaseURL("https://u:secret@api.invalid")},
		"an invalid base URL":     {token, workspace.WithBaseURL("https://u:secret@%zz")},
		"no attempt":              {token, workspace.WithRetry(workspace.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":         {token, workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"no rate":                 {token, workspace.WithRateLimit(workspace.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                {token, workspace.WithRateLimit(workspace.RateLimit{PerSecond: 1, Burst: 0})},
		"no limiter":              {token, workspace.WithLimiter(nil)},
		"a user agent with lines": {token, workspace.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := workspace.New(options...)
			if text := wants(t, err, errors.InvalidArgument).Error(); len(text) > 120 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	t.Setenv("APPLIVERY_API_TOKEN", workspacetest.Token)
	_, err := workspace.New()
	wants(t, err, errors.InvalidArgument)
	srv := newServer()
	c := newClient(t, workspace.FromEnv(), workspace.WithHTTPClient(srv.Client()))
	_, err = c.GetOrganization(t.Context(), "acme")
	wants(t, err, "")
	t.Setenv("APPLIVERY_API_TOKEN", "")
	_, err = workspace.New(workspace.FromEnv())
	if e := wants(t, err, errors.InvalidArgument); !strings.Contains(e.Error(), "APPLIVERY_API_TOKEN") {
		t.Errorf("got %q, want the name of the variable", e)
	}
}

func TestWithBaseURL_Path(t *testing.T) {
	t.Parallel()
	srv := newServer()
	c := newClient(t, srv.Option(), workspace.WithBaseURL("https://api.tenant.invalid/api/v1/"))
	_, err := c.GetOrganization(t.Context(), "acme")
	wants(t, err, errors.RouteNotFound) // the fake has no route below this path
	if diff := cmp.Diff([]string{"GET /api/v1/organizations/acme"}, requested(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
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
