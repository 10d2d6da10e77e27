package tracing

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ingestion/consumer"
	"ingestion/streams"
)

// Worker makes the spans of a consumer: "xreadgroup K" and "process K" for each batch, K
// being the key of the stream, and below the latter "limit", "insert" and "xack K". A list
// is read by "blpop K", and nothing is acknowledged.
type Worker struct {
	tracer trace.Tracer
	stages map[consumer.Stage]stage
}

// stage is how a stage becomes a span.
type stage struct {
	name       string
	kind       trace.SpanKind
	attributes []attribute.KeyValue
	count      attribute.Key // of its records; empty: not given
}

// NewWorker returns an observer of a consumer that reads a queue and inserts into a
// collection of MongoDB.
func NewWorker(provider trace.TracerProvider, q Queue, database, collection string) *Worker {
	stages := map[consumer.Stage]stage{
		consumer.Receive: q.stage("xreadgroup", trace.SpanKindClient, semconv.MessagingOperationTypeReceive),
		consumer.Process: q.stage("process", trace.SpanKindConsumer, semconv.MessagingOperationTypeProcess),
		consumer.Limit:   {name: "limit", kind: trace.SpanKindInternal},
		consumer.Insert: {"insert", trace.SpanKindClient, []attribute.KeyValue{
			semconv.DBSystemNameMongoDB, semconv.DBNamespace(database),
			semconv.DBCollectionName(collection), semconv.DBOperationName("insert"),
		}, semconv.DBOperationBatchSizeKey},
		consumer.Settle: q.stage("xack", trace.SpanKindClient, semconv.MessagingOperationTypeSettle),
	}
	if q.List {
		stages[consumer.Receive] = q.stage("blpop", trace.SpanKindClient, semconv.MessagingOperationTypeReceive)
		delete(stages, consumer.Settle)
	}
	return &Worker{tracer: provider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)), stages: stages}
}

func (q *Queue) stage(operation string, kind trace.SpanKind, operationType attribute.KeyValue) stage {
	return stage{operation + " " + q.Key, kind, q.attributes(operation, operationType), semconv.MessagingBatchMessageCountKey}
}

var _ consumer.Observer = (*Worker)(nil)

// Begin starts the span of a stage, if it has one. That of Receive begins in End, since most
// reads of an idle worker return nothing.
func (w *Worker) Begin(ctx context.Context, at consumer.Stage, deliveries []streams.Delivery) context.Context {
	s, ok := w.stages[at]
	switch {
	case !ok, at == consumer.Receive:
		return ctx
	case at == consumer.Process:
		o := originsOf(deliveries, true)
		ctx, _ = s.start(w.tracer, o.in(ctx), trace.WithLinks(o.links...))
	default:
		ctx, _ = s.start(w.tracer, ctx)
	}
	return ctx
}

// End ends the span of a stage.
func (w *Worker) End(ctx context.Context, at consumer.Stage, r consumer.Result) {
	s, ok := w.stages[at]
	if !ok {
		return
	}
	if at != consumer.Receive {
		s.end(trace.SpanFromContext(ctx), r)
		return
	}
	if len(r.Deliveries) == 0 && r.Err == nil {
		return
	}
	now := time.Now()
	o := originsOf(r.Deliveries, false) // the batch's span has the links
	_, span := s.start(w.tracer, o.in(ctx), trace.WithTimestamp(now.Add(-r.Took)))
	s.end(span, r)
}

// Retrying adds an event to the span of the stage that is repeated.
func (w *Worker) Retrying(ctx context.Context, _ string, err error) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.AddEvent("retrying", trace.WithAttributes(errorType(err)))
	}
}

// TraceID returns the ID of the trace of the span in ctx, if it is sampled; else "".
func (w *Worker) TraceID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}

func (s *stage) start(tracer trace.Tracer, ctx context.Context, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return tracer.Start(ctx, s.name, append(options, trace.WithSpanKind(s.kind), trace.WithAttributes(s.attributes...))...)
}

func (s *stage) end(span trace.Span, r consumer.Result) {
	// The batch size of a database operation is only given for two or more.
	if span.IsRecording() && s.count != "" && (r.Records > 1 || s.count != semconv.DBOperationBatchSizeKey) {
		span.SetAttributes(s.count.Int(r.Records))
	}
	fail(span, r.Err)
	span.End()
}

// originsOf returns the contexts of deliveries, without links if only their parent is
// wanted.
func originsOf(deliveries []streams.Delivery, links bool) origins {
	var o origins
	for i := range deliveries {
		d := &deliveries[i]
		c := fields{&d.TraceParent, &d.TraceState}.context()
		o.add(c)
		switch {
		case !c.IsSampled():
		case !links:
			return o
		default: // its attributes outlive the batch, whose memory the ID is in
			id := messageID(strings.Clone(d.ID))
			o.links = append(o.links, trace.Link{SpanContext: c, Attributes: []attribute.KeyValue{id}})
		}
	}
	return o
}
