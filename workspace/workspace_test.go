package workspace_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// acme is the id of an organization whose slug is "acme".
const acme = "65f0000000000000000000ac"

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

// options makes a client of the settings that the rules ask for.
func options(srv *workspacetest.Server, s pipelinesuite.Settings) []workspace.Option {
	options := []workspace.Option{srv.Option(), workspace.WithLogger(s.Logger)}
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
		// So that what goes wrong befalls the deletion, which comes after a read.
		"token, at the deletion": credential(func(next http.RoundTripper) http.RoundTripper { return readable{next} }),
	})
}

// readable answers reads by the organization acme.
type readable struct{ next http.RoundTripper }

func (r readable) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return r.next.RoundTrip(req)
	}
	return pipelinesuite.Fixture{Status: 200, Text: `{"status":true,"data":{"id":"` + acme + `"}}`}.RoundTrip(req)
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{"status":true,"data":{"delete":"OK"}}`, func(hc *http.Client) error {
		return workspace.DeleteOrganization(context.Background(), acme, workspace.WithToken("token"),
			workspace.WithHTTPClient(&http.Client{Transport: readable{hc.Transport}}), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool {
		return pipelinesuite.Field(body, "status") == true && pipelinesuite.Field(body, "data", "delete") == "OK" && pipelinesuite.Field(body, "error") == nil
	})
}

// read reads an organization, once.
func read(hc *http.Client) error {
	c, err := workspace.New(workspace.WithToken("token"), workspace.WithHTTPClient(hc), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		return err
	}
	_, err = c.GetOrganization(context.Background(), acme)
	return err
}
