package e2e_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"ingestion/internal/test/env"
)

var (
	moment = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

	levels = map[string]string{
		ingested: "info", duplicate: "warn", parseError: "error", invalid: "error", rateLimited: "error",
	}
	statuses = map[string]string{
		ingested: "success", duplicate: "success", parseError: "error", invalid: "error", rateLimited: "error",
	}
	keysOfOutcomes = []string{
		"timestamp", "level", "event", "status", "customerId", "_id", "reason", "raw", "streamId", "conflict",
	}
)

// wantEveryLine checks the format of all lines.
func wantEveryLine(t *testing.T, lines []string) {
	t.Helper()
	for _, text := range lines {
		l, err := parseLine(text)
		if err != nil || !moment.MatchString(l.Timestamp) || l.Event == "" ||
			!slices.Contains([]string{"debug", "info", "warn", "error"}, l.Level) {
			t.Fatalf("not a log line: %s", text)
		}
	}
}

// wantOutcomeLine checks the fields of an outcome's line against its record,
// and that there are no unknown ones.
func wantOutcomeLine(t *testing.T, l line, s sent, mode string) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format+"\nin the line %s\nof the record %.300q", append(args, l.text, s.body)...)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(l.text), &keys); err != nil {
		t.Fatal(err)
	}
	for key := range keys {
		if !slices.Contains(keysOfOutcomes, key) {
			bad("unknown key %q", key)
		}
	}
	if !slices.Contains(s.events, l.Event) {
		bad("the outcome is %s, want one of %q", l.Event, s.events)
	}
	if l.Level != levels[l.Event] || l.Status != statuses[l.Event] {
		bad("level %q, status %q", l.Level, l.Status)
	}
	if l.CustomerID != s.customerID {
		bad("customerId %q, want %q", l.CustomerID, s.customerID)
	}
	if s.person != nil && l.ID != s.person.identity() || s.person == nil && l.ID != "" {
		bad("_id %q", l.ID)
	}
	if (l.StreamID != "") != (mode == stream) {
		bad("streamId %q in %s mode", l.StreamID, mode)
	}
	if l.Conflict && l.Event != duplicate {
		bad("a conflict")
	}
	wantReason(l, s, bad)
	wantRaw(l, s, bad)
}

func wantReason(l line, s sent, bad func(string, ...any)) {
	begin := map[string]string{parseError: "Invalid JSON", rateLimited: "Rate limit exceeded"}[l.Event]
	if !strings.HasPrefix(l.Reason, begin) || (l.Reason == "") != (statuses[l.Event] == "success") {
		bad("reason %q", l.Reason)
	}
	for _, field := range s.faults {
		if !strings.Contains(l.Reason, field) {
			bad("the reason does not name %s", field)
		}
	}
}

// wantRaw expects the first 256 bytes, cut at a character boundary.
func wantRaw(l line, s sent, bad func(string, ...any)) {
	if l.Event != parseError {
		if l.Raw != "" {
			bad("a raw body")
		}
		return
	}
	if !utf8.ValidString(s.body) {
		return // not printable as it is
	}
	whole := len(s.body) <= 256
	if !strings.HasPrefix(s.body, l.Raw) || whole && l.Raw != s.body || !whole && (len(l.Raw) > 256 || len(l.Raw) <= 256-utf8.UTFMax) {
		bad("raw has %d bytes", len(l.Raw))
	}
}

// TestLogThatCannotBeWritten checks that the worker exits with a message on
// standard error: in list mode the log is the only record of refusals. Records
// it holds are processed, the rest stays on the queue.
func TestLogThatCannotBeWritten(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		for name, out := range map[string]string{"full": ">/dev/full", "closed": "| true"} {
			t.Run(name, func(t *testing.T) {
				const n = 200
				r := newHarness(t, mode, "BATCH_SIZE=10", "WORKER_CONCURRENCY=1", "RATE_LIMIT_LIMIT=0")
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
					t.Error("it continued without a log")
				}
			})
		}
	})
}
