package volterra

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/clientcert"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "volterra"

// config is what options set.
type config = clientcert.Config

// configure applies the options to the defaults.
func configure(options []Option) (built rest.Config, err error) {
	c := config{Config: rest.Config{
		Provider:         provider,
		Timeout:          120 * time.Second, // F5 takes more than 30 seconds for some calls
		Classify:         classify,
		KnownMembersOnly: true, // a failure can be a 200 with other members
		PerOperation:     true,
	}}
	if err := applyAll(&c, options); err != nil {
		return built, err
	}
	if c.BaseURL == "" {
		return built, rest.Invalid(provider, "New", "", errors.New("no base URL was given: every tenant has its own"))
	}
	c.BaseURL = withoutAPI(c.BaseURL)
	if built, err = c.Build(); err != nil {
		return built, rest.Invalid(provider, "New", "", err)
	}
	return built, nil
}

// WithAPIToken authenticates by an API token.
func WithAPIToken(token string) Option {
	return option(func(c *config) error {
		if err := auth.Check("the token", token); err != nil {
			return err
		}
		return c.Authorize(auth.Fixed("APIToken", token), token)
	})
}

// WithCertificate authenticates by an API certificate, with its private key. The
// certificate is shown in the TLS handshake, so a client of [WithHTTPClient] has
// to have an [*http.Transport], which is copied and not changed.
func WithCertificate(certificate tls.Certificate) Option {
	return option(func(c *config) error { return c.UseCertificate(certificate) })
}

// WithCertificateFiles authenticates by an API certificate and its private key,
// both in files in PEM. See [WithCertificate].
func WithCertificateFiles(certFile, keyFile string) Option {
	return option(func(c *config) error {
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
	})
}

// WithP12 authenticates by an API certificate in the PKCS#12 form in which F5
// hands it out. See [WithCertificate].
func WithP12(data []byte, password string) Option {
	return option(func(c *config) error {
		certificate, err := clientcert.FromP12(data, password)
		if err != nil {
			return err
		}
		c.Conceal(password)
		return c.UseCertificate(certificate)
	})
}

// WithP12File authenticates by an API certificate in a .p12 file. See [WithP12].
func WithP12File(path, password string) Option {
	return option(func(c *config) error {
		data, err := auth.ReadFile("the p12 file", path)
		if err != nil {
			return err
		}
		return WithP12(data, password).apply(c)
	})
}

// WithCACertificate checks the server's certificate by the given ones, in PEM,
// instead of those of the system. A client of [WithHTTPClient] has to have an
// [*http.Transport] for that, which is copied and not changed.
func WithCACertificate(pem []byte) Option {
	return option(func(c *config) error { return c.UseRoots(pem) })
}

// withoutAPI takes the /api off a base URL, which is part of all paths.
func withoutAPI(url string) string {
	return strings.TrimSuffix(strings.TrimRight(url, "/"), "/api")
}
