package katapult

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Kinds of steps, in addition to those that have the name of a deletion step.
const (
	kindOrganization = "managed_organization"
	kindLoadBalancer = "load_balancer"
	kindZone         = "dns_zone"
	kindPolicy       = "disk_backup_policy"
	kindMachine      = "virtual_machine"
	kindDisk         = "disk"
	kindVolume       = "file_storage_volume"
	kindBucket       = "object_storage_bucket"
	kindBuckets      = "object_storage_buckets" // those whose names are not known
	kindKey          = "object_storage_access_key"
	kindAccount      = "object_storage_account"
	kindTrash        = "trash_object"
	kindNetwork      = "virtual_network"
	kindAddress      = "ip_address"
	kindTemplate     = "disk_template"
)

// Types of objects in the trash that have a meaning of their own.
const (
	typeMachine = "VirtualMachine"
	typeAccount = "ObjectStorageAccount"
)

// How resources are removed, in words.
const (
	deletes          = "delete it"
	trashesAndPurges = "delete it, and purge it from the trash"
	purges           = "purge it"
	noAPI            = "in Katapult's console, for no API does it"
	atConsole        = "see Katapult's console: nothing that can be read shows what it is about"
)

// kind is all that the client knows of the resources of one kind.
type kind struct {
	name     string
	step     string // the deletion step that they keep open
	trash    string // the type of their objects in the trash; "" if they never go there
	removal  string // how they are removed, in words
	manual   bool   // no API removes them
	requires []teardown.Override
	parts    int  // of their identity; 0 for one
	holds    bool // they can hold IP addresses
	after    []after

	// unexplained says how a person removes what keeps the deletion step open if no list
	// shows it.
	unexplained string

	// list adds the steps of an organization; nil if the list of another kind does that. also
	// reports whether it is read although the deletion step is satisfied; nil: no.
	list func(n *inventory, ctx context.Context, kind string) error
	also func(n *inventory) bool

	// The functions of [resource.Kind]; read is nil if no API removes them. poll reads several
	// of an organization by one list.
	read    func(ctx context.Context, r ref) (resource.Item, error)
	poll    func(ctx context.Context, rs []ref) ([]*resource.Item, error)
	prepare func(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error)
	remove  func(ctx context.Context, r ref, i resource.Item) (resource.Response, error)
	purge   func(ctx context.Context, r ref, i resource.Item, trash string) (resource.Response, error)

	direct    bool // one that a list has shown is removed without a read: its ID is its own for ever
	listFirst bool // what they come after mostly deletes them, too
	named     bool // another resource may have its identity later
}

// object is a resource as the list of its kind shows it.
type object struct {
	id, name string
	removal  string   // if it is not that of its kind
	tied     []string // IDs of the resources that it uses
	before   []string // IDs and addresses of the resources that it is removed before
}

// after is a kind whose resources are removed before; tied: only those that a resource uses.
type after struct {
	kind string
	tied bool
}

// kinds are kinds in the order in which their resources are removed.
type kinds []kind

