package katapult

import (
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// DefaultBaseURL is the base URL of the API.
const DefaultBaseURL = "https://api.katapult.io/core/v1"

// Client calls the Katapult Core API. It is safe for concurrent use. Create it with [New].
type Client struct {
	api       *rest.Client
	durations *teardown.Durations // of all teardowns of this client
}

// New returns a client. One credential is required: [WithToken], [WithTokenSource] or
// [FromEnv]. Invalid options return [errors.InvalidArgument].
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

// Close closes the idle connections of the client. It does not close those of a client set
// with [WithHTTPClient]. Later calls open new connections.
func (c *Client) Close() { c.rest().Close() }

// rest returns the request pipeline of the client.
func (c *Client) rest() *rest.Client {
	if c == nil || c.api == nil {
		return unusable
	}
	return c.api
}

// unusable is the pipeline of a Client that [New] did not create. Every call fails.
var unusable = rest.Unusable(provider)
