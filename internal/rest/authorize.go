package rest

import (
	"bytes"
	"context"
	"net/http"
	"strings"
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

// secret is what the Authorization of a request carries after its scheme.
func secret(req *http.Request) string {
	authorization := req.Header["Authorization"]
	if len(authorization) == 0 {
		return ""
	}
	_, secret, _ := strings.Cut(authorization[0], " ")
	return secret
}

// shortestSecret is the shortest credential that is looked for in answers: what
// is shorter would be found in any text.
const shortestSecret = 6

// redact takes a credential out of an answer that repeats it.
func (a *Answer) redact(secret string) {
	if len(secret) >= shortestSecret && bytes.Contains(a.Body, []byte(secret)) {
		a.Body = bytes.ReplaceAll(a.Body, []byte(secret), []byte("[redacted]"))
	}
}

// TokenRequest is the operation of an error of a token endpoint.
const TokenRequest = "token request"

// TokenRefusal is a token endpoint's answer that is no token.
type TokenRefusal struct {
	Answer      *Answer
	Code        string // of RFC 6749, section 5.2: "invalid_client"
	Description string
	Secret      string // what was sent, in case the answer repeats it
}

func (*TokenRefusal) Error() string { return "the token endpoint gave no token" }

// refusedToken makes an error of a token endpoint's answer.
func (c *Client) refusedToken(r *TokenRefusal) *errors.Error {
	e := c.newError(&Call{Operation: TokenRequest}, "", nil)
	e.Status = r.Answer.Status
	e.RequestID = r.Answer.Header.Get("X-Request-Id")
	e.RetryAfter = RetryAfter(r.Answer.Header, time.Now())
	r.Answer.redact(r.Secret)
	c.config.Classify(r.Answer, e)
	if r.Code != "" {
		e.ProviderCode, e.Message = r.Code, r.Description
		if len(r.Secret) >= shortestSecret {
			e.Message = strings.ReplaceAll(e.Message, r.Secret, "[redacted]")
		}
	}
	if e.Code == "" {
		e.Code = ofGrant(r.Code)
	}
	if e.Code == "" {
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
