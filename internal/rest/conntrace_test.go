package rest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
)

// through returns a transport with a proxy.
func through(t *testing.T, proxy string) *http.Transport {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(u)}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// listen accepts connections and passes each to a function, which closes it.
func listen(t *testing.T, serve func(net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// hangUp reads once and closes the connection.
func hangUp(conn net.Conn) {
	_, _ = conn.Read(make([]byte, 4096))
	conn.Close()
}

func TestConnTrace_NoConnection(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(refusing.Close)
	direct := &http.Transport{DialContext: new(net.Dialer).DialContext}
	t.Cleanup(direct.CloseIdleConnections)
	for name, test := range map[string]struct {
		transport *http.Transport
		baseURL   string
	}{
		"a proxy refuses":                {through(t, refusing.URL), "https://test.invalid"},
		"a proxy hangs up":               {through(t, listen(t, hangUp)), "https://test.invalid"},
		"the host hangs up in handshake": {direct, "https" + strings.TrimPrefix(listen(t, hangUp), "http")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, test.transport, func(c *rest.Config) { c.BaseURL, c.Retry.MaxAttempts = test.baseURL, 2 })
			var last trace.Last
			err := c.Do(trace.With(t.Context(), &last), remove())
			if tried, sent := last.Requests(), last.Sent(); tried != 2 || sent != 0 {
				t.Errorf("got %d writes tried and %d sent", tried, sent)
			}
			if got, status := code(t, err); got != errors.Unavailable || status != 0 || attempts(err) != 2 {
				t.Errorf("got %v after %d attempts, want %q after 2", err, attempts(err), errors.Unavailable)
			}
		})
	}
}

func TestConnTrace_Connection(t *testing.T) {
	t.Parallel()
	url := listen(t, hangUp)
	err := newClient(t, &http.Transport{}, func(c *rest.Config) { c.BaseURL = url }).Do(t.Context(), remove())
	if got, _ := code(t, err); got != errors.OutcomeUnknown || attempts(err) != 1 {
		t.Errorf("got %v after %d attempts, want %q after 1", err, attempts(err), errors.OutcomeUnknown)
	}
}

// A transport may connect a second time. A failed second connection does not prove that the first
// one sent nothing.
func TestConnTrace_FailedRedial(t *testing.T) {
	t.Parallel()
	server := playing(func(req *http.Request) (*http.Response, error) {
		trace := httptrace.ContextClientTrace(req.Context())
		trace.GetConn("")
		trace.GotConn(httptrace.GotConnInfo{})
		trace.GetConn("")
		return nil, io.ErrUnexpectedEOF
	})
	err := newClient(t, server).Do(t.Context(), remove())
	if got, _ := code(t, err); got != errors.OutcomeUnknown || len(server.requests) != 1 {
		t.Errorf("got %v after %d requests, want %q after 1", err, len(server.requests), errors.OutcomeUnknown)
	}
}

// The connection of a refused attempt proves nothing about the next attempt.
func TestConnTrace_EachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := playing(func(req *http.Request) (*http.Response, error) {
			trace := httptrace.ContextClientTrace(req.Context())
			trace.GetConn("")
			trace.GotConn(httptrace.GotConnInfo{})
			return answer(429, "")(req)
		}, func(req *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(req.Context()).GetConn("")
			return nil, io.ErrUnexpectedEOF
		})
		err := newClient(t, server, func(c *rest.Config) { c.Retry.MaxAttempts = 2 }).Do(t.Context(), remove())
		if got, _ := code(t, err); got != errors.Unavailable || len(server.requests) != 2 {
			t.Errorf("got %v after %d requests, want %q after 2", err, len(server.requests), errors.Unavailable)
		}
	})
}

// If the context ends the wait for a connection, nothing was sent.
func TestConnTrace_ProxyWait(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{})
	proxy := through(t, listen(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		close(reached)
		_, _ = conn.Read(make([]byte, 1)) // until the client gives up
		conn.Close()
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { <-reached; cancel() }()
	err := newClient(t, proxy).Do(ctx, remove())
	if got, status := code(t, err); got != errors.Canceled || status != 0 {
		t.Errorf("got %v, want %q", err, errors.Canceled)
	}
}

// The trace of the caller receives the events, too.
func TestConnTrace_CallersTrace(t *testing.T) {
	t.Parallel()
	called := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { called = true }})
	url := listen(t, hangUp)
	_ = newClient(t, &http.Transport{}, func(c *rest.Config) { c.BaseURL = url }).Do(ctx, remove())
	if !called {
		t.Error("the trace of the caller did not receive the connection")
	}
}

// attempts returns the number of attempts of an error.
func attempts(err error) int {
	e, _ := errors.AsType[*errors.Error](err)
	return e.Attempts
}
