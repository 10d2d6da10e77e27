package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/record"
)

func sample(n int) []Document {
	docs := make([]Document, n)
	for i := range docs {
		docs[i] = Document{
			Record: record.Record{
				ID: strings.Repeat("0123456789abcdef", 4), CustomerID: "customer-1", Name: "Ada Lovelace",
				Email: "ada@example.org", CreatedAt: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
			},
			StreamID: "1700000000000-0",
		}
	}
	return docs
}

func TestEncodedSizeIsExact(t *testing.T) {
	for _, d := range append(sample(1), Document{}, Document{Record: record.Record{Name: "ü\x00"}}) {
		raw := appendDocument(nil, &d, 1, bson.NewObjectID())
		if len(raw) != encodedSize(&d) {
			t.Errorf("%d bytes, encodedSize = %d", len(raw), encodedSize(&d))
		}
		if err := bson.Raw(raw).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestCommandsAreValid(t *testing.T) {
	doc := appendDocument(nil, &sample(1)[0], 1, bson.ObjectID{})
	docs := slices.Repeat([][]byte{doc}, 120)
	for name, raw := range map[string]bson.Raw{
		"insert":   appendInsert(nil, "c", docs),
		"find one": appendFind(nil, "c", []string{"a"}, linearizable),
		"find":     appendFind(nil, "c", []string{"a", "b"}, local),
	} {
		if err := raw.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if last := bson.Raw(appendInsert(nil, "c", docs)).Lookup("documents", "119"); len(last.Value) != len(doc) {
		t.Error("the keys of the array are wrong")
	}
}

func TestPace(t *testing.T) {
	p := newPace(time.Second)
	first := p.current()
	if first != (limits{0, time.Second, 0}) {
		t.Errorf("at first %+v", first)
	}
	p.timedOut(first, 500)
	p.timedOut(first, 500) // of another command at the same level, which does not count
	if got := p.current(); got != (limits{1, 2 * time.Second, 250}) {
		t.Errorf("after a timeout %+v", got)
	}
	for range 20 {
		p.timedOut(p.current(), max(1, p.current().maxDocs))
	}
	slowest := p.current()
	if slowest.timeout != 12*time.Second || slowest.maxDocs != 1 {
		t.Errorf("at the slowest %+v", slowest)
	}
	for range easeAfter {
		p.succeeded(slowest)
	}
	if got := p.current(); got.level != slowest.level-1 || got.maxDocs != 2 {
		t.Errorf("after a run of successes %+v", got)
	}
	for range 20 * easeAfter {
		p.succeeded(p.current())
	}
	if got := p.current(); got != first {
		t.Errorf("in the end %+v, want %+v", got, first)
	}
}

// newIdle returns a store that is not used to send anything.
func newIdle(tb testing.TB) *Store {
	tb.Helper()
	s, err := New(new(mongo.Collection), Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestDefaultBackoff(t *testing.T) {
	backoff := newIdle(t).backoff.Start()
	var longest time.Duration
	for range 1000 {
		pause := backoff.Next()
		if pause < 50*time.Millisecond || pause > 30*time.Second {
			t.Fatalf("a pause of %v", pause)
		}
		longest = max(longest, pause)
	}
	if longest < 20*time.Second {
		t.Errorf("the longest of 1000 pauses is %v", longest)
	}
}

// BenchmarkEncode measures a batch of 500, from records to the bytes of the command.
func BenchmarkEncode(b *testing.B) {
	s := newIdle(b)
	docs := sample(500)
	raws := make([][]byte, len(docs))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		in := &insertion{store: s, items: make([]item, len(docs)), buffers: &buffers{}}
		in.encode(docs)
		for i := range in.items {
			raws[i] = in.items[i].raw
		}
		buf = appendInsert(buf[:0], "customers", raws)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(docs)), "ns/doc")
}

// overtaker tries to call Recovered while Waiting runs.
type overtaker struct {
	t        *testing.T
	notifier *notifier
	done     chan struct{}
}

func (o *overtaker) Waiting(error, Class, time.Duration) {
	go func() {
		o.notifier.recovered()
		close(o.done)
	}()
	select {
	case <-o.done:
		o.t.Error("Recovered overtakes Waiting")
	case <-time.After(50 * time.Millisecond):
	}
}

func (o *overtaker) Recovered() {}

func (o *overtaker) Strike(Strike) {}

func TestRecoveredDoesNotOvertakeWaiting(t *testing.T) {
	o := &overtaker{t: t, done: make(chan struct{})}
	o.notifier = newNotifier(o)
	o.notifier.waiting(newError(verdict{class: Transient}, nil, 0), 0)
	<-o.done
	if o.notifier.stillWaiting() {
		t.Error("Recovered is lost")
	}
}

// TestFreeBuffersReferToNoDocument builds a large command and then a small one, as
// when a batch is sent in parts.
func TestFreeBuffersReferToNoDocument(t *testing.T) {
	b := &buffers{last: map[string]int{}}
	in := &insertion{buffers: b}
	for _, n := range []int{100, 1} {
		docs := b.command[:0]
		for range n {
			docs = append(docs, make([]byte, 10))
		}
		b.command = docs
	}
	in.release()
	for i, doc := range b.command[:cap(b.command)] {
		if doc != nil {
			t.Fatalf("document %d of the last command is still referred to", i)
		}
	}
}
