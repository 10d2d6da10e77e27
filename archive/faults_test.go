package archive_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gocloud.dev/blob/memblob"

	"ingestion/archive"
)

// TestAFailingBucketIsWaitedForLoudly: whatever fails, nothing is committed meanwhile, it is
// in the log once a minute, and when the bucket works again, all is archived.
func TestAFailingBucketIsWaitedForLoudly(t *testing.T) {
	for name, test := range map[string]struct {
		fail    func(call string) error
		lasting bool
	}{
		"every call":           {func(string) error { return errors.New("500 Internal Server Error") }, true},
		"writing":              {only("before put", &fullDisk{}), true},
		"looking for a name":   {only("before attributes", errors.New("403 Forbidden")), true},
		"calls that time out":  {func(string) error { time.Sleep(time.Minute); return context.DeadlineExceeded }, true},
		"replies are lost":     {only("after put", errors.New("connection reset by peer")), false},
		"every second attempt": {everySecond(errors.New("500 Internal Server Error")), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testOutage(t, test.fail, test.lasting) })
		})
	}
}

// TestASlowBucketIsNoFailure.
func TestASlowBucketIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		log := &logText{}
		slow := faulty(bucket, func(string) error { time.Sleep(14 * time.Second); return nil })
		a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(slow, stream), archive.Options{Log: log.logger(), SegmentBytes: 100})
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = a.Run(ctx) })
		source.add(10)
		time.Sleep(time.Hour)
		if err := checkArchive(bucket, source.entries); err != nil || strings.Contains(log.String(), "WARN") {
			t.Errorf("%v\n%s", err, log)
		}
		stop()
		all.Wait()
	})
}

// fullDisk is the error of a directory without room.
type fullDisk struct{}

func (*fullDisk) Error() string { return "write /archive: no space left on device" }
func (*fullDisk) Unwrap() error { return syscall.ENOSPC }

func only(call string, err error) func(string) error {
	return func(called string) error {
		if called == call {
			return err
		}
		return nil
	}
}

func everySecond(err error) func(string) error {
	var calls atomic.Int64
	return func(string) error {
		if calls.Add(1)%2 == 0 {
			return err
		}
		return nil
	}
}

func testOutage(t *testing.T, fail func(string) error, lasting bool) {
	bucket, source := memblob.OpenBucket(nil), newStream()
	defer bucket.Close()
	var down atomic.Bool
	var failed atomic.Int64
	log := &logText{}
	a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(faulty(bucket, func(call string) error {
		if down.Load() {
			return fail(call)
		}
		return nil
	}), stream), archive.Options{Log: log.logger(), Observer: archive.Observer{Failed: func(string, error) { failed.Add(1) }}})
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	source.add(10)
	time.Sleep(2 * time.Minute)
	before, _ := source.state()
	source.add(10)
	down.Store(true)
	time.Sleep(30 * time.Minute)
	if group, _ := source.state(); group != before && lasting {
		t.Errorf("the group moved to %s", group)
	}
	if n := strings.Count(log.String(), "level=WARN msg=retrying stream=customers status=error server=bucket"); n < 20 && lasting || n > 70 {
		t.Errorf("%d messages in 30 minutes:\n%s", n, log)
	}
	if failed.Load() == 0 {
		t.Error("the observer was told nothing")
	}
	down.Store(false)
	time.Sleep(2 * time.Minute)
	if group, last := source.state(); group != last {
		t.Errorf("after the outage the group is at %s of %s", group, last)
	}
	if err := checkArchive(bucket, source.entries); err != nil {
		t.Error(err)
	}
	if lasting && !strings.Contains(log.String(), "level=INFO msg=retrying stream=customers status=success server=bucket") {
		t.Error("no message that the bucket works again")
	}
	stop()
	all.Wait()
}

