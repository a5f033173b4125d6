package katapulttest

import (
	"fmt"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
)

// Objects as live traffic has them, with what the client does not read, too.

func country() fake.Object {
	return fake.Object{
		"id": "ctry_gb", "name": "United Kingdom", "iso_code2": "GB", "iso_code3": "GBR",
		"time_zone": "Europe/London", "eu": false,
	}
}

// place is a data center as most answers show it.
func place() fake.Object {
	return fake.Object{"id": "dc_lon", "name": "London", "permalink": "uk-lon-01"}
}

func dataCenter() fake.Object {
	d := place()
	d["country"] = country()
	return d
}

// domain is the domain of an organization's virtual machines.
func domain(o *Organization) string { return o.SubDomain + ".example.com" }

func (s *Server) machineItem(t *thing) fake.Object {
	addresses := []fake.Object{}
	for _, ip := range s.heldBy(t) {
		addresses = append(addresses, fake.Object{"address": ip.second})
	}
	return fake.Object{
		"id": t.id, "name": t.name, "hostname": t.name, "fqdn": t.second, "created_at": t.created.Unix(),
		"zone":         fake.Object{"id": "zone_1", "name": "LON-1", "permalink": "lon-zone-1", "data_center": place()},
		"package":      fake.Object{"name": "ROCK-1"},
		"gpu_type":     nil,
		"ip_addresses": addresses,
	}
}

func (s *Server) machine(t *thing) fake.Object {
	addresses := []fake.Object{}
	for _, ip := range s.heldBy(t) {
		addresses = append(addresses, s.address(ip))
	}
	var iso any
	if id := t.machine.ISO; id != "" {
		iso = fake.Object{"id": id, "name": s.nameOf(id), "operating_system": nil}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "hostname": t.name, "fqdn": t.second, "description": nil,
		"created_at": t.created.Unix(), "initial_root_password": nil, "state": t.machine.State,
		"zone":         fake.Object{"id": "zone_1", "name": "LON-1", "permalink": "lon-zone-1", "data_center": dataCenter()},
		"organization": s.fullOrganization(t.owner),
		"group":        nil,
		"package": fake.Object{
			"id": "vmpkg_1", "name": "ROCK-1", "permalink": "rock-1", "cpu_cores": 1, "ipv4_addresses": 1,
			"memory_in_gb": 1, "storage_in_gb": 25, "monthly_bandwidth_allowance_in_gb": 1000,
			"privacy": "public", "icon": nil, "use_dedicated_cpus": false,
			"group": fake.Object{"id": "vmpkggrp_1", "name": "Rock"},
		},
		"attached_iso": iso, "memory_in_gb": 1, "cpu_cores": 1, "use_dedicated_cpus": false,
		"gpu_type": nil, "gpus": []any{}, "tags": []any{}, "tag_names": []string{},
		"ip_addresses": addresses, "suspended": false, "suspended_at": nil,
	}
}

func (s *Server) nameOf(id string) string {
	if t := s.byID(id); t != nil {
		return t.name
	}
	return id
}

// heldBy returns the addresses that something holds.
func (s *Server) heldBy(t *thing) []*thing {
	return s.all(func(other *thing) bool { return other.ip != nil && other.ip.HeldBy == t.id })
}

func bareDisk(t *thing) fake.Object {
	return fake.Object{
		"id": t.id, "name": t.name, "size_in_gb": 25, "wwn": "07c254d9fc811a8c",
		"state": katapult.DiskStateBuilt, "created_at": t.created.Unix(),
	}
}

func (s *Server) diskItem(t *thing) fake.Object {
	d := bareDisk(t)
	delete(d, "created_at")
	d["virtual_machine_disk"] = nil
	if vm := s.byID(t.disk.VirtualMachine); vm != nil {
		d["virtual_machine_disk"] = fake.Object{"virtual_machine": fake.Object{"id": vm.id, "fqdn": vm.second}}
	}
	return d
}

func (s *Server) disk(t *thing) fake.Object {
	d := bareDisk(t)
	d["storage_speed"], d["bus_type"], d["data_center"], d["installation"] = "nvme", "scsi", place(), nil
	d["io_profile"] = fake.Object{
		"id": "diop_1", "name": "Unrestricted", "permalink": "unrestricted", "speed_in_mb": nil, "iops": nil,
	}
	d["virtual_machine_disk"] = nil
	if vm := s.byID(t.disk.VirtualMachine); vm != nil {
		d["virtual_machine_disk"] = fake.Object{
			"virtual_machine": fake.Object{"id": vm.id, "fqdn": vm.second},
			"attach_on_boot":  true, "boot": t.disk.boot, "state": t.disk.state,
		}
	}
	return d
}

