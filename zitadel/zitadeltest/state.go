package zitadeltest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// Token is the personal access token that the fake accepts. Its user has the role IAM_OWNER,
// unless [Server.SetPermissions] sets other permissions.
const Token = "zitadeltest-token"

// DefaultOrganization is the ID of the organization that a new fake has: the default
// organization, which owns Zitadel's own project.
const DefaultOrganization = "100000000000000001"

// instance is the ID of the instance.
const instance = "100000000000000000"

// Organization is an organization of the fake.
type Organization struct {
	ID            string // required
	Name          string // default: ID
	PrimaryDomain string // default: derived from Name

	Inactive    bool // deactivated
	System      bool // owns Zitadel's own project
	Home        bool // owns the users of all credentials
	Undeletable bool // every deletion fails
}

// organization is an organization, which may be deleted.
type organization struct {
	Organization
	sequence         int
	created, changed time.Time
	removed          bool
	hidden           time.Duration // delay after which lists show it
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o = complete(o)
	if o.System {
		s.system = o.ID
	}
	if o.Home {
		s.home = o.ID
		s.item(users, Caller).owner = o.ID
	}
	s.place(o, 4, 0)
}

// complete sets the name and the primary domain if they are empty.
func complete(o Organization) Organization {
	o.Name = cmp.Or(o.Name, o.ID)
	o.PrimaryDomain = cmp.Or(o.PrimaryDomain, strings.ReplaceAll(strings.ToLower(o.Name), " ", "-")+".fake.invalid")
	return o
}

// place adds an organization with its primary domain. Lists show it after a delay.
func (s *Server) place(o Organization, sequence int, hidden time.Duration) *organization {
	now := time.Now().UTC()
	placed := &organization{Organization: o, sequence: sequence, created: now, changed: now, hidden: hidden}
	s.organizations = append(s.organizations, placed)
	s.add(&item{kind: domains, owner: o.ID, name: o.PrimaryDomain, verified: true, primary: true})
	return placed
}

// SetDefault makes an organization the default one.
func (s *Server) SetDefault(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first = s.owner(id)
}

// SetPermissions sets the permissions of the [Caller] in the whole instance, such as
// "iam.read". Without permissions, the caller has no role in the instance. [Server.AddMember]
// gives it a role in an organization.
func (s *Server) SetPermissions(permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permissions = permissions
}

// Exists reports whether an organization exists.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present(id) != nil
}

// Deleted returns the IDs of all deleted organizations in the order of their deletion.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// find returns an organization, which may be deleted, or nil.
func (s *Server) find(id string) *organization {
	for _, o := range slices.Backward(s.organizations) { // an ID can be used again
		if o.ID == id {
			return o
		}
	}
	return nil
}

// present returns an organization that exists, or nil.
func (s *Server) present(id string) *organization {
	if o := s.find(id); o != nil && !o.removed {
		return o
	}
	return nil
}

// issuer returns the URL of the fake.
func (s *Server) issuer() string {
	base, _ := s.Endpoint()
	return base
}

// object returns an organization as reads show it. A deleted organization has no state.
func (o *organization) object(state bool) fake.Object {
	object := fake.Object{
		"id": o.ID, "name": o.Name, "primaryDomain": o.PrimaryDomain,
		"details": fake.Object{
			"sequence": fmt.Sprint(o.sequence), "creationDate": date(o.created), "changeDate": date(o.changed),
			"resourceOwner": o.ID,
		},
	}
	if state {
		object["state"] = o.state()
	}
	return object
}

func (o *organization) state() zitadel.OrganizationState {
	if o.Inactive {
		return zitadel.OrganizationStateInactive
	}
	return zitadel.OrganizationStateActive
}

