package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"ingestion/internal/plural"
	"ingestion/producer"
	"ingestion/producer/file"
)

// logWaits returns a function that logs why the publisher waits. It logs the same
// reason at most once a minute.
func logWaits(log *slog.Logger) func(error, time.Duration) {
	last := ""
	var since time.Time
	return func(reason error, pause time.Duration) {
		text := waitReason(reason)
		if text == last && time.Since(since) < time.Minute {
			return
		}
		last, since = text, time.Now()
		log.Warn("retrying", "status", "error", "server", "Redis", "reason", last, "pause", fmt.Sprint(pause.Round(time.Millisecond)))
	}
}

// queuedRecord logs a queued record without its body.
func queuedRecord(log *slog.Logger, made producer.Generated, receipt producer.Receipt) {
	fields := []any{"status", "success"}
	if made.CustomerID != "" {
		fields = append(fields, "customerId", made.CustomerID)
	}
	if receipt.StreamID != "" {
		fields = append(fields, "stream", receipt.Key, "streamId", receipt.StreamID)
	}
	log.Info("queued", fields...)
}

// queuedBatch logs a queued batch of a file.
func queuedBatch(log *slog.Logger, p producer.Progress) {
	log.Info("queued", "status", "success", "count", p.Records, "firstLine", p.First, "lastLine", p.Last)
}

// rejectedRow logs a row of a file that is not sent.
func rejectedRow(log *slog.Logger, line file.Line, reason error) {
	log.Warn("warning", "status", "error", "reason", fmt.Sprintf("line %d is rejected: %s", line.Number, reasonAlone(reason)), "line", line.Number)
}

// totals is the summary printed at the end of a run.
type totals struct {
	sent    int
	elapsed time.Duration
	notes   []string // for example "3 skipped"
}

// note adds a count unless it is zero.
func (t *totals) note(n int, what string) {
	if n > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d %s", n, what))
	}
}

func (t totals) print(w io.Writer) {
	fmt.Fprintf(w, "producer: %s sent in %v", plural.Of(t.sent, "record", "records"), shown(t.elapsed))
	if seconds := t.elapsed.Seconds(); seconds > 0 && t.sent > 0 {
		fmt.Fprintf(w, ", %.0f/s", float64(t.sent)/seconds)
	}
	for _, note := range t.notes {
		fmt.Fprintf(w, ", %s", note)
	}
	fmt.Fprintln(w)
}
