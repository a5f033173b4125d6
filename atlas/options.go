package atlas

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/digestauth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "atlas"

// tokenPath is where service accounts get tokens, below the base URL.
const tokenPath = "/api/oauth/token"

// Option is a setting of a [Client].
type Option func(*config) error

// config is what options set.
type config = rest.Config

// configure applies the options to the defaults.
func configure(options []Option) (config, error) {
	c := config{
		Provider:     provider,
		BaseURL:      DefaultBaseURL,
		Timeout:      60 * time.Second, // the vendor's own client has none
		Classify:     classify,
		Window:       window,
		PerOperation: true,
	}
	if err := rest.Apply(provider, &c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithServiceAccount authenticates by the client id and the client secret of a
// service account. A token is fetched when one is needed, lasts an hour, and is
// shared by all calls of the client.
func WithServiceAccount(id, secret string) Option {
	return func(c *config) error {
		if err := auth.Check("the client id", id); err != nil {
			return err
		}
		if err := auth.Check("the client secret", secret); err != nil {
			return err
		}
		if strings.HasPrefix(id, "mdb_sa_sk_") {
			return errors.New("the client id is a client secret")
		}
		c.Identity = func() string { return id }
		return c.Authorize(func(client *http.Client) rest.Authorizer {
			// This runs after all options. Any of them may have set the base URL, and
			// the secret must not go to another one.
			grant := auth.Grant{
				TokenURL: rest.NormalizeURL(c.BaseURL) + tokenPath,
				ClientID: id, ClientSecret: secret, InHeader: true,
			}
			return auth.Fetched(grant)(client)
		}, secret)
	}
}

// WithAPIKey authenticates by the public and the private key of a programmatic
// API key, with HTTP digest: the private key itself is never sent. The first
// call takes one request more, for the challenge. Service accounts are what the
// vendor recommends.
func WithAPIKey(public, private string) Option {
	return func(c *config) error {
		if err := auth.Check("the public key", public); err != nil {
			return err
		}
		if err := auth.Check("the private key", private); err != nil {
			return err
		}
		if isPrivateKey(public) {
			return errors.New("the public key is a private key")
		}
		c.Identity = func() string { return public }
		return c.Authorize(digestauth.New(public, private), private)
	}
}

// isPrivateKey reports whether a text has the form of a private key, which is that of a
// UUID. It would be sent as the user name, which digest does not hide.
func isPrivateKey(key string) bool {
	return len(key) == 36 && strings.Count(key, "-") == 4
}

// FromEnv takes the credential from MONGODB_ATLAS_CLIENT_ID and
// MONGODB_ATLAS_CLIENT_SECRET, or else from MONGODB_ATLAS_PUBLIC_KEY and
// MONGODB_ATLAS_PRIVATE_KEY, and the base URL from MONGODB_ATLAS_BASE_URL where
// that is set, as the vendor's tools do. Half a pair is refused.
func FromEnv() Option {
	return func(c *config) error {
		if url := os.Getenv("MONGODB_ATLAS_BASE_URL"); url != "" {
			c.BaseURL = url
		}
		for _, pair := range []struct {
			name, secret string
			with         func(name, secret string) Option
		}{
			{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", WithServiceAccount},
			{"MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY", WithAPIKey},
		} {
			name, secret := os.Getenv(pair.name), os.Getenv(pair.secret)
			switch {
			case name != "" && secret != "":
				if err := pair.with(name, secret)(c); err != nil {
					return fmt.Errorf("%w (%s, %s)", err, pair.name, pair.secret)
				}
				return nil
			case name != "":
				return errors.New(pair.secret + " is not set")
			case secret != "":
				return errors.New(pair.name + " is not set")
			}
		}
		return errors.New("neither MONGODB_ATLAS_CLIENT_ID nor MONGODB_ATLAS_PUBLIC_KEY is set")
	}
}

// WithHTTPClient sends requests through a client of the caller's, for its
// transport, proxy or time-out. It is copied and not changed. Without it the
// client has a time-out of 60 seconds for an exchange.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error { return c.UseHTTPClient(client) }
}

// WithBaseURL speaks to another address than [DefaultBaseURL]. Tokens are fetched
// from there too, whatever the order of the options.
func WithBaseURL(url string) Option {
	return func(c *config) error { c.BaseURL = url; return nil }
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
