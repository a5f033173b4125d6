package zitadel

import (
	"context"
	"iter"

	"github.com/offboard-dev/offboard-go/errors"
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
	return readPages(operation, false, identity, fetch)
}

// filteredPages yields the items of all pages of a list from which the server removes what
// the credential may not read, after it cut the list into pages: pages in the middle may
// be short or empty.
func filteredPages[P page[T], T any](operation string, identity func(*T) string, fetch func(ListQuery) (P, error)) iter.Seq2[T, error] {
	return readPages(operation, true, identity, fetch)
}

func readPages[P page[T], T any](operation string, filtered bool, identity func(*T) string, fetch func(ListQuery) (P, error)) iter.Seq2[T, error] {
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

func (p *UserPage) part() ([]User, Uint64) { return p.Result, p.Details.TotalResult }

func (p *ProjectPage) part() ([]Project, Uint64) { return p.Result, p.Details.TotalResult }

func (p *ProjectGrantPage) part() ([]ProjectGrant, Uint64) { return p.Result, p.Details.TotalResult }

func (p *UserGrantPage) part() ([]UserGrant, Uint64) { return p.Result, p.Details.TotalResult }

func (p *MemberPage) part() ([]Member, Uint64) { return p.Result, p.Details.TotalResult }

func (p *DomainPage) part() ([]Domain, Uint64) { return p.Result, p.Details.TotalResult }

func (p *AppPage) part() ([]App, Uint64) { return p.Result, p.Details.TotalResult }

func (p *MembershipPage) part() ([]Membership, Uint64) { return p.Result, p.Details.TotalResult }

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

// SearchOrganizations yields the organizations that match all queries, by name;
// all organizations of the instance without a query. Each query sets exactly one
// of its fields, to what is not empty; others are [errors.InvalidArgument]. It
// needs the permission iam.read.
//
// The list is read by page and follows changes after some time: what was just
// deleted may be there. Collect it before deleting what is on it, or else pages
// move and organizations are passed over.
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) SearchOrganizations(ctx context.Context, queries ...OrganizationQuery) iter.Seq2[Organization, error] {
	const operation = "SearchOrganizations"
	return func(yield func(Organization, error) bool) {
		for _, query := range queries {
			if !query.valid() {
				yield(Organization{}, invalidQueryError(operation))
				return
			}
		}
		pages(operation, (*Organization).identity, func(part ListQuery) (*OrganizationPage, error) {
			found, err := c.SearchOrganizationsPage(ctx, OrganizationSearch{
				Query: part, SortingColumn: OrganizationFieldNameName, Queries: queries,
			})
			if err == nil && found.hasOtherID(queries) {
				return nil, otherIDError(operation)
			}
			return found, err
		})(yield)
	}
}

// SearchOrganizationsV2 yields the organizations that match all queries and that
// the credential may read, by name. It is there for those who have no permission
// iam.read, such as an IAM_ORG_MANAGER or an ORG_OWNER. Queries are as those of
// [Client.SearchOrganizations]; one with a DefaultQuery finds the default
// organization.
//
// It needs the permission org.read for what it yields, and a server from v2.59 on;
// with an older one the error is [errors.RouteNotFound]. See
// [Client.SearchOrganizationsV2Page].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) SearchOrganizationsV2(ctx context.Context, queries ...OrganizationQueryV2) iter.Seq2[OrganizationV2, error] {
	const operation = "SearchOrganizationsV2"
	return func(yield func(OrganizationV2, error) bool) {
		for _, query := range queries {
			if !query.valid() {
				yield(OrganizationV2{}, invalidQueryError(operation))
				return
			}
		}
		filteredPages(operation, (*OrganizationV2).identity, func(part ListQuery) (*OrganizationPageV2, error) {
			found, err := c.SearchOrganizationsV2Page(ctx, OrganizationSearchV2{
				Query: part, SortingColumn: OrganizationFieldNameV2Name, Queries: queries,
			})
			if err == nil && found.hasOtherID(queries) {
				return nil, otherIDError(operation)
			}
			return found, err
		})(yield)
	}
}

func invalidQueryError(operation string) error {
	return rest.Invalid(provider, operation, "", errors.New("a query does not set exactly one field"))
}

func otherIDError(operation string) error {
	return &errors.Error{
		Provider: provider, Operation: operation,
		Code: errors.UnexpectedResponse, Err: errors.New("an organization was found that has another id"),
	}
}

// valid reports whether a query sets exactly one field. An empty text would match
// everything by most methods.
func (q OrganizationQuery) valid() bool {
	return isOneSet(q.NameQuery.Name, q.DomainQuery.Domain, string(q.StateQuery.State), q.IDQuery.ID)
}

