package katapulttest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/katapult"
)

// handleThings adds the routes of all that an organization has.
func (s *Server) handleThings(routes *fake.Routes) {
	const inOrganization = basePath + "/organizations/{organization}/"
	for _, k := range s.kinds {
		if k.lookup == "" {
			k.lookup = k.noun
		}
		if k.item != nil {
			routes.Handle("List"+k.all+"Page", "GET "+inOrganization+k.path, s.inOrganization(s.listOf(k)))
		}
		if k.full != nil {
			one := basePath + "/" + k.path + "/{" + k.lookup + "}"
			routes.Handle("Get"+k.singular, "GET "+one, s.about(k, s.get))
			routes.Handle("Delete"+k.singular, "DELETE "+one, s.about(k, s.remove))
		}
	}
	machine, disk, lb, ip := s.kindOf("virtual_machine"), s.kindOf("disk"), s.kindOf("load_balancer"), s.kindOf("ip_address")
	for _, route := range []struct {
		operation, pattern string
		handler            http.HandlerFunc
	}{
		{"ListVirtualMachineDisksPage", "GET /virtual_machines/{virtual_machine}/disks", s.about(machine, s.listMachineDisks)},
		{"ListNetworkInterfacesPage", "GET /virtual_machines/{virtual_machine}/network_interfaces", s.about(machine, s.listNetworkInterfaces)},
		{"StopVirtualMachine", "POST /virtual_machines/{virtual_machine}/stop", s.about(machine, s.stop)},
		{"ShutdownVirtualMachine", "POST /virtual_machines/{virtual_machine}/shutdown", s.about(machine, s.shutdown)},
		{"DetachDisk", "POST /disks/{disk}/detach", s.about(disk, s.detach)},
		{"UnassignDisk", "POST /disks/{disk}/unassign", s.about(disk, s.unassign)},
		{"ListLoadBalancerRulesPage", "GET /load_balancers/{load_balancer}/rules", s.about(lb, s.listRules)},
		{"UnallocateIPAddress", "POST /ip_addresses/{ip_address}/unallocate", s.about(ip, s.unallocate)},
		{"GetObjectStorageAccount", "GET /organizations/{organization}/object_storage/{object_storage_cluster}", s.inAccount(s.getAccount)},
		{"DeleteObjectStorageAccount", "DELETE /organizations/{organization}/object_storage/{object_storage_cluster}", s.inAccount(s.deleteAccount)},
		{"GetObjectStorageBucket", "GET /object_storage/{object_storage_cluster}/buckets/{bucket}", s.aboutBucket(s.getBucket)},
		{"DeleteObjectStorageBucket", "DELETE /object_storage/{object_storage_cluster}/buckets/{bucket}", s.aboutBucket(s.deleteBucket)},
		{"ListTrashObjectsPage", "GET /organizations/{organization}/trash_objects", s.inOrganization(s.listTrash)},
		{"PurgeTrash", "POST /organizations/{organization}/trash_objects/purge_all", s.inOrganization(s.purgeAll)},
		{"GetTrashObject", "GET /trash_objects/{trash_object}", s.aboutTrash(s.getTrash)},
		{"PurgeTrashObject", "DELETE /trash_objects/{trash_object}", s.aboutTrash(s.purge)},
		{"GetTask", "GET /tasks/{task}", s.handle(s.getTask)},
	} {
		method, path, _ := strings.Cut(route.pattern, " ")
		routes.Handle(route.operation, method+" "+basePath+path, route.handler)
	}
}

func (s *Server) listOf(k *kind) func(*request, *Organization) {
	return func(q *request, o *Organization) {
		items := []fake.Object{}
		for _, t := range s.all(func(t *thing) bool { return t.owner == o && t.kind == k && t.present() }) {
			items = append(items, k.item(t))
		}
		if q.URL.Query().Get("include_universal") == "true" {
			items = append(items, universalTemplate())
		}
		s.page(q, k.list, items)
	}
}