func machineDisk(t *thing) fake.Object {
	return fake.Object{"disk": bareDisk(t), "attach_on_boot": true, "boot": t.disk.boot, "state": t.disk.state}
}

// networkInterfaces are those of a virtual machine: one in the provider's network,
// with its addresses, and one in each of its virtual networks.
func (s *Server) networkInterfaces(t *thing) []fake.Object {
	addresses := []fake.Object{}
	for _, ip := range s.heldBy(t) {
		addresses = append(addresses, fake.Object{"id": ip.id, "address": ip.second})
	}
	all := []fake.Object{{
		"id": "vmnet_" + t.id, "name": "Public Network on " + t.name,
		"network": fake.Object{"id": "netw_1", "name": "Public Network"}, "virtual_network": nil,
		"ip_addresses": addresses,
	}}
	for _, id := range t.machine.Networks {
		all = append(all, fake.Object{
			"id": "vmnet_" + t.id + "_" + id, "name": s.nameOf(id) + " on " + t.name,
			"network": nil, "virtual_network": fake.Object{"id": id, "name": s.nameOf(id)},
			"ip_addresses": []fake.Object{},
		})
	}
	return all
}

func volume(t *thing) fake.Object {
	associations := slices.Clone(t.volume.Associations)
	if associations == nil {
		associations = []string{}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "data_center": place(), "associations": associations,
		"state": katapult.FileStorageVolumeStateReady, "nfs_location": "nfs.example.com:/katapult/" + t.id, "size": 0,
		"technology_generation": 1, "atime_update": nil, "nfs_root_squash": nil,
		"nfs_all_squash": nil, "nfs_anon_uid": nil, "nfs_anon_gid": nil,
	}
}

func (s *Server) policyItem(t *thing) fake.Object {
	p := s.policy(t)
	delete(p, "auto_move_to_trash_at")
	p["schedule"] = fake.Object{
		"interval": katapult.ScheduleIntervalDaily, "next_invocation_at": t.created.Add(24 * time.Hour).Unix(),
	}
	return p
}

func (s *Server) policy(t *thing) fake.Object {
	target := fake.Object{}
	switch of := s.byID(t.policy.Target); {
	case of == nil:
	case of.machine != nil:
		target = fake.Object{"type": "VirtualMachine", "value": s.machine(of)}
	case of.disk != nil:
		target = fake.Object{"type": "Disk", "value": s.disk(of)}
	}
	return fake.Object{
		"id": t.id, "retention": 7, "total_size": 0.0, "target": target,
		"schedule": fake.Object{
			"frequency": 1, "interval": katapult.ScheduleIntervalDaily, "minute": 0,
			"next_invocation_at": t.created.Add(24 * time.Hour).Unix(), "time": 0,
		},
		"auto_move_to_trash_at": nil,
	}
}

func template(t *thing) fake.Object {
	return fake.Object{
		"id": t.id, "name": t.name, "description": nil, "permalink": "templates/" + t.id,
		"universal": false, "size_in_gb": nil, "latest_version": fake.Object{"id": "dtv_" + t.id, "number": 1},
		"operating_system": nil,
	}
}

// universalTemplate is one that the provider gives to everybody.
func universalTemplate() fake.Object {
	return fake.Object{
		"id": "dtpl_universal", "name": "AlmaLinux 9", "description": nil, "permalink": "templates/almalinux9",
		"universal": true, "size_in_gb": nil, "latest_version": fake.Object{"id": "dtv_universal", "number": 2},
		"operating_system": fake.Object{"id": "os_1", "name": "AlmaLinux"},
	}
}

func (s *Server) loadBalancerItem(t *thing) fake.Object {
	resources, ids := []fake.Object{}, []string{}
	for _, id := range t.lb.Targets {
		if vm := s.byID(id); vm != nil && vm.present() {
			resources = append(resources, fake.Object{"type": "VirtualMachine", "value": s.machine(vm)})
			ids = append(ids, id)
		}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "api_reference": orNull(t.second),
		"resource_type": katapult.LoadBalancerResourceTypeVirtualMachines, "resources": resources, "resource_ids": ids,
		"ip_address":  fake.Object{"address": s.listensOn(t)["address"]},
		"data_center": fake.Object{"id": "dc_lon", "name": "London"},
	}
}

