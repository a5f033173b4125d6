package offboard

import (
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
