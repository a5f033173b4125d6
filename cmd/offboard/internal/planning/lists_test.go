package planning

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// A failed read proves nothing: the entry may name a planned organization.
func TestListed_FailedReadIsNotAbsence(t *testing.T) {
	t.Parallel()
	for code, failed := range map[errors.Code]bool{
		errors.OrganizationNotFound: false, errors.NotFound: false, errors.InvalidArgument: false, errors.NotConfirmed: false, errors.PermissionDenied: false,
		errors.Unavailable: true, errors.Unauthenticated: true, errors.UnexpectedResponse: true, errors.RateLimitReached: true, errors.Canceled: true,
		errors.Internal: true,
	} {
		e := &listed{list: "deny", text: "acme"}
		e.add("way", teardown.Organization{}, &errors.Error{Code: code})
		if (e.err != nil) != failed || len(e.names) > 0 {
			t.Errorf("%s: got %v", code, e.err)
		}
	}
}

func TestLists_AllowedOnlyBySameConnection(t *testing.T) {
	t.Parallel()
	e := &listed{list: "allow", text: "acme", names: []resolvedID{{"here", "1"}}}
	got := []bool{e.allows("here", teardown.Organization{ID: "1"}), e.allows("there", teardown.Organization{ID: "1"}), e.denies(teardown.Organization{ID: "1"})}
	if diff := cmp.Diff([]bool{true, false, true}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
