package atlas

import (
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// DefaultBaseURL is where the API is. That of Atlas for Government is
// https://cloud.mongodbgov.com.
const DefaultBaseURL = "https://cloud.mongodb.com"

// Client speaks to Atlas. It is safe for concurrent use; make one with [New].
type Client struct {
	api *rest.Client

	durations *teardown.Durations // learned by all teardowns
}

// New returns a client. It needs a credential: [WithServiceAccount], [WithAPIKey]
// or [FromEnv]. What cannot work is refused here, with [errors.InvalidArgument].
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

// Close closes the idle connections of the client, unless they are those of a client that
// was given by [WithHTTPClient]. Calls that follow open new ones.
func (c *Client) Close() { c.rest().Close() }

// instance is the address of Atlas, of which there is another one for Government.
func (c *Client) instance() string { return c.rest().BaseURL().String() }

// rest returns the pipeline of the client.
func (c *Client) rest() *rest.Client {
	if c == nil || c.api == nil {
		return unusable
	}
	return c.api
}

// unmade is what a Client that [New] has not made calls: every call fails.
var unusable = rest.Unusable(provider)
