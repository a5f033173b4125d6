// Package offboardtest contains the common part of the fakes of all providers: faults, and
// the log of the requests. It also records the traffic of a client, and replays it.
//
// A fake, such as katapulttest.Server, implements a provider's API in memory. A fake is an
// [http.RoundTripper], so that a test with package testing/synctest covers hours of waiting
// in milliseconds. [Server.Start] serves the fake on loopback.
//
// [Server.Fail] adds faults, and [Server.AssertFaultsUsed] fails the test if a fault applied
// to no request.
//
// A [Recorder] writes the exchanges of a client with a real provider, without secrets. A [Replay]
// answers a client from such a recording, or from a HAR file.
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

// Request is one request that a fake received.
type Request struct {
	Operation string      // Operation is the name of the operation; "" if the provider has no such operation.
	Method    string      // Method is the HTTP method.
	Path      string      // Path is the escaped path.
	Query     string      // Query is the encoded query, without "?".
	Header    http.Header // Header contains the headers.
	Body      []byte      // Body is the whole body.
	Time      time.Time   // Time is the time at which the fake received the request.

	// Status is the status of the answer; 0 if the fake sent none.
	Status int

	// Processed is true if the fake applied the provider's rules to the request. It is false
	// if a fault applied to the request before that.
	Processed bool
}

// Server is the common part of all fakes, which embed it. It is safe for concurrent use.
type Server struct {
	provider   http.Handler
	basePath   string
	name       func(*http.Request) string
	operations []string // of the provider, sorted; nil if they are not known

	mu       sync.Mutex
	faults   []*pendingFault
	requests []Request
	reset    int // how many requests ResetRequests removed
	listener *httptest.Server
}

// NewServer returns the shared part of a fake. The handler is the provider with all its
// rules. The base path is the path of the provider's base URL, such as "/v1", or "". The
// function name returns the operation of a request. The operations are the names that it can
// return; without them, [Server.Fail] accepts any name.
func NewServer(provider http.Handler, basePath string, name func(*http.Request) string, operations ...string) *Server {
	return &Server{provider: provider, basePath: basePath, name: name, operations: slices.Sorted(slices.Values(operations))}
}

// Requests returns all requests, in the order in which the fake received them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests empties the log of requests. It saves memory in tests with many requests.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset += len(s.requests)
	s.requests = nil
}

// Count returns the number of requests of an operation. It panics if the provider has no
// operation of this name.
func (s *Server) Count(operation string) int {
	s.RequireOperation(operation)
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
		s.RequireOperation(f.Operation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &pendingFault{Fault: f})
	}
}

// RequireOperation panics if the provider has no operation of a name, because a test with a
// misspelled name proves nothing. The empty name is valid.
func (s *Server) RequireOperation(name string) {
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

// exchange answers a request, and returns the answer and the fault that applied to the
// request. It calls connected unless the fault refuses the connection.
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
	return s.reset + len(s.requests) - 1
}

func (s *Server) amend(index int, r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index >= s.reset {
		s.requests[index-s.reset] = r
	}
}

// delay waits for d, or until the context ends. A gentle stop of the client does not shorten
// the delay, because it ends no request in flight.
func delay(ctx context.Context, d time.Duration) error {
	return wait.Sleep(trace.WithStop(ctx, nil), d)
}
