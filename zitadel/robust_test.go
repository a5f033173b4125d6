package zitadel_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// surface is the public API of the package.
func surface(t *testing.T) pipelinesuite.Surface {
	t.Helper()
	return pipelinesuite.Surface{
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
	pipelinesuite.PlainHTTP(t, func(base string, allowed bool) error {
		options := []zitadel.Option{zitadel.WithClientCredentials("id", "secret-token"), zitadel.WithBaseURL(base)}
		if allowed {
			options = append(options, zitadel.WithPlainHTTP())
		}
		_, err := zitadel.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"ZITADEL_API_URL", "ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}, func() error {
		_, err := zitadel.New(zitadel.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"no URL":        {Set: map[string]string{"ZITADEL_SERVICE_USER_TOKEN": "canary"}, Words: []string{"ZITADEL_API_URL is not set"}},
		"no credential": {Set: map[string]string{"ZITADEL_API_URL": offboardtest.InMemory}, Words: []string{"ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}},
		"a key as the path of one": {
			Set:   map[string]string{"ZITADEL_API_URL": offboardtest.InMemory, "ZITADEL_KEY_PATH": string(zitadeltest.NewServer().Key())},
			Words: []string{"ZITADEL_KEY_PATH", "cannot be read"},
		},
		"a token as the path of a key": {
			Set:   map[string]string{"ZITADEL_API_URL": offboardtest.InMemory, "ZITADEL_KEY_PATH": "canary-5ebe2294ecd0"},
			Words: []string{"ZITADEL_KEY_PATH", "cannot be read"},
		},
		"a token with a space": {
			Set:   map[string]string{"ZITADEL_API_URL": offboardtest.InMemory, "ZITADEL_SERVICE_USER_TOKEN": "Bearer canary"},
			Words: []string{"ZITADEL_SERVICE_USER_TOKEN"},
		},
	})
}

// A key file is read as editors and PowerShell write it.
func TestWithKeyFile_Forms(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	var indented bytes.Buffer
	if err := json.Indent(&indented, srv.Key(), "  ", "\t"); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a BOM":                 append([]byte("\ufeff"), srv.Key()...),
		"a BOM and indentation": append([]byte("\ufeff\r\n"), indented.Bytes()...),
		"an empty expirationDate": bytes.Replace(srv.Key(), []byte(`"expirationDate":"9999-12-31T23:59:59Z"`),
			[]byte(`"expirationDate":""`), 1),
	} {
		path := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		c := with(t, srv, zitadel.WithKeyFile(path))
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
