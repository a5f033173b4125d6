// Package fake contains the parts that the providers' fakes are made of: routes with the names
// of their operations, and answers in JSON.
package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Routes dispatches requests by the patterns of [http.ServeMux], and names their operations.
type Routes struct {
	mux        *http.ServeMux
	operations map[string]string // by pattern
}

// NewRoutes returns routes without operations. The handler unknown answers the requests that
// no route matches.
func NewRoutes(unknown http.HandlerFunc) *Routes {
	r := &Routes{http.NewServeMux(), map[string]string{}}
	r.mux.HandleFunc("/", unknown)
	return r
}

// Handle adds the route of an operation, by a pattern of [http.ServeMux].
func (r *Routes) Handle(operation, pattern string, handler http.HandlerFunc) {
	r.operations[pattern] = operation
	r.mux.HandleFunc(pattern, handler)
}

// Operation returns the operation of a request; "" if no route matches.
func (r *Routes) Operation(req *http.Request) string {
	_, pattern := r.mux.Handler(req)
	return r.operations[pattern]
}

// Operations returns the operations of all routes, in no particular order.
func (r *Routes) Operations() []string { return slices.Collect(maps.Values(r.operations)) }

// ServeHTTP answers a request by the handler of its route.
func (r *Routes) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// JSON answers with a status and the JSON encoding of a value.
func JSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("fake: cannot encode an answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Unknown panics, because a test passed the ID of a resource that the fake does not have: the test
// would pass without the change that it makes.
func Unknown(kind, id string) {
	panic(fmt.Sprintf("fake: %s %q does not exist", kind, id))
}

// Known returns a resource that a test named; it panics as [Unknown] does if found is nil.
func Known[T any](kind, id string, found *T) *T {
	if found == nil {
		Unknown(kind, id)
	}
	return found
}

// Object is a JSON object.
type Object = map[string]any
