package workspace_test

import (
	"net/http"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// other is the ID of an organization that no call may change.
const other = "65f0000000000000000000b1"

// newServer returns a fake with the organization acme.
func newServer(subscriptions ...workspacetest.Subscription) *workspacetest.Server {
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme", Name: "Acme", Subscriptions: subscriptions})
	return srv
}

func newClient(t *testing.T, options ...workspace.Option) *workspace.Client {
	t.Helper()
	c, err := workspace.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wants checks the code of an error; "" wants none.
func wants(t *testing.T, err error, code errors.Code) *errors.Error {
	t.Helper()
	e, _ := errors.AsType[*errors.Error](err)
	switch {
	case code == "" && err != nil:
		t.Errorf("got %v, want nil", err)
	case code != "" && e == nil:
		t.Fatalf("got %v, want code %q", err, code)
	case code != "" && e.Code != code:
		t.Errorf("got %v, want code %q", err, code)
	}
	return e
}

// requested lists the requests that a fake received.
func requested(srv *workspacetest.Server) []string {
	var all []string
	for _, r := range srv.Requests() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

// answer returns a fault that answers the next request of an operation with a body.
func answer(operation, body string) offboardtest.Fault {
	return offboardtest.Respond(operation, http.StatusOK, body)
}

// acme is the ID of an organization with the slug "acme".
const acme = "65f0000000000000000000ac"
