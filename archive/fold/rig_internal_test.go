package fold

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"ingestion/archive"
)

// source is a stream whose entries are archived and trimmed while it is read.
type source struct {
	t       testing.TB
	entries []archive.Entry
	log     *archive.Log
	tail    archive.Manifest

	archived  int // entries in the archive, from the first one
	trimmed   int // entries that are gone from the stream
	page      int // entries that Read returns at most
	meanwhile func() error
}

func newSource(t testing.TB, bucket *blob.Bucket, key string, n int) *source {
	s := &source{t: t, log: archive.Open(bucket, key), page: 7}
	for i := range n {
		s.entries = append(s.entries, archive.Entry{ID: id(i), Fields: []string{"data", fmt.Sprint(key, i)}})
	}
	return s
}

// id is that of entry i: several entries share a ms.
func id(i int) string { return fmt.Sprintf("%d-%d", 1000+i/3, i%3) }

func memory(t testing.TB) *blob.Bucket {
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// archive puts the next entries into a segment.
func (s *source) archive(n int) {
	s.t.Helper()
	n = min(n, len(s.entries)-s.archived)
	if n == 0 {
		return
	}
	segment := archive.NewSegment()
	for i := range n {
		must(s.t, segment.Add(&s.entries[s.archived+i]))
	}
	note := archive.Note{Archiver: "a"}
	if s.archived == 0 {
		note.After = preceding(s.entries[0].ID)
	}
	var err error
	s.tail, err = s.log.Append(s.t.Context(), s.tail, segment, note)
	must(s.t, err)
	s.archived += n
}

// Read implements Stream.
func (s *source) Read(_ context.Context, after, through string) (page []archive.Entry, trimmed string, err error) {
	if s.meanwhile != nil {
		if err := s.meanwhile(); err != nil {
			return nil, "", err
		}
	}
	trimmed = beginning
	if s.trimmed > 0 {
		trimmed = s.entries[s.trimmed-1].ID
	}
	for _, e := range s.entries[s.trimmed:] {
		if archive.CompareIDs(e.ID, after) > 0 && archive.CompareIDs(e.ID, through) <= 0 && len(page) < s.page {
			page = append(page, e)
		}
	}
	return page, trimmed, nil
}

// partition reads all that the source has.
func (s *source) partition(t testing.TB) *partition {
	return &partition{key: "k", log: s.log, stream: s, at: preceding(s.entries[0].ID), end: s.entries[len(s.entries)-1].ID, reading: t.Context()}
}

var errBroken = errors.New("broken")

// flaky fails now and then.
func flaky(rng *rand.Rand) error {
	if rng.IntN(5) == 0 {
		return errBroken
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
