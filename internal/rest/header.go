package rest

// Header returns a header that chooses what the call is about; "" if there is none, or
// if its value was refused.
func (c *Call) Header(name string) string { return c.header.Get(name) }
