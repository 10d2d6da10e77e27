package bench

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"ingestion/bench/internal/load"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// batch is the number of records per step, as BATCH_SIZE.
const batch = 500

// step is a hot step of the pipeline, on a batch at a time. prepare is not
// measured.
type step struct{ prepare, work func() }

// named is a step with its name. open sets it up; what that starts is stopped
// with the test.
type named struct {
	name string
	open func(testing.TB) step
}

// steps are the steps of a batch, each through its package's public interface.
var steps = []named{
	{"decode", decodeStep}, {"judge", judgeStep}, {"insert", insertStep}, {"receive", receiveStep}, {"settle", settleStep},
}

// BenchmarkSteps measures the cost of each step per record, in batches of 500.
// The time includes that of the server.
func BenchmarkSteps(b *testing.B) {
	for _, s := range steps {
		b.Run(s.name, func(b *testing.B) { runStep(b, s.open(b), batch) })
	}
}

// runStep reports time and allocations per record.
func runStep(b *testing.B, s step, records int) {
	var sum allocation
	var took time.Duration
	for b.Loop() {
		b.StopTimer()
		s.prepare()
		b.StartTimer()
		sum = sum.plus(allocationsOf(func() {
			begin := time.Now()
			s.work()
			took += time.Since(begin)
		}))
	}
	n := float64(b.N * records)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.Nanoseconds())/n, "ns/record")
	b.ReportMetric(sum.objects/n, "allocs/record")
	b.ReportMetric(sum.bytes/n, "B/record")
}

// allocation is what all goroutines allocated.
type allocation struct{ objects, bytes float64 }

func (a allocation) plus(b allocation) allocation {
	return allocation{a.objects + b.objects, a.bytes + b.bytes}
}

func (a allocation) minus(b allocation) allocation {
	return allocation{a.objects - b.objects, a.bytes - b.bytes}
}

func (a allocation) per(records int) allocation {
	return allocation{a.objects / float64(records), a.bytes / float64(records)}
}

func allocationsOf(work func()) allocation {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return allocation{float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)}
}

// decodeStep decodes, validates and identifies a batch of the load, 1% of it
// bad.
func decodeStep(testing.TB) step {
	bodies := make([][]byte, batch)
	for i := range bodies {
		bodies[i] = []byte(load.Body(i, loadStart, load.Later))
	}
	return step{prepare: func() {}, work: func() {
		for _, body := range bodies {
			_, _ = record.Decoder{}.Decode(body)
		}
	}}
}

// judgeStep limits a batch of 500 customers whose windows hold some places and
// have free slots.
func judgeStep(tb testing.TB) step {
	l := newLimiter(newRedis(tb))
	records := goodRecords()
	requests := make([]limiter.Request, batch)
	at := time.Now().UnixMilli()
	return step{prepare: func() {
		at += time.Second.Milliseconds()
		for i, r := range records {
			requests[i] = limiter.Request{CustomerID: r.CustomerID, Member: newMember(), At: at}
		}
	}, work: func() {
		verdicts, err := l.Judge(context.Background(), requests)
		if err != nil || verdicts[0].Decision != limiter.Admitted {
			tb.Fatalf("judged %+v: %v", verdicts, err)
		}
	}}
}

// insertStep inserts a batch into the counting sink.
func insertStep(tb testing.TB) step {
	s := newStore(tb)
	docs := make([]store.Document, batch)
	for i, r := range goodRecords() {
		docs[i] = store.Document{Record: r, StreamID: "1767225600000-0"}
	}
	return step{prepare: func() {}, work: func() {
		results, err := s.Insert(context.Background(), docs)
		if err != nil || results[0].Outcome != record.Ingested {
			tb.Fatalf("inserted %+v: %v", results, err)
		}
	}}
}

// receiveStep reads a batch from a stream.
func receiveStep(tb testing.TB) step {
	client := newRedis(tb)
	s := newStream(client, slog.New(slog.DiscardHandler))
	return step{prepare: func() { fill(tb, client, batch) }, work: func() { receive(tb, s) }}
}

// settleStep settles a batch of a stream: of 100 entries 98 are ingested, one
// is a duplicate and one becomes a dead letter.
func settleStep(tb testing.TB) step {
	client := newRedis(tb)
	s := newStream(client, slog.New(slog.DiscardHandler))
	var settlements []streams.Settlement
	return step{prepare: func() {
		fill(tb, client, batch)
		settlements = settlements[:0]
		for i, d := range receive(tb, s) {
			settlements = append(settlements, streams.Settlement{Delivery: &d, Outcome: record.Ingested})
			switch i % 100 {
			case 50:
				settlements[i].Outcome, settlements[i].Reason = record.Malformed, "Invalid JSON: cut off"
			case 99:
				settlements[i].Outcome = record.Duplicate
			}
		}
	}, work: func() {
		if done, err := s.Settle(context.Background(), settlements); err != nil || done.Count != batch {
			tb.Fatalf("settled %d: %v", done.Count, err)
		}
	}}
}
