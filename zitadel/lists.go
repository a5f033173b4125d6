package zitadel

import (
	"context"
	"iter"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is the number of items of a requested page.
const pageSize = 100

// page is a page of a list, with the total that it states.
type page[T any] interface {
	result() (items []T, total Uint64)
}

// pages yields the items of all pages of a list, by offset. After a full page it reads another
// page, whatever the total, because a server with relational tables states the number of items
// on the page. A page with fewer items than its limit and a greater total comes from a server
// with smaller pages; the next page starts at its end.
//
// A page beyond the end states no total and has no items. Any other page that states a total
// and has no items proves nothing. The greatest total counts.
func pages[P page[T], T any](operation string, identity func(*T) string, fetch func(ListQuery) (P, error)) iter.Seq2[T, error] {
	return readPages(operation, false, identity, fetch)
}

// filteredPages yields the items of all pages of a list from which the server removes the
// items that the credential may not read. The server removes them after it cut the list into
// pages, so pages in the middle may be short or empty.
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
			items, total := found.result()
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

func (p *OrganizationPage) result() ([]Organization, Uint64) { return p.Result, p.Details.TotalResult }

func (p *OrganizationPageV2) result() ([]OrganizationV2, Uint64) {
	return p.Result, p.Details.TotalResult
}

func (p *UserPage) result() ([]User, Uint64) { return p.Result, p.Details.TotalResult }

func (p *ProjectPage) result() ([]Project, Uint64) { return p.Result, p.Details.TotalResult }

func (p *ProjectGrantPage) result() ([]ProjectGrant, Uint64) { return p.Result, p.Details.TotalResult }

func (p *UserGrantPage) result() ([]UserGrant, Uint64) { return p.Result, p.Details.TotalResult }

func (p *MemberPage) result() ([]Member, Uint64) { return p.Result, p.Details.TotalResult }

func (p *DomainPage) result() ([]Domain, Uint64) { return p.Result, p.Details.TotalResult }

func (p *AppPage) result() ([]App, Uint64) { return p.Result, p.Details.TotalResult }

func (p *MembershipPage) result() ([]Membership, Uint64) { return p.Result, p.Details.TotalResult }

// ListUsers yields the users of an organization, human and machine, by name. An error ends the
// list. ListUsers needs the permission user.read. See [Client.ListUsersPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListUsers(ctx context.Context, orgID string) iter.Seq2[User, error] {
	return pages("ListUsers", (*User).identity, func(query ListQuery) (*UserPage, error) {
		return c.ListUsersPage(ctx, orgID, UserSearch{Query: query, SortingColumn: UserFieldNameUserName})
	})
}

// ListProjects yields the projects that an organization owns. An error ends the list.
// ListProjects needs the permission project.read. See [Client.ListProjectsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListProjects(ctx context.Context, orgID string) iter.Seq2[Project, error] {
	return pages("ListProjects", (*Project).identity, func(query ListQuery) (*ProjectPage, error) {
		return c.ListProjectsPage(ctx, orgID, query)
	})
}

// ListGrantedProjects yields the projects of other organizations that are granted to an
// organization. An error ends the list. ListGrantedProjects needs the permission project.read.
// See [Client.ListGrantedProjectsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListGrantedProjects(ctx context.Context, orgID string) iter.Seq2[ProjectGrant, error] {
	return pages("ListGrantedProjects", (*ProjectGrant).identity, func(query ListQuery) (*ProjectGrantPage, error) {
		return c.ListGrantedProjectsPage(ctx, orgID, query)
	})
}

// ListProjectGrants yields the grants by which other organizations use an organization's
// projects. Their users lose roles if the organization is deleted. An error ends the list.
// ListProjectGrants needs the permission project.grant.read. See
// [Client.ListProjectGrantsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListProjectGrants(ctx context.Context, orgID string) iter.Seq2[ProjectGrant, error] {
	return pages("ListProjectGrants", (*ProjectGrant).identity, func(query ListQuery) (*ProjectGrantPage, error) {
		return c.ListProjectGrantsPage(ctx, orgID, query)
	})
}

