package workspace_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/workspace"
)

func TestTime_InvalidValue(t *testing.T) {
	t.Parallel()
	var got struct{ A, B, C, D, E workspace.Time }
	if err := json.Unmarshal([]byte(`{"A":"2026-08-15T18:12:44.5+02:00","B":null,"C":"2026-08-15T16: 12:44Z","D":1786810364}`), &got); err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 8, 15, 16, 12, 44, 5e8, time.UTC); got.A.Time != want || !got.B.IsZero() || !got.C.IsZero() || !got.D.IsZero() {
		t.Errorf("got %v", got)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"A":"2026-08-15T16:12:44.5Z","B":null,"C":null,"D":null,"E":null}`, string(encoded)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
