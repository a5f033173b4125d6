//go:build unix

package system

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestApprove_Refused(t *testing.T) {
	s := newSystem(t, "sqlite")
	s.startWorker(s.server.Address())
	srv := newKatapult(t, 0)
	m := fleet.Manifest{Policy: fleet.Policy{Approvals: 2}}
	m.Organizations = append(m.Organizations, addOrganization(srv, "acme", 0, 1), addOrganization(srv, "other", 0, 1))
	ids := s.mustStart(m)
	acme, other := s.waitFor(ids[0], fleet.WaitingForApproval), s.waitFor(ids[1], fleet.WaitingForApproval)
	approve := func(id string, a fleet.Approval) error {
		_, err := fleet.Approve(t.Context(), s.client, id, a)
		return err
	}
	if err := approve(ids[0], fleet.Approval{By: "Ada", Digest: acme.Digest}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, id string
		approval fleet.Approval
		code     errors.Code
	}{
		{"wrong digest", ids[0], fleet.Approval{By: "bob", Digest: strings.Repeat("0", 64)}, errors.NotConfirmed},
		{"digest of the plan's blob", ids[0], fleet.Approval{By: "bob", Digest: acme.Plan.Digest}, errors.NotConfirmed},
		{"no digest", ids[0], fleet.Approval{By: "bob"}, errors.NotConfirmed},
		{"same person", ids[0], fleet.Approval{By: "Ada", Digest: acme.Digest}, errors.NotConfirmed},
		{"same person in other letters", ids[0], fleet.Approval{By: " ADA", Digest: acme.Digest}, errors.NotConfirmed},
		{"no person", ids[0], fleet.Approval{Digest: acme.Digest}, errors.NotConfirmed},
		{"digest of another organization", ids[0], fleet.Approval{By: "bob", Digest: other.Digest}, errors.NotConfirmed},
		{"workflow of another organization", ids[1], fleet.Approval{By: "bob", Digest: acme.Digest}, errors.NotConfirmed},
		{"unknown workflow", ids[0] + "x", fleet.Approval{By: "bob", Digest: acme.Digest}, errors.NotFound},
		{"no workflow of an organization", "x", fleet.Approval{By: "bob", Digest: acme.Digest}, errors.InvalidArgument},
	} {
		if err := approve(test.id, test.approval); !errors.Is(err, test.code) {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	if !srv.Exists("org_acme") || !srv.Exists("org_other") {
		t.Fatal("an organization was deleted without two approvals")
	}
	if err := approve(ids[0], fleet.Approval{By: "bob", Digest: acme.Digest}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.result(ids[0]); err != nil || r.Outcome != teardown.Deleted || srv.Exists("org_acme") {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := approve(ids[0], fleet.Approval{By: "eve", Digest: acme.Digest}); !errors.Is(err, errors.Conflict) {
		t.Errorf("approval of a workflow that has ended: got %v", err)
	}
	if err := fleet.Cancel(t.Context(), s.client, ids[0]); !errors.Is(err, errors.Conflict) || !strings.HasSuffix(err.Error(), "its status is Completed, and its outcome is deleted") {
		t.Errorf("cancellation of a workflow that has ended: got %v", err)
	}
	if err := fleet.Cancel(t.Context(), s.client, ids[0]+"x"); !errors.Is(err, errors.NotFound) {
		t.Errorf("cancellation of an unknown workflow: got %v", err)
	}
	if state := s.waitFor(ids[1], fleet.WaitingForApproval); len(state.Approvals) != 0 || !srv.Exists("org_other") {
		t.Errorf("got %+v", state)
	}
}
