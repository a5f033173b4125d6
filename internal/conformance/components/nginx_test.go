package components_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// nginxConfig is nginx that requires a client certificate, before a server that accepts the
// token that nginx adds to authenticated requests.
const nginxConfig = `
daemon off;
pid "{{.Dir}}/pid";
worker_processes 1;
events {}
http {
	access_log off;
	client_body_temp_path "{{.Dir}}/body";
	proxy_temp_path "{{.Dir}}/proxy";
	fastcgi_temp_path "{{.Dir}}/fastcgi";
	uwsgi_temp_path "{{.Dir}}/uwsgi";
	scgi_temp_path "{{.Dir}}/scgi";
	server {
		listen 127.0.0.1:{{.Port}} ssl http2;
		ssl_certificate "{{.Settings.Certificates}}/server.pem";
		ssl_certificate_key "{{.Settings.Certificates}}/server.key";
		ssl_client_certificate "{{.Settings.Certificates}}/ca.pem";
		ssl_verify_client on;
		ssl_protocols {{.Settings.Protocol}};
		location / {
			proxy_set_header Authorization "APIToken {{.Settings.Token}}";
			proxy_pass {{.Settings.Backend}};
		}
	}
}
`

// nginx are the settings of nginx.
type nginx struct {
	Certificates string
	Protocol     string
	Backend      string
	Token        string
}

// p12Password is the password of all PKCS #12 files. It is not only ASCII.
const p12Password = "canary-pässword-5ebe2294"

// curve are the arguments for a key of an elliptic curve.
var curve = []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"}

// certificates makes with OpenSSL an authority; its certificates for the server and for
// clients, with RSA as F5's, with an elliptic curve, or expired; and a client certificate
// of another authority. It returns their directory.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	openssl := opensslIn(t, dir)
	write(t, filepath.Join(dir, "server.ext"), "subjectAltName=IP:127.0.0.1\n")
	for _, ca := range []string{"ca", "another"} {
		openssl(slices.Concat([]string{"req", "-x509"}, curve, []string{
			"-days", "2", "-subj", "/CN=" + ca, "-keyout", ca + ".key", "-out", ca + ".pem",
		})...)
	}
	for _, c := range []struct {
		name, ca, days string
		more           []string
	}{
		{name: "server", ca: "ca", days: "1", more: []string{"-extfile", "server.ext"}},
		{name: "right", ca: "ca", days: "1"},
		{name: "curve", ca: "ca", days: "1"},
		{name: "expired", ca: "ca", days: "-1"},
		{name: "foreign", ca: "another", days: "1"},
	} {
		key := curve
		if c.name == "right" {
			key = []string{"-newkey", "rsa:2048", "-nodes"}
		}
		openssl(slices.Concat([]string{"req", "-new"}, key, []string{
			"-subj", "/CN=" + c.name, "-keyout", c.name + ".key", "-out", c.name + ".csr",
		})...)
		openssl(slices.Concat([]string{"x509", "-req", "-in", c.name + ".csr", "-CA", c.ca + ".pem", "-CAkey", c.ca + ".key",
			"-CAcreateserial", "-days", c.days, "-out", c.name + ".pem"}, c.more)...)
	}
	return dir
}

// opensslIn returns a function that runs openssl in a directory.
func opensslIn(t *testing.T, dir string) func(args ...string) {
	t.Helper()
	path := program(t, "openssl")
	return func(args ...string) {
		t.Helper()
		command := exec.Command(path, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
		}
	}
}

// behindNginx is a tenant behind nginx with one version of TLS, and the options of a client
// without a credential.
func behindNginx(t *testing.T, certificates, protocol string) (*volterratest.Server, []volterra.Option) {
	t.Helper()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme"})
	d := daemon{config: nginxConfig, dir: directory(t)}
	d.command = []string{program(t, "nginx"), "-p", "${dir}", "-c", "${config}", "-e", "${dir}/error.log"}
	d.start(t, nginx{certificates, protocol, srv.Start(), volterratest.Token})
	t.Cleanup(srv.Close)
	roots, err := os.ReadFile(filepath.Join(certificates, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return srv, []volterra.Option{volterra.WithBaseURL("https://" + d.address), volterra.WithCACertificate(roots)}
}

var deletion = volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}

func TestNginx_ClientCertificates(t *testing.T) {
	t.Parallel()
	program(t, "nginx")
	dir := certificates(t)
	files := func(name string) volterra.Option {
		return volterra.WithCertificateFiles(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "right.pem"), filepath.Join(dir, "right.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			srv, options := behindNginx(t, dir, protocol)
			for name, test := range map[string]struct {
				credential volterra.Option
				code       errors.Code // of the error; "" for a success
			}{
				"files in PEM":                    {files("right"), ""},
				"files in PEM, elliptic curve":    {files("curve"), ""},
				"a pair":                          {volterra.WithCertificate(pair), ""},
				"one that is expired":             {files("expired"), errors.UnexpectedResponse},
				"one of another authority":        {files("foreign"), errors.UnexpectedResponse},
				"none, and a token that would do": {volterra.WithAPIToken(volterratest.Token), errors.UnexpectedResponse},
			} {
				t.Run(name, func(t *testing.T) { // not parallel: the cases share the tenant
					srv.SetTenant(volterratest.Tenant{Name: "acme"})
					accepted, reached := len(srv.Accepted()), len(srv.Requests())
					err := volterra.DeleteTenant(in(t), deletion, append(options, test.credential)...)
					got, status := code(t, err)
					if got != test.code {
						t.Fatalf("got %v, want %q", err, test.code)
					}
					if test.code == "" {
						if len(srv.Accepted()) != accepted+1 {
							t.Error("got nil, but the request was not accepted")
						}
						return
					}
					if len(srv.Requests()) != reached {
						t.Error("a request passed")
					}
					// nginx completes the handshake and answers every request with an HTML
					// page. The status counts, and no text of the page is used as F5's
					// message.
					e, _ := errors.AsType[*errors.Error](err)
					if status != http.StatusBadRequest || e.Message != "" || e.ProviderCode != "" || errors.Retryable(err) {
						t.Errorf("got status %d, message %q, code %q, retryable %t", status, e.Message, e.ProviderCode, errors.Retryable(err))
					}
					if e.Attempts != 1 {
						t.Errorf("sent %d times", e.Attempts)
					}
				})
			}
		})
	}
}

