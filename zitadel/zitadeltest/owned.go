package zitadeltest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// Caller is the id of the user of all credentials.
const Caller = userID

// User is a user at the double. An organization that is empty is
// [DefaultOrganization], here and elsewhere, and an id that is empty is made.
type User struct {
	ID           string
	Organization string
	UserName     string // ID, if it is empty
	Machine      bool   // it is a service account
}

// Project is a project at the double.
type Project struct {
	ID           string
	Organization string
	Name         string // ID, if it is empty
}

// App is an application of a project at the double: an API.
type App struct {
	ID      string
	Project string
	Name    string // ID, if it is empty
}

// ProjectGrant lets another organization have users in a project.
type ProjectGrant struct {
	ID           string
	Project      string
	Organization string // that it is granted to
	Roles        []string
}

// UserGrant is what roles a user has in a project.
type UserGrant struct {
	ID           string
	User         string
	Project      string
	ProjectGrant string // by which the user's organization has the project, if it is another's
	Roles        []string
}

// Member is a user who manages an organization. Where the [Caller] is a member it
// has the permissions of its roles, in that organization only.
type Member struct {
	Organization string
	User         string   // Caller, if it is empty
	Roles        []string // ORG_OWNER, if there are none
}

// Domain is a domain of an organization beside the primary one.
type Domain struct {
	Organization string
	Name         string
	Unverified   bool
}

// item is something that an organization has, for as long as all is there that it
// needs. What a kind does not have is zero.
type item struct {
	kind  string
	id    string
	owner string   // the organization that has it
	needs []string // the ids of what it goes with, beside its owner
	name  string

	machine           bool     // of a user
	verified, primary bool     // of a domain
	project           string   // of an application or a grant
	to                string   // of a project grant: the organization that it is given to
	user              string   // of a user grant or a member
	grant             string   // of a user grant: the project grant that it depends on
	roles             []string // of a grant or a member

	created time.Time
	deleted time.Time // zero for as long as it is there
}

// The kinds of items.
const (
	users         = "user"
	projects      = "project"
	apps          = "application"
	projectGrants = "project grant"
	userGrants    = "user grant"
	members       = "member"
	domains       = "domain"
)

// AddUser adds a user and returns its id.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(u.ID)
	s.add(&item{
		kind: users, id: id, owner: cmp.Or(u.Organization, DefaultOrganization), name: cmp.Or(u.UserName, id), machine: u.Machine,
	})
	return id
}

// AddProject adds a project and returns its id.
func (s *Server) AddProject(p Project) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(p.ID)
	s.add(&item{kind: projects, id: id, owner: cmp.Or(p.Organization, DefaultOrganization), name: cmp.Or(p.Name, id)})
	return id
}

// AddApp adds an application to a project and returns its id.
func (s *Server) AddApp(a App) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(a.ID)
	s.add(&item{
		kind: apps, id: id, owner: s.item(projects, a.Project).owner, name: cmp.Or(a.Name, id),
		project: a.Project, needs: []string{a.Project},
	})
	return id
}

// AddProjectGrant grants a project to an organization and returns the grant's id.
func (s *Server) AddProjectGrant(g ProjectGrant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(g.ID)
	to := cmp.Or(g.Organization, DefaultOrganization)
	s.add(&item{
		kind: projectGrants, id: id, owner: s.item(projects, g.Project).owner, to: to,
		project: g.Project, needs: []string{g.Project, to}, roles: g.Roles,
	})
	return id
}

// AddUserGrant gives roles in a project to a user and returns the id of that.
func (s *Server) AddUserGrant(g UserGrant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(g.ID)
	i := &item{
		kind: userGrants, id: id, owner: s.item(projects, g.Project).owner, user: g.User, project: g.Project,
		needs: []string{g.User, g.Project}, roles: g.Roles, grant: g.ProjectGrant,
	}
	if g.ProjectGrant != "" {
		i.owner, i.needs = s.item(projectGrants, g.ProjectGrant).to, append(i.needs, g.ProjectGrant)
	}
	s.add(i)
	return id
}

