package main

import (
	"context"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
)

func katapultAtFake(ctx context.Context) (*node, error) {
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Open: []string{"ensure_zero_balance"}})
	srv.AddOrganization(katapulttest.Organization{ID: "org_labs", Name: "Acme Labs", Parent: "org_acme"})
	srv.Add("org_acme",
		katapulttest.VirtualMachine{ID: "vm_web", Name: "web"},
		katapulttest.Disk{ID: "disk_data", Name: "data", VirtualMachine: "vm_web"},
		katapulttest.DiskBackupPolicy{ID: "dbp_daily", Target: "disk_data"},
		katapulttest.FileStorageVolume{ID: "fsv_shared", Name: "shared"},
		katapulttest.LoadBalancer{ID: "lb_front", Name: "front"},
		katapulttest.DNSZone{ID: "dnszone_acme", Name: "acme.example"},
		katapulttest.VirtualNetwork{ID: "vnet_inner", Name: "inner"},
		katapulttest.IPAddress{ID: "ip_front", Address: "192.0.2.7", AllocatedTo: "lb_front"},
		katapulttest.DiskTemplate{ID: "dtpl_base", Name: "base"},
	)
	c, err := katapult.New(srv.Option())
	if err != nil {
		return nil, err
	}
	return walkKatapult(ctx, c, katapult.ID("org_acme"))
}

// walkKatapult reads the steps that Katapult requires before a deletion, and the resources of
// the organization.
func walkKatapult(ctx context.Context, c *katapult.Client, organization katapult.OrganizationLookup) (*node, error) {
	found, err := c.Identify(ctx, organization)
	if err != nil {
		return nil, err
	}
	id := katapult.ID(found.ID)
	n := &node{text: found.Name + " (" + found.ID + ")"}
	return n, errors.Join(
		addCheckResult(n, c.CheckDeletion(ctx, id), func(s errors.Step) string { return strings.ReplaceAll(s.Name, "_", " ") }),
		addItems(n, "managed organizations", c.ListManagedOrganizations(ctx, id),
			func(o katapult.Organization) string { return o.Name }),
		addItems(n, "load balancers", c.ListLoadBalancers(ctx, id),
			func(b katapult.LoadBalancer) string { return b.Name }),
		addItems(n, "DNS zones", c.ListDNSZones(ctx, id),
			func(z katapult.DNSZone) string { return z.Name }),
		addItems(n, "disk backup policies", c.ListDiskBackupPolicies(ctx, id),
			func(p katapult.DiskBackupPolicy) string { return p.ID }),
		addItems(n, "virtual machines", c.ListVirtualMachines(ctx, id),
			func(v katapult.VirtualMachine) string { return v.Name }),
		addItems(n, "disks", c.ListDisks(ctx, id),
			func(d katapult.Disk) string { return d.Name }),
		addItems(n, "file storage volumes", c.ListFileStorageVolumes(ctx, id),
			func(v katapult.FileStorageVolume) string { return v.Name }),
		addItems(n, "access keys to object storage", c.ListObjectStorageAccessKeys(ctx, id),
			func(k katapult.ObjectStorageAccessKey) string { return k.Name }),
		addItems(n, "trash", c.ListTrashObjects(ctx, id),
			func(t katapult.TrashObject) string { return t.ObjectType + " " + t.ObjectID }),
		addItems(n, "virtual networks", c.ListVirtualNetworks(ctx, id),
			func(v katapult.VirtualNetwork) string { return v.Name }),
		addItems(n, "IP addresses", c.ListIPAddresses(ctx, id),
			func(a katapult.IPAddress) string { return a.Address }),
		addItems(n, "disk templates, removed by Katapult only", c.ListDiskTemplates(ctx, id, katapult.ListDiskTemplatesPageOptions{}),
			func(t katapult.DiskTemplate) string {
				if t.Universal {
					return ""
				}
				return t.Name
			}),
	)
}
