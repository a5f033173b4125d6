package rest

import (
	"context"
	"net/http"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// send sends the request once.
func (c *Client) send(ctx context.Context, call *Call, x *exchange) *errors.Error {
	if e := c.stopped(ctx, call); e != nil {
		return e
	}
	if !call.Repeat {
		if e := c.unpermitted(call, trace.Write(ctx)); e != nil {
			return e
		}
	}
	call.sent++
	x.sent = call.observed.now()
	last := trace.Of(ctx)
	if last != nil {
		last.Request(!call.Repeat)
	}
	resp, err := c.roundTrip(x.request)
	if err != nil {
		if !call.Repeat && last != nil && call.conns.neverConnected() {
			last.Unsent()
		}
		return c.transportError(ctx, call, resp, err)
	}
	if last != nil {
		last.Note(redact(requestID(resp.Header), secret(x.request)))
	}
	x.response = resp
	return nil
}

// roundTrip sends a request. A write is passed to the transport directly, because http.Client.Do
// can follow a redirect. If the caller's client has cookies or a timeout, Do is necessary.
func (c *Client) roundTrip(req *http.Request) (*http.Response, error) {
	if redirectable(req) || c.http.Jar != nil || c.http.Timeout != 0 {
		return c.http.Do(req)
	}
	resp, err := c.http.Transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errNoResponse
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	return resp, nil
}
