package streams_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// quarantineEarly quarantines an entry from its third delivery on.
func quarantineEarly(o *streams.StreamOptions) {
	o.ClaimIdle = 50 * time.Millisecond
	o.MaxDeliveries = 2
}

func (b *rig) attempts(id string) string {
	return b.client.HGet(b.t.Context(), "{s}:suspects", id).Val()
}

// abandon has consumers receive n deliveries and die, so that the next one quarantines
// them.
func (b *rig) abandon(n int) {
	b.t.Helper()
	for _, name := range []string{"dead 1", "dead 2"} {
		streamstest.Receive(b.t, b.open(name, quarantineEarly), n)
	}
}

func try(t *testing.T, q streams.Queue, d streams.Delivery) streams.Delivery {
	t.Helper()
	tried, ours, err := q.BeginAttempt(t.Context(), d)
	must(t, err)
	if !ours {
		t.Fatalf("%s is no longer held", d.ID)
	}
	return tried
}

func TestQuarantinedEntriesComeAloneAndUnread(t *testing.T) {
	b := newRig(t)
	for i := range 3 {
		push(t, b.client, fmt.Sprintf("record %d", i))
	}
	b.abandon(3)
	q := b.open("c", quarantineEarly)
	for i := range 3 {
		got := streamstest.Receive(t, q, 1)
		push(t, b.client, "not delivered before")
		if !got[0].Quarantined || got[0].Body != nil || got[0].Deliveries != 3 || got[0].Exhausted() {
			t.Fatalf("received %+v, want it quarantined, without a body", got[0])
		}
		tried := try(t, q, got[0])
		if string(tried.Body) != fmt.Sprintf("record %d", i) || tried.Attempts != 1 || b.attempts(tried.ID) != "1" {
			t.Errorf("attempt %+v, counted %s times", tried, b.attempts(tried.ID))
		}
		settleAll(t, q, record.Ingested, []streams.Delivery{tried})
		if b.attempts(tried.ID) != "" {
			t.Error("attempts at a settled entry are still counted")
		}
	}
	if got := streamstest.Receive(t, q, 1); got[0].Quarantined || string(got[0].Body) != "not delivered before" {
		t.Errorf("received the new entry %+v", got[0])
	}
	b.wantLedger(map[string]string{"ingested": "3"})
}

// TestAFailedAttemptStaysCounted nacks a quarantined entry after an attempt that
// failed, and after one that could not be made.
func TestAFailedAttemptStaysCounted(t *testing.T) {
	for want, failed := range map[string]bool{"1": true, "": false} {
		b := newRig(t)
		push(t, b.client, "record")
		b.abandon(1)
		q := b.open("c", quarantineEarly)
		tried := try(t, q, streamstest.Receive(t, q, 1)[0])
		tried.Failed = failed
		must(t, q.NackWithDelay(t.Context(), []streams.Delivery{tried}))
		if got := b.attempts(tried.ID); got != want {
			t.Errorf("failed: %t: %q attempts are counted, want %q", failed, got, want)
		}
	}
}

func TestAttemptsAreExhaustedAfterThreeDeaths(t *testing.T) {
	b := newRig(t)
	id, err := b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "kills", "traceparent", "00-1-2-01", "tracestate", "a=b", "source", "c.csv:7"}}).Result()
	must(t, err)
	must(t, b.client.HSet(t.Context(), "{s}:returns", id, "1-1 0").Err())
	b.abandon(1)
	var died time.Time
	for death := range streams.MaxAttempts {
		q := b.open(fmt.Sprintf("alone %d", death), quarantineEarly)
		got := streamstest.Receive(t, q, 1)
		// Redis counts whole milliseconds, so its wait may be shorter by one at each end.
		if waited, least := time.Since(died), 50*time.Millisecond<<death-2*time.Millisecond; death > 0 && waited < least {
			t.Errorf("attempted again %v after death %d, want at least %v", waited, death, least)
		}
		if got[0].Attempts != int64(death) || got[0].Exhausted() {
			t.Fatalf("after %d deaths: %+v", death, got[0])
		}
		died = time.Now() // before Redis counts
		try(t, q, got[0])
		try(t, q, got[0]) // a repetition after a lost reply counts once
	}
	q := b.open("last", quarantineEarly)
	got := streamstest.Receive(t, q, 1)
	if !got[0].Exhausted() {
		t.Fatalf("after three deaths: %+v", got[0])
	}
	settleAll(t, q, record.Poisoned, got)
	letters, err := b.client.XRange(t.Context(), "{s}:dead", "-", "+").Result()
	must(t, err)
	if len(letters) != 1 || letters[0].Values["data"] != "kills" || letters[0].Values["streamId"] != id || letters[0].Values["event"] != "poisoned" ||
		letters[0].Values["origin"] != "1-1" || letters[0].Values["traceparent"] != "00-1-2-01" || letters[0].Values["tracestate"] != "a=b" ||
		letters[0].Values["source"] != "c.csv:7" {
		t.Errorf("dead letters %v", letters)
	}
	if b.attempts(id) != "" || b.pending() != 0 {
		t.Error("it is still quarantined or pending")
	}
	b.wantLedger(map[string]string{"poisoned": "1", "dead": "1"})
}

func TestACleanEndUncountsTheAttempt(t *testing.T) {
	b := newRig(t)
	id := push(t, b.client, "waits for its servers")
	b.abandon(1)
	first := b.open("first", quarantineEarly)
	must(t, first.Nack(t.Context(), []streams.Delivery{try(t, first, streamstest.Receive(t, first, 1)[0])}))
	if b.attempts(id) != "" {
		t.Errorf("%s attempts counted after a Nack, want none", b.attempts(id))
	}
	killed := b.open("killed", quarantineEarly)
	try(t, killed, streamstest.Receive(t, killed, 1)[0])
	for range 3 {
		q := b.open("c", quarantineEarly)
		tried := try(t, q, streamstest.Receive(t, q, 1)[0])
		if tried.Attempts != 2 {
			t.Fatalf("attempt %+v", tried)
		}
		for range 2 { // a repetition changes nothing
			must(t, q.Nack(t.Context(), []streams.Delivery{tried}))
		}
		if b.attempts(id) != "1" {
			t.Fatalf("%s attempts counted after a Nack, want 1", b.attempts(id))
		}
	}
	must(t, b.client.XDel(t.Context(), "s", id).Err())
	q := b.open("finds it gone", quarantineEarly)
	env.Eventually(t, soon, func() (bool, string) {
		got, err := q.Receive(t.Context(), 1)
		must(t, err)
		for _, d := range got {
			_, ours, err := q.BeginAttempt(t.Context(), d)
			must(t, err)
			if ours {
				t.Error("an attempt at a deleted entry has begun")
			}
		}
		return b.ledger("missing") == "1", "not counted as missing"
	})
	if b.attempts(id) != "" || b.pending() != 0 {
		t.Error("it is still quarantined or pending")
	}
}

func TestARepeatedNackRestoresTheCountOnce(t *testing.T) {
	b := newRig(t)
	push(t, b.client, "record")
	streamstest.Receive(t, b.open("dead", shortLease), 1)
	q := b.open("c", shortLease)
	held := streamstest.Receive(t, q, 1)
	for range 3 {
		must(t, q.Nack(t.Context(), held))
	}
	if again := streamstest.Receive(t, b.open("other", shortLease), 1); again[0].Deliveries != 2 {
		t.Errorf("delivery %d, want 2 as before", again[0].Deliveries)
	}
}
