package rest

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// validate refuses a call that no client can make, or one of whose arguments was refused.
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

// check refuses a call that no client can make.
func (c *Client) check(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	return c.unusable
}

var errNoContext = errors.New("the context is nil")
