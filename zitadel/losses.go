package zitadel

import (
	"cmp"
	"context"
	"slices"

	"github.com/offboard-dev/offboard-go/teardown"
)

// Kinds of what goes with an organization, of which a plan has more than
// [Client.Preview].
const (
	// KindApps are the applications of its projects; see [Client.ListApps].
	KindApps Kind = "apps"

	// KindUsersOfOthers are the users of other organizations who lose roles in
	// projects, or the management of this one.
	KindUsersOfOthers Kind = "users_of_other_organizations"
)

// notes say what a loss means.
var notes = map[Kind]string{
	KindUsers:           "with their credentials, sessions and memberships",
	KindApps:            "nobody can log in to them any more",
	KindProjectGrants:   "given to other organizations",
	KindGrantedProjects: "of other organizations, which keep them",
	KindUserGrants:      "roles of users in projects",
	KindMembers:         "who manage the organization",
	KindUsersOfOthers:   "who lose roles in projects or the management",
	KindDomains:         "free for others at once",
}

// named is how many of a kind a plan names. It names all users of others.
const named = 10

// loss is that of a kind; names may be of all or of the first.
func loss(kind Kind, count int, names []string) teardown.Loss {
	if kind != KindUsersOfOthers {
		names = names[:min(named, len(names))]
	}
	return teardown.Loss{Kind: string(kind), Count: count, Names: names, Note: notes[kind]}
}

// losses reads what goes with an organization, but for kinds that a plan has something
// of already.
func (c *Client) losses(ctx context.Context, operation, orgID string, before *teardown.Plan) ([]teardown.Loss, error) {
	if err := c.confirm(ctx, operation, orgID); err != nil {
		return nil, err
	}
	var all []teardown.Loss
	for _, part := range []struct {
		kinds []Kind
		read  func(context.Context, string) ([]teardown.Loss, error)
	}{
		{[]Kind{KindUsers}, c.lostUsers},
		{[]Kind{KindProjects, KindApps}, c.lostProjects},
		{[]Kind{KindProjectGrants, KindUserGrants, KindMembers, KindUsersOfOthers}, c.lostAccess},
		{[]Kind{KindGrantedProjects}, c.lostGrantedProjects},
		{[]Kind{KindDomains}, c.lostDomains},
	} {
		if !slices.ContainsFunc(part.kinds, func(k Kind) bool { return !has(before, k) }) {
			continue
		}
		lost, err := part.read(ctx, orgID)
		if err != nil {
			return nil, err
		}
		all = append(all, lost...)
	}
	return slices.DeleteFunc(all, func(l teardown.Loss) bool { return l.Count == 0 }), nil
}

// has reports whether a plan has something of a kind.
func has(p *teardown.Plan, kind Kind) bool {
	return p != nil && slices.ContainsFunc(p.Losses, func(l teardown.Loss) bool { return l.Kind == string(kind) && l.Count > 0 })
}

// some makes a loss of the first page of a list.
func some[P page[T], T any](kind Kind, found P, err error, name func(*T) string) ([]teardown.Loss, error) {
	if err != nil {
		return nil, err
	}
	items, total := found.part()
	var names []string
	for i := range items {
		names = append(names, name(&items[i]))
	}
	return []teardown.Loss{loss(kind, int(total), names)}, nil
}

func (c *Client) lostUsers(ctx context.Context, orgID string) ([]teardown.Loss, error) {
	found, err := c.ListUsersPage(ctx, orgID, UserSearch{
		Query: ListQuery{Limit: named, Asc: true}, SortingColumn: UserFieldNameUserName,
	})
	return some(KindUsers, found, err, func(u *User) string { return cmp.Or(u.UserName, u.ID) })
}

func (c *Client) lostGrantedProjects(ctx context.Context, orgID string) ([]teardown.Loss, error) {
	found, err := c.ListGrantedProjectsPage(ctx, orgID, ListQuery{Limit: named, Asc: true})
	return some(KindGrantedProjects, found, err, func(g *ProjectGrant) string {
		return cmp.Or(g.ProjectName, g.ProjectID) + " of " + cmp.Or(g.ProjectOwnerName, g.ProjectOwnerID)
	})
}

