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

// idleTimeout closes the idle connections of a copied transport without a timeout, because the
// caller cannot close them.
const idleTimeout = 90 * time.Second // the value of http.DefaultTransport

// Build returns the configuration with a client that sends the certificate and verifies the
// server by the roots. Without both, the client is the caller's.
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

// transport returns a copy of the caller's transport with the certificate.
func (c *Config) transport(callers http.RoundTripper) (*http.Transport, error) {
	if callers == nil {
		callers = http.DefaultTransport
	}
	original, ok := callers.(*http.Transport)
	switch {
	case !ok:
		return nil, fmt.Errorf("the HTTP client must have an *http.Transport for a certificate, not a %T", callers)
	case dialsTLS(original):
		return nil, errors.New("the transport must not have DialTLS or DialTLSContext with a certificate")
	}
	t := original.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	config := t.TLSClientConfig
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if c.certificate != nil {
		// Send the certificate for all authorities of the server. With Certificates, the
		// transport sends none if no authority matches, and the server cannot report why
		// it refuses.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.certificate, nil
		}
		config.ClientSessionCache = nil // may hold sessions without the certificate
	}
	if c.roots != nil {
		config.RootCAs = c.roots
	}
	// A copy offers HTTP/2 to the server like the original, but does not always support it.
	t.ForceAttemptHTTP2 = t.ForceAttemptHTTP2 || slices.Contains(config.NextProtos, "h2")
	t.IdleConnTimeout = cmp.Or(t.IdleConnTimeout, idleTimeout)
	return t, nil
}

// dialsTLS reports whether a transport ignores its TLS configuration.
func dialsTLS(t *http.Transport) bool {
	//lint:ignore SA1019 callers may still set it
	return t.DialTLSContext != nil || t.DialTLS != nil
}
