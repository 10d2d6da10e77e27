package consumer

import (
	"context"
	"log/slog"
	"time"

	"ingestion/record"
)

// excerptBytes is how much of a body that can't be decoded the log shows.
const excerptBytes = 256

// lineLog is a log handler that takes many events of one moment at once, for a
// fraction of the price.
type lineLog interface {
	Lines(at time.Time, fill func(add func(level slog.Level, event string, attrs []slog.Attr))) error
}

// logOutcomes writes a line for each entry that has an outcome: what became of
// the delivery. A line that can't be written is what Flush tells of.
func (c *Consumer) logOutcomes(entries []*entry) {
	log, now := c.opts.Log.Handler(), time.Now()
	if lines, ok := log.(lineLog); ok {
		_ = lines.Lines(now, func(add func(slog.Level, string, []slog.Attr)) { c.eachLine(log, entries, add) })
		return
	}
	c.eachLine(log, entries, func(level slog.Level, event string, attrs []slog.Attr) {
		r := slog.NewRecord(now, level, event, 0)
		r.AddAttrs(attrs...)
		_ = log.Handle(context.Background(), r)
	})
}

// eachLine calls add for each entry whose outcome log is to show.
func (c *Consumer) eachLine(log slog.Handler, entries []*entry, add func(slog.Level, string, []slog.Attr)) {
	attrs := make([]slog.Attr, 0, 7)
	for _, e := range entries {
		if severity := level(e.outcome); !e.open() && log.Enabled(context.Background(), severity) {
			attrs = c.appendAttrs(attrs[:0], e)
			add(severity, e.outcome.String(), attrs)
		}
	}
}

func (c *Consumer) appendAttrs(attrs []slog.Attr, e *entry) []slog.Attr {
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("status", string(e.outcome.Status()))
	text("customerId", e.customerID)
	text("_id", e.record.ID)
	text("streamId", e.ID)
	text("reason", e.reason)
	if e.outcome == record.Duplicate && e.conflict {
		attrs = append(attrs, slog.Bool("conflict", true))
	}
	if e.outcome == record.Malformed && c.opts.LogRaw {
		attrs = append(attrs, slog.String("raw", record.Excerpt(e.Content(), excerptBytes)))
	}
	return attrs
}

func level(o record.Outcome) slog.Level {
	switch {
	case o.Refused():
		return slog.LevelError
	case o == record.Duplicate:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
