package katapulttest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
)

// Token is the API token that the double accepts.
const Token = "katapulttest-token"

// basePath is the path of [katapult.DefaultBaseURL].
const basePath = "/core/v1"

// Organization is an organization at the double.
type Organization struct {
	ID        string
	Name      string // ID, if it is empty
	Subdomain string // Name, if it is empty

	// Parent is the id of the organization that manages it, where that matters.
	Parent string

	// Open names deletion steps that are not satisfied, beside those that something
	// keeps open. It is how to have a balance or an invoice that is not settled.
	Open []string

	Unmanaged    bool // it cannot be deleted by this API
	Suspended    bool
	NotActivated bool
	Undeletable  bool // its deletion fails although all steps are satisfied
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	o.Name = cmp.Or(o.Name, o.ID)
	o.Subdomain = cmp.Or(o.Subdomain, o.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations = append(s.organizations, &o)
}

// SetOpen sets the deletion steps of an organization that are not satisfied beside
// those that something keeps open.
func (s *Server) SetOpen(id string, steps ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.organization(id); o != nil {
		o.Open = steps
	}
}

// organization returns the organization with an id; nil when there is none.
func (s *Server) organization(id string) *Organization {
	for _, o := range s.organizations {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// Exists reports whether an organization is there.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organization(id) != nil
}

// Deleted returns the ids of all organizations that were deleted, in order.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// countRequest counts a request and reports how many a minute may have, and whether this
// one is among them.
func (s *Server) countRequest(h http.Header) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC()
	if minute := now.Truncate(time.Minute); !minute.Equal(s.minute) {
		s.minute, s.used = minute, 0
	}
	s.requests++
	ok := s.used < s.permitted
	if ok {
		s.used++
	}
	h.Set("Date", now.Format(http.TimeFormat))
	h.Set("X-Request-Id", fmt.Sprintf("00000000-0000-4000-8000-%012d", s.requests))
	h.Set("X-Ratelimit-Permitted", strconv.Itoa(s.permitted))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, s.permitted-s.used)))
	return s.permitted, ok
}

// descriptions are texts of our own for the codes that the double answers.
var descriptions = map[string]string{
	"deletion_failed":                        "The organization was not deleted.",
	"deletion_restricted":                    "Something is left in it.",
	"disk_backup_policy_not_found":           "There is no such disk backup policy.",
	"disk_not_found":                         "There is no such disk.",
	"dns_zone_not_found":                     "There is no such DNS zone.",
	"file_storage_volume_not_found":          "There is no such file storage volume.",
	"ip_address_not_found":                   "There is no such IP address.",
	"load_balancer_not_found":                "There is no such load balancer.",
	"multiple_object_storage_buckets_found":  "Several buckets have this name.",
	"no_allocation":                          "Nothing holds the address.",
	"object_in_trash":                        "It is in the trash.",
	"object_storage_access_key_not_found":    "There is no such access key.",
	"object_storage_account_not_found":       "There is no object storage here.",
	"object_storage_bucket_deletion_error":   "The bucket was not deleted.",
	"object_storage_bucket_not_found":        "There is no such bucket.",
	"object_storage_cluster_not_found":       "There is no such cluster.",
	"permission_denied":                      "This may not be done.",
	"resource_does_not_support_unallocation": "What holds the address does not let go of it.",
	"task_not_found":                         "There is no such task.",
	"task_queueing_error":                    "The task was not queued.",
	"trash_object_not_found":                 "There is nothing such in the trash.",
	"unable_to_unassign":                     "The disk was not unassigned.",
	"unassigned_disk":                        "The disk is assigned to no virtual machine.",
	"validation_error":                       "It was refused as it is.",
	"virtual_machine_not_found":              "There is no such virtual machine.",
	"virtual_network_not_found":              "There is no such virtual network.",
	"deletion_steps_not_satisfied":           "Some deletion steps are open.",
	"invalid_api_token":                      "The token is not valid.",
	"invalid_argument":                       "The lookup is not valid.",
	"managed_organization_required":          "The organization is not a managed one.",
	"missing_api_token":                      "There is no token.",
	"organization_not_activated":             "The organization is not activated.",
	"organization_not_found":                 "There is no such organization.",
	"organization_suspended":                 "The organization is suspended.",
	"rate_limit_reached":                     "The limit for this minute is reached.",
	"route_not_found":                        "There is no such route.",
}

