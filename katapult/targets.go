package katapult

import (
	"context"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// target is the thing that a step is about.
type target struct {
	// read reads it; missing is the one code that says that it is gone.
	read    func(context.Context) error
	missing errors.Code

	// ready does what has to be done before it can be removed; nil for nothing. It was
	// read before.
	ready func(ctx context.Context, progress func(string)) error

	// remove removes it, and returns where it is in the trash; nil when it is gone.
	remove func(context.Context) (TrashObjectLookup, error)

	// trash finds it in the trash, from the error that says that it is there; nil when
	// it never goes there.
	trash func(context.Context, error) (TrashObjectLookup, error)
}

// target returns what a step is about.
func (d driver) target(o teardown.Organization, step teardown.Step) (*target, error) {
	organization, parts, ok := identity(step)
	if !ok {
		return nil, rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such step"))
	}
	if organization == "" {
		organization = o.ID
	}
	id := ID(parts[0])
	var t *target
	switch step.Kind {
	case kindOrganization:
		t = simple(errors.OrganizationNotFound, d.c.GetOrganization, d.c.DeleteOrganization, OrganizationLookup(id))
	case kindLoadBalancer:
		t = simple(errors.LoadBalancerNotFound, d.c.GetLoadBalancer, d.c.DeleteLoadBalancer, LoadBalancerLookup(id))
	case kindZone:
		t = simple(errors.DNSZoneNotFound, d.c.GetDNSZone, d.c.DeleteDNSZone, DNSZoneLookup(id))
	case kindPolicy:
		t = simple(errors.DiskBackupPolicyNotFound, d.c.GetDiskBackupPolicy, d.c.DeleteDiskBackupPolicy, id)
		t.discards(id)
	case kindMachine:
		t = d.machine(id)
	case kindDisk:
		t = simple(errors.DiskNotFound, d.c.GetDisk, without(d.c.DeleteDisk), id)
		t.discards(id)
	case kindVolume:
		t = simple(errors.FileStorageVolumeNotFound, d.c.GetFileStorageVolume, without(d.c.DeleteFileStorageVolume), id)
		t.discards(id)
	case kindBucket:
		region, name := Region(parts[0]), BucketName(parts[1])
		t = &target{
			missing: errors.ObjectStorageBucketNotFound,
			read:    func(ctx context.Context) error { return failure(d.c.GetObjectStorageBucket(ctx, name, region)) },
			remove: func(ctx context.Context) (TrashObjectLookup, error) {
				return nil, d.c.DeleteObjectStorageBucket(ctx, name, region)
			},
		}
	case kindKey:
		t = simple(errors.ObjectStorageAccessKeyNotFound, d.c.GetObjectStorageAccessKey, d.c.DeleteObjectStorageAccessKey, id)
	case kindAccount:
		t = d.account(ID(organization), Region(parts[0]))
	case kindTrash:
		t = &target{
			missing: errors.TrashObjectNotFound,
			read:    func(ctx context.Context) error { return failure(d.c.GetTrashObject(ctx, id)) },
			remove:  func(context.Context) (TrashObjectLookup, error) { return id, nil },
		}
	case kindNetwork:
		t = simple(errors.VirtualNetworkNotFound, d.c.GetVirtualNetwork, d.c.DeleteVirtualNetwork, id)
	case kindAddress:
		t = d.address(id)
	default:
		return nil, rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such kind of step"))
	}
	return t, nil
}

// failure returns the error of a call alone.
func failure[T any](_ T, err error) error { return err }

// without makes a deletion of one that returns something, too.
func without[L, T any](remove func(context.Context, L) (T, error)) func(context.Context, L) error {
	return func(ctx context.Context, l L) error { return failure(remove(ctx, l)) }
}

// simple is something that a read and a deletion are all there is to.
func simple[L, T any](missing errors.Code, read func(context.Context, L) (T, error), remove func(context.Context, L) error, l L) *target {
	return &target{
		missing: missing,
		read:    func(ctx context.Context) error { return failure(read(ctx, l)) },
		remove:  func(ctx context.Context) (TrashObjectLookup, error) { return nil, remove(ctx, l) },
	}
}

// discards lets a thing go to the trash, where it is found by its id.
func (t *target) discards(id ID) {
	object := ObjectID(id)
	remove := t.remove
	t.remove = func(ctx context.Context) (TrashObjectLookup, error) {
		_, err := remove(ctx)
		return object, err
	}
	t.trash = func(context.Context, error) (TrashObjectLookup, error) { return object, nil }
}

// machine is a virtual machine.
func (d driver) machine(id ID) *target {
	var machine *VirtualMachine
	t := simple(errors.VirtualMachineNotFound, func(ctx context.Context, l VirtualMachineLookup) (_ *VirtualMachine, err error) {
		machine, err = d.c.GetVirtualMachine(ctx, l)
		return machine, err
	}, without(d.c.DeleteVirtualMachine), VirtualMachineLookup(id))
	t.discards(id)
	t.ready = func(ctx context.Context, progress func(string)) error {
		if err := d.stop(ctx, machine, progress); err != nil {
			return err
		}
		return d.strip(ctx, id, progress)
	}
	return t
}

// stop stops a virtual machine. What is done to it already is waited for before.
func (d driver) stop(ctx context.Context, machine *VirtualMachine, progress func(string)) error {
	id := ID(machine.ID)
	if changes(machine.State) {
		err := d.c.rest().Wait(ctx, "Teardown", machine.ID, func(ctx context.Context) ([]errors.Step, error) {
			found, err := d.c.GetVirtualMachine(ctx, id)
			if err != nil {
				return nil, err
			}
			machine = found
			if !changes(machine.State) {
				return nil, nil
			}
			text := fmt.Sprintf("%s: %s", machine.Name, machine.State)
			progress(text)
			return []errors.Step{{Name: "virtual_machines", Description: text}}, nil
		})
		if err != nil {
			return err
		}
	}
	if machine.State != VirtualMachineStateStarted {
		return nil
	}
	task, err := d.c.StopVirtualMachine(ctx, id)
	if err != nil {
		return err
	}
	return d.finish(ctx, task, progress)
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
		if err := d.unassign(ctx, ID(disk.Disk.ID), disk.State, progress); err != nil {
			return err
		}
	}
	return nil
}

