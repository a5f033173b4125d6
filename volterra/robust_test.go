package volterra_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/ruletest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// surface is the public API of the package.
func surface(t *testing.T) ruletest.Surface {
	t.Helper()
	return ruletest.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": volterra.New, "DeleteTenant": volterra.DeleteTenant},
		Options: map[string]any{
			"WithAPIToken": volterra.WithAPIToken, "WithCertificate": volterra.WithCertificate, "WithCertificateFiles": volterra.WithCertificateFiles, "WithP12": volterra.WithP12, "WithP12File": volterra.WithP12File, "WithCACertificate": volterra.WithCACertificate,
			"FromEnv": volterra.FromEnv, "WithBaseURL": volterra.WithBaseURL, "WithHTTPClient": volterra.WithHTTPClient,
			"WithLogger": volterra.WithLogger, "WithPlainHTTP": volterra.WithPlainHTTP, "WithRateLimit": volterra.WithRateLimit,
			"WithRetry": volterra.WithRetry, "WithUserAgent": volterra.WithUserAgent,
			"WithBaseURL, as its host": func(host string) volterra.Option { return volterra.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) volterra.Option {
				return volterra.WithBaseURL("https://user:" + password + "@double.invalid")
			},
		},
		New: func(options ...any) (any, error) {
			var all []volterra.Option
			for _, option := range options {
				all = append(all, option.(volterra.Option))
			}
			return volterra.New(all...)
		},
	}
}

// clientOf returns a client of a new fake that has a secret as its credential, or the
// one that the fake accepts.
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
	surface(t).Misplaced(t, func(secret string, logger *slog.Logger) any { return clientOf(t, secret, logger) })
}

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	ruletest.PlainHTTP(t, func(base string, allowed bool) error {
		options := []volterra.Option{volterra.WithAPIToken("secret-token"), volterra.WithBaseURL(base)}
		if allowed {
			options = append(options, volterra.WithPlainHTTP())
		}
		_, err := volterra.New(options...)
		return err
	})
}
