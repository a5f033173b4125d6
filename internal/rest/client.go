// Package rest is the pipeline that every call of every provider runs through.
//
// A generated method describes a [Call], and [Client.Do] carries it out by the links that
// pipeline.go lists in their order. [Client.Delete] deletes an organization: it sends the
// deletion, and reads the outcome if the answer does not show it.
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
)

// Version is the version of this module, as the User-Agent shows it.
const Version = "0.1.0"

// Config is what a provider's New has gathered from its options.
type Config struct {
	Provider   string
	BaseURL    string
	HTTPClient *http.Client // nil: one of our own, with Timeout
	Release    func()       // closes the connections of HTTPClient that are not the caller's; nil for none
	Timeout    time.Duration
	Logger     *slog.Logger // nil: silent
	UserAgent  string       // put before our own
	Retry      Retry
	Rate       ratelimit.Rate
	Authorizer NewAuthorizer

	// PlainHTTP: the base URL may have the scheme http for a host other than this one.
	PlainHTTP bool

	// secrets returns what must be in no argument. It is a function, where no
	// formatting verb reaches them.
	secrets func() []string

	// Identity returns what the credential is known by where a provider lists
	// credentials; nil if it has no such name. It is no secret, unless the caller mistook
	// one for it: so it is a function, where no formatting verb reaches it.
	Identity func() string

	// Classify fills code, provider code, message, steps and detail from an answer
	// that is no success. It leaves Code empty for what it does not know. It reports
	// whether the body is in the provider's own form of an error: a 4xx of another form
	// comes from a proxy or a firewall, and is an UnexpectedResponse.
	Classify func(*Answer, *errors.Error) (own bool)

	// NotFoundStatus has the statuses other than 404 and 410 that belong to a provider
	// code which says that something does not exist.
	NotFoundStatus map[string]int

	// KnownMembersOnly: a success of a write has no member that its operation does not
	// describe. It is for a provider whose failures can look like a success with other
	// members.
	KnownMembersOnly bool

	// Window reads the provider's rate-limit headers; nil when it sends none.
	Window ratelimit.ReadWindow

	// PerOperation: the provider limits each operation by itself.
	PerOperation bool
}

// Client runs calls. It is safe for concurrent use.
type Client struct {
	config    Config
	base      url.URL
	http      *http.Client
	release   func() // closes the idle connections that are not the caller's; nil for none
	auth      Authorizer
	blank     http.Request // what is the same in all requests; they share its header's values
	json      []string
	silent    bool
	unusable  error // why every call fails; nil for a client that New has made
	redaction atomic.Pointer[kept]
	leaks     func(*Call) bool // reports whether an argument contains the credential; nil: none can
	limiter   *ratelimit.Adaptive
	buffers   sync.Pool
}

// New checks the configuration and returns a client for it. The caller's
// http.Client is copied and stays as it is.
func New(config Config) (*Client, error) {
	c := &Client{config: config}
	if config.secrets != nil {
		secrets := config.secrets()
		switch {
		case contains(config.BaseURL, secrets):
			return nil, c.invalid("the base URL contains the credential")
		case contains(config.UserAgent, secrets):
			return nil, c.invalid("the user agent contains the credential")
		}
		c.leaks = own(secrets)
	}
	if err := c.setBase(config.BaseURL); err != nil {
		return nil, err
	}
	if config.Authorizer == nil {
		return nil, c.invalid("no credential was given")
	}
	c.config.Retry = config.Retry.orDefault()
	if c.silent = config.Logger == nil; c.silent {
		c.config.Logger = slog.New(slog.DiscardHandler)
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

// Close closes the idle connections that the client does not share with the caller. Calls
// that follow open new ones.
func (c *Client) Close() {
	for _, release := range []func(){c.release, c.config.Release} {
		if release != nil {
			release()
		}
	}
}

// Unusable returns a client of which every call fails: that of a provider's Client that
// its New has not made.
func Unusable(provider string) *Client {
	return &Client{
		config: Config{Provider: provider, Logger: slog.New(slog.DiscardHandler), Retry: Retry{}.orDefault()},
		silent: true, unusable: errors.New("the client was not made by New"),
	}
}

// setBase takes the base URL apart once, so that a call only appends to it.
func (c *Client) setBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		// The parse error repeats the URL, which may hold a password.
		return c.invalid("the base URL cannot be parsed")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return c.invalid("the base URL is not an absolute http or https URL")
	case u.User != nil:
		return c.invalid("the base URL contains a user name: give credentials by their own option")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return c.invalid("the base URL contains a query or a fragment")
	}
	normalize(u)
	if u.Scheme == "http" && !c.config.PlainHTTP && !loopback(u) {
		return c.invalid("the base URL has plain http, which shows the credential to the network: use https, or WithPlainHTTP")
	}
	c.base = *u
	return nil
}

// BaseURL returns the URL that all paths are relative to.
func (c *Client) BaseURL() *url.URL {
	base := c.base
	return &base
}

// Identity returns what the credential is known by; "" where that is not known.
func (c *Client) Identity() string {
	if c.config.Identity == nil {
		return ""
	}
	return c.config.Identity()
}

// invalid is the error of a New that was given what cannot work.
func (c *Client) invalid(why string) error {
	return Invalid(c.config.Provider, "New", "", errors.New(why))
}

// Invalid returns the error of a request that is refused before it is sent. The target
// must not be the argument that was refused.
func Invalid(provider, operation, target string, why error) *errors.Error {
	return &errors.Error{
		Provider: provider, Operation: operation, Target: shown(target),
		Code: errors.InvalidArgument, Err: why,
	}
}

// userAgent puts the caller's product before ours, as RFC 9110 has it.
func userAgent(caller string) string {
	ours := "offboard-go/" + Version + " (" + runtime.GOOS + "; " + runtime.GOARCH + ")"
	if caller == "" {
		return ours
	}
	return caller + " " + ours
}
