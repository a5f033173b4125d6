// Package offboardtest has what the doubles of all providers share: faults that
// are injected, and the log of what was asked and what was done.
//
// A double, such as katapulttest.Server, plays a provider in memory. It is an
// [http.RoundTripper] first, so that tests with package testing/synctest cover
// hours of waiting in no time, and a listener on loopback when asked for.
package offboardtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
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
	provider   http.Handler
	name       func(*http.Request) string
	operations []string // of the provider, sorted; nil if they are not known

	mu        sync.Mutex
	faults    []*pendingFault
	requests  []Request
	forgotten int // requests before these
	listener  *httptest.Server
}

// NewServer returns the shared part of a fake. The handler is the provider with all its
// rules. The function name returns the operation of a request. The operations are the names
// that it can return; without them, [Server.Fail] accepts any name.
func NewServer(provider http.Handler, name func(*http.Request) string, operations ...string) *Server {
	return &Server{provider: provider, name: name, operations: slices.Sorted(slices.Values(operations))}
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

// Count returns the number of requests of an operation. It panics if the provider has no
// operation of this name.
func (s *Server) Count(operation string) int {
	s.checkOperation(operation)
	n := 0
	for _, r := range s.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// Fail adds faults. Each applies to the next requests of its operation, in the order in
// which the faults were added. Fail panics if the provider has no operation of a fault's name.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		s.checkOperation(f.Operation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &pendingFault{Fault: f})
	}
}

// checkOperation panics if the provider has no operation of a name: a test with a misspelled
// name would prove nothing.
func (s *Server) checkOperation(name string) {
	if name == "" || s.operations == nil || slices.Contains(s.operations, name) {
		return
	}
	panic(fmt.Sprintf("offboardtest: unknown operation %q; the operations are %s", name, strings.Join(s.operations, ", ")))
}

// pendingFault is a fault that applies to requests to come.
type pendingFault struct {
	Fault
	used bool // it applied to a request
}

// fault returns the first fault that applies to an operation, and counts it as used.
func (s *Server) fault(operation string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Operation != "" && f.Operation != operation {
			continue
		}
		found := f.Fault
		f.used = true
		if f.Times--; f.Times <= 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return found
	}
	return Fault{}
}

// AssertFaultsUsed reports an error of the test for each fault that applied to no request.
func (s *Server) AssertFaultsUsed(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !f.used {
			t.Errorf("fault applied to no request: operation %q, status %d, failure %s", f.Operation, f.Status, f.Failure)
		}
	}
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
