package katapult_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/teardown"
)

// A deletion step that no resource explains says how a person satisfies it, if that is known.
func TestPlan_UnexplainedDeletionSteps(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t)
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
	for _, s := range planned(t, c).Steps {
		got[s.Kind] = s.Removal
	}
	for name, removal := range want {
		if got[name] != removal {
			t.Errorf("%s: got %q, want %q", name, got[name], removal)
		}
	}
}

// A machine has a disk, which keeps the deletion step of disks open once the machine is deleted.
func TestPlan_DisksOfMachines(t *testing.T) {
	t.Parallel()
	srv, c := withThings(t, katapulttest.VirtualMachine{ID: "vm_1"})
	srv.Fail(answerSteps(`{"virtual_machines":{"satisfied":false},"disks":{"satisfied":true},"ip_addresses":{"satisfied":true}}`))
	want := []string{"virtual_machine/vm_1", "disk/disk_vm_1 after virtual_machine/vm_1"}
	if diff := cmp.Diff(want, stepsOf(planned(t, c))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// What an ID names is never another resource, so that its removal needs no read before it.
func TestTeardown_RequestsOfAStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := withThings(t, katapulttest.DNSZone{ID: "dnszone_1"})
		p := planned(t, c)
		r, err := carriedOut(t, c, p)
		outcome(t, r, err, teardown.Deleted, "")
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
