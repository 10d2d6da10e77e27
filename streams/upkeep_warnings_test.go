package streams_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// addAhead adds an entry of microseconds, and some whose IDs Redis chooses after
// that, and has them settled.
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

// TestIDsAheadAreTrimmed wants retention to end though the IDs are ahead of the
// clock, and not before its time, also for a worker that starts meanwhile.
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

// TestIDsAheadAreTold looks at the floor, the warning and the account.
func TestIDsAheadAreTold(t *testing.T) {
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
	b.maintained(q, func() (bool, string) { return b.clockWarnings("success") == 1, "it is not told" })
	if n := b.clockWarnings("error"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	if noted := b.ledger("ahead"); noted != "" {
		t.Errorf("the note %q is left", noted)
	}
}

// TestManyDeadLettersAreTold by their number, and by the memory that they take.
func TestManyDeadLettersAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		memory string
		count  int
		bytes  int
	}{
		"a million":            {"0", 1_000_000, 1},
		"a tenth of maxmemory": {"60mb", 70, 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, env.WithConfig("appendonly", "no"))
			q := b.open("c", nil)
			must(t, q.Open(t.Context()))
			must(t, b.client.ConfigSet(t.Context(), "maxmemory", c.memory).Err())
			add := "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'data', string.rep('x', tonumber(ARGV[2]))) end"
			for range 10 {
				if err := b.client.Eval(t.Context(), add, []string{"{s}:dead"}, c.count/10, c.bytes).Err(); err != redis.Nil {
					t.Fatal(err)
				}
			}
			told := func(status string) func() (bool, string) {
				return func() (bool, string) {
					lines := b.log.find("warning")
					return len(lines) > 0 && lines[len(lines)-1]["status"] == status, fmt.Sprint(lines)
				}
			}
			b.maintained(q, told("error"))
			must(t, b.client.XTrimMaxLen(t.Context(), "{s}:dead", 10).Err())
			b.maintained(q, told("success"))
			if lines := b.log.find("warning"); len(lines) != 2 {
				t.Errorf("said %v", lines)
			}
		})
	}
}

func TestFewDeadLettersAreNotTold(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	push(t, b.client, "{}")
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "60mb").Err())
	must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{s}:dead", Values: []any{"data", "x"}}).Err())
	b.maintained(q, func() (bool, string) { return q.Floor() > 0, "not trimmed" })
	if lines := b.log.find("warning"); len(lines) > 0 {
		t.Errorf("said %v", lines)
	}
}
