package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
)

// readMachine reads a virtual machine.
func (c *Client) readMachine(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetVirtualMachine(ctx, r.id)
	item, err := itemOf(ctx, c, errors.VirtualMachineNotFound, r, found, err, func(v *VirtualMachine) (string, string) {
		return v.ID, v.Name + ": " + string(v.State)
	})
	if err == nil && item.Phase == resource.Present {
		if changes(found.State) {
			item.Phase = resource.Changing
		}
		item.Unprepared = found.State == VirtualMachineStateStarted
	}
	return item, err
}

// changes reports whether a virtual machine will soon be in another state.
func changes(state VirtualMachineState) bool {
	switch state {
	case VirtualMachineStateAllocating, VirtualMachineStateMigrating, VirtualMachineStateResetting, VirtualMachineStateShuttingDown,
		VirtualMachineStateStarting, VirtualMachineStateStopping, VirtualMachineStateTransferring:
		return true
	}
	return false
}

// stopAndUnassign prepares the removal of a virtual machine: it is stopped, and all disks
// are unassigned but those that it boots from, so that none is deleted with it that no
// step names.
func (c *Client) stopAndUnassign(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error) {
	machine := i.Value.(*VirtualMachine)
	switch {
	case changes(machine.State):
		return resource.Preparation{Text: i.Text}, nil
	case machine.State == VirtualMachineStateStarted:
		task, err := sent(c.StopVirtualMachine(ctx, r.id))
		return resource.Preparation{Task: task.Task, Text: i.Text}, err
	}
	var disks []VirtualMachineDisk
	if err := each(c.ListVirtualMachineDisks(ctx, r.id), func(disk VirtualMachineDisk) { disks = append(disks, disk) }); err != nil {
		return resource.Preparation{}, err
	}
	for _, disk := range disks {
		if !disk.Boot {
			return c.unassign(ctx, r.id, ID(disk.Disk.ID), disk.State)
		}
	}
	return resource.Preparation{Ready: true}, nil
}

// unassign takes a disk away from its virtual machine by the next request of those that
// this needs, after the change of its state that is under way.
func (c *Client) unassign(ctx context.Context, machine, id ID, state DiskAttachmentState) (resource.Preparation, error) {
	moves := func(s DiskAttachmentState) bool {
		return s == DiskAttachmentStateAttaching || s == DiskAttachmentStateDetaching
	}
	switch {
	case moves(state):
		return resource.Preparation{Done: c.assignment(machine, id, func(_ bool, s DiskAttachmentState) bool { return !moves(s) })}, nil
	case state == DiskAttachmentStateAttached:
		task, err := sent(c.DetachDisk(ctx, id))
		return resource.Preparation{Task: task.Task, Done: c.assignment(machine, id, func(_ bool, s DiskAttachmentState) bool {
			return s != DiskAttachmentStateAttached && !moves(s)
		})}, err
	}
	_, err := c.UnassignDisk(ctx, id)
	return resource.Preparation{Done: c.assignment(machine, id, func(assigned bool, _ DiskAttachmentState) bool { return !assigned })}, err
}

// assignment reads whether a disk is assigned to a virtual machine as it should be. One
// that does not exist, or is in the trash, is not assigned.
func (c *Client) assignment(machine, id ID, done func(assigned bool, state DiskAttachmentState) bool) func(context.Context) (bool, string, error) {
	return func(ctx context.Context) (bool, string, error) {
		disk, err := c.GetDisk(ctx, id)
		switch code := codeOf(err); {
		case code == errors.DiskNotFound, code == errors.ObjectInTrash:
			return true, "", nil
		case err != nil:
			return false, "", err
		case disk.ID != string(id):
			return false, "", another(string(id), disk.ID)
		case disk.Assignment == nil || disk.Assignment.VirtualMachine.ID != string(machine):
			return true, "", nil
		}
		state := disk.Assignment.State
		return done(true, state), fmt.Sprintf("%s: assigned, %s", disk.Name, state), nil
	}
}

// readAddress reads an IP address.
func (c *Client) readAddress(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetIPAddress(ctx, r.id)
	item, err := itemOf(ctx, c, errors.IPAddressNotFound, r, found, err, func(a *IPAddress) (string, string) { return a.ID, a.Address + " exists" })
	if err == nil && item.Phase == resource.Present && found.AllocationID != "" {
		item.Unprepared, item.Text = true, found.Address+": allocated"
	}
	return item, err
}

// unallocate takes an address away from what holds it.
func (c *Client) unallocate(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error) {
	if i.Value.(*IPAddress).AllocationID == "" {
		return resource.Preparation{Ready: true}, nil
	}
	return resource.Preparation{Text: i.Text}, c.UnallocateIPAddress(ctx, r.id)
}
