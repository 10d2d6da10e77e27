package streams_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/testenv"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// benchBatch is the service's own default.
const benchBatch = 500

// BenchmarkReceive reads batches of good records off a stream.
func BenchmarkReceive(b *testing.B) {
	work := newLoad(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		work.settle(work.batch(1))
		work.add(1)
		b.StartTimer()
		work.held = work.receive()
	}
	work.report("xreadgroup")
}

// BenchmarkSettle settles batches of which two in a hundred are refused.
func BenchmarkSettle(b *testing.B) {
	work := newLoad(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		work.add(1)
		work.held = work.receive()
		settlements := work.batch(50)
		b.StartTimer()
		work.settle(settlements)
	}
	work.report("evalsha", "xack", "xadd", "hincrby", "xpending")
}

// load is a stream under measurement.
type load struct {
	b      *testing.B
	client redis.UniversalClient
	queue  *streams.Stream
	held   []streams.Delivery
}

func newLoad(b *testing.B) *load {
	server := testenv.Redis(b, testenv.WithConfig("appendonly", "no"))
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	b.Cleanup(func() { _ = client.Close() })
	opts := streamOptions(client, "c")
	opts.PollTimeout = time.Minute
	l := &load{b: b, client: client, queue: streams.NewStream(opts)}
	must(b, l.queue.Open(b.Context()))
	l.add(1)
	l.held = l.receive() // from now on entries are known to be small
	return l
}

func (l *load) add(batches int) {
	body := `{"customerId":"customer-0000000001","name":"Ada Lovelace","email":"ada@mail-host.org","createdAt":"2024-01-02T03:04:05Z","note":"` + strings.Repeat("x", 60) + `"}`
	pipe := l.client.Pipeline()
	for range batches * benchBatch {
		pipe.XAdd(l.b.Context(), &redis.XAddArgs{Stream: "s", MaxLen: 10 * benchBatch, Approx: true, Values: []any{"data", body}})
	}
	_, err := pipe.Exec(l.b.Context())
	must(l.b, err)
}

func (l *load) receive() []streams.Delivery {
	got, err := l.queue.Receive(l.b.Context(), benchBatch)
	must(l.b, err)
	if len(got) != benchBatch {
		l.b.Fatalf("received %d", len(got))
	}
	return got
}

// batch gives what is held its outcomes: every so many is refused, one is none.
func (l *load) batch(refused int) []streams.Settlement {
	settlements := streamstest.All(record.Ingested, l.held)
	for i := range settlements {
		if refused > 1 && i%refused == 0 {
			settlements[i].Outcome = record.Invalid
		}
	}
	return settlements
}

func (l *load) settle(s []streams.Settlement) {
	done, err := l.queue.Settle(l.b.Context(), s)
	must(l.b, err)
	if done.Count != len(s) {
		l.b.Fatalf("settled %d of %d", done.Count, len(s))
	}
}

// report adds what the server spent on commands: calls a batch and µs a record.
func (l *load) report(commands ...string) {
	stats, err := l.client.Info(l.b.Context(), "commandstats").Result()
	must(l.b, err)
	for _, command := range commands {
		_, line, _ := strings.Cut(stats, "cmdstat_"+command+":calls=")
		calls, line, _ := strings.Cut(line, ",usec=")
		spent, _, _ := strings.Cut(line, ",")
		n, _ := strconv.ParseFloat(calls, 64)
		micros, _ := strconv.ParseFloat(spent, 64)
		l.b.ReportMetric(n/float64(l.b.N), command+"/op")
		l.b.ReportMetric(micros/float64(l.b.N)/benchBatch, command+"-µs/record")
	}
}
