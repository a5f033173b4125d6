package zitadel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
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

func TestOperations_Reads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Inactive: true})
		c := newClient(t, srv)
		created := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		want := &zitadel.Organization{
			ID: "acme", Name: "Acme", PrimaryDomain: "acme.fake.invalid", State: zitadel.OrganizationStateInactive,
			Details: zitadel.ObjectDetails{Sequence: 4, CreationDate: created, ChangeDate: created, ResourceOwner: "acme"},
		}
		got, err := c.GetOrganization(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		first, err := c.GetDefaultOrganization(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if first.ID != zitadeltest.DefaultOrganization || first.State != zitadel.OrganizationStateActive {
			t.Errorf("got the default organization %v", first)
		}
		srv.SetPermissions("iam.read", "iam.write")
		permissions, err := c.ListPermissions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"iam.read", "iam.write"}, permissions); diff != "" {
			t.Errorf("permissions (-want +got):\n%s", diff)
		}
		if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		got, err = c.GetOrganization(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		want.State, want.Details.Sequence = "", 5
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
		srv.Legacy(true)
		if _, err := c.GetOrganization(t.Context(), "acme"); code(err) != errors.OrganizationNotFound {
			t.Errorf("got %v from an old server, want %q", err, errors.OrganizationNotFound)
		}
	})
}

// A success with an error in it is an unexpected response.
func TestOperations_ErrorInSuccess(t *testing.T) {
	t.Parallel()
	for operation, test := range map[string]struct {
		body string
		call func(context.Context, *zitadel.Client) error
	}{
		"DeactivateOrganization": {
			`{"details":{"resourceOwner":"acme"},"code":9,"message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganization(ctx, "acme")
				return err
			},
		},
		"DeactivateOrganizationV2": {
			`{"changeDate":"2026-11-22T05:10:49.122741Z","code":"failed_precondition","message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganizationV2(ctx, "acme")
				return err
			},
		},
		"GetOrganization": {
			`{"org":{"id":"acme","name":"Acme"},"code":5,"message":"x (QUERY-leq5Q)"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.GetOrganization(ctx, "acme")
				return err
			},
		},
		"ListUsersPage": {
			`{"details":{"viewTimestamp":"2026-11-22T05:05:22Z"},"code":13,"message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListUsers(ctx, "acme"))
				return err
			},
		},
		"ListAdministratorsPage": {
			`{"pagination":{"appliedLimit":"100"},"code":"internal","message":"x"}`,
			func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListAdministrators(ctx, "acme"))
				return err
			},
		},
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Respond(operation, 200, test.body))
		if err := test.call(t.Context(), newClient(t, srv)); code(err) != errors.UnexpectedResponse {
			t.Errorf("%s: got %v, want code %q", operation, err, errors.UnexpectedResponse)
		}
	}
}

func TestOperations_ChangeWithoutDate(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.Respond("", 200, `{}`), offboardtest.Respond("", 200, `{}`))
	c := newClient(t, srv)
	if _, err := c.DeactivateOrganizationV2(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v", err)
	}
	if _, err := c.DeactivateOrganization(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v", err)
	}
}

func TestOperations_LostAnswerToWrite(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Fail(offboardtest.LoseResponse("AddOrganization"))
	if _, err := newClient(t, srv).AddOrganization(t.Context(), "New"); code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want code %q", err, errors.OutcomeUnknown)
	}
	if n := srv.Count("AddOrganization"); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAddOrganizationV2_IDOfDeletedOrganization(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
	c := newClient(t, srv)
	if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	again, err := c.AddOrganizationV2(t.Context(), zitadel.OrganizationCreation{Name: "Acme", OrganizationID: "acme"})
	if err != nil || again.Details.Sequence != 9 || !srv.Exists("acme") {
		t.Errorf("got %v and %v", again, err)
	}
}

func TestPassword_NotShown(t *testing.T) {
	t.Parallel()
	human := zitadel.NewHuman{Password: "Pass-word1"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, human); strings.Contains(text, "Pass-word1") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}

