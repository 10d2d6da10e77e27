package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Identity is the document's _id: the SHA-256, as 64 hex digits, of
// customerId|email|createdAt, the fields as stored and the time as FormatTime
// writes it. A | or \ inside a field is escaped by \, so that different
// triples never share an _id; other fields hash exactly as the joined form:
//
//	printf '%s' '42|ada@example.com|2024-01-02T03:04:05Z' | sha256sum
func Identity(customerID, email string, createdAt time.Time) string {
	id := identity(customerID, email, createdAt)
	return string(id[:])
}

// idLen is the length of a document's _id.
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

// FormatTime writes an instant as RFC 3339 in UTC with the fewest fractional
// digits; what is finer than a microsecond is cut off.
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
