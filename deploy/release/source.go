package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// sourceOf describes the commit in the working directory. The version is by default that of
// the commit. Files that are not committed are built too: then the version and the commit
// end in +dirty, as the go command has it. SOURCE_DATE_EPOCH, in seconds since 1970,
// overrides the commit's time in archives.
func sourceOf(ctx context.Context, version string) (source, error) {
	if version != "" && semver.Canonical(version) != version {
		return source{}, fmt.Errorf("-version: %q is no version: want for example v1.2.3 or v1.2.3-rc.1", version)
	}
	commit, err := git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return source{}, err
	}
	seconds, err := git(ctx, "log", "-1", "--format=%ct")
	if err != nil {
		return source{}, err
	}
	committed, err := parseTime(seconds)
	if err != nil {
		return source{}, fmt.Errorf("git log: %w", err)
	}
	if version == "" {
		if version, err = describe(ctx, commit, committed); err != nil {
			return source{}, err
		}
	}
	changes, err := git(ctx, "status", "--porcelain")
	if err != nil {
		return source{}, err
	}
	if changes != "" {
		version, commit = version+"+dirty", commit+"+dirty"
		fmt.Fprintf(os.Stderr, "release: not to be published: this is built with files that are not committed:\n%s\n", changes)
	}
	modified, err := parseTime(cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), seconds))
	if err != nil {
		return source{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return source{version: version, commit: commit, time: modified}, nil
}

// description is what git describe --long prints if there is a tag: the last one, how many
// commits there are since, and the hash.
var description = regexp.MustCompile(`^(.+)-(\d+)-g[0-9a-f]+$`)

// describe returns the version of a commit: its tag or else, as go build, the pseudo-version
// that follows the last tag before it.
func describe(ctx context.Context, commit string, committed time.Time) (string, error) {
	text, err := git(ctx, "describe", "--tags", "--long", "--always", "--match=v[0-9]*")
	if err != nil {
		return "", err
	}
	match := description.FindStringSubmatch(text)
	if match == nil {
		return module.PseudoVersion("", "", committed, commit[:12]), nil
	}
	tag, since := match[1], match[2]
	if semver.Canonical(tag) != tag {
		return "", fmt.Errorf("the tag %s is no version: want for example v1.2.3; or set one with -version", tag)
	}
	if since == "0" {
		return tag, nil
	}
	return module.PseudoVersion(semver.Major(tag), tag, committed, commit[:12]), nil
}

func parseTime(seconds string) (time.Time, error) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("want seconds since 1970: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

func git(ctx context.Context, args ...string) (string, error) {
	return output(ctx, "git", args...)
}