func (q OrganizationQueryV2) valid() bool {
	first := ""
	if q.DefaultQuery {
		first = "default"
	}
	return isOneSet(q.NameQuery.Name, q.DomainQuery.Domain, string(q.StateQuery.State), q.IDQuery.ID, first)
}

// isOneSet reports whether exactly one of the texts is not empty.
func isOneSet(texts ...string) bool {
	set := 0
	for _, text := range texts {
		if text != "" {
			set++
		}
	}
	return set == 1
}

// hasOtherID reports whether a page has an organization with another id than was
// asked for: a server leaves out without a word what it does not know of a request.
func (p *OrganizationPage) hasOtherID(queries []OrganizationQuery) bool {
	for _, query := range queries {
		for _, found := range p.Result {
			if id := query.IDQuery.ID; id != "" && id != found.ID {
				return true
			}
		}
	}
	return false
}

func (p *OrganizationPageV2) hasOtherID(queries []OrganizationQueryV2) bool {
	for _, query := range queries {
		for _, found := range p.Result {
			if id := query.IDQuery.ID; id != "" && id != found.ID {
				return true
			}
		}
	}
	return false
}

// The lists below name what is deleted along with an organization, or with its users,
// and has no list of its own in lists.go: see [Client.Plan].

func (p *IdentityProviderPage) part() ([]IdentityProvider, Uint64) {
	return p.Result, p.Details.TotalResult
}

func (p *ActionPage) part() ([]Action, Uint64) { return p.Result, p.Details.TotalResult }

func (p *MetadataPage) part() ([]Metadata, Uint64) { return p.Result, p.Details.TotalResult }

func (p *GroupPage) part() ([]Group, Uint64) { return p.Groups, p.Pagination.TotalResult }

func (p *AdministratorPage) part() ([]Administrator, Uint64) {
	return p.Administrators, p.Pagination.TotalResult
}

func (p *AuthorizationPage) part() ([]Authorization, Uint64) {
	return p.Authorizations, p.Pagination.TotalResult
}

// ListProjectMembers yields the users who manage a project, which is one of the
// organization's. An error ends the list. It needs the permission project.member.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListProjectMembers(ctx context.Context, projectID, orgID string) iter.Seq2[Member, error] {
	return pages("ListProjectMembers", (*Member).identity, func(part ListQuery) (*MemberPage, error) {
		return c.ListProjectMembersPage(ctx, projectID, orgID, part)
	})
}

// ListProjectGrantMembers yields the users who manage a grant of a project, which the
// organization gave or has. An error ends the list. It needs the permission
// project.grant.member.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListProjectGrantMembers(ctx context.Context, projectID, grantID, orgID string) iter.Seq2[Member, error] {
	return pages("ListProjectGrantMembers", (*Member).identity, func(part ListQuery) (*MemberPage, error) {
		return c.ListProjectGrantMembersPage(ctx, projectID, grantID, orgID, part)
	})
}

// ListUserMemberships yields the roles that a user has in the instance and in an
// organization, but not those in a third one. An error ends the list. It needs the
// permission user.membership.read.
//
// Source: vendor OpenAPI of v4.13.1; vendor's source (which roles are on the list).
func (c *Client) ListUserMemberships(ctx context.Context, userID, orgID string) iter.Seq2[Membership, error] {
	return pages("ListUserMemberships", (*Membership).identity, func(part ListQuery) (*MembershipPage, error) {
		return c.ListUserMembershipsPage(ctx, userID, orgID, part)
	})
}

// ListInstanceMembers yields the users who manage the instance. An error ends the list.
// It needs the permission iam.member.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListInstanceMembers(ctx context.Context) iter.Seq2[Member, error] {
	return pages("ListInstanceMembers", (*Member).identity, func(part ListQuery) (*MemberPage, error) {
		return c.ListInstanceMembersPage(ctx, part)
	})
}

// ListIdentityProviders yields the identity providers of an organization, without those
// of the instance. An error ends the list. It needs the permission org.idp.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListIdentityProviders(ctx context.Context, orgID string) iter.Seq2[IdentityProvider, error] {
	own := []IdentityProviderQuery{{OwnerTypeQuery: IdentityProviderOwnerQuery{OwnerType: IdentityProviderOwnerOrganization}}}
	listed := pages("ListIdentityProviders", (*IdentityProvider).identity, func(part ListQuery) (*IdentityProviderPage, error) {
		return c.ListIdentityProvidersPage(ctx, orgID, IdentityProviderSearch{Query: part, Queries: own})
	})
	// A server drops a query that it does not know.
	return matching(listed, func(p *IdentityProvider) bool { return p.Owner != IdentityProviderOwnerSystem })
}