func (s *Server) get(q *request, t *thing) {
	answer := fake.Object{t.kind.noun: t.kind.full(t)}
	for name, value := range t.kind.beside {
		answer[name] = value
	}
	if t.ip != nil {
		answer["allocation"] = nil
		if by := s.byID(t.ip.HeldBy); by != nil {
			answer["allocation"] = fake.Object{"id": by.id, "name": by.name}
		}
	}
	q.answer(http.StatusOK, answer)
}

// remove deletes something, or moves it to the trash.
func (s *Server) remove(q *request, t *thing) {
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
		s.discard(t)
	}
	if t.kind.deleted == nil {
		answer["trash_object"] = t.trashObject()
	}
	q.answer(http.StatusOK, answer)
}

// disksOf returns the disks that are assigned to a virtual machine.
func (s *Server) disksOf(t *thing) []*thing {
	return s.all(func(other *thing) bool {
		return other.disk != nil && other.disk.VirtualMachine == t.id && other.present()
	})
}

func (s *Server) listMachineDisks(q *request, t *thing) {
	disks := []fake.Object{}
	for _, d := range s.disksOf(t) {
		disks = append(disks, machineDisk(d))
	}
	s.page(q, "disks", disks)
}

func (s *Server) listNetworkInterfaces(q *request, t *thing) {
	s.page(q, "virtual_machine_network_interfaces", s.networkInterfaces(t))
}

func (s *Server) stop(q *request, t *thing) {
	s.powerOff(q, t, "Stop virtual machine", katapult.VirtualMachineStateStopping)
}

func (s *Server) shutdown(q *request, t *thing) {
	s.powerOff(q, t, "Shutdown virtual machine", katapult.VirtualMachineStateShuttingDown)
}

// powerOff stops a virtual machine, which has to be started. The disks of a stopped
// one are detached, and stay assigned.
func (s *Server) powerOff(q *request, t *thing, name string, meanwhile katapult.VirtualMachineState) {
	if t.machine.State != katapult.VirtualMachineStateStarted {
		q.refuse(notQueued("The virtual machine is " + string(t.machine.State) + "."))
		return
	}
	t.machine.State = meanwhile
	began := s.begin(name, func(ok bool) {
		if !ok {
			t.machine.State = katapult.VirtualMachineStateStarted
			return
		}
		t.machine.State = katapult.VirtualMachineStateStopped
		for _, d := range s.disksOf(t) {
			d.disk.state = katapult.DiskAttachmentStateDetached
		}
	})
	q.answer(http.StatusOK, fake.Object{"task": began.short()})
}

func notQueued(why string) *refusal {
	return &refusal{http.StatusNotAcceptable, "task_queueing_error", fake.Object{"details": why}}
}

func (s *Server) detach(q *request, t *thing) {
	switch {
	case t.disk.VirtualMachine == "":
		q.refuse(&refusal{http.StatusUnprocessableEntity, "unassigned_disk", nil})
		return
	case t.disk.state != katapult.DiskAttachmentStateAttached:
		q.refuse(notQueued("The disk is " + string(t.disk.state) + "."))
		return
	}
	t.disk.state = katapult.DiskAttachmentStateDetaching
	began := s.begin("Detach disk", func(ok bool) {
		switch {
		case t.disk.VirtualMachine == "":
		case ok:
			t.disk.state = katapult.DiskAttachmentStateDetached
		default:
			t.disk.state = katapult.DiskAttachmentStateAttached
		}
	})
	q.answer(http.StatusOK, fake.Object{"disk": s.disk(t), "task": began.object()})
}

func (s *Server) unassign(q *request, t *thing) {
	if t.disk.VirtualMachine == "" || t.disk.state != katapult.DiskAttachmentStateDetached {
		q.refuse(&refusal{http.StatusUnprocessableEntity, "unable_to_unassign", fake.Object{
			"errors": []string{"The disk is not assigned, or not detached."},
		}})
		return
	}
	t.disk.VirtualMachine, t.disk.state, t.disk.boot = "", "", false
	q.answer(http.StatusOK, fake.Object{"disk": s.disk(t)})
}

