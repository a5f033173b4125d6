// Code generated from openapi/options.tmpl. DO NOT EDIT.

package workspace

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/observe"
)

// APIVersion is the version of the vendor's API, or of its description, that this package was
// written for and compared with.
const APIVersion = "1"

// Option configures a [Client]. The functions of this package return options; [New] refuses
// nil with [errors.InvalidArgument].
type Option interface{ apply(*config) error }

type option func(*config) error

func (o option) apply(c *config) error { return o(c) }

// Options combines options into one, which applies them in their order.
func Options(options ...Option) Option {
	return option(func(c *config) error {
		for _, o := range options {
			if o == nil {
				return errNilOption
			}
			if err := o.apply(c); err != nil {
				return err
			}
		}
		return nil
	})
}

var errNilOption = errors.New("nil Option")

// applyAll applies the options of [New].
func applyAll(c *config, options []Option) error {
	if err := Options(options...).apply(c); err != nil {
		return rest.OptionError(provider, err)
	}
	return nil
}

// WithTokenSource sets a source of tokens as the credential. The client calls the source
// before each request. The source must cache and renew tokens, like the sources of package
// oauth2. No call ends while the source runs, because the source has no context.
func WithTokenSource(source oauth2.TokenSource) Option {
	return option(func(c *config) error { return auth.UseTokenSource(c, source) })
}

// WithHTTPClient sets the client that sends the requests, for its transport, proxy or
// timeout. The client is copied and not changed. By default, a client of its own connections
// has a timeout of 60 seconds for each request.
func WithHTTPClient(client *http.Client) Option {
	return option(func(c *config) error { return c.UseHTTPClient(client) })
}

// WithBaseURL sets the address of the API. The default is [DefaultBaseURL]. A private
// tenant has an address of its own.
func WithBaseURL(url string) Option {
	return option(func(c *config) error { c.BaseURL = url; return nil })
}

// WithPlainHTTP permits a base URL with the scheme http. By default, New refuses such a URL
// unless its host is this machine (127.0.0.0/8, ::1, localhost and names below it), because
// without TLS each network between can read the credential and change the answers.
func WithPlainHTTP() Option {
	return option(func(c *config) error { return c.UsePlainHTTP() })
}

// WithLogger sets the logger for attempts, waits and open outcomes. By default, and with nil,
// nothing is logged. Headers and bodies are never logged.
func WithLogger(logger *slog.Logger) Option {
	return option(func(c *config) error { return c.UseLogger(logger) })
}

// WithObserver adds an observer of the operations, for example that of the module telemetry. The
// observers of several options are called in the order of the options.
func WithObserver(observer observe.Observer) Option {
	return option(func(c *config) error { return c.UseObserver(observer) })
}

// Retry limits the attempts of a call. The zero value of a field means its default; negative
// values are refused.
type Retry struct {
	// MaxAttempts is the maximum number of requests of a call, not counting reads that
	// resolve an open outcome. A request that is sent again with a renewed credential, after
	// a 401, is the same attempt. The default is 5; 1 disables retries.
	MaxAttempts int

	// MaxElapsed is the time after the start of a call from which no further attempt starts.
	// A wait that would end later does not start. The request of a token and a wait for
	// calls that share the rate limit end with it. The default is no limit; the context of
	// the call always limits it.
	MaxElapsed time.Duration

	// MaxWait is the longest single wait between two attempts. If the provider asks for a
	// longer one, the call returns at once, with RetryAfter set in its error. MaxWait does
	// not limit the time in which other calls use up a shared rate limit. The default is
	// 90 seconds, because limits refill by the minute.
	MaxWait time.Duration
}

// WithRetry sets the limits of the attempts of each call.
func WithRetry(retry Retry) Option {
	return option(func(c *config) error { return c.UseRetry(retry.MaxAttempts, retry.MaxElapsed, retry.MaxWait) })
}

// RateLimit limits the requests of a client.
type RateLimit struct {
	PerSecond float64 // sustained requests per second; must be positive
	Burst     int     // requests at once; must be at least 1
}

// WithRateLimit limits the requests of the client in addition to the provider's own limit.
func WithRateLimit(limit RateLimit) Option {
	return option(func(c *config) error { return c.UseRateLimit(limit.PerSecond, limit.Burst) })
}

// Limiter is a rate limiter of the caller, for example one that many processes share through a
// server. It replaces the client's own limiter, which learns the provider's limit from the answers. Its methods
// must be safe for concurrent use.
//
// The client calls Wait before each request, also before each retry and each read, and Update
// exactly once after each Wait that returned nil. A limiter can therefore count the requests in
// flight. Requests for a token do not pass through the limiter. A redirect that a read follows is
// part of its request.
type Limiter interface {
	// Wait returns nil when a request of the operation may be sent, such as
	// "DeleteOrganization". [observe.FromContext] returns the provider and the attempt.
	//
	// The context ends with that of the call, after MaxWait and MaxElapsed of [Retry], and at
	// a stop of a teardown. Wait must return then; a permit that comes later is not used.
	// After a stop, a read that may decide the outcome of a write has one second. The error of
	// the call is [errors.RateLimitReached] after MaxWait or MaxElapsed, and otherwise
	// [errors.Canceled].
	//
	// After any other error of Wait nothing is sent, and the error is the cause of
	// [errors.Unavailable]. An error with the code RateLimitReached, Unavailable or Canceled
	// keeps its code and its RetryAfter. The client calls Wait again as Retry permits, except
	// after Canceled.
	//
	// The reads that permit a write of a teardown are valid for 10 seconds, and for some
	// resources longer. After that the context ends: the client makes the reads again, and calls
	// Wait again for the write, until MaxWait after its first call. Then the error is
	// [errors.RateLimitReached]. In the contexts of these calls, Since of [observe.Request] is
	// the time of the first call. A limiter with a queue must serve the earliest request first,
	// so that a write keeps its place.
	Wait(ctx context.Context, operation string) error

	// Update receives the status of the answer, and a copy of the headers about the rate
	// limit: Retry-After, Date, and those with "ratelimit" or "rate-limit" in their names.
	// After a lost answer, and if the request was not sent despite the permit, the status is
	// 0 and the header nil. After a 429, the client delays only the retry of the same call.
	Update(operation string, status int, header http.Header)
}

// WithLimiter sets the rate limiter of the client. [New] refuses nil, and a limiter together with
// [WithRateLimit], which configures the limiter that it replaces.
func WithLimiter(limiter Limiter) Option {
	return option(func(c *config) error { return c.UseLimiter(limiter) })
}

// WithUserAgent sets the caller's product, which precedes this module's in the User-Agent
// header.
func WithUserAgent(product string) Option {
	return option(func(c *config) error { return c.UseUserAgent(product) })
}
