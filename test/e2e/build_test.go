package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

// fakeGo stands for a go command whose build cache is empty or not.
const fakeGo = `#!/bin/sh
if [ "$1" = list ]; then seq 250; exit; fi
echo "$@" >&3
i=0
while [ $i -lt "$PACKAGES" ]; do echo "example.com/some_package/v$i" >&2; i=$((i + 1)); done
if [ -n "$FAULT" ]; then echo "$FAULT" >&2; exit 3; fi
`

// cmd/build.sh shows the progress of a long build, and only that.
func TestProgressOfABuild(t *testing.T) {
	script, err := filepath.Abs("../../cmd/build.sh")
	if err != nil {
		t.Fatal(err)
	}
	notice := "Compiling with an empty build cache takes minutes; later builds take seconds."
	for name, c := range map[string]struct {
		packages int
		fault    string
		code     int
		stderr   []string
	}{
		"nothing to do":        {0, "", 0, nil},
		"little to do":         {19, "", 0, nil},
		"much to do":           {230, "", 0, []string{notice, "100 of 250 packages", "200 of 250 packages"}},
		"an error":             {2, "x.go:3:1: undefined: y", 3, []string{"x.go:3:1: undefined: y"}},
		"an error in the end":  {30, "# some/package\n\ttoo many errors", 3, []string{notice, "# some/package", "\ttoo many errors"}},
		"the module is loaded": {1, "go: downloading example.com/x v1.2.3", 3, []string{"go: downloading example.com/x v1.2.3"}},
	} {
		t.Run(name, func(t *testing.T) {
			goCommand := filepath.Join(t.TempDir(), "go")
			if err := os.WriteFile(goCommand, []byte(fakeGo), 0o700); err != nil {
				t.Fatal(err)
			}
			p := env.Process(t, "/bin/sh", []string{"-c", script + " -o bin/x ./cmd/x 3>arguments"},
				[]string{"GO=" + goCommand, "PACKAGES=" + strconv.Itoa(c.packages), "FAULT=" + c.fault})
			if code := p.Wait(soon); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if want := strings.Join(c.stderr, "\n"); p.Stderr() != want || len(p.Lines()) > 0 {
				t.Errorf("prints %q and %q, want %q on standard error", p.Lines(), p.Stderr(), want)
			}
			if got, err := os.ReadFile(filepath.Join(p.Dir, "arguments")); err != nil || string(got) != "build -v -o bin/x ./cmd/x\n" {
				t.Errorf("the arguments are %q, %v", got, err)
			}
		})
	}
}
