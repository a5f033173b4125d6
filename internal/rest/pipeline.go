package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/ratelimit"
)

// Do sends a call. The error is an [*errors.Error].
func (c *Client) Do(ctx context.Context, call *Call) error {
	if e := c.do(ctx, call); e != nil {
		return e
	}
	return nil
}

// do passes a call through the links of the pipeline. It defines their order. Each link is a
// method in the file of its name.
func (c *Client) do(ctx context.Context, call *Call) *errors.Error {
	e := c.validate(ctx, call) // refuses a call that no client can make, or with a wrong argument
	if e == nil {
		e = c.encode(call) // completes the path, and encodes the body
	}
	if e == nil {
		e = c.conceal(call) // refuses a call that contains the client's own credential
	}
	ctx = c.begin(ctx, call) // starts the observation of the call
	if e != nil {
		return c.end(call, e) // ends the observation
	}
	ctx, call.started = c.config.Retry.start(ctx)
	var own int
	attempt := attempts(ctx, call, &own)
	for *attempt++; ; *attempt++ {
		call.attempt = number(ctx, call, *attempt)
		start := c.now()
		x := exchange{auth: c.auth}
		for again := true; again; e, again = c.renew(call, &x, e) { // repeats after the renewal of a refused credential
			if e = c.limit(ctx, call, &x); e != nil { // waits for the rate limiter
				break
			}
			// Only the client's own limiter may permit a write that is late already.
			late := c.config.Limiter == nil && isLate(ctx, call)
			e = c.authorize(ctx, call, &x)              // builds the HTTP request, and sets the credential
			if e == nil && !late && isLate(ctx, call) { // the credential took long
				c.unused(call, &x)
				if e = c.limit(ctx, call, &x); e != nil {
					break
				}
			}
			if e == nil {
				e = c.send(ctx, call, &x) // sends the HTTP request once
			}
			if e == nil {
				e = c.decode(call, &x) // reads the answer, and decodes a success
			}
			if e == nil {
				e = c.classify(call, &x) // returns the error of an answer that is no success
			}
			c.recycle(call, &x)
			c.updateLimit(call, &x, e)           // updates the rate limiter by the answer
			call.observed.exchanged(call, &x, e) // reports the request to the observer
		}
		if e != nil {
			e.Attempts = call.sent
		}
		c.log(ctx, call, start, e)            // records the attempt
		if !c.retry(ctx, call, *attempt, e) { // repeats the attempt while that is safe and may help
			return c.end(call, e)
		}
	}
}

// exchange is one request of a call, and its answer.
type exchange struct {
	auth      Authorizer
	permit    ratelimit.Permit
	request   *http.Request
	response  *http.Response // nil if it was not answered
	buffer    *[]byte        // the buffer of the body; nil for none
	succeeded bool           // the answer is a success
	wrong     error          // why an answer with the status of a success is none
	sent      time.Time      // when the request was sent; zero if it was not, or without an observer
	stated
}
