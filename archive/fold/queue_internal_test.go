package fold

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"ingestion/archive"
	"ingestion/record"
	"ingestion/streams"
)

var _ streams.Queue = (*Queue)(nil)

// queueOf is a queue of entries that are on a stream.
func queueOf(t testing.TB, entries ...archive.Entry) (q *Queue, ended *error) {
	t.Helper()
	s := newSource(t, memory(t), "k", 0)
	s.entries = entries
	ended = new(error)
	q = &Queue{
		keys: []string{"k"}, begin: []string{"5-0"}, decided: []*decisions{{}}, through: []string{beginning}, byName: map[handedName]*handed{},
		counts: Counts{Outcomes: map[string]int64{}}, changed: make(chan struct{}, 1), patience: time.Minute,
		save: func(context.Context, Position) {}, done: func(err error) { *ended = err },
	}
	q.entries = newMerger([]*partition{s.partition(t)})
	return q, ended
}

func with(id string, fields ...string) archive.Entry { return archive.Entry{ID: id, Fields: fields} }

func settle(t testing.TB, q *Queue, deliveries ...streams.Delivery) {
	t.Helper()
	var settlements []streams.Settlement
	for i := range deliveries {
		settlements = append(settlements, streams.Settlement{Delivery: &deliveries[i], Outcome: record.Ingested})
	}
	settled, err := q.Settle(t.Context(), settlements)
	if err != nil || settled.Count != len(deliveries) {
		t.Fatalf("settled %d of %d: %v", settled.Count, len(deliveries), err)
	}
}

func receive(t testing.TB, q *Queue, most int) []streams.Delivery {
	t.Helper()
	batch, err := q.Receive(t.Context(), most)
	must(t, err)
	return batch
}

func TestTheQueueRemembersWhatIsSettled(t *testing.T) {
	t.Parallel()
	q, ended := queueOf(t, with("10-0", "data", "a"), with("11-0", "data", "b"), with("12-0", "data", "c"), with("13-0", "data", "d"))
	first, second := receive(t, q, 2), receive(t, q, 2)
	through := func(id string, read int64) {
		t.Helper()
		if p := q.Position(); p.Through[0] != id || p.Counts.Read != read || p.Counts.Outcomes["ingested"] != read {
			t.Errorf("%+v, want %d through %s", p, read, id)
		}
	}
	settle(t, q, second[0])
	through(beginning, 0)
	settle(t, q, first...)
	through("12-0", 3)
	must(t, q.Nack(t.Context(), second[1:]))
	again := receive(t, q, 10)
	if len(again) != 1 || again[0].ID != "13-0" {
		t.Fatalf("%v", again)
	}
	settle(t, q, again...)
	through("13-0", 4)
	if settled, _ := q.Settle(t.Context(), []streams.Settlement{{Delivery: &again[0], Outcome: record.Ingested}}); settled.Count != 0 {
		t.Error("settled twice")
	}
	ctx, cancel := context.WithCancel(t.Context())
	q.done = func(err error) { *ended = errors.Join(err, errDone); cancel() }
	if batch, err := q.Receive(ctx, 10); len(batch) > 0 || err != nil || !errors.Is(*ended, errDone) {
		t.Errorf("%v %v, ended with %v", batch, err, *ended)
	}
}