func (s *Server) loadBalancer(t *thing) fake.Object {
	l := s.loadBalancerItem(t)
	l["ip_address"], l["data_center"] = s.listensOn(t), place()
	l["https_redirect"], l["enable_weighting"] = false, false
	l["backend_certificate"], l["backend_certificate_key"] = "", ""
	l["weights"], l["standby_vms"] = []any{}, []string{}
	return l
}

// listensOn is the address of a load balancer: the organization's where it holds one.
func (s *Server) listensOn(t *thing) fake.Object {
	for _, ip := range s.heldBy(t) {
		return fake.Object{"id": ip.id, "address": ip.second}
	}
	return fake.Object{"id": "ip_" + t.id, "address": "198.51.100.1"}
}

func loadBalancerRules(t *thing) []fake.Object {
	rules := []fake.Object{}
	for _, port := range t.lb.Ports {
		rules = append(rules, fake.Object{
			"id": fmt.Sprintf("lbrule_%s_%d", t.id, port), "algorithm": katapult.LoadBalancerRuleAlgorithmRoundRobin,
			"destination_port": port, "listen_port": port, "protocol": katapult.LoadBalancerRuleProtocolTCP,
			"certificates": []any{}, "check_enabled": true,
		})
	}
	return rules
}

func zone(t *thing) fake.Object {
	return fake.Object{"id": t.id, "name": t.name, "default_ttl": 3600, "verified": true}
}

func network(t *thing) fake.Object {
	return fake.Object{"id": t.id, "name": t.name, "data_center": dataCenter()}
}

func (s *Server) addressItem(t *thing) fake.Object {
	a := fake.Object{
		"id": t.id, "address": t.second, "reverse_dns": "", "vip": false,
		"allocation_id": nil, "allocation_type": nil,
	}
	switch by := s.byID(t.ip.HeldBy); {
	case by == nil:
	case by.machine != nil:
		a["allocation_id"], a["allocation_type"] = by.id, "VirtualMachine"
	default:
		a["allocation_id"], a["allocation_type"] = by.id, "LoadBalancer"
	}
	return a
}

func (s *Server) address(t *thing) fake.Object {
	a := s.addressItem(t)
	a["label"], a["address_with_mask"] = nil, t.second+"/24"
	a["network"] = fake.Object{
		"id": "netw_1", "name": "Public Network", "permalink": "uk-lon-01-public", "default": true, "data_center": dataCenter(),
	}
	a["subnet"] = fake.Object{
		"id": "sbnt_1", "address": "192.0.2.0", "gateway": "192.0.2.254", "mask": 24, "billable": true, "version": 4,
	}
	return a
}

func (s *Server) account(t *thing) fake.Object {
	return fake.Object{
		"region": t.region, "created_at": t.created.Unix(), "provisioning_state": katapult.ObjectStorageProvisioningStateProvisioned,
		"size": 0, "bucket_count": len(s.buckets(t)), "data_center": dataCenter(),
	}
}

func (s *Server) bucket(t *thing) fake.Object {
	keys := []string{}
	for _, key := range s.things {
		if key.key != nil && key.owner == t.owner && key.region == t.region && slices.Contains(key.key.Buckets, t.name) {
			keys = append(keys, key.id)
		}
	}
	return fake.Object{
		"name": t.name, "label": nil, "created_at": t.created.Unix(), "state": katapult.ObjectStorageStateConfigured,
		"object_count": 0, "size": 0, "serve_static_site": false, "static_site_index": nil, "static_site_error": nil,
		"public_url": "https://" + t.name + ".example.com", "custom_domains": []string{}, "cors_origins": []string{},
		"access_control_list": fake.Object{
			"public_read": false, "public_list": false, "all_keys_read": false, "all_keys_write": false,
			"read_key_ids": keys, "write_key_ids": keys,
		},
	}
}

func accessKey(t *thing) fake.Object {
	buckets := slices.Clone(t.key.Buckets)
	every := buckets == nil
	if every {
		buckets = []string{}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "created_at": t.created.Unix(), "region": t.region,
		"state": katapult.ObjectStorageStateConfigured, "all_buckets_read": every, "all_objects_read": every,
		"all_objects_write": every, "read_buckets": buckets, "write_buckets": buckets,
		"server_url": "https://" + t.region + ".example.com", "s3_access_key_id": "KEY" + t.id, "s3_secret_access_key": nil,
	}
}
