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
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Kinds of steps, beside those that have the name of a deletion step.
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

// Types of objects in the trash.
const (
	typeMachine = "VirtualMachine"
	typeDisk    = "Disk"
	typeVolume  = "FileStorageVolume"
	typePolicy  = "DiskBackupPolicy" // no object of it was recorded
	typeAccount = "ObjectStorageAccount"
)

// kinds are all of them in the order in which they go, each with the deletion step
// that it keeps open and with its type in the trash, if it goes there.
var kinds = []struct{ name, step, trash string }{
	{kindOrganization, "managed_organizations", ""},
	{kindLoadBalancer, "load_balancers", ""},
	{kindZone, "dns_zones", ""},
	{kindPolicy, "disk_backup_policies", typePolicy},
	{kindMachine, "virtual_machines", typeMachine},
	{kindDisk, "disks", typeDisk},
	{kindVolume, "file_storage_volumes", typeVolume},
	{kindBucket, "object_storage", ""},
	{kindBuckets, "object_storage", ""},
	{kindKey, "object_storage", ""},
	{kindAccount, "object_storage", typeAccount},
	{kindTrash, "empty_trash", ""},
	{kindNetwork, "virtual_networks", ""},
	{kindAddress, "ip_addresses", ""},
	{kindTemplate, "disk_templates", ""},
}

// stepOf returns the deletion step that things of a kind keep open.
func stepOf(kind string) string {
	for _, k := range kinds {
		if k.name == kind {
			return k.step
		}
	}
	return ""
}

// How things are removed, in words.
const (
	deletes   = "delete it"
	discards  = "delete it, and purge it from the trash"
	noAPI     = "in Katapult's console, for no API does it"
	atConsole = "see Katapult's console: nothing that can be read shows what it is about"
)

// manually says how a deletion step is done that no API does.
var manually = map[string]string{
	"isos":                           "delete them " + noAPI,
	"object_storage":                 "delete it " + noAPI + " without its region, which no list shows",
	"ensure_zero_balance":            "settle the balance " + noAPI,
	"ensure_no_outstanding_invoices": "have the invoices paid, which are among those of the organization that manages it",
}

// inventory is what one organization has, as steps.
type inventory struct {
	c      *Client
	id     ID
	name   string
	child  bool // another organization of the same plan manages it
	open   DeletionSteps
	before *teardown.Plan
	shown  map[string]bool // ids of the steps that earlier inspections of this teardown have shown

	steps     []teardown.Step            // of the organizations that it manages
	own       map[string][]teardown.Step // its own, by kind
	byHand    []teardown.Step            // of deletion steps that nothing explains
	explained map[string]bool            // deletion steps of which it is known what keeps them open
	first     map[string][]string        // steps that come before that of a thing, by its id or address
	machines  []string                   // ids of the steps of virtual machines, those in the trash included
	holders   map[string]string          // ids of the steps of what may hold an address, by the thing's id

	trashed   map[string]bool // ids, in the trash, of accounts that are steps already
	anonymous int             // such accounts whose ids there are not known
	long      map[string]bool // deletion steps whose lists may have had several pages
}

func newInventory(c *Client, o *Organization, open DeletionSteps, before *teardown.Plan, shown map[string]bool) *inventory {
	return &inventory{
		c: c, id: ID(o.ID), name: o.Name, open: open, before: before, shown: shown,
		own: map[string][]teardown.Step{}, explained: map[string]bool{}, first: map[string][]string{},
		holders: map[string]string{}, trashed: map[string]bool{}, long: map[string]bool{},
	}
}

// stepID is the id of a step: its kind, the organization that has the thing if that is
// managed by the one of the plan, and the thing's identity.
func (n *inventory) stepID(kind string, identity ...string) string {
	parts := []string{kind}
	if n.child {
		parts = append(parts, string(n.id))
	}
	return strings.Join(append(parts, identity...), "/")
}

// identity takes the id of a step apart. The organization is "" for that of the plan.
func identity(s teardown.Step) (organization string, parts []string, ok bool) {
	rest, ok := strings.CutPrefix(s.ID, s.Kind+"/")
	parts = strings.Split(rest, "/")
	count := 1
	if s.Kind == kindBucket {
		count = 2
	}
	switch len(parts) - count {
	case 0:
		return "", parts, ok
	case 1:
		return parts[0], parts[1:], ok
	}
	return "", nil, false
}

