package volterra

import (
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Client sends requests to F5 Distributed Cloud for one tenant. It is safe for concurrent use.
// Create one with [New].
type Client struct {
	api       *rest.Client
	durations *teardown.Durations // measured by all teardowns
}

// unusable is the pipeline of a Client that [New] did not create: every call fails.
var unusable = rest.Unusable(provider)

// rest returns the pipeline of the client.
func (c *Client) rest() *rest.Client {
	if c == nil || c.api == nil {
		return unusable
	}
	return c.api
}

// New returns a client. Required are the tenant's base URL, set by [WithBaseURL], and a
// credential: [WithAPIToken], [WithP12], [WithP12File], [WithCertificate] or
// [WithCertificateFiles]. [FromEnv] sets both. For an invalid or missing option, the error is
// [errors.InvalidArgument].
func New(options ...Option) (*Client, error) {
	config, err := configure(options)
	if err != nil {
		return nil, err
	}
	api, err := rest.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{api, new(teardown.Durations)}, nil
}

// Close closes the idle connections of the client. It does not close connections of a client
// that [WithHTTPClient] set. Later calls open new connections.
func (c *Client) Close() { c.rest().Close() }
