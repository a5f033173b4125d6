package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// WaitForTask waits until a task is completed, and returns it. After each read, it calls
// progress with the task; progress may be nil.
//
// If the task failed, the error is [errors.TaskFailed]; Katapult sends no reason. If the
// context ends first, the error is [errors.NotFinished]. It needs the scope tasks or
// tasks:read.
//
// A task proves nothing about its resource, and may stay running after the work is done.
// An answer without a body has no task: the ID is empty, and the error is
// [errors.InvalidArgument]. In both cases wait for the resource, with
// [Client.WaitUntilPurged], [Client.WaitUntilTrashEmpty] or [Client.WaitUntilStopped].
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
		remaining := []errors.Step{{Name: "tasks", Description: fmt.Sprintf("%s: %s, %d %%", found.Name, found.Status, found.Progress)}}
		switch found.Status {
		case TaskStatusCompleted:
			return nil, nil
		case TaskStatusFailed:
			return nil, waitFailed(operation, string(id), remaining)
		}
		return remaining, nil
	})
	return rest.Value(&task, err)
}

// WaitUntilStopped waits until a virtual machine is stopped, and returns it. After each
// read, it calls progress with the machine; progress may be nil.
//
// If the machine failed or is orphaned, it never stops, and the error is
// [errors.TaskFailed]. If the context ends first, for example because the machine ignores
// a shutdown, the error is [errors.NotFinished]. It needs the scope virtual_machines or
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
			return nil, wrongResource(string(id), found.ID)
		}
		// Another machine may have the host name later.
		machine, virtualMachine = found, ID(found.ID)
		if progress != nil {
			progress(found)
		}
		remaining := []errors.Step{{Name: "virtual_machines", Description: fmt.Sprintf("%s: %s", found.Name, found.State)}}
		switch found.State {
		case VirtualMachineStateStopped:
			return nil, nil
		case VirtualMachineStateFailed, VirtualMachineStateOrphaned:
			return nil, waitFailed(operation, target, remaining)
		}
		return remaining, nil
	})
	return rest.Value(&machine, err)
}

// WaitUntilPurged waits until an object is no longer in the trash: it was purged, its 48
// hours ended, or it was never there. After each read, it calls progress with the object;
// progress may be nil.
//
// If the context ends first, the error is [errors.NotFinished]. It needs the scope
// trash_objects:read.
//
// Source: live exchanges: 88 purges took 6 seconds (median) to 66 seconds.
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

// WaitUntilTrashEmpty waits until the trash of an organization is empty. After each read,
// it calls progress with the remaining objects; progress may be nil. The task of
// [Client.PurgeTrash] may be completed before the trash is empty.
//
// If the context ends first, the error is [errors.NotFinished], and its Steps are the
// remaining objects. A [Subdomain] is resolved to the ID first. It needs the scope
// trash_objects:read, and organizations:read for a subdomain.
//
// Source: vendor OpenAPI 2.68.0; live exchanges.
func (c *Client) WaitUntilTrashEmpty(ctx context.Context, organization OrganizationLookup, progress func([]TrashObject)) error {
	const operation = "WaitUntilTrashEmpty"
	_, target := lookup(organization)
	id := ID("") // resolved once, because another organization may have the subdomain later
	return c.rest().Wait(ctx, operation, target, func(ctx context.Context) (_ []errors.Step, err error) {
		if id == "" {
			if id, err = c.identify(ctx, operation, organization); err != nil {
				return nil, err
			}
		}
		remaining, err := rest.Gather(c.ListTrashObjects(ctx, id))
		if err != nil {
			return nil, c.confirmNotFound(ctx, id, err)
		}
		var steps []errors.Step
		for i := range remaining {
			steps = append(steps, remaining[i].step())
		}
		if progress != nil {
			progress(remaining)
		}
		return steps, nil
	})
}

// step returns an object in the trash as a remaining step.
func (o *TrashObject) step() errors.Step {
	id := o.ObjectID
	if id == "" {
		id = o.ID
	}
	return errors.Step{Name: "empty_trash", Description: fmt.Sprintf("%s %s: in the trash", o.ObjectType, id)}
}

// waitFailed is the error of a wait whose condition can no longer become true.
func waitFailed(operation, target string, remaining []errors.Step) *errors.Error {
	return &errors.Error{Provider: provider, Operation: operation, Target: target, Code: errors.TaskFailed, Steps: remaining}
}
