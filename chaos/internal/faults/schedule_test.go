package faults_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/chaos/internal/faults"
)

func TestTheSameSeedDrawsTheSameFaults(t *testing.T) {
	const over = time.Minute
	first := faults.Draw(5, 200, over, 3, faults.Kinds())
	if diff := cmp.Diff(first, faults.Draw(5, 200, over, 3, faults.Kinds())); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(first, faults.Draw(6, 200, over, 3, faults.Kinds())) {
		t.Error("another seed draws the same faults")
	}
	counts := map[faults.Kind]int{}
	for i, f := range first {
		counts[f.Kind]++
		if f.At < 0 || f.At > over || i > 0 && f.At < first[i-1].At {
			t.Errorf("fault %d strikes at %v", i, f.At)
		}
	}
	for _, kind := range faults.Kinds() {
		if counts[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
}
