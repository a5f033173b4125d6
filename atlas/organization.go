package atlas

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// DeleteOrganization deletes an organization with a client of its own. See
// [Client.DeleteOrganization].
func DeleteOrganization(ctx context.Context, orgID string, options ...Option) error {
	c, err := New(options...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.DeleteOrganization(ctx, orgID)
}

// DeleteOrganization deletes an organization permanently, by its ID of 24 hexadecimal digits.
// All projects of the organization must be deleted first. The credential needs the role
// Organization Owner. Atlas can make a final charge.
//
// Errors, in addition to those of every call:
//
//   - [errors.OrganizationNotEmpty]: the organization has projects
//   - [errors.ActiveLiveMigration]: a live migration into the organization runs
//   - [errors.PaymentRequired]: an invoice is unpaid, or the final charge failed
//   - [errors.PermissionDenied]: the credential lacks the role
//   - [errors.OrganizationNotFound]: the organization did not exist before the call
//   - [errors.OutcomeUnknown]: possibly deleted; no read could decide
//
// The first three are in category [errors.DeletionStepsNotSatisfied], and Steps lists the
// blockers.
//
// If Atlas answers 204, the documented answer for a deleted organization, DeleteOrganization
// returns nil without a read. [Client.Teardown] verifies the deletion by a read.
//
// After a lost answer, a 5xx and any other 2xx or 3xx, DeleteOrganization reads the
// organization. The read needs the role Organization Member and a credential that the deletion
// did not invalidate.
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's error page.
func (c *Client) DeleteOrganization(ctx context.Context, orgID string) error {
	_, err := c.deleteProved(ctx, orgID)
	return err
}

// deleteProved deletes an organization and reports whether a read has shown that the
// organization does not exist.
func (c *Client) deleteProved(ctx context.Context, orgID string) (proved bool, err error) {
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Operation: "DeleteOrganization",
		Send:      func(ctx context.Context) error { return c.deleteOrganization(ctx, orgID) },
		Verify:    func(ctx context.Context) (rest.Existence, error) { return c.readExistence(ctx, orgID) },
	})
}

// readExistence reads whether an organization exists. A 401 proves nothing, because the
// deletion may have invalidated the credential.
func (c *Client) readExistence(ctx context.Context, orgID string) (rest.Existence, error) {
	found, err := c.GetOrganization(ctx, orgID)
	switch {
	case errors.Is(err, errors.OrganizationNotFound) && !isAboutAnother(err, orgID):
		return rest.NotFound, nil
	case err != nil:
		return rest.Unknown, err
	case found.ID != orgID:
		return rest.Unknown, nil
	case found.IsDeleted:
		return rest.NotFound, nil
	}
	return rest.Exists, nil
}

// CheckDeletion returns the error that [Client.DeleteOrganization] would return now, as far as
// reads can determine it, and changes nothing. Nil means that no blocker was found, not that
// the deletion will succeed: no read shows a live migration, a due payment other than a failed
// invoice, or the role of the credential.
//
// The error has one step for each project and each failed invoice. The credential needs the
// role Organization Member and, to find invoices, Organization Billing Viewer.
func (c *Client) CheckDeletion(ctx context.Context, orgID string) error {
	_, projects, err := c.survey(ctx, "CheckDeletion", orgID)
	if err != nil {
		return err
	}
	invoices, err := c.failedInvoices(ctx, orgID)
	if err != nil && !refusedByAtlas(err) {
		return err
	}
	return deletionError(orgID, projects, invoices)
}

// verifyNotFound returns the error of a list of an organization that was read before. A "not
// found" of the list does not prove that the organization does not exist, so another read of the
// organization decides.
func (c *Client) verifyNotFound(ctx context.Context, orgID string, err error) error {
	if !errors.Is(err, errors.NotFound) {
		return err
	}
	found, readErr := c.GetOrganization(ctx, orgID)
	switch {
	case readErr != nil:
		return readErr
	case found.IsDeleted && found.ID == orgID:
		return &errors.Error{Provider: provider, Operation: "GetOrganization", Target: orgID, Code: errors.OrganizationNotFound}
	}
	return contradicted(err)
}

// refusedByAtlas reports whether Atlas itself denies a permission. The page of a firewall and
// the answer to a revoked credential have no code of Atlas.
func refusedByAtlas(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.PermissionDenied && e.ProviderCode != ""
}

// getExisting returns an organization, or an error if the organization does not exist.
func (c *Client) getExisting(ctx context.Context, operation, orgID string) (*Organization, error) {
	found, err := c.GetOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: orgID}
	switch {
	case found.ID != orgID:
		e.Code, e.Err = errors.UnexpectedResponse, fmt.Errorf("the answer is about organization %q", found.ID)
		return nil, e
	case found.IsDeleted:
		e.Code = errors.OrganizationNotFound
		return nil, e
	}
	return found, nil
}

// survey reads an organization and its projects.
func (c *Client) survey(ctx context.Context, operation, orgID string) (*Organization, []Project, error) {
	found, err := c.getExisting(ctx, operation, orgID)
	if err != nil {
		return nil, nil, err
	}
	projects, err := gather(c.ListProjects(ctx, orgID, ListProjectsPageOptions{}))
	return found, projects, c.verifyNotFound(ctx, orgID, err)
}

// failedInvoices lists the invoices whose payment failed.
func (c *Client) failedInvoices(ctx context.Context, orgID string) ([]Invoice, error) {
	all, err := gather(c.ListInvoices(ctx, orgID, ListInvoicesPageOptions{StatusNames: []InvoiceStatus{InvoiceStatusFailed}}))
	return all, c.verifyNotFound(ctx, orgID, err)
}

// deletionError returns the error for an organization with these projects and failed invoices;
// nil if there are neither.
func deletionError(orgID string, projects []Project, invoices []Invoice) error {
	e := &errors.Error{Provider: provider, Operation: "CheckDeletion", Target: orgID}
	switch {
	case len(projects) > 0:
		e.Code = errors.OrganizationNotEmpty
	case len(invoices) > 0:
		e.Code = errors.PaymentRequired
	default:
		return nil
	}
	for _, x := range projects {
		e.Steps = append(e.Steps, errors.Step{
			Name:        string(kindProject),
			Description: fmt.Sprintf("%s (%s), clusters: %d", x.Name, x.ID, x.ClusterCount),
		})
	}
	for _, x := range invoices {
		unpaid := x.AmountBilledCents - x.AmountPaidCents
		e.Steps = append(e.Steps, errors.Step{
			Name:        string(kindFailedInvoice),
			Description: fmt.Sprintf("%s, unpaid: USD %d.%02d", x.ID, unpaid/100, unpaid%100),
		})
	}
	return e
}

// organizationAbsent reads whether an organization does not exist.
func (c *Client) organizationAbsent(ctx context.Context, orgID string) (bool, error) {
	existence, err := c.readExistence(ctx, orgID)
	if existence != rest.Unknown {
		err = nil
	} else if err == nil {
		err = wrongResource("GetOrganization", orgID)
	}
	return existence == rest.NotFound, err
}
