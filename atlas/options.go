package atlas

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/digestauth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "atlas"

// tokenPath is where service accounts get tokens, below the base URL.
const tokenPath = "/api/oauth/token"

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
	if err := applyAll(&c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithServiceAccount authenticates by the client id and the client secret of a
// service account. A token is fetched when one is needed, lasts an hour, and is
// shared by all calls of the client.
func WithServiceAccount(id, secret string) Option {
	return option(func(c *config) error {
		if err := auth.Check("the client id", id); err != nil {
			return err
		}
		if err := auth.Check("the client secret", secret); err != nil {
			return err
		}
		if strings.HasPrefix(id, "mdb_sa_sk_") {
			return errors.New("the client id is a client secret")
		}
		if err := identify(c, id); err != nil {
			return err
		}
		return c.Authorize(func(client *http.Client) rest.Authorizer {
			// This runs after all options. Any of them may have set the base URL, and
			// the secret must not go to another one.
			grant := auth.Grant{
				TokenURL: rest.NormalizeURL(c.BaseURL) + tokenPath,
				ClientID: id, ClientSecret: secret, InHeader: true,
			}
			return auth.Fetched(grant)(client)
		}, secret)
	})
}

// WithAPIKey authenticates by the public and the private key of a programmatic
// API key, with HTTP digest: the private key itself is never sent. The first
// call takes one request more, for the challenge. Service accounts are what the
// vendor recommends.
func WithAPIKey(public, private string) Option {
	return option(func(c *config) error {
		if err := auth.Check("the public key", public); err != nil {
			return err
		}
		if err := auth.Check("the private key", private); err != nil {
			return err
		}
		if isPrivateKey(public) {
			return errors.New("the public key is a private key")
		}
		if err := identify(c, public); err != nil {
			return err
		}
		return c.Authorize(digestauth.New(public, private), private)
	})
}

// isPrivateKey reports whether a text has the form of a private key, which is that of a
// UUID. It would be sent as the user name, which digest does not hide.
func isPrivateKey(key string) bool {
	return len(key) == 36 && strings.Count(key, "-") == 4
}

// WithTokenSource authenticates by access tokens of a service account that the source
// supplies, for example one that several processes share, because Atlas limits how often
// tokens are issued. The source is called before each request and must cache and renew by
// itself, as those of package oauth2 do. [WithClientID] names the service account.
func WithTokenSource(source oauth2.TokenSource) Option {
	return option(func(c *config) error {
		if source == nil {
			return errors.New("the token source is nil")
		}
		return c.Authorize(auth.Source(source))
	})
}

// WithClientID sets the client ID of the service account whose tokens [WithTokenSource]
// supplies. A plan shows by it whether the credential is one of the organization's own.
// Without it, the plan of any organization that has service accounts requires
// [teardown.OwnOrganization], and a credential that is refused after the deletion proves
// nothing.
func WithClientID(id string) Option {
	return option(func(c *config) error {
		if err := auth.Check("the client id", id); err != nil {
			return err
		}
		return identify(c, id)
	})
}

// identify sets what Atlas lists the credential as.
func identify(c *config, id string) error {
	if c.Identity != nil {
		return errors.New("more than one client id or public key was given")
	}
	c.Identity = func() string { return id }
	return nil
}

// FromEnv takes the credential from MONGODB_ATLAS_CLIENT_ID and
// MONGODB_ATLAS_CLIENT_SECRET, or else from MONGODB_ATLAS_PUBLIC_KEY and
// MONGODB_ATLAS_PRIVATE_KEY, and the base URL from MONGODB_ATLAS_BASE_URL where
// that is set, as the vendor's tools do. Half a pair is refused.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials authenticates by the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name that has no value. An error of get is an error of [New].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		values, err := auth.Values(get, "MONGODB_ATLAS_BASE_URL", "MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET",
			"MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY")
		if err != nil {
			return err
		}
		c.BaseURL = cmp.Or(values["MONGODB_ATLAS_BASE_URL"], c.BaseURL)
		for _, pair := range []struct {
			name, secret string
			with         func(name, secret string) Option
		}{
			{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", WithServiceAccount},
			{"MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY", WithAPIKey},
		} {
			name, secret := values[pair.name], values[pair.secret]
			switch {
			case name != "" && secret != "":
				if err := pair.with(name, secret).apply(c); err != nil {
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
	})
}
