package workspace

import (
	"github.com/offboard-dev/offboard-go/teardown"
)

// RunDriver returns the driver of a teardown with this client.
func (c *Client) RunDriver() teardown.Driver { return c.driver() }
