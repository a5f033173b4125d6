// Package auth holds the credentials that several providers share: fixed
// tokens, token sources, and tokens that are fetched by client credentials or
// another grant. What brings a dependency of its own is a package below.
//
// A credential is kept where no formatting verb reaches it: behind a function or
// a pointer.
package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Check refuses a credential that cannot be sent in a header.
func Check(what, secret string) error {
	switch {
	case secret == "":
		return errors.New(what + " is empty")
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New(what + " contains a space or a control character")
	}
	return nil
}

// Fixed sends the same Authorization with every request: "Bearer", "APIToken".
func Fixed(scheme, token string) rest.NewAuthorizer {
	value := []string{scheme + " " + token}
	return func(*http.Client) rest.Authorizer {
		return authorizer(func(_ context.Context, req *http.Request) error {
			req.Header["Authorization"] = value
			return nil
		})
	}
}

// None sends no Authorization: the credential is a client certificate.
func None() rest.NewAuthorizer {
	return func(*http.Client) rest.Authorizer {
		return authorizer(func(context.Context, *http.Request) error { return nil })
	}
}

// Source asks the caller's token source before every request. The source caches
// and renews by itself.
func Source(source oauth2.TokenSource) rest.NewAuthorizer {
	return func(*http.Client) rest.Authorizer {
		return authorizer(func(_ context.Context, req *http.Request) error {
			token, err := source.Token()
			if err != nil {
				return refusal(err)
			}
			if token == nil {
				return errors.New("the token source returned neither a token nor an error")
			}
			if err := Check("the token", token.AccessToken); err != nil {
				return err
			}
			token.SetAuthHeader(req)
			return nil
		})
	}
}

// authorizer is an Authorizer that cannot renew what was refused.
type authorizer func(context.Context, *http.Request) error

func (a authorizer) Authorize(ctx context.Context, req *http.Request) error { return a(ctx, req) }

func (authorizer) Refused(*http.Request, http.Header) bool { return false }

// refusal takes an error of package oauth2 apart, whose text would repeat the
// answer's body. Other errors stay as they are.
func refusal(err error) error {
	r, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || r.Response == nil {
		return err
	}
	body := struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}{r.ErrorCode, r.ErrorDescription}
	if body.Code == "" {
		// Where a gateway has changed the Content-Type, the package did not read it. A
		// field of another type is left empty.
		_ = json.Unmarshal(r.Body, &body)
	}
	return &rest.TokenRefusal{
		Answer:      &rest.Answer{Status: r.Response.StatusCode, Header: r.Response.Header, Body: r.Body},
		Code:        body.Code,
		Description: body.Description,
	}
}
