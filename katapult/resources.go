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

// Kinds of resources. A manual step without a resource has the name of its deletion step as
// its kind.
const (
	kindOrganization      = "managed_organization"
	kindLoadBalancer      = "load_balancer"
	kindDNSZone           = "dns_zone"
	kindDiskBackupPolicy  = "disk_backup_policy"
	kindVirtualMachine    = "virtual_machine"
	kindDisk              = "disk"
	kindFileStorageVolume = "file_storage_volume"
	kindBucket            = "object_storage_bucket"
	kindUnlistedBuckets   = "object_storage_buckets" // all buckets that no access key names
	kindAccessKey         = "object_storage_access_key"
	kindAccount           = "object_storage_account"
	kindTrash             = "trash_object"
	kindVirtualNetwork    = "virtual_network"
	kindIPAddress         = "ip_address"
	kindDiskTemplate      = "disk_template"
)

// Types of objects in the trash that need special handling.
const (
	trashTypeVirtualMachine = "VirtualMachine"
	trashTypeAccount        = "ObjectStorageAccount"
)

// Texts of [teardown.Step.Removal].
const (
	removalDelete = "delete it"
	removalTrash  = "delete it, and purge it from the trash"
	removalPurge  = "purge it"
	consoleOnly   = "in Katapult's console; no API can"
	unknownCause  = "see Katapult's console: no read shows the cause"
)

// kind describes the resources of one kind: how a plan lists them and a teardown removes
// them.
type kind struct {
	name          string
	step          string // the deletion step that the resources keep open
	trash         string // the type of their objects in the trash; "" if they never move there
	removal       string // the text of the step's Removal
	manual        bool   // no API removes them
	requires      []teardown.Override
	idParts       int  // parts of an identity; 0 means 1
	usesAddresses bool // the resources can use IP addresses
	after         []after

	// unexplained is the Removal of a manual step: the deletion step is open, and no list
	// shows its cause.
	unexplained string

	// list adds the steps of an organization; nil if the list of another kind adds them. A
	// list is read if its deletion step is open, or alsoIf returns true.
	list   func(n *inventory, ctx context.Context, kind string) error
	alsoIf func(n *inventory) bool

	// Functions of [resource.Kind]. read is nil if no API removes the resources. poll reads
	// several resources of an organization with one list.
	read    func(ctx context.Context, r ref) (resource.Item, error)
	poll    func(ctx context.Context, rs []ref) ([]*resource.Item, error)
	prepare func(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error)
	remove  func(ctx context.Context, r ref, i resource.Item) (resource.Response, error)
	purge   func(ctx context.Context, r ref, i resource.Item, trash string) (resource.Response, error)

	direct    bool // a listed resource is removed without another read, because its ID is never reused
	listFirst bool // a removal in after usually deletes the resource, too: list before a single read
	reusable  bool // another resource can have the identity later
}

// object is a resource in the list of its kind.
type object struct {
	id, name string
	removal  string   // overrides the removal of the kind
	uses     []string // IDs of resources that this one uses
	before   []string // IDs and addresses of resources that are removed after this one
}

// after is a kind whose resources are removed first: all of them, or only those that the
// resource uses.
type after struct {
	kind     string
	usedOnly bool
}

// kinds are the kinds in the order of removal.
type kinds []kind

