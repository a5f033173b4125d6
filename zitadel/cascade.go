package zitadel

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// CascadeKind is a kind of what an organization has.
type CascadeKind string

// Kinds of what goes with an organization.
const (
	CascadeUsers           CascadeKind = "users"            // see [Client.ListUsers]
	CascadeProjects        CascadeKind = "projects"         // see [Client.ListProjects]
	CascadeProjectGrants   CascadeKind = "project_grants"   // see [Client.ListProjectGrants]
	CascadeGrantedProjects CascadeKind = "granted_projects" // see [Client.ListGrantedProjects]
	CascadeUserGrants      CascadeKind = "user_grants"      // see [Client.ListUserGrants]
	CascadeMembers         CascadeKind = "members"          // see [Client.ListMembers]
	CascadeDomains         CascadeKind = "domains"          // see [Client.ListDomains]
)

// CascadeCount is how many of a kind an organization has.
type CascadeCount struct {
	Kind  CascadeKind
	Count uint64
}

// Preview returns how much a deletion would take along, kind by kind; a kind of
// which there is nothing has the count 0. It says what is on the lists, which
// follow changes after some time.
//
// Applications are not counted; they go with their projects.
//
// It takes a request for each 100 items of a kind, and one for the organization: lists
// of one that was deleted are empty, not missing. That is
// [errors.OrganizationNotFound]; one that is not known is [errors.PermissionDenied]
// (AUTH-Bs7Ds). It needs the permissions org.read, user.read, project.read,
// project.grant.read, user.grant.read and org.member.read.
func (c *Client) Preview(ctx context.Context, orgID string) ([]CascadeCount, error) {
	if err := c.requireHeaderOrganization(ctx, "Preview", orgID); err != nil {
		return nil, err
	}
	kinds := []CascadeKind{
		CascadeUsers, CascadeProjects, CascadeProjectGrants, CascadeGrantedProjects, CascadeUserGrants, CascadeMembers, CascadeDomains,
	}
	owned := make([]CascadeCount, 0, len(kinds))
	for _, kind := range kinds {
		count, err := c.Count(ctx, orgID, kind)
		if err != nil {
			return nil, err
		}
		owned = append(owned, CascadeCount{kind, count})
	}
	return owned, nil
}

// Count returns how many of a kind an organization has, by the items on the kind's list:
// a total can be that of one page, or include what is no item. It needs the permission of
// the list. A kind that only [Client.Plan] has is [errors.InvalidArgument].
func (c *Client) Count(ctx context.Context, orgID string, kind CascadeKind) (uint64, error) {
	switch kind {
	case CascadeUsers:
		return count(c.ListUsers(ctx, orgID))
	case CascadeProjects:
		return count(c.ListProjects(ctx, orgID))
	case CascadeProjectGrants:
		return count(c.ListProjectGrants(ctx, orgID))
	case CascadeGrantedProjects:
		return count(c.ListGrantedProjects(ctx, orgID))
	case CascadeUserGrants:
		return count(c.ListUserGrants(ctx, orgID))
	case CascadeMembers:
		return count(c.ListMembers(ctx, orgID))
	case CascadeDomains:
		return count(c.ListDomains(ctx, orgID))
	}
	return 0, rest.Invalid(provider, "Count", "", errors.New("the kind is not known"))
}

