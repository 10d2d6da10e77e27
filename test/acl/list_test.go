package acl

import (
	"strconv"
	"testing"

	"ingestion/internal/test/env"
)

// TestListMode runs all programs of list mode.
func TestListMode(t *testing.T) {
	t.Parallel()
	r := newRig(t, "list", "DEAD_LETTERS=on", "RATE_LIMIT_LIMIT=20", "RATE_LIMIT_WINDOW_SEC=3600", "RATE_LIMIT_POLICY=dead-letter", "DLQ_MAX_ENTRIES=5",
		"BATCH_SIZE=20", "WORKER_POLL_TIMEOUT_SEC=1", "MONGO_URI="+env.Mongo(t).URI())
	r.run("producer", "producer", 0, []string{"load", "--as-is", r.file(people(300)...)})
	r.run("producer", "producer", 0, []string{"generate", "--count", "20"})
	w := r.start("worker", "worker", "worker_started")
	env.Eventually(t, late, func() (bool, string) {
		n, letters := r.admin.LLen(t.Context(), queueKey).Val(), r.admin.XLen(t.Context(), "{"+queueKey+"}:dead").Val()
		return n == 0 && letters >= 5, strconv.FormatInt(n, 10) + " records are left"
	})
	r.look(addressOf(t, w, "admin"), "/metrics", "/metrics/queue", "/readyz", "/livez")
	r.wantNoDenial()
	r.console()
	r.operate()
	r.stop(w)
	r.run("producer", "producer", 0, []string{"load", r.file(people(20)[:20]...)})
	r.ctl(0, "migrate list-to-stream --yes")
	r.ctl(0, "migrate stream-to-list --yes")
	r.wantNoDenial()
}
