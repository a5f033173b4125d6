package katapult

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// ref says where the resource of a step is.
type ref struct {
	organization ID // that owns it
	managed      bool
	id           ID
	region       Region // of object storage
	bucket       BucketName

	trashed bool // it was in the trash when the organization was read
}

// trashedRef is [teardown.Step.Ref] of a resource that is in the trash.
const trashedRef = `{"in_trash":true}`

// listed reports whether a list has shown a resource before the teardown. The ID is its own
// for ever, so that a request needs no read before it.
func listed(r ref) bool { return !r.trashed }

// refOf returns where the resource of a step is, which its ID says.
func refOf(o teardown.Organization, step teardown.Step) (ref, error) {
	organization, parts, ok := identity(step)
	if !ok {
		return ref{}, rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such step"))
	}
	r := ref{organization: ID(o.ID), id: ID(parts[0]), trashed: string(step.Ref) == trashedRef}
	if organization != "" && organization != o.ID {
		r.organization, r.managed = ID(organization), true
	}
	switch step.Kind {
	case kindBucket:
		r.id, r.region, r.bucket = "", Region(parts[0]), BucketName(parts[1])
	case kindAccount:
		r.id, r.region = "", Region(parts[0])
	}
	return r, nil
}

// kind is a kind of resource.
type kind = resource.Kind[ref]

// table describes the resources that a teardown removes.
func (c *Client) table() *resource.Table[ref] {
	return &resource.Table[ref]{Provider: provider, Task: c.task, Immaterial: immaterial, Kinds: []kind{
		{
			Name: kindOrganization,
			Read: byID(c, errors.OrganizationNotFound, asLookup[OrganizationLookup], c.GetOrganization, func(o *Organization) (string, string) { return o.ID, "" }),
			Remove: func(ctx context.Context, r ref, _ resource.Item) (resource.Sent, error) {
				return resource.Sent{}, c.DeleteOrganization(ctx, r.id)
			},
			Direct: listed, Soon: true,
		},
		{
			Name:   kindLoadBalancer,
			Read:   byID(c, errors.LoadBalancerNotFound, asLookup[LoadBalancerLookup], c.GetLoadBalancer, func(l *LoadBalancer) (string, string) { return l.ID, "" }),
			Remove: removing(asLookup[LoadBalancerLookup], c.DeleteLoadBalancer),
			Direct: listed, Soon: true,
		},
		{
			Name:   kindZone,
			Read:   byID(c, errors.DNSZoneNotFound, asLookup[DNSZoneLookup], c.GetDNSZone, func(z *DNSZone) (string, string) { return z.ID, "" }),
			Remove: removing(asLookup[DNSZoneLookup], c.DeleteDNSZone),
			Direct: listed, Soon: true,
		},
		{
			Name:   kindPolicy,
			Read:   byID(c, errors.DiskBackupPolicyNotFound, asID, c.GetDiskBackupPolicy, func(p *DiskBackupPolicy) (string, string) { return p.ID, "" }),
			Remove: removing(asID, c.DeleteDiskBackupPolicy),
			Purge:  c.purge, Scope: inTrash, List: c.listTrash,
			Direct: listed, Soon: true,
		},
		{
			Name:    kindMachine,
			Read:    c.readMachine,
			Prepare: c.stopAndUnassign,
			Remove:  discarding(asLookup[VirtualMachineLookup], c.DeleteVirtualMachine),
			Purge:   c.purge, Scope: inTrash, List: c.listTrash,
			Soon: true,
		},
		{
			Name:   kindDisk,
			Read:   byID(c, errors.DiskNotFound, asID, c.GetDisk, func(d *Disk) (string, string) { return d.ID, "" }),
			Remove: discarding(asID, c.DeleteDisk),
			Purge:  c.purge, Scope: inTrash, List: c.listDisks,
			ListFirst: true, Soon: true,
		},
		{
			Name:   kindVolume,
			Read:   byID(c, errors.FileStorageVolumeNotFound, asID, c.GetFileStorageVolume, func(v *FileStorageVolume) (string, string) { return v.ID, "" }),
			Remove: discarding(asID, c.DeleteFileStorageVolume),
			Purge:  c.purge, Scope: inTrash, List: c.listTrash,
			Direct: listed, Soon: true,
		},
		{
			// A bucket has no ID, and its name finds the buckets of every organization that
			// the token has access to.
			Name: kindBucket, Read: c.readBucket, Remove: c.removeBucket, Named: true, Soon: true,
		},
		{
			Name: kindKey,
			Read: byID(c, errors.ObjectStorageAccessKeyNotFound, asID, c.GetObjectStorageAccessKey,
				func(k *ObjectStorageAccessKey) (string, string) { return k.ID, "" }),
			Remove: removing(asID, c.DeleteObjectStorageAccessKey),
			Direct: listed, Soon: true,
		},
		{
			Name: kindAccount, Read: c.readAccount, Remove: c.removeAccount, Purge: c.purgeAccount, Direct: listed, Soon: true,
		},
		{
			Name: kindTrash,
			Read: func(ctx context.Context, r ref) (resource.Item, error) {
				found, err := c.GetTrashObject(ctx, r.id)
				item, err := itemOf(ctx, c, errors.TrashObjectNotFound, r, found, err, func(o *TrashObject) (string, string) { return o.ID, "" })
				if err == nil && item.Phase == resource.Present {
					item.Phase, item.Value = resource.Discarded, *found
				}
				return item, err
			},
			Purge: func(ctx context.Context, r ref, _ resource.Item, _ string) (resource.Sent, error) {
				return sent(c.PurgeTrashObject(ctx, r.id))
			},
			Scope: inTrash, List: c.listTrash,
		},
		{
			Name:   kindNetwork,
			Read:   byID(c, errors.VirtualNetworkNotFound, asID, c.GetVirtualNetwork, func(v *VirtualNetwork) (string, string) { return v.ID, "" }),
			Remove: removing(asID, c.DeleteVirtualNetwork),
			Direct: listed, Soon: true,
		},
		{
			Name:    kindAddress,
			Read:    c.readAddress,
			Prepare: c.unallocate,
			Remove:  removing(asLookup[IPAddressLookup], c.DeleteIPAddress),
			Soon:    true,
		},
	}}
}

