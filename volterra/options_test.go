package volterra_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth/clientcert/certtest"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// password is the password of all p12 files in these tests.
const password = "canary-5ebe2294ecd0"

// listen starts a listener in front of a fake. The listener requests a certificate of the authority.
func listen(a *certtest.Authority, srv *volterratest.Server) *httptest.Server {
	handler := func(w http.ResponseWriter, r *http.Request) {
		resp, err := srv.RoundTrip(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}
	return a.Server(http.HandlerFunc(handler), &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, false)
}

func p12(t *testing.T, encoder *pkcs12.Encoder, a *certtest.Authority, c tls.Certificate) []byte {
	t.Helper()
	data, err := encoder.Encode(c.PrivateKey, c.Leaf, []*x509.Certificate{a.Certificate()}, password)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write writes a temporary file.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// files writes a certificate and its key to files.
func files(t *testing.T, c tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	certificate, key := certtest.PEMs(t, c)
	return write(t, "cert.pem", certificate), write(t, "key.pem", key)
}

func TestWithCertificate(t *testing.T) {
	t.Parallel()
	a, other := certtest.NewAuthority(t, "CA"), certtest.NewAuthority(t, "another CA")
	right := a.Client(time.Hour)
	certFile, keyFile := files(t, right)
	for name, test := range map[string]struct {
		credential volterra.Option
		want       errors.Code
	}{
		"as it is":                 {volterra.WithCertificate(right), ""},
		"in files":                 {volterra.WithCertificateFiles(certFile, keyFile), ""},
		"in an old p12":            {volterra.WithP12(p12(t, pkcs12.LegacyRC2, a, right), password), ""},
		"in a new p12":             {volterra.WithP12(p12(t, pkcs12.Modern, a, right), password), ""},
		"in a p12 file":            {volterra.WithP12File(write(t, "api.p12", p12(t, pkcs12.Modern, a, right)), password), ""},
		"one of another authority": {volterra.WithCertificate(other.Client(time.Hour)), errors.Unauthenticated},
		"an expired certificate":   {volterra.WithP12(p12(t, pkcs12.Modern, a, a.Client(-time.Hour)), password), errors.Unauthenticated},
		"a token in place of any":  {volterra.WithAPIToken(volterratest.Token), errors.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := volterratest.NewServer()
			server := listen(a, srv)
			err := volterra.DeleteTenant(t.Context(), acme, volterra.WithBaseURL(server.URL),
				volterra.WithCACertificate(a.PEM()), test.credential)
			if code(err) != test.want {
				t.Fatalf("got %v, want code %q", err, test.want)
			}
			if accepted := len(srv.Accepted()) == 1; accepted != (test.want == "") {
				t.Errorf("accepted: %t", accepted)
			}
			for _, r := range srv.Requests() {
				if got := r.Header.Get("Authorization"); got != "" {
					t.Errorf("got Authorization %q", got)
				}
			}
		})
	}
}

func TestWithCertificate_Transport(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	srv := volterratest.NewServer() // a RoundTripper of its own kind
	base := volterra.WithBaseURL("https://acme.console.ves.volterra.io")
	for name, options := range map[string][]volterra.Option{
		"before it": {base, volterra.WithHTTPClient(srv.Client()), volterra.WithCertificate(a.Client(time.Hour))},
		"after it":  {base, volterra.WithCertificate(a.Client(time.Hour)), volterra.WithHTTPClient(srv.Client())},
		"for a CA":  {base, volterra.WithAPIToken("token"), volterra.WithCACertificate(a.PEM()), volterra.WithHTTPClient(srv.Client())},
	} {
		_, err := volterra.New(options...)
		if code(err) != errors.InvalidArgument || !strings.Contains(err.Error(), "*http.Transport") {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
}

func TestDeleteTenant_ClosesConnections(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	server := listen(a, volterratest.NewServer())
	var made, ended atomic.Int32
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		made.Add(1)
		return &countedConn{Conn: conn, close: sync.OnceFunc(func() { ended.Add(1) })}, err
	}}
	err := volterra.DeleteTenant(t.Context(), acme, volterra.WithBaseURL(server.URL), volterra.WithCACertificate(a.PEM()),
		volterra.WithCertificate(a.Client(time.Hour)), volterra.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	if made.Load() == 0 || made.Load() != ended.Load() {
		t.Errorf("%d connections were made and %d ended", made.Load(), ended.Load())
	}
}

// countedConn is a connection that counts its Close.
type countedConn struct {
	net.Conn
	close func()
}

func (c *countedConn) Close() error {
	c.close()
	return c.Conn.Close()
}

// The provider never receives a password or a private key, so no answer contains one.
func TestCertificates_NotShown(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	right := a.Client(time.Hour)
	certFile, keyFile := files(t, right)
	_, key := certtest.PEMs(t, right)
	secrets := []string{password, fmt.Sprint(right.PrivateKey), string(key), strings.Split(string(key), "\n")[1]}
	for name, credential := range map[string]volterra.Option{
		"certificate": volterra.WithCertificate(right),
		"files":       volterra.WithCertificateFiles(certFile, keyFile),
		"p12":         volterra.WithP12(p12(t, pkcs12.Modern, a, right), password),
		"p12 file":    volterra.WithP12File(write(t, "api.p12", p12(t, pkcs12.Modern, a, right)), password),

		"a wrong password":         volterra.WithP12(p12(t, pkcs12.LegacyDES, a, right), password+"x"),
		"a key for a path":         volterra.WithCertificateFiles(certFile, string(key)),
		"a key for another path":   volterra.WithCertificateFiles(string(key), keyFile),
		"a password for a path":    volterra.WithP12File(password, password),
		"a key for a certificate":  volterra.WithCertificateFiles(keyFile, keyFile),
		"a certificate for a key":  volterra.WithCertificateFiles(certFile, certFile),
		"a key for an authority":   volterra.WithCACertificate(key),
		"a key for a p12":          volterra.WithP12(key, password),
		"a password for a p12":     volterra.WithP12([]byte(password), password),
		"a certificate for a p12":  volterra.WithP12(right.Certificate[0], password),
		"a key and no certificate": volterra.WithCertificate(tls.Certificate{PrivateKey: right.PrivateKey}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := volterratest.NewServer()
			srv.SetTenant(volterratest.Tenant{Name: "acme", Unprivileged: true})
			server := listen(a, srv)
			var log bytes.Buffer
			logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			client, err := volterra.New(volterra.WithBaseURL(server.URL), volterra.WithLogger(logger),
				volterra.WithCACertificate(a.PEM()), credential)
			if err == nil {
				err = client.DeleteTenant(t.Context(), acme)
			}
			if err == nil {
				t.Fatal("nothing went wrong")
			}
			for err := err; err != nil; err = errors.Unwrap(err) {
				logger.Error("x", "error", err)
				logger.Error(show(err))
			}
			logger.Info(show(client), "client", client)
			for _, secret := range secrets {
				if strings.Contains(log.String(), secret) || strings.Contains(log.String(), strings.ReplaceAll(secret, "\n", `\n`)) {
					t.Errorf("the credential is shown:\n%s", log.String())
				}
			}
		})
	}
}

// show returns all printed forms of a value.
func show(v any) string {
	encoded, _ := json.Marshal(v)
	return fmt.Sprintf("%v %+v %#v %s %q %s", v, v, v, v, v, encoded)
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	a := certtest.NewAuthority(t, "CA")
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true, KeepsState: true})
	server := listen(a, srv)
	right := a.Client(time.Hour)
	certFile, keyFile := files(t, right)
	data := p12(t, pkcs12.Modern, a, right)
	file := write(t, "api.p12", data)
	ca := write(t, "ca.pem", a.PEM())
	content := base64.StdEncoding.EncodeToString(data)
	for name, test := range map[string]struct {
		variables map[string]string
		want      string // in the error; "" for none
	}{
		"a p12 file":            {map[string]string{"F5XC_API_URL": server.URL, "F5XC_P12_FILE": file, "F5XC_P12_PASSWORD": password}, ""},
		"the vendor's p12 file": {map[string]string{"VOLT_API_URL": server.URL + "/api", "VOLT_API_P12_FILE": file, "VES_P12_PASSWORD": password}, ""},
		"the content of one":    {map[string]string{"VOLT_API_URL": server.URL + "/api", "VES_P12_CONTENT": content, "VES_P12_PASSWORD": password}, ""},
		"in several lines":      {map[string]string{"VOLT_API_URL": server.URL + "/api", "VES_P12_CONTENT": content[:76] + "\n" + content[76:] + "\n", "VES_P12_PASSWORD": password}, ""},
		"a certificate":         {map[string]string{"VOLT_API_URL": server.URL + "/api", "VOLT_API_CERT": certFile, "VOLT_API_KEY": keyFile}, ""},
		"the same URL twice":    {map[string]string{"F5XC_API_URL": server.URL, "VOLT_API_URL": server.URL + "/api/", "VOLT_API_CERT": certFile, "VOLT_API_KEY": keyFile}, ""},

		"nothing":                   {nil, "no credential is set: none of F5XC_API_TOKEN, F5XC_P12_FILE, VOLT_API_P12_FILE, VES_P12_CONTENT, VOLT_API_CERT"},
		"no URL":                    {map[string]string{"F5XC_API_TOKEN": "token"}, "no base URL is set; every tenant has its own"},
		"a password only":           {map[string]string{"F5XC_API_URL": server.URL, "VES_P12_PASSWORD": password}, "no credential is set: none of F5XC_API_TOKEN, F5XC_P12_FILE, VOLT_API_P12_FILE, VES_P12_CONTENT, VOLT_API_CERT"},
		"a key only":                {map[string]string{"F5XC_API_URL": server.URL, "VOLT_API_KEY": keyFile}, "no credential is set: none of F5XC_API_TOKEN, F5XC_P12_FILE, VOLT_API_P12_FILE, VES_P12_CONTENT, VOLT_API_CERT"},
		"a certificate without key": {map[string]string{"F5XC_API_URL": server.URL, "VOLT_API_CERT": certFile}, "the private key's file cannot be read"},
		"the other's password":      {map[string]string{"F5XC_API_URL": server.URL, "F5XC_P12_FILE": file, "VES_P12_PASSWORD": password}, "the password is not that of the p12 file"},
		"invalid content":           {map[string]string{"F5XC_API_URL": server.URL, "VES_P12_CONTENT": "!"}, "VES_P12_CONTENT is not base64"},
		"two URLs":                  {map[string]string{"F5XC_API_URL": server.URL, "VOLT_API_URL": "https://other.invalid/api", "F5XC_API_TOKEN": "token"}, "F5XC_API_URL and VOLT_API_URL differ"},
		"a token and a p12 file":    {map[string]string{"F5XC_API_URL": server.URL, "F5XC_API_TOKEN": "token", "F5XC_P12_FILE": file}, "more than one credential is set: F5XC_API_TOKEN, F5XC_P12_FILE"},
		"all credentials":           {map[string]string{"F5XC_API_TOKEN": "token", "F5XC_P12_FILE": file, "VOLT_API_P12_FILE": file, "VES_P12_CONTENT": content, "VOLT_API_CERT": certFile}, "more than one credential is set: F5XC_API_TOKEN, F5XC_P12_FILE, VOLT_API_P12_FILE, VES_P12_CONTENT, VOLT_API_CERT"},
		"an invalid authority":      {map[string]string{"VOLT_API_CA_CERT": file}, "the CA certificate is not in PEM"},
		"a missing authority file":  {map[string]string{"VOLT_API_CA_CERT": "/nowhere"}, "the file of VOLT_API_CA_CERT cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{
				"F5XC_API_URL", "VOLT_API_URL", "F5XC_API_TOKEN", "F5XC_P12_FILE", "F5XC_P12_PASSWORD",
				"VOLT_API_P12_FILE", "VES_P12_CONTENT", "VES_P12_PASSWORD", "VOLT_API_CERT", "VOLT_API_KEY",
			} {
				t.Setenv(variable, test.variables[variable])
			}
			t.Setenv("VOLT_API_CA_CERT", ca)
			if path := test.variables["VOLT_API_CA_CERT"]; path != "" {
				t.Setenv("VOLT_API_CA_CERT", path)
			}
			if _, err := volterra.New(); code(err) != errors.InvalidArgument {
				t.Errorf("got %v without FromEnv, want %q", err, errors.InvalidArgument)
			}
			err := volterra.DeleteTenant(context.Background(), acme, volterra.FromEnv())
			switch e, _ := errors.AsType[*errors.Error](err); {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want nil", err)
			case test.want != "" && (e == nil || e.Code != errors.InvalidArgument || !strings.HasPrefix(e.Err.Error(), test.want)):
				t.Errorf("got %v, want %q: %s", err, errors.InvalidArgument, test.want)
			}
		})
	}
}

