package zitadel_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// settle gives an organization of endow what else is deleted along with it: settings,
// users of the partner who manage its projects and grants, and what its own users have
// elsewhere.
func settle(srv *zitadeltest.Server, id string) {
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

// newSettled returns a fake with an organization that has everything, and a client.
func newSettled(t *testing.T) (*zitadeltest.Server, *zitadel.Client) {
	t.Helper()
	srv := zitadeltest.NewServer()
	endow(srv, "acme", "Acme")
	settle(srv, "acme")
	return srv, newClient(t, srv)
}

func losses(p *teardown.Plan) map[string]teardown.Cascade {
	all := map[string]teardown.Cascade{}
	for _, l := range p.Cascades {
		all[l.Kind] = l
	}
	return all
}

func TestPlan_AllKindsOfLosses(t *testing.T) {
	t.Parallel()
	_, c := newSettled(t)
	got := losses(planOf(t, c))
	for _, want := range []teardown.Cascade{
		{Kind: "project_members", Count: 1, Names: []string{"bea in Shop"}, Note: "who manage its projects"},
		{
			Kind: "project_grant_members", Count: 2, Names: []string{"cyd in Shop for Partner of Acme", "cyd in Tool for Acme"},
			Note: "who manage grants of projects",
		},
		{
			Kind: "users_of_other_organizations", Count: 2, Names: []string{"bea of Partner of Acme", "cyd of Partner of Acme"},
			Note: "who lose roles in projects or the management",
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
		{Kind: "identity_providers", Count: 1, Names: []string{"Google"}, Note: "users who log in with them need another way"},
		{Kind: "actions", Count: 1, Names: []string{"claims"}},
		{Kind: "metadata", Count: 1, Names: []string{"customer"}, Note: "of the organization"},
		{Kind: "policies", Count: 2, Names: []string{"login", "password complexity"}, Note: "which it has instead of the instance's"},
		{Kind: "groups", Count: 1, Names: []string{"staff"}, Note: "of users"},
	} {
		if diff := cmp.Diff(want, got[want.Kind], withoutIDs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Kind, diff)
		}
	}
}

// What the plan does not name stays, and what it names goes: the fake deletes by its own
// rules.
func TestTeardown_WhatThePlanNamesIsDeleted(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
	before := srv.Contents()
	p := planOf(t, c)
	counted := 0
	for _, l := range p.Cascades {
		if l.Kind != string(zitadel.KindUsersOfOthers) { // whose roles are counted by their kinds
			counted += l.Count
		}
	}
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Fatal(err)
	}
	// One grant of a partner's project is on the list of those that the organization has.
	if gone := len(before) - len(srv.Contents()) - 1; gone != counted {
		t.Errorf("%d things were deleted along, and %d were counted", gone, counted)
	}
}

// additions are of each kind what others can add to the organization "acme" of endow.
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

// Each kind that was not there when the plan was made stops the deletion, and so does
// more of each kind.
func TestTeardown_SomethingNewSinceThePlan(t *testing.T) {
	t.Parallel()
	for name, add := range additions {
		for _, settled := range []bool{false, true} {
			srv := zitadeltest.NewServer()
			endow(srv, "acme", "Acme")
			if settled {
				settle(srv, "acme")
			}
			c := newClient(t, srv)
			p := planOf(t, c)
			add(srv)
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			if r != nil || code(err) != errors.PlanStale || srv.Count("DeleteOrganization") != 0 {
				t.Errorf("%s, settled %t: got %+v, %v after %d deletions", name, settled, r, err, srv.Count("DeleteOrganization"))
			}
			if e, _ := errors.AsType[*errors.Error](err); e != nil && len(e.Steps) == 0 {
				t.Errorf("%s: the error does not say what is new: %v", name, err)
			}
		}
	}
}

