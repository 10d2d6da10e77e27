package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"ingestion/cmd/internal/tracing"
	"ingestion/consumer"
	"ingestion/internal/config"
	"ingestion/internal/redisconn"
	"ingestion/producer"
	"ingestion/store"
	"ingestion/streams"
)

// recorder returns a provider that keeps the spans.
func recorder(t *testing.T, sampler sdktrace.Sampler) (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithSampler(sampler))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider, spans
}

func parent(trace, flags string) string {
	return "00-" + strings.Repeat(trace, 32) + "-" + strings.Repeat(trace, 16) + "-" + flags
}

// A batch belongs to the trace of its first sampled record. Where its producers decided
// against all of its records, it is not sampled either.
func TestBatchFollowsItsRecords(t *testing.T) {
	const root, none = "root", "none"
	for name, c := range map[string]struct {
		parents []string
		trace   string // that of the batch
		links   int
	}{
		"no context":               {[]string{"", ""}, root, 0},
		"a malformed one":          {[]string{"00-x"}, root, 0},
		"one sampled":              {[]string{"", parent("a", "01")}, strings.Repeat("a", 32), 1},
		"the first sampled counts": {[]string{parent("a", "00"), parent("b", "01"), parent("c", "01")}, strings.Repeat("b", 32), 2},
		"none sampled":             {[]string{parent("a", "00"), ""}, none, 0},
	} {
		t.Run(name, func(t *testing.T) {
			provider, spans := recorder(t, sdktrace.ParentBased(sdktrace.AlwaysSample()))
			w := tracing.NewWorker(provider, tracing.Queue{Key: "k"}, "db", "c")
			deliveries := make([]streams.Delivery, len(c.parents))
			for i, p := range c.parents {
				deliveries[i].TraceParent = p
			}
			ctx := w.Begin(t.Context(), consumer.Process, deliveries)
			id := w.TraceID(ctx)
			w.End(ctx, consumer.Process, consumer.Result{Records: len(deliveries)})
			got := spans.GetSpans()
			if c.trace == none {
				if len(got) != 0 || id != "" {
					t.Errorf("spans %+v, trace_id %q", got, id)
				}
				return
			}
			if len(got) != 1 || len(got[0].Links) != c.links || got[0].SpanContext.TraceID().String() != id {
				t.Fatalf("spans %+v, want one with %d links in the trace %s", got, c.links, id)
			}
			if c.trace != root && id != c.trace || c.trace == root && got[0].Parent.IsValid() {
				t.Errorf("the trace is %s with the parent %v, want %s", id, got[0].Parent, c.trace)
			}
		})
	}
}

// The values of error.type are a closed set, and the text of an error is in no span.
func TestErrors(t *testing.T) {
	for want, err := range map[string]error{
		"timed_out":  fmt.Errorf("secret: %w", &store.Error{Class: store.TimedOut}),
		"timeout":    fmt.Errorf("secret: %w", context.DeadlineExceeded),
		"canceled":   fmt.Errorf("secret: %w", context.Canceled),
		"connection": fmt.Errorf("secret: %w", io.EOF),
		"_OTHER":     errors.New("secret"),
	} {
		provider, spans := recorder(t, sdktrace.AlwaysSample())
		w := tracing.NewWorker(provider, tracing.Queue{Key: "k"}, "db", "c")
		ctx := w.Begin(t.Context(), consumer.Insert, nil)
		w.Retrying(ctx, "Redis", err)
		w.End(ctx, consumer.Insert, consumer.Result{Err: err})
		s := spans.GetSpans()[0]
		attributes := fmt.Sprint(s.Attributes, s.Events)
		if s.Status.Code != codes.Error || !strings.Contains(attributes, want) || strings.Contains(fmt.Sprintf("%+v", s), "secret") {
			t.Errorf("%v: %+v, want %s", err, s, want)
		}
	}
}

// Reads that return nothing make no span; those that fail do.
func TestEmptyReadsMakeNoSpan(t *testing.T) {
	provider, spans := recorder(t, sdktrace.AlwaysSample())
	w := tracing.NewWorker(provider, tracing.Queue{Key: "k"}, "db", "c")
	w.End(w.Begin(t.Context(), consumer.Receive, nil), consumer.Receive, consumer.Result{})
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("spans %+v", got)
	}
	w.End(w.Begin(t.Context(), consumer.Receive, nil), consumer.Receive, consumer.Result{Err: io.EOF})
	if got := spans.GetSpans(); len(got) != 1 || got[0].Status.Code != codes.Error {
		t.Errorf("spans %+v", got)
	}
}

// A record that is not sampled gets no context: it would only take memory of Redis.
func TestOnlySampledRecordsCarryContext(t *testing.T) {
	for name, c := range map[string]struct {
		sampler sdktrace.Sampler
		spans   int
	}{
		"all":  {sdktrace.AlwaysSample(), 3},
		"none": {sdktrace.ParentBased(sdktrace.NeverSample()), 0},
	} {
		provider, spans := recorder(t, c.sampler)
		batch := make([]producer.Message, 2)
		end := tracing.NewProducer(provider, tracing.Queue{Key: "k"}).Begin(t.Context(), batch)
		end([]producer.Receipt{{Queued: true, StreamID: "1-0"}, {}}, io.EOF)
		got := spans.GetSpans()
		if len(got) != c.spans || (batch[0].TraceParent != "") != (c.spans > 0) {
			t.Fatalf("%s: spans %+v, messages %+v", name, got, batch)
		}
		failed := 0
		for _, s := range got {
			if s.Status.Code == codes.Error {
				failed++
			}
		}
		if c.spans > 0 && failed != 2 { // the batch and the record that is not queued
			t.Errorf("%s: %d spans have failed, want 2: %+v", name, failed, got)
		}
	}
}

// Without a variable that asks for traces there is no tracer, so nothing is added to the
// path of a record: see also TestBudgets in bench.
func TestOff(t *testing.T) {
	cfg, err := config.Parse(map[string]string{"QUEUE_MODE": "stream"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	worker, stop := tracing.StartWorker(t.Context(), cfg, slog.New(slog.DiscardHandler))
	defer stop()
	if worker != nil {
		t.Error("there is a tracer for the worker")
	}
	sender, stop := tracing.StartProducer(t.Context(), 1, cfg, slog.New(slog.DiscardHandler))
	defer stop()
	if sender != nil {
		t.Error("there is a tracer for the producer")
	}
}

// What redisconn calls other is what OpenTelemetry calls _OTHER.
func TestOtherErrors(t *testing.T) {
	if class := redisconn.Class(errors.New("x")); class != "other" {
		t.Errorf("the class is %q", class)
	}
}