// kinds returns the table of all kinds. A new kind needs one entry. An entry without a name
// is a deletion step without a readable resource.
func (c *Client) kinds() kinds {
	return kinds{
		{
			name: kindOrganization, step: "managed_organizations", removal: "delete it after all its resources",
			requires: []teardown.Override{teardown.ManagedOrganizations},
			list:     (*inventory).readOrganizations,
			read:     byID(c, errors.OrganizationNotFound, c.GetOrganization), remove: removeByID(c.DeleteOrganization), direct: true,
		},
		{
			name: kindLoadBalancer, step: "load_balancers", removal: removalDelete, usesAddresses: true,
			list: listing(c.ListLoadBalancers, func(l LoadBalancer) object {
				return object{id: l.ID, name: l.Name, before: append(l.ResourceIDs, l.IPAddress.Address)}
			}),
			read: byID(c, errors.LoadBalancerNotFound, c.GetLoadBalancer), remove: removeByID(c.DeleteLoadBalancer), direct: true,
		},
		{
			name: kindDNSZone, step: "dns_zones", removal: removalDelete + " with its records",
			list: listing(c.ListDNSZones, func(z DNSZone) object { return object{id: z.ID, name: z.Name} }),
			read: byID(c, errors.DNSZoneNotFound, c.GetDNSZone), remove: removeByID(c.DeleteDNSZone), direct: true,
		},
		{
			name: kindDiskBackupPolicy, step: "disk_backup_policies", removal: removalTrash,
			trash: "DiskBackupPolicy", // not recorded
			list: listing(c.ListDiskBackupPolicies, func(p DiskBackupPolicy) object {
				of := p.Target.Value
				if of.ID == "" {
					return object{id: p.ID}
				}
				return object{id: p.ID, name: "backups of " + cmp.Or(of.Name, of.ID), before: []string{of.ID}}
			}),
			read: byID(c, errors.DiskBackupPolicyNotFound, c.GetDiskBackupPolicy), poll: c.listTrash,
			remove: removeByID(c.DeleteDiskBackupPolicy), purge: c.purge, direct: true,
		},
		{
			name: kindVirtualMachine, step: "virtual_machines", trash: trashTypeVirtualMachine, usesAddresses: true,
			removal: "stop it, unassign its disks except the boot disk, delete it, and purge it from the trash",
			list: listing(c.ListVirtualMachines, func(v VirtualMachine) object {
				o := object{id: v.ID, name: v.Name}
				for _, address := range v.IPAddresses {
					o.before = append(o.before, address.Address)
				}
				return o
			}),
			read: c.readMachine, poll: c.listTrash,
			prepare: c.stopAndUnassign, remove: trashByID(c.DeleteVirtualMachine), purge: c.purge,
		},
		{
			// No list shows the boot disk, which is deleted with its machine.
			name: kindDisk, step: "disks", trash: "Disk", removal: removalTrash, after: []after{{kindVirtualMachine, true}},
			list: listing(c.ListDisks, func(d Disk) object {
				o := object{id: d.ID, name: d.Name}
				if d.Assignment != nil {
					o.uses = []string{d.Assignment.VirtualMachine.ID}
					o.removal = removalTrash + ", unless it is deleted with the virtual machine that boots from it"
				}
				return o
			}),
			alsoIf: hasAny(kindVirtualMachine),
			read:   byID(c, errors.DiskNotFound, c.GetDisk), poll: c.listDisks, listFirst: true,
			remove: trashByID(c.DeleteDisk), purge: c.purge,
		},
		{
			name: kindFileStorageVolume, step: "file_storage_volumes", trash: "FileStorageVolume", removal: removalTrash, after: []after{{kindVirtualMachine, true}},
			list: listing(c.ListFileStorageVolumes, func(v FileStorageVolume) object {
				return object{id: v.ID, name: v.Name, uses: v.Associations}
			}),
			read: byID(c, errors.FileStorageVolumeNotFound, c.GetFileStorageVolume), poll: c.listTrash,
			remove: trashByID(c.DeleteFileStorageVolume), purge: c.purge, direct: true,
		},
		{
			// A bucket has no ID. Its name also finds buckets of other organizations that the
			// token has access to.
			name: kindBucket, step: "object_storage", removal: removalDelete, idParts: 2, reusable: true,
			read: c.readBucket, remove: c.removeBucket,
		},
		{
			name: kindUnlistedBuckets, step: "object_storage", removal: "delete them in Katapult's console, or by S3", manual: true,
		},
		{
			// The list of the keys also finds the buckets and the accounts.
			name: kindAccessKey, step: "object_storage", removal: removalDelete,
			unexplained: "delete the object storage in Katapult's console: no list shows its region",
			list:        func(n *inventory, ctx context.Context, _ string) error { return n.readObjectStorage(ctx) },
			read:        byID(c, errors.ObjectStorageAccessKeyNotFound, c.GetObjectStorageAccessKey),
			remove:      removeByID(c.DeleteObjectStorageAccessKey), direct: true,
		},
		{
			name: kindAccount, step: "object_storage", trash: trashTypeAccount, removal: removalTrash,
			read: c.readAccount, remove: c.removeAccount, purge: c.purgeAccount, direct: true,
		},
		{
			// The trash is read after the lists of all kinds that move there, so that no
			// resource that moves there in between is missed.
			name: kindTrash, step: stepEmptyTrash, removal: removalPurge,
			list: (*inventory).readTrash, alsoIf: func(n *inventory) bool { return n.planCauses(stepEmptyTrash) },
			read: c.readTrashObject, poll: c.listTrash,
			purge: func(ctx context.Context, r ref, _ resource.Item, _ string) (resource.Response, error) {
				return taskOf(c.PurgeTrashObject(ctx, r.id))
			},
		},
		{
			name: kindVirtualNetwork, step: "virtual_networks", removal: removalDelete,
			after: []after{{kind: kindVirtualMachine}}, // no list shows the machines in a network
			list:  listing(c.ListVirtualNetworks, func(v VirtualNetwork) object { return object{id: v.ID, name: v.Name} }),
			read:  byID(c, errors.VirtualNetworkNotFound, c.GetVirtualNetwork), remove: removeByID(c.DeleteVirtualNetwork), direct: true,
		},
		{
			// The address of a load balancer may belong to the organization.
			name: kindIPAddress, step: "ip_addresses", removal: "unallocate it, and delete it",
			list: func(n *inventory, ctx context.Context, kind string) error {
				return forEach(c.ListIPAddresses(ctx, n.id), func(a IPAddress) {
					n.add(kind, teardown.Step{Name: a.Address, After: n.addressUsersOf(a)}, a.ID)
				})
			},
			alsoIf: hasAny(kindVirtualMachine, kindLoadBalancer),
			read:   c.readAddress, prepare: c.unallocate, remove: removeByID(c.DeleteIPAddress),
		},
		{
			name: kindDiskTemplate, step: "disk_templates", removal: "delete it " + consoleOnly, manual: true,
			list: func(n *inventory, ctx context.Context, kind string) error {
				return forEach(c.ListDiskTemplates(ctx, n.id, ListDiskTemplatesPageOptions{}), func(t DiskTemplate) {
					if !t.Universal {
						n.add(kind, teardown.Step{Name: t.Name}, t.ID)
					}
				})
			},
		},
		{step: "isos", unexplained: "delete them " + consoleOnly},
		{step: "ensure_zero_balance", unexplained: "settle the balance " + consoleOnly},
		{step: "ensure_no_outstanding_invoices", unexplained: "pay the invoices in the billing console of the managing organization"},
	}
}