// TestRedisIsWaitedFor too: also while only some of its calls fail.
func TestRedisIsWaitedFor(t *testing.T) {
	for _, call := range []string{"lease", "read", "commit", "position"} {
		for _, when := range []string{"before ", "after "} {
			synctest.Test(t, func(t *testing.T) {
				bucket, source := memblob.OpenBucket(nil), newStream()
				defer bucket.Close()
				var down atomic.Bool
				down.Store(true)
				log := &logText{}
				fault := func(called string) error {
					if down.Load() && called == when+call {
						return errors.New("connection refused")
					}
					return nil
				}
				a := archive.New(&view{source, "a", fault}, archive.Open(bucket, stream), archive.Options{Log: log.logger()})
				ctx, stop := context.WithCancel(t.Context())
				var all sync.WaitGroup
				all.Go(func() { _ = a.Run(ctx) })
				source.add(10)
				time.Sleep(5 * time.Minute)
				if !strings.Contains(log.String(), "server=Redis") {
					t.Errorf("no message of a failing %s", call)
				}
				down.Store(false)
				time.Sleep(5 * time.Minute)
				if group, last := source.state(); group != last {
					t.Errorf("%s: the group is at %s of %s", call, group, last)
				}
				if err := checkArchive(bucket, source.entries); err != nil {
					t.Errorf("%s: %v", call, err)
				}
				stop()
				all.Wait()
			})
		}
	}
}

// TestASegmentThatIsNotOursIsNotAdopted: until it is moved away, nothing is committed.
func TestASegmentThatIsNotOursIsNotAdopted(t *testing.T) {
	name := stream + "/segments/00000000000000000001-00000000000000000001.ndjson.zst"
	for what, entries := range map[string][]archive.Entry{
		"no segment":      nil,
		"other fields":    {{ID: "1-1", Fields: []string{"data", "other"}}},
		"lacks an entry":  {{ID: "1-1", Fields: []string{"data", `{"n":1}`, "data", "\xff"}}, {ID: "2-0", Fields: []string{"data", `{"n":3}`, "data", "\xff"}}},
		"begins too soon": {{ID: "1-0"}, {ID: "1-1", Fields: []string{"data", `{"n":1}`, "data", "\xff"}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			bucket, source := memblob.OpenBucket(nil), newStream()
			defer bucket.Close()
			content := []byte("x")
			if entries != nil {
				_, _, content = stored(t, entries)
			}
			if err := bucket.WriteAll(t.Context(), name, content, nil); err != nil {
				t.Fatal(err)
			}
			log := &logText{}
			a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{Log: log.logger()})
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			all.Go(func() { _ = a.Run(ctx) })
			source.add(10)
			time.Sleep(10 * time.Minute)
			if group, _ := source.state(); group != "0-0" || !strings.Contains(log.String(), "move it out of the bucket") {
				t.Errorf("%s: the group is at %s\n%s", what, group, log)
			}
			if err := bucket.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if err := checkArchive(bucket, source.entries); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			stop()
			all.Wait()
		})
	}
}

