// Package auth contains the credentials that several providers use: fixed tokens, token sources,
// and tokens of an OAuth grant. Credentials with a dependency of their own are in packages below
// it.
//
// A credential is stored behind a function or a pointer, so that no formatting verb shows it.
package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Check returns an error if a credential is empty or contains a space or a control character. The
// error contains the name, and not the credential.
func Check(name, secret string) error {
	switch {
	case secret == "":
		return errors.New(name + " must not be empty")
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New(name + " must not contain a space or a control character")
	}
	return nil
}

// Fixed sends the same Authorization with every request. The scheme is "Bearer", for example.
func Fixed(scheme, token string) rest.NewAuthorizer {
	value := []string{scheme + " " + token}
	return func(*http.Client) rest.Authorizer {
		return authorizer(func(_ context.Context, req *http.Request) error {
			req.Header["Authorization"] = value
			return nil
		})
	}
}

// UseToken sets a token that never changes as the credential, under a scheme such as "Bearer".
func UseToken(c *rest.Config, scheme, token string) error {
	if err := Check("the token", token); err != nil {
		return err
	}
	return c.Authorize(Fixed(scheme, token), token)
}

// None sends no Authorization, because the credential is a client certificate.
func None() rest.NewAuthorizer {
	return func(*http.Client) rest.Authorizer {
		return authorizer(func(context.Context, *http.Request) error { return nil })
	}
}

// UseTokenSource sets the caller's token source as the credential. It returns an error if the
// source is nil, or contains a nil value, whose method would panic.
func UseTokenSource(c *rest.Config, source oauth2.TokenSource) error {
	if nilness.IsNil(source) {
		return errors.New("the token source must not be nil")
	}
	return c.Authorize(Source(source))
}

// Source gets the token from the caller's token source before every request. The source caches
// and renews the token.
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

// authorizer is an Authorizer that cannot renew a refused credential.
type authorizer func(context.Context, *http.Request) error

func (a authorizer) Authorize(ctx context.Context, req *http.Request) error { return a(ctx, req) }

func (authorizer) Refused(*http.Request, http.Header) bool { return false }

// refusal replaces an error of package oauth2, whose text repeats the body of the answer. It does
// not change other errors.
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
		// Package oauth2 does not read the body if a gateway changed the Content-Type.
		// A field of another type stays empty.
		_ = json.Unmarshal(r.Body, &body)
	}
	return &rest.TokenRefusal{
		Answer:      &rest.Answer{Status: r.Response.StatusCode, Header: r.Response.Header, Body: r.Body},
		Code:        body.Code,
		Description: body.Description,
	}
}
