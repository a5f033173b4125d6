package katapult

import (
	"context"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// target is the resource of a step.
type target struct {
	id string

	// read reads it; missing is the one code that proves that it does not exist.
	read    func(context.Context) error
	missing errors.Code

	// ready does what must be done before the removal; nil for nothing. It is called
	// after a read.
	ready func(ctx context.Context, progress func(string)) error

	// remove requests the removal, which for an object in the trash is a task.
	remove func(context.Context) (*Task, error)

	// trash returns its lookup in the trash, from the error that says that it is there,
	// or nil if only another resource, with which it went there, can be purged. It is nil
	// if resources of this kind never go to the trash.
	trash func(context.Context, error) (TrashObjectLookup, error)
}

// target returns the resource of a step.
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
		t = simple(errors.OrganizationNotFound, d.c.GetOrganization, d.c.DeleteOrganization, OrganizationLookup(id),
			func(o *Organization) string { return o.ID })
	case kindLoadBalancer:
		t = simple(errors.LoadBalancerNotFound, d.c.GetLoadBalancer, d.c.DeleteLoadBalancer, LoadBalancerLookup(id),
			func(l *LoadBalancer) string { return l.ID })
	case kindZone:
		t = simple(errors.DNSZoneNotFound, d.c.GetDNSZone, d.c.DeleteDNSZone, DNSZoneLookup(id), func(z *DNSZone) string { return z.ID })
	case kindPolicy:
		t = simple(errors.DiskBackupPolicyNotFound, d.c.GetDiskBackupPolicy, d.c.DeleteDiskBackupPolicy, id,
			func(p *DiskBackupPolicy) string { return p.ID })
		t.trash = d.inTrashOf(ID(organization), id)
	case kindMachine:
		t = d.machine(id)
		t.trash = d.inTrashOf(ID(organization), id)
	case kindDisk:
		t = simple(errors.DiskNotFound, d.c.GetDisk, discarding(d.c.DeleteDisk), id, func(disk *Disk) string { return disk.ID })
		t.trash = d.inTrashOf(ID(organization), id)
	case kindVolume:
		t = simple(errors.FileStorageVolumeNotFound, d.c.GetFileStorageVolume, discarding(d.c.DeleteFileStorageVolume), id,
			func(v *FileStorageVolume) string { return v.ID })
		t.trash = d.inTrashOf(ID(organization), id)
	case kindBucket:
		t = d.bucket(ID(organization), Region(parts[0]), BucketName(parts[1]))
	case kindKey:
		t = simple(errors.ObjectStorageAccessKeyNotFound, d.c.GetObjectStorageAccessKey, d.c.DeleteObjectStorageAccessKey, id,
			func(k *ObjectStorageAccessKey) string { return k.ID })
	case kindAccount:
		t = d.account(ID(organization), Region(parts[0]))
	case kindTrash:
		t = simple(errors.TrashObjectNotFound, d.c.GetTrashObject, nil, TrashObjectLookup(id), func(o *TrashObject) string { return o.ID })
		t.remove = func(ctx context.Context) (*Task, error) { return d.c.PurgeTrashObject(ctx, id) }
	case kindNetwork:
		t = simple(errors.VirtualNetworkNotFound, d.c.GetVirtualNetwork, d.c.DeleteVirtualNetwork, id, func(v *VirtualNetwork) string { return v.ID })
	case kindAddress:
		t = d.address(id)
	default:
		return nil, rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such kind of step"))
	}
	t.id = parts[len(parts)-1]
	return t, nil
}

// simple is a resource that a read and a deletion are enough for. idOf returns the ID of
// what the read answers, which must be that of the resource.
func simple[L keyed, T any](missing errors.Code, read func(context.Context, L) (*T, error), remove func(context.Context, L) error, l L, idOf func(*T) string) *target {
	_, id := lookup(l)
	return &target{
		missing: missing,
		read: func(ctx context.Context) error {
			found, err := read(ctx, l)
			if err == nil && idOf(found) != id {
				err = another(id, idOf(found))
			}
			return err
		},
		remove: func(ctx context.Context) (*Task, error) { return nil, remove(ctx, l) },
	}
}

