package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Identity returns the _id of a record's document: 64 hex digits, the SHA-256
// hash of the stored fields customerId, email and createdAt (as formatted by
// FormatTime), joined by |. A | or \ within a field is preceded by \, so that
// different fields never give the same text:
//
//	printf '%s' '42|ada@example.com|2024-01-02T03:04:05Z' | sha256sum
func Identity(customerID, email string, createdAt time.Time) string {
	id := identity(customerID, email, createdAt)
	return string(id[:])
}

// idLen is the length of an _id in bytes.
const idLen = 2 * sha256.Size

func identity(customerID, email string, createdAt time.Time) (id [idLen]byte) {
	buf := make([]byte, 0, 512)
	buf = appendEscaped(buf, customerID)
	buf = append(buf, '|')
	buf = appendEscaped(buf, email)
	buf = append(buf, '|')
	buf = appendTime(buf, createdAt)
	sum := sha256.Sum256(buf)
	hex.Encode(id[:], sum[:])
	return id
}

// FormatTime formats t as RFC 3339 in UTC, truncated to microseconds and without
// trailing zeros in the fraction.
func FormatTime(t time.Time) string {
	return string(appendTime(make([]byte, 0, len(time.RFC3339Nano)), t))
}

func appendTime(buf []byte, t time.Time) []byte {
	finer := time.Duration(t.Nanosecond()) % time.Microsecond
	return t.Add(-finer).UTC().AppendFormat(buf, time.RFC3339Nano)
}

func appendEscaped(buf []byte, field string) []byte {
	if strings.IndexByte(field, '|') < 0 && strings.IndexByte(field, '\\') < 0 {
		return append(buf, field...)
	}
	for i := range len(field) {
		if c := field[i]; c == '|' || c == '\\' {
			buf = append(buf, '\\')
		}
		buf = append(buf, field[i])
	}
	return buf
}
