package build

import (
	"runtime/debug"
	"testing"
)

func TestBuild_Records(t *testing.T) {
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
			b := of(&debug.BuildInfo{
				Main: debug.Module{Path: sdkPath + "/cmd/offboard", Version: test.version}, Deps: []*debug.Module{{Path: sdkPath, Version: "v0.2.0"}}, Settings: test.settings,
			}, "cmd/offboard")
			if b.Program != test.program || b.commit() != test.commit || b.SDK != "v0.2.0" {
				t.Errorf("got %+v, commit %s", b, b.commit())
			}
		})
	}
	if b := of(nil, "fleet"); b.Program != "(devel)" || b.commit() != "not recorded" {
		t.Errorf("without build information: got %+v", b)
	}
}