// unassign takes a disk away from its virtual machine. One that is gone, or that
// somebody else has unassigned, is fine.
func (d driver) unassign(ctx context.Context, id ID, state DiskAttachmentState, progress func(string)) error {
	err := d.detach(ctx, id, state, progress)
	if err == nil {
		_, err = d.c.UnassignDisk(ctx, id)
	}
	switch codeOf(err) {
	case errors.UnassignedDisk, errors.DiskNotFound, errors.ObjectInTrash:
		return nil
	}
	return err
}

// detach detaches a disk. What is done to it already is waited for before.
func (d driver) detach(ctx context.Context, id ID, state DiskAttachmentState, progress func(string)) error {
	moves := func() bool {
		return state == DiskAttachmentStateAttaching || state == DiskAttachmentStateDetaching
	}
	if moves() {
		err := d.c.rest().Wait(ctx, "Teardown", string(id), func(ctx context.Context) ([]errors.Step, error) {
			disk, err := d.c.GetDisk(ctx, id)
			if err != nil {
				return nil, err
			}
			state = ""
			if disk.Assignment != nil {
				state = disk.Assignment.State
			}
			if !moves() {
				return nil, nil
			}
			text := fmt.Sprintf("%s: %s", disk.Name, state)
			progress(text)
			return []errors.Step{{Name: "disks", Description: text}}, nil
		})
		if err != nil {
			return err
		}
	}
	if state != DiskAttachmentStateAttached {
		return nil
	}
	task, err := d.c.DetachDisk(ctx, id)
	if err != nil {
		return err
	}
	return d.finish(ctx, task, progress)
}

// account is the object storage of an organization in a region. In the trash it has no
// object id, so that only its id there names it.
func (d driver) account(organization ID, region Region) *target {
	return &target{
		missing: errors.ObjectStorageAccountNotFound,
		read: func(ctx context.Context) error {
			return failure(d.c.GetObjectStorageAccount(ctx, organization, region))
		},
		remove: func(ctx context.Context) (TrashObjectLookup, error) {
			object, err := d.c.DeleteObjectStorageAccount(ctx, organization, region)
			if err != nil {
				return nil, err
			}
			return ID(object.ID), nil
		},
		trash: func(ctx context.Context, inTrash error) (TrashObjectLookup, error) {
			if id := trashID(inTrash); id != "" {
				return ID(id), nil
			}
			var accounts []ID
			if err := each(d.c.ListTrashObjects(ctx, organization), func(o TrashObject) {
				if o.ObjectType == "ObjectStorageAccount" {
					accounts = append(accounts, ID(o.ID))
				}
			}); err != nil {
				return nil, err
			}
			if len(accounts) != 1 {
				return nil, inTrash // it cannot be told which one it is
			}
			return accounts[0], nil
		},
	}
}

// address is an IP address, which nothing may hold.
func (d driver) address(id ID) *target {
	var address *IPAddress
	t := simple(errors.IPAddressNotFound, func(ctx context.Context, l IPAddressLookup) (_ *IPAddress, err error) {
		address, err = d.c.GetIPAddress(ctx, l)
		return address, err
	}, d.c.DeleteIPAddress, IPAddressLookup(id))
	t.ready = func(ctx context.Context, _ func(string)) error {
		if address.AllocationID == "" {
			return nil
		}
		return d.c.UnallocateIPAddress(ctx, id)
	}
	return t
}
