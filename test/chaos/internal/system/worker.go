package system

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Worker runs one worker process after the other.
type Worker struct {
	dir, name, bin string
	env            []string
	complain       func(string)

	mu         sync.Mutex
	proc       *program
	started    int
	expectExit bool
}

// NewWorker returns a worker that is not started. complain is called when a
// process exits although nobody stopped it.
func NewWorker(dir, name, bin string, env []string, complain func(string)) *Worker {
	return &Worker{dir: dir, name: name, bin: bin, env: env, complain: complain}
}

// Start starts the next process, and another one if it exits unexpectedly.
func (w *Worker) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started++
	p, err := start(w.dir, fmt.Sprintf("%s-%d", w.name, w.started), w.bin, nil, w.env)
	if err != nil {
		return err
	}
	w.proc, w.expectExit = p, false
	go w.watch(p)
	return nil
}

func (w *Worker) watch(p *program) {
	<-p.Done()
	w.mu.Lock()
	unexpected := p == w.proc && !w.expectExit
	w.mu.Unlock()
	if !unexpected {
		return
	}
	code, _ := p.wait(0)
	w.complain(fmt.Sprintf("a worker exited unexpectedly with code %d: %s; %s", code, p.out, tail(p.out)))
	if err := w.Start(); err != nil {
		w.complain(err.Error())
	}
}

// tail returns the end of a program's standard error.
func tail(out string) string {
	b, _ := os.ReadFile(out[:len(out)-len(filepath.Ext(out))] + ".err")
	return string(b[max(0, len(b)-2000):])
}

// Kill sends SIGKILL and waits for the exit.
func (w *Worker) Kill() {
	w.stopping().Kill()
}

// Term sends SIGTERM and returns the exit code. It is 0 for a process that the
// signal killed before its handler was installed.
func (w *Worker) Term(limit time.Duration) (int, error) {
	p := w.stopping()
	p.signal(syscall.SIGTERM)
	code, err := p.wait(limit)
	if err != nil {
		return 0, fmt.Errorf("%s after SIGTERM: %w within %v", p.out, err, limit)
	}
	if code == 128+int(syscall.SIGTERM) && fileSize(p.out) == 0 {
		code = 0
	}
	return code, nil
}

// stopping returns the process, whose exit is expected from now on.
func (w *Worker) stopping() *program {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expectExit = true
	return w.proc
}

// Freeze suspends the process until Thaw.
func (w *Worker) Freeze() { w.current().signal(syscall.SIGSTOP) }

// Thaw resumes a frozen process.
func (w *Worker) Thaw() { w.current().signal(syscall.SIGCONT) }

func (w *Worker) current() *program {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.proc
}

// Started returns how many processes were started.
func (w *Worker) Started() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started
}

// PID is the process ID of the latest process.
func (w *Worker) PID() int { return w.current().PID() }