// A user who takes the place of another is new, although their number is the same.
func TestTeardown_ReplacedSinceThePlan(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
	p := planOf(t, c)
	users := `{"details":{"totalResult":"2"},"result":[{"id":"acme-ada","userName":"ada","details":{"resourceOwner":"acme"}},
		{"id":"acme-eve","userName":"eve","details":{"resourceOwner":"acme"}}]}`
	srv.Fail(offboardtest.Respond("ListUsersPage", 200, users))
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); r != nil || code(err) != errors.PlanStale || !srv.Exists("acme") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// An item that takes the place of another is new, although there are more of its kind than
// a plan names, or its name is the same.
func TestTeardown_ReplacedAmongMany(t *testing.T) {
	t.Parallel()
	for kind, list := range map[zitadel.CascadeKind]string{
		zitadel.KindUsers: "ListUsersPage", zitadel.KindProjects: "ListProjectsPage", zitadel.KindApps: "ListAppsPage",
		zitadel.KindProjectGrants: "ListProjectGrantsPage", zitadel.KindUserGrants: "ListUserGrantsPage", zitadel.KindMembers: "ListMembersPage",
		zitadel.KindGroups: "ListGroupsPage", zitadel.KindActions: "ListActionsPage", zitadel.KindIdentityProviders: "ListIdentityProvidersPage",
		zitadel.KindMemberships: "ListAdministratorsPage", zitadel.KindUserGrantsByOthers: "ListAuthorizationsPage",
		zitadel.KindGrantedProjects: "ListGrantedProjectsPage", zitadel.KindProjectMembers: "ListProjectMembersPage",
		zitadel.KindProjectGrantMembers: "ListProjectGrantMembersPage",
	} {
		for _, n := range []int{3, 13} {
			for _, renamed := range []bool{true, false} {
				t.Run(fmt.Sprint(kind, " ", n, " ", renamed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv := zitadeltest.NewServer()
						srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
						srv.AddOrganization(zitadeltest.Organization{ID: "bolt", Name: "Bolt"})
						crowd(srv, n)
						c := newClient(t, srv)
						p := planOf(t, c)
						if got := losses(p)[string(kind)]; got.Count < n || len(got.IDs) != got.Count {
							t.Fatalf("got %+v, want %d with IDs at least", got, n)
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

// crowd gives the organization "acme" so many of each kind, whose IDs have id000 and so on,
// and whose names have name000 and so on.
func crowd(srv *zitadeltest.Server, n int) {
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

// A grant that is new is found by a credential that may not read projects: that it reads
// none does not mean that there are none.
func TestTeardown_NewGrantOfAHiddenProject(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a project grant", "a role"} {
		srv, c := newSettled(t)
		srv.SetPermissions("org.read", "org.delete", "project.grant.read", "user.grant.read")
		p := planOf(t, c)
		additions[name](srv)
		if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); r != nil || code(err) != errors.PlanStale || !srv.Exists("acme") {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

// What the credential may do is read again when a minute has passed since it was read.
func TestTeardown_PermissionsAreReadAgain(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]int{0: 1, 2 * time.Minute: 2} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := newSettled(t)
			p := planOf(t, c)
			before := srv.Count("ListPermissions")
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.Started {
					time.Sleep(wait)
				}
			}))
			if err != nil || r.Outcome != teardown.Deleted || srv.Count("ListPermissions")-before != want {
				t.Errorf("after %v: got %+v, %v and %d reads of the permissions, want %d", wait, r, err, srv.Count("ListPermissions")-before, want)
			}
		})
	}
}

// Fewer than in the plan are no obstacle.
func TestTeardown_LessThanInThePlan(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
	p := planOf(t, c)
	srv.Fail(offboardtest.Respond("ListUsersPage", 200, `{"details":{"viewTimestamp":"2026-11-22T05:05:22Z"}}`))
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

// callers are those who may delete the organization "acme", and the operation by which a
// teardown does.
var callers = map[string]struct {
	prepare   func(*zitadeltest.Server)
	operation string
	permits   []teardown.Override
}{
	"an owner of the instance": {func(*zitadeltest.Server) {}, "DeleteOrganization", nil},
	"a manager of organizations": {func(srv *zitadeltest.Server) {
		srv.SetPermissions("org.create", "org.read", "org.write", "org.delete", "org.member.read", "user.read", "project.read")
	}, "DeleteOrganizationV2", nil},
	"a manager who may read nothing else": {func(srv *zitadeltest.Server) {
		srv.SetPermissions("org.read", "org.delete")
	}, "DeleteOrganizationV2", nil},
	"an owner of the organization, from elsewhere": {ownAcmeOnly, "DeleteOrganizationV2", nil},
	"an owner of the organization, from within": {func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
		ownAcmeOnly(srv)
	}, "DeleteOrganizationV2", []teardown.Override{teardown.OwnOrganization}},
	"a manager at an old server": {func(srv *zitadeltest.Server) {
		srv.Legacy(true)
		srv.SetPermissions("org.read", "org.delete")
	}, "DeleteMyOrganization", nil},
}

func TestTeardown_EveryCallerWhoMayDelete(t *testing.T) {
	t.Parallel()
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newSettled(t)
				caller.prepare(srv)
				p := planOf(t, c)
				if p.Err() != nil || p.Organization.Name != "Acme" {
					t.Errorf("got the plan's error %v", p.Err())
				}
				if diff := cmp.Diff(caller.permits, p.Requires); diff != "" {
					t.Errorf("needs (-want +got):\n%s", diff)
				}
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(caller.permits...))
				if err != nil || r.Outcome != teardown.Deleted || srv.Exists("acme") {
					t.Errorf("got %+v, %v", r, err)
				}
				for _, operation := range []string{"DeleteOrganization", "DeleteOrganizationV2", "DeleteMyOrganization"} {
					// An old server has no API v2, and says so.
					expected := operation == caller.operation || operation == "DeleteOrganizationV2" && caller.operation == "DeleteMyOrganization"
					if n := srv.Count(operation); (n > 0) != expected {
						t.Errorf("%s was sent %d times", operation, n)
					}
				}
			})
		})
	}
}

