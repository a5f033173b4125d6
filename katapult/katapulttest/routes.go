package katapulttest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
)

// admit counts a request and checks the token before any operation, as Katapult does. Every
// answer has the headers.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if permitted, ok := s.countRequest(w.Header()); !ok {
			failure(w, http.StatusTooManyRequests, "rate_limit_reached", fake.Object{"total_permitted": permitted})
			return
		}
		switch r.Header.Get("Authorization") {
		case "Bearer " + Token:
			next.ServeHTTP(w, r)
		case "":
			failure(w, http.StatusBadRequest, "missing_api_token", nil)
		default:
			failure(w, http.StatusForbidden, "invalid_api_token", fake.Object{"details": nil})
		}
	})
}

// failure answers with an error in the form of live answers: wrapped, and with an empty
// detail if the code has none.
func failure(w http.ResponseWriter, status int, code string, detail fake.Object) {
	if detail == nil {
		detail = fake.Object{}
	}
	w.Header().Set("X-Api-Schema", "json-error")
	fake.JSON(w, status, fake.Object{"error": fake.Object{
		"code": code, "description": descriptions[code], "detail": detail,
	}})
}

func (s *Server) listOrganizations(q *request) {
	all := make([]fake.Object, 0, len(s.organizations))
	for _, o := range s.organizations {
		all = append(all, s.object(o))
	}
	q.answer(http.StatusOK, fake.Object{"organizations": all})
}

func (s *Server) listManaged(q *request, o *Organization) {
	children := []fake.Object{}
	for _, child := range s.organizations {
		if child.Parent == o.ID {
			item := s.object(child)
			delete(item, "suspended")
			delete(item, "activated_at")
			children = append(children, item)
		}
	}
	s.page(q, "organizations", children)
}

func (s *Server) createOrganization(q *request, o *Organization) {
	child := &Organization{ID: s.newID("org"), Name: q.text("name"), Subdomain: q.text("sub_domain"), Parent: o.ID}
	for _, other := range s.organizations {
		if other.Subdomain == child.Subdomain {
			q.fail(http.StatusUnprocessableEntity, "validation_error", fake.Object{"errors": []string{"The subdomain is taken."}})
			return
		}
	}
	s.organizations = append(s.organizations, child)
	q.answer(http.StatusCreated, fake.Object{"organization": s.fullOrganization(child), "annotations": []any{}})
}

func (s *Server) getOrganization(q *request, o *Organization) {
	q.answer(http.StatusOK, fake.Object{"organization": s.fullOrganization(o)})
}

func (s *Server) fullOrganization(o *Organization) fake.Object {
	full := s.object(o)
	for _, key := range []string{
		"billing_name", "address1", "address2", "address3", "address4", "postcode",
		"vat_number", "phone_number", "country", "country_state",
	} {
		full[key] = nil
	}
	full["currency"] = fake.Object{"id": "cur_eur", "name": "Euro", "iso_code": "EUR", "symbol": "€"}
	return full
}

func (s *Server) object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "sub_domain": o.Subdomain,
		"infrastructure_domain": domain(o),
		"created_at":            s.created.Unix(), "activated_at": s.created.Unix(),
		"suspended": o.Suspended, "managed": !o.Unmanaged,
	}
}

func (s *Server) getSteps(q *request, o *Organization) {
	q.answer(http.StatusOK, fake.Object{"steps": steps(s.open(o))})
}

func (s *Server) deleteOrganization(q *request, o *Organization) {
	open := s.open(o)
	switch {
	case o.Unmanaged:
		q.fail(http.StatusConflict, "managed_organization_required", nil)
	case len(open) > 0:
		q.fail(http.StatusConflict, "deletion_steps_not_satisfied", fake.Object{"steps": steps(open)})
	case o.Undeletable:
		q.fail(http.StatusInternalServerError, "deletion_failed", nil)
	default:
		s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
		s.deleted = append(s.deleted, o.ID)
		q.answer(http.StatusOK, fake.Object{"success": true})
	}
}

