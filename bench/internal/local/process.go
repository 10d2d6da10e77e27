package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ingestion/internal/test/proc"
)

// memoryLook is the pause between two looks at a process' memory.
const memoryLook = 20 * time.Millisecond

// process is a program that runs.
type process struct {
	*proc.Process
	program string
	stderr  strings.Builder

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
	p := &process{program: program, watched: make(chan struct{}), memory: newSeries(memoryLook)}
	cmd := exec.Command(program)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = env, file, &p.stderr, filepath.Dir(program)
	if p.Process, err = proc.Start(cmd); err != nil {
		return nil, err
	}
	p.look() // some end at once
	go p.watch()
	return p, nil
}

// failure waits for the exit; its error has what the program said.
func (p *process) failure() error {
	if err := p.Err(); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.program, err, p.stderr.String())
	}
	return nil
}

func (p *process) watch() {
	defer close(p.watched)
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.look()
		case <-p.Done():
			return
		}
	}
}

func (p *process) look() {
	if now, peak, ok := memory(p.PID()); ok {
		p.memory.add(now)
		p.peak = peak
	}
}

// end tells the program to end, unless it has, and waits until it has.
func (p *process) end(signal os.Signal) error {
	if err := p.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", p.program, err)
	}
	return p.failure()
}

// usage is to be asked for once the program has ended.
func (p *process) usage() Usage {
	<-p.watched
	state := p.State()
	return Usage{CPU: state.UserTime() + state.SystemTime(), PeakRSS: p.peak, RSS: p.memory}
}