// stepNames are the steps that Katapult documents.
var stepNames = []string{
	"managed_organizations", "virtual_machines", "disks", "file_storage_volumes",
	"disk_backup_policies", "isos", "disk_templates", "load_balancers", "dns_zones",
	"empty_trash", "virtual_networks", "ip_addresses", "object_storage",
	"ensure_zero_balance", "ensure_no_outstanding_invoices",
}

// kind is what is common to things of one kind: names, paths and rules.
type kind struct {
	noun          string // in an answer, and in the code for what is not there
	lookup        string // in a path and in a request; noun, if it is empty
	path          string // of the collection; "" for what has its own routes
	list          string // property of a list
	singular, all string // in the names of operations
	prefix        string // of an id
	secondKey     string // secondKey key of a lookup
	step          string // what it keeps open
	trash         string // its type in the trash; "" for what is deleted at once

	item func(*resource) fake.Object // as a list shows it
	full func(*resource) fake.Object // nil for what no operation shows

	extra   fake.Object                   // what else an answer has
	refuses func(*resource) *refusal      // says why it is not deleted
	deleted func(t *resource) fake.Object // answer to a deletion
}

// refusal is an error answer.
type refusal struct {
	status int
	code   string
	detail fake.Object
}

func (s *Server) kindOf(noun string) *kind {
	for _, k := range s.kinds {
		if k.noun == noun {
			return k
		}
	}
	panic("katapulttest: there is no kind " + noun)
}

var noAnnotations = fake.Object{"annotations": []any{}}

// allKinds are the kinds of things, with the methods of one double.
func (s *Server) allKinds() []*kind {
	return []*kind{
		{
			noun: "virtual_machine", path: "virtual_machines", list: "virtual_machines",
			singular: "VirtualMachine", all: "VirtualMachines", prefix: "vm", secondKey: "fqdn",
			step: "virtual_machines", trash: "VirtualMachine", extra: noAnnotations,
			item: s.machineItem, full: s.machine, refuses: refuseRunning,
		},
		{
			noun: "disk", path: "disks", list: "disk", singular: "Disk", all: "Disks", prefix: "disk",
			step: "disks", trash: "Disk", extra: noAnnotations,
			item: s.diskItem, full: s.disk, refuses: refuseAssigned,
		},
		{
			noun: "file_storage_volume", path: "file_storage_volumes", list: "file_storage_volumes",
			singular: "FileStorageVolume", all: "FileStorageVolumes", prefix: "fsv",
			step: "file_storage_volumes", trash: "FileStorageVolume", extra: noAnnotations,
			item: volume, full: volume,
		},
		{
			noun: "disk_backup_policy", path: "disk_backup_policies", list: "disk_backup_policies",
			singular: "DiskBackupPolicy", all: "DiskBackupPolicies", prefix: "dbp",
			step: "disk_backup_policies", trash: "DiskBackupPolicy",
			item: s.policyItem, full: s.policy, deleted: func(t *resource) fake.Object {
				return fake.Object{"disk_backup_policy": fake.Object{"id": t.id}}
			},
		},
		{noun: "iso", prefix: "iso", step: "isos"},
		{
			noun: "disk_template", path: "disk_templates", list: "disk_templates",
			singular: "DiskTemplate", all: "DiskTemplates", prefix: "dtpl", step: "disk_templates", item: template,
		},
		{
			noun: "load_balancer", path: "load_balancers", list: "load_balancers",
			singular: "LoadBalancer", all: "LoadBalancers", prefix: "lb", secondKey: "api_reference",
			step: "load_balancers", extra: noAnnotations,
			item: s.loadBalancerItem, full: s.loadBalancer, deleted: func(t *resource) fake.Object {
				return fake.Object{"load_balancer": fake.Object{"id": t.id, "name": t.name, "api_reference": orNull(t.secondKey)}}
			},
		},
		{
			noun: "dns_zone", path: "dns_zones", list: "dns_zones", singular: "DNSZone", all: "DNSZones",
			prefix: "dnszone", secondKey: "name", step: "dns_zones",
			item: zone, full: zone, deleted: func(*resource) fake.Object { return fake.Object{"deleted": true} },
		},
		{
			noun: "virtual_network", path: "virtual_networks", list: "virtual_networks",
			singular: "VirtualNetwork", all: "VirtualNetworks", prefix: "vnet", step: "virtual_networks",
			item: network, full: network, refuses: s.refuseUsedNetwork, deleted: func(t *resource) fake.Object {
				return fake.Object{"virtual_network": network(t)}
			},
		},
		{
			noun: "ip_address", path: "ip_addresses", list: "ip_addresses", singular: "IPAddress", all: "IPAddresses",
			prefix: "ip", secondKey: "address", step: "ip_addresses",
			item: s.addressItem, full: s.address, refuses: refuseAllocated,
			deleted: func(*resource) fake.Object { return fake.Object{} },
		},
		{noun: "object_storage_account", prefix: "obj", step: "object_storage", trash: "ObjectStorageAccount"},
		{noun: "object_storage_bucket", prefix: "bucket", step: "object_storage"},
		{
			noun: "object_storage_access_key", lookup: "access_key", path: "object_storage/access_keys",
			list: "object_storage_access_keys", singular: "ObjectStorageAccessKey", all: "ObjectStorageAccessKeys",
			prefix: "objkey", step: "object_storage",
			item: accessKey, full: accessKey, deleted: func(*resource) fake.Object { return fake.Object{"success": true} },
		},
	}
}

