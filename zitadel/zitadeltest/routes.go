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
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// admit runs the checks that precede each operation of Zitadel: the host must be that of the
// instance, and the instance must not be blocked.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.requests++; !s.legacy {
			w.Header().Set("X-Request-Id", fmt.Sprintf("fake%016d", s.requests))
		}
		oauth := strings.HasPrefix(r.URL.Path, "/oauth/")
		_, host, _ := strings.Cut(s.issuer(), "://")
		switch {
		case r.Host != host:
			bare(w, http.StatusNotFound, 5, "no instance for "+r.Host+": ID=QUERY-1kIjX Message=Instance not found")
		case s.blocked && oauth:
			exhausted(w)
			http.Error(w, "This instance is blocked.", http.StatusTooManyRequests)
		case s.blocked:
			exhausted(w)
			failure(w, 8, "LIMITS-molsj", "The instance is blocked")
		case s.quotaExhausted && !oauth:
			exhausted(w)
			failure(w, 8, "QUOTA-vjAy8", "The quota is used up")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func exhausted(w http.ResponseWriter) {
	w.Header().Add("Set-Cookie", "zitadel.quota.exhausted=true; Path=/; Max-Age=60; SameSite=Lax")
}

// authenticated checks the token.
func (s *Server) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		authorization := r.Header.Get("Authorization")
		secret, bearer := strings.CutPrefix(authorization, "Bearer ")
		switch {
		case authorization == "":
			s.plain(w, 16, "Unauthenticated", "auth header missing")
		case !bearer || secret == "":
			failure(w, 16, "AUTH-toLo1", "Invalid Authorization")
		case secret != Token && !s.tokens[secret].valid() || s.present(s.home) == nil:
			failure(w, 16, "AUTH-7fs1e", "Invalid token")
		case !s.known(r):
			failure(w, 7, "AUTH-Bs7Ds", "Organization not found")
		default:
			next(w, r)
		}
	}
}

// permitted checks the token, the permission and the ID.
func (s *Server) permitted(permission string, next http.HandlerFunc) http.HandlerFunc {
	return s.authenticated(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.isMember():
			failure(w, 5, "AUTHZ-cdgFk", "Membership not found")
		case !slices.Contains(s.permissions, permission):
			failure(w, 7, "AUTH-5mWD2", "No matching permissions found")
		case utf8.RuneCountInString(r.PathValue("orgId")) > 200:
			s.plain(w, 3, "InvalidArgument", "the ID is too long")
		default:
			next(w, r)
		}
	})
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.answer(w, s.find(r.PathValue("orgId")))
}

// answer answers with an organization. A deleted organization has no state, or is not found.
func (s *Server) answer(w http.ResponseWriter, o *organization) {
	if o == nil || o.removed && s.legacy {
		failure(w, 5, "QUERY-leq5Q", "Organization not found")
		return
	}
	fake.JSON(w, http.StatusOK, fake.Object{"org": o.object(!o.removed)})
}

func (s *Server) getDefault(w http.ResponseWriter, _ *http.Request) {
	if o := s.find(s.first); o != nil {
		fake.JSON(w, http.StatusOK, fake.Object{"org": o.object(true)})
		return
	}
	failure(w, 5, "QUERY-leq5Q", "Organization not found")
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) { s.deleteV1(w, r.PathValue("orgId")) }

// deleteV1 deletes an organization as both APIs v1 do.
func (s *Server) deleteV1(w http.ResponseWriter, id string) {
	if !s.allows(w, id) {
		return
	}
	o := s.present(id)
	if o == nil {
		failure(w, 5, "COMMA-aps2n", "Organization not found")
		return
	}
	s.take(o)
	fake.JSON(w, http.StatusOK, fake.Object{"details": fake.Object{
		"sequence": fmt.Sprint(o.sequence), "changeDate": date(o.changed), "resourceOwner": instance,
	}})
}

// allows reports whether an organization can be deleted. If not, it answers with an error.
func (s *Server) allows(w http.ResponseWriter, id string) bool {
	o := s.present(id)
	switch {
	case id == s.first:
		failure(w, 9, "COMMA-wG9p1", "The default organization must not be deleted")
	case id == s.system:
		failure(w, 9, "COMMA-AF3JW", "The organization with the project of Zitadel must not be deleted")
	case o != nil && o.Undeletable:
		failure(w, 13, "V3-C8l3V", "The events could not be stored")
	default:
		return true
	}
	return false
}

