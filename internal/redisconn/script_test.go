package redisconn_test

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

func TestACallSendsKeysAndArgumentsInOrder(t *testing.T) {
	client := env.AnyRedis(t).Client(t)
	script := redis.NewScript(`return {KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4], tostring(#ARGV)}`)
	text := "not yet"
	call := redisconn.NewCall(script, []string{"{k}1", "{k}2"}, 1)
	call.Add("first", &text)
	set := call.Hold()
	call.Add([]byte("last"))
	set(300)
	text = "second"
	want := []string{"{k}1", "{k}2", "first", "second", "300", "last", "4"}
	for range 2 {
		got, err := call.Run(t.Context(), client).StringSlice()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("sent %q, %v, want %q", got, err, want)
		}
		// Forgotten, it is loaded again by itself.
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAScriptNeedsItsOwnNodeOnly runs a script that no node knows yet while
// another master of the Cluster is down.
func TestAScriptNeedsItsOwnNodeOnly(t *testing.T) {
	cluster := env.Cluster(t, 3, false)
	opts, err := redisconn.Parse(cluster.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	client := redisconn.New(opts, 2)
	t.Cleanup(func() { _ = client.Close() })
	key := cluster.KeyOn(1, "k")
	if err := client.Get(t.Context(), key).Err(); err != redis.Nil {
		t.Fatal(err)
	}
	cluster.Masters[0].Kill()
	script := redis.NewScript(`return redis.call('INCR', KEYS[1])`)
	for want := range 2 {
		if n, err := redisconn.Run(t.Context(), client, script, []string{key}).Int(); err != nil || n != want+1 {
			t.Errorf("the script returns %d, %v", n, err)
		}
	}
}
