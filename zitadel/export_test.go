package zitadel

import "github.com/offboard-dev/offboard-go/teardown"

// RunDriver returns the driver of the client's teardowns.
func (c *Client) RunDriver() teardown.Driver { return c.driver() }
