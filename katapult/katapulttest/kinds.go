package katapulttest

import (
	"fmt"
	"net/http"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
)

// kind is what is common to things of one kind: names, paths and rules.
type kind struct {
	noun          string // in an answer, and in the code for what is not there
	lookup        string // in a path and in a request; noun, if it is empty
	path          string // of the collection; "" for what has its own routes
	list          string // property of a list
	singular, all string // in the names of operations
	prefix        string // of an id
	second        string // second key of a lookup
	step          string // what it keeps open
	trash         string // its type in the trash; "" for what is deleted at once

	item func(*thing) fake.Object // as a list shows it
	full func(*thing) fake.Object // nil for what no operation shows

	beside  fake.Object                // what else an answer has
	refuses func(*thing) *refusal      // says why it is not deleted
	deleted func(t *thing) fake.Object // answer to a deletion
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

var noNotes = fake.Object{"annotations": []any{}}

// allKinds are the kinds of things, with the methods of one double.
func (s *Server) allKinds() []*kind {
	return []*kind{
		{
			noun: "virtual_machine", path: "virtual_machines", list: "virtual_machines",
			singular: "VirtualMachine", all: "VirtualMachines", prefix: "vm", second: "fqdn",
			step: "virtual_machines", trash: "VirtualMachine", beside: noNotes,
			item: s.machineItem, full: s.machine, refuses: machineRuns,
		},
		{
			noun: "disk", path: "disks", list: "disk", singular: "Disk", all: "Disks", prefix: "disk",
			step: "disks", trash: "Disk", beside: noNotes,
			item: s.diskItem, full: s.disk, refuses: diskIsAssigned,
		},
		{
			noun: "file_storage_volume", path: "file_storage_volumes", list: "file_storage_volumes",
			singular: "FileStorageVolume", all: "FileStorageVolumes", prefix: "fsv",
			step: "file_storage_volumes", trash: "FileStorageVolume", beside: noNotes,
			item: volume, full: volume,
		},
		{
			noun: "disk_backup_policy", path: "disk_backup_policies", list: "disk_backup_policies",
			singular: "DiskBackupPolicy", all: "DiskBackupPolicies", prefix: "dbp",
			step: "disk_backup_policies", trash: "DiskBackupPolicy",
			item: s.policyItem, full: s.policy, deleted: func(t *thing) fake.Object {
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
			singular: "LoadBalancer", all: "LoadBalancers", prefix: "lb", second: "api_reference",
			step: "load_balancers", beside: noNotes,
			item: s.loadBalancerItem, full: s.loadBalancer, deleted: func(t *thing) fake.Object {
				return fake.Object{"load_balancer": fake.Object{"id": t.id, "name": t.name, "api_reference": orNull(t.second)}}
			},
		},
		{
			noun: "dns_zone", path: "dns_zones", list: "dns_zones", singular: "DNSZone", all: "DNSZones",
			prefix: "dnszone", second: "name", step: "dns_zones",
			item: zone, full: zone, deleted: func(*thing) fake.Object { return fake.Object{"deleted": true} },
		},
		{
			noun: "virtual_network", path: "virtual_networks", list: "virtual_networks",
			singular: "VirtualNetwork", all: "VirtualNetworks", prefix: "vnet", step: "virtual_networks",
			item: network, full: network, refuses: s.networkIsUsed, deleted: func(t *thing) fake.Object {
				return fake.Object{"virtual_network": network(t)}
			},
		},
		{
			noun: "ip_address", path: "ip_addresses", list: "ip_addresses", singular: "IPAddress", all: "IPAddresses",
			prefix: "ip", second: "address", step: "ip_addresses",
			item: s.addressItem, full: s.address, refuses: addressIsHeld,
			deleted: func(*thing) fake.Object { return fake.Object{} },
		},
		{noun: "object_storage_account", prefix: "obj", step: "object_storage", trash: "ObjectStorageAccount"},
		{noun: "object_storage_bucket", prefix: "bucket", step: "object_storage"},
		{
			noun: "object_storage_access_key", lookup: "access_key", path: "object_storage/access_keys",
			list: "object_storage_access_keys", singular: "ObjectStorageAccessKey", all: "ObjectStorageAccessKeys",
			prefix: "objkey", step: "object_storage",
			item: accessKey, full: accessKey, deleted: func(*thing) fake.Object { return fake.Object{"success": true} },
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

// machineRuns refuses the deletion of a virtual machine that is not stopped. The API
// documents no code for that; this is the one that can say why.
func machineRuns(t *thing) *refusal {
	switch t.machine.State {
	case katapult.VirtualMachineStateStopped, katapult.VirtualMachineStateFailed, katapult.VirtualMachineStateOrphaned:
		return nil
	}
	return &refusal{http.StatusForbidden, "permission_denied", fake.Object{
		"details": fmt.Sprintf("The virtual machine is %s.", t.machine.State),
	}}
}

func diskIsAssigned(t *thing) *refusal {
	if t.disk.VirtualMachine == "" {
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, "validation_error", fake.Object{
		"errors": []string{"The disk is assigned to a virtual machine."},
	}}
}

// networkIsUsed refuses the deletion of a virtual network as long as there are
// machines in it, also in the trash.
func (s *Server) networkIsUsed(t *thing) *refusal {
	var used []string
	for _, other := range s.things {
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

func addressIsHeld(t *thing) *refusal {
	if t.ip.HeldBy == "" {
		return nil
	}
	return &refusal{http.StatusConflict, "resource_does_not_support_unallocation", nil}
}
