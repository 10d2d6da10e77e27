package app

import (
	"runtime/debug"
	"testing"
)

func TestVersionNamesTheBuild(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}}
	for want, info := range map[string]debug.BuildInfo{
		"v1.2.3 go1.26.0":               {GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}, Settings: vcs},
		"(devel) abc123+dirty go1.26.0": {GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"}, Settings: vcs},
		"(devel) go1.26.0":              {GoVersion: "go1.26.0"},
	} {
		if got := describe(buildOf(&info, "", "")); got != want {
			t.Errorf("describe = %q, want %q", got, want)
		}
		if got := describe(buildOf(&info, "v7", "")); got != "v7 "+info.GoVersion {
			t.Errorf("with a stamp: %q", got)
		}
		if got := buildOf(&info, "v7", "def456").Revision; got != "def456" {
			t.Errorf("with a stamped commit: revision %q", got)
		}
	}
}
