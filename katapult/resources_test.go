package katapult_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestOperations_ObjectInTrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)
		object, err := c.DeleteFileStorageVolume(t.Context(), "fsv_1")
		must(t, err)
		_, err = c.DeleteFileStorageVolume(t.Context(), "fsv_1")
		want(t, err, errors.ObjectInTrash, katapult.ObjectInTrashDetail{TrashObject: *object})
		_, err = c.GetFileStorageVolume(t.Context(), "fsv_1")
		want(t, err, errors.ObjectInTrash, katapult.ObjectInTrashDetail{TrashObject: *object})
		volumes, err := all(c.ListFileStorageVolumes(t.Context(), org))
		must(t, err)
		if n := len(volumes.([]katapult.FileStorageVolume)); n != 0 {
			t.Errorf("%d volumes are listed", n)
		}

		// The boot disk has no object of its own there.
		_, err = stopMachine(t.Context(), c)
		must(t, err)
		_, err = c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		must(t, err)
		_, err = c.GetDisk(t.Context(), "disk_vm_1")
		want(t, err, errors.ObjectInTrash, katapult.ObjectInTrashDetail{})
	})
}

func TestUnassignDisk_DiskOfDeletedMachine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)

		_, err := c.DeleteDisk(t.Context(), "disk_1")
		want(t, err, errors.ValidationError, katapult.ValidationErrorDetail{Errors: []string{"The disk is assigned to a virtual machine."}})
		_, err = c.UnassignDisk(t.Context(), "disk_1")
		want(t, err, errors.UnableToUnassign, katapult.UnableToUnassignDetail{Errors: []string{"The disk is not assigned, or not detached."}})

		task, err := c.DetachDisk(t.Context(), "disk_1")
		must(t, err)
		_, err = c.WaitForTask(t.Context(), katapult.ID(task.ID), nil)
		must(t, err)
		_, err = c.UnassignDisk(t.Context(), "disk_1")
		must(t, err)
		_, err = c.DetachDisk(t.Context(), "disk_1")
		want(t, err, errors.UnassignedDisk, nil)

		_, err = stopMachine(t.Context(), c)
		must(t, err)
		_, err = c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		must(t, err)
		if diff := cmp.Diff([]string{"vm_1: in the trash", "disk_vm_1: in the trash with vm_1", "disk_1"}, srv.Remaining("org_acme")[1:4]); diff != "" {
			t.Errorf("remaining (-want +got):\n%s", diff)
		}
		_, err = c.PurgeTrash(t.Context(), org)
		must(t, err)
		must(t, c.WaitUntilTrashEmpty(t.Context(), org, nil))
		disks, err := all(c.ListDisks(t.Context(), org))
		must(t, err)
		if list := disks.([]katapult.Disk); len(list) != 1 || list[0].ID != "disk_1" || list[0].Assignment != nil {
			t.Errorf("got disks %+v", list)
		}
		_, err = c.GetDisk(t.Context(), "disk_vm_1")
		want(t, err, errors.DiskNotFound, nil)
		_, err = c.GetVirtualMachine(t.Context(), katapult.ID("vm_1"))
		want(t, err, errors.VirtualMachineNotFound, nil)
	})
}

func TestPurgeTrash_OneOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		srv.Add("org_child", katapulttest.FileStorageVolume{ID: "fsv_2"}, katapulttest.Disk{ID: "disk_2"})
		c := newClient(t, srv)
		for _, id := range []katapult.ID{"fsv_1", "fsv_2"} {
			_, err := c.DeleteFileStorageVolume(t.Context(), id)
			must(t, err)
		}
		_, err := c.PurgeTrash(t.Context(), org)
		must(t, err)
		must(t, c.WaitUntilTrashEmpty(t.Context(), org, nil))
		if diff := cmp.Diff([]string{"fsv_2: in the trash", "disk_2"}, srv.Remaining("org_child")); diff != "" {
			t.Errorf("remaining (-want +got):\n%s", diff)
		}
		steps, err := c.GetDeletionSteps(t.Context(), katapult.ID("org_child"))
		must(t, err)
		if open := steps.Open(); len(open) != 2 || open[0].Name != "disks" || open[1].Name != "empty_trash" {
			t.Errorf("open: %v", open)
		}
	})
}

