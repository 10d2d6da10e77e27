package bench

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/bench/internal/load"
	"ingestion/consumer"
	"ingestion/internal/logging"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// drained is the number of records in a run of a pipeline: enough that its
// start does not matter.
const drained = 40 * batch

// BenchmarkPipeline measures the consumer on fake servers, without and with a
// log, and the whole pipeline on a redis-server and the counting sink.
func BenchmarkPipeline(b *testing.B) {
	for _, s := range []named{{"consumer", quietStep}, {"consumer with log", loggingStep}, {"pipeline", pipelineStep}} {
		b.Run(s.name, func(b *testing.B) { runStep(b, s.open(b), drained) })
	}
}

// quietStep is the consumer's own work: decoding, and tracking what is in
// flight.
func quietStep(tb testing.TB) step { return consumerStep(tb, slog.LevelWarn) }

// loggingStep is quietStep with a log line per record.
func loggingStep(tb testing.TB) step { return consumerStep(tb, slog.LevelInfo) }

func consumerStep(tb testing.TB, level slog.Level) step {
	opts, log := options(tb, level)
	opts.Store, opts.Limiter = yes{}, yes{}
	wanted := int64(drained / 100) // of bad records
	if level == slog.LevelInfo {
		wanted = drained
	}
	var q *stock
	return step{prepare: func() { q = newStock() }, work: func() {
		before := log.lines.Load()
		run(tb, opts, q)
		if n := log.lines.Load() - before; n != wanted {
			tb.Fatalf("%d log lines of %d records, want %d", n, drained, wanted)
		}
	}}
}

// pipelineStep is the worker without maintenance, whose cost depends on time,
// not on records.
func pipelineStep(tb testing.TB) step { return pipelineOn(tb, newRedis(tb)) }

func pipelineOn(tb testing.TB, client redis.UniversalClient) step {
	opts, _ := options(tb, slog.LevelInfo)
	opts.Store, opts.Limiter, opts.Lease = newStore(tb), newLimiter(client), lease
	return step{
		prepare: func() { fill(tb, client, drained) },
		work:    func() { run(tb, opts, newStream(client, opts.Log)) },
	}
}

// lineCount is a log that only counts its lines.
type lineCount struct{ lines atomic.Int64 }

func (l *lineCount) Write(text []byte) (int, error) {
	l.lines.Add(int64(bytes.Count(text, []byte{'\n'})))
	return len(text), nil
}

// options returns the worker's options, with a log.
func options(tb testing.TB, level slog.Level) (consumer.Options, *lineCount) {
	const logBytes, interval = 64 << 10, 200 * time.Millisecond // as the worker's
	log := &lineCount{}
	lines := logging.NewBuffer(log, logBytes, interval)
	tb.Cleanup(func() { _ = lines.Close() })
	return consumer.Options{
		Decode: record.Decoder{}.Decode,
		Log:    logging.New(lines, "json", level, false), Flush: lines.Flush, LogRaw: true,
		BatchSize: batch, Concurrency: inFlight, MaxMessages: drained, ShutdownTimeout: time.Minute,
	}, log
}

func run(tb testing.TB, opts consumer.Options, q streams.Queue) {
	if err := must(consumer.New(opts)).Run(context.Background(), q); err != nil {
		tb.Fatal(err)
	}
}

// yes is a limiter that admits and a store that inserts everything.
type yes struct{ consumer.Store }

func (yes) Judge(_ context.Context, requests []limiter.Request) ([]limiter.Verdict, error) {
	verdicts := make([]limiter.Verdict, len(requests))
	for i := range verdicts {
		verdicts[i].Decision = limiter.Admitted
	}
	return verdicts, nil
}

func (yes) Insert(_ context.Context, docs []store.Document) ([]store.Result, error) {
	results := make([]store.Result, len(docs))
	for i := range results {
		results[i].Outcome = record.Ingested
	}
	return results, nil
}

// stock is a queue of prepared deliveries. Methods that the consumer does not
// call are missing.
type stock struct {
	streams.Queue
	mu      sync.Mutex
	batches [][]streams.Delivery
}

func newStock() *stock {
	s := &stock{}
	for from := 0; from < drained; from += batch {
		deliveries := make([]streams.Delivery, batch)
		for i := range deliveries {
			deliveries[i] = streams.Delivery{ID: "1767225600000-0", Deliveries: 1,
				ArrivedAt: loadStart.UnixMilli(), Body: []byte(load.Body(from+i, loadStart, load.Later))}
		}
		s.batches = append(s.batches, deliveries)
	}
	return s
}

func (s *stock) Receive(context.Context, int) ([]streams.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.batches) == 0 {
		return nil, nil
	}
	first := s.batches[0]
	s.batches = s.batches[1:]
	return first, nil
}

func (s *stock) Settle(_ context.Context, settlements []streams.Settlement) (streams.Settled, error) {
	return streams.Settled{Count: len(settlements)}, nil
}

func (s *stock) Close(context.Context) error { return nil }
