package planfile

import (
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The deletion of an organization counts whichever plan started it, and until the provider refuses it.
func TestIndex_DeletionStarted(t *testing.T) {
	t.Parallel()
	entry := func(plan string, kind teardown.EntryKind) teardown.Entry {
		return teardown.Entry{Provider: "atlas", Organization: "1", Plan: plan, Kind: kind}
	}
	p := &teardown.Plan{Provider: "atlas", Organization: teardown.Organization{ID: "1"}, Fingerprint: "this"}
	entries := []teardown.Entry{entry("other", teardown.EntryDeletionStarted)}
	for _, want := range []bool{true, false} {
		c := NewIndex(entries)
		if got := []bool{c.Of(SubjectOf(p)).DeletionStarted, c.Proof(p).DeletionStarted}; got[0] != want || got[1] != want {
			t.Errorf("%d entries: got %t, want %t", len(entries), got, want)
		}
		entries = append(entries, entry("this", teardown.EntryDeletionRefused))
	}
}

// An entry of another plan proves the end of an organization, unless the plan was made after a deletion.
func TestIndex_ProofByAnotherPlan(t *testing.T) {
	t.Parallel()
	made := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		outcome teardown.Outcome
		after   time.Duration
		want    bool
	}{
		{teardown.Deleted, time.Second, true}, {teardown.Deleted, -time.Second, false}, {teardown.Pending, time.Second, true}, {teardown.Pending, -time.Second, false},
		{teardown.Blocked, time.Second, false},
	} {
		p := &teardown.Plan{Provider: "katapult", Organization: teardown.Organization{ID: "org_1"}, Fingerprint: "this", CreatedAt: made}
		index := NewIndex([]teardown.Entry{{Time: made.Add(test.after), Provider: "katapult", Organization: "org_1", Plan: "other", Kind: teardown.EntryFinished, Outcome: test.outcome}})
		if got := index.Proof(p).Complete(); got != test.want || index.Record(p).Complete() {
			t.Errorf("%s %v: got %t", test.outcome, test.after, got)
		}
		p.DeletionError = &errors.Error{Code: errors.AlreadyRequestedDeletion} // the deletion was pending when the plan was made
		if got := index.Proof(p).Complete(); got != (test.want || test.outcome == teardown.Pending) {
			t.Errorf("%s %v, pending by the plan: got %t", test.outcome, test.after, got)
		}
	}
}
