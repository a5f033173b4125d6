package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteOrganization creates a client, deletes a managed organization, and closes the
// client. See [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, organization OrganizationLookup, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, organization)
}

// DeleteOrganization permanently deletes a managed organization. The token must belong to
// the managing organization and have the scope managed_organizations:delete. All resources
// of the organization must be deleted first.
//
// Errors, in addition to those of every call:
//
//   - [errors.DeletionStepsNotSatisfied]: Steps lists the open deletion steps
//   - [errors.ManagedOrganizationRequired]: the organization is not managed by another one
//   - [errors.OrganizationNotFound]: the organization does not exist
//   - [errors.DeletionFailed]: Katapult failed, and the organization still exists
//   - [errors.NotConfirmed]: the answer names an organization with another subdomain
//   - [errors.OutcomeUnknown]: the answer was lost, and no read could decide
//
// A [Subdomain] is resolved to the ID first. After a lost answer, a 5xx, or an undocumented
// 2xx or 3xx, the organization is read. Both reads need the scope organizations:read.
//
// A nil error means that Katapult answered {"success":true}, its documented answer for a
// deleted organization, or that such a read showed the deletion. No read checks the
// documented answer; [Client.Teardown] checks it.
//
// Source: vendor OpenAPI 2.68.0; seed page.
func (c *Client) DeleteOrganization(ctx context.Context, organization OrganizationLookup) error {
	_, err := c.deleteProved(ctx, organization)
	return err
}

// CheckDeletion returns the error that [Client.DeleteOrganization] would return now, as far
// as reads show it, and changes nothing. Nil means that no blocker is known, not that the
// deletion will succeed.
//
// It needs the scopes managed_organizations:delete and organizations:read.
func (c *Client) CheckDeletion(ctx context.Context, organization OrganizationLookup) error {
	found, err := c.findOrganization(ctx, "CheckDeletion", organization)
	if err != nil {
		return err
	}
	steps, err := c.GetDeletionSteps(ctx, ID(found.ID))
	if err != nil {
		return c.confirmNotFound(ctx, ID(found.ID), err)
	}
	_, target := lookup(organization)
	if e := deletionError(target, found, steps); e != nil {
		return e
	}
	return nil
}

// deletionError returns the expected error of a deletion; nil for none.
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

// deleteProved deletes an organization, and reports whether a read proved that it no longer
// exists.
func (c *Client) deleteProved(ctx context.Context, organization OrganizationLookup) (proved bool, err error) {
	id, err := c.identify(ctx, "DeleteOrganization", organization)
	if err != nil {
		return false, err
	}
	if _, ok := organization.(ID); !ok {
		organization = id
	}
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Operation: "DeleteOrganization",
		Send:      func(ctx context.Context) error { return c.deleteOrganization(ctx, organization) },
		Verify:    func(ctx context.Context) (rest.Existence, error) { return c.verify(ctx, id) },
	})
}

// identify returns the ID of an organization. A subdomain is resolved by a read, because it
// may belong to another organization later.
func (c *Client) identify(ctx context.Context, operation string, organization OrganizationLookup) (ID, error) {
	if _, ok := organization.(Subdomain); !ok {
		_, id := lookup(organization)
		return ID(id), nil
	}
	found, err := c.findOrganization(ctx, operation, organization)
	if err != nil {
		return "", err
	}
	return ID(found.ID), nil
}

// findOrganization reads an organization. The answer must match the lookup.
func (c *Client) findOrganization(ctx context.Context, operation string, organization OrganizationLookup) (*Organization, error) {
	found, err := c.GetOrganization(ctx, organization)
	if err == nil && !matches(organization, found) {
		_, target := lookup(organization)
		return nil, &errors.Error{
			Provider: provider, Operation: operation, Target: target, Code: errors.NotConfirmed,
			Err: fmt.Errorf("the answer names organization %q", found.ID),
		}
	}
	return found, err
}

// verify reads whether an organization exists.
func (c *Client) verify(ctx context.Context, id ID) (rest.Existence, error) {
	found, err := c.GetOrganization(ctx, id)
	switch {
	case errors.Is(err, errors.OrganizationNotFound):
		return rest.NotFound, nil
	case err != nil:
		return rest.Unknown, err
	case !matches(id, found):
		return rest.Unknown, nil
	}
	return rest.Exists, nil
}

// confirmNotFound returns err, the error of a list or of the deletion steps. If err is
// [errors.OrganizationNotFound], a read of the organization decides: only that read proves
// that the organization does not exist.
func (c *Client) confirmNotFound(ctx context.Context, id ID, err error) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || e.Code != errors.OrganizationNotFound {
		return err
	}
	switch existence, failed := c.verify(ctx, id); {
	case existence == rest.NotFound:
		return err
	case failed != nil:
		return failed
	}
	contradicted := *e
	contradicted.Code, contradicted.Err = errors.UnexpectedResponse, errOrganizationExists
	return &contradicted
}

var errOrganizationExists = errors.New("a read shows that the organization exists")
