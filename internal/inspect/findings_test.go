package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/embedded"
	"ingestion/internal/inspect"
	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

const soon = 30 * time.Second

// rig is a queue of three partitions whose first one has an open ledger and a consumer.
type rig struct {
	*testing.T
	server *env.RedisServer // nil if it is not a redis-server
	client redis.UniversalClient
	src    inspect.Source
	queue  *streams.Stream // of the first partition
	opts   inspect.Options
}

func newRig(t *testing.T, options ...env.RedisOption) *rig {
	t.Helper()
	server := env.Redis(t, options...)
	r := rigOn(t, server.URL(), 3)
	r.server = server
	return r
}

func rigOn(t *testing.T, url string, partitions int) *rig {
	t.Helper()
	client := connect(t, url)
	r := &rig{T: t, client: client, opts: inspect.Options{Mongo: mongo{}}}
	r.src = inspect.Source{Redis: client, Keys: record.PartitionKeys("s", partitions), Group: "g", Lease: 30 * time.Second}
	for i, key := range r.src.Keys {
		q := r.open(key)
		r.do("xgroup", "createconsumer", key, "g", "c")
		if i == 0 {
			r.queue = q
		}
	}
	return r
}

func connect(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	opts, err := redisconn.Parse(url, "")
	must(t, err)
	client := redisconn.New(opts, 8)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (r *rig) open(key string) *streams.Stream {
	r.Helper()
	q, err := streams.NewStream(streams.StreamOptions{
		Client: r.client, Key: key, Group: "g", Consumer: "c", ClaimIdle: 30 * time.Second, PollTimeout: time.Millisecond, Retention: -1,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
	})
	must(r, err)
	must(r, q.Open(r.Context()))
	return q
}

// mongo answers the check with an error, or with none.
type mongo struct{ err error }

func (m mongo) Check(context.Context) error { return m.err }

// do sends a command that must succeed.
func (r *rig) do(args ...any) {
	r.Helper()
	must(r, r.client.Do(r.Context(), args...).Err())
}

// settle adds entries to the first partition and settles them.
func (r *rig) settle(n int, outcome record.Outcome) {
	r.Helper()
	for range n {
		r.do("xadd", r.src.Keys[0], "*", "data", "{}")
	}
	_, err := r.queue.Settle(r.Context(), streamstest.All(outcome, streamstest.Receive(r.T, r.queue, n)))
	must(r, err)
}

// hold adds entries to the first partition and takes them.
func (r *rig) hold(n int) {
	r.Helper()
	for range n {
		r.do("xadd", r.src.Keys[0], "*", "data", "{}")
	}
	streamstest.Receive(r.T, r.queue, n)
}

func (r *rig) read() *inspect.Status { return inspect.ReadStatus(r.Context(), r.src, r.opts) }

func codes(findings []inspect.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, string(f.Severity)+" "+f.Code)
	}
	return all
}

