package streams_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// keepNotes makes the stream of notes, as an archiver does.
func (b *rig) keepNotes() {
	b.t.Helper()
	must(b.t, b.client.XGroupCreateMkStream(b.t.Context(), "{s}:outcomes", "archive", "0").Err())
}

// noted returns the outcome noted of each entry; `returned` has its origin and slot.
func (b *rig) noted() map[string]string {
	b.t.Helper()
	noted := map[string]string{}
	for _, e := range b.client.XRange(b.t.Context(), "{s}:outcomes", "-", "+").Val() {
		for outcome, value := range e.Values {
			ids := strings.Fields(value.(string))
			if outcome == "returned" {
				noted[ids[0]] = "returned " + strings.Join(ids[1:], " ")
				continue
			}
			for _, id := range ids {
				noted[id] = outcome
			}
		}
	}
	return noted
}

// settleEach gives entries these outcomes, in turn, and returns their IDs.
func (b *rig) settleEach(q *streams.Stream, outcomes ...record.Outcome) []string {
	b.t.Helper()
	ids := b.pushMany(len(outcomes))
	settlements := streamstest.All(record.Ingested, streamstest.Receive(b.t, q, len(outcomes)))
	for i, outcome := range outcomes {
		settlements[i].Outcome, settlements[i].Due = outcome, time.UnixMilli(int64(1000+i))
	}
	for range 2 { // a repetition, as after a lost reply
		if done, err := q.Settle(b.t.Context(), settlements); err != nil || done.Cause != nil {
			b.t.Fatalf("settled %+v, %v", done, err)
		}
	}
	return ids
}

func TestOutcomesAreNotedForTheArchive(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.keepNotes()
	outcomes := []record.Outcome{record.Ingested, record.Duplicate, record.RateLimited, record.Invalid, record.Malformed, record.Deferred, record.Duplicate, record.Rejected, record.Poisoned}
	ids := b.settleEach(q, outcomes...)
	want := map[string]string{}
	for i, outcome := range outcomes {
		if outcome != record.Ingested {
			want[ids[i]] = outcome.String()
		}
	}
	if diff := cmp.Diff(want, b.noted()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if n := b.client.XLen(t.Context(), "{s}:outcomes").Val(); n != int64(len(want))-1 {
		t.Errorf("%d notes, want one of both duplicates, and one of each other entry, once", n)
	}
}

func TestPutBackEntriesAreNotedForTheArchive(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.keepNotes()
	ids := b.settleEach(q, record.Deferred, record.Malformed)
	must(t, q.MoveOnce(t.Context()))
	letters := idsOf(letters(t, streams.NewDeadLetters(b.client, "s"), false))
	if _, err := streams.NewDeadLetters(b.client, "s").Replay(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	entries := b.client.XRange(t.Context(), "s", "-", "+").Val()
	want := map[string]string{
		ids[0]: "deferred", ids[1]: record.Malformed.String(),
		entries[2].ID: fmt.Sprintf("returned %s 1000", ids[0]), entries[3].ID: fmt.Sprintf("returned %s 0", ids[1]),
	}
	if diff := cmp.Diff(want, b.noted()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}

// Without an archive nothing is written, and nothing with one whose every entry is ingested.
func TestNothingIsNotedWithoutNeed(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	b.settleEach(q, record.Duplicate, record.Malformed, record.Deferred)
	must(t, q.MoveOnce(t.Context()))
	if b.client.Exists(t.Context(), "{s}:outcomes").Val() != 0 {
		t.Error("notes without an archive")
	}
	streamstest.Receive(t, q, 1)
	b.keepNotes()
	b.settleEach(q, record.Ingested, record.Ingested)
	if noted := b.noted(); len(noted) != 0 {
		t.Errorf("noted %v", noted)
	}
}

// At maxmemory, what writes nothing but its note is settled: that lets entries be deleted.
func TestOutcomesAreNotedAtMaxmemory(t *testing.T) {
	b := newRig(t)
	q := b.open("c", func(o *streams.StreamOptions) { o.DeadLetters.DropRateLimited = true })
	b.keepNotes()
	b.pushMany(3)
	settlements := streamstest.All(record.Duplicate, streamstest.Receive(t, q, 3))
	settlements[1].Outcome = record.RateLimited // dropped
	settlements[2].Outcome = record.Malformed   // a dead letter
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	done, err := q.Settle(t.Context(), settlements)
	if err != nil || done.Cause == nil || done.Count != 2 || !slices.Equal(done.Kept, []string{settlements[2].ID}) {
		t.Errorf("settled %+v, %v", done, err)
	}
	want := map[string]string{settlements[0].ID: "duplicate", settlements[1].ID: "rate_limited"}
	if diff := cmp.Diff(want, b.noted()); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	must(t, b.client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	if done, err := q.Settle(t.Context(), settlements); err != nil || done.Count != 1 {
		t.Errorf("settled %+v, %v", done, err)
	}
	b.wantBalance(0)
}

// TestNotesAreArchived archives the notes, which begin with how far they may lack any.
func TestNotesAreArchived(t *testing.T) {
	b := newRig(t)
	ctx := t.Context()
	q := b.open("c", nil)
	before := b.settleEach(q, record.Duplicate)
	a, err := streams.NewArchive(streams.ArchiveOptions{Client: b.client, Key: "s", Name: "a", Lease: time.Minute, Outcomes: true})
	must(t, err)
	lease(t, a)
	p, err := a.Position(ctx)
	must(t, err)
	if p.Archived != "0-0" || p.Added != 1 {
		t.Errorf("position %+v", p)
	}
	ids := b.settleEach(q, record.Duplicate, record.Ingested, record.Malformed)
	notes, _ := readAll(t, a, "0-0", 1<<20)
	var got [][]string
	for _, e := range notes {
		got = append(got, e.Fields)
	}
	want := [][]string{{"begun", before[0]}, {record.Malformed.String(), ids[2]}, {"duplicate", ids[0]}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	last := notes[len(notes)-1].ID
	must(t, a.Commit(ctx, last))
	if n := b.client.XLen(ctx, "{s}:outcomes").Val(); n != 1 {
		t.Errorf("%d notes are left, want the last one", n)
	}
	p, err = a.Position(ctx)
	must(t, err)
	if p.Archived != last || p.Last != last {
		t.Errorf("position %+v", p)
	}

	// Someone has deleted them: from now on they are complete again.
	must(t, b.client.Del(ctx, "{s}:outcomes").Err())
	must(t, a.Commit(ctx, last))
	notes, _ = readAll(t, a, "0-0", 1<<20)
	if len(notes) != 1 || !slices.Equal(notes[0].Fields, []string{"begun", b.lastID()}) {
		t.Errorf("begun again: %v", notes)
	}

	entries, err := streams.NewArchive(streams.ArchiveOptions{Client: b.client, Key: "s", Name: "a", Lease: time.Minute})
	must(t, err)
	_, err = entries.Position(ctx)
	must(t, err)
	if _, err := streams.DetachArchive(ctx, b.client, "s", false); !errors.Is(err, streams.ErrArchiveServed) {
		t.Errorf("while the notes are archived: %v", err)
	}
	must(t, a.Release(ctx))
	if _, err := streams.DetachArchive(ctx, b.client, "s", false); err != nil {
		t.Error(err)
	}
	if b.client.Exists(ctx, "{s}:outcomes").Val() != 0 {
		t.Error("the notes are left")
	}
}
