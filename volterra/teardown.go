package volterra

import (
	"context"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what the tenant owns and what goes along with it, and changes nothing.
// The request is that of [Client.DeleteTenant], whose Name is the plan's id and name
// of the organization. The rest of it is not in the plan: give it to
// [Client.Teardown] again.
//
// F5 documents nothing that keeps a tenant from being deleted, and does not say what
// becomes of what it owns. So all that can be removed is a step: child tenants, then
// their managers; the management of other tenants; namespaces, those of F5 itself
// left out; and after all these, addon services. A child tenant needs
// [teardown.ManagedOrganizations], for it is deleted with all that it has. A service
// whose end F5 has to approve is a step by hand once F5 has made a ticket of it.
//
// Losses are what the quota of the tenant counts, by F5's own kinds, plans that are
// active, and invoices that are not paid, which F5 does not document to stand in the
// way. What the credential may not see of them is a loss of none, with a note that
// says so. The quota counts objects and does not name them: that others were created in
// place of some that were removed is not seen. What the sites of a tenant have made at a cloud provider is not F5's to
// delete: destroy it before. Users and credentials go along as well, and are not
// listed.
//
// The plan's Err is the error of [Client.CheckDeletion]. It is nil with steps left,
// or [errors.Conflict] for a tenant that is in [StateDisabled]. That one is marked
// for deletion already: nothing more is read, and nothing has to go before.
//
// The tenant is always the one that the credential belongs to, for no other can be
// deleted. That is not asked for by [teardown.OwnOrganization].
//
// It takes 9 requests, and one for each subscription to an addon service. F5 does not
// say which role they need.
//
// Errors, among those of every call:
//
//   - [errors.NotConfirmed]: the tenant is another one than the request names
//   - [errors.InvalidArgument]: Name or Email is empty
//   - [errors.PartialResult]: F5 has left something out of a list, so that there is
//     no plan of it
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion.
func (c *Client) Plan(ctx context.Context, request DeleteTenantRequest) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, c.driver(request), teardown.Organization{ID: request.Name})
}

// Teardown carries out a plan of [Client.Plan], and then asks for the deletion of the
// tenant with the request, whose Name has to be that of the plan.
//
// The outcome is [teardown.Pending]: F5 has the tenant in its deletion queue, approves
// that and removes it later. The credential is expected to be dead from then on, so
// that three reads in a row are refused, and the answer stands. If the tenant is still read
// to be in use, or cannot be read, after 15 seconds, the request is sent again once the
// tenant is read to be in use, at most three times; after that the outcome is
// [teardown.Unknown]. It is Unknown as well when the answer was lost and nothing can be
// read. For a tenant that is in [StateDisabled] before, no request is
// sent: the outcome is Pending, and the report says so.
//
// A namespace with objects that others refer to is tried again as those go. Where an
// object of a namespace of F5 itself refers to them, it stays: the step's error is
// [errors.NamespaceNotEmpty] and says which. A service whose end F5 has to approve is
// asked to end, and its step fails with [errors.NotFinished]. Carry out the plan again
// once it is approved.
//
// It reads what the tenant has before the first step and, unless the plan has no steps, once
// more before the deletion, each time by 7 requests and one for each subscription to an addon
// service. It takes 3
// requests for most steps, and 5 for the deletion. What takes longer is read until it is
// deleted; many resources of a kind share one list, and one read of each proves that it no
// longer exists.
//
// Errors, among those of [teardown.Execute] and [Client.DeleteTenant], with the report
// being nil where nothing was begun:
//
//   - [errors.NotConfirmed]: the request or the confirmation names another tenant, or
//     something was not permitted
//   - [errors.PlanStale]: the plan is of another provider, too old, or was changed; or
//     the tenant has something that is not in it, or what the quota counts cannot be read
//     any more
//   - [errors.PartialResult]: F5 has left something out of a list
//   - [errors.DeletionFailed]: a child tenant cannot be deleted
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion; issues of the
// vendor's Terraform provider.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, request DeleteTenantRequest, options ...teardown.Option) (*teardown.Report, error) {
	if p != nil && request.Name != p.Organization.ID {
		return nil, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: p.Organization.ID,
			Code: errors.NotConfirmed, Err: errors.New("the request names another tenant"),
		}
	}
	return teardown.Execute(ctx, c.driver(request), p, options...)
}

// inspect takes a plan. With one before it does so for its execution: that the tenant
// is marked is no refusal then.
func (c *Client) inspect(ctx context.Context, operation string, request DeleteTenantRequest, before *teardown.Plan) (*teardown.Plan, error) {
	if err := complete(operation, request); err != nil {
		return nil, err
	}
	settings, err := c.identify(ctx, operation, request.Name)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: teardown.Organization{ID: settings.Name, Name: settings.Name},
		Steps:        []teardown.Step{},
	}
	if before == nil {
		p.DeletionError, _ = errors.AsType[*errors.Error](marked("CheckDeletion", settings))
	}
	if settings.State == StateDisabled {
		p.PendingDeletion = &teardown.Deletion{
			Outcome:   teardown.Pending,
			PendingOn: "The tenant was marked for deletion already, so that no request was sent. F5 removes it once that is approved. No API tells when.",
		}
	}
	if settings.State == StateDisabled && (before == nil || len(before.Steps) == 0) {
		return p, nil
	}
	kinds, losses := c.kinds(), c.cascades(settings.Name, before != nil)
	steps, found := make([][]teardown.Step, len(kinds)), make([][]teardown.Cascade, len(losses))
	err = trace.Parallel(ctx, len(kinds)+len(losses), func(i int) (err error) {
		if i < len(kinds) {
			steps[i], err = kinds[i].steps(ctx)
			return err
		}
		i -= len(kinds)
		found[i], err = losses[i](ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.Steps, p.Cascades = ordered(kinds, steps), slices.Concat(found...)
	if before != nil {
		p.Cascades = compared(p.Cascades)
	}
	return p, nil
}

// driver is what a teardown needs of F5.
type driver struct {
	*resource.Driver[ref]
	c       *Client
	request DeleteTenantRequest
}

func (c *Client) driver(request DeleteTenantRequest) driver {
	return driver{resource.New(c.table(), refOf), c, request}
}

// Provider returns what plans of this client have as their provider and instance.
func (d driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Durations returns what all teardowns of the client have learned.
func (d driver) Durations() *teardown.Durations { return d.c.durations }

// Inspect takes a plan.
func (d driver) Inspect(ctx context.Context, _ teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	operation := "Teardown"
	if before == nil {
		operation = "Plan"
	}
	return d.c.inspect(ctx, operation, d.request, before)
}

// Delete requests the deletion of the tenant, and reads that F5 has marked it. If F5 refuses
// the credential from then on, as is expected, the answer to the request stands.
func (d driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, d.request) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read: func(ctx context.Context) (rest.Existence, error) {
				settings, err := d.c.GetTenantSettings(ctx)
				switch {
				case err != nil, settings.Name != d.request.Name:
					return rest.Unknown, err
				case settings.State == StateDisabled:
					return rest.NotFound, nil
				}
				return rest.Exists, nil
			},
			CredentialEnded: func(_ context.Context, refusal error) (bool, error) {
				return errors.Is(refusal, errors.Unauthenticated), nil
			},
			MinRefusals: 3, RepeatAfter: 15 * time.Second, Timeout: time.Minute,
		},
		Result: teardown.Deletion{
			Outcome:   teardown.Pending,
			PendingOn: "F5 has the tenant in its deletion queue, and removes it once that is approved. No API tells when.",
		},
	}
	return deletion.Run(ctx)
}
