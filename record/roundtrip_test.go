package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"

	"ingestion/record"
)

// stored draws a record in its stored form, without an _id.
func stored(t *rapid.T) record.Record {
	text := func(label string, maxBytes int, alphabet ...rune) string {
		s := rapid.StringOfN(rapid.SampledFrom(alphabet), 1, -1, maxBytes-2).Draw(t, label)
		return "x" + s + "x" // so that neither end is white space
	}
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
	return record.Record{
		CustomerID: text("customerId", 256, 'a', '|', '\\', '"', '/', ' ', 'é', '中', '😀', '\u2028', '\ufeff', '\uffff'),
		Name:       text("name", 1024, 'A', '\'', '\\', '"', '\t', '\x00', '\x1f', '\u0085', 'ß', '\U0010ffff', '\ud7ff'),
		Email: text("local part", 64, 'a', 'Z', '9', '|', '{', '#', 'é', '中', '😀') + "@" +
			rapid.SampledFrom([]string{"example.com", "bücher.example", "a-b.c1.org", "موقع.شبكة", "例え.jp"}).Draw(t, "domain"),
		CreatedAt: time.UnixMicro(rapid.Int64Range(first, last).Draw(t, "createdAt")).UTC(),
	}
}

// spelled writes text as a JSON string with randomly chosen escapes.
func spelled(t *rapid.T, text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		escape := rapid.Bool().Draw(t, "escape")
		switch {
		case !escape && r >= ' ' && r != '"' && r != '\\':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04X`, high, low)
		case strings.ContainsRune(`"\/`, r) && rapid.Bool().Draw(t, "short escape"):
			b.WriteString(`\` + string(r))
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// A record is decoded correctly from any of its encodings.
func TestDecodeAnyEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := stored(t)
		want.ID = record.Identity(want.CustomerID, want.Email, want.CreatedAt)
		space := rapid.StringOfN(rapid.SampledFrom([]rune(" \t\r\n")), 0, 2, -1)
		members := []string{`"Name":[{"name":null}]`}
		for _, m := range [][2]string{
			{"customerId", want.CustomerID}, {"name", want.Name}, {"email", want.Email}, {"createdAt", record.FormatTime(want.CreatedAt)},
		} {
			members = append(members, space.Draw(t, "")+spelled(t, m[0])+space.Draw(t, "")+":"+space.Draw(t, "")+spelled(t, m[1]))
		}
		body := "{" + strings.Join(rapid.Permutation(members).Draw(t, "order"), ",") + " }"
		got, err := record.Decoder{}.Decode([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if got != want {
			t.Fatalf("%s:\ngot  %+v\nwant %+v", body, got, want)
		}
	})
}