// ListUserGrants yields the roles that users have in an organization. An error ends the list.
// ListUserGrants needs the permission user.grant.read. See [Client.ListUserGrantsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListUserGrants(ctx context.Context, orgID string) iter.Seq2[UserGrant, error] {
	return pages("ListUserGrants", (*UserGrant).identity, func(query ListQuery) (*UserGrantPage, error) {
		return c.ListUserGrantsPage(ctx, orgID, query)
	})
}

// ListMembers yields the users who manage an organization. An error ends the list. ListMembers
// needs the permission org.member.read. See [Client.ListMembersPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListMembers(ctx context.Context, orgID string) iter.Seq2[Member, error] {
	return pages("ListMembers", (*Member).identity, func(query ListQuery) (*MemberPage, error) {
		return c.ListMembersPage(ctx, orgID, query)
	})
}

// ListDomains yields the domains of an organization. An error ends the list. ListDomains needs
// the permission org.read. See [Client.ListDomainsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListDomains(ctx context.Context, orgID string) iter.Seq2[Domain, error] {
	return pages("ListDomains", (*Domain).identity, func(query ListQuery) (*DomainPage, error) {
		return c.ListDomainsPage(ctx, orgID, query)
	})
}

// ListApps yields the applications of a project of an organization. An error ends the list.
// ListApps needs the permission project.app.read. See [Client.ListAppsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1 and v2.54.10.
func (c *Client) ListApps(ctx context.Context, projectID, orgID string) iter.Seq2[App, error] {
	return pages("ListApps", (*App).identity, func(query ListQuery) (*AppPage, error) {
		return c.ListAppsPage(ctx, projectID, orgID, query)
	})
}

// ListMyMemberships yields the roles of the credential, with the resource of each. An error
// ends the list. ListMyMemberships needs no permission. See [Client.ListMyMembershipsPage].
//
// Source: vendor OpenAPI of v4.13.1; live exchanges with v4.13.1.
func (c *Client) ListMyMemberships(ctx context.Context) iter.Seq2[Membership, error] {
	return pages("ListMyMemberships", (*Membership).identity, func(query ListQuery) (*MembershipPage, error) {
		return c.ListMyMembershipsPage(ctx, query)
	})
}

// SearchOrganizations yields the organizations that match all queries, by name, and all
// organizations of the instance without a query. Each query must set exactly one field to a
// value that is not empty; otherwise the error is [errors.InvalidArgument]. An error ends the
// list. SearchOrganizations needs the permission iam.read.
//
// SearchOrganizations reads the list page by page. The list shows changes with a delay, so it
// may contain deleted organizations. Collect all items before you delete organizations: a
// deletion moves the following pages, and the list would skip items.
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
		pages(operation, (*Organization).identity, func(query ListQuery) (*OrganizationPage, error) {
			found, err := c.SearchOrganizationsPage(ctx, OrganizationSearch{
				Query: query, SortingColumn: OrganizationFieldNameName, Queries: queries,
			})
			if err == nil && found.hasOtherID(queries) {
				return nil, otherIDError(operation)
			}
			return found, err
		})(yield)
	}
}

// SearchOrganizationsV2 yields the organizations that match all queries and that the
// credential may read, by name. It is for credentials without the permission iam.read, such as
// those of an IAM_ORG_MANAGER or an ORG_OWNER. Queries follow the rules of
// [Client.SearchOrganizations]. A query with DefaultQuery finds the default organization.
//
// SearchOrganizationsV2 needs the permission org.read for each organization that it yields,
// and requires a server from v2.59 on. With an older server the error is
// [errors.RouteNotFound]. See [Client.SearchOrganizationsV2Page].
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
		filteredPages(operation, (*OrganizationV2).identity, func(query ListQuery) (*OrganizationPageV2, error) {
			found, err := c.SearchOrganizationsV2Page(ctx, OrganizationSearchV2{
				Query: query, SortingColumn: OrganizationFieldNameV2Name, Queries: queries,
			})
			if err == nil && found.hasOtherID(queries) {
				return nil, otherIDError(operation)
			}
			return found, err
		})(yield)
	}
}

