package katapult_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestPlan_AllKindsInOrder(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Open: []string{"ensure_zero_balance"}})
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Labs", Parent: "org_acme", Open: []string{"ensure_zero_balance"}})
	srv.AddOrganization(katapulttest.Organization{ID: "org_grandchild", Name: "Labs Two", Parent: "org_child"})
	fill(srv, "org_acme", "a")
	srv.Add("org_child", katapulttest.VirtualMachine{ID: "vm_c"}, katapulttest.ObjectStorage{},
		katapulttest.Bucket{Name: "b"}, katapulttest.AccessKey{ID: "objkey_c", Buckets: []string{"b"}})
	want := []string{
		"managed_organization/org_child/org_grandchild, requires [managed_organizations]",
		"virtual_machine/org_child/vm_c, requires [managed_organizations]",
		"disk/org_child/disk_vm_c after virtual_machine/org_child/vm_c, requires [managed_organizations]",
		"object_storage_bucket/org_child/uk-lon-1/b, requires [managed_organizations]",
		"object_storage_access_key/org_child/objkey_c after object_storage_bucket/org_child/uk-lon-1/b, requires [managed_organizations]",
		"object_storage_account/org_child/uk-lon-1 after object_storage_bucket/org_child/uk-lon-1/b, object_storage_access_key/org_child/objkey_c, requires [managed_organizations]",
		"ensure_zero_balance/org_child, manual, requires [managed_organizations]",
		"managed_organization/org_child after managed_organization/org_child/org_grandchild, virtual_machine/org_child/vm_c, " +
			"disk/org_child/disk_vm_c, object_storage_bucket/org_child/uk-lon-1/b, object_storage_access_key/org_child/objkey_c, " +
			"object_storage_account/org_child/uk-lon-1, ensure_zero_balance/org_child, requires [managed_organizations]",
		"load_balancer/lb_a",
		"dns_zone/dnszone_a",
		"disk_backup_policy/dbp_a",
		"disk_backup_policy/dbp_vm_a",
		"virtual_machine/vm_a after load_balancer/lb_a, disk_backup_policy/dbp_vm_a",
		"virtual_machine/vm_stopped_a",
		"virtual_machine/vm_failed_a",
		"disk/disk_vm_a after virtual_machine/vm_a",
		"disk/disk_vm_stopped_a after virtual_machine/vm_stopped_a",
		"disk/disk_vm_failed_a after virtual_machine/vm_failed_a",
		"disk/disk_a after disk_backup_policy/dbp_a, virtual_machine/vm_a",
		"disk/disk_attached_a after virtual_machine/vm_failed_a",
		"disk/disk_free_a",
		"file_storage_volume/fsv_a after virtual_machine/vm_a",
		"object_storage_bucket/uk-lon-1/named-a",
		"object_storage_buckets/uk-lon-1, manual",
		"object_storage_access_key/objkey_ams_a",
		"object_storage_access_key/objkey_a after object_storage_bucket/uk-lon-1/named-a, object_storage_buckets/uk-lon-1",
		"object_storage_access_key/objkey_all_a after object_storage_bucket/uk-lon-1/named-a, object_storage_buckets/uk-lon-1",
		"object_storage_account/nl-ams-1 after object_storage_access_key/objkey_ams_a",
		"object_storage_account/uk-lon-1 after object_storage_bucket/uk-lon-1/named-a, object_storage_buckets/uk-lon-1, " +
			"object_storage_access_key/objkey_a, object_storage_access_key/objkey_all_a",
		"trash_object/trsh_1",
		"trash_object/trsh_2",
		"virtual_network/vnet_a after virtual_machine/vm_a, virtual_machine/vm_stopped_a, virtual_machine/vm_failed_a, trash_object/trsh_1",
		"ip_address/ip_a after virtual_machine/vm_a",
		"ip_address/ip_lb_a after load_balancer/lb_a",
		"ip_address/ip_old_a after trash_object/trsh_1",
		"ip_address/ip_free_a",
		"disk_template/dtpl_a, manual",
		"isos/org_acme, manual",
		"ensure_zero_balance/org_acme, manual",
	}
	p := newPlan(t, newClient(t, srv))
	if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]teardown.Override{teardown.ManagedOrganizations}, p.Overrides()); diff != "" {
		t.Errorf("overrides (-want +got):\n%s", diff)
	}
	for id, want := range map[string]string{
		"ensure_zero_balance/org_acme":    "Katapult reports this deletion step as open: Still to do: ensure zero balance.",
		"object_storage_buckets/uk-lon-1": "no access key and no list names 1 of the buckets",
		"trash_object/trsh_1":             "it is in the trash",
		"load_balancer/lb_a":              "open deletion step: load_balancers",
		"disk/disk_vm_a":                  "open deletion step: disks",
	} {
		if i := slices.IndexFunc(p.Steps, func(s teardown.Step) bool { return s.ID == id }); i < 0 || p.Steps[i].Why != want {
			t.Errorf("%s: got %+v, want %q", id, p.Steps[max(i, 0)], want)
		}
	}
}