func TestDeleteVirtualMachine_Running(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)
		_, err := c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		want(t, err, errors.PermissionDenied, katapult.PermissionDeniedDetail{Details: "The virtual machine is started."})
		_, err = stopMachine(t.Context(), c)
		must(t, err)
		_, err = c.StopVirtualMachine(t.Context(), katapult.ID("vm_1"))
		want(t, err, errors.TaskQueueingError, katapult.TaskQueueingErrorDetail{Details: "The virtual machine is stopped."})
		if n := srv.Count("StopVirtualMachine"); n != 6 {
			t.Errorf("%d stops were sent, want 6: a task that was not queued is requested again", n)
		}
	})
}

func TestDeleteVirtualNetwork_MachineInTrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)
		used := katapult.DeletionRestrictedDetail{Errors: []string{"The virtual machine vm_1 has an interface in it."}}
		_, err := stopMachine(t.Context(), c)
		must(t, err)
		want(t, c.DeleteVirtualNetwork(t.Context(), "vnet_1"), errors.DeletionRestricted, used)
		_, err = c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		must(t, err)
		want(t, c.DeleteVirtualNetwork(t.Context(), "vnet_1"), errors.DeletionRestricted, used)
		want(t, c.DeleteIPAddress(t.Context(), katapult.ID("ip_1")), errors.ResourceDoesNotSupportUnallocation, nil)

		time.Sleep(48*time.Hour - time.Second)
		_, err = c.GetTrashObject(t.Context(), katapult.ObjectID("vm_1"))
		must(t, err)
		time.Sleep(time.Second) // Katapult purges the trash
		_, err = c.GetTrashObject(t.Context(), katapult.ObjectID("vm_1"))
		want(t, err, errors.TrashObjectNotFound, nil)
		must(t, c.DeleteVirtualNetwork(t.Context(), "vnet_1"))
		want(t, c.UnallocateIPAddress(t.Context(), katapult.ID("ip_1")), errors.NoAllocation, nil)
		must(t, c.DeleteIPAddress(t.Context(), katapult.ID("ip_1")))
		_, err = c.GetVirtualNetwork(t.Context(), "vnet_1")
		want(t, err, errors.VirtualNetworkNotFound, nil)
		_, err = c.GetIPAddress(t.Context(), katapult.ID("ip_1"))
		want(t, err, errors.IPAddressNotFound, nil)
	})
}

func TestUnallocateIPAddress_LoadBalancer(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	addAllKinds(srv)
	srv.Add("org_acme", katapulttest.IPAddress{ID: "ip_2", AllocatedTo: "lb_1"})
	c := newClient(t, srv)
	want(t, c.UnallocateIPAddress(t.Context(), katapult.ID("ip_2")), errors.ResourceDoesNotSupportUnallocation, nil)
	must(t, c.DeleteLoadBalancer(t.Context(), katapult.APIReference("front-ref")))
	must(t, c.DeleteIPAddress(t.Context(), katapult.ID("ip_2")))
	_, err := c.GetLoadBalancer(t.Context(), katapult.ID("lb_1"))
	want(t, err, errors.LoadBalancerNotFound, nil)
}