// kinds returns all kinds. An entry is all that a kind needs. One without a name is a
// deletion step that no resource explains.
func (c *Client) kinds() kinds {
	return kinds{
		{
			name: kindOrganization, step: "managed_organizations", removal: "delete it, once nothing of it is left",
			requires: []teardown.Override{teardown.ManagedOrganizations},
			list:     (*inventory).readOrganizations,
			read:     byID(c, errors.OrganizationNotFound, c.GetOrganization), remove: removing(c.DeleteOrganization), direct: true,
		},
		{
			name: kindLoadBalancer, step: "load_balancers", removal: deletes, holds: true,
			list: listing(c.ListLoadBalancers, func(l LoadBalancer) object {
				return object{id: l.ID, name: l.Name, before: append(l.ResourceIDs, l.IPAddress.Address)}
			}),
			read: byID(c, errors.LoadBalancerNotFound, c.GetLoadBalancer), remove: removing(c.DeleteLoadBalancer), direct: true,
		},
		{
			name: kindZone, step: "dns_zones", removal: deletes + " with its records",
			list: listing(c.ListDNSZones, func(z DNSZone) object { return object{id: z.ID, name: z.Name} }),
			read: byID(c, errors.DNSZoneNotFound, c.GetDNSZone), remove: removing(c.DeleteDNSZone), direct: true,
		},
		{
			name: kindPolicy, step: "disk_backup_policies", removal: trashesAndPurges,
			trash: "DiskBackupPolicy", // no object of it was recorded
			list: listing(c.ListDiskBackupPolicies, func(p DiskBackupPolicy) object {
				of := p.Target.Value
				if of.ID == "" {
					return object{id: p.ID}
				}
				return object{id: p.ID, name: "backups of " + cmp.Or(of.Name, of.ID), before: []string{of.ID}}
			}),
			read: byID(c, errors.DiskBackupPolicyNotFound, c.GetDiskBackupPolicy), poll: c.listTrash,
			remove: removing(c.DeleteDiskBackupPolicy), purge: c.purge, direct: true,
		},
		{
			name: kindMachine, step: "virtual_machines", trash: typeMachine, holds: true,
			removal: "stop it, unassign its disks but the one it boots from, delete it, and purge it from the trash",
			list: listing(c.ListVirtualMachines, func(v VirtualMachine) object {
				o := object{id: v.ID, name: v.Name}
				for _, address := range v.IPAddresses {
					o.before = append(o.before, address.Address)
				}
				return o
			}),
			read: c.readMachine, poll: c.listTrash,
			prepare: c.stopAndUnassign, remove: discarding(c.DeleteVirtualMachine), purge: c.purge,
		},
		{
			// No list shows which one a machine boots from: that is deleted with its machine.
			name: kindDisk, step: "disks", trash: "Disk", removal: trashesAndPurges, after: []after{{kindMachine, true}},
			list: listing(c.ListDisks, func(d Disk) object {
				o := object{id: d.ID, name: d.Name}
				if d.Assignment != nil {
					o.tied = []string{d.Assignment.VirtualMachine.ID}
					o.removal = trashesAndPurges + ", unless it goes with the virtual machine that boots from it"
				}
				return o
			}),
			also: with(kindMachine),
			read: byID(c, errors.DiskNotFound, c.GetDisk), poll: c.listDisks, listFirst: true,
			remove: discarding(c.DeleteDisk), purge: c.purge,
		},
		{
			name: kindVolume, step: "file_storage_volumes", trash: "FileStorageVolume", removal: trashesAndPurges, after: []after{{kindMachine, true}},
			list: listing(c.ListFileStorageVolumes, func(v FileStorageVolume) object {
				return object{id: v.ID, name: v.Name, tied: v.Associations}
			}),
			read: byID(c, errors.FileStorageVolumeNotFound, c.GetFileStorageVolume), poll: c.listTrash,
			remove: discarding(c.DeleteFileStorageVolume), purge: c.purge, direct: true,
		},
		{
			// A bucket has no ID, and its name finds the buckets of every organization that
			// the token has access to.
			name: kindBucket, step: "object_storage", removal: deletes, parts: 2, named: true,
			read: c.readBucket, remove: c.removeBucket,
		},
		{
			name: kindBuckets, step: "object_storage", removal: "delete them in Katapult's console, or by S3", manual: true,
		},
		{
			// The list of the keys finds the buckets and the accounts.
			name: kindKey, step: "object_storage", removal: deletes,
			unexplained: "delete it " + noAPI + " without its region, which no list shows",
			list:        func(n *inventory, ctx context.Context, _ string) error { return n.readObjectStorage(ctx) },
			read:        byID(c, errors.ObjectStorageAccessKeyNotFound, c.GetObjectStorageAccessKey),
			remove:      removing(c.DeleteObjectStorageAccessKey), direct: true,
		},
		{
			name: kindAccount, step: "object_storage", trash: typeAccount, removal: trashesAndPurges,
			read: c.readAccount, remove: c.removeAccount, purge: c.purgeAccount, direct: true,
		},
		{
			// The trash is read after all that goes there, so that what goes there meanwhile
			// is not missed.
			name: kindTrash, step: emptyTrash, removal: purges,
			list: (*inventory).readTrash, also: func(n *inventory) bool { return n.caused(emptyTrash) },
			read: c.readTrashObject, poll: c.listTrash,
			purge: func(ctx context.Context, r ref, _ resource.Item, _ string) (resource.Response, error) {
				return sent(c.PurgeTrashObject(ctx, r.id))
			},
		},
		{
			name: kindNetwork, step: "virtual_networks", removal: deletes,
			after: []after{{kind: kindMachine}}, // no list shows which machines are in one
			list:  listing(c.ListVirtualNetworks, func(v VirtualNetwork) object { return object{id: v.ID, name: v.Name} }),
			read:  byID(c, errors.VirtualNetworkNotFound, c.GetVirtualNetwork), remove: removing(c.DeleteVirtualNetwork), direct: true,
		},
		{
			// The address that a load balancer held may be the organization's.
			name: kindAddress, step: "ip_addresses", removal: "take it away from what holds it, and give it back",
			list: func(n *inventory, ctx context.Context, kind string) error {
				return each(c.ListIPAddresses(ctx, n.id), func(a IPAddress) {
					n.add(kind, teardown.Step{Name: a.Address, After: n.holdersOf(a)}, a.ID)
				})
			},
			also: with(kindMachine, kindLoadBalancer),
			read: c.readAddress, prepare: c.unallocate, remove: removing(c.DeleteIPAddress),
		},
		{
			name: kindTemplate, step: "disk_templates", removal: "delete it " + noAPI, manual: true,
			list: func(n *inventory, ctx context.Context, kind string) error {
				return each(c.ListDiskTemplates(ctx, n.id, ListDiskTemplatesPageOptions{}), func(t DiskTemplate) {
					if !t.Universal {
						n.add(kind, teardown.Step{Name: t.Name}, t.ID)
					}
				})
			},
		},
		{step: "isos", unexplained: "delete them " + noAPI},
		{step: "ensure_zero_balance", unexplained: "settle the balance " + noAPI},
		{step: "ensure_no_outstanding_invoices", unexplained: "have the invoices paid, which are among those of the organization that manages it"},
	}
}

