package consumer

import (
	"context"
	"log/slog"
	"time"

	"ingestion/record"
)

// rawBytes is how much of a malformed body is logged.
const rawBytes = 256

// batchHandler is a log handler that writes many events of the same time at once, for a
// fraction of the cost.
type batchHandler interface {
	// Lines calls fill, which calls add for each event. add keeps none of its arguments.
	Lines(at time.Time, fill func(add func(level slog.Level, event string, attrs []slog.Attr))) error
}

// logOutcomes writes one line for each decided item. Flush reports lines that could not
// be written.
func (c *Consumer) logOutcomes(items []*item) {
	handler, now := c.opts.Log.Handler(), time.Now()
	if h, ok := handler.(batchHandler); ok {
		_ = h.Lines(now, func(add func(slog.Level, string, []slog.Attr)) { c.eachOutcome(handler, items, add) })
		return
	}
	c.eachOutcome(handler, items, func(level slog.Level, event string, attrs []slog.Attr) {
		r := slog.NewRecord(now, level, event, 0)
		r.AddAttrs(attrs...)
		_ = handler.Handle(context.Background(), r)
	})
}

// eachOutcome calls add for each decided item whose level the handler has enabled.
func (c *Consumer) eachOutcome(handler slog.Handler, items []*item, add func(slog.Level, string, []slog.Attr)) {
	attrs := make([]slog.Attr, 0, 7)
	for _, it := range items {
		if level := levelOf(it.outcome); it.decided() && handler.Enabled(context.Background(), level) {
			attrs = c.appendAttrs(attrs[:0], it)
			add(level, it.outcome.String(), attrs)
		}
	}
}

func (c *Consumer) appendAttrs(attrs []slog.Attr, it *item) []slog.Attr {
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("status", string(it.outcome.Status()))
	text("customerId", it.customerID)
	text("_id", it.record.ID)
	text("streamId", it.ID)
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
