package zitadel_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// endow gives an organization everything but what users of others lose. All ids
// begin with its own. Its partner has a project that is granted to it.
func endow(srv *zitadeltest.Server, id, name string) {
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

// share gives users of the partner what they lose: roles by a grant, roles given by
// the organization itself, and its management.
func share(srv *zitadeltest.Server, id string) {
	partner := id + "-partner"
	srv.AddUserGrant(zitadeltest.UserGrant{ID: id + "-lent-role", User: partner + "-bea", Project: id + "-shop", ProjectGrant: id + "-lent"})
	srv.AddUserGrant(zitadeltest.UserGrant{ID: id + "-direct", User: partner + "-bea", Project: id + "-site"})
	srv.AddMember(zitadeltest.Member{Organization: id, User: partner + "-cyd"})
}

// goesAlong reports whether a line of the double's contents is acme's, or goes with it.
func goesAlong(line string) bool {
	return slices.ContainsFunc(strings.Fields(line), func(word string) bool {
		return strings.TrimSuffix(word, ":") == "acme" || strings.HasPrefix(word, "acme-") && !strings.HasPrefix(word, "acme-partner")
	})
}

func TestTeardownPassesAtServersOfBothVersions(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*zitadeltest.Server){
		"v4.13.1":  func(srv *zitadeltest.Server) { srv.Lag(time.Second) },
		"v2.54.10": func(srv *zitadeltest.Server) { srv.Legacy(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			teardownsuite.Provider{
				Outcome: teardown.Deleted,
				New: func(t testing.TB) *teardownsuite.World {
					srv := zitadeltest.NewServer()
					endow(srv, "acme", "Acme")
					endow(srv, "bolt", "Bolt")
					share(srv, "bolt")
					prepare(srv)
					c, err := zitadel.New(srv.Option())
					if err != nil {
						t.Fatal(err)
					}
					return &teardownsuite.World{
						Server:   srv.Server,
						Plan:     func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, "acme") },
						Teardown: c.Teardown,
						Check:    func(ctx context.Context) error { return c.CheckDeletion(ctx, "acme") },
						Name:     "Acme",
						Overtake: func() { share(srv, "acme") },
						Deleted:  func() bool { return !srv.Exists("acme") },
						Rest:     func() any { return slices.DeleteFunc(srv.Contents(), goesAlong) },
					}
				},
			}.Run(t)
		})
	}
}