// mine reports whether a step is about something of this organization.
func (n *inventory) mine(s teardown.Step) bool {
	organization, _, ok := identity(s)
	return ok && n.child == (organization != "") && (!n.child || organization == string(n.id))
}

// planned returns the steps that the plan before has of a kind, for this organization.
func (n *inventory) planned(kind string) []teardown.Step {
	var steps []teardown.Step
	if n.before != nil {
		for _, s := range n.before.Steps {
			if s.Kind == kind && n.mine(s) {
				steps = append(steps, s)
			}
		}
	}
	return steps
}

// plannedAs reports whether the plan before has a step.
func (n *inventory) plannedAs(id string) (teardown.Step, bool) {
	if n.before != nil {
		if i := slices.IndexFunc(n.before.Steps, func(s teardown.Step) bool { return s.ID == id }); i >= 0 {
			return n.before.Steps[i], true
		}
	}
	return teardown.Step{}, false
}

// add adds a step about a thing, and returns its id.
func (n *inventory) add(kind string, s teardown.Step, identity ...string) string {
	s.ID, s.Kind = n.stepID(kind, identity...), kind
	s.Name = cmp.Or(s.Name, identity[len(identity)-1])
	keeps := "it keeps"
	if !n.unsatisfied(stepOf(kind)) {
		keeps = "once nothing uses it, it would keep"
	}
	s.Why = cmp.Or(s.Why, keeps+" the deletion step "+stepOf(kind)+" open")
	if n.child {
		s.Needs = teardown.ManagedOrganizations
	}
	n.keep(s)
	return s.ID
}

// keep adds a step as it is, unless it is there.
func (n *inventory) keep(s teardown.Step) {
	n.explained[stepOf(s.Kind)] = true
	if !n.has(s.ID, s.Kind) {
		n.own[s.Kind] = append(n.own[s.Kind], s)
	}
}

func (n *inventory) has(id, kind string) bool {
	return slices.ContainsFunc(n.own[kind], func(s teardown.Step) bool { return s.ID == id })
}

// unsatisfied reports whether a deletion step may be open: only what Katapult says to
// be satisfied is not.
func (n *inventory) unsatisfied(step string) bool { return !n.open[step].Satisfied }

// each calls a function with all that a list yields.
func each[T any](list iter.Seq2[T, error], f func(T)) error {
	all, err := rest.Gather(list)
	for _, item := range all {
		f(item)
	}
	return err
}

// maxInventories is how often the lists of an organization are read, at most.
const maxInventories = 3

// inventory reads what an organization has, as steps.
//
// Absence from a list of several pages is a hint only: if an item of the first page is
// deleted between two reads, the first item of the second page is never seen. A step of
// the plan before that such lists do not show is read by itself; if its resource exists,
// all lists are read again. Only a list shows that a resource belongs to the
// organization, so that a step that no list shows is never part of the inventory.
func (c *Client) inventory(ctx context.Context, o *Organization, before *teardown.Plan, shown map[string]bool, child bool, seen map[ID]bool) (DeletionSteps, []teardown.Step, error) {
	for attempt := 1; ; attempt++ {
		open, err := c.GetDeletionSteps(ctx, ID(o.ID))
		if err != nil {
			return nil, nil, err
		}
		n := newInventory(c, o, open, before, shown)
		n.child = child
		visited := maps.Clone(seen)
		if err := n.read(ctx, visited); err != nil {
			return nil, nil, err
		}
		missed, err := n.missed(ctx)
		if err != nil {
			return nil, nil, err
		}
		if !missed || attempt == maxInventories {
			maps.Copy(seen, visited)
			return open, n.list(), nil
		}
	}
}

