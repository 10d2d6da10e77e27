package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// license matches the names of files that have to go with a program: the conditions under
// which its modules may be passed on.
var license = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents)([-_.][a-z0-9._-]+)?$`)

// licensesOf returns the licenses of Go and of all modules in the programs of a directory,
// by their paths in an archive.
func licensesOf(ctx context.Context, bin string, programs []string) (map[string]string, error) {
	root, err := output(ctx, goCommand(), "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dirs, err := modulesOf(ctx, bin, programs)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range []string{"LICENSE", "PATENTS"} {
		all[path.Join("licenses/go", name)] = filepath.Join(root, name)
	}
	for module, dir := range dirs {
		found, err := licensesBelow(dir)
		if err != nil {
			return nil, fmt.Errorf("the license of %s: %w", module, err)
		}
		for name, file := range found {
			all[path.Join("licenses", module, name)] = file
		}
	}
	return all, nil
}

// modulesOf returns the modules that the linker put into programs, and the directories of
// their sources.
func modulesOf(ctx context.Context, bin string, programs []string) (map[string]string, error) {
	linked := map[string]bool{}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(filepath.Join(bin, program))
		if err != nil {
			return nil, fmt.Errorf("the modules of %s: %w", program, err)
		}
		for _, module := range info.Deps {
			linked[module.Path] = true
		}
	}
	// Modules that are replaced have the directory of the other one.
	listed, err := output(ctx, goCommand(), append([]string{"list", "-m", "-f", "{{.Path}}\t{{.Dir}}"}, slices.Sorted(maps.Keys(linked))...)...)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for line := range strings.Lines(listed) {
		module, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dirs[module] = dir
	}
	return dirs, nil
}

// licensesBelow returns the licenses in the directory of a module, by their paths in it:
// code that was copied into a module often has its own.
func licensesBelow(dir string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case !entry.Type().IsRegular() || filepath.Ext(file) == ".go" || !license.MatchString(entry.Name()):
			return nil
		}
		below, err := filepath.Rel(dir, file)
		found[filepath.ToSlash(below)] = file
		return err
	})
	if err == nil && len(found) == 0 {
		err = errors.New("none found; the module must not be passed on without one")
	}
	return found, err
}
