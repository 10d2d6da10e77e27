package e2e_test

import (
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

// TestLogThatCanNotBeWritten ends the worker, with words on standard error: in
// list mode the log is the only account of what is refused. What it has taken
// by then is worked off, the rest stays on the queue.
func TestLogThatCanNotBeWritten(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		for name, out := range map[string]string{"full": ">/dev/full", "closed": "| true"} {
			t.Run(name, func(t *testing.T) {
				const n = 200
				r := newRig(t, mode, "BATCH_SIZE=10", "WORKER_CONCURRENCY=1", "RATE_LIMIT_LIMIT=0")
				f := simple(23, n)
				r.feed(f)
				worker := env.Build(t, "ingestion/cmd/worker")
				script := "{ " + worker + "; echo exit code $? >&2; } " + out
				p := env.Process(t, "/bin/sh", []string{"-c", script}, r.env)
				p.Wait(soon)
				if said := p.Stderr(); !strings.Contains(said, "the log can't be written") || !strings.Contains(said, "exit code 1") {
					t.Errorf("standard error is %q", said)
				}
				docs := len(r.documents())
				if mode == list && docs+int(r.client.LLen(t.Context(), queueKey).Val()) != n {
					t.Errorf("%d documents and %d records on the list, want %d", docs, r.client.LLen(t.Context(), queueKey).Val(), n)
				}
				if mode == stream && r.pending() != 0 {
					t.Errorf("%d entries are pending", r.pending())
				}
				if docs == n {
					t.Error("it has gone on to the end without a log")
				}
			})
		}
	})
}