func TestPlan_ReadsListsOfOpenSteps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		resources []katapulttest.Resource
		want      []string
	}{
		"no resource": {nil, nil},
		"a zone":      {[]katapulttest.Resource{katapulttest.DNSZone{Name: "acme.example"}}, []string{"ListDNSZonesPage"}},
		"an image":    {[]katapulttest.Resource{katapulttest.ISO{}}, nil},
		"a key": {
			[]katapulttest.Resource{katapulttest.AccessKey{}},
			[]string{"ListObjectStorageAccessKeysPage", "GetObjectStorageAccount"},
		},
		// The address of a load balancer may belong to the organization.
		"a load balancer": {[]katapulttest.Resource{katapulttest.LoadBalancer{}}, []string{"ListLoadBalancersPage", "ListIPAddressesPage"}},
		"a machine": {
			[]katapulttest.Resource{katapulttest.VirtualMachine{}},
			[]string{"ListVirtualMachinesPage", "ListDisksPage", "ListIPAddressesPage"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newServer(t, test.resources...)
			newPlan(t, c)
			var got []string
			for _, r := range srv.Requests() {
				got = append(got, r.Operation)
			}
			if diff := cmp.Diff(append([]string{"GetOrganization", "GetDeletionSteps"}, test.want...), got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlan_OmittedDeletionStep(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
	srv.Fail(answerSteps(`{"disks":{"satisfied":true},"isos":{},"bare_metal":{"description":"Give it back."}}`))
	want := []string{"dns_zone/dnszone_1", "isos/org_acme, manual", "bare_metal/org_acme, manual"}
	if diff := cmp.Diff(want, stepsOf(newPlan(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if srv.Count("ListDisksPage") != 0 || srv.Count("ListVirtualMachinesPage") != 1 {
		t.Error("want lists of the omitted steps only")
	}
}

func TestPlan_AnswerOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t)
	srv.AddOrganization(katapulttest.Organization{ID: "org_x", Subdomain: "x"})
	srv.Fail(offboardtest.Respond("GetOrganization", 200, `{"organization":{"id":"org_acme","name":"Acme","sub_domain":"acme","managed":true}}`))
	p, err := c.Plan(t.Context(), katapult.Subdomain("x"))
	if p != nil || !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("got %+v, %v", p, err)
	}
	p, err = c.Plan(t.Context(), katapult.Subdomain("x"))
	if err != nil || p.Organization.ID != "org_x" {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestTeardown_ResumeWithTrashedResources(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]offboardtest.Fault{
		"":                         nil,
		" without its object":      {accountInTrash, accountInTrash}, // at the comparison of the plan, and at the removal
		" with an outdated answer": {answerSteps(`{"object_storage":{"satisfied":false},"empty_trash":{"satisfied":true},"managed_organizations":{"satisfied":true}}`)},
	} {
		t.Run("resumed"+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t,
					katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped},
					katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1", Detached: true}, katapulttest.Disk{ID: "disk_2"},
					katapulttest.FileStorageVolume{ID: "fsv_1"}, katapulttest.DiskBackupPolicy{ID: "dbp_1"},
					katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "objkey_1"},
				)
				p := newPlan(t, c)
				srv.SetTaskTime(time.Hour)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				r, err := c.Teardown(ctx, p, teardown.WithConfirm("Acme"))
				wantOutcome(t, r, err, teardown.Stopped, errors.NotFinished)
				remaining := srv.Remaining("org_acme")
				if !slices.Contains(remaining, "vm_1: in the trash") || !slices.Contains(remaining, "disk_vm_1: in the trash with vm_1") {
					t.Fatalf("remaining: %q", remaining)
				}
				fresh := stepsOf(newPlan(t, c))
				slices.Sort(fresh)
				if diff := cmp.Diff([]string{
					"disk/disk_1", "trash_object/trsh_1", "trash_object/trsh_2", "trash_object/trsh_3", "trash_object/trsh_4", "trash_object/trsh_5",
				}, fresh); diff != "" {
					t.Errorf("steps of another plan (-want +got):\n%s", diff)
				}
				srv.SetTaskTime(time.Second)
				srv.Fail(faults...)
				n := len(srv.Requests())
				r, err = execute(t, c, p, teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventRetrying && e.Step != "disk/disk_vm_1" {
						t.Errorf("%s was retried: %v", e.Step, e.Err)
					}
				}))
				wantOutcome(t, r, err, teardown.Deleted, "")
				for _, s := range r.Steps {
					// The boot disk is in the trash with its machine, and the trash does not show it.
					if done := s.Kind != "object_storage_access_key"; done != (s.State == teardown.StepDeleted) {
						t.Errorf("%s is %s", s.ID, s.State)
					}
				}
				for _, request := range srv.Requests()[n:] {
					if request.Operation != "PurgeTrashObject" && request.Method != "GET" && !strings.Contains(string(request.Body), "disk_") && request.Operation != "DeleteOrganization" {
						t.Errorf("%s %s: the resource was in the trash", request.Operation, request.Body)
					}
				}
			})
		})
	}
}

func TestPlan_TrashExplainsOpenSteps(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped}, katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "k"})
	srv.MoveToTrash(srv.Remaining("org_acme")[2], "vm_1")
	srv.Fail(answerSteps(`{"virtual_machines":{"satisfied":false},"disks":{"satisfied":false},"object_storage":{"satisfied":false},"empty_trash":{"satisfied":false}}`))
	want := []string{"object_storage_access_key/k", "trash_object/trsh_2", "trash_object/trsh_1"}
	if diff := cmp.Diff(want, stepsOf(newPlan(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// A removed resource that Katapult still counts is no new blocker.
func TestTeardown_CountedLate(t *testing.T) {
	t.Parallel()
	late := map[string]offboardtest.Fault{
		"a bucket": offboardtest.Respond("GetObjectStorageAccount", 200, `{"object_storage_account":{"region":"uk-lon-1","bucket_count":1}}`),
		"a zone":   answerSteps(`{"dns_zones":{"satisfied":false},"object_storage":{"satisfied":false},"empty_trash":{"satisfied":false}}`),
	}
	for name, fault := range late {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"}, katapulttest.ObjectStorage{},
					katapulttest.Bucket{Name: "b"}, katapulttest.AccessKey{ID: "k", Buckets: []string{"b"}})
				p := newPlan(t, c)
				must(t, c.DeleteObjectStorageBucket(t.Context(), katapult.BucketName("b"), katapult.Region("uk-lon-1")))
				must(t, c.DeleteDNSZone(t.Context(), katapult.ID("dnszone_1")))
				srv.Fail(fault)
				r, err := execute(t, c, p)
				wantOutcome(t, r, err, teardown.Deleted, "")
			})
		})
	}
}

func TestTeardown_ResourceNotInPlan(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*katapulttest.Server){
		"a machine":                        func(srv *katapulttest.Server) { srv.Add("org_acme", katapulttest.VirtualMachine{}) },
		"a zone of a managed organization": func(srv *katapulttest.Server) { srv.Add("org_child", katapulttest.DNSZone{}) },
		"an object in the trash":           func(srv *katapulttest.Server) { srv.Add("org_acme", katapulttest.Disk{ID: "d"}); srv.MoveToTrash("d") },
		"object storage in the trash": func(srv *katapulttest.Server) {
			srv.Add("org_acme", katapulttest.ObjectStorage{Region: "nl-ams-1"})
			remaining := srv.Remaining("org_acme")
			srv.MoveToTrash(remaining[len(remaining)-1])
		},
		"a balance": func(srv *katapulttest.Server) { srv.SetOpen("org_acme", "ensure_zero_balance") },
		"a managed organization": func(srv *katapulttest.Server) {
			srv.AddOrganization(katapulttest.Organization{ID: "org_new", Parent: "org_child"})
		},
		"a bucket without a name": func(srv *katapulttest.Server) { srv.Add("org_acme", katapulttest.Bucket{Name: "new"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newServer(t, katapulttest.DNSZone{}, katapulttest.ObjectStorage{}, katapulttest.AccessKey{})
			srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
			p := newPlan(t, c)
			change(srv)
			if r, err := execute(t, c, p); r != nil || !errors.Is(err, errors.PlanStale) || len(writes(srv)) != 0 {
				t.Errorf("got %+v, %v and %q", r, err, writes(srv))
			}
		})
	}
}

func TestTeardown_ManagedOrganizationsOverride(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t)
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
	r, err := c.Teardown(t.Context(), newPlan(t, c), teardown.WithConfirm("Acme"))
	if r != nil || !errors.Is(err, errors.NotConfirmed) || len(writes(srv)) != 0 {
		t.Errorf("got %+v, %v and %q", r, err, writes(srv))
	}
	r, err = execute(t, c, newPlan(t, c))
	wantOutcome(t, r, err, teardown.Deleted, "")
}

func TestTeardown_UnreadableManagedOrganization(t *testing.T) {
	t.Parallel()
	for name, child := range map[string]katapulttest.Organization{
		"suspended":     {Suspended: true},
		"not activated": {NotActivated: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
			child.ID, child.Parent = "org_child", "org_acme"
			srv.AddOrganization(child)
			p := newPlan(t, c)
			want := []string{"managed_organization/org_child, manual, requires [managed_organizations]", "dns_zone/dnszone_1"}
			if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			r, err := execute(t, c, p)
			wantOutcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
			if len(writes(srv)) != 0 {
				t.Errorf("written: %q", writes(srv))
			}
		})
	}
}

