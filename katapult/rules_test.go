package katapult_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
)

const org = katapult.ID("org_acme")

// want checks that an error has a code and a detail.
func want(t *testing.T, err error, code errors.Code, detail any) {
	t.Helper()
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != code {
		t.Errorf("got %v, want %q", err, code)
		return
	}
	if diff := cmp.Diff(detail, e.Detail); diff != "" {
		t.Errorf("%q: detail (-want +got):\n%s", code, diff)
	}
}

// must ends a test by an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsInTheTrashIsRefusedWithItsObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
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

		// The disk that a machine boots from has no object of its own there.
		_, err = stopped(t.Context(), c)
		must(t, err)
		_, err = c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		must(t, err)
		_, err = c.GetDisk(t.Context(), "disk_vm_1")
		want(t, err, errors.ObjectInTrash, katapult.ObjectInTrashDetail{})
	})
}

func TestADiskThatIsUnassignedOutlivesItsMachine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
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

		_, err = stopped(t.Context(), c)
		must(t, err)
		_, err = c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		must(t, err)
		if diff := cmp.Diff([]string{"vm_1: in the trash", "disk_vm_1: in the trash with vm_1", "disk_1"}, srv.Remaining("org_acme")[1:4]); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
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

func TestAPurgeIsOfOneOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
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
			t.Errorf("left (-want +got):\n%s", diff)
		}
		steps, err := c.GetDeletionSteps(t.Context(), katapult.ID("org_child"))
		must(t, err)
		if open := steps.Open(); len(open) != 2 || open[0].Name != "disks" || open[1].Name != "empty_trash" {
			t.Errorf("open: %v", open)
		}
	})
}

func TestARunningMachineIsNotDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
		c := newClient(t, srv)
		_, err := c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		want(t, err, errors.PermissionDenied, katapult.PermissionDeniedDetail{Details: "The virtual machine is started."})
		_, err = stopped(t.Context(), c)
		must(t, err)
		_, err = c.StopVirtualMachine(t.Context(), katapult.ID("vm_1"))
		want(t, err, errors.TaskQueueingError, katapult.TaskQueueingErrorDetail{Details: "The virtual machine is stopped."})
		if n := srv.Count("StopVirtualMachine"); n != 6 {
			t.Errorf("%d stops were sent, want 6: what was not queued is asked for again", n)
		}
	})
}

func TestAMachineInTheTrashStillHoldsItsNetworksAndAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
		c := newClient(t, srv)
		used := katapult.DeletionRestrictedDetail{Errors: []string{"The virtual machine vm_1 has an interface in it."}}
		_, err := stopped(t.Context(), c)
		must(t, err)
		want(t, c.DeleteVirtualNetwork(t.Context(), "vnet_1"), errors.DeletionRestricted, used)
		_, err = c.DeleteVirtualMachine(t.Context(), katapult.ID("vm_1"))
		must(t, err)
		want(t, c.DeleteVirtualNetwork(t.Context(), "vnet_1"), errors.DeletionRestricted, used)
		want(t, c.DeleteIPAddress(t.Context(), katapult.ID("ip_1")), errors.ResourceDoesNotSupportUnallocation, nil)

		time.Sleep(48*time.Hour - time.Second)
		_, err = c.GetTrashObject(t.Context(), katapult.ObjectID("vm_1"))
		must(t, err)
		time.Sleep(time.Second) // the trash empties itself
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

func TestALoadBalancerKeepsItsAddressUntilItIsDeleted(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	furnish(srv)
	srv.Add("org_acme", katapulttest.IPAddress{ID: "ip_2", AllocatedTo: "lb_1"})
	c := newClient(t, srv)
	want(t, c.UnallocateIPAddress(t.Context(), katapult.ID("ip_2")), errors.ResourceDoesNotSupportUnallocation, nil)
	must(t, c.DeleteLoadBalancer(t.Context(), katapult.APIReference("front-ref")))
	must(t, c.DeleteIPAddress(t.Context(), katapult.ID("ip_2")))
	_, err := c.GetLoadBalancer(t.Context(), katapult.ID("lb_1"))
	want(t, err, errors.LoadBalancerNotFound, nil)
}

func TestObjectStorageHasToBeEmpty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
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

