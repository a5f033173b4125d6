package katapult_test

import (
	"context"
	"fmt"
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

// fill gives an organization everything that can stand in its way, with ids that end
// in a suffix. What is to be removed by hand is returned.
func fill(srv *katapulttest.Server, organization, suffix string) (byHand []string) {
	region := "uk-lon-1"
	srv.Add(organization,
		katapulttest.VirtualNetwork{ID: "vnet_" + suffix, Name: "backbone"},
		katapulttest.VirtualMachine{ID: "vm_" + suffix, Name: "web", ISO: "iso_" + suffix, Networks: []string{"vnet_" + suffix}},
		katapulttest.VirtualMachine{ID: "vm_stopped_" + suffix, State: katapult.VirtualMachineStateStopped},
		katapulttest.VirtualMachine{ID: "vm_failed_" + suffix, State: katapult.VirtualMachineStateFailed},
		katapulttest.VirtualMachine{ID: "vm_old_" + suffix, State: katapult.VirtualMachineStateStopped, Networks: []string{"vnet_" + suffix}},
		katapulttest.Disk{ID: "disk_" + suffix, Name: "data", VirtualMachine: "vm_" + suffix},
		katapulttest.Disk{ID: "disk_attached_" + suffix, VirtualMachine: "vm_failed_" + suffix},
		katapulttest.Disk{ID: "disk_free_" + suffix},
		katapulttest.FileStorageVolume{ID: "fsv_" + suffix, Name: "shared", Associations: []string{"vm_" + suffix}},
		katapulttest.FileStorageVolume{ID: "fsv_old_" + suffix},
		katapulttest.DiskBackupPolicy{ID: "dbp_" + suffix, Target: "disk_" + suffix},
		katapulttest.DiskBackupPolicy{ID: "dbp_vm_" + suffix, Target: "vm_" + suffix},
		katapulttest.ISO{ID: "iso_" + suffix, Name: "rescue"},
		katapulttest.DiskTemplate{ID: "dtpl_" + suffix, Name: "golden"},
		katapulttest.LoadBalancer{ID: "lb_" + suffix, Name: "front", Targets: []string{"vm_" + suffix}},
		katapulttest.DNSZone{ID: "dnszone_" + suffix, Name: suffix + ".example"},
		katapulttest.IPAddress{ID: "ip_" + suffix, AllocatedTo: "vm_" + suffix},
		katapulttest.IPAddress{ID: "ip_lb_" + suffix, AllocatedTo: "lb_" + suffix},
		katapulttest.IPAddress{ID: "ip_old_" + suffix, AllocatedTo: "vm_old_" + suffix},
		katapulttest.IPAddress{ID: "ip_free_" + suffix},
		katapulttest.ObjectStorage{Region: region},
		katapulttest.Bucket{Name: "named-" + suffix, Region: region},
		katapulttest.AccessKey{ID: "objkey_" + suffix, Name: "writer", Region: region, Buckets: []string{"named-" + suffix}},
		katapulttest.AccessKey{ID: "objkey_all_" + suffix, Name: "admin", Region: region},
		katapulttest.AccessKey{ID: "objkey_ams_" + suffix, Name: "reader", Region: "nl-ams-1"},
		katapulttest.ObjectStorage{Region: "nl-ams-1"},
	)
	srv.MoveToTrash("vm_old_"+suffix, "fsv_old_"+suffix)
	known := srv.Remaining(organization)
	srv.Add(organization, katapulttest.Bucket{Name: "unnamed-" + suffix, Region: region})
	left := srv.Remaining(organization)
	return []string{"iso_" + suffix, "dtpl_" + suffix, left[len(known)]}
}

// everything returns a double with two organizations that have everything, themselves
// and those that they manage, and what removes by hand what no API does.
func everything() (srv *katapulttest.Server, byHand func()) {
	srv = katapulttest.NewServer()
	open := []string{"ensure_zero_balance", "ensure_no_outstanding_invoices"}
	hands := map[string][]string{}
	for _, o := range []katapulttest.Organization{
		{ID: "org_acme", Name: "Acme"},
		{ID: "org_child", Name: "Acme Labs", Parent: "org_acme"},
		{ID: "org_grandchild", Name: "Acme Labs Two", Parent: "org_child"},
		{ID: "org_other", Name: "Other"},
		{ID: "org_other_child", Name: "Other Labs", Parent: "org_other"},
	} {
		o.Open = open
		srv.AddOrganization(o)
		suffix := o.ID[len("org_"):]
		switch o.ID {
		case "org_grandchild", "org_other_child":
			srv.Add(o.ID, katapulttest.DNSZone{}, katapulttest.FileStorageVolume{ID: "fsv_" + suffix}, katapulttest.ISO{ID: "iso_" + suffix})
			hands[o.ID] = []string{"iso_" + suffix}
		default:
			hands[o.ID] = fill(srv, o.ID, suffix)
		}
	}
	return srv, func() {
		for _, id := range []string{"org_acme", "org_child", "org_grandchild"} {
			srv.SetOpen(id)
			srv.Remove(hands[id]...)
		}
	}
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	teardownsuite.Provider{
		Kinds: []string{
			"disk", "disk_backup_policy", "disk_template", "dns_zone", "ensure_no_outstanding_invoices",
			"ensure_zero_balance", "file_storage_volume", "ip_address", "isos", "load_balancer",
			"managed_organization", "object_storage_access_key", "object_storage_account",
			"object_storage_bucket", "object_storage_buckets", "trash_object", "virtual_machine", "virtual_network",
		},
		Overrides: []teardown.Override{teardown.ManagedOrganizations},
		Outcome:   teardown.Deleted,
		New: func(tb testing.TB) *teardownsuite.World {
			srv, byHand := everything()
			c, err := katapult.New(srv.Option())
			if err != nil {
				tb.Fatal(err)
			}
			return &teardownsuite.World{
				Server: srv.Server, Name: "Acme",
				Plan:              func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, org) },
				Teardown:          c.Teardown,
				Check:             func(ctx context.Context) error { return c.CheckDeletion(ctx, org) },
				ResolveManual:     byHand,
				AddBlocker:        func() { srv.Add("org_grandchild", katapulttest.VirtualMachine{ID: "vm_new"}) },
				AddDuringTeardown: func() { srv.Add("org_acme", katapulttest.VirtualMachine{ID: "vm_new"}) },
				PlanOther:         func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, katapult.ID("org_other")) },
				Deleted:           func() bool { return !srv.Exists("org_acme") },
				Unrelated: func() any {
					rest := map[string][]string{}
					for _, id := range []string{"org_other", "org_other_child"} {
						if srv.Exists(id) {
							rest[id] = srv.Remaining(id)
						}
					}
					return rest
				},
			}
		},
	}.Run(t)
}

