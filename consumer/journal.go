package consumer

import (
	"context"
	"log/slog"

	"ingestion/record"
)

// excerptBytes is how much of a body that can't be decoded the log shows.
const excerptBytes = 256

// logOutcome writes the one line that says what became of a delivery.
func (c *Consumer) logOutcome(e *entry) {
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, slog.String("status", string(e.outcome.Status())))
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
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
	c.opts.Log.LogAttrs(context.Background(), level(e.outcome), e.outcome.String(), attrs...)
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
