package workspace

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

const acmeID = "65f0000000000000000000ac"

// newDriver returns a driver whose reads are all answered by the workspace of an
// organization, with two subscriptions of which the second has ended.
func newDriver(t *testing.T, id string) (driver, *offboardtest.Server) {
	t.Helper()
	srv := offboardtest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, fmt.Sprintf(`{"status":true,"data":{"organization":{"id":%q,"slug":"acme","subscriptions":[
			{"id":"runs","status":"active"},{"id":"ended","status":"canceled","endedAt":"2001-01-01T00:00:00Z"}]}}}`, id))
	}), func(req *http.Request) string { return req.URL.Path })
	c, err := New(WithToken("token"), WithHTTPClient(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return driver{c}, srv
}

func step(id string) teardown.Step {
	return teardown.Step{ID: "subscription/" + id, Kind: "subscription"}
}

// No API cancels a subscription, also if a plan does not say that its step is manual.
func TestDriver_ActOnASubscription(t *testing.T) {
	t.Parallel()
	d, srv := newDriver(t, acmeID)
	if _, err := d.Act(t.Context(), teardown.Organization{ID: acmeID}, step("runs")); !errors.Is(err, errors.InvalidArgument) || len(srv.Requests()) != 0 {
		t.Errorf("got %v after %d requests, want %q and none", err, len(srv.Requests()), errors.InvalidArgument)
	}
}

// One read tells of all subscriptions which have ended.
func TestDriver_PollOfSubscriptions(t *testing.T) {
	t.Parallel()
	d, srv := newDriver(t, acmeID)
	got, err := d.Poll(t.Context(), teardown.Organization{ID: acmeID}, "", []teardown.Step{step("runs"), step("ended"), step("unknown")})
	want := []teardown.Progress{{}, {State: teardown.ProgressNotFound}, {State: teardown.ProgressNotFound}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || len(srv.Requests()) != 1 {
		t.Errorf("got %v after %d requests (-want +got):\n%s", err, len(srv.Requests()), diff)
	}
	d, _ = newDriver(t, "65f0000000000000000000ad")
	if got, err := d.Poll(t.Context(), teardown.Organization{ID: acmeID}, "", []teardown.Step{step("ended")}); got != nil || !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("another organization: got %v, %v, want code %q", got, err, errors.NotConfirmed)
	}
}
