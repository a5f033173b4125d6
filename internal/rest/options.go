package rest

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
)

// Authorize takes the credential; there can be one only. No argument may contain its
// secrets.
func (c *Config) Authorize(authorizer NewAuthorizer, secrets ...string) error {
	if c.Authorizer != nil {
		return errors.New("more than one credential was given")
	}
	c.Authorizer = authorizer
	c.Conceal(secrets...)
	return nil
}

// Conceal takes secrets that no argument may contain.
func (c *Config) Conceal(secrets ...string) {
	if c.secrets != nil {
		secrets = append(c.secrets(), secrets...)
	}
	c.secrets = func() []string { return slices.Clip(secrets) }
}

// UseHTTPClient takes the caller's client.
func (c *Config) UseHTTPClient(client *http.Client) error {
	if client == nil {
		return errors.New("the HTTP client is nil")
	}
	c.HTTPClient = client
	return nil
}

// UseRetry sets the limits of the attempts of a call. Zero values mean the defaults.
func (c *Config) UseRetry(maxAttempts int, maxElapsed, maxWait time.Duration) error {
	if maxAttempts < 0 || maxElapsed < 0 || maxWait < 0 {
		return errors.New("Retry has a negative value")
	}
	c.Retry.MaxAttempts, c.Retry.MaxElapsed, c.Retry.MaxWait = maxAttempts, maxElapsed, maxWait
	return nil
}

// UseRateLimit takes the caller's own limit.
func (c *Config) UseRateLimit(perSecond float64, burst int) error {
	if !(perSecond > 0) || math.IsInf(perSecond, 0) || burst < 1 {
		return errors.New("RateLimit needs a positive PerSecond and a Burst of at least 1")
	}
	c.Rate = ratelimit.Rate{PerSecond: perSecond, Burst: burst}
	return nil
}

// UsePlainHTTP allows a base URL without TLS.
func (c *Config) UsePlainHTTP() error {
	c.PlainHTTP = true
	return nil
}

// UseUserAgent takes the caller's product.
func (c *Config) UseUserAgent(product string) error {
	if strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("the user agent contains what a header cannot")
	}
	if isCredential(product) || random(product) {
		return errors.New("the user agent has the form of a credential")
	}
	c.UserAgent = product
	return nil
}
