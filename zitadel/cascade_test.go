package zitadel_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// addWithCascades adds an organization with resources of its own, and a partner with a project
// that is granted to it. All IDs begin with the organization's.
func addWithCascades(srv *zitadeltest.Server, id, name string) {
	partner := id + "-partner"
	srv.AddOrganization(zitadeltest.Organization{ID: id, Name: name, PrimaryDomain: id + ".example.com"})
	srv.AddOrganization(zitadeltest.Organization{ID: partner, Name: "Partner of " + name})
	srv.AddDomain(zitadeltest.Domain{Organization: id, Name: id + ".example.org"})
	srv.AddUser(zitadeltest.User{ID: id + "-ada", UserName: "ada", Organization: id})
	srv.AddUser(zitadeltest.User{ID: id + "-bot", UserName: "bot", Organization: id, Machine: true})
	srv.AddMember(zitadeltest.Member{Organization: id, User: id + "-ada"})
	srv.AddProject(zitadeltest.Project{ID: id + "-shop", Name: "Shop", Organization: id})
	srv.AddProject(zitadeltest.Project{ID: id + "-site", Name: "Site", Organization: id})
	srv.AddApp(zitadeltest.App{ID: id + "-web", Name: "Web", Project: id + "-shop"})
	srv.AddApp(zitadeltest.App{ID: id + "-cli", Name: "CLI", Project: id + "-site"})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: id + "-role", User: id + "-ada", Project: id + "-shop", Roles: []string{"buyer"}})
	srv.AddProject(zitadeltest.Project{ID: partner + "-tool", Name: "Tool", Organization: partner})
	srv.AddUser(zitadeltest.User{ID: partner + "-bea", UserName: "bea", Organization: partner})
	srv.AddUser(zitadeltest.User{ID: partner + "-cyd", UserName: "cyd", Organization: partner})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: partner + "-own", User: partner + "-bea", Project: partner + "-tool"})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: id + "-uses", Project: partner + "-tool", Organization: id})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: id + "-tooled", User: id + "-ada", Project: partner + "-tool", ProjectGrant: id + "-uses"})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: id + "-lent", Project: id + "-shop", Organization: partner})
}

// addExternalUsers gives users of the partner roles by a grant, roles by the organization
// itself, and the management of the organization.
func addExternalUsers(srv *zitadeltest.Server, id string) {
	partner := id + "-partner"
	srv.AddUserGrant(zitadeltest.UserGrant{ID: id + "-lent-role", User: partner + "-bea", Project: id + "-shop", ProjectGrant: id + "-lent"})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: id + "-direct", User: partner + "-bea", Project: id + "-site"})
	srv.AddMember(zitadeltest.Member{Organization: id, User: partner + "-cyd"})
}

// isCascade reports whether a line of the fake's contents is acme or is deleted along with it.
func isCascade(line string) bool {
	return slices.ContainsFunc(strings.Fields(line), func(word string) bool {
		return strings.TrimSuffix(word, ":") == "acme" || strings.HasPrefix(word, "acme-") && !strings.HasPrefix(word, "acme-partner")
	})
}

// addExternalRoles adds to an organization of addWithCascades settings, users of the partner who
// manage its projects and grants, and roles of its own users in other organizations.
func addExternalRoles(srv *zitadeltest.Server, id string) {
	partner := id + "-partner"
	srv.AddProjectMember(zitadeltest.ProjectMember{Project: id + "-shop", User: partner + "-bea"})
	srv.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: id + "-lent", User: partner + "-cyd"})
	srv.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: id + "-uses", User: partner + "-cyd"})
	srv.AddInstanceMember(zitadeltest.InstanceMember{User: id + "-ada"})
	srv.AddMember(zitadeltest.Member{Organization: partner, User: id + "-ada"})
	srv.AddProjectMember(zitadeltest.ProjectMember{Project: partner + "-tool", User: id + "-bot"})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: partner + "-given", User: id + "-bot", Project: partner + "-tool", Roles: []string{"user"}})
	srv.AddIdentityProvider(zitadeltest.IdentityProvider{ID: id + "-google", Name: "Google", Organization: id})
	srv.AddIdentityProvider(zitadeltest.IdentityProvider{ID: "github", Name: "GitHub", Instance: true})
	srv.AddAction(zitadeltest.Action{ID: id + "-claims", Name: "claims", Organization: id})
	srv.AddMetadata(zitadeltest.Metadata{Organization: id, Key: "customer"})
	srv.AddPolicy(zitadeltest.Policy{Organization: id, Name: "login"})
	srv.AddPolicy(zitadeltest.Policy{Organization: id, Name: "password/complexity"})
	srv.AddGroup(zitadeltest.Group{ID: id + "-staff", Name: "staff", Organization: id})
}