// stepEmptyTrash is the deletion step that objects in the trash keep open.
const stepEmptyTrash = "empty_trash"

// listing returns the list of a kind. as converts an item to an object.
func listing[T any](list func(context.Context, OrganizationLookup) iter.Seq2[T, error], as func(T) object) func(*inventory, context.Context, string) error {
	return func(n *inventory, ctx context.Context, kind string) error {
		return forEach(list(ctx, n.id), func(item T) { n.addListed(kind, as(item)) })
	}
}

// hasAny returns a function that reports whether an organization has a resource of one of
// the kinds.
func hasAny(names ...string) func(*inventory) bool {
	return func(n *inventory) bool {
		return slices.ContainsFunc(names, func(name string) bool { return len(n.own[name]) > 0 })
	}
}

// byName returns the kind with a name; an empty one if none has it.
func (all kinds) byName(name string) kind {
	return all.first(func(k kind) bool { return k.name == name })
}

// first returns the first kind that matches; an empty one if none does.
func (all kinds) first(is func(kind) bool) kind {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return kind{}
}

// identity splits the ID of a step. The organization is "" for that of the plan.
func (all kinds) identity(s teardown.Step) (organization string, parts []string, ok bool) {
	rest, ok := strings.CutPrefix(s.ID, s.Kind+"/")
	parts = strings.Split(rest, "/")
	switch len(parts) - cmp.Or(all.byName(s.Kind).idParts, 1) {
	case 0:
		return "", parts, ok
	case 1:
		return parts[0], parts[1:], ok
	}
	return "", nil, false
}

