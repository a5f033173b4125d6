package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteOrganization deletes a managed organization with a client of its own. See
// [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, organization OrganizationLookup, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, organization)
}

// DeleteOrganization deletes a managed organization, for good. The token has to
// be one of the organization that manages it, with the scope
// managed_organizations:delete, and all that the organization has must be gone.
//
// Errors, among those of every call:
//
//   - [errors.DeletionStepsNotSatisfied]: Steps lists what is left
//   - [errors.ManagedOrganizationRequired]: it is not a managed organization
//   - [errors.OrganizationNotFound]: there was none when the call was made
//   - [errors.DeletionFailed]: Katapult failed, and the organization is still there
//   - [errors.OutcomeUnknown]: the answer was lost and nothing can be read
//
// An organization that is named by its subdomain is read first, and deleted by its ID;
// the error is [errors.NotConfirmed] if the one that answers has another subdomain. After
// a lost answer, a 5xx and any other 2xx or 3xx the organization is read. Both need the
// scope organizations:read.
//
// A nil error proves that Katapult answered {"success":true}, which it documents for an
// organization that is deleted; that answer is not checked by a read. [Client.Teardown]
// checks it.
//
// Source: vendor OpenAPI 2.68.0; seed page.
func (c *Client) DeleteOrganization(ctx context.Context, organization OrganizationLookup) error {
	_, err := c.deleteProved(ctx, organization)
	return err
}

// CheckDeletion returns the error that [Client.DeleteOrganization] would return
// now, as far as reads can tell, and changes nothing. Nil means that nothing is
// known to stand in the way, not that the deletion will succeed.
//
// It needs the scopes managed_organizations:delete and organizations:read.
func (c *Client) CheckDeletion(ctx context.Context, organization OrganizationLookup) error {
	found, err := c.find(ctx, "CheckDeletion", organization)
	if err != nil {
		return err
	}
	steps, err := c.GetDeletionSteps(ctx, ID(found.ID))
	if err != nil {
		return c.proven(ctx, ID(found.ID), err)
	}
	_, target := lookup(organization)
	if e := deletionError(target, found, steps); e != nil {
		return e
	}
	return nil
}

// deletionError is the error that deleting an organization would have; nil for none.
func deletionError(target string, found *Organization, steps DeletionSteps) *errors.Error {
	e := &errors.Error{Provider: provider, Operation: "CheckDeletion", Target: target}
	switch open := steps.Open(); {
	case !found.Managed:
		e.Code = errors.ManagedOrganizationRequired
	case len(open) > 0:
		e.Code, e.Steps = errors.DeletionStepsNotSatisfied, open
		e.Detail = DeletionStepsNotSatisfiedDetail{Steps: steps}
	default:
		return nil
	}
	return e
}

// deleteProved deletes an organization, and reports whether a read has shown that it does
// not exist.
func (c *Client) deleteProved(ctx context.Context, organization OrganizationLookup) (proved bool, err error) {
	id, err := c.identify(ctx, "DeleteOrganization", organization)
	if err != nil {
		return false, err
	}
	if _, ok := organization.(ID); !ok {
		organization = id
	}
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Send:   func(ctx context.Context) error { return c.deleteOrganization(ctx, organization) },
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.look(ctx, id) },
	})
}

// identify returns the ID of an organization. One that is named by its subdomain is
// read: the subdomain may belong to another organization later.
func (c *Client) identify(ctx context.Context, operation string, organization OrganizationLookup) (ID, error) {
	if _, ok := organization.(Subdomain); !ok {
		_, id := lookup(organization)
		return ID(id), nil
	}
	found, err := c.find(ctx, operation, organization)
	if err != nil {
		return "", err
	}
	return ID(found.ID), nil
}

// find reads an organization. The one that answers must be the one that is named.
func (c *Client) find(ctx context.Context, operation string, organization OrganizationLookup) (*Organization, error) {
	found, err := c.GetOrganization(ctx, organization)
	if err == nil && !names(organization, found) {
		_, target := lookup(organization)
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: target, Code: errors.NotConfirmed,
			Err: fmt.Errorf("the organization that answers is %q", found.ID),
		}
	}
	return found, err
}

// look reads whether an organization exists.
func (c *Client) look(ctx context.Context, id ID) (rest.Existence, error) {
	found, err := c.GetOrganization(ctx, id)
	switch {
	case errors.Is(err, errors.OrganizationNotFound):
		return rest.NotFound, nil
	case err != nil:
		return rest.Unknown, err
	case !names(id, found):
		return rest.Unknown, nil
	}
	return rest.Exists, nil
}

// proven returns the error of a read of something that an organization has. That the
// organization does not exist is proven only by a read of the organization itself: a
// list, or the deletion steps, may say so of one that was read a moment ago.
func (c *Client) proven(ctx context.Context, id ID, err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Code != errors.OrganizationNotFound {
		return err
	}
	switch existence, failed := c.look(ctx, id); {
	case existence == rest.NotFound:
		return err
	case failed != nil:
		return failed
	}
	contradicted := *e
	contradicted.Code, contradicted.Err = errors.UnexpectedResponse, errContradicted
	return &contradicted
}

var errContradicted = errors.New("the organization exists, as a read of it shows")
