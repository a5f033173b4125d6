package zitadel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func TestListUsers_LagAfterDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		populate(srv)
		srv.Lag(224 * time.Millisecond)
		c := newClient(t, srv)
		if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []uint64{2, 0} {
			if n, err := c.Count(t.Context(), "acme", zitadel.CascadeUsers); n != want || err != nil {
				t.Errorf("got %d and %v, want %d", n, err, want)
			}
			time.Sleep(224 * time.Millisecond)
		}
	})
}

func TestSearchOrganizationsV2_LagAfterCreation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.Lag(40 * time.Millisecond)
		c := newClient(t, srv)
		added, err := c.AddOrganization(t.Context(), "New")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{0, 1} {
			got, err := found(t, c, zitadel.OrganizationQuery{IDQuery: zitadel.IDQuery{ID: added.ID}})
			if err != nil || len(got) != want {
				t.Errorf("got %v and %v, want %d", got, err, want)
			}
			time.Sleep(40 * time.Millisecond)
		}
	})
}

// An unfiltered list has no empty page before its end.
func TestLists_EmptyPages(t *testing.T) {
	t.Parallel()
	for operation, list := range map[string]func(context.Context, *zitadel.Client) (int, error){
		"SearchOrganizationsV2Page": func(ctx context.Context, c *zitadel.Client) (int, error) {
			all, err := collect(c.SearchOrganizationsV2(ctx))
			return len(all), err
		},
		"ListUsersPage": func(ctx context.Context, c *zitadel.Client) (int, error) {
			all, err := collect(c.ListUsers(ctx, "acme"))
			return len(all), err
		},
		"ListMyMembershipsPage": func(ctx context.Context, c *zitadel.Client) (int, error) {
			all, err := collect(c.ListMyMemberships(ctx))
			return len(all), err
		},
	} {
		srv := zitadeltest.NewServer()
		const stamp = `"viewTimestamp":"2026-11-22T05:27:55.470683Z","timestamp":"2026-11-22T05:27:55.470683Z"`
		srv.Fail(
			offboardtest.Respond("", 200, `{"details":{"totalResult":"201",`+stamp+`}}`),
			offboardtest.Respond("", 200, `{"details":{`+stamp+`}}`),
			offboardtest.Respond("", 200, `{"details":{"totalResult":"201",`+stamp+`},"result":[{"id":"a","userId":"a"}]}`),
		)
		n, err := list(t.Context(), newClient(t, srv))
		if operation != "SearchOrganizationsV2Page" {
			if !errors.Is(err, errors.UnexpectedResponse) || n != 0 || srv.Count(operation) != 1 {
				t.Errorf("%s: got %d on %d pages and %v", operation, n, srv.Count(operation), err)
			}
			continue
		}
		if err != nil || n != 1 || srv.Count(operation) != 3 {
			t.Errorf("%s: got %d on %d pages and %v", operation, n, srv.Count(operation), err)
		}
	}
}

// An owner of one organization may read that organization only. The list has as many pages as
// the list of the whole instance.
func TestSearchOrganizationsV2_OwnerOfOneOrganization(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.SetPermissions()
	for i := range 250 {
		srv.AddOrganization(zitadeltest.Organization{ID: fmt.Sprintf("org-%03d", i)})
	}
	srv.AddMember(zitadeltest.Member{Organization: "org-249"})
	got, err := collect(newClient(t, srv).SearchOrganizationsV2(t.Context()))
	if err != nil || len(got) != 1 || got[0].ID != "org-249" {
		t.Errorf("got %v and %v", got, err)
	}
	if n := len(srv.Requests()); n != 3 {
		t.Errorf("%d requests were sent, want 3", n)
	}
}

func TestSearchOrganizationsV2_OtherID(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.Respond("", 200, `{"details":{"totalResult":"1"},"result":[{"id":"other"}]}`))
	query := zitadel.OrganizationQueryV2{IDQuery: zitadel.IDQuery{ID: "acme"}}
	if got, err := collect(newClient(t, srv).SearchOrganizationsV2(t.Context(), query)); code(err) != errors.UnexpectedResponse || len(got) != 0 {
		t.Errorf("got %v and %v, want code %q", got, err, errors.UnexpectedResponse)
	}
}

// found returns the IDs that a search yields.
func found(t *testing.T, c *zitadel.Client, queries ...zitadel.OrganizationQuery) ([]string, error) {
	t.Helper()
	var ids []string
	for organization, err := range c.SearchOrganizations(t.Context(), queries...) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, organization.ID)
	}
	return ids, nil
}

