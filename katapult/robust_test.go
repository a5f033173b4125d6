package katapult_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// surface is the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": katapult.New, "DeleteOrganization": katapult.DeleteOrganization},
		Options: map[string]any{
			"WithToken": katapult.WithToken, "WithTokenSource": katapult.WithTokenSource,
			"FromEnv": katapult.FromEnv, "WithBaseURL": katapult.WithBaseURL, "WithHTTPClient": katapult.WithHTTPClient,
			"WithLogger": katapult.WithLogger, "WithPlainHTTP": katapult.WithPlainHTTP, "WithRateLimit": katapult.WithRateLimit,
			"WithRetry": katapult.WithRetry, "WithUserAgent": katapult.WithUserAgent,
			"WithBaseURL, as its host": func(host string) katapult.Option { return katapult.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) katapult.Option {
				return katapult.WithBaseURL("https://user:" + password + "@fake.invalid")
			},
		},
		New: func(options ...any) (any, error) {
			var all []katapult.Option
			for _, option := range options {
				all = append(all, option.(katapult.Option))
			}
			return katapult.New(all...)
		},
		Interfaces: []any{
			katapult.ID(""), katapult.Subdomain(""), katapult.FQDN(""), katapult.APIReference(""), katapult.ZoneName(""),
			katapult.ObjectID(""), katapult.Address(""), katapult.Region(""), katapult.BucketName(""),
		},
	}
}

// clientOf returns a client of a new fake that has a secret as its credential, or the
// one that the fake accepts.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *katapult.Client {
	t.Helper()
	srv := katapulttest.NewServer()
	if secret == "" {
		secret = katapulttest.Token
	}
	c, err := katapult.New(katapult.WithToken(secret), katapult.WithLogger(logger),
		katapult.WithBaseURL(offboardtest.InMemory), katapult.WithHTTPClient(&http.Client{Transport: srv}))
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
		options := []katapult.Option{katapult.WithToken("secret-token"), katapult.WithBaseURL(base)}
		if allowed {
			options = append(options, katapult.WithPlainHTTP())
		}
		_, err := katapult.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"KATAPULT_API_KEY"}, func() error {
		_, err := katapult.New(katapult.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"not set":         {Set: nil, Words: []string{"KATAPULT_API_KEY is not set"}},
		"with line break": {Set: map[string]string{"KATAPULT_API_KEY": "canary\n"}, Words: []string{"KATAPULT_API_KEY"}},
	})
}