// newAcme returns a double with an organization that has everything, and a client.
func newAcme(t *testing.T) (*zitadeltest.Server, *zitadel.Client) {
	t.Helper()
	srv := zitadeltest.NewServer()
	endow(srv, "acme", "Acme")
	share(srv, "acme")
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

// withoutIDs compares losses by their counts, names and notes.
var withoutIDs = cmpopts.IgnoreFields(teardown.Cascade{}, "IDs", "Digest")

func TestAPlanSaysWhoLosesWhat(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	srv.AddUserGrant(zitadeltest.UserGrant{User: "acme-partner-bea", Project: "acme-shop"})           // who is named once
	srv.AddProjectGrant(zitadeltest.ProjectGrant{Project: "acme-site", Organization: "acme-partner"}) // which is asked once
	p := planOf(t, c)
	want := []teardown.Cascade{
		{Kind: "users", Count: 2, Names: []string{"ada", "bot"}, Note: "with their credentials, sessions and memberships"},
		{Kind: "projects", Count: 2, Names: []string{"Shop", "Site"}},
		{Kind: "apps", Count: 2, Names: []string{"Web", "CLI"}, Note: "nobody can log in to them any more"},
		{Kind: "project_grants", Count: 2, Names: []string{"Shop to Partner of Acme", "Site to Partner of Acme"}, Note: "given to other organizations"},
		{
			Kind: "user_grants", Count: 5, Names: []string{"ada in Shop", "ada in Tool", "bea in Site", "bea in Shop", "bea in Shop"},
			Note: "roles of users in projects",
		},
		{Kind: "members", Count: 2, Names: []string{"ada", "cyd"}, Note: "who manage the organization"},
		{
			Kind: "users_of_other_organizations", Count: 2, Names: []string{"bea of Partner of Acme", "cyd of Partner of Acme"},
			Note: "who lose roles in projects or the management",
		},
		{Kind: "granted_projects", Count: 1, Names: []string{"Tool of Partner of Acme"}, Note: "of other organizations, which keep them"},
		{Kind: "domains", Count: 2, Names: []string{"acme.example.com", "acme.example.org"}, Note: "free for others at once"},
	}
	if diff := cmp.Diff(want, p.Cascades, withoutIDs); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}
	if n := srv.Count("ListUserGrantsPage"); n != 2 {
		t.Errorf("roles were asked for %d times, want once for each organization", n)
	}
	if len(p.Steps)+len(p.Requires) != 0 || p.Err() != nil || p.Organization != (teardown.Organization{ID: "acme", Name: "Acme"}) {
		t.Errorf("got %+v", p)
	}
	// All that is named goes, and nothing that is not.
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

func TestAPlanNamesSomeOfManyAndAllUsersOfOthers(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	for i := range 250 {
		user := srv.AddUser(zitadeltest.User{Organization: "acme-partner", UserName: fmt.Sprintf("partner%03d", i)})
		srv.AddUserGrant(zitadeltest.UserGrant{User: user, Project: "acme-shop", ProjectGrant: "acme-lent"})
		srv.AddUser(zitadeltest.User{Organization: "acme", UserName: fmt.Sprintf("user%03d", i)})
	}
	got := map[string][2]int{}
	for _, loss := range planOf(t, c).Cascades {
		got[loss.Kind] = [2]int{loss.Count, len(loss.Names)}
	}
	want := map[string][2]int{
		"users": {252, 10}, "projects": {2, 2}, "apps": {2, 2}, "project_grants": {1, 1}, "user_grants": {254, 10}, "members": {2, 2},
		"users_of_other_organizations": {252, 252}, "granted_projects": {1, 1}, "domains": {2, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts and names (-want +got):\n%s", diff)
	}
}

// Servers that do not say whose a user is still say who gave the roles.
func TestRolesOfWhomNobodySaysWhoseTheyAreAreThoseOfTheGiver(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	role := `{"details":{"totalResult":"1","viewTimestamp":"2026-11-22T05:05:22Z"},"result":[{"id":"1","userId":"acme-partner-dan",
		"userName":"dan","orgId":"acme-partner","orgName":"Partner","projectId":"acme-shop","projectGrantId":"acme-lent"}]}`
	srv.Fail(offboardtest.Fault{Operation: "ListUserGrantsPage"}, offboardtest.Respond("ListUserGrantsPage", http.StatusOK, role))
	for _, loss := range planOf(t, c).Cascades {
		if loss.Kind == string(zitadel.KindUsersOfOthers) && !slices.Contains(loss.Names, "dan of Partner") {
			t.Errorf("got %v", loss.Names)
		}
	}
}

func TestAPlanTakesFewRequests(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	srv.AddOrganization(zitadeltest.Organization{ID: "idle", Name: "Idle"})
	if _, err := c.Plan(t.Context(), "idle"); err != nil {
		t.Fatal(err)
	}
	want := []string{"ListPermissions", "GetDefaultOrganization", "GetOrganization", "GetMyUser", "GetMyOrganization"}
	for _, operation := range []string{
		"ListUsersPage", "ListProjectsPage", "ListProjectGrantsPage", "ListUserGrantsPage", "ListGrantedProjectsPage", "ListMembersPage",
		"ListDomainsPage", "ListIdentityProvidersPage", "ListActionsPage", "ListMetadataPage",
		"GetDomainPolicy", "GetLabelPolicy", "GetLockoutPolicy", "GetLoginPolicy", "GetNotificationPolicy", "GetPasswordAgePolicy",
		"GetPasswordComplexityPolicy", "GetPrivacyPolicy",
	} {
		want = append(want, operation)
		if operation != "ListDomainsPage" { // a list that names no organization is proved by two more
			want = append(want, operation, operation)
		}
	}
	want = append(want, "ListGroupsPage", "ListAuthorizationsPage", "ListAdministratorsPage")
	if diff := cmp.Diff(want, requests(srv)); diff != "" {
		t.Errorf("requests of the plan (-want +got):\n%s", diff)
	}
	// A teardown reads all of it again, deletes, and reads that the organization is gone.
	p := planOf(t, c)
	before := len(srv.Requests())
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Fatal(err)
	}
	sent := requests(srv)[before:]
	if diff := cmp.Diff([]string{"DeleteOrganization", "GetOrganization"}, sent[len(sent)-2:]); diff != "" {
		t.Errorf("last requests of the teardown (-want +got):\n%s", diff)
	}
}

// A teardown reads each list once, and one that is empty twice. It does not read whether the
// organization is the default one.
func TestTeardown_Requests(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	srv.AddOrganization(zitadeltest.Organization{ID: "idle", Name: "Idle"})
	p, err := c.Plan(t.Context(), "idle")
	if err != nil {
		t.Fatal(err)
	}
	before := len(srv.Requests())
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Idle")); err != nil {
		t.Fatal(err)
	}
	want := []string{"ListPermissions", "GetOrganization", "GetMyUser"}
	for _, operation := range []string{
		"ListUsersPage", "ListProjectsPage", "ListGrantedProjectsPage", "ListMembersPage",
		"ListDomainsPage", "ListIdentityProvidersPage", "ListActionsPage", "ListMetadataPage",
		"GetDomainPolicy", "GetLabelPolicy", "GetLockoutPolicy", "GetLoginPolicy", "GetNotificationPolicy", "GetPasswordAgePolicy",
		"GetPasswordComplexityPolicy", "GetPrivacyPolicy",
	} {
		want = append(want, operation)
		if operation != "ListDomainsPage" { // which names the organization
			want = append(want, operation)
		}
	}
	want = append(want, "ListGroupsPage", "ListAuthorizationsPage", "ListAdministratorsPage", "DeleteOrganization", "GetOrganization")
	if diff := cmp.Diff(want, requests(srv)[before:]); diff != "" {
		t.Errorf("requests of the teardown (-want +got):\n%s", diff)
	}
}

