package rest

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Authorizer puts a credential on requests. It is safe for concurrent use.
type Authorizer interface {
	// Authorize sets the credential, after fetching one where it has to. The error
	// is a [*TokenRefusal] when the token endpoint answered and gave none.
	Authorize(context.Context, *http.Request) error

	// Refused is told that the provider answered a request with 401 and reports
	// whether sending it again, authorized anew, may fare better.
	Refused(*http.Request, http.Header) bool
}

// NewAuthorizer makes an Authorizer that fetches what it needs through the
// guarded client of the Client that it serves.
type NewAuthorizer func(*http.Client) Authorizer

// authorize makes the HTTP request of an exchange, and sets its credential.
func (c *Client) authorize(ctx context.Context, call *Call, x *exchange) *errors.Error {
	req, err := c.build(ctx, call)
	if err != nil {
		return c.newError(call, errors.InvalidArgument, err)
	}
	err = x.auth.Authorize(ctx, req)
	if err == nil && !sendable(req.Header["Authorization"]) {
		err = errUnsendable
	}
	if err != nil {
		return c.unauthorized(ctx, call, err)
	}
	x.request = req
	return nil
}

// unauthorized makes an error of a credential that could not be fetched. Its
// Status is 0, for the operation itself was never sent; the cause has the status
// of the token endpoint.
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
	if _, ok := errors.AsType[*url.Error](err); ok {
		return c.newError(call, errors.Unavailable, withoutURL(err))
	}
	return c.newError(call, errors.Unauthenticated, err)
}

var errUnsendable = errors.New("the credential has what no header can have")

// sendable reports whether an Authorization can be sent. A transport may refuse one
// that cannot, by an error of which nobody knows that it came before the request was
// sent; or send it, with a header of somebody else's behind a line break.
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

// TokenRequest is the operation of an error of a token endpoint.
const TokenRequest = "token request"

// TokenRefusal is a token endpoint's answer that is no token.
type TokenRefusal struct {
	Answer      *Answer
	Code        string // of RFC 6749, section 5.2: "invalid_client"
	Description string
	Secrets     []string // what was sent, in case the answer repeats it
}

func (*TokenRefusal) Error() string { return "the token endpoint gave no token" }

// refusedToken makes an error of a token endpoint's answer.
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

// ofGrant maps the error codes of RFC 6749, section 5.2.
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
