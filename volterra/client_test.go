package volterra_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

// newClient returns a client of a fake, with further options.
func newClient(t testing.TB, srv *volterratest.Server, options ...volterra.Option) *volterra.Client {
	t.Helper()
	c, err := volterra.New(append([]volterra.Option{srv.Option()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// code returns the code of an error; "" for nil.
func code(err error) errors.Code {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestClient_RateLimitPerOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		limited := offboardtest.HTMLResponse(deletion, 429)
		limited.Header.Set("Retry-After", "60")
		srv.Fail(limited)
		c := newClient(t, srv, volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
		if err := c.DeleteTenant(t.Context(), acme); code(err) != errors.RateLimitReached {
			t.Fatalf("got %v, want %q", err, errors.RateLimitReached)
		}
		start := time.Now()
		if err := c.CheckDeletion(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the read took %v, want no wait for the limit of the deletion", took)
		}
	})
}

func TestClient_RateLimitWithoutHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.LimitRate(60, 18)
		c := newClient(t, srv)
		start := time.Now()
		for range 100 {
			if _, err := c.GetTenantSettings(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.DeleteTenant(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("took %v for 101 reads at 60 a minute", took)
		}
		refused := 0
		for _, r := range srv.Requests() {
			if r.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused > 20 {
			t.Errorf("%d requests were refused", refused)
		}
	})
}

// deletion is the operation of the API that deletes.
const deletion = "RequestTenantDeletion"

// acme is a request for the tenant of a new fake.
var acme = volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example"}