// newAcme returns a fake with an organization of addWithCascades, and a client.
func newAcme(t *testing.T) (*zitadeltest.Server, *zitadel.Client) {
	t.Helper()
	srv := zitadeltest.NewServer()
	addWithCascades(srv, "acme", "Acme")
	addExternalUsers(srv, "acme")
	return srv, newClient(t, srv)
}

// newFullAcme returns a fake with an organization that has cascades of all kinds, and a client.
func newFullAcme(t *testing.T) (*zitadeltest.Server, *zitadel.Client) {
	t.Helper()
	srv := zitadeltest.NewServer()
	addWithCascades(srv, "acme", "Acme")
	addExternalRoles(srv, "acme")
	return srv, newClient(t, srv)
}

func planOf(t *testing.T, c *zitadel.Client) *teardown.Plan {
	t.Helper()
	p, err := c.Plan(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// withoutIDs compares cascades by their counts, names and notes.
var withoutIDs = cmpopts.IgnoreFields(teardown.Cascade{}, "IDs", "Digest")

func cascadesByKind(p *teardown.Plan) map[string]teardown.Cascade {
	all := map[string]teardown.Cascade{}
	for _, l := range p.Cascades {
		all[l.Kind] = l
	}
	return all
}

func TestPreview_CountsOfDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		populate(srv)
		c, ctx := newClient(t, srv), t.Context()
		got, err := c.Preview(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		want := []zitadel.CascadeCount{
			{zitadel.CascadeUsers, 2}, {zitadel.CascadeProjects, 1}, {zitadel.CascadeProjectGrants, 1}, {zitadel.CascadeGrantedProjects, 1},
			{zitadel.CascadeUserGrants, 1}, {zitadel.CascadeMembers, 1}, {zitadel.CascadeDomains, 2},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// Count counts items, because the total may be that of one page.
		for _, body := range bodies(srv)[1:] {
			if !strings.HasPrefix(body, `{"query":{"limit":100,"asc":true}`) {
				t.Errorf("sent %s", body)
			}
		}
		if !srv.HasAccess("bob", "shop") || !srv.HasAccess("bob", "forge") {
			t.Error("bob has no access")
		}
		if _, err := c.DeleteOrganization(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		// The user of another organization loses only the roles of the grant.
		if srv.HasAccess("bob", "shop") || !srv.HasAccess("bob", "forge") {
			t.Error("bob has access to a deleted project, or none to an existing one")
		}
		remaining, err := c.Preview(ctx, "bolt")
		if err != nil {
			t.Fatal(err)
		}
		want = []zitadel.CascadeCount{
			{zitadel.CascadeUsers, 1}, {zitadel.CascadeProjects, 1}, {zitadel.CascadeProjectGrants, 0}, {zitadel.CascadeGrantedProjects, 0},
			{zitadel.CascadeUserGrants, 1}, {zitadel.CascadeMembers, 0}, {zitadel.CascadeDomains, 1},
		}
		if diff := cmp.Diff(want, remaining); diff != "" {
			t.Errorf("remaining contents (-want +got):\n%s", diff)
		}
		// The lists of a deleted organization are empty, so they alone would show no resources.
		if n, err := c.Count(ctx, "acme", zitadel.CascadeUsers); n != 0 || err != nil {
			t.Errorf("got %d and %v", n, err)
		}
		if _, err := c.Preview(ctx, "acme"); code(err) != errors.OrganizationNotFound {
			t.Errorf("got %v, want code %q", err, errors.OrganizationNotFound)
		}
	})
}

func TestPlan_AllCascades(t *testing.T) {
	t.Parallel()
	_, c := newFullAcme(t)
	got := cascadesByKind(planOf(t, c))
	for _, want := range []teardown.Cascade{
		{Kind: "project_members", Count: 1, Names: []string{"bea in Shop"}, Note: "they manage its projects"},
		{
			Kind: "project_grant_members", Count: 2, Names: []string{"cyd in Shop for Partner of Acme", "cyd in Tool for Acme"},
			Note: "they manage grants of projects",
		},
		{
			Kind: "users_of_other_organizations", Count: 2, Names: []string{"bea of Partner of Acme", "cyd of Partner of Acme"},
			Note: "they lose roles in projects or in its management",
		},
		{
			Kind: "memberships_elsewhere", Count: 3,
			Names: []string{"ada: IAM_OWNER of the instance", "ada: ORG_OWNER of Partner of Acme", "bot: PROJECT_OWNER of Tool"},
			Note:  "roles of its users in the instance and in other organizations",
		},
		{
			Kind: "user_grants_by_others", Count: 1, Names: []string{"bot in Tool of Partner of Acme"},
			Note: "roles that other organizations gave to its users",
		},
		{Kind: "identity_providers", Count: 1, Names: []string{"Google"}, Note: "their users need another way to log in"},
		{Kind: "actions", Count: 1, Names: []string{"claims"}},
		{Kind: "metadata", Count: 1, Names: []string{"customer"}, Note: "of the organization"},
		{Kind: "policies", Count: 2, Names: []string{"login", "password complexity"}, Note: "used instead of the instance's policies"},
		{Kind: "groups", Count: 1, Names: []string{"staff"}, Note: "of users"},
	} {
		if diff := cmp.Diff(want, got[want.Kind], withoutIDs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Kind, diff)
		}
	}
}

// The fake deletes by its own rules. It must delete as many resources as the plan counts.
func TestTeardown_DeletesPlannedCascades(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	before := srv.Contents()
	p := planOf(t, c)
	counted := 0
	for _, l := range p.Cascades {
		if l.Kind != string(zitadel.CascadeExternalUsers) { // the kinds of their roles count them
			counted += l.Count
		}
	}
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Fatal(err)
	}
	// The plan does not count the organization itself.
	if deleted := len(before) - len(srv.Contents()) - 1; deleted != counted {
		t.Errorf("%d resources were deleted along, and %d were counted", deleted, counted)
	}
}