// emptyTrash is the deletion step that all resources in the trash keep open.
const emptyTrash = "empty_trash"

// listing returns the list of a kind; as returns an item of it as an object.
func listing[T any](list func(context.Context, OrganizationLookup) iter.Seq2[T, error], as func(T) object) func(*inventory, context.Context, string) error {
	return func(n *inventory, ctx context.Context, kind string) error {
		return each(list(ctx, n.id), func(item T) { n.addListed(kind, as(item)) })
	}
}

// with returns a function that reports whether an organization has resources of the kinds.
func with(names ...string) func(*inventory) bool {
	return func(n *inventory) bool {
		return slices.ContainsFunc(names, func(name string) bool { return len(n.own[name]) > 0 })
	}
}

// of returns the kind of a name; an empty one if there is none.
func (all kinds) of(name string) kind {
	return all.first(func(k kind) bool { return k.name == name })
}

// first returns the first kind for which is returns true; an empty one if there is none.
func (all kinds) first(is func(kind) bool) kind {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return kind{}
}

// identity takes the ID of a step apart. The organization is "" for that of the plan.
func (all kinds) identity(s teardown.Step) (organization string, parts []string, ok bool) {
	rest, ok := strings.CutPrefix(s.ID, s.Kind+"/")
	parts = strings.Split(rest, "/")
	switch len(parts) - cmp.Or(all.of(s.Kind).parts, 1) {
	case 0:
		return "", parts, ok
	case 1:
		return parts[0], parts[1:], ok
	}
	return "", nil, false
}

