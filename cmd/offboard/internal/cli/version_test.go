package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
)

func TestVersion_Forms(t *testing.T) {
	t.Parallel()
	b := newHarness(t)
	code, out, errOut := b.run("version")
	for provider, version := range offboard.APIVersions() {
		if code != exitcode.OK || !strings.HasPrefix(out, "offboard ") || !strings.Contains(out, provider) || !strings.Contains(out, version) {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	}
	if code, flag, _ := b.run("--version"); code != exitcode.OK || flag != out {
		t.Errorf("--version: exit code %d: %s", code, flag)
	}
	for _, args := range [][]string{{"version", "--json"}, {"--version", "--json"}} {
		code, out, errOut = b.run(args...)
		var document versionDocument
		if err := json.Unmarshal([]byte(out), &document); err != nil || code != exitcode.OK || document.Type != "version" || document.Version != 1 || len(document.APIs) != 5 {
			t.Errorf("exit code %d: %v: %s%s", code, err, out, errOut)
		}
	}
}