// count returns the number of items on a list.
func count[T any](list iter.Seq2[T, error]) (uint64, error) {
	n := uint64(0)
	for _, err := range list {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Kinds of what is deleted along with an organization, of which a plan has more than
// [Client.Preview].
const (
	// KindApps are the applications of its projects; see [Client.ListApps].
	CascadeApps CascadeKind = "apps"

	// KindUsersOfOthers are the users of other organizations who lose roles in
	// projects, or the management of this one, its projects or its grants.
	CascadeExternalUsers CascadeKind = "users_of_other_organizations"

	// KindProjectMembers are the users who manage its projects; see
	// [Client.ListProjectMembers].
	CascadeProjectMembers CascadeKind = "project_members"

	// KindProjectGrantMembers are the users who manage the grants that it gave and has;
	// see [Client.ListProjectGrantMembers].
	CascadeProjectGrantMembers CascadeKind = "project_grant_members"

	// KindMemberships are the roles of its users in the instance, in other
	// organizations and in their projects; see [Client.ListAdministrators].
	CascadeExternalMemberships CascadeKind = "memberships_elsewhere"

	// KindUserGrantsByOthers are the roles in projects that other organizations gave to
	// its users; see [Client.ListAuthorizations].
	CascadeExternalUserGrants CascadeKind = "user_grants_by_others"

	// KindIdentityProviders are its identity providers; see
	// [Client.ListIdentityProviders].
	CascadeIdentityProviders CascadeKind = "identity_providers"

	// KindActions are its actions; see [Client.ListActions].
	CascadeActions CascadeKind = "actions"

	// KindMetadata are its metadata; see [Client.ListMetadata].
	CascadeMetadata CascadeKind = "metadata"

	// KindPolicies are the policies that it has instead of the instance's; see
	// [Client.ListPolicies].
	CascadePolicies CascadeKind = "policies"

	// KindGroups are its groups of users; see [Client.ListGroups].
	CascadeGroups CascadeKind = "groups"
)

// cascadeKinds are all kinds of a plan, in its order.
var cascadeKinds = []struct {
	kind CascadeKind
	note string // what the loss means
	all  bool   // fieldOf are named, and not only the first
}{
	{CascadeUsers, "with their credentials, sessions and memberships", false},
	{CascadeProjects, "", false},
	{CascadeApps, "nobody can log in to them any more", false},
	{CascadeProjectGrants, "given to other organizations", false},
	{CascadeUserGrants, "roles of users in projects", false},
	{CascadeMembers, "who manage the organization", false},
	{CascadeExternalUsers, "who lose roles in projects or the management", true},
	{CascadeGrantedProjects, "of other organizations, which keep them", false},
	{CascadeDomains, "free for others at once", false},
	{CascadeProjectMembers, "who manage its projects", false},
	{CascadeProjectGrantMembers, "who manage grants of projects", false},
	{CascadeExternalMemberships, "roles of its users in the instance and in other organizations", true},
	{CascadeExternalUserGrants, "roles that other organizations gave to its users", false},
	{CascadeIdentityProviders, "users who log in with them need another way", false},
	{CascadeActions, "", false},
	{CascadeMetadata, "of the organization", false},
	{CascadePolicies, "which it has instead of the instance's", false},
	{CascadeGroups, "of users", false},
}

// maxNames is how many of a kind a plan names.
const maxNames = 10

// What the note of a loss adds if the plan does not count all of its kind.
const (
	noteUnreadable = "not readable with this credential"
	notePartial    = "not all are readable with this credential"
	noteUnlisted   = "not listed by this server"
)

// cascadeReader reads what is deleted along with an organization.
type cascadeReader struct {
	*Client
	orgID             string
	access            *access
	comparing         bool                     // the plan from before is compared
	names             map[CascadeKind][]string // fieldOf of a kind
	ids               map[CascadeKind][]string // of the same
	incomplete        map[CascadeKind]incompleteness
	externalUsers     map[string]bool   // the IDs of users of other organizations
	organizationNames map[string]string // the names of other organizations
	users             []User
}

// incompleteness is why not all of a kind is counted.
type incompleteness struct {
	note string
	err  error
}

// cascades reads what is deleted along with an organization. A list that the credential
// may not read is a loss that says so. A plan from before is [errors.PlanStale] if
// something is new, and cannot be compared by a credential that may read less than the
// one which made it.
func (c *Client) cascades(ctx context.Context, operation, orgID string, a *access, in inspection) ([]teardown.Cascade, error) {
	before := in.before
	switch {
	case !a.adminReads: // the header named the organization in all reads before
		ctx = withRepeatedDenials(ctx)
	case before == nil: // each list proves this as well, with another error
		if err := c.requireHeaderOrganization(ctx, operation, orgID); err != nil {
			return nil, err
		}
	}
	s := &cascadeReader{
		Client: c, orgID: orgID, access: a, comparing: before != nil, names: map[CascadeKind][]string{}, ids: map[CascadeKind][]string{}, incomplete: map[CascadeKind]incompleteness{},
		externalUsers: map[string]bool{}, organizationNames: map[string]string{},
	}
	for _, read := range []func(context.Context) error{
		s.readUsers, s.readProjects, s.readGrants, s.readMembers, s.readDomains, s.readSettings, s.readExternalRoles,
	} {
		if err := read(ctx); err != nil {
			return nil, disproveNotFound(operation, orgID, err)
		}
	}
	var losses []teardown.Cascade
	for _, k := range cascadeKinds {
		names, hidden := s.names[k.kind], s.incomplete[k.kind]
		if len(names) == 0 && hidden.note == "" {
			continue
		}
		loss := teardown.Cascade{Kind: string(k.kind), Count: len(names), Names: names, Note: k.note}
		loss.Identify(s.ids[k.kind])
		if before != nil {
			if err := s.compare(operation, loss, before); err != nil {
				return nil, err
			}
		}
		if !k.all {
			loss.Names = names[:min(maxNames, len(names))]
		}
		if hidden.note != "" {
			loss.Note = strings.TrimPrefix(loss.Note+"; "+hidden.note, "; ")
		}
		losses = append(losses, loss)
	}
	return losses, nil
}

// compare refuses a plan that does not have all that is of a kind now, by the IDs and by the
// names that it has.
func (s *cascadeReader) compare(operation string, now teardown.Cascade, before *teardown.Plan) error {
	kind := CascadeKind(now.Kind)
	var planned teardown.Cascade
	if i := slices.IndexFunc(before.Cascades, func(l teardown.Cascade) bool { return l.Kind == now.Kind }); i >= 0 {
		planned = before.Cascades[i]
	}
	if hidden := s.incomplete[kind]; hidden.note != "" && !isIncomplete(planned.Note) {
		return hidden.err
	}
	names := s.names[kind]
	text := ""
	switch more := len(names) - planned.Count; {
	case more > 0:
		text = fmt.Sprintf("has %d more", more)
	case planned.Count == len(planned.Names) && kind != CascadeExternalUsers: // whose organizations may be called otherwise
		i := slices.IndexFunc(names, func(name string) bool { return !slices.Contains(planned.Names, name) })
		if i >= 0 {
			text = fmt.Sprintf("has %q, which is new", names[i])
		}
	}
	if text == "" {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: s.orgID, Code: errors.PlanStale,
		Steps: []errors.Step{{Name: now.Kind, Description: text}}, Err: errors.New(now.Kind + " " + text),
	}
}

// isIncomplete reports whether the note of a loss says that not all of its kind is counted.
func isIncomplete(note string) bool {
	return slices.ContainsFunc([]string{noteUnreadable, notePartial, noteUnlisted}, func(hint string) bool { return strings.Contains(note, hint) })
}

// disproveNotFound makes a "not found" an error that proves nothing: it is about a part of an
// organization, or about another one, and the organization itself was read.
func disproveNotFound(operation, orgID string, err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || !errors.Is(e, errors.NotFound) || errors.Is(e, errors.RouteNotFound) || errors.Is(e, errors.InstanceNotFound) {
		return err
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID, Code: errors.UnexpectedResponse, Status: e.Status,
		ProviderCode: e.ProviderCode, Message: e.Message, RequestID: e.RequestID, Attempts: e.Attempts,
		Err: fmt.Errorf("%s reports that something else does not exist", e.Operation),
	}
}

// add notes an item with the ID that tells it from others of its kind, and with the name that
// a plan shows.
func (s *cascadeReader) add(kind CascadeKind, id, name string) {
	s.ids[kind] = append(s.ids[kind], id)
	s.names[kind] = append(s.names[kind], name)
}

// markUnreadable notes that not all of a kind is readable, if that is what an error says, and
// returns the error otherwise. A credential that has the permission for the whole
// instance is not denied: such an answer is unexpected.
func (s *cascadeReader) markUnreadable(err error, permission string, kinds ...CascadeKind) error {
	why := noteUnreadable
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(e, errors.RouteNotFound):
		why = noteUnlisted
	case !errors.Is(e, errors.PermissionDenied) || e.ProviderCode == idUnknownOrganization || s.access.instanceWide && s.access.has(permission):
		return err
	}
	for _, kind := range kinds {
		if len(s.names[kind]) > 0 && why == noteUnreadable {
			why = notePartial
		}
		if s.incomplete[kind].note == "" {
			s.incomplete[kind] = incompleteness{why, e}
		}
	}
	return nil
}

// each calls a function with all items of a list, and hides kinds if it is not readable.
func each[T any](s *cascadeReader, list iter.Seq2[T, error], permission string, do func(*T), kinds ...CascadeKind) error {
	for item, err := range list {
		if err != nil {
			return s.markUnreadable(err, permission, kinds...)
		}
		do(&item)
	}
	return nil
}

func (s *cascadeReader) readUsers(ctx context.Context) error {
	return each(s, s.ListUsers(ctx, s.orgID), "user.read", func(u *User) {
		s.users = append(s.users, *u)
		s.add(CascadeUsers, u.ID, cmp.Or(u.UserName, u.ID))
	}, CascadeUsers)
}

// readProjects reads the projects with their applications and members, of which no list
// spans all projects.
func (s *cascadeReader) readProjects(ctx context.Context) error {
	var projects []Project
	err := each(s, s.ListProjects(ctx, s.orgID), "project.read", func(p *Project) {
		projects = append(projects, *p)
		s.add(CascadeProjects, p.ID, cmp.Or(p.Name, p.ID))
	}, CascadeProjects, CascadeApps, CascadeProjectMembers)
	if err != nil {
		return err
	}
	for _, project := range projects {
		err := each(s, s.ListApps(ctx, project.ID, s.orgID), "project.app.read", func(a *App) {
			s.add(CascadeApps, a.ID, cmp.Or(a.Name, a.ID))
		}, CascadeApps)
		if err != nil {
			return err
		}
		err = s.readMembersOf(ctx, s.ListProjectMembers(ctx, project.ID, s.orgID), "project.member.read",
			CascadeProjectMembers, project.ID, " in "+cmp.Or(project.Name, project.ID))
		if err != nil {
			return err
		}
	}
	return nil
}

// readMembersOf reads users who manage something, with its ID and the text that names it.
func (s *cascadeReader) readMembersOf(ctx context.Context, list iter.Seq2[Member, error], permission string, kind CascadeKind, within, of string) error {
	return each(s, list, permission, func(m *Member) {
		name := cmp.Or(m.PreferredLoginName, m.DisplayName)
		s.add(kind, within+"/"+m.UserID, cmp.Or(name, m.UserID)+of)
		s.addExternalUser(ctx, m.UserID, name, cmp.Or(m.UserResourceOwner, s.orgID))
	}, kind, CascadeExternalUsers)
}

// addExternalUser notes a user who loses something, if it belongs to another organization, with
// the organization's name.
func (s *cascadeReader) addExternalUser(ctx context.Context, id, name, orgID string) {
	if orgID == s.orgID || s.externalUsers[id] {
		return
	}
	s.externalUsers[id] = true
	s.add(CascadeExternalUsers, id, cmp.Or(name, id)+" of "+s.organizationName(ctx, orgID))
}

// organizationName returns the name of an organization; its ID if the credential may not read it.
func (s *cascadeReader) organizationName(ctx context.Context, orgID string) string {
	if s.organizationNames[orgID] == "" {
		s.organizationNames[orgID] = orgID
		if s.access.adminReads {
			if found, err := s.GetOrganization(ctx, orgID); err == nil && found.ID == orgID {
				s.organizationNames[orgID] = cmp.Or(found.Name, orgID)
			}
			return s.organizationNames[orgID]
		}
		for found, err := range s.SearchOrganizationsV2(ctx, OrganizationQueryV2{IDQuery: IDQuery{ID: orgID}}) {
			if err == nil {
				s.organizationNames[orgID] = cmp.Or(found.Name, orgID)
			}
			break
		}
	}
	return s.organizationNames[orgID]
}

// readGrants reads the grants that the organization gave and has, with the users who
// manage them, and the roles that users have in its projects and in those that are
// granted to it. Roles in its projects that another organization gave by a grant are on
// the list of that one.
//
// A grant is one of a project, and so is a role: a fresh read does not ask for those of an
// organization that has no projects.
func (s *cascadeReader) readGrants(ctx context.Context) error {
	g := &grantLists{given: map[string]bool{}, grantors: []string{s.orgID}}
	if s.comparing {
		return s.inOrder(ctx, g, s.readGivenGrants, s.readGrantedProjects, s.readUserGrants, s.readGrantMembers)
	}
	return s.inOrder(ctx, g, s.readGivenGrants, s.readUserGrants, s.readGrantedProjects, s.readGrantMembers)
}

// grantLists are those that an organization gave and has.
type grantLists struct {
	all      []ProjectGrant
	given    map[string]bool // by ID
	grantors []string        // the IDs of the organizations that may have given roles
}

func (s *cascadeReader) inOrder(ctx context.Context, g *grantLists, reads ...func(context.Context, *grantLists) error) error {
	for _, read := range reads {
		if err := read(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// hasNone reports whether a fresh read shows that the organization has nothing of kinds.
func (s *cascadeReader) hasNone(kinds ...CascadeKind) bool {
	return s.comparing && !slices.ContainsFunc(kinds, func(k CascadeKind) bool { return len(s.names[k]) > 0 || s.incomplete[k].note != "" })
}

func (s *cascadeReader) readGivenGrants(ctx context.Context, of *grantLists) error {
	if s.hasNone(CascadeProjects) {
		return nil
	}
	return each(s, s.ListProjectGrants(ctx, s.orgID), "project.grant.read", func(g *ProjectGrant) {
		of.given[g.GrantID] = true
		of.all = append(of.all, *g)
		if g.GrantedOrgName != "" {
			s.organizationNames[g.GrantedOrgID] = g.GrantedOrgName
		}
		s.add(CascadeProjectGrants, g.GrantID, cmp.Or(g.ProjectName, g.ProjectID)+" to "+cmp.Or(g.GrantedOrgName, g.GrantedOrgID))
		if !slices.Contains(of.grantors, g.GrantedOrgID) {
			of.grantors = append(of.grantors, g.GrantedOrgID)
		}
	}, CascadeProjectGrants, CascadeProjectGrantMembers, CascadeUserGrants, CascadeExternalUsers)
}

func (s *cascadeReader) readUserGrants(ctx context.Context, of *grantLists) error {
	if s.hasNone(CascadeProjects, CascadeGrantedProjects) {
		return nil
	}
	for _, giver := range of.grantors {
		err := each(s, s.ListUserGrants(ctx, giver), "user.grant.read", func(g *UserGrant) {
			if giver == s.orgID || of.given[g.ProjectGrantID] {
				s.addUserGrant(ctx, g)
			}
		}, CascadeUserGrants, CascadeExternalUsers)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *cascadeReader) readGrantedProjects(ctx context.Context, of *grantLists) error {
	return each(s, s.ListGrantedProjects(ctx, s.orgID), "project.read", func(g *ProjectGrant) {
		of.all = append(of.all, *g)
		if g.ProjectOwnerName != "" {
			s.organizationNames[g.ProjectOwnerID] = g.ProjectOwnerName
		}
		s.add(CascadeGrantedProjects, g.GrantID, cmp.Or(g.ProjectName, g.ProjectID)+" of "+cmp.Or(g.ProjectOwnerName, g.ProjectOwnerID))
	}, CascadeGrantedProjects, CascadeProjectGrantMembers)
}

func (s *cascadeReader) readGrantMembers(ctx context.Context, of *grantLists) error {
	for _, g := range of.all {
		name := " in " + cmp.Or(g.ProjectName, g.ProjectID) + " for " + cmp.Or(g.GrantedOrgName, g.GrantedOrgID)
		err := s.readMembersOf(ctx, s.ListProjectGrantMembers(ctx, g.ProjectID, g.GrantID, s.orgID), "project.grant.member.read",
			CascadeProjectGrantMembers, g.ProjectID+"/"+g.GrantID, name)
		if err != nil {
			return err
		}
	}
	return nil
}

// addUserGrant notes the roles of a user in a project. If the server does not name the user's
// organization, it is the one that gave the roles.
func (s *cascadeReader) addUserGrant(ctx context.Context, g *UserGrant) {
	name := cmp.Or(g.UserName, g.PreferredLoginName)
	s.add(CascadeUserGrants, g.ID, cmp.Or(name, g.UserID)+" in "+cmp.Or(g.ProjectName, g.ProjectID))
	id, called := g.GrantedOrgID, g.GrantedOrgName
	if id == "" {
		id, called = g.OrgID, g.OrgName
	}
	if called != "" {
		s.organizationNames[id] = called
	}
	s.addExternalUser(ctx, g.UserID, name, id)
}

func (s *cascadeReader) readMembers(ctx context.Context) error {
	return s.readMembersOf(ctx, s.ListMembers(ctx, s.orgID), "org.member.read", CascadeMembers, s.orgID, "")
}

func (s *cascadeReader) readDomains(ctx context.Context) error {
	return each(s, s.ListDomains(ctx, s.orgID), "org.read", func(d *Domain) { s.add(CascadeDomains, d.DomainName, d.DomainName) }, CascadeDomains)
}

// readSettings reads what an administrator has set up for the organization.
func (s *cascadeReader) readSettings(ctx context.Context) error {
	err := each(s, s.ListIdentityProviders(ctx, s.orgID), "org.idp.read", func(p *IdentityProvider) {
		s.add(CascadeIdentityProviders, p.ID, cmp.Or(p.Name, p.ID))
	}, CascadeIdentityProviders)
	if err != nil {
		return err
	}
	err = each(s, s.ListActions(ctx, s.orgID), "org.action.read", func(a *Action) {
		s.add(CascadeActions, a.ID, cmp.Or(a.Name, a.ID))
	}, CascadeActions)
	if err != nil {
		return err
	}
	err = each(s, s.ListMetadata(ctx, s.orgID), "org.read", func(m *Metadata) { s.add(CascadeMetadata, m.Key, m.Key) }, CascadeMetadata)
	if err != nil {
		return err
	}
	err = each(s, s.ListPolicies(ctx, s.orgID), "policy.read", func(name *string) { s.add(CascadePolicies, *name, *name) }, CascadePolicies)
	if err != nil {
		return err
	}
	err = each(s, s.ListGroups(ctx, s.orgID), "group.read", func(g *Group) { s.add(CascadeGroups, g.ID, cmp.Or(g.Name, g.ID)) }, CascadeGroups)
	if s.incomplete[CascadeGroups].note == noteUnlisted {
		delete(s.incomplete, CascadeGroups) // a server without this list has no groups
	}
	return err
}

// readExternalRoles reads what the organization's users have in other organizations and in
// the instance.
func (s *cascadeReader) readExternalRoles(ctx context.Context) error {
	err := each(s, s.ListAuthorizations(ctx, s.orgID), "user.grant.read", func(a *Authorization) {
		if a.Organization.ID != s.orgID && a.Project.OrganizationID != s.orgID {
			s.add(CascadeExternalUserGrants, a.ID, cmp.Or(a.User.PreferredLoginName, a.User.ID)+" in "+cmp.Or(a.Project.Name, a.Project.ID)+
				" of "+cmp.Or(a.Organization.Name, a.Organization.ID))
		}
	}, CascadeExternalUserGrants)
	if err != nil {
		return err
	}
	if !s.access.instanceWide || !s.access.has("user.grant.read") {
		s.markPartial(CascadeExternalUserGrants, "ListAuthorizations")
	}
	instance := map[string]bool{} // the users with roles in the instance
	err = each(s, s.ListAdministrators(ctx, s.orgID), "org.member.read", func(a *Administrator) {
		if a.Instance {
			instance[a.User.ID] = true
		}
		if id, of := s.externalResource(a); of != "" {
			s.addMembership(a.User.ID, cmp.Or(a.User.PreferredLoginName, a.User.ID), a.Roles, id, of)
		}
	}, CascadeExternalMemberships)
	if err != nil {
		return err
	}
	if s.incomplete[CascadeExternalMemberships].note == "" && s.access.instanceWide && s.access.has("iam.member.read", "org.member.read", "project.member.read", "project.grant.member.read") {
		return nil
	}
	s.markPartial(CascadeExternalMemberships, "ListAdministrators")
	return s.readInstanceMembers(ctx, instance)
}

// markPartial notes that a list has only what the credential may read.
func (s *cascadeReader) markPartial(kind CascadeKind, operation string) {
	if s.incomplete[kind].note == "" {
		s.incomplete[kind] = incompleteness{notePartial, &errors.Error{
			Provider: provider, Operation: operation, Target: s.orgID, Code: errors.PermissionDenied,
			Err: errors.New("the list has only what the credential may read"),
		}}
	}
}

// instanceName is what roles in the instance are of, as a plan names it.
const instanceName = "the instance"

// externalResource returns the ID and the name of what an administrator has roles in; the name is
// "" for what is the organization's own or granted to it, and read otherwise.
func (s *cascadeReader) externalResource(a *Administrator) (id, name string) {
	switch own := s.orgID; {
	case a.Instance:
		return instanceName, instanceName
	case a.Organization.ID != "" && a.Organization.ID != own:
		return a.Organization.ID, cmp.Or(a.Organization.Name, a.Organization.ID)
	case a.Project.ID != "" && a.Project.OrganizationID != own:
		return a.Project.ID, cmp.Or(a.Project.Name, a.Project.ID)
	case a.ProjectGrant.ID != "" && a.ProjectGrant.OrganizationID != own && a.ProjectGrant.GrantedOrganizationID != own:
		return a.ProjectGrant.ID, "a grant of " + cmp.Or(a.ProjectGrant.ProjectName, a.ProjectGrant.ProjectID)
	}
	return "", ""
}

// readMemberships notes the roles of a user in what has an ID and a name. With other roles it is
// another membership.
func (s *cascadeReader) addMembership(userID, name string, roles []string, id, of string) {
	s.add(CascadeExternalMemberships, userID+": "+strings.Join(slices.Sorted(slices.Values(roles)), " ")+" of "+id, name+": "+strings.Join(roles, " and ")+" of "+of)
}

// readInstanceMembers reads the roles of the organization's users in the instance, if
// the list of administrators does not have them all: from the instance's members, or if
// the credential may not read those, user by user.
func (s *cascadeReader) readInstanceMembers(ctx context.Context, known map[string]bool) error {
	for member, err := range s.ListInstanceMembers(ctx) {
		if errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.RouteNotFound) {
			return s.readUserMemberships(ctx, known)
		}
		if err != nil {
			return err
		}
		if member.UserResourceOwner == s.orgID && !known[member.UserID] {
			s.addMembership(member.UserID, cmp.Or(member.PreferredLoginName, member.UserID), member.Roles, instanceName, instanceName)
		}
	}
	return nil
}

func (s *cascadeReader) readUserMemberships(ctx context.Context, known map[string]bool) error {
	for _, user := range s.users {
		for membership, err := range s.ListUserMemberships(ctx, user.ID, s.orgID) {
			if err != nil {
				return s.markUnreadable(err, "user.membership.read", CascadeExternalMemberships)
			}
			if membership.IAM && !known[user.ID] {
				s.addMembership(user.ID, cmp.Or(user.PreferredLoginName, user.UserName, user.ID), membership.Roles, instanceName, instanceName)
			}
		}
	}
	return nil
}
