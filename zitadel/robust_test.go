package zitadel_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/ruletest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// surface is the public API of the package.
func surface(t *testing.T) ruletest.Surface {
	t.Helper()
	return ruletest.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": zitadel.New, "DeleteOrganization": zitadel.DeleteOrganization},
		Options: map[string]any{
			"WithToken": zitadel.WithToken, "WithKey": zitadel.WithKey, "WithKeyFile": zitadel.WithKeyFile, "WithClientCredentials": zitadel.WithClientCredentials,
			"FromEnv": zitadel.FromEnv, "WithBaseURL": zitadel.WithBaseURL, "WithHTTPClient": zitadel.WithHTTPClient,
			"WithLogger": zitadel.WithLogger, "WithPlainHTTP": zitadel.WithPlainHTTP, "WithRateLimit": zitadel.WithRateLimit,
			"WithRetry": zitadel.WithRetry, "WithUserAgent": zitadel.WithUserAgent,
			"WithBaseURL, as its host": func(host string) zitadel.Option { return zitadel.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) zitadel.Option {
				return zitadel.WithBaseURL("https://user:" + password + "@double.invalid")
			},
		},
		New: func(options ...any) (any, error) {
			var all []zitadel.Option
			for _, option := range options {
				all = append(all, option.(zitadel.Option))
			}
			return zitadel.New(all...)
		},
	}
}

// clientOf returns a client of a new fake that has a secret as its credential, or the
// one that the fake accepts.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *zitadel.Client {
	t.Helper()
	srv := zitadeltest.NewServer()
	if secret == "" {
		secret = zitadeltest.Token
	}
	c, err := zitadel.New(zitadel.WithToken(secret), zitadel.WithLogger(logger),
		zitadel.WithBaseURL(offboardtest.InMemory), zitadel.WithHTTPClient(&http.Client{Transport: srv}))
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
		options := []zitadel.Option{zitadel.WithClientCredentials("id", "secret-token"), zitadel.WithBaseURL(base)}
		if allowed {
			options = append(options, zitadel.WithPlainHTTP())
		}
		_, err := zitadel.New(options...)
		return err
	})
}