// additions add one resource of each kind to the organization "acme".
var additions = map[string]func(*zitadeltest.Server){
	"a user":         func(s *zitadeltest.Server) { s.AddUser(zitadeltest.User{Organization: "acme"}) },
	"a project":      func(s *zitadeltest.Server) { s.AddProject(zitadeltest.Project{Organization: "acme"}) },
	"an application": func(s *zitadeltest.Server) { s.AddApp(zitadeltest.App{Project: "acme-shop"}) },
	"a domain": func(s *zitadeltest.Server) {
		s.AddDomain(zitadeltest.Domain{Organization: "acme", Name: "new.example"})
	},
	"a project grant": func(s *zitadeltest.Server) {
		s.AddProjectGrant(zitadeltest.ProjectGrant{Project: "acme-site", Organization: "acme-partner"})
	},
	"a granted project": func(s *zitadeltest.Server) {
		s.AddProjectGrant(zitadeltest.ProjectGrant{Project: "acme-partner-tool", Organization: "acme"})
	},
	"a role": func(s *zitadeltest.Server) {
		s.AddUserGrant(zitadeltest.UserGrant{User: "acme-bot", Project: "acme-shop"})
	},
	"a member": func(s *zitadeltest.Server) { s.AddMember(zitadeltest.Member{Organization: "acme", User: "acme-bot"}) },
	"a manager of a project": func(s *zitadeltest.Server) {
		s.AddProjectMember(zitadeltest.ProjectMember{Project: "acme-site", User: "acme-partner-cyd"})
	},
	"a manager of a grant": func(s *zitadeltest.Server) {
		s.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: "acme-lent", User: "acme-partner-bea"})
	},
	"a manager of the instance": func(s *zitadeltest.Server) { s.AddInstanceMember(zitadeltest.InstanceMember{User: "acme-bot"}) },
	"a role given by another": func(s *zitadeltest.Server) {
		s.AddUserGrant(zitadeltest.UserGrant{User: "acme-ada", Project: "acme-partner-tool"})
	},
	"an identity provider": func(s *zitadeltest.Server) { s.AddIdentityProvider(zitadeltest.IdentityProvider{Organization: "acme"}) },
	"an action":            func(s *zitadeltest.Server) { s.AddAction(zitadeltest.Action{Organization: "acme"}) },
	"metadata":             func(s *zitadeltest.Server) { s.AddMetadata(zitadeltest.Metadata{Organization: "acme", Key: "new"}) },
	"a policy":             func(s *zitadeltest.Server) { s.AddPolicy(zitadeltest.Policy{Organization: "acme", Name: "lockout"}) },
	"a group":              func(s *zitadeltest.Server) { s.AddGroup(zitadeltest.Group{Organization: "acme"}) },
}

