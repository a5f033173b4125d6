package clientcert_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/clientcert"
	"github.com/offboard-dev/offboard-go/internal/auth/clientcert/certtest"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// certified answers 204 to clients with a certificate, and 401 to others.
var certified = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if len(r.TLS.VerifiedChains) == 0 || r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
})

// newConfig returns a configuration for a server.
func newConfig(server *httptest.Server, hc *http.Client) *clientcert.Config {
	return &clientcert.Config{Config: rest.Config{
		Provider: "test", BaseURL: server.URL, HTTPClient: hc, Timeout: 10 * time.Second,
		Classify: func(*rest.Answer, *errors.Error) bool { return true }, Retry: rest.Retry{MaxAttempts: 1},
	}}
}

// do sends a call with a configuration. err is the error of an option.
func do(t *testing.T, config *clientcert.Config, err error) (errors.Code, int) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	built, err := config.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer built.Release()
	c, err := rest.New(built)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Do(t.Context(), &rest.Call{
		Operation: "GetResource", Target: "x", Method: http.MethodGet, Path: "/resources/x", Status: http.StatusNoContent, Repeat: true,
	})
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.Code, e.Status
	}
	return "", 0
}

func TestClientCert_Credential(t *testing.T) {
	t.Parallel()
	a, other := certtest.NewAuthority(t, "CA"), certtest.NewAuthority(t, "another CA")
	for version, number := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
			server := a.Server(certified, &tls.Config{
				MinVersion: number, MaxVersion: number, ClientAuth: tls.RequireAndVerifyClientCert,
			}, http2)
			for name, test := range map[string]struct {
				certificate tls.Certificate
				want        errors.Code
			}{
				"the right one":        {a.Client(time.Hour), ""},
				"of another authority": {other.Client(time.Hour), errors.Unauthenticated},
				"an expired one":       {a.Client(-time.Hour), errors.Unauthenticated},
				"none":                 {tls.Certificate{}, errors.Unauthenticated},
			} {
				t.Run(name+", "+version+", "+protocol, func(t *testing.T) {
					t.Parallel()
					config := newConfig(server, nil)
					config.Retry.MaxAttempts = 12 // net/http may lose the alert in favor of HTTP/2
					if name == "none" && number == tls.VersionTLS12 {
						// The alert does not report a missing certificate.
						test.want, config.Retry.MaxAttempts = errors.Unavailable, 1
					}
					err := config.UseRoots(a.PEM())
					if test.certificate.Certificate == nil {
						err = errors.Join(err, config.Authorize(auth.Fixed("Bearer", "token")))
					} else {
						err = errors.Join(err, config.UseCertificate(test.certificate))
					}
					if code, status := do(t, config, err); code != test.want || status != 0 {
						t.Errorf("got code %q and status %d, want code %q", code, status, test.want)
					}
				})
			}
		}
	}
}

func TestClientCert_Roots(t *testing.T) {
	t.Parallel()
	a, other := certtest.NewAuthority(t, "CA"), certtest.NewAuthority(t, "another CA")
	server := a.Server(certified, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, false)
	for name, roots := range map[string][]byte{"by another one": other.PEM(), "by the system's": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := newConfig(server, nil)
			err := config.UseCertificate(a.Client(time.Hour))
			if roots != nil {
				err = errors.Join(err, config.UseRoots(roots))
			}
			if code, _ := do(t, config, err); code != errors.Unavailable {
				t.Errorf("got code %q, want %q: nothing was sent", code, errors.Unavailable)
			}
		})
	}
}

func TestClientCert_CopiedTransport(t *testing.T) {
	t.Parallel()
	a, other := certtest.NewAuthority(t, "CA"), certtest.NewAuthority(t, "another CA")
	server := a.Server(certified, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, true)
	dialed := false
	wrong := other.Client(time.Hour)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed = true
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{
			Certificates:         []tls.Certificate{wrong},
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &wrong, nil },
			RootCAs:              x509.NewCertPool(),
		},
	}
	hc := &http.Client{Transport: transport}
	config := newConfig(server, hc)
	if code, _ := do(t, config, errors.Join(config.UseRoots(a.PEM()), config.UseCertificate(a.Client(time.Hour)))); code != "" {
		t.Errorf("got code %q", code)
	}
	if !dialed {
		t.Error("the caller's DialContext was not used")
	}
	kept := transport.TLSClientConfig
	if hc.Transport != transport || !slices.Equal(kept.Certificates[0].Certificate[0], wrong.Certificate[0]) ||
		kept.GetClientCertificate == nil || !kept.RootCAs.Equal(x509.NewCertPool()) || transport.IdleConnTimeout != 0 {
		t.Error("the caller's transport was changed")
	}
}

// A plain transport supports HTTP/2. A copy must support it, too, because it offers HTTP/2 to the
// server.
func TestClientCert_HTTP2(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	server := a.Server(certified, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, true)
	config := newConfig(server, &http.Client{Transport: &http.Transport{}})
	if code, _ := do(t, config, errors.Join(config.UseRoots(a.PEM()), config.UseCertificate(a.Client(time.Hour)))); code != "" {
		t.Errorf("got code %q", code)
	}
}

// A session that started without the certificate must not be resumed with it.
func TestClientCert_OwnDialer(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	server := a.Server(certified, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, false)
	dialed := false
	config := newConfig(server, &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed = true
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}})
	if code, status := do(t, config, errors.Join(config.UseRoots(a.PEM()), config.UseCertificate(a.Client(time.Hour)))); code != "" || !dialed {
		t.Errorf("got code %q and status %d, dialed %t", code, status, dialed)
	}
}