func TestPlan_CallerWhoMayNotDelete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		plan    errors.Code // of Plan itself
		refusal errors.Code // that the plan has
	}{
		"a viewer of the organization": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			srv.SetPermissions()
			srv.AddMember(zitadeltest.Member{Organization: "acme", Roles: []string{"ORG_OWNER_VIEWER"}})
		}, "", errors.PermissionDenied},
		"a reader of all organizations": {func(srv *zitadeltest.Server) { srv.SetPermissions("org.read") }, "", errors.PermissionDenied},
		"an owner of another organization": {func(srv *zitadeltest.Server) {
			srv.SetPermissions()
			srv.AddMember(zitadeltest.Member{Organization: "acme-partner"})
		}, errors.PermissionDenied, ""},
		"a caller without a role": {func(srv *zitadeltest.Server) { srv.SetPermissions() }, errors.PermissionDenied, ""},
	} {
		srv, c := newSettled(t)
		test.prepare(srv)
		p, err := c.Plan(t.Context(), "acme")
		if code(err) != test.plan || p != nil && code(p.Err()) != test.refusal {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
		if p == nil {
			continue
		}
		if got := code(c.CheckDeletionV2(t.Context(), "acme")); got != test.refusal {
			t.Errorf("%s: CheckDeletionV2 says %q", name, got)
		}
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
		if r == nil || r.Outcome != teardown.Blocked || code(err) != errors.PermissionDenied || !srv.Exists("acme") {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

func TestPlan_UnreadableListsAreNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		hidden  map[string]string // what the notes say, by kind
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
			// Roles in its projects that the partner gave are on the partner's list.
			"user_grants": "not all are readable", "users_of_other_organizations": "not all are readable",
			"memberships_elsewhere": "not all are readable", "user_grants_by_others": "not all are readable",
		}},
		"an old server": {func(srv *zitadeltest.Server) { srv.Legacy(true) }, map[string]string{
			"memberships_elsewhere": "not listed", "user_grants_by_others": "not listed",
		}},
	} {
		srv, c := newSettled(t)
		test.prepare(srv)
		got := map[string]string{}
		for _, l := range planOf(t, c).Cascades {
			for _, hint := range []string{"not readable", "not all are readable", "not listed"} {
				if strings.Contains(l.Note, hint) {
					got[l.Kind] = hint
				}
			}
		}
		if diff := cmp.Diff(test.hidden, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// An owner of the organization does not see the list of the instance's members, and sees
// the roles of its users in the instance.
func TestPlan_RolesInTheInstanceWithoutItsList(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*zitadeltest.Server){
		"an owner of the organization": ownAcmeOnly,
		"an old server":                func(srv *zitadeltest.Server) { srv.Legacy(true) },
	} {
		srv, c := newSettled(t)
		prepare(srv)
		if l := losses(planOf(t, c))["memberships_elsewhere"]; !slices.Contains(l.Names, "ada: IAM_OWNER of the instance") {
			t.Errorf("%s: got %+v", name, l)
		}
	}
}

// A list that was readable when the plan was made has to be readable when it is carried
// out: what is new on it could not be seen.
func TestTeardown_CredentialThatReadsLess(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
	p := planOf(t, c)
	srv.SetPermissions("org.read", "org.delete")
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if r != nil || code(err) != errors.PermissionDenied || !srv.Exists("acme") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestPlan_CountsItems(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
	// Metadata of users inflate the total (issue 10825 of Zitadel).
	inflate := func(body []byte) []byte {
		return bytes.Replace(body, []byte(`"totalResult":"`), []byte(`"totalResult":"9`), 1)
	}
	for _, operation := range []string{"ListUsersPage", "ListActionsPage"} {
		fault := offboardtest.EditBody(operation, inflate)
		fault.Times = 100
		srv.Fail(fault)
	}
	got := losses(planOf(t, c))
	if got["users"].Count != 2 || got["actions"].Count != 1 {
		t.Errorf("got %+v and %+v", got["users"], got["actions"])
	}
}

// A server drops a filter that it does not know, and answers with what belongs to others.
func TestPlan_FiltersThatAreDropped(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
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
		offboardtest.EditBody("ListIdentityProvidersPage", system), // it names no organization, and is read again
	)
	got := losses(planOf(t, c))
	for _, kind := range []string{"memberships_elsewhere", "user_grants_by_others", "groups", "identity_providers"} {
		if l, ok := got[kind]; ok {
			t.Errorf("got %+v", l)
		}
	}
}

// Only a read of the organization itself says that it does not exist.
func TestPlan_NotFoundOfSomethingElse(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"GetMyUser", "ListPermissions", "ListUsersPage", "ListProjectsPage", "ListAppsPage", "ListProjectMembersPage",
		"ListProjectGrantsPage", "ListUserGrantsPage", "ListGrantedProjectsPage", "ListProjectGrantMembersPage", "ListMembersPage",
		"ListDomainsPage", "ListIdentityProvidersPage", "ListActionsPage", "ListMetadataPage", "GetLoginPolicy", "ListGroupsPage",
		"ListAuthorizationsPage", "ListAdministratorsPage",
	} {
		srv, c := newSettled(t)
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
		srv, c := newSettled(t)
		srv.Fail(offboardtest.Respond("GetDefaultOrganization", http.StatusNotFound, notFound("QUERY-leq5Q")))
		if err := read(c); code(err) != errors.UnexpectedResponse {
			t.Errorf("GetDefaultOrganization: %s: got %v", name, err)
		}
	}
}

