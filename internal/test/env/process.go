package env

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/proc"
)

// Proc is a program that a test started. Its methods may be called from any
// goroutine, those that can fail the test from the test's own only.
type Proc struct {
	Dir string // working directory: empty at the start, unless InDir gave one

	t      testing.TB
	name   string
	proc   *proc.Process
	stdout *output
	stderr *output
	done   chan struct{} // closed when the program ended and its output is complete
}

// ProcessOption changes how Process starts a program.
type ProcessOption func(*exec.Cmd)

// InDir gives the program's working directory, else it is a new empty one.
func InDir(dir string) ProcessOption { return func(c *exec.Cmd) { c.Dir = dir } }

// WithStdin gives the program's standard input, else it is empty.
func WithStdin(text string) ProcessOption {
	return func(c *exec.Cmd) { c.Stdin = strings.NewReader(text) }
}

// Process starts bin with args. Its environment is env ("NAME=value") and the
// few variables any program needs, so that no setting of the developer's shell
// reaches it. The program is killed, if it still runs, when the test ends; a
// failed test shows the end of its output.
func Process(t testing.TB, bin string, args, env []string, options ...ProcessOption) *Proc {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Env = append(basicEnv(), env...)
	for _, option := range options {
		option(cmd)
	}
	if cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	p := &Proc{
		Dir: cmd.Dir, t: t, name: cmd.Path,
		stdout: newOutput(), stderr: newOutput(), done: make(chan struct{}),
	}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	cmd.WaitDelay = 5 * time.Second // for what the program itself started
	var err error
	if p.proc, err = proc.Start(cmd); err != nil {
		t.Fatal(err)
	}
	go p.reap()
	t.Cleanup(p.cleanUp)
	return p
}

// basicEnv is what the program gets of this process's environment.
func basicEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "USER", "LANG", "TZ", "GORACE", "GOCOVERDIR", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (p *Proc) reap() {
	<-p.proc.Done()
	p.stdout.finish()
	p.stderr.finish()
	close(p.done)
}

func (p *Proc) cleanUp() {
	p.kill()
	if p.t.Failed() {
		p.t.Logf("%s", p.tail())
	}
}

func (p *Proc) kill() {
	p.proc.Kill()
	<-p.done
}

// PID is the program's process ID.
func (p *Proc) PID() int { return p.proc.PID() }

// Lines are the complete lines of standard output so far.
func (p *Proc) Lines() []string { return p.stdout.all() }

// Stderr is what the program wrote to standard error so far.
func (p *Proc) Stderr() string { return strings.Join(p.stderr.all(), "\n") }

// Done is closed when the program has ended and its output is complete.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Signal sends a signal; a program that has ended already fails the test.
func (p *Proc) Signal(signal os.Signal) {
	p.t.Helper()
	if err := p.proc.Signal(signal); err != nil {
		p.t.Fatalf("%s gets no %v: %v\n%s", p.name, signal, err, p.tail())
	}
}

// Kill ends the program by SIGKILL and returns when it has ended; it does
// nothing if the program has ended already.
func (p *Proc) Kill() { p.kill() }

// Wait returns the exit code of the program once it has ended: 128 plus the
// signal's number for one that a signal ended. It fails the test after timeout.
func (p *Proc) Wait(timeout time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.proc.ExitCode()
	case <-time.After(timeout):
		p.t.Fatalf("%s still runs after %v\n%s", p.name, timeout, p.tail())
		return -1
	}
}

// WaitForLine returns the first line of standard output for which match is
// true, be it there already or still to come. It fails the test after
// timeout, or when the program ends without such a line.
func (p *Proc) WaitForLine(timeout time.Duration, match func(line string) bool) string {
	p.t.Helper()
	line, _ := p.WaitForLineAfter(0, timeout, match)
	return line
}

// WaitForLineAfter is WaitForLine without the first n lines. It also returns
// the number of lines up to and with the one found, to go on from.
func (p *Proc) WaitForLineAfter(n int, timeout time.Duration, match func(line string) bool) (string, int) {
	p.t.Helper()
	line, n, err := p.stdout.wait(n, timeout, match)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.tail())
	}
	return line, n
}

// tail is the end of what the program said, for messages.
func (p *Proc) tail() string {
	state := "runs"
	select {
	case <-p.done:
		state = p.proc.State().String()
	default:
	}
	return fmt.Sprintf("%s (pid %d, %s)\n--- stdout ---\n%s\n--- stderr ---\n%s",
		p.name, p.PID(), state, last(p.stdout.all()), last(p.stderr.all()))
}

func last(lines []string) string {
	const shown = 40
	return strings.Join(lines[max(0, len(lines)-shown):], "\n")
}
