package redisconn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

// clientWithCuts is a client for the servers of a URL and what cuts its replies.
func clientWithCuts(t *testing.T, url string) (redis.UniversalClient, *env.Cutter) {
	t.Helper()
	opts, err := redisconn.Parse(url, "")
	if err != nil {
		t.Fatal(err)
	}
	cutter := &env.Cutter{}
	opts.Dialer = cutter.Dial
	client := redisconn.New(opts, 2)
	t.Cleanup(func() { _ = client.Close() })
	return client, cutter
}

// TestAClusterGetsACommandOnce cuts the reply to each kind of command: nobody
// but the caller knows whether it may be repeated.
func TestAClusterGetsACommandOnce(t *testing.T) {
	cluster := env.Cluster(t, 3, false)
	client, cutter := clientWithCuts(t, cluster.URL())
	fill := func(c redis.Cmdable) { c.RPush(t.Context(), "q", "a", "b", "c", "d", "e") }
	script := redis.NewScript(`return redis.call('INCR', KEYS[1])`)
	for _, c := range []struct {
		command string // as the server counts it
		word    string // by which it is known on the wire; "": the command
		send    func(ctx context.Context) error
	}{
		{command: "blpop", send: func(ctx context.Context) error { return client.BLPop(ctx, time.Second, "q").Err() }},
		{command: "lpop", send: func(ctx context.Context) error { return client.LPopCount(ctx, "q", 1).Err() }},
		{command: "lpush", send: func(ctx context.Context) error { return client.LPush(ctx, "q", "x").Err() }},
		{command: "rpush", send: func(ctx context.Context) error {
			pipe := client.Pipeline()
			pipe.RPush(ctx, "q", "x")
			_, err := pipe.Exec(ctx)
			return err
		}},
		{command: "xadd", send: func(ctx context.Context) error {
			pipe := client.TxPipeline()
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []any{"data", "x"}})
			_, err := pipe.Exec(ctx)
			return err
		}},
		{command: "incr", word: "evalsha", send: func(ctx context.Context) error {
			return redisconn.Run(ctx, client, script, []string{"n"}).Err()
		}},
	} {
		fill(client)
		if err := redisconn.Run(t.Context(), client, script, []string{"n"}).Err(); err != nil {
			t.Fatal(err)
		}
		before, word := cluster.Calls(c.command), c.word
		if word == "" {
			word = c.command
		}
		cutter.Cut(word, 3)
		err := c.send(t.Context())
		cutter.Cut("", 0)
		if n := cluster.Calls(c.command) - before; n != 1 || err == nil {
			t.Errorf("%s: executed %d times, the caller got %v; want once and an error", c.command, n, err)
		}
	}
}

// TestAClusterIsFollowed moves the hash slot of a key, of which the client knows
// nothing yet.
func TestAClusterIsFollowed(t *testing.T) {
	cluster := env.Cluster(t, 3, false)
	client, _ := clientWithCuts(t, cluster.URL())
	key := cluster.KeyOn(0, "q")
	if err := client.Get(t.Context(), key).Err(); err != redis.Nil {
		t.Fatal(err)
	}
	cluster.Move(key, 0, 1)
	if err := client.RPush(t.Context(), key, "a").Err(); err != nil {
		t.Error(err)
	}
	cluster.Move(key, 1, 2)
	pipe := client.TxPipeline()
	pipe.RPush(t.Context(), key, "b")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Error(err)
	}
	if got := client.LRange(t.Context(), key, 0, -1).Val(); strings.Join(got, "") != "ab" {
		t.Errorf("the list holds %q", got)
	}
}
