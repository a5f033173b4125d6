package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// WaitForTask waits until a task is completed, and returns it. progress, which may
// be nil, is called with the task each time it was read.
//
// A task that failed is [errors.TaskFailed]; why is not told. When the context ends
// first the error is [errors.NotFinished]. It needs the scope tasks or tasks:read.
//
// A task is a record: it proves nothing about its resource, and may stay running after
// the work is done. An answer without a body has no task, whose ID is then empty and
// refused here with [errors.InvalidArgument]. In both cases wait for the resource
// instead, with [Client.WaitUntilPurged], [Client.WaitUntilTrashEmpty] or
// [Client.WaitUntilStopped].
//
// Source: live exchanges.
func (c *Client) WaitForTask(ctx context.Context, id ID, progress func(*Task)) (*Task, error) {
	const operation = "WaitForTask"
	var task *Task
	err := c.rest().Wait(ctx, operation, string(id), func(ctx context.Context) ([]errors.Step, error) {
		found, err := c.GetTask(ctx, id)
		if err != nil {
			return nil, err
		}
		task = found
		if progress != nil {
			progress(found)
		}
		left := []errors.Step{{Name: "tasks", Description: fmt.Sprintf("%s: %s, %d %%", found.Name, found.Status, found.Progress)}}
		switch found.Status {
		case TaskStatusCompleted:
			return nil, nil
		case TaskStatusFailed:
			return nil, failed(operation, string(id), left)
		}
		return left, nil
	})
	return rest.Value(&task, err)
}

// WaitUntilStopped waits until a virtual machine is stopped, and returns it.
// progress, which may be nil, is called with the machine each time it was read.
//
// A machine that failed or that is orphaned will not stop: [errors.TaskFailed].
// When the context ends first, as it may after a shutdown that the machine does not
// carry out, the error is [errors.NotFinished]. It needs the scope virtual_machines or
// virtual_machines:read.
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) WaitUntilStopped(ctx context.Context, virtualMachine VirtualMachineLookup, progress func(*VirtualMachine)) (*VirtualMachine, error) {
	const operation = "WaitUntilStopped"
	_, target := lookup(virtualMachine)
	var machine *VirtualMachine
	err := c.rest().Wait(ctx, operation, target, func(ctx context.Context) ([]errors.Step, error) {
		found, err := c.GetVirtualMachine(ctx, virtualMachine)
		if err != nil {
			return nil, err
		}
		if id, ok := virtualMachine.(ID); ok && found.ID != string(id) {
			return nil, another(string(id), found.ID)
		}
		// Another machine may have the name later.
		machine, virtualMachine = found, ID(found.ID)
		if progress != nil {
			progress(found)
		}
		left := []errors.Step{{Name: "virtual_machines", Description: fmt.Sprintf("%s: %s", found.Name, found.State)}}
		switch found.State {
		case VirtualMachineStateStopped:
			return nil, nil
		case VirtualMachineStateFailed, VirtualMachineStateOrphaned:
			return nil, failed(operation, target, left)
		}
		return left, nil
	})
	return rest.Value(&machine, err)
}

// WaitUntilPurged waits until something is no longer in the trash: it was purged,
// or its 48 hours are over. progress, which may be nil, is called with it each time
// it was read. What is not in the trash at all counts as purged.
//
// When the context ends first the error is [errors.NotFinished]. It needs the scope
// trash_objects:read.
//
// Source: live exchanges, of which 88 purges ended so after 6 seconds mostly and 66
// at most.
func (c *Client) WaitUntilPurged(ctx context.Context, trashObject TrashObjectLookup, progress func(*TrashObject)) error {
	_, target := lookup(trashObject)
	return c.rest().Wait(ctx, "WaitUntilPurged", target, func(ctx context.Context) ([]errors.Step, error) {
		found, err := c.GetTrashObject(ctx, trashObject)
		switch {
		case errors.Is(err, errors.TrashObjectNotFound):
			return nil, nil
		case err != nil:
			return nil, err
		}
		if progress != nil {
			progress(found)
		}
		return []errors.Step{found.step()}, nil
	})
}

// WaitUntilTrashEmpty waits until nothing of an organization is in the trash.
// progress, which may be nil, is called each time with what is left. The task of
// [Client.PurgeTrash] may be completed before that.
//
// When the context ends first the error is [errors.NotFinished], and its Steps are
// what is left. A subdomain is resolved to the ID first. It needs the scope
// trash_objects:read, and organizations:read for a subdomain.
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) WaitUntilTrashEmpty(ctx context.Context, organization OrganizationLookup, progress func([]TrashObject)) error {
	const operation = "WaitUntilTrashEmpty"
	_, target := lookup(organization)
	id := ID("") // of the organization, once it was read: another one may have the subdomain later
	return c.rest().Wait(ctx, operation, target, func(ctx context.Context) (_ []errors.Step, err error) {
		if id == "" {
			if id, err = c.identify(ctx, operation, organization); err != nil {
				return nil, err
			}
		}
		left, err := rest.Gather(c.ListTrashObjects(ctx, id))
		if err != nil {
			return nil, c.proven(ctx, id, err)
		}
		var steps []errors.Step
		for i := range left {
			steps = append(steps, left[i].step())
		}
		if progress != nil {
			progress(left)
		}
		return steps, nil
	})
}

// step describes something in the trash as what is left to do.
func (o *TrashObject) step() errors.Step {
	id := o.ObjectID
	if id == "" {
		id = o.ID
	}
	return errors.Step{Name: "empty_trash", Description: fmt.Sprintf("%s %s: in the trash", o.ObjectType, id)}
}

// failed is the error of something that will not end as it was waited for.
func failed(operation, target string, left []errors.Step) *errors.Error {
	return &errors.Error{Provider: provider, Operation: operation, Target: target, Code: errors.TaskFailed, Steps: left}
}
