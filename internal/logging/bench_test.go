package logging_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"ingestion/internal/logging"
)

// BenchmarkJSONLine encodes the line of a good record, as one of many and as a
// record of its own.
func BenchmarkJSONLine(b *testing.B) {
	log := logging.New(io.Discard, "json", slog.LevelInfo, false)
	b.Run("one of many", func(b *testing.B) {
		b.ReportAllocs()
		_ = writeLines(log.Handler(), time.Now(), func(add addLine) {
			for b.Loop() {
				ingested(add)
			}
		})
	})
	b.Run("of its own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			log.LogAttrs(b.Context(), slog.LevelInfo, "ingested", good...)
		}
	})
}