// TestASegmentWithoutItsManifestEntryIsAdopted, also if it has entries that were deleted
// from the stream since, and if it ends before or after what the next archiver has read.
func TestASegmentWithoutItsManifestEntryIsAdopted(t *testing.T) {
	for _, segmentBytes := range []int{1, 300, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			bucket, source := memblob.OpenBucket(nil), newStream()
			defer bucket.Close()
			source.add(8)
			want := append([]archive.Entry(nil), source.entries...)
			_, _, content := stored(t, want[:5])
			if err := bucket.WriteAll(t.Context(), stream+"/segments/00000000000000000001-00000000000000000001.ndjson.zst", content, nil); err != nil {
				t.Fatal(err)
			}
			source.remove("2-0")
			if err := start(source, bucket, "a", segmentBytes, 0).run(t.Context(), source); err != nil {
				t.Error(err)
			}
			m, err := archive.Open(bucket, stream).Manifest(t.Context(), 1)
			if err != nil || m.Count != 5 || m.Last != want[4].ID {
				t.Errorf("%+v, %v", m, err)
			}
			if err := checkArchive(bucket, want); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatIsOddAtTheStartIsSaid: the archive and the group, or the stream, do not fit.
func TestWhatIsOddAtTheStartIsSaid(t *testing.T) {
	for what, test := range map[string]struct {
		change func(s *memoryStream)
		want   string
	}{
		"group ahead":  {func(s *memoryStream) { s.add(10); s.group = s.last }, "what was trimmed in between is missing"},
		"group behind": {func(s *memoryStream) { s.group = "0-0" }, ""},
		"Redis lost entries": {func(s *memoryStream) { s.entries, s.last = s.entries[:5], s.entries[4].ID; s.group = s.last },
			"Redis lost entries, which the archive has"},
	} {
		synctest.Test(t, func(t *testing.T) {
			bucket, source := memblob.OpenBucket(nil), newStream()
			defer bucket.Close()
			source.add(10)
			if err := start(source, bucket, "a", 1000, 0).run(t.Context(), source); err != nil {
				t.Error(err)
			}
			test.change(source)
			log := &logText{}
			a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{Log: log.logger()})
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			all.Go(func() { _ = a.Run(ctx) })
			time.Sleep(time.Second)
			if !strings.Contains(log.String(), test.want) || test.want == "" && strings.Contains(log.String(), "WARN") {
				t.Errorf("%s: %s", what, log)
			}
			if group, _ := source.state(); group != "4-1" {
				t.Errorf("%s: the group is at %s, and not where the archive ends", what, group)
			}
			stop()
			all.Wait()
		})
	}
}

// TestAnEmptyBucketGetsAllThatIsInTheStream, wherever the group was.
func TestAnEmptyBucketGetsAllThatIsInTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		source.add(10)
		source.group = "2-1"
		source.trim()
		source.group = source.last
		log := &logText{}
		a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{Log: log.logger()})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		time.Sleep(time.Second)
		source.trim()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		m, err := archive.Open(bucket, stream).Manifest(t.Context(), 1)
		if err != nil || m.First != "2-2" || m.Count != 6 || m.Before == nil || *m.Before != 4 || m.After != "0-0" || m.Added == nil || *m.Added != 10 {
			t.Errorf("%+v, %v", m, err)
		}
		if !strings.Contains(log.String(), "the archive is empty, and the group is at entry 4-1") {
			t.Error(log)
		}
	})
}

// TestDeletedEntriesAreSaid: those that other clients delete before they are archived.
func TestDeletedEntriesAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		log := &logText{}
		a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{Log: log.logger()})
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = a.Run(ctx) })
		time.Sleep(time.Second)
		synctest.Wait() // the archiver sees all of the following, or none
		source.add(10)
		source.remove("2-0")
		source.remove("2-1")
		time.Sleep(2 * time.Minute)
		if !strings.Contains(log.String(), "2 entries up to 4-1 were deleted by other clients") {
			t.Error(log)
		}
		stop()
		all.Wait()
	})
}

// TestALostLeaseEndsTheWork, with nothing written or committed after it.
func TestALostLeaseEndsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, source := memblob.OpenBucket(nil), newStream()
		defer bucket.Close()
		log := &logText{}
		held := []bool{}
		a := archive.New(&view{memoryStream: source, name: "a"}, archive.Open(bucket, stream), archive.Options{
			Log: log.logger(), Observer: archive.Observer{Leased: func(h bool) { held = append(held, h) }},
		})
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = a.Run(ctx) })
		source.add(10)
		time.Sleep(10 * time.Second)
		source.mu.Lock()
		source.holder = "b"
		source.mu.Unlock()
		time.Sleep(10 * time.Minute)
		if n := source.commitCount(); n > 0 {
			t.Errorf("committed %d times without the lease", n)
		}
		if _, err := archive.Open(bucket, stream).Tail(ctx); !errors.Is(err, archive.ErrEmpty) {
			t.Errorf("written without the lease: %v", err)
		}
		source.mu.Lock()
		source.holder = ""
		source.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if err := checkArchive(bucket, source.entries); err != nil {
			t.Error(err)
		}
		stop()
		all.Wait()
		if got := fmt.Sprint(held); got != "[true false true false]" || !strings.Contains(log.String(), "another archiver holds the lease") {
			t.Errorf("%s\n%s", got, log)
		}
	})
}