// missed reports whether the resource of a step of the plan before exists although no
// list shows it, and a list that would show it may have had several pages.
func (n *inventory) missed(ctx context.Context) (bool, error) {
	if n.before == nil {
		return false, nil
	}
	d := n.c.driver()
	for _, kind := range kinds {
		if !n.long[kind.step] && (kind.trash == "" || !n.long["empty_trash"]) {
			continue
		}
		for _, s := range n.planned(kind.name) {
			if s.Manual || n.has(s.ID, s.Kind) {
				continue
			}
			_, found, err := d.Find(ctx, teardown.Organization{ID: string(n.id)}, s)
			switch {
			case errors.Is(err, errors.InvalidArgument):
				continue // no plan of this package has such a step
			case err != nil:
				return false, err
			case found:
				return true, nil
			}
		}
	}
	return false, nil
}

// read reads what the organization has, and the organizations that it manages. The
// trash is read after all that goes there, so that nothing is missed that goes there
// meanwhile.
func (n *inventory) read(ctx context.Context, seen map[ID]bool) error {
	seen[n.id] = true
	there := func(kinds ...string) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return len(n.own[kind]) > 0 })
	}
	no := func() bool { return false }
	outer := ctx
	for _, part := range []struct {
		step string
		also func() bool // it is read although the step is satisfied
		read func() error
	}{
		{"managed_organizations", no, func() error { return n.readOrganizations(ctx, seen) }},
		{"load_balancers", no, func() error { return each(n.c.ListLoadBalancers(ctx, n.id), n.addLoadBalancer) }},
		{"dns_zones", no, func() error { return each(n.c.ListDNSZones(ctx, n.id), n.addZone) }},
		{"disk_backup_policies", no, func() error { return each(n.c.ListDiskBackupPolicies(ctx, n.id), n.addPolicy) }},
		{"virtual_machines", no, func() error { return each(n.c.ListVirtualMachines(ctx, n.id), n.addMachine) }},
		{"disks", func() bool { return there(kindMachine) }, func() error { return each(n.c.ListDisks(ctx, n.id), n.addDisk) }},
		{"file_storage_volumes", no, func() error { return each(n.c.ListFileStorageVolumes(ctx, n.id), n.addVolume) }},
		{"object_storage", no, func() error { return n.readObjectStorage(ctx) }},
		{"empty_trash", func() bool { return n.caused("empty_trash") }, func() error { return n.readTrash(ctx) }},
		{"virtual_networks", no, func() error { return each(n.c.ListVirtualNetworks(ctx, n.id), n.addNetwork) }},
		{"ip_addresses", func() bool { return there(kindMachine, kindLoadBalancer) }, func() error {
			return each(n.c.ListIPAddresses(ctx, n.id), n.addAddress)
		}},
		{"disk_templates", no, func() error {
			return each(n.c.ListDiskTemplates(ctx, n.id, ListDiskTemplatesPageOptions{}), n.addTemplate)
		}},
	} {
		if !n.unsatisfied(part.step) && !part.also() {
			continue
		}
		var answers trace.Last
		ctx = trace.With(outer, &answers)
		err := part.read()
		if last := trace.Of(outer); last != nil {
			last.Note(answers.ID())
		}
		if err != nil {
			return err
		}
		n.long[part.step] = answers.Answers() > 1
	}
	return n.addUnexplained(ctx)
}

// list returns all steps, in an order in which they can go. Each comes after what is
// there of that which it has to come after.
func (n *inventory) list() []teardown.Step {
	all := slices.Clone(n.steps)
	for _, kind := range kinds {
		all = append(all, n.own[kind.name]...)
	}
	all = append(all, n.byHand...)
	there := make(map[string]bool, len(all))
	for i := range all {
		var after []string
		for _, id := range all[i].After {
			if there[id] && !slices.Contains(after, id) {
				after = append(after, id)
			}
		}
		all[i].After, there[all[i].ID] = after, true
	}
	return all
}

func (n *inventory) addLoadBalancer(l LoadBalancer) {
	id := n.add(kindLoadBalancer, teardown.Step{Name: l.Name, Removal: deletes}, l.ID)
	n.holders[l.ID] = id
	n.precede(id, l.IPAddress.Address)
	n.precede(id, l.ResourceIDs...)
}

// precede lets a step come before those of other things.
func (n *inventory) precede(id string, things ...string) {
	for _, thing := range things {
		n.first[thing] = append(n.first[thing], id)
	}
}