func (c *Client) lostDomains(ctx context.Context, orgID string) ([]teardown.Loss, error) {
	found, err := c.ListDomainsPage(ctx, orgID, ListQuery{Limit: named, Asc: true})
	return some(KindDomains, found, err, func(d *Domain) string { return d.DomainName })
}

// lostProjects reads the projects and their applications, of which there is no list
// for all projects.
func (c *Client) lostProjects(ctx context.Context, orgID string) ([]teardown.Loss, error) {
	var projects, names []string
	apps := 0
	for project, err := range c.ListProjects(ctx, orgID) {
		if err != nil {
			return nil, err
		}
		projects = append(projects, cmp.Or(project.Name, project.ID))
		found, err := c.ListAppsPage(ctx, project.ID, orgID, ListQuery{Limit: named, Asc: true})
		if err != nil {
			return nil, err
		}
		apps += int(found.Details.TotalResult)
		for _, app := range found.Result {
			names = append(names, cmp.Or(app.Name, app.ID))
		}
	}
	return []teardown.Loss{loss(KindProjects, len(projects), projects), loss(KindApps, apps, names)}, nil
}

// access is what users lose.
type access struct {
	orgID string
	roles []string        // all of them
	names []string        // of users of others, once each
	seen  map[string]bool // the ids of those
}

// user notes one who loses something, with the name or id of the user's organization.
func (a *access) user(id, name, orgID, organization string) {
	if orgID != a.orgID && !a.seen[id] {
		a.seen[id] = true
		a.names = append(a.names, cmp.Or(name, id)+" of "+cmp.Or(organization, orgID))
	}
}

// role notes the roles of a user in a project. Servers that do not say which
// organization the user is of are taken to mean the one that gave the roles.
func (a *access) role(g *UserGrant) {
	name := cmp.Or(g.UserName, g.PreferredLoginName)
	a.roles = append(a.roles, cmp.Or(name, g.UserID)+" in "+cmp.Or(g.ProjectName, g.ProjectID))
	if g.GrantedOrgID != "" {
		a.user(g.UserID, name, g.GrantedOrgID, g.GrantedOrgName)
	} else {
		a.user(g.UserID, name, g.OrgID, g.OrgName)
	}
}

// lostAccess reads the grants that the organization gave, the roles that users have in
// its projects and in those that are granted to it, and its members. Roles in its
// projects that another organization gave by a grant are on the list of that one.
func (c *Client) lostAccess(ctx context.Context, orgID string) ([]teardown.Loss, error) {
	var grants, members []string
	given := map[string]bool{}
	givers := []string{orgID} // of roles
	for grant, err := range c.ListProjectGrants(ctx, orgID) {
		if err != nil {
			return nil, err
		}
		given[grant.GrantID] = true
		grants = append(grants, cmp.Or(grant.ProjectName, grant.ProjectID)+" to "+cmp.Or(grant.GrantedOrgName, grant.GrantedOrgID))
		if !slices.Contains(givers, grant.GrantedOrgID) {
			givers = append(givers, grant.GrantedOrgID)
		}
	}
	lost := access{orgID: orgID, seen: map[string]bool{}}
	for _, giver := range givers {
		for role, err := range c.ListUserGrants(ctx, giver) {
			if err != nil {
				return nil, err
			}
			if giver == orgID || given[role.ProjectGrantID] {
				lost.role(&role)
			}
		}
	}
	for member, err := range c.ListMembers(ctx, orgID) {
		if err != nil {
			return nil, err
		}
		name := cmp.Or(member.PreferredLoginName, member.DisplayName)
		members = append(members, cmp.Or(name, member.UserID))
		lost.user(member.UserID, name, cmp.Or(member.UserResourceOwner, orgID), "")
	}
	return []teardown.Loss{
		loss(KindProjectGrants, len(grants), grants),
		loss(KindUserGrants, len(lost.roles), lost.roles),
		loss(KindMembers, len(members), members),
		loss(KindUsersOfOthers, len(lost.names), lost.names),
	}, nil
}
