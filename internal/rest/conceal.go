package rest

import "github.com/offboard-dev/offboard-go/errors"

// conceal refuses a call whose arguments contain the client's own credential. It replaces a
// target that has the form of another credential, because errors and log records contain the
// target.
func (c *Client) conceal(call *Call) *errors.Error {
	if c.leaks != nil && c.leaks(call) {
		call.Target = ""
		return c.newError(call, errors.InvalidArgument, errOwnCredential)
	}
	if target := shown(call.Target); target != call.Target {
		call.concealed, call.Target = call.Target, target // an answer may repeat it
	}
	return nil
}