// ListActions yields the actions of an organization. An error ends the list. It needs
// the permission org.action.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListActions(ctx context.Context, orgID string) iter.Seq2[Action, error] {
	return pages("ListActions", (*Action).identity, func(part ListQuery) (*ActionPage, error) {
		return c.ListActionsPage(ctx, orgID, part)
	})
}

// ListMetadata yields the metadata of an organization. An error ends the list. It needs
// the permission org.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListMetadata(ctx context.Context, orgID string) iter.Seq2[Metadata, error] {
	return pages("ListMetadata", (*Metadata).identity, func(part ListQuery) (*MetadataPage, error) {
		return c.ListMetadataPage(ctx, orgID, part)
	})
}

// ListPolicies yields the names of the policies that an organization has instead of the
// instance's, by a request for each of eight. An error ends the list. It needs the
// permission policy.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListPolicies(ctx context.Context, orgID string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, p := range []struct {
			name string
			read func(context.Context, string) (*PolicyResult, error)
		}{
			{"domain", c.getDomainPolicy}, {"label", c.getLabelPolicy}, {"lockout", c.getLockoutPolicy}, {"login", c.getLoginPolicy},
			{"notification", c.getNotificationPolicy}, {"password age", c.getPasswordAgePolicy},
			{"password complexity", c.getPasswordComplexityPolicy}, {"privacy", c.getPrivacyPolicy},
		} {
			found, err := p.read(ctx, orgID)
			if err != nil {
				yield("", err)
				return
			}
			if !found.IsDefault && !found.Policy.IsDefault && !yield(p.name, nil) {
				return
			}
		}
	}
}

// ListGroups yields the groups of users of an organization. An error ends the list. It
// needs the permission group.read; a server without groups is [errors.RouteNotFound].
//
// Source: vendor's source of July 2026.
func (c *Client) ListGroups(ctx context.Context, orgID string) iter.Seq2[Group, error] {
	const operation = "ListGroups"
	listed := filteredPages(operation, (*Group).identity, func(part ListQuery) (*GroupPage, error) {
		if err := checkID(operation, orgID); err != nil {
			return nil, err
		}
		return c.ListGroupsPage(ctx, GroupSearch{Pagination: part, Filters: []GroupFilter{{OrganizationID: IDFilter{ID: orgID}}}})
	})
	return matching(listed, func(g *Group) bool { return g.OrganizationID == orgID || g.OrganizationID == "" })
}

// ListAdministrators yields the roles that the users of an organization have in the
// instance, in organizations, in projects and in grants, as far as the credential may
// read them: see [Client.ListAdministratorsPage]. An error ends the list. An older server
// is [errors.RouteNotFound].
//
// Source: live exchanges with v4.13.1 (the answer); vendor's source (the filter).
func (c *Client) ListAdministrators(ctx context.Context, orgID string) iter.Seq2[Administrator, error] {
	const operation = "ListAdministrators"
	listed := filteredPages(operation, (*Administrator).identity, func(part ListQuery) (*AdministratorPage, error) {
		if err := checkID(operation, orgID); err != nil {
			return nil, err
		}
		return c.ListAdministratorsPage(ctx, AdministratorSearch{
			Pagination: part, Filters: []AdministratorFilter{{UserOrganizationID: IDFilter{ID: orgID}}},
		})
	})
	return matching(listed, func(a *Administrator) bool { return a.User.OrganizationID == orgID })
}

// ListAuthorizations yields the roles that the users of an organization have in projects
// of all organizations, as far as the credential may read them: see
// [Client.ListAuthorizationsPage]. An error ends the list. An older server is
// [errors.RouteNotFound].
//
// Source: live exchanges with v4.13.1 (an empty page); vendor's source (the rest).
func (c *Client) ListAuthorizations(ctx context.Context, orgID string) iter.Seq2[Authorization, error] {
	const operation = "ListAuthorizations"
	listed := filteredPages(operation, (*Authorization).identity, func(part ListQuery) (*AuthorizationPage, error) {
		if err := checkID(operation, orgID); err != nil {
			return nil, err
		}
		return c.ListAuthorizationsPage(ctx, AuthorizationSearch{
			Pagination: part, Filters: []AuthorizationFilter{{UserOrganizationID: IDFilter{ID: orgID}}},
		})
	})
	return matching(listed, func(a *Authorization) bool { return a.User.OrganizationID == orgID })
}

// matching yields the items of a list that match, and its error. A server drops a filter
// that it does not know, and answers with all items.
func matching[T any](list iter.Seq2[T, error], match func(*T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for item, err := range list {
			if (err != nil || match(&item)) && !yield(item, err) {
				return
			}
		}
	}
}
