package atlas_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// IDs of organizations and of a project.
const (
	acme  = "5e2f00000000000000000001"
	other = "5e2f00000000000000000002"
	shop  = "5e2f0000000000000000000a"
)

func TestRules(t *testing.T) {
	t.Parallel()
	rules.Run(t)
}

var rules = pipelinesuite.Provider{
	Operation:      "DeleteOrganization",
	NotFoundStatus: 404,
	InvalidIDs: []string{
		" ", "acme", "5e2f0000000000000000000", "5e2f000000000000000000011", "5E2F00000000000000000001",
		"5e2f0000000000000000000g", "../groups/" + shop, acme + "/groups", acme + "?envelope=true", "%2e%2e",
	},
	New: func(testing.TB) pipelinesuite.Case { return newCase(atlastest.NewServer()) },
}

func newCase(srv *atlastest.Server) pipelinesuite.Case {
	srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme"})
	return pipelinesuite.Case{
		Server: srv.Server,
		Exists: func() bool { return srv.Exists(acme) },
		Delete: func(ctx context.Context, s pipelinesuite.Settings) error {
			id := acme
			if s.ID != nil {
				id = *s.ID
			}
			return atlas.DeleteOrganization(ctx, id, options(srv, s)...)
		},
	}
}

// options returns the options for the settings of a rule.
func options(srv *atlastest.Server, s pipelinesuite.Settings) []atlas.Option {
	options := []atlas.Option{srv.Option(), atlas.WithLogger(s.Logger), atlas.WithObserver(s.Observer)}
	if s.Client != nil {
		options = append(options, atlas.WithHTTPClient(s.Client))
	}
	if s.Attempts != 0 {
		options = append(options, atlas.WithRetry(atlas.Retry{MaxAttempts: s.Attempts, MaxWait: s.MaxWait}))
	}
	return options
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	pipelinesuite.Fixtures(t, "testdata/errors.json", read)
}

func FuzzErrorAnswers(f *testing.F) { pipelinesuite.Fuzz(f, "testdata/errors.json", read) }

func FuzzSuccess(f *testing.F) {
	pipelinesuite.FuzzSuccess(f, 204, "", func(hc *http.Client) error {
		return atlas.DeleteOrganization(context.Background(), acme,
			atlas.WithAPIKey("public", "private"), atlas.WithHTTPClient(hc), atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	}, func(body string) bool { return strings.TrimSpace(body) == "" })
}

// read reads an organization, once.
func read(hc *http.Client) error {
	c, err := atlas.New(atlas.WithAPIKey("public", "private"), atlas.WithHTTPClient(hc), atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if err != nil {
		return err
	}
	_, err = c.GetOrganization(context.Background(), acme)
	return err
}

func TestCredentials_NotShown(t *testing.T) {
	t.Parallel()
	var servers sync.Map // by the shared part of the fakes
	known := rules
	known.New = func(testing.TB) pipelinesuite.Case {
		srv := atlastest.NewServer()
		servers.Store(srv.Server, srv)
		return newCase(srv)
	}
	serverOf := func(c pipelinesuite.Case) *atlastest.Server {
		srv, _ := servers.Load(c.Server)
		return srv.(*atlastest.Server)
	}
	known.Secrecy(t, map[string]pipelinesuite.Credential{
		"service account": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			serverOf(c).AddServiceAccount(atlastest.Credential{ID: "id", Secret: canary})
			return client(s, atlas.WithServiceAccount("id", canary))
		},
		"API key": func(c pipelinesuite.Case, canary string, s pipelinesuite.Settings) (any, func(context.Context) error, error) {
			serverOf(c).AddAPIKey(atlastest.Credential{ID: "public", Secret: canary})
			s.Client.Transport = keyGuard{s.Client.Transport, canary, t}
			return client(s, atlas.WithAPIKey("public", canary))
		},
	})
}

func client(s pipelinesuite.Settings, credential atlas.Option) (any, func(context.Context) error, error) {
	c, err := atlas.New(credential, atlas.WithHTTPClient(s.Client), atlas.WithLogger(s.Logger),
		atlas.WithBaseURL(offboardtest.InMemory))
	if err != nil {
		return nil, nil, err
	}
	return c, func(ctx context.Context) error { return c.DeleteOrganization(ctx, acme) }, nil
}

// keyGuard fails the test if a request has the private key, and removes the key from answers.
type keyGuard struct {
	next   http.RoundTripper
	secret string
	t      *testing.T
}

func (i keyGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.Header.Get("Authorization"), i.secret) {
		i.t.Error("the private key was sent")
	}
	resp, err := i.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.ReplaceAll(body, []byte(i.secret), []byte("something"))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
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
		options := []atlas.Option{atlas.WithAPIKey("public", "private"), atlas.WithBaseURL(base)}
		if allowed {
			options = append(options, atlas.WithPlainHTTP())
		}
		_, err := atlas.New(options...)
		return err
	})
}

// surface is the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
		Client:    clientOf(t, "", nil),
		Functions: map[string]any{"New": atlas.New, "DeleteOrganization": atlas.DeleteOrganization},
		Options: map[string]any{
			"WithServiceAccount": atlas.WithServiceAccount, "WithAPIKey": atlas.WithAPIKey,
			"FromEnv": atlas.FromEnv, "WithBaseURL": atlas.WithBaseURL, "WithHTTPClient": atlas.WithHTTPClient,
			"WithLogger": atlas.WithLogger, "WithObserver": atlas.WithObserver, "WithPlainHTTP": atlas.WithPlainHTTP, "WithRateLimit": atlas.WithRateLimit, "WithLimiter": atlas.WithLimiter,
			"WithRetry": atlas.WithRetry, "WithUserAgent": atlas.WithUserAgent,
			"WithBaseURL, as its host": func(host string) atlas.Option { return atlas.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) atlas.Option {
				return atlas.WithBaseURL("https://user:" + password + "@fake.invalid")
			},
		},
	}
}

// clientOf returns a client of a new fake that has a secret as its credential, or the
// one that the fake accepts.
func clientOf(t *testing.T, secret string, logger *slog.Logger) *atlas.Client {
	t.Helper()
	srv := atlastest.NewServer()
	if secret == "" {
		secret = atlastest.ClientSecret
	}
	c, err := atlas.New(atlas.WithServiceAccount(atlastest.ClientID, secret), atlas.WithLogger(logger),
		atlas.WithBaseURL(offboardtest.InMemory), atlas.WithHTTPClient(&http.Client{Transport: srv}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
