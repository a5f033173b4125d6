package fake_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/fake"
)

func TestUnknown(t *testing.T) {
	t.Parallel()
	defer func() {
		if diff := cmp.Diff(any(`fake: project "x" does not exist`), recover()); diff != "" {
			t.Errorf("panic (-want +got):\n%s", diff)
		}
	}()
	fake.Unknown("project", "x")
}

func TestRoutes_Operations(t *testing.T) {
	t.Parallel()
	r := fake.NewRoutes(http.NotFound)
	r.Handle("List", "GET /x", http.NotFound)
	r.Handle("Delete", "DELETE /x/{id}", http.NotFound)
	if diff := cmp.Diff([]string{"Delete", "List"}, slices.Sorted(slices.Values(r.Operations()))); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}
