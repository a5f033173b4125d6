package katapulttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/katapult"
)

// Thing is something that an organization has, and that blocks its deletion. An ID
// that is empty is made up; a name that is empty is the ID.
type Thing interface {
	thing() *thing
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
	HeldBy      string // id of a virtual machine or a load balancer; "" for none
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

// thing is what the double knows of a [Thing].
type thing struct {
	kind     *kind
	kindName string
	id, name string
	second   string // its second key
	owner    *Organization
	created  time.Time
	trash    *trash
	inside   *thing // what it went to the trash with

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

func (v VirtualMachine) thing() *thing {
	v.State = cmp.Or(v.State, katapult.VirtualMachineStateStarted)
	return &thing{kindName: "virtual_machine", id: v.ID, name: v.Name, machine: &v}
}

func (d Disk) thing() *thing {
	switch {
	case d.VirtualMachine == "":
	case d.Detached:
		d.state = katapult.DiskAttachmentStateDetached
	default:
		d.state = katapult.DiskAttachmentStateAttached
	}
	return &thing{kindName: "disk", id: d.ID, name: d.Name, disk: &d}
}

func (v FileStorageVolume) thing() *thing {
	return &thing{kindName: "file_storage_volume", id: v.ID, name: v.Name, volume: &v}
}

func (p DiskBackupPolicy) thing() *thing {
	return &thing{kindName: "disk_backup_policy", id: p.ID, policy: &p}
}

func (i ISO) thing() *thing { return &thing{kindName: "iso", id: i.ID, name: i.Name} }

func (t DiskTemplate) thing() *thing {
	return &thing{kindName: "disk_template", id: t.ID, name: t.Name}
}

func (l LoadBalancer) thing() *thing {
	return &thing{kindName: "load_balancer", id: l.ID, name: l.Name, second: l.APIReference, lb: &l}
}

func (z DNSZone) thing() *thing {
	return &thing{kindName: "dns_zone", id: z.ID, name: z.Name, second: z.Name}
}

func (n VirtualNetwork) thing() *thing {
	return &thing{kindName: "virtual_network", id: n.ID, name: n.Name}
}

func (a IPAddress) thing() *thing {
	return &thing{kindName: "ip_address", id: a.ID, second: a.Address, ip: &a}
}

func (o ObjectStorage) thing() *thing {
	return &thing{kindName: "object_storage_account", region: cmp.Or(o.Region, defaultRegion)}
}

func (b Bucket) thing() *thing {
	return &thing{kindName: "object_storage_bucket", name: b.Name, region: cmp.Or(b.Region, defaultRegion), bucket: &b}
}

func (k AccessKey) thing() *thing {
	return &thing{kindName: "object_storage_access_key", id: k.ID, name: k.Name, region: cmp.Or(k.Region, defaultRegion), key: &k}
}

// Add adds things to an organization, which has to be there.
func (s *Server) Add(organization string, things ...Thing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.organization(organization)
	if o == nil {
		panic(fmt.Sprintf("katapulttest: there is no organization %q to add to", organization))
	}
	for _, added := range things {
		s.add(o, added.thing())
	}
}

func (s *Server) add(o *Organization, t *thing) {
	t.kind = s.kindOf(t.kindName)
	t.owner, t.created = o, time.Now()
	if t.id == "" {
		t.id = s.newID(t.kind.prefix)
	}
	t.name = cmp.Or(t.name, t.id)
	s.things = append(s.things, t)
	switch {
	case t.machine != nil:
		t.second = host(t)
		boot := Disk{ID: "disk_" + t.id, Name: "System Disk", VirtualMachine: t.id, boot: true}
		boot.Detached = t.machine.State == katapult.VirtualMachineStateStopped
		s.add(o, boot.thing())
	case t.kindName == "dns_zone":
		t.second = t.name
	case t.ip != nil:
		t.second = cmp.Or(t.second, fmt.Sprintf("192.0.2.%d", len(s.things)))
	case t.region != "":
		s.regions[t.region] = true
	}
}

// host is the host name of a virtual machine.
func host(t *thing) string {
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
	s.settle()
	var left []string
	for _, t := range s.things {
		if t.owner.ID == organization {
			left = append(left, t.id+t.state())
		}
	}
	return left
}

// state says what is special about something.
func (t *thing) state() string {
	switch {
	case t.trash != nil:
		return ": in the trash"
	case t.inside != nil:
		return ": in the trash with " + t.inside.id
	case t.machine != nil:
		return ": " + string(t.machine.State)
	case t.disk != nil && t.disk.VirtualMachine != "":
		return ": " + string(t.disk.state) + ", of " + t.disk.VirtualMachine
	case t.ip != nil && t.ip.HeldBy != "":
		return ": held by " + t.ip.HeldBy
	}
	return ""
}

// drop lets something be gone for good, with all that is inside it, and lets go of
// what it held.
func (s *Server) drop(t *thing) {
	s.things = slices.DeleteFunc(s.things, func(other *thing) bool { return other == t || other.inside == t })
	for _, other := range s.things {
		if other.ip != nil && other.ip.HeldBy == t.id {
			other.ip.HeldBy = ""
		}
		if other.disk != nil && other.disk.VirtualMachine == t.id {
			other.disk.VirtualMachine, other.disk.state = "", ""
		}
	}
}

func (s *Server) byID(id string) *thing {
	return s.first(func(t *thing) bool { return t.id == id })
}

func (s *Server) first(match func(*thing) bool) *thing {
	if i := slices.IndexFunc(s.things, match); i >= 0 {
		return s.things[i]
	}
	return nil
}

// all returns the things that match.
func (s *Server) all(match func(*thing) bool) []*thing {
	var found []*thing
	for _, t := range s.things {
		if match(t) {
			found = append(found, t)
		}
	}
	return found
}

// present reports whether something is neither in the trash nor inside of what is.
func (t *thing) present() bool { return t.trash == nil && t.inside == nil }
