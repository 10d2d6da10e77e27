package bench

import (
	"testing"

	"ingestion/record"
)

// BenchmarkRecord decodes, validates and identifies one record. An ordinary
// record may take at most 3 µs, and no valid one here more than 8 allocations.
func BenchmarkRecord(b *testing.B) {
	for _, c := range []struct {
		name, body string
		accepted   bool
	}{
		{"ordinary", `{"customerId":"42","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-02T03:04:05Z"}`, true},
		{"international", `{"customerId":"ä-42","name":"Zoë","email":"jürgen@bücher.example","createdAt":"2024-01-02T03:04:05.123456+02:00"}`, true},
		{"two international labels", `{"customerId":"42","name":"Анна","email":"user@россия.рф","createdAt":"2024-01-02T03:04:05Z"}`, true},
		{"ten keys", `{"customerId":"42","name":"Ada","email":"ada@example.com","createdAt":"2024-01-02T03:04:05Z","a":0,"b":0,"c":0,"d":0,"e":0,"f":0}`, true},
		{"escaped", `{"customerId":"42","name":"Ada \"L\" \ud83d\ude00","email":"ada\u0040example.com","createdAt":"2024-01-02T03:04:05Z"}`, true},
		{"invalid", `{"customerId":"42","name":"","email":"ada@example","createdAt":"yesterday"}`, false},
		{"malformed", `{"customerId":"42","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-02T03:04:05Z"`, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			body := []byte(c.body)
			if _, err := (record.Decoder{}).Decode(body); (err == nil) != c.accepted {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				_, _ = record.Decoder{}.Decode(body)
			}
		})
	}
}