// orNull is the text, or null for none.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// refuseRunning refuses the deletion of a virtual machine that is not stopped. The API
// documents no code for that; this is the one that can say why.
func refuseRunning(t *resource) *refusal {
	switch t.machine.State {
	case katapult.VirtualMachineStateStopped, katapult.VirtualMachineStateFailed, katapult.VirtualMachineStateOrphaned:
		return nil
	}
	return &refusal{http.StatusForbidden, "permission_denied", fake.Object{
		"details": fmt.Sprintf("The virtual machine is %s.", t.machine.State),
	}}
}

func refuseAssigned(t *resource) *refusal {
	if t.disk.VirtualMachine == "" {
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, "validation_error", fake.Object{
		"errors": []string{"The disk is assigned to a virtual machine."},
	}}
}

// refuseUsedNetwork refuses the deletion of a virtual network as long as there are
// machines in it, also in the trash.
func (s *Server) refuseUsedNetwork(t *resource) *refusal {
	var used []string
	for _, other := range s.resources {
		if other.machine == nil {
			continue
		}
		for _, id := range other.machine.Networks {
			if id == t.id {
				used = append(used, "The virtual machine "+other.id+" has an interface in it.")
			}
		}
	}
	if used == nil {
		return nil
	}
	return &refusal{http.StatusConflict, "deletion_restricted", fake.Object{"errors": used}}
}

func refuseAllocated(t *resource) *refusal {
	if t.ip.AllocatedTo == "" {
		return nil
	}
	return &refusal{http.StatusConflict, "resource_does_not_support_unallocation", nil}
}

// domain is the domain of an organization's virtual machines.
func domain(o *Organization) string { return o.Subdomain + ".example.com" }

func (s *Server) nameOf(id string) string {
	if t := s.byID(id); t != nil {
		return t.name
	}
	return id
}

// addressesOf returns the addresses that something holds.
func (s *Server) addressesOf(t *resource) []*resource {
	return s.all(func(other *resource) bool { return other.ip != nil && other.ip.AllocatedTo == t.id })
}

// disksOf returns the disks that are assigned to a virtual machine.
func (s *Server) disksOf(t *resource) []*resource {
	return s.all(func(other *resource) bool {
		return other.disk != nil && other.disk.VirtualMachine == t.id && other.present()
	})
}

func notQueued(why string) *refusal {
	return &refusal{http.StatusNotAcceptable, "task_queueing_error", fake.Object{"details": why}}
}

// buckets returns the buckets of an account.
func (s *Server) buckets(account *resource) []*resource {
	return s.all(func(t *resource) bool {
		return t.bucket != nil && t.owner == account.owner && t.region == account.region
	})
}