// AddMember makes a user manage an organization.
func (s *Server) AddMember(m Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addMember(cmp.Or(m.Organization, DefaultOrganization), cmp.Or(m.User, Caller), m.Roles)
}

func (s *Server) addMember(organization, user string, roles []string) {
	if len(roles) == 0 {
		roles = []string{"ORG_OWNER"}
	}
	s.add(&item{kind: members, owner: organization, user: user, needs: []string{user}, roles: roles})
}

// AddDomain adds a domain to an organization.
func (s *Server) AddDomain(d Domain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{kind: domains, owner: cmp.Or(d.Organization, DefaultOrganization), name: d.Name, verified: !d.Unverified})
}

// HasAccess reports whether a user has roles in a project.
func (s *Server) HasAccess(user, project string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.items, func(i *item) bool {
		return i.kind == userGrants && i.user == user && i.project == project && i.deleted.IsZero()
	})
}

// Contents returns all that the double has, a line each: the organizations, and what
// they have with the ids of what it goes with.
func (s *Server) Contents() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, o := range s.organizations {
		if !o.removed {
			all = append(all, fmt.Sprintf("organization %s: %s, %s", o.ID, o.Name, o.state()))
		}
	}
	for _, i := range s.items {
		if i.deleted.IsZero() {
			all = append(all, strings.Join(slices.Concat([]string{i.kind, i.id, "of", i.owner, i.name}, i.needs, i.roles), " "))
		}
	}
	return append(all, "default "+s.first)
}

// id makes an id, unless there is one.
func (s *Server) id(given string) string {
	if given != "" {
		return given
	}
	s.ids++
	return strconv.FormatInt(200_000_000_000_000_000+int64(s.ids), 10)
}

func (s *Server) add(i *item) {
	i.created = time.Now().UTC()
	s.items = append(s.items, i)
}

// item returns what has an id; an item without anything when nothing has it.
func (s *Server) item(kind, id string) *item {
	for _, i := range slices.Backward(s.items) {
		if i.kind == kind && i.id == id {
			return i
		}
	}
	return new(item)
}

// remove takes along all that goes with an organization: what it has, and what
// needs any of that, whoever has it.
func (s *Server) remove(organization string) {
	gone := map[string]bool{organization: true}
	for more := true; more; {
		more = false
		for _, i := range s.items {
			if !i.deleted.IsZero() || i.owner != organization && !slices.ContainsFunc(i.needs, func(id string) bool { return gone[id] }) {
				continue
			}
			i.deleted, more = time.Now().UTC(), true
			if i.id != "" {
				gone[i.id] = true
			}
		}
	}
}

// list answers with a page of what has a kind: on the lists of the organization
// that the request is made in, unless another choice is made.
func (s *Server) list(kind string, on func(*item, *http.Request) bool, show func(*Server, *item) fake.Object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var search zitadel.UserSearch // what is known of a request by all lists
		if !decode(w, r, &search) {
			return
		}
		var listed []*item
		for _, i := range s.items {
			if i.kind == kind && on(i, r) && (i.deleted.IsZero() || time.Since(i.deleted) < s.lag) {
				listed = append(listed, i)
			}
		}
		if kind == users && search.SortingColumn == zitadel.UserFieldNameUserName {
			slices.SortStableFunc(listed, func(a, b *item) int { return cmp.Compare(a.name, b.name) })
		}
		if !search.Query.Asc {
			slices.Reverse(listed)
		}
		objects := make([]fake.Object, 0, len(listed))
		for _, i := range listed {
			objects = append(objects, show(s, i))
		}
		fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
	}
}

// owned chooses what the organization has that a request is made in.
func (s *Server) owned(i *item, r *http.Request) bool { return i.owner == s.context(r) }

// granted chooses the projects that are granted to it.
func (s *Server) granted(i *item, r *http.Request) bool { return i.to == s.context(r) }

