package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// TestAPausedQueueIsNotRead pauses a queue until a time: workers that run and workers that
// start meanwhile read nothing before it, and everything after it.
func TestAPausedQueueIsNotRead(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{list, stream} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := simple(23, 20)
			r := newHarness(t, mode, "ADMIN_ADDR=127.0.0.1:0")
			running := r.start()
			until := time.Now().Add(6 * time.Second)
			pause := map[string]any{"pausedUntil": until.UnixMilli(), "by": "ada"}
			if err := r.client.HSet(r.ctx(), fmt.Sprintf("{%s}:control", r.key()), pause).Err(); err != nil {
				t.Fatal(err)
			}
			running.WaitForLine(soon, event("paused"))
			const blocked = `ingestion_reading_blocked{reason="paused"}`
			awaitSeries(t, adminOf(t, running), blocked, 1)
			second := r.launch()
			second.WaitForLine(soon, event("paused"))
			r.feed(f)
			r.awaitOutcomes(len(f.records))
			if time.Now().Before(until) {
				t.Error("the workers have not waited for the end of the pause")
			}
			for _, d := range r.documents() {
				if d.IngestedAt.Before(until.Truncate(time.Millisecond)) {
					t.Errorf("a document was ingested at %v, before %v", d.IngestedAt, until)
				}
			}
			running.WaitForLine(soon, event("resumed"))
			awaitSeries(t, adminOf(t, running), blocked, 0)
			r.stop(running)
			r.stop(second)
		})
	}
}