// open returns the deletion steps that are not satisfied: those that something keeps
// open, and those that were set so by hand.
func (s *Server) open(o *Organization) []string {
	open := slices.Clone(o.Open)
	add := func(step string) {
		if !slices.Contains(open, step) {
			open = append(open, step)
		}
	}
	for _, child := range s.organizations {
		if child.Parent == o.ID {
			add("managed_organizations")
		}
	}
	for _, t := range s.resources {
		switch {
		case t.owner != o || t.trashedWith != nil:
		case t.trash != nil:
			add("empty_trash")
		default:
			add(t.kind.step)
		}
	}
	return open
}

// request is a request that was admitted, and where its answer goes.
type request struct {
	*http.Request
	w    http.ResponseWriter
	body map[string]json.RawMessage
}

// Resource is something that an organization has, and that blocks its deletion. An ID
// that is empty is made up; a name that is empty is the ID.
type Resource interface {
	resource() *resource
}

// VirtualMachine is a virtual machine. It boots from a disk of its own, whose id is
// "disk_" and that of the machine, and which goes where the machine goes.
type VirtualMachine struct {
	ID, Name string
	State    katapult.VirtualMachineState // started, if it is empty
	ISO      string                       // id of an [ISO] that is attached to it
	Networks []string                     // ids of virtual networks that it has an interface in
}

// Disk is a disk.
type Disk struct {
	ID, Name       string
	VirtualMachine string // id of the machine that it is assigned to; "" for none
	Detached       bool   // the machine does not use it

	boot  bool
	state katapult.DiskAttachmentState
}

// FileStorageVolume is a file storage volume.
type FileStorageVolume struct {
	ID, Name     string
	Associations []string // ids of virtual machines
}

// DiskBackupPolicy is a disk backup policy.
type DiskBackupPolicy struct {
	ID     string
	Target string // id of a virtual machine or a disk
}

// ISO is an image of a disc. No API shows or removes it: see [Server.Remove].
type ISO struct{ ID, Name string }

// DiskTemplate is a disk template. No API removes it: see [Server.Remove].
type DiskTemplate struct{ ID, Name string }

// LoadBalancer is a load balancer.
type LoadBalancer struct {
	ID, Name, APIReference string
	Ports                  []int    // a rule for each
	Targets                []string // ids of virtual machines
}

// DNSZone is a DNS zone.
type DNSZone struct {
	ID   string
	Name string // a domain
}

// VirtualNetwork is a virtual network.
type VirtualNetwork struct{ ID, Name string }

// IPAddress is an IP address.
type IPAddress struct {
	ID, Address string
	AllocatedTo string // id of a virtual machine or a load balancer; "" for none
}

// ObjectStorage is the object storage of an organization in a region.
type ObjectStorage struct {
	Region string // "uk-lon-1", if it is empty
}

// Bucket is a bucket.
type Bucket struct {
	Name, Region string
	Undeletable  bool // its deletion fails
}

// AccessKey is an access key to object storage.
type AccessKey struct {
	ID, Name, Region string
	Buckets          []string // names of those that it may use; none for all
}

// defaultRegion is where object storage is unless another region is named.
const defaultRegion = "uk-lon-1"

// resource is what the double knows of a [Resource].
type resource struct {
	kind        *kind
	kindName    string
	id, name    string
	secondKey   string // its second key
	owner       *Organization
	created     time.Time
	trash       *trash
	trashedWith *resource // what it went to the trash with

	machine *VirtualMachine
	disk    *Disk
	volume  *FileStorageVolume
	policy  *DiskBackupPolicy
	lb      *LoadBalancer
	ip      *IPAddress
	region  string
	bucket  *Bucket
	key     *AccessKey
}

func (v VirtualMachine) resource() *resource {
	v.State = cmp.Or(v.State, katapult.VirtualMachineStateStarted)
	return &resource{kindName: "virtual_machine", id: v.ID, name: v.Name, machine: &v}
}

func (d Disk) resource() *resource {
	switch {
	case d.VirtualMachine == "":
	case d.Detached:
		d.state = katapult.DiskAttachmentStateDetached
	default:
		d.state = katapult.DiskAttachmentStateAttached
	}
	return &resource{kindName: "disk", id: d.ID, name: d.Name, disk: &d}
}

