package katapult

import (
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "katapult"

// config is what options set.
type config = rest.Config

// configure applies the options to the defaults.
func configure(options []Option) (config, error) {
	c := config{
		Provider: provider,
		BaseURL:  DefaultBaseURL,
		Timeout:  60 * time.Second, // as the vendor's own client
		Classify: classify,
		Window:   window,
	}
	if err := applyAll(&c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithToken authenticates by an API token.
func WithToken(token string) Option {
	return option(func(c *config) error {
		if err := auth.Check("the token", token); err != nil {
			return err
		}
		return c.Authorize(auth.Fixed("Bearer", token), token)
	})
}

// WithTokenSource authenticates by OAuth 2 tokens. The source is asked before
// every request and has to cache and renew by itself, as those of package
// oauth2 do.
func WithTokenSource(source oauth2.TokenSource) Option {
	return option(func(c *config) error {
		if source == nil {
			return errors.New("the token source is nil")
		}
		return c.Authorize(auth.Source(source))
	})
}

// FromEnv takes the API token from KATAPULT_API_KEY, as the vendor's Terraform
// provider does.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials authenticates by the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name that has no value. An error of get is an error of [New].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		values, err := auth.Values(get, "KATAPULT_API_KEY")
		if err != nil {
			return err
		}
		token := values["KATAPULT_API_KEY"]
		if token == "" {
			return errors.New("KATAPULT_API_KEY is not set")
		}
		if err := WithToken(token).apply(c); err != nil {
			return fmt.Errorf("%w (KATAPULT_API_KEY)", err)
		}
		return nil
	})
}
