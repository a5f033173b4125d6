package planfile

import (
	"testing"

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