// ofProject chooses what is of a project of its.
func (s *Server) ofProject(i *item, r *http.Request) bool {
	return s.owned(i, r) && i.project == r.PathValue("projectId")
}

// decode reads a body, which may be empty.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil && err != io.EOF {
		bare(w, http.StatusBadRequest, 3, "the body is not valid")
		return false
	}
	return true
}

// part is the answer with a page of a list. What is zero is left out, the total
// also when the page is beyond the end.
func part(list []fake.Object, query zitadel.ListQuery, timestamp string) fake.Object {
	details := fake.Object{timestamp: date(time.Now().UTC())}
	answer := fake.Object{"details": details}
	offset := int(min(query.Offset, zitadel.Uint64(len(list))))
	if offset == len(list) {
		return answer
	}
	details["totalResult"] = strconv.Itoa(len(list))
	page := list[offset:]
	if limit := int(query.Limit); limit > 0 {
		page = page[:min(limit, len(page))]
	}
	// What is nil may not be read by the caller. It was counted, and has its place.
	if page = slices.DeleteFunc(slices.Clone(page), func(o fake.Object) bool { return o == nil }); len(page) > 0 {
		answer["result"] = page
	}
	return answer
}

// details are those of an item.
func (i *item) details(owner string) fake.Object {
	return fake.Object{"sequence": "1", "creationDate": date(i.created), "changeDate": date(i.created), "resourceOwner": owner}
}

func (i *item) userType() string {
	if i.machine {
		return "TYPE_MACHINE"
	}
	return "TYPE_HUMAN"
}

func showUser(_ *Server, i *item) fake.Object {
	object := fake.Object{
		"id": i.id, "details": i.details(i.owner), "state": "USER_STATE_ACTIVE", "userName": i.name,
		"loginNames": []string{i.name}, "preferredLoginName": i.name,
	}
	if i.machine {
		object["machine"] = fake.Object{"name": i.name}
	} else {
		object["human"] = fake.Object{
			"profile": fake.Object{"firstName": "Ada", "lastName": i.name, "displayName": "Ada " + i.name, "preferredLanguage": "en"},
			"email":   fake.Object{"email": i.name + "@double.invalid", "isEmailVerified": true},
		}
	}
	return object
}

func showProject(_ *Server, i *item) fake.Object {
	return fake.Object{"id": i.id, "details": i.details(i.owner), "name": i.name, "state": "PROJECT_STATE_ACTIVE"}
}

func showApp(_ *Server, i *item) fake.Object {
	return fake.Object{
		"id": i.id, "details": i.details(i.owner), "state": "APP_STATE_ACTIVE", "name": i.name,
		"apiConfig": fake.Object{"clientId": i.id + "@double"},
	}
}

func showProjectGrant(s *Server, i *item) fake.Object {
	object := fake.Object{
		"grantId": i.id, "grantedOrgId": i.to, "grantedOrgName": s.nameOf(i.to), "state": "PROJECT_GRANT_STATE_ACTIVE",
		"projectId": i.project, "projectName": s.item(projects, i.project).name,
		"projectOwnerId": i.owner, "projectOwnerName": s.nameOf(i.owner), "details": i.details(i.owner),
	}
	if len(i.roles) > 0 {
		object["grantedRoleKeys"] = i.roles
	}
	return object
}

func showUserGrant(s *Server, i *item) fake.Object {
	user := s.item(users, i.user)
	object := fake.Object{
		"id": i.id, "details": i.details(i.owner), "state": "USER_GRANT_STATE_ACTIVE",
		"userId": i.user, "userName": user.name, "preferredLoginName": user.name, "userType": user.userType(),
		"orgId": i.owner, "orgName": s.nameOf(i.owner), "orgDomain": s.domainOf(i.owner),
		"projectId": i.project, "projectName": s.item(projects, i.project).name,
		"grantedOrgId": user.owner, "grantedOrgName": s.nameOf(user.owner), "grantedOrgDomain": s.domainOf(user.owner),
	}
	if len(i.roles) > 0 {
		object["roleKeys"] = i.roles
	}
	if i.grant != "" {
		object["projectGrantId"] = i.grant
	}
	return object
}

