package redisconn_test

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/testenv"
)

func TestACallSendsKeysAndArgumentsInOrder(t *testing.T) {
	client := testenv.AnyRedis(t).Client(t)
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