// planned returns a plan for Acme.
func planned(t *testing.T, c *katapult.Client) *teardown.Plan {
	t.Helper()
	p, err := c.Plan(t.Context(), org)
	must(t, err)
	return p
}

// carriedOut carries out a plan for Acme.
func carriedOut(t *testing.T, c *katapult.Client, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	t.Helper()
	return c.Teardown(t.Context(), p, append(options, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.ManagedOrganizations))...)
}

// outcome checks what became of Acme.
func outcome(t *testing.T, r *teardown.Report, err error, want teardown.Outcome, code errors.Code) {
	t.Helper()
	if r == nil || r.Outcome != want || code == "" && err != nil || code != "" && !errors.Is(err, code) {
		t.Fatalf("got %+v, %v; want %q, %q", r, err, want, code)
	}
}

// withThings returns a double with an organization that has some things, and a client.
func withThings(t *testing.T, things ...katapulttest.Resource) (*katapulttest.Server, *katapult.Client) {
	t.Helper()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
	srv.Add("org_acme", things...)
	return srv, newClient(t, srv)
}

// stepsOf returns a line for each step: its id, what it comes after, and what is special.
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

// writes returns the operations that changed something, with their bodies.
func writes(srv *katapulttest.Server) []string {
	var operations []string
	for _, r := range srv.Requests() {
		if r.Method != "GET" {
			operations = append(operations, r.Operation+" "+string(r.Body))
		}
	}
	return operations
}