func steps(open []string) fake.Object {
	all := fake.Object{}
	for _, name := range slices.Concat(stepNames, open) {
		all[name] = fake.Object{
			"satisfied":   !slices.Contains(open, name),
			"description": "Still to do: " + strings.ReplaceAll(name, "_", " ") + ".",
		}
	}
	return all
}

// The following functions return objects in the form of live answers, including properties
// that the client does not read.

func country() fake.Object {
	return fake.Object{
		"id": "ctry_gb", "name": "United Kingdom", "iso_code2": "GB", "iso_code3": "GBR",
		"time_zone": "Europe/London", "eu": false,
	}
}

// shortDataCenter returns a data center in the form of most answers.
func shortDataCenter() fake.Object {
	return fake.Object{"id": "dc_lon", "name": "London", "permalink": "uk-lon-01"}
}

func dataCenter() fake.Object {
	d := shortDataCenter()
	d["country"] = country()
	return d
}

func (s *Server) machineItem(t *resource) fake.Object {
	addresses := []fake.Object{}
	for _, ip := range s.addressesOf(t) {
		addresses = append(addresses, fake.Object{"address": ip.secondKey})
	}
	return fake.Object{
		"id": t.id, "name": t.name, "hostname": t.name, "fqdn": t.secondKey, "created_at": t.created.Unix(),
		"zone":         fake.Object{"id": "zone_1", "name": "LON-1", "permalink": "lon-zone-1", "data_center": shortDataCenter()},
		"package":      fake.Object{"name": "ROCK-1"},
		"gpu_type":     nil,
		"ip_addresses": addresses,
	}
}

