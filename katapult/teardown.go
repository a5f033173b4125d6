package katapult

import (
	"context"
	"time"

	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Plan reads what stands in the way of an organization's deletion, and changes
// nothing.
//
// Each thing is a step: machines, disks, buckets and all else that lists show, what is
// in the trash already, and each organization that this one manages, after all that it
// has, which needs [teardown.ManagedOrganizations]. Steps by hand are disk templates,
// buckets that no access key names, managed organizations that cannot be read, and
// every deletion step that Katapult says to be open while nothing that can be read
// explains it: images of discs, a balance, invoices, object storage without an access
// key. Beside other object storage that of a region which no access key names is not
// seen, for nothing lists it: then that deletion step is open after all steps. A list is read unless Katapult says that its deletion step is satisfied. The
// plan has no losses: what goes along with an organization, such as its security
// groups, tokens and SSH keys, is not listed.
//
// It needs no [teardown.OwnOrganization]: only a token of the organization that manages
// it deletes an organization, and so never its own. A token of its own would have its
// steps carried out and the deletion refused.
//
// The plan's Err is that of [Client.CheckDeletion] by id.
//
// It costs two requests, and one for each page of 100 of each list, each region and
// each bucket; and one beside the lists for each managed organization.
//
// It needs the scopes organizations:read, managed_organizations:delete, and for what
// there is managed_organizations, load_balancers:read, dns:read,
// disk_backup_policies:read, virtual_machines:read, disks:read,
// file_storage_volumes:read, object_storage, trash_objects:read, virtual_networks:read,
// ip_addresses:read and disk_templates:read. Errors are those of these reads, and
// [errors.NotConfirmed] when the organization that answers is not the one that is named.
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) Plan(ctx context.Context, organization OrganizationLookup) (*teardown.Plan, error) {
	d := c.driver()
	d.lookup = organization
	return teardown.NewPlan(ctx, d, teardown.Organization{})
}

// Teardown carries out a plan of [Client.Plan]: it removes one thing after the other,
// in order, and deletes the organization once all are read to be gone. After Katapult has
// accepted that, a read decides. The outcome is [teardown.Deleted] when that shows that the
// organization is deleted; while it exists the deletion is requested again, three times at
// most. It is [teardown.Unknown] when no read shows that within 5 minutes.
//
// A virtual machine is stopped, its disks are unassigned but for the one it boots from,
// and it is deleted. What goes to the trash is purged there by itself, and nothing else
// that is in the trash is. An address is taken away from what holds it. What went to the
// trash by an earlier run of the same plan stays the step that it was.
//
// Reads decide. A task is a record, and proves neither success nor failure: its resource
// is read while the task goes on, and before a result is reported. A request that
// Katapult accepts while its resource stays as it is is sent again, at most three times
// and within the time of the step. A bucket has no ID: it is deleted only if a read right
// before shows that an access key of the organization may use it. A resource in the trash
// is purged only if the trash of the organization has it.
//
// Katapult does not tell an organization that is gone from one that the token may not
// see: carry out a plan with a token of whoever made it.
//
// It needs the scopes of Plan, and for what there is tasks:read, trash_objects:purge
// and, without :read, those of the things, managed_organizations:delete included. It
// costs what Plan does, and for each step three or four requests; for what goes to the
// trash about ten, most of them to see how far its task is.
//
// Errors, among those of every call, and with the report being nil where nothing was
// begun:
//
//   - [errors.NotConfirmed]: the name is another one, something was not permitted, or a
//     bucket names no access key of the organization
//   - [errors.PlanStale]: the plan is of another provider, too old, was changed, or is
//     no longer the truth
//   - [errors.DeletionStepsNotSatisfied]: something has to be done by hand, is back, or
//     was not to be seen
//   - [errors.ManagedOrganizationRequired]: it is not a managed organization, and
//     nothing was touched
//   - [errors.TaskFailed]: a machine was not stopped, a disk not detached, or something
//     not purged
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return teardown.Execute(ctx, c.driver(), p, options...)
}

// inspect takes a plan. shown has the ids of the steps that earlier inspections have shown.
func (c *Client) inspect(ctx context.Context, organization OrganizationLookup, before *teardown.Plan, shown map[string]bool) (*teardown.Plan, error) {
	found, err := c.find(ctx, "Plan", organization)
	if err != nil {
		return nil, err
	}
	if before == nil {
		before = &teardown.Plan{}
	}
	open, steps, err := c.inventory(ctx, found, before.Steps, shown, false, map[ID]bool{})
	if err != nil {
		return nil, c.proven(ctx, ID(found.ID), err)
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: teardown.Organization{ID: found.ID, Name: found.Name},
		Steps:        steps,
	}
	if e := deletionError(found.ID, found, open); e != nil {
		p.DeletionError = e
	}
	return p, nil
}

// driver is what a teardown needs of Katapult.
type driver struct {
	*resource.Driver[ref]
	c     *Client
	shown map[string]bool // ids of the steps that inspections have shown

	lookup OrganizationLookup // of the plan to make; nil for the ID
}

func (c *Client) driver() driver {
	all := c.kinds()
	return driver{Driver: resource.New(c.table(all), all.refOf), c: c, shown: map[string]bool{}}
}

// Provider returns what plans of this client have as their provider and instance.
func (d driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

// Durations returns what all teardowns of the client have learned.
func (d driver) Durations() *teardown.Durations { return d.c.durations }

// Inspect takes a plan.
func (d driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	organization := d.lookup
	if organization == nil {
		organization = ID(o.ID)
	}
	p, err := d.c.inspect(ctx, organization, before, d.shown)
	if err != nil {
		return nil, err
	}
	for _, s := range p.Steps {
		d.shown[s.ID] = true
	}
	return p, nil
}

// Delete deletes the organization, and reads whether it is deleted. Katapult does not document
// whether it no longer exists at once.
func (d driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	deletion := resource.Deletion{
		Send: func(ctx context.Context) (bool, error) { return d.c.deleteProved(ctx, ID(o.ID)) },
		Verification: resource.Verification{
			Wait: d.c.rest().Wait, Provider: provider, Operation: "Teardown", Organization: o.ID,
			Read:     func(ctx context.Context) (rest.Existence, error) { return d.c.look(ctx, ID(o.ID)) },
			Settling: 5 * time.Second, Within: 5 * time.Minute,
		},
	}
	return deletion.Run(ctx)
}
