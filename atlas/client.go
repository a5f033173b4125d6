package atlas

import (
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// DefaultBaseURL is the base URL of the API. The base URL of Atlas for Government is
// https://cloud.mongodbgov.com.
const DefaultBaseURL = "https://cloud.mongodb.com"

// Client sends requests to Atlas. It is safe for concurrent use. Create a Client with [New].
type Client struct {
	api *rest.Client

	durations *teardown.Durations // shared by all teardowns
}

// New returns a client. It requires a credential: [WithServiceAccount], [WithAPIKey],
// [WithTokenSource], [WithCredentials] or [FromEnv]. New returns [errors.InvalidArgument] if an
// option is invalid or missing.
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

// Close closes the idle connections of the client. Connections of a client that was set by
// [WithHTTPClient] stay open. Later calls open new connections.
func (c *Client) Close() { c.rest().Close() }

// instance returns the base URL, which identifies the Atlas instance of a plan.
func (c *Client) instance() string { return c.rest().BaseURL().String() }

// rest returns the pipeline of the client.
func (c *Client) rest() *rest.Client {
	if c == nil || c.api == nil {
		return unusable
	}
	return c.api
}

// unusable is the pipeline of a Client that [New] did not create: every call fails.
var unusable = rest.Unusable(provider)
