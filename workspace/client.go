package workspace

import (
	"sync/atomic"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DefaultBaseURL is the base URL of the API.
const DefaultBaseURL = "https://api.applivery.io/v1"

// Client sends requests to Applivery. It is safe for concurrent use. Create one with [New].
type Client struct {
	api *rest.Client

	// account is the token's owner after the first read. The owner of a token does not change.
	account atomic.Pointer[account]
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

// New returns a client. A credential is required: [WithToken], [WithTokenSource] or [FromEnv].
// For an invalid option, or without a credential, the error is [errors.InvalidArgument].
func New(options ...Option) (*Client, error) {
	config, err := configure(options)
	if err != nil {
		return nil, err
	}
	api, err := rest.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{api: api}, nil
}

// Close closes the idle connections of the client. It does not close connections of a client
// that [WithHTTPClient] set. Later calls open new connections.
func (c *Client) Close() { c.rest().Close() }
