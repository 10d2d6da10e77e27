package system

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Worker is a place at which one worker process after the other runs.
type Worker struct {
	dir, name, bin string
	env            []string
	complain       func(string)

	mu        sync.Mutex
	proc      *program
	lives     int
	expectEnd bool
}

// NewWorker is a place that nobody has taken yet. What a process does wrong by
// itself goes to complain.
func NewWorker(dir, name, bin string, env []string, complain func(string)) *Worker {
	return &Worker{dir: dir, name: name, bin: bin, env: env, complain: complain}
}

// Start runs the next process, and another if it ends without being told to.
func (w *Worker) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives++
	p, err := start(w.dir, fmt.Sprintf("%s-%d", w.name, w.lives), w.bin, nil, w.env)
	if err != nil {
		return err
	}
	w.proc, w.expectEnd = p, false
	go w.watch(p)
	return nil
}

func (w *Worker) watch(p *program) {
	<-p.Done()
	w.mu.Lock()
	byItself := p == w.proc && !w.expectEnd
	w.mu.Unlock()
	if !byItself {
		return
	}
	code, _ := p.wait(0)
	w.complain(fmt.Sprintf("a worker ended by itself with exit code %d: %s; %s", code, p.out, lastWords(p.out)))
	if err := w.Start(); err != nil {
		w.complain(err.Error())
	}
}

// lastWords is the end of what a program said on standard error.
func lastWords(out string) string {
	b, _ := os.ReadFile(out[:len(out)-len(filepath.Ext(out))] + ".err")
	return string(b[max(0, len(b)-2000):])
}

// Kill ends the process by SIGKILL.
func (w *Worker) Kill() {
	w.running().Kill()
}

// Term tells the process to end and returns its exit code. One that the signal
// met before it could take it has ended as orderly as it could: 0.
func (w *Worker) Term(limit time.Duration) (int, error) {
	p := w.running()
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

// running is the process, which may end from now on.
func (w *Worker) running() *program {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expectEnd = true
	return w.proc
}

// Freeze stops the process' time until Thaw.
func (w *Worker) Freeze() { w.current().signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (w *Worker) Thaw() { w.current().signal(syscall.SIGCONT) }

func (w *Worker) current() *program {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.proc
}

// Lives is how many processes have run here.
func (w *Worker) Lives() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lives
}

// Pid is that of the latest process.
func (w *Worker) Pid() int { return w.current().PID() }
