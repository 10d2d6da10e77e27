package streams_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// addAhead adds an entry whose ID is in microseconds and some whose IDs Redis chooses
// after it, and settles them.
func (b *rig) addAhead(q *streams.Stream, id string) {
	b.t.Helper()
	must(b.t, q.Open(b.t.Context()))
	must(b.t, b.client.XAdd(b.t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", "{}"}}).Err())
	for range 10 {
		push(b.t, b.client, "{}")
	}
	settleAll(b.t, q, record.Ingested, streamstest.Receive(b.t, q, 11))
}

func (b *rig) clockWarnings(status string) int {
	n := 0
	for _, line := range b.log.find("warning") {
		if line["status"] == status && strings.Contains(fmt.Sprint(line["reason"]), "clock") {
			n++
		}
	}
	return n
}

const byFar = "1700000000000000-0"

// TestIDsAheadAreTrimmed: retention ends although the IDs are ahead of the clock, and
// not early, also for a worker that starts meanwhile.
func TestIDsAheadAreTrimmed(t *testing.T) {
	for _, id := range []string{byFar, "18446744073709551614-0"} {
		b := newRig(t)
		const retention = time.Second
		b.addAhead(b.open("c", nil), id)
		settled := time.Now()
		var trimmed time.Time
		for trimmed.IsZero() {
			q := b.open("c", func(o *streams.StreamOptions) { o.Retention = retention })
			looked := q.Floor()
			b.maintained(q, func() (bool, string) { return q.Floor() != looked, "not trimmed" })
			if b.client.XLen(t.Context(), "s").Val() == 0 {
				trimmed = time.Now()
			}
			if time.Since(settled) > soon {
				t.Fatalf("%d entries are kept %v long", b.client.XLen(t.Context(), "s").Val(), time.Since(settled))
			}
		}
		if kept := trimmed.Sub(settled); kept < retention {
			t.Errorf("settled entries stayed for %v, want %v", kept, retention)
		}
		b.wantLedger(map[string]string{"trimmed": "11"})
	}
}

// TestIDsAheadAreLogged checks the floor, the warning and the account.
func TestIDsAheadAreLogged(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = -1 })
	b.addAhead(q, byFar)
	for range 3 {
		again := b.open("c", func(o *streams.StreamOptions) { o.Retention = -1 })
		b.maintained(again, func() (bool, string) { return again.Floor() > 0, "no floor" })
		if floor, now := again.Floor(), b.client.Time(t.Context()).Val().UnixMilli(); floor > now {
			t.Errorf("the floor is %d, now is %d", floor, now)
		}
	}
	if n := b.clockWarnings("error"); n != 3 {
		t.Errorf("%d warnings by three workers, want one each", n)
	}
	if n := b.client.XLen(t.Context(), "s").Val(); n != 11 {
		t.Errorf("%d entries are left of 11 to keep for ever", n)
	}
	account := streams.Account{LastDelivered: "5-0", LastEntry: byFar}
	if behind := account.Behind(); behind < 24*365*time.Hour {
		t.Errorf("%v behind", behind)
	}
}

// TestTheClockCatchesUp with IDs a few seconds ahead.
func TestTheClockCatchesUp(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = time.Hour })
	b.addAhead(q, fmt.Sprint(b.client.Time(t.Context()).Val().UnixMilli()+3500))
	b.maintained(q, func() (bool, string) { return b.clockWarnings("success") == 1, "it is not logged" })
	if n := b.clockWarnings("error"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	if noted := b.ledger("ahead"); noted != "" {
		t.Errorf("the note %q is left", noted)
	}
}