func date(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z07:00") }

// take deletes an organization and everything that is deleted along with it.
func (s *Server) take(o *organization) {
	o.removed, o.changed = true, time.Now().UTC()
	o.sequence++
	s.deleted = append(s.deleted, o.ID)
	s.remove(o.ID)
}

// statuses are the HTTP statuses of the gRPC codes.
var statuses = map[int]int{
	2:  http.StatusInternalServerError,
	3:  http.StatusBadRequest,
	5:  http.StatusNotFound,
	6:  http.StatusConflict,
	7:  http.StatusForbidden,
	8:  http.StatusTooManyRequests,
	9:  http.StatusBadRequest,
	13: http.StatusInternalServerError,
	16: http.StatusUnauthorized,
}

// ProjectMember is a user who manages a project.
type ProjectMember struct {
	Project string   // ID of the project
	User    string   // ID of the user
	Roles   []string // default: PROJECT_OWNER
}

// ProjectGrantMember is a user who manages a project grant.
type ProjectGrantMember struct {
	ProjectGrant string   // ID of the project grant
	User         string   // ID of the user
	Roles        []string // default: PROJECT_GRANT_OWNER
}

// InstanceMember is a user other than the [Caller] who manages the instance.
type InstanceMember struct {
	User  string   // ID of the user
	Roles []string // default: IAM_OWNER
}

// IdentityProvider is an identity provider of an organization.
type IdentityProvider struct {
	ID           string // default: a new ID
	Organization string // ID of the organization; default: DefaultOrganization
	Name         string // default: ID
	Instance     bool   // owned by the instance, not by an organization
}

// Action is an action of an organization.
type Action struct {
	ID           string // default: a new ID
	Organization string // ID of the organization; default: DefaultOrganization
	Name         string // default: ID
}

// Metadata is a metadata entry of an organization.
type Metadata struct {
	Organization string // ID of the organization; default: DefaultOrganization
	Key          string // key of the entry
}

// Policy is a policy that an organization uses instead of the instance's: "domain", "label",
// "lockout", "login", "notification", "password/age", "password/complexity" or "privacy".
type Policy struct {
	Organization string // ID of the organization; default: DefaultOrganization
	Name         string // one of the names above
}

// Group is a user group of an organization. A fake with a group behaves as a server of July
// 2026, which lists groups.
type Group struct {
	ID           string // default: a new ID
	Organization string // ID of the organization; default: DefaultOrganization
	Name         string // default: ID
}

// Kinds of members and settings.
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

// AddProjectMember makes a user a member of a project.
func (s *Server) AddProjectMember(m ProjectMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{
		kind: projectMembers, owner: s.existing(projects, m.Project).owner, project: m.Project, user: s.existing(users, m.User).id,
		needs: []string{m.Project, m.User}, roles: orRole(m.Roles, "PROJECT_OWNER"),
	})
}

// AddProjectGrantMember makes a user a member of a project grant.
func (s *Server) AddProjectGrantMember(m ProjectGrantMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.existing(projectGrants, m.ProjectGrant)
	s.add(&item{
		kind: grantMembers, owner: g.owner, to: g.to, project: g.project, grant: g.id, user: s.existing(users, m.User).id,
		needs: []string{g.id, m.User}, roles: orRole(m.Roles, "PROJECT_GRANT_OWNER"),
	})
}

// AddInstanceMember makes a user a member of the instance.
func (s *Server) AddInstanceMember(m InstanceMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&item{kind: instanceMembers, owner: instance, user: s.existing(users, m.User).id, needs: []string{m.User}, roles: orRole(m.Roles, "IAM_OWNER")})
}

// AddIdentityProvider adds an identity provider and returns its ID.
func (s *Server) AddIdentityProvider(p IdentityProvider) string {
	if p.Instance {
		return s.addNamed(idps, p.ID, instance, p.Name)
	}
	return s.addNamed(idps, p.ID, p.Organization, p.Name)
}

// AddAction adds an action and returns its ID.
func (s *Server) AddAction(a Action) string {
	return s.addNamed(actions, a.ID, a.Organization, a.Name)
}

// AddMetadata adds a metadata entry to an organization.
func (s *Server) AddMetadata(m Metadata) {
	s.addNamed(metadata, "", m.Organization, m.Key)
}

// AddPolicy adds a policy to an organization.
func (s *Server) AddPolicy(p Policy) {
	s.addNamed(policies, "", p.Organization, p.Name)
}

// AddGroup adds a user group and returns its ID.
func (s *Server) AddGroup(g Group) string {
	return s.addNamed(groups, g.ID, g.Organization, g.Name)
}

