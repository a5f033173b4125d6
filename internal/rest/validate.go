package rest

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// validate refuses a call without a context or with a refused argument, and all calls of an
// unusable client.
func (c *Client) validate(ctx context.Context, call *Call) *errors.Error {
	if err := c.check(ctx); err != nil {
		call.Target = ""
		return c.newError(call, errors.InvalidArgument, err)
	}
	if call.err != nil {
		call.Target = shown(call.Target)
		return c.newError(call, errors.InvalidArgument, call.err)
	}
	return nil
}

// check returns an error for a nil context, and for a client that New did not make.
func (c *Client) check(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	return c.unusable
}

var errNoContext = errors.New("the context must not be nil")
