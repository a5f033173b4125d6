package demo

import (
	stdcmp "cmp"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/report"
	"github.com/offboard-dev/offboard-go/teardown"
)

// planOf returns the organization of a scene, and its plan after the manual step.
func planOf(t *testing.T, s *Scene) (connect.Organization, *teardown.Plan) {
	t.Helper()
	s.manualStep()
	o, err := s.open(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := o.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o, plan
}

// The manifest of the demonstration has no override that the plan does not require.
func TestScenes_Overrides(t *testing.T) {
	t.Parallel()
	for _, s := range NewScenes() {
		_, plan := planOf(t, s)
		if diff := cmp.Diff(plan.Overrides(), s.entry.Override, cmpopts.EquateEmpty(), cmpopts.SortSlices(stdcmp.Less[teardown.Override])); diff != "" {
			t.Errorf("%s: overrides (-required +manifest):\n%s", s.entry.Provider, diff)
		}
	}
}

func TestScene_WrongResult(t *testing.T) {
	t.Parallel()
	yes, no := func() bool { return true }, func() bool { return false }
	for _, test := range []struct {
		outcome         teardown.Outcome
		deleted, spared func() bool
		ok              bool
	}{
		{teardown.Deleted, yes, yes, true},
		{teardown.Pending, yes, yes, true},
		{teardown.Blocked, no, yes, true},
		{teardown.Deleted, no, yes, false},
		{teardown.Blocked, yes, yes, false},
		{teardown.Unknown, yes, yes, false},
		{teardown.Deleted, yes, no, false},
	} {
		s := &Scene{deleted: test.deleted, spared: test.spared}
		if err := s.check(report.Result{Outcome: test.outcome}); (err == nil) != test.ok {
			t.Errorf("%s: got %v", test.outcome, err)
		}
	}
}
