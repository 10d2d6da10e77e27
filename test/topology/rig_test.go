package topology_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

const (
	soon = 60 * time.Second  // for a single event
	late = 300 * time.Second // for a whole load on a slow machine

	streamKey  = "t:stream"
	queueKey   = "t:queue"
	group      = "t-workers"
	partitions = 6
	perSecond  = 600 // records, so that a load lasts for some seconds
)

// rig is a service on a Redis of several servers.
type rig struct {
	t     *testing.T
	url   string
	mongo *env.MongoServer
	env   []string
}

func newRig(t *testing.T, url, mode string, environ ...string) *rig {
	t.Helper()
	for _, name := range []string{"worker", "producer", "ingestctl"} {
		env.Build(t, "ingestion/cmd/"+name) // before the load begins
	}
	r := &rig{t: t, url: url, mongo: env.Mongo(t)}
	r.env = append([]string{
		"QUEUE_MODE=" + mode, "REDIS_URL=" + url, "MONGO_URI=" + r.mongo.URI(), "MONGO_DB=" + r.mongo.Database(t).Name(),
		"QUEUE_KEY=" + queueKey, "STREAM_KEY=" + streamKey, "STREAM_GROUP=" + group, "STREAM_CLAIM_IDLE_MS=2000",
		"BATCH_SIZE=" + fmt.Sprint(batchSize), "RATE_LIMIT_LIMIT=" + fmt.Sprint(perCustomer), "RATE_LIMIT_WINDOW_SEC=86400",
		"WORKER_POLL_TIMEOUT_SEC=1", "ADMIN_ADDR=", "MONGO_INDEXES=off",
	}, environ...)
	return r
}

// batchSize bounds what a list loses with one broken connection.
const batchSize = 50

// size is the number of records of a load.
func size(t *testing.T) int {
	t.Helper()
	text := os.Getenv("TOPOLOGY_RECORDS")
	if text == "" {
		return 3000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		t.Fatalf("TOPOLOGY_RECORDS must be a number from 1000: %q", text)
	}
	return n
}

func (r *rig) program(name string, args ...string) *env.Proc {
	r.t.Helper()
	return env.Process(r.t, env.Build(r.t, "ingestion/cmd/"+name), args, r.env)
}

// workers starts n workers and waits until they are ready.
func (r *rig) workers(n int) []*env.Proc {
	r.t.Helper()
	procs := make([]*env.Proc, n)
	for i := range procs {
		procs[i] = r.program("worker")
	}
	for _, p := range procs {
		p.WaitForLine(soon, event("worker_started"))
	}
	return procs
}

func (r *rig) stop(procs ...*env.Proc) {
	r.t.Helper()
	for _, p := range procs {
		p.Signal(syscall.SIGTERM)
		wantExit(r.t, p, 0)
	}
}

func wantExit(t *testing.T, p *env.Proc, want int) {
	t.Helper()
	if code := p.Wait(late); code != want {
		t.Fatalf("exit code %d, want %d: %s", code, want, p.Stderr())
	}
}

// load has the producer send a file at a steady rate.
func (r *rig) load(records []person) *env.Proc {
	r.t.Helper()
	var b strings.Builder
	for _, p := range records {
		b.WriteString(p.body() + "\n")
	}
	name := filepath.Join(r.t.TempDir(), "records.ndjson")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return r.program("producer", "load", name, "--batch", "20", "--rate", fmt.Sprint(perSecond))
}

// awaitQueued waits until the producer has been told of n records that they are queued.
func awaitQueued(t *testing.T, producer *env.Proc, n int) {
	t.Helper()
	done, lines := 0, 0
	for done < n {
		var text string
		text, lines = producer.WaitForLineAfter(lines, soon, event("queued"))
		var l struct{ Count, Records int }
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		done += max(l.Count, 1)
	}
}

func event(name string) func(string) bool {
	word := `"event":"` + name + `"`
	return func(line string) bool { return strings.Contains(line, word) }
}

// logged counts the lines of an event in the logs.
func logged(name string, procs ...*env.Proc) (n int) {
	for _, p := range procs {
		for _, line := range p.Lines() {
			if event(name)(line) {
				n++
			}
		}
	}
	return n
}

// ctl runs ingestctl and returns its output.
func (r *rig) ctl(code int, args ...string) string {
	r.t.Helper()
	got, out := r.try(args...)
	if got != code {
		r.t.Errorf("ingestctl %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

// try runs ingestctl and returns its exit code and its output.
func (r *rig) try(args ...string) (code int, out string) {
	r.t.Helper()
	p := r.program("ingestctl", args...)
	code = p.Wait(late)
	return code, strings.Join(p.Lines(), "\n")
}

func (r *rig) client() redis.UniversalClient {
	r.t.Helper()
	opts, err := redisconn.Parse(r.url, "")
	if err != nil {
		r.t.Fatal(err)
	}
	client := redisconn.New(opts, 4)
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// account is what "reconcile --json" prints.
type account struct {
	Verdict string
	Total   struct {
		Added, Undelivered, Pending, Missing int64
		Outcomes                             map[string]int64
		Epoch                                int64
	}
	Faults, Losses []struct{ Text string }
	Documents      struct{ Count, AtMost, Lost int64 }
	Queued         struct{ Count, There, Trimmed, Lost int64 }

	code int
	text string
}

// reconcile waits until the queue is settled, whatever the verdict then is.
func (r *rig) reconcile(args ...string) account {
	r.t.Helper()
	var a account
	code, out := r.try(append([]string{"reconcile", "--wait", "--timeout", late.String(), "--json"}, args...)...)
	a.code, a.text = code, out
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	return a
}
