// Package offboardtest has what the doubles of all providers share: faults that
// are injected, and the log of what was asked and what was done.
//
// A double, such as katapulttest.Server, plays a provider in memory. It is an
// [http.RoundTripper] first, so that tests with package testing/synctest cover
// hours of waiting in no time, and a listener on loopback when asked for.
package offboardtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/internal/wait"
)

// Request is one request that reached a double.
type Request struct {
	Operation string // the operation it asked for; "" when the provider has none such
	Method    string
	Path      string // escaped
	Query     string
	Header    http.Header
	Body      []byte
	Time      time.Time

	// Status is what the double answered; 0 when the answer was withheld.
	Status int

	// Processed: the provider's own rules were applied to the request. It is false when
	// a fault befell the request before that.
	Processed bool
}

// Server is the part of a double that is the same for all providers. It is
// embedded by the doubles, and safe for concurrent use.
type Server struct {
	provider http.Handler
	name     func(*http.Request) string

	mu        sync.Mutex
	faults    []Fault
	requests  []Request
	forgotten int // requests before these
	listener  *httptest.Server
}

// NewServer returns the shared part of a double. The handler is the provider
// with all its rules; name tells the operation that a request asks for.
func NewServer(provider http.Handler, name func(*http.Request) string) *Server {
	return &Server{provider: provider, name: name}
}

// Requests returns all requests so far, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests empties the log of requests, for tests that make very many.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten += len(s.requests)
	s.requests = nil
}

// Count returns how many requests asked for an operation.
func (s *Server) Count(operation string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// Fail lets the coming requests fail, each fault in its turn.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// fault takes the first fault that befalls an operation.
func (s *Server) fault(operation string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if f.Operation != "" && f.Operation != operation {
			continue
		}
		found := *f
		if f.Times--; f.Times <= 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return found
	}
	return Fault{}
}

// exchange plays a request, in memory or from the listener, and returns the
// answer and what befell it. It calls connected once there is a connection.
func (s *Server) exchange(req *http.Request, connected func()) (*http.Response, Fault, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, Fault{}, err
	}
	req.Body = newBody(body)
	r := Request{
		Operation: s.name(req), Method: req.Method, Path: req.URL.EscapedPath(),
		Query: req.URL.RawQuery, Header: req.Header.Clone(), Body: body, Time: time.Now(),
	}
	fault := s.fault(r.Operation)
	index := s.record(r)
	if fault.Failure != ConnectionRefused {
		connected()
	}
	if err := delay(req.Context(), fault.Delay); err != nil {
		return nil, fault, err
	}
	var resp *http.Response
	if r.Processed = !fault.replaces(); r.Processed {
		if fault.EditRequest != nil {
			fault.EditRequest(req)
		}
		recorder := httptest.NewRecorder()
		s.provider.ServeHTTP(recorder, req)
		resp = recorder.Result()
		if resp.Header.Get("Date") == "" {
			resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		}
		observe(r, resp)
	}
	if fault.Status != 0 {
		resp = fault.answer()
	}
	if resp != nil {
		if err := fault.edit(resp); err != nil {
			return nil, fault, err
		}
	}
	if err := delay(req.Context(), fault.DelayAfter); err != nil {
		return nil, fault, err
	}
	if fault.Failure == NoFailure || fault.Failure == BodyTruncated {
		r.Status = resp.StatusCode
	}
	s.amend(index, r)
	return resp, fault, nil
}

func (s *Server) record(r Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	return s.forgotten + len(s.requests) - 1
}

func (s *Server) amend(index int, r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index >= s.forgotten {
		s.requests[index-s.forgotten] = r
	}
}

// delay waits until the context ends. A gentle stop of the client does not shorten it, as
// it ends no request in flight.
func delay(ctx context.Context, d time.Duration) error {
	return wait.Sleep(trace.WithStop(ctx, nil), d)
}
