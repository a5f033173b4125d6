package demo

import "testing"

func TestServe_OwnManifestIsReplaced(t *testing.T) {
	t.Parallel()
	if !isServed([]byte(served + "organizations: []\n")) {
		t.Error("its own is not recognized")
	}
}
