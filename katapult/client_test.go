package katapult_test

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	token := katapult.WithToken("token")
	for name, options := range map[string][]katapult.Option{
		"no credential":           nil,
		"two credentials":         {token, token},
		"an empty token":          {katapult.WithToken("")},
		"a token with a newline":  {katapult.WithToken("to\nken")},
		"a token with a space":    {katapult.WithToken("to ken")},
		"no token source":         {katapult.WithTokenSource(nil)},
		"no HTTP client":          {token, katapult.WithHTTPClient(nil)},
		"a base URL without host": {token, katapult.WithBaseURL("https:///core")},
		"a base URL of a file":    {token, katapult.WithBaseURL("file:///core")},
		"a relative base URL":     {token, katapult.WithBaseURL("/core/v1")},
		"a base URL with a query": {token, katapult.WithBaseURL("https://api.invalid/?a=b")},
		"a base URL with a user":  {token, katapult.WithBaseURL("https://u:secret@api.invalid")},
		"an invalid base URL":     {token, katapult.WithBaseURL("https://u:secret@%zz")},
		"no attempt":              {token, katapult.WithRetry(katapult.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":         {token, katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"no rate":                 {token, katapult.WithRateLimit(katapult.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                {token, katapult.WithRateLimit(katapult.RateLimit{PerSecond: 1, Burst: 0})},
		"no limiter":              {token, katapult.WithLimiter(nil)},
		"a user agent with lines": {token, katapult.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := katapult.New(options...)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := err.Error(); len(text) > 120 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	t.Setenv("KATAPULT_API_KEY", katapulttest.Token)
	if _, err := katapult.New(); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v without FromEnv, want %q", err, errors.InvalidArgument)
	}
	srv := katapulttest.NewServer()
	c, err := katapult.New(katapult.FromEnv(), katapult.WithHTTPClient(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListOrganizations(t.Context()); err != nil {
		t.Error(err)
	}
	t.Setenv("KATAPULT_API_KEY", "")
	if _, err := katapult.New(katapult.FromEnv()); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v without the variable, want %q", err, errors.InvalidArgument)
	}
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
	srv.Start()
	defer srv.Close()
	if err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"org_acme"}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestRateLimit_ServerMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.LimitRate(10)
		c, err := katapult.New(srv.Option())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(45 * time.Second)
		start := time.Now()
		for i := range 25 {
			id := "org_" + strconv.Itoa(i)
			srv.AddOrganization(katapulttest.Organization{ID: id})
			if err := c.DeleteOrganization(t.Context(), katapult.ID(id)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 75*time.Second {
			t.Errorf("took %v, want 75 s: two ends of a minute", took)
		}
		if n := srv.Count("DeleteOrganization"); n != 25 {
			t.Errorf("%d deletions were sent, want 25", n)
		}
	})
}

func TestRateLimit_UsedByOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
		srv.LimitRate(0) // other clients have used the limit
		time.AfterFunc(50*time.Second, func() { srv.LimitRate(10) })
		time.Sleep(20 * time.Second)
		start := time.Now()
		if err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 40*time.Second {
			t.Errorf("took %v, want 40 s: to the end of the minute", took)
		}
	})
}

func TestOperations_RequestAndAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				addAllKinds(srv)
				c := newClient(t, srv)
				if test.before != nil {
					if _, err := test.before(t.Context(), c); err != nil {
						t.Fatal(err)
					}
				}
				before := len(srv.Requests())
				got, err := test.call(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				requests := srv.Requests()[before:]
				if len(requests) != 1 {
					t.Fatalf("%d requests were sent, want 1", len(requests))
				}
				r := requests[0]
				query, err := url.QueryUnescape(r.Query)
				if err != nil {
					t.Fatal(err)
				}
				sent := []string{r.Method, r.Path, query, string(r.Body), r.Header.Get("Content-Type")}
				want := []string{test.method, "/core/v1" + test.path, test.query, test.body, ""}
				if test.body != "" {
					want[4] = "application/json"
				}
				if diff := cmp.Diff(want, sent); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Only the documented content of an answer is a success.
func TestOperations_SuccessWithoutContent(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		for _, body := range []string{"", "null", "<html></html>", `{"error":null}`, `{"success":null,"deleted":null}`} {
			if body != "" && body[0] == '{' && (name == "UnallocateIPAddress" || name == "DeleteIPAddress") {
				continue // documents an empty object
			}
			if body == "" && (test.method == "DELETE" || name == "PurgeTrash") {
				continue // an accepted removal
			}
			t.Run(name+" "+body, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := katapulttest.NewServer()
					status := 200
					if name == "CreateManagedOrganization" {
						status = 201
					}
					fault := answer(status, body)
					fault.Times = 5
					srv.Fail(fault)
					_, err := test.call(t.Context(), newClient(t, srv))
					if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.UnexpectedResponse {
						t.Errorf("got %v, want %q", err, errors.UnexpectedResponse)
					}
				})
			})
		}
	}
}

