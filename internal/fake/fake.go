// Package fake is what the doubles are built of: routes that know which
// operation they are, and answers in JSON.
package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Routes dispatches requests by the patterns of [http.ServeMux].
type Routes struct {
	mux        *http.ServeMux
	operations map[string]string // by pattern
}

// NewRoutes returns routes that answer everything else by the given handler.
func NewRoutes(otherwise http.HandlerFunc) *Routes {
	r := &Routes{http.NewServeMux(), map[string]string{}}
	r.mux.HandleFunc("/", otherwise)
	return r
}

// Handle adds the route of an operation.
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

func (r *Routes) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// JSON answers with a value in JSON.
func JSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("fake: an answer cannot be written: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Object is a JSON object.
type Object = map[string]any
