package zitadel

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// WaitForDeletion waits until an organization that was deleted is gone for those
// who read: the organization itself, which is so at once, and the lists, which
// follow after some time. It deletes nothing, and takes one that never was for gone.
//
// progress, if it is not nil, is called with what is still there. When the context
// ends first the error is [errors.NotFinished], with the same as its Steps. The
// error is that of a read when it cannot be told. It needs the permission iam.read.
func (c *Client) WaitForDeletion(ctx context.Context, orgID string, progress func([]errors.Step)) error {
	const operation = "WaitForDeletion"
	return c.api.Wait(ctx, operation, orgID, func(ctx context.Context) ([]errors.Step, error) {
		left, err := c.remains(ctx, operation, orgID)
		if err == nil && progress != nil {
			progress(left)
		}
		return left, err
	})
}

// remains lists where an organization is still read.
func (c *Client) remains(ctx context.Context, operation, orgID string) ([]errors.Step, error) {
	var left []errors.Step
	present, found, err := look(ctx, orgID, c.GetOrganization)
	switch {
	case err != nil:
		return nil, err
	case present == rest.Present:
		left = append(left, errors.Step{Name: "organization", Description: found.Name + ", " + string(found.State)})
	case present == rest.Unknown:
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: orgID,
			Code: errors.UnexpectedResponse, Err: errors.New("what was read is not about this organization"),
		}
	}
	listed, err := c.listed(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if listed != nil {
		left = append(left, errors.Step{Name: "list_entry", Description: listed.Name + ", " + string(listed.State)})
	}
	return left, nil
}

// listed returns an organization as the list of the instance has it; nil when it
// is not there. Servers before v2.57 do not know the query by id: to them there is
// none, which they refuse, or answer with others. The list is gone through then.
func (c *Client) listed(ctx context.Context, orgID string) (*Organization, error) {
	found, err := c.find(ctx, orgID, OrganizationQuery{IDQuery: IDQuery{ID: orgID}})
	if errors.Is(err, errors.InvalidArgument) || errors.Is(err, errors.UnexpectedResponse) {
		return c.find(ctx, orgID)
	}
	return found, err
}

func (c *Client) find(ctx context.Context, orgID string, queries ...OrganizationQuery) (*Organization, error) {
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