// Katapult would take an empty ID from the path, and look for the resource named
// "organization".
func TestOperations_EmptyLookup(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	c := newClient(t, srv)
	for name, call := range map[string]call{
		"an ID": func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.DeleteDisk(ctx, "")) },
		"a host name": func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteVirtualMachine(ctx, katapult.FQDN("")))
		},
		"no lookup": func(ctx context.Context, c *katapult.Client) (any, error) { return noResult(c.DeleteDNSZone(ctx, nil)) },
		"a region": func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteObjectStorageAccount(ctx, katapult.ID("org_acme"), katapult.Region("")))
		},
		"a list": func(ctx context.Context, c *katapult.Client) (any, error) { return all(c.ListDisks(ctx, nil)) },
	} {
		_, err := call(t.Context(), c)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.InvalidArgument || e.Attempts != 0 {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// A write with a name that another resource can have later is sent once: after a refusal,
// the name may belong to another resource.
func TestOperations_ReusableNameSentOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call call
		sent int
	}{
		"a host name": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.StopVirtualMachine(ctx, katapult.FQDN("web.acme.example.com")))
		}, 1},
		"a machine's deletion": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteVirtualMachine(ctx, katapult.FQDN("web.acme.example.com")))
		}, 1},
		"a reference": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteLoadBalancer(ctx, katapult.APIReference("front-ref")))
		}, 1},
		"a domain": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteDNSZone(ctx, katapult.ZoneName("acme.com")))
		}, 1},
		"an address": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.UnallocateIPAddress(ctx, katapult.Address("192.0.2.10")))
		}, 1},
		"a bucket": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteObjectStorageBucket(ctx, katapult.BucketName("backups"), katapult.Region("uk-lon-1")))
		}, 1},
		"a subdomain": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.PurgeTrash(ctx, katapult.Subdomain("acme")))
		}, 1},
		"a subdomain of an account": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteObjectStorageAccount(ctx, katapult.Subdomain("acme"), katapult.Region("uk-lon-1")))
		}, 1},
		"an ID": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteDNSZone(ctx, katapult.ID("dnszone_1")))
		}, 5},
		"an ID in the trash": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.PurgeTrashObject(ctx, katapult.ObjectID("fsv_1")))
		}, 5},
		"an account": {func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteObjectStorageAccount(ctx, org, katapult.Region("uk-lon-1")))
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				addAllKinds(srv)
				srv.Fail(times(forever, fault("", 429, "rate_limit_reached")))
				_, err := test.call(t.Context(), newClient(t, srv))
				if n := len(srv.Requests()); n != test.sent || !errors.Is(err, errors.RateLimitReached) {
					t.Errorf("got %v after %d requests, want %q after %d", err, n, errors.RateLimitReached, test.sent)
				}
			})
		})
	}
}

// Katapult may have done a removal whose answer is lost. It is not sent again.
func TestOperations_LostAnswerSentOnce(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		if test.method == "GET" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := katapulttest.NewServer()
				addAllKinds(srv)
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

func TestOperations_ErrorCodes(t *testing.T) {
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
			return noResult(c.DeleteDNSZone(ctx, katapult.ZoneName("x")))
		},
		errors.ObjectStorageAccessKeyNotFound: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteObjectStorageAccessKey(ctx, "x"))
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

