package zitadel

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/jwtprofile"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "zitadel"

// audience is the scope without which a token is issued that no API takes.
const audience = "urn:zitadel:iam:org:project:id:zitadel:aud"

// Option is a setting of a [Client].
type Option func(*config) error

// config is what options set.
type config = rest.Config

// configure applies the options to the defaults. Credentials that depend on the
// base URL read it from here when all options are applied.
func configure(options []Option) (*config, error) {
	c := &config{
		Provider: provider,
		Timeout:  60 * time.Second, // a deletion is one exchange, whatever the organization has
		Classify: classify,

		// Recorded: the organization that is to become the default one does not exist.
		NotFoundStatus: map[string]int{"INSTA-Wfe21": http.StatusBadRequest},
	}
	if err := rest.Apply(provider, c, options); err != nil {
		return nil, err
	}
	if c.BaseURL == "" {
		return nil, rest.Invalid(provider, "New", "", errors.New("no base URL was given"))
	}
	return c, nil
}

// fetch authenticates by tokens of the instance's token endpoint. The grant is
// made when all options are applied: a credential goes to the base URL that holds,
// whichever option comes first.
func fetch(c *config, grant func(issuer string) auth.Grant, secrets ...string) error {
	return c.Authorize(func(client *http.Client) rest.Authorizer {
		issuer := rest.NormalizeURL(c.BaseURL)
		g := grant(issuer)
		g.TokenURL = issuer + "/oauth/v2/token"
		g.Scopes = []string{audience}
		return auth.Fetched(g)(client)
	}, secrets...)
}

// WithToken authenticates by a personal access token of a service account.
func WithToken(token string) Option {
	return func(c *config) error {
		if err := auth.Check("the token", token); err != nil {
			return err
		}
		return c.Authorize(auth.Fixed("Bearer", token), token)
	}
}

// WithKey authenticates by the key of a service account: the content of the JSON
// file that Zitadel hands out. Assertions are signed with it and made out to the
// base URL, which therefore must be the issuer: letter case, the default port and a
// dot at the end of the host do not matter. The clock may be a minute off. An expired
// key is not used.
func WithKey(keyJSON []byte) Option {
	return func(c *config) error {
		key, err := jwtprofile.Parse(keyJSON)
		if err != nil {
			return err
		}
		return fetch(c, func(issuer string) auth.Grant {
			return auth.Grant{Assertion: key.Assertion(issuer)}
		})
	}
}

// WithKeyFile is [WithKey] with the file at a path, which is read at once.
func WithKeyFile(path string) Option { return keyFile("the key file", path) }

// keyFile is [WithKeyFile] with what errors call the file.
func keyFile(what, path string) Option {
	return func(c *config) error {
		keyJSON, err := auth.ReadFile(what, path)
		if err != nil {
			return err
		}
		return WithKey(keyJSON)(c)
	}
}

// WithClientCredentials authenticates by the client id and secret of a service
// account.
func WithClientCredentials(id, secret string) Option {
	return func(c *config) error {
		if id == "" {
			return errors.New("the client id is empty")
		}
		if err := auth.Check("the client secret", secret); err != nil {
			return err
		}
		return fetch(c, func(string) auth.Grant {
			return auth.Grant{ClientID: id, ClientSecret: secret}
		}, secret)
	}
}

// FromEnv takes the base URL from ZITADEL_API_URL and the credential from
// ZITADEL_SERVICE_USER_TOKEN, a token, as the vendor's login application does, or
// from ZITADEL_KEY_PATH, the path of a key file, as the vendor's Go client does.
func FromEnv() Option {
	return func(c *config) error {
		url := os.Getenv("ZITADEL_API_URL")
		token, path := os.Getenv("ZITADEL_SERVICE_USER_TOKEN"), os.Getenv("ZITADEL_KEY_PATH")
		switch {
		case url == "":
			return errors.New("ZITADEL_API_URL is not set")
		case token == "" && path == "":
			return errors.New("neither ZITADEL_SERVICE_USER_TOKEN nor ZITADEL_KEY_PATH is set")
		case token != "" && path != "":
			return errors.New("ZITADEL_SERVICE_USER_TOKEN and ZITADEL_KEY_PATH are both set")
		}
		c.BaseURL = url
		name, credential := "ZITADEL_KEY_PATH", keyFile("the key file", path)
		if token != "" {
			name, credential = "ZITADEL_SERVICE_USER_TOKEN", WithToken(token)
		}
		if err := credential(c); err != nil {
			return fmt.Errorf("%w (%s)", err, name)
		}
		return nil
	}
}

// WithHTTPClient sends requests through a client of the caller's, for its
// transport, proxy or time-out. It is copied and not changed. Without it the
// client has a time-out of 60 seconds for an exchange.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error { return c.UseHTTPClient(client) }
}

// WithBaseURL names the instance, by the scheme and the domain that it is
// configured to be reached at: "https://acme.zitadel.cloud". There is no default.
// An instance answers to its own host name only.
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

// WithRateLimit limits the requests of the client. Zitadel has no limit of its own
// unless its operator sets one.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(c *config) error { return c.UseRateLimit(perSecond, burst) }
}

// WithUserAgent puts the caller's product before this module's in the User-Agent.
func WithUserAgent(product string) Option {
	return func(c *config) error { return c.UseUserAgent(product) }
}