func TestTeardown_ManagedOrganizationNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
		p := newPlan(t, c)
		srv.Fail(
			answerSteps(`{"dns_zones":{"satisfied":false},"managed_organizations":{"satisfied":false}}`),
			fault("GetDeletionSteps", 404, "organization_not_found"),
		)
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if !srv.Exists("org_acme") || !srv.Exists("org_child") {
			t.Error("a write was sent")
		}
	})
}

func TestPlan_OrganizationsManageEachOther(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Parent: "org_child"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
	want := []string{
		"managed_organizations/org_child, manual, requires [managed_organizations]",
		"managed_organization/org_child after managed_organizations/org_child, requires [managed_organizations]",
	}
	if diff := cmp.Diff(want, stepsOf(newPlan(t, newClient(t, srv)))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestTeardown_NotManaged(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Unmanaged: true})
	srv.Add("org_acme", katapulttest.DNSZone{})
	c := newClient(t, srv)
	p := newPlan(t, c)
	if !errors.Is(p.Err(), errors.ManagedOrganizationRequired) || len(p.Steps) != 1 {
		t.Errorf("got %v, %+v", p.Err(), p.Steps)
	}
	r, err := execute(t, c, p)
	wantOutcome(t, r, err, teardown.Blocked, errors.ManagedOrganizationRequired)
	if len(writes(srv)) != 0 {
		t.Errorf("written: %q", writes(srv))
	}
}

func TestTeardown_PlanOfAnotherProvider(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t)
	p := newPlan(t, c)
	p.Provider = "atlas"
	n := len(srv.Requests())
	r, err := execute(t, c, teardownsuite.Seal(p))
	if r != nil || !errors.Is(err, errors.PlanStale) || len(srv.Requests()) != n {
		t.Errorf("got %+v, %v after %d requests", r, err, len(srv.Requests())-n)
	}
}

func TestTeardown_FailedTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"},
			katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.VirtualNetwork{ID: "vnet_1"}, katapulttest.IPAddress{ID: "ip_1", AllocatedTo: "vm_1"})
		p := newPlan(t, c)
		srv.FailTasks(1)
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Blocked, errors.TaskFailed)
		want := []string{"virtual_machine/vm_1 failed", "disk/disk_vm_1 not_started", "virtual_network/vnet_1 not_started", "ip_address/ip_1 not_started"}
		var got []string
		for _, s := range r.Remaining() {
			got = append(got, s.ID+" "+string(s.State))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("remaining (-want +got):\n%s", diff)
		}
		r, err = execute(t, c, p)
		wantOutcome(t, r, err, teardown.Deleted, "")
	})
}

func TestTeardown_PurgeFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.FileStorageVolume{ID: "fsv_1"})
		p := newPlan(t, c)
		srv.FailTasks(1)
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Blocked, errors.TaskFailed)
		if r.FinishedAt.Sub(r.StartedAt) > time.Minute || srv.Count("DeleteOrganization") != 0 {
			t.Errorf("it took %s; %q", r.FinishedAt.Sub(r.StartedAt), writes(srv))
		}
		r, err = execute(t, c, p)
		wantOutcome(t, r, err, teardown.Deleted, "")
	})
}

func TestTeardown_HTMLNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
		p := newPlan(t, c)
		page := offboardtest.HTMLResponse("GetDNSZone", 404)
		page.Times = 100
		srv.Fail(page)
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Blocked, errors.UnexpectedResponse)
		if srv.Count("DeleteOrganization") != 0 || r.Steps[0].State != teardown.StepFailed {
			t.Errorf("got %+v and %q", r.Steps, writes(srv))
		}
	})
}

// 200, 202 and 204 with an empty body or {} mean that Katapult accepted a request. The answer
// has neither a task nor an object in the trash, so reads show the end of the work.
func TestTeardown_AcceptedWithoutBody(t *testing.T) {
	t.Parallel()
	for operation := range removals {
		for _, status := range []int{200, 202, 204} {
			for _, body := range []string{"", "{}"} {
				t.Run(fmt.Sprint(operation, " ", status, " ", body), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv, c := serverFor(t, operation)
						p := newPlan(t, c)
						srv.Fail(times(forever, offboardtest.Accept(operation, status, body)))
						r, err := execute(t, c, p)
						wantOutcome(t, r, err, teardown.Deleted, "")
						sent := slices.DeleteFunc(writes(srv), func(w string) bool { return !strings.HasPrefix(w, operation+" ") })
						slices.Sort(sent)
						if once := slices.Compact(slices.Clone(sent)); len(once) != len(sent) || r.FinishedAt.Sub(r.StartedAt) > time.Minute {
							t.Errorf("sent %q in %v, want each once in less than a minute", sent, r.FinishedAt.Sub(r.StartedAt))
						}
					})
				})
			}
		}
	}
}

// A request that Katapult accepts and never starts is sent again, at most three times and
// within the timeout of the step.
func TestTeardown_AcceptedAndNeverStarted(t *testing.T) {
	t.Parallel()
	for operation, documented := range acceptedAnswers {
		for _, answer := range []offboardtest.Fault{
			offboardtest.Ignore(operation, 200, documented), offboardtest.Ignore(operation, 202, ""),
		} {
			if operation == "DeleteOrganization" && answer.Body == "" {
				continue // not a documented success: the outcome is open
			}
			for _, ignored := range []int{1, 3, forever} {
				t.Run(fmt.Sprintf("%s %d %d", operation, answer.Status, ignored), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv, c := serverFor(t, operation)
						p := newPlan(t, c)
						srv.Fail(times(ignored, answer))
						r, err := execute(t, c, p, teardown.WithStepTimeout(10*time.Minute))
						n := srv.Count(operation)
						if ignored < forever {
							wantOutcome(t, r, err, teardown.Deleted, "")
							if n < ignored+1 || operation != "PurgeTrashObject" && operation != "DeleteObjectStorageAccount" && n > ignored+1 {
								t.Errorf("%d requests, want %d", n, ignored+1)
							}
							return
						}
						want, code := teardown.Blocked, errors.NotFinished
						if operation == "DeleteOrganization" {
							want, code = teardown.Unknown, errors.OutcomeUnknown
						}
						wantOutcome(t, r, err, want, code)
						if n != 4 || !srv.Exists("org_acme") {
							t.Errorf("%d requests, want 4; the organization exists: %t", n, srv.Exists("org_acme"))
						}
					})
				})
			}
		}
	}
	t.Run("a managed organization", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv, c := newServer(t)
			srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
			p := newPlan(t, c)
			srv.Fail(times(3, offboardtest.Ignore("DeleteOrganization", 200, `{"success":true}`)))
			r, err := execute(t, c, p)
			wantOutcome(t, r, err, teardown.Deleted, "")
			if n := srv.Count("DeleteOrganization"); n != 5 {
				t.Errorf("%d deletions, want 4 of the managed organization and 1", n)
			}
		})
	})
}

