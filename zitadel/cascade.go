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

// CascadeKind is a kind of resources that Zitadel deletes along with an organization.
type CascadeKind string

// Kinds of resources that [Client.Preview] counts and [Client.Plan] names.
const (
	// CascadeUsers are the users of the organization; see [Client.ListUsers].
	CascadeUsers CascadeKind = "users"

	// CascadeProjects are the projects of the organization; see [Client.ListProjects].
	CascadeProjects CascadeKind = "projects"

	// CascadeProjectGrants are the grants by which other organizations use its projects; see
	// [Client.ListProjectGrants].
	CascadeProjectGrants CascadeKind = "project_grants"

	// CascadeGrantedProjects are the projects of other organizations that it uses by grants;
	// see [Client.ListGrantedProjects].
	CascadeGrantedProjects CascadeKind = "granted_projects"

	// CascadeUserGrants are the roles of users in projects; see [Client.ListUserGrants].
	CascadeUserGrants CascadeKind = "user_grants"

	// CascadeMembers are the users who manage the organization; see [Client.ListMembers].
	CascadeMembers CascadeKind = "members"

	// CascadeDomains are the domains of the organization; see [Client.ListDomains].
	CascadeDomains CascadeKind = "domains"
)

// Kinds of resources that only [Client.Plan] names.
const (
	// CascadeApps are the applications of its projects; see [Client.ListApps].
	CascadeApps CascadeKind = "apps"

	// CascadeExternalUsers are the users of other organizations who lose roles in its
	// projects, or the management of the organization, its projects or its grants.
	CascadeExternalUsers CascadeKind = "users_of_other_organizations"

	// CascadeProjectMembers are the users who manage its projects; see
	// [Client.ListProjectMembers].
	CascadeProjectMembers CascadeKind = "project_members"

	// CascadeProjectGrantMembers are the users who manage project grants of the
	// organization, given or received; see [Client.ListProjectGrantMembers].
	CascadeProjectGrantMembers CascadeKind = "project_grant_members"

	// CascadeExternalMemberships are the roles of its users in the instance, in other
	// organizations and in their projects; see [Client.ListAdministrators].
	CascadeExternalMemberships CascadeKind = "memberships_elsewhere"

	// CascadeExternalUserGrants are the roles in projects that other organizations gave to
	// its users; see [Client.ListAuthorizations].
	CascadeExternalUserGrants CascadeKind = "user_grants_by_others"

	// CascadeIdentityProviders are the identity providers of the organization; see
	// [Client.ListIdentityProviders].
	CascadeIdentityProviders CascadeKind = "identity_providers"

	// CascadeActions are the actions of the organization; see [Client.ListActions].
	CascadeActions CascadeKind = "actions"

	// CascadeMetadata are the metadata of the organization; see [Client.ListMetadata].
	CascadeMetadata CascadeKind = "metadata"

	// CascadePolicies are the policies that the organization uses instead of the
	// instance's; see [Client.ListPolicies].
	CascadePolicies CascadeKind = "policies"

	// CascadeGroups are the user groups of the organization; see [Client.ListGroups].
	CascadeGroups CascadeKind = "groups"
)

// CascadeCount is the number of resources of a kind.
type CascadeCount struct {
	// Kind is the kind of the resources.
	Kind CascadeKind

	// Count is the number of resources, 0 for a kind without resources.
	Count uint64
}

// Preview returns the number of resources that Zitadel deletes along with an organization, in
// the order of the kinds from [CascadeUsers] to [CascadeDomains]. The count of a kind without
// resources is 0. The counts are those of the lists, which show changes with a delay. Preview
// does not count applications; they are deleted with their projects.
//
// Preview sends one request for the organization and one for each 100 items of a kind. It
// needs the permissions org.read, user.read, project.read, project.grant.read, user.grant.read
// and org.member.read. The error of a deleted organization is [errors.OrganizationNotFound],
// and that of an unknown one [errors.PermissionDenied] (AUTH-Bs7Ds).
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

// Count returns the number of resources of a kind. It counts the items of the kind's list,
// because the total that the list states may be that of one page, or include entries that are
// not items. Count needs the permission of the list. It returns [errors.InvalidArgument] for a
// kind that only [Client.Plan] names.
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

// count returns the number of items of a list.
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

