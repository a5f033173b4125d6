package zitadel

import (
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

func TestTheDriverKnowsNoStep(t *testing.T) {
	t.Parallel()
	step := teardown.Step{ID: "user/1"}
	if err := (&driver{}).Remove(t.Context(), teardown.Organization{}, step, nil); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
	if gone, err := (&driver{}).IsGone(t.Context(), teardown.Organization{}, step); gone || !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %t, %v", gone, err)
	}
}