// readOrganizations reads the organizations that this one manages, with all that they
// have.
func (n *inventory) readOrganizations(ctx context.Context, kind string) error {
	children, err := rest.Gather(n.c.ListManagedOrganizations(ctx, n.id))
	if err != nil {
		return err
	}
	for _, child := range children {
		if n.seen[ID(child.ID)] {
			continue
		}
		s := teardown.Step{
			Name: child.Name, Why: "it is managed by " + n.name, Organization: &teardown.Organization{ID: child.ID, Name: child.Name},
		}
		_, steps, err := n.c.inventory(ctx, &child, n.before, n.shown, true, n.seen)
		if codeOf(err) == errors.OrganizationNotFound {
			// One of its lists says so, and so must a read of it.
			switch existence, failed := n.c.look(ctx, ID(child.ID)); {
			case existence == rest.NotFound:
				continue
			case failed != nil:
				err = failed
			}
		}
		switch code := codeOf(err); code {
		case "":
			for _, step := range steps {
				s.After = append(s.After, step.ID)
			}
			n.children = append(n.children, steps...)
		case errors.OrganizationSuspended, errors.OrganizationNotActivated, errors.PermissionDenied, errors.OrganizationNotFound:
			s.Manual = true
			s.Why += ", and what it has cannot be read: " + code.Error()
			s.Removal = "let it be read, or delete it " + noAPI
		default:
			return err
		}
		n.add(kind, s, child.ID)
	}
	return nil
}

// readObjectStorage reads the object storage in all regions that are known: those that
// an access key names, and those of the plan before.
func (n *inventory) readObjectStorage(ctx context.Context) error {
	keys := map[string][]ObjectStorageAccessKey{} // by region
	err := each(n.c.ListObjectStorageAccessKeys(ctx, n.id), func(k ObjectStorageAccessKey) { keys[k.Region] = append(keys[k.Region], k) })
	if err != nil {
		return err
	}
	regions := slices.Sorted(maps.Keys(keys))
	for _, s := range n.planned(kindAccount) {
		if _, of, _ := n.kinds.identity(s); !slices.Contains(regions, of[0]) {
			regions = append(regions, of[0])
		}
	}
	for _, region := range regions {
		if err := n.readRegion(ctx, region, keys[region]); err != nil {
			return err
		}
	}
	return nil
}

// readRegion reads the object storage in a region. Its access keys go after the
// buckets, whose names they tell, and it goes last.
func (n *inventory) readRegion(ctx context.Context, region string, keys []ObjectStorageAccessKey) error {
	if region == "" { // of a key that does not tell
		n.addKeys(keys, nil)
		return nil
	}
	s := teardown.Step{Name: "object storage in " + region}
	account, err := n.c.GetObjectStorageAccount(ctx, n.id, Region(region))
	there := true
	switch code := codeOf(err); code {
	case "":
		if s.After, err = n.readBuckets(ctx, account, keys); err != nil {
			return err
		}
	case errors.ObjectStorageAccountNotFound:
		there = false
	case errors.ObjectInTrash:
		n.addTrashedAccount(region, err)
		there = false
	case errors.ObjectStorageAccountSuspended, errors.ObjectStorageAccountNotProvisioned:
		s.Manual = true
		s.Why = "it keeps the deletion step object_storage open, and cannot be read: " + code.Error()
		s.Removal = "delete it " + noAPI + " as it is"
	default:
		return err
	}
	s.After = append(s.After, n.addKeys(keys, slices.Clone(s.After))...)
	if there {
		n.add(kindAccount, s, region)
	}
	return nil
}

// addKeys adds access keys, and returns the IDs of their steps.
func (n *inventory) addKeys(keys []ObjectStorageAccessKey, after []string) []string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, n.add(kindKey, teardown.Step{Name: k.Name, After: after}, k.ID))
	}
	return ids
}

