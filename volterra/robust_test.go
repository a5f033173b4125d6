package volterra_test

import (
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/offboard-dev/offboard-go/internal/auth/clientcert/certtest"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// surface is the public API of the package.
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
			"WithLogger": volterra.WithLogger, "WithPlainHTTP": volterra.WithPlainHTTP, "WithRateLimit": volterra.WithRateLimit,
			"WithRetry": volterra.WithRetry, "WithUserAgent": volterra.WithUserAgent,
			"WithBaseURL, as its host": func(host string) volterra.Option { return volterra.WithBaseURL("https://" + host) },
			"WithBaseURL, as its password": func(password string) volterra.Option {
				return volterra.WithBaseURL("https://user:" + password + "@fake.invalid")
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
	surface(t).MisplacedSecrets(t, func(secret string, logger *slog.Logger) any { return clientOf(t, secret, logger) })
}

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	pipelinesuite.PlainHTTP(t, func(base string, allowed bool) error {
		options := []volterra.Option{volterra.WithAPIToken("secret-token"), volterra.WithBaseURL(base)}
		if allowed {
			options = append(options, volterra.WithPlainHTTP())
		}
		_, err := volterra.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	a := certtest.NewAuthority(t, "CA")
	right := a.Client(time.Hour)
	certFile, keyFile := files(t, right)
	file := write(t, "api.p12", p12(t, pkcs12.Modern, a, right))
	base := map[string]string{"F5XC_API_URL": "https://acme.console.ves.volterra.io"}
	set := func(pairs ...string) map[string]string {
		all := maps.Clone(base)
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	pipelinesuite.Variables(t, []string{
		"F5XC_API_URL", "VOLT_API_URL", "F5XC_API_TOKEN", "F5XC_P12_FILE", "F5XC_P12_PASSWORD", "VOLT_API_P12_FILE",
		"VES_P12_CONTENT", "VES_P12_PASSWORD", "VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT",
	}, func() error {
		_, err := volterra.New(volterra.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"nothing":                    {Set: base, Words: []string{"F5XC_API_TOKEN", "F5XC_P12_FILE", "VES_P12_CONTENT", "VOLT_API_CERT"}},
		"a p12 file alone":           {Set: set("F5XC_P12_FILE", file), Words: []string{"F5XC_P12_PASSWORD is not set"}},
		"the vendor's alone":         {Set: set("VOLT_API_P12_FILE", file), Words: []string{"VES_P12_PASSWORD is not set"}},
		"another one's password":     {Set: set("F5XC_P12_FILE", file, "VES_P12_PASSWORD", "canary"), Words: []string{"F5XC_P12_PASSWORD is not set"}},
		"a wrong password":           {Set: set("F5XC_P12_FILE", file, "F5XC_P12_PASSWORD", "canary"), Words: []string{"the password is not that", "F5XC_P12_FILE"}},
		"a password alone":           {Set: set("F5XC_P12_PASSWORD", "canary"), Words: []string{"F5XC_P12_PASSWORD is set, and F5XC_P12_FILE is not"}},
		"a certificate alone":        {Set: set("VOLT_API_CERT", certFile), Words: []string{"VOLT_API_KEY is not set"}},
		"a key alone":                {Set: set("VOLT_API_KEY", keyFile), Words: []string{"VOLT_API_KEY is set, and VOLT_API_CERT is not"}},
		"a key for the certificate":  {Set: set("VOLT_API_CERT", keyFile, "VOLT_API_KEY", keyFile), Words: []string{"VOLT_API_CERT", "private key and no certificate"}},
		"a certificate for the key":  {Set: set("VOLT_API_CERT", certFile, "VOLT_API_KEY", certFile), Words: []string{"VOLT_API_CERT", "certificate and no private key"}},
		"content that is not base64": {Set: set("VES_P12_CONTENT", "canary!"), Words: []string{"VES_P12_CONTENT is not base64"}},
		"a token with a space":       {Set: set("F5XC_API_TOKEN", "APIToken canary"), Words: []string{"F5XC_API_TOKEN"}},
		"a token as a path":          {Set: set("F5XC_P12_FILE", "canary-5ebe2294ecd0"), Words: []string{"F5XC_P12_FILE", "cannot be read"}},
		"a CA that is none":          {Set: set("VOLT_API_CA_CERT", file), Words: []string{"VOLT_API_CA_CERT", "not in PEM"}},
	})
}

// A PEM file is read as editors write it, and as YAML indents it.
func TestWithCertificateFiles_Forms(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	certFile, keyFile := files(t, a.Client(time.Hour))
	changed := func(path string) string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := "\ufeff\r\n    " + strings.ReplaceAll(string(content), "\n", "  \r\n    ")
		return write(t, filepath.Base(path), []byte(text))
	}
	ca := "\ufeff\t" + strings.ReplaceAll(string(a.PEM()), "\n", "\n\t")
	if _, err := volterra.New(volterra.WithBaseURL(offboardtest.InMemory),
		volterra.WithCertificateFiles(changed(certFile), changed(keyFile)), volterra.WithCACertificate([]byte(ca))); err != nil {
		t.Error(err)
	}
}
