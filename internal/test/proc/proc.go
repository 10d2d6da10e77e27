// Package proc runs programs that do not outlive the process that started them.
package proc

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a program that was started. Its methods may be called from any
// goroutine.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait, once done
}

// Start starts cmd. On Linux the kernel kills the program when this process
// dies without cleanup, as at go test's own timeout.
func Start(cmd *exec.Cmd) (*Process, error) {
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has exited and its output is complete.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exited reports whether Done is closed.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends a signal. The error is os.ErrProcessDone if the program has exited.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill sends SIGKILL, unless the program has exited, and waits for its exit.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error says that it has exited
	<-p.done
}

// WaitFor reports whether the program exits within d.
func (p *Process) WaitFor(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// Err waits for the exit and returns the error of exec.Cmd's Wait.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// State waits for the exit and returns its state.
func (p *Process) State() *os.ProcessState {
	<-p.done
	return p.cmd.ProcessState
}

// ExitCode waits for the exit and returns the exit code, or 128 plus the
// signal's number if a signal ended the program.
func (p *Process) ExitCode() int {
	state := p.State()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
