package observe_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// The deletion is one operation with two attempts. The read that follows the lost response is an
// operation of its own, which ends before the deletion.
func Example() {
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
	srv.Fail(offboardtest.LoseRequest("DeleteOrganization"))

	observer := observe.Observer{
		Attempt: func(_ context.Context, call observe.Call, a observe.Attempt) {
			fmt.Printf("%s %s %d %d %q\n", call.Provider, call.Operation, a.Number, a.Status, a.Code)
		},
		Done: func(_ context.Context, call observe.Call, r observe.Result) {
			fmt.Println(call.Provider, call.Operation, r.Outcome, "after", r.Attempts)
		},
	}
	err := atlas.DeleteOrganization(context.Background(), id, srv.Option(), atlas.WithObserver(observer))
	fmt.Println(err)
	// Output:
	// atlas DeleteOrganization 1 0 "outcome_unknown"
	// atlas GetOrganization 1 200 ""
	// atlas GetOrganization succeeded after 1
	// atlas DeleteOrganization 2 204 ""
	// atlas DeleteOrganization succeeded after 2
	// <nil>
}

// namer prints the operation of each request.
type namer struct{ next http.RoundTripper }

func (n namer) RoundTrip(req *http.Request) (*http.Response, error) {
	if request, ok := observe.FromContext(req.Context()); ok {
		fmt.Println(request.Call.Provider, request.Call.Operation, request.Attempt)
	}
	return n.next.RoundTrip(req)
}

// A transport learns the operation of each request.
func ExampleFromContext() {
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
	srv.Fail(offboardtest.LoseResponse("GetOrganization"))

	client, err := atlas.New(srv.Option(), atlas.WithHTTPClient(&http.Client{Transport: namer{srv}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	o, err := client.GetOrganization(context.Background(), id)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(o.Name)
	// Output:
	// atlas GetOrganization 1
	// atlas GetOrganization 2
	// Acme
}
