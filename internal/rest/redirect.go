package rest

import (
	"net/http"
	"net/url"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// guard returns a copy of the caller's client that refuses redirects, and what closes the
// connections that it does not share with the caller; nil for none. Without a caller's client
// it has connections of its own, as http.DefaultTransport makes them, unless that was
// replaced by another kind of transport.
func guard(client *http.Client, timeout time.Duration) (guarded *http.Client, release func()) {
	guarded = &http.Client{Timeout: timeout}
	if client != nil {
		*guarded = *client
	}
	if guarded.Transport == nil {
		guarded.Transport = http.DefaultTransport
		if own, ok := guarded.Transport.(*http.Transport); ok && client == nil {
			own = own.Clone()
			guarded.Transport, release = own, own.CloseIdleConnections
		}
	}
	guarded.Transport = redirectGuard{guarded.Transport}
	return guarded, release
}

// redirectGuard takes the Location off an answer that must not be followed.
// Without it net/http returns the answer as it is, with its status, and does
// not stumble over a Location that cannot be parsed.
type redirectGuard struct{ next http.RoundTripper }

func (g redirectGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(req)
	if err != nil || resp == nil {
		return resp, err
	}
	if resp.Request == nil { // from which afterRedirect knows
		resp.Request = req
	}
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return resp, nil
	}
	if !followable(req, resp.Header.Get("Location")) {
		resp.Header.Del("Location")
	}
	return resp, nil
}

func followable(req *http.Request, location string) bool {
	if !redirectable(req) {
		return false
	}
	to, err := req.URL.Parse(location)
	return err == nil && sameOrigin(req.URL, to)
}

// redirectable reports whether a request may be redirected at all.
func redirectable(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Host == b.Host && b.User == nil
}

var errLed = errors.New("the answer is to another path, which a redirect led to")

// afterRedirect takes the meaning off a "not found" at the end of a redirect: it is about
// the path that the redirect led to, and says nothing about what was asked for.
func afterRedirect(e *errors.Error, resp *http.Response) {
	led := resp.Request != nil && resp.Request.Response != nil
	if e != nil && led && errors.Is(e, errors.NotFound) {
		e.Code, e.Err = errors.UnexpectedResponse, errLed
	}
}
