package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// Of records that were moved to a list, the stream has entries as if they were settled.
func TestTraceDoubtsAfterAMigration(t *testing.T) {
	r := newTraceRig(t, 1)
	r.env = append(r.env, "QUEUE_KEY=q")
	r.judge(r.add(0, person("44", 1)), person("44", 1))
	r.judge(r.add(0, person("44", 2)), person("44", 2)) // the window is full
	valid, invalid, over := r.add(0, person("42", 1)), r.add(0, invalidOf("42")), r.add(0, person("44", 3))
	r.run(0, "migrate", "stream-to-list", "--yes")

	const doubt = "settled, or moved to a list by ingestctl migrate"
	for _, id := range []string{valid, invalid, over} {
		got := r.state(id, "settled", "perhaps SETTLED", doubt, "unproven: it was delivered", "the ledger counts 5 entries as moved")
		if w := got.Records[0]; w.Certainty != "unproven" || w.Outcome != nil {
			t.Errorf("%s: %+v", id, w)
		}
	}
	_, err := r.store.Insert(t.Context(), []store.Document{{Record: recordOf(t, person("42", 1))}})
	must(t, err)
	got := r.state(valid, "settled", doubt, "a document with its _id, which has no streamId")
	if w := got.Records[0]; w.Certainty != "unproven" || w.Outcome != nil {
		t.Errorf("%+v", w)
	}

	r.state(r.ingest(0, person("46", 1)), "ingested", "certain: the document's streamId is this entry")
	r.state(r.settled(0, record.Invalid, invalidOf("46")), "dead", "certain: the dead letter")
	must(t, r.client.HSet(t.Context(), "{s}:ledger", "epoch", 2, "epoch:1:moved", 5, "moved", 0, "watermark", "5-0").Err())
	r.state(over, "settled", doubt)
	r.state("5-0", "trimmed", "settled or moved to a list by ingestctl migrate, and trimmed")
	r.env = append(r.env, "MONGO_URI=mongodb://127.0.0.1:1")
	r.state(invalid, "settled", doubt)
	r.state(valid, "settled", doubt, "whether there is a document is unknown")
}

// With another group than the one that settles the entries, all would look undelivered.
func TestTraceRefusesAnotherGroup(t *testing.T) {
	r := newTraceRig(t, 2)
	id := r.ingest(1, person("42", 1))
	r.env = append(r.env, "STREAM_GROUP=other")
	for _, args := range [][]string{{id}, {"0:" + id}, {recordOf(t, person("42", 1)).ID}, {"--customer", "42"}, {"--customer", "none"}} {
		out, note := r.result(2, append([]string{"trace"}, args...)...)
		if out != "" {
			t.Errorf("%q prints %s", args, out)
		}
		wantWords(t, note, "STREAM_GROUP: ", `is accounted for by group "g", not "other"`)
	}
}

// A record that is refused is found by what its members say.
func TestTraceFindsRefusedRecordsByTheirAddress(t *testing.T) {
	r := newTraceRig(t, 1)
	refused := func(email string) string {
		return r.settled(0, record.Invalid, `{"customerId":"42","name":"","email":`+email+`,"createdAt":"2026-01-31","Email":"x@b.co"}`)
	}
	nameless, noAt, number := refused(`" secretlocal@B.CO"`), refused(`" secretlocal "`), refused("7")
	for _, email := range []string{"null", `"secretlocal@b.com"`, `["secretlocal"]`} {
		refused(email)
	}
	r.settled(0, record.Invalid, `{"customerId":"42"}`)
	for email, want := range map[string]string{"secretlocal@b.co": nameless, "secretlocal": noAt, "7": number} {
		got, text := r.trace(0, "--customer", "42", "--email", email)
		t.Logf("\n%s", text)
		wantEntries(t, got, want+" dead")
		got, _ = r.trace(0, "--customer", "42", "--email", email, "--created-at", "2026-01-31T01:00:00+01:00")
		wantEntries(t, got, want+" dead")
		r.trace(1, "--customer", "42", "--email", email, "--created-at", "2026-02-01")
	}
	r.trace(1, "--customer", "42", "--email", "x@b.co")
	r.trace(1, "--customer", "43", "--email", "secretlocal")
}

// An ID that lies ahead of the clock is not a time of arrival.
func TestTraceDoubtsAnIDFromTheFuture(t *testing.T) {
	r := newTraceRig(t, 1)
	arrived := r.add(0, person("42", 1))
	r.state(arrived, "undelivered", "certain: its ID is the time by the clock of Redis")
	id := fmt.Sprintf("%d-0", time.Now().Add(time.Hour).UnixMilli())
	must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", person("42", 2)}}).Err())
	got := r.state(id, "undelivered", "at some time arrived as "+id, "unproven: its ID is ahead of the clock of Redis")
	if s := got.Records[0].Steps; s[0].State != nil || s[0].At != nil || s[0].Certainty != "unproven" {
		t.Errorf("%+v", s)
	}
	got, _ = r.trace(0, "--customer", "42")
	wantEntries(t, got, id+" undelivered", arrived+" undelivered")
}

// While the queue is paused, no worker takes over what another one holds.
func TestTraceOfAnExpiredLeaseDuringAPause(t *testing.T) {
	r := newTraceRig(t, 2)
	ctx := t.Context()
	id := r.add(1, person("42", 1))
	must(t, r.client.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{r.keys[1], ">"}}).Err())
	must(t, r.client.Do(ctx, "XCLAIM", r.keys[1], "g", "c", 0, id, "IDLE", 90_000, "JUSTID").Err())
	const next = "so the next worker that looks takes it"
	r.state(id, "pending", next)
	must(t, streams.Pause(ctx, r.client, r.keys[0], streams.Control{By: "test"}))
	_, text := r.trace(0, id)
	wantWords(t, strings.Join(strings.Fields(text), " "), "its lease ran out", "the queue is paused until it is resumed, and no worker takes it before")
	if strings.Contains(text, next) {
		t.Error(text)
	}
	must(t, streams.Pause(ctx, r.client, r.keys[0], streams.Control{By: "test", Until: time.UnixMilli(4_000_000_000_000)}))
	r.state(id, "pending", "the queue is paused until 2096-10-02 07:06:40.000")
	_, _, err := streams.Resume(ctx, r.client, r.keys[0])
	must(t, err)
	r.state(id, "pending", next)
}

// Redis knows no IDs of more than 64 bits.
func TestTraceRefusesAnIDThatIsTooLarge(t *testing.T) {
	r := newTraceRig(t, 1)
	for _, id := range []string{"99999999999999999999-0", "0:1-18446744073709551616"} {
		_, note := r.result(2, "trace", id)
		wantWords(t, note, "is no ID")
	}
	r.state("18446744073709551615-18446744073709551615", "absent")
}
