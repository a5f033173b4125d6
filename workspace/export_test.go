package workspace

import (
	"github.com/offboard-dev/offboard-go/teardown"
)

// Driver returns the driver of a teardown with this client.
func (c *Client) Driver() teardown.Driver { return c.driver() }
