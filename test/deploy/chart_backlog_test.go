package deploy_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// scaler is what KEDA asks: a Prometheus that scrapes the chart's console, as the chart's
// ServiceMonitor has it, and the query of the chart's ScaledObject.
type scaler struct {
	*server
	query   string
	redis   *redis.Client
	environ map[string]string // the servers
	mongo   *env.MongoServer
}

// prepare runs before the console starts.
func newScaler(t *testing.T, set, user string, prepare ...func(*redis.Client) error) *scaler {
	t.Helper()
	redis, mongo := env.Redis(t), env.MongoProcess(t)
	s := &scaler{server: &server{t: t}, redis: redis.Client(t), mongo: mongo, environ: map[string]string{"REDIS_URL": redis.URL(), "MONGO_URI": mongo.URI()}}
	for _, prepare := range prepare {
		s.do(prepare(s.redis))
	}
	console, addr := find(t, set, "Deployment", "-console").container(), freeAddress(t)
	env.Process(t, env.Build(t, "ingestion/cmd/"+console.Command[0]), nil, append(console.environ(t, map[string]string{
		"REDIS_URL": redis.URL(), "MONGO_URI": mongo.URI(), "CONSOLE_ADDR": addr, "CONSOLE_USER": user,
	}), "OTEL_SDK_DISABLED=true"))
	monitor := find(t, set, "ServiceMonitor", "-console").Spec.Endpoints[0]
	if monitor.BasicAuth.Username.Name == "" || monitor.BasicAuth.Password.Name != monitor.BasicAuth.Username.Name {
		t.Fatalf("the monitor logs in with %+v", monitor.BasicAuth)
	}
	s.query = find(t, set, "ScaledObject", "").Spec.Triggers[0].Metadata["query"]
	s.server = runPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: eu
    metrics_path: %s
    basic_auth: {username: %s, password: %s}
    static_configs: [{targets: [%q], labels: {namespace: records}}]
`, monitor.Path, user, secret, addr))
	return s
}

// sees waits until the query has a value that is as wanted.
func (s *scaler) sees(what string, ok func(float64) bool) {
	s.t.Helper()
	env.Eventually(s.t, time.Minute, func() (bool, string) {
		result, err := s.ask(s.query)
		if err != nil {
			s.t.Fatalf("%s: %v", s.query, err)
		}
		if len(result) != 1 {
			return false, fmt.Sprintf("%s: %d results, want 1", what, len(result))
		}
		value, err := strconv.ParseFloat(fmt.Sprint(result[0].Value[1]), 64)
		return err == nil && ok(value), fmt.Sprintf("%s: KEDA sees %v", what, result[0].Value[1])
	})
}

func exactly(want float64) func(float64) bool { return func(got float64) bool { return got == want } }

// seesNothing waits until the query has no result, which is an error for KEDA.
func (s *scaler) seesNothing(what string) {
	s.t.Helper()
	env.Eventually(s.t, time.Minute, func() (bool, string) {
		result, err := s.ask(s.query)
		if err != nil {
			s.t.Fatalf("%s: %v", s.query, err)
		}
		return len(result) == 0, fmt.Sprintf("%s: KEDA sees %v", what, result)
	})
}

func (s *scaler) add(key string, n int) {
	s.t.Helper()
	_, err := s.redis.Pipelined(s.t.Context(), func(pipe redis.Pipeliner) error {
		for i := range n {
			pipe.XAdd(s.t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", fmt.Sprintf(
				`{"customerId":"%s-%d","name":"Ada","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`, key, i)}})
		}
		return nil
	})
	s.do(err)
}

func (s *scaler) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// startWorker starts a worker of the set.
func (s *scaler) startWorker(set string) *env.Proc {
	s.t.Helper()
	worker := find(s.t, set, "Deployment", "-worker").container()
	p := env.Process(s.t, env.Build(s.t, "ingestion/cmd/worker"), nil, append(worker.environ(s.t, map[string]string{
		"REDIS_URL": s.environ["REDIS_URL"], "MONGO_URI": s.environ["MONGO_URI"], "ADMIN_ADDR": freeAddress(s.t),
	}), "OTEL_SDK_DISABLED=true"))
	p.WaitForLine(soon, event("worker_started"))
	return p
}

