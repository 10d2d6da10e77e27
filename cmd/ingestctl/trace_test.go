package main_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// Each state that an entry can be in, in one and in four partitions.
func TestTraceStates(t *testing.T) {
	for name, partitions := range map[string]int{"one partition": 1, "four partitions": 4} {
		t.Run(name, func(t *testing.T) {
			r := newTraceRig(t, partitions)
			p := record.HomePartition("42", partitions)
			r.traceSettled(p)
			r.traceRefused(p)
			r.traceUnfit(p)
			r.traceUnfinished(p)
			r.traceGone(p)
		})
	}
}

func (r *traceRig) traceSettled(p int) {
	id := r.ingest(p, person("42", 1))
	got := r.state(id, "ingested", "INGESTED", "the document's streamId is this entry", "number 1 of 2 in the 1m up to there", "name S***", "email s***@b.co", "arrived as "+id)
	if w := got.Records[0]; *w.Outcome != "ingested" || w.Certainty != "certain" || *w.Document.StreamID != id || *w.Slot.Number != 1 || w.Key != r.keys[p] {
		r.t.Errorf("%+v", w)
	}
	r.state(recordOf(r.t, person("42", 1)).ID, "ingested", "the document's streamId is this entry")

	again := r.settled(p, record.Duplicate, person("42", 1))
	got = r.state(again, "duplicate", "another entry, "+id)
	if w := got.Records[0]; w.Conflict || w.Certainty != "likely" {
		r.t.Errorf("%+v", w)
	}
	renamed := r.settled(p, record.Duplicate, strings.Replace(person("42", 1), "Secretname1", "Othersecretname", 1))
	if got = r.state(renamed, "duplicate", "a conflict", "with the name S***"); !got.Records[0].Conflict {
		r.t.Error("no conflict")
	}
	unknown := r.settled(p, record.Ingested, person("43", 2))
	r.state(unknown, "settled", "nothing tells its outcome", "none in crm.people")
}

func (r *traceRig) traceRefused(p int) {
	id := r.settled(p, record.Invalid, `{"customerId":"42","name":"Secretname","email":"secretlocal"}`)
	got := r.state(id, "dead", "(validation_failed)", "dead letter", "not valid email: has no @; createdAt: missing")
	letter := *got.Records[0].DeadLetter
	if by := r.state(letter, "dead", "arrived as "+id); *by.Records[0].Entry != id {
		r.t.Errorf("%+v", by.Records[0])
	}
	n, err := streams.NewDeadLetters(r.client, r.keys[p]).Replay(r.t.Context(), []string{letter})
	if must(r.t, err); n != 1 {
		r.t.Fatalf("%d replayed", n)
	}
	got = r.state(id, "undelivered", "replayed as entry", "the next to be delivered")
	back := *got.Records[0].PutBackAs
	if got = r.state(back, "undelivered", "arrived as "+id, "its dead letter was replayed, as entry"); *got.Records[0].Origin != id {
		r.t.Errorf("%+v", got.Records[0])
	}
	r.settleNext(p, record.Invalid, 1)
	r.state(id, "dead", "was put back", back)
	r.state(back, "dead", "arrived as "+id)

	for range 2 { // the window of customer 44 is full
		r.judge(r.settled(p, record.Ingested, person("44", 1)), person("44", 1))
		r.judge(r.settled(p, record.Ingested, person("44", 2)), person("44", 2))
	}
	r.state(r.dropped(p, record.RateLimited, person("44", 3)), "dropped", "probably DROPPED (rate_limited)", "the record has no place in it")
	r.state(r.dropped(p, record.Malformed, `{"customerId"`), "dropped", "(parse_error)", "today's rules refuse the body")
}

// traceUnfit traces an entry that has no single body, which a worker settles as parse_error.
func (r *traceRig) traceUnfit(p int) {
	id, err := r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[p], Values: []any{"no", "body"}}).Result()
	must(r.t, err)
	r.state(id, "undelivered", `Invalid JSON: the entry does not have exactly one field "data"`)
	r.settleNext(p, record.Malformed, 1)
	r.state(id, "dead", "(parse_error)", "dead letter")
}