// cascadeKinds are all kinds of a plan, in the plan's order.
var cascadeKinds = []struct {
	kind     CascadeKind
	note     string // explains the kind in a plan
	allNames bool   // the plan names all resources, and not only the first maxNames
}{
	{CascadeUsers, "with their credentials, sessions and memberships", false},
	{CascadeProjects, "", false},
	{CascadeApps, "users can no longer log in to them", false},
	{CascadeProjectGrants, "given to other organizations", false},
	{CascadeUserGrants, "roles of users in projects", false},
	{CascadeMembers, "they manage the organization", false},
	{CascadeExternalUsers, "they lose roles in projects or in its management", true},
	{CascadeGrantedProjects, "of other organizations, which keep them", false},
	{CascadeDomains, "other organizations can use them at once", false},
	{CascadeProjectMembers, "they manage its projects", false},
	{CascadeProjectGrantMembers, "they manage grants of projects", false},
	{CascadeExternalMemberships, "roles of its users in the instance and in other organizations", true},
	{CascadeExternalUserGrants, "roles that other organizations gave to its users", false},
	{CascadeIdentityProviders, "their users need another way to log in", false},
	{CascadeActions, "", false},
	{CascadeMetadata, "of the organization", false},
	{CascadePolicies, "used instead of the instance's policies", false},
	{CascadeGroups, "of users", false},
}

// maxNames is the maximum number of names of a kind in a plan.
const maxNames = 10

// Additions to the note of a cascade if the plan does not count all resources of its kind.
// isIncomplete finds them in stored plans.
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
	comparing         bool                     // a plan exists, and is compared
	names             map[CascadeKind][]string // of all resources
	ids               map[CascadeKind][]string // in the order of names
	incomplete        map[CascadeKind]incompleteness
	externalUsers     map[string]bool   // by ID
	organizationNames map[string]string // by ID, of other organizations
	users             []User
}

// incompleteness is the reason why a plan does not count all resources of a kind.
type incompleteness struct {
	note string
	err  error
}

// cascades reads what is deleted along with an organization. If the credential may not read a
// list, the note of its cascade says so. If a plan exists, cascades returns [errors.PlanStale]
// for every new resource, and an error if the credential may read less than the one that made
// the plan.
func (c *Client) cascades(ctx context.Context, operation, orgID string, a *access, in inspection) ([]teardown.Cascade, error) {
	before := in.before
	switch {
	case !a.adminReads: // the reads before used the header, too
		ctx = withRepeatedDenials(ctx)
	case before == nil: // if a plan exists, Do checks the header of each list
		if err := c.requireHeaderOrganization(ctx, operation, orgID); err != nil {
			return nil, err
		}
	}
	r := &cascadeReader{
		Client: c, orgID: orgID, access: a, comparing: before != nil,
		names: map[CascadeKind][]string{}, ids: map[CascadeKind][]string{}, incomplete: map[CascadeKind]incompleteness{},
		externalUsers: map[string]bool{}, organizationNames: map[string]string{},
	}
	for _, read := range []func(context.Context) error{
		r.readUsers, r.readProjects, r.readGrants, r.readMembers, r.readDomains, r.readSettings, r.readExternalRoles,
	} {
		if err := read(ctx); err != nil {
			return nil, unexpectedNotFound(operation, orgID, err)
		}
	}
	var cascades []teardown.Cascade
	for _, k := range cascadeKinds {
		names, incomplete := r.names[k.kind], r.incomplete[k.kind]
		if len(names) == 0 && incomplete.note == "" {
			continue
		}
		cascade := teardown.Cascade{Kind: string(k.kind), Count: len(names), Names: names, Note: k.note}
		cascade.Identify(r.ids[k.kind])
		if before != nil {
			if err := r.compare(operation, cascade, before); err != nil {
				return nil, err
			}
		}
		if !k.allNames {
			cascade.Names = names[:min(maxNames, len(names))]
		}
		if incomplete.note != "" {
			cascade.Note = strings.TrimPrefix(cascade.Note+"; "+incomplete.note, "; ")
		}
		cascades = append(cascades, cascade)
	}
	return cascades, nil
}

