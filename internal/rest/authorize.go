package rest

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/observe"
)

// Authorizer sets the credential of requests. It is safe for concurrent use.
type Authorizer interface {
	// Authorize sets the credential of a request, after fetching one if necessary. The
	// error is a [*TokenRefusal] if the token endpoint answered without a token.
	Authorize(context.Context, *http.Request) error

	// Refused records that the provider answered a request with 401. It reports whether
	// the request may succeed with another authorization.
	Refused(*http.Request, http.Header) bool
}

// NewAuthorizer makes an Authorizer, which fetches tokens with the given HTTP client. That
// client follows no redirect to another origin.
type NewAuthorizer func(*http.Client) Authorizer

// authorize builds the HTTP request of an exchange, and sets its credential.
func (c *Client) authorize(ctx context.Context, call *Call, x *exchange) *errors.Error {
	req, err := c.build(ctx, call)
	if err != nil {
		return c.newError(call, errors.InvalidArgument, err)
	}
	inTime := c.config.Retry.inTime(call.started, 0)
	bounded, cancel := c.config.Retry.bound(ctx, call.started)
	defer cancel()
	start := call.observed.now()
	err = x.auth.Authorize(bounded, req)
	call.observed.waited(observe.ReasonToken, call.attempt, start)
	switch {
	case err != nil:
	case !sendable(req.Header["Authorization"]):
		err = errUnsendable
	case inTime && !c.config.Retry.inTime(call.started, 0):
		// The caller's token source has no context, and returned the token too late.
		err = &lateError{resent: call.sent > 0}
	}
	if err != nil {
		if ctx.Err() == nil && bounded.Err() != nil && unreachable(err) {
			err = &lateError{call.sent > 0, withoutURL(err)}
		}
		return c.unauthorized(ctx, call, err)
	}
	x.request = req
	return nil
}

// unauthorized returns the error of a credential that cannot be fetched. Its Status is 0,
// because the operation was not sent; the cause has the status of the token endpoint.
func (c *Client) unauthorized(ctx context.Context, call *Call, err error) *errors.Error {
	if ctx.Err() != nil {
		return c.newError(call, errors.Canceled, ctx.Err())
	}
	if refusal, ok := errors.AsType[*TokenRefusal](err); ok {
		cause := c.refusedToken(refusal)
		e := c.newError(call, cause.Code, cause)
		e.ProviderCode, e.Message, e.RequestID = cause.ProviderCode, cause.Message, cause.RequestID
		e.RetryAfter = cause.RetryAfter
		return e
	}
	if unreachable(err) {
		return c.newError(call, errors.Unavailable, withoutURL(err))
	}
	return c.newError(call, errors.Unauthenticated, err)
}

// unreachable reports whether a credential could not be fetched in time, which is no fault of the
// credential.
func unreachable(err error) bool {
	_, failed := errors.AsType[*url.Error](err)
	_, late := errors.AsType[*lateError](err)
	return failed || late || errors.Is(err, context.DeadlineExceeded)
}

// lateError is the error of a request that was not sent, because its credential was not available
// before MaxElapsed.
type lateError struct {
	resent bool  // the request was sent before, with a refused credential
	cause  error // nil if the credential arrived too late
}

// Error returns a text with that of the cause.
func (e *lateError) Error() string {
	text := "MaxElapsed passed before the credential was available; the request was not sent"
	if e.resent {
		text += " again"
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *lateError) Unwrap() error { return e.cause }

var errUnsendable = errors.New("the credential contains a control character")

// sendable reports whether an Authorization has no control character. With one, a transport
// may return an error that does not prove that nothing was sent, or may send a line break and
// another header after it.
func sendable(authorization []string) bool {
	for _, value := range authorization {
		for i := range len(value) {
			if c := value[i]; c < ' ' || c == 0x7f {
				return false
			}
		}
	}
	return true
}

// TokenRequest is the operation of the error of a token endpoint.
const TokenRequest = "token request"

// TokenRefusal is the answer of a token endpoint without a token.
type TokenRefusal struct {
	Answer      *Answer  // Answer is the whole answer.
	Code        string   // Code is the error code of RFC 6749, section 5.2, such as "invalid_client".
	Description string   // Description is the text of the token endpoint for the code.
	Secrets     []string // Secrets are the secrets of the request, which the answer may repeat.
}

// Error returns a text without details, which the answer has.
func (*TokenRefusal) Error() string { return "the token endpoint returned no token" }

// refusedToken returns the error for the answer of a token endpoint.
func (c *Client) refusedToken(r *TokenRefusal) *errors.Error {
	e := c.newError(&Call{Operation: TokenRequest}, "", nil)
	e.Status = r.Answer.Status
	e.RetryAfter = RetryAfter(r.Answer.Header, time.Now())
	for _, secret := range r.Secrets {
		r.Answer.redact(secret)
		r.Code, r.Description = redact(r.Code, secret), redact(r.Description, secret)
	}
	e.RequestID = requestID(r.Answer.Header)
	own := c.config.Classify(r.Answer, e) || r.Code != ""
	if r.Code != "" {
		e.ProviderCode, e.Message = r.Code, r.Description
	}
	if e.Code == "" {
		e.Code = ofGrant(r.Code)
	}
	switch {
	case !own && r.Answer.needsForm():
		e.Code, e.Err = errors.UnexpectedResponse, errForeign
	case e.Code == "":
		e.Code = ofStatus(e.Status, r.Code != "")
	}
	return e
}

// ofGrant returns the code for an error code of RFC 6749, section 5.2; "" if it is unknown.
func ofGrant(code string) errors.Code {
	switch code {
	case "invalid_client", "invalid_grant", "unauthorized_client":
		return errors.Unauthenticated
	case "invalid_request", "unsupported_grant_type", "invalid_scope":
		return errors.InvalidArgument
	case "temporarily_unavailable":
		return errors.Unavailable
	}
	return ""
}