func (s *Server) listPermissions(w http.ResponseWriter, _ *http.Request) {
	answer := fake.Object{}
	if permissions := s.permissionsIn(s.home); len(permissions) > 0 {
		answer["result"] = permissions
	}
	fake.JSON(w, http.StatusOK, answer)
}

// failure answers with an error that has an ID.
func failure(w http.ResponseWriter, code int, id, text string) {
	message := text + " (" + id + ")"
	if code == 16 {
		w.Header().Set("WWW-Authenticate", message)
	}
	fake.JSON(w, statuses[code], fake.Object{"code": code, "message": message, "details": []fake.Object{{
		"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "id": id, "message": text,
	}}})
}

// plain answers with an error without an ID. v4.13.1 nests this error in another one.
func (s *Server) plain(w http.ResponseWriter, code int, word, text string) {
	if s.legacy {
		bare(w, statuses[code], code, text)
		return
	}
	text = "rpc error: code = " + word + " desc = " + text
	fake.JSON(w, statuses[2], fake.Object{"code": 2, "message": text + " ()", "details": []fake.Object{{
		"@type": "type.googleapis.com/zitadel.v1.ErrorDetail", "message": text,
	}}})
}

// bare answers with an error from before the operation.
func bare(w http.ResponseWriter, status, code int, text string) {
	fake.JSON(w, status, fake.Object{"code": code, "message": text})
}

// routesOfCascade adds the routes of resources that are deleted along. The routes of the
// management API follow the vendor's OpenAPI, as the client does, because no recording shows
// these lists. The lists of administrators and authorizations follow the recordings, with
// filters and items from the vendor's source.
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

// ofGrant selects the items of a project grant that the organization gave or received.
func (s *Server) ofGrant(i *item, r *http.Request) bool {
	return i.project == r.PathValue("projectId") && i.grant == r.PathValue("grantId") && (s.owned(i, r) || s.granted(i, r))
}

// listProviders answers with the identity providers of the organization, and with those of the
// instance unless the request selects the former.
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
		selected := !slices.ContainsFunc(search.Queries, func(q zitadel.IdentityProviderQuery) bool {
			return q.OwnerTypeQuery.OwnerType != "" && q.OwnerTypeQuery.OwnerType != owner
		})
		if selected && (i.owner == instance || s.owned(i, r)) {
			object := showNamed(s, i)
			object["state"], object["owner"] = zitadel.IdentityProviderStateActive, owner
			objects = append(objects, object)
		}
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// listMemberships answers with the roles of a user in the instance and in the organization.
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

// listGroups answers with the groups that the caller may read. A server without groups does
// not have this list.
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

// connected answers with a page of a list as services with the Connect protocol do.
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

func (s *Server) routesOfLife(routes *fake.Routes) {
	routes.Handle("IsOrganizationUnique", "GET /admin/v1/orgs/_is_unique", s.permitted("iam.read", s.isUnique))
	routes.Handle("SetDefaultOrganization", "PUT /admin/v1/orgs/default/{orgId}", s.permitted("iam.write", s.setDefault))
	routes.Handle("SetUpOrganization", "POST /admin/v1/orgs/_setup", s.permitted("iam.write", s.setUp))
	routes.Handle("CheckHealth", "GET /admin/v1/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fake.JSON(w, http.StatusOK, fake.Object{})
	})
	routes.Handle("AddOrganization", "POST /management/v1/orgs", s.permittedIn("org.create", s.addOrganization))
	routes.Handle("GetMyOrganization", "GET /management/v1/orgs/me", s.permittedIn("org.read", s.getMine))
	routes.Handle("DeleteMyOrganization", "DELETE /management/v1/orgs/me", s.permittedIn("org.delete", s.deleteMine))
	routes.Handle("DeactivateOrganization", "POST /management/v1/orgs/me/_deactivate", s.permittedIn("org.write", s.activity(true)))
	routes.Handle("ReactivateOrganization", "POST /management/v1/orgs/me/_reactivate", s.permittedIn("org.write", s.activity(false)))
	routes.Handle("AddOrganizationV2", "POST /v2/organizations", s.permittedV2("org.create", s.addOrganizationV2))
	routes.Handle("SearchOrganizationsV2Page", "POST /v2/organizations/_search", s.authenticatedV2(s.searchV2))
	routes.Handle("DeleteOrganizationV2", "DELETE /v2/organizations/{organizationId}", s.permittedV2("org.delete", s.deleteV2))
	routes.Handle("DeactivateOrganizationV2", "POST /v2/organizations/{organizationId}/deactivate", s.permittedV2("org.write", s.activity(true)))
	routes.Handle("ActivateOrganizationV2", "POST /v2/organizations/{organizationId}/activate", s.permittedV2("org.write", s.activity(false)))
}

