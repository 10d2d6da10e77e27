package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/proc"
)

// Cluster is a Redis Cluster without persistence. The hash slots are divided evenly
// among the masters.
type Cluster struct {
	Client            *redis.ClusterClient
	Masters, Replicas []*Redis

	dir   string
	buses map[*Redis]string
}

// StartCluster starts n masters, with a replica each if wanted.
func StartCluster(ctx context.Context, n int, replicas bool) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "ingestion-bench-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, buses: map[*Redis]string{}}
	if err := c.start(ctx, n, replicas); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.Client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.addrs(), ReadTimeout: time.Minute, PoolSize: poolSize})
	return c, nil
}

func (c *Cluster) start(ctx context.Context, n int, replicas bool) error {
	total := n
	if replicas {
		total = 2 * n
	}
	for i := range total {
		r, err := c.node(ctx)
		if err != nil {
			return err
		}
		if i >= n {
			c.Replicas = append(c.Replicas, r)
			continue
		}
		c.Masters = append(c.Masters, r)
		if err := r.Client.ClusterAddSlotsRange(ctx, i*16384/n, (i+1)*16384/n-1).Err(); err != nil {
			return err
		}
	}
	for _, r := range c.nodes()[1:] {
		host, port, _ := net.SplitHostPort(r.Addr)
		if err := c.Masters[0].Client.Do(ctx, "CLUSTER", "MEET", host, port, c.buses[r]).Err(); err != nil {
			return err
		}
	}
	if err := c.await(ctx, c.nodes(), fmt.Sprintf("cluster_known_nodes:%d\r", total)); err != nil {
		return err
	}
	for i, r := range c.Replicas {
		if err := r.Client.ClusterReplicate(ctx, c.Masters[i].Client.ClusterMyID(ctx).Val()).Err(); err != nil {
			return err
		}
	}
	return c.await(ctx, c.Replicas, "master_link_status:up")
}

// node starts a server with a bus of its own.
func (c *Cluster) node(ctx context.Context) (*Redis, error) {
	bus, err := proc.FreeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(bus)
	dir := filepath.Join(c.dir, port)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	r, err := startRedis(ctx, "--dir", dir, "--cluster-enabled", "yes", "--cluster-port", port, "--repl-diskless-sync-delay", "0")
	if err == nil {
		c.buses[r] = port
	}
	return r, err
}

// await waits until the servers say a word in CLUSTER INFO or INFO REPLICATION, and
// that the Cluster is complete.
func (c *Cluster) await(ctx context.Context, servers []*Redis, word string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, r := range servers {
		for {
			text := r.Client.ClusterInfo(ctx).Val() + r.Client.Info(ctx, "replication").Val()
			if strings.Contains(text, "cluster_state:ok") && strings.Contains(text, word) {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("the Cluster is not complete: %w: %s", ctx.Err(), text)
			}
		}
	}
	return nil
}

func (c *Cluster) nodes() []*Redis {
	return append(c.Masters[:len(c.Masters):len(c.Masters)], c.Replicas...)
}

func (c *Cluster) addrs() []string {
	var addrs []string
	for _, r := range c.nodes() {
		addrs = append(addrs, r.Addr)
	}
	return addrs
}

// URL returns the value of REDIS_URL.
func (c *Cluster) URL() string { return "redis+cluster://" + strings.Join(c.addrs(), ",") }

// Close stops the servers.
func (c *Cluster) Close() error {
	var errs []error
	if c.Client != nil {
		errs = append(errs, c.Client.Close())
	}
	for _, r := range append(c.Masters, c.Replicas...) {
		errs = append(errs, r.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}