func (v FileStorageVolume) resource() *resource {
	return &resource{kindName: "file_storage_volume", id: v.ID, name: v.Name, volume: &v}
}

func (p DiskBackupPolicy) resource() *resource {
	return &resource{kindName: "disk_backup_policy", id: p.ID, policy: &p}
}

func (i ISO) resource() *resource { return &resource{kindName: "iso", id: i.ID, name: i.Name} }

func (t DiskTemplate) resource() *resource {
	return &resource{kindName: "disk_template", id: t.ID, name: t.Name}
}

func (l LoadBalancer) resource() *resource {
	return &resource{kindName: "load_balancer", id: l.ID, name: l.Name, secondKey: l.APIReference, lb: &l}
}

func (z DNSZone) resource() *resource {
	return &resource{kindName: "dns_zone", id: z.ID, name: z.Name, secondKey: z.Name}
}

func (n VirtualNetwork) resource() *resource {
	return &resource{kindName: "virtual_network", id: n.ID, name: n.Name}
}

func (a IPAddress) resource() *resource {
	return &resource{kindName: "ip_address", id: a.ID, secondKey: a.Address, ip: &a}
}

func (o ObjectStorage) resource() *resource {
	return &resource{kindName: "object_storage_account", region: cmp.Or(o.Region, defaultRegion)}
}

func (b Bucket) resource() *resource {
	return &resource{kindName: "object_storage_bucket", name: b.Name, region: cmp.Or(b.Region, defaultRegion), bucket: &b}
}

func (k AccessKey) resource() *resource {
	return &resource{kindName: "object_storage_access_key", id: k.ID, name: k.Name, region: cmp.Or(k.Region, defaultRegion), key: &k}
}

// Add adds things to an organization, which has to be there.
func (s *Server) Add(organization string, things ...Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.organization(organization)
	if o == nil {
		panic(fmt.Sprintf("katapulttest: there is no organization %q to add to", organization))
	}
	for _, added := range things {
		s.add(o, added.resource())
	}
}

func (s *Server) add(o *Organization, t *resource) {
	t.kind = s.kindOf(t.kindName)
	t.owner, t.created = o, time.Now()
	if t.id == "" {
		t.id = s.newID(t.kind.prefix)
	}
	t.name = cmp.Or(t.name, t.id)
	s.resources = append(s.resources, t)
	switch {
	case t.machine != nil:
		t.secondKey = host(t)
		boot := Disk{ID: "disk_" + t.id, Name: "System Disk", VirtualMachine: t.id, boot: true}
		boot.Detached = t.machine.State == katapult.VirtualMachineStateStopped
		s.add(o, boot.resource())
	case t.kindName == "dns_zone":
		t.secondKey = t.name
	case t.ip != nil:
		t.secondKey = cmp.Or(t.secondKey, fmt.Sprintf("192.0.2.%d", len(s.resources)))
	case t.region != "":
		s.regions[t.region] = true
	}
}

// host is the host name of a virtual machine.
func host(t *resource) string {
	return strings.ToLower(t.name) + "." + domain(t.owner)
}

// newID makes up an id.
func (s *Server) newID(prefix string) string {
	s.ids[prefix]++
	return fmt.Sprintf("%s_%d", prefix, s.ids[prefix])
}

// Remove removes what no API can: disk templates, images of discs, and whatever else
// somebody removes by the console. It is gone at once.
func (s *Server) Remove(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if t := s.byID(id); t != nil {
			s.drop(t)
		}
	}
}

// Remaining returns all that an organization has, in the order in which it was added, as
// its id and its state where it has one: "vm_web: started", "disk_1: in the trash".
// A bucket's id is made up.
func (s *Server) Remaining(organization string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishDue()
	var left []string
	for _, t := range s.resources {
		if t.owner.ID == organization {
			left = append(left, t.id+t.state())
		}
	}
	return left
}

// state says what is special about something.
func (t *resource) state() string {
	switch {
	case t.trash != nil:
		return ": in the trash"
	case t.trashedWith != nil:
		return ": in the trash with " + t.trashedWith.id
	case t.machine != nil:
		return ": " + string(t.machine.State)
	case t.disk != nil && t.disk.VirtualMachine != "":
		return ": " + string(t.disk.state) + ", of " + t.disk.VirtualMachine
	case t.ip != nil && t.ip.AllocatedTo != "":
		return ": held by " + t.ip.AllocatedTo
	}
	return ""
}

