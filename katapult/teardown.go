package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
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
	return c.inspect(ctx, organization, nil)
}

// Teardown carries out a plan of [Client.Plan]: it removes one thing after the other,
// in order, and deletes the organization once all are read to be gone. The outcome is
// then [teardown.Gone].
//
// A virtual machine is stopped, its disks are unassigned but for the one it boots from,
// and it is deleted. What goes to the trash is purged there by itself, and nothing else
// that is in the trash is. An address is taken away from what holds it. What went to the
// trash by an earlier run of the same plan stays the step that it was.
//
// Katapult does not tell an organization that is gone from one that the token may not
// see: carry out a plan with a token of whoever made it.
//
// It needs the scopes of Plan, and for what there is tasks:read, trash_objects:purge
// and, without :read, those of the things, managed_organizations:delete included. It
// costs what Plan does, and for each step two or three requests; for what goes to the
// trash about ten, most of them to see how far its task is.
//
// Errors, among those of every call, and with the report being nil where nothing was
// begun:
//
//   - [errors.NotConfirmed]: the name is another one, or something was not permitted
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
	return teardown.Execute(ctx, driver{c}, p, options...)
}

// inspect takes a plan.
func (c *Client) inspect(ctx context.Context, organization OrganizationLookup, before *teardown.Plan) (*teardown.Plan, error) {
	found, err := c.GetOrganization(ctx, organization)
	if err != nil {
		return nil, err
	}
	if !names(organization, found) {
		_, target := lookup(organization)
		return nil, &errors.Error{
			Provider: provider, Operation: "Plan", Target: target, Code: errors.NotConfirmed,
			Err: fmt.Errorf("the organization that answers is %q", found.ID),
		}
	}
	open, err := c.GetDeletionSteps(ctx, ID(found.ID))
	if err != nil {
		return nil, err
	}
	n := newInventory(c, found, open, before)
	if err := n.read(ctx, map[ID]bool{}); err != nil {
		return nil, err
	}
	p := &teardown.Plan{
		Provider:     provider,
		Instance:     c.rest().BaseURL().String(),
		Organization: teardown.Organization{ID: found.ID, Name: found.Name},
		Steps:        n.list(),
	}
	if e := refusal(found.ID, found, open); e != nil {
		p.Refusal = teardown.RefusalOf(e)
	}
	return p.Seal(), nil
}

// driver is what a teardown asks of Katapult.
type driver struct{ c *Client }

// Provider says whose plans are carried out.
func (d driver) Provider() (name, instance string) { return provider, d.c.rest().BaseURL().String() }

func (d driver) Inspect(ctx context.Context, o teardown.Organization, before *teardown.Plan) (*teardown.Plan, error) {
	return d.c.inspect(ctx, ID(o.ID), before)
}

// Remove removes a thing, and reads it before where it may be in the trash already or
// has to be made ready.
func (d driver) Remove(ctx context.Context, o teardown.Organization, step teardown.Step, progress func(string)) error {
	t, err := d.target(o, step)
	if err != nil {
		return err
	}
	if t.trash != nil || t.ready != nil {
		switch err := t.read(ctx); {
		case codeOf(err) == t.missing:
			return nil
		case codeOf(err) == errors.ObjectInTrash && t.trash != nil:
			object, err := t.trash(ctx, err)
			if err != nil {
				return err
			}
			return d.purge(ctx, object, progress)
		case err != nil:
			return err
		}
	}
	if t.ready != nil {
		if err := t.ready(ctx, progress); err != nil {
			return err
		}
	}
	object, err := t.remove(ctx)
	if err != nil || object == nil {
		return err
	}
	return d.purge(ctx, object, progress)
}

// IsGone reads whether a thing is gone. What is in the trash is not.
func (d driver) IsGone(ctx context.Context, o teardown.Organization, step teardown.Step) (bool, error) {
	t, err := d.target(o, step)
	if err != nil {
		return false, err
	}
	err = t.read(ctx)
	switch codeOf(err) {
	case t.missing:
		return true, nil
	case errors.ObjectInTrash:
		return false, nil
	case errors.OrganizationNotFound:
		// What a managed organization had is gone with it.
		if organization, _, _ := identity(step); organization != "" && organization != o.ID {
			return true, nil
		}
	}
	return false, err
}

func (d driver) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	if err := d.c.DeleteOrganization(ctx, ID(o.ID)); err != nil {
		return teardown.Deletion{}, err
	}
	return teardown.Deletion{Outcome: teardown.Gone}, nil
}

// purge deletes something in the trash for good.
func (d driver) purge(ctx context.Context, object TrashObjectLookup, progress func(string)) error {
	task, err := d.c.PurgeTrashObject(ctx, object)
	if err != nil {
		return err
	}
	if err := d.finish(ctx, task, progress); err != nil {
		return err
	}
	return d.c.WaitUntilPurged(ctx, object, func(*TrashObject) { progress("in the trash") })
}

// finish waits for a task.
func (d driver) finish(ctx context.Context, task *Task, progress func(string)) error {
	_, err := d.c.WaitForTask(ctx, ID(task.ID), func(t *Task) {
		progress(fmt.Sprintf("%s: %s, %d %%", t.Name, t.Status, t.Progress))
	})
	return err
}
