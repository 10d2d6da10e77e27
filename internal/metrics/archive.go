package metrics

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// segmentBounds are the buckets of the time that storing a segment takes, in seconds.
var segmentBounds = []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300}

// Archive is a registry with the metrics of an archiver. It is safe for concurrent use.
type Archive struct {
	registry *prometheus.Registry

	leases            prometheus.Gauge
	read, readBytes   prometheus.Counter
	entries, segments prometheus.Counter
	bytes, notes      prometheus.Counter
	took              prometheus.Histogram
	last              prometheus.Gauge
	failures          *prometheus.CounterVec
}

// NewArchive returns metrics in a registry of their own.
func NewArchive(build Build) *Archive {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := factory{r}
	f.build("archive_build_info", build) // of another name, by which alerts tell archivers from workers
	m := &Archive{
		registry:  r,
		leases:    f.gauge("archive_leases", "Partitions that this archiver archives; others are another archiver's."),
		read:      f.counter("archive_read_entries_total", "Entries read from the stream."),
		readBytes: f.counter("archive_read_bytes_total", "Bytes of the entries read, as they are written, before compression."),
		entries:   f.counter("archive_entries_total", "Entries archived: their segment is durable, and in the chain."),
		segments:  f.counter("archive_segments_total", "Segments archived."),
		bytes:     f.counter("archive_bytes_total", "Bytes of the segments archived, compressed."),
		notes:     f.counter("archive_notes_total", "Notes of outcomes archived, which a rebuild follows."),
		took:      f.histogram("archive_segment_duration_seconds", "How long writing a segment and its manifest entry took.", segmentBounds),
		last:      f.gauge("archive_last_segment_timestamp_seconds", "When the last segment was archived; 0 if none was."),
		failures:  f.counters("archive_failures_total", "Attempts that failed and are repeated.", "server"),
	}
	for _, server := range []string{"redis", "bucket"} {
		m.failures.WithLabelValues(server)
	}
	return m
}

// Handler serves the metrics.
func (m *Archive) Handler(log *slog.Logger) http.Handler { return handler(m.registry, log) }

// Leased counts a lease that was taken or lost.
func (m *Archive) Leased(held bool) {
	if held {
		m.leases.Inc()
	} else {
		m.leases.Dec()
	}
}

// Read counts what was read.
func (m *Archive) Read(entries int, bytes int64) {
	m.read.Add(float64(entries))
	m.readBytes.Add(float64(bytes))
}

// Archived counts a segment.
func (m *Archive) Archived(entries, bytes int64, took time.Duration) {
	m.entries.Add(float64(entries))
	m.segments.Inc()
	m.bytes.Add(float64(bytes))
	m.took.Observe(took.Seconds())
	m.last.SetToCurrentTime()
}

// Noted counts archived notes of outcomes.
func (m *Archive) Noted(notes int64) { m.notes.Add(float64(notes)) }

// Failed counts a failure of a server: "Redis" or "bucket".
func (m *Archive) Failed(server string) { m.failures.WithLabelValues(strings.ToLower(server)).Inc() }