func TestThePlanHasEverythingInOrder(t *testing.T) {
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
	p := planned(t, newClient(t, srv))
	if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]teardown.Override{teardown.ManagedOrganizations}, p.Overrides()); diff != "" {
		t.Errorf("consents (-want +got):\n%s", diff)
	}
	for id, want := range map[string]string{
		"ensure_zero_balance/org_acme":    "Katapult reports this deletion step as open: Still to do: ensure zero balance.",
		"object_storage_buckets/uk-lon-1": "no access key and no list names 1 of the buckets",
		"trash_object/trsh_1":             "it is in the trash",
		"load_balancer/lb_a":              "it keeps the deletion step load_balancers open",
		"disk/disk_vm_a":                  "it keeps the deletion step disks open",
	} {
		if i := slices.IndexFunc(p.Steps, func(s teardown.Step) bool { return s.ID == id }); i < 0 || p.Steps[i].Why != want {
			t.Errorf("%s: got %+v, want %q", id, p.Steps[max(i, 0)], want)
		}
	}
}

func TestOnlyListsOfOpenStepsAreRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		things []katapulttest.Resource
		want   []string
	}{
		"nothing is left": {nil, nil},
		"a zone":          {[]katapulttest.Resource{katapulttest.DNSZone{Name: "acme.example"}}, []string{"ListDNSZonesPage"}},
		"an image":        {[]katapulttest.Resource{katapulttest.ISO{}}, nil},
		"a key": {
			[]katapulttest.Resource{katapulttest.AccessKey{}},
			[]string{"ListObjectStorageAccessKeysPage", "GetObjectStorageAccount"},
		},
		// The address that it held may be the organization's.
		"a load balancer": {[]katapulttest.Resource{katapulttest.LoadBalancer{}}, []string{"ListLoadBalancersPage", "ListIPAddressesPage"}},
		"a machine": {
			[]katapulttest.Resource{katapulttest.VirtualMachine{}},
			[]string{"ListVirtualMachinesPage", "ListDisksPage", "ListIPAddressesPage"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := withThings(t, test.things...)
			planned(t, c)
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

// answerSteps answers with the deletion steps of Acme.
func answerSteps(steps string) offboardtest.Fault {
	return offboardtest.Respond("GetDeletionSteps", 200, `{"steps":`+steps+`}`)
}

func TestADeletionStepThatIsNotToldMayBeOpen(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"})
	srv.Fail(answerSteps(`{"disks":{"satisfied":true},"isos":{},"bare_metal":{"description":"Give it back."}}`))
	want := []string{"dns_zone/dnszone_1", "isos/org_acme, manual", "bare_metal/org_acme, manual"}
	if diff := cmp.Diff(want, stepsOf(planned(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if srv.Count("ListDisksPage") != 0 || srv.Count("ListVirtualMachinesPage") != 1 {
		t.Error("what is satisfied was listed, or what is not told was not")
	}
}

func TestTheOrganizationThatAnswersHasToBeTheOneThatIsNamed(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t)
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

// order checks that some operations came in an order.
func order(t *testing.T, srv *katapulttest.Server, want ...string) {
	t.Helper()
	all := writes(srv)
	for i := range want {
		at := slices.IndexFunc(all, func(w string) bool { return strings.HasPrefix(w, want[i]) })
		if at < 0 {
			t.Fatalf("%s did not come, or came too early; all: %q", want[i], writes(srv))
		}
		all = all[at+1:]
	}
}

func TestAMachineIsStoppedAndStrippedBeforeItGoes(t *testing.T) {
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
		begin func(context.Context, *katapult.Client) error
		want  []string
	}{
		"started": {want: append([]string{machine("StopVirtualMachine")}, rest...)},
		"stopped": {state: katapult.VirtualMachineStateStopped, want: append([]string{disk("DetachDisk", "disk_1")}, rest...)},
		"failed":  {state: katapult.VirtualMachineStateFailed, want: append([]string{disk("DetachDisk", "disk_1")}, rest...)},
		"shutting down": {
			begin: func(ctx context.Context, c *katapult.Client) error {
				return failure(c.ShutdownVirtualMachine(ctx, katapult.ID("vm_1")))
			},
			want: append([]string{machine("ShutdownVirtualMachine")}, rest...),
		},
		"detaching its disk": {
			state: katapult.VirtualMachineStateFailed,
			begin: func(ctx context.Context, c *katapult.Client) error { return failure(c.DetachDisk(ctx, "disk_1")) },
			want:  append([]string{disk("DetachDisk", "disk_1")}, rest...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := withThings(t,
					katapulttest.VirtualMachine{ID: "vm_1", Name: "web", State: test.state},
					katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1"},
				)
				if test.begin != nil {
					must(t, test.begin(t.Context(), c))
				}
				var said []string
				r, err := carriedOut(t, c, planned(t, c), teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventWaiting && !slices.Contains(said, e.Text) {
						said = append(said, e.Text)
					}
				}))
				outcome(t, r, err, teardown.Deleted, "")
				// The disk that it boots from goes with it, and is nobody's concern.
				if diff := cmp.Diff(test.want, writes(srv)); diff != "" {
					t.Errorf("writes (-want +got):\n%s", diff)
				}
				if len(said) < 2 {
					t.Errorf("it was said what is waited for: %q", said)
				}
			})
		})
	}
}

// failure returns the error of a call alone.
func failure[T any](_ T, err error) error { return err }

func TestHoldersGoBeforeWhatTheyHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, byHand := everything()
		byHand()
		c := newClient(t, srv)
		r, err := carriedOut(t, c, planned(t, c))
		outcome(t, r, err, teardown.Deleted, "")
		order(t, srv, `DeleteLoadBalancer {"load_balancer":{"id":"lb_acme"`, `StopVirtualMachine {"virtual_machine":{"id":"vm_acme"`,
			`DeleteVirtualMachine {"virtual_machine":{"id":"vm_acme"`, `PurgeTrashObject {"trash_object":{"object_id":"vm_acme"`,
			`DeleteVirtualNetwork {"virtual_network":{"id":"vnet_acme"`)
		order(t, srv, `DeleteDiskBackupPolicy {"disk_backup_policy":{"id":"dbp_acme"`, `PurgeTrashObject {"trash_object":{"object_id":"dbp_acme"`,
			`DeleteDisk {"disk":{"id":"disk_acme"`)
		order(t, srv, `DeleteObjectStorageBucket {"bucket":{"name":"named-acme"`, `DeleteObjectStorageAccessKey {"access_key":{"id":"objkey_acme"`,
			`DeleteObjectStorageAccount {"organization":{"id":"org_acme"},"object_storage_cluster":{"region":"uk-lon-1"`)
		order(t, srv, `DeleteOrganization {"organization":{"id":"org_grandchild"`, `DeleteOrganization {"organization":{"id":"org_child"`,
			`DeleteOrganization {"organization":{"id":"org_acme"`)
		// What is in the trash of the organization beside what the plan has is not ours.
		if srv.Count("PurgeTrash") != 0 {
			t.Error("the whole trash was purged")
		}
		if diff := cmp.Diff([]string{"org_grandchild", "org_child", "org_acme"}, srv.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
	})
}