// task reads a task.
func (c *Client) task(ctx context.Context, id string) (resource.Task, error) {
	t, err := c.GetTask(ctx, ID(id))
	if err == nil && t.ID != id {
		err = another(id, t.ID)
	}
	if err != nil {
		return resource.Task{}, err
	}
	return resource.Task{
		Over: t.Status == TaskStatusCompleted || t.Status == TaskStatusFailed, Failed: t.Status == TaskStatusFailed,
		Text: fmt.Sprintf("%s: %s, %d %%", t.Name, t.Status, t.Progress),
	}, nil
}

// immaterial reports whether a refusal says that there is nothing to do.
func immaterial(err error) bool {
	switch codeOf(err) {
	case errors.ObjectInTrash, errors.TrashObjectNotFound, errors.DiskNotFound, errors.UnassignedDisk, errors.NoAllocation:
		return true
	}
	return false
}

// sent returns what an answer with a task says.
func sent(t *Task, err error) (resource.Sent, error) {
	if err != nil || t == nil {
		return resource.Sent{}, err
	}
	return resource.Sent{Task: t.ID}, nil
}

func asID(id ID) ID { return id }

func asLookup[L any](id ID) L { return any(id).(L) }

// byID returns the read of a resource by its ID. The answer must be about that ID; state
// returns that, and the state in words.
func byID[L, T any](c *Client, missing errors.Code, as func(ID) L, get func(context.Context, L) (*T, error), state func(*T) (id, text string)) func(context.Context, ref) (resource.Item, error) {
	return func(ctx context.Context, r ref) (resource.Item, error) {
		found, err := get(ctx, as(r.id))
		return itemOf(ctx, c, missing, r, found, err, state)
	}
}

// itemOf returns what a read by ID shows. missing is the one code which proves that the
// resource does not exist.
func itemOf[T any](ctx context.Context, c *Client, missing errors.Code, r ref, found *T, err error, state func(*T) (id, text string)) (resource.Item, error) {
	item, err := c.absent(ctx, missing, r, err)
	if err != nil || item.Phase != resource.Present {
		return item, err
	}
	id, text := state(found)
	if id != string(r.id) {
		return resource.Item{}, another(string(r.id), id)
	}
	if text == "" {
		text = id + " exists"
	}
	return resource.Item{Text: text, Value: found}, nil
}

