package clientcert

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// idleTimeout ends the idle connections of a transport that would keep them for
// good: nobody but us could close them.
const idleTimeout = 90 * time.Second // as http.DefaultTransport

// Build returns the configuration with a client that shows the certificate and
// checks the server by the roots. If neither was given the client stays the caller's.
func (c *Config) Build() (config rest.Config, err error) {
	if c.certificate == nil && c.roots == nil {
		return c.Config, nil
	}
	client := http.Client{Timeout: c.Timeout}
	if c.HTTPClient != nil {
		client = *c.HTTPClient
	}
	transport, err := c.transport(client.Transport)
	if err != nil {
		return c.Config, err
	}
	client.Transport = transport
	config = c.Config
	config.HTTPClient = &client
	config.Release = transport.CloseIdleConnections
	return config, nil
}

// transport returns a copy of the caller's transport, with the certificate.
func (c *Config) transport(callers http.RoundTripper) (*http.Transport, error) {
	if callers == nil {
		callers = http.DefaultTransport
	}
	original, ok := callers.(*http.Transport)
	switch {
	case !ok:
		return nil, fmt.Errorf("a certificate needs an *http.Transport, and the HTTP client has a %T", callers)
	case dialsTLS(original):
		return nil, errors.New("a certificate cannot be put into a transport that has its own DialTLS")
	}
	t := original.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	config := t.TLSClientConfig
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if c.certificate != nil {
		// Shown whatever authorities the server names: among Certificates one would be
		// looked for that fits, and none be shown, and the server could not say why it
		// refuses.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.certificate, nil
		}
		config.ClientSessionCache = nil // may hold sessions without the certificate
	}
	if c.roots != nil {
		config.RootCAs = c.roots
	}
	// A copy offers HTTP/2 to the server as the original does, but does not always
	// speak it.
	t.ForceAttemptHTTP2 = t.ForceAttemptHTTP2 || slices.Contains(config.NextProtos, "h2")
	t.IdleConnTimeout = cmp.Or(t.IdleConnTimeout, idleTimeout)
	return t, nil
}

// dialsTLS reports whether a transport does not look at its TLS configuration.
func dialsTLS(t *http.Transport) bool {
	//lint:ignore SA1019 callers may still set it
	return t.DialTLSContext != nil || t.DialTLS != nil
}