func TestAnOrganizationThatHasToStayIsBlocked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		planned errors.Code // what the plan says
		code    errors.Code
		deletes int
	}{
		"the default one": {
			func(srv *zitadeltest.Server) { srv.SetDefault("acme") },
			errors.DefaultOrganization, errors.DefaultOrganization, 0,
		},
		"the one of Zitadel itself": { // which is not read
			func(srv *zitadeltest.Server) { srv.SetSystem("acme") },
			"", errors.SystemOrganization, 1,
		},
		"one that a viewer sees": {
			func(srv *zitadeltest.Server) {
				srv.SetPermissions("iam.read", "org.read", "org.member.read", "user.read", "user.grant.read", "project.read", "project.app.read", "project.grant.read")
			},
			errors.PermissionDenied, errors.PermissionDenied, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				test.prepare(srv)
				p := planOf(t, c)
				if diff := cmp.Diff(fmt.Sprint(c.CheckDeletion(t.Context(), "acme")), fmt.Sprint(p.Err())); diff != "" || code(p.Err()) != test.planned {
					t.Errorf("the plan's error is %v (-CheckDeletion +plan):\n%s", p.Err(), diff)
				}
				if len(p.Cascades) == 0 {
					t.Error("the plan says nothing of what would be lost")
				}
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				if r == nil || r.Outcome != teardown.Blocked || code(err) != test.code || srv.Count("DeleteOrganization") != test.deletes || !srv.Exists("acme") {
					t.Errorf("got %+v, %v after %d deletions", r, err, srv.Count("DeleteOrganization"))
				}
			})
		})
	}
}

