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

// Token is the API token that the fake accepts.
const Token = "katapulttest-token"

// basePath is the path of [katapult.DefaultBaseURL].
const basePath = "/core/v1"

// Organization is an organization of the fake.
type Organization struct {
	ID        string // the ID
	Name      string // the name; default ID
	Subdomain string // the subdomain; default Name

	// Parent is the ID of the managing organization, if the fake has it.
	Parent string

	// Open names open deletion steps in addition to those that resources keep open, such
	// as ensure_zero_balance.
	Open []string

	Unmanaged    bool // the API cannot delete the organization
	Suspended    bool // requests are refused
	NotActivated bool // requests are refused
	Undeletable  bool // the deletion fails although all steps are satisfied
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	o.Name = cmp.Or(o.Name, o.ID)
	o.Subdomain = cmp.Or(o.Subdomain, o.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations = append(s.organizations, &o)
}

// SetOpen sets the open deletion steps of an organization in addition to those that
// resources keep open.
func (s *Server) SetOpen(id string, steps ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", id, s.organization(id))
	o.Open = steps
}

// Exists reports whether an organization exists.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organization(id) != nil
}

// Deleted returns the IDs of the deleted organizations, in the order of deletion.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// Add adds resources to an organization. It panics if the organization does not exist, or a resource
// that an added one refers to.
func (s *Server) Add(organization string, resources ...Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", organization, s.organization(organization))
	for _, added := range resources {
		s.add(o, added.resource())
	}
	for _, added := range resources {
		for _, id := range added.resource().refers() {
			fake.Known("resource", id, s.byID(id))
		}
	}
}

// refers returns the IDs of the resources that a test named in this one.
func (t *resource) refers() []string {
	var ids []string
	switch {
	case t.machine != nil:
		ids = []string{t.machine.ISO}
	case t.disk != nil:
		ids = []string{t.disk.VirtualMachine}
	case t.volume != nil:
		ids = t.volume.Associations
	case t.policy != nil:
		ids = []string{t.policy.Target}
	case t.lb != nil:
		ids = t.lb.Targets
	case t.ip != nil:
		ids = []string{t.ip.AllocatedTo}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" })
}

// Remove removes resources at once and without the trash, as a user of the console can: for
// example disk templates and ISO images, which no API removes.
func (s *Server) Remove(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		t := fake.Known("resource", id, s.byID(id))
		s.drop(t)
	}
}

// MoveToTrash moves resources to the trash, as a user of the console can. Resources of a kind
// without trash stay unchanged.
func (s *Server) MoveToTrash(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		t := fake.Known("resource", id, s.byID(id))
		if t.kind.trash != "" && t.present() {
			s.moveToTrash(t)
		}
	}
}

// Remaining returns the resources of an organization in the order of Add: the ID, and the
// state if it has one, such as "vm_web: started" or "disk_1: in the trash". The ID of a
// bucket is a generated one.
func (s *Server) Remaining(organization string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishDue()
	var remaining []string
	for _, t := range s.resources {
		if t.owner.ID == organization {
			remaining = append(remaining, t.id+t.state())
		}
	}
	return remaining
}

// Resource is a resource of an organization, which blocks the deletion. The default of an
// ID is a generated one; the default of a name is the ID.
type Resource interface {
	resource() *resource
}

// VirtualMachine is a virtual machine. Its boot disk has the ID "disk_" + ID, and is trashed
// and deleted with the machine.
type VirtualMachine struct {
	ID, Name string                       // the ID and the name
	State    katapult.VirtualMachineState // the state; default started
	ISO      string                       // the ID of the attached [ISO]
	Networks []string                     // the IDs of virtual networks with an interface of the machine
}

// Disk is a disk.
type Disk struct {
	ID, Name       string // the ID and the name
	VirtualMachine string // the ID of the machine that the disk is assigned to; "" for none
	Detached       bool   // the disk is detached from its machine

	boot  bool
	state katapult.DiskAttachmentState
}

// FileStorageVolume is a file storage volume.
type FileStorageVolume struct {
	ID, Name     string   // the ID and the name
	Associations []string // the IDs of virtual machines that may mount the volume
}

// DiskBackupPolicy is a disk backup policy.
type DiskBackupPolicy struct {
	ID     string // the ID
	Target string // the ID of a virtual machine or a disk
}

// ISO is an ISO image. No API lists or removes it: see [Server.Remove].
type ISO struct {
	ID, Name string // the ID and the name
}

