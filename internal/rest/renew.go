package rest

import (
	"context"
	"net/http"

	"github.com/offboard-dev/offboard-go/errors"
)

// renew sends a request again whose credential was refused, if the credential can be
// renewed.
func (c *Client) renew(ctx context.Context, call *Call, next handler) *errors.Error {
	for call.auth = c.auth; ; {
		e := next(ctx, call)
		if call.response == nil { // it was not answered
			return e
		}
		if c.resent(call, e) {
			return unknown(e)
		}
		if !credentialRefused(e) {
			return e
		}
		if call.auth = renewed(call.auth, call.request, call.response.Header); call.auth == nil {
			return e
		}
	}
}

// credentialRefused reports whether an answer is a 401 that another credential may
// cure. One that says that a role is missing is not.
func credentialRefused(e *errors.Error) bool {
	return e != nil && e.Status == http.StatusUnauthorized && !errors.Is(e, errors.PermissionDenied)
}

// Renewer is an Authorizer that may renew the credential of one request more than
// once. The pipeline calls Renew instead of Refused.
type Renewer interface {
	Authorizer

	// Renew returns the authorizer that authorizes the refused request anew; nil if
	// sending it again cannot fare better. It bounds the number of renewals.
	Renew(*http.Request, http.Header) Authorizer
}

// renewed returns the authorizer with which a refused request is sent again; nil for
// none.
func renewed(auth Authorizer, req *http.Request, header http.Header) Authorizer {
	if r, ok := auth.(Renewer); ok {
		return r.Renew(req, header)
	}
	if !auth.Refused(req, header) {
		return nil
	}
	return lastTry{auth}
}

// lastTry authorizes a request whose credential was refused once.
type lastTry struct{ Authorizer }

func (lastTry) Refused(*http.Request, http.Header) bool { return false }
