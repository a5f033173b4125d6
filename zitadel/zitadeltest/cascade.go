package zitadeltest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// ProjectMember is a user who manages a project.
type ProjectMember struct {
	Project string
	User    string
	Roles   []string // PROJECT_OWNER, if there are none
}

// ProjectGrantMember is a user who manages a grant of a project.
type ProjectGrantMember struct {
	ProjectGrant string
	User         string
	Roles        []string // PROJECT_GRANT_OWNER, if there are none
}

// InstanceMember is a user other than the [Caller] who manages the instance.
type InstanceMember struct {
	User  string
	Roles []string // IAM_OWNER, if there are none
}

// IdentityProvider is an identity provider of an organization.
type IdentityProvider struct {
	ID           string
	Organization string
	Name         string // ID, if it is empty
	Instance     bool   // it is the instance's, and no organization's
}

// Action is an action of an organization.
type Action struct {
	ID           string
	Organization string
	Name         string // ID, if it is empty
}

// Metadata is a value of an organization.
type Metadata struct{ Organization, Key string }

// Policy is a policy that an organization has instead of the instance's: "domain",
// "label", "lockout", "login", "notification", "password/age", "password/complexity" or
// "privacy".
type Policy struct{ Organization, Name string }

// Group is a group of users of an organization. A fake with a group plays a server of
// July 2026, which lists groups.
type Group struct {
	ID           string
	Organization string
	Name         string // ID, if it is empty
}

// The kinds of items that an organization or its users have elsewhere.
const (
	projectMembers  = "project member"
	grantMembers    = "project grant member"
	instanceMembers = "instance member"
	idps            = "identity provider"
	actions         = "action"
	metadata        = "metadata"
	policies        = "policy"
	groups          = "group"
)

// AddProjectMember makes a user manage a project.
func (s *Server) AddProjectMember(m ProjectMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{
		kind: projectMembers, owner: s.item(projects, m.Project).owner, project: m.Project, user: m.User,
		needs: []string{m.Project, m.User}, roles: orRole(m.Roles, "PROJECT_OWNER"),
	})
}

// AddProjectGrantMember makes a user manage a grant of a project.
func (s *Server) AddProjectGrantMember(m ProjectGrantMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.item(projectGrants, m.ProjectGrant)
	s.add(&item{
		kind: grantMembers, owner: g.owner, to: g.to, project: g.project, grant: g.id, user: m.User,
		needs: []string{g.id, m.User}, roles: orRole(m.Roles, "PROJECT_GRANT_OWNER"),
	})
}

// AddInstanceMember makes a user manage the instance.
func (s *Server) AddInstanceMember(m InstanceMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{kind: instanceMembers, owner: instance, user: m.User, needs: []string{m.User}, roles: orRole(m.Roles, "IAM_OWNER")})
}

// AddIdentityProvider adds an identity provider and returns its ID.
func (s *Server) AddIdentityProvider(p IdentityProvider) string {
	owner := cmp.Or(p.Organization, DefaultOrganization)
	if p.Instance {
		owner = instance
	}
	return s.addNamed(idps, p.ID, owner, p.Name)
}

// AddAction adds an action and returns its ID.
func (s *Server) AddAction(a Action) string {
	return s.addNamed(actions, a.ID, cmp.Or(a.Organization, DefaultOrganization), a.Name)
}

// AddMetadata adds a value to an organization.
func (s *Server) AddMetadata(m Metadata) {
	s.addNamed(metadata, "", cmp.Or(m.Organization, DefaultOrganization), m.Key)
}

// AddPolicy gives an organization a policy of its own.
func (s *Server) AddPolicy(p Policy) {
	s.addNamed(policies, "", cmp.Or(p.Organization, DefaultOrganization), p.Name)
}

// AddGroup adds a group of users and returns its ID.
func (s *Server) AddGroup(g Group) string {
	return s.addNamed(groups, g.ID, cmp.Or(g.Organization, DefaultOrganization), g.Name)
}