// DiskTemplate is a disk template. No API removes it: see [Server.Remove].
type DiskTemplate struct {
	ID, Name string // the ID and the name
}

// LoadBalancer is a load balancer.
type LoadBalancer struct {
	ID, Name, APIReference string   // the ID, the name, and the reference of the owner
	Ports                  []int    // one rule for each port
	Targets                []string // the IDs of virtual machines
}

// DNSZone is a DNS zone.
type DNSZone struct {
	ID   string // the ID
	Name string // the domain
}

// VirtualNetwork is a virtual network.
type VirtualNetwork struct {
	ID, Name string // the ID and the name
}

// IPAddress is an IP address.
type IPAddress struct {
	ID, Address string // the ID and the address
	AllocatedTo string // the ID of a virtual machine or a load balancer; "" for none
}

// ObjectStorage is the object storage of an organization in a region.
type ObjectStorage struct {
	Region string // the region; default "uk-lon-1"
}

// Bucket is a bucket.
type Bucket struct {
	Name, Region string // the name, and the region; default "uk-lon-1"
	Undeletable  bool   // the deletion fails
}

// AccessKey is an access key to object storage.
type AccessKey struct {
	ID, Name, Region string   // the ID, the name, and the region; default "uk-lon-1"
	Buckets          []string // the names of the buckets that the key may use; nil for all
}

// defaultRegion is the default region of object storage.
const defaultRegion = "uk-lon-1"