func invalidQueryError(operation string) error {
	return rest.Invalid(provider, operation, "", errors.New("each query must set exactly one field"))
}

func otherIDError(operation string) error {
	return &errors.Error{
		Provider: provider, Operation: operation,
		Code: errors.UnexpectedResponse, Err: errors.New("the list has an organization with another ID than the query"),
	}
}

// valid reports whether a query sets exactly one field. Most methods match every organization
// with an empty text.
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

// hasOtherID reports whether a page has an organization whose ID no query selects. A server
// ignores the fields of a request that it does not know.
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

// The lists below are for [Client.Plan].

func (p *IdentityProviderPage) result() ([]IdentityProvider, Uint64) {
	return p.Result, p.Details.TotalResult
}

func (p *ActionPage) result() ([]Action, Uint64) { return p.Result, p.Details.TotalResult }

func (p *MetadataPage) result() ([]Metadata, Uint64) { return p.Result, p.Details.TotalResult }

func (p *GroupPage) result() ([]Group, Uint64) { return p.Groups, p.Pagination.TotalResult }

func (p *AdministratorPage) result() ([]Administrator, Uint64) {
	return p.Administrators, p.Pagination.TotalResult
}

func (p *AuthorizationPage) result() ([]Authorization, Uint64) {
	return p.Authorizations, p.Pagination.TotalResult
}

// ListProjectMembers yields the users who manage a project of an organization. An error ends
// the list. ListProjectMembers needs the permission project.member.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListProjectMembers(ctx context.Context, projectID, orgID string) iter.Seq2[Member, error] {
	return pages("ListProjectMembers", (*Member).identity, func(query ListQuery) (*MemberPage, error) {
		return c.ListProjectMembersPage(ctx, projectID, orgID, query)
	})
}

// ListProjectGrantMembers yields the users who manage a project grant that an organization
// gave or received. An error ends the list. ListProjectGrantMembers needs the permission
// project.grant.member.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListProjectGrantMembers(ctx context.Context, projectID, grantID, orgID string) iter.Seq2[Member, error] {
	return pages("ListProjectGrantMembers", (*Member).identity, func(query ListQuery) (*MemberPage, error) {
		return c.ListProjectGrantMembersPage(ctx, projectID, grantID, orgID, query)
	})
}

// ListUserMemberships yields the roles of a user in the instance and in an organization, but
// not those in other organizations. An error ends the list. ListUserMemberships needs the
// permission user.membership.read.
//
// Source: vendor OpenAPI of v4.13.1; vendor's source (which roles the list has).
func (c *Client) ListUserMemberships(ctx context.Context, userID, orgID string) iter.Seq2[Membership, error] {
	return pages("ListUserMemberships", (*Membership).identity, func(query ListQuery) (*MembershipPage, error) {
		return c.ListUserMembershipsPage(ctx, userID, orgID, query)
	})
}

// ListInstanceMembers yields the users who manage the instance. An error ends the list.
// ListInstanceMembers needs the permission iam.member.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListInstanceMembers(ctx context.Context) iter.Seq2[Member, error] {
	return pages("ListInstanceMembers", (*Member).identity, func(query ListQuery) (*MemberPage, error) {
		return c.ListInstanceMembersPage(ctx, query)
	})
}

// ListIdentityProviders yields the identity providers of an organization, without those of the
// instance. An error ends the list. ListIdentityProviders needs the permission org.idp.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListIdentityProviders(ctx context.Context, orgID string) iter.Seq2[IdentityProvider, error] {
	own := []IdentityProviderQuery{{OwnerTypeQuery: IdentityProviderOwnerQuery{OwnerType: IdentityProviderOwnerOrganization}}}
	listed := pages("ListIdentityProviders", (*IdentityProvider).identity, func(query ListQuery) (*IdentityProviderPage, error) {
		return c.ListIdentityProvidersPage(ctx, orgID, IdentityProviderSearch{Query: query, Queries: own})
	})
	// A server ignores a query that it does not know.
	return matching(listed, func(p *IdentityProvider) bool { return p.Owner != IdentityProviderOwnerSystem })
}

