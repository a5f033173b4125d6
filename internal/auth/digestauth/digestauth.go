// Package digestauth is HTTP digest authentication (RFC 7616) that keeps the
// server's challenge: one request per call once the challenge is known.
package digestauth

import (
	"context"
	"net/http"
	"sync"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// New returns an authorizer for a user name and a password. The first request
// goes out without a credential and fetches the challenge.
func New(user, password string) rest.NewAuthorizer {
	return func(*http.Client) rest.Authorizer {
		return &authorizer{answer: func(c *digest.Challenge, o digest.Options) (*digest.Credentials, error) {
			o.Username, o.Password = user, password
			return digest.Digest(c, o)
		}}
	}
}

type authorizer struct {
	answer func(*digest.Challenge, digest.Options) (*digest.Credentials, error)

	mu        sync.Mutex
	challenge *digest.Challenge // nil until the server has sent one
	uses      int               // how often it was answered: the nonce count
}

func (a *authorizer) Authorize(_ context.Context, req *http.Request) error {
	challenge, use := a.next()
	if challenge == nil {
		return nil
	}
	credentials, err := a.answer(challenge, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), GetBody: req.GetBody, Count: use,
	})
	if err != nil {
		return err
	}
	req.Header["Authorization"] = []string{credentials.String()}
	return nil
}

func (a *authorizer) next() (*digest.Challenge, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.uses++
	return a.challenge, a.uses
}

// Refused takes up the challenge that came with a 401. It is worth answering
// unless it is the one that was answered: then the password is wrong.
func (a *authorizer) Refused(req *http.Request, header http.Header) bool {
	challenge, err := digest.FindChallenge(header)
	if err != nil || challenge.Nonce == "" || !digest.CanDigest(challenge) {
		return false
	}
	if sent, err := digest.ParseCredentials(req.Header.Get("Authorization")); err == nil && sent.Nonce == challenge.Nonce {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.challenge == nil || a.challenge.Nonce != challenge.Nonce {
		a.challenge, a.uses = challenge, 0
	}
	return true
}
