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

// DeleteOrganization deletes an organization, for good, by its id of 24
// hexadecimal digits. The credential needs the role Organization Owner, and all
// projects of the organization must be gone. Atlas may make a final charge.
//
// Errors, among those of every call:
//
//   - [errors.OrganizationNotEmpty]: it has projects
//   - [errors.ActiveLiveMigration]: a live migration into it is running
//   - [errors.PaymentRequired]: an invoice is unpaid, or the final charge failed
//   - [errors.PermissionDenied]: the credential lacks the role
//   - [errors.OrganizationNotFound]: there was none when the call was made
//   - [errors.OutcomeUnknown]: the answer was lost and nothing can be read
//
// The first three are below [errors.DeletionStepsNotSatisfied], and Steps names
// what is in the way.
//
// A nil error proves that Atlas answered 204, which it documents for an organization that
// is deleted; that answer is not checked by a read. [Client.Teardown] checks it.
//
// After a lost answer, a 5xx and any other 2xx or 3xx the organization is read, which
// needs the role Organization Member in it, with a credential that has not ended with it.
//
// Source: vendor OpenAPI of SDK v20250312023; vendor's error page.
func (c *Client) DeleteOrganization(ctx context.Context, orgID string) error {
	_, err := c.deleteProved(ctx, orgID)
	return err
}

// deleteProved deletes an organization, and reports whether a read has shown that it does
// not exist.
func (c *Client) deleteProved(ctx context.Context, orgID string) (proved bool, err error) {
	return c.rest().DeleteProved(ctx, rest.Deletion{
		Send:   func(ctx context.Context) error { return c.deleteOrganization(ctx, orgID) },
		Verify: func(ctx context.Context) (rest.Existence, error) { return c.readExistence(ctx, orgID) },
	})
}

// look reads whether an organization is there. A 401 does not tell: the
// credential may have ended with the organization.
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

// CheckDeletion returns the error that [Client.DeleteOrganization] would return
// now, as far as reads can tell, and changes nothing. Nil means that nothing is
// known to stand in the way, not that the deletion will succeed: a live migration,
// other matters of payment than an invoice that failed, and the role of the
// credential do not show.
//
// The error has one step for each project and each invoice whose payment has failed.
// It needs the role Organization Member; without Organization Billing Viewer invoices
// do not show.
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

// doubted returns the error of a list of an organization that was read before. That the
// list was not found does not say that the organization was not: another read of it
// decides.
func (c *Client) verifyNotFound(ctx context.Context, orgID string, err error) error {
	if !errors.Is(err, errors.NotFound) {
		return err
	}
	found, wrong := c.GetOrganization(ctx, orgID)
	switch {
	case wrong != nil:
		return wrong
	case found.IsDeleted && found.ID == orgID:
		return &errors.Error{Provider: provider, Operation: "GetOrganization", Target: orgID, Code: errors.OrganizationNotFound}
	}
	return contradicted(err)
}

// refusedByAtlas reports whether Atlas itself denies a permission. A page of a firewall
// does not say so, nor does a credential that was revoked meanwhile.
func refusedByAtlas(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && e.Code == errors.PermissionDenied && e.ProviderCode != ""
}

// survey reads an organization and its projects.
func (c *Client) survey(ctx context.Context, operation, orgID string) (*Organization, []Project, error) {
	found, err := c.GetOrganization(ctx, orgID)
	if err != nil {
		return nil, nil, err
	}
	e := &errors.Error{Provider: provider, Operation: operation, Target: orgID}
	switch {
	case found.ID != orgID:
		e.Code, e.Err = errors.UnexpectedResponse, fmt.Errorf("it is about %q", found.ID)
		return nil, nil, e
	case found.IsDeleted:
		e.Code = errors.OrganizationNotFound
		return nil, nil, e
	}
	projects, err := gather(c.ListProjects(ctx, orgID, ListProjectsPageOptions{}))
	return found, projects, c.verifyNotFound(ctx, orgID, err)
}

// failedInvoices reads the invoices whose payment has failed.
func (c *Client) failedInvoices(ctx context.Context, orgID string) ([]Invoice, error) {
	all, err := gather(c.ListInvoices(ctx, orgID, ListInvoicesPageOptions{StatusNames: []InvoiceStatus{InvoiceStatusFailed}}))
	return all, c.verifyNotFound(ctx, orgID, err)
}

// deletionError is the error of an organization with these projects and failed invoices.
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
			Name:        "project",
			Description: fmt.Sprintf("%s (%s), clusters: %d", x.Name, x.ID, x.ClusterCount),
		})
	}
	for _, x := range invoices {
		unpaid := x.AmountBilledCents - x.AmountPaidCents
		e.Steps = append(e.Steps, errors.Step{
			Name:        "failed_invoice",
			Description: fmt.Sprintf("%s, unpaid: USD %d.%02d", x.ID, unpaid/100, unpaid%100),
		})
	}
	return e
}

// organizationAbsent reads whether the organization does not exist.
func (c *Client) organizationAbsent(ctx context.Context, orgID string) (bool, error) {
	existence, err := c.readExistence(ctx, orgID)
	if existence != rest.Unknown {
		err = nil
	} else if err == nil {
		err = wrongResource("GetOrganization", orgID)
	}
	return existence == rest.NotFound, err
}