// addNamed adds an item of the instance or of an organization; "" for the default one.
func (s *Server) addNamed(kind, id, owner, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner != instance {
		owner = s.owner(owner)
	}
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

func showNamed(_ *Server, i *item) fake.Object {
	return fake.Object{"id": i.id, "details": i.details(i.owner), "name": i.name}
}

func showMetadata(_ *Server, i *item) fake.Object {
	return fake.Object{"details": i.details(i.owner), "key": i.name, "value": "YQ=="}
}

// listed returns the items of a kind that lists show.
func (s *Server) listed(kind string) []*item {
	return slices.DeleteFunc(slices.Clone(s.items), func(i *item) bool {
		return i.kind != kind || !i.deleted.IsZero() && time.Since(i.deleted) >= s.lag
	})
}

// managers returns the members of the instance, including the caller.
func (s *Server) managers() []*item {
	all := s.listed(instanceMembers)
	if role := s.role(); role != "" {
		all = append(all, &item{kind: instanceMembers, owner: instance, user: Caller, roles: []string{role}})
	}
	return all
}

// Limits of the lists of services with the Connect protocol.
const (
	connectPage = 100
	connectMost = 1000
)

// SetSystem makes an organization the owner of Zitadel's own project. No API does that. The
// former owner can be deleted from then on.
func (s *Server) SetSystem(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.system = s.owner(id)
}

// short reports whether an organization can have a name.
func short(name string) bool { return name != "" && len([]rune(name)) <= 200 }

func stateV1(state zitadel.OrganizationStateV2) zitadel.OrganizationState {
	return zitadel.OrganizationState(strings.Replace(string(state), "ORGANIZATION_", "ORG_", 1))
}

// Caller is the ID of the user of all credentials.
const Caller = userID

// User is a user of the fake.
type User struct {
	ID           string // default: a new ID
	Organization string // ID of the organization; default: DefaultOrganization
	UserName     string // default: ID
	Machine      bool   // a service account
}

// Project is a project of the fake.
type Project struct {
	ID           string // default: a new ID
	Organization string // ID of the organization; default: DefaultOrganization
	Name         string // default: ID
}

// App is an application of a project. Its type is API.
type App struct {
	ID      string // default: a new ID
	Project string // ID of the project
	Name    string // default: ID
}

// ProjectGrant lets another organization use a project.
type ProjectGrant struct {
	ID           string   // default: a new ID
	Project      string   // ID of the project
	Organization string   // ID of the organization that uses the project
	Roles        []string // keys of the granted roles
}

// UserGrant has the roles of a user in a project.
type UserGrant struct {
	ID           string   // default: a new ID
	User         string   // ID of the user
	Project      string   // ID of the project
	ProjectGrant string   // ID of the project grant, for another organization's project
	Roles        []string // keys of the roles
}

// Member is a user who manages an organization. If the [Caller] is a member, it has the
// permissions of its roles in that organization only.
type Member struct {
	Organization string   // ID of the organization; default: DefaultOrganization
	User         string   // ID of the user; default: Caller
	Roles        []string // default: ORG_OWNER
}

// Domain is a domain of an organization in addition to the primary one.
type Domain struct {
	Organization string // ID of the organization; default: DefaultOrganization
	Name         string // domain name
	Unverified   bool   // not verified
}

// item is a resource of an organization. It is deleted with its owner, and with each resource
// in needs. Fields that its kind does not have are zero.
type item struct {
	kind  string
	id    string
	owner string   // ID of the organization
	needs []string // IDs of resources with which it is deleted, in addition to the owner
	name  string

	machine           bool     // of a user
	verified, primary bool     // of a domain
	project           string   // of an application or a grant
	to                string   // of a project grant: ID of the organization that uses the project
	user              string   // of a user grant or a member: ID
	grant             string   // of a user grant: ID of the project grant
	roles             []string // of a grant or a member

	created time.Time
	deleted time.Time // zero if it exists
}

// Kinds of resources.
const (
	users         = "user"
	projects      = "project"
	apps          = "application"
	projectGrants = "project grant"
	userGrants    = "user grant"
	members       = "member"
	domains       = "domain"
)

// AddUser adds a user and returns its ID.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(u.ID)
	s.add(&item{
		kind: users, id: id, owner: s.owner(u.Organization), name: cmp.Or(u.UserName, id), machine: u.Machine,
	})
	return id
}

// AddProject adds a project and returns its ID.
func (s *Server) AddProject(p Project) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(p.ID)
	s.add(&item{kind: projects, id: id, owner: s.owner(p.Organization), name: cmp.Or(p.Name, id)})
	return id
}

