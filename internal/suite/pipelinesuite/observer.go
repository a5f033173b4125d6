package pipelinesuite

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// observer tests that the observer receives each operation, that a deletion is one operation
// with all its attempts, and that the requests have the same names in their contexts.
func (p Provider) observer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := p.New(t)
		refused := offboardtest.Respond(p.Operation, 429, "")
		refused.Header.Set("Retry-After", "2")
		c.fail(t, refused)
		seen := operationRecorder{next: c.Server, operations: map[string]bool{}}
		var mu sync.Mutex
		observed := map[string]bool{}
		var deletion []string
		record := func(call observe.Call, event string) {
			mu.Lock()
			defer mu.Unlock()
			observed[call.Provider+" "+call.Operation] = true
			if call.Write {
				deletion = append(deletion, event)
			}
		}
		err := c.Delete(t.Context(), Settings{Client: &http.Client{Transport: &seen}, Observer: observe.Observer{
			Start: func(_ context.Context, call observe.Call) context.Context { record(call, "start"); return nil },
			Attempt: func(_ context.Context, call observe.Call, a observe.Attempt) {
				record(call, "attempt "+strconv.Itoa(a.Number)+" "+a.Method)
			},
			Wait: func(_ context.Context, call observe.Call, w observe.Wait) { record(call, "wait "+string(w.Reason)) },
			Done: func(_ context.Context, call observe.Call, r observe.Result) { record(call, "done "+string(r.Outcome)) },
		}})
		if err != nil {
			t.Fatal(err)
		}
		deletion = slices.DeleteFunc(deletion, func(e string) bool { return e == "wait rate_limit" }) // depends on the provider
		want := []string{"start", "attempt 1 " + seen.method, "wait retry", "attempt 2 " + seen.method, "done succeeded"}
		if diff := cmp.Diff(want, deletion); diff != "" {
			t.Errorf("calls for the deletion (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(observed, seen.operations); diff != "" {
			t.Errorf("operations (-observer +context of the requests):\n%s", diff)
		}
	})
}

// operationRecorder records the operations of requests by their contexts, except requests for a
// token.
type operationRecorder struct {
	next http.RoundTripper

	mu         sync.Mutex
	operations map[string]bool
	method     string // of the last request that may change something
}

func (r *operationRecorder) RoundTrip(req *http.Request) (*http.Response, error) {
	request, _ := observe.FromContext(req.Context())
	r.mu.Lock()
	if request.Call.Operation != "token request" {
		r.operations[request.Call.Provider+" "+request.Call.Operation] = true
	}
	if request.Call.Write {
		r.method = req.Method
	}
	r.mu.Unlock()
	return r.next.RoundTrip(req)
}