// absent returns the item of a resource that a read did not find: it does not exist, or is
// in the trash. It is Present if err is nil.
func (c *Client) absent(ctx context.Context, missing errors.Code, r ref, err error) (resource.Item, error) {
	switch codeOf(err) {
	case "":
		return resource.Item{}, nil
	case missing:
		return resource.Item{Phase: resource.Absent}, nil
	case errors.ObjectInTrash:
		return *discarded(r, trashObject(err)), nil
	case errors.OrganizationNotFound:
		if !r.managed {
			break
		}
		// What a managed organization had is deleted with it, if a read of it shows that.
		switch presence, failed := c.look(ctx, r.organization); {
		case presence == rest.Gone:
			return resource.Item{Phase: resource.Absent}, nil
		case failed != nil:
			err = failed
		}
	}
	return resource.Item{}, err
}

// discarded returns the item of a resource that has an object in the trash.
func discarded(r ref, o TrashObject) *resource.Item {
	return &resource.Item{Phase: resource.Discarded, Text: cmp.Or(string(r.id), string(r.region)) + " is in the trash", Value: o}
}

// another is the error of an answer about another resource than the one requested. It
// proves nothing.
func another(id, found string) error {
	return &errors.Error{
		Provider: provider, Operation: "Teardown", Target: id, Code: errors.UnexpectedResponse, Status: 200,
		Err: errors.New("the answer is about another resource: " + found),
	}
}

// removing returns a removal whose answer says nothing.
func removing[L any](as func(ID) L, remove func(context.Context, L) error) func(context.Context, ref, resource.Item) (resource.Sent, error) {
	return func(ctx context.Context, r ref, _ resource.Item) (resource.Sent, error) {
		return resource.Sent{}, remove(ctx, as(r.id))
	}
}

// discarding returns a removal that moves a resource to the trash. The object in the trash
// must be that of the resource, if the answer has one.
func discarding[L any](as func(ID) L, remove func(context.Context, L) (*TrashObject, error)) func(context.Context, ref, resource.Item) (resource.Sent, error) {
	return func(ctx context.Context, r ref, _ resource.Item) (resource.Sent, error) {
		object, err := remove(ctx, as(r.id))
		switch {
		case err != nil:
			return resource.Sent{}, err
		case object.ObjectID == "":
			return resource.Sent{}, nil
		case object.ObjectID != string(r.id):
			return resource.Sent{}, another(string(r.id), object.ObjectID)
		}
		return resource.Sent{Discarded: discarded(r, *object)}, nil
	}
}

// inTrash names the trash of an organization.
func inTrash(r ref) string { return string(r.organization) }

// listTrash finds resources in the trash of their organization, where each keeps its ID as
// the object's.
func (c *Client) listTrash(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	objects := map[string]TrashObject{}
	err := each(c.ListTrashObjects(ctx, rs[0].organization), func(o TrashObject) {
		objects[o.ID] = o
		if o.ObjectID != "" {
			objects[o.ObjectID] = o
		}
	})
	if err != nil {
		return nil, c.proven(ctx, rs[0].organization, err)
	}
	items := make([]*resource.Item, len(rs))
	for i, r := range rs {
		if o, ok := objects[string(r.id)]; ok {
			items[i] = discarded(r, o)
		}
	}
	return items, nil
}

// listDisks finds disks in the list of their organization, and then in its trash. One that
// neither has may have been deleted with the virtual machine that boots from it: only a
// read of it proves that.
func (c *Client) listDisks(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	disks := map[string]bool{}
	if err := each(c.ListDisks(ctx, rs[0].organization), func(d Disk) { disks[d.ID] = true }); err != nil {
		return nil, c.proven(ctx, rs[0].organization, err)
	}
	items, err := c.listTrash(ctx, rs)
	if err != nil {
		return nil, err
	}
	for i, r := range rs {
		if disks[string(r.id)] {
			items[i] = &resource.Item{Text: string(r.id) + " exists"}
		}
	}
	return items, nil
}

