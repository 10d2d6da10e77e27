package streams_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestRereadEntriesAreMarkedRedelivered expects the mark on entries that the
// vanished group may have settled, from the worker that recreated the group and from
// one that did not notice.
func TestRereadEntriesAreMarkedRedelivered(t *testing.T) {
	b := newRig(t)
	first, other := b.open("first", nil), b.open("other", nil)
	b.pushMany(4)
	settleAll(t, first, record.Ingested, streamstest.Receive(t, first, 2))
	settleAll(t, other, record.Ingested, streamstest.Receive(t, other, 2))
	must(t, b.client.XGroupDestroy(t.Context(), "s", "g").Err())
	must(t, b.open("third", nil).Open(t.Context()))
	last := push(t, b.client, "new")
	for _, q := range []*streams.Stream{first, other} {
		for _, d := range streamstest.Receive(t, q, 2) {
			if !d.Redelivered {
				t.Errorf("%s may have been settled before, but is not marked", d.ID)
			}
		}
	}
	if d := streamstest.Receive(t, other, 1)[0]; d.ID != last || d.Redelivered {
		t.Errorf("received %+v, want the new entry, unmarked", d)
	}
}

// TestAGroupRecreatedUnderABlockedReader destroys the group while a reader waits,
// and another worker recreates it first.
func TestAGroupRecreatedUnderABlockedReader(t *testing.T) {
	b := newRig(t)
	settled, faster := b.open("settled", nil), b.open("faster", nil)
	var gone atomic.Bool
	client := newClient(t, b.server)
	client.(*redis.Client).AddHook(around{name: "xreadgroup", after: func() {
		if gone.CompareAndSwap(true, false) {
			must(t, faster.Open(t.Context()))
		}
	}})
	waits := b.open("waits", func(o *streams.StreamOptions) { o.Client, o.PollTimeout = client, time.Minute })
	must(t, waits.Open(t.Context()))
	b.pushMany(2)
	settleAll(t, settled, record.Ingested, streamstest.Receive(t, settled, 2))
	go func() {
		for !strings.Contains(b.client.Info(t.Context(), "clients").Val(), "blocked_clients:1") {
			if t.Context().Err() != nil {
				return
			}
		}
		gone.Store(true)
		if err := b.client.XGroupDestroy(t.Context(), "s", "g").Err(); err != nil {
			t.Error(err)
		}
	}()
	got, err := waits.Receive(t.Context(), 2)
	must(t, err)
	for _, d := range got {
		if !d.Redelivered {
			t.Errorf("%s was settled before the group vanished, but is not marked", d.ID)
		}
	}
	if len(got) != 2 {
		t.Errorf("received %d entries, want both again", len(got))
	}
}

// TestANewStreamIsReadFromItsBeginning has a clock that was set back.
func TestANewStreamIsReadFromItsBeginning(t *testing.T) {
	b := newRig(t)
	add := func(id string) {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", "x"}}).Err())
	}
	noRetention := func(o *streams.StreamOptions) { o.Retention = 0 }
	q := b.open("c", noRetention)
	add("2000-0")
	add("3000-0")
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 2))
	b.maintained(q, func() (bool, string) { return b.ledger("trimmed") == "2", b.ledger("trimmed") + " trimmed" })
	must(t, b.client.Del(t.Context(), "s").Err())
	again := b.open("again", noRetention)
	must(t, again.Open(t.Context()))
	add("1000-0")
	if d := streamstest.Receive(t, again, 1)[0]; d.ID != "1000-0" {
		t.Errorf("received %s", d.ID)
	}
}

// TestOtherGroupsDoNotLimitTheFloor lets the limiter forget what no entry
// of this group can need, although another group has read nothing.
func TestOtherGroupsDoNotLimitTheFloor(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	must(t, b.client.XGroupCreate(t.Context(), "s", "forgotten", "0").Err())
	ids := b.pushMany(3)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3))
	var ms int64
	_, err := fmt.Sscanf(ids[2], "%d-", &ms)
	must(t, err)
	b.maintained(q, func() (bool, string) { return q.Floor() >= ms, fmt.Sprintf("the floor is %d, want %d", q.Floor(), ms) })
	if n := b.client.XLen(t.Context(), "s").Val(); n != 3 {
		t.Errorf("%d entries are left of 3 that the other group has not read", n)
	}
}

// TestIdleWhileNothingIsUnfinished: a partition without traffic does not keep
// the limiter from forgetting.
func TestIdleWhileNothingIsUnfinished(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	idle := func(want bool) {
		t.Helper()
		b.maintained(q, func() (bool, string) { return q.Idle() == want, fmt.Sprintf("idle is %v", q.Idle()) })
	}
	idle(true)
	b.pushMany(2)
	idle(false)
	held := streamstest.Receive(t, q, 2)
	settleAll(t, q, record.Ingested, held[:1])
	idle(false)
	settleAll(t, q, record.Ingested, held[1:])
	idle(true)
}
