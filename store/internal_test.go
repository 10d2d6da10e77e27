package store

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

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
			t.Errorf("%d bytes, foretold %d", len(raw), encodedSize(&d))
		}
		if err := bson.Raw(raw).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestCommandsAreValid(t *testing.T) {
	doc := appendDocument(nil, &sample(1)[0], 1, bson.ObjectID{})
	docs := make([][]byte, 120)
	for i := range docs {
		docs[i] = doc
	}
	for name, raw := range map[string]bson.Raw{
		"insert": appendInsert(nil, "c", docs), "find one": appendFind(nil, "c", []string{"a"}, true),
		"find": appendFind(nil, "c", []string{"a", "b"}, false), "buildInfo": appendBuildInfo(nil), "createIndexes": appendCreateIndexes(nil, "c"),
	} {
		if err := raw.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if key := bson.Raw(appendInsert(nil, "c", docs)).Lookup("documents", "119"); len(key.Value) != len(doc) {
		t.Error("the array's keys are wrong")
	}
}

func TestPace(t *testing.T) {
	p := newPace(time.Second)
	if got := p.current(); got != (tempo{0, time.Second, 0}) {
		t.Errorf("at first %+v", got)
	}
	first := p.current()
	p.timedOut(first, 500)
	p.timedOut(first, 500) // another call at the same tempo says nothing new
	if got := p.current(); got != (tempo{1, 2 * time.Second, 250}) {
		t.Errorf("after a time-out %+v", got)
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
	if got := p.current(); got != (tempo{0, time.Second, 0}) {
		t.Errorf("in the end %+v", got)
	}
}

func TestBackOffStaysWithinItsBounds(t *testing.T) {
	s := New(nil, Options{})
	b := s.newBackOff()
	var longest time.Duration
	for range 1000 {
		pause := b.NextBackOff()
		if pause < 50*time.Millisecond || pause > 30*time.Second {
			t.Fatalf("a pause of %v", pause)
		}
		longest = max(longest, pause)
	}
	if longest < 20*time.Second {
		t.Errorf("the longest of many pauses is %v", longest)
	}
}

// BenchmarkEncode measures a batch of 500 from records to the command's bytes.
func BenchmarkEncode(b *testing.B) {
	s := New(nil, Options{})
	docs := sample(500)
	raws := make([][]byte, len(docs))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		c := &call{store: s, items: make([]item, len(docs))}
		c.encode(docs)
		for i := range c.items {
			raws[i] = c.items[i].raw
		}
		buf = appendInsert(buf[:0], "customers", raws)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(docs)), "ns/doc")
}

// overtaker tries to tell Recovered while Waiting is being told.
type overtaker struct {
	t       *testing.T
	trouble *trouble
	done    chan struct{}
}

func (o *overtaker) Waiting(error, Class, time.Duration) {
	go func() {
		o.trouble.over()
		close(o.done)
	}()
	select {
	case <-o.done:
		o.t.Error("Recovered overtakes Waiting")
	case <-time.After(50 * time.Millisecond):
	}
}

func (o *overtaker) Recovered() {}

func (o *overtaker) Doubted(Doubt) {}

func TestRecoveredDoesNotOvertakeWaiting(t *testing.T) {
	o := &overtaker{t: t, done: make(chan struct{})}
	o.trouble = newTrouble(o)
	o.trouble.waiting(newError(verdict{class: Transient}, nil, 0), 0)
	<-o.done
	if o.trouble.isTold() {
		t.Error("Recovered is lost")
	}
}

// TestAFreeRoomRefersToNothing has a large message and then a small one, as when a
// batch is sent in parts: the room must not hold on to the documents of either.
func TestAFreeRoomRefersToNothing(t *testing.T) {
	r := &room{last: map[string]int{}}
	c := &call{room: r}
	for _, n := range []int{100, 1} {
		docs := r.message[:0]
		for range n {
			docs = append(docs, make([]byte, 10))
		}
		r.message = docs
	}
	c.leave()
	for i, m := range r.message[:cap(r.message)] {
		if m != nil {
			t.Fatalf("message %d of a free room still refers to a document", i)
		}
	}
}
