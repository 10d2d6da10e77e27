package redisconn_test

import (
	"testing"
	"time"

	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
	"ingestion/internal/test/env"
)

// TestClientsFollowAPromotion has a client work on a key whose master is killed,
// or hangs, and measures how long after the promotion of its replica it goes on:
// beside it nobody else asks for the state of the Cluster.
func TestClientsFollowAPromotion(t *testing.T) {
	for name, end := range map[string]func(*env.RedisServer){
		"killed": (*env.RedisServer).Kill,
		"hangs":  (*env.RedisServer).Hang,
	} {
		t.Run(name, func(t *testing.T) {
			cluster := env.Cluster(t, 3, true)
			opts, err := redisconn.Parse(cluster.URL(), "")
			if err != nil {
				t.Fatal(err)
			}
			client := redisconn.New(opts, 2)
			t.Cleanup(func() { _ = client.Close() })
			key := cluster.KeyOn(0, "q")
			write := func() error { return client.RPush(t.Context(), key, "x").Err() }
			if err := write(); err != nil {
				t.Fatal(err)
			}
			often := retry.Policy{Initial: 10 * time.Millisecond, Max: 10 * time.Millisecond}
			went := make(chan time.Time, 1)
			end(cluster.Masters[0])
			go func() {
				if often.Do(t.Context(), write, nil) == nil {
					went <- time.Now()
				}
			}()
			cluster.AwaitPromotion(0)
			promoted := time.Now()
			select {
			case at := <-went:
				if late := at.Sub(promoted); late > 5*time.Second {
					t.Errorf("the client went on %v after the promotion", late)
				} else {
					t.Logf("the client went on %v after the promotion", late)
				}
			case <-time.After(30 * time.Second):
				t.Error("the client did not go on within 30 s")
			}
		})
	}
}