func showMember(s *Server, i *item) fake.Object {
	user := s.item(users, i.user)
	return fake.Object{
		"userId": i.user, "details": i.details(i.owner), "roles": i.roles, "preferredLoginName": user.name,
		"displayName": user.name, "userType": user.userType(), "userResourceOwner": user.owner,
	}
}

func showDomain(_ *Server, i *item) fake.Object {
	object := fake.Object{"orgId": i.owner, "details": i.details(i.owner), "domainName": i.name}
	if i.verified {
		object["isVerified"] = true
	}
	if i.primary {
		object["isPrimary"] = true
	}
	return object
}

func showMembership(s *Server, i *item) fake.Object {
	return fake.Object{
		"userId": i.user, "details": i.details(i.owner), "roles": i.roles, "displayName": s.nameOf(i.owner), "orgId": i.owner,
	}
}

// listMyMemberships answers with what the caller is a member of: the instance, when
// it has permissions in all of it, and organizations.
func (s *Server) listMyMemberships(w http.ResponseWriter, r *http.Request) {
	var search zitadel.UserSearch
	if !decode(w, r, &search) {
		return
	}
	var objects []fake.Object
	for _, i := range s.items {
		if i.kind == members && i.user == Caller && i.deleted.IsZero() {
			objects = append(objects, showMembership(s, i))
		}
	}
	if role := s.role(); role != "" {
		objects = append(objects, fake.Object{
			"userId": Caller, "details": s.item(users, Caller).details(instance), "roles": []string{role},
			"displayName": "ZITADEL", "iam": true,
		})
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// role is the role in the instance whose permissions are nearest to those of the
// caller.
func (s *Server) role() string {
	for _, r := range []struct{ permission, role string }{
		{"iam.write", "IAM_OWNER"}, {"iam.read", "IAM_OWNER_VIEWER"}, {"org.delete", "IAM_ORG_MANAGER"}, {"user.write", "IAM_USER_MANAGER"},
	} {
		if slices.Contains(s.permissions, r.permission) {
			return r.role
		}
	}
	return ""
}

func (s *Server) getMyUser(w http.ResponseWriter, _ *http.Request) {
	fake.JSON(w, http.StatusOK, fake.Object{"user": showUser(s, s.item(users, Caller))})
}

func (s *Server) nameOf(id string) string {
	if o := s.find(id); o != nil {
		return o.Name
	}
	return ""
}

func (s *Server) domainOf(id string) string {
	if o := s.find(id); o != nil {
		return o.PrimaryDomain
	}
	return ""
}

// rolePermissions are those of a role in an organization.
func rolePermissions(role string) []string {
	viewer := []string{
		"org.read", "org.member.read", "user.read", "user.grant.read", "project.read", "project.app.read", "project.grant.read",
		"org.idp.read", "org.action.read", "policy.read", "project.member.read", "project.grant.member.read", "user.membership.read", "group.read",
	}
	switch role {
	case "ORG_OWNER":
		return append(viewer, "org.write", "org.delete")
	case "ORG_OWNER_VIEWER":
		return viewer
	}
	return []string{"org.read"}
}

// permissionsIn are what the caller may do in an organization, as in the whole
// instance.
func (s *Server) permissionsIn(organization string) []string {
	granted := slices.Clone(s.permissions)
	for _, i := range s.items {
		if i.kind != members || i.user != Caller || i.owner != organization || !i.deleted.IsZero() {
			continue
		}
		for _, role := range i.roles {
			for _, permission := range rolePermissions(role) {
				if !slices.Contains(granted, permission) {
					granted = append(granted, permission)
				}
			}
		}
	}
	return granted
}

// isMember reports whether the caller has a role anywhere.
func (s *Server) isMember() bool {
	return len(s.permissions) > 0 || slices.ContainsFunc(s.items, func(i *item) bool {
		return i.kind == members && i.user == Caller && i.deleted.IsZero()
	})
}

// context is the organization that a request is made in: the caller's own, unless
// the request says otherwise.
func (s *Server) context(r *http.Request) string { return cmp.Or(r.Header.Get(contextHeader), s.home) }

const contextHeader = "x-zitadel-orgid"

// permittedIn checks the token, the organization that the request is made in, and
// the permission there.
func (s *Server) permittedIn(permission string, next http.HandlerFunc) http.HandlerFunc {
	return s.authenticated(func(w http.ResponseWriter, r *http.Request) {
		switch granted := s.permissionsIn(s.context(r)); {
		case len(granted) == 0:
			failure(w, 5, "AUTHZ-cdgFk", "There is no membership")
		case !slices.Contains(granted, permission):
			failure(w, 7, "AUTH-5mWD2", "There is no permission")
		default:
			next(w, r)
		}
	})
}

// permittedV2 checks what the API v2 does: the form of a request first, and then
// the permission in the organization that it is about. Old servers do not have it.
func (s *Server) permittedV2(permission string, next http.HandlerFunc) http.HandlerFunc {
	return s.authenticatedV2(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("organizationId")
		switch granted := s.permissionsIn(id); {
		case len([]rune(id)) > 200:
			bare(w, http.StatusBadRequest, 3, "the id is too long")
		case len(granted) == 0:
			failure(w, 5, "AUTHZ-cdgFk", "There is no membership")
		case !slices.Contains(granted, permission):
			failure(w, 7, "AUTH-AWfge", "There is no permission")
		default:
			next(w, r)
		}
	})
}

// authenticatedV2 checks the token as the API v2 does, which answers a request
// without one as old servers do.
func (s *Server) authenticatedV2(next http.HandlerFunc) http.HandlerFunc {
	checked := s.authenticated(next)
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.legacy:
			bare(w, http.StatusNotFound, 5, "Not Found")
		case r.Header.Get("Authorization") == "":
			bare(w, http.StatusUnauthorized, 16, "auth header missing")
		default:
			checked(w, r)
		}
	}
}

