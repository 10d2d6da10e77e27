package inspect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is the health of Redis: of the one server, or of all masters of a Cluster.
type Redis struct {
	Err   error // why the rest is unknown; nil if at least one node could be read
	Nodes []Node
}

// Node is a Redis server. A number is negative, and a text empty, if the server does not
// tell it.
type Node struct {
	Addr      string
	Err       error // why the rest is unknown; nil if it is known
	Version   string
	Up        time.Duration
	Used      int64  // bytes of memory
	MaxMemory int64  // bytes; 0: no limit
	Policy    string // maxmemory-policy
	Clients   int64
	AOF       bool // it keeps an append-only file
	// Trouble says that the server could not save its data when it last tried; empty if
	// it could.
	Trouble string
}

// Fill is the part of maxmemory that is used, or false if there is no limit or it is
// unknown.
func (n Node) Fill() (part float64, ok bool) {
	if n.MaxMemory <= 0 || n.Used < 0 {
		return 0, false
	}
	return float64(n.Used) / float64(n.MaxMemory), true
}

func readRedis(ctx context.Context, src Source) Redis {
	cluster, ok := src.Redis.(*redis.ClusterClient)
	if !ok {
		node := readNode(ctx, src.Redis)
		if node.Err != nil {
			return Redis{Err: node.Err}
		}
		if single, ok := src.Redis.(*redis.Client); ok {
			node.Addr = single.Options().Addr
		}
		return Redis{Nodes: []Node{node}}
	}
	var mu sync.Mutex
	var nodes []Node
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		node := readNode(ctx, master)
		node.Addr = master.Options().Addr
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, node)
		return nil
	})
	if err != nil {
		return Redis{Err: err}
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Addr, b.Addr) })
	if len(nodes) > 0 && !slices.ContainsFunc(nodes, func(n Node) bool { return n.Err == nil }) {
		return Redis{Err: nodes[0].Err}
	}
	return Redis{Nodes: nodes}
}

// clock is the time by Redis. On a Cluster it asks the masters of the queue, of which any
// may be down.
func (s Source) clock(ctx context.Context) (now time.Time, err error) {
	cluster, ok := s.Redis.(*redis.ClusterClient)
	if !ok {
		return s.Redis.Time(ctx).Result()
	}
	for _, key := range s.all() {
		var master *redis.Client
		if master, err = cluster.MasterForKey(ctx, key); err != nil {
			continue
		}
		if now, err = master.Time(ctx).Result(); err == nil || ctx.Err() != nil {
			break
		}
	}
	return now, err
}

type infoReader interface {
	InfoMap(ctx context.Context, sections ...string) *redis.InfoCmd
}

func readNode(ctx context.Context, client infoReader) Node {
	sections, err := client.InfoMap(ctx, "server", "clients", "memory", "persistence").Result()
	if reply := redis.Error(nil); errors.As(err, &reply) && !denied(err) { // the embedded Redis takes no sections
		sections, err = client.InfoMap(ctx).Result()
	}
	if err != nil {
		return Node{Err: err, Up: -1, Used: -1, MaxMemory: -1, Clients: -1}
	}
	info := map[string]string{}
	for _, fields := range sections {
		for name, value := range fields {
			info[name] = value
		}
	}
	n := Node{
		Version: info["redis_version"], Policy: info["maxmemory_policy"], AOF: info["aof_enabled"] == "1",
		Used: number(info["used_memory"]), MaxMemory: number(info["maxmemory"]), Clients: number(info["connected_clients"]),
		Up: time.Duration(number(info["uptime_in_seconds"])) * time.Second,
	}
	switch {
	case info["loading"] == "1":
		n.Trouble = "it is loading its data"
	case n.AOF && info["aof_last_write_status"] == "err":
		n.Trouble = "it could not write its append-only file"
	case info["rdb_last_bgsave_status"] == "err":
		n.Trouble = "it could not save its data"
	}
	return n
}

// number is -1 for a text that is none.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
