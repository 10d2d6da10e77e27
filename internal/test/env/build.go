package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"
	"testing"

	"ingestion/internal/embedded/filelock"
	"ingestion/internal/test/proc"
)

// builds holds, by target, what has been built in this process.
var builds sync.Map

// target is a program and the way it is compiled.
type target struct {
	importPath string
	tag        string // a build tag, or none
	race       bool
}

// Build compiles a command of this module, named by its import path such as
// "ingestion/cmd/worker", and returns the program's path. It compiles once in
// a process, and go build itself links again only what has changed since
// another process did. With -race the program has the race detector too, else
// it is without cgo.
func Build(t testing.TB, importPath string) string {
	t.Helper()
	return BuildTagged(t, importPath, "")
}

// BuildTagged is Build with a build tag, for programs that do in a test what
// they must not do otherwise.
func BuildTagged(t testing.TB, importPath, tag string) string {
	t.Helper()
	return build(t, target{importPath, tag, raceEnabled})
}

// buildServer is Build for what is no program under test but a server that
// tests use: the race detector would slow it down many times for nothing.
func buildServer(t testing.TB, importPath string) string {
	t.Helper()
	return build(t, target{importPath: importPath})
}

func build(t testing.TB, want target) string {
	t.Helper()
	once, _ := builds.LoadOrStore(want, sync.OnceValues(want.compile))
	program, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// compile builds into a folder that the test binaries of all packages share,
// one at a time.
func (want target) compile() (string, error) {
	dir, err := want.dir()
	if err != nil {
		return "", fmt.Errorf("no place for the programs under test: %w", err)
	}
	lock, err := filelock.Wait(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, path.Base(want.importPath))
	if want.tag != "" {
		program += "-" + want.tag
	}
	return program, errors.Join(want.goBuild(program), lock.Close())
}

func (want target) goBuild(program string) error {
	flags := []string{"-tags", want.tag}
	if want.race {
		flags = append(flags, "-race")
	}
	return proc.GoBuild(context.Background(), program, want.importPath, flags...)
}

// dir is a folder in the module's own tree, so that two clones do not
// share programs and none outlives its clone. git is told to overlook it.
func (want target) dir() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".testenv")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644); err != nil {
		return "", err
	}
	if want.race {
		dir = filepath.Join(dir, "race")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// moduleRoot is the nearest folder above the test's own that has a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}
