package main

import (
	"fmt"
	"log/slog"
	"time"

	"ingestion/producer"
)

// waits logs why the publisher waits, once for each reason in a row.
func waits(log *slog.Logger) func(error, time.Duration) {
	last := ""
	var since time.Time
	return func(reason error, pause time.Duration) {
		if reason.Error() == last && time.Since(since) < time.Minute {
			return
		}
		last, since = reason.Error(), time.Now()
		log.Warn("retrying", "status", "error", "server", "Redis", "reason", last, "pause", fmt.Sprint(pause.Round(time.Millisecond)))
	}
}

// queuedRecord logs one record that is on the queue. Its body is not shown.
func queuedRecord(log *slog.Logger, made producer.Generated, receipt producer.Receipt) {
	fields := []any{"status", "success"}
	if made.CustomerID != "" {
		fields = append(fields, "customerId", made.CustomerID)
	}
	if receipt.StreamID != "" {
		fields = append(fields, "streamId", receipt.StreamID)
	}
	log.Info("queued", fields...)
}

// queuedBatch logs a batch of a file that is on the queue.
func queuedBatch(log *slog.Logger, p producer.Progress) {
	log.Info("queued", "status", "success", "count", p.Records, "firstLine", p.First, "lastLine", p.Last)
}

// skipped logs a record of a file that is not sent.
func skipped(log *slog.Logger, line int, reason error) {
	log.Warn("warning", "status", "error", "reason", fmt.Sprintf("line %d is skipped: %v", line, reason), "line", line)
}
