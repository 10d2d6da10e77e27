package main_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// In list mode, records have a position from the head; those that workers hold are in no
// list.
func TestTraceInListMode(t *testing.T) {
	r := newTraceRig(t, 1)
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=l")
	ctx := t.Context()
	q, err := streams.NewList(streams.ListOptions{
		Client: r.client, Key: "l", PollTimeout: time.Second, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { _ = q.Close(context.Background()) })
	must(t, r.client.RPush(ctx, "l", invalidOf("42")).Err())
	_, err = q.Settle(ctx, streamstest.All(record.Invalid, streamstest.Receive(t, q, 1)))
	must(t, err)
	for n := range 5 {
		must(t, r.client.RPush(ctx, "l", person("x", n), person("42", n)).Err())
	}
	_, err = r.store.Insert(ctx, []store.Document{{Record: recordOf(t, person("42", 9))}})
	must(t, err)

	got, text := r.trace(0, "--customer", "42")
	t.Logf("\n%s", text)
	if got.Matches != 7 || got.Records[0].Slot != nil && got.Records[0].Slot.At != nil {
		t.Errorf("%+v", got)
	}
	got, text = r.trace(0, recordOf(t, person("42", 2)).ID)
	wantWords(t, text, "Record of l: QUEUED", "number 6 from the head of the list")
	if w := got.Records[0]; w.State != "queued" || *w.Position != 6 || w.Entry != nil {
		t.Errorf("%+v", w)
	}
	_, text = r.trace(0, recordOf(t, person("42", 4)).ID, "--scan", "10")
	wantWords(t, text, "number 10 from the head")
	_, text = r.trace(1, recordOf(t, person("42", 4)).ID, "--scan", "9")
	wantWords(t, strings.Join(strings.Fields(text), " "), "looked at 9 of 10 in l; --scan looks further")

	letters, err := r.client.XRange(ctx, "{l}:dead", "-", "+").Result()
	must(t, err)
	r.state(letters[0].ID, "dead", "validation_failed: because")
	r.state(recordOf(t, person("42", 9)).ID, "ingested")
	r.trace(1, "1-1")
	if _, text := r.result(2, "trace", "0:1-1"); !strings.Contains(text, "there is no partition 0") {
		t.Error(text)
	}
}
