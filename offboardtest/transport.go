package offboardtest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
)

// InMemory is the base URL by which a double is reached through its RoundTrip.
const InMemory = "https://double.invalid"

// RoundTrip plays a request in memory, in the goroutine of the caller. No network
// is used.
func (s *Server) RoundTrip(req *http.Request) (*http.Response, error) {
	incoming := req.Clone(req.Context())
	if incoming.Body == nil {
		incoming.Body = http.NoBody
	}
	if incoming.Host == "" {
		incoming.Host = req.URL.Host
	}
	incoming.RequestURI = req.URL.RequestURI()
	incoming.RemoteAddr = "192.0.2.1:1234" // of the net for documentation
	resp, fault, err := s.exchange(incoming)
	if req.Body != nil {
		req.Body.Close()
	}
	switch {
	case err != nil:
		return nil, err
	case fault.Break == Refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case fault.Break == Reset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	resp.Request = req
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	if fault.Break == Truncated {
		return truncated(resp)
	}
	return resp, nil
}

// truncated cuts the body in its middle.
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

// Client returns an HTTP client that reaches the double in memory.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s} }

// Start listens on loopback, unless it does already, and returns the URL. Call
// Close when done.
func (s *Server) Start() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		s.listener = httptest.NewServer(http.HandlerFunc(s.serve))
	}
	return s.listener.URL
}

// Close ends the listening that Start began.
func (s *Server) Close() {
	s.mu.Lock()
	listener := s.listener
	s.listener = nil
	s.mu.Unlock()
	if listener != nil {
		listener.Close()
	}
}

// serve plays a request of the listener.
func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	resp, fault, err := s.exchange(req)
	if err != nil || fault.Break == Refused || fault.Break == Reset {
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
	if fault.Break == Truncated {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body)
	if fault.Break == Truncated {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

var _ http.RoundTripper = (*Server)(nil)

// Reach returns the URL of the double and a client that reaches it: in memory, or
// through the listener once it was started.
func (s *Server) Reach() (url string, client *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return s.listener.URL, s.listener.Client()
	}
	return InMemory, &http.Client{Transport: s}
}