// Zitadel refuses to delete an organization that has become the default one since the plan.
func TestTeardown_DefaultSinceThePlan(t *testing.T) {
	t.Parallel()
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				caller.prepare(srv)
				p := planOf(t, c)
				srv.SetDefault("acme")
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
				if r == nil || r.Outcome != teardown.Blocked || code(err) != errors.DefaultOrganization || srv.Count(caller.operation) != 1 || !srv.Exists("acme") {
					t.Errorf("got %+v, %v after %d deletions", r, err, srv.Count(caller.operation))
				}
			})
		})
	}
}

// What one may see another may carry out.
func TestThePlanOfAViewerIsCarriedOutByAnOwner(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	owner := []string{"iam.read", "org.read", "org.member.read", "user.read", "user.grant.read", "project.read", "project.app.read", "project.grant.read"}
	srv.SetPermissions(owner...)
	p := planOf(t, c)
	srv.SetPermissions(append(owner, "iam.write")...)
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTheOwnOrganizationNeedsToBePermitted(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
	c := newClient(t, srv)
	p := planOf(t, c)
	if diff := cmp.Diff([]teardown.Override{teardown.OwnOrganization}, p.Overrides()); diff != "" {
		t.Errorf("consents (-want +got):\n%s", diff)
	}
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); r != nil || code(err) != errors.NotConfirmed || srv.Count("DeleteOrganization") != 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	// The credential ends with it, and so nothing can be read.
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	if err != nil || r.Outcome != teardown.Deleted || srv.Exists("acme") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestALostAnswerToTheDeletionOfTheOwnOrganizationIsUnknown(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
	c := newClient(t, srv)
	p := planOf(t, c)
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	if r == nil || r.Outcome != teardown.Unknown || code(err) != errors.OutcomeUnknown || srv.Count("DeleteOrganization") != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAPlanThatIsNotTheTruthOfTheInstanceDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *zitadeltest.Server, *teardown.Plan) *zitadel.Client{
		"of another instance": func(t *testing.T, srv *zitadeltest.Server, _ *teardown.Plan) *zitadel.Client {
			return newClient(t, srv, zitadel.WithBaseURL("https://other.double.invalid"))
		},
		"of another provider": func(t *testing.T, srv *zitadeltest.Server, p *teardown.Plan) *zitadel.Client {
			p.Provider = "katapult"
			p.Organization.ID = "org_none" // and would be taken for gone
			teardownsuite.Seal(p)
			return newClient(t, srv)
		},
		"called otherwise now": func(t *testing.T, srv *zitadeltest.Server, _ *teardown.Plan) *zitadel.Client {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme Ltd"})
			return newClient(t, srv)
		},
		"the own one now": func(t *testing.T, srv *zitadeltest.Server, _ *teardown.Plan) *zitadel.Client {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			return newClient(t, srv)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newAcme(t)
			p := planOf(t, c)
			r, err := test(t, srv, p).Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
			if r != nil || code(err) != errors.PlanStale || srv.Count("DeleteOrganization") != 0 || !srv.Exists("acme") {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestAnInstanceIsTheSameWithASlash(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	p := planOf(t, c)
	c = newClient(t, srv, zitadel.WithBaseURL(p.Instance+"/"))
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAnOrganizationIsReadToBeGone(t *testing.T) {
	t.Parallel()
	shown := `{"org":{"id":"acme","state":"ORG_STATE_ACTIVE","name":"Acme","details":{"resourceOwner":"acme"}}}`
	showing := func(times int) offboardtest.Fault {
		f := offboardtest.Respond("GetOrganization", http.StatusOK, shown)
		f.Times = times
		return f
	}
	for name, test := range map[string]struct {
		fault   offboardtest.Fault // of the reads after the deletion
		outcome teardown.Outcome
		code    errors.Code
		within  time.Duration
	}{
		"at once":               {offboardtest.Fault{}, teardown.Deleted, "", 0},
		"after a moment":        {showing(3), teardown.Deleted, "", 10 * time.Second},
		"never":                 {showing(1000), teardown.Unknown, errors.OutcomeUnknown, 90 * time.Second},
		"or cannot be read":     {offboardtest.Respond("GetOrganization", http.StatusForbidden, `{"code":7,"message":"no (AUTH-5mWD2)"}`), teardown.Deleted, "", 2 * time.Second},
		"or is another's":       {offboardtest.Respond("GetOrganization", http.StatusOK, strings.ReplaceAll(shown, "acme", "bolt")), teardown.Deleted, "", 2 * time.Second},
		"or nothing is serving": {offboardtest.Fault{Operation: "GetOrganization", Times: 1000, Status: http.StatusServiceUnavailable, Body: "{}"}, teardown.Unknown, errors.OutcomeUnknown, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				p := planOf(t, c)
				srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}, test.fault) // the first one is before the deletion
				start := time.Now()
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				deletions := 1
				if name == "never" { // it is deleted again, three times
					deletions = 4
				}
				if r == nil || r.Outcome != test.outcome || code(err) != test.code || srv.Count("DeleteOrganization") != deletions {
					t.Errorf("got %+v, %v after %d deletions", r, err, srv.Count("DeleteOrganization"))
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %v, want %v at most", took, test.within)
				}
			})
		})
	}
}

func TestAPlanIsNotMadeOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	denied := func(operation string) offboardtest.Fault {
		return offboardtest.Respond(operation, http.StatusForbidden, `{"code":7,"message":"no (AUTH-5mWD2)"}`)
	}
	for name, test := range map[string]struct {
		id    string
		fault offboardtest.Fault
		code  errors.Code
	}{
		"no id":                            {"", offboardtest.Fault{}, errors.InvalidArgument},
		"an organization that never was":   {"none", offboardtest.Fault{}, errors.OrganizationNotFound},
		"permissions":                      {"acme", denied("ListPermissions"), errors.PermissionDenied},
		"the default organization":         {"acme", denied("GetDefaultOrganization"), errors.PermissionDenied},
		"the organization":                 {"acme", denied("GetOrganization"), errors.PermissionDenied},
		"the credential's user":            {"acme", denied("GetMyUser"), errors.PermissionDenied},
		"whose the user is":                {"acme", offboardtest.Respond("GetMyUser", http.StatusOK, `{"user":{"id":"1"}}`), errors.UnexpectedResponse},
		"the organization of the requests": {"acme", offboardtest.Respond("GetMyOrganization", http.StatusOK, `{"org":{"id":"bolt","state":"ORG_STATE_ACTIVE"}}`), errors.NotConfirmed},
		"users":                            {"acme", denied("ListUsersPage"), errors.PermissionDenied},
		"projects":                         {"acme", denied("ListProjectsPage"), errors.PermissionDenied},
		"applications":                     {"acme", denied("ListAppsPage"), errors.PermissionDenied},
		"project grants":                   {"acme", denied("ListProjectGrantsPage"), errors.PermissionDenied},
		"granted projects":                 {"acme", denied("ListGrantedProjectsPage"), errors.PermissionDenied},
		"roles":                            {"acme", denied("ListUserGrantsPage"), errors.PermissionDenied},
		"members":                          {"acme", denied("ListMembersPage"), errors.PermissionDenied},
		"domains":                          {"acme", denied("ListDomainsPage"), errors.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newAcme(t)
			srv.Fail(test.fault)
			if p, err := c.Plan(t.Context(), test.id); p != nil || code(err) != test.code {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	t.Run("roles at another organization", func(t *testing.T) {
		t.Parallel()
		srv, c := newAcme(t)
		srv.Fail(offboardtest.Fault{Operation: "ListUserGrantsPage"}, denied("ListUserGrantsPage"))
		if p, err := c.Plan(t.Context(), "acme"); p != nil || code(err) != errors.PermissionDenied {
			t.Errorf("got %+v, %v", p, err)
		}
	})
}
