package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"ingestion/archive"
	"ingestion/archive/fold"
	"ingestion/streams"
)

// archived archives all entries of a partition, as an archiver does, in one segment.
func (r *rig) archived(bucket *blob.Bucket, key string) (id string, group *streams.Archive) {
	r.t.Helper()
	group, err := streams.NewArchive(streams.ArchiveOptions{Client: r.client, Key: key, Name: "vault", Lease: time.Minute})
	must(r.t, err)
	_, err = group.Position(r.t.Context())
	must(r.t, err)
	_, _, err = group.Lease(r.t.Context())
	must(r.t, err)
	page, err := group.Read(r.t.Context(), "0-0", 1<<20)
	must(r.t, err)
	segment := archive.NewSegment()
	for _, e := range page.Entries {
		must(r.t, segment.Add(&archive.Entry{ID: e.ID, Fields: e.Fields}))
		id = e.ID
	}
	_, err = archive.Open(bucket, key).Append(r.t.Context(), archive.Manifest{}, segment, archive.Note{Archiver: "vault"})
	must(r.t, err)
	must(r.t, group.Commit(r.t.Context(), id))
	return id, group
}

func TestArchiveShowsTheChains(t *testing.T) {
	r := newRig(t, 2, false)
	wantWords(t, r.get(200, "/archive"), "knows no archive", "ARCHIVE_URL", "○ not archived", "not connected to MongoDB")
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = bucket.Close() })
	r.opts.Bucket, r.opts.BucketURL = bucket, "mem://vault"
	wantWords(t, r.get(200, "/archive"), "mem://vault", "nothing is archived", "ingestctl archive verify")

	for range 3 {
		r.push(0, person("42", 1))
	}
	_, group := r.archived(bucket, r.keys[0])
	page := r.get(200, "/archive")
	wantWords(t, page, "✓ all is archived", `<td class="n">0</td> <td class="n">–</td> <td class="n">1</td><td class="n">3</td>`, "by <bdi>vault</bdi>")
	r.push(0, person("42", 2))
	wantWords(t, r.get(200, "/archive"), "◷ archiving", `<td class="n">1</td>`)
	wantNone(t, page, "Nobody archives")

	must(t, group.Release(t.Context()))
	wantWords(t, r.get(200, "/archive"), "✕ nobody archives", "Nobody archives.", "ingestctl archive detach")
	must(t, bucket.Close())
	page = r.get(200, "/archive")
	wantWords(t, page, "✕ can&#39;t be read", `<td class="n">unknown</td>`)
}

// Notes are archived like entries. Those that wait are counted, and need an archiver.
func TestArchiveShowsTheNotes(t *testing.T) {
	r := newRig(t, 1, false)
	keys := streams.KeysOf(r.keys[0])
	note, err := r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: keys.Outcomes, Values: []any{"n", "1"}}).Result()
	must(t, err)
	if c := chain(r.api().call(200, "GET", "archive", ""), 1); c["notes"] != true || c["on"] != true || c["served"] != false || c["lag"] != 1.0 || c["oldest"] != note {
		t.Errorf("without an archiver: %v", c)
	}
	wantWords(t, r.get(200, "/archive"), "✕ nobody archives")
	must(t, r.client.Set(t.Context(), keys.OutcomesArchiver, "vault", time.Minute).Err())
	wantWords(t, r.get(200, "/archive"), "◷ archiving")
	must(t, r.client.XDel(t.Context(), keys.Outcomes, note).Err())
	wantWords(t, r.get(200, "/archive"), "✓ all is archived")
	must(t, r.client.Del(t.Context(), keys.OutcomesArchiver).Err())
	wantWords(t, r.get(200, "/archive"), "! no archiver")
}