func (n *inventory) addZone(z DNSZone) {
	n.add(kindZone, teardown.Step{Name: z.Name, Removal: deletes + " with its records"}, z.ID)
}

func (n *inventory) addPolicy(p DiskBackupPolicy) {
	name := p.ID
	if of := p.Target.Value; of.ID != "" {
		name = "backups of " + cmp.Or(of.Name, of.ID)
	}
	id := n.add(kindPolicy, teardown.Step{Name: name, Removal: discards}, p.ID)
	n.precede(id, p.Target.Value.ID)
}

func (n *inventory) addMachine(v VirtualMachine) {
	id := n.add(kindMachine, teardown.Step{
		Name: v.Name, After: n.first[v.ID],
		Removal: "stop it, unassign its disks but the one it boots from, delete it, and purge it from the trash",
	}, v.ID)
	n.holders[v.ID] = id
	n.machines = append(n.machines, id)
	for _, address := range v.IPAddresses {
		n.precede(id, address.Address)
	}
}

// addDisk adds a disk, also one that a machine boots from. No list tells that one, and
// it is gone when its machine is.
func (n *inventory) addDisk(d Disk) {
	s := teardown.Step{Name: d.Name, Removal: discards, After: slices.Clone(n.first[d.ID])}
	if d.Assignment != nil {
		s.Removal += ", unless it goes with the virtual machine that boots from it"
		s.After = append(s.After, n.stepID(kindMachine, d.Assignment.VirtualMachine.ID))
	}
	n.add(kindDisk, s, d.ID)
}

func (n *inventory) addVolume(v FileStorageVolume) {
	s := teardown.Step{Name: v.Name, Removal: discards}
	for _, machine := range v.Associations {
		s.After = append(s.After, n.stepID(kindMachine, machine))
	}
	n.add(kindVolume, s, v.ID)
}

// addNetwork adds a virtual network. No list tells which machines are in it.
func (n *inventory) addNetwork(v VirtualNetwork) {
	n.add(kindNetwork, teardown.Step{Name: v.Name, Removal: deletes, After: n.machines}, v.ID)
}

// addAddress adds an IP address, which goes after what holds it. Where that is not
// known it is one of all that may.
func (n *inventory) addAddress(a IPAddress) {
	s := teardown.Step{Name: a.Address, Removal: "take it away from what holds it, and give it back", After: slices.Clone(n.first[a.Address])}
	switch holder, known := n.holders[a.AllocationID]; {
	case known:
		s.After = append(s.After, holder)
	case a.AllocationID != "" && len(s.After) == 0:
		s.After = append(s.After, slices.Sorted(maps.Values(n.holders))...)
	}
	n.add(kindAddress, s, a.ID)
}

func (n *inventory) addTemplate(t DiskTemplate) {
	if !t.Universal {
		n.add(kindTemplate, teardown.Step{Name: t.Name, Removal: "delete it " + noAPI, Manual: true}, t.ID)
	}
}