func TestWhatIsNotThereHasItsOwnCode(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
	c := newClient(t, srv)
	for code, call := range map[errors.Code]call{
		errors.DiskNotFound: func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.DetachDisk(ctx, "x")) },
		errors.FileStorageVolumeNotFound: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetFileStorageVolume(ctx, "x"))
		},
		errors.DiskBackupPolicyNotFound: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetDiskBackupPolicy(ctx, "x"))
		},
		errors.DNSZoneNotFound: func(ctx context.Context, c *katapult.Client) (any, error) {
			return nothing(c.DeleteDNSZone(ctx, katapult.ZoneName("x")))
		},
		errors.ObjectStorageAccessKeyNotFound: func(ctx context.Context, c *katapult.Client) (any, error) {
			return nothing(c.DeleteObjectStorageAccessKey(ctx, "x"))
		},
		errors.TaskNotFound: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.WaitForTask(ctx, "x", nil))
		},
		errors.ValidationError: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.CreateManagedOrganization(ctx, org, "Acme", "acme"))
		},
	} {
		_, err := call(t.Context(), c)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != code {
			t.Errorf("got %v, want %q", err, code)
		}
	}
}

// A removal whose answer is lost may have been done. It is not sent again.
func TestARemovalWithoutAnAnswerIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		if test.method == "GET" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				furnish(srv)
				c := newClient(t, srv)
				if test.before != nil {
					_, err := test.before(t.Context(), c)
					must(t, err)
				}
				before := len(srv.Requests())
				srv.Fail(lost)
				_, err := test.call(t.Context(), c)
				want(t, err, errors.OutcomeUnknown, nil)
				if n := len(srv.Requests()) - before; n != 1 {
					t.Errorf("%d requests were sent, want 1", n)
				}
			})
		})
	}
}

// An organization with all that blocks its deletion goes from blocked to gone.
func TestAnOrganizationCanBeClearedAndDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		furnish(srv)
		srv.SetOpen("org_acme", "ensure_zero_balance", "ensure_no_outstanding_invoices")
		c := newClient(t, srv)
		ctx := t.Context()

		err := c.DeleteOrganization(ctx, org)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.DeletionStepsNotSatisfied {
			t.Fatalf("got %v, want %q", err, errors.DeletionStepsNotSatisfied)
		}
		var names []string
		for _, step := range e.Steps {
			names = append(names, step.Name)
		}
		if diff := cmp.Diff([]string{
			"managed_organizations", "load_balancers", "dns_zones", "disk_backup_policies", "virtual_machines", "disks",
			"file_storage_volumes", "object_storage", "virtual_networks", "ip_addresses", "isos", "disk_templates",
			"ensure_zero_balance", "ensure_no_outstanding_invoices",
		}, names); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}

		must(t, c.DeleteOrganization(ctx, katapult.ID("org_child")))
		must(t, c.DeleteLoadBalancer(ctx, katapult.ID("lb_1")))
		must(t, c.DeleteDNSZone(ctx, katapult.ID("dnszone_1")))
		must(t, c.DeleteDiskBackupPolicy(ctx, "dbp_1"))
		task, err := c.StopVirtualMachine(ctx, katapult.ID("vm_1"))
		must(t, err)
		_, err = c.WaitForTask(ctx, katapult.ID(task.ID), nil)
		must(t, err)
		_, err = c.UnassignDisk(ctx, "disk_1")
		must(t, err)
		_, err = c.DeleteVirtualMachine(ctx, katapult.ID("vm_1"))
		must(t, err)
		must(t, c.UnallocateIPAddress(ctx, katapult.ID("ip_1")))
		_, err = c.DeleteDisk(ctx, "disk_1")
		must(t, err)
		_, err = c.DeleteFileStorageVolume(ctx, "fsv_1")
		must(t, err)
		must(t, c.DeleteObjectStorageBucket(ctx, katapult.BucketName("backups"), katapult.Region("uk-lon-1")))
		must(t, c.DeleteObjectStorageAccessKey(ctx, "objkey_1"))
		_, err = c.DeleteObjectStorageAccount(ctx, org, katapult.Region("uk-lon-1"))
		must(t, err)
		_, err = c.PurgeTrash(ctx, org)
		must(t, err)
		must(t, c.WaitUntilTrashEmpty(ctx, org, nil))
		must(t, c.DeleteVirtualNetwork(ctx, "vnet_1"))
		must(t, c.DeleteIPAddress(ctx, katapult.ID("ip_1")))

		if diff := cmp.Diff([]string{"iso_1", "dtpl_1"}, srv.Remaining("org_acme")); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		err = c.DeleteOrganization(ctx, org)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || len(e.Steps) != 4 {
			t.Errorf("got %v, want the 4 steps that no API can do", err)
		}
		srv.Remove("iso_1", "dtpl_1") // by the console
		srv.SetOpen("org_acme")       // by paying
		must(t, c.DeleteOrganization(ctx, org))
		if diff := cmp.Diff([]string{"org_child", "org_acme"}, srv.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
	})
}