// An archive whose oldest segments were deleted says so.
func TestArchiveWithoutItsBeginning(t *testing.T) {
	r := newRig(t, 1, false)
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = bucket.Close() })
	r.opts.Bucket = bucket
	log, tail := archive.Open(bucket, r.keys[0]), archive.Manifest{}
	var first []string
	for n := range 2 {
		segment := archive.NewSegment()
		must(t, segment.Add(&archive.Entry{ID: fmt.Sprintf("%d-1", n+1), Fields: []string{"data", "x"}}))
		var err error
		tail, err = log.Append(t.Context(), tail, segment, archive.Note{Archiver: "vault"})
		must(t, err)
		for all := bucket.List(nil); n == 0; {
			object, err := all.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			first = append(first, object.Key)
		}
	}
	const deleted = "begins with number 2: what came before was deleted from the bucket"
	wantNone(t, r.get(200, "/archive"), deleted)
	for _, key := range first {
		must(t, bucket.Delete(t.Context(), key))
	}
	wantWords(t, r.get(200, "/archive"), deleted)
}

// A bucket that can't be opened hides nothing of what Redis tells.
func TestArchiveWithoutItsBucket(t *testing.T) {
	r := newRig(t, 1, false)
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = bucket.Close() })
	r.push(0, person("42", 1))
	r.archived(bucket, r.keys[0])
	waits := r.push(0, person("42", 2))
	r.opts.OpenBucket = func(context.Context) (*blob.Bucket, error) { return nil, errors.New("no such directory") }
	if c := chain(r.api().call(200, "GET", "archive", ""), 0); c["error"] == nil || c["served"] != true || c["lag"] != 1.0 || c["oldest"] != waits {
		t.Errorf("%v", c)
	}
	must(t, r.client.XGroupDestroy(t.Context(), r.keys[0], streams.ArchiveGroup).Err())
	r.opts.OpenBucket, r.opts.Bucket = nil, bucket
	wantWords(t, r.get(200, "/archive"), "! given up")
}

func TestArchiveShowsTheRebuilds(t *testing.T) {
	r := newRig(t, 1, false)
	db := r.mongo.Database(t)
	r.opts.Rebuilds = func(ctx context.Context) ([]fold.Noted, error) { return fold.States(ctx, db) }
	wantWords(t, r.get(200, "/archive"), "No rebuild has left a note", "ingestctl rebuild --into")
	begun := time.Now().Add(-time.Hour).UTC()
	state := fold.State{
		ID: "rebuild", Run: "r", Archive: "file:///vault", StartedAt: begun, UpdatedAt: begun, Rules: fold.Rules{Limit: 5, Window: time.Minute},
		Partitions: []fold.Partition{{Key: "s", After: "1000-0", Through: "1500-0", End: "2000-0"}},
		Counts:     fold.Counts{Read: 7, Outcomes: map[string]int64{"ingested": 4, "duplicate": 3}},
	}
	_, err := db.Collection("again.rebuild").InsertOne(t.Context(), state)
	must(t, err)
	wantWords(t, r.get(200, "/archive"), "<bdi>again</bdi>", "file:///vault and the stream", "! stopped", "It has noted nothing for 1h:", "50 %", "ingested 4<br>duplicate 3<br>", "limit 5/60")
	now := time.Now().UTC()
	state.FinishedAt, state.Partitions[0].Through = &now, "2000-0"
	_, err = db.Collection("again.rebuild").ReplaceOne(t.Context(), map[string]string{"_id": "rebuild"}, state)
	must(t, err)
	wantWords(t, r.get(200, "/archive"), "✓ finished", "100 %")

	r.opts.Rebuilds = func(context.Context) ([]fold.Noted, error) { return nil, errors.New("no server") }
	wantWords(t, r.get(200, "/archive"), "✕ Unknown.", "no server")
}

func TestAListIsNotArchived(t *testing.T) {
	r := newRig(t, 1, false)
	r.opts.Source.Keys, r.opts.Source.List = nil, "l"
	wantWords(t, r.get(200, "/archive"), "A list is not archived")
	wantWords(t, r.get(200, "/customers"), "A list does not count")
	must(t, r.client.RPush(t.Context(), "l", person("42", 1)).Err())
	wantWords(t, r.get(200, "/trace?customer=42"), "◷ QUEUED", "number 1 from the head of the list")
}
