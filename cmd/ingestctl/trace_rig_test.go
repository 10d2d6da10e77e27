package main_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// traceRig is a rig with a MongoDB and a limiter of two records a minute.
type traceRig struct {
	*rig
	store   *store.Store
	limiter *limiter.Limiter
}

func newTraceRig(t *testing.T, partitions int) *traceRig {
	t.Helper()
	r := &traceRig{rig: newRig(t, partitions)}
	uri := env.Mongo(t).URI()
	r.env = append(r.env, "MONGO_URI="+uri, "MONGO_DB=crm", "MONGO_COLLECTION=people", "RATE_LIMIT_LIMIT=2", "RATE_LIMIT_WINDOW_SEC=60")
	opts, err := store.ClientOptions(uri)
	must(t, err)
	client, err := mongo.Connect(opts)
	must(t, err)
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	r.store, err = store.New(client.Database("crm").Collection("people"), store.Options{})
	must(t, err)
	must(t, r.store.Await(t.Context()))
	r.limiter, err = limiter.New(r.client, limiter.Config{
		Limit: 2, Window: time.Minute, Lateness: time.Hour, Bases: r.keys,
		Home: func(id string) int { return record.HomePartition(id, partitions) },
	})
	must(t, err)
	return r
}

// person is a body with a name and an address that no output may have.
func person(customer string, n int) string {
	body, _ := json.Marshal(map[string]string{
		"customerId": customer, "name": fmt.Sprintf("Secretname%d", n), "email": fmt.Sprintf("secretlocal%d@b.co", n), "createdAt": "2026-01-31T12:00:00Z",
	})
	return string(body)
}

func recordOf(t *testing.T, body string) record.Record {
	t.Helper()
	rec, err := record.Decoder{}.Decode([]byte(body))
	must(t, err)
	return rec
}

// add pushes one record and returns its ID.
func (r *traceRig) add(p int, body string) string {
	r.t.Helper()
	id, err := r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[p], Values: []any{"data", body}}).Result()
	must(r.t, err)
	return id
}

// judge asks the limiter about the record of an entry.
func (r *traceRig) judge(id, body string) limiter.Verdict {
	r.t.Helper()
	rec := recordOf(r.t, body)
	v, err := r.limiter.Judge(r.t.Context(), []limiter.Request{{CustomerID: rec.CustomerID, Member: rec.ID, At: streams.ArrivalOf(id).UnixMilli()}})
	must(r.t, err)
	return v[0]
}

// ingest takes a new record through limiter and store, and settles it.
func (r *traceRig) ingest(p int, body string) string {
	r.t.Helper()
	id := r.add(p, body)
	r.judge(id, body)
	_, err := r.store.Insert(r.t.Context(), []store.Document{{Record: recordOf(r.t, body), StreamID: id}})
	must(r.t, err)
	r.settleNext(p, record.Ingested, 1)
	return id
}

// settled pushes a record and settles it with an outcome.
func (r *traceRig) settled(p int, outcome record.Outcome, body string) string {
	r.t.Helper()
	id := r.add(p, body)
	r.settleNext(p, outcome, 1)
	return id
}

// dropped is settled without dead letters.
func (r *traceRig) dropped(p int, outcome record.Outcome, body string) string {
	r.t.Helper()
	id := r.add(p, body)
	q, err := streams.NewStream(streams.StreamOptions{
		Client: r.client, Key: r.keys[p], Group: "g", Consumer: "d", PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
		Retention: time.Hour, Log: slog.New(slog.DiscardHandler),
	})
	must(r.t, err)
	must(r.t, q.Open(r.t.Context()))
	_, err = q.Settle(r.t.Context(), streamstest.All(outcome, streamstest.Receive(r.t, q, 1)))
	must(r.t, err)
	return id
}

type traced struct {
	Found, Masked bool
	Matches       int64
	Records       []struct {
		State, Certainty, Key                                 string
		Outcome, Entry, Origin, DeadLetter, Source, PutBackAs *string
		Conflict                                              bool
		Position                                              *int64
		Partition                                             *int
		Record                                                *struct{ Name, Email string }
		Steps                                                 []struct {
			State, At                 *string
			Text, Evidence, Certainty string
		}
		Slot *struct {
			Limit  string
			At     *string
			Number *int
		}
		Document       *struct{ StreamID *string }
		DocumentsError *string
	}
	Looked []struct {
		Place       string
		Seen, Total int64
		All         bool
	}
	Unread         []struct{ Key, Error string }
	DocumentsError *string
}

// trace runs trace as JSON and as text, checks both, and returns both.
func (r *traceRig) trace(code int, args ...string) (traced, string) {
	r.t.Helper()
	args = append([]string{"trace"}, args...)
	text, note := r.result(code, args...)
	out := r.run(code, append(args, "--json")...)
	schema.Check(r.t, "ingestctl-trace", []byte(out))
	for _, shown := range []string{text, note, out} {
		if strings.Contains(shown, "ecretname") || strings.Contains(shown, "ecretlocal") {
			r.t.Errorf("%q shows personal data:\n%s", args, shown)
		}
	}
	wantNarrow(r.t, text)
	var got traced
	must(r.t, json.Unmarshal([]byte(out), &got))
	return got, text + "\n" + note
}

func wantNarrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// state traces an ID and wants one record in a state, whose text has the words.
func (r *traceRig) state(id, state string, words ...string) traced {
	r.t.Helper()
	code := 0
	if state == "absent" || state == "trimmed" || state == "deleted" {
		code = 1
	}
	got, text := r.trace(code, id)
	r.t.Logf("\n%s", text)
	if len(got.Records) != 1 || got.Records[0].State != state {
		r.t.Errorf("%s: %+v, want %s", id, got.Records, state)
	}
	wantWords(r.t, strings.Join(strings.Fields(text), " "), words...)
	return got
}

var commandStat = regexp.MustCompile(`cmdstat_(x[a-z]+|z[a-z]+|h[a-z]+|l[a-z]+|evalsha):calls=([0-9]+)`)

// commandCalls lists how often commands that read data were called.
func commandCalls(t *testing.T, client *redis.Client) string {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	must(t, err)
	var all []string
	for _, m := range commandStat.FindAllStringSubmatch(info, -1) {
		all = append(all, m[1]+" "+m[2])
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
