package producer

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"
)

// fields holds a record's fields before encoding.
type fields struct {
	customerID, name, email, createdAt string
}

// json returns the record as JSON on one line.
func (f fields) json() []byte {
	return object("customerId", quote(f.customerID), "name", quote(f.name), "email", quote(f.email), "createdAt", quote(f.createdAt))
}

// object returns a JSON object of alternating names and encoded values. Names may
// repeat.
func object(pairs ...string) []byte {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(pairs[i]) + ":" + pairs[i+1])
	}
	b.WriteByte('}')
	return []byte(b.String())
}

// quote encodes valid UTF-8 as a JSON string, with as few escapes as possible.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // cannot happen: every string encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// isoForm formats t in a random ISO 8601 form that has microseconds.
func isoForm(r *rand.Rand, t time.Time) string {
	switch r.IntN(6) {
	case 0:
		return t.Format("2006-01-02T15:04:05.000000Z")
	case 1:
		zone := time.FixedZone("", offsets[r.IntN(len(offsets))]*60)
		return t.In(zone).Format("2006-01-02T15:04:05.000000-07:00")
	case 2:
		return t.Format("2006-01-02 15:04:05.000000+00:00")
	case 3:
		return strings.Replace(t.Format("20060102T150405.000000Z"), ".", ",", 1)
	case 4:
		return t.Format("2006-01-02T15:04:05.000000") // no offset: UTC
	default:
		return t.Format(time.RFC3339Nano)
	}
}

// offsets are offsets from UTC in minutes.
var offsets = []int{-600, -480, -210, -180, 0, 60, 120, 180, 210, 330, 345, 540, 570, 765}
