package volterra_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// surface returns the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": volterra.New, "DeleteTenant": volterra.DeleteTenant},
		Options: map[string]any{
			"WithAPIToken": volterra.WithAPIToken, "WithCertificate": volterra.WithCertificate,
			"WithCertificateFiles": volterra.WithCertificateFiles, "WithP12": volterra.WithP12,
			"WithP12File": volterra.WithP12File, "WithCACertificate": volterra.WithCACertificate,
			"FromEnv": volterra.FromEnv, "WithBaseURL": volterra.WithBaseURL, "WithHTTPClient": volterra.WithHTTPClient,
			"WithLogger": volterra.WithLogger, "WithObserver": volterra.WithObserver, "WithPlainHTTP": volterra.WithPlainHTTP, "WithRateLimit": volterra.WithRateLimit, "WithLimiter": volterra.WithLimiter,
			"WithRetry": volterra.WithRetry, "WithUserAgent": volterra.WithUserAgent,
			"WithBaseURL, as its host": func(host string) volterra.Option { return volterra.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) volterra.Option {
				return volterra.WithBaseURL("https://user:" + password + "@fake.invalid")
			},
		},
	}
}

// clientOf returns a client of a new fake. The credential is the secret; if the secret is empty,
// the token of the fake.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *volterra.Client {
	t.Helper()
	srv := volterratest.NewServer()
	if secret == "" {
		secret = volterratest.Token
	}
	c, err := volterra.New(volterra.WithAPIToken(secret), volterra.WithLogger(logger),
		volterra.WithBaseURL(offboardtest.InMemory), volterra.WithHTTPClient(&http.Client{Transport: srv}))
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

// rules uses a fake that refuses the credential after a request for deletion, so no read can decide.
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

// options returns the options for the settings of a rule.
func options(srv *volterratest.Server, s pipelinesuite.Settings) []volterra.Option {
	options := []volterra.Option{srv.Option(), volterra.WithLogger(s.Logger), volterra.WithObserver(s.Observer)}
	if s.Client != nil {
		options = append(options, volterra.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, volterra.WithRetry(volterra.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

// Certificates require a listener: see TestCertificates_NotShown.
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

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{}`, func(hc *http.Client) error {
		return volterra.DeleteTenant(context.Background(), acme, volterra.WithAPIToken("token"), volterra.WithBaseURL(offboardtest.InMemory),
			volterra.WithHTTPClient(&http.Client{Transport: settled{hc.Transport}}), volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool {
		object, ok := pipelinesuite.Field(body).(map[string]any)
		return ok && object != nil && pipelinesuite.Field(body, "code") == nil && pipelinesuite.Field(body, "error") == nil && pipelinesuite.Field(body, "message") == nil
	})
}

// settled answers reads with the settings of a tenant.
type settled struct{ next http.RoundTripper }

func (s settled) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return s.next.RoundTrip(req)
	}
	return pipelinesuite.Fixture{Status: 200, Text: `{"name":"acme","state":"StateActive"}`}.RoundTrip(req)
}
