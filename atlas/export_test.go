package atlas

import "github.com/offboard-dev/offboard-go/teardown"

// RunDriver returns what a teardown by this client uses.
func (c *Client) RunDriver() teardown.Driver { return c.driver() }
