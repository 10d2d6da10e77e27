package main_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// keepNotes lets the workers note outcomes, as an archiver does.
func (r *rebuildRig) keepNotes() {
	r.t.Helper()
	for _, key := range r.keys {
		a, err := streams.NewArchive(streams.ArchiveOptions{Client: r.client, Key: key, Name: "a", Lease: time.Minute, Outcomes: true})
		must(r.t, err)
		_, err = a.Position(r.t.Context())
		must(r.t, err)
	}
}

// ingested is the number of entries that were, while workers run.
func (r *rebuildRig) ingested() (n int64) {
	for _, key := range r.keys {
		of, _ := r.client.HGet(r.t.Context(), "{"+key+"}:ledger", "ingested").Int64()
		n += of
	}
	return n
}

// overLimit pushes n records of a customer at once.
func (r *rebuildRig) overLimit(customer string, n int) {
	r.t.Helper()
	for i := range n {
		body := person(customer, i)
		must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[r.home(body)], Values: []any{"data", body}}).Err())
	}
}

// TestARebuildFollowsTheWorkers lets several workers judge records in any order, kills some
// of them, and rebuilds: with their notes the result is the same, without it may differ.
func TestARebuildFollowsTheWorkers(t *testing.T) {
	server := env.Mongo(t)
	for _, policy := range []string{"drop", "defer"} {
		t.Run(policy, func(t *testing.T) {
			r := rebuildRigOn(t, server.URI(), 2, "MONGO_DB=crm_"+policy, "RATE_LIMIT_POLICY="+policy, "WORKER_CONCURRENCY=8", "BATCH_SIZE=7", "STREAM_CLAIM_IDLE_MS=1000")
			r.db = r.db.Client().Database("crm_" + policy)
			r.keepNotes()
			r.load(rand.New(rand.NewPCG(1, 2)), 2000)
			stop := r.worker()
			for part := range int64(3) {
				killed := env.Process(t, env.Build(t, "ingestion/cmd/worker"), nil, r.env)
				env.Eventually(t, soon, func() (bool, string) {
					n := r.ingested()
					return n > 100+part*200, fmt.Sprint(n, " ingested")
				})
				killed.Kill()
			}
			r.settled()
			r.overLimit("late", 12) // a backlog may be judged only when its reserved places have passed
			r.settled()
			stop()
			before := r.live()
			got := r.rebuild(0, "--into", "again", "--diff")
			if got.Diff.differ() != 0 {
				t.Errorf("the rebuilt collection differs: %+v", got.Diff)
			}
			if got.Recorded+got.PutBack != got.Read || got.Read < 2000 {
				t.Errorf("read %d, recorded %d, put back %d", got.Read, got.Recorded, got.PutBack)
			}
			if policy == "drop" && got.Outcomes["rate_limited"] == 0 || policy == "defer" && got.PutBack == 0 || got.Outcomes["duplicate"] == 0 {
				t.Errorf("the load shows nothing: %+v", got)
			}
			r.untouched(before)
			again := r.rebuild(0, "--into", "judged", "--judge-again")
			if again.Recorded != 0 || again.Read != got.Read {
				t.Errorf("judged again: %+v", again)
			}
		})
	}
}
