package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"strings"
)

// setBase takes the base URL apart once, so that a call only appends to it.
func (c *Client) setBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		// The parse error repeats the URL, which may hold a password.
		return c.invalid("the base URL cannot be parsed")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return c.invalid("the base URL is not an absolute http or https URL")
	case u.User != nil:
		return c.invalid("the base URL contains a user name: give credentials by their own option")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return c.invalid("the base URL contains a query or a fragment")
	}
	normalize(u)
	if u.Scheme == "http" && !c.config.PlainHTTP && !loopback(u) {
		return c.invalid("the base URL has plain http, which shows the credential to the network: use https, or WithPlainHTTP")
	}
	c.base = *u
	return nil
}

// prepare does what is the same for every attempt of a call.
func (c *Call) prepare() error {
	c.answer.call = c
	if c.path == "" {
		c.path = c.Path
	}
	if c.err != nil || c.Body == nil {
		return c.err
	}
	var err error
	c.body, err = json.Marshal(c.Body)
	return err
}

// build makes the request of one attempt, without its credential.
func (c *Client) build(ctx context.Context, call *Call) (*http.Request, error) {
	x := &struct { // allocated in one piece
		url   url.URL
		trace httptrace.ClientTrace
	}{url: c.base}
	if err := appendPath(&x.url, call.path); err != nil {
		return nil, err
	}
	x.url.RawQuery = call.query
	if !call.Repeat { // what may be repeated anyway does not need to know
		ctx = call.reach.watch(ctx, &x.trace)
	}
	req := c.blank.WithContext(ctx)
	req.Method, req.URL, req.Host = call.Method, &x.url, x.url.Host
	req.Header = maps.Clone(c.blank.Header)
	if call.Accept != "" {
		call.accept[0] = call.Accept
		req.Header["Accept"] = call.accept[:]
	}
	maps.Copy(req.Header, call.header)
	if call.body != nil {
		req.Header["Content-Type"] = c.json
		if call.ContentType != "" {
			req.Header["Content-Type"] = []string{call.ContentType}
		}
		req.ContentLength = int64(len(call.body))
		req.Body = newBody(call.body)
		req.GetBody = func() (io.ReadCloser, error) { return newBody(call.body), nil }
	}
	return req, nil
}

// appendPath joins an escaped path to a URL's own.
func appendPath(u *url.URL, escaped string) error {
	if !strings.Contains(escaped, "%") && u.RawPath == "" {
		u.Path += escaped
		return nil
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return err
	}
	u.RawPath = u.EscapedPath() + escaped
	u.Path += path
	return nil
}

// body is a request's body: io.NopCloser(bytes.NewReader(b)) in one piece.
type body struct{ bytes.Reader }

func newBody(b []byte) *body {
	r := new(body)
	r.Reset(b)
	return r
}

func (*body) Close() error { return nil }

// userAgent puts the caller's product before ours, as RFC 9110 has it.
func userAgent(caller string) string {
	ours := "offboard-go/" + Version + " (" + runtime.GOOS + "; " + runtime.GOARCH + ")"
	if caller == "" {
		return ours
	}
	return caller + " " + ours
}