// compare returns [errors.PlanStale] unless the plan has all current resources of a kind, by
// ID and by name.
func (r *cascadeReader) compare(operation string, now teardown.Cascade, before *teardown.Plan) error {
	kind := CascadeKind(now.Kind)
	var planned teardown.Cascade
	if i := slices.IndexFunc(before.Cascades, func(l teardown.Cascade) bool { return l.Kind == now.Kind }); i >= 0 {
		planned = before.Cascades[i]
	}
	if incomplete := r.incomplete[kind]; incomplete.note != "" && !isIncomplete(planned.Note) {
		return incomplete.err
	}
	names := r.names[kind]
	text := ""
	switch more := len(names) - planned.Count; {
	case more > 0:
		text = fmt.Sprintf("has %d more", more)
	case planned.Count == len(planned.Names) && kind != CascadeExternalUsers: // their names include the names of organizations, which can change
		i := slices.IndexFunc(names, func(name string) bool { return !slices.Contains(planned.Names, name) })
		if i >= 0 {
			text = fmt.Sprintf("has %q, which is new", names[i])
		}
	}
	if text == "" {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: r.orgID, Code: errors.PlanStale,
		Steps: []errors.Step{{Name: now.Kind, Description: text}}, Err: errors.New(now.Kind + " " + text),
	}
}

// isIncomplete reports whether the note of a cascade says that the plan does not count all of
// its kind.
func isIncomplete(note string) bool {
	return slices.ContainsFunc([]string{noteUnreadable, notePartial, noteUnlisted}, func(hint string) bool { return strings.Contains(note, hint) })
}

// unexpectedNotFound replaces a "not found" by an error that proves nothing: it is about a part
// of the organization or about another one, and the organization itself was read.
func unexpectedNotFound(operation, orgID string, err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || !errors.Is(e, errors.NotFound) || errors.Is(e, errors.RouteNotFound) || errors.Is(e, errors.InstanceNotFound) {
		return err
	}
	return &errors.Error{
		Provider: provider, Operation: operation, Target: orgID, Code: errors.UnexpectedResponse, Status: e.Status,
		ProviderCode: e.ProviderCode, Message: e.Message, RequestID: e.RequestID, Attempts: e.Attempts,
		Err: fmt.Errorf("%s reports that another resource does not exist", e.Operation),
	}
}

// add records a resource by its ID, which is unique in its kind, and by the name that a plan
// shows.
func (r *cascadeReader) add(kind CascadeKind, id, name string) {
	r.ids[kind] = append(r.ids[kind], id)
	r.names[kind] = append(r.names[kind], name)
}

// markUnreadable records that some resources of kinds are not readable if the error says so,
// and returns other errors. If the credential has the permission for the whole instance, a
// refusal is unexpected and returned.
func (r *cascadeReader) markUnreadable(err error, permission string, kinds ...CascadeKind) error {
	note := noteUnreadable
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(e, errors.RouteNotFound):
		note = noteUnlisted
	case !errors.Is(e, errors.PermissionDenied) || e.ProviderCode == idUnknownOrganization || r.access.instanceWide && r.access.has(permission):
		return err
	}
	for _, kind := range kinds {
		if len(r.names[kind]) > 0 && note == noteUnreadable {
			note = notePartial
		}
		if r.incomplete[kind].note == "" {
			r.incomplete[kind] = incompleteness{note, e}
		}
	}
	return nil
}

// each calls a function with all items of a list. It marks the kinds if the list is not
// readable.
func each[T any](r *cascadeReader, list iter.Seq2[T, error], permission string, do func(*T), kinds ...CascadeKind) error {
	for item, err := range list {
		if err != nil {
			return r.markUnreadable(err, permission, kinds...)
		}
		do(&item)
	}
	return nil
}

func (r *cascadeReader) readUsers(ctx context.Context) error {
	return each(r, r.ListUsers(ctx, r.orgID), "user.read", func(u *User) {
		r.users = append(r.users, *u)
		r.add(CascadeUsers, u.ID, cmp.Or(u.UserName, u.ID))
	}, CascadeUsers)
}

// readProjects reads the projects with their applications and members. Zitadel lists
// applications and members by project only.
func (r *cascadeReader) readProjects(ctx context.Context) error {
	var projects []Project
	err := each(r, r.ListProjects(ctx, r.orgID), "project.read", func(p *Project) {
		projects = append(projects, *p)
		r.add(CascadeProjects, p.ID, cmp.Or(p.Name, p.ID))
	}, CascadeProjects, CascadeApps, CascadeProjectMembers)
	if err != nil {
		return err
	}
	for _, project := range projects {
		err := each(r, r.ListApps(ctx, project.ID, r.orgID), "project.app.read", func(a *App) {
			r.add(CascadeApps, a.ID, cmp.Or(a.Name, a.ID))
		}, CascadeApps)
		if err != nil {
			return err
		}
		err = r.readMembersOf(ctx, r.ListProjectMembers(ctx, project.ID, r.orgID), "project.member.read",
			CascadeProjectMembers, project.ID, " in "+cmp.Or(project.Name, project.ID))
		if err != nil {
			return err
		}
	}
	return nil
}