func (s *Server) isUnique(w http.ResponseWriter, r *http.Request) {
	name, domain := r.URL.Query().Get("name"), r.URL.Query().Get("domain")
	if name == "" && domain == "" {
		s.plain(w, 3, "InvalidArgument", "a name or a domain is required")
		return
	}
	answer := fake.Object{}
	if !slices.ContainsFunc(s.organizations, func(o *organization) bool {
		return s.lists(o) && (o.Name == name || o.PrimaryDomain == domain)
	}) {
		answer["isUnique"] = true
	}
	fake.JSON(w, http.StatusOK, answer)
}

func (s *Server) setDefault(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("orgId")
	switch {
	case id == s.first:
		failure(w, 9, "INST-SDfw2", "The instance has not changed")
	case s.present(id) == nil:
		failure(w, 9, "INSTA-Wfe21", "Organization not found")
	default:
		s.first = id
		s.changes++
		fake.JSON(w, http.StatusOK, fake.Object{"details": fake.Object{
			"sequence": fmt.Sprint(108 + s.changes), "changeDate": date(time.Now().UTC()), "resourceOwner": instance,
		}})
	}
}

// create adds an organization, unless its name or its ID is taken. If the ID was used before,
// the sequence continues.
func (s *Server) create(w http.ResponseWriter, id, name, domain string) *organization {
	switch {
	case slices.ContainsFunc(s.organizations, func(o *organization) bool { return !o.removed && o.Name == name }):
		failure(w, 6, "V3-DKcYh", "The name or the ID is taken")
		return nil
	case id != "" && s.present(id) != nil:
		failure(w, 6, "ORG-laho2n", "The ID is taken")
		return nil
	}
	o := complete(Organization{ID: s.id(id), Name: name, PrimaryDomain: domain})
	before := 0
	if former := s.find(o.ID); former != nil {
		before = former.sequence
	}
	return s.place(o, before+4, s.lag)
}

func (s *Server) addOrganization(w http.ResponseWriter, r *http.Request) {
	var body struct{ Name string }
	if !decode(w, r, &body) {
		return
	}
	if !short(body.Name) {
		s.plain(w, 3, "InvalidArgument", "the name must have 1 to 200 characters")
		return
	}
	if o := s.create(w, "", body.Name, ""); o != nil {
		s.addMember(o.ID, Caller, nil)
		o.sequence++
		fake.JSON(w, http.StatusOK, fake.Object{"id": o.ID, "details": fake.Object{
			"sequence": fmt.Sprint(o.sequence), "creationDate": date(o.created), "resourceOwner": o.ID,
		}})
	}
}

func (s *Server) addOrganizationV2(w http.ResponseWriter, r *http.Request) {
	var body zitadel.OrganizationCreation
	if !decode(w, r, &body) {
		return
	}
	if !short(body.Name) {
		bare(w, http.StatusBadRequest, 3, "the name must have 1 to 200 characters")
		return
	}
	o := s.create(w, body.OrganizationID, body.Name, "")
	if o == nil {
		return
	}
	answer := fake.Object{"organizationId": o.ID, "details": fake.Object{
		"sequence": fmt.Sprint(o.sequence), "changeDate": date(o.changed), "resourceOwner": o.ID,
	}}
	var created []fake.Object
	for _, admin := range body.Admins {
		s.addMember(o.ID, admin.UserID, admin.Roles)
		created = append(created, fake.Object{"userId": admin.UserID})
	}
	if len(created) > 0 {
		answer["createdAdmins"] = created
	}
	fake.JSON(w, http.StatusCreated, answer)
}

func (s *Server) setUp(w http.ResponseWriter, r *http.Request) {
	var body zitadel.OrganizationSetup
	if !decode(w, r, &body) {
		return
	}
	if !short(body.Org.Name) || body.Human.UserName == "" || body.Human.Profile.FirstName == "" || body.Human.Profile.LastName == "" || body.Human.Email.Email == "" {
		s.plain(w, 3, "InvalidArgument", "a required field is missing")
		return
	}
	o := s.create(w, "", body.Org.Name, body.Org.Domain)
	if o == nil {
		return
	}
	user := s.id("")
	s.add(&item{kind: users, id: user, owner: o.ID, name: body.Human.UserName})
	s.addMember(o.ID, user, body.Roles)
	o.sequence++
	fake.JSON(w, http.StatusOK, fake.Object{"orgId": o.ID, "userId": user, "details": fake.Object{
		"sequence": fmt.Sprint(o.sequence), "creationDate": date(o.created), "resourceOwner": o.ID,
	}})
}

