package logging_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"ingestion/internal/logging"
)

// BenchmarkJSONLine encodes the line of an ingested record through Lines and
// through a slog.Logger.
func BenchmarkJSONLine(b *testing.B) {
	log := logging.New(io.Discard, "json", slog.LevelInfo, false)
	b.Run("Lines", func(b *testing.B) {
		b.ReportAllocs()
		_ = writeLines(log.Handler(), time.Now(), func(add addLine) {
			for b.Loop() {
				ingested(add)
			}
		})
	})
	b.Run("Logger", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			log.LogAttrs(b.Context(), slog.LevelInfo, "ingested", attrs...)
		}
	})
}