func (s *Server) addNamed(kind, id, owner, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id = s.id(id)
	s.add(&item{kind: kind, id: id, owner: owner, name: cmp.Or(name, id)})
	return id
}

func orRole(roles []string, role string) []string {
	if len(roles) == 0 {
		return []string{role}
	}
	return roles
}

// routesOfCascade are the routes of what is deleted along. The management API is played
// from the vendor's OpenAPI, as the client reads it: no recording shows these lists. The
// lists of administrators and authorizations are played as recorded, with filters and
// items from the vendor's source.
func (s *Server) routesOfCascade(routes *fake.Routes) {
	const management = "/management/v1"
	for _, l := range []struct {
		operation, path, permission, kind string
		on                                func(*item, *http.Request) bool
		show                              func(*Server, *item) fake.Object
	}{
		{"ListActionsPage", "/actions/_search", "org.action.read", actions, s.owned, showNamed},
		{"ListMetadataPage", "/metadata/_search", "org.read", metadata, s.owned, showMetadata},
		{"ListProjectMembersPage", "/projects/{projectId}/members/_search", "project.member.read", projectMembers, s.ofProject, showMember},
		{"ListProjectGrantMembersPage", "/projects/{projectId}/grants/{grantId}/members/_search", "project.grant.member.read", grantMembers, s.ofGrant, showMember},
	} {
		routes.Handle(l.operation, "POST "+management+l.path, s.permittedIn(l.permission, s.list(l.kind, l.on, l.show)))
	}
	routes.Handle("ListIdentityProvidersPage", "POST "+management+"/idps/templates/_search", s.permittedIn("org.idp.read", s.listProviders))
	routes.Handle("ListUserMembershipsPage", "POST "+management+"/users/{userId}/memberships/_search", s.permittedIn("user.membership.read", s.listMemberships))
	for operation, path := range map[string]string{
		"GetDomainPolicy": "domain", "GetLabelPolicy": "label", "GetLockoutPolicy": "lockout", "GetLoginPolicy": "login",
		"GetNotificationPolicy": "notification", "GetPasswordAgePolicy": "password/age",
		"GetPasswordComplexityPolicy": "password/complexity", "GetPrivacyPolicy": "privacy",
	} {
		routes.Handle(operation, "GET "+management+"/policies/"+path, s.permittedIn("policy.read", s.getPolicy(path)))
	}
	routes.Handle("ListInstanceMembersPage", "POST /admin/v1/members/_search", s.permitted("iam.member.read", s.listInstanceMembers))
	routes.Handle("ListAdministratorsPage", "POST /zitadel.internal_permission.v2.InternalPermissionService/ListAdministrators", s.authenticatedV2(s.listAdministrators))
	routes.Handle("ListAuthorizationsPage", "POST /zitadel.authorization.v2.AuthorizationService/ListAuthorizations", s.authenticatedV2(s.listAuthorizations))
	routes.Handle("ListGroupsPage", "POST /zitadel.group.v2.GroupService/ListGroups", s.authenticatedV2(s.listGroups))
}

// ofGrant chooses what is of a grant that the organization gave or has.
func (s *Server) ofGrant(i *item, r *http.Request) bool {
	return i.project == r.PathValue("projectId") && i.grant == r.PathValue("grantId") && (s.owned(i, r) || s.granted(i, r))
}

func showNamed(_ *Server, i *item) fake.Object {
	return fake.Object{"id": i.id, "details": i.details(i.owner), "name": i.name}
}

func showMetadata(_ *Server, i *item) fake.Object {
	return fake.Object{"details": i.details(i.owner), "key": i.name, "value": "YQ=="}
}

