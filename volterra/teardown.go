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

// Plan reads the resources of the tenant and the cascades, and changes nothing. Name of the request
// becomes the ID and the name of the plan's organization. The plan does not contain the other
// fields of the request: pass the request to [Client.Teardown] again.
//
// F5 documents neither blockers nor the handling of a deleted tenant's resources. So every resource
// that can be removed is a step: child tenants, then their managers; managed tenants; namespaces
// except F5's own; and last addon services. The deletion of a child tenant, which includes its
// resources, requires [teardown.ManagedOrganizations]. An unsubscription that F5 must approve is a
// manual step once F5 has created a ticket.
//
// Cascades are the objects in the quota of the tenant, by F5's own kinds, active plans and unpaid
// invoices. A cascade that the credential may not read has no number and a note with the reason.
// The quota counts objects without naming them, so a replaced object is not detected. Resources
// that a site created at a cloud provider are not deleted: destroy them before. F5 also deletes
// users and credentials, which are not listed.
//
// DeletionError of the plan is the error of [Client.CheckDeletion]: nil even with steps, or
// [errors.AlreadyRequestedDeletion] for a tenant in [StateDisabled], which is marked for deletion:
// the plan has no steps and no cascades.
//
// The tenant is always the credential's own, so the plan does not require
// [teardown.OwnOrganization].
//
// Plan sends 9 requests and one for each subscription to an addon service. F5 does not document the
// required roles.
//
// Errors in addition to those of every call:
//
//   - [errors.NotConfirmed]: the request names another tenant
//   - [errors.InvalidArgument]: Name or Email is empty
//   - [errors.PartialResult]: F5 returned an incomplete list
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion.
func (c *Client) Plan(ctx context.Context, request DeleteTenantRequest) (*teardown.Plan, error) {
	return teardown.NewPlan(ctx, c.driver(request), teardown.Organization{ID: request.Name})
}

// Identify returns the ID and the name of the tenant of the credential, which are the same, as a plan
// has them. The error is [errors.NotConfirmed] if name is that of another tenant. A tenant that is
// marked for deletion exists. Identify sends one request.
func (c *Client) Identify(ctx context.Context, name string) (teardown.Organization, error) {
	settings, err := c.identify(ctx, "Identify", name)
	if err != nil {
		return teardown.Organization{}, err
	}
	return settings.planned(), nil
}

// planned returns the tenant as plans have it.
func (s *TenantSettings) planned() teardown.Organization {
	return teardown.Organization{ID: s.Name, Name: s.Name}
}

// Teardown applies a plan of [Client.Plan] and then requests the deletion of the tenant. Name of the
// request must be the ID of the plan's organization.
//
// The outcome is [teardown.Pending]: the tenant is in F5's deletion queue, and F5 removes it after an
// approval. F5 is expected to refuse the credential from then on: after three refused reads in a
// row, the answer to the request decides. If a read shows the tenant in use, 15 seconds or more
// after the request, the request is sent again, at most three times, each time after another read
// of the tenant's resources, and not if a resource is new. After that, or if the answer
// was lost and no read can decide, the outcome is [teardown.Unknown]. For a tenant that is already
// in [StateDisabled], no request is sent; the outcome is Pending, and the report states the reason.
//
// A namespace whose objects are referred to is deleted again after the referring objects are deleted.
// If an object of one of F5's own namespaces refers to them, the step fails with
// [errors.NamespaceNotEmpty], which names the objects. If F5 must approve an unsubscription, its step
// fails with [errors.NotFinished]; apply the plan again after the approval.
//
// Teardown reads the tenant before the first step and, if the plan has steps, again before the
// deletion; each time with 7 requests and one for each subscription to an addon service. It reads
// again if the request waits more than 10 seconds for the rate limit. A namespace that others delete
// and create again while its removal waits is not removed. Teardown sends 3
// requests for most steps and 5 for the deletion. Removals that take longer are polled; resources of
// a kind share one list, and a read of each resource proves that it no longer exists.
//
// Errors in addition to those of [teardown.Execute] and [Client.DeleteTenant]; the report is nil if
// the error was found before the plan was applied, as in Execute:
//
//   - [errors.NotConfirmed]: the request or the confirmation names another tenant, or an override
//     is missing
//   - [errors.PlanStale]: the plan is of another provider, expired or was edited; or the tenant has
//     resources that the plan does not contain; or the quota cannot be read anymore
//   - [errors.PartialResult]: F5 returned an incomplete list
//   - [errors.DeletionFailed]: a child tenant cannot be deleted
//
// Source: vendor OpenAPI 2026-06-26; vendor's page on account deletion; issues of the
// vendor's Terraform provider.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, request DeleteTenantRequest, options ...teardown.Option) (*teardown.Report, error) {
	if p != nil {
		if err := checkTenant(p, request); err != nil {
			return nil, err
		}
	}
	return teardown.Execute(ctx, c.driver(request), p, options...)
}

