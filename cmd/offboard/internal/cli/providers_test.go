package cli

import (
	"testing"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/scripted"
)

func TestDelete_Alias(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newHarness(t, scripted.Tenant())
		code, out, errOut := b.run("delete", "f5", "acme-edge", "--confirm", "acme-edge", "--email", "owner@example.com")
		if want := "volterra acme-edge: pending: in the deletion queue\n"; code != exitcode.OK || out != want {
			t.Errorf("exit code %d, got %q, want %q: %s", code, out, want, errOut)
		}
	})
}