func notFound(id string) string {
	return `{"code":5,"message":"x (` + id + `)","details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"` + id + `"}]}`
}

// An ID counts with the status that belongs to it: others prove nothing.
func TestClassify_NotFoundWithAnotherStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]errors.Code{
		200: errors.UnexpectedResponse, 202: errors.UnexpectedResponse, 403: errors.UnexpectedResponse, 404: errors.OrganizationNotFound,
		410: errors.UnexpectedResponse, 500: errors.Internal, 503: errors.Internal,
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Respond("GetOrganization", status, notFound("QUERY-leq5Q")))
		c := newClient(t, srv, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}))
		if _, err := c.GetOrganization(t.Context(), "acme"); code(err) != want {
			t.Errorf("%d: got %v, want code %q", status, err, want)
		}
	}
}

func TestTeardown_AcceptedAndNeverStarted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		caller, operation, body string
	}{
		"the admin API":      {"an owner of the instance", "DeleteOrganization", `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`},
		"the API v2":         {"a manager who may read nothing else", "DeleteOrganizationV2", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
		"the management API": {"a manager at an old server", "DeleteMyOrganization", `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`},
	} {
		for times, outcome := range map[int]teardown.Outcome{1: teardown.Deleted, 3: teardown.Deleted, 4: teardown.Unknown} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newSettled(t)
					callers[test.caller].prepare(srv)
					p := planOf(t, c)
					fault := offboardtest.Respond(test.operation, 200, test.body)
					fault.Times = times
					srv.Fail(fault)
					r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
					if r == nil || r.Outcome != outcome || srv.Exists("acme") != (outcome == teardown.Unknown) {
						t.Errorf("%d times: got %+v, %v; it exists: %t", times, r, err, srv.Exists("acme"))
					}
					if n := srv.Count(test.operation); n != min(times+1, 4) {
						t.Errorf("%d times: %d deletions", times, n)
					}
				})
			})
		}
	}
}

