package streams_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

func newArchive(t *testing.T, client redis.UniversalClient, key, name string, lease time.Duration) *streams.Archive {
	t.Helper()
	a, err := streams.NewArchive(streams.ArchiveOptions{Client: client, Key: key, Name: name, Lease: lease})
	must(t, err)
	return a
}

// lease takes the lease.
func lease(t *testing.T, a *streams.Archive) {
	t.Helper()
	if held, other, err := a.Lease(t.Context()); !held || err != nil {
		t.Fatalf("lease: %v, %q, %v", held, other, err)
	}
}

// readAll reads to the end of the stream.
func readAll(t *testing.T, a *streams.Archive, after string, maxBytes int) (all []streams.ArchiveEntry, last streams.ArchivePage) {
	t.Helper()
	for {
		page, err := a.Read(t.Context(), after, maxBytes)
		must(t, err)
		all = append(all, page.Entries...)
		if page.End {
			return all, page
		}
		if len(page.Entries) == 0 {
			t.Fatalf("nothing after %s, and yet not the end", after)
		}
		after = page.Entries[len(page.Entries)-1].ID
	}
}

// TestArchiveConforms holds for every server that a queue may be on.
func TestArchiveConforms(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) redis.UniversalClient{
		"redis":    func(t *testing.T) redis.UniversalClient { return newClient(t, env.Redis(t)) },
		"cluster":  clusterClient,
		"embedded": newEmbedded,
	} {
		t.Run(name, func(t *testing.T) {
			client := open(t)
			for _, key := range []string{"orders:0", "orders:1", "orders:2"} { // on different nodes of a Cluster
				archiveConforms(t, client, key, name != "embedded")
			}
		})
	}
}

func clusterClient(t *testing.T) redis.UniversalClient {
	opts, err := redisconn.Parse(env.Cluster(t, 2, false).URL(), "")
	must(t, err)
	client := redisconn.New(opts, 8)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func archiveConforms(t *testing.T, client redis.UniversalClient, key string, counts bool) {
	ctx := t.Context()
	first, second := newArchive(t, client, key, "first", time.Minute), newArchive(t, client, key, "second", time.Minute)
	p, err := first.Position(ctx)
	must(t, err)
	if p.Archived != "0-0" || p.Last != "0-0" || p.First != "" || p.Length != 0 || counts != (p.Added == 0) {
		t.Fatalf("without a stream: %+v", p)
	}
	if err := first.Commit(ctx, "1-0"); !errors.Is(err, streams.ErrArchiveLease) {
		t.Fatalf("without a lease: %v", err)
	}
	lease(t, first)
	lease(t, first)
	if held, other, err := second.Lease(ctx); held || other != "first" || err != nil {
		t.Fatalf("a second lease: %v, %q, %v", held, other, err)
	}

	var want []streams.ArchiveEntry
	for i := range 1300 { // more than one step of the script
		fields := []string{"data", fmt.Sprint(i)}
		switch i {
		case 0:
			fields = []string{"data", "", "data", "\xff\x00", "", "x"}
		case 1:
			fields = []string{"data", strings.Repeat("b", 300_000)}
		}
		id, err := client.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: anys(fields)}).Result()
		must(t, err)
		want = append(want, streams.ArchiveEntry{ID: id, Fields: fields})
	}
	got, end := readAll(t, first, "0-0", 64<<10)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	last := want[len(want)-1].ID
	if end.Last != last || counts && end.Added != 1300 || !counts && end.Added >= 0 {
		t.Errorf("the end is %s after %d entries", end.Last, end.Added)
	}

	if err := second.Commit(ctx, last); !errors.Is(err, streams.ErrArchiveLease) {
		t.Errorf("the second one: %v", err)
	}
	must(t, first.Commit(ctx, want[600].ID))
	wantPosition(t, first, want[600].ID)
	must(t, first.Commit(ctx, want[5].ID)) // backwards
	wantPosition(t, first, want[5].ID)
	must(t, first.Commit(ctx, "99999999999999-0")) // never beyond the stream
	wantPosition(t, first, last)
	if n := client.XPending(ctx, key, streams.ArchiveGroup).Val(); n.Count != 0 {
		t.Errorf("%d pending", n.Count)
	}

	must(t, second.Release(ctx)) // which it does not have
	if held, _, _ := second.Lease(ctx); held {
		t.Error("another one's lease was released")
	}
	must(t, first.Release(ctx))
	lease(t, second)
	must(t, client.XGroupDestroy(ctx, key, streams.ArchiveGroup).Err())
	must(t, second.Commit(ctx, want[7].ID))
	wantPosition(t, second, want[7].ID)
}

func wantPosition(t *testing.T, a *streams.Archive, id string) {
	t.Helper()
	p, err := a.Position(t.Context())
	must(t, err)
	if p.Archived != id {
		t.Fatalf("the group is at %s, want %s", p.Archived, id)
	}
}

