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

	"ingestion/internal/filelock"
	"ingestion/internal/test/proc"
)

// builds holds the programs built in this process, by target.
var builds sync.Map

// target is a program and how it is built.
type target struct {
	importPath string
	tag        string // a build tag, or none
	race       bool
}

// Build builds a command of this module, named by its import path such as
// "ingestion/cmd/worker", and returns the program's path. Each command is built
// once per process. If the tests run with -race, so does the program; otherwise
// it is built without cgo.
func Build(t testing.TB, importPath string) string {
	t.Helper()
	return BuildTagged(t, importPath, "")
}

// BuildTagged is Build with a build tag, for programs with behavior that exists
// in tests only.
func BuildTagged(t testing.TB, importPath, tag string) string {
	t.Helper()
	return build(t, target{importPath, tag, raceEnabled})
}

// BuildPlain is Build without the race detector: for servers that are not themselves
// tested, which it would only slow down, and for programs whose memory is measured.
func BuildPlain(t testing.TB, importPath string) string {
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

// compile builds into a directory that the test binaries of all packages share,
// one at a time.
func (want target) compile() (string, error) {
	dir, err := want.dir()
	if err != nil {
		return "", fmt.Errorf("no directory for the programs under test: %w", err)
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
	var flags []string
	if want.tag != "" {
		flags = append(flags, "-tags", want.tag)
	}
	if want.race {
		flags = append(flags, "-race")
	}
	return proc.GoBuild(context.Background(), program, want.importPath, flags...)
}

// dir returns a directory in the module's tree, so that two clones do not share
// programs and none outlives its clone. git ignores it.
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

// moduleRoot returns the nearest parent directory with a go.mod.
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
			return "", errors.New("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
}