func TestASoundQueueHasNoFindings(t *testing.T) {
	r := newRig(t)
	r.settle(5, record.Ingested)
	r.hold(2)
	if found := r.read().Findings(inspect.Limits{}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// faults are what can be found, each with what plants it in a sound queue. A finding is
// named by its severity and code; those that inevitably come with it stand behind it.
var faults = map[string]func(r *rig){
	"error redis_down":         func(r *rig) { r.server.Kill() },
	"warning redis_unknown":    func(r *rig) { r.asUser("+@all", "-info") },
	"error mongo_down":         func(r *rig) { r.opts.Mongo = mongo{errors.New("MongoDB is unreachable")} },
	"error redis_full":         func(r *rig) { r.limitMemory(100) },
	"warning redis_filling":    func(r *rig) { r.limitMemory(115) },
	"warning redis_evicts":     func(r *rig) { r.do("config", "set", "maxmemory-policy", "allkeys-lru") },
	"error redis_unsaved":      (*rig).breakDisk,
	"error unreadable":         func(r *rig) { r.do("set", r.replaced(1), "x") },
	"error other_group":        func(r *rig) { r.do("hset", "{s:2}:ledger", "group", "another") },
	"warning control_unknown":  func(r *rig) { r.do("set", "{s:0}:control", "x") },
	"error no_account":         func(r *rig) { r.do("del", "{s:1}:ledger", "s:1") },
	"error no_account (group)": func(r *rig) { r.do("del", "{s:1}:ledger") },
	"error unbalanced":         func(r *rig) { r.do("hincrby", "{s:1}:ledger", "ingested", 2) },
	"error unbalanced (group)": func(r *rig) { r.do("xgroup", "destroy", "s:1", "g") },
	"error unaccounted":        (*rig).loseLedger,
	"warning backlog_unknown":  (*rig).hideBacklog,
	"warning missing":          (*rig).loseEntries,
	"error lag":                func(r *rig) { r.do("xadd", "s:1", "1000-0", "data", "{}") },
	"error held":               func(r *rig) { r.do("xadd", "s:1", "1000-0", "data", "{}"); r.take("s:1") },
	"error no_workers":         func(r *rig) { r.removeWorkers(); r.do("xadd", "s:1", "*", "data", "{}") },
	"warning no_workers":       (*rig).removeWorkers,
	"error silent_worker":      func(r *rig) { r.fallSilent(); r.src.Lease = 100 * time.Millisecond },
	"note paused":              func(r *rig) { must(r, streams.Pause(r.Context(), r.client, "s:0", streams.Control{By: "ada"})) },
	"note paused (until)": func(r *rig) {
		must(r, streams.Pause(r.Context(), r.client, "s:0", streams.Control{Until: time.Now().Add(time.Hour), By: "ada"}))
	},
	"note paused (lag)": func(r *rig) {
		r.do("xadd", "s:1", "1000-0", "data", "{}")
		must(r, streams.Pause(r.Context(), r.client, "s:0", streams.Control{By: "ada"}))
	},
	"error no_workers (of a list)":   func(r *rig) { r.asList(); r.do("rpush", "q", "{}") },
	"warning no_workers (of a list)": (*rig).asList,
	"note dead_letters":              func(r *rig) { r.settle(3, record.Invalid) },
	"warning silent_worker, note": func(r *rig) {
		r.fallSilent()
		r.src.Lease = 100 * time.Millisecond
		must(r, streams.Pause(r.Context(), r.client, "s:0", streams.Control{By: "ada"}))
	},
}

func TestEachFaultIsFound(t *testing.T) {
	for name, plant := range faults {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			plant(r)
			alone, _, withPause := strings.Cut(name, ", ")
			alone, _, _ = strings.Cut(alone, " (")
			want := []string{alone}
			if withPause {
				want = append(want, "note paused")
			}
			var found []inspect.Finding
			env.Eventually(t, soon, func() (bool, string) { // idle times have to pass
				found = r.read().Findings(inspect.Limits{})
				return slices.Equal(codes(found), want), fmt.Sprintf("want %v, found %+v", want, found)
			})
			if f := found[0]; f.Do == "" || f.Command == "" || f.Text == "" || len("To do: ")+len(f.Do)+len(": ")+len(f.Command) > 80 {
				t.Errorf("not one line that says what to do: %+v", f)
			}
			if inspect.InOrder(found) == strings.HasPrefix(name, "error") {
				t.Errorf("in order: %v", inspect.InOrder(found))
			}
		})
	}
}

// asUser goes on as a Redis user with these rights.
func (r *rig) asUser(rights ...any) {
	r.Helper()
	r.do(append([]any{"acl", "setuser", "u", "on", ">p", "~*", "&*"}, rights...)...)
	r.src.Redis = connect(r.T, strings.Replace(r.server.URL(), "redis://", "redis://u:p@", 1))
}

// limitMemory sets maxmemory to a percentage of what is used, which is so much that the
// buffers of some clients make no difference.
func (r *rig) limitMemory(percent int64) {
	r.Helper()
	r.do("setrange", "filler", 64<<20, "x")
	used := r.read().Redis.Nodes[0].Used
	r.do("config", "set", "maxmemory", used*percent/100)
}

// breakDisk makes Redis fail to save its data.
func (r *rig) breakDisk() {
	r.Helper()
	dir := r.client.ConfigGet(r.Context(), "dir").Val()["dir"]
	r.do("config", "set", "appendonly", "no")
	must(r, os.RemoveAll(dir))
	_ = r.client.BgSave(r.Context()).Err()
	env.Eventually(r, soon, func() (bool, string) {
		info := r.client.Info(r.Context(), "persistence").Val()
		return strings.Contains(info, "rdb_last_bgsave_status:err"), info
	})
}

// replaced deletes what belongs to a partition, whose key it returns.
func (r *rig) replaced(partition int) string {
	r.Helper()
	key := r.src.Keys[partition]
	r.do("del", key)
	return key
}

// loseLedger deletes the ledger of a partition that was read, and has a worker open
// another one.
func (r *rig) loseLedger() {
	r.Helper()
	r.settle(3, record.Ingested)
	r.do("del", "{s:0}:ledger")
	r.open("s:0")
}

