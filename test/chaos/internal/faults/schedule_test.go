package faults_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/test/chaos/internal/faults"
)

func TestDrawIsDeterministic(t *testing.T) {
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
			t.Errorf("fault %d is injected at %v", i, f.At)
		}
	}
	for _, kind := range faults.Kinds() {
		if counts[kind] == 0 {
			t.Errorf("no fault of the kind %s", kind)
		}
	}
}

func TestChoose(t *testing.T) {
	only, err := faults.Choose("group-back,mongo-partial", "group-back")
	if err != nil || !cmp.Equal(only, []faults.Kind{faults.MongoPartial}) {
		t.Errorf("Choose = %v, %v", only, err)
	}
	for _, f := range faults.Draw(5, 20, time.Minute, 3, only) {
		if f.Kind != faults.MongoPartial {
			t.Errorf("%s was not chosen", f.Kind)
		}
	}
	without, err := faults.Choose("", "trimmed")
	if err != nil || len(without) != len(faults.Kinds())-1 {
		t.Errorf("%d of %d kinds, %v", len(without), len(faults.Kinds()), err)
	}
	if _, err := faults.Choose("no-such", ""); err == nil {
		t.Error("Choose accepts an unknown kind")
	}
	if _, err := faults.Choose("trimmed", "trimmed"); err == nil {
		t.Error("Choose accepts an empty selection")
	}
}