// A task proves nothing: its resource is read.
func TestTeardown_TaskProvesNothing(t *testing.T) {
	t.Parallel()
	for name, task := range map[string]offboardtest.Fault{
		"running":     offboardtest.Respond("GetTask", 200, `{"task":{"id":"task_1","name":"x","status":"running","progress":50}}`),
		"pending":     offboardtest.Respond("GetTask", 200, `{"task":{"id":"task_1","name":"x","status":"pending","progress":0}}`),
		"not found":   fault("GetTask", 404, "task_not_found"),
		"failed":      offboardtest.Respond("GetTask", 200, `{"task":{"id":"task_1","name":"x","status":"failed","progress":50}}`),
		"a page":      offboardtest.HTMLResponse("GetTask", 403),
		"another one": offboardtest.Respond("GetTask", 200, `{"task":{"id":"task_other","name":"x","status":"failed"}}`),
		"refused":     fault("GetTask", 403, "scope_not_granted"),
		"unavailable": fault("GetTask", 503, "service_unavailable"),
	} {
		for operation, resources := range map[string][]katapulttest.Resource{
			"PurgeTrashObject":   {katapulttest.FileStorageVolume{ID: "fsv_1"}},
			"StopVirtualMachine": {katapulttest.VirtualMachine{ID: "vm_1"}},
			"DetachDisk":         removals["DetachDisk"],
		} {
			t.Run(operation+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newServer(t, resources...)
					p := newPlan(t, c)
					if name == "failed" {
						srv.SetTaskTime(0) // the work is done before the read of the failure
					}
					srv.Fail(times(forever, task))
					r, err := execute(t, c, p)
					wantOutcome(t, r, err, teardown.Deleted, "")
					if took := r.FinishedAt.Sub(r.StartedAt); took > 3*time.Minute {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

func TestTeardown_SubdomainReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
		srv.Add("org_acme", katapulttest.DNSZone{ID: "dnszone_1"})
		c := newClient(t, srv)
		p, err := c.Plan(t.Context(), katapult.Subdomain("acme"))
		must(t, err)
		register := offboardtest.Accept("DeleteOrganization", 502, "")
		register.EditBody = func(body []byte) []byte {
			srv.AddOrganization(katapulttest.Organization{ID: "org_new", Name: "Acme", Subdomain: "acme"})
			return body
		}
		srv.Fail(register)
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Deleted, "")
		if diff := cmp.Diff([]string{"org_acme"}, srv.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
		for _, request := range srv.Requests()[1:] {
			if strings.Contains(request.Query+string(request.Body), "sub_domain") {
				t.Errorf("%s %s %s", request.Operation, request.Query, request.Body)
			}
		}
	})
}

// An answer with another resource than the requested one proves nothing.
func TestTeardown_AnswerOfAnotherResource(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    offboardtest.Fault
		resource katapulttest.Resource
	}{
		"a read": {offboardtest.Respond("GetDisk", 200, `{"disk":{"id":"disk_other","name":"x"}}`), katapulttest.Disk{ID: "disk_1"}},
		"a deletion": {
			offboardtest.Ignore("DeleteDisk", 200, `{"trash_object":{"id":"trsh_other","object_id":"disk_other","object_type":"Disk"}}`),
			katapulttest.Disk{ID: "disk_1"},
		},
		"a machine": {
			offboardtest.Respond("GetVirtualMachine", 200, `{"virtual_machine":{"id":"vm_other","name":"x","state":"started"}}`),
			katapulttest.VirtualMachine{ID: "vm_1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, test.resource)
				p := newPlan(t, c)
				srv.Fail(times(forever, test.fault))
				r, err := execute(t, c, p)
				wantOutcome(t, r, err, teardown.Blocked, errors.UnexpectedResponse)
				if strings.Contains(strings.Join(writes(srv), " "), "_other") || srv.Count("PurgeTrashObject") != 0 {
					t.Errorf("written: %q", writes(srv))
				}
			})
		})
	}
}

// A 404 of a list or of the deletion steps proves nothing about the organization.
func TestPlan_OrganizationNotFoundByPart(t *testing.T) {
	t.Parallel()
	for _, operation := range reads {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
			fill(srv, "org_acme", "acme")
			srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
			c := newClient(t, srv)
			before := newPlan(t, c)
			missing := fault(operation, 404, "organization_not_found")
			srv.Fail(missing)
			if p, err := c.Plan(t.Context(), org); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
				t.Errorf("Plan: got %+v and %v, want %q", p, err, errors.UnexpectedResponse)
			}
			srv.Fail(missing)
			r, err := execute(t, c, before, teardown.WithOverrides(teardown.Partial))
			if r != nil || !errors.Is(err, errors.UnexpectedResponse) || len(writes(srv)) != 0 {
				t.Errorf("Teardown: got %+v and %v after %q, want %q", r, err, writes(srv), errors.UnexpectedResponse)
			}
			if operation == "GetDeletionSteps" {
				srv.Fail(missing)
				if err := c.CheckDeletion(t.Context(), org); !errors.Is(err, errors.UnexpectedResponse) {
					t.Errorf("CheckDeletion: got %v, want %q", err, errors.UnexpectedResponse)
				}
			}
			if operation == "ListTrashObjectsPage" {
				srv.Fail(missing)
				if err := c.WaitUntilTrashEmpty(t.Context(), org, nil); !errors.Is(err, errors.UnexpectedResponse) {
					t.Errorf("WaitUntilTrashEmpty: got %v, want %q", err, errors.UnexpectedResponse)
				}
			}
			// A 404 of the organization itself proves it.
			srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}, missing, fault("GetOrganization", 404, "organization_not_found"))
			if _, err := c.Plan(t.Context(), org); !errors.Is(err, errors.OrganizationNotFound) {
				t.Errorf("Plan: got %v, want %q", err, errors.OrganizationNotFound)
			}
		})
	}
}

// A 404 of a list of a managed organization proves nothing: neither the managed nor the
// managing organization is deleted.
func TestTeardown_ManagedOrganizationListNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t)
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
		srv.Add("org_child", katapulttest.DNSZone{})
		p := newPlan(t, c)
		srv.Fail(fault("ListDNSZonesPage", 404, "organization_not_found"))
		r, err := execute(t, c, p)
		wantOutcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if len(writes(srv)) != 0 {
			t.Errorf("written: %q", writes(srv))
		}
		for _, s := range r.Steps {
			if s.ID == "managed_organization/org_child" && (s.State == teardown.StepAlreadyDeleted || s.State == teardown.StepDeleted) {
				t.Errorf("%s is %s", s.ID, s.State)
			}
		}
	})
}

// An answer with another code or status, of another sender, or from a cache does not end a
// step.
func TestTeardown_UnprovenNotFound(t *testing.T) {
	t.Parallel()
	cached := fault("GetDisk", 404, "disk_not_found")
	cached.Header.Set("Age", "12")
	for name, f := range map[string]offboardtest.Fault{
		"another kind":        fault("GetDisk", 404, "virtual_machine_not_found"),
		"the organization":    fault("GetDisk", 404, "organization_not_found"),
		"no route":            fault("GetDisk", 404, "route_not_found"),
		"another status":      fault("GetDisk", 400, "disk_not_found"),
		"a page":              offboardtest.HTMLResponse("GetDisk", 404),
		"no code":             offboardtest.Respond("GetDisk", 404, `{}`),
		"cached":              cached,
		"an object in trash":  fault("GetDisk", 404, "trash_object_not_found"),
		"an unknown resource": fault("GetDisk", 404, "object_not_found"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, katapulttest.Disk{ID: "disk_1"})
				p := newPlan(t, c)
				srv.Fail(times(forever, f))
				r, err := execute(t, c, p)
				if err == nil || r == nil || r.Outcome != teardown.Blocked || r.Steps[0].State != teardown.StepFailed || srv.Count("DeleteOrganization") != 0 {
					t.Errorf("got %+v and %v", r, err)
				}
			})
		})
	}
}