func (s *Server) getMine(w http.ResponseWriter, r *http.Request) {
	s.answer(w, s.find(s.context(r)))
}

func (s *Server) deleteMine(w http.ResponseWriter, r *http.Request) {
	s.deleteV1(w, s.context(r))
}

func (s *Server) deleteV2(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("organizationId")
	if !s.allows(w, id) {
		return
	}
	answer := fake.Object{"deletionDate": "0001-01-01T00:00:00Z"} // the organization does not exist
	if o := s.present(id); o != nil {
		s.take(o)
		answer["deletionDate"] = date(o.changed)
	}
	fake.JSON(w, http.StatusOK, answer)
}

// activity deactivates or activates an organization.
func (s *Server) activity(inactive bool) http.HandlerFunc {
	missing, already, text := "ORG-Dgf3g", "EVENT-bfnrh", "The organization is active"
	if inactive {
		missing, already, text = "ORG-oL9nT", "EVENT-Dbs2g", "The organization is inactive"
	}
	return func(w http.ResponseWriter, r *http.Request) {
		id, v2 := r.PathValue("organizationId"), true
		if id == "" {
			id, v2 = s.context(r), false
		}
		o := s.present(id)
		switch {
		case o == nil:
			failure(w, 5, missing, "Organization not found")
			return
		case o.Inactive == inactive:
			failure(w, 9, already, text)
			return
		}
		o.Inactive, o.changed = inactive, time.Now().UTC()
		o.sequence++
		if v2 {
			fake.JSON(w, http.StatusOK, fake.Object{"changeDate": date(o.changed)})
			return
		}
		fake.JSON(w, http.StatusOK, fake.Object{"details": fake.Object{
			"sequence": fmt.Sprint(o.sequence), "changeDate": date(o.changed), "resourceOwner": o.ID,
		}})
	}
}

// searchV2 answers with a page of the organizations. It removes organizations that the caller
// may not read after it cut the page.
func (s *Server) searchV2(w http.ResponseWriter, r *http.Request) {
	var search zitadel.OrganizationSearchV2
	if !decode(w, r, &search) {
		return
	}
	first := false
	v1 := zitadel.OrganizationSearch{Query: search.Query}
	for _, q := range search.Queries {
		if q == (zitadel.OrganizationQueryV2{}) {
			bare(w, http.StatusBadRequest, 3, "a query has no value")
			return
		}
		first = first || bool(q.DefaultQuery)
		if !q.DefaultQuery {
			v1.Queries = append(v1.Queries, zitadel.OrganizationQuery{
				NameQuery: q.NameQuery, DomainQuery: q.DomainQuery, IDQuery: q.IDQuery,
				StateQuery: zitadel.StateQuery{State: stateV1(q.StateQuery.State)},
			})
		}
	}
	if search.SortingColumn == zitadel.OrganizationFieldNameV2Name {
		v1.SortingColumn = zitadel.OrganizationFieldNameName
	}
	var objects []fake.Object
	for _, o := range s.matching(v1) {
		switch {
		case first && o.ID != s.first:
		case !slices.Contains(s.permissionsIn(o.ID), "org.read"):
			objects = append(objects, nil)
		default:
			object := o.object(false)
			object["state"] = strings.Replace(string(o.state()), "ORG_", "ORGANIZATION_", 1)
			objects = append(objects, object)
		}
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "timestamp"))
}

// list answers with a page of the items of a kind that on selects.
func (s *Server) list(kind string, on func(*item, *http.Request) bool, show func(*Server, *item) fake.Object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var search zitadel.UserSearch // the fields that all lists know
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

// owned selects the items of the organization of the request.
func (s *Server) owned(i *item, r *http.Request) bool { return i.owner == s.context(r) }

// granted selects the projects that are granted to the organization of the request.
func (s *Server) granted(i *item, r *http.Request) bool { return i.to == s.context(r) }

// ofProject selects the items of a project of the organization.
func (s *Server) ofProject(i *item, r *http.Request) bool {
	return s.owned(i, r) && i.project == r.PathValue("projectId")
}

// decode reads a body, which may be empty.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil && err != io.EOF {
		bare(w, http.StatusBadRequest, 3, "invalid body")
		return false
	}
	return true
}

