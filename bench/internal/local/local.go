// Package local runs the programs of the system benchmark on this machine:
// redis-server, the embedded MongoDB, and the measured programs.
package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/proc"
)

const (
	startTimeout = 30 * time.Second
	poolSize     = 100 // connections, so that no goroutine waits for one
)

// Build compiles commands of this module, named by their import paths, into
// dir, and returns their paths in the same order.
func Build(ctx context.Context, dir string, importPaths ...string) ([]string, error) {
	programs := make([]string, len(importPaths))
	for i, importPath := range importPaths {
		var err error
		if programs[i], err = proc.Build(ctx, dir, importPath); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

// Redis is a redis-server without persistence.
type Redis struct {
	Client *redis.Client
	Addr   string
	server *proc.Process
}

// StartRedis starts a Redis on a free loopback port.
func StartRedis(ctx context.Context) (*Redis, error) { return startRedis(ctx) }

func startRedis(ctx context.Context, args ...string) (*Redis, error) {
	addr, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}, args...)...)
	server, err := proc.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("cannot start redis-server: %w", err)
	}
	r := &Redis{Client: redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: time.Minute, PoolSize: poolSize}), Addr: addr, server: server}
	if err := r.awaitPing(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// awaitPing waits until the server replies.
func (r *Redis) awaitPing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for r.Client.Ping(ctx).Err() != nil {
		select {
		case <-tick.C:
		case <-r.server.Done():
			return errors.New("redis-server exited")
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not reply: %w", ctx.Err())
		}
	}
	return nil
}

// CPU returns the CPU time that the server has used so far.
func (r *Redis) CPU(ctx context.Context) (time.Duration, error) {
	info, err := r.Client.Info(ctx, "cpu").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis for its CPU time: %w", err)
	}
	var total float64
	for line := range strings.SplitSeq(info, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, fmt.Errorf("CPU time of Redis: %w", err)
			}
			total += seconds
		}
	}
	return time.Duration(total * float64(time.Second)), nil
}

// Close stops the server.
func (r *Redis) Close() error {
	_ = r.Client.Close()
	r.server.Kill()
	return nil
}

// Mongo is the embedded MongoDB as a process.
type Mongo struct {
	URI    string
	server *proc.Process
	dir    string
}

// StartMongo starts program, which must be cmd/standalone, with its data in
// memory if possible.
func StartMongo(program string) (*Mongo, error) {
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "ingestion-bench-")
	if err != nil {
		return nil, fmt.Errorf("no directory for MongoDB's data: %w", err)
	}
	cmd := exec.Command(program, "mongo", "--addr", "127.0.0.1:0", "--data", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	server, err := proc.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("cannot start the embedded MongoDB: %w", err)
	}
	m := &Mongo{server: server, dir: dir}
	line, err := bufio.NewReader(out).ReadString('\n')
	uri, found := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !found {
		return nil, errors.Join(fmt.Errorf("unexpected output of the embedded MongoDB: %q: %w", line, err), m.Close())
	}
	m.URI = uri
	return m, nil
}

// Close stops the server and removes its data.
func (m *Mongo) Close() error {
	m.server.Kill()
	return os.RemoveAll(m.dir)
}