// Driver returns the driver that applies a plan in parts, in several processes, by
// [teardown.Prepare], [teardown.ExecuteSteps] and [teardown.ExecuteDelete]. p is the plan, or the
// prepared plan. Make a driver for each of these calls. The error is [errors.InvalidArgument] if p
// is nil, and [errors.NotConfirmed] if the request names another tenant than p.
func (c *Client) Driver(p *teardown.Plan, request DeleteTenantRequest) (teardown.Driver, error) {
	if p == nil {
		return nil, rest.Invalid(provider, "Teardown", "", errors.New("the plan is nil"))
	}
	if err := checkTenant(p, request); err != nil {
		return nil, err
	}
	return c.driver(request), nil
}

// checkTenant refuses a request for another tenant than that of the plan.
func checkTenant(p *teardown.Plan, request DeleteTenantRequest) error {
	if request.Name == p.Organization.ID {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: "Teardown", Target: p.Organization.ID,
		Code: errors.NotConfirmed, Err: errors.New("the request names another tenant"),
	}
}

// inspect makes a plan. before is the plan that is applied, if any: a tenant that is already marked
// for deletion is no error then.
func (c *Client) inspect(ctx context.Context, operation string, request DeleteTenantRequest, before *teardown.Plan) (*teardown.Plan, error) {
	if err := checkRequest(operation, request); err != nil {
		return nil, err
	}
	settings, err := c.identify(ctx, operation, request.Name)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: settings.planned(),
		Steps:        []teardown.Step{},
	}
	if before == nil {
		p.DeletionError, _ = errors.AsType[*errors.Error](marked("CheckDeletion", settings))
	}
	if settings.State == StateDisabled {
		p.PendingDeletion = &teardown.Deletion{
			Outcome:   teardown.Pending,
			PendingOn: "The tenant was already marked for deletion, so no request was sent. F5 removes the tenant after an approval. No API reports when.",
		}
	}
	if settings.State == StateDisabled && (before == nil || len(before.Steps) == 0) {
		return p, nil
	}
	kinds, reads := c.kinds(), c.cascades(settings.Name, before != nil)
	steps, found := make([][]teardown.Step, len(kinds)), make([][]teardown.Cascade, len(reads))
	err = trace.Parallel(ctx, len(kinds)+len(reads), func(i int) (err error) {
		if i < len(kinds) {
			steps[i], err = kinds[i].steps(ctx)
			return err
		}
		i -= len(kinds)
		found[i], err = reads[i](ctx)
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

// driver applies plans at F5.
type driver struct {
	*resource.Driver[ref]
	c       *Client
	request DeleteTenantRequest
}

// driver returns the driver of a teardown with a request.
func (c *Client) driver(request DeleteTenantRequest) *driver {
	return &driver{resource.New(c.table(), refOf), c, request}
}

// Provider returns the provider and the base URL of the plans that the driver applies.
func (d *driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Durations returns the durations that all teardowns of the client have measured.
func (d *driver) Durations() *teardown.Durations { return d.c.durations }

// Inspect makes a plan.
func (d *driver) Inspect(ctx context.Context, _ teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	operation := "Teardown"
	if before == nil {
		operation = "Plan"
	}
	return d.c.inspect(ctx, operation, d.request, before)
}

// Delete requests the deletion of the tenant, and reads that F5 has marked the tenant. If F5 refuses
// the credential from then on, which is expected, the answer to the request decides.
func (d *driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
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
			PendingOn: "The tenant is in F5's deletion queue. F5 removes the tenant after an approval. No API reports when.",
		},
	}
	return deletion.Run(ctx)
}
