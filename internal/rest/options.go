package rest

import (
	"cmp"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
)

// LookupError is an error of the caller's function for credentials.
type LookupError struct {
	Name string // the name of the credential
	Err  error  // the error of the function
}

// Error returns the name and the text of the error.
func (e *LookupError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the error of the function.
func (e *LookupError) Unwrap() error { return e.Err }

// OptionError returns the error of New for an option. After a [LookupError] its code is that of
// the function's error, or [errors.Unavailable] if that error has none, because a secret
// manager may be down. For any other option, the code is [errors.InvalidArgument].
func OptionError(provider string, err error) *errors.Error {
	e := Invalid(provider, "New", "", err)
	if lookup, ok := errors.AsType[*LookupError](err); ok {
		e.Code = cmp.Or(errors.CodeOf(lookup.Err), errors.Unavailable)
	}
	return e
}

// Authorize sets the credential, and the secrets that no argument may contain. It returns an
// error if the configuration has a credential.
func (c *Config) Authorize(authorizer NewAuthorizer, secrets ...string) error {
	if c.Authorizer != nil {
		return errors.New("only one credential can be set")
	}
	c.Authorizer = authorizer
	c.Conceal(secrets...)
	return nil
}

// Conceal adds secrets that no argument may contain.
func (c *Config) Conceal(secrets ...string) {
	if c.secrets != nil {
		secrets = append(c.secrets(), secrets...)
	}
	c.secrets = func() []string { return slices.Clip(secrets) }
}

// UseHTTPClient sets the caller's HTTP client. It returns an error if the client is nil, or has a
// Transport or a Jar with a nil value, whose methods would panic.
func (c *Config) UseHTTPClient(client *http.Client) error {
	switch {
	case client == nil:
		return errors.New("the HTTP client must not be nil")
	case client.Transport != nil && nilness.IsNil(client.Transport):
		return errors.New("the Transport of the HTTP client must not be nil")
	case client.Jar != nil && nilness.IsNil(client.Jar):
		return errors.New("the Jar of the HTTP client must not be nil")
	}
	c.HTTPClient = client
	return nil
}

// UseLogger sets the caller's logger; nil for none. It returns an error if the logger has no
// handler, or one with a nil value, because its methods would panic.
func (c *Config) UseLogger(logger *slog.Logger) error {
	if logger != nil && nilness.IsNil(logger.Handler()) {
		return errors.New("the handler of the logger must not be nil")
	}
	c.Logger = logger
	return nil
}

// UseRetry sets the limits of the attempts of a call; see [Retry]. Zero values select the
// defaults, and negative values return an error.
func (c *Config) UseRetry(maxAttempts int, maxElapsed, maxWait time.Duration) error {
	if maxAttempts < 0 || maxElapsed < 0 || maxWait < 0 {
		return errors.New("Retry must not have negative values")
	}
	c.Retry.MaxAttempts, c.Retry.MaxElapsed, c.Retry.MaxWait = maxAttempts, maxElapsed, maxWait
	return nil
}

// UseRateLimit sets the caller's rate limit: requests per second, and at once. It returns an
// error unless perSecond is positive and finite, and burst at least 1.
func (c *Config) UseRateLimit(perSecond float64, burst int) error {
	if !(perSecond > 0) || math.IsInf(perSecond, 0) || burst < 1 {
		return errors.New("RateLimit must have a positive PerSecond and a Burst of at least 1")
	}
	c.Rate = ratelimit.Rate{PerSecond: perSecond, Burst: burst}
	return nil
}

// UsePlainHTTP permits a base URL without TLS.
func (c *Config) UsePlainHTTP() error {
	c.PlainHTTP = true
	return nil
}

// UseUserAgent sets the caller's product in the User-Agent. It returns an error if the product
// contains other characters than printable ASCII, or has the form of a credential.
func (c *Config) UseUserAgent(product string) error {
	if strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("the user agent must contain only printable ASCII characters")
	}
	if isCredential(product) || random(product) {
		return errors.New("the user agent must not have the form of a credential")
	}
	c.UserAgent = product
	return nil
}
