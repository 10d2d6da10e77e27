package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// RunUntil runs n processes of a program side by side until done says so, then
// ends them by SIGTERM. Elapsed is the time until done; CPU is their sum,
// PeakRSS the largest.
func RunUntil(ctx context.Context, n int, program string, env []string, out string, done func() (bool, error)) (Usage, error) {
	processes := make([]*exec.Cmd, 0, n)
	begin := time.Now()
	var failed error
	for i := range n {
		p, err := startOne(program, append(env, "STREAM_CONSUMER=bench-"+strconv.Itoa(i)), out+"."+strconv.Itoa(i))
		if err != nil {
			failed = err
			break
		}
		processes = append(processes, p)
	}
	for failed == nil {
		over, err := done()
		if failed = errors.Join(err, ctx.Err()); failed != nil || over {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	usage := Usage{Elapsed: time.Since(begin)}
	return usage, errors.Join(failed, endAll(processes, &usage))
}

func startOne(program string, env []string, out string) (*exec.Cmd, error) {
	file, err := os.Create(out)
	if err != nil {
		return nil, fmt.Errorf("the program's output goes nowhere: %w", err)
	}
	defer file.Close()
	cmd := exec.Command(program)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = env, file, os.Stderr, filepath.Dir(program)
	endWithParent(cmd)
	return cmd, cmd.Start()
}

func endAll(processes []*exec.Cmd, usage *Usage) error {
	var wait sync.WaitGroup
	errs := make([]error, len(processes))
	for i, p := range processes {
		wait.Go(func() {
			_ = p.Process.Signal(syscall.SIGTERM)
			errs[i] = p.Wait()
		})
	}
	wait.Wait()
	for _, p := range processes {
		usage.add(p.ProcessState)
	}
	return errors.Join(errs...)
}

func (u *Usage) add(state *os.ProcessState) {
	u.CPU += state.UserTime() + state.SystemTime()
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.PeakRSS = max(u.PeakRSS, r.Maxrss<<10) // in KiB on Linux
	}
}