func TestOperations_UnknownProperties(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.Fail(answer(200, `{"disk":{"id":"disk_1","name":"data","state":"dreaming","colour":"blue","virtual_machine_disk":null}}`))
	disk, err := newClient(t, srv).GetDisk(t.Context(), "disk_1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&katapult.Disk{ID: "disk_1", Name: "data", State: "dreaming"}, disk); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// operations are all operations on the resources of an organization, with the request and
// the result of each.
var operations = map[string]struct {
	before call // required before the operation; nil for none
	call   call
	method string
	path   string
	query  string // unescaped
	body   string
	want   any
}{
	"ListManagedOrganizations": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListManagedOrganizations(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/managed", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.Organization{{
			ID: "org_child", Name: "Child", Subdomain: "child", InfrastructureDomain: "child.example.com", CreatedAt: createdAt, Managed: true,
		}},
	},
	"CreateManagedOrganization": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.CreateManagedOrganization(ctx, katapult.Subdomain("acme"), "New", "new"))
		},
		method: "POST", path: "/organizations/organization/managed",
		body: `{"organization":{"sub_domain":"acme"},"name":"New","sub_domain":"new"}`,
		want: &katapult.Organization{
			ID: "org_1", Name: "New", Subdomain: "new", InfrastructureDomain: "new.example.com",
			CreatedAt: createdAt, ActivatedAt: createdAt, Managed: true, Currency: acme.Currency,
		},
	},
	"ListVirtualMachines": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListVirtualMachines(ctx, katapult.Subdomain("acme")))
		},
		method: "GET", path: "/organizations/organization/virtual_machines", query: "organization[sub_domain]=acme&page=1&per_page=100",
		want: []katapult.VirtualMachine{{
			ID: "vm_1", Name: "web", Hostname: "web", FQDN: "web.acme.example.com", CreatedAt: createdAt,
			Zone:        katapult.Zone{ID: "zone_1", Name: "LON-1", Permalink: "lon-zone-1", DataCenter: place},
			Package:     katapult.VirtualMachinePackage{Name: "ROCK-1"},
			IPAddresses: []katapult.IPAddress{{Address: "192.0.2.10"}},
		}},
	},
	"GetVirtualMachine": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetVirtualMachine(ctx, katapult.FQDN("web.acme.example.com")))
		},
		method: "GET", path: "/virtual_machines/virtual_machine", query: "virtual_machine[fqdn]=web.acme.example.com",
		want: &machine,
	},
	"StopVirtualMachine": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.StopVirtualMachine(ctx, katapult.ID("vm_1")))
		},
		method: "POST", path: "/virtual_machines/virtual_machine/stop", body: `{"virtual_machine":{"id":"vm_1"}}`,
		want: &katapult.Task{ID: "task_1", Name: "Stop virtual machine", Status: katapult.TaskStatusPending},
	},
	"ShutdownVirtualMachine": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.ShutdownVirtualMachine(ctx, katapult.ID("vm_1")))
		},
		method: "POST", path: "/virtual_machines/virtual_machine/shutdown", body: `{"virtual_machine":{"id":"vm_1"}}`,
		want: &katapult.Task{ID: "task_1", Name: "Shutdown virtual machine", Status: katapult.TaskStatusPending},
	},
	"ListVirtualMachineDisks": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListVirtualMachineDisks(ctx, katapult.ID("vm_1")))
		},
		method: "GET", path: "/virtual_machines/virtual_machine/disks", query: "virtual_machine[id]=vm_1&page=1&per_page=100",
		want: []katapult.VirtualMachineDisk{
			{
				Disk: with(bareDisk, func(d *katapult.Disk) {
					d.ID, d.Name, d.CreatedAt = "disk_vm_1", "System Disk", createdAt
				}),
				AttachOnBoot: true, Boot: true, State: katapult.DiskAttachmentStateAttached,
			},
			{
				Disk:         with(bareDisk, func(d *katapult.Disk) { d.CreatedAt = createdAt }),
				AttachOnBoot: true, State: katapult.DiskAttachmentStateAttached,
			},
		},
	},
	"ListNetworkInterfaces": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListNetworkInterfaces(ctx, katapult.ID("vm_1")))
		},
		method: "GET", path: "/virtual_machines/virtual_machine/network_interfaces", query: "virtual_machine[id]=vm_1&page=1&per_page=100",
		want: []katapult.NetworkInterface{
			{
				ID: "vmnet_vm_1", Name: "Public Network on web", Network: &katapult.Named{ID: "netw_1", Name: "Public Network"},
				IPAddresses: []katapult.IPAddress{{ID: "ip_1", Address: "192.0.2.10"}},
			},
			{
				ID: "vmnet_vm_1_vnet_1", Name: "backbone on web", VirtualNetwork: &katapult.Named{ID: "vnet_1", Name: "backbone"},
				IPAddresses: []katapult.IPAddress{},
			},
		},
	},
	"ListDisks": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListDisks(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/disks", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.Disk{
			with(bareDisk, func(d *katapult.Disk) {
				d.ID, d.Name, d.Assignment = "disk_vm_1", "System Disk", &katapult.DiskAssignment{
					VirtualMachine: katapult.DiskVirtualMachine{ID: "vm_1", FQDN: "web.acme.example.com"},
				}
			}),
			with(bareDisk, func(d *katapult.Disk) {
				d.Assignment = &katapult.DiskAssignment{
					VirtualMachine: katapult.DiskVirtualMachine{ID: "vm_1", FQDN: "web.acme.example.com"},
				}
			}),
		},
	},
	"GetDisk": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetDisk(ctx, "disk_1"))
		},
		method: "GET", path: "/disks/disk", query: "disk[id]=disk_1",
		want: &katapult.Disk{
			ID: "disk_1", Name: "data", SizeInGB: 25, WWN: "07c254d9fc811a8c", State: katapult.DiskStateBuilt,
			CreatedAt: createdAt, DataCenter: place, Assignment: &katapult.DiskAssignment{
				VirtualMachine: katapult.DiskVirtualMachine{ID: "vm_1", FQDN: "web.acme.example.com"},
				AttachOnBoot:   true, State: katapult.DiskAttachmentStateAttached,
			},
		},
	},
	"DetachDisk": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DetachDisk(ctx, "disk_1"))
		},
		method: "POST", path: "/disks/disk/detach", body: `{"disk":{"id":"disk_1"}}`,
		want: &katapult.Task{ID: "task_1", Name: "Detach disk", Status: katapult.TaskStatusPending, CreatedAt: createdAt},
	},
	"ListFileStorageVolumes": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListFileStorageVolumes(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/file_storage_volumes", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.FileStorageVolume{volume},
	},
	"GetFileStorageVolume": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetFileStorageVolume(ctx, "fsv_1"))
		},
		method: "GET", path: "/file_storage_volumes/file_storage_volume", query: "file_storage_volume[id]=fsv_1",
		want: &volume,
	},
	"DeleteFileStorageVolume": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteFileStorageVolume(ctx, "fsv_1"))
		},
		method: "DELETE", path: "/file_storage_volumes/file_storage_volume", body: `{"file_storage_volume":{"id":"fsv_1"}}`,
		want: &katapult.TrashObject{ID: "trsh_1", KeepUntil: kept, ObjectID: "fsv_1", ObjectType: "FileStorageVolume"},
	},
	"DeleteVirtualMachine": {
		before: stopMachine,
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteVirtualMachine(ctx, katapult.FQDN("web.acme.example.com")))
		},
		method: "DELETE", path: "/virtual_machines/virtual_machine", body: `{"virtual_machine":{"fqdn":"web.acme.example.com"}}`,
		want: &katapult.TrashObject{ID: "trsh_1", KeepUntil: after(6*time.Second, kept), ObjectID: "vm_1", ObjectType: "VirtualMachine"},
	},
	"UnassignDisk": {
		before: stopMachine,
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.UnassignDisk(ctx, "disk_1"))
		},
		method: "POST", path: "/disks/disk/unassign", body: `{"disk":{"id":"disk_1"}}`,
		want: &katapult.Disk{
			ID: "disk_1", Name: "data", SizeInGB: 25, WWN: "07c254d9fc811a8c", State: katapult.DiskStateBuilt,
			CreatedAt: createdAt, DataCenter: place,
		},
	},
	"DeleteDisk": {
		before: func(ctx context.Context, c *katapult.Client) (any, error) {
			if _, err := stopMachine(ctx, c); err != nil {
				return nil, err
			}
			return result(c.UnassignDisk(ctx, "disk_1"))
		},
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteDisk(ctx, "disk_1"))
		},
		method: "DELETE", path: "/disks/disk", body: `{"disk":{"id":"disk_1"}}`,
		want: &katapult.TrashObject{ID: "trsh_1", KeepUntil: after(6*time.Second, kept), ObjectID: "disk_1", ObjectType: "Disk"},
	},
	"GetTask": {
		before: stopMachine,
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetTask(ctx, "task_1"))
		},
		method: "GET", path: "/tasks/task", query: "task[id]=task_1",
		want: &katapult.Task{
			ID: "task_1", Name: "Stop virtual machine", Status: katapult.TaskStatusCompleted, CreatedAt: createdAt,
			StartedAt: after(2*time.Second, createdAt), FinishedAt: after(6*time.Second, createdAt), Progress: 100,
		},
	},
	"GetTrashObject": {
		before: trashVolume,
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetTrashObject(ctx, katapult.ObjectID("fsv_1")))
		},
		method: "GET", path: "/trash_objects/trash_object", query: "trash_object[object_id]=fsv_1",
		want: &katapult.TrashObject{ID: "trsh_1", KeepUntil: kept, ObjectID: "fsv_1", ObjectType: "FileStorageVolume"},
	},
	"PurgeTrashObject": {
		before: trashVolume,
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.PurgeTrashObject(ctx, katapult.ID("trsh_1")))
		},
		method: "DELETE", path: "/trash_objects/trash_object", body: `{"trash_object":{"id":"trsh_1"}}`,
		want: &katapult.Task{ID: "task_1", Name: "Purge items from trash", Status: katapult.TaskStatusPending, CreatedAt: createdAt},
	},
	"DeleteVirtualNetwork": {
		before: func(ctx context.Context, c *katapult.Client) (any, error) {
			if _, err := stopMachine(ctx, c); err != nil {
				return nil, err
			}
			if _, err := c.DeleteVirtualMachine(ctx, katapult.ID("vm_1")); err != nil {
				return nil, err
			}
			time.Sleep(48 * time.Hour)
			return nil, nil
		},
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteVirtualNetwork(ctx, "vnet_1"))
		},
		method: "DELETE", path: "/virtual_networks/virtual_network", body: `{"virtual_network":{"id":"vnet_1"}}`,
	},
	"DeleteIPAddress": {
		before: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.UnallocateIPAddress(ctx, katapult.ID("ip_1")))
		},
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteIPAddress(ctx, katapult.ID("ip_1")))
		},
		method: "DELETE", path: "/ip_addresses/ip_address", body: `{"ip_address":{"id":"ip_1"}}`,
	},
	"DeleteObjectStorageAccount": {
		before: func(ctx context.Context, c *katapult.Client) (any, error) {
			if err := c.DeleteObjectStorageBucket(ctx, katapult.BucketName("backups"), katapult.Region("uk-lon-1")); err != nil {
				return nil, err
			}
			return noResult(c.DeleteObjectStorageAccessKey(ctx, "objkey_1"))
		},
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.DeleteObjectStorageAccount(ctx, katapult.ID("org_acme"), katapult.Region("uk-lon-1")))
		},
		method: "DELETE", path: "/organizations/organization/object_storage/object_storage_cluster",
		body: `{"organization":{"id":"org_acme"},"object_storage_cluster":{"region":"uk-lon-1"}}`,
		want: &katapult.TrashObject{ID: "trsh_1", KeepUntil: kept, ObjectType: "ObjectStorageAccount"},
	},
	"ListDiskBackupPolicies": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListDiskBackupPolicies(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/disk_backup_policies", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.DiskBackupPolicy{with(policy, func(p *katapult.DiskBackupPolicy) { p.Schedule.Frequency = 0 })},
	},
	"GetDiskBackupPolicy": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetDiskBackupPolicy(ctx, "dbp_1"))
		},
		method: "GET", path: "/disk_backup_policies/disk_backup_policy", query: "disk_backup_policy[id]=dbp_1",
		want: &policy,
	},
	"DeleteDiskBackupPolicy": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteDiskBackupPolicy(ctx, "dbp_1"))
		},
		method: "DELETE", path: "/disk_backup_policies/disk_backup_policy", body: `{"disk_backup_policy":{"id":"dbp_1"}}`,
	},
	"ListDiskTemplates": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListDiskTemplates(ctx, katapult.ID("org_acme"), katapult.ListDiskTemplatesPageOptions{}))
		},
		method: "GET", path: "/organizations/organization/disk_templates", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.DiskTemplate{{
			ID: "dtpl_1", Name: "golden", Permalink: "templates/dtpl_1", LatestVersion: katapult.DiskTemplateVersion{ID: "dtv_dtpl_1", Number: 1},
		}},
	},
	"ListLoadBalancers": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListLoadBalancers(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/load_balancers", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.LoadBalancer{with(balancer, func(l *katapult.LoadBalancer) {
			l.IPAddress.ID, l.DataCenter = "", katapult.DataCenter{ID: "dc_lon", Name: "London"}
		})},
	},
	"GetLoadBalancer": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetLoadBalancer(ctx, katapult.APIReference("front-ref")))
		},
		method: "GET", path: "/load_balancers/load_balancer", query: "load_balancer[api_reference]=front-ref",
		want: &balancer,
	},
	"DeleteLoadBalancer": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteLoadBalancer(ctx, katapult.ID("lb_1")))
		},
		method: "DELETE", path: "/load_balancers/load_balancer", body: `{"load_balancer":{"id":"lb_1"}}`,
	},
	"ListLoadBalancerRules": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListLoadBalancerRules(ctx, katapult.ID("lb_1")))
		},
		method: "GET", path: "/load_balancers/load_balancer/rules", query: "load_balancer[id]=lb_1&page=1&per_page=100",
		want: []katapult.LoadBalancerRule{{
			ID: "lbrule_lb_1_443", Algorithm: katapult.LoadBalancerRuleAlgorithmRoundRobin, DestinationPort: 443, ListenPort: 443,
			Protocol: katapult.LoadBalancerRuleProtocolTCP, Certificates: []katapult.Named{}, CheckEnabled: true,
		}},
	},
	"ListDNSZones": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListDNSZones(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/dns_zones", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.DNSZone{zone},
	},
	"GetDNSZone": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetDNSZone(ctx, katapult.ZoneName("acme.com")))
		},
		method: "GET", path: "/dns_zones/dns_zone", query: "dns_zone[name]=acme.com",
		want: &zone,
	},
	"DeleteDNSZone": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteDNSZone(ctx, katapult.ZoneName("acme.com")))
		},
		method: "DELETE", path: "/dns_zones/dns_zone", body: `{"dns_zone":{"name":"acme.com"}}`,
	},
	"ListTrashObjects": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListTrashObjects(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/trash_objects", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.TrashObject(nil),
	},
	"PurgeTrash": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.PurgeTrash(ctx, katapult.ID("org_acme")))
		},
		method: "POST", path: "/organizations/organization/trash_objects/purge_all", body: `{"organization":{"id":"org_acme"}}`,
		want: &katapult.Task{ID: "task_1", Name: "Purge items from trash", Status: katapult.TaskStatusPending, CreatedAt: createdAt},
	},
	"ListVirtualNetworks": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListVirtualNetworks(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/virtual_networks", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.VirtualNetwork{network},
	},
	"GetVirtualNetwork": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetVirtualNetwork(ctx, "vnet_1"))
		},
		method: "GET", path: "/virtual_networks/virtual_network", query: "virtual_network[id]=vnet_1",
		want: &network,
	},
	"ListIPAddresses": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListIPAddresses(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/ip_addresses", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.IPAddress{{ID: "ip_1", Address: "192.0.2.10", AllocationID: "vm_1", AllocationType: "VirtualMachine"}},
	},
	"GetIPAddress": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetIPAddress(ctx, katapult.Address("192.0.2.10")))
		},
		method: "GET", path: "/ip_addresses/ip_address", query: "ip_address[address]=192.0.2.10",
		want: &address,
	},
	"UnallocateIPAddress": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.UnallocateIPAddress(ctx, katapult.Address("192.0.2.10")))
		},
		method: "POST", path: "/ip_addresses/ip_address/unallocate", body: `{"ip_address":{"address":"192.0.2.10"}}`,
	},
	"GetObjectStorageAccount": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetObjectStorageAccount(ctx, katapult.ID("org_acme"), katapult.Region("uk-lon-1")))
		},
		method: "GET", path: "/organizations/organization/object_storage/object_storage_cluster",
		query: "organization[id]=org_acme&object_storage_cluster[region]=uk-lon-1",
		want: &katapult.ObjectStorageAccount{
			Region: "uk-lon-1", CreatedAt: createdAt, ProvisioningState: katapult.ObjectStorageProvisioningStateProvisioned,
			BucketCount: 1, DataCenter: dataCenter,
		},
	},
	"GetObjectStorageBucket": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetObjectStorageBucket(ctx, katapult.BucketName("backups"), katapult.Region("uk-lon-1")))
		},
		method: "GET", path: "/object_storage/object_storage_cluster/buckets/bucket",
		query: "bucket[name]=backups&object_storage_cluster[region]=uk-lon-1",
		want: &katapult.ObjectStorageBucket{
			Name: "backups", CreatedAt: createdAt, State: katapult.ObjectStorageStateConfigured, PublicURL: "https://backups.example.com",
			AccessControlList: katapult.ObjectStorageAccess{ReadKeyIDs: []string{"objkey_1"}, WriteKeyIDs: []string{"objkey_1"}},
		},
	},
	"DeleteObjectStorageBucket": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteObjectStorageBucket(ctx, katapult.BucketName("backups"), katapult.Region("uk-lon-1")))
		},
		method: "DELETE", path: "/object_storage/object_storage_cluster/buckets/bucket",
		body: `{"bucket":{"name":"backups"},"object_storage_cluster":{"region":"uk-lon-1"}}`,
	},
	"ListObjectStorageAccessKeys": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return all(c.ListObjectStorageAccessKeys(ctx, katapult.ID("org_acme")))
		},
		method: "GET", path: "/organizations/organization/object_storage/access_keys", query: "organization[id]=org_acme&page=1&per_page=100",
		want: []katapult.ObjectStorageAccessKey{key},
	},
	"GetObjectStorageAccessKey": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return result(c.GetObjectStorageAccessKey(ctx, "objkey_1"))
		},
		method: "GET", path: "/object_storage/access_keys/access_key", query: "access_key[id]=objkey_1",
		want: &key,
	},
	"DeleteObjectStorageAccessKey": {
		call: func(ctx context.Context, c *katapult.Client) (any, error) {
			return noResult(c.DeleteObjectStorageAccessKey(ctx, "objkey_1"))
		},
		method: "DELETE", path: "/object_storage/access_keys/access_key", body: `{"access_key":{"id":"objkey_1"}}`,
	},
}

