package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// rig is a queue of some partitions, a limiter of two records a minute, a MongoDB, and a
// console that looks at them.
type rig struct {
	t       *testing.T
	client  *redis.Client
	mongo   *env.MongoServer
	keys    []string
	queues  []*streams.Stream
	limiter *limiter.Limiter
	store   *store.Store
	opts    console.Options
	log     strings.Builder
}

// newRig makes one whose records over the limit are deferred if reserve is set.
func newRig(t *testing.T, partitions int, reserve bool) *rig {
	t.Helper()
	r := &rig{t: t, client: env.Redis(t).Client(t), mongo: env.Mongo(t), keys: record.PartitionKeys("s", partitions)}
	for _, key := range r.keys {
		q, err := streams.NewStream(streams.StreamOptions{
			Client: r.client, Key: key, Group: "g", Consumer: "c", PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
			Retention: time.Hour, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		must(t, q.Open(t.Context()))
		r.queues = append(r.queues, q)
	}
	var err error
	r.limiter, err = limiter.New(r.client, limiter.Config{
		Limit: 2, Window: time.Minute, Lateness: time.Hour, Reserve: reserve, MaxDelay: time.Hour, Bases: r.keys,
		Home: func(id string) int { return record.HomePartition(id, partitions) },
	})
	must(t, err)
	r.store, err = store.New(r.mongo.Database(t).Collection("people"), store.Options{})
	must(t, err)
	must(t, r.store.Await(t.Context()))
	r.opts = console.Options{
		Source:  inspect.Source{Redis: r.client, Keys: r.keys, Group: "g", Lease: 30 * time.Second},
		Limiter: r.limiter, Store: r.store, Collection: "crm.people", Changes: true, Log: slog.New(slog.NewJSONHandler(&r.log, nil)),
	}
	return r
}

// get and post return a page, which has to have a status.
func (r *rig) get(status int, path string) string { return r.ask(status, "GET", path, nil) }

func (r *rig) post(status int, path string, form url.Values) string {
	r.t.Helper()
	return r.ask(status, "POST", path, form)
}

func (r *rig) ask(status int, method, path string, form url.Values) string {
	r.t.Helper()
	got := ask(r.t, console.Handler(r.opts), method, path, form)
	body, err := io.ReadAll(got.Body)
	must(r.t, err)
	if got.StatusCode != status {
		r.t.Fatalf("%s %s: status %d, want %d\n%s", method, path, got.StatusCode, status, body)
	}
	if got.StatusCode == http.StatusSeeOther {
		return got.Header.Get("Location")
	}
	return string(body)
}

func wantWords(t *testing.T, page string, words ...string) {
	t.Helper()
	text := strings.Join(strings.Fields(page), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, page)
		}
	}
}

func wantNone(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(page, w) {
			t.Errorf("%q is in:\n%s", w, page)
		}
	}
}

// person is a body with a name and an address that only a revealed page may have.
func person(customer string, n int) string {
	body, _ := json.Marshal(map[string]string{
		"customerId": customer, "name": fmt.Sprintf("Secretname%d", n), "email": fmt.Sprintf("secretlocal%d@b.co", n), "createdAt": "2026-01-31T12:00:00Z",
	})
	return string(body)
}

func (r *rig) home(customer string) int { return record.HomePartition(customer, len(r.keys)) }

func (r *rig) push(p int, body string) (id string) {
	r.t.Helper()
	id, err := r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[p], Values: []any{"data", body}}).Result()
	must(r.t, err)
	return id
}

// process takes a new record through limiter and store, and settles it.
func (r *rig) process(customer string, n int) (id string, v limiter.Verdict) {
	r.t.Helper()
	p, body := r.home(customer), person(customer, n)
	id = r.push(p, body)
	rec, err := record.Decoder{}.Decode([]byte(body))
	must(r.t, err)
	verdicts, err := r.limiter.Judge(r.t.Context(), []limiter.Request{{CustomerID: customer, Member: rec.ID, At: streams.ArrivalOf(id).UnixMilli()}})
	must(r.t, err)
	outcome := record.Ingested
	switch v = verdicts[0]; v.Decision {
	case limiter.Refused:
		outcome = record.RateLimited
	case limiter.Reserved:
		outcome = record.Deferred
	default:
		_, err := r.store.Insert(r.t.Context(), []store.Document{{Record: rec, StreamID: id}})
		must(r.t, err)
	}
	settlements := streamstest.All(outcome, streamstest.Receive(r.t, r.queues[p], 1))
	settlements[0].CustomerID, settlements[0].Due = customer, time.UnixMilli(v.Place)
	_, err = r.queues[p].Settle(r.t.Context(), settlements)
	must(r.t, err)
	return id, v
}
