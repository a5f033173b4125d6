package katapult_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestRules(t *testing.T) {
	t.Parallel()
	rules.Run(t)
}

var rules = pipelinesuite.Provider{
	Operation:      "DeleteOrganization",
	NotFoundStatus: 404,
	New: func(testing.TB) pipelinesuite.Case {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
		return pipelinesuite.Case{
			Server: srv.Server,
			Exists: func() bool { return srv.Exists("org_acme") },
			Delete: func(ctx context.Context, s pipelinesuite.Settings) error {
				id := katapult.ID("org_acme")
				if s.ID != nil {
					id = katapult.ID(*s.ID)
				}
				return katapult.DeleteOrganization(ctx, id, options(srv, s)...)
			},
		}
	},
}

// options makes a client of the settings that the rules ask for.
func options(srv *katapulttest.Server, s pipelinesuite.Settings) []katapult.Option {
	options := []katapult.Option{srv.Option(), katapult.WithLogger(s.Logger)}
	if s.Client != nil {
		options = append(options, katapult.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, katapult.WithRetry(katapult.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

func TestCredentials_NotShown(t *testing.T) {
	t.Parallel()
	rules.Secrecy(t, map[string]pipelinesuite.Credential{
		"token": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return client(s, katapult.WithToken(canary))
		},
		"token source": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return client(s, katapult.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: canary})))
		},
	})
}

func client(s pipelinesuite.Settings, credential katapult.Option) (any, func(context.Context) error, error) {
	c, err := katapult.New(credential, katapult.WithHTTPClient(s.Client), katapult.WithLogger(s.Logger),
		katapult.WithBaseURL(offboardtest.InMemory+"/core/v1"))
	if err != nil {
		return nil, nil, err
	}
	return c, func(ctx context.Context) error { return c.DeleteOrganization(ctx, katapult.ID("org_acme")) }, nil
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{"success":true}`, func(hc *http.Client) error {
		return katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"),
			katapult.WithToken("token"), katapult.WithHTTPClient(hc), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool { return pipelinesuite.Field(body, "success") == true })
}

// read reads an organization, once.
func read(hc *http.Client) error {
	c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(hc), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		return err
	}
	_, err = c.GetOrganization(context.Background(), katapult.ID("org_acme"))
	return err
}