// drop lets something be gone for good, with all that is inside it, and lets go of
// what it held.
func (s *Server) drop(t *resource) {
	s.resources = slices.DeleteFunc(s.resources, func(other *resource) bool { return other == t || other.trashedWith == t })
	for _, other := range s.resources {
		if other.ip != nil && other.ip.AllocatedTo == t.id {
			other.ip.AllocatedTo = ""
		}
		if other.disk != nil && other.disk.VirtualMachine == t.id {
			other.disk.VirtualMachine, other.disk.state = "", ""
		}
	}
}

func (s *Server) byID(id string) *resource {
	return s.first(func(t *resource) bool { return t.id == id })
}

func (s *Server) first(match func(*resource) bool) *resource {
	if i := slices.IndexFunc(s.resources, match); i >= 0 {
		return s.resources[i]
	}
	return nil
}

// all returns the things that match.
func (s *Server) all(match func(*resource) bool) []*resource {
	var found []*resource
	for _, t := range s.resources {
		if match(t) {
			found = append(found, t)
		}
	}
	return found
}

// present reports whether something is neither in the trash nor inside of what is.
func (t *resource) present() bool { return t.trash == nil && t.trashedWith == nil }

// keptInTrash is how long something stays in the trash by itself.
const keptInTrash = 48 * time.Hour

// trash is something's place in the trash.
type trash struct {
	id        string
	keepUntil time.Time
}

// task is work that goes on after the answer.
type task struct {
	id, name string
	created  time.Time
	duration time.Duration
	fails    bool
	finished bool
	done     func(ok bool)
}

// startTask queues a task, whose end is told to done.
func (s *Server) startTask(name string, done func(ok bool)) *task {
	t := &task{id: s.newID("task"), name: name, created: time.Now(), duration: s.taskTime, done: done}
	if t.fails = s.failing > 0; t.fails {
		s.failing--
	}
	s.tasks = append(s.tasks, t)
	return t
}

func (t *task) endsAt() time.Time { return t.created.Add(t.duration) }

func (t *task) status() katapult.TaskStatus {
	switch now := time.Now(); {
	case t.finished && t.fails:
		return katapult.TaskStatusFailed
	case t.finished:
		return katapult.TaskStatusCompleted
	case now.Sub(t.created) < t.duration/3:
		return katapult.TaskStatusPending
	}
	return katapult.TaskStatusRunning
}

// finishDue does what has become due: the ends of tasks, and of what was in the trash
// for long enough.
func (s *Server) finishDue() {
	now := time.Now()
	for _, t := range s.tasks {
		if !t.finished && !t.endsAt().After(now) {
			t.finished = true
			t.done(!t.fails)
		}
	}
	for _, t := range s.all(func(t *resource) bool { return t.trash != nil && !t.trash.keepUntil.After(now) }) {
		s.drop(t)
	}
}

// moveToTrash moves something to the trash.
func (s *Server) moveToTrash(t *resource) {
	t.trash = &trash{s.newID("trsh"), time.Now().Add(keptInTrash)}
	for _, other := range s.resources {
		if t.machine != nil && other.disk != nil && other.disk.VirtualMachine == t.id && other.present() {
			other.trashedWith = t
		}
	}
}

// MoveToTrash moves things to the trash as somebody does by the console. What never goes
// there stays as it is.
func (s *Server) MoveToTrash(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if t := s.byID(id); t != nil && t.kind.trash != "" && t.present() {
			s.moveToTrash(t)
		}
	}
}

// inTrashRefusal refuses what cannot be done in the trash. What went there inside of
// something else has no object there.
func (t *resource) inTrashRefusal() *refusal {
	detail := fake.Object{"trash_object": nil}
	if t.trash != nil {
		detail["trash_object"] = t.trashObject()
	}
	return &refusal{http.StatusNotAcceptable, "object_in_trash", detail}
}

func inTrashOf(o *Organization) func(*resource) bool {
	return func(t *resource) bool { return t.owner == o && t.trash != nil }
}
