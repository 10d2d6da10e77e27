package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ingestion/record"
)

// Each _id is the output of: printf '%s' '<joined>' | sha256sum
func TestIdentityGolden(t *testing.T) {
	for _, c := range []struct{ customerID, email, createdAt, joined, id string }{
		{"42", "ada@example.com", "2024-01-02T03:04:05Z",
			`42|ada@example.com|2024-01-02T03:04:05Z`, "462588af9a3ba9dd31c9012ca0ffdf19568933eb9374e7ed51c522e1b68b900a"},
		{"7", "jürgen@bücher.example", "2024-01-02T03:04:05.1234567+01:00",
			`7|jürgen@bücher.example|2024-01-02T02:04:05.123456Z`, "bda369ada5d3711b300a5a7bfa320886b30a0cb9a33d63ae5036e9935f41a463"},
		{" c-1 ", "Grace@EXAMPLE.org", "1906-12-09",
			`c-1|Grace@example.org|1906-12-09T00:00:00Z`, "7e50e6d94472bc39d237c334e39f61726a772552cb290b68e0df6a60a664328a"},
		{`a|b\c`, "x|y@example.com", "2024-001T12:00:00,500",
			`a\|b\\c|x\|y@example.com|2024-01-01T12:00:00.5Z`, "5d89b5a014f38f32dc8da1194436848fe18ace2bfdbbde54bf578553af365846"},
	} {
		at := createdAt(t, c.createdAt)
		r, err := decodeAll(c.customerID, "any name", c.email, c.createdAt)
		if err != nil {
			t.Errorf("%s: %v", c.joined, err)
			continue
		}
		if r.ID != c.id {
			t.Errorf("%s: _id %s, want %s", c.joined, r.ID, c.id)
		}
		if id := record.Identity(r.CustomerID, r.Email, at); id != c.id {
			t.Errorf("%s: Identity %s, want %s", c.joined, id, c.id)
		}
		sum := sha256.Sum256([]byte(c.joined))
		if id := hex.EncodeToString(sum[:]); id != c.id {
			t.Errorf("%s: its SHA-256 is %s, want %s", c.joined, id, c.id)
		}
	}
}

// Different fields have different _ids, wherever | and \ occur in them.
func TestIdentityNeverCollides(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune{'|', '\\', 'a'}), 0, 6, -1)
	instant := rapid.Map(rapid.Int64Range(0, 2), func(us int64) time.Time { return time.UnixMicro(us) })
	rapid.Check(t, func(t *rapid.T) {
		id1, email1, at1 := text.Draw(t, "customerId 1"), text.Draw(t, "email 1"), instant.Draw(t, "createdAt 1")
		id2, email2, at2 := text.Draw(t, "customerId 2"), text.Draw(t, "email 2"), instant.Draw(t, "createdAt 2")
		if rapid.Bool().Draw(t, "move the border") { // the same characters, divided differently
			whole := id1 + "|" + email1
			border := rapid.IntRange(0, len(whole)).Draw(t, "border")
			id2, email2, at2 = whole[:border], whole[border:], at1
		}
		same := id1 == id2 && email1 == email2 && at1.Equal(at2)
		if equal := record.Identity(id1, email1, at1) == record.Identity(id2, email2, at2); equal != same {
			t.Fatalf("(%q %q %v) and (%q %q %v): same _id %v", id1, email1, at1, id2, email2, at2, equal)
		}
	})
}

func TestFormatTime(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), "2024-01-02T03:04:05Z"},
		{time.Date(2024, 1, 2, 3, 4, 5, 0, zone), "2024-01-02T08:04:05Z"},
		{time.Date(2024, 1, 2, 3, 4, 5, 120_000_000, time.UTC), "2024-01-02T03:04:05.12Z"},
		{time.Date(2024, 1, 2, 3, 4, 5, 999_999_999, time.UTC), "2024-01-02T03:04:05.999999Z"},
		{time.Date(2024, 1, 2, 3, 4, 5, 999, time.UTC), "2024-01-02T03:04:05Z"},
		{time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), "0001-01-01T00:00:00.000001Z"},
		{time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), "9999-12-31T23:59:59.999999Z"},
	} {
		if got := record.FormatTime(c.at); got != c.want {
			t.Errorf("%v: got %s, want %s", c.at, got, c.want)
		}
	}
}
