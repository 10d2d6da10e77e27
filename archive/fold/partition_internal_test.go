package fold

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"ingestion/archive"
)

// all returns the IDs that next returns, and repeats it after an error.
func all(t testing.TB, p *partition) (ids []string) {
	t.Helper()
	for {
		e, ok, err := p.next(t.Context())
		if err != nil && !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		if err == nil && !ok {
			return ids
		}
		if ok {
			ids = append(ids, e.ID)
		}
	}
}

func wantAll(t *testing.T, s *source, got []string) {
	t.Helper()
	var want []string
	for _, e := range s.entries {
		want = append(want, e.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d entries %v\nwant %d %v", len(got), got, len(want), want)
	}
}

func TestArchiveAndStreamHaveNoSeam(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ archived, trimmed int }{{0, 0}, {100, 0}, {60, 40}, {60, 60}, {100, 100}, {1, 1}} {
		s := newSource(t, memory(t), "k", 100)
		for s.archived < c.archived {
			s.archive(min(25, c.archived-s.archived))
		}
		s.trimmed = c.trimmed
		wantAll(t, s, all(t, s.partition(t)))
	}
}

// Entries are archived and trimmed at random moments while they are read, and reading fails
// now and then: each comes once, in order.
func TestEntriesThatAreTrimmedMeanwhileComeFromTheArchive(t *testing.T) {
	t.Parallel()
	moved := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s := newSource(t, memory(t), "k", 120)
		s.meanwhile = func() error {
			if rng.IntN(2) == 0 {
				s.archive(rng.IntN(30))
			}
			if rng.IntN(2) == 0 {
				s.trimmed += rng.IntN(s.archived - s.trimmed + 1)
			}
			return flaky(rng)
		}
		p := s.partition(t)
		got := all(t, p)
		wantAll(t, s, got)
		if s.trimmed > 0 {
			moved++
		}
	}
	if moved < 100 {
		t.Errorf("only %d of 200 runs had entries trimmed: nothing was tested", moved)
	}
}

func TestWhatIsGoneIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*source)
		want    TrimmedError
	}{
		"no archive":           {func(s *source) { s.log = nil }, TrimmedError{Key: "k", After: id(6), Through: id(49)}},
		"an empty archive":     {func(*source) {}, TrimmedError{Key: "k", After: id(6), Through: id(49)}},
		"an archive that ends": {func(s *source) { s.archive(30) }, TrimmedError{Key: "k", After: id(29), Through: id(49)}},
	} {
		s := newSource(t, memory(t), "k", 100)
		c.prepare(s)
		p := s.partition(t)
		p.log = s.log
		for range 7 { // a page
			_, ok, err := p.next(t.Context())
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		s.trimmed = 50
		err := error(nil)
		for ok := true; ok && err == nil; {
			_, ok, err = p.next(t.Context())
		}
		var trimmed *TrimmedError
		if !errors.As(err, &trimmed) || *trimmed != c.want {
			t.Errorf("%s: %v, want %v", name, err, &c.want)
		}
	}
}

func TestPartitionsAreMergedByID(t *testing.T) {
	t.Parallel()
	bucket, rng := memory(t), rand.New(rand.NewPCG(1, 1))
	var parts []*partition
	for _, key := range []string{"a", "b", "c"} {
		s := newSource(t, bucket, key, 50)
		s.archive(20)
		s.trimmed = rng.IntN(20)
		s.meanwhile = func() error { return flaky(rng) }
		parts = append(parts, s.partition(t))
	}
	m := newMerger(parts)
	n, before := 0, entry{Entry: archive.Entry{ID: beginning}}
	for {
		e, ok, err := m.next(t.Context())
		if errors.Is(err, errBroken) {
			continue
		}
		must(t, err)
		if !ok {
			break
		}
		if order := archive.CompareIDs(before.ID, e.ID); order > 0 || order == 0 && before.partition >= e.partition {
			t.Errorf("%s of %d after %s of %d", e.ID, e.partition, before.ID, before.partition)
		}
		n, before = n+1, e
	}
	if n != 150 {
		t.Errorf("%d entries, want 150", n)
	}
}