// another is the error of an answer about another resource than the one requested. It
// proves nothing.
func another(id, found string) error {
	return &errors.Error{
		Provider: provider, Operation: "Teardown", Target: id, Code: errors.UnexpectedResponse, Status: 200,
		Err: errors.New("the answer is about another resource: " + found),
	}
}

// discarding is a deletion that moves a resource to the trash. The object in the trash
// must be that of the resource, if the answer has one.
func discarding[L keyed](remove func(context.Context, L) (*TrashObject, error)) func(context.Context, L) error {
	return func(ctx context.Context, l L) error {
		object, err := remove(ctx, l)
		if _, id := lookup(l); err == nil && object.ObjectID != "" && object.ObjectID != id {
			err = another(id, object.ObjectID)
		}
		return err
	}
}

// inTrashOf finds a resource in the trash, where it keeps its ID as the object's. If the
// error does not tell the object, the trash of the organization does. A resource that
// has no object in it went to the trash with another one.
func (d driver) inTrashOf(organization, id ID) func(context.Context, error) (TrashObjectLookup, error) {
	return func(ctx context.Context, inTrash error) (TrashObjectLookup, error) {
		object := trashObject(inTrash)
		switch {
		case object.ObjectID == string(id):
			return ObjectID(id), nil
		case object.ID != "":
			return nil, nil // that of what it went there with
		}
		found := false
		err := each(d.c.ListTrashObjects(ctx, organization), func(o TrashObject) { found = found || o.ObjectID == string(id) })
		if err != nil || !found {
			return nil, err
		}
		return ObjectID(id), nil
	}
}

// bucket is a bucket. It has no ID, and its name finds the buckets of every organization
// that the token has access to: before the deletion a fresh read must show that an
// access key of the organization may use it.
func (d driver) bucket(organization ID, region Region, name BucketName) *target {
	var bucket *ObjectStorageBucket
	return &target{
		missing: errors.ObjectStorageBucketNotFound,
		read: func(ctx context.Context) (err error) {
			if bucket, err = d.c.GetObjectStorageBucket(ctx, name, region); err == nil && bucket.Name != string(name) {
				err = another(string(name), bucket.Name)
			}
			return err
		},
		ready: func(ctx context.Context, _ func(string)) error {
			var keys []string
			if err := each(d.c.ListObjectStorageAccessKeys(ctx, organization), func(k ObjectStorageAccessKey) {
				if k.Region == string(region) {
					keys = append(keys, k.ID)
				}
			}); err != nil {
				return err
			}
			if !bucket.usedBy(keys) {
				return &errors.Error{
					Provider: provider, Operation: "Teardown", Target: string(name), Code: errors.NotConfirmed,
					Err: errors.New("the bucket names no access key of the organization"),
				}
			}
			return nil
		},
		remove: func(ctx context.Context) (*Task, error) { return nil, d.c.DeleteObjectStorageBucket(ctx, name, region) },
	}
}

// usedBy reports whether a bucket names one of the access keys.
func (b *ObjectStorageBucket) usedBy(keys []string) bool {
	access := b.AccessControlList
	return slices.ContainsFunc(slices.Concat(access.ReadKeyIDs, access.WriteKeyIDs), func(id string) bool { return slices.Contains(keys, id) })
}

// account is the object storage of an organization in a region. In the trash it has no
// object ID, so that only its ID there names it.
func (d driver) account(organization ID, region Region) *target {
	var trashed ID // as the answer to its deletion tells it
	return &target{
		missing: errors.ObjectStorageAccountNotFound,
		read: func(ctx context.Context) error {
			found, err := d.c.GetObjectStorageAccount(ctx, organization, region)
			if err == nil && found.Region != string(region) {
				err = another(string(region), found.Region)
			}
			return err
		},
		remove: func(ctx context.Context) (*Task, error) {
			object, err := d.c.DeleteObjectStorageAccount(ctx, organization, region)
			if err == nil {
				trashed = ID(object.ID)
			}
			return nil, err
		},
		trash: func(ctx context.Context, inTrash error) (TrashObjectLookup, error) {
			if id := trashObject(inTrash).ID; id != "" {
				return ID(id), nil
			}
			if trashed != "" {
				return trashed, nil
			}
			var accounts []ID
			if err := each(d.c.ListTrashObjects(ctx, organization), func(o TrashObject) {
				if o.ObjectType == typeAccount {
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