// listMyMemberships answers with the caller's role in the instance, if it has permissions
// there, and with its roles in organizations.
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

func (s *Server) getMyUser(w http.ResponseWriter, _ *http.Request) {
	fake.JSON(w, http.StatusOK, fake.Object{"user": showUser(s, s.item(users, Caller))})
}

// context returns the organization of a request: the one in the header, or the caller's own.
func (s *Server) context(r *http.Request) string { return cmp.Or(r.Header.Get(contextHeader), s.home) }

// permittedIn checks the token, the organization of the request, and the permission in it.
func (s *Server) permittedIn(permission string, next http.HandlerFunc) http.HandlerFunc {
	return s.authenticated(func(w http.ResponseWriter, r *http.Request) {
		switch granted := s.permissionsIn(s.context(r)); {
		case len(granted) == 0:
			failure(w, 5, "AUTHZ-cdgFk", "Membership not found")
		case !slices.Contains(granted, permission):
			failure(w, 7, "AUTH-5mWD2", "No matching permissions found")
		default:
			next(w, r)
		}
	})
}

// permittedV2 runs the checks of the API v2: the form of a request first, then the permission
// in its organization. Old servers do not have this API.
func (s *Server) permittedV2(permission string, next http.HandlerFunc) http.HandlerFunc {
	return s.authenticatedV2(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("organizationId")
		switch granted := s.permissionsIn(id); {
		case len([]rune(id)) > 200:
			bare(w, http.StatusBadRequest, 3, "the ID is too long")
		case len(granted) == 0:
			failure(w, 5, "AUTHZ-cdgFk", "Membership not found")
		case !slices.Contains(granted, permission):
			failure(w, 7, "AUTH-AWfge", "No matching permissions found")
		default:
			next(w, r)
		}
	})
}

// authenticatedV2 checks the token as the API v2 does. It answers a request without a token as
// old servers do.
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

// known reports whether the organization of a request is known. Servers that still read a
// deleted organization know it.
func (s *Server) known(r *http.Request) bool {
	id := r.Header.Get(contextHeader)
	o := s.find(id)
	return id == "" || o != nil && (!o.removed || !s.legacy)
}

// search answers with a page of the organizations. It ignores unknown fields of a request, as
// Zitadel does.
func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var search zitadel.OrganizationSearch
	if !decode(w, r, &search) {
		return
	}
	for _, query := range search.Queries {
		if s.legacy {
			query.IDQuery = zitadel.IDQuery{} // old servers ignore it
		}
		if query == (zitadel.OrganizationQuery{}) {
			s.plain(w, 3, "InvalidArgument", "a query has no value")
			return
		}
	}
	var objects []fake.Object
	for _, o := range s.matching(search) {
		objects = append(objects, o.object(true))
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "viewTimestamp"))
}

// token issues a token. The API accepts the token only if the scope names the API.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	switch grant := r.PostFormValue("grant_type"); grant {
	case "client_credentials":
		id, secret, ok := r.BasicAuth()
		if !ok {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		if id != ClientID {
			noToken(w, http.StatusBadRequest, "invalid_client", "unknown client")
			return
		}
		if secret != ClientSecret {
			noToken(w, http.StatusBadRequest, "invalid_request", "Errors.User.Machine.Secret.Invalid")
			return
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if s.verify(r.PostFormValue("assertion")) != nil {
			noToken(w, http.StatusInternalServerError, "server_error", "Errors.Internal")
			return
		}
	default:
		noToken(w, http.StatusBadRequest, "unsupported_grant_type", grant+" is not supported")
		return
	}
	access := fmt.Sprintf("zitadeltest-token-%d", len(s.tokens)+1)
	s.tokens[access] = token{
		until:    time.Now().Add(lifetime),
		audience: slices.Contains(strings.Fields(r.PostFormValue("scope")), "urn:zitadel:iam:org:project:id:zitadel:aud"),
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"access_token": access, "token_type": "Bearer", "expires_in": int(lifetime.Seconds()),
	})
}

func noToken(w http.ResponseWriter, status int, code, description string) {
	fake.JSON(w, status, fake.Object{"error": code, "error_description": description})
}
