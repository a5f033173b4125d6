package zitadel

import (
	"context"
	"iter"
)

// The lists below name what is deleted along with an organization, or with its users,
// and has no list of its own in lists.go: see [Client.Plan].

func (p *IdentityProviderPage) part() ([]IdentityProvider, Uint64) {
	return p.Result, p.Details.TotalResult
}
func (p *ActionPage) part() ([]Action, Uint64)     { return p.Result, p.Details.TotalResult }
func (p *MetadataPage) part() ([]Metadata, Uint64) { return p.Result, p.Details.TotalResult }
func (p *GroupPage) part() ([]Group, Uint64)       { return p.Groups, p.Pagination.TotalResult }
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
		if err := invalidID(operation, orgID); err != nil {
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
		if err := invalidID(operation, orgID); err != nil {
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
		if err := invalidID(operation, orgID); err != nil {
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
