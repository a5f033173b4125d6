package offboard

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/observe"
)

// Option configures [Open] and [NewClients]. The functions of this package return options;
// an invalid value, and nil, are [errors.InvalidArgument] when an organization is opened.
type Option interface{ apply(*settings) }

type option func(*settings)

func (o option) apply(s *settings) { o(s) }

// settings are what the options set, for the clients of all providers.
type settings struct {
	credentials func(name string) (string, error)
	httpClient  *http.Client
	logger      *slog.Logger
	observer    observe.Observer
	plainHTTP   bool
	userAgent   string
	retry       *Retry
	rateLimit   *RateLimit
	limiter     func(client Spec) Limiter
	err         error // the first fault
}

func (s *settings) fail(text string) {
	if s.err == nil {
		s.err = errors.New(text)
	}
}

// WithCredentials sets the function that returns credentials by their names, for example from
// a secret manager. The names are those of the environment variables that the providers'
// FromEnv reads, such as "KATAPULT_API_KEY", or those that [Spec.Credentials] has instead. The
// function returns "" for a name without a value. It is called when a client is made, at the same
// time for several clients, and not for a base URL, such as "ZITADEL_API_URL", if [Spec.BaseURL]
// is set. It can open organizations with other credentials, but must not open one whose client it
// is called for: that call would wait for itself until its context ends. The code of its error is
// kept; an error without a code becomes the cause of [errors.Unavailable].
func WithCredentials(get func(name string) (string, error)) Option {
	return option(func(s *settings) {
		if get == nil {
			s.fail("the function for credentials must not be nil")
		}
		s.credentials = get
	})
}

// FromEnv takes credentials from the environment.
func FromEnv() Option { return WithCredentials(auth.Env) }

// WithHTTPClient sets the client that sends the requests to all providers, for its transport,
// proxy or timeout. The client is copied and not changed.
func WithHTTPClient(client *http.Client) Option {
	return option(func(s *settings) {
		if client == nil {
			s.fail("the HTTP client must not be nil")
		}
		s.httpClient = client
	})
}

// WithLogger sets the logger for attempts, waits and open outcomes. By default, and with nil,
// nothing is logged. Headers and bodies are never logged.
func WithLogger(logger *slog.Logger) Option {
	return option(func(s *settings) { s.logger = logger })
}

// WithObserver adds an observer of the operations at all providers, for example that of the
// module telemetry. The observers of several options are called in the order of the options.
func WithObserver(observer observe.Observer) Option {
	return option(func(s *settings) { s.observer = observe.Join(s.observer, observer) })
}

// WithPlainHTTP permits base URLs with the scheme http for hosts other than this machine.
func WithPlainHTTP() Option { return option(func(s *settings) { s.plainHTTP = true }) }

// WithUserAgent sets the caller's product, which precedes this module's in the User-Agent
// header.
func WithUserAgent(product string) Option {
	return option(func(s *settings) { s.userAgent = product })
}

// Retry limits the attempts of a call. The zero value of a field means its default; negative
// values are refused.
type Retry struct {
	// MaxAttempts is the maximum number of requests of a call, not counting reads that
	// resolve an open outcome. A request that is sent again with a renewed credential, after
	// a 401, is the same attempt. The default is 5; 1 disables retries.
	MaxAttempts int

	// MaxElapsed is the time after the start of a call from which no further attempt starts.
	// The default is no limit.
	MaxElapsed time.Duration

	// MaxWait is the longest single wait between two attempts. The default is 90 seconds.
	MaxWait time.Duration
}

// WithRetry sets the limits of the attempts of each call.
func WithRetry(retry Retry) Option { return option(func(s *settings) { s.retry = &retry }) }

// RateLimit limits the requests of each client.
type RateLimit struct {
	PerSecond float64 // sustained requests per second; must be positive
	Burst     int     // requests at once; must be at least 1
}

// WithRateLimit limits the requests of each client in addition to the provider's own limit.
func WithRateLimit(limit RateLimit) Option {
	return option(func(s *settings) { s.rateLimit = &limit })
}

// Limiter is a rate limiter of the caller, for example one that many processes share through a
// server. It replaces each client's own limiter, which learns the provider's limit from the answers. Its methods
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

// WithLimiter sets the function that returns the rate limiter of a client, because each provider
// and credential has a limit of its own. The function is called when a client is made, at the
// same time for several clients. Its argument has the Provider, as [Organization.Provider] returns
// it, the BaseURL and the Credentials of the client, and no organization. If the function returns
// nil, or together with [WithRateLimit], the organization cannot be opened.
func WithLimiter(limiter func(client Spec) Limiter) Option {
	return option(func(s *settings) {
		if limiter == nil {
			s.fail("the function for limiters must not be nil")
		}
		s.limiter = limiter
	})
}