// readOrganizations adds the managed organizations and their resources.
func (n *inventory) readOrganizations(ctx context.Context, kind string) error {
	children, err := rest.Gather(n.c.ListManagedOrganizations(ctx, n.id))
	if err != nil {
		return err
	}
	for _, child := range children {
		if n.visited[ID(child.ID)] {
			continue
		}
		s := teardown.Step{
			Name: child.Name, Why: "it is managed by " + n.name, Organization: &teardown.Organization{ID: child.ID, Name: child.Name},
		}
		_, steps, err := n.c.inventory(ctx, &child, n.previous, n.shown, true, n.visited)
		if codeOf(err) == errors.OrganizationNotFound {
			// A list returned the error. Only a read of the organization proves it.
			switch existence, failed := n.c.verify(ctx, ID(child.ID)); {
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
			s.Why += ", and its resources cannot be read: " + code.Error()
			s.Removal = "make it readable, or delete it " + consoleOnly
		default:
			return err
		}
		n.add(kind, s, child.ID)
	}
	return nil
}

// readObjectStorage adds the object storage of all known regions: those that an access key
// names, and those of the previous plan.
func (n *inventory) readObjectStorage(ctx context.Context) error {
	keys := map[string][]ObjectStorageAccessKey{} // by region
	err := forEach(n.c.ListObjectStorageAccessKeys(ctx, n.id), func(k ObjectStorageAccessKey) { keys[k.Region] = append(keys[k.Region], k) })
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

// readRegion adds the object storage of a region: first the buckets, then the access keys,
// which name the buckets, then the account.
func (n *inventory) readRegion(ctx context.Context, region string, keys []ObjectStorageAccessKey) error {
	if region == "" { // a key without a region
		n.addKeys(keys, nil)
		return nil
	}
	s := teardown.Step{Name: "object storage in " + region}
	account, err := n.c.GetObjectStorageAccount(ctx, n.id, Region(region))
	exists := true
	switch code := codeOf(err); code {
	case "":
		if s.After, err = n.readBuckets(ctx, account, keys); err != nil {
			return err
		}
	case errors.ObjectStorageAccountNotFound:
		exists = false
	case errors.ObjectInTrash:
		n.addTrashedAccount(region, err)
		exists = false
	case errors.ObjectStorageAccountSuspended, errors.ObjectStorageAccountNotProvisioned:
		s.Manual = true
		s.Why = "open deletion step: object_storage; cannot be read: " + code.Error()
		s.Removal = "delete it " + consoleOnly + " in this state"
	default:
		return err
	}
	s.After = append(s.After, n.addKeys(keys, slices.Clone(s.After))...)
	if exists {
		n.add(kindAccount, s, region)
	}
	return nil
}

// addKeys adds access keys and returns the IDs of their steps.
func (n *inventory) addKeys(keys []ObjectStorageAccessKey, after []string) []string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, n.add(kindAccessKey, teardown.Step{Name: k.Name, After: after}, k.ID))
	}
	return ids
}

// readBuckets adds the buckets that access keys name, and one manual step for all others. A
// bucket belongs to the account only if it also names one of the keys, because a name finds
// the buckets of other organizations, too.
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
		steps = append(steps, n.add(kindUnlistedBuckets, teardown.Step{
			Name: "buckets in " + account.Region,
			Why:  fmt.Sprintf("no access key and no list names %d of the buckets", left),
		}, account.Region))
	}
	return steps, nil
}

// missingBuckets returns the number of buckets of the previous plan that a region no longer
// has, but may still count. removed is the number of those that an inspection of this
// teardown has shown: a plan alone does not prove that a bucket existed.
func (n *inventory) missingBuckets(region string) (all, removed int) {
	for _, s := range n.planned(kindBucket) {
		if _, of, _ := n.kinds.identity(s); of[0] != region || n.added[s.ID] {
			continue
		}
		if all++; n.shown[s.ID] {
			removed++
		}
	}
	return all, removed
}

