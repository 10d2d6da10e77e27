package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
)

// rebuildRig is a stream, a MongoDB, and workers that process one batch at a time, so that
// they judge records in the order of their arrival.
type rebuildRig struct {
	*rig
	db *mongo.Database
}

func newRebuildRig(t *testing.T, partitions int, settings ...string) *rebuildRig {
	t.Helper()
	return rebuildRigOn(t, env.Mongo(t).URI(), partitions, settings...)
}

func rebuildRigOn(t *testing.T, uri string, partitions int, settings ...string) *rebuildRig {
	t.Helper()
	r := &rebuildRig{rig: newRig(t, partitions)}
	r.env = append(r.env, "MONGO_URI="+uri, "MONGO_DB=crm", "MONGO_COLLECTION=people", "RATE_LIMIT_LIMIT=3", "RATE_LIMIT_WINDOW_SEC=2",
		"WORKER_CONCURRENCY=1", "ADMIN_ADDR=", "WORKER_POLL_TIMEOUT_SEC=1", "LOG_LEVEL=CRITICAL")
	r.env = append(r.env, settings...)
	r.db = databaseAt(t, uri)
	return r
}

// worker starts a worker. stop shuts it down.
func (r *rebuildRig) worker() (stop func()) {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/worker"), nil, r.env)
	return func() {
		r.t.Helper()
		p.Signal(syscall.SIGTERM)
		if code := p.Wait(soon); code != 0 {
			r.t.Fatalf("the worker ended with %d", code)
		}
	}
}

// archiver starts an archiver. stop waits until it has archived all entries, and workers have
// trimmed them, as the last ones of each partition are kept from that.
func (r *rebuildRig) archiver() (stop func()) {
	r.t.Helper()
	r.env = append(r.env, "ARCHIVE_URL=file://"+r.t.TempDir(), "ARCHIVE_SEGMENT_SEC=0.5", "STREAM_RETENTION=0")
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/archiver"), nil, r.env)
	return func() {
		r.t.Helper()
		for _, key := range r.keys {
			env.Eventually(r.t, soon, func() (bool, string) {
				n := r.client.XLen(r.t.Context(), key).Val()
				return n == 0, fmt.Sprintf("%d entries on %s", n, key)
			})
		}
		p.Signal(syscall.SIGTERM)
		if code := p.Wait(soon); code != 0 {
			r.t.Fatalf("the archiver ended with %d", code)
		}
	}
}

// settled waits until workers have settled all entries, and none waits.
func (r *rebuildRig) settled() {
	r.t.Helper()
	r.run(0, "reconcile", "--wait", "--documents", "--timeout", soon.String())
}

// burst is how many entries of load arrive at once, at its end. A record that comes again
// while it is deferred may overtake itself, so none of them does.
const burst = 150

// load pushes n entries of a random mix, as they arrived over the last minutes, and then
// some that arrive now: customers over their limit, duplicates, conflicts, what is invalid.
func (r *rebuildRig) load(rng *rand.Rand, n int) {
	r.t.Helper()
	at := time.Now().Add(-10*time.Minute - time.Duration(n)*50*time.Millisecond).UnixMilli()
	var sent []string
	for i := range n {
		at += rng.Int64N(100)
		id, body := fmt.Sprintf("%d-%d", at, i), mixed(rng, i, sent)
		if i >= n-burst {
			id, body = "*", mixed(rng, i, nil)
		}
		sent = append(sent, body)
		values := []any{"data", body}
		switch rng.IntN(60) {
		case 0:
			values = []any{"body", body}
		case 1:
			values = []any{"data", body, "data", body}
		case 2:
			values = []any{"ingestion:origin", "1-1", "data", body} // not as the service writes it
		}
		must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[r.home(body)], ID: id, Values: values}).Err())
	}
}

// mixed is one of: an earlier body, the record of one with another name, an invalid body, a
// new record.
func mixed(rng *rand.Rand, i int, sent []string) string {
	n := i
	switch kind := rng.IntN(40); {
	case kind < 2:
		return fmt.Sprintf(`{"customerId":"%d"`, i)
	case kind < 4:
		return `{"customerId":"7","name":"Ada","email":"nobody","createdAt":"2026-01-31"}`
	case kind < 8 && len(sent) > 0:
		return sent[max(0, len(sent)-1-rng.IntN(50))]
	case kind < 12 && len(sent) > 0:
		n = max(0, i-rng.IntN(40))
	}
	body, _ := json.Marshal(map[string]string{
		"customerId": fmt.Sprint(n % 17), "name": fmt.Sprintf("Name%d", i), "email": fmt.Sprintf("a%d@b.co", n), "createdAt": "2026-01-31T12:00:00Z",
	})
	return string(body)
}

func (r *rebuildRig) home(body string) int {
	id, _ := record.PeekCustomerID([]byte(body))
	return record.HomePartition(id, len(r.keys))
}

// live is all that a rebuild must not change: the keys of Redis, and the live collection.
func (r *rebuildRig) live() map[string]string {
	r.t.Helper()
	all := map[string]string{}
	for _, key := range r.client.Keys(r.t.Context(), "*").Val() {
		if !strings.HasPrefix(key, "{rebuild:") && !strings.HasSuffix(key, ":scan") { // which expires
			all[key] = r.client.Dump(r.t.Context(), key).Val()
		}
	}
	maps.Copy(all, r.documents("people"))
	if len(all) == 0 {
		r.t.Fatal("nothing is live")
	}
	return all
}

// documents are those of a collection by _id, as text.
func (r *rebuildRig) documents(coll string) map[string]string {
	r.t.Helper()
	cursor, err := r.db.Collection(coll).Find(r.t.Context(), bson.D{})
	must(r.t, err)
	all := map[string]string{}
	for cursor.Next(r.t.Context()) {
		all["document "+cursor.Current.Lookup("_id").StringValue()] = cursor.Current.String()
	}
	must(r.t, cursor.Err())
	return all
}

// untouched fails the test if what is live is not what it was, or if keys of a rebuild are
// left.
func (r *rebuildRig) untouched(before map[string]string) {
	r.t.Helper()
	if diff := cmp.Diff(before, r.live()); diff != "" {
		r.t.Errorf("the live side has changed:\n%s", diff)
	}
	if left := r.client.Keys(r.t.Context(), "{rebuild:*").Val(); len(left) > 0 {
		r.t.Errorf("left in Redis: %q", left)
	}
}

// rebuilt is the JSON form of a rebuild.
type rebuilt struct {
	Resumed       bool
	Read, PutBack int64
	Recorded      int64
	Outcomes      map[string]int64
	Partitions    []struct{ Key, After, End, Through string }
	Diff          *compared
}

type compared struct {
	Same, Missing, Extra, Changed, Outside int64
	Fields, Reasons                        map[string]int64
	Differences                            []struct {
		Kind, Why, CustomerID, StreamID string
		Values                          []struct{ Field, First, Second string }
	}
}

func (c *compared) differ() int64 { return c.Missing + c.Extra + c.Changed }

// rebuild runs rebuild --json, checks it against its schema, and returns the result.
func (r *rebuildRig) rebuild(code int, args ...string) (result rebuilt) {
	r.t.Helper()
	out := r.run(code, append([]string{"rebuild", "--json"}, args...)...)
	schema.Check(r.t, "ingestctl-rebuild", []byte(out))
	must(r.t, json.Unmarshal([]byte(out), &result))
	return result
}

// ledger sums up the counts of all partitions.
func (r *rebuildRig) ledger() map[string]int64 {
	r.t.Helper()
	return r.reconcile(0).Total.Outcomes
}
