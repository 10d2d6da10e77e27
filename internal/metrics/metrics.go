// Package metrics counts what one worker does, for Prometheus. All names begin with
// ingestion_, and every series exists from the start.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"ingestion/consumer"
)

const namespace = "ingestion"

// Build describes the program.
type Build struct{ Version, Revision, GoVersion string }

// Options configures Metrics.
type Options struct {
	Build Build
	Slots int            // batches that are processed at the same time at most
	Gate  *consumer.Gate // of the consumer
}

// Metrics is a registry with the metrics of a worker. It is an Observer of the
// consumer, and is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	pipeline
	retries retries
	claimed prometheus.Counter
}

// New returns metrics in a registry of their own.
func New(opts Options) *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := factory{r}
	f.build("build_info", opts.Build)
	f.blocked(opts.Gate)
	f.gauge("slots", "Batches that the worker processes at the same time at most (WORKER_CONCURRENCY).").Set(float64(opts.Slots))
	return &Metrics{
		registry: r,
		pipeline: newPipeline(f),
		retries:  newRetries(f),
		claimed:  f.counter("claimed_entries_total", "Entries that were claimed because the lease of their worker had expired."),
	}
}

// Claimed counts entries that were claimed from other consumers.
func (m *Metrics) Claimed(entries int) { m.claimed.Add(float64(entries)) }

// Gather returns the current values of all metrics.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) { return m.registry.Gather() }

// Handler serves the metrics, also in OpenMetrics and, for native histograms, in
// protobuf.
func (m *Metrics) Handler(log *slog.Logger) http.Handler { return handler(m.registry, log) }

func handler(r *prometheus.Registry, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog:            errorLog{log},
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
		EnableOpenMetrics:   true,
	})
}

// errorLog is the log of the handler.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) {
	for _, part := range v {
		if err, ok := part.(error); ok {
			l.log.Warn("warning", "reason", "/metrics: "+err.Error())
		}
	}
}

// factory registers what it makes.
type factory struct{ registry prometheus.Registerer }

func (f factory) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	f.registry.MustRegister(c)
	return c
}

func (f factory) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	f.registry.MustRegister(c)
	return c
}

func (f factory) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	f.registry.MustRegister(g)
	return g
}

// nativeFactor is the ratio of the bounds of neighbouring native buckets.
const nativeFactor = 1.1

func histogramOpts(name, help string, bounds []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: bounds,
		NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: 200,
	}
}

func (f factory) histogram(name, help string, bounds []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(histogramOpts(name, help, bounds))
	f.registry.MustRegister(h)
	return h
}

func (f factory) histograms(name, help, label string, bounds []float64) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(histogramOpts(name, help, bounds), []string{label})
	f.registry.MustRegister(h)
	return h
}

func (f factory) build(name string, b Build) {
	f.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: name, Help: "Always 1; the labels describe the program.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion},
	}, func() float64 { return 1 }))
}

// blocked registers one gauge for each kind of cause that can shut the gate.
func (f factory) blocked(gate *consumer.Gate) {
	for _, kind := range consumer.CauseKinds() {
		f.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "reading_blocked", Help: "1 while the worker does not read from the queue for this reason.",
			ConstLabels: prometheus.Labels{"reason": string(kind)},
		}, func() float64 {
			for _, cause := range gate.Causes() {
				if cause.Kind == kind {
					return 1
				}
			}
			return 0
		}))
	}
}
