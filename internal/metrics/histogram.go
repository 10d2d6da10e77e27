package metrics

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// batchHistogram is a classic and native histogram of whole numbers, to which the
// values of a batch are added under one lock. The histogram of the client library
// takes 70 ns per value, which with two values per record is more than 2% of what a
// worker needs.
type batchHistogram struct {
	desc    *prometheus.Desc
	bounds  []float64
	unit    float64 // a value is divided by it, into seconds or bytes
	created time.Time

	mu     sync.Mutex
	counts []uint64 // of the classic buckets, not cumulative; the last one has no bound
	native [nativeBuckets]int64
	zeros  uint64
	count  uint64
	sum    int64

	last struct { // the value added last, of which there are often several
		value           int64
		classic, native int
	}
}

// Native buckets: 8 for each power of two, as prometheus makes them for nativeFactor.
// Key 0 ends at 1. Whole numbers of at least 1, divided by 1000 or 1, fit between the
// first and the last key.
const (
	schema        = 3
	perOctave     = 1 << schema
	firstKey      = -10 * perOctave
	lastKey       = 63 * perOctave
	nativeBuckets = lastKey - firstKey + 1
)

// fractions are the lower bounds of the native buckets from 1/2 to 1.
var fractions = func() (f [perOctave]float64) {
	for i := range f {
		f[i] = math.Exp2(float64(i)/perOctave - 1)
	}
	return f
}()

func newBatchHistogram(name, help string, bounds []float64, unit float64) *batchHistogram {
	return &batchHistogram{
		desc:   prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, nil, nil),
		bounds: bounds, unit: unit, created: time.Now(), counts: make([]uint64, len(bounds)+1),
	}
}

// begin locks the histogram until end is called.
func (h *batchHistogram) begin() *batchHistogram {
	h.mu.Lock()
	return h
}

func (h *batchHistogram) end() { h.mu.Unlock() }

// add counts a value, which is not negative.
func (h *batchHistogram) add(value int64) {
	h.count++
	h.sum += value
	if value == 0 {
		h.zeros++
		h.counts[0]++
		return
	}
	if value != h.last.value {
		v := float64(value) / h.unit
		h.last.value, h.last.classic, h.last.native = value, h.classicBucket(v), nativeKey(v)-firstKey
	}
	h.counts[h.last.classic]++
	h.native[h.last.native]++
}

// classicBucket returns the index of the first bound that is not less than v.
func (h *batchHistogram) classicBucket(v float64) int {
	for i, bound := range h.bounds {
		if v <= bound {
			return i
		}
	}
	return len(h.bounds)
}

// nativeKey returns the bucket of v as the client library numbers them: the one with
// key k ends at, and includes, 2^(k/8).
func nativeKey(v float64) int {
	fraction, exponent := math.Frexp(v)
	i := 0
	for i < perOctave && fractions[i] < fraction {
		i++
	}
	return i + (exponent-1)*perOctave
}

// Describe implements prometheus.Collector.
func (h *batchHistogram) Describe(ch chan<- *prometheus.Desc) { ch <- h.desc }

// Collect implements prometheus.Collector.
func (h *batchHistogram) Collect(ch chan<- prometheus.Metric) { ch <- h.snapshot() }

func (h *batchHistogram) snapshot() prometheus.Metric {
	h.mu.Lock()
	defer h.mu.Unlock()
	buckets := map[int]int64{}
	for i, n := range h.native {
		if n > 0 {
			buckets[i+firstKey] = n
		}
	}
	native, err := prometheus.NewConstNativeHistogram(h.desc, h.count, float64(h.sum)/h.unit, buckets, nil, h.zeros, schema,
		prometheus.DefNativeHistogramZeroThreshold, h.created)
	if err != nil {
		return prometheus.NewInvalidMetric(h.desc, err)
	}
	return bothHistograms{native, h.bounds, slices.Clone(h.counts)}
}

// bothHistograms adds classic buckets to a native histogram.
type bothHistograms struct {
	prometheus.Metric
	bounds []float64
	counts []uint64
}

// Write implements prometheus.Metric.
func (h bothHistograms) Write(out *dto.Metric) error {
	if err := h.Metric.Write(out); err != nil {
		return err
	}
	var total uint64
	for i, bound := range h.bounds {
		total += h.counts[i]
		out.Histogram.Bucket = append(out.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: new(total)})
	}
	return nil
}
