package zitadel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// surface returns the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": zitadel.New, "DeleteOrganization": zitadel.DeleteOrganization},
		Options: map[string]any{
			"WithToken": zitadel.WithToken, "WithKey": zitadel.WithKey, "WithKeyFile": zitadel.WithKeyFile, "WithClientCredentials": zitadel.WithClientCredentials,
			"FromEnv": zitadel.FromEnv, "WithBaseURL": zitadel.WithBaseURL, "WithHTTPClient": zitadel.WithHTTPClient,
			"WithLogger": zitadel.WithLogger, "WithObserver": zitadel.WithObserver, "WithPlainHTTP": zitadel.WithPlainHTTP, "WithRateLimit": zitadel.WithRateLimit, "WithLimiter": zitadel.WithLimiter,
			"WithRetry": zitadel.WithRetry, "WithUserAgent": zitadel.WithUserAgent,
			"WithBaseURL, as its host": func(host string) zitadel.Option { return zitadel.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) zitadel.Option {
				return zitadel.WithBaseURL("https://user:" + password + "@fake.invalid")
			},
		},
	}
}

// clientOf returns a client of a new fake with a secret as its token, or with the token that
// the fake accepts if the secret is empty.
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
	surface(t).MisplacedSecrets(t, func(secret string, logger *slog.Logger) any { return clientOf(t, secret, logger) })
}

func TestRules(t *testing.T) {
	t.Parallel()
	deletionSuite.Run(t)
}

var deletionSuite = newSuite("DeleteOrganization", 404, func(ctx context.Context, c *zitadel.Client, id string) error {
	details, err := c.DeleteOrganization(ctx, id)
	if (details == nil) != (err != nil) {
		return errors.New("want either details or an error")
	}
	return err
})

func TestRules_ManagementAPI(t *testing.T) {
	t.Parallel()
	// The method reads the organization before the deletion, so no answer reports "not found".
	rules := newSuite("DeleteMyOrganization", 0, routes["DeleteMyOrganization"])
	rules.AlwaysVerified = true
	rules.Run(t)
}

func TestRules_APIV2(t *testing.T) {
	t.Parallel()
	newSuite("DeleteOrganizationV2", 200, routes["DeleteOrganizationV2"]).Run(t)
}

// newSuite returns the suite of a deleting method.
func newSuite(operation string, notFoundStatus int, call func(context.Context, *zitadel.Client, string) error) pipelinesuite.Provider {
	return pipelinesuite.Provider{
		Operation:      operation,
		NotFoundStatus: notFoundStatus,
		New: func(testing.TB) pipelinesuite.Case {
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
			return pipelinesuite.Case{
				Server: srv.Server,
				Exists: func() bool { return srv.Exists("acme") },
				Delete: func(ctx context.Context, s pipelinesuite.Settings) error {
					id := "acme"
					if s.ID != nil {
						id = *s.ID
					}
					c, err := zitadel.New(options(srv, s)...)
					if err != nil {
						return err
					}
					return call(ctx, c, id)
				},
			}
		},
	}
}

// options returns the options for the settings of a suite.
func options(srv *zitadeltest.Server, s pipelinesuite.Settings) []zitadel.Option {
	options := []zitadel.Option{srv.Option(), zitadel.WithLogger(s.Logger), zitadel.WithObserver(s.Observer)}
	if s.Client != nil {
		options = append(options, zitadel.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, zitadel.WithRetry(zitadel.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

func TestCredentials_NotShown(t *testing.T) {
	t.Parallel()
	deletionSuite.Secrecy(t, map[string]pipelinesuite.Credential{
		"token": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return newSuiteClient(s, zitadel.WithToken(canary))
		},
		"client credentials": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return newSuiteClient(s, zitadel.WithClientCredentials("bot", canary))
		},
		"accepted client credentials": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return newSuiteClient(acceptToken(s, canary), zitadel.WithClientCredentials("bot", canary))
		},
		"accepted key": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return newSuiteClient(acceptToken(s, canary), zitadel.WithKey(keyWith(canary)))
		},
		// A key is never sent, so no answer can repeat it.
		"refused key": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			return newSuiteClient(refuseToken(s), zitadel.WithKey(keyWith(canary)))
		},
	})
}

func newSuiteClient(s pipelinesuite.Settings, credential zitadel.Option) (any, func(context.Context) error, error) {
	c, err := zitadel.New(credential, zitadel.WithHTTPClient(s.Client), zitadel.WithLogger(s.Logger),
		zitadel.WithBaseURL(offboardtest.InMemory))
	if err != nil {
		return nil, nil, err
	}
	return c, func(ctx context.Context) error {
		_, err := c.DeleteOrganization(ctx, "acme")
		return err
	}, nil
}

// acceptToken lets the token endpoint answer with a token, refuseToken with an error.
func acceptToken(s pipelinesuite.Settings, token string) pipelinesuite.Settings {
	s.Client = &http.Client{Transport: tokenEndpoint{s.Client.Transport, 200, `{"access_token":"` + token + `","expires_in":43199}`}}
	return s
}

func refuseToken(s pipelinesuite.Settings) pipelinesuite.Settings {
	s.Client = &http.Client{Transport: tokenEndpoint{s.Client.Transport, 500, `{"error":"server_error","error_description":"Errors.Internal"}`}}
	return s
}

// tokenEndpoint sends requests for tokens, and replaces their answers.
type tokenEndpoint struct {
	next   http.RoundTripper
	status int
	body   string
}

func (i tokenEndpoint) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := i.next.RoundTrip(req)
	if req.URL.Path != "/oauth/v2/token" {
		return resp, err
	}
	return &http.Response{
		StatusCode: i.status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(i.body)), Request: req,
	}, nil
}

// key returns the key file of one fake.
var key = sync.OnceValue(func() []byte { return zitadeltest.NewServer().Key() })

// changed returns a changed key file.
func changed(file []byte, change func(map[string]any)) []byte {
	var content map[string]any
	if err := json.Unmarshal(file, &content); err != nil {
		panic(err)
	}
	change(content)
	file, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return file
}

// keyWith returns a key file whose private key contains a text.
func keyWith(text string) []byte {
	return changed(key(), func(content map[string]any) {
		block, _ := pem.Decode([]byte(content["key"].(string)))
		block.Headers = map[string]string{"Comment": text}
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			panic(err)
		}
		content["key"] = b.String()
	})
}

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 200, `{"details":{"sequence":"7","changeDate":"2026-08-15T16:12:13Z","resourceOwner":"1"}}`, func(hc *http.Client) error {
		_, err := zitadel.DeleteOrganization(context.Background(), "acme", zitadel.WithBaseURL(offboardtest.InMemory),
			zitadel.WithToken("token"), zitadel.WithHTTPClient(hc), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
		return err
	}, func(body string) bool {
		owner, _ := pipelinesuite.Field(body, "details", "resourceOwner").(string)
		return owner != ""
	})
}