// readOrganizations reads the organizations that this one manages, with all that they
// have.
func (n *inventory) readOrganizations(ctx context.Context, seen map[ID]bool) error {
	var children []Organization
	if err := each(n.c.ListManagedOrganizations(ctx, n.id), func(o Organization) { children = append(children, o) }); err != nil {
		return err
	}
	for _, child := range children {
		if seen[ID(child.ID)] {
			continue
		}
		s := teardown.Step{
			Name: child.Name, Needs: teardown.ManagedOrganizations, Removal: "delete it, once nothing of it is left",
			Why: "it is managed by " + n.name, Organization: &teardown.Organization{ID: child.ID, Name: child.Name},
		}
		_, steps, err := n.c.inventory(ctx, &child, n.before, n.shown, true, seen)
		if codeOf(err) == errors.OrganizationNotFound {
			// One of its lists says so, and so must a read of it.
			switch presence, failed := n.c.look(ctx, ID(child.ID)); {
			case presence == rest.Gone:
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
			n.steps = append(n.steps, steps...)
		case errors.OrganizationSuspended, errors.OrganizationNotActivated, errors.PermissionDenied, errors.OrganizationNotFound:
			s.Manual = true
			s.Why += ", and what it has cannot be read: " + code.Error()
			s.Removal = "let it be read, or delete it " + noAPI
		default:
			return err
		}
		n.add(kindOrganization, s, child.ID)
	}
	return nil
}

// readObjectStorage reads the object storage in all regions that are known: those that
// an access key names, and those of the plan before.
func (n *inventory) readObjectStorage(ctx context.Context) error {
	var regions []string
	keys := map[string][]ObjectStorageAccessKey{}
	err := each(n.c.ListObjectStorageAccessKeys(ctx, n.id), func(k ObjectStorageAccessKey) {
		regions = append(regions, k.Region)
		keys[k.Region] = append(keys[k.Region], k)
	})
	if err != nil {
		return err
	}
	slices.Sort(regions)
	for _, region := range slices.Compact(slices.Clone(regions)) {
		if err := n.readRegion(ctx, region, keys[region]); err != nil {
			return err
		}
	}
	for _, s := range n.planned(kindAccount) {
		if _, of, _ := identity(s); !slices.Contains(regions, of[0]) {
			if err := n.readRegion(ctx, of[0], nil); err != nil {
				return err
			}
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
	s := teardown.Step{Name: "object storage in " + region, Removal: discards}
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

// addKeys adds access keys, and returns the ids of their steps.
func (n *inventory) addKeys(keys []ObjectStorageAccessKey, after []string) []string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, n.add(kindKey, teardown.Step{Name: k.Name, Removal: deletes, After: after}, k.ID))
	}
	return ids
}

// codeOf returns the code of an error; "" for none.
func codeOf(err error) errors.Code {
	switch e, ok := errors.AsType[*errors.Error](err); {
	case ok:
		return e.Code
	case err != nil:
		return errors.Internal
	}
	return ""
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
			steps = append(steps, n.add(kindBucket, teardown.Step{Name: name, Removal: deletes}, account.Region, name))
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
			Name: "buckets in " + account.Region, Manual: true,
			Why:     fmt.Sprintf("%d of the buckets are named by no access key, and no list shows them", left),
			Removal: "delete them in Katapult's console, or by S3",
		}, account.Region))
	}
	return steps, nil
}

// missingBuckets returns how many buckets of the plan before a region lacks now, which may
// still be counted. removed is how many of them an inspection of this teardown has shown:
// that the plan names a bucket does not prove that there was one.
func (n *inventory) missingBuckets(region string) (all, removed int) {
	for _, s := range n.planned(kindBucket) {
		if _, of, _ := identity(s); of[0] != region || n.has(s.ID, s.Kind) {
			continue
		}
		if all++; n.shown[s.ID] {
			removed++
		}
	}
	return all, removed
}

// addTrashedAccount adds the step of object storage that the plan before has, and that
// is in the trash now. There it does not say in which region it was.
func (n *inventory) addTrashedAccount(region string, err error) {
	s, ok := n.plannedAs(n.stepID(kindAccount, region))
	if !ok {
		return
	}
	n.addTrashed(kindAccount, s.Name, region)
	n.explained["empty_trash"] = true
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
	return n.add(kind, teardown.Step{Name: name, Why: "it is in the trash", Removal: "purge it", Ref: json.RawMessage(trashedRef)}, identity)
}

// trashObject returns the object that something has in the trash, from the error that
// says that it is there; an empty one if that does not tell.
func trashObject(err error) TrashObject {
	e, _ := errors.AsType[*errors.Error](err)
	detail, _ := e.Detail.(ObjectInTrashDetail)
	return detail.TrashObject
}

