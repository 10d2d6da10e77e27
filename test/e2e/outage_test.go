package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// An outage so long that the worker hands back what it holds: nobody waits on
// MongoDB any more, and still its return must be noticed.
func TestMongoAwayForLongerThanABatchMayWait(t *testing.T) {
	t.Parallel()
	r := newFragileRig(t, stream, "STREAM_CLAIM_IDLE_MS=150")
	worker := r.start()
	r.mongo.Kill()
	r.feedTo(streamKey, `{"customerId":"1","name":"A","email":"a@mail-host.org","createdAt":"2024-01-01"}`)
	env.Eventually(t, time.Minute, func() (bool, string) {
		held, err := r.client.XPendingExt(r.ctx(), &redis.XPendingExtArgs{Stream: streamKey, Group: group, Start: "-", End: "+", Count: 1}).Result()
		handedBack := err == nil && len(held) == 1 && held[0].RetryCount == 0
		return handedBack, fmt.Sprintf("the entry is not handed back: %v, %v", held, err)
	})
	r.mongo.Start()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, `"event":"ingested"`) })
	r.stop(worker)
}

// A Redis that was away for longer than a batch may wait leaves no trace in the
// exit code once all is well again.
func TestRedisAwayForLongerThanABatchMayWait(t *testing.T) {
	t.Parallel()
	r := newFragileRig(t, stream, "STREAM_CLAIM_IDLE_MS=150")
	worker := r.start()
	r.mongo.Kill()
	r.feedTo(streamKey, `{"customerId":"1","name":"A","email":"a@mail-host.org","createdAt":"2024-01-01"}`)
	worker.WaitForLine(time.Minute, func(line string) bool {
		return strings.Contains(line, `"server":"MongoDB"`) && strings.Contains(line, `"event":"retrying"`)
	})
	r.redis.Stop()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, "delivered again once their lease has run out") })
	r.redis.Start()
	r.mongo.Start()
	worker.WaitForLine(time.Minute, func(line string) bool { return strings.Contains(line, `"event":"ingested"`) })
	r.stop(worker)
}
