package rest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

var (
	errCut        = errors.New("the connection ended before the end of the answer")
	errNoResponse = errors.New("the transport returned neither a response nor an error")
)

// transportError returns the error of an exchange without an answer.
func (c *Client) transportError(ctx context.Context, call *Call, resp *http.Response, err error) *errors.Error {
	err = withoutURL(err)
	switch {
	case resp != nil:
		// The caller's CheckRedirect, or the tenth redirect, ended a read.
		e := c.newError(call, errors.UnexpectedResponse, err)
		e.Status = resp.StatusCode
		return e
	case call.Repeat && certificateRefused(err):
		return c.newError(call, errors.Unauthenticated, err)
	case call.Repeat && ctx.Err() != nil:
		return c.newError(call, errors.Canceled, err)
	case !call.conns.neverConnected():
		return c.newError(call, unanswered(call), err)
	case ctx.Err() != nil:
		return c.newError(call, errors.Canceled, err)
	case certificateRefused(err):
		return c.newError(call, errors.Unauthenticated, err)
	}
	return c.newError(call, errors.Unavailable, err)
}

// unanswered returns the code of a call whose answer was lost.
func unanswered(call *Call) errors.Code {
	if call.Repeat {
		return errors.Unavailable
	}
	return errors.OutcomeUnknown
}

// withoutURL returns the cause of the innermost [*url.Error] in an error of net/http.
func withoutURL(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// certificateRefused reports whether the provider ended the TLS connection because of the
// client's certificate. With TLS 1.3, the client receives this after it wrote the request, so
// that it does not prove that the provider did not read the request.
func certificateRefused(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate")
}