// A new resource stops the deletion, of a kind with and without resources in the plan.
func TestTeardown_AddedSincePlan(t *testing.T) {
	t.Parallel()
	for name, add := range additions {
		for _, settled := range []bool{false, true} {
			srv := zitadeltest.NewServer()
			addWithCascades(srv, "acme", "Acme")
			if settled {
				addExternalRoles(srv, "acme")
			}
			c := newClient(t, srv)
			p := planOf(t, c)
			add(srv)
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			if r != nil || code(err) != errors.PlanStale || srv.Count("DeleteOrganization") != 0 {
				t.Errorf("%s, settled %t: got %+v, %v after %d deletions", name, settled, r, err, srv.Count("DeleteOrganization"))
			}
			if e, _ := errors.AsType[*errors.Error](err); e != nil && len(e.Steps) == 0 {
				t.Errorf("%s: the error does not name the new resource: %v", name, err)
			}
		}
	}
}

// A user who replaces another one is new, although the count is the same.
func TestTeardown_ReplacedSincePlan(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	p := planOf(t, c)
	users := `{"details":{"totalResult":"2"},"result":[{"id":"acme-ada","userName":"ada","details":{"resourceOwner":"acme"}},
		{"id":"acme-eve","userName":"eve","details":{"resourceOwner":"acme"}}]}`
	srv.Fail(offboardtest.Respond("ListUsersPage", 200, users))
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); r != nil || code(err) != errors.PlanStale || !srv.Exists("acme") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A resource that replaces another one is new, even if the plan names only some of its kind, or
// its name is the same.
func TestTeardown_ReplacedAmongMany(t *testing.T) {
	t.Parallel()
	for kind, list := range map[zitadel.CascadeKind]string{
		zitadel.CascadeUsers: "ListUsersPage", zitadel.CascadeProjects: "ListProjectsPage", zitadel.CascadeApps: "ListAppsPage",
		zitadel.CascadeProjectGrants: "ListProjectGrantsPage", zitadel.CascadeUserGrants: "ListUserGrantsPage", zitadel.CascadeMembers: "ListMembersPage",
		zitadel.CascadeGroups: "ListGroupsPage", zitadel.CascadeActions: "ListActionsPage", zitadel.CascadeIdentityProviders: "ListIdentityProvidersPage",
		zitadel.CascadeExternalMemberships: "ListAdministratorsPage", zitadel.CascadeExternalUserGrants: "ListAuthorizationsPage",
		zitadel.CascadeGrantedProjects: "ListGrantedProjectsPage", zitadel.CascadeProjectMembers: "ListProjectMembersPage",
		zitadel.CascadeProjectGrantMembers: "ListProjectGrantMembersPage",
	} {
		for _, n := range []int{3, 13} {
			for _, renamed := range []bool{true, false} {
				t.Run(fmt.Sprint(kind, " ", n, " ", renamed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv := zitadeltest.NewServer()
						srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
						srv.AddOrganization(zitadeltest.Organization{ID: "bolt", Name: "Bolt"})
						addMany(srv, n)
						c := newClient(t, srv)
						p := planOf(t, c)
						if got := cascadesByKind(p)[string(kind)]; got.Count < n || len(got.IDs) != got.Count {
							t.Fatalf("got %+v, want at least %d with IDs", got, n)
						}
						last := fmt.Sprintf("%03d", n-1)
						replaced := offboardtest.EditBody(list, func(b []byte) []byte {
							b = bytes.ReplaceAll(b, []byte("id"+last), []byte("id-new"))
							if renamed {
								b = bytes.ReplaceAll(b, []byte("name"+last), []byte("name-new"))
							}
							return b
						})
						replaced.Times = 1000
						srv.Fail(replaced)
						r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
						if r != nil || code(err) != errors.PlanStale || !srv.Exists("acme") {
							t.Errorf("got %+v, %v; it exists: %t", r, err, srv.Exists("acme"))
						}
					})
				})
			}
		}
	}
}