// The credential belongs to the organization, which still exists: so does the credential.
func TestTeardown_OwnOrganizationNeverStarted(t *testing.T) {
	t.Parallel()
	for operation, body := range map[string]string{
		"DeleteOrganization":   `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`,
		"DeleteOrganizationV2": `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`,
		"DeleteMyOrganization": `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`,
	} {
		for times, outcome := range map[int]teardown.Outcome{3: teardown.Deleted, 4: teardown.Unknown} {
			t.Run(operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newSettled(t)
					srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
					if operation != "DeleteOrganization" {
						ownAcmeOnly(srv)
					}
					srv.Legacy(operation == "DeleteMyOrganization")
					ignored := offboardtest.Ignore(operation, 200, body)
					ignored.Times = times
					srv.Fail(ignored)
					r, err := c.Teardown(t.Context(), planOf(t, c), teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
					if r == nil || r.Outcome != outcome || srv.Count(operation) != 4 {
						t.Errorf("%d times: got %+v, %v after %d deletions", times, r, err, srv.Count(operation))
					}
				})
			})
		}
	}
}

// A deletion that Zitadel accepts and does not start, with reads that fail afterwards for a
// while or for good: no failure of a read shows that the organization does not exist.
func TestTeardown_NeverStartedAndNotRead(t *testing.T) {
	t.Parallel()
	faults := map[string]offboardtest.Fault{
		"500":              offboardtest.Respond("", 500, `{"code":13,"message":"internal"}`),
		"503":              offboardtest.HTMLResponse("", http.StatusServiceUnavailable),
		"a firewall's 403": offboardtest.HTMLResponse("", http.StatusForbidden),
		"a web page":       offboardtest.HTMLResponse("", http.StatusOK),
		"a redirect":       offboardtest.Redirect("", http.StatusFound, "/login"),
		"denied":           offboardtest.Respond("", 403, `{"code":7,"message":"no (AUTH-5mWD2)"}`),
		"unauthenticated":  offboardtest.Respond("", 401, `{"code":16,"message":"no (AUTH-7fs1e)"}`),
		"another":          offboardtest.EditBody("", func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "acme", "bolt")) }),
	}
	for caller, test := range map[string]struct {
		operation, read, body string
	}{
		"an owner of the instance":                     {"DeleteOrganization", "GetOrganization", `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`},
		"a manager who may read nothing else":          {"DeleteOrganizationV2", "GetMyOrganization", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
		"an owner of the organization, from elsewhere": {"DeleteOrganizationV2", "GetMyOrganization", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
		"an owner of the organization, from within":    {"DeleteOrganizationV2", "GetMyOrganization", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
	} {
		for name, fault := range faults {
			for _, reads := range []int{1, 1000} {
				t.Run(caller+", "+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv, c := newSettled(t)
						callers[caller].prepare(srv)
						p := planOf(t, c)
						fault := fault
						fault.Operation, fault.Times = test.read, reads
						// The reads that follow the deletion fail.
						first := true
						r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(callers[caller].permits...),
							teardown.WithJournal(written(func(entry []byte) {
								if first && strings.Contains(string(entry), `"deletion_started"`) {
									first = false
									srv.Fail(offboardtest.Ignore(test.operation, 200, test.body), fault)
								}
							})))
						if r == nil {
							t.Fatal(err)
						}
						want := teardown.Deleted // deleted again
						switch {
						case reads == 1:
						case caller == "an owner of the organization, from within" && name == "unauthenticated":
							return // what the end of the organization looks like
						default:
							want = teardown.Unknown
						}
						if r.Outcome != want || srv.Exists("acme") != (want == teardown.Unknown) {
							t.Errorf("%d reads: got %q, %v after %d deletions; it exists: %t", reads, r.Outcome, err, srv.Count(test.operation), srv.Exists("acme"))
						}
					})
				})
			}
		}
	}
}

