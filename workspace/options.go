package workspace

import (
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "workspace"

// config holds the settings of a client.
type config = rest.Config

// configure applies the options to the defaults.
func configure(options []Option) (config, error) {
	c := config{
		Provider: provider,
		BaseURL:  DefaultBaseURL,
		Timeout:  60 * time.Second,
		Classify: classify,

		// The reference documents 422 for an entity that does not exist.
		NotFoundStatus: map[string]int{"3001": http.StatusUnprocessableEntity},
	}
	if err := applyAll(&c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithToken sets the credential: the token of a service account, or the access token of a user.
// The token of an app is not accepted by the operations of this package. A service account is
// deleted with its workspace; its token can read nothing afterwards.
func WithToken(token string) Option {
	return option(func(c *config) error { return auth.UseToken(c, "Bearer", token) })
}

// FromEnv sets the token from the environment variable APPLIVERY_API_TOKEN, which Applivery's
// Bitrise step uses too.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials sets the credential from the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name without a value. The code of the error of [New] is that of the error of get, or
// [errors.Unavailable] if the error of get has none; if a value is missing, the code is
// [errors.InvalidArgument].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		token, err := auth.Value(get, "APPLIVERY_API_TOKEN")
		if err != nil {
			return err
		}
		return auth.Named("APPLIVERY_API_TOKEN", WithToken(token).apply(c))
	})
}