func (s *Server) routesOfOwned(routes *fake.Routes) {
	const management = "POST /management/v1"
	for _, l := range []struct {
		operation, path, permission, kind string
		on                                func(*item, *http.Request) bool
		show                              func(*Server, *item) fake.Object
	}{
		{"ListUsersPage", "/users/_search", "user.read", users, s.owned, showUser},
		{"ListProjectsPage", "/projects/_search", "project.read", projects, s.owned, showProject},
		{"ListGrantedProjectsPage", "/granted_projects/_search", "project.read", projectGrants, s.granted, showProjectGrant},
		{"ListProjectGrantsPage", "/projectgrants/_search", "project.grant.read", projectGrants, s.owned, showProjectGrant},
		{"ListUserGrantsPage", "/users/grants/_search", "user.grant.read", userGrants, s.owned, showUserGrant},
		{"ListMembersPage", "/orgs/me/members/_search", "org.member.read", members, s.owned, showMember},
		{"ListDomainsPage", "/orgs/me/domains/_search", "org.read", domains, s.owned, showDomain},
		{"ListAppsPage", "/projects/{projectId}/apps/_search", "project.app.read", apps, s.ofProject, showApp},
	} {
		routes.Handle(l.operation, management+l.path, s.permittedIn(l.permission, s.list(l.kind, l.on, l.show)))
	}
	s.routesOfCascade(routes)
	routes.Handle("GetMyUser", "GET /auth/v1/users/me", s.authenticated(s.getMyUser))
	routes.Handle("ListMyMembershipsPage", "POST /auth/v1/memberships/me/_search", s.authenticated(s.listMyMemberships))
}

// known reports whether the organization that a request names is known. One that was
// deleted is, for servers that still read it.
func (s *Server) known(r *http.Request) bool {
	id := r.Header.Get(contextHeader)
	o := s.find(id)
	return id == "" || o != nil && (!o.removed || !s.legacy)
}
