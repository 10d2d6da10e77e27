package archive_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	"pgregory.net/rapid"

	"ingestion/archive"
)

// buckets are those that need no server.
func buckets(t *testing.T) map[string]func() *blob.Bucket {
	return map[string]func() *blob.Bucket{
		"memory": func() *blob.Bucket { return memblob.OpenBucket(nil) },
		"file":   func() *blob.Bucket { return openFolder(t, t.TempDir()) },
	}
}

func openFolder(t testing.TB, path string) *blob.Bucket {
	t.Helper()
	bucket, err := openDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func openDirectory(path string) (*blob.Bucket, error) {
	return fileblob.OpenBucket(path, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
}

var errKilled = errors.New("killed")

// process is an archiver that may be killed at a call to the bucket or to Redis.
type process struct {
	*archive.Archiver
	calls atomic.Int64
	dead  atomic.Bool
	kill  func()
}

// start returns an archiver that is killed at its call of that number, counted before and
// after each; 0 is never.
func start(source *memoryStream, bucket *blob.Bucket, name string, segmentBytes int, killAt int64) *process {
	p := &process{}
	fault := func(string) error {
		if p.dead.Load() {
			return errKilled
		}
		if p.calls.Add(1) == killAt {
			p.dead.Store(true)
			p.kill()
			return errKilled
		}
		return nil
	}
	p.Archiver = archive.New(&view{source, name, fault}, archive.Open(faulty(bucket, fault), stream), archive.Options{
		Name: name, SegmentBytes: segmentBytes, SegmentAge: time.Second, RenewEvery: time.Second, Poll: 100 * time.Millisecond, Grace: time.Second,
	})
	return p
}

// run runs the archiver until it is killed, or until all is archived.
func (p *process) run(ctx context.Context, source *memoryStream) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.kill = cancel
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for group, last := source.state(); group != last && ctx.Err() == nil; group, last = source.state() {
		time.Sleep(time.Second)
	}
	cancel()
	return <-ended
}

// checkArchive compares the archive with what was added to the stream.
func checkArchive(bucket *blob.Bucket, want []archive.Entry) error {
	log := archive.Open(bucket, stream)
	n := 0
	for e, err := range log.Entries(context.Background(), "", "") {
		if err != nil {
			return err
		}
		if n >= len(want) || e.ID != want[n].ID || !slices.Equal(e.Fields, want[n].Fields) {
			return fmt.Errorf("entry %d of the archive is %s", n, e.ID)
		}
		n++
	}
	if n < len(want) {
		return fmt.Errorf("%d of %d entries are in the archive", n, len(want))
	}
	report, err := log.Verify(context.Background(), archive.VerifyOptions{})
	if err != nil {
		return err
	}
	if report.FaultCount > 0 || len(report.Notes) > 0 || report.Entries != int64(len(want)) {
		return fmt.Errorf("verify: %+v", report)
	}
	// An adopted segment may end where the stream did not.
	if report.Accounted != nil && *report.Accounted != int64(len(want)) {
		return fmt.Errorf("the archive accounts for %d of %d entries", *report.Accounted, len(want))
	}
	return nil
}

// TestNoCrashMakesAGapOrADouble kills archivers one after another, each at any call,
// before or after it took effect, while entries are added and trimmed.
func TestNoCrashMakesAGapOrADouble(t *testing.T) {
	for name, open := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				segmentBytes := rapid.SampledFrom([]int{1, 200, 1000, 1 << 20}).Draw(rt, "segmentBytes")
				adds := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 6).Draw(rt, "adds")
				kills := rapid.SliceOfN(rapid.Int64Range(1, 120), len(adds), len(adds)).Draw(rt, "kills")
				trims := rapid.SliceOfN(rapid.Bool(), len(adds), len(adds)).Draw(rt, "trims")
				bubble(t, rt, func(ctx context.Context) error {
					bucket, source := open(), newStream()
					defer bucket.Close()
					var want []archive.Entry
					for i, n := range adds {
						source.add(n)
						want = append(want, source.entries[len(source.entries)-n:]...)
						if err := start(source, bucket, "archiver", segmentBytes, kills[i]).run(ctx, source); err != nil {
							return err
						}
						if trims[i] {
							source.trim()
						}
					}
					source.add(1)
					want = append(want, source.entries[len(source.entries)-1])
					if err := start(source, bucket, "archiver", segmentBytes, 0).run(ctx, source); err != nil {
						return err
					}
					return checkArchive(bucket, want)
				})
			})
		})
	}
}