// readBuckets adds the buckets that access keys name, and one step for all others.
// A bucket is of this account only if it names such a key in turn: buckets are found
// by their names alone, whoever has them.
func (n *inventory) readBuckets(ctx context.Context, account *ObjectStorageAccount, keys []ObjectStorageAccessKey) ([]string, error) {
	var names, ids, steps []string
	for _, k := range keys {
		names = slices.Concat(names, k.ReadBuckets, k.WriteBuckets)
		ids = append(ids, k.ID)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		bucket, err := n.c.GetObjectStorageBucket(ctx, BucketName(name), Region(account.Region))
		switch {
		case errors.Is(err, errors.ObjectStorageBucketNotFound), errors.Is(err, errors.MultipleObjectStorageBucketsFound):
			continue
		case err != nil:
			return nil, err
		}
		if bucket.usedBy(ids) {
			steps = append(steps, n.add(kindBucket, teardown.Step{}, account.Region, name))
		}
	}
	left := account.BucketCount - len(steps)
	if earlier, removed := n.missingBuckets(account.Region); left > 0 && earlier > 0 {
		if left -= removed; left > 0 {
			again, err := n.c.GetObjectStorageAccount(ctx, n.id, Region(account.Region))
			if err != nil {
				return nil, err
			}
			left = again.BucketCount - len(steps) - removed
		}
	}
	if left > 0 {
		steps = append(steps, n.add(kindBuckets, teardown.Step{
			Name: "buckets in " + account.Region,
			Why:  fmt.Sprintf("%d of the buckets are named by no access key, and no list shows them", left),
		}, account.Region))
	}
	return steps, nil
}

// missingBuckets returns how many buckets of the plan before a region lacks now, which may
// still be counted. removed is how many of them an inspection of this teardown has shown:
// that the plan names a bucket does not prove that there was one.
func (n *inventory) missingBuckets(region string) (all, removed int) {
	for _, s := range n.planned(kindBucket) {
		if _, of, _ := n.kinds.identity(s); of[0] != region || n.has[s.ID] {
			continue
		}
		if all++; n.shown[s.ID] {
			removed++
		}
	}
	return all, removed
}

// readTrash adds what is in the trash. What the plan before has as something else
// stays that; so do the disks that went there with their virtual machine, of which
// the trash shows nothing.
func (n *inventory) readTrash(ctx context.Context, trash string) error {
	if !n.unsatisfied("object_storage") && len(n.planned(kindAccount)) > 0 {
		// In the trash it does not keep that step open.
		if err := n.readObjectStorage(ctx); err != nil {
			return err
		}
	}
	machines := map[string]string{} // step IDs of machines in the trash, by the machine's ID
	err := each(n.c.ListTrashObjects(ctx, n.id), func(o TrashObject) {
		n.explained[emptyTrash] = true
		if kind, name, ok := n.wasPlanned(o); ok {
			if id := n.addTrashed(kind, name, o.ObjectID); kind == kindMachine {
				machines[o.ObjectID] = id
			}
			return
		}
		if n.trashed[o.ID] {
			return
		}
		if _, ok := n.plannedAs(n.stepID(trash, o.ID)); !ok && o.ObjectID == "" && o.ObjectType == typeAccount && n.anonymous > 0 {
			n.anonymous--
			return
		}
		n.addTrash(trash, o)
	})
	if err != nil {
		return err
	}
	for _, s := range n.planned(kindDisk) {
		if err := n.addDiskOf(ctx, s, machines); err != nil {
			return err
		}
	}
	return nil
}

// addTrashedAccount adds the step of object storage that the plan before has, and that
// is in the trash now. There it does not say in which region it was.
func (n *inventory) addTrashedAccount(region string, err error) {
	s, ok := n.plannedAs(n.stepID(kindAccount, region))
	if !ok {
		return
	}
	n.addTrashed(kindAccount, s.Name, region)
	n.explained[emptyTrash] = true
	if id := trashObject(err).ID; id != "" {
		n.trashed[id] = true
	} else {
		n.anonymous++
	}
}

