package katapult

import (
	"time"

	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "katapult"

// config has the settings of the options.
type config = rest.Config

// configure applies the options to the defaults.
func configure(options []Option) (config, error) {
	c := config{
		Provider: provider,
		BaseURL:  DefaultBaseURL,
		Timeout:  60 * time.Second, // the timeout of the vendor's client
		Classify: classify,
		Window:   window,
	}
	if err := applyAll(&c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithToken authenticates with an API token.
func WithToken(token string) Option {
	return option(func(c *config) error { return auth.UseToken(c, "Bearer", token) })
}

// FromEnv reads the API token from the environment variable KATAPULT_API_KEY, which the
// vendor's Terraform provider also uses.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials authenticates with the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name that has no value. The code of the error of [New] is that of the error of get, or
// [errors.Unavailable] if the error of get has none; if a value is missing, the code is
// [errors.InvalidArgument].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		token, err := auth.Value(get, "KATAPULT_API_KEY")
		if err != nil {
			return err
		}
		return auth.Named("KATAPULT_API_KEY", WithToken(token).apply(c))
	})
}