// bubble runs a scenario by a clock of its own.
func bubble(t *testing.T, rt *rapid.T, scenario func(context.Context) error) {
	var err error
	synctest.Test(t, func(t *testing.T) { err = scenario(t.Context()) })
	if err != nil {
		rt.Fatal(err)
	}
}

// TestTwoArchiversMakeNoGapAndNoDouble runs two at once, with no lease between them.
func TestTwoArchiversMakeNoGapAndNoDouble(t *testing.T) {
	for name, open := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				sizes := rapid.SliceOfN(rapid.SampledFrom([]int{1, 150, 400, 3000}), 2, 3).Draw(rt, "segmentBytes")
				kills := rapid.SliceOfN(rapid.Int64Range(0, 200), len(sizes), len(sizes)).Draw(rt, "kills")
				adds := rapid.SliceOfN(rapid.IntRange(1, 30), 1, 5).Draw(rt, "adds")
				bubble(t, rt, func(ctx context.Context) error {
					bucket, source := open(), newStream()
					defer bucket.Close()
					source.free = true
					var all sync.WaitGroup
					ctx, stop := context.WithCancel(ctx)
					defer stop()
					for i, size := range sizes {
						p := start(source, bucket, fmt.Sprint("archiver", i), size, kills[i])
						p.kill = func() {}
						all.Go(func() { _ = p.Run(ctx) })
					}
					for _, n := range adds {
						source.add(n)
						time.Sleep(700 * time.Millisecond)
					}
					time.Sleep(10 * time.Second)
					stop()
					all.Wait()
					source.mu.Lock()
					want := slices.Clone(source.entries)
					source.mu.Unlock()
					if err := start(source, bucket, "last", 1000, 0).run(context.WithoutCancel(ctx), source); err != nil {
						return err
					}
					return checkArchive(bucket, want)
				})
			})
		})
	}
}

// TestTheLeaseMovesToAnotherArchiver when the one that had it stops.
func TestTheLeaseMovesToAnotherArchiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		var all sync.WaitGroup
		first, stopFirst := context.WithCancel(t.Context())
		second, stopSecond := context.WithCancel(t.Context())
		for name, ctx := range map[string]context.Context{"first": first, "second": second} {
			p := start(source, bucket, name, 100, 0)
			all.Go(func() {
				if name == "second" {
					time.Sleep(time.Second)
				}
				if err := p.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		source.add(10)
		time.Sleep(10 * time.Second)
		if source.lease() != "first" {
			t.Errorf("%s has the lease", source.lease())
		}
		source.add(10)
		stopFirst() // what it has read is written
		time.Sleep(10 * time.Second)
		if source.lease() != "second" {
			t.Errorf("%s has the lease", source.lease())
		}
		source.add(10)
		time.Sleep(10 * time.Second)
		if err := checkArchive(bucket, source.entries); err != nil {
			t.Error(err)
		}
		stopSecond()
		all.Wait()
		if source.lease() != "" {
			t.Errorf("%s has the lease", source.lease())
		}
	})
}

// TestStoppingWritesWhatWasRead, long before the segment is full or old.
func TestStoppingWritesWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		source.add(10)
		ctx, stop := context.WithCancel(t.Context())
		a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{SegmentAge: time.Hour})
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		time.Sleep(time.Minute)
		if group, _ := source.state(); group != "0-0" {
			t.Errorf("the group is at %s before the segment is closed", group)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if group, last := source.state(); group != last {
			t.Errorf("the group is at %s of %s", group, last)
		}
		if err := checkArchive(bucket, source.entries); err != nil {
			t.Error(err)
		}
	})
}

// TestAnIdleStreamIsArchivedInTime: a segment is closed SegmentAge after its first entry.
func TestAnIdleStreamIsArchivedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		ctx, stop := context.WithCancel(t.Context())
		a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{})
		var all sync.WaitGroup
		all.Go(func() { _ = a.Run(ctx) })
		time.Sleep(time.Hour)
		source.add(1)
		time.Sleep(58 * time.Second)
		source.add(1)
		if source.commitCount() > 0 {
			t.Error("committed too early")
		}
		time.Sleep(3 * time.Second)
		if group, last := source.state(); group != last {
			t.Errorf("after a minute the group is at %s of %s", group, last)
		}
		time.Sleep(time.Hour)
		stop()
		all.Wait()
		if n := source.commitCount(); n != 1 {
			t.Errorf("%d segments for one minute", n)
		}
	})
}

// logText collects a log.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
