package env_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/env"
)

const soon = 20 * time.Second

// talker starts the program of that name in testdata.
func talker(t testing.TB, args ...string) *env.Proc {
	t.Helper()
	return env.Process(t, env.Build(t, "ingestion/internal/test/env/testdata/talker"), args, []string{"GIVEN=given"})
}

func is(want string) func(string) bool {
	return func(line string) bool { return line == want }
}

func TestProcessOutputAndExitCode(t *testing.T) {
	p := talker(t, "out", "one", "err", "bad", "part", "two", "exit", "3")
	if code := p.Wait(soon); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if diff := cmp.Diff([]string{"one", "two"}, p.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if p.Stderr() != "bad" {
		t.Errorf("standard error is %q", p.Stderr())
	}
}

func TestProcessEnvironment(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://elsewhere")
	p := talker(t, "env", "REDIS_URL", "env", "GIVEN", "dir")
	p.Wait(soon)
	if diff := cmp.Diff([]string{"", "given", p.Dir}, p.Lines()); diff != "" {
		t.Errorf("environment and directory (-want +got):\n%s", diff)
	}
}

func TestProcessInput(t *testing.T) {
	dir := t.TempDir()
	bin := env.Build(t, "ingestion/internal/test/env/testdata/talker")
	p := env.Process(t, bin, []string{"stdin", "dir"}, nil, env.WithStdin("a\nb\n"), env.InDir(dir))
	p.Wait(soon)
	if diff := cmp.Diff([]string{"a", "b", dir}, p.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestProcessWaitsForLines(t *testing.T) {
	p := talker(t, "out", "other", "out", "same", "out", "same", "await", "out", "late", "exit", "0")
	_, n := p.WaitForLineAfter(0, soon, is("same"))
	_, n = p.WaitForLineAfter(n, soon, is("same"))
	if n != 3 {
		t.Errorf("the second line found is number %d", n)
	}
	p.Signal(syscall.SIGTERM)
	p.WaitForLine(soon, is("late"))
	p.WaitForLine(soon, is("same")) // those past are found, too
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, n := p.WaitForLineAfter(0, soon, is("late")); n != 4 {
		t.Errorf("the last line is number %d", n)
	}
}

func TestProcessKilled(t *testing.T) {
	p := talker(t, "out", "up", "await")
	p.WaitForLine(soon, is("up"))
	p.Kill()
	if code := p.Wait(soon); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d", code)
	}
	p.Kill() // does nothing
}

func TestProcessIsKilledWithTheTest(t *testing.T) {
	var p *env.Proc
	t.Run("user", func(t *testing.T) { p = talker(t, "await") })
	select {
	case <-p.Done():
	default:
		t.Error("the program is still running")
	}
}

func TestProcessFailures(t *testing.T) {
	for name, c := range map[string]struct {
		use     func(testing.TB)
		message string
	}{
		"line that never comes":  {func(t testing.TB) { talker(t, "await").WaitForLine(time.Millisecond, is("x")) }, "in time"},
		"end before the line":    {func(t testing.TB) { talker(t, "out", "hint").WaitForLine(soon, is("x")) }, "ended without the line waited for"},
		"end that never comes":   {func(t testing.TB) { talker(t, "await").Wait(time.Millisecond) }, "still running"},
		"no such program":        {func(t testing.TB) { env.Process(t, "/nowhere/x", nil, nil) }, "/nowhere/x"},
		"no such command":        {func(t testing.TB) { env.Build(t, "ingestion/cmd/nothing") }, "cmd/nothing"},
		"signal to an ended one": {func(t testing.TB) { p := talker(t); p.Wait(soon); p.Signal(syscall.SIGTERM) }, "no terminated"},
		"condition never reached": {func(t testing.TB) {
			env.Eventually(t, time.Millisecond, func() (bool, string) { return false, "why" })
		}, "why"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := outcome(t, c.use); got.verdict != "fail" || !strings.Contains(got.message, c.message) {
				t.Errorf("%v, want a failure with %q", got, c.message)
			}
		})
	}
}

func TestEventuallyPolls(t *testing.T) {
	asked := 0
	env.Eventually(t, soon, func() (bool, string) {
		asked++
		return asked == 3, ""
	})
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}