func TestDefaultQuery_JSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]zitadel.DefaultQuery{"{}": true, "null": false} {
		encoded, err := json.Marshal(want)
		if err != nil || string(encoded) != text {
			t.Errorf("%t: got %s and %v, want %s", want, encoded, err, text)
		}
		var got struct{ DefaultQuery zitadel.DefaultQuery }
		if err := json.Unmarshal([]byte(`{"DefaultQuery":`+text+`}`), &got); err != nil || got.DefaultQuery != want {
			t.Errorf("%s: got %t and %v", text, got.DefaultQuery, err)
		}
	}
}

func TestUint64_JSON(t *testing.T) {
	t.Parallel()
	var got struct{ A, B, C, D zitadel.Uint64 }
	if err := json.Unmarshal([]byte(`{"A":"18446744073709551615","B":7,"C":null}`), &got); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"A":"18446744073709551615","B":"7","C":"0","D":"0"}`, string(encoded)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{`"-1"`, `-1`, `"x"`, `""`, `1.5`, `"18446744073709551616"`, `{}`} {
		if err := json.Unmarshal([]byte(text), &got.A); err == nil {
			t.Errorf("%s was accepted as a number", text)
		}
	}
}

// start is the start time of a bubble of package synctest.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// populate adds the organization "acme" with one resource of each kind, and the organization
// "bolt" with a user who has roles in a project of acme.
func populate(srv *zitadeltest.Server) {
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
	srv.AddOrganization(zitadeltest.Organization{ID: "bolt", Name: "Bolt"})
	srv.AddUser(zitadeltest.User{ID: "ada", Organization: "acme"})
	srv.AddUser(zitadeltest.User{ID: "bot", Organization: "acme", Machine: true})
	srv.AddUser(zitadeltest.User{ID: "bob", Organization: "bolt"})
	srv.AddProject(zitadeltest.Project{ID: "shop", Organization: "acme", Name: "Shop"})
	srv.AddProject(zitadeltest.Project{ID: "forge", Organization: "bolt", Name: "Forge"})
	srv.AddApp(zitadeltest.App{ID: "web", Project: "shop", Name: "Web"})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: "shop-to-bolt", Project: "shop", Organization: "bolt", Roles: []string{"buyer"}})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: "forge-to-acme", Project: "forge", Organization: "acme"})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: "ada-in-shop", User: "ada", Project: "shop", Roles: []string{"seller"}})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: "bob-in-shop", User: "bob", Project: "shop", ProjectGrant: "shop-to-bolt", Roles: []string{"buyer"}})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: "bob-in-forge", User: "bob", Project: "forge"})
	srv.AddMember(zitadeltest.Member{Organization: "acme", User: "ada"})
	srv.AddMember(zitadeltest.Member{Organization: "bolt", User: "ada", Roles: []string{"ORG_OWNER_VIEWER"}})
	srv.AddDomain(zitadeltest.Domain{Organization: "acme", Name: "acme.example", Unverified: true})
}

// collect returns the items of a list, and the error that ends it.
func collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for one, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

// details returns object details with times after the start.
func details(owner string, sequence zitadel.Uint64, created, changed time.Duration) zitadel.ObjectDetails {
	d := zitadel.ObjectDetails{Sequence: sequence, ResourceOwner: owner}
	if created >= 0 {
		d.CreationDate = start.Add(created)
	}
	if changed >= 0 {
		d.ChangeDate = start.Add(changed)
	}
	return d
}

func TestOperations_RequestsAndAnswers(t *testing.T) {
	t.Parallel()
	const listed = `{"query":{"limit":100,"asc":true}}`
	owned := details("acme", 1, 0, 0)
	shopGrant := zitadel.ProjectGrant{
		GrantID: "shop-to-bolt", GrantedOrgID: "bolt", GrantedOrgName: "Bolt", GrantedRoleKeys: []string{"buyer"},
		State: zitadel.ProjectGrantStateActive, ProjectID: "shop", ProjectName: "Shop",
		ProjectOwnerID: "acme", ProjectOwnerName: "Acme", Details: owned,
	}
	me := zitadel.User{
		ID: zitadeltest.Caller, Details: details(zitadeltest.DefaultOrganization, 1, 0, 0), State: zitadel.UserStateActive,
		UserName: "zitadeltest", LoginNames: []string{"zitadeltest"}, PreferredLoginName: "zitadeltest",
		Machine: &zitadel.Machine{Name: "zitadeltest"},
	}
	type request struct{ Operation, Method, Path, Query, Context, Body string }
	for _, test := range []struct {
		call func(context.Context, *zitadel.Client) (any, error)
		sent request
		want any
	}{
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return nil, c.CheckHealth(ctx) },
			request{"CheckHealth", "GET", "/admin/v1/healthz", "", "", ""}, nil,
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.IsOrganizationUnique(ctx, zitadel.IsOrganizationUniqueOptions{Name: "Acme"})
			},
			request{"IsOrganizationUnique", "GET", "/admin/v1/orgs/_is_unique", "name=Acme", "", ""}, false,
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.IsOrganizationUnique(ctx, zitadel.IsOrganizationUniqueOptions{Domain: "a&b.example"})
			},
			request{"IsOrganizationUnique", "GET", "/admin/v1/orgs/_is_unique", "domain=a%26b.example", "", ""}, true,
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.SetDefaultOrganization(ctx, "acme")
			},
			request{"SetDefaultOrganization", "PUT", "/admin/v1/orgs/default/acme", "", "", "{}"},
			&zitadel.ObjectDetails{Sequence: 109, ChangeDate: start.Add(time.Hour), ResourceOwner: "100000000000000000"},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.SetUpOrganization(ctx, zitadel.OrganizationSetup{
					Org: zitadel.NewOrganization{Name: "New"},
					Human: zitadel.NewHuman{
						UserName: "eve", Profile: zitadel.NewProfile{FirstName: "Eve", LastName: "Oh"},
						Email: zitadel.Email{Email: "eve@new.example", IsEmailVerified: true}, Password: "Pass-word1",
					},
				})
			},
			request{
				"SetUpOrganization", "POST", "/admin/v1/orgs/_setup", "", "",
				`{"org":{"name":"New"},"human":{"userName":"eve","profile":{"firstName":"Eve","lastName":"Oh"},` +
					`"email":{"email":"eve@new.example","isEmailVerified":true},"password":"Pass-word1"}}`,
			},
			&zitadel.OrganizationSetupResult{
				Details: details("200000000000000001", 5, time.Hour, -1), OrgID: "200000000000000001", UserID: "200000000000000002",
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return c.AddOrganization(ctx, "New") },
			request{"AddOrganization", "POST", "/management/v1/orgs", "", "", `{"name":"New"}`},
			&zitadel.AddedOrganization{ID: "200000000000000001", Details: details("200000000000000001", 5, time.Hour, -1)},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.AddOrganizationV2(ctx, zitadel.OrganizationCreation{
					Name: "New", OrganizationID: "new", Admins: []zitadel.OrganizationAdmin{{UserID: "ada"}},
				})
			},
			request{
				"AddOrganizationV2", "POST", "/v2/organizations", "", "",
				`{"name":"New","organizationId":"new","admins":[{"userId":"ada"}]}`,
			},
			&zitadel.CreatedOrganization{
				OrganizationID: "new", Details: details("new", 4, -1, time.Hour), CreatedAdmins: []zitadel.CreatedAdmin{{UserID: "ada"}},
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return c.GetMyOrganization(ctx, "acme") },
			request{"GetMyOrganization", "GET", "/management/v1/orgs/me", "", "acme", ""},
			&zitadel.Organization{
				ID: "acme", Name: "Acme", State: zitadel.OrganizationStateActive, PrimaryDomain: "acme.fake.invalid",
				Details: details("acme", 4, 0, 0),
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.DeactivateOrganization(ctx, "acme")
			},
			request{"DeactivateOrganization", "POST", "/management/v1/orgs/me/_deactivate", "", "acme", "{}"},
			&zitadel.ObjectDetails{Sequence: 5, ChangeDate: start.Add(time.Hour), ResourceOwner: "acme"},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.ReactivateOrganization(ctx, "idle")
			},
			request{"ReactivateOrganization", "POST", "/management/v1/orgs/me/_reactivate", "", "idle", "{}"},
			&zitadel.ObjectDetails{Sequence: 5, ChangeDate: start.Add(time.Hour), ResourceOwner: "idle"},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.DeactivateOrganizationV2(ctx, "acme")
			},
			request{"DeactivateOrganizationV2", "POST", "/v2/organizations/acme/deactivate", "", "", "{}"}, start.Add(time.Hour),
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return c.ActivateOrganizationV2(ctx, "idle")
			},
			request{"ActivateOrganizationV2", "POST", "/v2/organizations/idle/activate", "", "", "{}"}, start.Add(time.Hour),
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return c.DeleteOrganizationV2(ctx, "a b") },
			request{"DeleteOrganizationV2", "DELETE", "/v2/organizations/a%20b", "", "", ""}, start.Add(time.Hour),
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return c.DeleteMyOrganization(ctx, "acme") },
			request{"DeleteMyOrganization", "DELETE", "/management/v1/orgs/me", "", "acme", ""},
			&zitadel.ObjectDetails{Sequence: 5, ChangeDate: start.Add(time.Hour), ResourceOwner: "100000000000000000"},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.SearchOrganizationsV2(ctx, zitadel.OrganizationQueryV2{DefaultQuery: true}))
			},
			request{
				"SearchOrganizationsV2Page", "POST", "/v2/organizations/_search", "", "",
				`{"query":{"limit":100,"asc":true},"sortingColumn":"ORGANIZATION_FIELD_NAME_NAME","queries":[{"defaultQuery":{}}]}`,
			},
			[]zitadel.OrganizationV2{{
				ID: zitadeltest.DefaultOrganization, Name: "ZITADEL", State: zitadel.OrganizationStateV2Active,
				PrimaryDomain: "zitadel.fake.invalid", Details: details(zitadeltest.DefaultOrganization, 4, 0, 0),
			}},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.SearchOrganizationsV2(ctx, zitadel.OrganizationQueryV2{
					StateQuery: zitadel.StateQueryV2{State: zitadel.OrganizationStateV2Inactive},
				}))
			},
			request{
				"SearchOrganizationsV2Page", "POST", "/v2/organizations/_search", "", "",
				`{"query":{"limit":100,"asc":true},"sortingColumn":"ORGANIZATION_FIELD_NAME_NAME",` +
					`"queries":[{"stateQuery":{"state":"ORGANIZATION_STATE_INACTIVE"}}]}`,
			},
			[]zitadel.OrganizationV2{{
				ID: "idle", Name: "idle", State: zitadel.OrganizationStateV2Inactive,
				PrimaryDomain: "idle.fake.invalid", Details: details("idle", 4, 0, 0),
			}},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return c.GetMyUser(ctx) },
			request{"GetMyUser", "GET", "/auth/v1/users/me", "", "", ""}, &me,
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return collect(c.ListMyMemberships(ctx)) },
			request{"ListMyMembershipsPage", "POST", "/auth/v1/memberships/me/_search", "", "", listed},
			[]zitadel.Membership{
				{
					UserID: zitadeltest.Caller, Roles: []string{"ORG_OWNER"}, DisplayName: "idle", OrgID: "idle",
					Details: details("idle", 1, 0, 0),
				},
				{
					UserID: zitadeltest.Caller, Roles: []string{"IAM_OWNER"}, DisplayName: "ZITADEL", IAM: true,
					Details: details("100000000000000000", 1, 0, 0),
				},
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return collect(c.ListUsers(ctx, "acme")) },
			request{
				"ListUsersPage", "POST", "/management/v1/users/_search", "", "acme",
				`{"query":{"limit":100,"asc":true},"sortingColumn":"USER_FIELD_NAME_USER_NAME"}`,
			},
			[]zitadel.User{
				{
					ID: "ada", Details: owned, State: zitadel.UserStateActive, UserName: "ada", LoginNames: []string{"ada"}, PreferredLoginName: "ada",
					Human: &zitadel.Human{
						Profile: zitadel.Profile{FirstName: "Ada", LastName: "ada", DisplayName: "Ada ada", PreferredLanguage: "en"},
						Email:   zitadel.Email{Email: "ada@fake.invalid", IsEmailVerified: true},
					},
				},
				{
					ID: "bot", Details: owned, State: zitadel.UserStateActive, UserName: "bot", LoginNames: []string{"bot"}, PreferredLoginName: "bot",
					Machine: &zitadel.Machine{Name: "bot"},
				},
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return collect(c.ListProjects(ctx, "acme")) },
			request{"ListProjectsPage", "POST", "/management/v1/projects/_search", "", "acme", listed},
			[]zitadel.Project{{ID: "shop", Details: owned, Name: "Shop", State: zitadel.ProjectStateActive}},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.ListGrantedProjects(ctx, "bolt"))
			},
			request{"ListGrantedProjectsPage", "POST", "/management/v1/granted_projects/_search", "", "bolt", listed},
			[]zitadel.ProjectGrant{shopGrant},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.ListProjectGrants(ctx, "acme"))
			},
			request{"ListProjectGrantsPage", "POST", "/management/v1/projectgrants/_search", "", "acme", listed},
			[]zitadel.ProjectGrant{shopGrant},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.ListUserGrants(ctx, "acme"))
			},
			request{"ListUserGrantsPage", "POST", "/management/v1/users/grants/_search", "", "acme", listed},
			[]zitadel.UserGrant{{
				ID: "ada-in-shop", Details: owned, RoleKeys: []string{"seller"}, State: zitadel.UserGrantStateActive,
				UserID: "ada", UserName: "ada", OrgID: "acme", OrgName: "Acme", OrgDomain: "acme.fake.invalid",
				ProjectID: "shop", ProjectName: "Shop", PreferredLoginName: "ada", UserType: zitadel.UserTypeHuman,
				GrantedOrgID: "acme", GrantedOrgName: "Acme", GrantedOrgDomain: "acme.fake.invalid",
			}},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.ListUserGrants(ctx, "bolt"))
			},
			request{"ListUserGrantsPage", "POST", "/management/v1/users/grants/_search", "", "bolt", listed},
			[]zitadel.UserGrant{
				{
					ID: "bob-in-shop", Details: details("bolt", 1, 0, 0), RoleKeys: []string{"buyer"}, State: zitadel.UserGrantStateActive,
					UserID: "bob", UserName: "bob", OrgID: "bolt", OrgName: "Bolt", OrgDomain: "bolt.fake.invalid",
					ProjectID: "shop", ProjectName: "Shop", ProjectGrantID: "shop-to-bolt", PreferredLoginName: "bob", UserType: zitadel.UserTypeHuman,
					GrantedOrgID: "bolt", GrantedOrgName: "Bolt", GrantedOrgDomain: "bolt.fake.invalid",
				},
				{
					ID: "bob-in-forge", Details: details("bolt", 1, 0, 0), State: zitadel.UserGrantStateActive,
					UserID: "bob", UserName: "bob", OrgID: "bolt", OrgName: "Bolt", OrgDomain: "bolt.fake.invalid",
					ProjectID: "forge", ProjectName: "Forge", PreferredLoginName: "bob", UserType: zitadel.UserTypeHuman,
					GrantedOrgID: "bolt", GrantedOrgName: "Bolt", GrantedOrgDomain: "bolt.fake.invalid",
				},
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return collect(c.ListMembers(ctx, "idle")) },
			request{"ListMembersPage", "POST", "/management/v1/orgs/me/members/_search", "", "idle", listed},
			[]zitadel.Member{{
				UserID: zitadeltest.Caller, Details: details("idle", 1, 0, 0), Roles: []string{"ORG_OWNER"}, PreferredLoginName: "zitadeltest",
				DisplayName: "zitadeltest", UserType: zitadel.UserTypeMachine, UserResourceOwner: zitadeltest.DefaultOrganization,
			}},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return collect(c.ListMembers(ctx, "bolt")) },
			request{"ListMembersPage", "POST", "/management/v1/orgs/me/members/_search", "", "bolt", listed},
			[]zitadel.Member{{
				UserID: "ada", Details: details("bolt", 1, 0, 0), Roles: []string{"ORG_OWNER_VIEWER"}, PreferredLoginName: "ada",
				DisplayName: "ada", UserType: zitadel.UserTypeHuman, UserResourceOwner: "acme",
			}},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) { return collect(c.ListDomains(ctx, "acme")) },
			request{"ListDomainsPage", "POST", "/management/v1/orgs/me/domains/_search", "", "acme", listed},
			[]zitadel.Domain{
				{OrgID: "acme", Details: owned, DomainName: "acme.fake.invalid", IsVerified: true, IsPrimary: true},
				{OrgID: "acme", Details: owned, DomainName: "acme.example"},
			},
		},
		{
			func(ctx context.Context, c *zitadel.Client) (any, error) {
				return collect(c.ListApps(ctx, "shop", "acme"))
			},
			request{"ListAppsPage", "POST", "/management/v1/projects/shop/apps/_search", "", "acme", listed},
			[]zitadel.App{{ID: "web", Details: owned, State: zitadel.AppStateActive, Name: "Web", APIConfig: &zitadel.APIConfig{ClientID: "web@fake"}}},
		},
	} {
		t.Run(strings.TrimSpace(test.sent.Operation+" "+test.sent.Context+test.sent.Query), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := zitadeltest.NewServer()
				populate(srv)
				srv.AddOrganization(zitadeltest.Organization{ID: "idle", Inactive: true})
				srv.AddMember(zitadeltest.Member{Organization: "idle"})
				srv.AddOrganization(zitadeltest.Organization{ID: "a b"})
				time.Sleep(time.Hour)
				got, err := test.call(t.Context(), newClient(t, srv))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				all := srv.Requests()
				r := all[len(all)-1]
				if r.Operation == "GetMyOrganization" && test.sent.Operation == "DeleteMyOrganization" { // a read shows the outcome
					r = all[len(all)-2]
				}
				sent := request{r.Operation, r.Method, r.Path, r.Query, r.Header.Get("x-zitadel-orgid"), string(r.Body)}
				if diff := cmp.Diff(test.sent, sent); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestOperations_Errors(t *testing.T) {
	t.Parallel()
	type call = func(context.Context, *zitadel.Client) error
	for name, test := range map[string]struct {
		call     call
		prepare  func(*zitadeltest.Server)
		code     errors.Code
		provider string
		status   int
	}{
		"a name that is taken": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.AddOrganization(ctx, "Acme")
				return err
			},
			code: errors.OrganizationExists, provider: "V3-DKcYh", status: 409,
		},
		"an ID that is taken": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.AddOrganizationV2(ctx, zitadel.OrganizationCreation{Name: "New", OrganizationID: "acme"})
				return err
			},
			code: errors.OrganizationExists, provider: "ORG-laho2n", status: 409,
		},
		"neither a name nor a domain": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.IsOrganizationUnique(ctx, zitadel.IsOrganizationUniqueOptions{})
				return err
			},
			code: errors.InvalidArgument, status: 500,
		},
		"the default organization as the new default": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.SetDefaultOrganization(ctx, zitadeltest.DefaultOrganization)
				return err
			},
			code: errors.Conflict, provider: "INST-SDfw2", status: 400,
		},
		"an unknown default organization": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.SetDefaultOrganization(ctx, "none")
				return err
			},
			code: errors.OrganizationNotFound, provider: "INSTA-Wfe21", status: 400,
		},
		"already inactive": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganization(ctx, "idle")
				return err
			},
			code: errors.OrganizationInactive, provider: "EVENT-Dbs2g", status: 400,
		},
		"already active": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.ReactivateOrganization(ctx, "acme")
				return err
			},
			code: errors.OrganizationActive, provider: "EVENT-bfnrh", status: 400,
		},
		"already inactive, by v2": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganizationV2(ctx, "idle")
				return err
			},
			code: errors.OrganizationInactive, provider: "EVENT-Dbs2g", status: 400,
		},
		"already active, by v2": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.ActivateOrganizationV2(ctx, "acme")
				return err
			},
			code: errors.OrganizationActive, provider: "EVENT-bfnrh", status: 400,
		},
		"deactivation of an unknown organization": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganizationV2(ctx, "none")
				return err
			},
			code: errors.OrganizationNotFound, provider: "ORG-oL9nT", status: 404,
		},
		"activation of an unknown organization": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.ActivateOrganizationV2(ctx, "none")
				return err
			},
			code: errors.OrganizationNotFound, provider: "ORG-Dgf3g", status: 404,
		},
		"an organization that never existed": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.GetMyOrganization(ctx, "none")
				return err
			},
			code: errors.PermissionDenied, provider: "AUTH-Bs7Ds", status: 403,
		},
		"the API v2 of an old server": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeleteOrganizationV2(ctx, "acme")
				return err
			},
			prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) },
			code:    errors.RouteNotFound, status: 404,
		},
		"a list without its permission": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListUsers(ctx, "acme"))
				return err
			},
			prepare: func(srv *zitadeltest.Server) { srv.SetPermissions("org.read") },
			code:    errors.PermissionDenied, provider: "AUTH-5mWD2", status: 403,
		},
		"a list with an empty ID": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListProjects(ctx, ""))
				return err
			},
			code: errors.InvalidArgument,
		},
		"a deletion with an empty ID": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeleteMyOrganization(ctx, "")
				return err
			},
			code: errors.InvalidArgument,
		},
		"a deletion with the ID ..": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeleteOrganizationV2(ctx, "..")
				return err
			},
			code: errors.InvalidArgument,
		},
		"a count of an unknown kind": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.Count(ctx, "acme", "unknown")
				return err
			},
			code: errors.InvalidArgument,
		},
		"an empty query": {
			call: func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.SearchOrganizationsV2(ctx, zitadel.OrganizationQueryV2{}))
				return err
			},
			code: errors.InvalidArgument,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			populate(srv)
			srv.AddOrganization(zitadeltest.Organization{ID: "idle", Inactive: true})
			if test.prepare != nil {
				test.prepare(srv)
			}
			e, ok := errors.AsType[*errors.Error](test.call(t.Context(), newClient(t, srv)))
			if !ok {
				t.Fatal("got no *errors.Error")
			}
			if e.Code != test.code || e.ProviderCode != test.provider || e.Status != test.status {
				t.Errorf("got %q, %q and %d; want %q, %q and %d", e.Code, e.ProviderCode, e.Status, test.code, test.provider, test.status)
			}
			// A write by the header first reads the organization.
			sent := slices.DeleteFunc(requests(srv), func(operation string) bool {
				return operation == "GetMyOrganization" && strings.HasSuffix(name, "active")
			})
			if (len(sent) == 0) != (test.status == 0) || len(sent) > 1 {
				t.Errorf("sent %v", sent)
			}
			if diff := cmp.Diff([]string(nil), srv.Deleted()); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
		})
	}
}
