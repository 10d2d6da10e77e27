package bench_test

import (
	"context"
	"testing"
)

// BenchmarkJudge measures the worker's memory for a batch of 500 records, with
// one record per customer and with several, all admitted to empty windows. Its
// time is mostly that of Redis.
func BenchmarkJudge(b *testing.B) {
	for _, tr := range []traffic{{name: "of 500 customers", customers: records}, {name: "of 200 customers", customers: 200}} {
		b.Run(tr.name, func(b *testing.B) {
			c, batch := newContest(b), tr.batch(0, 1_700_000_000_000)
			c.ours(batch) // grows the reused buffers
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				if err := c.client.FlushDB(context.Background()).Err(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if n := c.ours(batch); n != records {
					b.Fatalf("%d records were admitted, want all %d", n, records)
				}
			}
		})
	}
}
