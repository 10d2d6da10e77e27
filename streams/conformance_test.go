package streams_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func TestListConforms(t *testing.T) {
	streamstest.Run(t, func(t *testing.T) *streamstest.Fixture {
		client := newClient(t, env.AnyRedis(t))
		open := func() streams.Queue {
			return newList(t, streams.ListOptions{
				Client: client, Key: "q", PollTimeout: time.Second,
				DeadLetters: streams.DeadLetterOptions{On: true, Worker: "w"},
				Log:         slog.New(slog.DiscardHandler),
			})
		}
		return &streamstest.Fixture{
			Queue:       open(),
			Another:     open,
			Push:        func(bodies ...string) { must(t, client.RPush(t.Context(), "q", anys(bodies)...).Err()) },
			Unfinished:  func() int { return int(client.LLen(t.Context(), "q").Val()) },
			DeadLetters: func() []string { return deadEvents(t, client, "q") },
			Break:       func() func() { return spoil(t, client, "q") },
		}
	})
}

func TestStreamConforms(t *testing.T) {
	streamstest.Run(t, func(t *testing.T) *streamstest.Fixture {
		client := newClient(t, env.AnyRedis(t))
		consumers := 0
		open := func() streams.Queue {
			consumers++
			return newStream(t, streamOptions(client, fmt.Sprintf("c%d", consumers)))
		}
		first := open()
		return &streamstest.Fixture{
			Queue:   first,
			Another: open,
			Push: func(bodies ...string) {
				for _, b := range bodies {
					push(t, client, b)
				}
			},
			Unfinished:  func() int { return unfinished(t, client) },
			DeadLetters: func() []string { return deadEvents(t, client, "s") },
			Break:       func() func() { return spoil(t, client, "s") },
		}
	})
}

func streamOptions(client redis.UniversalClient, consumer string) streams.StreamOptions {
	return streams.StreamOptions{
		Client: client, Key: "s", Group: "g", Consumer: consumer,
		PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
		Retention: time.Hour, MaxEntries: 1000,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: consumer},
		Log:         slog.New(slog.DiscardHandler),
	}
}

func newClient(t *testing.T, server *env.RedisServer) redis.UniversalClient {
	t.Helper()
	opts, err := redisconn.Parse(server.URL(), "")
	must(t, err)
	client := redisconn.New(opts, 10)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func push(t *testing.T, client redis.UniversalClient, body string) string {
	t.Helper()
	id, err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body}}).Result()
	must(t, err)
	return id
}

// unfinished counts the entries after the last delivered one and the pending
// ones.
func unfinished(t *testing.T, client redis.UniversalClient) int { return unfinishedIn(t, client, "s") }

func unfinishedIn(t *testing.T, client redis.UniversalClient, key string) int {
	t.Helper()
	groups, err := client.XInfoGroups(t.Context(), key).Result()
	if err != nil || len(groups) == 0 {
		return int(client.XLen(t.Context(), key).Val())
	}
	entries, err := client.XRange(t.Context(), key, groups[0].LastDeliveredID, "+").Result()
	must(t, err)
	n := len(entries)
	if n > 0 && entries[0].ID == groups[0].LastDeliveredID {
		n--
	}
	return n + int(groups[0].Pending)
}

func deadEvents(t *testing.T, client redis.UniversalClient, key string) []string {
	t.Helper()
	entries, err := client.XRange(t.Context(), streams.KeysOf(key).Dead, "-", "+").Result()
	must(t, err)
	var events []string
	for _, e := range entries {
		events = append(events, e.Values["event"].(string))
	}
	return events
}

// spoil replaces the key by a string and returns the repair.
func spoil(t *testing.T, client redis.UniversalClient, key string) func() {
	t.Helper()
	must(t, client.Del(t.Context(), key).Err())
	must(t, client.Set(t.Context(), key, "not a queue", 0).Err())
	return func() { must(t, client.Del(t.Context(), key).Err()) }
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