// addTrashed adds the step of something that is in the trash and that the plan before
// has, by its name there: the trash does not tell names. All else comes from the reads
// of now.
func (n *inventory) addTrashed(kind, name, identity string) string {
	return n.add(kind, teardown.Step{Name: name, Why: "it is in the trash", Removal: purges, Ref: json.RawMessage(trashedRef)}, identity)
}

// addDiskOf adds a disk that the plan before has if it went to the trash with one of the
// machines that are there. No list shows that, and the plan alone proves nothing: it may
// name the disk of another organization.
func (n *inventory) addDiskOf(ctx context.Context, s teardown.Step, machines map[string]string) error {
	if n.has[s.ID] {
		return nil
	}
	for machine, step := range machines {
		if !slices.Contains(s.After, step) {
			continue
		}
		_, of, _ := n.kinds.identity(s)
		disk, err := n.c.GetDisk(ctx, ID(of[0]))
		switch code := codeOf(err); {
		case code == errors.DiskNotFound:
			return nil
		case code == errors.ObjectInTrash:
			if in := trashObject(err); in.ID != "" && in.ObjectID != machine {
				continue
			}
		case err != nil:
			return err
		case disk.ID != of[0] || disk.Assignment == nil || disk.Assignment.VirtualMachine.ID != machine:
			continue
		}
		n.add(kindDisk, teardown.Step{
			Name: s.Name, After: []string{step}, Why: "it is in the trash with its virtual machine", Removal: "it is purged with the machine",
			Ref: json.RawMessage(trashedRef),
		}, of[0])
		return nil
	}
	return nil
}

// wasPlanned returns the kind and the name of the step that the plan before has for
// something that is in the trash now. The kind is that of the object's type: what the
// plan says about an ID proves nothing.
func (n *inventory) wasPlanned(o TrashObject) (kind, name string, ok bool) {
	if o.ObjectID == "" {
		return "", "", false
	}
	kind = cmp.Or(n.inTrash(o).name, kindPolicy) // whose type was never recorded
	s, ok := n.plannedAs(n.stepID(kind, o.ObjectID))
	return kind, s.Name, ok
}

// inTrash returns the kind of an object in the trash; an empty one if its type is not known.
func (n *inventory) inTrash(o TrashObject) kind {
	return n.kinds.first(func(k kind) bool { return k.trash != "" && k.trash == o.ObjectType })
}

// addTrash adds an object in the trash, which also keeps the deletion step of its kind open.
func (n *inventory) addTrash(trash string, o TrashObject) {
	id := n.add(trash, teardown.Step{Name: strings.TrimSpace(o.ObjectType + " " + o.ObjectID), Why: "it is in the trash"}, o.ID)
	if k := n.inTrash(o); k.name != "" {
		n.removes(id, k, o.ObjectID)
	}
	if o.ObjectType == typeMachine {
		n.explained[n.kinds.of(kindDisk).step] = true // what it boots from
	}
}

// ref says where the resource of a step is.
type ref struct {
	organization ID // that owns it
	managed      bool
	id           ID     // or the name of a bucket, or the region of an account
	region       Region // of object storage

	trashed bool // it was in the trash when the organization was read
}

// trashedRef is [teardown.Step.Ref] of a resource that is in the trash.
const trashedRef = `{"in_trash":true}`

// refOf returns where the resource of a step is, which its ID says.
func (all kinds) refOf(o teardown.Organization, step teardown.Step) (ref, error) {
	organization, parts, ok := all.identity(step)
	if !ok {
		return ref{}, rest.Invalid(provider, "Teardown", step.ID, errors.New("there is no such step"))
	}
	r := ref{organization: ID(o.ID), id: ID(parts[len(parts)-1]), region: Region(parts[0]), trashed: string(step.Ref) == trashedRef}
	if organization != "" && organization != o.ID {
		r.organization, r.managed = ID(organization), true
	}
	return r, nil
}

