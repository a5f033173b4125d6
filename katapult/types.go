package katapult

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// OrganizationLookup names an organization: an [ID] or a [Subdomain].
type OrganizationLookup interface {
	keyed
	organization()
}

// VirtualMachineLookup names a virtual machine: an [ID] or an [FQDN].
type VirtualMachineLookup interface {
	keyed
	virtualMachine()
}

// LoadBalancerLookup names a load balancer: an [ID] or an [APIReference].
type LoadBalancerLookup interface {
	keyed
	loadBalancer()
}

// DNSZoneLookup names a DNS zone: an [ID] or a [ZoneName].
type DNSZoneLookup interface {
	keyed
	dnsZone()
}

// TrashObjectLookup names something in the trash: the [ID] that it has there, or
// the [ObjectID] that it had before.
type TrashObjectLookup interface {
	keyed
	trashObject()
}

// IPAddressLookup names an IP address: an [ID] or an [Address].
type IPAddressLookup interface {
	keyed
	ipAddress()
}

// ObjectStorageClusterLookup names a cluster of object storage: a [Region].
type ObjectStorageClusterLookup interface {
	keyed
	objectStorageCluster()
}

// ObjectStorageBucketLookup names a bucket: a [BucketName].
type ObjectStorageBucketLookup interface {
	keyed
	objectStorageBucket()
}

// keyed is what every lookup is: a key of the API and a value.
type keyed interface {
	key() (key, value string)
}

// ID names anything by its id: katapult.ID("org_…").
type ID string

// Subdomain names an organization by its sub domain: katapult.Subdomain("acme").
// An ID is the safer name: a subdomain is free for others once its organization
// is deleted. [Client.DeleteOrganization], [Client.Plan] and the waiters read the ID
// first and send that. Any other call that changes something is sent once if it names
// its target by anything but an ID: it is not repeated after a refusal, because the
// name may belong to another resource by then.
type Subdomain string

// FQDN names a virtual machine by its host name: katapult.FQDN("web.acme.katapult.cloud").
type FQDN string

// APIReference names a load balancer by the reference that its owner gave it.
type APIReference string

// ZoneName names a DNS zone by its domain: katapult.ZoneName("acme.com").
type ZoneName string

// ObjectID names something in the trash by the id that it had before.
type ObjectID string

// Address names an IP address as it is written, without a mask.
type Address string

// Region names a cluster of object storage: katapult.Region("uk-lon-1").
type Region string

// BucketName names a bucket.
type BucketName string

func (id ID) key() (string, string) { return "id", string(id) }

func (s Subdomain) key() (string, string) { return "sub_domain", string(s) }

func (f FQDN) key() (string, string) { return "fqdn", string(f) }

func (r APIReference) key() (string, string) { return "api_reference", string(r) }

func (z ZoneName) key() (string, string) { return "name", string(z) }

func (id ObjectID) key() (string, string) { return "object_id", string(id) }

func (a Address) key() (string, string) { return "address", string(a) }

func (r Region) key() (string, string) { return "region", string(r) }

func (n BucketName) key() (string, string) { return "name", string(n) }

func (ID) organization() {}

func (ID) virtualMachine() {}

func (ID) loadBalancer() {}

func (ID) dnsZone() {}

func (ID) trashObject() {}

func (ID) ipAddress() {}

func (Subdomain) organization() {}

func (FQDN) virtualMachine() {}

func (APIReference) loadBalancer() {}

func (ZoneName) dnsZone() {}

func (ObjectID) trashObject() {}

func (Address) ipAddress() {}

func (Region) objectStorageCluster() {}

func (BucketName) objectStorageBucket() {}

// lookup returns the argument that carries a lookup, and its value.
func lookup(l keyed) (key, value string) {
	if l == nil {
		return "id", ""
	}
	return l.key()
}

// reusable reports whether a lookup is a name that another resource can have later: a
// subdomain is free once its organization is deleted, and an address once it is given
// back. A write by such a name is sent once. IDs are never reused, and the region of a
// cluster is the provider's own.
func reusable(l keyed) bool {
	switch l.(type) {
	case Subdomain, FQDN, APIReference, ZoneName, Address, BucketName:
		return true
	}
	return false
}

// names reports whether a lookup is one of the organization that was found.
func names(organization OrganizationLookup, found *Organization) bool {
	switch l := organization.(type) {
	case ID:
		return string(l) == found.ID
	case Subdomain:
		return string(l) == found.Subdomain
	}
	return false
}

// Time is a point in time, which the API writes in Unix seconds.
type Time struct{ time.Time }

// UnmarshalJSON reads Unix seconds; null is the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	seconds, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return errors.New("katapult: a time is not in Unix seconds")
	}
	t.Time = time.Unix(seconds, 0).UTC()
	return nil
}

// MarshalJSON writes Unix seconds; null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// deletionOrder is the order in which steps have to go: what holds something
// else goes first, and what no API can do comes last.
var deletionOrder = []string{
	"managed_organizations",
	"load_balancers",
	"dns_zones",
	"disk_backup_policies",
	"virtual_machines",
	"disks",
	"file_storage_volumes",
	"object_storage",
	"empty_trash",
	"virtual_networks",
	"ip_addresses",
	"isos",
	"disk_templates",
	"ensure_zero_balance",
	"ensure_no_outstanding_invoices",
}

// Open returns the steps that are not satisfied, in the order in which they have
// to go. Steps that are not known here come last, by name.
func (s DeletionSteps) Open() []errors.Step {
	left := 0
	for _, step := range s {
		if !step.Satisfied {
			left++
		}
	}
	open := make([]errors.Step, 0, left)
	add := func(name string) {
		if step, ok := s[name]; ok && !step.Satisfied {
			open = append(open, errors.Step{Name: name, Description: step.Description})
		}
	}
	for _, name := range deletionOrder {
		add(name)
	}
	if len(open) < left {
		for _, name := range slices.Sorted(maps.Keys(s)) {
			if !slices.Contains(deletionOrder, name) {
				add(name)
			}
		}
	}
	return open
}