// readMembersOf reads the members of a resource with an ID and the name that a plan shows.
func (r *cascadeReader) readMembersOf(ctx context.Context, list iter.Seq2[Member, error], permission string, kind CascadeKind, within, of string) error {
	return each(r, list, permission, func(m *Member) {
		name := cmp.Or(m.PreferredLoginName, m.DisplayName)
		r.add(kind, within+"/"+m.UserID, cmp.Or(name, m.UserID)+of)
		r.addExternalUser(ctx, m.UserID, name, cmp.Or(m.UserResourceOwner, r.orgID))
	}, kind, CascadeExternalUsers)
}

// addExternalUser records a user of another organization, with the organization's name.
func (r *cascadeReader) addExternalUser(ctx context.Context, id, name, orgID string) {
	if orgID == r.orgID || r.externalUsers[id] {
		return
	}
	r.externalUsers[id] = true
	r.add(CascadeExternalUsers, id, cmp.Or(name, id)+" of "+r.organizationName(ctx, orgID))
}

// organizationName returns the name of an organization, or its ID if the credential may not
// read the name.
func (r *cascadeReader) organizationName(ctx context.Context, orgID string) string {
	if r.organizationNames[orgID] == "" {
		r.organizationNames[orgID] = orgID
		if r.access.adminReads {
			if found, err := r.GetOrganization(ctx, orgID); err == nil && found.ID == orgID {
				r.organizationNames[orgID] = cmp.Or(found.Name, orgID)
			}
			return r.organizationNames[orgID]
		}
		for found, err := range r.SearchOrganizationsV2(ctx, OrganizationQueryV2{IDQuery: IDQuery{ID: orgID}}) {
			if err == nil {
				r.organizationNames[orgID] = cmp.Or(found.Name, orgID)
			}
			break
		}
	}
	return r.organizationNames[orgID]
}

// readGrants reads the project grants that the organization gave and received, with their
// members, and the roles of users in its own and in granted projects. If another organization
// gave roles in a granted project, they are on the list of that organization.
//
// Every grant and every role belongs to a project. Therefore a comparison with a plan does not
// read those of an organization without projects.
func (r *cascadeReader) readGrants(ctx context.Context) error {
	g := &grantLists{given: map[string]bool{}, grantors: []string{r.orgID}}
	if r.comparing {
		return r.inOrder(ctx, g, r.readGivenGrants, r.readGrantedProjects, r.readUserGrants, r.readGrantMembers)
	}
	return r.inOrder(ctx, g, r.readGivenGrants, r.readUserGrants, r.readGrantedProjects, r.readGrantMembers)
}

// grantLists are the project grants of an organization.
type grantLists struct {
	all      []ProjectGrant
	given    map[string]bool // by ID
	grantors []string        // IDs of the organizations that can give roles
}