func (s *Server) machine(t *resource) fake.Object {
	addresses := []fake.Object{}
	for _, ip := range s.addressesOf(t) {
		addresses = append(addresses, s.address(ip))
	}
	var iso any
	if id := t.machine.ISO; id != "" {
		iso = fake.Object{"id": id, "name": s.nameOf(id), "operating_system": nil}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "hostname": t.name, "fqdn": t.secondKey, "description": nil,
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

func bareDisk(t *resource) fake.Object {
	return fake.Object{
		"id": t.id, "name": t.name, "size_in_gb": 25, "wwn": "07c254d9fc811a8c",
		"state": katapult.DiskStateBuilt, "created_at": t.created.Unix(),
	}
}

func (s *Server) diskItem(t *resource) fake.Object {
	d := bareDisk(t)
	delete(d, "created_at")
	d["virtual_machine_disk"] = nil
	if vm := s.byID(t.disk.VirtualMachine); vm != nil {
		d["virtual_machine_disk"] = fake.Object{"virtual_machine": fake.Object{"id": vm.id, "fqdn": vm.secondKey}}
	}
	return d
}

func (s *Server) disk(t *resource) fake.Object {
	d := bareDisk(t)
	d["storage_speed"], d["bus_type"], d["data_center"], d["installation"] = "nvme", "scsi", shortDataCenter(), nil
	d["io_profile"] = fake.Object{
		"id": "diop_1", "name": "Unrestricted", "permalink": "unrestricted", "speed_in_mb": nil, "iops": nil,
	}
	d["virtual_machine_disk"] = nil
	if vm := s.byID(t.disk.VirtualMachine); vm != nil {
		d["virtual_machine_disk"] = fake.Object{
			"virtual_machine": fake.Object{"id": vm.id, "fqdn": vm.secondKey},
			"attach_on_boot":  true, "boot": t.disk.boot, "state": t.disk.state,
		}
	}
	return d
}

func machineDisk(t *resource) fake.Object {
	return fake.Object{"disk": bareDisk(t), "attach_on_boot": true, "boot": t.disk.boot, "state": t.disk.state}
}

// networkInterfaces returns the interfaces of a virtual machine: one in the provider's
// network with the addresses, and one in each virtual network.
func (s *Server) networkInterfaces(t *resource) []fake.Object {
	addresses := []fake.Object{}
	for _, ip := range s.addressesOf(t) {
		addresses = append(addresses, fake.Object{"id": ip.id, "address": ip.secondKey})
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

func volume(t *resource) fake.Object {
	associations := slices.Clone(t.volume.Associations)
	if associations == nil {
		associations = []string{}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "data_center": shortDataCenter(), "associations": associations,
		"state": katapult.FileStorageVolumeStateReady, "nfs_location": "nfs.example.com:/katapult/" + t.id, "size": 0,
		"technology_generation": 1, "atime_update": nil, "nfs_root_squash": nil,
		"nfs_all_squash": nil, "nfs_anon_uid": nil, "nfs_anon_gid": nil,
	}
}

func (s *Server) policyItem(t *resource) fake.Object {
	p := s.policy(t)
	delete(p, "auto_move_to_trash_at")
	p["schedule"] = fake.Object{
		"interval": katapult.ScheduleIntervalDaily, "next_invocation_at": t.created.Add(24 * time.Hour).Unix(),
	}
	return p
}

func (s *Server) policy(t *resource) fake.Object {
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

func template(t *resource) fake.Object {
	return fake.Object{
		"id": t.id, "name": t.name, "description": nil, "permalink": "templates/" + t.id,
		"universal": false, "size_in_gb": nil, "latest_version": fake.Object{"id": "dtv_" + t.id, "number": 1},
		"operating_system": nil,
	}
}

// universalTemplate returns a template that the provider offers to all organizations.
func universalTemplate() fake.Object {
	return fake.Object{
		"id": "dtpl_universal", "name": "AlmaLinux 9", "description": nil, "permalink": "templates/almalinux9",
		"universal": true, "size_in_gb": nil, "latest_version": fake.Object{"id": "dtv_universal", "number": 2},
		"operating_system": fake.Object{"id": "os_1", "name": "AlmaLinux"},
	}
}

func (s *Server) loadBalancerItem(t *resource) fake.Object {
	resources, ids := []fake.Object{}, []string{}
	for _, id := range t.lb.Targets {
		if vm := s.byID(id); vm != nil && vm.present() {
			resources = append(resources, fake.Object{"type": "VirtualMachine", "value": s.machine(vm)})
			ids = append(ids, id)
		}
	}
	return fake.Object{
		"id": t.id, "name": t.name, "api_reference": orNull(t.secondKey),
		"resource_type": katapult.LoadBalancerResourceTypeVirtualMachines, "resources": resources, "resource_ids": ids,
		"ip_address":  fake.Object{"address": s.loadBalancerAddress(t)["address"]},
		"data_center": fake.Object{"id": "dc_lon", "name": "London"},
	}
}

func (s *Server) loadBalancer(t *resource) fake.Object {
	l := s.loadBalancerItem(t)
	l["ip_address"], l["data_center"] = s.loadBalancerAddress(t), shortDataCenter()
	l["https_redirect"], l["enable_weighting"] = false, false
	l["backend_certificate"], l["backend_certificate_key"] = "", ""
	l["weights"], l["standby_vms"] = []any{}, []string{}
	return l
}

// loadBalancerAddress returns the address of a load balancer: one of the organization if it is
// allocated to the load balancer.
func (s *Server) loadBalancerAddress(t *resource) fake.Object {
	for _, ip := range s.addressesOf(t) {
		return fake.Object{"id": ip.id, "address": ip.secondKey}
	}
	return fake.Object{"id": "ip_" + t.id, "address": "198.51.100.1"}
}

func loadBalancerRules(t *resource) []fake.Object {
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

func zone(t *resource) fake.Object {
	return fake.Object{"id": t.id, "name": t.name, "default_ttl": 3600, "verified": true}
}

func network(t *resource) fake.Object {
	return fake.Object{"id": t.id, "name": t.name, "data_center": dataCenter()}
}

func (s *Server) addressItem(t *resource) fake.Object {
	a := fake.Object{
		"id": t.id, "address": t.secondKey, "reverse_dns": "", "vip": false,
		"allocation_id": nil, "allocation_type": nil,
	}
	switch by := s.byID(t.ip.AllocatedTo); {
	case by == nil:
	case by.machine != nil:
		a["allocation_id"], a["allocation_type"] = by.id, "VirtualMachine"
	default:
		a["allocation_id"], a["allocation_type"] = by.id, "LoadBalancer"
	}
	return a
}

func (s *Server) address(t *resource) fake.Object {
	a := s.addressItem(t)
	a["label"], a["address_with_mask"] = nil, t.secondKey+"/24"
	a["network"] = fake.Object{
		"id": "netw_1", "name": "Public Network", "permalink": "uk-lon-01-public", "default": true, "data_center": dataCenter(),
	}
	a["subnet"] = fake.Object{
		"id": "sbnt_1", "address": "192.0.2.0", "gateway": "192.0.2.254", "mask": 24, "billable": true, "version": 4,
	}
	return a
}

func (s *Server) account(t *resource) fake.Object {
	return fake.Object{
		"region": t.region, "created_at": t.created.Unix(), "provisioning_state": katapult.ObjectStorageProvisioningStateProvisioned,
		"size": 0, "bucket_count": len(s.buckets(t)), "data_center": dataCenter(),
	}
}

func (s *Server) bucket(t *resource) fake.Object {
	keys := []string{}
	for _, key := range s.resources {
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

func accessKey(t *resource) fake.Object {
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

// handleResources adds the routes of the resources.
func (s *Server) handleResources(routes *fake.Routes) {
	const inOrganization = basePath + "/organizations/{organization}/"
	for _, k := range s.kinds {
		if k.lookup == "" {
			k.lookup = k.noun
		}
		if k.item != nil {
			routes.Handle("List"+k.all+"Page", "GET "+inOrganization+k.path, s.withOrganization(s.listOf(k)))
		}
		if k.full != nil {
			one := basePath + "/" + k.path + "/{" + k.lookup + "}"
			routes.Handle("Get"+k.singular, "GET "+one, s.withResource(k, s.get))
			routes.Handle("Delete"+k.singular, "DELETE "+one, s.withResource(k, s.remove))
		}
	}
	machine, disk, lb, ip := s.kindOf("virtual_machine"), s.kindOf("disk"), s.kindOf("load_balancer"), s.kindOf("ip_address")
	for _, route := range []struct {
		operation, pattern string
		handler            http.HandlerFunc
	}{
		{"ListVirtualMachineDisksPage", "GET /virtual_machines/{virtual_machine}/disks", s.withResource(machine, s.listMachineDisks)},
		{"ListNetworkInterfacesPage", "GET /virtual_machines/{virtual_machine}/network_interfaces", s.withResource(machine, s.listNetworkInterfaces)},
		{"StopVirtualMachine", "POST /virtual_machines/{virtual_machine}/stop", s.withResource(machine, s.stop)},
		{"ShutdownVirtualMachine", "POST /virtual_machines/{virtual_machine}/shutdown", s.withResource(machine, s.shutdown)},
		{"DetachDisk", "POST /disks/{disk}/detach", s.withResource(disk, s.detach)},
		{"UnassignDisk", "POST /disks/{disk}/unassign", s.withResource(disk, s.unassign)},
		{"ListLoadBalancerRulesPage", "GET /load_balancers/{load_balancer}/rules", s.withResource(lb, s.listRules)},
		{"UnallocateIPAddress", "POST /ip_addresses/{ip_address}/unallocate", s.withResource(ip, s.unallocate)},
		{"GetObjectStorageAccount", "GET /organizations/{organization}/object_storage/{object_storage_cluster}", s.withAccount(s.getAccount)},
		{"DeleteObjectStorageAccount", "DELETE /organizations/{organization}/object_storage/{object_storage_cluster}", s.withAccount(s.deleteAccount)},
		{"GetObjectStorageBucket", "GET /object_storage/{object_storage_cluster}/buckets/{bucket}", s.withBucket(s.getBucket)},
		{"DeleteObjectStorageBucket", "DELETE /object_storage/{object_storage_cluster}/buckets/{bucket}", s.withBucket(s.deleteBucket)},
		{"ListTrashObjectsPage", "GET /organizations/{organization}/trash_objects", s.withOrganization(s.listTrash)},
		{"PurgeTrash", "POST /organizations/{organization}/trash_objects/purge_all", s.withOrganization(s.purgeAll)},
		{"GetTrashObject", "GET /trash_objects/{trash_object}", s.withTrashObject(s.getTrash)},
		{"PurgeTrashObject", "DELETE /trash_objects/{trash_object}", s.withTrashObject(s.purge)},
		{"GetTask", "GET /tasks/{task}", s.handle(s.getTask)},
	} {
		method, path, _ := strings.Cut(route.pattern, " ")
		routes.Handle(route.operation, method+" "+basePath+path, route.handler)
	}
}

func (s *Server) listOf(k *kind) func(*request, *Organization) {
	return func(q *request, o *Organization) {
		items := []fake.Object{}
		for _, t := range s.all(func(t *resource) bool { return t.owner == o && t.kind == k && t.present() }) {
			items = append(items, k.item(t))
		}
		if q.URL.Query().Get("include_universal") == "true" {
			items = append(items, universalTemplate())
		}
		s.page(q, k.list, items)
	}
}

func (s *Server) get(q *request, t *resource) {
	answer := fake.Object{t.kind.noun: t.kind.full(t)}
	for name, value := range t.kind.extra {
		answer[name] = value
	}
	if t.ip != nil {
		answer["allocation"] = nil
		if by := s.byID(t.ip.AllocatedTo); by != nil {
			answer["allocation"] = fake.Object{"id": by.id, "name": by.name}
		}
	}
	q.answer(http.StatusOK, answer)
}

// remove deletes a resource, or moves it to the trash.
func (s *Server) remove(q *request, t *resource) {
	if t.kind.refuses != nil {
		if r := t.kind.refuses(t); r != nil {
			q.refuse(r)
			return
		}
	}
	var answer fake.Object
	if t.kind.deleted != nil {
		answer = t.kind.deleted(t)
	} else {
		answer = fake.Object{t.kind.noun: t.kind.full(t)}
	}
	if t.kind.trash == "" {
		s.drop(t)
	} else {
		s.moveToTrash(t)
	}
	if t.kind.deleted == nil {
		answer["trash_object"] = t.trashObject()
	}
	q.answer(http.StatusOK, answer)
}

func (s *Server) listMachineDisks(q *request, t *resource) {
	disks := []fake.Object{}
	for _, d := range s.disksOf(t) {
		disks = append(disks, machineDisk(d))
	}
	s.page(q, "disks", disks)
}

func (s *Server) listNetworkInterfaces(q *request, t *resource) {
	s.page(q, "virtual_machine_network_interfaces", s.networkInterfaces(t))
}

func (s *Server) stop(q *request, t *resource) {
	s.powerOff(q, t, "Stop virtual machine", katapult.VirtualMachineStateStopping)
}

func (s *Server) shutdown(q *request, t *resource) {
	s.powerOff(q, t, "Shutdown virtual machine", katapult.VirtualMachineStateShuttingDown)
}

// powerOff stops a started virtual machine. Its disks are then detached, and stay assigned.
func (s *Server) powerOff(q *request, t *resource, name string, meanwhile katapult.VirtualMachineState) {
	if t.machine.State != katapult.VirtualMachineStateStarted {
		q.refuse(notQueued("The virtual machine is " + string(t.machine.State) + "."))
		return
	}
	t.machine.State = meanwhile
	task := s.startTask(name, func(ok bool) {
		if !ok {
			t.machine.State = katapult.VirtualMachineStateStarted
			return
		}
		t.machine.State = katapult.VirtualMachineStateStopped
		for _, d := range s.disksOf(t) {
			d.disk.state = katapult.DiskAttachmentStateDetached
		}
	})
	q.answer(http.StatusOK, fake.Object{"task": task.summary()})
}

func (s *Server) detach(q *request, t *resource) {
	switch {
	case t.disk.VirtualMachine == "":
		q.refuse(&refusal{http.StatusUnprocessableEntity, "unassigned_disk", nil})
		return
	case t.disk.state != katapult.DiskAttachmentStateAttached:
		q.refuse(notQueued("The disk is " + string(t.disk.state) + "."))
		return
	}
	t.disk.state = katapult.DiskAttachmentStateDetaching
	task := s.startTask("Detach disk", func(ok bool) {
		switch {
		case t.disk.VirtualMachine == "":
		case ok:
			t.disk.state = katapult.DiskAttachmentStateDetached
		default:
			t.disk.state = katapult.DiskAttachmentStateAttached
		}
	})
	q.answer(http.StatusOK, fake.Object{"disk": s.disk(t), "task": task.object()})
}

func (s *Server) unassign(q *request, t *resource) {
	if t.disk.VirtualMachine == "" || t.disk.state != katapult.DiskAttachmentStateDetached {
		q.refuse(&refusal{http.StatusUnprocessableEntity, "unable_to_unassign", fake.Object{
			"errors": []string{"The disk is not assigned, or not detached."},
		}})
		return
	}
	t.disk.VirtualMachine, t.disk.state, t.disk.boot = "", "", false
	q.answer(http.StatusOK, fake.Object{"disk": s.disk(t)})
}

func (s *Server) listRules(q *request, t *resource) {
	s.page(q, "load_balancer_rules", loadBalancerRules(t))
}

func (s *Server) unallocate(q *request, t *resource) {
	by := s.byID(t.ip.AllocatedTo)
	switch {
	case by == nil:
		q.refuse(&refusal{http.StatusUnprocessableEntity, "no_allocation", nil})
	case by.machine == nil:
		q.refuse(&refusal{http.StatusConflict, "resource_does_not_support_unallocation", nil})
	default:
		t.ip.AllocatedTo = ""
		q.answer(http.StatusOK, fake.Object{})
	}
}

// region returns the region of a request, and answers if the cluster does not exist.
func (s *Server) region(q *request) (string, bool) {
	_, region, ok := q.lookup("object_storage_cluster", "region")
	if ok && !s.regions[region] {
		q.notFound("object_storage_cluster")
		return "", false
	}
	return region, ok
}

// withAccount finds the object storage account of a request.
func (s *Server) withAccount(next func(*request, *resource)) http.HandlerFunc {
	return s.withOrganization(func(q *request, o *Organization) {
		region, ok := s.region(q)
		if !ok {
			return
		}
		k := s.kindOf("object_storage_account")
		t := s.first(func(t *resource) bool { return t.owner == o && t.kind == k && t.region == region })
		switch {
		case t == nil:
			q.notFound("object_storage_account")
		case !t.present():
			q.refuse(t.inTrashRefusal())
		default:
			next(q, t)
		}
	})
}

func (s *Server) getAccount(q *request, t *resource) {
	q.answer(http.StatusOK, fake.Object{"object_storage_account": s.account(t)})
}

// deleteAccount moves an object storage account to the trash if it is empty.
func (s *Server) deleteAccount(q *request, account *resource) {
	var remaining []string
	for _, t := range s.resources {
		if t != account && t.owner == account.owner && t.region == account.region {
			remaining = append(remaining, t.name+" still exists.")
		}
	}
	if remaining != nil {
		q.refuse(&refusal{http.StatusUnprocessableEntity, "validation_error", fake.Object{"errors": remaining}})
		return
	}
	shown := s.account(account)
	s.moveToTrash(account)
	q.answer(http.StatusOK, fake.Object{"trash_object": account.trashObject(), "object_storage_account": shown})
}

// withBucket finds the bucket of a request. Only the name identifies it, so several
// organizations of the token can have one.
func (s *Server) withBucket(next func(*request, *resource)) http.HandlerFunc {
	return s.handle(func(q *request) {
		region, ok := s.region(q)
		if !ok {
			return
		}
		_, name, ok := q.lookup("bucket", "name")
		if !ok {
			return
		}
		found := s.all(func(t *resource) bool { return t.bucket != nil && t.name == name && t.region == region })
		switch len(found) {
		case 0:
			q.notFound("object_storage_bucket")
		case 1:
			next(q, found[0])
		default:
			q.refuse(&refusal{http.StatusInternalServerError, "multiple_object_storage_buckets_found", nil})
		}
	})
}

func (s *Server) getBucket(q *request, t *resource) {
	q.answer(http.StatusOK, fake.Object{"object_storage_bucket": s.bucket(t)})
}

func (s *Server) deleteBucket(q *request, t *resource) {
	if t.bucket.Undeletable {
		q.refuse(&refusal{http.StatusForbidden, "object_storage_bucket_deletion_error", fake.Object{"details": "The bucket is in use."}})
		return
	}
	s.drop(t)
	q.answer(http.StatusOK, fake.Object{"success": true})
}

// handle runs one operation at a time, after all that is due by now.
func (s *Server) handle(operation func(*request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finishDue()
		q := &request{Request: r, w: w}
		if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType == "application/json" {
			_ = json.NewDecoder(r.Body).Decode(&q.body)
		}
		operation(q)
	}
}

func (q *request) answer(status int, body fake.Object) { fake.JSON(q.w, status, body) }

func (q *request) fail(status int, code string, detail fake.Object) {
	failure(q.w, status, code, detail)
}

func (q *request) refuse(r *refusal) { q.fail(r.status, r.code, r.detail) }

func (q *request) notFound(noun string) {
	q.fail(http.StatusNotFound, noun+"_not_found", nil)
}

// lookup returns the lookup of a request from the body, or from the query. Without a lookup,
// for example because the body is not declared as JSON, the segment of the path is the ID.
// Two lookups are answered with an error.
func (q *request) lookup(noun string, keys ...string) (key, value string, ok bool) {
	var inBody map[string]*string
	_ = json.Unmarshal(q.body[noun], &inBody)
	query := q.URL.Query()
	found := 0
	for _, k := range keys {
		name := noun + "[" + k + "]"
		switch {
		case inBody[k] != nil:
			key, value = k, *inBody[k]
		case query.Has(name):
			key, value = k, query.Get(name)
		default:
			continue
		}
		found++
	}
	switch found {
	case 0:
		return "id", q.PathValue(noun), true
	case 1:
		return key, value, true
	}
	q.fail(http.StatusBadRequest, "invalid_argument", fake.Object{
		"issue": "ambiguous_lookup_values", "path": []string{noun}, "errors": []string{},
	})
	return "", "", false
}

// text returns an argument of the body.
func (q *request) text(name string) string {
	var text string
	_ = json.Unmarshal(q.body[name], &text)
	return text
}

// page answers with one page of a list. The first page is 1; a page after the end is empty.
func (s *Server) page(q *request, property string, all []fake.Object) {
	number, size := q.count("page", 1), q.count("per_page", 30)
	if s.maxPage > 0 {
		size = min(size, s.maxPage)
	}
	first := min((number-1)*size, len(all))
	items := all[first:min(first+size, len(all))]
	pagination := fake.Object{
		"current_page": number, "per_page": size, "large_set": s.large,
		"total_pages": (len(all) + size - 1) / size, "total": len(all),
	}
	if s.large {
		pagination["total_pages"], pagination["total"] = nil, nil
	}
	q.answer(http.StatusOK, fake.Object{"pagination": pagination, property: append([]fake.Object{}, items...)})
}

func (q *request) count(name string, otherwise int) int {
	if n, err := strconv.Atoi(q.URL.Query().Get(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// withOrganization finds the organization of a request.
func (s *Server) withOrganization(next func(*request, *Organization)) http.HandlerFunc {
	return s.handle(func(q *request) {
		key, value, ok := q.lookup("organization", "id", "sub_domain")
		if !ok {
			return
		}
		for _, o := range s.organizations {
			if key == "id" && o.ID != value || key == "sub_domain" && o.Subdomain != value {
				continue
			}
			switch {
			case o.Suspended:
				q.fail(http.StatusForbidden, "organization_suspended", nil)
			case o.NotActivated:
				q.fail(http.StatusForbidden, "organization_not_activated", nil)
			default:
				next(q, o)
			}
			return
		}
		q.notFound("organization")
	})
}

// withResource finds the resource of a request. A resource in the trash is refused.
func (s *Server) withResource(k *kind, next func(*request, *resource)) http.HandlerFunc {
	return s.handle(func(q *request) {
		keys := []string{"id"}
		if k.secondKey != "" {
			keys = append(keys, k.secondKey)
		}
		key, value, ok := q.lookup(k.lookup, keys...)
		if !ok {
			return
		}
		t := s.first(func(t *resource) bool {
			return t.kind == k && value != "" && (key == "id" && t.id == value || key != "id" && t.secondKey == value)
		})
		switch {
		case t == nil:
			q.notFound(k.noun)
		case !t.present():
			q.refuse(t.inTrashRefusal())
		default:
			next(q, t)
		}
	})
}

// summary returns a task in the form of the power operations.
func (t *task) summary() fake.Object {
	return fake.Object{"id": t.id, "name": t.name, "status": t.status()}
}

func (t *task) object() fake.Object {
	o := t.summary()
	o["created_at"], o["started_at"], o["finished_at"], o["progress"] = t.created.Unix(), nil, nil, 0
	status := t.status()
	if status != katapult.TaskStatusPending {
		o["started_at"], o["progress"] = t.created.Add(t.duration/3).Unix(), 50
	}
	if t.finished {
		o["finished_at"] = t.endsAt().Unix()
	}
	if status == katapult.TaskStatusCompleted {
		o["progress"] = 100
	}
	return o
}

// trashObject returns the object of a resource in the trash. Object storage has no object
// ID.
func (t *resource) trashObject() fake.Object {
	o := fake.Object{"id": t.trash.id, "keep_until": t.trash.keepUntil.Unix(), "object_type": t.kind.trash}
	if t.region == "" {
		o["object_id"] = t.id
	}
	return o
}

func (s *Server) listTrash(q *request, o *Organization) {
	objects := []fake.Object{}
	for _, t := range s.all(inTrashOf(o)) {
		objects = append(objects, t.trashObject())
	}
	s.page(q, "trash_objects", objects)
}

// withTrashObject finds the object in the trash of a request.
func (s *Server) withTrashObject(next func(*request, *resource)) http.HandlerFunc {
	return s.handle(func(q *request) {
		key, value, ok := q.lookup("trash_object", "id", "object_id")
		if !ok {
			return
		}
		t := s.first(func(t *resource) bool {
			return t.trash != nil && (key == "id" && t.trash.id == value || key == "object_id" && t.region == "" && t.id == value)
		})
		if t == nil {
			q.notFound("trash_object")
			return
		}
		next(q, t)
	})
}

func (s *Server) getTrash(q *request, t *resource) {
	q.answer(http.StatusOK, fake.Object{"trash_object": t.trashObject()})
}

func (s *Server) purge(q *request, t *resource) { s.startPurge(q, []*resource{t}) }

func (s *Server) purgeAll(q *request, o *Organization) { s.startPurge(q, s.all(inTrashOf(o))) }

func (s *Server) startPurge(q *request, resources []*resource) {
	t := s.startTask("Purge items from trash", func(ok bool) {
		for _, t := range resources {
			if ok && slices.Contains(s.resources, t) {
				s.drop(t)
			}
		}
	})
	q.answer(http.StatusOK, fake.Object{"task": t.object()})
}

func (s *Server) getTask(q *request) {
	_, value, ok := q.lookup("task", "id")
	if !ok {
		return
	}
	i := slices.IndexFunc(s.tasks, func(t *task) bool { return t.id == value })
	if i < 0 {
		q.notFound("task")
		return
	}
	q.answer(http.StatusOK, fake.Object{"task": s.tasks[i].object()})
}
