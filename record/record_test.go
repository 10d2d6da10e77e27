package record_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"ingestion/record"
)

// ordinary is a typical record.
const ordinary = `{"customerId":"42","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-02T03:04:05Z"}`

// decodeWith decodes an ordinary record with one field changed.
func decodeWith(field, value string) (record.Record, error) {
	fields := map[string]string{
		"customerId": "42",
		"name":       "Ada Lovelace",
		"email":      "ada@example.com",
		"createdAt":  "2024-01-02T03:04:05Z",
	}
	fields[field] = value
	body, err := json.Marshal(fields)
	if err != nil {
		return record.Record{}, err
	}
	return record.Decoder{}.Decode(body)
}

// outcome returns the outcome of a *Refusal, or 0 for any other error or nil.
func outcome(err error) record.Outcome {
	var refusal *record.Refusal
	if errors.As(err, &refusal) {
		return refusal.Outcome
	}
	return 0
}

// mustDecode decodes a body that must be accepted.
func mustDecode(t testing.TB, body string) record.Record {
	t.Helper()
	r, err := record.Decoder{}.Decode([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return r
}

// decodeAll decodes a record with these fields.
func decodeAll(customerID, name, email, createdAt string) (record.Record, error) {
	body, err := json.Marshal(map[string]string{
		"customerId": customerID, "name": name, "email": email, "createdAt": createdAt,
	})
	if err != nil {
		return record.Record{}, err
	}
	return record.Decoder{}.Decode(body)
}

// createdAt returns text decoded as a createdAt.
func createdAt(t testing.TB, text string) time.Time {
	t.Helper()
	r, err := decodeWith("createdAt", text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r.CreatedAt
}
