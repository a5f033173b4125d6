// Package rest sends the calls of all providers.
//
// A generated method fills in a [Call], and [Client.Do] passes the call through the links of
// the pipeline; pipeline.go defines their order. [Client.Delete] deletes an organization: it
// sends the deletion, and reads the outcome if the answer does not show it.
package rest

import (
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
	"github.com/offboard-dev/offboard-go/observe"
)

// Version is the version of this module in the User-Agent.
const Version = "0.1.0"

// Config is the configuration of a client, from the options of a provider's New.
type Config struct {
	Provider   string           // Provider is the name of the provider in errors and log records.
	BaseURL    string           // BaseURL is the URL that all paths are relative to.
	HTTPClient *http.Client     // HTTPClient is the caller's client; nil for one with Timeout.
	Release    func()           // Release closes the connections of HTTPClient that are not the caller's; nil for none.
	Timeout    time.Duration    // Timeout bounds each request if HTTPClient is nil.
	Logger     *slog.Logger     // Logger receives the log records; nil for none.
	Observer   observe.Observer // Observer receives the operations.
	UserAgent  string           // UserAgent is the caller's product, before that of this module.
	Retry      Retry            // Retry bounds the attempts of a call.
	Rate       ratelimit.Rate   // Rate is the caller's rate limit.
	Limiter    Limiter          // Limiter replaces the rate limiter of the client; nil for none.
	Authorizer NewAuthorizer    // Authorizer makes the Authorizer of the requests.

	// PlainHTTP is true if the base URL may have the scheme http for a host other than this
	// one.
	PlainHTTP bool

	// secrets returns the secrets that no argument may contain. They are in a function,
	// where no formatting verb shows them.
	secrets func() []string

	// Identity returns the name of the credential in the provider's list of credentials;
	// nil if it has none. It is a function, where no formatting verb shows a secret that
	// the caller passed as a name by mistake.
	Identity func() string

	// Classify sets code, provider code, message, steps and detail of an error by an answer
	// that is no success. It sets no Code if the provider's code is unknown. It reports
	// whether the body is in the provider's form of an error: a 4xx in another form comes
	// from a proxy or a firewall, and is an UnexpectedResponse.
	Classify func(*Answer, *errors.Error) (own bool)

	// NotFoundStatus contains, by the provider's code of a missing resource, a status other
	// than 404 and 410 that the code can have.
	NotFoundStatus map[string]int

	// KnownMembersOnly is true if the success of a write must have no member that the API
	// description lacks, because a failure of the provider can look like a success with
	// other members.
	KnownMembersOnly bool

	// Window reads the provider's rate-limit headers; nil if the provider sends none.
	Window ratelimit.ReadWindow

	// PerOperation is true if the provider limits each operation separately.
	PerOperation bool
}

// Client sends calls. It is safe for concurrent use.
type Client struct {
	config    Config
	base      url.URL
	http      *http.Client
	release   func() // closes the idle connections that are not the caller's; nil for none
	auth      Authorizer
	blank     http.Request // the parts that all requests share
	json      []string
	silent    bool
	observer  *observe.Observer // nil for none
	unusable  error             // why every call fails; nil if New made the client
	redaction atomic.Pointer[kept]
	leaks     func(*Call) bool // reports whether an argument contains the credential; nil: none can
	limiter   *ratelimit.Adaptive
	buffers   sync.Pool
}

// New checks the configuration and returns a client for it. It copies the caller's http.Client,
// which it does not change.
func New(config Config) (*Client, error) {
	c := &Client{config: config}
	if config.secrets != nil {
		secrets := config.secrets()
		switch {
		case contains(config.BaseURL, secrets):
			return nil, c.invalid("the base URL must not contain the credential")
		case contains(config.UserAgent, secrets):
			return nil, c.invalid("the user agent must not contain the credential")
		}
		c.leaks = own(secrets)
	}
	if err := c.setBase(config.BaseURL); err != nil {
		return nil, err
	}
	if config.Authorizer == nil {
		return nil, c.invalid("a credential is required")
	}
	if config.Limiter != nil && config.Rate != (ratelimit.Rate{}) {
		return nil, c.invalid("WithLimiter replaces the rate limiter that WithRateLimit sets; use one of them")
	}
	c.config.Retry = config.Retry.orDefault()
	if c.silent = config.Logger == nil; c.silent {
		c.config.Logger = slog.New(slog.DiscardHandler)
	}
	if !config.Observer.IsZero() {
		c.observer = &c.config.Observer
	}
	c.http, c.release = guard(config.HTTPClient, config.Timeout)
	c.auth = config.Authorizer(c.http)
	c.json = []string{"application/json"}
	c.blank = http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{
		"Accept":        c.json,
		"Cache-Control": {"no-cache"}, // a cached answer proves nothing
		"User-Agent":    {userAgent(config.UserAgent)},
	}}
	c.limiter = ratelimit.New(config.Rate, config.PerOperation)
	c.buffers.New = func() any { return new([]byte) }
	return c, nil
}

// Close closes the idle connections that the client does not share with the caller. Later calls
// open new ones.
func (c *Client) Close() {
	for _, release := range []func(){c.release, c.config.Release} {
		if release != nil {
			release()
		}
	}
}

// Unusable returns a client whose calls all fail, for a provider's Client that New did not make.
func Unusable(provider string) *Client {
	return &Client{
		config: Config{Provider: provider, Logger: slog.New(slog.DiscardHandler), Retry: Retry{}.orDefault()},
		silent: true, unusable: errors.New("the client must be made by New"),
	}
}

// setBase parses the base URL once, so that a call only appends its path.
func (c *Client) setBase(base string) error {
	u, err := ParseBase(base, c.config.PlainHTTP)
	if err != nil {
		return Invalid(c.config.Provider, "New", "", err)
	}
	c.base = *u
	return nil
}

// ParseBase returns a base URL in its normal form, or why it is refused. plainHTTP permits http for
// hosts that are not loopback.
func ParseBase(base string, plainHTTP bool) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		// The text of err repeats the URL, which may contain a password.
		return nil, errors.New("cannot parse the base URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New("the base URL must be an absolute http or https URL")
	case u.User != nil:
		return nil, errors.New("the base URL must not contain a user name; use the option of the credential")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the base URL must not contain a query or a fragment")
	}
	normalize(u)
	if u.Scheme == "http" && !plainHTTP && !loopback(u) {
		return nil, errors.New("the base URL has plain http, which shows the credential to the network; use https or WithPlainHTTP")
	}
	return u, nil
}

// BaseURL returns the URL that all paths are relative to.
func (c *Client) BaseURL() *url.URL {
	base := c.base
	return &base
}

// Identity returns the name of the credential in the provider's list of credentials; "" if it is
// unknown.
func (c *Client) Identity() string {
	if c.config.Identity == nil {
		return ""
	}
	return c.config.Identity()
}

// invalid returns the error of a configuration that New refuses.
func (c *Client) invalid(reason string) error {
	return Invalid(c.config.Provider, "New", "", errors.New(reason))
}

// Invalid returns the error of a call that is refused before it is sent. The target must not be
// the refused argument.
func Invalid(provider, operation, target string, reason error) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: shown(target),
		Code: errors.InvalidArgument, Err: reason,
	}
}

// userAgent returns the User-Agent: the caller's product, then that of this module.
func userAgent(caller string) string {
	ours := "offboard-go/" + Version + " (" + runtime.GOOS + "; " + runtime.GOARCH + ")"
	if caller == "" {
		return ours
	}
	return caller + " " + ours
}
