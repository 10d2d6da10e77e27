package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// moving is a list "q" and the stream of a rig.
type moving struct{ *rig }

func newMoving(t *testing.T, partitions int) moving {
	t.Helper()
	r := newRig(t, partitions)
	r.env = append(r.env, "QUEUE_KEY=q")
	return moving{r}
}

func body(i int) string { return fmt.Sprintf(`{"customerId":"%d","n":%d}`, i%10, i) }

func (m moving) fillList(n int) {
	m.t.Helper()
	var bodies []any
	for i := range n {
		bodies = append(bodies, body(i))
	}
	for page := range slices.Chunk(bodies, 5000) {
		must(m.t, m.client.RPush(m.t.Context(), "q", page...).Err())
	}
}

func (m moving) fillStream(n int) {
	m.t.Helper()
	_, err := m.client.Pipelined(m.t.Context(), func(p redis.Pipeliner) error {
		for i := range n {
			home := record.HomePartition(strconv.Itoa(i%10), len(m.keys))
			p.XAdd(m.t.Context(), &redis.XAddArgs{Stream: m.keys[home], ID: fmt.Sprintf("1000-%d", i+1), Values: []any{"data", body(i)}})
		}
		return nil
	})
	must(m.t, err)
}

func (m moving) list() []string {
	m.t.Helper()
	bodies, err := m.client.LRange(m.t.Context(), "q", 0, -1).Result()
	must(m.t, err)
	return bodies
}

// undelivered returns the bodies of the entries of a partition that wait.
func (m moving) undelivered(p int) (bodies []string) {
	m.t.Helper()
	groups, err := m.client.XInfoGroups(m.t.Context(), m.keys[p]).Result()
	must(m.t, err)
	entries, err := m.client.XRange(m.t.Context(), m.keys[p], "("+groups[0].LastDeliveredID, "+").Result()
	must(m.t, err)
	for _, e := range entries {
		bodies = append(bodies, e.Values["data"].(string))
	}
	return bodies
}

// wantAll checks that each of n records is in one place, in its order, and the ledger.
// It returns how many are on the list.
func (m moving) wantAll(n int) int {
	m.t.Helper()
	lists := [][]string{m.list()}
	moved := int64(0)
	for p, key := range m.keys {
		lists = append(lists, m.undelivered(p))
		a, err := streams.ReadAccount(m.t.Context(), m.client, key, "g")
		must(m.t, err)
		if a.Verdict() != streams.Balanced || a.Missing != 0 {
			m.t.Fatalf("the account of %s is %s, %d missing: %q", key, a.Verdict(), a.Missing, a.Faults())
		}
		moved += a.Moved
	}
	seen := make([]int, n)
	for _, bodies := range lists {
		last := -1
		for _, b := range bodies {
			var r struct{ N int }
			must(m.t, json.Unmarshal([]byte(b), &r))
			if b != body(r.N) || r.N <= last {
				m.t.Fatalf("%s follows record %d", b, last)
			}
			last = r.N
			seen[r.N]++
		}
	}
	for i, times := range seen {
		if times != 1 {
			m.t.Fatalf("record %d is there %d times", i, times)
		}
	}
	return len(lists[0])
}

// clear begins anew, with open ledgers.
func (m moving) clear() {
	m.t.Helper()
	must(m.t, m.client.FlushAll(m.t.Context()).Err())
	for _, q := range m.queues {
		must(m.t, q.Open(m.t.Context()))
	}
}

