package volterra_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// deletion is the operation of the API that deletes.
const deletion = "RequestTenantDeletion"

// acme is a request for the tenant of a new double.
var acme = volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}

func TestRules(t *testing.T) {
	t.Parallel()
	rules.Run(t)
}

// rules are met by a double whose credential dies with the tenant, so nothing can
// be read after a deletion.
var rules = pipelinesuite.Provider{
	Operation:    deletion,
	EmptyObject:  true,
	Unverifiable: true,
	IDInBody:     true,
	New: func(testing.TB) pipelinesuite.Case {
		srv := volterratest.NewServer()
		return pipelinesuite.Case{
			Server: srv.Server,
			Exists: func() bool { return len(srv.Accepted()) == 0 },
			Delete: func(ctx context.Context, s pipelinesuite.Settings) error {
				return volterra.DeleteTenant(ctx, acme, options(srv, s)...)
			},
		}
	},
}

// options makes a client of the settings that the rules ask for.
func options(srv *volterratest.Server, s pipelinesuite.Settings) []volterra.Option {
	options := []volterra.Option{srv.Option(), volterra.WithLogger(s.Logger)}
	if s.Client != nil {
		options = append(options, volterra.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, volterra.WithRetry(volterra.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

// Certificates cannot be used in memory: see TestCertificatesAreNotShown.
func TestCredentials_NotShown(t *testing.T) {
	t.Parallel()
	rules.Secrecy(t, map[string]pipelinesuite.Credential{
		"token": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			client, err := volterra.New(volterra.WithAPIToken(canary), volterra.WithHTTPClient(s.Client),
				volterra.WithLogger(s.Logger), volterra.WithBaseURL(offboardtest.InMemory))
			if err != nil {
				return nil, nil, err
			}
			return client, func(ctx context.Context) error { return client.DeleteTenant(ctx, acme) }, nil
		},
	})
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func TestSuccessesThatAreErrorsInPart(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/lists.json", func(hc *http.Client) error {
		_, err := once(hc).ListNamespaces(context.Background(), volterra.ListNamespacesOptions{})
		return err
	})
	pipelinesuite.Fixtures(t, "testdata/cascades.json", func(hc *http.Client) error {
		_, err := once(hc).CascadeDeleteNamespace(context.Background(), "app")
		return err
	})
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{}`, func(hc *http.Client) error {
		return volterra.DeleteTenant(context.Background(), acme, volterra.WithAPIToken("token"), volterra.WithBaseURL(offboardtest.InMemory),
			volterra.WithHTTPClient(&http.Client{Transport: settled{hc.Transport}}), volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool {
		object, ok := pipelinesuite.Field(body).(map[string]any)
		return ok && object != nil && pipelinesuite.Field(body, "code") == nil && pipelinesuite.Field(body, "error") == nil && pipelinesuite.Field(body, "message") == nil
	})
}

// settled answers reads by the settings of a tenant.
type settled struct{ next http.RoundTripper }

func (s settled) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return s.next.RoundTrip(req)
	}
	return pipelinesuite.Fixture{Status: 200, Text: `{"name":"acme","state":"StateActive"}`}.RoundTrip(req)
}

// read reads the settings, once.
func read(hc *http.Client) error {
	_, err := once(hc).GetTenantSettings(context.Background())
	return err
}

// once is a client that sends each request once.
func once(hc *http.Client) *volterra.Client {
	c, err := volterra.New(volterra.WithAPIToken("token"), volterra.WithHTTPClient(hc),
		volterra.WithBaseURL("https://acme.console.ves.volterra.io"), volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		panic(err)
	}
	return c
}
