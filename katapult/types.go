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
	anyLookup
	organization()
}

// VirtualMachineLookup names a virtual machine: an [ID] or an [FQDN].
type VirtualMachineLookup interface {
	anyLookup
	virtualMachine()
}

// LoadBalancerLookup names a load balancer: an [ID] or an [APIReference].
type LoadBalancerLookup interface {
	anyLookup
	loadBalancer()
}

// DNSZoneLookup names a DNS zone: an [ID] or a [ZoneName].
type DNSZoneLookup interface {
	anyLookup
	dnsZone()
}

// TrashObjectLookup names an object in the trash: its [ID] there, or the [ObjectID] of
// its resource.
type TrashObjectLookup interface {
	anyLookup
	trashObject()
}

// IPAddressLookup names an IP address: an [ID] or an [Address].
type IPAddressLookup interface {
	anyLookup
	ipAddress()
}

// ObjectStorageClusterLookup names a cluster of object storage: a [Region].
type ObjectStorageClusterLookup interface {
	anyLookup
	objectStorageCluster()
}

// ObjectStorageBucketLookup names a bucket: a [BucketName].
type ObjectStorageBucketLookup interface {
	anyLookup
	objectStorageBucket()
}

// anyLookup is any lookup: a key of the API and a value.
type anyLookup interface {
	key() (key, value string)
}

// ID names a resource by its ID: katapult.ID("org_…").
type ID string

// Subdomain names an organization by its subdomain: katapult.Subdomain("acme"). An ID is
// safer, because another organization can take the subdomain after the deletion.
// [Client.DeleteOrganization], [Client.Plan] and the waiters resolve it to the ID first.
// Other writes by a name that is not an ID are sent once: after a refusal, the name may
// belong to another resource.
type Subdomain string

// FQDN names a virtual machine by its host name: katapult.FQDN("web.acme.katapult.cloud").
type FQDN string

// APIReference names a load balancer by the reference that its owner set.
type APIReference string

// ZoneName names a DNS zone by its domain: katapult.ZoneName("acme.com").
type ZoneName string

// ObjectID names an object in the trash by the ID of its resource.
type ObjectID string

// Address names an IP address by the address itself, without a mask: 192.0.2.1.
type Address string

// Region names a cluster of object storage: katapult.Region("uk-lon-1").
type Region string

// BucketName names a bucket by its name.
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

// lookup returns the key and the value of a lookup; key "id" without a value for nil.
func lookup(l anyLookup) (key, value string) {
	if l == nil {
		return "id", ""
	}
	return l.key()
}

// reusable reports whether another resource can have the name of a lookup later, such as a
// subdomain or an address after a deletion. A write by such a name is sent once. IDs are
// never reused, and a region belongs to the provider.
func reusable(l anyLookup) bool {
	switch l.(type) {
	case Subdomain, FQDN, APIReference, ZoneName, Address, BucketName:
		return true
	}
	return false
}

// matches reports whether a lookup names the organization of an answer.
func matches(organization OrganizationLookup, found *Organization) bool {
	switch l := organization.(type) {
	case ID:
		return string(l) == found.ID
	case Subdomain:
		return string(l) == found.Subdomain
	}
	return false
}

// Time is a point in time. The API sends Unix seconds.
type Time struct{ time.Time }

// UnmarshalJSON decodes Unix seconds; null is the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	seconds, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return errors.New("katapult: time must be in Unix seconds")
	}
	t.Time = time.Unix(seconds, 0).UTC()
	return nil
}

// MarshalJSON encodes Unix seconds; null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// deletionOrder is the order of the deletion steps: resources that use others first, steps
// without an API last.
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

// Open returns the steps that are not satisfied, in the order of removal. Unknown steps come
// last, by name.
func (s DeletionSteps) Open() []errors.Step {
	count := 0
	for _, step := range s {
		if !step.Satisfied {
			count++
		}
	}
	open := make([]errors.Step, 0, count)
	add := func(name string) {
		if step, ok := s[name]; ok && !step.Satisfied {
			open = append(open, errors.Step{Name: name, Description: step.Description})
		}
	}
	for _, name := range deletionOrder {
		add(name)
	}
	if len(open) < count {
		for _, name := range slices.Sorted(maps.Keys(s)) {
			if !slices.Contains(deletionOrder, name) {
				add(name)
			}
		}
	}
	return open
}