func TestWhatOurStepsMovedToTheTrashStaysWhatItWas(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]offboardtest.Fault{
		"":                                nil,
		" with no word of where it is":    {inTrash, inTrash}, // when the plan is compared, and when it is removed
		" with an answer that is too old": {answerSteps(`{"object_storage":{"satisfied":false},"empty_trash":{"satisfied":true},"managed_organizations":{"satisfied":true}}`)},
	} {
		t.Run("it goes on"+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := withThings(t,
					katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped},
					katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1", Detached: true}, katapulttest.Disk{ID: "disk_2"},
					katapulttest.FileStorageVolume{ID: "fsv_1"}, katapulttest.DiskBackupPolicy{ID: "dbp_1"},
					katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "objkey_1"},
				)
				p := planned(t, c)
				srv.SetTaskTime(time.Hour)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				r, err := c.Teardown(ctx, p, teardown.WithConfirm("Acme"))
				outcome(t, r, err, teardown.Stopped, errors.NotFinished)
				left := srv.Remaining("org_acme")
				if !slices.Contains(left, "vm_1: in the trash") || !slices.Contains(left, "disk_vm_1: in the trash with vm_1") {
					t.Fatalf("left: %q", left)
				}
				fresh := stepsOf(planned(t, c))
				slices.Sort(fresh)
				if diff := cmp.Diff([]string{
					"disk/disk_1", "trash_object/trsh_1", "trash_object/trsh_2", "trash_object/trsh_3", "trash_object/trsh_4", "trash_object/trsh_5",
				}, fresh); diff != "" {
					t.Errorf("steps of another plan (-want +got):\n%s", diff)
				}
				srv.SetTaskTime(time.Second)
				srv.Fail(faults...)
				n := len(srv.Requests())
				r, err = carriedOut(t, c, p, teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventRetrying && e.Step != "disk/disk_vm_1" {
						t.Errorf("%s was not removed at once: %v", e.Step, e.Err)
					}
				}))
				outcome(t, r, err, teardown.Deleted, "")
				for _, s := range r.Steps {
					// The disk that a machine boots from is in the trash with it, where nothing shows it.
					if done := s.Kind != "object_storage_access_key"; done != (s.State == teardown.StepDeleted) {
						t.Errorf("%s is %s", s.ID, s.State)
					}
				}
				for _, request := range srv.Requests()[n:] {
					if request.Operation != "PurgeTrashObject" && request.Method != "GET" && !strings.Contains(string(request.Body), "disk_") && request.Operation != "DeleteOrganization" {
						t.Errorf("%s %s: it was in the trash", request.Operation, request.Body)
					}
				}
			})
		})
	}
}