// AddApp adds an application to a project and returns its ID.
func (s *Server) AddApp(a App) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(a.ID)
	s.add(&item{
		kind: apps, id: id, owner: s.existing(projects, a.Project).owner, name: cmp.Or(a.Name, id),
		project: a.Project, needs: []string{a.Project},
	})
	return id
}

// AddProjectGrant grants a project to an organization and returns the ID of the grant.
func (s *Server) AddProjectGrant(g ProjectGrant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(g.ID)
	to := s.owner(g.Organization)
	s.add(&item{
		kind: projectGrants, id: id, owner: s.existing(projects, g.Project).owner, to: to,
		project: g.Project, needs: []string{g.Project, to}, roles: g.Roles,
	})
	return id
}

// AddUserGrant gives a user roles in a project and returns the ID of the user grant.
func (s *Server) AddUserGrant(g UserGrant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(g.ID)
	i := &item{
		kind: userGrants, id: id, owner: s.existing(projects, g.Project).owner, user: s.existing(users, g.User).id, project: g.Project,
		needs: []string{g.User, g.Project}, roles: g.Roles, grant: g.ProjectGrant,
	}
	if g.ProjectGrant != "" {
		i.owner, i.needs = s.existing(projectGrants, g.ProjectGrant).to, append(i.needs, g.ProjectGrant)
	}
	s.add(i)
	return id
}

// AddMember makes a user a member of an organization.
func (s *Server) AddMember(m Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addMember(s.owner(m.Organization), s.existing(users, cmp.Or(m.User, Caller)).id, m.Roles)
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
	s.add(&item{kind: domains, owner: s.owner(d.Organization), name: d.Name, verified: !d.Unverified})
}

// HasAccess reports whether a user has roles in a project.
func (s *Server) HasAccess(user, project string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.items, func(i *item) bool {
		return i.kind == userGrants && i.user == user && i.project == project && i.deleted.IsZero()
	})
}

// Contents returns one line for each organization and each resource that exists. The line of a
// resource includes the IDs of the resources that it needs.
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

// id returns the given ID, or a new one if it is empty.
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

// item returns the item with an ID, or an empty item.
func (s *Server) item(kind, id string) *item {
	for _, i := range slices.Backward(s.items) {
		if i.kind == kind && i.id == id {
			return i
		}
	}
	return new(item)
}

// existing returns the item with an ID that a test passed, and panics if it does not exist.
func (s *Server) existing(kind, id string) *item {
	i := s.item(kind, id)
	if i.id == "" || !i.deleted.IsZero() {
		fake.Unknown(kind, id)
	}
	return i
}

// owner returns the ID of an organization that a test passed; "" stands for the default one. It
// panics if the organization does not exist.
func (s *Server) owner(id string) string {
	id = cmp.Or(id, DefaultOrganization)
	return fake.Known("organization", id, s.present(id)).ID
}

// remove deletes the items of an organization, and all items that need one of them.
func (s *Server) remove(organization string) {
	deleted := map[string]bool{organization: true}
	for more := true; more; {
		more = false
		for _, i := range s.items {
			if !i.deleted.IsZero() || i.owner != organization && !slices.ContainsFunc(i.needs, func(id string) bool { return deleted[id] }) {
				continue
			}
			i.deleted, more = time.Now().UTC(), true
			if i.id != "" {
				deleted[i.id] = true
			}
		}
	}
}

// part returns an answer with a page of a list. Zero values are omitted, and so is the total
// of a page beyond the end.
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
	// The caller may not read nil objects. The total counts them, and the page has their places.
	if page = slices.DeleteFunc(slices.Clone(page), func(o fake.Object) bool { return o == nil }); len(page) > 0 {
		answer["result"] = page
	}
	return answer
}

// details returns the object details of an item.
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
			"email":   fake.Object{"email": i.name + "@fake.invalid", "isEmailVerified": true},
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
		"apiConfig": fake.Object{"clientId": i.id + "@fake"},
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

// role returns the role in the instance whose permissions are closest to the caller's.
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

// rolePermissions returns the permissions of a role in an organization.
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

// permissionsIn returns the permissions of the caller in an organization, including those in
// the whole instance.
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

// isMember reports whether the caller has any role.
func (s *Server) isMember() bool {
	return len(s.permissions) > 0 || slices.ContainsFunc(s.items, func(i *item) bool {
		return i.kind == members && i.user == Caller && i.deleted.IsZero()
	})
}

const contextHeader = "x-zitadel-orgid"

