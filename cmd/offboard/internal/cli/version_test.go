package cli

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
)

func TestVersion_Build(t *testing.T) {
	t.Parallel()
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for name, test := range map[string]struct {
		version         string
		settings        []debug.BuildSetting
		program, commit string
	}{
		"released":           {"v0.1.0", nil, "v0.1.0", "that of the tag cmd/offboard/v0.1.0"},
		"prerelease":         {"v0.1.0-rc.1", nil, "v0.1.0-rc.1", "that of the tag cmd/offboard/v0.1.0-rc.1"},
		"clone":              {"(devel)", []debug.BuildSetting{setting("vcs.revision", "0123"), setting("vcs.modified", "false")}, "(devel)", "0123"},
		"modified clone":     {"(devel)", []debug.BuildSetting{setting("vcs.revision", "0123"), setting("vcs.modified", "true")}, "(devel)", "0123, with uncommitted changes"},
		"commit without tag": {"v0.0.0-20260102150405-0123456789ab", nil, "v0.0.0-20260102150405-0123456789ab", "0123456789ab"},
		"without records":    {"", nil, "(devel)", "not recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := buildOf(&debug.BuildInfo{
				Main: debug.Module{Path: programPath, Version: test.version}, Deps: []*debug.Module{{Path: sdkPath, Version: "v0.2.0"}}, Settings: test.settings,
			})
			if b.Program != test.program || b.commit() != test.commit || b.SDK != "v0.2.0" {
				t.Errorf("got %+v, commit %s", b, b.commit())
			}
		})
	}
	if b := buildOf(nil); b.Program != "(devel)" || b.commit() != "not recorded" {
		t.Errorf("without build information: got %+v", b)
	}
}

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
