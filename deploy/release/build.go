package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// programs are all that are published.
var programs = []string{"archiver", "console", "ingestctl", "producer", "standalone", "worker"}

// tags leave out what no program uses: FerretDB's PostgreSQL backend, as in the Makefile, and
// a way to Google's storage, as in cmd/image.sh.
const tags = "ferretdb_no_postgresql,disable_grpc_modules"

// build builds all programs into a directory. Nothing of this machine gets into them: no
// paths, no state of version control, no settings of the go command.
func (s source) build(ctx context.Context, t target, dir string, extraTags ...string) error {
	args := []string{
		"build", "-trimpath", "-buildvcs=false", "-tags=" + strings.Join(append([]string{tags}, extraTags...), ","),
		"-ldflags=-s -w -X 'ingestion/cmd/internal/app.stamp=" + s.version + "' -X 'ingestion/cmd/internal/app.commit=" + s.commit + "'",
		"-o", dir + "/",
	}
	for _, program := range s.programs {
		args = append(args, "./cmd/"+program)
	}
	return run(ctx, t.environ(), goCommand(), args...)
}

// environ returns the environment in which the go command builds for a platform.
func (t target) environ() []string {
	return append(os.Environ(),
		"CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GODEBUG=", "GOFIPS140=off")
}

// goCommand returns the go command, which the variable GO may name.
func goCommand() string {
	if command := os.Getenv("GO"); command != "" {
		return command
	}
	return "go"
}

// run runs a command, whose messages go to standard error.
func run(ctx context.Context, environ []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(quoted(append([]string{name}, args...)), " "), err)
	}
	return nil
}

// output returns what a command prints, without spaces around it.
func output(ctx context.Context, name string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return strings.TrimSpace(string(text)), nil
}

// quoted quotes words with spaces, to be read.
func quoted(words []string) []string {
	words = slices.Clone(words)
	for i, word := range words {
		if strings.ContainsAny(word, " '") {
			words[i] = strconv.Quote(word)
		}
	}
	return words
}
