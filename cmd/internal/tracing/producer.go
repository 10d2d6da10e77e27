package tracing

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ingestion/producer"
)

// Producer makes the spans of a publisher: "create K" for each record and "xadd K" for
// each batch, where K is the key of the stream. The messages get the trace contexts of
// sampled records; for the others that would only take memory of Redis.
type Producer struct {
	tracer trace.Tracer
	queue  Queue
	create trace.SpanStartEventOption
	xadd   []attribute.KeyValue
}

// NewProducer returns a tracer for a producer that writes to a stream. The records of a
// list can't carry a trace context.
func NewProducer(provider trace.TracerProvider, q Queue) *Producer {
	return &Producer{
		tracer: provider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		queue:  q,
		create: trace.WithAttributes(q.attributes("create", semconv.MessagingOperationTypeCreate)...),
		xadd:   q.attributes("xadd", semconv.MessagingOperationTypeSend),
	}
}

var _ producer.Tracer = (*Producer)(nil)

// Begin starts the spans of a batch.
func (p *Producer) Begin(ctx context.Context, batch []producer.Message) func([]producer.Receipt, error) {
	created := make([]trace.Span, len(batch))
	var o origins
	for i := range batch {
		var in context.Context
		in, created[i] = p.tracer.Start(ctx, "create "+p.queue.Key, trace.WithSpanKind(trace.SpanKindProducer), p.create)
		c := created[i].SpanContext()
		o.add(c)
		if c.IsSampled() {
			fields{&batch[i].TraceParent, &batch[i].TraceState}.inject(in)
			o.links = append(o.links, trace.Link{SpanContext: c})
		}
	}
	attributes := append(slices.Clone(p.xadd), semconv.MessagingBatchMessageCount(len(batch)))
	_, sent := p.tracer.Start(o.in(ctx), "xadd "+p.queue.Key,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(o.links...), trace.WithAttributes(attributes...))
	return func(receipts []producer.Receipt, err error) {
		fail(sent, err)
		sent.End()
		for i, span := range created {
			endCreated(span, &receipts[i], err)
		}
	}
}

// endCreated ends the span of a record that is queued or given up.
func endCreated(span trace.Span, r *producer.Receipt, err error) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	switch {
	case r.Queued:
		span.SetAttributes(messageID(r.StreamID))
	case err != nil:
		fail(span, err)
	default: // another batch has failed
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(notQueued))
	}
}
