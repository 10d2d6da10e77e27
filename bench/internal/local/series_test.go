package local

import (
	"testing"
	"time"
)

func TestLongSeriesKeepsPeaks(t *testing.T) {
	const samples, peakAt = 5000, 321
	s := newSeries(time.Second)
	for i := range samples {
		if i == peakAt {
			s.add(1000)
			continue
		}
		s.add(int64(i % 10))
	}
	if n := len(s.Values); n > maxPoints || n < maxPoints/2 {
		t.Fatalf("%d points of %d samples", n, samples)
	}
	if covered := time.Duration(len(s.Values)) * s.Step; covered < samples*time.Second || covered >= samples*time.Second+s.Step {
		t.Errorf("%d steps of %v for %d s", len(s.Values), s.Step, samples)
	}
	for i, v := range s.Values {
		if begin := time.Duration(i) * s.Step; (v == 1000) != (begin <= peakAt*time.Second && peakAt*time.Second < begin+s.Step) {
			t.Errorf("%d in the step that begins at %v", v, begin)
		}
	}
}
