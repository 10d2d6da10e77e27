package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// sourceOf describes the commit in the working directory. SOURCE_DATE_EPOCH, in seconds
// since 1970, overrides its time.
func sourceOf(ctx context.Context, version string) (source, error) {
	// Without a fixed length, that of the hash depends on how much else is in the clone.
	described, err := git(ctx, "describe", "--tags", "--always", "--abbrev=12", "--dirty")
	if err != nil {
		return source{}, err
	}
	commit, err := git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return source{}, err
	}
	if strings.HasSuffix(described, "-dirty") {
		commit += "+dirty"
		fmt.Fprintln(os.Stderr, "release: the working directory has changes that are not committed")
	}
	committed, err := git(ctx, "log", "-1", "--format=%ct")
	if err != nil {
		return source{}, err
	}
	seconds, err := strconv.ParseInt(cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), committed), 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("SOURCE_DATE_EPOCH: want seconds since 1970: %w", err)
	}
	return source{version: cmp.Or(version, described), commit: commit, time: time.Unix(seconds, 0).UTC()}, nil
}

func git(ctx context.Context, args ...string) (string, error) {
	output, err := exec.CommandContext(ctx, "git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(output)), nil
}
