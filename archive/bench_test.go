package archive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"ingestion/archive"
)

// endless is a source with a number of entries that are made as they are read, in the
// memory of one page.
type endless struct {
	left int
	next int
	page []archive.Entry
	done context.CancelFunc
}

const benchPage = 10_000

// newEndless returns a source of entries with bodies of about 200 bytes.
func newEndless(n int, done context.CancelFunc) *endless {
	s := &endless{left: n, done: done}
	random := rand.New(rand.NewPCG(1, 2))
	for range benchPage {
		body := fmt.Sprintf(`{"customerId":"%d","name":"%x %x","email":"%x@example.org","createdAt":"2026-11-23T10:%02d:%02dZ","note":"%x"}`,
			random.IntN(10_000), random.Uint64(), random.Uint64(), random.Uint64(), random.IntN(60), random.IntN(60), random.Uint64())
		s.page = append(s.page, archive.Entry{Fields: []string{"data", fmt.Sprintf("%-200s", body)}})
	}
	return s
}

func (s *endless) Lease(context.Context) (bool, error) { return true, nil }
func (s *endless) Release(context.Context) error       { return nil }
func (s *endless) Position(context.Context) (archive.Position, error) {
	return archive.Position{Group: "0-0", Last: "9999999999999-0"}, nil
}

func (s *endless) Read(context.Context, string, int) (archive.Page, error) {
	n := min(s.left, benchPage)
	if n == 0 {
		s.done()
		return archive.Page{End: true}, nil
	}
	for i := range n {
		s.next++
		s.page[i].ID = strconv.Itoa(1_795_477_478_000+s.next/10) + "-" + strconv.Itoa(s.next%10)
	}
	s.left -= n
	return archive.Page{Entries: s.page[:n]}, nil
}

func (s *endless) Commit(context.Context, string) error { return nil }

// BenchmarkArchiver archives entries of 200 bytes into a directory.
func BenchmarkArchiver(b *testing.B) {
	bucket := openFolder(b, b.TempDir())
	defer bucket.Close()
	ctx, done := context.WithCancel(b.Context())
	defer done()
	source := newEndless(b.N, done)
	archiver := archive.New(source, archive.Open(bucket, stream), archive.Options{SegmentAge: time.Hour, Poll: time.Microsecond})
	b.ReportAllocs()
	b.ResetTimer()
	if err := archiver.Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEntries reads them back.
func BenchmarkEntries(b *testing.B) {
	bucket := openFolder(b, b.TempDir())
	defer bucket.Close()
	ctx, done := context.WithCancel(b.Context())
	log := archive.Open(bucket, stream)
	if err := archive.New(newEndless(b.N, done), log, archive.Options{SegmentAge: time.Hour, Poll: time.Microsecond}).Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for _, err := range log.Entries(b.Context(), "", "") {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Errorf("%d of %d entries", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op")
}

// TestArchivingTakesBoundedMemory: many segments allocate little more than the first one.
func TestArchivingTakesBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	bucket := openFolder(t, t.TempDir())
	defer bucket.Close()
	const entries = 500_000
	ctx, done := context.WithCancel(t.Context())
	source := newEndless(entries, done)
	archiver := archive.New(source, archive.Open(bucket, stream), archive.Options{SegmentAge: time.Hour, SegmentBytes: 8 << 20, Poll: time.Microsecond})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := archiver.Run(ctx); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// Two of them are those of the IDs that the source makes.
	perEntry := float64(after.Mallocs-before.Mallocs) / entries
	total := (after.TotalAlloc - before.TotalAlloc) >> 20
	t.Logf("%.2f allocations per entry, %d MiB in all for %d MiB of entries", perEntry, total, entries*280>>20)
	if perEntry > 2.5 || total > 64 {
		t.Errorf("%.2f allocations per entry, %d MiB in all", perEntry, total)
	}
}