func TestWhatIsInTheTrashExplainsOpenSteps(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t, katapulttest.VirtualMachine{ID: "vm_1", State: katapult.VirtualMachineStateStopped}, katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "k"})
	srv.MoveToTrash(srv.Remaining("org_acme")[2], "vm_1")
	srv.Fail(answerSteps(`{"virtual_machines":{"satisfied":false},"disks":{"satisfied":false},"object_storage":{"satisfied":false},"empty_trash":{"satisfied":false}}`))
	want := []string{"object_storage_access_key/k", "trash_object/trsh_2", "trash_object/trsh_1"}
	if diff := cmp.Diff(want, stepsOf(planned(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// What our steps did is not taken for something new, although Katapult still counts it.
func TestWhatIsCountedLateIsNotNew(t *testing.T) {
	t.Parallel()
	late := map[string]offboardtest.Fault{
		"a bucket": offboardtest.Respond("GetObjectStorageAccount", 200, `{"object_storage_account":{"region":"uk-lon-1","bucket_count":1}}`),
		"a zone":   answerSteps(`{"dns_zones":{"satisfied":false},"object_storage":{"satisfied":false},"empty_trash":{"satisfied":false}}`),
	}
	for name, fault := range late {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"}, katapulttest.ObjectStorage{},
					katapulttest.Bucket{Name: "b"}, katapulttest.AccessKey{ID: "k", Buckets: []string{"b"}})
				p := planned(t, c)
				must(t, c.DeleteObjectStorageBucket(t.Context(), katapult.BucketName("b"), katapult.Region("uk-lon-1")))
				must(t, c.DeleteDNSZone(t.Context(), katapult.ID("dnszone_1")))
				srv.Fail(fault)
				r, err := carriedOut(t, c, p)
				outcome(t, r, err, teardown.Deleted, "")
			})
		})
	}
}

// inTrash says that object storage is in the trash, and not as what.
var inTrash = offboardtest.Respond("GetObjectStorageAccount", 406, `{"error":{"code":"object_in_trash","description":"","detail":{"trash_object":null}}}`)

func TestWhatIsNotInThePlanIsNotTouched(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*katapulttest.Server){
		"a machine":               func(srv *katapulttest.Server) { srv.Add("org_acme", katapulttest.VirtualMachine{}) },
		"a zone of a managed one": func(srv *katapulttest.Server) { srv.Add("org_child", katapulttest.DNSZone{}) },
		"something in the trash":  func(srv *katapulttest.Server) { srv.Add("org_acme", katapulttest.Disk{ID: "d"}); srv.MoveToTrash("d") },
		"object storage in the trash": func(srv *katapulttest.Server) {
			srv.Add("org_acme", katapulttest.ObjectStorage{Region: "nl-ams-1"})
			left := srv.Remaining("org_acme")
			srv.MoveToTrash(left[len(left)-1])
		},
		"a balance": func(srv *katapulttest.Server) { srv.SetOpen("org_acme", "ensure_zero_balance") },
		"a managed organization": func(srv *katapulttest.Server) {
			srv.AddOrganization(katapulttest.Organization{ID: "org_new", Parent: "org_child"})
		},
		"a bucket without a name": func(srv *katapulttest.Server) { srv.Add("org_acme", katapulttest.Bucket{Name: "new"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := withThings(t, katapulttest.DNSZone{}, katapulttest.ObjectStorage{}, katapulttest.AccessKey{})
			srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
			p := planned(t, c)
			change(srv)
			if r, err := carriedOut(t, c, p); r != nil || !errors.Is(err, errors.PlanStale) || len(writes(srv)) != 0 {
				t.Errorf("got %+v, %v and %q", r, err, writes(srv))
			}
		})
	}
}