// written is a journal that calls a function with each entry.
type written func([]byte)

func (w written) Write(entry []byte) (int, error) {
	w(entry)
	return len(entry), nil
}

// A deletion that is accepted in another form may be performed later.
func TestTeardown_AcceptedInAnotherForm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		later  bool
		want   teardown.Outcome
	}{
		"202":                    {202, "{}", false, teardown.Unknown},
		"204":                    {204, "", false, teardown.Unknown},
		"200":                    {200, "{}", false, teardown.Unknown},
		"202, and deleted later": {202, "{}", true, teardown.Deleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newSettled(t)
				p := planOf(t, c)
				ignored := offboardtest.Ignore("DeleteOrganization", test.status, test.body)
				ignored.Times = 1000
				if test.later {
					ignored.Times = 5
					time.AfterFunc(8*time.Second, func() { deleteAcme(srv) })
				}
				srv.Fail(ignored)
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				if r == nil || r.Outcome != test.want || (code(err) == errors.OutcomeUnknown) != (test.want == teardown.Unknown) {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// The first deletion was answered with success: refusals of the next ones prove nothing.
func TestTeardown_RefusedWhenSentAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newSettled(t)
				p := planOf(t, c)
				refused := offboardtest.Respond("DeleteOrganization", status, `{"code":7,"message":"no (AUTH-5mWD2)"}`)
				refused.Times = 1000
				srv.Fail(offboardtest.Respond("DeleteOrganization", 200, `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`), refused)
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				if r == nil || r.Outcome != teardown.Unknown || code(err) != errors.OutcomeUnknown {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// A deletion by the management API whose organization is another one in the next read may
// have been of another one.
func TestTeardown_HeaderDroppedAfterTheDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newSettled(t)
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true})
		callers["a manager at an old server"].prepare(srv)
		p := planOf(t, c)
		deleted := false
		c = newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: dropping{srv, func(req *http.Request) bool {
			defer func() {
				deleted = deleted || req.Method == http.MethodDelete && strings.HasPrefix(req.URL.Path, "/management/")
			}()
			return deleted
		}}}))
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
		if r == nil || r.Outcome != teardown.Unknown || code(err) != errors.OutcomeUnknown {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// An organization that becomes unknown while it is read is no list that may not be read.
func TestPlan_OrganizationBecomesUnknown(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
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

func TestWaitForDeletion_EveryCaller(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		permissions []string
		prepare     func(*zitadeltest.Server)
		want        errors.Code
	}{
		"an owner of the instance":   {permissions: []string{"iam.read", "iam.write"}},
		"a manager of organizations": {permissions: []string{"org.read", "org.delete"}},
		"a manager at an old server": {permissions: []string{"org.read", "org.delete"}, prepare: func(srv *zitadeltest.Server) { srv.Legacy(true) }},
		// Their roles end with the organization, and nothing tells.
		"an owner of the organization, from elsewhere": {prepare: ownAcmeOnly, want: errors.PermissionDenied},
		"an owner of the organization, from within": {prepare: func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			ownAcmeOnly(srv)
		}, want: errors.InvalidAPIToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newSettled(t)
				srv.Lag(3 * time.Second)
				if test.prepare != nil {
					test.prepare(srv)
				}
				srv.SetPermissions(test.permissions...)
				var seen [][]errors.Step
				done := make(chan error)
				go func() {
					done <- c.WaitForDeletion(t.Context(), "acme", func(left []errors.Step) { seen = append(seen, left) })
				}()
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(seen) == 0 || len(seen[0]) == 0 {
					t.Fatalf("seen were %v", seen)
				}
				// Another credential deletes it.
				srv.SetPermissions("iam.write")
				_, err := c.DeleteOrganization(t.Context(), "acme")
				srv.SetPermissions(test.permissions...)
				if err != nil {
					t.Fatal(err)
				}
				if err := <-done; code(err) != test.want {
					t.Errorf("got %v, want code %q", err, test.want)
				}
			})
		})
	}
}