// An item that moves from the second page of a list to the first between two reads is
// missed. A read of the item decides whether it exists.
func TestTeardown_MissedByPagedList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		count, size int
		uncounted   bool // Katapult does not count the items of a large set
		trashed     bool // the resources are in the trash
	}{
		"full pages":      {count: 103},
		"smaller pages":   {count: 53, size: 30}, // chosen by the server
		"uncounted items": {count: 103, uncounted: true},
		"trash":           {count: 103, uncounted: true, trashed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t)
				srv.SetMaxPageSize(test.size)
				srv.SetLargeSets(test.uncounted)
				ids := make([]string, test.count)
				for i := range ids {
					ids[i] = fmt.Sprintf("fsv_%d", i)
					srv.Add("org_acme", katapulttest.FileStorageVolume{ID: ids[i]})
				}
				p := newPlan(t, c)
				list := "ListFileStorageVolumesPage"
				if test.trashed {
					list = "ListTrashObjectsPage"
					srv.MoveToTrash(ids...)
				}
				// Another client deletes an item of the first page after the read of that page.
				srv.Fail(offboardtest.EditBody(list, func(body []byte) []byte {
					srv.Remove("fsv_20")
					return body
				}))
				r, err := execute(t, c, p)
				wantOutcome(t, r, err, teardown.Deleted, "")
				for _, s := range r.Steps {
					if want := map[bool]teardown.StepState{true: teardown.StepAlreadyDeleted, false: teardown.StepDeleted}[s.ID == "file_storage_volume/fsv_20"]; s.State != want {
						t.Errorf("%s is %s, want %s", s.ID, s.State, want)
					}
				}
			})
		})
	}
}

// A 400 to the read of a resource that no list shows is an error: the resource may exist.
func TestTeardown_MissedAndRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t)
		for i := range 103 {
			srv.Add("org_acme", katapulttest.FileStorageVolume{ID: fmt.Sprintf("fsv_%d", i)})
		}
		p := newPlan(t, c)
		// The first read of the first resource that the list lacks.
		srv.Fail(offboardtest.EditBody("ListFileStorageVolumesPage", func(body []byte) []byte {
			srv.Remove("fsv_20")
			return body
		}), offboardtest.Respond("GetFileStorageVolume", 400, `{"error":{"code":"unexpected_parameter","description":"","detail":{}}}`))
		before := len(writes(srv))
		r, err := execute(t, c, p)
		if e, _ := errors.AsType[*errors.Error](err); r != nil || e == nil || e.Status != 400 || !errors.Is(err, errors.InvalidArgument) || len(writes(srv)) > before {
			t.Errorf("got %+v, %v after %q", r, err, writes(srv))
		}
	})
}

// A plan only selects steps. A teardown removes only resources that a fresh read of the
// organization shows.
func TestTeardown_StepOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step    teardown.Step
		prepare func(*katapulttest.Server)
	}{
		"a disk":                          {step: teardown.Step{ID: "disk/disk_other", Kind: "disk"}},
		"a disk in the trash":             {teardown.Step{ID: "disk/disk_other", Kind: "disk"}, func(srv *katapulttest.Server) { srv.MoveToTrash("disk_other") }},
		"a disk in a machine":             {teardown.Step{ID: "disk/disk_vm_other", Kind: "disk"}, nil},
		"a disk in a machine in trash":    {teardown.Step{ID: "disk/disk_vm_other", Kind: "disk"}, func(srv *katapulttest.Server) { srv.MoveToTrash("vm_other") }},
		"a machine":                       {teardown.Step{ID: "virtual_machine/vm_other", Kind: "virtual_machine"}, nil},
		"a machine in the trash":          {teardown.Step{ID: "virtual_machine/vm_other", Kind: "virtual_machine"}, func(srv *katapulttest.Server) { srv.MoveToTrash("vm_other") }},
		"a disk of a managed one":         {teardown.Step{ID: "disk/org_child/disk_other", Kind: "disk"}, nil},
		"a managed organization":          {teardown.Step{ID: "managed_organization/org_other", Kind: "managed_organization"}, nil},
		"a zone":                          {teardown.Step{ID: "dns_zone/dnszone_other", Kind: "dns_zone"}, nil},
		"an object in the trash":          {teardown.Step{ID: "trash_object/trsh_2", Kind: "trash_object"}, func(srv *katapulttest.Server) { srv.MoveToTrash("disk_other") }},
		"object storage":                  {teardown.Step{ID: "object_storage_account/nl-ams-1", Kind: "object_storage_account"}, nil},
		"a bucket":                        {teardown.Step{ID: "object_storage_bucket/nl-ams-1/b", Kind: "object_storage_bucket"}, nil},
		"a key":                           {teardown.Step{ID: "object_storage_access_key/k_other", Kind: "object_storage_access_key"}, nil},
		"the machine as another kind":     {teardown.Step{ID: "file_storage_volume/vm_1", Kind: "file_storage_volume"}, nil},
		"a disk of a managed one, nested": {teardown.Step{ID: "disk/org_child/disk_vm_other", Kind: "disk"}, func(srv *katapulttest.Server) { srv.MoveToTrash("vm_other", "vm_child") }},
	} {
		for _, after := range []string{"virtual_machine/vm_1", "virtual_machine/org_child/vm_child"} {
			t.Run(name+" after "+after, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped})
					srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
					srv.Add("org_child", katapulttest.VirtualMachine{ID: "vm_child", State: katapult.VirtualMachineStateStopped})
					srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
					srv.Add("org_other", katapulttest.VirtualMachine{ID: "vm_other", State: katapult.VirtualMachineStateStopped},
						katapulttest.Disk{ID: "disk_other"}, katapulttest.DNSZone{ID: "dnszone_other"},
						katapulttest.ObjectStorage{Region: "nl-ams-1"}, katapulttest.Bucket{Name: "b", Region: "nl-ams-1"},
						katapulttest.AccessKey{ID: "k_other", Region: "nl-ams-1", Buckets: []string{"b"}})
					p := newPlan(t, c)
					test := test            // changed below
					srv.MoveToTrash("vm_1") // as the step itself does
					if test.prepare != nil {
						test.prepare(srv)
					}
					remaining := srv.Remaining("org_other")
					test.step.Name, test.step.After = "x", []string{after}
					if test.step.Kind == "managed_organization" {
						test.step.Requires = []teardown.Override{teardown.ManagedOrganizations}
					}
					p.Steps = append(p.Steps, test.step)
					r, err := execute(t, c, teardownsuite.Seal(p), teardown.WithStepTimeout(10*time.Minute))
					if diff := cmp.Diff(remaining, srv.Remaining("org_other")); diff != "" || !srv.Exists("org_other") {
						t.Errorf("another organization changed (-want +got):\n%s", diff)
					}
					id := test.step.ID[strings.LastIndex(test.step.ID, "/")+1:]
					for _, w := range writes(srv) {
						if id != "vm_1" && strings.Contains(w, `"`+id+`"`) {
							t.Errorf("written: %s", w)
						}
					}
					if r != nil && r.Outcome == teardown.Unknown {
						t.Errorf("got %+v and %v", r, err)
					}
				})
			})
		}
	}
}

