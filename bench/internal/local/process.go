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

// rssLook is the pause between two looks at a process' memory.
const rssLook = 100 * time.Millisecond

// process is a program that runs.
type process struct {
	cmd    *exec.Cmd
	stderr strings.Builder
	ended  chan struct{}
	err    error // once it has ended
	memory chan Series
}

// start runs a program, its standard output going to the file out.
func start(program string, env []string, out string) (*process, error) {
	file, err := os.Create(out)
	if err != nil {
		return nil, fmt.Errorf("the program's output goes nowhere: %w", err)
	}
	defer file.Close()
	p := &process{cmd: exec.Command(program), ended: make(chan struct{}), memory: make(chan Series, 1)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = env, file, &p.stderr, filepath.Dir(program)
	endWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
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
	series := newSeries(rssLook)
	tick := time.NewTicker(rssLook)
	defer tick.Stop()
	for {
		if bytes, ok := rss(p.cmd.Process.Pid); ok {
			series.add(bytes)
		}
		select {
		case <-tick.C:
		case <-p.ended:
			p.memory <- series
			return
		}
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

func (p *process) usage() Usage {
	var u Usage
	u.add(p.cmd.ProcessState)
	u.RSS = <-p.memory
	return u
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
