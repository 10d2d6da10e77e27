package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"ingestion/record"
)

// Customer returns a customerId as records have it, trimmed. The error says why no valid
// record has it.
func Customer(id string) (string, error) {
	r, err := decodeWith("customerId", id)
	return r.CustomerID, err
}

// CreatedAt reads a time as the createdAt of a record is read.
func CreatedAt(text string) (time.Time, error) {
	r, err := decodeWith("createdAt", text)
	return r.CreatedAt, err
}

// decodeWith decodes a record with a value in one field, by the worker's rules.
func decodeWith(field, value string) (record.Record, error) {
	if !utf8.ValidString(value) {
		return record.Record{}, fmt.Errorf("%s: invalid UTF-8", field)
	}
	fields := map[string]string{"customerId": "1", "name": "n", "email": "e@b.co", "createdAt": "2026-01-31"}
	fields[field] = value
	body, err := json.Marshal(fields)
	if err != nil {
		return record.Record{}, err
	}
	r, err := record.Decoder{MaxBytes: 16*len(body) + 1}.Decode(body)
	if refusal, refused := errors.AsType[*record.Refusal](err); refused {
		return record.Record{}, errors.New(refusal.Reason)
	}
	return r, nil
}