func TestDeleteObjectStorageAccount_NotEmpty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		srv.Add("org_child", katapulttest.ObjectStorage{}, katapulttest.Bucket{Name: "backups"}, katapulttest.Bucket{Name: "locked", Undeletable: true})
		c := newClient(t, srv)
		region := katapult.Region("uk-lon-1")

		_, err := c.DeleteObjectStorageAccount(t.Context(), org, region)
		want(t, err, errors.ValidationError, katapult.ValidationErrorDetail{Errors: []string{"backups still exists.", "writer still exists."}})
		want(t, c.DeleteObjectStorageBucket(t.Context(), katapult.BucketName("backups"), region), errors.MultipleObjectStorageBucketsFound, nil)
		want(t, c.DeleteObjectStorageBucket(t.Context(), katapult.BucketName("locked"), region),
			errors.ObjectStorageBucketDeletionError, katapult.ObjectStorageBucketDeletionErrorDetail{Details: "The bucket is in use."})
		want(t, c.DeleteObjectStorageBucket(t.Context(), katapult.BucketName("none"), region), errors.ObjectStorageBucketNotFound, nil)
		_, err = c.GetObjectStorageAccount(t.Context(), org, katapult.Region("mars-1"))
		want(t, err, errors.ObjectStorageClusterNotFound, nil)

		srv.Remove("bucket_1", "objkey_1")
		object, err := c.DeleteObjectStorageAccount(t.Context(), org, region)
		must(t, err)
		_, err = c.GetObjectStorageAccount(t.Context(), org, region)
		want(t, err, errors.ObjectInTrash, katapult.ObjectInTrashDetail{TrashObject: *object})
		_, err = c.PurgeTrashObject(t.Context(), katapult.ID(object.ID)) // it has no ObjectID
		must(t, err)
		must(t, c.WaitUntilPurged(t.Context(), katapult.ID(object.ID), nil))
		_, err = c.GetObjectStorageAccount(t.Context(), org, region)
		want(t, err, errors.ObjectStorageAccountNotFound, nil)
	})
}

// A removal with the answer network_error may have had its effect, so it is not retryable. A read is.
func TestOperations_NetworkError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)
		const answer = `{"error":{"code":"network_error","description":"Not reached","detail":{}}}`
		key := katapult.ID("objkey_1")
		srv.Fail(offboardtest.Respond("DeleteObjectStorageAccessKey", 504, answer))
		err := c.DeleteObjectStorageAccessKey(t.Context(), key)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.OutcomeUnknown || e.Err != errors.NetworkError || errors.Retryable(err) {
			t.Errorf("a removal: got %v, want %v", err, errors.OutcomeUnknown)
		}
		if n := srv.Count("DeleteObjectStorageAccessKey"); n != 1 {
			t.Errorf("%d requests for the removal, want 1", n)
		}
		srv.Fail(offboardtest.Respond("GetObjectStorageAccessKey", 504, answer))
		if _, err := c.GetObjectStorageAccessKey(t.Context(), key); err != nil {
			t.Errorf("a read is not repeated: %v", err)
		}
	})
}

// An answer without a body has no task and no object in the trash.
func TestRemovals_AcceptedWithoutBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
		c := newClient(t, srv)
		srv.Fail(offboardtest.Accept("DeleteFileStorageVolume", 202, ""), offboardtest.Accept("PurgeTrashObject", 204, ""), offboardtest.Accept("PurgeTrash", 202, "{}"))
		object, err := c.DeleteFileStorageVolume(t.Context(), "fsv_1")
		if err != nil || *object != (katapult.TrashObject{}) {
			t.Errorf("got %+v and %v", object, err)
		}
		task, err := c.PurgeTrashObject(t.Context(), katapult.ObjectID("fsv_1"))
		if err != nil || task.ID != "" {
			t.Errorf("got %+v and %v", task, err)
		}
		if _, err := c.WaitForTask(t.Context(), katapult.ID(task.ID), nil); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("a task without an ID: got %v, want %q", err, errors.InvalidArgument)
		}
		must(t, c.WaitUntilPurged(t.Context(), katapult.ObjectID("fsv_1"), nil))
		if task, err = c.PurgeTrash(t.Context(), org); err != nil || task.ID != "" {
			t.Errorf("got %+v and %v", task, err)
		}
		must(t, c.WaitUntilTrashEmpty(t.Context(), org, nil))
	})
}

