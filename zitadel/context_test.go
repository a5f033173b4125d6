package zitadel_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// dropping is a proxy that drops the header which names the organization, from requests
// that it chooses: they are made in the caller's own organization then. It names that one,
// to the same effect, because requests of tests are compared with the description.
type dropping struct {
	next http.RoundTripper
	from func(*http.Request) bool
}

func (d dropping) RoundTrip(req *http.Request) (*http.Response, error) {
	if d.from(req) && req.Header.Get("x-zitadel-orgid") != "" {
		req = req.Clone(req.Context())
		req.Header.Set("x-zitadel-orgid", "home")
	}
	return d.next.RoundTrip(req)
}

func anyRequest(*http.Request) bool { return true }

// newHome returns a fake whose caller belongs to the organization "home", which has
// one of each kind, as "acme" has, or nothing.
func newHome(t *testing.T, empty bool, from func(*http.Request) bool) (*zitadeltest.Server, *zitadel.Client) {
	t.Helper()
	srv := zitadeltest.NewServer()
	endow(srv, "acme", "Acme")
	settle(srv, "acme")
	if !empty {
		endow(srv, "home", "Home")
		settle(srv, "home")
	}
	srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true})
	return srv, newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: dropping{srv, from}}))
}

// lists are all calls that read something of the organization that a header names.
var lists = map[string]func(context.Context, *zitadel.Client) (int, error){
	"users": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListUsers(ctx, "acme")))
	},
	"projects": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjects(ctx, "acme")))
	},
	"granted projects": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListGrantedProjects(ctx, "acme")))
	},
	"project grants": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjectGrants(ctx, "acme")))
	},
	"user grants": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListUserGrants(ctx, "acme")))
	},
	"members": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListMembers(ctx, "acme")))
	},
	"domains": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListDomains(ctx, "acme")))
	},
	"identity providers": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListIdentityProviders(ctx, "acme")))
	},
	"actions": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListActions(ctx, "acme")))
	},
	"metadata": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListMetadata(ctx, "acme")))
	},
	"policies": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListPolicies(ctx, "acme")))
	},
	"applications": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListApps(ctx, "acme-shop", "acme")))
	},
	"project members": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjectMembers(ctx, "acme-shop", "acme")))
	},
	"grant members": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjectGrantMembers(ctx, "acme-shop", "acme-lent", "acme")))
	},
	"memberships of a user": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListUserMemberships(ctx, "acme-ada", "acme")))
	},
	"a count": func(ctx context.Context, c *zitadel.Client) (int, error) {
		n, err := c.Count(ctx, "acme", zitadel.KindUsers)
		return int(n), err
	},
	"the organization": func(ctx context.Context, c *zitadel.Client) (int, error) {
		_, err := c.GetMyOrganization(ctx, "acme")
		return 1, err
	},
}

func size[T any](items []T, err error) (int, error) { return len(items), err }

func TestContext_HeaderDroppedFromReads(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		for _, empty := range []bool{false, true} {
			srv, c := newHome(t, empty, anyRequest)
			if n, err := list(t.Context(), c); code(err) != errors.UnexpectedResponse {
				// Roles in the instance are on the list of a user in any organization.
				t.Errorf("%s, empty %t: got %d items and %v, want code %q", name, empty, n, err, errors.UnexpectedResponse)
			}
			// Without the proxy there is something.
			if n, err := list(t.Context(), newClient(t, srv)); err != nil || n == 0 {
				t.Errorf("%s: got %d items and %v without the proxy", name, n, err)
			}
		}
	}
}

func TestContext_HeaderDroppedFromWrites(t *testing.T) {
	t.Parallel()
	writes := func(req *http.Request) bool {
		return req.URL.Path != "/management/v1/orgs/me" || req.Method != http.MethodGet
	}
	for name, test := range map[string]struct {
		operation string
		call      func(context.Context, *zitadel.Client) error
		code      errors.Code // if the header is dropped from all requests
	}{
		"deactivation": {"DeactivateOrganization", func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.DeactivateOrganization(ctx, "acme")
			return err
		}, errors.UnexpectedResponse},
		"reactivation": {"ReactivateOrganization", func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.ReactivateOrganization(ctx, "acme")
			return err
		}, errors.UnexpectedResponse},
		"deletion": {"DeleteMyOrganization", func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.DeleteMyOrganization(ctx, "acme")
			return err
		}, errors.NotConfirmed},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := newHome(t, true, anyRequest)
			if name == "reactivation" {
				srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true, Inactive: true})
			}
			before := srv.Contents()
			if err := test.call(t.Context(), c); code(err) != test.code || srv.Count(test.operation) != 0 {
				t.Errorf("%s: got %v after %d writes, want code %q", name, err, srv.Count(test.operation), test.code)
			}
			if diff := cmp.Diff(before, srv.Contents()); diff != "" {
				t.Errorf("%s: something was changed (-before +after):\n%s", name, diff)
			}
			// A proxy that drops it from the write alone: the answer names the organization.
			c = newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: dropping{srv, writes}}))
			if err := test.call(t.Context(), c); test.operation != "DeleteMyOrganization" && code(err) != errors.UnexpectedResponse {
				t.Errorf("%s: got %v, want code %q", name, err, errors.UnexpectedResponse)
			}
		})
	}
}

func TestContext_ConfirmedByOneReadInAPlan(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *zitadel.Client) error{
		"a plan":    func(ctx context.Context, c *zitadel.Client) error { _, err := c.Plan(ctx, "acme"); return err },
		"a preview": func(ctx context.Context, c *zitadel.Client) error { _, err := c.Preview(ctx, "acme"); return err },
		"a check":   func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletionV2(ctx, "acme") },
	} {
		_, c := newHome(t, true, anyRequest)
		if err := call(t.Context(), c); code(err) != errors.NotConfirmed {
			t.Errorf("%s: got %v, want code %q", name, err, errors.NotConfirmed)
		}
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		if err := call(t.Context(), newClient(t, srv)); err != nil || srv.Count("GetMyOrganization") != 1 {
			t.Errorf("%s: got %v after %d reads of the organization", name, err, srv.Count("GetMyOrganization"))
		}
	}
	// A proxy that drops it later: the items name another organization.
	_, c := newHome(t, false, func(req *http.Request) bool { return req.Method == http.MethodPost })
	if _, err := c.Plan(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v, want code %q", err, errors.UnexpectedResponse)
	}
}
