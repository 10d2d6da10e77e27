package local

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

// memoryLook is the pause between two looks at a process' memory.
const memoryLook = 20 * time.Millisecond

// process is a program that runs.
type process struct {
	cmd    *exec.Cmd
	stderr strings.Builder
	ended  chan struct{}
	err    error // once it has ended

	watched chan struct{} // closed when the next two are final
	peak    int64         // bytes, 0 where it ended within the first millisecond
	memory  Series
}

// start runs a program, its standard output going to the file out.
func start(program string, env []string, out string) (*process, error) {
	file, err := os.Create(out)
	if err != nil {
		return nil, fmt.Errorf("the program's output goes nowhere: %w", err)
	}
	defer file.Close()
	p := &process{cmd: exec.Command(program), ended: make(chan struct{}), watched: make(chan struct{}), memory: newSeries(memoryLook)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = env, file, &p.stderr, filepath.Dir(program)
	endWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	p.look() // some end at once
	go p.await()
	go p.watch()
	return p, nil
}

func (p *process) await() {
	if err := p.cmd.Wait(); err != nil {
		p.err = fmt.Errorf("%s: %w\n%s", p.cmd.Path, err, p.stderr.String())
	}
	close(p.ended)
}

func (p *process) watch() {
	defer close(p.watched)
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.look()
		case <-p.ended:
			return
		}
	}
}

func (p *process) look() {
	if now, peak, ok := memory(p.cmd.Process.Pid); ok {
		p.memory.add(now)
		p.peak = peak
	}
}

// end tells the program to end, unless it has, and waits until it has.
func (p *process) end(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", p.cmd.Path, err)
	}
	<-p.ended
	return p.err
}

// usage is to be asked for once the program has ended.
func (p *process) usage() Usage {
	<-p.watched
	state := p.cmd.ProcessState
	return Usage{CPU: state.UserTime() + state.SystemTime(), PeakRSS: p.peak, RSS: p.memory}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill ends the program at once; what it says then means nothing.
func (p *process) kill() { _ = p.end(syscall.SIGKILL) }
