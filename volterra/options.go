package volterra

import (
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/clientcert"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "volterra"

// config holds the settings of a client.
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
		return built, rest.Invalid(provider, "New", "", errors.New("no base URL is set; every tenant has its own"))
	}
	c.BaseURL = withoutAPI(c.BaseURL)
	if built, err = c.Build(); err != nil {
		return built, rest.Invalid(provider, "New", "", err)
	}
	return built, nil
}

// WithAPIToken sets the credential: an API token.
func WithAPIToken(token string) Option {
	return option(func(c *config) error { return auth.UseToken(&c.Config, "APIToken", token) })
}

// WithCertificate sets the credential: an API certificate with its private key, for the TLS
// handshake. A client of [WithHTTPClient] must have an [*http.Transport], which is copied and not
// changed.
func WithCertificate(certificate tls.Certificate) Option {
	return option(func(c *config) error { return c.UseCertificate(certificate) })
}

// WithCertificateFiles sets the credential: the PEM files of an API certificate and its private
// key. See [WithCertificate].
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

// WithP12 sets the credential: an API certificate in PKCS#12, the form in which F5 issues it. See
// [WithCertificate].
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

// WithP12File sets the credential: the .p12 file of an API certificate. See [WithP12].
func WithP12File(path, password string) Option {
	return option(func(c *config) error {
		data, err := auth.ReadFile("the p12 file", path)
		if err != nil {
			return err
		}
		return WithP12(data, password).apply(c)
	})
}

// WithCACertificate sets the certificate authorities, in PEM, that verify the server's certificate.
// The default is those of the system. A client of [WithHTTPClient] must have an [*http.Transport],
// which is copied and not changed.
func WithCACertificate(pem []byte) Option {
	return option(func(c *config) error { return c.UseRoots(pem) })
}

// withoutAPI removes /api from the end of a base URL, because all paths start with it.
func withoutAPI(url string) string {
	return strings.TrimSuffix(strings.TrimRight(url, "/"), "/api")
}

// FromEnv sets the base URL and the credential from the environment variables of the vendor's
// Terraform provider and other tools:
//
//   - F5XC_API_URL or VOLT_API_URL, as for [WithBaseURL]
//   - F5XC_API_TOKEN
//   - F5XC_P12_FILE with F5XC_P12_PASSWORD
//   - VOLT_API_P12_FILE, or VES_P12_CONTENT in base64, with VES_P12_PASSWORD
//   - VOLT_API_CERT and VOLT_API_KEY, the paths of two PEM files
//   - VOLT_API_CA_CERT, the path of a PEM file for [WithCACertificate]
//
// Exactly one credential must be set. [WithBaseURL] can set the base URL instead.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials sets the credential from the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name without a value. The code of the error of [New] is that of the error of get, or
// [errors.Unavailable] if the error of get has none; if a value is missing, the code is
// [errors.InvalidArgument].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		names := []string{"F5XC_API_URL", "VOLT_API_URL", "VOLT_API_CA_CERT"}
		for _, one := range credentials {
			names = append(names, one.name)
			if one.second != "" {
				names = append(names, one.second)
			}
		}
		values, err := auth.Values(get, names...)
		if err != nil {
			return err
		}
		for _, take := range []func(*config, map[string]string) error{takeURL, takeRoots, takeCredential} {
			if err := take(c, values); err != nil {
				return err
			}
		}
		return nil
	})
}

func takeURL(c *config, values map[string]string) error {
	url, other := values["F5XC_API_URL"], values["VOLT_API_URL"]
	if url != "" && other != "" && withoutAPI(url) != withoutAPI(other) {
		return errors.New("F5XC_API_URL and VOLT_API_URL differ")
	}
	c.BaseURL = cmp.Or(url, other, c.BaseURL)
	return nil
}

func takeRoots(c *config, values map[string]string) error {
	path := values["VOLT_API_CA_CERT"]
	if path == "" {
		return nil
	}
	pem, err := auth.ReadFile("the file of VOLT_API_CA_CERT", path)
	if err != nil {
		return err
	}
	return auth.Named("VOLT_API_CA_CERT", c.UseRoots(pem))
}

// credentials lists the variables that contain a credential or its path. with returns the option
// for the values of name and second; second is "" if no second variable exists.
var credentials = []struct {
	name, second string
	with         func(value, second string) Option
}{
	{"F5XC_API_TOKEN", "", func(token, _ string) Option { return WithAPIToken(token) }},
	{"F5XC_P12_FILE", "F5XC_P12_PASSWORD", WithP12File},
	{"VOLT_API_P12_FILE", "VES_P12_PASSWORD", WithP12File},
	{"VES_P12_CONTENT", "VES_P12_PASSWORD", withP12Content},
	{"VOLT_API_CERT", "VOLT_API_KEY", WithCertificateFiles},
}

func takeCredential(c *config, values map[string]string) error {
	var known, set, alone []string
	var credential func(*config) error
	for _, one := range credentials {
		known = append(known, one.name)
		value, second := values[one.name], ""
		if one.second != "" {
			second = values[one.second]
		}
		switch {
		case value == "" && second != "":
			alone = append(alone, one.second+" is set, and "+one.name+" is not")
		case value != "":
			set = append(set, one.name)
			credential = func(c *config) error {
				err := one.with(value, second).apply(c)
				if err != nil && one.second != "" && second == "" {
					return auth.Named(one.name+"; "+one.second+" is not set", err)
				}
				return auth.Named(one.name, err)
			}
		}
	}
	switch {
	case len(set) == 1:
		return credential(c)
	case len(set) > 1:
		return errors.New("more than one credential is set: " + strings.Join(set, ", "))
	}
	return errors.New(strings.Join(append([]string{"no credential is set: none of " + strings.Join(known, ", ")}, alone...), "; "))
}

// withP12Content returns the option of [WithP12] for base64 data, which may contain line breaks and
// spaces.
func withP12Content(content, password string) Option {
	return option(func(c *config) error {
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(strings.TrimPrefix(content, "\ufeff")), ""))
		if err != nil {
			return errors.New("VES_P12_CONTENT is not base64")
		}
		return WithP12(data, password).apply(c)
	})
}
