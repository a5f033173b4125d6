package katapult_test

import (
	"context"
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func ExampleDeleteOrganization() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})

	err := katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"), srv.Option())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_DeleteOrganization() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Open: []string{"disks", "virtual_machines"}})

	c, err := katapult.New(srv.Option()) // katapult.New(katapult.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.DeleteOrganization(context.Background(), katapult.ID("org_acme"))
	switch e, _ := errors.AsType[*errors.Error](err); {
	case err == nil:
		fmt.Println("deleted")
	case errors.Is(err, errors.DeletionStepsNotSatisfied):
		fmt.Println("remove first:", e.Steps)
	case errors.Is(err, errors.RateLimitReached):
		fmt.Println("again in", e.RetryAfter)
	default:
		fmt.Println(err)
	}
	// Output: remove first: [virtual_machines disks]
}

// Lists the resources that block a deletion.
func ExampleClient_ListVirtualMachines() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
	srv.Add("org_acme",
		katapulttest.VirtualMachine{ID: "vm_1", Name: "web"},
		katapulttest.DNSZone{Name: "acme.com"},
	)

	c, err := katapult.New(srv.Option()) // katapult.New(katapult.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for machine, err := range c.ListVirtualMachines(ctx, katapult.ID("org_acme")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("virtual machine", machine.FQDN)
	}
	for disk, err := range c.ListDisks(ctx, katapult.ID("org_acme")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("disk %s, %d GB\n", disk.Name, disk.SizeInGB)
	}
	for zone, err := range c.ListDNSZones(ctx, katapult.ID("org_acme")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("DNS zone", zone.Name)
	}
	// Output:
	// virtual machine web.acme.example.com
	// disk System Disk, 25 GB
	// DNS zone acme.com
}

// Purges a resource from the trash, and waits until it no longer exists.
func ExampleClient_WaitUntilPurged() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
	srv.Add("org_acme", katapulttest.FileStorageVolume{ID: "fsv_1"})
	srv.SetTaskTime(0)

	c, err := katapult.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	object, err := c.DeleteFileStorageVolume(ctx, "fsv_1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(object.ObjectType, "in the trash")
	if _, err := c.PurgeTrashObject(ctx, katapult.ID(object.ID)); err != nil {
		fmt.Println(err)
		return
	}
	if err := c.WaitUntilPurged(ctx, katapult.ID(object.ID), nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("remaining:", srv.Remaining("org_acme"))
	// Output:
	// FileStorageVolume in the trash
	// remaining: []
}

func ExampleClient_CheckDeletion() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme", Unmanaged: true})

	c, err := katapult.New(srv.Option())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.CheckDeletion(context.Background(), katapult.Subdomain("acme")))
	// Output: katapult: CheckDeletion "acme": managed_organization_required
}

// The answer of a deletion is lost. A read shows that the organization no longer exists, so
// the client returns nil and sends no second deletion.
func ExampleClient_DeleteOrganization_lostAnswer() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))

	err := katapult.DeleteOrganization(context.Background(), katapult.ID("org_acme"), srv.Option())
	fmt.Println(err, srv.Count("DeleteOrganization"), srv.Deleted())
	// Output: <nil> 1 [org_acme]
}

// Creates a plan for review, and applies it.
func ExampleClient_Teardown() {
	srv := katapulttest.NewServer() // instead of Katapult
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme Ltd"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: "org_acme"})
	srv.Add("org_acme",
		katapulttest.VirtualMachine{ID: "vm_1", Name: "web"},
		katapulttest.IPAddress{ID: "ip_1", Address: "192.0.2.1", AllocatedTo: "vm_1"},
	)
	srv.SetTaskTime(0)

	c, err := katapult.New(srv.Option()) // katapult.New(katapult.WithToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	plan, err := c.Plan(ctx, katapult.ID("org_acme"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := plan.WriteTree(os.Stdout); err != nil {
		fmt.Println(err)
		return
	}
	report, err := c.Teardown(ctx, plan, teardown.WithConfirm("Acme Ltd"), teardown.WithOverrides(teardown.ManagedOrganizations))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Outcome, srv.Deleted())
	// Output:
	// katapult: Acme Ltd (org_acme): 4 steps; requires: managed_organizations
	// ├─ managed_organization
	// │  └─ Acme Labs (managed_organization/org_labs): delete it after all its resources [managed_organizations]
	// ├─ virtual_machine
	// │  └─ web (virtual_machine/vm_1): stop it, unassign its disks except the boot disk, delete it, and purge it from the trash
	// ├─ disk
	// │  └─ System Disk (disk/disk_vm_1): delete it, and purge it from the trash, unless it is deleted with the virtual machine that boots from it
	// └─ ip_address
	//    └─ 192.0.2.1 (ip_address/ip_1): unallocate it, and delete it
	// deleted [org_labs org_acme]
}