// Manual and Requires of a step whose resource is in the trash come from a fresh read, not
// from the plan.
func TestTeardown_TrashedStepFromFreshRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t)
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Labs", Parent: "org_acme"})
		srv.Add("org_child", katapulttest.FileStorageVolume{ID: "fsv_1"})
		p := newPlan(t, c)
		srv.MoveToTrash("fsv_1")
		for i := range p.Steps {
			p.Steps[i].Requires = nil
		}
		r, err := c.Teardown(t.Context(), teardownsuite.Seal(p), teardown.WithConfirm("Acme"))
		if r != nil || err == nil || len(writes(srv)) != 0 {
			t.Errorf("got %+v, %v and %q", r, err, writes(srv))
		}
	})
}

// A step that deletes an organization has its ID and name.
func TestPlan_ManagedOrganizationOfStep(t *testing.T) {
	t.Parallel()
	srv, c := newServer(t, katapulttest.DNSZone{})
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Name: "Labs", Parent: "org_acme"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_grandchild", Name: "Labs Two", Parent: "org_child"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_suspended", Name: "Labs Three", Parent: "org_acme", Suspended: true})
	got := map[string]teardown.Organization{}
	for _, s := range newPlan(t, c).Steps {
		if s.Organization != nil {
			got[s.ID] = *s.Organization
		}
	}
	want := map[string]teardown.Organization{
		"managed_organization/org_child":                {ID: "org_child", Name: "Labs"},
		"managed_organization/org_child/org_grandchild": {ID: "org_grandchild", Name: "Labs Two"},
		"managed_organization/org_suspended":            {ID: "org_suspended", Name: "Labs Three"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
}

// A firewall's HTML page instead of the answer of a read never hides a blocker.
func TestPlan_HTMLResponse(t *testing.T) {
	t.Parallel()
	for _, operation := range append([]string{"GetOrganization", "GetObjectStorageBucket"}, reads...) {
		for _, f := range []offboardtest.Fault{
			offboardtest.HTMLResponse(operation, 403), offboardtest.Respond(operation, 403, ""), offboardtest.HTMLResponse(operation, 404),
			offboardtest.Respond(operation, 403, `{"message":"Forbidden"}`),
		} {
			t.Run(fmt.Sprint(operation, f.Status, f.Body), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := katapulttest.NewServer()
					srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
					fill(srv, "org_acme", "acme")
					srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
					c := newClient(t, srv)
					srv.Fail(times(100, f))
					if p, err := c.Plan(t.Context(), org); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("got %+v and %v, want %q", p, err, errors.UnexpectedResponse)
					}
					if operation != "GetOrganization" && operation != "GetDeletionSteps" {
						return
					}
					if err := c.CheckDeletion(t.Context(), org); !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("CheckDeletion: got %v, want %q", err, errors.UnexpectedResponse)
					}
				})
			})
		}
	}
}

// The same for each managed organization. Only Katapult's own refusal makes it a manual
// step.
func TestPlan_HTMLResponseForManagedOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.DNSZone{})
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
		srv.Fail(offboardtest.Fault{Operation: "GetDeletionSteps"}, times(100, offboardtest.HTMLResponse("GetDeletionSteps", 403)))
		if p, err := c.Plan(t.Context(), org); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
			t.Errorf("got %+v and %v, want %q", p, err, errors.UnexpectedResponse)
		}
	})
}

// If no read decides after an accepted deletion, the outcome is unknown.
func TestTeardown_OrganizationNotRead(t *testing.T) {
	t.Parallel()
	cached := fault("GetOrganization", 404, "organization_not_found")
	cached.Header.Set("Age", "7")
	for name, f := range map[string]offboardtest.Fault{
		"a page":               offboardtest.HTMLResponse("GetOrganization", 403),
		"a page of a route":    offboardtest.HTMLResponse("GetOrganization", 404),
		"no route":             fault("GetOrganization", 404, "route_not_found"),
		"another kind":         fault("GetOrganization", 404, "disk_not_found"),
		"another status":       fault("GetOrganization", 403, "organization_not_found"),
		"denied":               fault("GetOrganization", 403, "permission_denied"),
		"a token that ended":   fault("GetOrganization", 403, "invalid_api_token"),
		"suspended":            fault("GetOrganization", 403, "organization_suspended"),
		"unavailable":          fault("GetOrganization", 503, "service_unavailable"),
		"cached":               cached,
		"another organization": offboardtest.Respond("GetOrganization", 200, `{"organization":{"id":"org_other","name":"Acme","sub_domain":"other","managed":true}}`),
	} {
		for _, n := range []int{12, forever} {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newServer(t)
					p := newPlan(t, c)
					srv.Fail(offboardtest.Fault{Operation: "DeleteOrganization", EditRequest: func(*http.Request) { srv.Fail(times(n, f)) }})
					r, err := execute(t, c, p)
					if n < forever {
						wantOutcome(t, r, err, teardown.Deleted, "")
					} else {
						wantOutcome(t, r, err, teardown.Unknown, errors.OutcomeUnknown)
					}
					if n := srv.Count("DeleteOrganization"); n != 1 {
						t.Errorf("%d deletions were sent", n)
					}
				})
			})
		}
	}
}

// If neither a task nor its resource changes, the task was never started: the request is
// sent again. A teardown waits for a task with progress.
func TestTeardown_TaskWithoutProgress(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"PurgeTrashObject":   `{"task":{"id":"task_stuck","name":"x","status":"pending"}}`,
		"StopVirtualMachine": `{"task":{"id":"task_stuck","name":"x","status":"pending"}}`,
		"DetachDisk":         `{"disk":{"id":"disk_1","name":"x"},"task":{"id":"task_stuck","name":"x","status":"pending"}}`,
	}
	for operation, resources := range map[string][]katapulttest.Resource{
		"PurgeTrashObject":   {katapulttest.FileStorageVolume{ID: "fsv_1"}},
		"StopVirtualMachine": {katapulttest.VirtualMachine{ID: "vm_1"}},
		"DetachDisk":         removals["DetachDisk"],
	} {
		for _, moves := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, progress %t", operation, moves), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newServer(t, resources...)
					p := newPlan(t, c)
					srv.Fail(offboardtest.Ignore(operation, 200, answers[operation]))
					if moves {
						for i := range 99 {
							srv.Fail(offboardtest.Respond("GetTask", 200, fmt.Sprintf(`{"task":{"id":"task_stuck","name":"x","status":"running","progress":%d}}`, i)))
						}
					} else {
						srv.Fail(times(forever, offboardtest.Respond("GetTask", 200, `{"task":{"id":"task_stuck","name":"x","status":"running","progress":50}}`)))
					}
					r, err := execute(t, c, p, teardown.WithStepTimeout(10*time.Minute))
					sent := srv.Count(operation)
					if moves {
						if err == nil || sent != 1 {
							t.Errorf("got %v after %d requests, want one", err, sent)
						}
						return
					}
					wantOutcome(t, r, err, teardown.Deleted, "")
					if sent < 2 {
						t.Errorf("%d requests, want 2", sent)
					}
				})
			})
		}
	}
}

