package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
)

const id = "5e2f00000000000000000001"

func TestDescribe_LostResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if got := describe(id, atlas.DeleteOrganization(t.Context(), id, fake(id))); got != id+" was deleted" {
			t.Errorf("got %q", got)
		}
	})
}

func TestDescribe_Blocked(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id})
	srv.AddProject(id, atlastest.Project{ID: "5e2f0000000000000000000a"})
	got := describe(id, atlas.DeleteOrganization(t.Context(), id, srv.Option()))
	if !strings.Contains(got, "remove these first: [project]") {
		t.Errorf("got %q", got)
	}
}

func TestDescribe_Codes(t *testing.T) {
	t.Parallel()
	for code, want := range map[errors.Code]string{
		errors.OutcomeUnknown:   "may have been deleted",
		errors.RateLimitReached: "run this again in 1m0s",
		errors.PermissionDenied: "was not deleted: ",
	} {
		if got := describe(id, &errors.Error{Code: code, RetryAfter: time.Minute}); !strings.Contains(got, want) {
			t.Errorf("%s: got %q", code, got)
		}
	}
}
