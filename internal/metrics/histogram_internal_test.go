package metrics

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestABatchHistogramEqualsTheLibrarys(t *testing.T) {
	for _, c := range []struct {
		name   string
		bounds []float64
		unit   float64
	}{{"seconds", latencyBounds, 1000}, {"bytes", sizeBounds, 1}} {
		t.Run(c.name, func(t *testing.T) {
			ours := newBatchHistogram("h", "help", c.bounds, c.unit)
			library := prometheus.NewHistogram(prometheus.HistogramOpts{
				Namespace: namespace, Name: "h", Help: "help", Buckets: c.bounds, NativeHistogramBucketFactor: nativeFactor,
			})
			check := func() {
				t.Helper()
				a, b := write(t, ours.snapshot()), write(t, library)
				if diff := cmp.Diff(b, a, protocmp.Transform(), protocmp.IgnoreFields(&dto.Histogram{}, "created_timestamp", "sample_sum")); diff != "" {
					t.Fatalf("-library +ours:\n%s", diff)
				}
				if got, want := a.Histogram.GetSampleSum(), b.Histogram.GetSampleSum(); got < want*0.999999 || got > want*1.000001 {
					t.Fatalf("sum %v, want %v", got, want)
				}
			}
			check()
			random := rand.New(rand.NewPCG(1, 2))
			for range 200 {
				h := ours.begin()
				for range 50 {
					value := random.Int64N(1 << random.IntN(45))
					for range 1 + random.IntN(3) {
						h.add(value)
						library.Observe(float64(value) / c.unit)
					}
				}
				h.end()
			}
			for _, bound := range c.bounds {
				h := ours.begin()
				h.add(int64(bound * c.unit))
				h.end()
				library.Observe(float64(int64(bound*c.unit)) / c.unit)
			}
			check()
		})
	}
}

func write(t *testing.T, m prometheus.Metric) *dto.Metric {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func BenchmarkBatchHistogram(b *testing.B) {
	h := newBatchHistogram("h", "help", sizeBounds, 1)
	for i := 0; b.Loop(); i++ {
		if i%500 == 0 {
			h.begin()
		}
		h.add(int64(130 + i%37))
		if i%500 == 499 {
			h.end()
		}
	}
}