// Parts of several answers.
var (
	createdAt = katapult.Time{Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	kept      = katapult.Time{Time: createdAt.Add(48 * time.Hour)}
	country   = katapult.Country{
		ID: "ctry_gb", Name: "United Kingdom", ISOCode2: "GB", ISOCode3: "GBR", TimeZone: "Europe/London",
	}
	place      = katapult.DataCenter{ID: "dc_lon", Name: "London", Permalink: "uk-lon-01"}
	dataCenter = katapult.DataCenter{ID: "dc_lon", Name: "London", Permalink: "uk-lon-01", Country: country}
	acme       = katapult.Organization{
		ID: "org_acme", Name: "Acme", Subdomain: "acme", InfrastructureDomain: "acme.example.com",
		CreatedAt: createdAt, ActivatedAt: createdAt, Managed: true,
		Currency: katapult.Currency{ID: "cur_eur", Name: "Euro", ISOCode: "EUR", Symbol: "€"},
	}
	address = katapult.IPAddress{
		ID: "ip_1", Address: "192.0.2.10", AddressWithMask: "192.0.2.10/24", AllocationID: "vm_1", AllocationType: "VirtualMachine",
		Network: katapult.Network{ID: "netw_1", Name: "Public Network", Permalink: "uk-lon-01-public", Default: true, DataCenter: dataCenter},
	}
	machine = katapult.VirtualMachine{
		ID: "vm_1", Name: "web", Hostname: "web", FQDN: "web.acme.example.com", CreatedAt: createdAt,
		State:        katapult.VirtualMachineStateStarted,
		Zone:         katapult.Zone{ID: "zone_1", Name: "LON-1", Permalink: "lon-zone-1", DataCenter: dataCenter},
		Organization: acme,
		Package:      katapult.VirtualMachinePackage{ID: "vmpkg_1", Name: "ROCK-1", Permalink: "rock-1", CPUCores: 1, MemoryInGB: 1, StorageInGB: 25},
		AttachedISO:  &katapult.Named{ID: "iso_1", Name: "rescue"},
		MemoryInGB:   1, CPUCores: 1, TagNames: []string{}, IPAddresses: []katapult.IPAddress{address},
	}
	bareDisk = katapult.Disk{ID: "disk_1", Name: "data", SizeInGB: 25, WWN: "07c254d9fc811a8c", State: katapult.DiskStateBuilt}
	policy   = katapult.DiskBackupPolicy{
		ID: "dbp_1", Retention: 7,
		Target: katapult.ResourceRef{Type: "Disk", Value: katapult.Named{ID: "disk_1", Name: "data"}},
		Schedule: katapult.Schedule{
			Frequency: 1, Interval: katapult.ScheduleIntervalDaily, NextInvocationAt: katapult.Time{Time: createdAt.Add(24 * time.Hour)},
		},
	}
	volume = katapult.FileStorageVolume{
		ID: "fsv_1", Name: "shared", DataCenter: place, Associations: []string{"vm_1"},
		State: katapult.FileStorageVolumeStateReady, NFSLocation: "nfs.example.com:/katapult/fsv_1",
	}
	balancer = katapult.LoadBalancer{
		ID: "lb_1", Name: "front", APIReference: "front-ref", ResourceType: katapult.LoadBalancerResourceTypeVirtualMachines,
		Resources: []katapult.ResourceRef{}, ResourceIDs: []string{},
		IPAddress: katapult.LoadBalancerAddress{ID: "ip_lb_1", Address: "198.51.100.1"}, DataCenter: place,
	}
	zone    = katapult.DNSZone{ID: "dnszone_1", Name: "acme.com", DefaultTTL: 3600, Verified: true}
	network = katapult.VirtualNetwork{ID: "vnet_1", Name: "backbone", DataCenter: dataCenter}
	key     = katapult.ObjectStorageAccessKey{
		ID: "objkey_1", Name: "writer", CreatedAt: createdAt, Region: "uk-lon-1", State: katapult.ObjectStorageStateConfigured,
		ReadBuckets: []string{"backups"}, WriteBuckets: []string{"backups"},
		ServerURL: "https://uk-lon-1.example.com", S3AccessKeyID: "KEYobjkey_1",
	}
)

func newClient(t *testing.T, srv *katapulttest.Server, options ...katapult.Option) *katapult.Client {
	t.Helper()
	c, err := katapult.New(append(options, srv.Option())...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answer replaces the next answer.
func answer(status int, body string) offboardtest.Fault {
	return offboardtest.Respond("", status, body)
}

// fault replaces the next answer of an operation with an error of Katapult.
func fault(operation string, status int, code string) offboardtest.Fault {
	return offboardtest.Respond(operation, status, `{"error":{"code":"`+code+`","description":"","detail":{}}}`)
}

// lost withholds the next answer.
var lost = offboardtest.LoseResponse("")

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

// must ends the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type call = func(context.Context, *katapult.Client) (any, error)

// result converts the results of a method to those of a call.
func result[T any](value T, err error) (any, error) { return value, err }

// noResult converts the result of a method without a value to those of a call.
func noResult(err error) (any, error) { return nil, err }

// all returns the items of a list.
func all[T any](list iter.Seq2[T, error]) (any, error) {
	var items []T
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// failure returns only the error of a call.
func failure[T any](_ T, err error) error { return err }

// addAllKinds adds an organization with one resource of each kind.
func addAllKinds(srv *katapulttest.Server) {
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Child", Subdomain: "child", Parent: "org_acme"})
	srv.Add("org_acme",
		katapulttest.VirtualNetwork{ID: "vnet_1", Name: "backbone"},
		katapulttest.VirtualMachine{ID: "vm_1", Name: "web", ISO: "iso_1", Networks: []string{"vnet_1"}},
		katapulttest.Disk{ID: "disk_1", Name: "data", VirtualMachine: "vm_1"},
		katapulttest.FileStorageVolume{ID: "fsv_1", Name: "shared", Associations: []string{"vm_1"}},
		katapulttest.DiskBackupPolicy{ID: "dbp_1", Target: "disk_1"},
		katapulttest.ISO{ID: "iso_1", Name: "rescue"},
		katapulttest.DiskTemplate{ID: "dtpl_1", Name: "golden"},
		katapulttest.LoadBalancer{ID: "lb_1", Name: "front", APIReference: "front-ref", Ports: []int{443}},
		katapulttest.DNSZone{ID: "dnszone_1", Name: "acme.com"},
		katapulttest.IPAddress{ID: "ip_1", Address: "192.0.2.10", AllocatedTo: "vm_1"},
		katapulttest.ObjectStorage{},
		katapulttest.Bucket{Name: "backups"},
		katapulttest.AccessKey{ID: "objkey_1", Name: "writer", Buckets: []string{"backups"}},
	)
}

// stopMachine stops the virtual machine.
func stopMachine(ctx context.Context, c *katapult.Client) (any, error) {
	_, err := c.StopVirtualMachine(ctx, katapult.ID("vm_1"))
	time.Sleep(6 * time.Second)
	return nil, err
}

// trashVolume moves the file storage volume to the trash.
func trashVolume(ctx context.Context, c *katapult.Client) (any, error) {
	return result(c.DeleteFileStorageVolume(ctx, "fsv_1"))
}

// with returns a changed copy.
func with[T any](value T, change func(*T)) T {
	change(&value)
	return value
}

// after returns t plus d.
func after(d time.Duration, t katapult.Time) katapult.Time { return katapult.Time{Time: t.Add(d)} }