// listProviders answers with the identity providers of the organization, and of the
// instance unless the request asks for the former.
func (s *Server) listProviders(w http.ResponseWriter, r *http.Request) {
	var search zitadel.IdentityProviderSearch
	if !decode(w, r, &search) {
		return
	}
	var objects []fake.Object
	for _, i := range s.listed(idps) {
		owner := zitadel.IdentityProviderOwnerOrganization
		if i.owner == instance {
			owner = zitadel.IdentityProviderOwnerSystem
		}
		asked := !slices.ContainsFunc(search.Queries, func(q zitadel.IdentityProviderQuery) bool {
			return q.OwnerTypeQuery.OwnerType != "" && q.OwnerTypeQuery.OwnerType != owner
		})
		if asked && (i.owner == instance || s.owned(i, r)) {
			object := showNamed(s, i)
			object["state"], object["owner"] = zitadel.IdentityProviderStateActive, owner
			objects = append(objects, object)
		}
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// listed returns what has a kind, for as long as lists have it.
func (s *Server) listed(kind string) []*item {
	return slices.DeleteFunc(slices.Clone(s.items), func(i *item) bool {
		return i.kind != kind || !i.deleted.IsZero() && time.Since(i.deleted) >= s.lag
	})
}

// listMemberships answers with the roles of a user in the instance and in the
// organization.
func (s *Server) listMemberships(w http.ResponseWriter, r *http.Request) {
	var search zitadel.UserSearch
	if !decode(w, r, &search) {
		return
	}
	var objects []fake.Object
	for _, i := range slices.Concat(s.listed(members), s.listed(projectMembers), s.managers()) {
		if i.user != r.PathValue("userId") || i.owner != instance && i.owner != s.context(r) {
			continue
		}
		object := showMembership(s, i)
		switch i.kind {
		case instanceMembers:
			delete(object, "orgId")
			object["iam"], object["displayName"] = true, "ZITADEL"
		case projectMembers:
			delete(object, "orgId")
			object["projectId"], object["displayName"] = i.project, s.item(projects, i.project).name
		}
		objects = append(objects, object)
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// managers returns the members of the instance, with the caller.
func (s *Server) managers() []*item {
	all := s.listed(instanceMembers)
	if role := s.role(); role != "" {
		all = append(all, &item{kind: instanceMembers, owner: instance, user: Caller, roles: []string{role}})
	}
	return all
}

func (s *Server) listInstanceMembers(w http.ResponseWriter, r *http.Request) {
	var search zitadel.UserSearch
	if !decode(w, r, &search) {
		return
	}
	var objects []fake.Object
	for _, i := range s.managers() {
		objects = append(objects, showMember(s, i))
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// getPolicy answers with a policy of the organization, or with the instance's.
func (s *Server) getPolicy(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, i := range s.listed(policies) {
			if i.name == name && s.owned(i, r) {
				fake.JSON(w, http.StatusOK, fake.Object{"policy": fake.Object{"details": i.details(i.owner)}})
				return
			}
		}
		details := (&item{}).details(instance)
		fake.JSON(w, http.StatusOK, fake.Object{"policy": fake.Object{"details": details, "isDefault": true}, "isDefault": true})
	}
}

// listAdministrators answers with the administrators that the caller may read.
func (s *Server) listAdministrators(w http.ResponseWriter, r *http.Request) {
	var search zitadel.AdministratorSearch
	if !decode(w, r, &search) {
		return
	}
	var objects []fake.Object
	for _, i := range slices.Concat(s.managers(), s.listed(members), s.listed(projectMembers), s.listed(grantMembers)) {
		user := s.item(users, i.user)
		other := slices.ContainsFunc(search.Filters, func(f zitadel.AdministratorFilter) bool {
			return f.UserOrganizationID.ID != user.owner
		})
		object := fake.Object{
			"creationDate": date(i.created), "changeDate": date(i.created), "roles": i.roles,
			"user": fake.Object{"id": i.user, "preferredLoginName": user.name, "organizationId": user.owner},
		}
		permission := ""
		switch i.kind {
		case instanceMembers:
			permission, object["instance"] = "iam.member.read", true
		case members:
			permission, object["organization"] = "org.member.read", fake.Object{"id": i.owner, "name": s.nameOf(i.owner)}
		case projectMembers:
			permission = "project.member.read"
			object["project"] = fake.Object{"id": i.project, "name": s.item(projects, i.project).name, "organizationId": i.owner}
		case grantMembers:
			permission = "project.grant.member.read"
			object["projectGrant"] = fake.Object{
				"id": i.grant, "projectId": i.project, "projectName": s.item(projects, i.project).name,
				"organizationId": i.owner, "grantedOrganizationId": i.to,
			}
		}
		if !other && (i.user == Caller || slices.Contains(s.permissionsIn(i.owner), permission)) {
			objects = append(objects, object)
		}
	}
	connected(w, "administrators", objects, search.Pagination)
}

// listAuthorizations answers with the roles in projects that the caller may read.
func (s *Server) listAuthorizations(w http.ResponseWriter, r *http.Request) {
	var search zitadel.AuthorizationSearch
	if !decode(w, r, &search) {
		return
	}
	var objects []fake.Object
	for _, i := range s.listed(userGrants) {
		user, project := s.item(users, i.user), s.item(projects, i.project)
		other := slices.ContainsFunc(search.Filters, func(f zitadel.AuthorizationFilter) bool {
			return f.UserOrganizationID.ID != user.owner
		})
		if other || i.user != Caller && !slices.Contains(s.permissionsIn(i.owner), "user.grant.read") {
			continue
		}
		objects = append(objects, fake.Object{
			"id": i.id, "creationDate": date(i.created), "changeDate": date(i.created), "state": "STATE_ACTIVE",
			"project":      fake.Object{"id": i.project, "name": project.name, "organizationId": project.owner},
			"organization": fake.Object{"id": i.owner, "name": s.nameOf(i.owner)},
			"user":         fake.Object{"id": i.user, "preferredLoginName": user.name, "organizationId": user.owner},
		})
	}
	connected(w, "authorizations", objects, search.Pagination)
}

// listGroups answers with the groups that the caller may read. A server without groups
// does not have the list.
func (s *Server) listGroups(w http.ResponseWriter, r *http.Request) {
	var search zitadel.GroupSearch
	if !decode(w, r, &search) {
		return
	}
	all := s.listed(groups)
	if len(all) == 0 {
		bare(w, http.StatusNotFound, 5, "Not Found")
		return
	}
	var objects []fake.Object
	for _, i := range all {
		other := slices.ContainsFunc(search.Filters, func(f zitadel.GroupFilter) bool { return f.OrganizationID.ID != i.owner })
		if !other && slices.Contains(s.permissionsIn(i.owner), "group.read") {
			objects = append(objects, fake.Object{"id": i.id, "name": i.name, "organizationId": i.owner})
		}
	}
	connected(w, "groups", objects, search.Pagination)
}

// Limits of the lists of services that speak Connect.
const (
	connectPage = 100
	connectMost = 1000
)

// connected answers with a page of a list as services that speak Connect do.
func connected(w http.ResponseWriter, name string, list []fake.Object, query zitadel.ListQuery) {
	limit := int(cmp.Or(query.Limit, connectPage))
	if limit > connectMost {
		fake.JSON(w, http.StatusBadRequest, fake.Object{
			"code": "invalid_argument", "message": fmt.Sprintf("Limit exceeded, given: %d allowed: %d (QUERY-4M0fs)", limit, connectMost),
			"details": []fake.Object{{"type": "zitadel.v1.ErrorDetail", "debug": fake.Object{"id": "QUERY-4M0fs", "message": "Limit exceeded"}}},
		})
		return
	}
	if !query.Asc {
		slices.Reverse(list)
	}
	pagination := fake.Object{"appliedLimit": strconv.Itoa(limit)}
	answer := fake.Object{"pagination": pagination}
	if offset := int(min(query.Offset, zitadel.Uint64(len(list)))); offset < len(list) {
		pagination["totalResult"] = strconv.Itoa(len(list))
		answer[name] = list[offset:min(offset+limit, len(list))]
	}
	fake.JSON(w, http.StatusOK, answer)
}
