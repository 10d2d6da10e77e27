package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Run runs a program until it exits. Elapsed is the time from start to exit,
// including connecting and disconnecting.
func Run(ctx context.Context, program string, env []string, out string) (Usage, error) {
	begin := time.Now()
	p, err := start(program, env, out)
	if err != nil {
		return Usage{}, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Kill()
		return Usage{}, ctx.Err()
	}
	elapsed := time.Since(begin)
	if err := p.failure(); err != nil {
		return Usage{}, err
	}
	u := p.usage()
	u.Elapsed = elapsed
	return u, nil
}

const (
	donePause = 5 * time.Millisecond
	doneLimit = 10 * time.Minute // of RunUntil
)

// RunUntil runs n processes of a program in parallel until done returns true,
// then stops them with SIGTERM. Elapsed is the time from the first start until
// done; CPU is the sum until their exit; PeakRSS is the largest.
func RunUntil(ctx context.Context, n int, program string, env []string, out string, done func() (bool, error)) (Usage, error) {
	var group group
	begin := time.Now()
	var failed error
	for i := range n {
		suffix := strconv.Itoa(i)
		p, err := start(program, append(env[:len(env):len(env)], "STREAM_CONSUMER=bench-"+suffix), out+"."+suffix)
		if failed = err; err != nil {
			break
		}
		group = append(group, p)
	}
	if failed == nil {
		failed = group.await(ctx, done)
	}
	elapsed := time.Since(begin)
	usage, err := group.end()
	usage.Elapsed = elapsed
	return usage, errors.Join(failed, err)
}

// group is a set of processes that share the work.
type group []*process

func (g group) await(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, doneLimit)
	defer cancel()
	for {
		if over, err := done(); over || err != nil {
			return err
		}
		for _, p := range g {
			if p.Exited() {
				return fmt.Errorf("%s exited before the work was done", p.program)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the work to be done: %w", context.Cause(ctx))
		case <-time.After(donePause):
		}
	}
}

func (g group) end() (Usage, error) {
	var wait sync.WaitGroup
	errs := make([]error, len(g))
	for i, p := range g {
		wait.Go(func() { errs[i] = p.end(syscall.SIGTERM) })
	}
	wait.Wait()
	var sum Usage
	for i, p := range g {
		u := p.usage()
		sum.CPU, sum.PeakRSS = sum.CPU+u.CPU, max(sum.PeakRSS, u.PeakRSS)
		if i == 0 {
			sum.RSS = u.RSS
		}
	}
	return sum, errors.Join(errs...)
}
