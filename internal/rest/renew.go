package rest

import (
	"net/http"

	"github.com/offboard-dev/offboard-go/errors"
)

// renew renews the credential of an exchange that was refused because of it, and reports whether
// the request is sent again. Otherwise it returns the error of the exchange. After MaxElapsed, the
// next call uses the renewed credential, and the error is Unavailable: the 401 does not prove that
// the provider refuses the caller's credential. It is also the answer to the first request of a
// digest, which has no credential.
func (c *Client) renew(call *Call, x *exchange, e *errors.Error) (*errors.Error, bool) {
	if x.response == nil { // no answer
		return e, false
	}
	if c.resent(call, e) {
		return unknown(e), false
	}
	if !credentialRefused(e) {
		return e, false
	}
	*x = exchange{auth: renewed(x.auth, x.request, x.response.Header)}
	// A renewal is not counted by MaxAttempts: the provider changed nothing, and a digest
	// needs the challenge of the refusal.
	if x.auth == nil {
		return e, false
	}
	if !c.config.Retry.inTime(call.started, 0) {
		return notResent(e), false
	}
	return e, true
}

// notResent returns the error of a call whose renewed credential was not sent.
func notResent(e *errors.Error) *errors.Error {
	refusal := *e
	e.Code, e.Err = errors.Unavailable, &lateError{true, &refusal}
	return e
}

// credentialRefused reports whether an answer is a 401 because of the credential, and not
// because of a missing permission.
func credentialRefused(e *errors.Error) bool {
	return e != nil && e.Status == http.StatusUnauthorized && !errors.Is(e, errors.PermissionDenied)
}

// Renewer is an Authorizer that can renew the credential of one request more than once. The
// pipeline calls Renew instead of Refused.
type Renewer interface {
	Authorizer

	// Renew returns the authorizer for sending the refused request again; nil if that
	// cannot succeed. It bounds the number of renewals.
	Renew(*http.Request, http.Header) Authorizer
}

// renewed returns the authorizer for sending a refused request again; nil for none.
func renewed(auth Authorizer, req *http.Request, header http.Header) Authorizer {
	if r, ok := auth.(Renewer); ok {
		return r.Renew(req, header)
	}
	if !auth.Refused(req, header) {
		return nil
	}
	return lastTry{auth}
}

// lastTry authorizes a request whose credential was refused before.
type lastTry struct{ Authorizer }

func (lastTry) Refused(*http.Request, http.Header) bool { return false }