// TestKilledMigrationsLoseNothing kills migrations at random times: wherever that is, each
// record is in one of the two places, and the command goes on when it is repeated.
func TestKilledMigrationsLoseNothing(t *testing.T) {
	for direction, fill := range map[string]func(moving, int){"list-to-stream": moving.fillList, "stream-to-list": moving.fillStream} {
		t.Run(direction, func(t *testing.T) {
			t.Parallel()
			const records, kills = 6000, 50
			m, amid := newMoving(t, 2), 0
			fill(m, records)
			begin := time.Now()
			m.run(0, "migrate", direction, "--yes")
			span := time.Since(begin)
			for i := range kills {
				m.clear()
				fill(m, records)
				before := m.client.LLen(t.Context(), "q").Val()
				p := m.start("migrate", direction, "--yes", "--rate", "12000/s") // half a second
				pause := rand.N(span)
				if i%2 == 0 { // not before it has begun
					env.Eventually(t, soon, func() (bool, string) { return m.client.LLen(t.Context(), "q").Val() != before, "nothing is moved" })
					pause = rand.N(400 * time.Millisecond)
				}
				select {
				case <-time.After(pause):
					p.Kill()
				case <-p.Done():
				}
				if listed := m.wantAll(records); 0 < listed && listed < records {
					amid++
				}
				m.run(0, "migrate", direction, "--yes")
				listed := m.wantAll(records)
				if want := map[string]int{"list-to-stream": 0, "stream-to-list": records}[direction]; listed != want {
					t.Fatalf("in the end %d records are on the list, want %d", listed, want)
				}
			}
			t.Logf("%d of %d were killed amid their work, within %v", amid, kills, span)
			if amid < kills/10 {
				t.Errorf("only %d of %d were killed amid their work", amid, kills)
			}
		})
	}
}

type migrated struct {
	Direction, List, Stream string
	Partitions              int
	DryRun, Complete        bool
	Found                   *int64
	Moved                   int64
	Obstacles               struct {
		Workers           int64
		Pending, Deferred *int64
	}
}

// migrate runs a migration with --json, and checks the schema.
func (m moving) migrate(code int, args ...string) migrated {
	m.t.Helper()
	out := m.run(code, append(append([]string{"migrate"}, args...), "--json")...)
	schema.Check(m.t, "ingestctl-migrate", []byte(out))
	var got migrated
	must(m.t, json.Unmarshal([]byte(out), &got))
	return got
}

func TestMigrateThereAndBack(t *testing.T) {
	m := newMoving(t, 3)
	m.fillList(1200)
	out := m.run(0, "migrate", "list-to-stream", "--dry-run")
	wantWords(t, out, `1200 records would be moved from the list "q" to the stream "s" (3 partitions)`)
	if n := m.wantAll(1200); n != 1200 {
		t.Fatalf("%d records on the list after --dry-run", n)
	}
	_, note := m.result(2, "migrate", "list-to-stream")
	wantWords(t, note, "confirm with --yes")
	wantWords(t, m.run(0, "migrate", "list-to-stream", "--yes", "--limit", "700", "--rate", "5000"), "700 records moved")
	got := m.migrate(0, "list-to-stream", "--yes")
	if got.Found == nil || *got.Found != 500 || got.Moved != 500 || !got.Complete || got.DryRun || got.Obstacles.Workers != 0 || got.Obstacles.Pending != nil {
		t.Errorf("%+v", got)
	}
	m.wantAll(1200)
	for p := range m.keys {
		for _, b := range m.undelivered(p) {
			if customer, _ := record.PeekCustomerID([]byte(b)); record.HomePartition(customer, 3) != p {
				t.Fatalf("%s is in partition %d", b, p)
			}
		}
	}

	got = m.migrate(0, "stream-to-list", "--dry-run")
	if *got.Found != 1200 || got.Moved != 0 || got.Complete || got.Obstacles.Pending == nil {
		t.Errorf("%+v", got)
	}
	wantWords(t, m.run(0, "migrate", "stream-to-list", "--yes"), `1200 records moved from the stream "s" (3 partitions) to the list "q"`)
	if n := len(m.list()); n != 1200 {
		t.Errorf("%d records on the list", n)
	}
	wantWords(t, m.run(0, "migrate", "stream-to-list", "--yes"), "0 records moved")
	wantWords(t, m.run(0, "reconcile"), "- moved to a list         1200", "missing + moved  1200 = 1200", "balanced")
	if r := m.reconcile(0); r.Verdict != "balanced" {
		t.Errorf("%+v", r)
	}
}

