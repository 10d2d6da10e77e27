// Package tracing makes the spans of a worker and of a producer, by OpenTelemetry's
// conventions for messaging and for databases, and exports them as its environment
// variables say. The exporters are large, so only programs that make spans import it.
//
// The conventions for messaging are still in development, so their version is pinned:
// 1.43.0, by the import of semconv in attributes.go. What is in a span, and what is not,
// is described in docs/observability.md.
//
// Spans are made for batches, from the hooks of the packages consumer and producer, and
// not by the instrumentation of the clients, redisotel and otelmongo:
//
//   - Both put the texts of errors into spans, and redisotel whole commands unless told
//     not to. Commands have the bodies of records, and MongoDB's errors quote documents.
//   - They make a span for every command, also for heartbeats, maintenance and polling,
//     and show none of what belongs to one batch, since that is a script or a raw command.
//   - Both have each command formatted or copied first, also if its span is not sampled.
//   - otelmongo is for version 1 of the driver.
//
// No attribute has a value of a record, and no span has the text of an error.
package tracing

import (
	"context"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/producer"
)

// StartWorker starts to export the spans of a worker. It returns nil if traces are off.
// Call stop at the end.
func StartWorker(ctx context.Context, cfg *config.Config, log *slog.Logger) (tracer app.Tracer, stop func()) {
	provider, stop := provide(ctx, "ingestion-worker", cfg.BatchSize, cfg, log)
	if provider == nil {
		return nil, stop
	}
	q := Queue{Key: cfg.Key(), Group: cfg.StreamGroup, Consumer: cfg.StreamConsumer}
	if cfg.QueueMode == config.ModeList {
		q = Queue{Key: cfg.Key(), List: true}
	}
	return NewWorker(provider, q, cfg.MongoDB, cfg.MongoCollection), stop
}

// StartProducer starts to export the spans of a producer. It returns nil if traces are
// off, or if the queue is a list, whose records can't carry a trace context. batch is the
// size of the producer's batches. Call stop at the end.
func StartProducer(ctx context.Context, batch int, cfg *config.Config, log *slog.Logger) (tracer producer.Tracer, stop func()) {
	if cfg.QueueMode == config.ModeList {
		return nil, func() {}
	}
	provider, stop := provide(ctx, "ingestion-producer", batch, cfg, log)
	if provider == nil {
		return nil, stop
	}
	return NewProducer(provider, Queue{Key: cfg.Key()}), stop
}

// scope is the instrumentation scope of all spans.
const scope = "ingestion"

// w3c reads and writes traceparent and tracestate. The names of these fields are part of
// the format of an entry, so OTEL_PROPAGATORS does not apply.
var w3c propagation.TraceContext

// fields are those of an entry or message that hold its trace context.
type fields struct{ traceParent, traceState *string }

var _ propagation.TextMapCarrier = fields{}

func (f fields) field(name string) *string {
	if name == "traceparent" {
		return f.traceParent
	}
	return f.traceState
}

func (f fields) Get(name string) string   { return *f.field(name) }
func (f fields) Set(name, value string)   { *f.field(name) = value }
func (f fields) Keys() []string           { return w3c.Fields() }
func (f fields) inject(c context.Context) { w3c.Inject(c, f) }
func (f fields) context() trace.SpanContext {
	if *f.traceParent == "" {
		return trace.SpanContext{}
	}
	state := strings.Clone(*f.traceState) // the span outlives the batch, whose memory this is
	return trace.SpanContextFromContext(w3c.Extract(context.Background(), fields{f.traceParent, &state}))
}

// origins are the contexts in which the records of a batch were created.
type origins struct {
	parent trace.SpanContext // of the batch's spans
	links  []trace.Link      // to the sampled ones
}

// add takes in the context of a record. The spans of a batch have one parent: the first
// sampled record or, without one, the first that has a context. So a batch with a single
// sampled record continues its trace, and the samplers that go by the parent sample a
// batch if one of its records is sampled, but not if its producers have decided
// against all of them.
func (o *origins) add(c trace.SpanContext) {
	if c.IsValid() && (!o.parent.IsValid() || c.IsSampled() && !o.parent.IsSampled()) {
		o.parent = c
	}
}

// in returns a context in which the batch's spans have their parent. Without one they
// begin a trace, unless ctx has a span.
func (o *origins) in(ctx context.Context) context.Context {
	if !o.parent.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, o.parent)
}
