package rest

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Apply applies options to a configuration. The error is that of New.
func Apply[C any, O ~func(*C) error](provider string, config *C, options []O) error {
	for _, option := range options {
		if option == nil {
			return Invalid(provider, "New", "", errors.New("an option is nil"))
		}
		if err := option(config); err != nil {
			return Invalid(provider, "New", "", err)
		}
	}
	return nil
}

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

// UseRetry takes how often and how patiently a call is repeated.
func (c *Config) UseRetry(attempts int, maxWait time.Duration) error {
	if attempts < 1 || maxWait < 0 {
		return errors.New("retry needs at least one attempt and no negative wait")
	}
	c.Retry.Attempts, c.Retry.MaxWait = attempts, maxWait
	return nil
}

// UseRateLimit takes the caller's own limit.
func (c *Config) UseRateLimit(perSecond float64, burst int) error {
	if !(perSecond > 0) || math.IsInf(perSecond, 0) || burst < 1 {
		return errors.New("a rate limit needs a positive rate and a burst of at least one")
	}
	c.Rate = Rate{perSecond, burst}
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