func TestNginx_PKCS12Files(t *testing.T) {
	t.Parallel()
	program(t, "nginx")
	dir := certificates(t)
	openssl := opensslIn(t, dir)
	srv, options := behindNginx(t, dir, "TLSv1.3")
	for name, encryption := range map[string][]string{
		"AES-256 and SHA-256":             {},
		"AES-256 with a MAC of SHA-512":   {"-macalg", "sha512"},
		"RC2 of 40 bits and 3DES":         {"-legacy"},
		"3DES":                            {"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"},
		"3DES for the key, the rest open": {"-keypbe", "PBE-SHA1-3DES", "-certpbe", "NONE", "-macalg", "sha1"},
	} {
		for _, key := range []string{"right", "curve"} {
			t.Run(name+", "+key, func(t *testing.T) {
				file := strings.NewReplacer(" ", "-", ",", "").Replace(name+"-"+key) + ".p12"
				openssl(append([]string{"pkcs12", "-export", "-in", key + ".pem", "-inkey", key + ".key", "-certfile", "ca.pem",
					"-passout", "pass:" + p12Password, "-out", file}, encryption...)...)
				srv.SetTenant(volterratest.Tenant{Name: "acme"})
				accepted := len(srv.Accepted())
				path := filepath.Join(dir, file)
				if err := volterra.DeleteTenant(in(t), deletion, append(options, volterra.WithP12File(path, p12Password))...); err != nil {
					t.Fatal(err)
				}
				if len(srv.Accepted()) != accepted+1 {
					t.Error("got nil, but the request was not accepted")
				}
				_, err := volterra.New(append(options, volterra.WithP12File(path, "another"))...)
				if got, _ := code(t, err); got != errors.InvalidArgument {
					t.Errorf("got %v with another password", err)
				}
			})
		}
	}
}

func TestNginx_UnknownAuthority(t *testing.T) {
	t.Parallel()
	program(t, "nginx")
	dir := certificates(t)
	srv, options := behindNginx(t, dir, "TLSv1.3")
	another, err := os.ReadFile(filepath.Join(dir, "another.pem"))
	if err != nil {
		t.Fatal(err)
	}
	right := volterra.WithCertificateFiles(filepath.Join(dir, "right.pem"), filepath.Join(dir, "right.key"))
	err = volterra.DeleteTenant(in(t), deletion, append(options, right, volterra.WithCACertificate(another), volterra.WithRetry(volterra.Retry{MaxAttempts: 1}))...)
	if got, status := code(t, err); got != errors.Unavailable || status != 0 {
		t.Errorf("got %v, want %q", err, errors.Unavailable)
	}
	if len(srv.Requests()) != 0 {
		t.Error("a request passed")
	}
}

// OpenSSL's own server aborts the handshake with an alert, which is more specific than
// nginx's page. With TLS 1.3 the client receives it only after it wrote the request.
func TestOpenSSL_CertificateAlert(t *testing.T) {
	t.Parallel()
	dir := certificates(t)
	for _, test := range []struct {
		protocol, name string
		code           errors.Code
		cause          string
	}{
		{"-tls1_2", "expired", errors.Unauthenticated, "expired certificate"},
		{"-tls1_2", "foreign", errors.Unauthenticated, "unknown certificate authority"},
		{"-tls1_2", "", errors.Unavailable, "handshake failure"}, // an alert with other causes, too
		{"-tls1_3", "expired", errors.Unauthenticated, "expired certificate"},
		{"-tls1_3", "foreign", errors.Unauthenticated, "unknown certificate authority"},
		{"-tls1_3", "", errors.Unauthenticated, "certificate required"},
	} {
		t.Run(test.protocol+" "+test.name, func(t *testing.T) {
			t.Parallel()
			d := daemon{dir: dir}
			d.command = []string{program(t, "openssl"), "s_server", "-accept", "127.0.0.1:${port}", test.protocol, "-www",
				"-cert", "${dir}/server.pem", "-key", "${dir}/server.key", "-CAfile", "${dir}/ca.pem", "-Verify", "1", "-verify_return_error"}
			d.start(t, nil)
			roots, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
			if err != nil {
				t.Fatal(err)
			}
			credential := volterra.WithAPIToken(volterratest.Token)
			if test.name != "" {
				credential = volterra.WithCertificateFiles(filepath.Join(dir, test.name+".pem"), filepath.Join(dir, test.name+".key"))
			}
			// A reset can overtake the alert. The first read is then repeated.
			err = volterra.DeleteTenant(in(t), deletion, credential, volterra.WithRetry(volterra.Retry{MaxAttempts: 8, MaxWait: time.Second}),
				volterra.WithBaseURL("https://"+d.address), volterra.WithCACertificate(roots))
			if got, status := code(t, err); got != test.code || status != 0 || !strings.Contains(err.Error(), test.cause) {
				t.Errorf("got %v, want %q by %q", err, test.code, test.cause)
			}
		})
	}
}
