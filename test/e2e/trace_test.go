package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/internal/test/otlp"
)

// Values that must be in no span.
var secrets = []string{"sentinel-customer", "Sentinel Name", "sentinel@mailbox.example", "sentinel-password", "2021-03-04T05:06:07"}

func secretRecord(i int) string {
	return fmt.Sprintf(`{"customerId":"sentinel-customer","name":"Sentinel Name %d","email":"sentinel@mailbox.example","createdAt":"2021-03-04T05:06:07.%03dZ"}`, i, i)
}

// tracing is a service whose spans go to a collector.
type tracing struct {
	*harness
	spans *otlp.Collector
}

func newTracing(t *testing.T, mode string, environ ...string) *tracing {
	t.Helper()
	c := otlp.Start(t)
	return &tracing{newHarness(t, mode, append([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=100",
	}, environ...)...), c}
}

// program runs another program of the service to its end.
func (r *tracing) program(name string, args ...string) *env.Proc {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/"+name), args, r.env)
	r.wantExit(p, 0)
	return p
}

// load sends records by producer load.
func (r *tracing) load(bodies ...string) {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "records.ndjson")
	if err := os.WriteFile(path, []byte(strings.Join(bodies, "\n")+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.program("producer", "load", path)
}

// await waits for n spans with a name.
func (r *tracing) await(name string, n int) []otlp.Span {
	r.t.Helper()
	var found []otlp.Span
	env.Eventually(r.t, soon, func() (bool, string) {
		found = r.spans.Named(name)
		return len(found) >= n, fmt.Sprintf("%d of %d spans %q; there are %v", len(found), n, name, names(r.spans.Spans()))
	})
	return found
}

func names(spans []otlp.Span) []string {
	all := map[string]bool{}
	for _, s := range spans {
		all[s.Name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// child returns the span with a name below another one.
func (r *tracing) child(of otlp.Span, name string) otlp.Span {
	r.t.Helper()
	for _, s := range r.await(name, 1) {
		if s.Parent == of.ID && s.TraceID == of.TraceID {
			return s
		}
	}
	r.t.Fatalf("%s has no child %q among %+v", of.Name, name, r.spans.Named(name))
	return otlp.Span{}
}

// wantNoSecrets searches all that the collector got.
func (r *tracing) wantNoSecrets() {
	r.t.Helper()
	for _, secret := range secrets {
		if strings.Contains(r.spans.Raw(), secret) {
			r.t.Errorf("%q is in a span", secret)
		}
	}
}

func wantAttributes(t *testing.T, s otlp.Span, kind string, want map[string]string) {
	t.Helper()
	if s.Kind != kind || s.Failed {
		t.Errorf("%s: kind %s, failed %v, want %s", s.Name, s.Kind, s.Failed, kind)
	}
	for name, value := range want {
		if s.Attributes[name] != value {
			t.Errorf("%s: %s is %q, want %q", s.Name, name, s.Attributes[name], value)
		}
	}
}

// A single record makes one trace, from producer load to the insert.
func TestTraceFromProducerToInsert(t *testing.T) {
	t.Parallel()
	r := newTracing(t, stream, "STREAM_CONSUMER=w1")
	w := r.start()
	r.load(secretRecord(1))
	acked := r.await("xack "+streamKey, 1)[0]
	r.stop(w)

	created := r.await("create "+streamKey, 1)[0]
	process := r.await("process "+streamKey, 1)[0]
	received := r.await("xreadgroup "+streamKey, 1)[0]
	entry := r.client.XRange(r.ctx(), streamKey, "-", "+").Val()[0]
	messaging := map[string]string{"messaging.system": "redis", "messaging.destination.name": streamKey}
	batch := maps.Clone(messaging)
	batch["messaging.batch.message_count"] = "1"
	wantAttributes(t, created, "PRODUCER", messaging)
	wantAttributes(t, created, "PRODUCER", map[string]string{"messaging.operation.type": "create", "messaging.message.id": entry.ID})
	wantAttributes(t, r.child(created, "xadd "+streamKey), "CLIENT", batch)
	wantAttributes(t, process, "CONSUMER", batch)
	wantAttributes(t, process, "CONSUMER", map[string]string{"messaging.operation.type": "process", "messaging.consumer.group.name": group, "messaging.client.id": "w1"})
	wantAttributes(t, received, "CLIENT", batch)
	wantAttributes(t, acked, "CLIENT", batch)
	wantAttributes(t, r.child(process, "limit"), "INTERNAL", nil)
	wantAttributes(t, r.child(process, "insert"), "CLIENT", map[string]string{
		"db.system.name": "mongodb", "db.namespace": database, "db.collection.name": documents, "db.operation.name": "insert",
	})
	if _, batched := created.Attributes["messaging.batch.message_count"]; batched || created.Parent != "" {
		t.Errorf("the span of a record is %+v", created)
	}
	for _, s := range []otlp.Span{process, received, acked} {
		if s.TraceID != created.TraceID {
			t.Errorf("%s is in the trace %s, the record in %s", s.Name, s.TraceID, created.TraceID)
		}
	}
	if process.Parent != created.ID || !slices.Equal(process.Links, []string{created.ID}) || process.LinkAttributes["messaging.message.id"] != entry.ID+" " {
		t.Errorf("process has the parent %s and the links %v %v, want the record's, %s", process.Parent, process.Links, process.LinkAttributes, created.ID)
	}
	if acked.Parent != process.ID {
		t.Errorf("xack is not below process")
	}
	if got := entry.Values["traceparent"]; got != "00-"+created.TraceID+"-"+created.ID+"-01" {
		t.Errorf("traceparent is %q", got)
	}
	if created.Service != "ingestion-producer" || process.Service != "ingestion-worker" || process.Resource["service.version"] == "" {
		t.Errorf("the services are %v and %v", created.Resource, process.Resource)
	}
	r.wantTraceID(w, ingested, created.TraceID)
	r.wantNoSecrets()
}

// wantTraceID checks the trace_id of all lines with an event, of which there must be one.
func (r *tracing) wantTraceID(w *env.Proc, name, want string) {
	r.t.Helper()
	n := 0
	for _, text := range w.Lines() {
		var l map[string]any
		if json.Unmarshal([]byte(text), &l) == nil && l["event"] == name {
			n++
			if got := l["trace_id"]; got != want {
				r.t.Errorf("trace_id is %v, want %s: %s", got, want, text)
			}
		}
	}
	if n == 0 {
		r.t.Errorf("no line %s", name)
	}
}

// A batch of many records has a link to each, also where there are more than 128.
func TestTraceOfBatch(t *testing.T) {
	t.Parallel()
	const n = 200
	r := newTracing(t, stream, "RATE_LIMIT_LIMIT=0")
	records := make([]string, n)
	for i := range records {
		records[i] = secretRecord(i)
	}
	r.load(records...)
	w := r.start()
	r.awaitOutcomes(n)
	r.stop(w)
	created := map[string]bool{}
	for _, s := range r.await("create "+streamKey, n) {
		created[s.ID] = true
	}
	largest := 0
	linked := map[string]bool{}
	for _, s := range r.await("process "+streamKey, 1) {
		largest = max(largest, len(s.Links))
		for _, id := range s.Links {
			linked[id] = true
		}
		if s.Attributes["messaging.batch.message_count"] != fmt.Sprint(len(s.Links)) {
			t.Errorf("a batch of %s has %d links", s.Attributes["messaging.batch.message_count"], len(s.Links))
		}
	}
	if !maps.Equal(created, linked) {
		t.Errorf("%d records were created, %d are linked", len(created), len(linked))
	}
	if largest <= 128 {
		t.Errorf("the largest batch has %d links: the test needs more than 128", largest)
	}
	var batches []otlp.Span // a busy producer may send them in two, and export the spans apart
	env.Eventually(t, soon, func() (bool, string) {
		sent := 0
		batches = r.spans.Named("xadd " + streamKey)
		for _, xadd := range batches {
			sent += len(xadd.Links)
		}
		return sent == n, fmt.Sprintf("xadd has %d links, want %d", sent, n)
	})
	for _, xadd := range batches {
		if xadd.Attributes["messaging.batch.message_count"] != fmt.Sprint(len(xadd.Links)) {
			t.Errorf("xadd has %d links to %s records", len(xadd.Links), xadd.Attributes["messaging.batch.message_count"])
		}
	}
}

// The spans are exported by gRPC if OTEL_EXPORTER_OTLP_PROTOCOL says so, with the headers.
func TestTraceByGRPC(t *testing.T) {
	t.Parallel()
	const n = 200
	r := newTracing(t, stream, "RATE_LIMIT_LIMIT=0", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_HEADERS=authorization=token-1")
	r.spans = otlp.StartGRPC(t, "token-1")
	r.env = append(r.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.spans.URL)
	records := make([]string, n)
	for i := range records {
		records[i] = secretRecord(i)
	}
	r.load(records...)
	w := r.start()
	r.awaitOutcomes(n)
	r.stop(w)
	created := r.await("create "+streamKey, n)
	links := 0
	for _, s := range r.await("process "+streamKey, 1) {
		links += len(s.Links)
		wantAttributes(t, s, "CONSUMER", map[string]string{"messaging.system": "redis"})
	}
	r.child(r.spans.Named("process " + streamKey)[0], "insert")
	if len(created) != n || links != n {
		t.Errorf("%d records were created, %d are linked, want %d", len(created), links, n)
	}
	r.wantNoSecrets()
}

// A deferred record is processed twice, both times in its own trace.
func TestTraceThroughDeferral(t *testing.T) {
	t.Parallel()
	r := newTracing(t, stream, "RATE_LIMIT_POLICY=defer", "RATE_LIMIT_LIMIT=1", "RATE_LIMIT_WINDOW_SEC=2", "BATCH_SIZE=1", "WORKER_CONCURRENCY=1")
	w := r.start()
	r.load(secretRecord(1), secretRecord(2))
	r.awaitDocuments(2)
	r.stop(w)
	created := r.await("create "+streamKey, 2)
	traces := map[string]int{}
	for _, s := range r.await("process "+streamKey, 3) {
		traces[s.TraceID]++
		if !slices.ContainsFunc(created, func(c otlp.Span) bool { return s.Parent == c.ID && slices.Equal(s.Links, []string{c.ID}) }) {
			t.Errorf("a batch is in the trace of no record: %+v", s)
		}
	}
	if len(traces) != 2 || len(r.spans.Named("process "+streamKey)) != 3 {
		t.Errorf("batches by trace: %v, want one trace with one and one with two", traces)
	}
	r.wantNoSecrets()
}

// A dead letter keeps the record's trace, and so does its replay.
func TestTraceThroughDeadLetterAndReplay(t *testing.T) {
	t.Parallel()
	r := newTracing(t, stream, "RATE_LIMIT_POLICY=dead-letter", "RATE_LIMIT_LIMIT=1", "BATCH_SIZE=1", "WORKER_CONCURRENCY=1")
	w := r.start()
	r.load(secretRecord(1), secretRecord(2))
	r.awaitOutcomes(2)
	r.stop(w)
	letter := r.client.XRange(r.ctx(), "{"+streamKey+"}:dead", "-", "+").Val()[0]
	parent, _ := letter.Values["traceparent"].(string)
	r.env = append(r.env, "RATE_LIMIT_LIMIT=0")
	again := r.start()
	r.program("ingestctl", "dead", "replay", "--all", "--yes")
	r.awaitDocuments(2)
	r.stop(again)
	of, trace := 0, strings.Split(parent, "-")[1]
	inserted := false
	for _, s := range r.await("process "+streamKey, 3) {
		if s.TraceID == trace {
			of++
		}
	}
	for _, s := range r.spans.Named("insert") {
		inserted = inserted || s.TraceID == trace
	}
	if of != 2 || !inserted {
		t.Errorf("the trace of the dead letter has %d batches, inserted: %v", of, inserted)
	}
	r.wantTraceID(w, rateLimited, trace)
	r.wantTraceID(again, ingested, trace)
	r.wantNoSecrets()
}

// Records that can't be read, refused commands and lost connections leave no values in
// spans, neither do passwords.
func TestSpansHaveNoSecrets(t *testing.T) {
	t.Parallel()
	r := newTracing(t, stream, "LOG_RAW=on", "OTEL_EXPORTER_OTLP_HEADERS=authorization=sentinel-password")
	if err := r.client.Do(r.ctx(), "ACL", "SETUSER", "secret", "on", ">sentinel-password", "~*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	r.env = append(r.env, "REDIS_URL="+strings.Replace(r.redis.URL(), "redis://", "redis://secret:sentinel-password@", 1))
	w := r.start()
	r.load(secretRecord(1), `{"customerId":"sentinel-customer","name":"Sentinel Name`, `{"customerId":"sentinel-customer","email":"sentinel@mailbox.example"}`)
	r.awaitOutcomes(3)
	r.client.Do(r.ctx(), "ACL", "SETUSER", "secret", "-evalsha")
	r.load(secretRecord(2))
	w.WaitForLine(soon, retrying("Redis", "error"))
	env.Eventually(t, soon, func() (bool, string) {
		failed := slices.ContainsFunc(r.spans.Spans(), func(s otlp.Span) bool { return s.Failed && s.Attributes["error.type"] == "denied" })
		return failed, "no span failed"
	})
	r.client.Do(r.ctx(), "ACL", "SETUSER", "secret", "+evalsha")
	r.awaitOutcomes(4)
	r.stop(w)
	r.wantNoSecrets()
}

// The records of a list carry no trace context: the trace begins at the worker.
func TestTraceOfList(t *testing.T) {
	t.Parallel()
	r := newTracing(t, list)
	w := r.start()
	r.load(secretRecord(1))
	process := r.await("process "+queueKey, 1)[0]
	r.stop(w)
	r.child(process, "insert")
	r.await("blpop "+queueKey, 1)
	if process.Parent != "" || len(process.Links) != 0 {
		t.Errorf("process has a parent %q, links %v", process.Parent, process.Links)
	}
	for _, s := range r.spans.Spans() {
		if s.Service != "ingestion-worker" || strings.HasPrefix(s.Name, "xack") {
			t.Errorf("a span %q of %s", s.Name, s.Service)
		}
	}
	if length := r.client.LLen(r.ctx(), queueKey).Val(); length != 0 {
		t.Errorf("%d records are left", length)
	}
	r.wantTraceID(w, ingested, process.TraceID)
	r.wantNoSecrets()
}

// Without a variable that asks for them, or against one, there are no traces.
func TestTracesAreOff(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"no endpoint":  {"OTEL_EXPORTER_OTLP_ENDPOINT="},
		"disabled":     {"OTEL_SDK_DISABLED=true"},
		"no exporter":  {"OTEL_TRACES_EXPORTER=none"},
		"none sampled": {"OTEL_TRACES_SAMPLER=always_off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newTracing(t, stream, environ...)
			w := r.start()
			r.load(secretRecord(1))
			r.awaitOutcomes(1)
			r.stop(w)
			if n := r.spans.Requests(); n != 0 {
				t.Errorf("%d requests, with the spans %v", n, names(r.spans.Spans()))
			}
			if entry := r.client.XRange(r.ctx(), streamKey, "-", "+").Val()[0]; len(entry.Values) != 2 {
				t.Errorf("the entry has the fields %v, want data and source", entry.Values)
			}
			for _, text := range w.Lines() {
				if strings.Contains(text, "trace_id") {
					t.Errorf("a line with a trace: %s", text)
				}
			}
		})
	}
}

// A collector that fails costs one line a minute and neither records nor the exit code.
func TestCollectorFails(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	r := newTracing(t, stream, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
	w := r.start()
	for i := range 3 {
		r.load(secretRecord(i))
		r.awaitOutcomes(i + 1)
	}
	r.stop(w)
	n := 0
	for _, text := range w.Lines() {
		if strings.Contains(text, "traces are incomplete") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d lines about the traces, want 1:\n%s", n, strings.Join(w.Lines(), "\n"))
	}
	wrong := run(t, append(r.env, "OTEL_TRACES_EXPORTER=nowhere"))
	wrong.WaitForLine(soon, func(text string) bool { return strings.Contains(text, "traces are off: OTEL_TRACES_EXPORTER") })
	wrong.WaitForLine(soon, event("worker_started"))
	r.stop(wrong)
}

// The variables may be in the .env file, as the service's own.
func TestTraceVariablesOfEnvFile(t *testing.T) {
	t.Parallel()
	r := newTracing(t, stream, "OTEL_EXPORTER_OTLP_ENDPOINT=")
	dir := t.TempDir()
	text := "OTEL_EXPORTER_OTLP_ENDPOINT=" + r.spans.URL + "\nOTEL_SERVICE_NAME=of-the-file\n"
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := run(t, r.env, env.InDir(dir))
	w.WaitForLine(soon, event("worker_started"))
	r.feed(simple(42, 1))
	if s := r.await("process "+streamKey, 1)[0]; s.Service != "of-the-file" {
		t.Errorf("the service is %q", s.Service)
	}
	r.stop(w)
}
