package integration_test

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
)

const (
	ready = 60 * time.Second  // for a program to start and connect
	soon  = 120 * time.Second // for a load to be processed on a slow machine

	collection = "customers"
)

// service is the programs' environment and the servers that it names.
type service struct {
	t      *testing.T
	env    []string
	stream string // STREAM_KEY
	queue  string // QUEUE_KEY
	redis  *redis.Client
	mongo  *env.SharedMongoServer
}

// newService finds a Redis and a MongoDB, which it logs. environ adds
// settings. The window is so long that all records of a test share one.
func newService(t *testing.T, mode string, environ ...string) *service {
	t.Helper()
	shared, mongo := env.SharedRedis(t), env.SharedMongo(t)
	s := &service{t: t, stream: shared.Prefix + "stream", queue: shared.Prefix + "queue", redis: shared.Client(t), mongo: mongo}
	s.env = append([]string{
		"QUEUE_MODE=" + mode, "REDIS_URL=" + shared.URL, "MONGO_URI=" + mongo.URI,
		"QUEUE_KEY=" + s.queue, "STREAM_KEY=" + s.stream, "MONGO_DB=" + mongo.Database, "MONGO_COLLECTION=" + collection,
		"RATE_LIMIT_WINDOW_SEC=86400", "WORKER_POLL_TIMEOUT_SEC=1", "ADMIN_ADDR=",
	}, environ...)
	return s
}

// producer runs the producer until it exits.
func (s *service) producer(args []string, stdin string) {
	s.t.Helper()
	p := env.Process(s.t, env.Build(s.t, "ingestion/cmd/producer"), args, s.env, env.WithStdin(stdin))
	if code := p.Wait(soon); code != 0 {
		s.t.Fatalf("the producer exited with code %d: %s", code, p.Stderr())
	}
}

// worker starts a worker and waits until it is ready.
func (s *service) worker(environ ...string) *env.Proc {
	s.t.Helper()
	p := env.Process(s.t, env.Build(s.t, "ingestion/cmd/worker"), nil, append(s.env[:len(s.env):len(s.env)], environ...))
	p.WaitForLine(ready, func(text string) bool { return parse(s.t, text).Event == "worker_started" })
	return p
}

// awaitOutcomes waits until the worker has logged n outcomes.
func (s *service) awaitOutcomes(worker *env.Proc, n int) {
	s.t.Helper()
	env.Eventually(s.t, soon, func() (bool, string) {
		counts, logged := events(s.t, worker), 0
		for _, outcome := range outcomes {
			logged += counts[outcome]
		}
		return logged >= n, fmt.Sprintf("%d of %d outcomes are logged", logged, n)
	})
}

// stop shuts a worker down cleanly.
func (s *service) stop(worker *env.Proc) {
	s.t.Helper()
	worker.Signal(syscall.SIGTERM)
	s.wantExit(worker)
}

func (s *service) wantExit(worker *env.Proc) {
	s.t.Helper()
	if code := worker.Wait(soon); code != 0 {
		s.t.Fatalf("the worker exited with code %d: %s", code, worker.Stderr())
	}
}

// outcomes are the possible outcomes of the records of these tests.
var outcomes = []string{"ingested", "duplicate", "parse_error", "validation_failed", "rate_limited"}

// line is the part of a log line that these tests read.
type line struct {
	Event    string
	Conflict bool
}

func parse(t *testing.T, text string) line {
	t.Helper()
	var l line
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatalf("the log has a line that is not JSON: %q", text)
	}
	return l
}

// events counts a worker's log lines by event; duplicates with a conflict count
// as an event of their own.
func events(t *testing.T, worker *env.Proc) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, text := range worker.Lines() {
		l := parse(t, text)
		counts[l.Event]++
		if l.Conflict {
			counts["conflict"]++
		}
	}
	return counts
}

func (s *service) documents() int {
	s.t.Helper()
	n, err := s.mongo.Collection(collection).CountDocuments(s.t.Context(), bson.D{})
	if err != nil {
		s.t.Fatal(err)
	}
	return int(n)
}