func (s *Server) listRules(q *request, t *thing) {
	s.page(q, "load_balancer_rules", loadBalancerRules(t))
}

func (s *Server) unallocate(q *request, t *thing) {
	by := s.byID(t.ip.HeldBy)
	switch {
	case by == nil:
		q.refuse(&refusal{http.StatusUnprocessableEntity, "no_allocation", nil})
	case by.machine == nil:
		q.refuse(&refusal{http.StatusConflict, "resource_does_not_support_unallocation", nil})
	default:
		t.ip.HeldBy = ""
		q.answer(http.StatusOK, fake.Object{})
	}
}

// region reads which cluster a request is about, and answers when there is none.
func (s *Server) region(q *request) (string, bool) {
	_, region, ok := q.lookup("object_storage_cluster", "region")
	if ok && !s.regions[region] {
		q.notFound("object_storage_cluster")
		return "", false
	}
	return region, ok
}

// inAccount finds the object storage that a request is about.
func (s *Server) inAccount(next func(*request, *thing)) http.HandlerFunc {
	return s.inOrganization(func(q *request, o *Organization) {
		region, ok := s.region(q)
		if !ok {
			return
		}
		k := s.kindOf("object_storage_account")
		t := s.first(func(t *thing) bool { return t.owner == o && t.kind == k && t.region == region })
		switch {
		case t == nil:
			q.notFound("object_storage_account")
		case !t.present():
			q.refuse(t.inTrash())
		default:
			next(q, t)
		}
	})
}

func (s *Server) getAccount(q *request, t *thing) {
	q.answer(http.StatusOK, fake.Object{"object_storage_account": s.account(t)})
}

// buckets returns the buckets of an account.
func (s *Server) buckets(account *thing) []*thing {
	return s.all(func(t *thing) bool { return t.bucket != nil && t.owner == account.owner && t.region == account.region })
}

// deleteAccount moves object storage to the trash, when there is nothing in it.
func (s *Server) deleteAccount(q *request, account *thing) {
	var left []string
	for _, t := range s.things {
		if t != account && t.owner == account.owner && t.region == account.region {
			left = append(left, t.name+" is left.")
		}
	}
	if left != nil {
		q.refuse(&refusal{http.StatusUnprocessableEntity, "validation_error", fake.Object{"errors": left}})
		return
	}
	shown := s.account(account)
	s.discard(account)
	q.answer(http.StatusOK, fake.Object{"trash_object": account.trashObject(), "object_storage_account": shown})
}

// aboutBucket finds the bucket that a request is about. A name is enough for the
// token, so it may fit the buckets of several organizations.
func (s *Server) aboutBucket(next func(*request, *thing)) http.HandlerFunc {
	return s.handle(func(q *request) {
		region, ok := s.region(q)
		if !ok {
			return
		}
		_, name, ok := q.lookup("bucket", "name")
		if !ok {
			return
		}
		found := s.all(func(t *thing) bool { return t.bucket != nil && t.name == name && t.region == region })
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

func (s *Server) getBucket(q *request, t *thing) {
	q.answer(http.StatusOK, fake.Object{"object_storage_bucket": s.bucket(t)})
}

func (s *Server) deleteBucket(q *request, t *thing) {
	if t.bucket.Undeletable {
		q.refuse(&refusal{http.StatusForbidden, "object_storage_bucket_deletion_error", fake.Object{"details": "The bucket is in use."}})
		return
	}
	s.drop(t)
	q.answer(http.StatusOK, fake.Object{"success": true})
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
	for _, t := range s.things {
		switch {
		case t.owner != o || t.inside != nil:
		case t.trash != nil:
			add("empty_trash")
		default:
			add(t.kind.step)
		}
	}
	return open
}
