package atlas_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// newClient returns a client with the fake's own credential.
func newClient(t *testing.T, srv *atlastest.Server, options ...atlas.Option) *atlas.Client {
	t.Helper()
	c, err := atlas.New(append([]atlas.Option{srv.Option()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newClientAs returns a client with another credential.
func newClientAs(t *testing.T, srv *atlastest.Server, credential atlas.Option, options ...atlas.Option) *atlas.Client {
	t.Helper()
	url, client := srv.Endpoint()
	c, err := atlas.New(append([]atlas.Option{credential, atlas.WithBaseURL(url), atlas.WithHTTPClient(client)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// requests returns the operations of all requests.
func requests(srv *atlastest.Server) []string {
	var operations []string
	for _, r := range srv.Requests() {
		operations = append(operations, r.Operation)
	}
	return operations
}

// code returns the code of an error; "" for nil.
func code(t *testing.T, err error) errors.Code {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return ""
	case !ok:
		t.Fatalf("got %T, want an *errors.Error", err)
	}
	return e.Code
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddOrganization(atlastest.Organization{ID: other})
	srv.Start()
	defer srv.Close()
	if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
		t.Fatal(err)
	}
	c := newClientAs(t, srv, atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey))
	if err := c.DeleteOrganization(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{acme, other}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestServer_VersionRequired(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]errors.Code{
		"":                                      errors.VersionNotSupported,
		"*/*":                                   errors.VersionNotSupported,
		"application/json":                      errors.VersionNotSupported,
		"application/vnd.atlas.v2+json":         errors.VersionNotSupported,
		"application/vnd.atlas.2023-02-30+json": errors.VersionNotSupported,
		"application/vnd.atlas.2022-12-31+json": errors.VersionNotSupported,
		"application/vnd.atlas.2025-03-12+json": "",
	} {
		t.Run(accept, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			hc := &http.Client{Transport: headerTransport{srv, "Accept", accept}}
			err := atlas.DeleteOrganization(t.Context(), acme, srv.Option(), atlas.WithHTTPClient(hc))
			if got := code(t, err); got != want {
				t.Errorf("got %v, want code %q", err, want)
			}
		})
	}
}

// headerTransport replaces a header of all requests.
type headerTransport struct {
	next        http.RoundTripper
	name, value string
}

func (c headerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set(c.name, c.value)
	return c.next.RoundTrip(req)
}

func TestClient_RateLimitPerOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.LimitRate("DeleteOrganization", 10, 5, time.Minute)
		c := newClient(t, srv)
		start := time.Now()
		for i := range 20 {
			id := fmt.Sprintf("5e2f0000000000000000%04d", i)
			srv.AddOrganization(atlastest.Organization{ID: id})
			if i == 10 {
				// The bucket of deletions is empty. Reads have another bucket.
				time.AfterFunc(time.Second, func() {
					requestedAt := time.Now()
					if _, err := c.GetOrganization(t.Context(), id); err != nil || time.Since(requestedAt) != 0 {
						t.Errorf("got %v after %v, want an answer at once", err, time.Since(requestedAt))
					}
				})
			}
			if err := c.DeleteOrganization(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("took %v, want 2 minutes for two refills", took)
		}
		if n := len(srv.Deleted()); n != 20 {
			t.Errorf("%d organizations were deleted, want 20", n)
		}
		if n := srv.Count("DeleteOrganization"); n > 22 {
			t.Errorf("%d deletions were sent, want at most one refusal per refill", n)
		}
	})
}

func TestClient_RateLimitConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		srv.LimitRate("GetOrganization", 70, 70, time.Minute)
		c := newClient(t, srv)
		for range 64 { // afterwards the client sends many at a time
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
		}
		srv.Fail(offboardtest.Fault{Delay: time.Second, Times: 100})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := c.GetOrganization(t.Context(), acme); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := srv.Count("GetOrganization"); n != 64+20+1 {
			t.Errorf("%d requests were sent, want 84 and one refused request", n)
		}
	})
}
