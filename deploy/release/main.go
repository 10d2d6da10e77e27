// Command release builds what is published of a version: for each platform an archive of
// the programs, their manual pages, shell completions, bills of materials and licenses, and
// the documentation; and the checksums of all archives. The same commit gives the same bytes
// with the same Go release, which twice.sh checks.
//
//	go run ./deploy/release -version v1.2.3 -out dist
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	version  string
	out      string
	targets  string
	programs string
}

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "version that the programs report (default: what git describe says)")
	flag.StringVar(&o.out, "out", "dist", "directory for the archives; it must not exist, or be empty")
	flag.StringVar(&o.targets, "targets", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "platforms, comma-separated")
	flag.StringVar(&o.programs, "programs", strings.Join(programs, ","), "programs, comma-separated")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(ctx context.Context, o options) (err error) {
	if err := emptyDirectory(o.out); err != nil {
		return err
	}
	s, err := sourceOf(ctx, o.version)
	if err != nil {
		return err
	}
	s.programs = strings.Split(o.programs, ",")
	targets, err := parseTargets(o.targets)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release-")
	if err != nil {
		return fmt.Errorf("a directory to work in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	begin := time.Now()
	progress := func(step string) {
		fmt.Fprintf(os.Stderr, "release: %6s  %s\n", time.Since(begin).Round(time.Second), step)
	}
	progress(s.version + ": manual pages and completions, made by programs for this machine")
	pages, err := writePages(ctx, s, filepath.Join(work, "pages"))
	if err != nil {
		return err
	}
	var archives []string
	for _, t := range targets {
		progress(t.String() + ": takes minutes if the build cache has nothing of it")
		archive, err := pack(ctx, s, t, pages, filepath.Join(work, t.os+"-"+t.arch), o.out)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		archives = append(archives, archive)
	}
	if err := writeSums(o.out, archives); err != nil {
		return err
	}
	progress("done: " + o.out)
	return nil
}

// pack builds the programs for a platform and writes their archive. It returns the
// archive's name.
func pack(ctx context.Context, s source, t target, pages, dir, out string) (string, error) {
	bin, sbom := filepath.Join(dir, "bin"), filepath.Join(dir, "sbom")
	if err := s.build(ctx, t, bin); err != nil {
		return "", err
	}
	if err := s.writeBills(t, bin, sbom); err != nil {
		return "", err
	}
	files, err := collect(map[string]string{"bin": bin, "sbom": sbom, "share": pages})
	if err != nil {
		return "", err
	}
	licenses, err := licensesOf(ctx, bin, s.programs)
	if err != nil {
		return "", err
	}
	documents, err := documentsOf(ctx)
	if err != nil {
		return "", err
	}
	maps.Copy(files, licenses)
	maps.Copy(files, documents)
	name := fmt.Sprintf("ingestion-%s-%s-%s", s.version, t.os, t.arch)
	archive := name + ".tar.gz"
	return archive, writeArchive(filepath.Join(out, archive), name, files, s.time)
}

// emptyDirectory creates a directory, and fails if there is anything in it: what is left of
// another version must not be published.
func emptyDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the directory for the archives: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("the directory for the archives: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s has files of another release: delete them, or choose another directory with -out", dir)
	}
	return nil
}

// target is a platform.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

func parseTargets(text string) ([]target, error) {
	var all []target
	for word := range strings.SplitSeq(text, ",") {
		system, arch, ok := strings.Cut(strings.TrimSpace(word), "/")
		if !ok || system == "" || arch == "" {
			return nil, fmt.Errorf("-targets: %q is no platform: want for example linux/amd64", word)
		}
		all = append(all, target{system, arch})
	}
	return all, nil
}

// host is the platform that this program runs on.
var host = target{runtime.GOOS, runtime.GOARCH}

// source is what is built.
type source struct {
	version string
	commit  string
	time    time.Time // of the commit: all files in an archive have it

	programs []string
}
