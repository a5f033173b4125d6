package review

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/enginefake"
	"github.com/offboard-dev/offboard-go/teardown"
)

func plan() *teardown.Plan {
	return &teardown.Plan{
		Version: 2, Provider: "katapult", Instance: "https://api.example/core/v1", Organization: teardown.Organization{ID: "org_1", Name: "Acme"},
		Steps: []teardown.Step{
			{ID: "machine/1", Kind: "machine"},
			{ID: "machine/2", Kind: "machine", After: []string{"machine/1"}},
			{ID: "disk/1", Kind: "disk", After: []string{"machine/1"}, Requires: []teardown.Override{teardown.Partial}},
			{ID: "machine/3", Kind: "machine", After: []string{"disk/1"}},
			{ID: "network/1", Kind: "network", After: []string{"machine/3", "disk/1"}, Manual: true},
		},
	}
}

// Kinds whose steps come after each other form a cycle, and both are listed.
func TestKinds_OrderAndCycle(t *testing.T) {
	t.Parallel()
	want := []Kind{
		{Name: "machine", Steps: 3, After: []string{"disk"}},
		{Name: "disk", Steps: 1, Requires: []string{"partial"}, After: []string{"machine"}},
		{Name: "network", Steps: 1, Manual: 1, After: []string{"machine", "disk"}},
	}
	if diff := cmp.Diff(want, Kinds(plan())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoad_OtherDigest(t *testing.T) {
	t.Parallel()
	store, e := new(enginefake.Store), new(enginefake.Engine)
	id := e.Wait(t, store, plan(), fleet.State{Required: 1})
	if _, err := Load(t.Context(), e, store, id); err != nil {
		t.Fatal(err)
	}
	s := e.States[id]
	s.Digest = "0000"
	e.States[id] = s
	if _, err := Load(t.Context(), e, store, id); !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("got %v", err)
	}
	other := plan()
	other.Organization.Name = "Other"
	s.Plan = enginefake.PutJSON(t, store, other)
	e.States[id] = s
	if _, err := Load(t.Context(), e, store, id); !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("another plan in the store: got %v", err)
	}
	s.Plan = &fleet.Ref{Key: s.Plan.Key, Digest: "1111"}
	e.States[id] = s
	if _, err := Load(t.Context(), e, store, id); err == nil || errors.Is(err, errors.InvalidArgument) || !strings.Contains(err.Error(), "the plan in the storage is not the one that the workers have stored") {
		t.Errorf("a changed blob: got %v", err)
	}
	s.Plan = &fleet.Ref{Key: "absent"}
	e.States[id] = s
	if _, err := Load(t.Context(), e, store, id); err == nil || !strings.Contains(err.Error(), "use the storage of the workers") {
		t.Errorf("a missing blob: got %v", err)
	}
}

func TestApprovable_MissingOverride(t *testing.T) {
	t.Parallel()
	r := &Review{Plan: plan()}
	if err := r.Approvable(); err != nil {
		t.Error(err)
	}
	r.State.Missing = []teardown.Override{teardown.Partial}
	if err := r.Approvable(); !errors.Is(err, errors.NotConfirmed) || !strings.Contains(Message(err), "partial") {
		t.Errorf("got %v", err)
	}
}

func TestCheckID_Faults(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"offboard/a/b/c":   "",
		"":                 "the ID is empty",
		" ":                "the ID is empty",
		"offboard-batch/1": "the ID is that of a batch: give the ID of an organization",
		"org_1":            "the text is not the ID of a workflow",
	} {
		err := CheckID(id)
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, errors.InvalidArgument) || !strings.HasPrefix(Message(err), want)) {
			t.Errorf("%q: got %v", id, err)
		}
	}
	if _, err := Load(t.Context(), new(enginefake.Engine), new(enginefake.Store), "offboard-batch/1"); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}

// The texts are those of Temporal's errors if no worker polls the queue.
func TestMessage_NoWorker(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"context deadline exceeded", "stream terminated by RST_STREAM with error code: CANCEL", "no poller seen for task queue recently, worker may be down",
		"query timed out before a worker could process it",
	} {
		for _, operation := range []string{"Status", "Approve", "Deny"} {
			err := &errors.Error{Operation: operation, Code: errors.Unavailable, Err: errors.New(text)}
			if got := Message(err); !strings.HasPrefix(got, "no worker answers: start one ") {
				t.Errorf("%s, %s: got %s", operation, text, got)
			}
		}
	}
	for _, err := range []*errors.Error{
		{Operation: "Status", Code: errors.Unavailable, Err: errors.New("connection refused")},
		{Operation: "List", Code: errors.Unavailable, Err: errors.New("context deadline exceeded")},
	} {
		if got := Message(err); strings.Contains(got, "no worker answers") {
			t.Errorf("%v: got %s", err, got)
		}
	}
}

