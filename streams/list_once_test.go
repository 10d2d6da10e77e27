package streams_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestRepeatedListCallsRunOnce loses the replies to a list's writes; the caller
// repeats them until they succeed, as the pipeline does.
func TestRepeatedListCallsRunOnce(t *testing.T) {
	cluster := env.Cluster(t, 3, false)
	for name, url := range map[string]string{"single": env.Redis(t).URL(), "cluster": cluster.URL()} {
		t.Run(name, func(t *testing.T) {
			opts, err := redisconn.Parse(url, "")
			must(t, err)
			cutter := &env.Cutter{}
			opts.Dialer = cutter.Dial
			client := redisconn.New(opts, 2)
			t.Cleanup(func() { _ = client.Close() })
			q := newList(t, streams.ListOptions{
				Client: client, Key: "q", PollTimeout: time.Second, Log: slog.New(slog.DiscardHandler),
				DeadLetters: streams.DeadLetterOptions{On: true, Worker: "w"},
			})
			var sent []string
			for i := range 2500 { // more than Lua passes to one command
				sent = append(sent, fmt.Sprint(i))
			}
			must(t, client.RPush(t.Context(), "q", anys(sent)...).Err())
			held := streamstest.Receive(t, q, len(sent))

			untilDone := func(do func() error) {
				t.Helper()
				cutter.Cut("evalsha", 3)
				tries := 0
				env.Eventually(t, 10*time.Second, func() (bool, string) {
					tries++
					err := do()
					return err == nil, fmt.Sprint(err)
				})
				if tries < 4 || cutter.Left() > 0 {
					t.Fatalf("success at attempt %d, although three replies should be lost", tries)
				}
			}
			must(t, q.Nack(t.Context(), held[2499:])) // the scripts are known from here on
			must(t, client.LRem(t.Context(), "q", 1, "2499").Err())
			untilDone(func() error { return q.Nack(t.Context(), held[100:2499]) })
			if waits := client.LRange(t.Context(), "q", 0, -1).Val(); !slices.Equal(waits, sent[100:2499]) {
				t.Errorf("%d records wait, %.40q…; want the %d returned ones, in their order", len(waits), strings.Join(waits, " "), 2399)
			}

			var refused []streams.Settlement
			for i := range held[:100] {
				refused = append(refused, streams.Settlement{Delivery: &held[i], Outcome: record.Malformed, Reason: "no"})
			}
			settle := func(part []streams.Settlement) func() error {
				return func() error {
					done, err := q.Settle(t.Context(), part)
					if err == nil && done.Count != len(part) {
						err = errors.New("not all are settled")
					}
					return err
				}
			}
			untilDone(settle(refused[:60]))
			untilDone(settle(refused[60:]))
			var dead []string
			for _, letter := range client.XRange(t.Context(), "{q}:dead", "-", "+").Val() {
				dead = append(dead, letter.Values["data"].(string))
			}
			if !slices.Equal(dead, sent[:100]) {
				t.Errorf("%d dead letters of 100 records", len(dead))
			}
			for _, marker := range client.Keys(t.Context(), "*:once:*").Val() {
				if client.TTL(t.Context(), marker).Val() <= 0 {
					t.Errorf("%s has no expiry", marker)
				}
			}
		})
	}
}