func TestWhatTheServicePutBack(t *testing.T) {
	t.Parallel()
	q, _ := queueOf(t,
		with("10-0", "data", "a"),
		with("11-0", "data", "a", "ingestion:origin", "10-0", "ingestion:admitAt", "11"),  // deferred and put back
		with("12-0", "data", "b", "ingestion:origin", "4-0", "ingestion:admitAt", "11"),   // likewise, but its first entry is not folded
		with("13-0", "data", "c", "traceparent", "t", "ingestion:origin", "10-0"),         // a replayed dead letter
		with("14-0", "data", "d", "ingestion:origin", "15-0", "ingestion:admitAt", "11"),  // the origin lies ahead
		with("15-0", "data", "e", "ingestion:origin", "10-0", "ingestion:admitAt", "16"),  // the place lies ahead
		with("16-0", "ingestion:origin", "10-0", "ingestion:admitAt", "11", "data", "f"),  // not last
		with("17-0", "data", "g", "ingestion:origin", "010-0", "ingestion:admitAt", "11"), // no ID as Redis writes it
		with("18-0", "data", "h", "x", "ingestion:origin", "ingestion:admitAt", "11"),     // a value, not a name
		with("19-0", "body", "i"),
		with("20-0", "data", "j", "data", "k"),
		with("21-0"),
	)
	var got []string
	for _, d := range receive(t, q, 100) {
		got = append(got, fmt.Sprintf("%s %q %s %d", d.ID, d.Body, d.Origin, d.AdmitAt))
		if d.ArrivedAt != arrival(d.ID) || (d.Body == nil) != (d.Fault() != "") {
			t.Errorf("%+v", d)
		}
	}
	want := []string{
		`10-0 "a"  0`, `12-0 "b" 4-0 11`, `13-0 "c" 10-0 0`, `14-0 "d"  0`, `15-0 "e"  0`, `16-0 "f"  0`, `17-0 "g"  0`, `18-0 "h"  0`,
		`19-0 ""  0`, `20-0 ""  0`, `21-0 ""  0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if p := q.Position(); p.Counts.PutBack != 0 {
		t.Errorf("%+v before the first one is settled", p)
	}
}

// Workers may begin to note outcomes between a record's deferral and its return. It counts
// once: where its first entry is judged, if that is folded.
func TestRecordsDeferredBeforeTheNotesBegin(t *testing.T) {
	t.Parallel()
	back := func(id, origin string) archive.Entry {
		return with(id, "data", "a", "ingestion:origin", origin, "ingestion:admitAt", "11")
	}
	q, _ := queueOf(t, with("10-0", "data", "a"), with("20-0", "data", "b"), back("21-0", "10-0"), back("22-0", "4-0"), back("23-0", "20-0"))
	decided := &decisions{begun: "12-0", returned: map[string]putBack{}, origins: map[string]struct{}{}}
	decided.add(note(0, "returned", "21-0 10-0 11"))
	decided.add(note(1, "returned", "22-0 4-0 11"))
	decided.add(note(2, "deferred", "20-0", "returned", "23-0 20-0 11"))
	decided.sort()
	q.decided[0] = decided
	settle(t, q, receive(t, q, 10)...)
	want := Counts{Read: 5, PutBack: 2, Recorded: 2, Outcomes: map[string]int64{"ingested": 3}}
	if got := q.Position().Counts; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSkippedEntriesCountWithThoseBefore(t *testing.T) {
	t.Parallel()
	q, _ := queueOf(t, with("10-0", "data", "a"), with("11-0", "data", "a", "ingestion:origin", "10-0", "ingestion:admitAt", "11"))
	settle(t, q, receive(t, q, 10)...)
	want := Position{Through: []string{"11-0"}, Counts: Counts{Read: 2, PutBack: 1, Outcomes: map[string]int64{"ingested": 1}}}
	if got := q.Position(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A batch is not larger than some MiB, unless one entry is.
func TestBatchesAreBounded(t *testing.T) {
	t.Parallel()
	large := string(make([]byte, maxBatchBytes*2/3))
	q, _ := queueOf(t, with("10-0", "data", large), with("11-0", "data", large), with("12-0", "data", large+large), with("13-0", "data", "x"))
	for _, want := range []string{"10-0", "11-0", "12-0", "13-0"} {
		if batch := receive(t, q, 10); len(batch) != 1 || batch[0].ID != want {
			t.Fatalf("%d deliveries from %s, want %s alone", len(batch), batch[0].ID, want)
		}
	}
}

func TestReadingIsGivenUp(t *testing.T) {
	t.Parallel()
	q, ended := queueOf(t, with("10-0", "data", "a"))
	q.entries.partitions[0].stream.(*source).meanwhile = func() error { return errBroken }
	if _, err := q.Receive(t.Context(), 1); !errors.Is(err, errBroken) || *ended != nil {
		t.Fatalf("%v, ended with %v", err, *ended)
	}
	q.patience = 0
	ctx, cancel := context.WithCancel(t.Context())
	q.done = func(err error) { *ended = err; cancel() }
	if _, err := q.Receive(ctx, 1); err != nil || !errors.Is(*ended, errBroken) {
		t.Errorf("%v, ended with %v", err, *ended)
	}
}
