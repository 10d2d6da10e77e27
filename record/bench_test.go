package record_test

import (
	"testing"

	"ingestion/record"
)

// BenchmarkDecode decodes, validates and identifies one ordinary record: at
// most 3 µs and 8 allocations are allowed for it.
func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct{ name, body string }{
		{"ordinary", ordinary},
		{"international", `{"customerId":"ä-42","name":"Zoë","email":"jürgen@bücher.example","createdAt":"2024-01-02T03:04:05.123456+02:00"}`},
		{"refused", `{"customerId":"42","name":"","email":"ada@example","createdAt":"yesterday"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			body := []byte(c.body)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				_, _ = record.Decoder{}.Decode(body)
			}
		})
	}
}