// bodies returns the bodies of all requests.
func bodies(srv *zitadeltest.Server) []string {
	var bodies []string
	for _, r := range srv.Requests() {
		bodies = append(bodies, string(r.Body))
	}
	return bodies
}

func TestSearchOrganizations_AllPages(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	var want []string
	for i := range 250 {
		id := fmt.Sprintf("org-%03d", i)
		srv.AddOrganization(zitadeltest.Organization{ID: id, Name: strings.ToUpper(id)})
		want = append(want, id)
	}
	want = append(want, zitadeltest.DefaultOrganization) // its name is ZITADEL
	got, err := found(t, newClient(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantBodies := []string{
		`{"query":{"limit":100,"asc":true},"sortingColumn":"ORG_FIELD_NAME_NAME"}`,
		`{"query":{"offset":"100","limit":100,"asc":true},"sortingColumn":"ORG_FIELD_NAME_NAME"}`,
		`{"query":{"offset":"200","limit":100,"asc":true},"sortingColumn":"ORG_FIELD_NAME_NAME"}`,
	}
	if diff := cmp.Diff(wantBodies, bodies(srv)); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

// The server removes what the credential may not read after it cut the list into pages.
func TestSearchOrganizationsV2_EmptyPage(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	const stamp = `"timestamp":"2026-11-22T05:27:55.470683Z"`
	srv.Fail(
		offboardtest.Respond("", 200, `{"details":{"totalResult":"301",`+stamp+`}}`),
		offboardtest.Respond("", 200, `{"details":{`+stamp+`}}`), // the greatest total counts
		offboardtest.Respond("", 200, `{"details":{"totalResult":"301",`+stamp+`},"result":[{"id":"acme"}]}`),
		offboardtest.Respond("", 200, `{"details":{"totalResult":"301",`+stamp+`}}`),
	)
	got, err := collect(newClient(t, srv).SearchOrganizationsV2(t.Context()))
	if err != nil || len(got) != 1 || got[0].ID != "acme" {
		t.Fatalf("got %v, %v", got, err)
	}
	if n := len(srv.Requests()); n != 4 {
		t.Errorf("%d requests were sent, want 4", n)
	}
}

func TestSearchOrganizations_LastPage(t *testing.T) {
	t.Parallel()
	for total, pages := range map[int]int{1: 1, 100: 2, 101: 2, 200: 3} {
		srv := zitadeltest.NewServer() // has one organization
		for i := range total - 1 {
			srv.AddOrganization(zitadeltest.Organization{ID: fmt.Sprint("org-", i)})
		}
		got, err := found(t, newClient(t, srv))
		if err != nil || len(got) != total || len(srv.Requests()) != pages {
			t.Errorf("%d organizations: got %d on %d pages and %v, want %d pages", total, len(got), len(srv.Requests()), err, pages)
		}
	}
}

func TestSearchOrganizations_Break(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	for i := range 150 {
		srv.AddOrganization(zitadeltest.Organization{ID: fmt.Sprint("org-", i)})
	}
	for range newClient(t, srv).SearchOrganizations(t.Context()) {
		break
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
}

func TestSearchOrganizations_Queries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query zitadel.OrganizationQuery
		sent  string
		found []string
	}{
		"a name": {
			zitadel.OrganizationQuery{NameQuery: zitadel.NameQuery{Name: "Acme"}},
			`{"nameQuery":{"name":"Acme"}}`, []string{"acme"},
		},
		"the beginning of a name": {
			zitadel.OrganizationQuery{NameQuery: zitadel.NameQuery{Name: "aCM", Method: zitadel.TextQueryMethodStartsWithIgnoreCase}},
			`{"nameQuery":{"name":"aCM","method":"TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE"}}`, []string{"acme", "old"},
		},
		"a part of a name": {
			zitadel.OrganizationQuery{NameQuery: zitadel.NameQuery{Name: "me o", Method: zitadel.TextQueryMethodContains}},
			`{"nameQuery":{"name":"me o","method":"TEXT_QUERY_METHOD_CONTAINS"}}`, []string{"old"},
		},
		"the end of a domain": {
			zitadel.OrganizationQuery{DomainQuery: zitadel.DomainQuery{Domain: ".example", Method: zitadel.TextQueryMethodEndsWith}},
			`{"domainQuery":{"domain":".example","method":"TEXT_QUERY_METHOD_ENDS_WITH"}}`, []string{"acme"},
		},
		"a state": {
			zitadel.OrganizationQuery{StateQuery: zitadel.StateQuery{State: zitadel.OrganizationStateInactive}},
			`{"stateQuery":{"state":"ORG_STATE_INACTIVE"}}`, []string{"old"},
		},
		"a removed state": {
			zitadel.OrganizationQuery{StateQuery: zitadel.StateQuery{State: zitadel.OrganizationStateRemoved}},
			`{"stateQuery":{"state":"ORG_STATE_REMOVED"}}`, nil,
		},
		"an id": {
			zitadel.OrganizationQuery{IDQuery: zitadel.IDQuery{ID: "acme"}},
			`{"idQuery":{"id":"acme"}}`, []string{"acme"},
		},
		"the ID of a deleted organization": {
			zitadel.OrganizationQuery{IDQuery: zitadel.IDQuery{ID: "old-id"}},
			`{"idQuery":{"id":"old-id"}}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", PrimaryDomain: "acme.example"})
			srv.AddOrganization(zitadeltest.Organization{ID: "old", Name: "Acme of old", Inactive: true})
			srv.AddOrganization(zitadeltest.Organization{ID: "old-id", Name: "Deleted"})
			c := newClient(t, srv)
			if _, err := c.DeleteOrganization(t.Context(), "old-id"); err != nil {
				t.Fatal(err)
			}
			got, err := found(t, c, test.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.found, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			want := `{"query":{"limit":100,"asc":true},"sortingColumn":"ORG_FIELD_NAME_NAME","queries":[` + test.sent + `]}`
			if diff := cmp.Diff(want, bodies(srv)[1]); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchOrganizations_AllQueriesMatch(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Inactive: true})
	srv.AddOrganization(zitadeltest.Organization{ID: "bolt", Name: "Bolt", Inactive: true})
	got, err := found(t, newClient(t, srv),
		zitadel.OrganizationQuery{StateQuery: zitadel.StateQuery{State: zitadel.OrganizationStateInactive}},
		zitadel.OrganizationQuery{NameQuery: zitadel.NameQuery{Name: "Bolt"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bolt"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSearchOrganizations_InvalidQuery(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]zitadel.OrganizationQuery{
		"nothing":         {},
		"an empty name":   {NameQuery: zitadel.NameQuery{Method: zitadel.TextQueryMethodContains}},
		"an empty domain": {DomainQuery: zitadel.DomainQuery{Method: zitadel.TextQueryMethodStartsWith}},
		"two fields":      {NameQuery: zitadel.NameQuery{Name: "Acme"}, IDQuery: zitadel.IDQuery{ID: "acme"}},
	} {
		srv := zitadeltest.NewServer()
		got, err := found(t, newClient(t, srv), query)
		if code(err) != errors.InvalidArgument || len(got) != 0 || len(srv.Requests()) != 0 {
			t.Errorf("%s: got %v and %v after %d requests, want %q", name, got, err, len(srv.Requests()), errors.InvalidArgument)
		}
	}
}

func TestSearchOrganizations_UnexpectedPage(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"an empty object":      `{}`,
		"no details":           `{"result":[{"id":"acme"}]}`,
		"another organization": `{"details":{"totalResult":"1"},"result":[{"id":"other"}]}`,
		"two organizations":    `{"details":{"totalResult":"2"},"result":[{"id":"acme"},{"id":"other"}]}`,
	} {
		srv := zitadeltest.NewServer()
		srv.Fail(offboardtest.Respond("", 200, body))
		got, err := found(t, newClient(t, srv), zitadel.OrganizationQuery{IDQuery: zitadel.IDQuery{ID: "acme"}})
		if code(err) != errors.UnexpectedResponse || len(got) != 0 {
			t.Errorf("%s: got %v and %v, want %q", name, got, err, errors.UnexpectedResponse)
		}
	}
}

func TestSearchOrganizations_Error(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.SetPermissions("org.read")
	if got, err := found(t, newClient(t, srv)); code(err) != errors.PermissionDenied || len(got) != 0 {
		t.Errorf("got %v and %v, want %q", got, err, errors.PermissionDenied)
	}
}

func TestSearchOrganizations_LagAfterDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Lag(68 * time.Millisecond)
		c := newClient(t, srv)
		if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{1, 0} {
			got, err := found(t, c, zitadel.OrganizationQuery{IDQuery: zitadel.IDQuery{ID: "acme"}})
			if err != nil || len(got) != want {
				t.Errorf("got %v and %v, want %d", got, err, want)
			}
			time.Sleep(68 * time.Millisecond)
		}
	})
}

func TestSearchOrganizationsPage_Retry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.Fail(offboardtest.HTMLResponse("", 503), offboardtest.LoseResponse(""))
		page, err := newClient(t, srv).SearchOrganizationsPage(t.Context(), zitadel.OrganizationSearch{})
		if err != nil || page.Details.TotalResult != 1 || len(page.Result) != 1 {
			t.Errorf("got %v and %v, want a page", page, err)
		}
	})
}

// A server ignores a filter with a wrong name. Therefore the test compares each filter with the
// name in the vendor's description or source.
func TestLists_RequestsOfCascades(t *testing.T) {
	t.Parallel()
	const page = `{"query":{"limit":100,"asc":true}`
	const connected = `{"pagination":{"limit":100,"asc":true},"filters":[{"`
	type request struct{ Operation, Method, Path, Context, Body string }
	for _, test := range []struct {
		call func(context.Context, *zitadel.Client) (int, error)
		sent request
	}{
		{lists["identity providers"], request{
			"ListIdentityProvidersPage", "POST", "/management/v1/idps/templates/_search", "acme",
			page + `,"queries":[{"ownerTypeQuery":{"ownerType":"IDP_OWNER_TYPE_ORG"}}]}`,
		}},
		{lists["actions"], request{"ListActionsPage", "POST", "/management/v1/actions/_search", "acme", page + "}"}},
		{lists["metadata"], request{"ListMetadataPage", "POST", "/management/v1/metadata/_search", "acme", page + "}"}},
		{lists["project members"], request{
			"ListProjectMembersPage", "POST", "/management/v1/projects/acme-shop/members/_search", "acme", page + "}",
		}},
		{lists["grant members"], request{
			"ListProjectGrantMembersPage", "POST", "/management/v1/projects/acme-shop/grants/acme-lent/members/_search", "acme", page + "}",
		}},
		{lists["memberships of a user"], request{
			"ListUserMembershipsPage", "POST", "/management/v1/users/acme-ada/memberships/_search", "acme", page + "}",
		}},
		{func(ctx context.Context, c *zitadel.Client) (int, error) {
			return size(collect(c.ListInstanceMembers(ctx)))
		}, request{"ListInstanceMembersPage", "POST", "/admin/v1/members/_search", "", page + "}"}},
		{func(ctx context.Context, c *zitadel.Client) (int, error) {
			return size(collect(c.ListAdministrators(ctx, "acme")))
		}, request{
			"ListAdministratorsPage", "POST", "/zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators", "",
			connected + `userOrganizationId":{"id":"acme"}}]}`,
		}},
		{func(ctx context.Context, c *zitadel.Client) (int, error) {
			return size(collect(c.ListAuthorizations(ctx, "acme")))
		}, request{
			"ListAuthorizationsPage", "POST", "/zitadel.authorization.v2.AuthorizationService/ListAuthorizations", "",
			connected + `userOrganizationId":{"id":"acme"}}]}`,
		}},
		{func(ctx context.Context, c *zitadel.Client) (int, error) {
			return size(collect(c.ListGroups(ctx, "acme")))
		}, request{"ListGroupsPage", "POST", "/zitadel.group.v2.GroupService/ListGroups", "", connected + `organizationId":{"id":"acme"}}]}`}},
	} {
		srv, c := newFullAcme(t)
		if n, err := test.call(t.Context(), c); err != nil || n == 0 {
			t.Errorf("%s: got %d items and %v", test.sent.Operation, n, err)
		}
		r := srv.Requests()[0]
		sent := request{r.Operation, r.Method, r.Path, r.Header.Get("x-zitadel-orgid"), string(r.Body)}
		if diff := cmp.Diff(test.sent, sent); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	// An invalid ID is not sent in a body.
	srv, c := newFullAcme(t)
	for _, id := range []string{"", " ", "..", "a/b"} {
		_, administrators := collect(c.ListAdministrators(t.Context(), id))
		_, authorizations := collect(c.ListAuthorizations(t.Context(), id))
		_, groups := collect(c.ListGroups(t.Context(), id))
		for _, err := range []error{administrators, authorizations, groups} {
			if code(err) != errors.InvalidArgument || len(srv.Requests()) != 0 {
				t.Errorf("%q: got %v after %d requests", id, err, len(srv.Requests()))
			}
		}
	}
}
