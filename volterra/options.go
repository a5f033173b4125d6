package volterra

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/clientcert"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "volterra"

// Option is a setting of a [Client].
type Option func(*config) error

// config is what options set.
type config = clientcert.Config

// configure applies the options to the defaults, and returns what lets go of the
// connections that a client of these options keeps for itself.
func configure(options []Option) (built rest.Config, release func(), err error) {
	c := config{Config: rest.Config{
		Provider:         provider,
		Timeout:          120 * time.Second, // F5 takes more than 30 seconds for some calls
		Classify:         classify,
		KnownMembersOnly: true, // a failure can be a 200 with other members
		PerOperation:     true,
	}}
	if err := rest.Apply(provider, &c, options); err != nil {
		return built, nil, err
	}
	if c.BaseURL == "" {
		return built, nil, rest.Invalid(provider, "New", "", errors.New("no base URL was given: every tenant has its own"))
	}
	c.BaseURL = withoutAPI(c.BaseURL)
	if built, release, err = c.Build(); err != nil {
		return built, nil, rest.Invalid(provider, "New", "", err)
	}
	return built, release, nil
}

// WithAPIToken authenticates by an API token.
func WithAPIToken(token string) Option {
	return func(c *config) error {
		if err := auth.Check("the token", token); err != nil {
			return err
		}
		return c.Authorize(auth.Fixed("APIToken", token), token)
	}
}

// WithCertificate authenticates by an API certificate, with its private key. The
// certificate is shown in the TLS handshake, so a client of [WithHTTPClient] has
// to have an [*http.Transport], which is copied and not changed.
func WithCertificate(certificate tls.Certificate) Option {
	return func(c *config) error { return c.UseCertificate(certificate) }
}

// WithCertificateFiles authenticates by an API certificate and its private key,
// both in files in PEM. See [WithCertificate].
func WithCertificateFiles(certFile, keyFile string) Option {
	return func(c *config) error {
		cert, err := auth.ReadFile("the certificate's file", certFile)
		if err != nil {
			return err
		}
		key, err := auth.ReadFile("the private key's file", keyFile)
		if err != nil {
			return err
		}
		certificate, err := clientcert.FromPEM(cert, key)
		if err != nil {
			return err
		}
		return c.UseCertificate(certificate)
	}
}

// WithP12 authenticates by an API certificate in the PKCS#12 form in which F5
// hands it out. See [WithCertificate].
func WithP12(data []byte, password string) Option {
	return func(c *config) error {
		certificate, err := clientcert.FromP12(data, password)
		if err != nil {
			return err
		}
		c.Conceal(password)
		return c.UseCertificate(certificate)
	}
}

// WithP12File authenticates by an API certificate in a .p12 file. See [WithP12].
func WithP12File(path, password string) Option {
	return func(c *config) error {
		data, err := auth.ReadFile("the p12 file", path)
		if err != nil {
			return err
		}
		return WithP12(data, password)(c)
	}
}

// WithCACertificate checks the server's certificate by the given ones, in PEM,
// instead of those of the system. A client of [WithHTTPClient] has to have an
// [*http.Transport] for that, which is copied and not changed.
func WithCACertificate(pem []byte) Option {
	return func(c *config) error { return c.UseRoots(pem) }
}

// WithBaseURL speaks to a tenant: https://LABEL.console.ves.volterra.io, with or
// without /api behind it.
func WithBaseURL(url string) Option {
	return func(c *config) error { c.BaseURL = url; return nil }
}

// withoutAPI takes the /api off a base URL, which is part of all paths.
func withoutAPI(url string) string {
	return strings.TrimSuffix(strings.TrimRight(url, "/"), "/api")
}

// WithHTTPClient sends requests through a client of the caller's, for its
// transport, proxy or time-out. It is copied and not changed. Without it the
// client has a time-out of 120 seconds for an exchange.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error { return c.UseHTTPClient(client) }
}

// WithPlainHTTP allows a base URL with the scheme http. Without it New refuses one,
// unless its host is this machine (127.0.0.0/8, ::1, localhost and names below it),
// because without TLS each network on the way can read the credential and change the
// answers.
func WithPlainHTTP() Option {
	return func(c *config) error { return c.UsePlainHTTP() }
}

// WithLogger logs attempts, waits and doubts. Without it nothing is logged.
// Headers and bodies never are.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error { c.Logger = logger; return nil }
}

// WithRetry sets how often a request is sent at most (5 without it; 1: never
// again) and the longest single wait (90 seconds). When more would be needed the
// call returns at once, with RetryAfter in its error.
func WithRetry(attempts int, maxWait time.Duration) Option {
	return func(c *config) error { return c.UseRetry(attempts, maxWait) }
}

// WithRateLimit limits the requests of the client, beside what the provider
// permits.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(c *config) error { return c.UseRateLimit(perSecond, burst) }
}

// WithUserAgent puts the caller's product before this module's in the User-Agent.
func WithUserAgent(product string) Option {
	return func(c *config) error { return c.UseUserAgent(product) }
}
