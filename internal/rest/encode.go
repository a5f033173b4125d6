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
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// encode completes the path and encodes the body, once for all attempts of a call.
func (c *Client) encode(call *Call) *errors.Error {
	call.answer.call = call
	if call.path == "" {
		call.path = call.Path
	}
	if call.Body != nil {
		var err error
		if call.body, err = json.Marshal(call.Body); err != nil {
			call.Target = shown(call.Target)
			return c.newError(call, errors.InvalidArgument, err)
		}
	}
	return nil
}

// build returns the request of one exchange, without its credential.
func (c *Client) build(ctx context.Context, call *Call) (*http.Request, error) {
	x := &struct { // one allocation for all
		url     url.URL
		trace   httptrace.ClientTrace
		request requestContext
	}{
		url:     c.base,
		request: requestContext{Context: ctx, provider: c.config.Provider, operation: call.Operation, write: !call.Repeat, attempt: call.attempt},
	}
	ctx = &x.request
	if err := appendPath(&x.url, call.path); err != nil {
		return nil, err
	}
	x.url.RawQuery = call.query
	if !call.Repeat { // a read is sent again after any failure
		ctx = call.conns.watch(ctx, &x.trace)
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

// appendPath appends an escaped path to that of a URL.
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

// body is io.NopCloser(bytes.NewReader(b)) in one allocation.
type body struct{ bytes.Reader }

func newBody(b []byte) *body {
	r := new(body)
	r.Reset(b)
	return r
}

func (*body) Close() error { return nil }
