package zitadel

import (
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestDriver_UnknownStep(t *testing.T) {
	t.Parallel()
	step := teardown.Step{ID: "user/1"}
	if _, err := (&driver{}).Act(t.Context(), teardown.Organization{}, step); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
	for _, steps := range [][]teardown.Step{{step}, nil} {
		if all, err := (&driver{}).Poll(t.Context(), teardown.Organization{}, "", steps); all != nil || !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("got %v, %v", all, err)
		}
	}
}
