package consumer

import (
	"context"
	"log/slog"
	"time"

	"ingestion/record"
)

// rawBytes is how much of a malformed body is logged.
const rawBytes = 256

// sourceBytes is how much of a source is logged, which its producer chose.
const sourceBytes = 300

// batchHandler is a log handler that writes many events of the same time at once, for a
// fraction of the cost.
type batchHandler interface {
	// Lines calls fill, which calls add for each event. add keeps none of its arguments.
	Lines(at time.Time, fill func(add func(level slog.Level, event string, attrs []slog.Attr))) error
}

// logOutcomes writes one line for each decided item. Flush reports lines that could not
// be written.
func (c *Consumer) logOutcomes(ctx context.Context, items []*item) {
	handler, now := c.opts.Log.Handler(), time.Now()
	trace := c.opts.TraceID(ctx)
	if h, ok := handler.(batchHandler); ok {
		_ = h.Lines(now, func(add func(slog.Level, string, []slog.Attr)) { c.eachOutcome(handler, trace, items, add) })
		return
	}
	c.eachOutcome(handler, trace, items, func(level slog.Level, event string, attrs []slog.Attr) {
		r := slog.NewRecord(now, level, event, 0)
		r.AddAttrs(attrs...)
		_ = handler.Handle(context.Background(), r)
	})
}

// eachOutcome calls add for each decided item whose level the handler has enabled.
func (c *Consumer) eachOutcome(handler slog.Handler, trace string, items []*item, add func(slog.Level, string, []slog.Attr)) {
	attrs := make([]slog.Attr, 0, 8)
	for _, it := range items {
		if level := levelOf(it.outcome); it.decided() && handler.Enabled(context.Background(), level) {
			attrs = c.appendAttrs(attrs[:0], it, trace)
			add(level, it.outcome.String(), attrs)
		}
	}
}

// appendAttrs appends the attributes of the line of an item. trace is the ID of the trace
// of its batch.
func (c *Consumer) appendAttrs(attrs []slog.Attr, it *item, trace string) []slog.Attr {
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("status", string(it.outcome.Status()))
	text("customerId", it.customerID)
	text("_id", it.record.ID)
	text("streamId", it.ID)
	if it.TraceParent != "" {
		trace = it.TraceID()
	}
	text("trace_id", trace)
	if it.outcome.Refused() {
		text("source", record.Excerpt([]byte(it.Source), sourceBytes))
	}
	text("reason", it.reason)
	if it.outcome == record.Duplicate && it.conflict {
		attrs = append(attrs, slog.Bool("conflict", true))
	}
	if it.outcome == record.Malformed && c.opts.LogRaw {
		attrs = append(attrs, slog.String("raw", record.Excerpt(it.Content(), rawBytes)))
	}
	return attrs
}

func levelOf(o record.Outcome) slog.Level {
	switch {
	case o.Refused():
		return slog.LevelError
	case o == record.Duplicate:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
