package zitadel

import (
	"context"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// WaitForDeletion waits until an organization that was deleted is gone for those
// who read: the organization itself, which is so at once, and the lists, which
// follow after some time. It deletes nothing, and takes one that never was for gone.
//
// progress, if it is not nil, is called with what is still there. When the context
// ends first the error is [errors.NotFinished], with the same as its Steps. The
// error is that of a read when it cannot be told.
//
// It needs the permission iam.read, or org.read with org.delete in the organization. A
// credential without iam.read takes no empty list for a proof, because the list has only
// what the credential may read: the organization itself has to be read without a state,
// or to be unknown after it was read in this call (AUTH-Bs7Ds). A credential that ends
// with the organization cannot tell.
func (c *Client) WaitForDeletion(ctx context.Context, orgID string, progress func([]errors.Step)) error {
	const operation = "WaitForDeletion"
	if err := checkID(operation, orgID); err != nil {
		return err
	}
	w := deletionWait{Client: c, orgID: orgID}
	return c.rest().Wait(ctx, operation, orgID, func(ctx context.Context) ([]errors.Step, error) {
		left, err := w.remaining(ctx, operation)
		if err == nil && progress != nil {
			progress(left)
		}
		return left, err
	})
}

// deletionWait is a wait for the deletion of an organization.
type deletionWait struct {
	*Client
	orgID  string
	access *access
	seen   bool // the organization was read
}

// remaining lists where an organization is still read.
func (w *deletionWait) remaining(ctx context.Context, operation string) ([]errors.Step, error) {
	if w.access == nil {
		a, err := w.accessTo(ctx, w.orgID)
		if err != nil {
			return nil, err
		}
		w.access = a
	}
	byHeader := !w.access.adminReads && w.access.canDelete
	read, listed := w.GetOrganization, w.findListed
	if byHeader {
		read, listed = w.GetMyOrganization, w.findListedV2
	}
	var left []errors.Step
	present, found, err := readExistence(ctx, w.orgID, read)
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case ok && byHeader && w.seen && isUnknownOrganization(e): // an old server
	case err != nil:
		return nil, err
	case present == rest.Exists:
		w.seen = true
		left = append(left, errors.Step{Name: "organization", Description: found.Name + ", " + string(found.State)})
	case present == rest.Unknown:
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: w.orgID,
			Code: errors.UnexpectedResponse, Err: errors.New("what was read is not about this organization"),
		}
	}
	entry, err := listed(ctx, w.orgID)
	if err != nil {
		return nil, disproveNotFound(operation, w.orgID, err)
	}
	if entry != nil {
		left = append(left, errors.Step{Name: "list_entry", Description: entry.Name + ", " + string(entry.State)})
	}
	return left, nil
}

// findListedV2 returns an organization as the list of the API v2 has it; nil when it is not
// there, or the server does not have the list.
func (c *Client) findListedV2(ctx context.Context, orgID string) (*Organization, error) {
	for found, err := range c.SearchOrganizationsV2(ctx, OrganizationQueryV2{IDQuery: IDQuery{ID: orgID}}) {
		if errors.Is(err, errors.RouteNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		state := strings.Replace(string(found.State), "ORGANIZATION_", "ORG_", 1)
		return &Organization{ID: found.ID, Name: found.Name, State: OrganizationState(state)}, nil
	}
	return nil, nil
}

// findListed returns an organization as the list of the instance has it; nil when it
// is not there. Servers before v2.57 do not know the query by id: to them there is
// none, which they refuse, or answer with others. The list is gone through then.
func (c *Client) findListed(ctx context.Context, orgID string) (*Organization, error) {
	found, err := c.findInList(ctx, orgID, OrganizationQuery{IDQuery: IDQuery{ID: orgID}})
	if errors.Is(err, errors.InvalidArgument) || errors.Is(err, errors.UnexpectedResponse) {
		return c.findInList(ctx, orgID)
	}
	return found, err
}

func (c *Client) findInList(ctx context.Context, orgID string, queries ...OrganizationQuery) (*Organization, error) {
	for organization, err := range c.SearchOrganizations(ctx, queries...) {
		if err != nil {
			return nil, err
		}
		if organization.ID == orgID {
			return &organization, nil
		}
	}
	return nil, nil
}