func (r *traceRig) traceUnfinished(p int) {
	ctx := r.t.Context()
	first := r.add(p, person("42", 10))
	second := r.add(p, person("42", 11))
	third := r.add(p, person("42", 12))
	r.state(first, "undelivered", "the next to be delivered")
	r.state(third, "undelivered", "2 entries are delivered before it")

	held := streamstest.Receive(r.t, r.queues[p], 3)
	r.state(first, "pending", "held by c after 1 delivery; its lease was renewed")
	must(r.t, r.client.XClaimJustID(ctx, &redis.XClaimArgs{Stream: r.keys[p], Group: "g", Consumer: "c", Messages: []string{second}}).Err())
	must(r.t, r.client.Do(ctx, "XCLAIM", r.keys[p], "g", "c", 0, second, "IDLE", 90_000, "RETRYCOUNT", 7, "JUSTID").Err())
	r.state(second, "pending", "after 7 deliveries; its lease ran out 1m")
	must(r.t, r.client.HSet(ctx, streams.KeysOf(r.keys[p]).AttemptCounts, third, 2).Err())
	r.state(third, "quarantined", "2 attempts worked on it alone", "of at most 3")

	_, err := r.store.Insert(ctx, []store.Document{{Record: recordOf(r.t, person("42", 10)), StreamID: first}})
	must(r.t, err)
	r.state(first, "pending", "its document is in MongoDB already")

	settlements := streamstest.All(record.Deferred, held[1:2])
	settlements[0].Due = time.UnixMilli(4_000_000_000_000)
	_, err = r.queues[p].Settle(ctx, settlements)
	must(r.t, err)
	r.state(second, "deferred", "waits for a place until 2096-10-02 07:06:40.000")
	_, err = r.queues[p].Settle(ctx, streamstest.All(record.Ingested, append(held[:1:1], held[2])))
	must(r.t, err)
}

func (r *traceRig) traceGone(p int) {
	ctx := r.t.Context()
	id := r.add(p, person("42", 20))
	held := streamstest.Receive(r.t, r.queues[p], 1)
	must(r.t, r.client.XDel(ctx, r.keys[p], id).Err())
	r.state(id, "pending", "another client has deleted the entry from the stream")
	must(r.t, r.queues[p].Nack(ctx, held))
	r.state(id, "missing", "deleted the entry while it was pending")

	unread := r.add(p, person("42", 21))
	r.add(p, person("42", 22))
	must(r.t, r.client.XDel(ctx, r.keys[p], unread).Err())
	r.state(unread, "deleted", "before it was delivered")
	r.state("1-1", "absent", "there is no such entry", "no record 1-1 found")
	r.state("99999999999999-0", "absent", "the highest ID that this stream has had is")
	must(r.t, r.client.HSet(ctx, streams.KeysOf(r.keys[p]).Ledger, "watermark", "5-0").Err())
	r.state("5-0", "trimmed", "trimmed up to 5-0")
}

// What is trimmed is known by its document.
func TestTraceOfATrimmedEntry(t *testing.T) {
	r := newTraceRig(t, 1)
	id := r.ingest(0, person("42", 1))
	must(t, r.client.XTrimMaxLen(t.Context(), "s", 0).Err())
	must(t, r.client.HSet(t.Context(), "{s}:ledger", "watermark", id).Err())
	r.state(id, "ingested", "arrived as "+id, "the document's streamId is this entry", "_id "+recordOf(t, person("42", 1)).ID)
	r.state(recordOf(t, person("42", 1)).ID, "ingested", "the entry is no longer on the stream")
}

// Without MongoDB, trace says what Redis knows, and that the rest is unknown.
func TestTraceWithoutMongoDB(t *testing.T) {
	r := newTraceRig(t, 1)
	id := r.ingest(0, person("42", 1))
	r.env = append(r.env, "MONGO_URI=mongodb://127.0.0.1:1")
	got := r.state(id, "settled", "whether there is a document is unknown", "MongoDB is unreachable: 127.0.0.1:1: connection refused")
	if got.Records[0].DocumentsError == nil || got.Records[0].Outcome != nil {
		t.Errorf("%+v", got.Records[0])
	}
	_, text := r.trace(1, recordOf(t, person("9", 9)).ID)
	wantWords(t, strings.Join(strings.Fields(text), " "), "in MongoDB that is unknown")
}