// organization returns the organization with an ID; nil if it does not exist.
func (s *Server) organization(id string) *Organization {
	for _, o := range s.organizations {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// countRequest counts a request. It returns the limit per minute, and whether the request is
// permitted.
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

// descriptions are texts for the codes of the fake. They are not Katapult's.
var descriptions = map[string]string{
	"deletion_failed":                        "The organization was not deleted.",
	"deletion_restricted":                    "The network has interfaces.",
	"disk_backup_policy_not_found":           "The disk backup policy does not exist.",
	"disk_not_found":                         "The disk does not exist.",
	"dns_zone_not_found":                     "The DNS zone does not exist.",
	"file_storage_volume_not_found":          "The file storage volume does not exist.",
	"ip_address_not_found":                   "The IP address does not exist.",
	"load_balancer_not_found":                "The load balancer does not exist.",
	"multiple_object_storage_buckets_found":  "Several buckets have this name.",
	"no_allocation":                          "No resource uses the address.",
	"object_in_trash":                        "The resource is in the trash.",
	"object_storage_access_key_not_found":    "The access key does not exist.",
	"object_storage_account_not_found":       "The organization has no object storage in the region.",
	"object_storage_bucket_deletion_error":   "The bucket was not deleted.",
	"object_storage_bucket_not_found":        "The bucket does not exist.",
	"object_storage_cluster_not_found":       "The cluster does not exist.",
	"permission_denied":                      "The request is not permitted.",
	"resource_does_not_support_unallocation": "The resource that uses the address does not support unallocation.",
	"task_not_found":                         "The task does not exist.",
	"task_queueing_error":                    "The task was not queued.",
	"trash_object_not_found":                 "The trash does not have the object.",
	"unable_to_unassign":                     "The disk was not unassigned.",
	"unassigned_disk":                        "The disk is assigned to no virtual machine.",
	"validation_error":                       "The request is not valid.",
	"virtual_machine_not_found":              "The virtual machine does not exist.",
	"virtual_network_not_found":              "The virtual network does not exist.",
	"deletion_steps_not_satisfied":           "Some deletion steps are open.",
	"invalid_api_token":                      "The token is not valid.",
	"invalid_argument":                       "The lookup is not valid.",
	"managed_organization_required":          "The organization is not managed by another one.",
	"missing_api_token":                      "The token is missing.",
	"organization_not_activated":             "The organization is not activated.",
	"organization_not_found":                 "The organization does not exist.",
	"organization_suspended":                 "The organization is suspended.",
	"rate_limit_reached":                     "The limit for this minute is reached.",
	"route_not_found":                        "The route does not exist.",
}

// stepNames are the documented deletion steps.
var stepNames = []string{
	"managed_organizations", "virtual_machines", "disks", "file_storage_volumes",
	"disk_backup_policies", "isos", "disk_templates", "load_balancers", "dns_zones",
	"empty_trash", "virtual_networks", "ip_addresses", "object_storage",
	"ensure_zero_balance", "ensure_no_outstanding_invoices",
}

// kind has the names, paths and rules of the resources of one kind.
type kind struct {
	noun          string // in answers and in the code of a missing resource
	lookup        string // in paths and requests; default noun
	path          string // of the collection; "" for a kind with its own routes
	list          string // property of lists
	singular, all string // in the names of operations
	prefix        string // of IDs
	secondKey     string // second key of a lookup
	step          string // the deletion step that the resources keep open
	trash         string // the type in the trash; "" if the kind has no trash

	item func(*resource) fake.Object // an item of a list
	full func(*resource) fake.Object // the answer of a get; nil if no operation returns it

	extra   fake.Object                   // additional properties of an answer
	refuses func(*resource) *refusal      // nil if a deletion is permitted
	deleted func(t *resource) fake.Object // the answer of a deletion
}

// refusal is an answer with an error.
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
	panic("katapulttest: unknown kind " + noun)
}

var noAnnotations = fake.Object{"annotations": []any{}}

// allKinds returns the kinds with the methods of the server.
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

// orNull returns a text, or nil for an empty one.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// refuseRunning refuses the deletion of a virtual machine that is not stopped. The API
// documents no code for it; permission_denied can state the reason.
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

// refuseUsedNetwork refuses the deletion of a virtual network with machines, including
// machines in the trash.
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

// domain returns the domain of an organization's virtual machines.
func domain(o *Organization) string { return o.Subdomain + ".example.com" }

func (s *Server) nameOf(id string) string {
	if t := s.byID(id); t != nil {
		return t.name
	}
	return id
}

// addressesOf returns the addresses that are allocated to a resource.
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

// buckets returns the buckets of an object storage account.
func (s *Server) buckets(account *resource) []*resource {
	return s.all(func(t *resource) bool {
		return t.bucket != nil && t.owner == account.owner && t.region == account.region
	})
}

// open returns the open deletion steps: those of resources, and those of Organization.Open.
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

// request is an admitted request with the writer of its answer.
type request struct {
	*http.Request
	w    http.ResponseWriter
	body map[string]json.RawMessage
}

// resource is the state of a [Resource].
type resource struct {
	kind        *kind
	kindName    string
	id, name    string
	secondKey   string // value of the second key
	owner       *Organization
	created     time.Time
	trash       *trash
	trashedWith *resource // the resource that this one moved to the trash with

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

// host returns the host name of a virtual machine.
func host(t *resource) string {
	return strings.ToLower(t.name) + "." + domain(t.owner)
}

// newID generates an ID.
func (s *Server) newID(prefix string) string {
	s.ids[prefix]++
	return fmt.Sprintf("%s_%d", prefix, s.ids[prefix])
}

// state returns the state of a resource for [Server.Remaining].
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
		return ": allocated to " + t.ip.AllocatedTo
	}
	return ""
}

// drop deletes a resource and the resources that moved to the trash with it, unallocates its
// addresses, and unassigns its disks.
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

// all returns the matching resources.
func (s *Server) all(match func(*resource) bool) []*resource {
	var found []*resource
	for _, t := range s.resources {
		if match(t) {
			found = append(found, t)
		}
	}
	return found
}

// present reports whether a resource is not in the trash, alone or with another one.
func (t *resource) present() bool { return t.trash == nil && t.trashedWith == nil }

// keptInTrash is the time after which the trash is purged.
const keptInTrash = 48 * time.Hour

// trash is the object of a resource in the trash.
type trash struct {
	id        string
	keepUntil time.Time
}

// task is a task that continues after the answer.
type task struct {
	id, name string
	created  time.Time
	duration time.Duration
	fails    bool
	finished bool
	done     func(ok bool)
}

// startTask queues a task. done is called at its end.
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

// finishDue finishes the tasks whose time is over, and purges the objects in the trash whose
// time is over.
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

// moveToTrash moves a resource to the trash.
func (s *Server) moveToTrash(t *resource) {
	t.trash = &trash{s.newID("trsh"), time.Now().Add(keptInTrash)}
	for _, other := range s.resources {
		if t.machine != nil && other.disk != nil && other.disk.VirtualMachine == t.id && other.present() {
			other.trashedWith = t
		}
	}
}

// inTrashRefusal refuses a request for a resource in the trash. A resource that moved there
// with another one has no object.
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
