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

// Proc is a program started by a test. Its methods may be called from any
// goroutine, but those that can fail the test only from the test's own.
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

// InDir sets the program's working directory; by default it is a new, empty
// one.
func InDir(dir string) ProcessOption { return func(c *exec.Cmd) { c.Dir = dir } }

// WithStdin sets the program's standard input; by default it is empty.
func WithStdin(text string) ProcessOption {
	return func(c *exec.Cmd) { c.Stdin = strings.NewReader(text) }
}

// Process starts bin with args. Its environment is env ("NAME=value") and the
// few variables that any program needs, so it does not depend on the
// developer's shell. The program is killed when the test ends; a failed test
// shows the end of its output.
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

// basicEnv returns the part of this process' environment that the program gets.
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

// PID returns the program's process ID.
func (p *Proc) PID() int { return p.proc.PID() }

// Lines returns the complete lines of standard output so far.
func (p *Proc) Lines() []string { return p.stdout.all() }

// Stderr returns the standard error so far.
func (p *Proc) Stderr() string { return strings.Join(p.stderr.all(), "\n") }

// Done is closed when the program has exited and its output is complete.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Signal sends a signal. It fails the test if the program has exited.
func (p *Proc) Signal(signal os.Signal) {
	p.t.Helper()
	if err := p.proc.Signal(signal); err != nil {
		p.t.Fatalf("%s gets no %v: %v\n%s", p.name, signal, err, p.tail())
	}
}

// Kill sends SIGKILL, unless the program has exited, and waits for the exit.
func (p *Proc) Kill() { p.kill() }

// Wait waits for the exit and returns the exit code, or 128 plus the signal's
// number if a signal ended the program. It fails the test after timeout.
func (p *Proc) Wait(timeout time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.proc.ExitCode()
	case <-time.After(timeout):
		p.t.Fatalf("%s is still running after %v\n%s", p.name, timeout, p.tail())
		return -1
	}
}

// WaitForLine returns the first line of standard output that matches, waiting
// for it if necessary. It fails the test after timeout, or if the program exits
// without such a line.
func (p *Proc) WaitForLine(timeout time.Duration, match func(line string) bool) string {
	p.t.Helper()
	line, _ := p.WaitForLineAfter(0, timeout, match)
	return line
}

// WaitForLineAfter is WaitForLine without the first n lines. It also returns
// the number of lines up to and including the match, for the next call.
func (p *Proc) WaitForLineAfter(n int, timeout time.Duration, match func(line string) bool) (string, int) {
	p.t.Helper()
	line, n, err := p.stdout.wait(n, timeout, match)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.tail())
	}
	return line, n
}

// tail returns the end of the program's output, for messages.
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
