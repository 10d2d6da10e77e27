package consumer_test

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"ingestion/internal/logging"
	"ingestion/record"
	"ingestion/store"
)

// single is a log handler that handles records one by one only.
type single struct{ slog.Handler }

// outcomeLines returns the lines of a batch with most outcomes, without their times.
func outcomeLines(t *testing.T, level slog.Level, one func(slog.Handler) slog.Handler) string {
	t.Helper()
	r := newRig(t)
	r.opts.Log = slog.New(one(logging.New(r.out, "json", level, false).Handler()))
	r.store.insert = func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		return []store.Result{
			{Outcome: record.Ingested}, {Outcome: record.Duplicate}, {Outcome: record.Duplicate, Conflict: true},
			{Outcome: record.Rejected, Reason: "code 121: <rule>"},
		}, nil
	}
	r.runAll(newQueue("a", "b", "c", "d", "bad \"\x80\u2028", "invalid"))
	return regexp.MustCompile(`"timestamp":"[^"]*Z",`).ReplaceAllString(r.out.buf.String(), "")
}

func TestOutcomeLines(t *testing.T) {
	const quiet = `{"level":"warn","event":"duplicate","status":"success","customerId":"c-b","_id":"b","streamId":"2-0"}
{"level":"warn","event":"duplicate","status":"success","customerId":"c-c","_id":"c","streamId":"3-0","conflict":true}
{"level":"error","event":"rejected","status":"error","customerId":"c-d","_id":"d","streamId":"4-0","reason":"code 121: <rule>"}
{"level":"error","event":"parse_error","status":"error","streamId":"5-0","reason":"Invalid JSON: bad","raw":"bad \"�\u2028"}
{"level":"error","event":"validation_failed","status":"error","customerId":"c","streamId":"6-0","reason":"email: missing"}
`
	const all = `{"level":"info","event":"ingested","status":"success","customerId":"c-a","_id":"a","streamId":"1-0"}
` + quiet
	for name, one := range map[string]func(slog.Handler) slog.Handler{
		"together":   func(h slog.Handler) slog.Handler { return h },
		"one by one": func(h slog.Handler) slog.Handler { return single{h} },
	} {
		if got := outcomeLines(t, slog.LevelInfo, one); got != all {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, all)
		}
		if got := outcomeLines(t, slog.LevelWarn, one); got != quiet {
			t.Errorf("%s, warnings and errors only:\n%s\nwant\n%s", name, got, quiet)
		}
	}
}

func TestOutcomesAsText(t *testing.T) {
	r := newRig(t)
	r.opts.Log = logging.New(r.out, "text", slog.LevelInfo, false)
	r.runAll(newQueue("a", "bad"))
	for _, want := range []string{" INF ingested status=success customerId=c-a _id=a streamId=1-0\n", " ERR parse_error status=error streamId=2-0 reason=\"Invalid JSON: bad\" raw=bad\n"} {
		if got := r.out.buf.String(); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// counter counts the writes and their bytes.
type counter struct{ writes, bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.writes++
	c.bytes += len(p)
	return len(p), nil
}

func TestTheLinesOfABatchAreWrittenTogether(t *testing.T) {
	r, out := newRig(t), &counter{}
	r.opts.Log = logging.New(out, "json", slog.LevelInfo, false)
	r.opts.BatchSize, r.opts.Concurrency = 50, 1
	r.runAll(newQueue(numbered(100)...))
	if out.writes != 2 || out.bytes < 100*len(`{"event":"ingested"}`) {
		t.Errorf("%d bytes in %d writes, want one write per batch", out.bytes, out.writes)
	}
}

// The lines of a sampled record have the ID of its trace; those of a record without a
// trace context have that of the batch.
func TestTraceID(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
	r := newRig(t)
	r.opts.TraceID = func(context.Context) string { return "batch" }
	q := newQueue("a", "bad", "b", "c")
	q.waiting[0].TraceParent, q.waiting[1].TraceParent, q.waiting[2].TraceParent = parent+"1", parent+"1", parent+"0"
	r.runAll(q)
	lines := append(r.out.events("ingested"), r.out.events("parse_error")...)
	for i, want := range []any{"0af7651916cd43dd8448eb211c80319c", nil, "batch", "0af7651916cd43dd8448eb211c80319c"} {
		if lines[i]["trace_id"] != want {
			t.Errorf("line %v, want the trace_id %v", lines[i], want)
		}
	}
}

// The source of a record, which its producer gave, is logged if the record is refused.
func TestSourceOfRefusedRecordsIsLogged(t *testing.T) {
	r := newRig(t)
	q := newQueue("a", "bad")
	for i := range q.waiting {
		q.waiting[i].Source = "customers.csv:12"
	}
	r.runAll(q)
	if line := r.out.events("parse_error")[0]; line["source"] != "customers.csv:12" {
		t.Errorf("line %v", line)
	}
	if line := r.out.events("ingested")[0]; line["source"] != nil {
		t.Errorf("line %v", line)
	}
}