// readTrash adds what is in the trash. What the plan before has as something else
// stays that; so do the disks that went there with their virtual machine, of which
// the trash shows nothing.
func (n *inventory) readTrash(ctx context.Context) error {
	if !n.unsatisfied("object_storage") && len(n.planned(kindAccount)) > 0 {
		// In the trash it does not keep that step open.
		if err := n.readObjectStorage(ctx); err != nil {
			return err
		}
	}
	machines := map[string]string{} // step IDs of machines in the trash, by the machine's ID
	err := each(n.c.ListTrashObjects(ctx, n.id), func(o TrashObject) {
		n.explained["empty_trash"] = true
		if kind, name, ok := n.wasPlanned(o); ok {
			id := n.addTrashed(kind, name, o.ObjectID)
			if kind == kindMachine {
				machines[o.ObjectID] = id
				n.machines = append(n.machines, id)
				n.holders[o.ObjectID] = id
			}
			return
		}
		if n.trashed[o.ID] {
			return
		}
		if _, ok := n.plannedAs(n.stepID(kindTrash, o.ID)); !ok && o.ObjectID == "" && o.ObjectType == typeAccount && n.anonymous > 0 {
			n.anonymous--
			return
		}
		n.addTrash(o)
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

// addDiskOf adds a disk that the plan before has if it went to the trash with one of the
// machines that are there. No list shows that, and the plan alone proves nothing: it may
// name the disk of another organization.
func (n *inventory) addDiskOf(ctx context.Context, s teardown.Step, machines map[string]string) error {
	if n.has(s.ID, s.Kind) {
		return nil
	}
	for machine, step := range machines {
		if !slices.Contains(s.After, step) {
			continue
		}
		_, of, _ := identity(s)
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
	kind = kindPolicy // whose type was never recorded
	for _, k := range kinds {
		if k.trash != "" && k.trash == o.ObjectType {
			kind = k.name
		}
	}
	s, ok := n.plannedAs(n.stepID(kind, o.ObjectID))
	return kind, s.Name, ok
}

func (n *inventory) addTrash(o TrashObject) {
	id := n.add(kindTrash, teardown.Step{
		Name: strings.TrimSpace(o.ObjectType + " " + o.ObjectID), Why: "it is in the trash", Removal: "purge it",
	}, o.ID)
	for _, kind := range kinds {
		if kind.trash != "" && kind.trash == o.ObjectType {
			n.explained[kind.step] = true
		}
	}
	if o.ObjectType == typeMachine {
		n.explained["disks"] = true // what it boots from
		n.machines = append(n.machines, id)
		n.holders[o.ObjectID] = id
	}
}

// addUnexplained adds a step for each deletion step that is open, and nothing that
// was read keeps it so. What this teardown has removed may keep it open for a while after
// it is gone. What the plan before names may have, too, but does not prove that: then the
// deletion steps are read again.
func (n *inventory) addUnexplained(ctx context.Context) error {
	var again DeletionSteps
	for _, step := range n.open.Open() {
		s := teardown.Step{
			ID: step.Name + "/" + string(n.id), Kind: step.Name, Manual: true,
			Name:    strings.ReplaceAll(step.Name, "_", " "),
			Why:     "Katapult names it as a step that is open",
			Removal: cmp.Or(manually[step.Name], atConsole),
		}
		if step.Description != "" {
			s.Why += ": " + step.Description
		}
		if n.child {
			s.Needs = teardown.ManagedOrganizations
		}
		if n.explained[step.Name] {
			continue
		}
		if _, planned := n.plannedAs(s.ID); !planned && n.caused(step.Name) {
			if n.removed(step.Name) {
				continue
			}
			if again == nil {
				var err error
				if again, err = n.c.GetDeletionSteps(ctx, n.id); err != nil {
					return err
				}
			}
			if again[step.Name].Satisfied {
				continue
			}
		}
		n.byHand = append(n.byHand, s)
	}
	return nil
}

// caused reports whether the plan before has steps that keep a deletion step open.
func (n *inventory) caused(step string) bool {
	return n.keptOpen(step, func(teardown.Step) bool { return true })
}

// removed reports whether the plan before has steps that keep a deletion step open, and
// that an inspection of this teardown has shown.
func (n *inventory) removed(step string) bool {
	return n.keptOpen(step, func(s teardown.Step) bool { return n.shown[s.ID] })
}

func (n *inventory) keptOpen(step string, by func(teardown.Step) bool) bool {
	return slices.ContainsFunc(kinds, func(kind struct{ name, step, trash string }) bool {
		return (kind.step == step || step == "empty_trash" && kind.trash != "") && slices.ContainsFunc(n.planned(kind.name), by)
	})
}