// inOrder calls functions until one returns an error.
func (r *cascadeReader) inOrder(ctx context.Context, g *grantLists, reads ...func(context.Context, *grantLists) error) error {
	for _, read := range reads {
		if err := read(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// hasNone reports whether a comparison with a plan has read that the organization has no
// resources of kinds.
func (r *cascadeReader) hasNone(kinds ...CascadeKind) bool {
	return r.comparing && !slices.ContainsFunc(kinds, func(k CascadeKind) bool { return len(r.names[k]) > 0 || r.incomplete[k].note != "" })
}

func (r *cascadeReader) readGivenGrants(ctx context.Context, of *grantLists) error {
	if r.hasNone(CascadeProjects) {
		return nil
	}
	return each(r, r.ListProjectGrants(ctx, r.orgID), "project.grant.read", func(g *ProjectGrant) {
		of.given[g.GrantID] = true
		of.all = append(of.all, *g)
		if g.GrantedOrgName != "" {
			r.organizationNames[g.GrantedOrgID] = g.GrantedOrgName
		}
		r.add(CascadeProjectGrants, g.GrantID, cmp.Or(g.ProjectName, g.ProjectID)+" to "+cmp.Or(g.GrantedOrgName, g.GrantedOrgID))
		if !slices.Contains(of.grantors, g.GrantedOrgID) {
			of.grantors = append(of.grantors, g.GrantedOrgID)
		}
	}, CascadeProjectGrants, CascadeProjectGrantMembers, CascadeUserGrants, CascadeExternalUsers)
}

func (r *cascadeReader) readUserGrants(ctx context.Context, of *grantLists) error {
	if r.hasNone(CascadeProjects, CascadeGrantedProjects) {
		return nil
	}
	for _, giver := range of.grantors {
		err := each(r, r.ListUserGrants(ctx, giver), "user.grant.read", func(g *UserGrant) {
			if giver == r.orgID || of.given[g.ProjectGrantID] {
				r.addUserGrant(ctx, g)
			}
		}, CascadeUserGrants, CascadeExternalUsers)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *cascadeReader) readGrantedProjects(ctx context.Context, of *grantLists) error {
	return each(r, r.ListGrantedProjects(ctx, r.orgID), "project.read", func(g *ProjectGrant) {
		of.all = append(of.all, *g)
		if g.ProjectOwnerName != "" {
			r.organizationNames[g.ProjectOwnerID] = g.ProjectOwnerName
		}
		r.add(CascadeGrantedProjects, g.GrantID, cmp.Or(g.ProjectName, g.ProjectID)+" of "+cmp.Or(g.ProjectOwnerName, g.ProjectOwnerID))
	}, CascadeGrantedProjects, CascadeProjectGrantMembers)
}

func (r *cascadeReader) readGrantMembers(ctx context.Context, of *grantLists) error {
	for _, g := range of.all {
		name := " in " + cmp.Or(g.ProjectName, g.ProjectID) + " for " + cmp.Or(g.GrantedOrgName, g.GrantedOrgID)
		err := r.readMembersOf(ctx, r.ListProjectGrantMembers(ctx, g.ProjectID, g.GrantID, r.orgID), "project.grant.member.read",
			CascadeProjectGrantMembers, g.ProjectID+"/"+g.GrantID, name)
		if err != nil {
			return err
		}
	}
	return nil
}

// addUserGrant records the roles of a user in a project. If the server does not name the
// user's organization, addUserGrant uses the organization that gave the roles.
func (r *cascadeReader) addUserGrant(ctx context.Context, g *UserGrant) {
	name := cmp.Or(g.UserName, g.PreferredLoginName)
	r.add(CascadeUserGrants, g.ID, cmp.Or(name, g.UserID)+" in "+cmp.Or(g.ProjectName, g.ProjectID))
	id, called := g.GrantedOrgID, g.GrantedOrgName
	if id == "" {
		id, called = g.OrgID, g.OrgName
	}
	if called != "" {
		r.organizationNames[id] = called
	}
	r.addExternalUser(ctx, g.UserID, name, id)
}

func (r *cascadeReader) readMembers(ctx context.Context) error {
	return r.readMembersOf(ctx, r.ListMembers(ctx, r.orgID), "org.member.read", CascadeMembers, r.orgID, "")
}

func (r *cascadeReader) readDomains(ctx context.Context) error {
	return each(r, r.ListDomains(ctx, r.orgID), "org.read", func(d *Domain) { r.add(CascadeDomains, d.DomainName, d.DomainName) }, CascadeDomains)
}

// readSettings reads the organization's identity providers, actions, metadata, policies and
// groups.
func (r *cascadeReader) readSettings(ctx context.Context) error {
	err := each(r, r.ListIdentityProviders(ctx, r.orgID), "org.idp.read", func(p *IdentityProvider) {
		r.add(CascadeIdentityProviders, p.ID, cmp.Or(p.Name, p.ID))
	}, CascadeIdentityProviders)
	if err != nil {
		return err
	}
	err = each(r, r.ListActions(ctx, r.orgID), "org.action.read", func(a *Action) {
		r.add(CascadeActions, a.ID, cmp.Or(a.Name, a.ID))
	}, CascadeActions)
	if err != nil {
		return err
	}
	err = each(r, r.ListMetadata(ctx, r.orgID), "org.read", func(m *Metadata) { r.add(CascadeMetadata, m.Key, m.Key) }, CascadeMetadata)
	if err != nil {
		return err
	}
	err = each(r, r.ListPolicies(ctx, r.orgID), "policy.read", func(name *string) { r.add(CascadePolicies, *name, *name) }, CascadePolicies)
	if err != nil {
		return err
	}
	err = each(r, r.ListGroups(ctx, r.orgID), "group.read", func(g *Group) { r.add(CascadeGroups, g.ID, cmp.Or(g.Name, g.ID)) }, CascadeGroups)
	if r.incomplete[CascadeGroups].note == noteUnlisted {
		delete(r.incomplete, CascadeGroups) // a server without this list has no groups
	}
	return err
}

// readExternalRoles reads the roles of the organization's users in other organizations and in
// the instance.
func (r *cascadeReader) readExternalRoles(ctx context.Context) error {
	err := each(r, r.ListAuthorizations(ctx, r.orgID), "user.grant.read", func(a *Authorization) {
		if a.Organization.ID != r.orgID && a.Project.OrganizationID != r.orgID {
			r.add(CascadeExternalUserGrants, a.ID, cmp.Or(a.User.PreferredLoginName, a.User.ID)+" in "+cmp.Or(a.Project.Name, a.Project.ID)+
				" of "+cmp.Or(a.Organization.Name, a.Organization.ID))
		}
	}, CascadeExternalUserGrants)
	if err != nil {
		return err
	}
	if !r.access.instanceWide || !r.access.has("user.grant.read") {
		r.markPartial(CascadeExternalUserGrants, "ListAuthorizations")
	}
	listed := map[string]bool{} // users with roles in the instance, by ID
	err = each(r, r.ListAdministrators(ctx, r.orgID), "org.member.read", func(a *Administrator) {
		if a.Instance {
			listed[a.User.ID] = true
		}
		if id, of := r.externalResource(a); of != "" {
			r.addMembership(a.User.ID, cmp.Or(a.User.PreferredLoginName, a.User.ID), a.Roles, id, of)
		}
	}, CascadeExternalMemberships)
	if err != nil {
		return err
	}
	if r.incomplete[CascadeExternalMemberships].note == "" && r.access.instanceWide && r.access.has("iam.member.read", "org.member.read", "project.member.read", "project.grant.member.read") {
		return nil
	}
	r.markPartial(CascadeExternalMemberships, "ListAdministrators")
	return r.readInstanceMembers(ctx, listed)
}

// markPartial records that a list contains only the items that the credential may read.
func (r *cascadeReader) markPartial(kind CascadeKind, operation string) {
	if r.incomplete[kind].note == "" {
		r.incomplete[kind] = incompleteness{notePartial, &errors.Error{
			Provider: provider, Operation: operation, Target: r.orgID, Code: errors.PermissionDenied,
			Err: errors.New("the list contains only the items that the credential may read"),
		}}
	}
}

// instanceName is the name of the instance in a plan.
const instanceName = "the instance"

// externalResource returns the ID and the name of the resource in which an administrator has
// roles. The name is empty if the resource is the organization's own or granted to it: other
// lists name those roles.
func (r *cascadeReader) externalResource(a *Administrator) (id, name string) {
	switch own := r.orgID; {
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

// addMembership records the roles of a user in a resource. The same user with other roles is
// another membership.
func (r *cascadeReader) addMembership(userID, name string, roles []string, id, of string) {
	r.add(CascadeExternalMemberships, userID+": "+strings.Join(slices.Sorted(slices.Values(roles)), " ")+" of "+id, name+": "+strings.Join(roles, " and ")+" of "+of)
}

// readInstanceMembers reads the roles of the organization's users in the instance if the list
// of administrators is incomplete. It reads the members of the instance, or if the credential
// may not read them, the memberships of each user. It skips the users in listed.
func (r *cascadeReader) readInstanceMembers(ctx context.Context, listed map[string]bool) error {
	for member, err := range r.ListInstanceMembers(ctx) {
		if errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.RouteNotFound) {
			return r.readUserMemberships(ctx, listed)
		}
		if err != nil {
			return err
		}
		if member.UserResourceOwner == r.orgID && !listed[member.UserID] {
			r.addMembership(member.UserID, cmp.Or(member.PreferredLoginName, member.UserID), member.Roles, instanceName, instanceName)
		}
	}
	return nil
}

func (r *cascadeReader) readUserMemberships(ctx context.Context, listed map[string]bool) error {
	for _, user := range r.users {
		for membership, err := range r.ListUserMemberships(ctx, user.ID, r.orgID) {
			if err != nil {
				return r.markUnreadable(err, "user.membership.read", CascadeExternalMemberships)
			}
			if membership.IAM && !listed[user.ID] {
				r.addMembership(user.ID, cmp.Or(user.PreferredLoginName, user.UserName, user.ID), membership.Roles, instanceName, instanceName)
			}
		}
	}
	return nil
}
