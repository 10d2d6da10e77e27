package e2e_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
)

// The modes, and the names in the service's configuration.
const (
	list   = "list"
	stream = "stream"

	queueKey  = "e2e:queue"
	streamKey = "e2e:stream"
	group     = "e2e-workers"
	database  = "e2e_db"
	documents = "e2e_customers"
)

// harness is the service under test: its servers, its workers, the records sent
// to it and its log.
type harness struct {
	t      *testing.T
	mode   string
	redis  *env.RedisServer
	client *redis.Client
	mongo  *env.MongoServer
	env    []string

	program string // the worker

	fed        []string       // stream mode: the entries' IDs, in the order of the fixture
	numbers    map[string]int // their places in it
	sentToList int
	journal    journal
}

// newHarness starts servers for the test. environ overrides the harness'
// settings of all workers.
func newHarness(t *testing.T, mode string, environ ...string) *harness {
	t.Helper()
	return harnessOn(t, mode, env.Redis(t), env.Mongo(t), environ...)
}

// newRestartableHarness is newHarness with a MongoDB that can be stopped and killed.
func newRestartableHarness(t *testing.T, mode string, environ ...string) *harness {
	t.Helper()
	return harnessOn(t, mode, env.Redis(t), env.MongoProcess(t), environ...)
}

func harnessOn(t *testing.T, mode string, server *env.RedisServer, mongo *env.MongoServer, environ ...string) *harness {
	t.Helper()
	return &harness{
		// Among entries of 10 MB, Redis may answer after the 3 s of go-redis.
		t: t, mode: mode, redis: server, client: server.Client(t).WithTimeout(30 * time.Second), mongo: mongo, program: worker(t),
		env:     append(settings(mode, server.URL(), mongo.URI()), environ...),
		numbers: map[string]int{},
	}
}

// newProxiedHarness is newHarness with a proxy before MongoDB.
func newProxiedHarness(t *testing.T, mode string, environ ...string) (*harness, *proxy) {
	t.Helper()
	r := newHarness(t, mode)
	v := newProxy(t, r.mongo.Addr())
	r.env = append(append(r.env, "MONGO_URI=mongodb://"+v.addr+"/"), environ...)
	return r, v
}

func settings(mode, redisURL, mongoURI string) []string {
	policy := "drop"
	if mode == stream {
		policy = "dead-letter" // so that each refusal can be checked
	}
	return []string{
		"QUEUE_MODE=" + mode, "REDIS_URL=" + redisURL, "MONGO_URI=" + mongoURI,
		"QUEUE_KEY=" + queueKey, "STREAM_KEY=" + streamKey, "STREAM_GROUP=" + group,
		"MONGO_DB=" + database, "MONGO_COLLECTION=" + documents,
		"RATE_LIMIT_WINDOW_SEC=" + window, "RATE_LIMIT_POLICY=" + policy, "WORKER_POLL_TIMEOUT_SEC=1", "ADMIN_ADDR=",
	}
}

// run starts a worker process with no environment but environ; see env.Process.
func run(t *testing.T, environ []string, options ...env.ProcessOption) *env.Proc {
	t.Helper()
	return env.Process(t, worker(t), nil, environ, options...)
}

func worker(t *testing.T) string {
	t.Helper()
	return env.Build(t, "ingestion/cmd/worker")
}

// launch starts a worker without waiting for it.
func (r *harness) launch(environ ...string) *env.Proc {
	r.t.Helper()
	p := env.Process(r.t, r.program, nil, append(r.env[:len(r.env):len(r.env)], environ...))
	r.journal.follow(p)
	return p
}

// start starts a worker and waits until it is ready.
func (r *harness) start(environ ...string) *env.Proc {
	r.t.Helper()
	p := r.launch(environ...)
	p.WaitForLine(soon, event("worker_started"))
	return p
}

// stop shuts a worker down cleanly.
func (r *harness) stop(p *env.Proc) {
	r.t.Helper()
	p.Signal(syscall.SIGTERM)
	r.wantExit(p, 0)
}

func (r *harness) wantExit(p *env.Proc, want int) {
	r.t.Helper()
	if code := p.Wait(soon); code != want {
		r.t.Fatalf("exit code %d, want %d; standard error: %s", code, want, p.Stderr())
	}
}

// key returns the list or stream that the workers read.
func (r *harness) key() string {
	if r.mode == list {
		return queueKey
	}
	return streamKey
}

// feed sends records to the queue.
func (r *harness) feed(f *fixture) {
	r.t.Helper()
	r.feedTo(r.key(), f.bodies()...)
}

func (r *harness) feedTo(key string, bodies ...string) {
	r.t.Helper()
	for len(bodies) > 0 {
		page := bodies[:min(len(bodies), 1000)]
		bodies = bodies[len(page):]
		cmds, err := r.client.TxPipelined(r.ctx(), func(pipe redis.Pipeliner) error {
			for _, body := range page {
				if r.mode == list {
					pipe.RPush(r.ctx(), key, body)
					continue
				}
				pipe.XAdd(r.ctx(), &redis.XAddArgs{Stream: key, Values: []any{"data", body}})
			}
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
		r.number(cmds)
		if r.mode == list {
			r.sentToList += len(page)
		}
	}
}

// number notes the entries' IDs.
func (r *harness) number(cmds []redis.Cmder) {
	for _, cmd := range cmds {
		if added, ok := cmd.(*redis.StringCmd); ok {
			r.numbers[added.Val()] = len(r.fed)
			r.fed = append(r.fed, added.Val())
		}
	}
}

func (r *harness) ctx() context.Context { return r.t.Context() }

func (r *harness) collection() *mongo.Collection {
	r.t.Helper()
	return r.mongo.Database(r.t).Client().Database(database).Collection(documents)
}
