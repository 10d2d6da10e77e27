package queue_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/metrics/queue"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams/streamstest"
)

// BenchmarkScrapes scrapes a long queue ten times a second, and reports how much of a core
// Redis takes for it, with the results shared as always and with a reading for each scrape.
func BenchmarkScrapes(b *testing.B) {
	client := connect(b, env.Redis(b).URL())
	q := newQueue(b, client, "s")
	const entries, settled, pending = 1_000_000, 500_000, 50_000
	fill(b, client, entries, 0)
	for range settled / 1000 {
		held, err := q.Receive(b.Context(), 1000)
		must(b, err)
		_, err = q.Settle(b.Context(), streamstest.All(record.Ingested, held))
		must(b, err)
	}
	fill(b, client, 0, pending)
	opts := queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease}
	want(b, scrape(b, opts), map[string]string{"stream_entries": "1e+06", "undelivered_entries": "450000", "pending_entries": "50000", "account_balanced": "1"})
	for _, shared := range []bool{true, false} {
		b.Run("shared="+strconv.FormatBool(shared), func(b *testing.B) {
			h := queue.Handler(opts)
			before, began := cpu(b, client), time.Now()
			pace := time.NewTicker(100 * time.Millisecond)
			defer pace.Stop()
			for b.Loop() {
				if !shared {
					h = queue.Handler(opts)
				}
				ask(b, h)
				<-pace.C
			}
			b.ReportMetric(100*(cpu(b, client)-before)/time.Since(began).Seconds(), "%core")
		})
	}
}

var cpuTime = regexp.MustCompile(`used_cpu_(?:sys|user):([\d.]+)`)

// cpu is the processor time that the server has used, in seconds.
func cpu(b *testing.B, client redis.UniversalClient) (sum float64) {
	for _, m := range cpuTime.FindAllStringSubmatch(client.Info(b.Context(), "cpu").Val(), -1) {
		seconds, err := strconv.ParseFloat(m[1], 64)
		must(b, err)
		sum += seconds
	}
	return sum
}
