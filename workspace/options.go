package workspace

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "workspace"

// config is what options set.
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

// WithToken authenticates by the token of a service account or by a user's access
// token. An app's token does not serve: it is for that app's integrations
// only. A service account is gone with its workspace, so that nothing can be read
// with its token afterwards.
func WithToken(token string) Option {
	return option(func(c *config) error {
		if err := auth.Check("the token", token); err != nil {
			return err
		}
		return c.Authorize(auth.Fixed("Bearer", token), token)
	})
}

// WithTokenSource authenticates by tokens that the source supplies. The source is called
// before each request and must cache and renew by itself, as those of package oauth2 do.
func WithTokenSource(source oauth2.TokenSource) Option {
	return option(func(c *config) error {
		if source == nil {
			return errors.New("the token source is nil")
		}
		return c.Authorize(auth.Source(source))
	})
}

// FromEnv takes the token from APPLIVERY_API_TOKEN, as the vendor's Bitrise step
// does.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithCredentials authenticates by the values that get returns for the names of the
// environment variables that [FromEnv] reads, for example from a secret manager. get returns
// "" for a name that has no value. An error of get is an error of [New].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(c *config) error {
		values, err := auth.Values(get, "APPLIVERY_API_TOKEN")
		if err != nil {
			return err
		}
		token := values["APPLIVERY_API_TOKEN"]
		if token == "" {
			return errors.New("APPLIVERY_API_TOKEN is not set")
		}
		if err := WithToken(token).apply(c); err != nil {
			return fmt.Errorf("%w (APPLIVERY_API_TOKEN)", err)
		}
		return nil
	})
}
