package zitadel

import "github.com/offboard-dev/offboard-go/teardown"

// Driver returns the driver of the client's teardowns.
func (c *Client) Driver() teardown.Driver { return c.driver() }