// If the answer of a repeated request is lost, or a retryable error, the attempt continues,
// and the resource decides.
func TestTeardown_LostAnswerOfRepeat(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]offboardtest.Fault{
		"lost":     offboardtest.LoseRequest("DeleteDNSZone"),
		"no queue": times(5, fault("DeleteDNSZone", 406, "task_queueing_error")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
				p := newPlan(t, c)
				srv.Fail(offboardtest.Ignore("DeleteDNSZone", 200, `{"deleted":true}`), f)
				r, err := execute(t, c, p)
				wantOutcome(t, r, err, teardown.Deleted, "")
				if r.Steps[0].Attempts != 1 {
					t.Errorf("%d attempts, want 1", r.Steps[0].Attempts)
				}
			})
		})
	}
}

// A read of a resource reports that its managed organization does not exist. Only a read of
// the organization proves it.
func TestTeardown_ManagedOrganizationNotFoundByPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t)
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
		srv.Add("org_child", katapulttest.DNSZone{ID: "dnszone_1"})
		p := newPlan(t, c)
		r, err := execute(t, c, p, teardown.WithOverrides(teardown.ManagedOrganizations), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventStarted && e.Step == "dns_zone/org_child/dnszone_1" {
				srv.Fail(times(forever, fault("GetDNSZone", 404, "organization_not_found")))
			}
		}))
		if err == nil || r == nil || r.Outcome != teardown.Blocked || r.Steps[0].State != teardown.StepFailed || srv.Count("DeleteOrganization") != 0 {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

// An edited plan cannot avoid a manual step and its override: that the plan names another
// resource does not prove that this resource keeps the deletion step open.
func TestTeardown_PlanWithoutManualStep(t *testing.T) {
	t.Parallel()
	storage := []katapulttest.Resource{
		katapulttest.ObjectStorage{Region: "uk-lon-1"}, katapulttest.Bucket{Name: "named", Region: "uk-lon-1"},
		katapulttest.AccessKey{ID: "key_1", Region: "uk-lon-1", Buckets: []string{"named"}},
	}
	unnamed := katapulttest.Bucket{Name: "unnamed", Region: "uk-lon-1"}
	for name, test := range map[string]struct {
		resources, later []katapulttest.Resource
		manual           string         // the kind whose step is removed from the plan
		added            *teardown.Step // added to the plan
	}{
		"a bucket that no key names":      {resources: append(storage, unnamed), manual: "object_storage_buckets"},
		"a bucket created after the plan": {resources: storage, later: []katapulttest.Resource{unnamed}},
		"another bucket instead": {
			resources: append(storage[:1:1], unnamed, katapulttest.AccessKey{ID: "key_1", Region: "uk-lon-1"}), manual: "object_storage_buckets",
			added: &teardown.Step{ID: "object_storage_bucket/uk-lon-1/none", Kind: "object_storage_bucket", Name: "none"},
		},
		"object storage that no key names": {
			resources: []katapulttest.Resource{katapulttest.ObjectStorage{Region: "uk-lon-1"}, katapulttest.DNSZone{ID: "dnszone_1"}}, manual: "object_storage",
			added: &teardown.Step{ID: "object_storage_access_key/none", Kind: "object_storage_access_key", Name: "none"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, test.resources...)
				p := newPlan(t, c)
				n := len(p.Steps)
				p.Steps = slices.DeleteFunc(p.Steps, func(s teardown.Step) bool { return s.Kind == test.manual })
				if test.manual != "" && len(p.Steps) != n-1 {
					t.Fatalf("the plan has no step of kind %s", test.manual)
				}
				for i := range p.Steps {
					p.Steps[i].After = slices.DeleteFunc(p.Steps[i].After, func(id string) bool { return strings.HasPrefix(id, test.manual+"/") })
				}
				if test.added != nil {
					p.Steps = append(p.Steps, *test.added)
				}
				srv.Add("org_acme", test.later...)
				if r, err := execute(t, c, teardownsuite.Seal(p)); r != nil || !errors.Is(err, errors.PlanStale) || len(writes(srv)) != 0 {
					t.Errorf("got %+v, %v and %q; want %q and no write", r, err, writes(srv), errors.PlanStale)
				}
			})
		})
	}
}

// Katapult may count a removed resource for a while: the open step is no new blocker.
func TestTeardown_RemovedAndStillOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"})
		p := newPlan(t, c)
		r, err := execute(t, c, p, teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventFinished && e.Step == "dns_zone/dnszone_1" {
				srv.Fail(times(2, answerSteps(`{"dns_zones":{"satisfied":false}}`)))
			}
		}))
		wantOutcome(t, r, err, teardown.Deleted, "")
	})
}

// A stop ends the waits for a rate limit within calls, and no write is sent after it.
func TestTeardown_StopWithinCalls(t *testing.T) {
	t.Parallel()
	limited := func(operation string) offboardtest.Fault {
		return times(forever, offboardtest.Fault{
			Operation: operation, Status: 429, Body: `{"error":{"code":"rate_limit_reached","description":"","detail":{"total_permitted":1}}}`,
			Header: http.Header{"Retry-After": {"80"}, "Content-Type": {"application/json"}},
		})
	}
	for name, test := range map[string]struct {
		fault offboardtest.Fault
		want  teardown.Outcome // "" for no report
	}{
		"a removal":           {limited("DeleteDNSZone"), teardown.Stopped},
		"a read of a removal": {limited("GetDNSZone"), teardown.Stopped},
		"an inspection":       {limited("GetDeletionSteps"), ""},
		"the deletion":        {limited("DeleteOrganization"), teardown.Stopped},
		"a deletion that never started": {
			times(forever, offboardtest.Ignore("DeleteOrganization", 200, `{"success":true}`)), teardown.Unknown,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newServer(t, katapulttest.DNSZone{ID: "dnszone_1"}, katapulttest.DNSZone{ID: "dnszone_2"})
				p := newPlan(t, c)
				srv.Fail(test.fault)
				stop := make(chan struct{})
				time.AfterFunc(5*time.Second, func() { close(stop) })
				start := time.Now()
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithStop(stop))
				if r == nil && test.want != "" || r != nil && r.Outcome != test.want || err == nil {
					t.Errorf("got %+v and %v, want %q", r, err, test.want)
				}
				if took := time.Since(start); took > 6*time.Second {
					t.Errorf("it took %v, want 5 s", took)
				}
				for _, request := range srv.Requests() {
					if request.Method != http.MethodGet && request.Time.Sub(start) > 5*time.Second {
						t.Errorf("%s was sent after the stop", request.Operation)
					}
				}
			})
		})
	}
}

// newPlan returns a plan for Acme.
func newPlan(t *testing.T, c *katapult.Client) *teardown.Plan {
	t.Helper()
	p, err := c.Plan(t.Context(), org)
	must(t, err)
	return p
}

// execute applies a plan for Acme.
func execute(t *testing.T, c *katapult.Client, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	t.Helper()
	return c.Teardown(t.Context(), p, append(options, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.ManagedOrganizations))...)
}

// wantOutcome checks the outcome and the error of a teardown of Acme.
func wantOutcome(t *testing.T, r *teardown.Report, err error, want teardown.Outcome, code errors.Code) {
	t.Helper()
	if r == nil || r.Outcome != want || code == "" && err != nil || code != "" && !errors.Is(err, code) {
		t.Fatalf("got %+v, %v; want %q, %q", r, err, want, code)
	}
}

// newServer returns a fake with an organization that has the resources, and a client.
func newServer(t *testing.T, resources ...katapulttest.Resource) (*katapulttest.Server, *katapult.Client) {
	t.Helper()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
	srv.Add("org_acme", resources...)
	return srv, newClient(t, srv)
}

