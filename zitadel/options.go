package zitadel

import (
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/jwtprofile"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "zitadel"

// audience is the scope of tokens for the API. Without it, the token endpoint issues a token
// that the API refuses.
const audience = "urn:zitadel:iam:org:project:id:zitadel:aud"

// config is the configuration that options set.
type config = rest.Config

// configure applies the options to the defaults. Credentials that depend on the base URL read
// it after all options.
func configure(options []Option) (*config, error) {
	c := &config{
		Provider: provider,
		Timeout:  60 * time.Second, // a deletion is one request, for any number of resources
		Classify: classify,

		// Recorded: SetDefaultOrganization with an organization that does not exist.
		NotFoundStatus: map[string]int{notFoundDefault: http.StatusBadRequest},
	}
	if err := applyAll(c, options); err != nil {
		return nil, err
	}
	if c.BaseURL == "" {
		return nil, rest.Invalid(provider, "New", "", errors.New("missing base URL: set WithBaseURL"))
	}
	return c, nil
}

// fetchTokens authenticates by tokens of the instance's token endpoint. It calls grant after
// all options, so that the credential is sent to the final base URL, in any order of the
// options.
func fetchTokens(c *config, grant func(issuer string) auth.Grant, secrets ...string) error {
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
	return option(func(c *config) error { return auth.UseToken(c, "Bearer", token) })
}

// WithKey authenticates by the key of a service account: the content of the JSON key file of
// Zitadel. The key signs assertions whose audience is the base URL. Therefore the base URL
// must be the issuer; letter case, the default port and a dot at the end of the host do not
// matter. The clock may be off by a minute. A call with an expired key sends nothing and
// returns [errors.Unauthenticated].
func WithKey(keyJSON []byte) Option {
	return option(func(c *config) error {
		key, err := jwtprofile.Parse(keyJSON)
		if err != nil {
			return err
		}
		return fetchTokens(c, func(issuer string) auth.Grant {
			return auth.Grant{Assertion: key.Assertion(issuer)}
		})
	})
}

// WithKeyFile is [WithKey] with the content of a file. It reads the file once, when [New]
// applies the option.
func WithKeyFile(path string) Option { return keyFile("the key file", path) }

// keyFile is [WithKeyFile]; errors call the file by the given name.
func keyFile(name, path string) Option {
	return option(func(c *config) error {
		keyJSON, err := auth.ReadFile(name, path)
		if err != nil {
			return err
		}
		return WithKey(keyJSON).apply(c)
	})
}

// WithClientCredentials authenticates by the client ID and the client secret of a service
// account.
func WithClientCredentials(id, secret string) Option {
	return option(func(c *config) error {
		if id == "" {
			return errors.New("the client ID is empty")
		}
		if err := auth.Check("the client secret", secret); err != nil {
			return err
		}
		return fetchTokens(c, func(string) auth.Grant {
			return auth.Grant{ClientID: id, ClientSecret: secret}
		}, secret)
	})
}

// FromEnv sets the base URL from ZITADEL_API_URL, and the credential from
// ZITADEL_SERVICE_USER_TOKEN, a token, or ZITADEL_KEY_PATH, the path of a key file. The
// vendor's login application uses the former variable, the vendor's Go client the latter.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials authenticates by the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name that has no value. The code of the error of [New] is that of the error of get, or
// [errors.Unavailable] if the error of get has none; if a value is missing, the code is
// [errors.InvalidArgument].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		values, err := auth.Values(get, "ZITADEL_API_URL", "ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH")
		if err != nil {
			return err
		}
		url, token, path := values["ZITADEL_API_URL"], values["ZITADEL_SERVICE_USER_TOKEN"], values["ZITADEL_KEY_PATH"]
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
		return auth.Named(name, credential.apply(c))
	})
}