func TestTheArchivesLeaseExpires(t *testing.T) {
	b := newRig(t)
	dead, alive := newArchive(t, b.client, "s", "dead", 100*time.Millisecond), newArchive(t, b.client, "s", "alive", time.Minute)
	b.pushMany(1)
	lease(t, dead)
	env.Eventually(t, soon, func() (bool, string) {
		held, other, err := alive.Lease(t.Context())
		must(t, err)
		return held, "held by " + other
	})
	if err := dead.Commit(t.Context(), b.lastID()); !errors.Is(err, streams.ErrArchiveLease) {
		t.Errorf("the dead one: %v", err)
	}
	if held, other, _ := dead.Lease(t.Context()); held || other != "alive" {
		t.Errorf("the lease went to %q", other)
	}
}

// Entries of very different sizes are read within the bytes asked for, about.
func TestTheArchiveReadsLargeEntriesAFewAtATime(t *testing.T) {
	b := newRig(t)
	a := newArchive(t, b.server.Client(t).WithTimeout(time.Minute), "s", "a", time.Minute) // Redis sends 100 MB
	large := strings.Repeat("x", 1<<20)
	b.fill(9_000)
	for range 100 {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", large}}).Err())
	}
	after, most, pages, entries := "0-0", 0, 0, 0
	for {
		page, err := a.Read(t.Context(), after, 4<<20)
		must(t, err)
		size := 0
		for _, e := range page.Entries {
			size += len(e.Fields[1])
		}
		most, pages, entries = max(most, size), pages+1, entries+len(page.Entries)
		if page.End {
			break
		}
		after = page.Entries[len(page.Entries)-1].ID
	}
	if entries != 9_100 || pages > 150 {
		t.Errorf("%d entries in %d pages", entries, pages)
	}
	if most > 110<<20 { // the first of them may come in a page that was to be of small ones
		t.Errorf("a page of %d MiB", most>>20)
	}
}

// TestNothingUnarchivedIsTrimmed settles and trims while an archive is behind.
func TestNothingUnarchivedIsTrimmed(t *testing.T) {
	b := newRig(t)
	a := newArchive(t, b.client, "s", "a", time.Minute)
	_, err := a.Position(t.Context())
	must(t, err)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention, o.MaxEntries = 0, 10 })
	ids := b.pushMany(100)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 100))
	trimAll := func() {
		t.Helper()
		for range 5 {
			must(t, q.TrimOnce(t.Context()))
		}
	}
	trimAll()
	b.wantLength(100)
	lease(t, a)
	must(t, a.Commit(t.Context(), ids[39]))
	trimAll()
	b.wantLength(60)
	must(t, a.Commit(t.Context(), ids[99]))
	trimAll()
	b.wantLength(0)
	account, err := streams.ReadAccount(t.Context(), b.client, "s", "g")
	must(t, err)
	if account.Verdict() != streams.Balanced {
		t.Errorf("%v: %v", account.Verdict(), account.Faults())
	}
}

func (b *rig) wantLength(want int64) {
	b.t.Helper()
	if got := b.client.XLen(b.t.Context(), "s").Val(); got != want {
		b.t.Fatalf("%d entries on the stream, want %d", got, want)
	}
}

// At maxmemory, archiving is what lets Redis delete entries, so it must go on.
func TestTheArchiveWorksAtMaxmemory(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.Retention = 0 })
	ids := b.pushMany(20)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 20))
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	if err := b.client.Set(t.Context(), "x", "y", 0).Err(); err == nil {
		t.Fatal("Redis has room")
	}
	a := newArchive(t, b.client, "s", "a", time.Minute)
	_, err := a.Position(t.Context())
	must(t, err)
	lease(t, a)
	got, _ := readAll(t, a, "0-0", 1<<20)
	if len(got) != 20 {
		t.Fatalf("read %d", len(got))
	}
	must(t, a.Commit(t.Context(), ids[14]))
	must(t, q.TrimOnce(t.Context()))
	b.wantLength(5)
}

// TestAGoneStreamIsThereAgain deletes the stream under the archiver.
func TestAGoneStreamIsThereAgain(t *testing.T) {
	b := newRig(t)
	a := newArchive(t, b.client, "s", "a", time.Minute)
	lease(t, a)
	b.pushMany(3)
	last := b.lastID()
	must(t, b.client.Del(t.Context(), "s").Err())
	page, err := a.Read(t.Context(), last, 1<<20)
	must(t, err)
	if len(page.Entries) > 0 || !page.End || page.Last != "0-0" {
		t.Errorf("of no stream: %+v", page)
	}
	must(t, a.Commit(t.Context(), last))
	wantPosition(t, a, "0-0")
}

