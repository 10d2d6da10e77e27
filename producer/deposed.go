package producer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
)

const (
	// doubt is how long a replica that has left may take to become the master by the
	// word of all Sentinels, who tell each other every two seconds.
	doubt = 5 * time.Second
	// lookAgain is the pause between two looks meanwhile.
	lookAgain = 200 * time.Millisecond
)

// errDeposed means that records were confirmed by a master that is none any more:
// it will take over what the new one has, and lose them.
var errDeposed = errors.New("another server has become the master, so the records are sent again")

// DepartedReplica is the reason of a wait if a replica has left the master: until
// it is known whether it becomes the master itself, no record counts as queued.
type DepartedReplica struct{ Have, Had int }

func (e *DepartedReplica) Error() string {
	return fmt.Sprintf("the master has %d of %d replicas left; looking whether one of them takes its place", e.Have, e.Had)
}

// replication is what a server says of its part in the replication.
type replication struct {
	id       string // of the history of its writes: a replica that is promoted begins another
	master   bool
	replicas int // that are connected
}

// infoer is a client or a single connection.
type infoer interface {
	Info(ctx context.Context, sections ...string) *redis.StringCmd
}

func (p *Publisher) replicationOf(ctx context.Context, server infoer, key string) (replication, error) {
	text, err := server.Info(context.WithoutCancel(ctx), "replication").Result()
	if redis.IsPermissionError(err) {
		return replication{}, retry.Permanent(&Fault{Err: err, Problem: "to wait for replicas this Redis user needs +info too, to see whether the master is still the same"})
	}
	if err != nil {
		return replication{}, p.classify(err, key)
	}
	var r replication
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "role":
			r.master = value == "master"
		case "master_replid":
			r.id = value
		case "connected_slaves":
			r.replicas, _ = strconv.Atoi(value)
		}
	}
	return r, nil
}

// confirmMaster returns nil once it is known that the server behind conn, whose
// replicas have confirmed records, is still the master. Otherwise the records have
// to be sent again.
func (p *Publisher) confirmMaster(ctx context.Context, node *redis.Client, conn infoer, key string) error {
	for begin := time.Now(); ; {
		mine, err := p.replicationOf(ctx, conn, key)
		if err == nil {
			err = p.compare(ctx, node, mine, key)
		}
		if err != nil {
			return err
		}
		had := p.replicasOf(mine)
		if mine.replicas >= had {
			return nil
		}
		if time.Since(begin) > doubt {
			p.remember(mine)
			return nil
		}
		gone := &DepartedReplica{Have: mine.replicas, Had: had}
		p.opts.OnWait(gone, lookAgain)
		if retry.Sleep(ctx, lookAgain) != nil {
			return gone
		}
	}
}

// compare looks by a new connection who the master is.
func (p *Publisher) compare(ctx context.Context, node *redis.Client, mine replication, key string) error {
	fresh := redisconn.Fresh(node)
	defer func() { _ = fresh.Close() }()
	now, err := p.replicationOf(ctx, fresh, key)
	if err != nil {
		return err
	}
	if !mine.master || mine.id != now.id {
		if cluster, ok := p.client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.deposed = true
		return errDeposed
	}
	return nil
}

// replicasOf returns how many replicas the master had when it was last sure to be
// the master, or has now if that is more or nothing is known.
func (p *Publisher) replicasOf(r replication) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replicas[r.id] = max(p.replicas[r.id], r.replicas)
	return p.replicas[r.id]
}

func (p *Publisher) remember(r replication) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replicas[r.id] = r.replicas
}

// writer returns the client by which to write to a master. Once a master was
// deposed, the connections that are left in the pool may be to it.
func (p *Publisher) writer(node *redis.Client) (client *redis.Client, release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.deposed {
		return node, func() {}
	}
	fresh := redisconn.Fresh(node)
	return fresh, func() { _ = fresh.Close() }
}
