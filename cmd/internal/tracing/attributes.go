package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ingestion/internal/redisconn"
	"ingestion/store"
)

// Queue is the list or stream that the spans are about.
type Queue struct {
	Key      string // of all partitions
	List     bool
	Group    string // consumer group; empty for a list or a producer
	Consumer string // the worker's name in it
}

// attributes returns those of an operation on the queue.
func (q *Queue) attributes(operation string, kind attribute.KeyValue) []attribute.KeyValue {
	all := []attribute.KeyValue{
		semconv.MessagingSystemKey.String("redis"), // not among the well-known values
		semconv.MessagingDestinationName(q.Key),
		semconv.MessagingOperationName(operation),
		kind,
	}
	if q.Group != "" {
		all = append(all, semconv.MessagingConsumerGroupName(q.Group))
	}
	if q.Consumer != "" {
		all = append(all, semconv.MessagingClientID(q.Consumer))
	}
	return all
}

// messageID is the attribute with the ID of an entry.
func messageID(id string) attribute.KeyValue { return semconv.MessagingMessageID(id) }

// fail marks a span as failed. The text of the error may have values of records.
func fail(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(errorType(err))
	}
}

// The values of error.type beside the classes of store.Error and redisconn.Class.
const (
	canceled  = "canceled"
	notQueued = "not_queued" // an earlier batch has failed
)

func errorType(err error) attribute.KeyValue {
	var failure *store.Error
	if errors.As(err, &failure) {
		return semconv.ErrorTypeKey.String(failure.Class.String())
	}
	if errors.Is(err, context.Canceled) {
		return semconv.ErrorTypeKey.String(canceled)
	}
	if class := redisconn.Class(err); class != "other" {
		return semconv.ErrorTypeKey.String(class)
	}
	return semconv.ErrorTypeOther
}
