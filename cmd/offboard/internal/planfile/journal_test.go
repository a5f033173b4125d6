package planfile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/teardown"
)

func TestJournalIndex_RefusedDeletion(t *testing.T) {
	t.Parallel()
	var got []bool
	for _, kinds := range [][]string{{"started"}, {"deletion_started"}, {"deletion_started", "deletion_refused"}, {"deletion_started", "deletion_refused", "deletion_started"}, {"deletion_started", "started"}, {"unknown"}, {"pending"}, {"blocked"}} {
		var entries []teardown.Entry
		for _, kind := range kinds {
			e := teardown.Entry{Provider: "atlas", Organization: "1", Plan: "a", Kind: teardown.EntryKind(kind)}
			switch outcome := teardown.Outcome(kind); outcome {
			case teardown.Unknown, teardown.Pending, teardown.Blocked:
				e.Kind, e.Outcome = teardown.EntryFinished, outcome
			}
			entries = append(entries, e)
		}
		got = append(got, NewIndex(entries)[indexKey{Subject{"atlas", "", "1"}, "a"}].DeletionStarted)
	}
	if diff := cmp.Diff([]bool{false, true, false, true, true, true, true, false}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
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
		{teardown.Deleted, time.Second, true}, {teardown.Deleted, -time.Second, false}, {teardown.Pending, -time.Second, true},
		{teardown.Blocked, time.Second, false},
	} {
		p := &teardown.Plan{Provider: "katapult", Organization: teardown.Organization{ID: "org_1"}, Fingerprint: "this", CreatedAt: made}
		index := NewIndex([]teardown.Entry{{Time: made.Add(test.after), Provider: "katapult", Organization: "org_1", Plan: "other", Kind: teardown.EntryFinished, Outcome: test.outcome}})
		if got := index.Proof(p).Complete(); got != test.want || index.Record(p).Complete() {
			t.Errorf("%s %v: got %t", test.outcome, test.after, got)
		}
	}
}
