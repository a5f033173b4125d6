package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
)

// machine is a virtual machine.
func (d driver) machine(id ID) *target {
	var machine *VirtualMachine
	t := simple(errors.VirtualMachineNotFound, func(ctx context.Context, l VirtualMachineLookup) (_ *VirtualMachine, err error) {
		machine, err = d.c.GetVirtualMachine(ctx, l)
		return machine, err
	}, discarding(d.c.DeleteVirtualMachine), VirtualMachineLookup(id), func(v *VirtualMachine) string { return v.ID })
	t.ready = func(ctx context.Context, progress func(string)) error {
		if err := d.stop(ctx, machine, progress); err != nil {
			return err
		}
		return d.strip(ctx, id, progress)
	}
	return t
}

// stop stops a virtual machine, after the change of its state that is under way.
func (d driver) stop(ctx context.Context, machine *VirtualMachine, progress func(string)) error {
	id, state := ID(machine.ID), machine.State
	read := func(ctx context.Context, done func(VirtualMachineState) bool) (string, error) {
		found, err := d.c.GetVirtualMachine(ctx, id)
		switch {
		case err != nil:
			return "", err
		case found.ID != machine.ID:
			return "", another(machine.ID, found.ID)
		}
		if state = found.State; done(state) {
			return "", nil
		}
		return fmt.Sprintf("%s: %s", found.Name, state), nil
	}
	if changes(state) {
		err := d.carryOut(ctx, request{kind: kindMachine, id: machine.ID, read: func(ctx context.Context) (string, error) {
			return read(ctx, func(s VirtualMachineState) bool { return !changes(s) })
		}}, progress)
		if err != nil {
			return err
		}
	}
	if state != VirtualMachineStateStarted {
		return nil
	}
	return d.carryOut(ctx, request{
		kind: kindMachine, id: machine.ID,
		send: func(ctx context.Context) (*Task, error) { return d.c.StopVirtualMachine(ctx, id) },
		read: func(ctx context.Context) (string, error) {
			return read(ctx, func(s VirtualMachineState) bool { return s != VirtualMachineStateStarted && !changes(s) })
		},
	}, progress)
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

// strip unassigns all disks of a virtual machine but those that it boots from, so that
// none goes with it that no step is about.
func (d driver) strip(ctx context.Context, machine ID, progress func(string)) error {
	var disks []VirtualMachineDisk
	if err := each(d.c.ListVirtualMachineDisks(ctx, machine), func(disk VirtualMachineDisk) { disks = append(disks, disk) }); err != nil {
		return err
	}
	for _, disk := range disks {
		if disk.Boot {
			continue
		}
		if err := d.unassign(ctx, machine, ID(disk.Disk.ID), disk.State, progress); err != nil {
			return err
		}
	}
	return nil
}

// unassign takes a disk away from its virtual machine, after the change of its state
// that is under way. A disk that no longer exists, is in the trash, or is no longer
// assigned to the machine is left as it is.
func (d driver) unassign(ctx context.Context, machine, id ID, state DiskAttachmentState, progress func(string)) error {
	assigned := true
	read := func(ctx context.Context, done func() bool) (string, error) {
		disk, err := d.c.GetDisk(ctx, id)
		switch code := codeOf(err); {
		case code == errors.DiskNotFound, code == errors.ObjectInTrash:
			assigned, state = false, ""
			return "", nil
		case err != nil:
			return "", err
		case disk.ID != string(id):
			return "", another(string(id), disk.ID)
		}
		assigned, state = disk.Assignment != nil && disk.Assignment.VirtualMachine.ID == string(machine), ""
		if assigned {
			state = disk.Assignment.State
		}
		if done() {
			return "", nil
		}
		return fmt.Sprintf("%s: assigned, %s", disk.Name, state), nil
	}
	moves := func() bool {
		return state == DiskAttachmentStateAttaching || state == DiskAttachmentStateDetaching
	}
	if moves() {
		err := d.carryOut(ctx, request{kind: kindDisk, id: string(id), read: func(ctx context.Context) (string, error) {
			return read(ctx, func() bool { return !moves() })
		}}, progress)
		if err != nil {
			return err
		}
	}
	if state == DiskAttachmentStateAttached {
		err := d.carryOut(ctx, request{
			kind: kindDisk, id: string(id),
			send: func(ctx context.Context) (*Task, error) { return d.c.DetachDisk(ctx, id) },
			read: func(ctx context.Context) (string, error) {
				return read(ctx, func() bool { return state != DiskAttachmentStateAttached && !moves() })
			},
		}, progress)
		if err != nil {
			return err
		}
	}
	if !assigned {
		return nil
	}
	return d.carryOut(ctx, request{
		kind: kindDisk, id: string(id),
		send: func(ctx context.Context) (*Task, error) { return nil, failure(d.c.UnassignDisk(ctx, id)) },
		read: func(ctx context.Context) (string, error) { return read(ctx, func() bool { return !assigned }) },
	}, progress)
}

// failure returns the error of a call alone.
func failure[T any](_ T, err error) error { return err }

// address is an IP address, which nothing may hold.
func (d driver) address(id ID) *target {
	var address *IPAddress
	t := simple(errors.IPAddressNotFound, func(ctx context.Context, l IPAddressLookup) (_ *IPAddress, err error) {
		address, err = d.c.GetIPAddress(ctx, l)
		return address, err
	}, d.c.DeleteIPAddress, IPAddressLookup(id), func(a *IPAddress) string { return a.ID })
	t.ready = func(ctx context.Context, progress func(string)) error {
		if address.AllocationID == "" {
			return nil
		}
		return d.carryOut(ctx, request{
			kind: kindAddress, id: string(id), missing: t.missing,
			send: func(ctx context.Context) (*Task, error) { return nil, d.c.UnallocateIPAddress(ctx, id) },
			read: func(ctx context.Context) (string, error) {
				err := t.read(ctx)
				if err != nil || address.AllocationID == "" {
					return "", err
				}
				return address.Address + ": allocated", nil
			},
		}, progress)
	}
	return t
}