// The rate holds over the whole run, and a step is a tenth of a second's.
func TestARateBoundsAMigration(t *testing.T) {
	m := newMoving(t, 1)
	m.fillList(30)
	begin := time.Now()
	if got := m.migrate(0, "list-to-stream", "--rate", "1200/m", "--yes"); got.Moved != 30 || !got.Complete {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begin); took < 1400*time.Millisecond { // 14 pauses of 100 ms
		t.Errorf("30 at 20/s took %v only", took)
	}
	m.wantAll(30)
}

// The entries of a stream are not moved under the workers' hands.
func TestMigrateWaitsForTheWorkers(t *testing.T) {
	m := newMoving(t, 1)
	m.push(0, body(0), body(1), body(2))
	got, err := m.queues[0].Receive(t.Context(), 1)
	must(t, err)
	_, note := m.result(1, "migrate", "stream-to-list", "--yes")
	wantWords(t, note, "1 worker reads the stream, 1 entry is pending", "--wait")
	must(t, streams.Pause(t.Context(), m.client, "s", streams.Control{By: "test"}))
	_, note = m.result(1, "migrate", "stream-to-list", "--yes")
	wantWords(t, note, ": 1 entry is pending: let the workers settle")
	_, note = m.result(1, "migrate", "stream-to-list", "--yes", "--wait", "--timeout", "1s")
	wantWords(t, note, "not ready after 1s (--timeout): 1 entry is pending")
	out := m.run(0, "migrate", "stream-to-list", "--dry-run")
	wantWords(t, out, "2 records would be moved", "not yet: 1 entry is pending")
	if n := len(m.list()); n != 0 {
		t.Fatalf("%d records were moved", n)
	}

	p := m.start("migrate", "stream-to-list", "--yes", "--wait")
	env.Eventually(t, soon, func() (bool, string) {
		return strings.Contains(p.Stderr(), "waiting: 1 entry is pending"), "it does not wait"
	})
	_, err = m.queues[0].Settle(t.Context(), []streams.Settlement{{Delivery: &got[0], Outcome: record.Deferred, Due: time.Now().Add(200 * time.Millisecond)}})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); m.queues[0].Maintain(ctx) }() // puts it back
	if code := p.Wait(soon); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
	stop()
	<-ended
	if got := m.list(); !slices.Equal(got, []string{body(1), body(2), body(0)}) {
		t.Errorf("the list has %q", got)
	}
}

// The records of a list are not moved while workers take them.
func TestMigrateWaitsForTheWorkersOfTheList(t *testing.T) {
	m := newMoving(t, 1)
	m.fillList(3)
	worker, err := streams.NewRegistration(m.client, "q", time.Second, streams.WorkerInfo{Consumer: "w", Version: "v1"}, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, worker.Register(t.Context()))
	_, note := m.result(1, "migrate", "list-to-stream", "--yes")
	wantWords(t, note, "1 worker takes records from the list: stop the workers of the list or pause them", "--wait")
	_, note = m.result(1, "migrate", "list-to-stream", "--yes", "--wait", "--timeout", "1s")
	wantWords(t, note, "not ready after 1s (--timeout): 1 worker takes records")
	wantWords(t, m.run(0, "migrate", "list-to-stream", "--dry-run"), "3 records would be moved", "not yet: 1 worker takes records from the list")
	if got := m.migrate(0, "list-to-stream", "--dry-run"); got.Obstacles.Workers != 1 || got.Obstacles.Pending != nil {
		t.Errorf("%+v", got)
	}
	if n := len(m.list()); n != 3 {
		t.Fatalf("%d records are left", n)
	}
	must(t, streams.Pause(t.Context(), m.client, "q", streams.Control{By: "test"}))
	wantWords(t, m.run(0, "migrate", "list-to-stream", "--yes", "--limit", "1"), "1 record moved")
	must(t, m.client.Del(t.Context(), "{q}:control").Err())

	p := m.start("migrate", "list-to-stream", "--yes", "--wait")
	env.Eventually(t, soon, func() (bool, string) {
		return strings.Contains(p.Stderr(), "waiting: 1 worker takes records"), "it does not wait"
	})
	must(t, worker.Leave(t.Context()))
	if code := p.Wait(soon); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
	if n := m.wantAll(3); n != 0 {
		t.Errorf("%d records are left on the list", n)
	}

	must(t, m.client.HSet(t.Context(), "{q}:workers", "killed", `{"version":"v1","host":"h","at":1000}`).Err())
	m.fillList(1)
	wantWords(t, m.run(0, "migrate", "list-to-stream", "--yes"), "1 record moved")
}

