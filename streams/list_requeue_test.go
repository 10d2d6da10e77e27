package streams_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestListRequeueAndKeep: a requeued record goes to the tail, and a refusal that
// may be wrong becomes a dead letter even if dead letters are off.
func TestListRequeueAndKeep(t *testing.T) {
	client := env.Redis(t).Client(t)
	q := newList(t, streams.ListOptions{Client: client, Key: "q", PollTimeout: time.Second, Log: slog.New(slog.DiscardHandler)})
	must(t, client.RPush(t.Context(), "q", "a", "b", "c").Err())
	held := streamstest.Receive(t, q, 2)
	must(t, q.Requeue(t.Context(), held))
	if waits := client.LRange(t.Context(), "q", 0, -1).Val(); !slices.Equal(waits, []string{"c", "a", "b"}) {
		t.Errorf("%q wait", waits)
	}
	held = streamstest.Receive(t, q, 3)
	_, err := q.Settle(t.Context(), []streams.Settlement{
		{Delivery: &held[0], Outcome: record.Rejected, Reason: "certain"},
		{Delivery: &held[1], Outcome: record.Rejected, Reason: "doubtful", Keep: true},
	})
	must(t, err)
	letters := client.XRange(t.Context(), streams.KeysOf("q").Dead, "-", "+").Val()
	if len(letters) != 1 || letters[0].Values["data"] != "a" || letters[0].Values["reason"] != "doubtful" {
		t.Errorf("dead letters %v", letters)
	}
}
