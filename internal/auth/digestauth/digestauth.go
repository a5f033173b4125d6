// Package digestauth authenticates by HTTP digest (RFC 7616). It keeps the challenge of the server,
// so that later calls need one request.
package digestauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// New returns an authorizer for a user name and a password. The first request has no credential;
// its answer contains the challenge.
func New(user, password string) rest.NewAuthorizer {
	return func(*http.Client) rest.Authorizer {
		return &authorizer{
			answer: func(c *digest.Challenge, o digest.Options) (*digest.Credentials, error) {
				o.Username, o.Password = user, password
				return digest.Digest(c, o)
			},
			pools: map[origin][]*challenge{},
		}
	}
}

// maxRenewals is the maximum number of times that one request is sent again because its nonce was
// refused.
const maxRenewals = 5

// maxChallenges is the maximum number of challenges that are kept of one origin. An origin has more
// than one only if several servers share the origin and not their nonces.
const maxChallenges = 4

type authorizer struct {
	answer func(*digest.Challenge, digest.Options) (*digest.Credentials, error)

	mu    sync.Mutex
	pools map[origin][]*challenge // from the oldest to the newest
	used  int                     // the number of credentials that were made
}

// origin is the origin of a nonce, which is not sent to another.
type origin struct{ scheme, host string }

func originOf(u *url.URL) origin { return origin{u.Scheme, u.Host} }

// challenge is a kept challenge.
type challenge struct {
	*digest.Challenge      // replaced and never changed
	uses              int  // the nonce count: how often it was answered
	last              int  // [authorizer.used] when it was last answered
	refused           bool // its last credential was refused, or a newer challenge replaces it
}

func (a *authorizer) Authorize(_ context.Context, req *http.Request) error {
	return a.authorize(req, a.choose)
}

// authorize answers the challenge that the function choose returns; nil for none.
func (a *authorizer) authorize(req *http.Request, choose func(*http.Request) *challenge) error {
	a.mu.Lock()
	c := choose(req)
	if c == nil {
		a.mu.Unlock()
		return nil
	}
	a.used++
	c.uses++
	c.last, c.refused = a.used, false
	answered, count := c.Challenge, c.uses
	a.mu.Unlock()

	credentials, err := a.answer(answered, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), GetBody: req.GetBody, Count: count,
	})
	if err != nil {
		return err
	}
	req.Header["Authorization"] = []string{credentials.String()}
	return nil
}

// choose returns the challenge for a request that was not sent before. Of several challenges, it
// returns one whose domain contains the path of the request, and of these the least recently used
// one: servers that alternate each get their nonce.
func (a *authorizer) choose(req *http.Request) *challenge {
	var chosen *challenge
	for _, c := range a.pools[originOf(req.URL)] {
		if chosen == nil || better(req.URL, c, chosen) {
			chosen = c
		}
	}
	return chosen
}

func better(u *url.URL, c, than *challenge) bool {
	if covered := covers(c, u); covered != covers(than, u) {
		return covered
	}
	if c.refused != than.refused {
		return than.refused
	}
	return c.last < than.last
}

// covers reports whether a URL is in the protection space of a challenge.
func covers(c *challenge, u *url.URL) bool {
	for _, domain := range c.Domain {
		space, err := u.Parse(domain)
		if err == nil && originOf(space) == originOf(u) && strings.HasPrefix(u.EscapedPath(), space.EscapedPath()) {
			return true
		}
	}
	return len(c.Domain) == 0
}

// Refused keeps the challenge of a 401. It reports false if the challenge was answered before,
// because the password is wrong then.
func (a *authorizer) Refused(req *http.Request, header http.Header) bool {
	return a.Renew(req, header) != nil
}

// Renew keeps the challenge of a 401, and returns the authorizer that answers it; nil if the
// password is wrong.
func (a *authorizer) Renew(req *http.Request, header http.Header) rest.Authorizer {
	return (&renewal{authorizer: a}).Renew(req, header)
}

// renewal authorizes one request whose credential was refused.
type renewal struct {
	*authorizer
	offered []*challenge // the challenges of the answers to this request
}

func (r *renewal) Authorize(_ context.Context, req *http.Request) error {
	return r.authorize(req, func(*http.Request) *challenge {
		last := len(r.offered) - 1
		if last == 2 {
			// Two new nonces were refused. If two servers alternate, the next one is the
			// server of the nonce before this one.
			last = 1
		}
		return r.offered[last]
	})
}

func (r *renewal) Refused(req *http.Request, header http.Header) bool {
	return r.Renew(req, header) != nil
}

func (r *renewal) Renew(req *http.Request, header http.Header) rest.Authorizer {
	offered := find(header)
	if offered == nil || len(r.offered) == maxRenewals {
		return nil
	}
	sent := ""
	if credentials, err := digest.ParseCredentials(req.Header.Get("Authorization")); err == nil {
		sent = credentials.Nonce
	}
	// A credential for a new nonce was refused. Only "stale" shows that the password is right.
	if sent == offered.Nonce || len(r.offered) > 0 && !offered.Stale {
		return nil
	}
	c := r.keep(originOf(req.URL), offered, sent, len(r.offered) > 0)
	return &renewal{r.authorizer, append(slices.Clip(r.offered), c)}
}

// keep adds a challenge to the pool of an origin. The earlier nonces expired, unless several
// servers have their own nonces: then one server refuses the nonce of the other, and both stay in
// use. Expired nonces stay for a while, because a server that sends one again expects the next
// nonce count.
func (a *authorizer) keep(o origin, offered *digest.Challenge, refused string, several bool) *challenge {
	a.mu.Lock()
	defer a.mu.Unlock()
	pool := a.pools[o]
	several = several || ready(pool) > 1
	kept := (*challenge)(nil)
	for _, c := range pool {
		c.refused = c.refused || !several || c.Nonce == refused
		if c.Nonce == offered.Nonce {
			kept = c
		}
	}
	if kept == nil {
		if len(pool) == maxChallenges {
			// The oldest of the refused challenges, or of all.
			oldest := max(0, slices.IndexFunc(pool, func(c *challenge) bool { return c.refused }))
			pool = slices.Delete(pool, oldest, oldest+1)
		}
		kept = new(challenge)
		pool = append(pool, kept)
	}
	kept.Challenge, kept.refused = offered, false
	a.pools[o] = pool
	return kept
}

// ready returns the number of challenges that can be answered without a request for another.
func ready(pool []*challenge) int {
	n := 0
	for _, c := range pool {
		if !c.refused {
			n++
		}
	}
	return n
}