// table describes the resources that a teardown removes.
func (c *Client) table(all kinds) *resource.Table[ref] {
	t := &resource.Table[ref]{Provider: provider, Task: c.task, NothingToDo: immaterial}
	for _, k := range all {
		if k.read == nil {
			continue
		}
		t.Kinds = append(t.Kinds, resource.Kind[ref]{
			Name: k.name, Read: k.read, Prepare: k.prepare, Remove: k.remove, Purge: k.purge,
			Scope: func(r ref) string { return string(r.organization) }, List: k.poll,
			SkipFirstRead: func(r ref) bool { return k.direct && !r.trashed },
			ListFirst:     k.listFirst, ReusableName: k.named, PollAtOnce: true,
		})
	}
	return t
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
		Finished: t.Status == TaskStatusCompleted || t.Status == TaskStatusFailed, Failed: t.Status == TaskStatusFailed,
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
func sent(t *Task, err error) (resource.Response, error) {
	if err != nil || t == nil {
		return resource.Response{}, err
	}
	return resource.Response{Task: t.ID}, nil
}

// byID returns the read of a resource by its ID. The answer must be about that ID.
func byID[L any, T interface{ identity() string }](c *Client, missing errors.Code, get func(context.Context, L) (T, error)) func(context.Context, ref) (resource.Item, error) {
	return func(ctx context.Context, r ref) (resource.Item, error) {
		found, err := get(ctx, asLookup[L](r))
		return itemOf(ctx, c, missing, r, found, err, func(x T) (string, string) { return x.identity(), "" })
	}
}

// asLookup returns the ID of a resource as a call of its kind takes it.
func asLookup[L any](r ref) L { return any(r.id).(L) }

// itemOf returns what a read by ID shows. missing is the one code which proves that the
// resource does not exist.
func itemOf[T any](ctx context.Context, c *Client, missing errors.Code, r ref, found T, err error, state func(T) (id, text string)) (resource.Item, error) {
	item, err := c.absent(ctx, missing, r, err)
	if err != nil || item.Phase != resource.Exists {
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
		return resource.Item{Phase: resource.NotFound}, nil
	case errors.ObjectInTrash:
		return *discarded(r, trashObject(err)), nil
	case errors.OrganizationNotFound:
		if !r.managed {
			break
		}
		// What a managed organization had is deleted with it, if a read of it shows that.
		switch existence, failed := c.look(ctx, r.organization); {
		case existence == rest.NotFound:
			return resource.Item{Phase: resource.NotFound}, nil
		case failed != nil:
			err = failed
		}
	}
	return resource.Item{}, err
}

// discarded returns the item of a resource that has an object in the trash.
func discarded(r ref, o TrashObject) *resource.Item {
	return &resource.Item{Phase: resource.InTrash, Text: string(r.id) + " is in the trash", Value: o}
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
func removing[L any](remove func(context.Context, L) error) func(context.Context, ref, resource.Item) (resource.Response, error) {
	return func(ctx context.Context, r ref, _ resource.Item) (resource.Response, error) {
		return resource.Response{}, remove(ctx, asLookup[L](r))
	}
}

// discarding returns a removal that moves a resource to the trash. The object in the trash
// must be that of the resource, if the answer has one.
func discarding[L any](remove func(context.Context, L) (*TrashObject, error)) func(context.Context, ref, resource.Item) (resource.Response, error) {
	return func(ctx context.Context, r ref, _ resource.Item) (resource.Response, error) {
		object, err := remove(ctx, asLookup[L](r))
		switch {
		case err != nil:
			return resource.Response{}, err
		case object.ObjectID == "":
			return resource.Response{}, nil
		case object.ObjectID != string(r.id):
			return resource.Response{}, another(string(r.id), object.ObjectID)
		}
		return resource.Response{InTrash: discarded(r, *object)}, nil
	}
}

// readTrashObject reads an object in the trash.
func (c *Client) readTrashObject(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetTrashObject(ctx, r.id)
	item, err := itemOf(ctx, c, errors.TrashObjectNotFound, r, found, err, func(o *TrashObject) (string, string) { return o.ID, "" })
	if err == nil && item.Phase == resource.Exists {
		item.Phase, item.Value = resource.InTrash, *found
	}
	return item, err
}

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
func (c *Client) purge(ctx context.Context, r ref, i resource.Item, _ string) (resource.Response, error) {
	object, _ := i.Value.(TrashObject)
	switch {
	case object.ObjectID == string(r.id):
		return sent(c.PurgeTrashObject(ctx, ObjectID(r.id)))
	case object.ID != "":
		return resource.Response{}, nil // that of what it went there with
	}
	found := false
	err := each(c.ListTrashObjects(ctx, r.organization), func(o TrashObject) { found = found || o.ObjectID == string(r.id) })
	if err != nil || !found {
		return resource.Response{}, err
	}
	return sent(c.PurgeTrashObject(ctx, ObjectID(r.id)))
}

func (c *Client) readBucket(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetObjectStorageBucket(ctx, BucketName(r.id), r.region)
	return itemOf(ctx, c, errors.ObjectStorageBucketNotFound, r, found, err, func(b *ObjectStorageBucket) (string, string) { return b.Name, "" })
}

// removeBucket deletes a bucket that names an access key of the organization.
func (c *Client) removeBucket(ctx context.Context, r ref, i resource.Item) (resource.Response, error) {
	var keys []string
	if err := each(c.ListObjectStorageAccessKeys(ctx, r.organization), func(k ObjectStorageAccessKey) {
		if k.Region == string(r.region) {
			keys = append(keys, k.ID)
		}
	}); err != nil {
		return resource.Response{}, err
	}
	if bucket, ok := i.Value.(*ObjectStorageBucket); !ok || !bucket.usedBy(keys) {
		return resource.Response{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: string(r.id), Code: errors.NotConfirmed,
			Err: errors.New("the bucket names no access key of the organization"),
		}
	}
	return resource.Response{}, c.DeleteObjectStorageBucket(ctx, BucketName(r.id), r.region)
}

// usedBy reports whether a bucket names one of the access keys.
func (b *ObjectStorageBucket) usedBy(keys []string) bool {
	access := b.AccessControlList
	return slices.ContainsFunc(slices.Concat(access.ReadKeyIDs, access.WriteKeyIDs), func(id string) bool { return slices.Contains(keys, id) })
}

func (c *Client) readAccount(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetObjectStorageAccount(ctx, r.organization, r.region)
	return itemOf(ctx, c, errors.ObjectStorageAccountNotFound, r, found, err, func(a *ObjectStorageAccount) (string, string) {
		return a.Region, "object storage in " + a.Region + " exists"
	})
}

func (c *Client) removeAccount(ctx context.Context, r ref, _ resource.Item) (resource.Response, error) {
	object, err := c.DeleteObjectStorageAccount(ctx, r.organization, r.region)
	if err != nil {
		return resource.Response{}, err
	}
	return resource.Response{Trash: object.ID}, nil
}

// purgeAccount purges object storage. In the trash it has no object ID, so that only its
// ID there names it.
func (c *Client) purgeAccount(ctx context.Context, r ref, i resource.Item, trash string) (resource.Response, error) {
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
		return resource.Response{}, err
	}
	if len(accounts) != 1 {
		return resource.Response{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: string(r.region), Code: errors.ObjectInTrash,
			Err: errors.New("the trash does not show which object is the object storage of the region"),
		}
	}
	return sent(c.PurgeTrashObject(ctx, accounts[0]))
}

// readMachine reads a virtual machine.
func (c *Client) readMachine(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetVirtualMachine(ctx, r.id)
	item, err := itemOf(ctx, c, errors.VirtualMachineNotFound, r, found, err, func(v *VirtualMachine) (string, string) {
		return v.ID, v.Name + ": " + string(v.State)
	})
	if err == nil && item.Phase == resource.Exists {
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
	if err == nil && item.Phase == resource.Exists && found.AllocationID != "" {
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