// lists reports whether lists show an organization. Lists show changes by requests with a
// delay.
func (s *Server) lists(o *organization) bool {
	if o.removed {
		return time.Since(o.changed) < s.lag
	}
	return time.Since(o.created) >= o.hidden
}

// matching returns all organizations that match, in the requested order.
func (s *Server) matching(search zitadel.OrganizationSearch) []*organization {
	listed := slices.DeleteFunc(slices.Clone(s.organizations), func(o *organization) bool {
		return !s.lists(o) || slices.ContainsFunc(search.Queries, func(q zitadel.OrganizationQuery) bool { return !o.matches(q) })
	})
	if search.SortingColumn == zitadel.OrganizationFieldNameName {
		slices.SortStableFunc(listed, func(a, b *organization) int {
			return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		})
	}
	if !search.Query.Asc {
		slices.Reverse(listed)
	}
	return listed
}

func (o *organization) matches(q zitadel.OrganizationQuery) bool {
	switch {
	case q.NameQuery != zitadel.NameQuery{}:
		return matches(o.Name, q.NameQuery.Name, q.NameQuery.Method)
	case q.DomainQuery != zitadel.DomainQuery{}:
		return matches(o.PrimaryDomain, q.DomainQuery.Domain, q.DomainQuery.Method)
	case q.StateQuery != zitadel.StateQuery{}:
		return o.state() == q.StateQuery.State
	}
	return o.ID == q.IDQuery.ID
}

// matches compares two texts by a method. An unknown method compares exactly.
func matches(text, query string, method zitadel.TextQueryMethod) bool {
	if exact, ok := strings.CutSuffix(string(method), "_IGNORE_CASE"); ok {
		text, query, method = strings.ToLower(text), strings.ToLower(query), zitadel.TextQueryMethod(exact)
	}
	switch method {
	case zitadel.TextQueryMethodStartsWith:
		return strings.HasPrefix(text, query)
	case zitadel.TextQueryMethodContains:
		return strings.Contains(text, query)
	case zitadel.TextQueryMethodEndsWith:
		return strings.HasSuffix(text, query)
	}
	return text == query
}

// TokenRequest is the operation of a request for a token.
const TokenRequest = "token request"

// ClientID and ClientSecret are the client credentials that the fake accepts.
const (
	ClientID     = "zitadeltest-client"
	ClientSecret = "zitadeltest-secret"
)

// userID and keyID are the IDs in the file of [Server.Key].
const (
	userID = "100000000000000002"
	keyID  = "100000000000000003"
)

// lifetime is the lifetime of tokens, the default of an instance.
const lifetime = 43199 * time.Second

// token is an issued token.
type token struct {
	until    time.Time
	audience bool // the scope names the API
}

func (t token) valid() bool { return t.audience && time.Now().Before(t.until) }

// key is the key of a service account.
type key struct {
	file    []byte
	private *rsa.PrivateKey
}

// Key returns the key file of a service account. The fake accepts assertions that are signed
// with the key.
func (s *Server) Key() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key.private == nil {
		s.key = newKey()
	}
	return slices.Clone(s.key.file)
}

func newKey() key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("zitadeltest: cannot create key: %v", err))
	}
	file, err := json.Marshal(fake.Object{
		"type": "serviceaccount", "keyId": keyID, "userId": userID, "expirationDate": "9999-12-31T23:59:59Z",
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})),
	})
	if err != nil {
		panic(fmt.Sprintf("zitadeltest: cannot create key: %v", err))
	}
	return key{file, private}
}

// verify checks the signer, the audience and the times of an assertion.
func (s *Server) verify(assertion string) error {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(assertion, &claims, func(t *jwt.Token) (any, error) {
		if s.key.private == nil || t.Header["kid"] != keyID {
			return nil, errors.New("unknown key")
		}
		return &s.key.private.PublicKey, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(userID), jwt.WithSubject(userID),
		jwt.WithAudience(s.issuer()), jwt.WithExpirationRequired())
	switch {
	case err != nil:
	case claims.IssuedAt == nil || time.Since(claims.IssuedAt.Time) > time.Hour:
		err = errors.New("iat is more than an hour ago")
	case time.Until(claims.IssuedAt.Time) > time.Second: // zitadel/oidc, op.NewJWTProfileVerifier
		err = errors.New("iat is in the future")
	}
	return err
}