func TestFromEnv_Token(t *testing.T) {
	for _, variable := range []string{"F5XC_API_URL", "VOLT_API_URL", "F5XC_P12_FILE", "VOLT_API_P12_FILE", "VES_P12_CONTENT", "VOLT_API_CERT", "VOLT_API_CA_CERT"} {
		t.Setenv(variable, "")
	}
	t.Setenv("F5XC_API_TOKEN", volterratest.Token)
	srv := volterratest.NewServer()
	hc := volterra.WithHTTPClient(srv.Client())
	base := volterra.WithBaseURL("https://acme.console.ves.volterra.io")
	for _, options := range [][]volterra.Option{{volterra.FromEnv(), base, hc}, {base, volterra.FromEnv(), hc}} {
		c, err := volterra.New(options...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CheckDeletion(t.Context(), acme); err != nil {
			t.Error(err)
		}
	}
}

func TestWithBaseURL_APISuffix(t *testing.T) {
	t.Parallel()
	for base, path := range map[string]string{
		offboardtest.InMemory:              "/api/web/",
		offboardtest.InMemory + "/":        "/api/web/",
		offboardtest.InMemory + "/api":     "/api/web/",
		offboardtest.InMemory + "/api/":    "/api/web/",
		offboardtest.InMemory + "/api/api": "/api/api/web/",
		offboardtest.InMemory + "/xapi":    "/xapi/api/web/",
	} {
		srv := volterratest.NewServer()
		_, _ = newClient(t, srv, volterra.WithBaseURL(base)).GetTenantSettings(t.Context())
		want := path + "namespaces/system/tenant/settings"
		if got := srv.Requests()[0].Path; got != want {
			t.Errorf("%s: got %s, want %s", base, got, want)
		}
	}
}

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	token := volterra.WithAPIToken("token")
	base := volterra.WithBaseURL("https://acme.console.ves.volterra.io")
	for name, options := range map[string][]volterra.Option{
		"no credential":           {base},
		"two credentials":         {base, token, token},
		"an empty token":          {base, volterra.WithAPIToken("")},
		"a token with a newline":  {base, volterra.WithAPIToken("to\nken")},
		"no base URL":             {token},
		"an empty base URL":       {token, volterra.WithBaseURL("")},
		"a base URL without host": {token, volterra.WithBaseURL("https:///api")},
		"a base URL of /api only": {token, volterra.WithBaseURL("/api")},
		"a host without scheme":   {token, volterra.WithBaseURL("acme.console.ves.volterra.io")},
		"a base URL with a query": {token, volterra.WithBaseURL("https://api.invalid/?a=b")},
		"a base URL with a user":  {token, volterra.WithBaseURL("https://u:secret@api.invalid")},
		"no HTTP client":          {base, token, volterra.WithHTTPClient(nil)},
		"no attempt":              {base, token, volterra.WithRetry(volterra.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"no rate":                 {base, token, volterra.WithRateLimit(volterra.RateLimit{PerSecond: 0, Burst: 1})},
		"no limiter":              {base, token, volterra.WithLimiter(nil)},
		"a user agent with lines": {base, token, volterra.WithUserAgent("a\r\nX-Evil: 1")},
		"an invalid CA":           {base, token, volterra.WithCACertificate([]byte("secret"))},
		"an invalid p12":          {base, volterra.WithP12([]byte("secret"), "secret")},
		"a missing p12 file":      {base, volterra.WithP12File("/nowhere/secret", "secret")},
		"missing files":           {base, volterra.WithCertificateFiles("/nowhere/secret", "/nowhere/secret")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := volterra.New(options...)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := err.Error(); len(text) > 200 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
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
		"nothing":                   {Set: base, Words: []string{"F5XC_API_TOKEN", "F5XC_P12_FILE", "VES_P12_CONTENT", "VOLT_API_CERT"}},
		"a p12 file alone":          {Set: set("F5XC_P12_FILE", file), Words: []string{"F5XC_P12_PASSWORD is not set"}},
		"the vendor's alone":        {Set: set("VOLT_API_P12_FILE", file), Words: []string{"VES_P12_PASSWORD is not set"}},
		"another one's password":    {Set: set("F5XC_P12_FILE", file, "VES_P12_PASSWORD", "canary"), Words: []string{"F5XC_P12_PASSWORD is not set"}},
		"a wrong password":          {Set: set("F5XC_P12_FILE", file, "F5XC_P12_PASSWORD", "canary"), Words: []string{"the password is not that", "F5XC_P12_FILE"}},
		"a password alone":          {Set: set("F5XC_P12_PASSWORD", "canary"), Words: []string{"F5XC_P12_PASSWORD is set, and F5XC_P12_FILE is not"}},
		"a certificate alone":       {Set: set("VOLT_API_CERT", certFile), Words: []string{"VOLT_API_KEY is not set"}},
		"a key alone":               {Set: set("VOLT_API_KEY", keyFile), Words: []string{"VOLT_API_KEY is set, and VOLT_API_CERT is not"}},
		"a key for the certificate": {Set: set("VOLT_API_CERT", keyFile, "VOLT_API_KEY", keyFile), Words: []string{"VOLT_API_CERT", "private key and no certificate"}},
		"a certificate for the key": {Set: set("VOLT_API_CERT", certFile, "VOLT_API_KEY", certFile), Words: []string{"VOLT_API_CERT", "certificate and no private key"}},
		"invalid base64":            {Set: set("VES_P12_CONTENT", "canary!"), Words: []string{"VES_P12_CONTENT is not base64"}},
		"a token with a space":      {Set: set("F5XC_API_TOKEN", "APIToken canary"), Words: []string{"F5XC_API_TOKEN"}},
		"a token as a path":         {Set: set("F5XC_P12_FILE", "canary-5ebe2294ecd0"), Words: []string{"F5XC_P12_FILE", "cannot be read"}},
		"an invalid CA":             {Set: set("VOLT_API_CA_CERT", file), Words: []string{"VOLT_API_CA_CERT", "not in PEM"}},
	})
}

// PEM files of editors, and PEM indented by YAML, are accepted.
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