// An empty list has only what the credential may read.
func TestWaitForDeletion_EmptyListProvesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newSettled(t)
		srv.SetPermissions("org.read", "org.delete")
		fault := offboardtest.Respond("SearchOrganizationsV2Page", 200, `{"details":{"timestamp":"2026-11-22T05:06:07.849809Z"}}`)
		fault.Times = 100
		srv.Fail(fault)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.WaitForDeletion(ctx, "acme", nil); code(err) != errors.NotFinished {
			t.Errorf("got %v, want code %q", err, errors.NotFinished)
		}
		// Nor does an organization that is unknown and was never read.
		if err := c.WaitForDeletion(t.Context(), "none", nil); code(err) != errors.PermissionDenied {
			t.Errorf("got %v, want code %q", err, errors.PermissionDenied)
		}
	})
}

// CheckDeletionV2 and DeleteOrganizationV2 say the same of an ID that nothing has.
func TestCheckDeletionV2_UnknownID(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*zitadeltest.Server){
		"an owner of the instance":     func(*zitadeltest.Server) {},
		"a manager of organizations":   func(srv *zitadeltest.Server) { srv.SetPermissions("org.read", "org.delete") },
		"a viewer of the instance":     func(srv *zitadeltest.Server) { srv.SetPermissions("org.read", "iam.read") },
		"an owner of the organization": ownAcmeOnly,
		"a caller without a role":      func(srv *zitadeltest.Server) { srv.SetPermissions() },
	} {
		srv, c := newSettled(t)
		prepare(srv)
		for _, id := range []string{"none", " ", "\u00a0", ""} {
			check := c.CheckDeletionV2(t.Context(), id)
			if _, err := c.DeleteOrganizationV2(t.Context(), id); err == nil || code(err) != code(check) {
				t.Errorf("%s, %q: CheckDeletionV2 says %v, DeleteOrganizationV2 %v", name, id, check, err)
			}
		}
	}
}

// A server drops a filter whose name is wrong without a word, so that each is compared
// with the name in the vendor's description or source.
func TestLists_RequestsOfWhatIsDeletedAlong(t *testing.T) {
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
		srv, c := newSettled(t)
		if n, err := test.call(t.Context(), c); err != nil || n == 0 {
			t.Errorf("%s: got %d items and %v", test.sent.Operation, n, err)
		}
		r := srv.Requests()[0]
		sent := request{r.Operation, r.Method, r.Path, r.Header.Get("x-zitadel-orgid"), string(r.Body)}
		if diff := cmp.Diff(test.sent, sent); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	// An ID that cannot be one is not sent in a body either.
	srv, c := newSettled(t)
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