func TestManagedOrganizationsNeedToBePermitted(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t)
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
	r, err := c.Teardown(t.Context(), planned(t, c), teardown.WithConfirm("Acme"))
	if r != nil || !errors.Is(err, errors.NotConfirmed) || len(writes(srv)) != 0 {
		t.Errorf("got %+v, %v and %q", r, err, writes(srv))
	}
	r, err = carriedOut(t, c, planned(t, c))
	outcome(t, r, err, teardown.Deleted, "")
}

func TestAManagedOrganizationThatCannotBeReadKeepsEverything(t *testing.T) {
	t.Parallel()
	for name, child := range map[string]katapulttest.Organization{
		"suspended":     {Suspended: true},
		"not activated": {NotActivated: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"})
			child.ID, child.Parent = "org_child", "org_acme"
			srv.AddOrganization(child)
			p := planned(t, c)
			want := []string{"managed_organization/org_child, manual, requires [managed_organizations]", "dns_zone/dnszone_1"}
			if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			r, err := carriedOut(t, c, p)
			outcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
			if len(writes(srv)) != 0 {
				t.Errorf("written: %q", writes(srv))
			}
		})
	}
}

// fault is an error of Katapult's.
func fault(operation string, status int, code string) offboardtest.Fault {
	return offboardtest.Respond(operation, status, `{"error":{"code":"`+code+`","description":"","detail":{}}}`)
}

func TestAManagedOrganizationThatIsNotFoundIsNotTheOneThatManagesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"})
		srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
		p := planned(t, c)
		srv.Fail(
			answerSteps(`{"dns_zones":{"satisfied":false},"managed_organizations":{"satisfied":false}}`),
			fault("GetDeletionSteps", 404, "organization_not_found"),
		)
		r, err := carriedOut(t, c, p)
		outcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if !srv.Exists("org_acme") || !srv.Exists("org_child") {
			t.Error("something was deleted")
		}
	})
}

func TestOrganizationsThatManageEachOtherEnd(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Parent: "org_child"})
	srv.AddOrganization(katapulttest.Organization{ID: "org_child", Parent: "org_acme"})
	want := []string{
		"managed_organizations/org_child, manual, requires [managed_organizations]",
		"managed_organization/org_child after managed_organizations/org_child, requires [managed_organizations]",
	}
	if diff := cmp.Diff(want, stepsOf(planned(t, newClient(t, srv)))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestAnOrganizationThatIsNotManagedIsNotTouched(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Unmanaged: true})
	srv.Add("org_acme", katapulttest.DNSZone{})
	c := newClient(t, srv)
	p := planned(t, c)
	if !errors.Is(p.Err(), errors.ManagedOrganizationRequired) || len(p.Steps) != 1 {
		t.Errorf("got %v, %+v", p.Err(), p.Steps)
	}
	r, err := carriedOut(t, c, p)
	outcome(t, r, err, teardown.Blocked, errors.ManagedOrganizationRequired)
	if len(writes(srv)) != 0 {
		t.Errorf("written: %q", writes(srv))
	}
}

func TestAPlanOfAnotherProviderIsRefusedUnread(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t)
	p := planned(t, c)
	p.Provider = "atlas"
	n := len(srv.Requests())
	r, err := carriedOut(t, c, teardownsuite.Seal(p))
	if r != nil || !errors.Is(err, errors.PlanStale) || len(srv.Requests()) != n {
		t.Errorf("got %+v, %v after %d requests", r, err, len(srv.Requests())-n)
	}
}

func TestAFailedTaskFailsItsStepAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"},
			katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.VirtualNetwork{ID: "vnet_1"}, katapulttest.IPAddress{ID: "ip_1", AllocatedTo: "vm_1"})
		p := planned(t, c)
		srv.FailTasks(1)
		r, err := carriedOut(t, c, p)
		outcome(t, r, err, teardown.Blocked, errors.TaskFailed)
		want := []string{"virtual_machine/vm_1 failed", "disk/disk_vm_1 not_started", "virtual_network/vnet_1 not_started", "ip_address/ip_1 not_started"}
		var got []string
		for _, s := range r.Remaining() {
			got = append(got, s.ID+" "+string(s.State))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		r, err = carriedOut(t, c, p)
		outcome(t, r, err, teardown.Deleted, "")
	})
}

func TestObjectStorageIsFoundByItsAccessKeys(t *testing.T) {
	t.Parallel()
	one := []katapulttest.Resource{katapulttest.ObjectStorage{}, katapulttest.AccessKey{ID: "k", Buckets: []string{"b"}}}
	for name, test := range map[string]struct {
		things []katapulttest.Resource
		other  []katapulttest.Resource // of another organization
		faults []offboardtest.Fault
		want   []string
	}{
		"no key": {
			things: []katapulttest.Resource{katapulttest.ObjectStorage{}, katapulttest.Bucket{Name: "b"}},
			want:   []string{"object_storage/org_acme, manual"},
		},
		"a key without a region": {
			things: one,
			faults: []offboardtest.Fault{offboardtest.Respond("ListObjectStorageAccessKeysPage", 200,
				`{"pagination":{"current_page":1,"total_pages":1,"total":1,"per_page":100,"large_set":false},"object_storage_access_keys":[{"id":"k","name":"k"}]}`)},
			want: []string{"object_storage_access_key/k"},
		},
		"a key of no account": {
			things: []katapulttest.Resource{katapulttest.AccessKey{ID: "k"}},
			want:   []string{"object_storage_access_key/k"},
		},
		"a bucket that is gone": {
			things: one,
			want:   []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k"},
		},
		// Names find buckets of whoever, so that a key of ours is no proof.
		"a bucket of another": {
			things: one, other: []katapulttest.Resource{katapulttest.Bucket{Name: "b"}},
			want: []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k"},
		},
		"a bucket that another has as well": {
			things: append(one, katapulttest.Bucket{Name: "b"}), other: []katapulttest.Resource{katapulttest.Bucket{Name: "b"}},
			want: []string{
				"object_storage_buckets/uk-lon-1, manual",
				"object_storage_access_key/k after object_storage_buckets/uk-lon-1",
				"object_storage_account/uk-lon-1 after object_storage_buckets/uk-lon-1, object_storage_access_key/k",
			},
		},
		"a suspended account": {
			things: one, faults: []offboardtest.Fault{fault("GetObjectStorageAccount", 403, "object_storage_account_suspended")},
			want: []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k, manual"},
		},
		"an account that was never made": {
			things: one, faults: []offboardtest.Fault{fault("GetObjectStorageAccount", 403, "object_storage_account_not_provisioned")},
			want: []string{"object_storage_access_key/k", "object_storage_account/uk-lon-1 after object_storage_access_key/k, manual"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := withThings(t, test.things...)
			srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
			srv.Add("org_other", test.other...)
			srv.Fail(test.faults...)
			if diff := cmp.Diff(test.want, stepsOf(planned(t, c))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestObjectStorageThatNothingShowsKeepsTheOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.ObjectStorage{}, katapulttest.AccessKey{}, katapulttest.ObjectStorage{Region: "nl-ams-1"})
		r, err := carriedOut(t, c, planned(t, c))
		outcome(t, r, err, teardown.Blocked, errors.DeletionStepsNotSatisfied)
		if diff := cmp.Diff([]string{"object_storage/org_acme, manual"}, stepsOf(planned(t, c))); diff != "" || !srv.Exists("org_acme") {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestAnAddressGoesAfterWhateverMayHoldIt(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t, katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.LoadBalancer{ID: "lb_1"})
	srv.Fail(offboardtest.Respond("ListIPAddressesPage", 200, `{"pagination":{"current_page":1,"total_pages":1,"total":2,"per_page":100,"large_set":false},
		"ip_addresses":[{"id":"ip_1","address":"192.0.2.1","allocation_id":"vmnet_1","allocation_type":"VirtualMachineNetworkInterface"},
		{"id":"ip_2","address":"192.0.2.2","allocation_id":null,"allocation_type":null}]}`))
	want := []string{
		"load_balancer/lb_1", "virtual_machine/vm_1", "disk/disk_vm_1 after virtual_machine/vm_1",
		"ip_address/ip_1 after load_balancer/lb_1, virtual_machine/vm_1", "ip_address/ip_2",
	}
	p := planned(t, c)
	if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if why := p.Steps[len(p.Steps)-1].Why; why != "it would keep the deletion step ip_addresses open once no resource uses it" {
		t.Errorf("got %q", why)
	}
}

func TestAnAddressIsTakenAwayFromWhatHoldsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.IPAddress{ID: "ip_1", AllocatedTo: "vm_other"})
		srv.AddOrganization(katapulttest.Organization{ID: "org_other"})
		srv.Add("org_other", katapulttest.VirtualMachine{ID: "vm_other"})
		r, err := carriedOut(t, c, planned(t, c))
		outcome(t, r, err, teardown.Deleted, "")
		want := []string{`UnallocateIPAddress {"ip_address":{"id":"ip_1"}}`, `DeleteIPAddress {"ip_address":{"id":"ip_1"}}`, `DeleteOrganization {"organization":{"id":"org_acme"}}`}
		if diff := cmp.Diff(want, writes(srv)); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
}

func TestADiskThatSomebodyElseUnassignedIsFine(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unassigned_disk", "disk_not_found", "object_in_trash"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := withThings(t, katapulttest.VirtualMachine{ID: "vm_1"}, katapulttest.Disk{ID: "disk_1", VirtualMachine: "vm_1"})
				srv.Fail(fault("UnassignDisk", map[string]int{"unassigned_disk": 422, "disk_not_found": 404, "object_in_trash": 406}[code], code))
				r, err := carriedOut(t, c, planned(t, c), teardown.WithEvents(func(e teardown.Event) {
					if e.Kind == teardown.EventRetrying {
						t.Errorf("%s was not removed at once: %v", e.Step, e.Err)
					}
				}))
				outcome(t, r, err, teardown.Deleted, "")
			})
		})
	}
}

func TestWhatIsNotPurgedIsNotGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.FileStorageVolume{ID: "fsv_1"})
		p := planned(t, c)
		srv.FailTasks(1)
		r, err := carriedOut(t, c, p)
		outcome(t, r, err, teardown.Blocked, errors.TaskFailed)
		if r.FinishedAt.Sub(r.StartedAt) > time.Minute || srv.Count("DeleteOrganization") != 0 {
			t.Errorf("it took %s; %q", r.FinishedAt.Sub(r.StartedAt), writes(srv))
		}
		r, err = carriedOut(t, c, p)
		outcome(t, r, err, teardown.Deleted, "")
	})
}

func TestTemplatesOfKatapultsOwnStandInNobodysWay(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t, katapulttest.DiskTemplate{ID: "dtpl_1"})
	srv.Fail(offboardtest.Respond("ListDiskTemplatesPage", 200, `{"pagination":{"current_page":1,"total_pages":1,"total":2,"per_page":100,"large_set":false},
		"disk_templates":[{"id":"dtpl_universal","name":"AlmaLinux 9","universal":true},{"id":"dtpl_1","name":"golden","universal":false}]}`))
	if diff := cmp.Diff([]string{"disk_template/dtpl_1, manual"}, stepsOf(planned(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestOnlyKatapultsOwnWordIsProofThatAThingIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"})
		p := planned(t, c)
		page := offboardtest.HTMLResponse("GetDNSZone", 404)
		page.Times = 100
		srv.Fail(page)
		r, err := carriedOut(t, c, p)
		outcome(t, r, err, teardown.Blocked, errors.UnexpectedResponse)
		if srv.Count("DeleteOrganization") != 0 || r.Steps[0].State != teardown.StepFailed {
			t.Errorf("got %+v and %q", r.Steps, writes(srv))
		}
	})
}
