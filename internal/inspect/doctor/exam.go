package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// exam is one examination: what is asked, and what later checks need of earlier ones.
type exam struct {
	cfg  *config.Config // nil if the settings are invalid
	err  error          // why they are
	role Role
	now  func() time.Time

	rightsOnly bool

	redis redis.UniversalClient // nil unless Redis answers
	nodes []node                // the server, or the masters of a Cluster

	layout streams.Layout // as it is recorded

	mongo *mongo.Client // nil unless MongoDB answers
	hello bson.Raw      // its answer
}

// node is a server of Redis, and what it says of itself.
type node struct {
	addr   string
	client *redis.Client
	info   map[string]string
	err    error // why info is nil
}

// connections is the size of a pool; the checks run one after the other.
const connections = 2

func newExam(opts Options) *exam {
	e := &exam{cfg: opts.Config, err: opts.ConfigErr, role: cmp.Or(opts.Role, Worker), now: opts.Now, rightsOnly: opts.RightsOnly}
	if e.now == nil {
		e.now = time.Now
	}
	return e
}

func (e *exam) close() {
	if e.redis != nil {
		_ = e.redis.Close()
	}
	if e.mongo != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = e.mongo.Disconnect(ctx)
	}
}

func (e *exam) skips(c check) string {
	switch {
	case c.asks == asksRedis && e.redis == nil:
		return "Redis can't be used"
	case c.asks == asksMongo && e.mongo == nil:
		return "MongoDB can't be used"
	}
	return ""
}

// keys are the list, or the streams of all partitions.
func (e *exam) keys() []string {
	if e.cfg.QueueMode == config.ModeStream {
		return e.cfg.Layout().Keys()
	}
	return []string{e.cfg.QueueKey}
}

func isCluster(e *exam) bool {
	if e.cfg == nil {
		return false
	}
	opts, err := e.cfg.RedisOptions()
	return err == nil && opts.IsClusterMode
}

// redisReachable connects.
func redisReachable(ctx context.Context, e *exam, f *findings) error {
	opts, err := e.cfg.RedisOptions()
	if err != nil {
		f.add(Error, err.Error(), "no program can connect to Redis", "correct the setting")
		return nil
	}
	client := redisconn.New(opts, connections)
	nodes := nodesOf(ctx, client)
	err = answers(ctx, client, nodes)
	if err != nil || !redisconn.IsCluster(client) {
		err = redisconn.Reach(ctx, client, opts)
	}
	if err == nil || redis.IsPermissionError(err) { // logged in, but not allowed to PING
		err = isRightKind(ctx, client)
	}
	if err != nil {
		_ = client.Close()
		f.add(Error, "Redis at "+e.cfg.RedisURL.String()+" can't be used: "+explained(opts, err),
			"nothing can be queued or processed", remedyOf(err))
		return nil
	}
	e.redis, e.nodes = client, nodes
	if inStreamMode(e) {
		e.layout, _ = streams.ReadLayout(ctx, client, e.cfg.StreamKey) // queuePartitions tells why it can't be read
		e.cfg.FormerPartitions = e.layout.Former
	}
	return nil
}

// answers returns nil if the server or at least one of the masters answers. A PING to a
// Cluster asks any of them, so that one that is down would count for all.
func answers(ctx context.Context, client redis.UniversalClient, nodes []node) error {
	for _, n := range nodes {
		if n.err == nil {
			return nil
		}
	}
	return client.Ping(ctx).Err()
}

func remedyOf(err error) string {
	if setting := redisconn.SettingOf(err); setting != nil {
		return "correct " + setting.Setting + " as the message says"
	}
	return "start Redis, or correct REDIS_URL and the password"
}

func explained(opts *redis.UniversalOptions, err error) string {
	if setting := redisconn.SettingOf(err); setting != nil {
		return setting.Error()
	}
	if fault := redisconn.Fault(err); fault != "" {
		return fault
	}
	return redisconn.Explain(opts, err).Error()
}

// isRightKind finds a client for a single server that talks to a node of a Cluster.
func isRightKind(ctx context.Context, client redis.UniversalClient) error {
	if redisconn.IsCluster(client) {
		return nil
	}
	if info, err := client.Info(ctx, "cluster").Result(); err == nil && parseInfo(info)["cluster_enabled"] == "1" {
		return errors.New(redisconn.OneOfCluster)
	}
	return nil
}

// nodesOf returns the server, or the masters of a Cluster, by address.
func nodesOf(ctx context.Context, client redis.UniversalClient) []node {
	var nodes []node
	switch c := client.(type) {
	case *redis.ClusterClient:
		var mu sync.Mutex
		_ = c.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, node{addr: master.Options().Addr, client: master})
			return nil
		})
	case *redis.Client:
		nodes = []node{{addr: c.Options().Addr, client: c}}
	}
	slices.SortFunc(nodes, func(a, b node) int { return cmp.Compare(a.addr, b.addr) })
	together(len(nodes), func(i int) {
		n := &nodes[i]
		ctx, cancel := context.WithTimeout(ctx, serverTimeout)
		defer cancel()
		text, err := n.client.Info(ctx).Result()
		if n.err = err; err == nil {
			n.info = parseInfo(text)
		}
	})
	return nodes
}

// serverTimeout bounds what is asked of one of several servers, so that one that hangs does
// not take the whole time of a check.
const serverTimeout = 3 * time.Second

// together calls do for 0 to n-1 at the same time, and returns after all of them.
func together(n int, do func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { do(i) })
	}
	wait.Wait()
}

// parseInfo reads the reply of INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// eachInfo calls look for each node with what it says of itself. A node that says nothing is
// an error, after the others were looked at.
func (e *exam) eachInfo(look func(n *node)) error {
	var first error
	for i := range e.nodes {
		n := &e.nodes[i]
		if n.err != nil {
			first = cmp.Or(first, n.err)
			continue
		}
		look(n)
	}
	return first
}

// eachKey calls look for the list, or the stream of each partition. One that fails is an
// error, after the others were looked at, which may be on other masters of a Cluster.
func (e *exam) eachKey(look func(partition int, key string) error) error {
	var first error
	for partition, key := range e.keys() {
		if err := look(partition, key); err != nil {
			first = cmp.Or(first, fmt.Errorf("%s: %w", key, err))
		}
	}
	return first
}

// clock is the time by the first node that answers.
func (e *exam) clock(ctx context.Context) (now time.Time, err error) {
	for i := range e.nodes {
		if e.nodes[i].err != nil && len(e.nodes) > 1 {
			err = e.nodes[i].err
			continue
		}
		if now, err = e.nodes[i].client.Time(ctx).Result(); err == nil {
			break
		}
	}
	return now, err
}

// at names the node, where there are several.
func (e *exam) at(n *node) string {
	if len(e.nodes) < 2 {
		return ""
	}
	return n.addr + ": "
}