func TestDecision_Refused(t *testing.T) {
	t.Parallel()
	p := plan()
	r := &Review{Plan: p, State: fleet.State{WaitingFor: fleet.WaitingForApproval, Digest: p.Digest()}}
	got, err := r.Decision(p.Digest(), " Acme\n", " jane ", " done ")
	if diff := cmp.Diff(fleet.Approval{By: "jane", Digest: p.Digest(), Reason: "done"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, decide := range map[string]func() (fleet.Approval, error){
		"digest": func() (fleet.Approval, error) { return r.Decision("0000", "Acme", "jane", "") },
		"name":   func() (fleet.Approval, error) { return r.Decision(p.Digest(), "acme", "jane", "") },
		"ID":     func() (fleet.Approval, error) { return r.Decision(p.Digest(), "org_1", "jane", "") },
		"empty":  func() (fleet.Approval, error) { return r.Decision(p.Digest(), "", "jane", "") },
		"person": func() (fleet.Approval, error) { return r.Decision(p.Digest(), "Acme", " ", "") },
		"state": func() (fleet.Approval, error) {
			return (&Review{Plan: p, State: fleet.State{Digest: p.Digest()}}).Decision(p.Digest(), "Acme", "jane", "")
		},
	} {
		if _, err := decide(); !errors.Is(err, errors.NotConfirmed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDecision_WorkflowEnded(t *testing.T) {
	t.Parallel()
	p := plan()
	r := &Review{Plan: p, State: fleet.State{Digest: p.Digest(), Result: &fleet.Result{Outcome: teardown.Deleted}}}
	_, err := r.Decision(p.Digest(), "Acme", "jane", "")
	if got := Message(err); !errors.Is(err, errors.NotConfirmed) || got != "the workflow has ended, and its outcome is deleted" {
		t.Errorf("got %s", got)
	}
	r.State = fleet.State{Digest: p.Digest(), Status: "Failed", Closed: time.Now()}
	_, err = r.Decision(p.Digest(), "Acme", "jane", "")
	if got := Message(err); !errors.Is(err, errors.NotConfirmed) || got != "the workflow has ended: its status is Failed" {
		t.Errorf("got %s", got)
	}
}

// An organization without a name is confirmed by its ID.
func TestDecision_WithoutName(t *testing.T) {
	t.Parallel()
	p := plan()
	p.Organization.Name = " "
	r := &Review{Plan: p, State: fleet.State{WaitingFor: fleet.WaitingForApproval, Digest: p.Digest()}}
	if _, err := r.Decision(p.Digest(), "", "jane", ""); !errors.Is(err, errors.NotConfirmed) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Decision(p.Digest(), "org_1", "jane", ""); err != nil {
		t.Error(err)
	}
}

// A name that people cannot see or type is confirmed by the ID, or by the exact name. Spaces inside a
// name count.
func TestDecision_NameToType(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked string
		right []string
		wrong []string
	}{
		"Acme\u200b":         {"org_1", []string{"org_1", "Acme\u200b"}, []string{"Acme", "Acme\uFFFD", ""}},
		"\u3164":             {"org_1", []string{"org_1", "\u3164"}, []string{"", " ", "\uFFFD"}},
		"\u115f\u034f":       {"org_1", []string{"org_1"}, []string{"", "\uFFFD\uFFFD"}},
		"\u0301\u0302":       {"org_1", []string{"org_1"}, []string{"", "\u0301"}},
		" ":                  {"org_1", []string{"org_1"}, []string{"", " "}},
		"Acme  Two   Spaces": {"Acme  Two   Spaces", []string{"Acme  Two   Spaces", " Acme  Two   Spaces\n"}, []string{"Acme Two Spaces", "org_1"}},
	} {
		p := plan()
		p.Organization.Name = name
		r := &Review{Plan: p, State: fleet.State{WaitingFor: fleet.WaitingForApproval, Digest: p.Digest()}}
		if got := r.Name(); got != test.asked || r.ByID() != (test.asked == "org_1") {
			t.Errorf("%q: got %q, %t", name, got, r.ByID())
		}
		for _, given := range test.right {
			if _, err := r.Decision(p.Digest(), given, "jane", ""); err != nil {
				t.Errorf("%q: %q: got %v", name, given, err)
			}
		}
		for _, given := range test.wrong {
			if _, err := r.Decision(p.Digest(), given, "jane", ""); !errors.Is(err, errors.NotConfirmed) {
				t.Errorf("%q: %q: got %v", name, given, err)
			}
		}
	}
}