// The state of the archive, for monitoring.
func TestTheSnapshotTellsHowFarTheArchiveIs(t *testing.T) {
	b := newRig(t)
	must(t, b.open("c", nil).Open(t.Context()))
	if got := b.glance().Archive; got.On {
		t.Fatalf("without an archive: %+v", got)
	}
	a := newArchive(t, b.client, "s", "a", time.Minute)
	_, err := a.Position(t.Context())
	must(t, err)
	ids := b.pushMany(30)
	wantState := func(want streams.ArchiveState) {
		t.Helper()
		if diff := cmp.Diff(want, b.glance().Archive); diff != "" {
			t.Fatal(diff)
		}
	}
	wantState(streams.ArchiveState{On: true, Archived: "0-0", Oldest: ids[0], Lag: 30})
	lease(t, a)
	must(t, a.Commit(t.Context(), ids[4])) // of which Redis can't tell how many that are
	wantState(streams.ArchiveState{On: true, Served: true, Archived: ids[4], Oldest: ids[5], Lag: -1})
	must(t, a.Commit(t.Context(), ids[29]))
	wantState(streams.ArchiveState{On: true, Served: true, Archived: ids[29], Lag: 0})

	// What was read tells it.
	more := b.pushMany(20)
	for _, upTo := range []int{6, 13} {
		page, err := a.Read(t.Context(), b.glance().Archive.Archived, 1)
		must(t, err)
		for len(page.Entries) > 0 && page.Entries[len(page.Entries)-1].ID != more[upTo] {
			page, err = a.Read(t.Context(), page.Entries[len(page.Entries)-1].ID, 1)
			must(t, err)
		}
		must(t, a.Commit(t.Context(), more[upTo]))
		wantState(streams.ArchiveState{On: true, Served: true, Archived: more[upTo], Oldest: more[upTo+1], Lag: int64(19 - upTo)})
	}
	must(t, a.Release(t.Context()))
	if b.glance().Archive.Served {
		t.Error("nobody serves it")
	}
}

func TestTheWorkerSaysThatNobodyArchives(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	a := newArchive(t, b.client, "s", "a", time.Minute)
	_, err := a.Position(t.Context())
	must(t, err)
	b.pushMany(2)
	streamstest.Receive(t, q, 2)
	streams.NoPatience(t)
	trim := func() {
		t.Helper()
		must(t, q.TrimOnce(t.Context()))
	}
	trim()
	trim()
	lines := b.log.find("archive_unserved")
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || !strings.Contains(lines[0]["reason"].(string), "ingestctl archive detach") {
		t.Fatalf("said %v", lines)
	}
	lease(t, a)
	trim()
	trim()
	if lines := b.log.find("archive_unserved"); len(lines) != 2 || lines[1]["status"] != "success" {
		t.Errorf("then said %v", lines)
	}
	must(t, a.Release(t.Context()))
	must(t, b.client.XGroupSetID(t.Context(), "s", streams.ArchiveGroup, "$").Err())
	trim()
	trim()
	if lines := b.log.find("archive_unserved"); len(lines) != 2 {
		t.Errorf("everything is archived, and it says %v", lines[2])
	}
}

func TestDetachingTheArchive(t *testing.T) {
	b := newRig(t)
	ctx := t.Context()
	got, err := streams.DetachArchive(ctx, b.client, "s", false)
	if must(t, err); got.There {
		t.Fatalf("there is none: %+v", got)
	}
	a := newArchive(t, b.client, "s", "a", time.Minute)
	_, err = a.Position(ctx)
	must(t, err)
	lease(t, a)
	ids := b.pushMany(5)
	must(t, a.Commit(ctx, ids[4]))
	b.pushMany(2)
	want := streams.Detached{There: true, Archived: ids[4], Waiting: true, Lag: 2}
	got, err = streams.DetachArchive(ctx, b.client, "s", false)
	if !errors.Is(err, streams.ErrArchiveServed) || got != want {
		t.Fatalf("while it is served: %+v, %v", got, err)
	}
	wantPosition(t, a, ids[4])
	must(t, a.Release(ctx))
	got, err = streams.DetachArchive(ctx, b.client, "s", true)
	if must(t, err); got != want || !b.glance().Archive.On {
		t.Fatalf("a dry run: %+v", got)
	}
	got, err = streams.DetachArchive(ctx, b.client, "s", false)
	if must(t, err); got != want || b.glance().Archive.On {
		t.Fatalf("detached: %+v", got)
	}
}

func BenchmarkArchiveRead(b *testing.B) {
	server := env.Redis(b)
	opts, err := redisconn.Parse(server.URL(), "")
	if err != nil {
		b.Fatal(err)
	}
	client := redisconn.New(opts, 4)
	defer client.Close()
	const n = 200_000
	body := strings.Repeat("x", 250)
	for range n / 10_000 {
		pipe := client.Pipeline()
		for i := range 10_000 {
			pipe.XAdd(b.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body + strconv.Itoa(i)}})
		}
		if _, err := pipe.Exec(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	a, err := streams.NewArchive(streams.ArchiveOptions{Client: client, Key: "s", Name: "a", Lease: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		read := 0
		for after := "0-0"; ; {
			page, err := a.Read(b.Context(), after, 4<<20)
			if err != nil {
				b.Fatal(err)
			}
			if read += len(page.Entries); page.End {
				break
			}
			after = page.Entries[len(page.Entries)-1].ID
		}
		if read != n {
			b.Fatalf("read %d", read)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
}