// The manual step of an unexplained deletion step has a Removal, if one is known.
func TestPlan_UnexplainedDeletionSteps(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t)
	srv.Fail(answerSteps(`{"isos":{},"object_storage":{},"ensure_zero_balance":{},"ensure_no_outstanding_invoices":{},"disks":{},"bare_metal":{}}`))
	const unknown = "see Katapult's console: no read shows the cause"
	want := map[string]string{
		"isos":                           "delete them in Katapult's console; no API can",
		"object_storage":                 "delete the object storage in Katapult's console: no list shows its region",
		"ensure_zero_balance":            "settle the balance in Katapult's console; no API can",
		"ensure_no_outstanding_invoices": "pay the invoices in the billing console of the managing organization",
		"disks":                          unknown,
		"bare_metal":                     unknown,
	}
	got := map[string]string{}
	for _, s := range newPlan(t, c).Steps {
		got[s.Kind] = s.Removal
	}
	for name, removal := range want {
		if got[name] != removal {
			t.Errorf("%s: got %q, want %q", name, got[name], removal)
		}
	}
}

// The boot disk of a machine would keep the deletion step disks open after the deletion of
// the machine.
func TestPlan_DisksOfMachines(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1"})
	srv.Fail(answerSteps(`{"virtual_machines":{"satisfied":false},"disks":{"satisfied":true},"ip_addresses":{"satisfied":true}}`))
	want := []string{"virtual_machine/vm_1", "disk/disk_vm_1 after virtual_machine/vm_1"}
	if diff := cmp.Diff(want, stepsOf(newPlan(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// An ID is never reused, so its removal needs no read before it.
func TestTeardown_RequestsOfAStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
		p := newPlan(t, c)
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Deleted, "")
		var got []string
		for _, request := range srv.Requests() {
			if bytes.Contains(request.Body, []byte("dnszone_1")) || request.Operation == "GetDNSZone" {
				got = append(got, request.Operation)
			}
		}
		if diff := cmp.Diff([]string{"DeleteDNSZone", "GetDNSZone"}, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if took := r.Steps[0].FinishedAt.Sub(r.Steps[0].StartedAt); took != 0 {
			t.Errorf("the step took %s", took)
		}
	})
}

func TestTeardown_UsersBeforeUsedResources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, manual := fullServer()
		manual()
		c := newClient(t, srv)
		r, err := execute(t, c, newPlan(t, c))
		wantOutcome(t, r, err, teardown.Deleted, "")
		wantOrder(t, srv, `DeleteLoadBalancer {"load_balancer":{"id":"lb_acme"`, `StopVirtualMachine {"virtual_machine":{"id":"vm_acme"`,
			`DeleteVirtualMachine {"virtual_machine":{"id":"vm_acme"`, `PurgeTrashObject {"trash_object":{"object_id":"vm_acme"`,
			`DeleteVirtualNetwork {"virtual_network":{"id":"vnet_acme"`)
		wantOrder(t, srv, `DeleteDiskBackupPolicy {"disk_backup_policy":{"id":"dbp_acme"`, `PurgeTrashObject {"trash_object":{"object_id":"dbp_acme"`,
			`DeleteDisk {"disk":{"id":"disk_acme"`)
		wantOrder(t, srv, `DeleteObjectStorageBucket {"bucket":{"name":"named-acme"`, `DeleteObjectStorageAccessKey {"access_key":{"id":"objkey_acme"`,
			`DeleteObjectStorageAccount {"organization":{"id":"org_acme"},"object_storage_cluster":{"region":"uk-lon-1"`)
		wantOrder(t, srv, `DeleteOrganization {"organization":{"id":"org_grandchild"`, `DeleteOrganization {"organization":{"id":"org_child"`,
			`DeleteOrganization {"organization":{"id":"org_acme"`)
		// Other objects in the trash are not of the plan.
		if srv.Count("PurgeTrash") != 0 {
			t.Error("the whole trash was purged")
		}
		if diff := cmp.Diff([]string{"org_grandchild", "org_child", "org_acme"}, srv.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
	})
}

