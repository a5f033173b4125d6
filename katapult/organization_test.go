package katapult_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestDeleteOrganization_Request(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization katapult.OrganizationLookup
		body         string
	}{
		"by ID":                      {katapult.ID("org_acme"), `{"organization":{"id":"org_acme"}}`},
		"by subdomain":               {katapult.Subdomain("acme"), `{"organization":{"id":"org_acme"}}`},
		"by a name that JSON quotes": {katapult.ID(`ä"<`), `{"organization":{"id":"ä\"\u003c"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
			_ = katapult.DeleteOrganization(t.Context(), test.organization, srv.Option(), katapult.WithUserAgent("acme-cleaner/2"))
			requests := srv.Requests()
			r := requests[len(requests)-1] // a subdomain is resolved first
			if r.Method != "DELETE" || r.Path != "/core/v1/managed_organizations/organization" || r.Query != "" {
				t.Errorf("got %s %s?%s", r.Method, r.Path, r.Query)
			}
			if diff := cmp.Diff(test.body, string(r.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			// Without this type the API takes the last segment of the path for the ID.
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("got Content-Type %q", got)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer "+katapulttest.Token {
				t.Errorf("got Authorization %q", got)
			}
			if got := r.Header.Get("User-Agent"); got[:len("acme-cleaner/2 offboard-go/")] != "acme-cleaner/2 offboard-go/" {
				t.Errorf("got User-Agent %q", got)
			}
		})
	}
}

func TestDeleteOrganization_OpenStepsInOrder(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	open := []string{"ensure_zero_balance", "ip_addresses", "empty_trash", "virtual_machines", "load_balancers", "managed_organizations"}
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Open: open})
	err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option())
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.DeletionStepsNotSatisfied {
		t.Fatalf("got %v, want %q", err, errors.DeletionStepsNotSatisfied)
	}
	want := []errors.Step{
		{Name: "managed_organizations", Description: "Still to do: managed organizations."},
		{Name: "load_balancers", Description: "Still to do: load balancers."},
		{Name: "virtual_machines", Description: "Still to do: virtual machines."},
		{Name: "empty_trash", Description: "Still to do: empty trash."},
		{Name: "ip_addresses", Description: "Still to do: ip addresses."},
		{Name: "ensure_zero_balance", Description: "Still to do: ensure zero balance."},
	}
	if diff := cmp.Diff(want, e.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if !srv.Exists("org_acme") {
		t.Error("the organization was deleted")
	}
}

func TestDeleteOrganization_ReadBeforeRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Undeletable: true})
		err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option(), katapult.WithRetry(katapult.Retry{MaxAttempts: 2, MaxWait: time.Minute}))
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.DeletionFailed || e.Status != 500 || e.Attempts != 2 {
			t.Errorf("got %v, want %q with status 500 after 2 attempts", err, errors.DeletionFailed)
		}
		var operations []string
		for _, r := range srv.Requests() {
			operations = append(operations, r.Operation)
		}
		want := []string{"DeleteOrganization", "GetOrganization", "DeleteOrganization", "GetOrganization"}
		if diff := cmp.Diff(want, operations); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// The read after a lost answer must return the requested organization.
func TestDeleteOrganization_ReadOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	for _, organization := range []katapult.OrganizationLookup{katapult.ID("org_acme"), katapult.Subdomain("acme")} {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
		if _, ok := organization.(katapult.Subdomain); ok {
			srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}) // resolves it
		}
		srv.Fail(offboardtest.LoseRequest("DeleteOrganization"),
			offboardtest.Respond("GetOrganization", 200, `{"organization":{"id":"org_other","name":"Other","sub_domain":"other"}}`))
		err := katapult.DeleteOrganization(t.Context(), organization, srv.Option())
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.OutcomeUnknown {
			t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
		}
		if n := srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("%d deletions were sent, want 1", n)
		}
	}
}

// Another organization can take the subdomain after the deletion: the subdomain is resolved
// before the first write, and no write sends it.
func TestDeleteOrganization_SubdomainReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
		register := offboardtest.Accept("DeleteOrganization", 502, "")
		register.EditBody = func(body []byte) []byte {
			srv.AddOrganization(katapulttest.Organization{ID: "org_new", Subdomain: "acme"})
			return body
		}
		srv.Fail(register)
		if err := katapult.DeleteOrganization(t.Context(), katapult.Subdomain("acme"), srv.Option()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"org_acme"}, srv.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
		// The organization of the answer must have the subdomain.
		srv.Fail(offboardtest.Respond("GetOrganization", 200, `{"organization":{"id":"org_new","name":"New","sub_domain":"other"}}`))
		err := katapult.DeleteOrganization(t.Context(), katapult.Subdomain("acme"), srv.Option())
		if !errors.Is(err, errors.NotConfirmed) || !srv.Exists("org_new") {
			t.Errorf("got %v, want %q", err, errors.NotConfirmed)
		}
	})
}

// An organization with all blockers is deleted after the operations have removed them.
func TestDeleteOrganization_AfterRemovals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		addAllKinds(srv)
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
			t.Errorf("remaining (-want +got):\n%s", diff)
		}
		err = c.DeleteOrganization(ctx, org)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || len(e.Steps) != 4 {
			t.Errorf("got %v, want the 4 steps without an API", err)
		}
		srv.Remove("iso_1", "dtpl_1") // in the console
		srv.SetOpen("org_acme")       // the invoices are paid
		must(t, c.DeleteOrganization(ctx, org))
		if diff := cmp.Diff([]string{"org_child", "org_acme"}, srv.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
	})
}

func TestCheckDeletion_SameErrorAsDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization katapulttest.Organization
		want         errors.Code
	}{
		"no blocker":    {katapulttest.Organization{}, ""},
		"open steps":    {katapulttest.Organization{Open: []string{"disks"}}, errors.DeletionStepsNotSatisfied},
		"not managed":   {katapulttest.Organization{Unmanaged: true}, errors.ManagedOrganizationRequired},
		"suspended":     {katapulttest.Organization{Suspended: true}, errors.OrganizationSuspended},
		"not activated": {katapulttest.Organization{NotActivated: true}, errors.OrganizationNotActivated},
		"not found":     {katapulttest.Organization{ID: "org_other"}, errors.OrganizationNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			if test.organization.ID == "" {
				test.organization.ID = "org_acme"
			}
			srv.AddOrganization(test.organization)
			c, err := katapult.New(srv.Option())
			if err != nil {
				t.Fatal(err)
			}
			check := c.CheckDeletion(t.Context(), katapult.ID("org_acme"))
			if n := srv.Count("DeleteOrganization"); n != 0 {
				t.Errorf("%d deletions were sent", n)
			}
			deletion := c.DeleteOrganization(t.Context(), katapult.ID("org_acme"))
			for call, err := range map[string]error{"check": check, "deletion": deletion} {
				if e, _ := errors.AsType[*errors.Error](err); e == nil && test.want != "" || e != nil && e.Code != test.want {
					t.Errorf("%s: got %v, want code %q", call, err, test.want)
				}
			}
		})
	}
}

func TestReads_Organization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme", Open: []string{"disks"}})
		c, err := katapult.New(srv.Option())
		if err != nil {
			t.Fatal(err)
		}
		created := katapult.Time{Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
		want := katapult.Organization{
			ID: "org_acme", Name: "Acme", Subdomain: "acme", InfrastructureDomain: "acme.example.com",
			CreatedAt: created, ActivatedAt: created, Managed: true,
		}
		list, err := c.ListOrganizations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]katapult.Organization{want}, list); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
		got, err := c.GetOrganization(t.Context(), katapult.Subdomain("acme"))
		if err != nil {
			t.Fatal(err)
		}
		want.Currency = katapult.Currency{ID: "cur_eur", Name: "Euro", ISOCode: "EUR", Symbol: "€"}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		steps, err := c.GetDeletionSteps(t.Context(), katapult.ID("org_acme"))
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) != 15 || steps["disks"].Satisfied || !steps["isos"].Satisfied {
			t.Errorf("got steps %v", steps)
		}
	})
}
