package rest

import (
	"net/http"
	"net/url"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// guard returns a copy of the caller's client that follows a redirect only for a read and only
// to the same origin. release closes the connections that the copy does not share with the
// caller; nil for none. Without a client of the caller, the copy has its own clone of
// http.DefaultTransport, unless that is not an *http.Transport.
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

// redirectGuard removes the Location of a redirect that must not be followed. Without a Location,
// net/http returns the answer with its status, and parses no invalid Location.
type redirectGuard struct{ next http.RoundTripper }

func (g redirectGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(req)
	if err != nil || resp == nil {
		return resp, err
	}
	if resp.Request == nil { // afterRedirect reads it
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

var errRedirected = errors.New("the answer is that of a redirect, for another path")

// afterRedirect replaces the code of a "not found" after a redirect, because it proves nothing
// about the resource of the request.
func afterRedirect(e *errors.Error, resp *http.Response) {
	redirected := resp.Request != nil && resp.Request.Response != nil
	if e != nil && redirected && errors.Is(e, errors.NotFound) {
		e.Code, e.Err = errors.UnexpectedResponse, errRedirected
	}
}
