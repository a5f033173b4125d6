package offboardtest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"syscall"
)

// InMemory is the base URL, without the base path, of a fake that is used in memory, by
// [Server.RoundTrip].
const InMemory = "https://fake.invalid"

// RoundTrip answers a request in memory, in the goroutine of the caller, without a network.
// Like the transport of net/http, it reports its connections to an [httptrace.ClientTrace]
// of the request's context.
func (s *Server) RoundTrip(req *http.Request) (*http.Response, error) {
	incoming := req.Clone(req.Context())
	if incoming.Body == nil {
		incoming.Body = http.NoBody
	}
	if incoming.Host == "" {
		incoming.Host = req.URL.Host
	}
	incoming.RequestURI = req.URL.RequestURI()
	incoming.RemoteAddr = "192.0.2.1:1234" // an address reserved for documentation by RFC 5737
	getConn, gotConn := connections(req)
	getConn()
	resp, fault, err := s.exchange(incoming, gotConn)
	if req.Body != nil {
		req.Body.Close()
	}
	switch {
	case err != nil:
		return nil, err
	case fault.Failure == ConnectionRedialed:
		getConn()
		return nil, errRefused
	case fault.Failure == ConnectionRefused:
		return nil, errRefused
	case fault.Failure == ConnectionReset && fault.Err != nil:
		return nil, fault.Err
	case fault.Failure == ConnectionReset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	resp.Request = req
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	if fault.Failure == BodyTruncated {
		return truncated(resp)
	}
	return resp, nil
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// connections returns the functions that report a connection to the trace of a request:
// before it is made, and after.
func connections(req *http.Request) (getConn, gotConn func()) {
	getConn, gotConn = func() {}, func() {}
	trace := httptrace.ContextClientTrace(req.Context())
	if trace == nil {
		return getConn, gotConn
	}
	if f := trace.GetConn; f != nil {
		getConn = func() { f(req.URL.Host) }
	}
	if f := trace.GotConn; f != nil {
		gotConn = func() { f(httptrace.GotConnInfo{}) }
	}
	return getConn, gotConn
}

// truncated makes the body of an answer fail in its middle.
func truncated(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.ContentLength = int64(len(body))
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenReader{}))
	return resp, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Client returns an HTTP client whose requests the fake answers in memory.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s} }

// Start serves the fake on loopback, unless it is already served, and returns the base URL of
// its API, as the option WithBaseURL of the provider accepts it. The caller must call Close.
func (s *Server) Start() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		s.listener = httptest.NewServer(http.HandlerFunc(s.serve))
	}
	return s.listener.URL + s.basePath
}

// Close stops the listener of [Server.Start]. It does nothing without a listener.
func (s *Server) Close() {
	s.mu.Lock()
	listener := s.listener
	s.listener = nil
	s.mu.Unlock()
	if listener != nil {
		listener.Close()
	}
}

// serve answers a request of the listener.
func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	resp, fault, err := s.exchange(req, func() {})
	if err != nil || fault.Failure == ConnectionRefused || fault.Failure == ConnectionReset || fault.Failure == ConnectionRedialed {
		panic(http.ErrAbortHandler) // which closes the connection without an answer
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if resp.StatusCode == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(resp.StatusCode)
	if fault.Failure == BodyTruncated {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body)
	if fault.Failure == BodyTruncated {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

var _ http.RoundTripper = (*Server)(nil)

// Endpoint returns the base URL of the fake's API, as the option WithBaseURL of the provider
// accepts it, and an HTTP client for it. Both are those of the listener if [Server.Start] was
// called; otherwise, the base URL starts with [InMemory], and the client needs no network.
func (s *Server) Endpoint() (url string, client *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return s.listener.URL + s.basePath, s.listener.Client()
	}
	return InMemory + s.basePath, &http.Client{Transport: s}
}
