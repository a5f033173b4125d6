package atlas

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/auth/digestauth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "atlas"

// tokenPath is the path of the token endpoint, relative to the base URL.
const tokenPath = "/api/oauth/token"

// config has the values that options set.
type config = rest.Config

// configure applies the options to the defaults.
func configure(options []Option) (config, error) {
	c := config{
		Provider:     provider,
		BaseURL:      DefaultBaseURL,
		Timeout:      60 * time.Second, // the vendor's client has no timeout
		Classify:     classify,
		Window:       window,
		PerOperation: true,
	}
	if err := applyAll(&c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithServiceAccount authenticates with the client ID and the client secret of a service
// account. The client fetches a token when a call needs one. A token is valid for an hour, and
// all calls of the client share it.
func WithServiceAccount(clientID, clientSecret string) Option {
	return option(func(c *config) error {
		if err := auth.Check("clientID", clientID); err != nil {
			return err
		}
		if err := auth.Check("clientSecret", clientSecret); err != nil {
			return err
		}
		if strings.HasPrefix(clientID, "mdb_sa_sk_") {
			return errors.New("clientID is a client secret")
		}
		if err := identify(c, clientID); err != nil {
			return err
		}
		return c.Authorize(func(client *http.Client) rest.Authorizer {
			// This function runs after all options, because a later option can set the base URL,
			// and the secret must not be sent to another URL.
			grant := auth.Grant{
				TokenURL: rest.NormalizeURL(c.BaseURL) + tokenPath,
				ClientID: clientID, ClientSecret: clientSecret, InHeader: true,
			}
			return auth.Fetched(grant)(client)
		}, clientSecret)
	})
}

// WithAPIKey authenticates with the public and the private key of a programmatic API key, by
// HTTP digest, which never sends the private key. The first call sends one more request to get
// the challenge. The vendor recommends service accounts.
func WithAPIKey(publicKey, privateKey string) Option {
	return option(func(c *config) error {
		if err := auth.Check("publicKey", publicKey); err != nil {
			return err
		}
		if err := auth.Check("privateKey", privateKey); err != nil {
			return err
		}
		if isPrivateKey(publicKey) {
			return errors.New("publicKey is a private key")
		}
		if err := identify(c, publicKey); err != nil {
			return err
		}
		return c.Authorize(digestauth.New(publicKey, privateKey), privateKey)
	})
}

// isPrivateKey reports whether a text has the form of a private key, which is the form of a
// UUID. Digest would send the text as the user name, which is not hidden.
func isPrivateKey(key string) bool {
	return len(key) == 36 && strings.Count(key, "-") == 4
}

// WithClientID sets the client ID of the service account whose tokens [WithTokenSource]
// supplies. A plan uses the ID to determine whether the credential belongs to the organization.
// Without the ID, the plan of any organization that has service accounts requires
// [teardown.OwnOrganization], and a credential that is refused after the deletion proves
// nothing.
func WithClientID(clientID string) Option {
	return option(func(c *config) error {
		if err := auth.Check("clientID", clientID); err != nil {
			return err
		}
		return identify(c, clientID)
	})
}

// identify sets the ID under which Atlas lists the credential.
func identify(c *config, id string) error {
	if c.Identity != nil {
		return errors.New("more than one client ID or public key was set")
	}
	c.Identity = func() string { return id }
	return nil
}

// FromEnv reads the credential from the environment: from MONGODB_ATLAS_CLIENT_ID and
// MONGODB_ATLAS_CLIENT_SECRET or, if both are empty, from MONGODB_ATLAS_PUBLIC_KEY and
// MONGODB_ATLAS_PRIVATE_KEY. It reads the base URL from MONGODB_ATLAS_BASE_URL, if set. The
// vendor's tools use the same variables. If one variable of a pair is missing, [New] returns
// [errors.InvalidArgument].
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials authenticates with the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name that has no value. The code of the error of [New] is that of the error of get, or
// [errors.Unavailable] if the error of get has none; if a value is missing, the code is
// [errors.InvalidArgument].
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
				return auth.Named(pair.name+", "+pair.secret, pair.with(name, secret).apply(c))
			case name != "":
				return errors.New(pair.secret + " is not set")
			case secret != "":
				return errors.New(pair.name + " is not set")
			}
		}
		return errors.New("neither MONGODB_ATLAS_CLIENT_ID nor MONGODB_ATLAS_PUBLIC_KEY is set")
	})
}