func TestPlan_ObjectStorageByAccessKeys(t *testing.T) {
	t.Parallel()
	one := []katapulttest.Resource{katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "k", Buckets: []string{"b"}}}
	for name, test := range map[string]struct {
		resources []katapulttest.Resource
		other     []katapulttest.Resource // of another organization
		faults    []offboardtest.Fault
		want      []string
	}{
		"no key": {
			resources: []katapulttest.Resource{katapulttest.ObjectStorage{}, katapulttest.Bucket{Name: "b"}},
			want:      []string{"object_storage/org_acme, manual"},
		},
		"a key without a region": {
			resources: one,
			faults: []offboardtest.Fault{offboardtest.Respond("ListObjectStorageAccessKeysPage", 200,
				`{"pagination":{"current_page":1,"total_pages":1,"total":1,"per_page":100,"large_set":false},"object_storage_access_keys":[{"id":"k","name":"k"}]}`)},
			want: []string{"object_storage_access_key/k"},
		},
		"a key of no account": {
			resources: []katapulttest.Resource{katapulttest.AccessKey{ID: "k"}},
			want:      []string{"object_storage_access_key/k"},
		},
		"a deleted bucket": {
			resources: one,
			want:      []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k"},
		},
		// A name also finds the bucket of another organization: a key of this one proves
		// nothing.
		"a bucket of another organization": {
			resources: one, other: []katapulttest.Resource{katapulttest.Bucket{Name: "b"}},
			want: []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k"},
		},
		"a bucket that another organization has, too": {
			resources: append(one, katapulttest.Bucket{Name: "b"}), other: []katapulttest.Resource{katapulttest.Bucket{Name: "b"}},
			want: []string{
				"object_storage_buckets/uk-lon-1, manual",
				"object_storage_access_key/k after object_storage_buckets/uk-lon-1",
				"object_storage_account/uk-lon-1 after object_storage_buckets/uk-lon-1, object_storage_access_key/k",
			},
		},
		"a suspended account": {
			resources: one, faults: []offboardtest.Fault{fault("GetObjectStorageAccount", 403, "object_storage_account_suspended")},
			want: []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k, manual"},
		},
		"an account that is not provisioned": {
			resources: one, faults: []offboardtest.Fault{fault("GetObjectStorageAccount", 403, "object_storage_account_not_provisioned")},
			want: []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k, manual"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newServer(t, test.resources...)
			srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
			srv.Add("org_other", test.other...)
			srv.Fail(test.faults...)
			if diff := cmp.Diff(test.want, stepsOf(newPlan(t, c))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlan_AddressAfterPossibleUsers(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.LoadBalancer{ID: "lb_1"})
	srv.Fail(offboardtest.Respond("ListIPAddressesPage", 200, `{"pagination":{"current_page":1,"total_pages":1,"total":2,"per_page":100,"large_set":false},
		"ip_addresses":[{"id":"ip_1","address":"192.0.2.1","allocation_id":"vmnet_1","allocation_type":"VirtualMachineNetworkInterface"},
		{"id":"ip_2","address":"192.0.2.2","allocation_id":null,"allocation_type":null}]}`))
	want := []string{
		"load_balancer/lb_1", "virtual_machine/vm_1", "disk/disk_vm_1 after virtual_machine/vm_1",
		"ip_address/ip_1 after load_balancer/lb_1, virtual_machine/vm_1", "ip_address/ip_2",
	}
	p := newPlan(t, c)
	if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if why := p.Steps[len(p.Steps)-1].Why; why != "deletion step that opens when no resource uses it: ip_addresses" {
		t.Errorf("got %q", why)
	}
}

func TestPlan_UniversalTemplates(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t, katapulttest.DiskTemplate{ID: "dtpl_1"})
	srv.Fail(offboardtest.Respond("ListDiskTemplatesPage", 200, `{"pagination":{"current_page":1,"total_pages":1,"total":2,"per_page":100,"large_set":false},
		"disk_templates":[{"id":"dtpl_universal","name":"AlmaLinux 9","universal":true},{"id":"dtpl_1","name":"golden","universal":false}]}`))
	if diff := cmp.Diff([]string{"disk_template/dtpl_1, manual"}, stepsOf(newPlan(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestTeardown_StopsAndUnassignsMachine(t *testing.T) {
	t.Parallel()
	disk := func(operation, id string) string { return operation + ` {"disk":{"id":"` + id + `"}}` }
	machine := func(operation string) string { return operation + ` {"virtual_machine":{"id":"vm_1"}}` }
	purge := func(id string) string { return `PurgeTrashObject {"trash_object":{"object_id":"` + id + `"}}` }
	rest := []string{
		disk("UnassignDisk", "disk_1"), machine("DeleteVirtualMachine"), purge("vm_1"),
		disk("DeleteDisk", "disk_1"), purge("disk_1"), `DeleteOrganization {"organization":{"id":"org_acme"}}`,
	}
	for name, test := range map[string]struct {
		state katapult.VirtualMachineState
		start func(context.Context, *katapult.Client) error
		want  []string
	}{
		"started": {want: append([]string{machine("StopVirtualMachine")}, rest...)},
		"stopped": {state: katapult.VirtualMachineStateStopped, want: append([]string{disk("DetachDisk", "disk_1")}, rest...)},
		"failed":  {state: katapult.VirtualMachineStateFailed, want: append([]string{disk("DetachDisk", "disk_1")}, rest...)},
		"shutting down": {
			start: func(ctx context.Context, c *katapult.Client) error {
				return failure(c.ShutdownVirtualMachine(ctx, katapult.ID("vm_1")))
			},
			want: append([]string{machine("ShutdownVirtualMachine")}, rest...),
		},
		"detaching its disk": {
			state: katapult.VirtualMachineStateFailed,
			start: func(ctx context.Context, c *katapult.Client) error { return failure(c.DetachDisk(ctx, "disk_1")) },
			want:  append([]string{disk("DetachDisk", "disk_1")}, rest...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t,
					katapulttest.VirtualMachine{ID: "vm_1", Name: "web", State: test.state},
					katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1"},
				)
				if test.start != nil {
					must(t, test.start(t.Context(), c))
				}
				var said []string
				r, err := execute(t, c, newPlan(t, c), teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventWaiting && !slices.Contains(said, e.Text) {
						said = append(said, e.Text)
					}
				}))
				wantOutcome(t, r, err, teardown.Deleted, "")
				// The boot disk is deleted with the machine, without a request of its own.
				if diff := cmp.Diff(test.want, writes(srv)); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
				if len(said) < 2 {
					t.Errorf("wait messages: %q", said)
				}
			})
		})
	}
}

