package local

import "time"

// maxPoints bounds the length of a series.
const maxPoints = 200

// Series is a quantity over time. Each value is the maximum of its step.
type Series struct {
	Step   time.Duration
	Values []int64

	look  time.Duration // between two samples
	taken int           // samples of the last value
}

func newSeries(look time.Duration) Series { return Series{Step: look, look: look} }

// add adds a sample. When the series is full, the step doubles.
func (s *Series) add(sample int64) {
	if perStep := int(s.Step / s.look); s.taken > 0 && s.taken < perStep {
		last := len(s.Values) - 1
		s.Values[last] = max(s.Values[last], sample)
		s.taken++
		return
	}
	if len(s.Values) == maxPoints {
		s.halve()
	}
	s.Values = append(s.Values, sample)
	s.taken = 1
}

func (s *Series) halve() {
	for i := range len(s.Values) / 2 {
		s.Values[i] = max(s.Values[2*i], s.Values[2*i+1])
	}
	s.Values = s.Values[:len(s.Values)/2]
	s.Step *= 2
}