// readTrash adds the objects in the trash. A resource of the previous plan keeps its step;
// so does a disk that moved there with its virtual machine, which the trash does not show.
func (n *inventory) readTrash(ctx context.Context, trash string) error {
	if !n.unsatisfied("object_storage") && len(n.planned(kindAccount)) > 0 {
		// An account in the trash does not keep that step open.
		if err := n.readObjectStorage(ctx); err != nil {
			return err
		}
	}
	machines := map[string]string{} // step IDs of machines in the trash, by the machine's ID
	err := forEach(n.c.ListTrashObjects(ctx, n.id), func(o TrashObject) {
		n.explained[stepEmptyTrash] = true
		if kind, name, ok := n.plannedTrash(o); ok {
			if id := n.addTrashed(kind, name, o.ObjectID); kind == kindVirtualMachine {
				machines[o.ObjectID] = id
			}
			return
		}
		if n.trashedAccounts[o.ID] {
			return
		}
		if _, ok := n.plannedStep(n.stepID(trash, o.ID)); !ok && o.ObjectID == "" && o.ObjectType == trashTypeAccount && n.unnamedAccounts > 0 {
			n.unnamedAccounts--
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

// addTrashedAccount adds the step of object storage that the previous plan has and that is
// now in the trash. The object there has no region.
func (n *inventory) addTrashedAccount(region string, err error) {
	s, ok := n.plannedStep(n.stepID(kindAccount, region))
	if !ok {
		return
	}
	n.addTrashed(kindAccount, s.Name, region)
	n.explained[stepEmptyTrash] = true
	if id := trashObject(err).ID; id != "" {
		n.trashedAccounts[id] = true
	} else {
		n.unnamedAccounts++
	}
}

// addTrashed adds the step of a resource in the trash that the previous plan has. Only the
// name is of the previous plan, because the trash has no names.
func (n *inventory) addTrashed(kind, name, identity string) string {
	return n.add(kind, teardown.Step{Name: name, Why: "it is in the trash", Removal: removalPurge, Ref: json.RawMessage(trashedRef)}, identity)
}

// addDiskOf adds a disk of the previous plan if it moved to the trash with one of the
// machines there. No list shows that; a read of the disk proves it, because the plan alone
// may name the disk of another organization.
func (n *inventory) addDiskOf(ctx context.Context, s teardown.Step, machines map[string]string) error {
	if n.added[s.ID] {
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

// plannedTrash returns the kind and the name of the step that the previous plan has for an
// object in the trash. The type of the object determines the kind, not the plan.
func (n *inventory) plannedTrash(o TrashObject) (kind, name string, ok bool) {
	if o.ObjectID == "" {
		return "", "", false
	}
	kind = cmp.Or(n.kindOfTrash(o).name, kindDiskBackupPolicy) // whose type is not recorded
	s, ok := n.plannedStep(n.stepID(kind, o.ObjectID))
	return kind, s.Name, ok
}

// kindOfTrash returns the kind of an object in the trash; an empty one for an unknown type.
func (n *inventory) kindOfTrash(o TrashObject) kind {
	return n.kinds.first(func(k kind) bool { return k.trash != "" && k.trash == o.ObjectType })
}

// addTrash adds an object in the trash. It explains the deletion step of its kind, too.
func (n *inventory) addTrash(trash string, o TrashObject) {
	id := n.add(trash, teardown.Step{Name: strings.TrimSpace(o.ObjectType + " " + o.ObjectID), Why: "it is in the trash"}, o.ID)
	if k := n.kindOfTrash(o); k.name != "" {
		n.noteRemoval(id, k, o.ObjectID)
	}
	if o.ObjectType == trashTypeVirtualMachine {
		n.explained[n.kinds.byName(kindDisk).step] = true // by its boot disk
	}
}

// ref identifies the resource of a step.
type ref struct {
	organization ID     // the owner
	managed      bool   // the organization of the plan manages the owner
	id           ID     // ID of the resource, name of a bucket, or region of an account
	region       Region // of object storage

	trashed bool // in the trash at the inspection
}

// trashedRef is the [teardown.Step.Ref] of a resource in the trash.
const trashedRef = `{"in_trash":true}`

// refOf returns the ref of a step, from the ID of the step.
func (all kinds) refOf(o teardown.Organization, step teardown.Step) (ref, error) {
	organization, parts, ok := all.identity(step)
	if !ok {
		return ref{}, rest.Invalid(provider, "Teardown", step.ID, errors.New("unknown step"))
	}
	r := ref{organization: ID(o.ID), id: ID(parts[len(parts)-1]), region: Region(parts[0]), trashed: string(step.Ref) == trashedRef}
	if organization != "" && organization != o.ID {
		r.organization, r.managed = ID(organization), true
	}
	return r, nil
}

// table returns the kinds that a teardown removes by the API.
func (c *Client) table(all kinds) *resource.Table[ref] {
	t := &resource.Table[ref]{Provider: provider, Task: c.readTask, NothingToDo: nothingToDo}
	for _, k := range all {
		if k.read == nil {
			continue
		}
		t.Kinds = append(t.Kinds, resource.Kind[ref]{
			Name: k.name, Read: k.read, Prepare: k.prepare, Remove: k.remove, Purge: k.purge,
			Scope: func(r ref) string { return string(r.organization) }, List: k.poll,
			SkipFirstRead: func(r ref) bool { return k.direct && !r.trashed },
			ListFirst:     k.listFirst, ReusableName: k.reusable, PollAtOnce: true,
		})
	}
	return t
}

// readTask reads a task.
func (c *Client) readTask(ctx context.Context, id string) (resource.Task, error) {
	t, err := c.GetTask(ctx, ID(id))
	if err == nil && t.ID != id {
		err = wrongResource(id, t.ID)
	}
	if err != nil {
		return resource.Task{}, err
	}
	return resource.Task{
		Finished: t.Status == TaskStatusCompleted || t.Status == TaskStatusFailed, Failed: t.Status == TaskStatusFailed,
		Text: fmt.Sprintf("%s: %s, %d %%", t.Name, t.Status, t.Progress),
	}, nil
}

// nothingToDo reports whether an error means that the request has no effect, such as the
// unassignment of an unassigned disk. A read decides.
func nothingToDo(err error) bool {
	switch codeOf(err) {
	case errors.ObjectInTrash, errors.TrashObjectNotFound, errors.DiskNotFound, errors.UnassignedDisk, errors.NoAllocation:
		return true
	}
	return false
}

// taskOf returns the response of a request that starts a task.
func taskOf(t *Task, err error) (resource.Response, error) {
	if err != nil || t == nil {
		return resource.Response{}, err
	}
	return resource.Response{Task: t.ID}, nil
}

// byID returns a read by ID. The answer must have that ID.
func byID[L any, T interface{ identity() string }](c *Client, missing errors.Code, get func(context.Context, L) (T, error)) func(context.Context, ref) (resource.Item, error) {
	return func(ctx context.Context, r ref) (resource.Item, error) {
		found, err := get(ctx, asLookup[L](r))
		return itemOf(ctx, c, missing, r, found, err, func(x T) (string, string) { return x.identity(), "" })
	}
}

// asLookup converts the ID of a resource to the lookup of its kind.
func asLookup[L any](r ref) L { return any(r.id).(L) }

// itemOf returns the item of a read by ID. Only the code missing proves that the resource
// does not exist.
func itemOf[T any](ctx context.Context, c *Client, missing errors.Code, r ref, found T, err error, state func(T) (id, text string)) (resource.Item, error) {
	item, err := c.missingItem(ctx, missing, r, err)
	if err != nil || item.Phase != resource.Exists {
		return item, err
	}
	id, text := state(found)
	if id != string(r.id) {
		return resource.Item{}, wrongResource(string(r.id), id)
	}
	if text == "" {
		text = id + " exists"
	}
	return resource.Item{Text: text, Value: found}, nil
}

// missingItem returns the item of a resource that a read did not find: the resource does not
// exist, or is in the trash. The item is Present if err is nil.
func (c *Client) missingItem(ctx context.Context, missing errors.Code, r ref, err error) (resource.Item, error) {
	switch codeOf(err) {
	case "":
		return resource.Item{}, nil
	case missing:
		return resource.Item{Phase: resource.NotFound}, nil
	case errors.ObjectInTrash:
		return *trashedItem(r, trashObject(err)), nil
	case errors.OrganizationNotFound:
		if !r.managed {
			break
		}
		// The resources of a managed organization are deleted with it. A read proves that.
		switch existence, failed := c.verify(ctx, r.organization); {
		case existence == rest.NotFound:
			return resource.Item{Phase: resource.NotFound}, nil
		case failed != nil:
			err = failed
		}
	}
	return resource.Item{}, err
}

// trashedItem returns the item of a resource in the trash.
func trashedItem(r ref, o TrashObject) *resource.Item {
	return &resource.Item{Phase: resource.InTrash, Text: string(r.id) + " is in the trash", Value: o}
}

// wrongResource returns the error of an answer with another ID than requested, which proves
// nothing.
func wrongResource(id, found string) error {
	return &errors.Error{
		Provider: provider, Operation: "Teardown", Target: id, Code: errors.UnexpectedResponse, Status: 200,
		Err: errors.New("the answer names another resource: " + found),
	}
}

// removeByID returns a removal by ID whose answer has no content.
func removeByID[L any](remove func(context.Context, L) error) func(context.Context, ref, resource.Item) (resource.Response, error) {
	return func(ctx context.Context, r ref, _ resource.Item) (resource.Response, error) {
		return resource.Response{}, remove(ctx, asLookup[L](r))
	}
}

// trashByID returns a removal by ID that moves a resource to the trash. If the answer has an
// object in the trash, it must be that of the resource.
func trashByID[L any](remove func(context.Context, L) (*TrashObject, error)) func(context.Context, ref, resource.Item) (resource.Response, error) {
	return func(ctx context.Context, r ref, _ resource.Item) (resource.Response, error) {
		object, err := remove(ctx, asLookup[L](r))
		switch {
		case err != nil:
			return resource.Response{}, err
		case object.ObjectID == "":
			return resource.Response{}, nil
		case object.ObjectID != string(r.id):
			return resource.Response{}, wrongResource(string(r.id), object.ObjectID)
		}
		return resource.Response{InTrash: trashedItem(r, *object)}, nil
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

// listTrash finds resources in the trash of their organization, by the ID of the object or of
// the resource.
func (c *Client) listTrash(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	objects := map[string]TrashObject{}
	err := forEach(c.ListTrashObjects(ctx, rs[0].organization), func(o TrashObject) {
		objects[o.ID] = o
		if o.ObjectID != "" {
			objects[o.ObjectID] = o
		}
	})
	if err != nil {
		return nil, c.confirmNotFound(ctx, rs[0].organization, err)
	}
	items := make([]*resource.Item, len(rs))
	for i, r := range rs {
		if o, ok := objects[string(r.id)]; ok {
			items[i] = trashedItem(r, o)
		}
	}
	return items, nil
}

// listDisks finds disks in the list of their organization, and then in its trash. A disk
// that neither has may be deleted with the virtual machine that boots from it: only a read
// of the disk proves that.
func (c *Client) listDisks(ctx context.Context, rs []ref) ([]*resource.Item, error) {
	disks := map[string]bool{}
	if err := forEach(c.ListDisks(ctx, rs[0].organization), func(d Disk) { disks[d.ID] = true }); err != nil {
		return nil, c.confirmNotFound(ctx, rs[0].organization, err)
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

// purge purges a resource from the trash by the ID of the resource. If the error of the read
// had no object, the trash of the organization is listed. A resource without an object moved
// there with another resource, and is purged with that one.
func (c *Client) purge(ctx context.Context, r ref, i resource.Item, _ string) (resource.Response, error) {
	object, _ := i.Value.(TrashObject)
	switch {
	case object.ObjectID == string(r.id):
		return taskOf(c.PurgeTrashObject(ctx, ObjectID(r.id)))
	case object.ID != "":
		return resource.Response{}, nil // the object of the resource that it moved there with
	}
	found := false
	err := forEach(c.ListTrashObjects(ctx, r.organization), func(o TrashObject) { found = found || o.ObjectID == string(r.id) })
	if err != nil || !found {
		return resource.Response{}, err
	}
	return taskOf(c.PurgeTrashObject(ctx, ObjectID(r.id)))
}

func (c *Client) readBucket(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetObjectStorageBucket(ctx, BucketName(r.id), r.region)
	return itemOf(ctx, c, errors.ObjectStorageBucketNotFound, r, found, err, func(b *ObjectStorageBucket) (string, string) { return b.Name, "" })
}

// removeBucket deletes a bucket if it names an access key of the organization.
func (c *Client) removeBucket(ctx context.Context, r ref, i resource.Item) (resource.Response, error) {
	var keys []string
	if err := forEach(c.ListObjectStorageAccessKeys(ctx, r.organization), func(k ObjectStorageAccessKey) {
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

// purgeAccount purges object storage by the ID of its object in the trash, because that
// object has no object ID.
func (c *Client) purgeAccount(ctx context.Context, r ref, i resource.Item, trash string) (resource.Response, error) {
	object, _ := i.Value.(TrashObject)
	switch {
	case object.ID != "":
		return taskOf(c.PurgeTrashObject(ctx, ID(object.ID)))
	case trash != "":
		return taskOf(c.PurgeTrashObject(ctx, ID(trash)))
	}
	var accounts []ID
	if err := forEach(c.ListTrashObjects(ctx, r.organization), func(o TrashObject) {
		if o.ObjectType == trashTypeAccount {
			accounts = append(accounts, ID(o.ID))
		}
	}); err != nil {
		return resource.Response{}, err
	}
	if len(accounts) != 1 {
		return resource.Response{}, &errors.Error{
			Provider: provider, Operation: "Teardown", Target: string(r.region), Code: errors.ObjectInTrash,
			Err: errors.New("the trash does not identify the object storage of the region"),
		}
	}
	return taskOf(c.PurgeTrashObject(ctx, accounts[0]))
}

// readMachine reads a virtual machine.
func (c *Client) readMachine(ctx context.Context, r ref) (resource.Item, error) {
	found, err := c.GetVirtualMachine(ctx, r.id)
	item, err := itemOf(ctx, c, errors.VirtualMachineNotFound, r, found, err, func(v *VirtualMachine) (string, string) {
		return v.ID, v.Name + ": " + string(v.State)
	})
	if err == nil && item.Phase == resource.Exists {
		if isChanging(found.State) {
			item.Phase = resource.Changing
		}
		item.Unprepared = found.State == VirtualMachineStateStarted
	}
	return item, err
}

// isChanging reports whether a virtual machine is about to change its state.
func isChanging(state VirtualMachineState) bool {
	switch state {
	case VirtualMachineStateAllocating, VirtualMachineStateMigrating, VirtualMachineStateResetting, VirtualMachineStateShuttingDown,
		VirtualMachineStateStarting, VirtualMachineStateStopping, VirtualMachineStateTransferring:
		return true
	}
	return false
}

// stopAndUnassign prepares the removal of a virtual machine. It stops the machine and
// unassigns all disks except boot disks, so that the removal deletes no disk without a step.
func (c *Client) stopAndUnassign(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error) {
	machine := i.Value.(*VirtualMachine)
	switch {
	case isChanging(machine.State):
		return resource.Preparation{Text: i.Text}, nil
	case machine.State == VirtualMachineStateStarted:
		task, err := taskOf(c.StopVirtualMachine(ctx, r.id))
		return resource.Preparation{Task: task.Task, Text: i.Text}, err
	}
	var disks []VirtualMachineDisk
	if err := forEach(c.ListVirtualMachineDisks(ctx, r.id), func(disk VirtualMachineDisk) { disks = append(disks, disk) }); err != nil {
		return resource.Preparation{}, err
	}
	for _, disk := range disks {
		if !disk.Boot {
			return c.unassign(ctx, r.id, ID(disk.Disk.ID), disk.State)
		}
	}
	return resource.Preparation{Ready: true}, nil
}

// unassign sends the next request that unassigns a disk from its virtual machine. It waits
// for a change of state first.
func (c *Client) unassign(ctx context.Context, machine, id ID, state DiskAttachmentState) (resource.Preparation, error) {
	moves := func(s DiskAttachmentState) bool {
		return s == DiskAttachmentStateAttaching || s == DiskAttachmentStateDetaching
	}
	switch {
	case moves(state):
		return resource.Preparation{Done: c.assignment(machine, id, func(_ bool, s DiskAttachmentState) bool { return !moves(s) })}, nil
	case state == DiskAttachmentStateAttached:
		task, err := taskOf(c.DetachDisk(ctx, id))
		return resource.Preparation{Task: task.Task, Done: c.assignment(machine, id, func(_ bool, s DiskAttachmentState) bool {
			return s != DiskAttachmentStateAttached && !moves(s)
		})}, err
	}
	_, err := c.UnassignDisk(ctx, id)
	return resource.Preparation{Done: c.assignment(machine, id, func(assigned bool, _ DiskAttachmentState) bool { return !assigned })}, err
}

// assignment returns a check of the assignment of a disk to a virtual machine. A disk that
// does not exist or is in the trash is not assigned.
func (c *Client) assignment(machine, id ID, done func(assigned bool, state DiskAttachmentState) bool) func(context.Context) (bool, string, error) {
	return func(ctx context.Context) (bool, string, error) {
		disk, err := c.GetDisk(ctx, id)
		switch code := codeOf(err); {
		case code == errors.DiskNotFound, code == errors.ObjectInTrash:
			return true, "", nil
		case err != nil:
			return false, "", err
		case disk.ID != string(id):
			return false, "", wrongResource(string(id), disk.ID)
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

// unallocate prepares the removal of an address: no resource may use it.
func (c *Client) unallocate(ctx context.Context, r ref, i resource.Item) (resource.Preparation, error) {
	if i.Value.(*IPAddress).AllocationID == "" {
		return resource.Preparation{Ready: true}, nil
	}
	return resource.Preparation{Text: i.Text}, c.UnallocateIPAddress(ctx, r.id)
}
