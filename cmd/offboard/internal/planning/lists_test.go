package planning

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
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

// counted is an organization that counts its reads.
type counted struct {
	connect.Organization
	reads *atomic.Int32
}

func (c counted) Identify(ctx context.Context) (teardown.Organization, error) {
	c.reads.Add(1)
	return c.Organization.Identify(ctx)
}

// Equal entries, in one list or in several, are read once.
func TestLists_EqualEntriesReadOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	open := func(planfile.Entry) (connect.Organization, error) {
		return counted{scripted.Named("org_9", "Other"), &reads}, nil
	}
	m := &planfile.Manifest{
		Organizations: []planfile.Entry{{Provider: "katapult", Organization: "org_1"}},
		Allow:         []string{"other"}, Deny: slices.Repeat([]string{"other"}, 1000), DenyFlags: []string{"other", "other"},
	}
	l, err := resolve(t.Context(), m, &planfile.Source{}, &planfile.File{}, open, 4)
	if err != nil {
		t.Fatal(err)
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("%d reads", n)
	}
	got := [][]string{ids(l.allow), ids(l.deny), l.unmatched(&planfile.File{})}
	want := [][]string{{"org_9"}, {"org_9"}, {`allow: "other" (org_9)`, `deny: "other" (org_9)`, `--deny: "other" (org_9)`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
