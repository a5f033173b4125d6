package format

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/teardown"
)

func TestLabels_EqualNames(t *testing.T) {
	t.Parallel()
	got := Labels([]teardown.Step{
		{ID: "disk/org_2/disk_1", Kind: "disk", Name: "System Disk"}, {ID: "disk/disk_2", Kind: "disk", Name: "System Disk"},
		{ID: "disk/disk_3", Kind: "disk", Name: "data"}, {ID: "machine/vm_1", Kind: "machine", Name: "data"},
	})
	want := []Label{{"System Disk", "org_2/disk_1"}, {"System Disk", "disk_2"}, {"data", ""}, {"data", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The ID distinguishes the steps, so the name is cut first.
func TestLabel_Fit(t *testing.T) {
	t.Parallel()
	l := Label{"System Disk", "disk_1234"}
	for width, want := range map[int]string{
		23: "System Disk (disk_1234)", 22: "System Di… (disk_1234)", 19: "System… (disk_1234)", 14: "S… (disk_1234)", 10: "S… (…1234)",
	} {
		if got := l.Fit(width); got != want {
			t.Errorf("%d: got %q, want %q", width, got, want)
		}
	}
	for l, want := range map[Label]string{
		{"System Disk", "org_labs/disk_vm_lab"}: "Syst… (disk_vm_lab)", {"web", "project_labs_1/web"}: "w… (…ct_labs_1/web)",
	} {
		if got := l.Fit(19); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (Label{Name: "System Disk"}).Fit(6); got != "Syste…" {
		t.Errorf("got %q", got)
	}
	for width := range 24 {
		if n := ansi.StringWidth(l.Fit(width)); n > width {
			t.Errorf("%d: %d cells", width, n)
		}
	}
}