func TestMigrateOnAKeyOfAnotherType(t *testing.T) {
	m := newMoving(t, 1)
	must(t, m.client.Set(t.Context(), "q", "x", 0).Err())
	_, note := m.result(2, "migrate", "list-to-stream", "--yes")
	wantWords(t, note, "QUEUE_KEY", "string")
}

func TestMigrateEndsAtAnEntryWithoutABody(t *testing.T) {
	m := newMoving(t, 1)
	m.push(0, body(0))
	must(t, m.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"no", "body"}}).Err())
	out, note := m.result(1, "migrate", "stream-to-list", "--yes")
	wantWords(t, out, "1 record moved")
	wantWords(t, note, "not finished, and safe to repeat", `no field "data"`, "WORKER_MAX_MESSAGES=1")
}

func TestCheckIDsComparesACollection(t *testing.T) {
	r, s := findRig(t, env.Mongo(t).URI())
	out, _ := r.result(0, "migrate", "check-ids")
	wantWords(t, out, "0 documents of crm.people read")
	want := insert(t, s, "1-1", ada).ID
	out, _ = r.result(0, "migrate", "check-ids")
	wantWords(t, out, "1 document of crm.people read\n", "same             1")

	r.add(bson.M{"_id": "7", "customerId": "42", "name": "Ada", "email": "Ada@B.co", "createdAt": "2026-01-31"})
	r.add(bson.M{"customerId": "42", "name": "Ada", "email": "ada@b.co", "createdAt": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)})
	r.add(bson.M{"_id": "8", "customerId": 42, "name": "Ada", "email": "ada@b.co"})
	out, note := r.result(1, "migrate", "check-ids")
	wantWords(t, out, "4 documents of crm.people read", "same             1", "other            2", "refused          1", "_id       7\n", "computed  "+want)
	wantWords(t, note, "3 documents are without the _id")
	if strings.Contains(out+note, "Ada") || strings.Contains(out+note, "b.co") {
		t.Errorf("personal data in %s%s", out, note)
	}
	for _, line := range strings.Split(out, "\n") {
		if len(line) > 80 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
	out = r.run(1, "migrate", "check-ids", "--json", "--limit", "3")
	schema.Check(t, "ingestctl-migrate-check-ids", []byte(out))
	if !strings.Contains(out, `"documents":3`) || !strings.Contains(out, `"complete":false`) {
		t.Error(out)
	}
}

// add inserts a document that another service may have written.
func (r *rig) add(doc bson.M) {
	r.t.Helper()
	uri, _ := strings.CutPrefix(r.env[0], "MONGO_URI=")
	opts, err := store.ClientOptions(uri)
	must(r.t, err)
	client, err := mongo.Connect(opts)
	must(r.t, err)
	defer client.Disconnect(r.t.Context())
	_, err = client.Database("crm").Collection("people").InsertOne(r.t.Context(), doc)
	must(r.t, err)
}
