package streams_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// addLetters adds count dead letters of that many bytes each.
func (b *rig) addLetters(key string, count, bytes int) {
	b.t.Helper()
	add := "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'data', string.rep('x', tonumber(ARGV[2]))) end"
	for range 10 {
		if err := b.client.Eval(b.t.Context(), add, []string{key}, count/10, bytes).Err(); err != redis.Nil {
			b.t.Fatal(err)
		}
	}
}

// lastWarning reports whether the last warning has a status.
func (b *rig) lastWarning(status string) func() (bool, string) {
	return func() (bool, string) {
		lines := b.log.find("warning")
		return len(lines) > 0 && lines[len(lines)-1]["status"] == status, fmt.Sprint(lines)
	}
}

func (b *rig) wantWarnings(n int) {
	b.t.Helper()
	if lines := b.log.find("warning"); len(lines) != n {
		b.t.Errorf("logged %v, want %d warnings", lines, n)
	}
}

// By their number, and by the memory that they take.
func TestManyDeadLettersAreLogged(t *testing.T) {
	for name, c := range map[string]struct {
		memory string
		count  int
		bytes  int // of each
	}{
		"a million":            {"0", 1_000_000, 1},
		"a tenth of maxmemory": {"60mb", 70, 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, env.WithConfig("appendonly", "no"))
			q := b.open("c", nil)
			must(t, q.Open(t.Context()))
			must(t, b.client.ConfigSet(t.Context(), "maxmemory", c.memory).Err())
			b.addLetters("{s}:dead", c.count, c.bytes)
			b.maintained(q, b.lastWarning("error"))
			must(t, b.client.XTrimMaxLen(t.Context(), "{s}:dead", 10).Err())
			b.maintained(q, b.lastWarning("success"))
			b.wantWarnings(2)
		})
	}
}

func TestFewDeadLettersAreNotLogged(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	push(t, b.client, "{}")
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "60mb").Err())
	must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{s}:dead", Values: []any{"data", "x"}}).Err())
	b.maintained(q, func() (bool, string) { return q.Floor() > 0, "not trimmed" })
	b.wantWarnings(0)
}

// Each partition by itself holds too few.
func TestDeadLettersOfAllPartitionsAreAddedUp(t *testing.T) {
	b := newRig(t, env.WithConfig("appendonly", "no"))
	log := func(o *streams.StreamOptions) { o.Log = slog.New(slog.NewJSONHandler(b.log, nil)) }
	p := openPartitions(t, b.client, "c", 2, streams.PartitionsOptions{}, log)
	_, err := p.Receive(t.Context(), 1)
	must(t, err)
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "60mb").Err())
	b.addLetters("{s:0}:dead", 40, 100_000)
	b.addLetters("{s:1}:dead", 30, 100_000)
	b.maintained(p, b.lastWarning("error"))
	if lines := b.log.find("warning"); len(lines) == 1 && (lines[0]["count"] != 70.0 || lines[0]["stream"] != "{s:0}:dead") {
		t.Errorf("logged %v, want 70 dead letters, most of them in partition 0", lines)
	}
	must(t, b.client.Del(t.Context(), "{s:1}:dead").Err())
	b.maintained(p, b.lastWarning("success"))
	b.wantWarnings(2)
}

func TestDeadLettersOfAListAreLogged(t *testing.T) {
	b := newRig(t, env.WithConfig("appendonly", "no"))
	q := newList(t, streams.ListOptions{
		Client: b.client, Key: "q", Log: slog.New(slog.NewJSONHandler(b.log, nil)),
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: "w"},
	})
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "60mb").Err())
	b.addLetters("{q}:dead", 70, 100_000)
	must(t, b.client.RPush(t.Context(), "q", "one").Err())
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	b.wantWarnings(1)
	must(t, b.client.Del(t.Context(), "{q}:dead").Err())
	q.CheckLettersOnce(t.Context())
	if logged, lines := b.lastWarning("success")(); !logged {
		t.Error(lines)
	}
	b.wantWarnings(2)
}