func TestClientCert_SessionCache(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	server := a.Server(certified, &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven}, false)
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}}
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport}
	resp, err := hc.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	config := newConfig(server, hc)
	if code, status := do(t, config, config.UseCertificate(a.Client(time.Hour))); code != "" {
		t.Errorf("got code %q and status %d", code, status)
	}
}

func TestClientCert_OldTLS(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	server := a.Server(certified, &tls.Config{
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, ClientAuth: tls.RequireAndVerifyClientCert,
	}, false)
	config := newConfig(server, &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS10},
	}})
	if code, _ := do(t, config, errors.Join(config.UseRoots(a.PEM()), config.UseCertificate(a.Client(time.Hour)))); code == "" {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestClientCert_IdleConnTimeout(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	for name, test := range map[string]struct {
		client *http.Client
		want   time.Duration
	}{
		"our own":              {nil, 90 * time.Second},
		"one that never ends":  {&http.Client{Transport: &http.Transport{}}, 90 * time.Second},
		"one that ends sooner": {&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}, time.Second},
	} {
		config := &clientcert.Config{Config: rest.Config{HTTPClient: test.client, Timeout: time.Minute}}
		if err := config.UseRoots(a.PEM()); err != nil {
			t.Fatal(err)
		}
		built, err := config.Build()
		if err != nil {
			t.Fatal(err)
		}
		if got := built.HTTPClient.Transport.(*http.Transport).IdleConnTimeout; got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
		if got := built.HTTPClient.Timeout == time.Minute; got != (test.client == nil) {
			t.Errorf("%s: got timeout %v", name, built.HTTPClient.Timeout)
		}
	}
}

func TestClientCert_UnsuitableTransport(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	for name, transport := range map[string]http.RoundTripper{
		"one of the caller's own kind": roundTripper{},
		"one with DialTLSContext": &http.Transport{
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
		},
		"one with DialTLS": &http.Transport{
			DialTLS: func(string, string) (net.Conn, error) { return nil, net.ErrClosed }, //lint:ignore SA1019 callers may still set it
		},
	} {
		config := &clientcert.Config{Config: rest.Config{HTTPClient: &http.Client{Transport: transport}}}
		if _, err := config.Build(); err != nil {
			t.Errorf("%s, without a certificate: got %v", name, err)
		}
		if err := config.UseCertificate(a.Client(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Build(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

type roundTripper struct{}

func (roundTripper) RoundTrip(*http.Request) (*http.Response, error) { return nil, net.ErrClosed }

func TestFromP12_Ciphers(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	client := a.Client(time.Hour)
	for name, encoder := range map[string]*pkcs12.Encoder{
		"RC2": pkcs12.LegacyRC2, "3DES": pkcs12.LegacyDES, "AES": pkcs12.Modern2023, "AES with PBMAC1": pkcs12.Modern2026,
	} {
		for order, certificates := range map[string][2]*x509.Certificate{
			"the key's first": {client.Leaf, a.Certificate()}, "the authority's first": {a.Certificate(), client.Leaf},
		} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				data, err := encoder.Encode(client.PrivateKey, certificates[0], certificates[1:], "pässword")
				if err != nil {
					t.Fatal(err)
				}
				got, err := clientcert.FromP12(data, "pässword")
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Certificate) != 2 || !slices.Equal(got.Certificate[0], client.Leaf.Raw) {
					t.Error("the key's certificate is not the first of two")
				}
				if err := new(clientcert.Config).UseCertificate(got); err != nil {
					t.Error(err)
				}
				if _, err := clientcert.FromP12(data, "password"); err == nil || !strings.Contains(err.Error(), "password") {
					t.Errorf("got %v for a wrong password", err)
				}
			})
		}
	}
	if _, err := clientcert.FromP12([]byte("0\x82\x01\x02"), ""); err == nil {
		t.Error("what is no p12 file was read")
	}
}

func TestClientCert_InvalidCertificate(t *testing.T) {
	t.Parallel()
	a := certtest.NewAuthority(t, "CA")
	right := a.Client(time.Hour)
	for name, certificate := range map[string]tls.Certificate{
		"an empty one":        {},
		"one without a key":   {Certificate: right.Certificate},
		"one that is none":    {Certificate: [][]byte{{1, 2, 3}}, PrivateKey: right.PrivateKey},
		"one of another key":  {Certificate: right.Certificate, PrivateKey: a.Client(time.Hour).PrivateKey},
		"a key that is none":  {Certificate: right.Certificate, PrivateKey: "key"},
		"a nil RSA key":       {Certificate: right.Certificate, PrivateKey: (*rsa.PrivateKey)(nil)},
		"a nil Ed25519 key":   {Certificate: right.Certificate, PrivateKey: ed25519.PrivateKey(nil)},
		"a leaf of another's": {Certificate: a.Client(time.Hour).Certificate, PrivateKey: right.PrivateKey, Leaf: right.Leaf},
	} {
		config := new(clientcert.Config)
		if err := config.UseCertificate(certificate); err == nil {
			t.Errorf("%s was taken", name)
		}
		if err := config.UseCertificate(right); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
	config := new(clientcert.Config)
	if err := errors.Join(config.UseCertificate(right), config.UseCertificate(right)); err == nil {
		t.Error("two were taken")
	}
	if err := config.UseRoots([]byte("no PEM")); err == nil {
		t.Error("roots that are none were taken")
	}
}
