// Package rig is what a chaos run tortures: a redis-server, a MongoDB and
// workers as processes, and the links between them.
package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// proc is a running program, its output in two files.
type proc struct {
	cmd  *exec.Cmd
	out  string // file of standard output; standard error is beside it
	done chan struct{}
}

// start runs bin with nothing but env and a path. Its output is appended to
// name.log and name.err.
func start(dir, name, bin string, args, env []string) (*proc, error) {
	p := &proc{out: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	stdout, err := os.OpenFile(p.out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	stderr, err := os.OpenFile(filepath.Join(dir, name+".err"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	p.cmd = exec.Command(bin, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, stdout, stderr
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TZ=UTC"}, env...)
	endWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", bin, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the exit code is read from ProcessState
	}()
	return p, nil
}

func (p *proc) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) } // an error says that it has ended

func (p *proc) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// errRuns says that a program did not end in time.
var errRuns = errors.New("it does not end")

// wait returns the exit code: 128 and the signal's number for one that a signal
// ended.
func (p *proc) wait(limit time.Duration) (int, error) {
	select {
	case <-p.done:
	case <-time.After(limit):
		return 0, errRuns
	}
	state := p.cmd.ProcessState
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}

// awaitLine returns once the program has printed a line that has the text since
// its file was so long.
func (p *proc) awaitLine(from int64, text string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		if b, err := os.ReadFile(p.out); err == nil && int64(len(b)) > from && strings.Contains(string(b[from:]), text) {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready: see %s and the .err beside it", p.cmd.Path, p.out)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s is not ready after %v: see %s", p.cmd.Path, limit, p.out)
}

func fileSize(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}
