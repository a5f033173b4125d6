package workspace

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

const provider = "workspace"

// Option is a setting of a [Client].
type Option func(*config) error

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
	if err := rest.Apply(provider, &c, options); err != nil {
		return c, err
	}
	return c, nil
}

// WithToken authenticates by the token of a service account or by a user's access
// token. An app's token does not serve: it is for that app's integrations
// only. A service account is gone with its workspace, so that nothing can be read
// with its token afterwards.
func WithToken(token string) Option {
	return func(c *config) error {
		if err := auth.Check("the token", token); err != nil {
			return err
		}
		return c.Authorize(auth.Fixed("Bearer", token), token)
	}
}

// FromEnv takes the token from APPLIVERY_API_TOKEN, as the vendor's Bitrise step
// does.
func FromEnv() Option {
	return func(c *config) error {
		token := os.Getenv("APPLIVERY_API_TOKEN")
		if token == "" {
			return errors.New("APPLIVERY_API_TOKEN is not set")
		}
		if err := WithToken(token)(c); err != nil {
			return fmt.Errorf("%w (APPLIVERY_API_TOKEN)", err)
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

// WithBaseURL speaks to another address than [DefaultBaseURL]: private tenants
// have their own.
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
