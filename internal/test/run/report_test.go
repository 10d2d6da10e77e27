package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a small module to test, and makes it the working directory.
func module(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example\n\ngo 1.26.0\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("CI", "")
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

const mixed = `package example

import "testing"

func TestGood(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Log("quiet") }) }
func TestSkipped(t *testing.T) { t.Skip("no such server") }
`

func TestCountsWhatPassesAndSkips(t *testing.T) {
	module(t, map[string]string{"x_test.go": mixed})
	var out, errs bytes.Buffer
	if err := run([]string{"./..."}, &out, &errs); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &errs)
	}
	if got, want := lastLine(out.String()), "2 passed, 0 failed, 1 skipped"; got != want {
		t.Errorf("the last line is %q, want %q", got, want)
	}
	for _, want := range []string{"skipped: 1, no such server\n", "tests by server: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "quiet") {
		t.Errorf("it shows what a passing test logs:\n%s", &out)
	}
}

func TestFailuresAreShown(t *testing.T) {
	for name, c := range map[string]struct{ file, total, shown string }{
		"test": {`package example
import "testing"
func TestBad(t *testing.T) { t.Error("it is broken") }
func TestGood(t *testing.T) {}
`, "1 passed, 1 failed, 0 skipped", "it is broken"},
		"compiling": {"package example\nfunc x() { y() }\n", "0 passed, 1 failed, 0 skipped", "undefined: y"},
		"start": {`package example
import "testing"
func TestMain(m *testing.M) { panic("nothing works") }
func TestGood(t *testing.T) {}
`, "0 passed, 1 failed, 0 skipped", "nothing works"},
	} {
		t.Run(name, func(t *testing.T) {
			module(t, map[string]string{"x_test.go": c.file})
			var out, errs bytes.Buffer
			if err := run([]string{"./..."}, &out, &errs); err == nil {
				t.Errorf("there is no error for\n%s", &out)
			}
			if got := lastLine(out.String()); got != c.total {
				t.Errorf("the last line is %q, want %q", got, c.total)
			}
			if !strings.Contains(out.String()+errs.String(), c.shown) {
				t.Errorf("%q is not shown in\n%s%s", c.shown, &out, &errs)
			}
		})
	}
}

func TestVerboseShowsAll(t *testing.T) {
	module(t, map[string]string{"x_test.go": mixed})
	var out, errs bytes.Buffer
	if err := run([]string{"-v", "./..."}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "quiet") {
		t.Errorf("what a test logs is missing in\n%s", &out)
	}
}

func TestOtherOutputIsAnError(t *testing.T) {
	var out bytes.Buffer
	err := newReport(&out, false).read(strings.NewReader("something else\n"))
	if err == nil || !strings.Contains(out.String(), "else") {
		t.Errorf("got %v and %q, want an error and the output", err, &out)
	}
}
