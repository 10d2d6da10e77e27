package fold

import (
	"errors"
	"testing"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

// A process that was taken for dead, and was not, stops as soon as another one goes on.
func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	notes := newNotebook(env.Mongo(t).Database(t).Collection("new"))
	if s, err := notes.read(t.Context()); s != nil || err != nil {
		t.Fatalf("%v, %v", s, err)
	}
	first := &State{ID: stateID, Run: "run", Counts: Counts{Read: 1, Outcomes: map[string]int64{"ingested": 1}}, Partitions: []Partition{{Key: "k", Through: "1-0"}}}
	must(t, notes.create(t.Context(), first))
	must(t, notes.take(t.Context(), first))
	must(t, notes.save(t.Context(), first))
	second, err := notes.read(t.Context())
	must(t, err)
	must(t, notes.take(t.Context(), second))
	first.Counts.Read = 7
	if err := notes.save(t.Context(), first); !errors.Is(err, ErrTaken) {
		t.Errorf("%v, want %v", err, ErrTaken)
	}
	must(t, notes.save(t.Context(), second))
	last, err := notes.read(t.Context())
	must(t, err)
	if last.Counts.Read != 1 || last.Counts.Outcomes["ingested"] != 1 || last.Partitions[0].Through != "1-0" {
		t.Errorf("%+v", last)
	}
}
