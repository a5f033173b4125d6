package zitadel

import (
	"context"
	"iter"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is how much of a list is asked for at a time.
const pageSize = 100

// page is a part of a list, with the number of items on all pages that it states.
type page[T any] interface {
	part() (items []T, total Uint64)
}

// pages yields the items of all pages of a list, by offset. A full page means that there
// may be another one, whatever its total states: a server with relational tables states
// the number of items on the page. A page that is short although its total states more
// comes from a server with smaller pages: the next page begins at its end.
//
// A page beyond the end states no total and has no items. Another page that states a total
// and is empty proves nothing. The greatest total counts.
func pages[P page[T], T any](operation string, identity func(*T) string, fetch func(ListQuery) (P, error)) iter.Seq2[T, error] {
	return paged(operation, false, identity, fetch)
}

// filteredPages yields the items of all pages of a list from which the server removes what
// the credential may not read, after it cut the list into pages: pages in the middle may
// be short or empty.
func filteredPages[P page[T], T any](operation string, identity func(*T) string, fetch func(ListQuery) (P, error)) iter.Seq2[T, error] {
	return paged(operation, true, identity, fetch)
}

func paged[P page[T], T any](operation string, filtered bool, identity func(*T) string, fetch func(ListQuery) (P, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var offset, stated Uint64
		rest.Pages(provider, operation, identity, func(int) (rest.Page[T], error) {
			found, err := fetch(ListQuery{Offset: offset, Limit: pageSize, Asc: true})
			if err != nil {
				return rest.Page[T]{}, err
			}
			items, total := found.part()
			step := Uint64(pageSize)
			if n := Uint64(len(items)); !filtered && n > 0 && n < step && offset+n < total {
				step = n
			}
			page := rest.Page[T]{Items: items, Size: pageSize, Filtered: filtered || total == 0}
			stated = max(stated, total)
			page.More = stated > offset+step || len(items) == 0 && total > offset && !page.Filtered
			offset += step
			return page, nil
		})(yield)
	}
}

func (p *OrganizationPage) part() ([]Organization, Uint64) { return p.Result, p.Details.TotalResult }
func (p *OrganizationPageV2) part() ([]OrganizationV2, Uint64) {
	return p.Result, p.Details.TotalResult
}
func (p *UserPage) part() ([]User, Uint64)                 { return p.Result, p.Details.TotalResult }
func (p *ProjectPage) part() ([]Project, Uint64)           { return p.Result, p.Details.TotalResult }
func (p *ProjectGrantPage) part() ([]ProjectGrant, Uint64) { return p.Result, p.Details.TotalResult }
func (p *UserGrantPage) part() ([]UserGrant, Uint64)       { return p.Result, p.Details.TotalResult }
func (p *MemberPage) part() ([]Member, Uint64)             { return p.Result, p.Details.TotalResult }
func (p *DomainPage) part() ([]Domain, Uint64)             { return p.Result, p.Details.TotalResult }
func (p *AppPage) part() ([]App, Uint64)                   { return p.Result, p.Details.TotalResult }
func (p *MembershipPage) part() ([]Membership, Uint64)     { return p.Result, p.Details.TotalResult }

// ListUsers yields the users of an organization, human and machine, by name. An
// error ends the list. It needs the permission user.read. See
// [Client.ListUsersPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListUsers(ctx context.Context, orgID string) iter.Seq2[User, error] {
	return pages("ListUsers", (*User).identity, func(part ListQuery) (*UserPage, error) {
		return c.ListUsersPage(ctx, orgID, UserSearch{Query: part, SortingColumn: UserFieldNameUserName})
	})
}

// ListProjects yields the projects that an organization owns. An error ends the
// list. It needs the permission project.read. See [Client.ListProjectsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListProjects(ctx context.Context, orgID string) iter.Seq2[Project, error] {
	return pages("ListProjects", (*Project).identity, func(part ListQuery) (*ProjectPage, error) {
		return c.ListProjectsPage(ctx, orgID, part)
	})
}

// ListGrantedProjects yields the projects of others that are granted to an
// organization. An error ends the list. It needs the permission project.read. See
// [Client.ListGrantedProjectsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListGrantedProjects(ctx context.Context, orgID string) iter.Seq2[ProjectGrant, error] {
	return pages("ListGrantedProjects", (*ProjectGrant).identity, func(part ListQuery) (*ProjectGrantPage, error) {
		return c.ListGrantedProjectsPage(ctx, orgID, part)
	})
}

// ListProjectGrants yields the grants that an organization gave others to its
// projects: those whose users lose something by its deletion. An error ends the
// list. It needs the permission project.grant.read. See
// [Client.ListProjectGrantsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListProjectGrants(ctx context.Context, orgID string) iter.Seq2[ProjectGrant, error] {
	return pages("ListProjectGrants", (*ProjectGrant).identity, func(part ListQuery) (*ProjectGrantPage, error) {
		return c.ListProjectGrantsPage(ctx, orgID, part)
	})
}

// ListUserGrants yields the roles that users have in an organization. An error ends
// the list. It needs the permission user.grant.read. See
// [Client.ListUserGrantsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListUserGrants(ctx context.Context, orgID string) iter.Seq2[UserGrant, error] {
	return pages("ListUserGrants", (*UserGrant).identity, func(part ListQuery) (*UserGrantPage, error) {
		return c.ListUserGrantsPage(ctx, orgID, part)
	})
}

// ListMembers yields those who manage an organization. An error ends the list. It
// needs the permission org.member.read. See [Client.ListMembersPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListMembers(ctx context.Context, orgID string) iter.Seq2[Member, error] {
	return pages("ListMembers", (*Member).identity, func(part ListQuery) (*MemberPage, error) {
		return c.ListMembersPage(ctx, orgID, part)
	})
}

// ListDomains yields the domains of an organization. An error ends the list. It
// needs the permission org.read. See [Client.ListDomainsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListDomains(ctx context.Context, orgID string) iter.Seq2[Domain, error] {
	return pages("ListDomains", (*Domain).identity, func(part ListQuery) (*DomainPage, error) {
		return c.ListDomainsPage(ctx, orgID, part)
	})
}

// ListApps yields the applications of a project, which is one of the organization's.
// An error ends the list. It needs the permission project.app.read. See
// [Client.ListAppsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListApps(ctx context.Context, projectID, orgID string) iter.Seq2[App, error] {
	return pages("ListApps", (*App).identity, func(part ListQuery) (*AppPage, error) {
		return c.ListAppsPage(ctx, projectID, orgID, part)
	})
}

// ListMyMemberships yields the roles that the credential has, and where. An error
// ends the list. It needs no permission. See [Client.ListMyMembershipsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) ListMyMemberships(ctx context.Context) iter.Seq2[Membership, error] {
	return pages("ListMyMemberships", (*Membership).identity, func(part ListQuery) (*MembershipPage, error) {
		return c.ListMyMembershipsPage(ctx, part)
	})
}