func TestTeardown_UnallocatesAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t)
		srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
		srv.Add("org_other", katapulttest.VirtualMachine{ID: "vm_other"})
		srv.Add("org_acme", katapulttest.IPAddress{ID: "ip_1", AllocatedTo: "vm_other"})
		r, err := execute(t, c, newPlan(t, c))
		wantOutcome(t, r, err, teardown.Deleted, "")
		want := []string{`UnallocateIPAddress {"ip_address":{"id":"ip_1"}}`, `DeleteIPAddress {"ip_address":{"id":"ip_1"}}`, `DeleteOrganization {"organization":{"id":"org_acme"}}`}
		if diff := cmp.Diff(want, writes(srv)); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
}

func TestTeardown_DiskUnassignedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unassigned_disk", "disk_not_found", "object_in_trash"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1"})
				srv.Fail(fault("UnassignDisk", map[string]int{"unassigned_disk": 422, "disk_not_found": 404, "object_in_trash": 406}[code], code))
				r, err := execute(t, c, newPlan(t, c), teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventRetrying {
						t.Errorf("%s was retried: %v", e.Step, e.Err)
					}
				}))
				wantOutcome(t, r, err, teardown.Deleted, "")
			})
		})
	}
}

func TestTeardown_UnlistedObjectStorage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.ObjectStorage{}, katapulttest.AccessKey{}, katapulttest.ObjectStorage{Region: "nl-ams-1"})
		r, err := execute(t, c, newPlan(t, c))
		wantOutcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if diff := cmp.Diff([]string{"object_storage/org_acme, manual"}, stepsOf(newPlan(t, c))); diff != "" || !srv.Exists("org_acme") {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

// A bucket has only a name. A bucket of another organization with the same name is not
// deleted.
func TestTeardown_BucketReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.ObjectStorage{}, katapulttest.Bucket{Name: "b"}, katapulttest.AccessKey{ID: "k", Buckets: []string{"b"}})
		srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
		p := newPlan(t, c)
		r, err := execute(t, c, p, teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventStarted && e.Step == "object_storage_bucket/uk-lon-1/b" {
				srv.Remove("bucket_1")
				srv.Add("org_other", katapulttest.ObjectStorage{}, katapulttest.Bucket{Name: "b"})
			}
		}))
		wantOutcome(t, r, err, teardown.Blocked, errors.NotConfirmed)
		if n := srv.Count("DeleteObjectStorageBucket"); n != 0 || len(srv.Remaining("org_other")) != 2 {
			t.Errorf("%d deletions; remaining %q", n, srv.Remaining("org_other"))
		}
	})
}

