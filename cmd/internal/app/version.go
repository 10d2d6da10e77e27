package app

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"

	"ingestion/internal/metrics"
)

// stamp is the version for a build without version control, as in the Dockerfile, and
// commit is the revision:
//
//	go build -ldflags "-X ingestion/cmd/internal/app.stamp=v1.2.3"
var stamp, commit string

// version describes the build: the stamp or else the module's version, which the go
// command takes from version control, and the Go release.
func version() string { return describe(build()) }

func build() metrics.Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return metrics.Build{Version: cmp.Or(stamp, "unknown"), Revision: commit}
	}
	return buildOf(info, stamp, commit)
}

// Build describes the program, for its metrics.
func Build() metrics.Build { return build() }

// Release is the version without the Go release.
func Release() string { return strings.TrimSuffix(version(), " "+runtime.Version()) }

func buildOf(info *debug.BuildInfo, stamp, commit string) metrics.Build {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := cmp.Or(commit, settings["vcs.revision"])
	if commit == "" && revision != "" && settings["vcs.modified"] == "true" {
		revision += "+dirty"
	}
	return metrics.Build{Version: cmp.Or(stamp, info.Main.Version, develVersion), Revision: revision, GoVersion: info.GoVersion}
}

// develVersion is what the go command calls a build without a version.
const develVersion = "(devel)"

func describe(b metrics.Build) string {
	text := b.Version
	if b.Version == develVersion && b.Revision != "" {
		text += " " + b.Revision
	}
	if b.GoVersion != "" {
		text += " " + b.GoVersion
	}
	return text
}