// addMany adds n resources of each kind to the organization "acme". Their IDs contain id000 and
// so on, and their names name000 and so on.
func addMany(srv *zitadeltest.Server, n int) {
	srv.AddProject(zitadeltest.Project{ID: "shop", Name: "Shop", Organization: "acme"})
	srv.AddProject(zitadeltest.Project{ID: "tool", Name: "Tool", Organization: "bolt"})
	srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: "lent", Project: "shop", Organization: "bolt"})
	for i := range n {
		id, name := fmt.Sprintf("id%03d", i), fmt.Sprintf("name%03d", i)
		srv.AddUser(zitadeltest.User{ID: "u-" + id, UserName: name, Organization: "acme"})
		srv.AddMember(zitadeltest.Member{Organization: "acme", User: "u-" + id})
		srv.AddMember(zitadeltest.Member{Organization: "bolt", User: "u-" + id})
		srv.AddProject(zitadeltest.Project{ID: "p-" + id, Name: name, Organization: "acme"})
		srv.AddProject(zitadeltest.Project{ID: "t-" + id, Name: name, Organization: "bolt"})
		srv.AddProjectMember(zitadeltest.ProjectMember{Project: "shop", User: "u-" + id})
		srv.AddProjectGrantMember(zitadeltest.ProjectGrantMember{ProjectGrant: "lent", User: "u-" + id})
		srv.AddApp(zitadeltest.App{ID: "a-" + id, Name: name, Project: "shop"})
		srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: "g-" + id, Project: "p-" + id, Organization: "bolt"})
		srv.AddProjectGrant(zitadeltest.ProjectGrant{ID: "h-" + id, Project: "t-" + id, Organization: "acme"})
		srv.AddUserGrant(zitadeltest.UserGrant{ID: "r-" + id, User: "u-" + id, Project: "shop"})
		srv.AddUserGrant(zitadeltest.UserGrant{ID: "s-" + id, User: "u-" + id, Project: "tool"})
		srv.AddGroup(zitadeltest.Group{ID: "c-" + id, Name: name, Organization: "acme"})
		srv.AddAction(zitadeltest.Action{ID: "f-" + id, Name: name, Organization: "acme"})
		srv.AddIdentityProvider(zitadeltest.IdentityProvider{ID: "i-" + id, Name: name, Organization: "acme"})
	}
}

