package zitadel

import (
	"context"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// WaitForDeletion waits until reads and lists no longer show a deleted organization. Reads
// show a deletion at once, lists with a delay. WaitForDeletion deletes nothing. With iam.read
// it also returns nil for an organization that never existed.
//
// WaitForDeletion calls progress, if not nil, with the remaining entries after each read. If
// the context ends first, the error is [errors.NotFinished] with the same entries as its
// Steps. If a read fails, the error is that of the read.
//
// WaitForDeletion needs the permission iam.read, or org.read with org.delete in the
// organization. Without iam.read, an empty list proves nothing, because the list contains only
// what the credential may read. The organization itself must then be read without a state, or
// be unknown after it was read in this call (AUTH-Bs7Ds). A credential that ends with the
// organization gets the error of the read.
func (c *Client) WaitForDeletion(ctx context.Context, orgID string, progress func([]errors.Step)) error {
	const operation = "WaitForDeletion"
	if err := checkID(operation, orgID); err != nil {
		return err
	}
	w := deletionWait{Client: c, orgID: orgID}
	return c.rest().Wait(ctx, operation, orgID, func(ctx context.Context) ([]errors.Step, error) {
		steps, err := w.remaining(ctx, operation)
		if err == nil && progress != nil {
			progress(steps)
		}
		return steps, err
	})
}

// deletionWait is the state of a wait for the deletion of an organization.
type deletionWait struct {
	*Client
	orgID  string
	access *access
	seen   bool // the organization was read before
}

// remaining lists where reads still show the organization.
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
	var steps []errors.Step
	present, found, err := readExistence(ctx, w.orgID, read)
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case ok && byHeader && w.seen && isUnknownOrganization(e): // an old server does not know a deleted organization
	case err != nil:
		return nil, err
	case present == rest.Exists:
		w.seen = true
		steps = append(steps, errors.Step{Name: "organization", Description: found.Name + ", " + string(found.State)})
	case present == rest.Unknown:
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: w.orgID,
			Code: errors.UnexpectedResponse, Err: errors.New("the read is about another organization"),
		}
	}
	entry, err := listed(ctx, w.orgID)
	if err != nil {
		return nil, unexpectedNotFound(operation, w.orgID, err)
	}
	if entry != nil {
		steps = append(steps, errors.Step{Name: "list_entry", Description: entry.Name + ", " + string(entry.State)})
	}
	return steps, nil
}

// findListedV2 returns an organization from the list of the API v2. It returns nil if the list
// does not have the organization, or the server does not have the list.
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

// findListed returns an organization from the list of the instance, or nil. Servers before
// v2.57 do not know the query by ID: they refuse it, or answer with other organizations. Then
// findListed reads the whole list.
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
