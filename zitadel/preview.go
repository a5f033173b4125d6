package zitadel

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Kind is a kind of what an organization has.
type Kind string

// Kinds of what goes with an organization.
const (
	KindUsers           Kind = "users"            // see [Client.ListUsers]
	KindProjects        Kind = "projects"         // see [Client.ListProjects]
	KindProjectGrants   Kind = "project_grants"   // see [Client.ListProjectGrants]
	KindGrantedProjects Kind = "granted_projects" // see [Client.ListGrantedProjects]
	KindUserGrants      Kind = "user_grants"      // see [Client.ListUserGrants]
	KindMembers         Kind = "members"          // see [Client.ListMembers]
	KindDomains         Kind = "domains"          // see [Client.ListDomains]
)

// Owned is how many of a kind an organization has.
type Owned struct {
	Kind  Kind
	Count uint64
}

// Preview returns how much a deletion would take along, kind by kind; a kind of
// which there is nothing has the count 0. It says what is on the lists, which
// follow changes after some time.
//
// Applications are not counted; they go with their projects.
//
// It takes a request for each kind, and one for the organization: lists of one that
// was deleted are empty, not missing. That is [errors.OrganizationNotFound]; one that
// is not known is [errors.PermissionDenied] (AUTH-Bs7Ds). It needs the permissions org.read, user.read,
// project.read, project.grant.read, user.grant.read and org.member.read.
func (c *Client) Preview(ctx context.Context, orgID string) ([]Owned, error) {
	if err := c.confirm(ctx, "Preview", orgID); err != nil {
		return nil, err
	}
	kinds := []Kind{
		KindUsers, KindProjects, KindProjectGrants, KindGrantedProjects, KindUserGrants, KindMembers, KindDomains,
	}
	owned := make([]Owned, 0, len(kinds))
	for _, kind := range kinds {
		count, err := c.Count(ctx, orgID, kind)
		if err != nil {
			return nil, err
		}
		owned = append(owned, Owned{kind, count})
	}
	return owned, nil
}

// Count returns how many of a kind an organization has, by a request for one of
// them. It needs the permission of the kind's list. Of kinds that only [Client.Plan]
// has there is no list: they are [errors.InvalidArgument].
func (c *Client) Count(ctx context.Context, orgID string, kind Kind) (uint64, error) {
	one := ListQuery{Limit: 1}
	switch kind {
	case KindUsers:
		return total(c.ListUsersPage(ctx, orgID, UserSearch{Query: one}))
	case KindProjects:
		return total(c.ListProjectsPage(ctx, orgID, one))
	case KindProjectGrants:
		return total(c.ListProjectGrantsPage(ctx, orgID, one))
	case KindGrantedProjects:
		return total(c.ListGrantedProjectsPage(ctx, orgID, one))
	case KindUserGrants:
		return total(c.ListUserGrantsPage(ctx, orgID, one))
	case KindMembers:
		return total(c.ListMembersPage(ctx, orgID, one))
	case KindDomains:
		return total(c.ListDomainsPage(ctx, orgID, one))
	}
	return 0, rest.Invalid(provider, "Count", orgID, fmt.Errorf("the kind %q is not known", kind))
}

// total is the number of items on all pages of a list.
func total[P page[T], T any](found P, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	_, all := found.part()
	return uint64(all), nil
}

// confirm reads the organization that requests are made in, and returns an error
// unless it is there and the one that is meant. A proxy that drops the header would
// have them made in the caller's own.
func (c *Client) confirm(ctx context.Context, operation, orgID string) error {
	found, err := c.GetMyOrganization(ctx, orgID)
	if err != nil {
		return err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: orgID}
	switch presence(orgID, found) {
	case rest.Present:
		return nil
	case rest.Gone:
		e.Code = errors.OrganizationNotFound
	default:
		e.Code, e.Err = errors.NotConfirmed, errors.New("what was read is not about this organization")
	}
	return e
}
