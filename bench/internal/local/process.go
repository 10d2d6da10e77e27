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

// memoryLook is the interval between two samples of a process' memory.
const memoryLook = 20 * time.Millisecond

// process is a running program.
type process struct {
	*proc.Process
	program string
	stderr  strings.Builder

	watched chan struct{} // closed when the next two are final
	peak    int64         // bytes; 0 if it exited within the first millisecond
	memory  Series
}

// start runs a program with its standard output in the file out.
func start(program string, env []string, out string) (*process, error) {
	file, err := os.Create(out)
	if err != nil {
		return nil, fmt.Errorf("cannot create the output file: %w", err)
	}
	defer file.Close()
	p := &process{program: program, watched: make(chan struct{}), memory: newSeries(memoryLook)}
	cmd := exec.Command(program)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = env, file, &p.stderr, filepath.Dir(program)
	if p.Process, err = proc.Start(cmd); err != nil {
		return nil, err
	}
	p.look() // some exit at once
	go p.watch()
	return p, nil
}

// failure waits for the exit; its error includes the program's standard error.
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

// end sends a signal, unless the program has exited, and waits for the exit.
func (p *process) end(signal os.Signal) error {
	if err := p.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending %s: %w", p.program, err)
	}
	return p.failure()
}

// usage must be called after the exit.
func (p *process) usage() Usage {
	<-p.watched
	state := p.State()
	return Usage{CPU: state.UserTime() + state.SystemTime(), PeakRSS: p.peak, RSS: p.memory}
}