// ListActions yields the actions of an organization. An error ends the list. ListActions needs
// the permission org.action.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListActions(ctx context.Context, orgID string) iter.Seq2[Action, error] {
	return pages("ListActions", (*Action).identity, func(query ListQuery) (*ActionPage, error) {
		return c.ListActionsPage(ctx, orgID, query)
	})
}

// ListMetadata yields the metadata of an organization. An error ends the list. ListMetadata
// needs the permission org.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListMetadata(ctx context.Context, orgID string) iter.Seq2[Metadata, error] {
	return pages("ListMetadata", (*Metadata).identity, func(query ListQuery) (*MetadataPage, error) {
		return c.ListMetadataPage(ctx, orgID, query)
	})
}

// ListPolicies yields the names of the policies that an organization uses instead of the
// instance's. It sends one request for each of eight policies. An error ends the list.
// ListPolicies needs the permission policy.read.
//
// Source: vendor OpenAPI of v4.13.1.
func (c *Client) ListPolicies(ctx context.Context, orgID string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, p := range []struct {
			name string
			read func(context.Context, string) (*policyResult, error)
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

// ListGroups yields the user groups of an organization. An error ends the list. ListGroups
// needs the permission group.read. With a server without groups the error is
// [errors.RouteNotFound].
//
// Source: vendor's source of July 2026.
func (c *Client) ListGroups(ctx context.Context, orgID string) iter.Seq2[Group, error] {
	const operation = "ListGroups"
	listed := filteredPages(operation, (*Group).identity, func(query ListQuery) (*GroupPage, error) {
		if err := checkID(operation, orgID); err != nil {
			return nil, err
		}
		return c.ListGroupsPage(ctx, GroupSearch{Pagination: query, Filters: []GroupFilter{{OrganizationID: IDFilter{ID: orgID}}}})
	})
	return matching(listed, func(g *Group) bool { return g.OrganizationID == orgID || g.OrganizationID == "" })
}

// ListAdministrators yields the roles of an organization's users in the instance, in
// organizations, in projects and in project grants, as far as the credential may read them:
// see [Client.ListAdministratorsPage]. An error ends the list. With an older server the error
// is [errors.RouteNotFound].
//
// Source: live exchanges with v4.13.1 (the answer); vendor's source (the filter).
func (c *Client) ListAdministrators(ctx context.Context, orgID string) iter.Seq2[Administrator, error] {
	const operation = "ListAdministrators"
	listed := filteredPages(operation, (*Administrator).identity, func(query ListQuery) (*AdministratorPage, error) {
		if err := checkID(operation, orgID); err != nil {
			return nil, err
		}
		return c.ListAdministratorsPage(ctx, AdministratorSearch{
			Pagination: query, Filters: []AdministratorFilter{{UserOrganizationID: IDFilter{ID: orgID}}},
		})
	})
	return matching(listed, func(a *Administrator) bool { return a.User.OrganizationID == orgID })
}

// ListAuthorizations yields the roles of an organization's users in projects of all
// organizations, as far as the credential may read them: see [Client.ListAuthorizationsPage].
// An error ends the list. With an older server the error is [errors.RouteNotFound].
//
// Source: live exchanges with v4.13.1 (an empty page); vendor's source (the rest).
func (c *Client) ListAuthorizations(ctx context.Context, orgID string) iter.Seq2[Authorization, error] {
	const operation = "ListAuthorizations"
	listed := filteredPages(operation, (*Authorization).identity, func(query ListQuery) (*AuthorizationPage, error) {
		if err := checkID(operation, orgID); err != nil {
			return nil, err
		}
		return c.ListAuthorizationsPage(ctx, AuthorizationSearch{
			Pagination: query, Filters: []AuthorizationFilter{{UserOrganizationID: IDFilter{ID: orgID}}},
		})
	})
	return matching(listed, func(a *Authorization) bool { return a.User.OrganizationID == orgID })
}

// matching yields the items of a list that match, and its error. A server ignores a filter
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
