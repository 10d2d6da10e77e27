package main_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

const soon = 180 * time.Second // generous, for a busy machine

func TestMain(m *testing.M) { env.Main(m) }

// rig is a stream with one or more partitions, and the environment with which
// ingestctl runs on it.
type rig struct {
	t      *testing.T
	client *redis.Client
	keys   []string
	queues []*streams.Stream
	env    []string
}

func newRig(t *testing.T, partitions int) *rig {
	t.Helper()
	return rigOn(t, env.Redis(t).URL(), partitions)
}

func rigOn(t *testing.T, url string, partitions int) *rig {
	t.Helper()
	opts, err := redis.ParseURL(url)
	must(t, err)
	r := &rig{t: t, client: redis.NewClient(opts), keys: record.PartitionKeys("s", partitions)}
	t.Cleanup(func() { must(t, r.client.Close()) })
	r.env = []string{
		"REDIS_URL=" + url, "STREAM_KEY=s", "STREAM_GROUP=g", "QUEUE_MODE=stream",
		fmt.Sprintf("STREAM_PARTITIONS=%d", partitions), "STARTUP_TIMEOUT_SEC=120",
	}
	for _, key := range r.keys {
		q, err := streams.NewStream(streams.StreamOptions{
			Client: r.client, Key: key, Group: "g", Consumer: "c", PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
			Retention: time.Hour, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		must(t, q.Open(t.Context()))
		r.queues = append(r.queues, q)
	}
	return r
}

func (r *rig) push(p int, bodies ...string) {
	r.t.Helper()
	for _, body := range bodies {
		must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[p], Values: []any{"data", body}}).Err())
	}
}

// settle pushes records and settles them with an outcome.
func (r *rig) settle(p int, outcome record.Outcome, bodies ...string) {
	r.t.Helper()
	r.push(p, bodies...)
	r.settleNext(p, outcome, len(bodies))
}

// settleNext settles the next n entries with an outcome.
func (r *rig) settleNext(p int, outcome record.Outcome, n int) {
	r.t.Helper()
	s := streamstest.All(outcome, streamstest.Receive(r.t, r.queues[p], n))
	for i := range s {
		s[i].Due = time.Now().Add(time.Hour)
	}
	_, err := r.queues[p].Settle(r.t.Context(), s)
	must(r.t, err)
}

func (r *rig) start(args ...string) *env.Proc {
	r.t.Helper()
	return env.Process(r.t, env.Build(r.t, "ingestion/cmd/ingestctl"), args, r.env)
}

// run runs ingestctl, checks its exit code and returns standard output.
func (r *rig) run(code int, args ...string) string {
	r.t.Helper()
	out, _ := r.result(code, args...)
	return out
}

// result is run that returns standard error too.
func (r *rig) result(code int, args ...string) (out, err string) {
	r.t.Helper()
	p := r.start(args...)
	if got := p.Wait(soon); got != code {
		r.t.Fatalf("ingestctl %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, strings.Join(p.Lines(), "\n"), p.Stderr())
	}
	return strings.Join(p.Lines(), "\n"), p.Stderr()
}

type account struct {
	Key                       string
	Verdict                   string
	Added, Gone               *int64
	Undelivered, Delayed      int64
	Pending, Settled, Missing *int64
	Outcomes                  map[string]int64
	DeadLetters               struct {
		Written, Replayed, Purged *int64
		There                     int64
	}
}

type report struct {
	Verdict               string
	Faults, Losses, Notes []struct{ Partition, Text string }
	Total                 account
	Partitions            []account
	Documents             *struct {
		Count                 int64
		AtLeast, AtMost, Lost *int64
		Holds                 *bool
	}
}

// reconcile returns the account as JSON.
func (r *rig) reconcile(code int, args ...string) report {
	r.t.Helper()
	var got report
	out := r.run(code, append([]string{"reconcile", "--json"}, args...)...)
	schema.Check(r.t, "ingestctl-reconcile", []byte(out))
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		r.t.Fatalf("%v in %s", err, out)
	}
	return got
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