// KEDA has to see what waits whether or not workers run, and must not take for nothing
// what is not known: a lag of nil, and pending entries that nobody holds any more, left
// workers at 0 in other services.
func TestKEDASeesTheBacklogOfAStream(t *testing.T) {
	const set = "production"
	s := newScaler(t, set, "admin")
	s.sees("before the first record", exactly(0))

	s.add("ingest:stream:0", 3)
	s.add("ingest:stream:7", 2)
	s.sees("before the first worker", exactly(5))

	worker := s.startWorker(set)
	s.sees("after the worker", exactly(0))

	s.mongo.Stop()
	sent := 0
	env.Eventually(t, soon, func() (bool, string) {
		s.add("ingest:stream:1", 1)
		sent++
		n, err := s.redis.XPending(t.Context(), "ingest:stream:1", "ingest-workers").Result()
		s.do(err)
		return n.Count > 0, "the worker holds nothing"
	})
	worker.Kill()
	s.sees("pending entries of a worker that was killed", exactly(float64(sent)))

	s.do(s.redis.ZAdd(t.Context(), "{ingest:stream:3}:delayed", redis.Z{Score: 1, Member: "1-0"}, redis.Z{Score: 1e14, Member: "2-0"}).Err())
	s.sees("a deferred record that is due", exactly(float64(sent+1)))
	s.do(s.redis.Del(t.Context(), "{ingest:stream:3}:delayed").Err())

	const added, read = 30_000, 5_000
	s.add("ingest:stream:5", added)
	page, err := s.redis.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "ingest-workers", Consumer: "x", Streams: []string{"ingest:stream:5", ">"}, Count: read + 1}).Result()
	s.do(err)
	s.do(s.redis.XDel(t.Context(), "ingest:stream:5", page[0].Messages[read].ID).Err())
	next, err := s.redis.XRangeN(t.Context(), "ingest:stream:5", "("+page[0].Messages[read].ID, "+", 2).Result()
	s.do(err)
	s.do(s.redis.XDel(t.Context(), "ingest:stream:5", next[1].ID).Err())
	s.has(`ingestion_stream_entries{partition="5"} > 1 unless ingestion_undelivered_entries`)
	s.sees("a lag that Redis does not know", func(got float64) bool { return got >= added })

	s.do(s.redis.Set(t.Context(), "ingest:stream:6", "x", 0).Err())
	s.seesNothing("a partition that can't be read")
}

// After a change of the number of partitions, streams that are partitions no more are read
// on, and are exported beside the others.
func TestKEDASeesTheBacklogOfFormerPartitions(t *testing.T) {
	s := newScaler(t, "production", "admin", func(client *redis.Client) error {
		if _, err := streams.BeginLayout(t.Context(), client, "ingest:stream", 9, 8); err != nil {
			return err
		}
		_, err := streams.EndLayout(t.Context(), client, "ingest:stream", 8)
		return err
	})
	s.add("ingest:stream:0", 3)
	s.add("ingest:stream:8", 2)
	s.sees("entries of a stream that is no partition", exactly(5))
	s.do(s.redis.Set(t.Context(), "ingest:stream:7", "x", 0).Err())
	s.seesNothing("a partition that can't be read, beside 8 streams that can")
}

func TestKEDASeesTheLengthOfAList(t *testing.T) {
	const set = "list"
	s := newScaler(t, set, "operator")
	s.sees("before the first record", exactly(0))
	s.do(s.redis.RPush(t.Context(), "ingest:queue", "{", "{", "{").Err())
	s.sees("before the first worker", exactly(3))
	s.startWorker(set)
	s.sees("after the worker", exactly(0))
	s.do(s.redis.Del(t.Context(), "ingest:queue").Err())
}
