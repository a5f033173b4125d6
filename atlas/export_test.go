package atlas

import "github.com/offboard-dev/offboard-go/teardown"

// Driver returns what a teardown by this client uses.
func (c *Client) Driver() teardown.Driver { return c.driver() }