// hideBacklog makes the number of undelivered entries unknown.
func (r *rig) hideBacklog() {
	r.Helper()
	const n = 32_000 // more than are counted
	r.do("eval", `for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'data', 'x') end return 1`, 1, "s:0", n)
	for range 32 {
		_, err := r.queue.Settle(r.Context(), streamstest.All(record.Ingested, streamstest.Receive(r.T, r.queue, 500)))
		must(r, err)
	}
	r.do("xdel", "s:0", r.client.XRangeN(r.Context(), "s:0", "-", "+", 1).Val()[0].ID)
}

// loseEntries has another client delete an entry, and a worker count it as missing.
func (r *rig) loseEntries() {
	r.Helper()
	r.settle(1, record.Ingested)
	r.do("xadd", "s:0", "*", "data", "{}")
	r.do("xadd", "s:0", "*", "data", "{}")
	r.do("xtrim", "s:0", "maxlen", 1)
	ctx, stop := context.WithCancel(r.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.queue.Maintain(ctx) }()
	env.Eventually(r, soon, func() (bool, string) {
		return r.client.HGet(ctx, "{s:0}:ledger", "missing").Val() == "1", "not counted"
	})
	stop()
	<-done
}

func (r *rig) take(key string) {
	r.Helper()
	r.do("xreadgroup", "group", "g", "c", "count", 1, "streams", key, ">")
}

// asList goes on with a list.
func (r *rig) asList() { r.src.List, r.src.Keys = "q", nil }

func (r *rig) removeWorkers() {
	r.Helper()
	for _, key := range r.src.Keys {
		r.do("xgroup", "delconsumer", key, "g", "c")
	}
}

// fallSilent leaves an entry with the first partition's consumer, while another worker
// lives.
func (r *rig) fallSilent() {
	r.Helper()
	r.hold(1)
	r.register("d")
}

func (r *rig) register(name string) *streams.Registration {
	r.Helper()
	registration, err := streams.NewRegistration(r.client, r.src.Main(), r.src.Lease, streams.WorkerInfo{Consumer: name, Version: "v1", Host: "h"}, slog.New(slog.DiscardHandler))
	must(r, err)
	must(r, registration.Register(r.Context()))
	return registration
}

// The embedded Redis counts no added entries, and tells nothing of its memory.
func TestTheEmbeddedRedisIsNoted(t *testing.T) {
	server, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	found := rigOn(t, server.URL(), 1).read().Findings(inspect.Limits{})
	if !slices.Contains(codes(found), "note uncounted") || slices.Contains(codes(found), "warning redis_unknown") || !inspect.InOrder(found) {
		t.Errorf("%+v", found)
	}
}

// A worker that has found nothing to read for long is live as long as it is registered.
func TestARegisteredWorkerIsLive(t *testing.T) {
	r := newRig(t)
	r.removeWorkers()
	registration := r.register("w")
	s := r.read()
	if found := s.Findings(inspect.Limits{}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
	if workers := s.Workers(); len(workers) != 1 || workers[0].State != inspect.Live || workers[0].Registered.Host != "h" || workers[0].Held != 0 {
		t.Errorf("%+v", workers)
	}
	must(t, registration.Leave(t.Context()))
	if found := codes(r.read().Findings(inspect.Limits{})); !slices.Equal(found, []string{"warning no_workers"}) {
		t.Errorf("after it has left: %v", found)
	}
}

func TestTheAgeThatIsTooMuch(t *testing.T) {
	r := newRig(t)
	id := fmt.Sprintf("%d-0", time.Now().Add(-90*time.Second).UnixMilli())
	r.do("xadd", "s:1", id, "data", "{}")
	s := r.read()
	if found := s.Findings(inspect.Limits{}); len(found) > 0 {
		t.Errorf("after 90 s: %+v", found)
	}
	if found := codes(s.Findings(inspect.Limits{MaxAge: time.Minute})); !slices.Equal(found, []string{"error lag"}) {
		t.Errorf("with a limit of a minute: %v", found)
	}
}

func TestErrorsComeFirstAndCausesBeforeEffects(t *testing.T) {
	r := newRig(t)
	r.settle(1, record.Invalid)
	r.do("hincrby", "{s:1}:ledger", "ingested", 2)
	r.do("config", "set", "maxmemory-policy", "allkeys-lru")
	r.opts.Mongo = mongo{errors.New("down")}
	want := []string{"error mongo_down", "error unbalanced", "warning redis_evicts", "note dead_letters"}
	if got := codes(r.read().Findings(inspect.Limits{})); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
