// Package system is the system under test: redis-server, MongoDB and the workers
// as processes, and the links between them.
package system

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

// program is a running program whose output goes to two files.
type program struct {
	*proc.Process
	bin string
	out string // file of standard output; that of standard error ends in .err
}

// start runs bin with no environment but env, PATH and TZ. Its output is appended
// to name.log and name.err.
func start(dir, name, bin string, args, env []string) (*program, error) {
	p := &program{bin: bin, out: filepath.Join(dir, name+".log")}
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
	cmd := exec.Command(bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, stdout, stderr
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TZ=UTC"}, env...)
	p.Process, err = proc.Start(cmd)
	return p, err
}

func (p *program) signal(s os.Signal) { _ = p.Signal(s) } // an error means that it has exited

var errRunning = errors.New("still running")

// wait returns the exit code, or errRunning after limit.
func (p *program) wait(limit time.Duration) (int, error) {
	if !p.WaitFor(limit) {
		return 0, errRunning
	}
	return p.ExitCode(), nil
}

// awaitLine waits for text in the program's standard output, from an offset of
// the file on.
func (p *program) awaitLine(from int64, text string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		if b, err := os.ReadFile(p.out); err == nil && int64(len(b)) > from && strings.Contains(string(b[from:]), text) {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%s exited before it was ready: see %s and the .err file beside it", p.bin, p.out)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s was not ready within %v: see %s", p.bin, limit, p.out)
}

func fileSize(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}