// stepsOf returns a line for each step: the ID, After, and properties such as manual.
func stepsOf(p *teardown.Plan) []string {
	lines := []string{}
	for _, s := range p.Steps {
		line := s.ID
		if len(s.After) > 0 {
			line += " after " + strings.Join(s.After, ", ")
		}
		if s.Manual {
			line += ", manual"
		}
		if len(s.Requires) > 0 {
			line += fmt.Sprint(", requires ", s.Requires)
		}
		lines = append(lines, line)
	}
	return lines
}

// writes returns the writes with their bodies.
func writes(srv *katapulttest.Server) []string {
	var operations []string
	for _, r := range srv.Requests() {
		if r.Method != "GET" {
			operations = append(operations, r.Operation+" "+string(r.Body))
		}
	}
	return operations
}

// answerSteps answers with the deletion steps of Acme.
func answerSteps(steps string) offboardtest.Fault {
	return offboardtest.Respond("GetDeletionSteps", 200, `{"steps":`+steps+`}`)
}

// wantOrder checks the order of operations.
func wantOrder(t *testing.T, srv *katapulttest.Server, want ...string) {
	t.Helper()
	all := writes(srv)
	for i := range want {
		at := slices.IndexFunc(all, func(w string) bool { return strings.HasPrefix(w, want[i]) })
		if at < 0 {
			t.Fatalf("%s is missing or too early; all: %q", want[i], writes(srv))
		}
		all = all[at+1:]
	}
}

// accountInTrash answers that object storage is in the trash, without its object.
var accountInTrash = offboardtest.Respond("GetObjectStorageAccount", 406, `{"error":{"code":"object_in_trash","description":"","detail":{"trash_object":null}}}`)

// forever is the number of times of a permanent fault.
const forever = 100_000

// times returns a fault for n requests.
func times(n int, f offboardtest.Fault) offboardtest.Fault {
	f.Times = n
	return f
}

// removals are the writes of a teardown, each with the resources that require it.
var removals = map[string][]katapulttest.Resource{
	"DeleteLoadBalancer":           {katapulttest.LoadBalancer{ID: "lb_1"}},
	"DeleteDNSZone":                {katapulttest.DNSZone{ID: "dnszone_1"}},
	"DeleteDiskBackupPolicy":       {katapulttest.DiskBackupPolicy{ID: "dbp_1"}},
	"StopVirtualMachine":           {katapulttest.VirtualMachine{ID: "vm_1"}},
	"DetachDisk":                   {katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateFailed}, katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1"}},
	"UnassignDisk":                 {katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped}, katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1", Detached: true}},
	"DeleteVirtualMachine":         {katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped}},
	"DeleteDisk":                   {katapulttest.Disk{ID: "disk_1"}},
	"DeleteFileStorageVolume":      {katapulttest.FileStorageVolume{ID: "fsv_1"}},
	"PurgeTrashObject":             {katapulttest.Disk{ID: "disk_1"}},
	"DeleteObjectStorageBucket":    {katapulttest.ObjectStorage{}, katapulttest.Bucket{Name: "b"}, katapulttest.AccessKey{ID: "k", Buckets: []string{"b"}}},
	"DeleteObjectStorageAccessKey": {katapulttest.AccessKey{ID: "k"}},
	"DeleteObjectStorageAccount":   {katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "k"}},
	"DeleteVirtualNetwork":         {katapulttest.VirtualNetwork{ID: "vnet_1"}},
	"UnallocateIPAddress":          {katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.IPAddress{ID: "ip_1", AllocatedTo: "vm_other"}},
	"DeleteIPAddress":              {katapulttest.IPAddress{ID: "ip_1"}},
	"DeleteOrganization":           nil,
}

// serverFor returns a fake with an organization whose teardown requires an operation.
func serverFor(t *testing.T, operation string) (*katapulttest.Server, *katapult.Client) {
	t.Helper()
	srv, c := newServer(t)
	if operation == "UnallocateIPAddress" {
		srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
		srv.Add("org_other", katapulttest.VirtualMachine{ID: "vm_other"})
	}
	srv.Add("org_acme", removals[operation]...)
	return srv, c
}

// acceptedAnswers are the documented answers of accepted requests.
var acceptedAnswers = map[string]string{
	"DeleteLoadBalancer":           `{"load_balancer":{"id":"lb_1"}}`,
	"DeleteDNSZone":                `{"deleted":true}`,
	"DeleteDiskBackupPolicy":       `{"disk_backup_policy":{"id":"dbp_1"}}`,
	"StopVirtualMachine":           `{"task":{"id":"task_none","status":"pending"}}`,
	"DetachDisk":                   `{"task":{"id":"task_none","status":"pending"}}`,
	"UnassignDisk":                 `{"disk":{"id":"disk_1","name":"disk_1"}}`,
	"DeleteVirtualMachine":         `{"trash_object":{"id":"trsh_none","object_id":"vm_1","object_type":"VirtualMachine"}}`,
	"DeleteDisk":                   `{"trash_object":{"id":"trsh_none","object_id":"disk_1","object_type":"Disk"}}`,
	"DeleteFileStorageVolume":      `{"trash_object":{"id":"trsh_none","object_id":"fsv_1","object_type":"FileStorageVolume"}}`,
	"PurgeTrashObject":             `{"task":{"id":"task_none","status":"pending"}}`,
	"DeleteObjectStorageBucket":    `{"success":true}`,
	"DeleteObjectStorageAccessKey": `{"success":true}`,
	"DeleteObjectStorageAccount":   `{"trash_object":{"id":"trsh_none","object_type":"ObjectStorageAccount"}}`,
	"DeleteVirtualNetwork":         `{"virtual_network":{"id":"vnet_1"}}`,
	"UnallocateIPAddress":          `{}`,
	"DeleteIPAddress":              `{}`,
	"DeleteOrganization":           `{"success":true}`,
}

// reads are the reads of a plan in addition to the organization.
var reads = []string{
	"GetDeletionSteps", "ListManagedOrganizationsPage", "ListLoadBalancersPage", "ListDNSZonesPage", "ListDiskBackupPoliciesPage",
	"ListVirtualMachinesPage", "ListDisksPage", "ListFileStorageVolumesPage", "ListObjectStorageAccessKeysPage", "GetObjectStorageAccount",
	"ListTrashObjectsPage", "ListVirtualNetworksPage", "ListIPAddressesPage", "ListDiskTemplatesPage",
}

// The report and the journal have the provider's IDs of the requests.
func TestTeardown_RequestIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := newServer(t, katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.DNSZone{ID: "dnszone_1"})
		var journal bytes.Buffer
		r, err := execute(t, c, newPlan(t, c), teardown.WithJournal(&journal))
		wantOutcome(t, r, err, teardown.Deleted, "")
		for _, s := range r.Steps {
			if s.RequestID == "" {
				t.Errorf("%s has no request ID", s.ID)
			}
		}
		last := teardown.Entry{}
		for e, err := range teardown.ReadJournal(&journal) {
			must(t, err)
			last = e
		}
		if last.Kind != teardown.EntryFinished || last.RequestID == "" {
			t.Errorf("got the last entry %+v", last)
		}
	})
}
