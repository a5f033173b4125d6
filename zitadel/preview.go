package zitadel

import (
	"context"
	"iter"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// CascadeKind is a kind of what an organization has.
type CascadeKind string

// Kinds of what goes with an organization.
const (
	KindUsers           CascadeKind = "users"            // see [Client.ListUsers]
	KindProjects        CascadeKind = "projects"         // see [Client.ListProjects]
	KindProjectGrants   CascadeKind = "project_grants"   // see [Client.ListProjectGrants]
	KindGrantedProjects CascadeKind = "granted_projects" // see [Client.ListGrantedProjects]
	KindUserGrants      CascadeKind = "user_grants"      // see [Client.ListUserGrants]
	KindMembers         CascadeKind = "members"          // see [Client.ListMembers]
	KindDomains         CascadeKind = "domains"          // see [Client.ListDomains]
)

// Owned is how many of a kind an organization has.
type Owned struct {
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
func (c *Client) Preview(ctx context.Context, orgID string) ([]Owned, error) {
	if err := c.confirm(ctx, "Preview", orgID); err != nil {
		return nil, err
	}
	kinds := []CascadeKind{
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

// Count returns how many of a kind an organization has, by the items on the kind's list:
// a total can be that of one page, or include what is no item. It needs the permission of
// the list. A kind that only [Client.Plan] has is [errors.InvalidArgument].
func (c *Client) Count(ctx context.Context, orgID string, kind CascadeKind) (uint64, error) {
	switch kind {
	case KindUsers:
		return count(c.ListUsers(ctx, orgID))
	case KindProjects:
		return count(c.ListProjects(ctx, orgID))
	case KindProjectGrants:
		return count(c.ListProjectGrants(ctx, orgID))
	case KindGrantedProjects:
		return count(c.ListGrantedProjects(ctx, orgID))
	case KindUserGrants:
		return count(c.ListUserGrants(ctx, orgID))
	case KindMembers:
		return count(c.ListMembers(ctx, orgID))
	case KindDomains:
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

// confirm reads the organization that requests are made in, and returns an error
// unless it is there and the one that is meant. A proxy that drops the header would
// have them made in the caller's own.
func (c *Client) confirm(ctx context.Context, operation, orgID string) error {
	_, err := c.confirmed(ctx, operation, orgID)
	return err
}

// confirmed returns the organization that requests are made in, as confirm reads it.
func (c *Client) confirmed(ctx context.Context, operation, orgID string) (*Organization, error) {
	if ctx != nil { // Do refuses a nil context
		ctx = withRaw(ctx)
	}
	found, err := c.GetMyOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: orgID}
	switch existence(orgID, found) {
	case rest.Exists:
		return found, nil
	case rest.NotFound:
		e.Code = errors.OrganizationNotFound
	default:
		e.Code, e.Err = errors.NotConfirmed, errors.New("what was read is not about this organization")
	}
	return nil, e
}
