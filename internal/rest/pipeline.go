package rest

import (
	"context"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
)

// pipeline returns what carries out a call. It defines the order of the links: a call goes
// down the list, and its answer comes back up. The file of a link has its name.
func (c *Client) pipeline() handler {
	return chain(
		c.validate,  // refuses a call that no client can make, or with a wrong argument
		c.encode,    // writes the path and the body
		c.conceal,   // refuses a call that contains the client's own credential
		c.retry,     // repeats the links below while that is safe and may help
		c.log,       // records the attempt
		c.renew,     // repeats the links below once a refused credential was renewed
		c.limit,     // waits for the rate limiter, and updates it by the answer
		c.authorize, // makes the HTTP request, and sets the credential
		c.classify,  // makes an error of an answer that is no success
		c.decode,    // reads the answer, and decodes a success
		c.send,      // sends the HTTP request once
	)
}

// handler carries out a call, or the part of it that is left for some links. The error is
// nil if the call succeeded.
type handler func(context.Context, *Call) *errors.Error

// link is a part of the pipeline. It carries out its part before or after it calls next,
// and does not call next after a failure.
type link func(ctx context.Context, call *Call, next handler) *errors.Error

// chain returns a handler of links, of which each calls the one after it.
func chain(links ...link) handler {
	var next handler
	for _, l := range slices.Backward(links) {
		rest := next
		next = func(ctx context.Context, call *Call) *errors.Error { return l(ctx, call, rest) }
	}
	return next
}

// Do carries out a call. The error is an [*errors.Error].
func (c *Client) Do(ctx context.Context, call *Call) error {
	if e := c.handle(ctx, call); e != nil {
		return e
	}
	return nil
}