// A credential that may not read projects still finds a new grant: an unreadable list does not
// mean that the organization has no projects.
func TestTeardown_NewGrantOfUnreadableProject(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a project grant", "a role"} {
		srv, c := newFullAcme(t)
		srv.SetPermissions("org.read", "org.delete", "project.grant.read", "user.grant.read")
		p := planOf(t, c)
		additions[name](srv)
		if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); r != nil || code(err) != errors.PlanStale || !srv.Exists("acme") {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

// Fewer resources than in the plan do not stop the deletion.
func TestTeardown_RemovedSincePlan(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	p := planOf(t, c)
	srv.Fail(offboardtest.Respond("ListUsersPage", 200, `{"details":{"viewTimestamp":"2026-11-22T05:05:22Z"}}`))
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestPlan_UnreadableLists(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		notes   map[string]string // by kind
	}{
		"an owner of the instance": {func(*zitadeltest.Server) {}, map[string]string{}},
		"a manager who may read nothing else": {func(srv *zitadeltest.Server) { srv.SetPermissions("org.read", "org.delete") }, map[string]string{
			"users": "not readable", "projects": "not readable", "apps": "not readable", "project_members": "not readable",
			"project_grants": "not readable", "project_grant_members": "not readable", "user_grants": "not readable",
			"users_of_other_organizations": "not readable", "granted_projects": "not readable", "members": "not readable",
			"identity_providers": "not readable", "actions": "not readable", "policies": "not readable",
			"memberships_elsewhere": "not all are readable", "user_grants_by_others": "not all are readable",
		}},
		"an owner of the organization": {ownAcmeOnly, map[string]string{
			// The list of the partner has the roles that the partner gave.
			"user_grants": "not all are readable", "users_of_other_organizations": "not all are readable",
			"memberships_elsewhere": "not all are readable", "user_grants_by_others": "not all are readable",
		}},
		"an old server": {func(srv *zitadeltest.Server) { srv.Legacy(true) }, map[string]string{
			"memberships_elsewhere": "not listed", "user_grants_by_others": "not listed",
		}},
	} {
		srv, c := newFullAcme(t)
		test.prepare(srv)
		got := map[string]string{}
		for _, l := range planOf(t, c).Cascades {
			for _, hint := range []string{"not readable", "not all are readable", "not listed"} {
				if strings.Contains(l.Note, hint) {
					got[l.Kind] = hint
				}
			}
		}
		if diff := cmp.Diff(test.notes, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// An owner of the organization may not list the members of the instance, but may read the roles
// of its own users in the instance.
func TestPlan_InstanceRolesWithoutList(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*zitadeltest.Server){
		"an owner of the organization": ownAcmeOnly,
		"an old server":                func(srv *zitadeltest.Server) { srv.Legacy(true) },
	} {
		srv, c := newFullAcme(t)
		prepare(srv)
		if l := cascadesByKind(planOf(t, c))["memberships_elsewhere"]; !slices.Contains(l.Names, "ada: IAM_OWNER of the instance") {
			t.Errorf("%s: got %+v", name, l)
		}
	}
}

// A list that was readable for the plan must be readable when the plan is applied. Otherwise new
// resources would stay unseen.
func TestTeardown_CredentialReadsLess(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	p := planOf(t, c)
	srv.SetPermissions("org.read", "org.delete")
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if r != nil || code(err) != errors.PermissionDenied || !srv.Exists("acme") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestPlan_CountsItems(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	// Metadata of users inflate the total (issue 10825 of Zitadel).
	inflate := func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"totalResult":"`), []byte(`"totalResult":"9`), 1)
	}
	for _, operation := range []string{"ListUsersPage", "ListActionsPage"} {
		fault := offboardtest.EditBody(operation, inflate)
		fault.Times = 100
		srv.Fail(fault)
	}
	got := cascadesByKind(planOf(t, c))
	if got["users"].Count != 2 || got["actions"].Count != 1 {
		t.Errorf("got %+v and %+v", got["users"], got["actions"])
	}
}

// A server ignores an unknown filter, and answers with resources of other organizations.
func TestPlan_DroppedFilters(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	system := func([]byte) []byte {
		return []byte(`{"details":{"totalResult":"1"},"result":[{"id":"1","owner":"IDP_OWNER_TYPE_SYSTEM","details":{"resourceOwner":"100000000000000000"}}]}`)
	}
	srv.Fail(
		offboardtest.Respond("ListAdministratorsPage", 200, `{"pagination":{"totalResult":"1","appliedLimit":"100"},"administrators":[
			{"user":{"id":"1","organizationId":"other"},"instance":true,"roles":["IAM_OWNER"]}]}`),
		offboardtest.Respond("ListAuthorizationsPage", 200, `{"pagination":{"totalResult":"1","appliedLimit":"100"},"authorizations":[
			{"id":"1","user":{"id":"1","organizationId":"other"},"organization":{"id":"other"}}]}`),
		offboardtest.Respond("ListGroupsPage", 200, `{"pagination":{"totalResult":"1","appliedLimit":"100"},"groups":[{"id":"1","organizationId":"other"}]}`),
		offboardtest.EditBody("ListIdentityProvidersPage", system), offboardtest.Fault{Operation: "ListIdentityProvidersPage"},
		offboardtest.EditBody("ListIdentityProvidersPage", system), // names no organization, so it is read again
	)
	got := cascadesByKind(planOf(t, c))
	for _, kind := range []string{"memberships_elsewhere", "user_grants_by_others", "groups", "identity_providers"} {
		if l, ok := got[kind]; ok {
			t.Errorf("got %+v", l)
		}
	}
}

// Only a read of the organization itself proves that it does not exist.
func TestPlan_NotFoundOfOtherResource(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"GetMyUser", "ListPermissions", "ListUsersPage", "ListProjectsPage", "ListAppsPage", "ListProjectMembersPage",
		"ListProjectGrantsPage", "ListUserGrantsPage", "ListGrantedProjectsPage", "ListProjectGrantMembersPage", "ListMembersPage",
		"ListDomainsPage", "ListIdentityProvidersPage", "ListActionsPage", "ListMetadataPage", "GetLoginPolicy", "ListGroupsPage",
		"ListAuthorizationsPage", "ListAdministratorsPage",
	} {
		srv, c := newFullAcme(t)
		p := planOf(t, c)
		fault := offboardtest.Respond(operation, http.StatusNotFound, notFound("QUERY-leq5Q"))
		fault.Times = 5
		srv.Fail(fault)
		if _, err := c.Plan(t.Context(), "acme"); err == nil || errors.Is(err, errors.NotFound) || code(err) != errors.UnexpectedResponse {
			t.Errorf("%s: Plan: got %v", operation, err)
		}
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
		if r != nil || errors.Is(err, errors.NotFound) || !srv.Exists("acme") {
			t.Errorf("%s: Teardown: got %+v, %v", operation, r, err)
		}
	}
	for name, read := range map[string]func(*zitadel.Client) error{
		"CheckDeletion": func(c *zitadel.Client) error { return c.CheckDeletion(t.Context(), "acme") },
		"Plan": func(c *zitadel.Client) error {
			_, err := c.Plan(t.Context(), "acme")
			return err
		},
	} {
		srv, c := newFullAcme(t)
		srv.Fail(offboardtest.Respond("GetDefaultOrganization", http.StatusNotFound, notFound("QUERY-leq5Q")))
		if err := read(c); code(err) != errors.UnexpectedResponse {
			t.Errorf("GetDefaultOrganization: %s: got %v", name, err)
		}
	}
}

// If the organization becomes unknown during the reads, no list counts as unreadable.
func TestPlan_OrganizationBecomesUnknown(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	srv.SetPermissions("org.read", "org.delete")
	srv.Fail(offboardtest.Respond("ListActionsPage", 403, `{"code":7,"message":"Organisation doesn't exist (AUTH-Bs7Ds)"}`))
	if p, err := c.Plan(t.Context(), "acme"); p != nil || code(err) != errors.PermissionDenied {
		t.Errorf("got %+v, %v", p, err)
	}
	srv.Fail(offboardtest.Respond("GetMyOrganization", 404, `{"code":7,"message":"Organisation doesn't exist (AUTH-Bs7Ds)"}`))
	if err := c.CheckDeletionV2(t.Context(), "acme"); code(err) != errors.PermissionDenied {
		t.Errorf("got %v", err)
	}
}

func TestPlan_Cascades(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	srv.AddUserGrant(zitadeltest.UserGrant{User: "acme-partner-bea", Project: "acme-shop"})           // named once
	srv.AddProjectGrant(zitadeltest.ProjectGrant{Project: "acme-site", Organization: "acme-partner"}) // listed once
	p := planOf(t, c)
	want := []teardown.Cascade{
		{Kind: "users", Count: 2, Names: []string{"ada", "bot"}, Note: "with their credentials, sessions and memberships"},
		{Kind: "projects", Count: 2, Names: []string{"Shop", "Site"}},
		{Kind: "apps", Count: 2, Names: []string{"Web", "CLI"}, Note: "users can no longer log in to them"},
		{Kind: "project_grants", Count: 2, Names: []string{"Shop to Partner of Acme", "Site to Partner of Acme"}, Note: "given to other organizations"},
		{
			Kind: "user_grants", Count: 5, Names: []string{"ada in Shop", "ada in Tool", "bea in Site", "bea in Shop", "bea in Shop"},
			Note: "roles of users in projects",
		},
		{Kind: "members", Count: 2, Names: []string{"ada", "cyd"}, Note: "they manage the organization"},
		{
			Kind: "users_of_other_organizations", Count: 2, Names: []string{"bea of Partner of Acme", "cyd of Partner of Acme"},
			Note: "they lose roles in projects or in its management",
		},
		{Kind: "granted_projects", Count: 1, Names: []string{"Tool of Partner of Acme"}, Note: "of other organizations, which keep them"},
		{Kind: "domains", Count: 2, Names: []string{"acme.example.com", "acme.example.org"}, Note: "other organizations can use them at once"},
	}
	if diff := cmp.Diff(want, p.Cascades, withoutIDs); diff != "" {
		t.Errorf("cascades (-want +got):\n%s", diff)
	}
	if n := srv.Count("ListUserGrantsPage"); n != 2 {
		t.Errorf("roles were listed %d times, want once for each organization", n)
	}
	if len(p.Steps)+len(p.Requires) != 0 || p.Err() != nil || p.Organization != (teardown.Organization{ID: "acme", Name: "Acme"}) {
		t.Errorf("got %+v", p)
	}
	// The teardown deletes the named resources only.
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Fatal(err)
	}
	for access, want := range map[[2]string]bool{
		{"acme-partner-bea", "acme-shop"}: false, {"acme-partner-bea", "acme-site"}: false,
		{"acme-ada", "acme-partner-tool"}: false, {"acme-partner-bea", "acme-partner-tool"}: true,
	} {
		if got := srv.HasAccess(access[0], access[1]); got != want {
			t.Errorf("access of %s to %s is %t", access[0], access[1], got)
		}
	}
}

func TestPlan_NamesOfMany(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	for i := range 250 {
		user := srv.AddUser(zitadeltest.User{Organization: "acme-partner", UserName: fmt.Sprintf("partner%03d", i)})
		srv.AddUserGrant(zitadeltest.UserGrant{User: user, Project: "acme-shop", ProjectGrant: "acme-lent"})
		srv.AddUser(zitadeltest.User{Organization: "acme", UserName: fmt.Sprintf("user%03d", i)})
	}
	got := map[string][2]int{}
	for _, cascade := range planOf(t, c).Cascades {
		got[cascade.Kind] = [2]int{cascade.Count, len(cascade.Names)}
	}
	want := map[string][2]int{
		"users": {252, 10}, "projects": {2, 2}, "apps": {2, 2}, "project_grants": {1, 1}, "user_grants": {254, 10}, "members": {2, 2},
		"users_of_other_organizations": {252, 252}, "granted_projects": {1, 1}, "domains": {2, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts and names (-want +got):\n%s", diff)
	}
}

// Some servers do not name the user's organization, but name the one that gave the roles.
func TestPlan_UserGrantOwnerFallback(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	role := `{"details":{"totalResult":"1","viewTimestamp":"2026-11-22T05:05:22Z"},"result":[{"id":"1","userId":"acme-partner-dan",
		"userName":"dan","orgId":"acme-partner","orgName":"Partner","projectId":"acme-shop","projectGrantId":"acme-lent"}]}`
	srv.Fail(offboardtest.Fault{Operation: "ListUserGrantsPage"}, offboardtest.Respond("ListUserGrantsPage", http.StatusOK, role))
	for _, cascade := range planOf(t, c).Cascades {
		if cascade.Kind == string(zitadel.CascadeExternalUsers) && !slices.Contains(cascade.Names, "dan of Partner") {
			t.Errorf("got %v", cascade.Names)
		}
	}
}
