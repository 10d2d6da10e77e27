package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// TestAnOperatorPausesAQueue pauses a queue with ingestctl: what is sent meanwhile is
// processed after the end of the pause, by resume or in time, and not before.
func TestAnOperatorPausesAQueue(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{list, stream} {
		for _, ends := range []string{"by resume", "in time"} {
			t.Run(mode+" "+ends, func(t *testing.T) {
				t.Parallel()
				f := simple(31, 20)
				r := newHarness(t, mode)
				running := r.start()
				args := []string{"pause", "--by", "ada", "--reason", "new index"}
				if ends == "in time" {
					args = append(args, "--for", "5s")
				}
				if mode == stream {
					args = append(args, "--wait")
				}
				paused := time.Now()
				r.ctl(0, args...)
				running.WaitForLine(soon, func(line string) bool {
					return event("paused")(line) && strings.Contains(line, "ada has paused the queue") && strings.Contains(line, "new index")
				})
				heeded := 2 * time.Second // a read in progress when the pause begins may take that long
				env.Eventually(t, soon, func() (bool, string) { return time.Since(paused) > heeded, "not yet heeded" })
				r.feed(f)
				end := paused.Add(5 * time.Second)
				if ends == "by resume" {
					late := r.launch()
					late.WaitForLine(soon, event("paused"))
					end = time.Now()
					r.ctl(0, "resume")
				}
				r.awaitOutcomes(len(f.records))
				for _, d := range r.documents() {
					if d.IngestedAt.Before(end.Truncate(time.Millisecond)) {
						t.Errorf("a document was ingested at %v, before the end of the pause at %v", d.IngestedAt, end)
					}
				}
				r.wantDocuments(f)
			})
		}
	}
}

// TestAPauseKeepsLeases pauses a queue while a worker holds records that it can't finish:
// nobody else takes them, and it finishes them during the pause.
func TestAPauseKeepsLeases(t *testing.T) {
	t.Parallel()
	const lease = 1500 * time.Millisecond
	f := simple(32, 3)
	r := newRestartableHarness(t, stream, "STREAM_CLAIM_IDLE_MS=1500")
	r.start("STREAM_CONSUMER=holder")
	r.mongo.Kill()
	r.feed(f)
	env.Eventually(t, soon, func() (bool, string) { n := r.pending(); return n == 3, fmt.Sprint(n, " pending") })
	since := time.Now()
	r.ctl(0, "pause")
	other := r.launch("STREAM_CONSUMER=other", "MONGO_URI="+env.Mongo(t).URI())
	other.WaitForLine(soon, event("paused"))
	r.ctl(1, "pause", "--wait", "--timeout", "3s") // the holder is live, and holds them
	env.Eventually(t, soon, func() (bool, string) {
		idle := r.heldBy("holder")
		return time.Since(since) > 3*lease && idle < lease, fmt.Sprint("not three leases yet, or one has expired: idle for ", idle)
	})
	r.mongo.Start()
	r.ctl(0, "pause", "--wait", "--timeout", "2m")
	if n := r.pending(); n != 0 {
		t.Errorf("%d entries are pending, though the workers have stopped", n)
	}
	r.awaitOutcomes(len(f.records))
	r.wantDocuments(f)
}

// heldBy returns how long a consumer has been idle that holds all pending entries, each of
// which was delivered once.
func (r *harness) heldBy(consumer string) (idle time.Duration) {
	r.t.Helper()
	for _, e := range r.pendingEntries() {
		if e.Consumer != consumer || e.RetryCount != 1 {
			r.t.Fatalf("%s is held by %s and was delivered %d times", e.ID, e.Consumer, e.RetryCount)
		}
		idle = max(idle, e.Idle)
	}
	return idle
}