// A list without the disks proves nothing, even if it has one page and the trash is empty:
// each disk is read, including those that were deleted with a machine.
func TestTeardown_DisksMissingFromList(t *testing.T) {
	t.Parallel()
	var disks, machines []katapulttest.Resource
	for i := range 4 {
		disks = append(disks, katapulttest.Disk{ID: fmt.Sprintf("disk_%d", i)})
		machines = append(machines, katapulttest.VirtualMachine{ID: fmt.Sprintf("vm_%d", i)}) // each has a disk
	}
	for name, test := range map[string]struct {
		resources []katapulttest.Resource
		deleted   int
	}{
		"disks":    {disks, 4},
		"machines": {machines, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, test.resources...)
				p := newPlan(t, c)
				empty := offboardtest.Respond("ListDisksPage", 200,
					`{"pagination":{"current_page":1,"total_pages":1,"total":0,"per_page":100,"large_set":false},"disk":[]}`)
				started := false
				r, err := execute(t, c, p, teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventStarted && e.Step != "" && !started {
						started = true
						srv.Fail(empty)
					}
				}))
				wantOutcome(t, r, err, teardown.Deleted, "")
				read := map[string]bool{}
				for _, request := range srv.Requests() {
					if request.Operation == "GetDisk" {
						read[request.Query] = true
					}
				}
				if n := srv.Count("DeleteDisk"); len(read) != 4 || n != test.deleted {
					t.Errorf("%d disks were read and %d deleted, want 4 and %d", len(read), n, test.deleted)
				}
			})
		})
	}
}

// A teardown waits for a long change of state, and sends no write meanwhile.
func TestTeardown_LongChangeOfState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1"})
		p := newPlan(t, c)
		srv.Fail(times(12, offboardtest.EditBody("GetVirtualMachine", func(body []byte) []byte {
			return bytes.Replace(body, []byte(`"state":"started"`), []byte(`"state":"migrating"`), 1)
		})))
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Deleted, "")
		if n := srv.Count("StopVirtualMachine"); n != 1 {
			t.Errorf("%d stop requests, want 1", n)
		}
	})
}