// purge removes a resource from the trash, where it has its ID as the object's. If the
// error that said that it is there did not name the object, the trash of the organization
// does. One that has no object in it went to the trash with another resource, and only
// that one can be purged.
func (c *Client) purge(ctx context.Context, r ref, i resource.Item, _ string) (resource.Sent, error) {
	object, _ := i.Value.(TrashObject)
	switch {
	case object.ObjectID == string(r.id):
		return sent(c.PurgeTrashObject(ctx, ObjectID(r.id)))
	case object.ID != "":
		return resource.Sent{}, nil // that of what it went there with
	}
	found := false
	err := each(c.ListTrashObjects(ctx, r.organization), func(o TrashObject) { found = found || o.ObjectID == string(r.id) })
	if err != nil || !found {
		return resource.Sent{}, err
	}
	return sent(c.PurgeTrashObject(ctx, ObjectID(r.id)))
}

func (c *Client) readBucket(ctx context.Context, r ref) (resource.Item, error) {
	bucket, err := c.GetObjectStorageBucket(ctx, r.bucket, r.region)
	item, err := c.absent(ctx, errors.ObjectStorageBucketNotFound, r, err)
	switch {
	case err != nil || item.Phase != resource.Present:
		return item, err
	case bucket.Name != string(r.bucket):
		return item, another(string(r.bucket), bucket.Name)
	}
	return resource.Item{Text: bucket.Name + " exists", Value: bucket}, nil
}

// removeBucket deletes a bucket that names an access key of the organization.
func (c *Client) removeBucket(ctx context.Context, r ref, i resource.Item) (resource.Sent, error) {
	var keys []string
	if err := each(c.ListObjectStorageAccessKeys(ctx, r.organization), func(k ObjectStorageAccessKey) {
		if k.Region == string(r.region) {
			keys = append(keys, k.ID)
		}
	}); err != nil {
		return resource.Sent{}, err
	}
	if bucket, ok := i.Value.(*ObjectStorageBucket); !ok || !bucket.usedBy(keys) {
		return resource.Sent{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: string(r.bucket), Code: errors.NotConfirmed,
			Err: errors.New("the bucket names no access key of the organization"),
		}
	}
	return resource.Sent{}, c.DeleteObjectStorageBucket(ctx, r.bucket, r.region)
}

// usedBy reports whether a bucket names one of the access keys.
func (b *ObjectStorageBucket) usedBy(keys []string) bool {
	access := b.AccessControlList
	return slices.ContainsFunc(slices.Concat(access.ReadKeyIDs, access.WriteKeyIDs), func(id string) bool { return slices.Contains(keys, id) })
}

func (c *Client) readAccount(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetObjectStorageAccount(ctx, r.organization, r.region)
	item, err := c.absent(ctx, errors.ObjectStorageAccountNotFound, r, err)
	switch {
	case err != nil || item.Phase != resource.Present:
		return item, err
	case found.Region != string(r.region):
		return item, another(string(r.region), found.Region)
	}
	return resource.Item{Text: "object storage in " + found.Region + " exists"}, nil
}

func (c *Client) removeAccount(ctx context.Context, r ref, _ resource.Item) (resource.Sent, error) {
	object, err := c.DeleteObjectStorageAccount(ctx, r.organization, r.region)
	if err != nil {
		return resource.Sent{}, err
	}
	return resource.Sent{Trash: object.ID}, nil
}

// purgeAccount purges object storage. In the trash it has no object ID, so that only its
// ID there names it.
func (c *Client) purgeAccount(ctx context.Context, r ref, i resource.Item, trash string) (resource.Sent, error) {
	object, _ := i.Value.(TrashObject)
	switch {
	case object.ID != "":
		return sent(c.PurgeTrashObject(ctx, ID(object.ID)))
	case trash != "":
		return sent(c.PurgeTrashObject(ctx, ID(trash)))
	}
	var accounts []ID
	if err := each(c.ListTrashObjects(ctx, r.organization), func(o TrashObject) {
		if o.ObjectType == typeAccount {
			accounts = append(accounts, ID(o.ID))
		}
	}); err != nil {
		return resource.Sent{}, err
	}
	if len(accounts) != 1 {
		return resource.Sent{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: string(r.region), Code: errors.ObjectInTrash,
			Err: errors.New("the trash does not show which object is the object storage of the region"),
		}
	}
	return sent(c.PurgeTrashObject(ctx, accounts[0]))
}
