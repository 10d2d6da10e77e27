package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ingestion/producer/mapping"
	"ingestion/record"
)

func TestJoinedValues(t *testing.T) {
	const header = "first;middle;last;customerId;email;createdAt"
	for _, c := range []struct{ expression, row, want string }{
		{"first+ +middle+ +last", "Ada;K;Lovelace", "Ada K Lovelace"},
		{"first+ +middle+ +last", "Ada;;Lovelace", "Ada Lovelace"},
		{"first+ +middle+ +last", "Ada; ;Lovelace", "Ada Lovelace"},
		{"first+ +middle+ +last", ";K;Lovelace", "K Lovelace"},
		{"first+ +middle+ +last", "Ada;;", "Ada"},
		{"first+ +middle+ +last", ";;", ""},
		{"first+ +middle+ +last", " Ada ;K;\u00a0Lovelace ", "Ada K Lovelace"},
		{"last+, +first+ +middle", "Ada;K;Lovelace", "Lovelace, Ada K"},
		{"last+, +first+ +middle", ";K;Lovelace", "Lovelace K"},
		{"first+last", "Ada;K;Lovelace", "AdaLovelace"},
		{"'Dr. '+last+'!'", "Ada;K;Lovelace", "Dr. Lovelace!"},
		{"'Dr. '+last+'!'", "Ada;K;", ""},
		{"'Dr. '+first+ +last", ";K;Lovelace", "Dr. Lovelace"},
		{"first+'-'+'/'+last", "Ada;K;Lovelace", "Ada-/Lovelace"},
		{"first", " Ada ;K;Lovelace", " Ada "}, // one column remains as it is
	} {
		got, err := object(t, mapping.Options{Fields: fields("name", c.expression)}, header, c.row+";42;a@b.co;2024")
		var o map[string]string
		if err != nil || json.Unmarshal([]byte(got), &o) != nil || o["name"] != c.want {
			t.Errorf("%s of %s: got %q, %v, want %q", c.expression, c.row, o["name"], err, c.want)
		}
	}
}

func TestRowsOfAnotherLength(t *testing.T) {
	const header = "customerId;name;email;createdAt"
	for row, want := range map[string]string{
		"Lovelace;Ada;a@b.co;2024;42": "5 fields, the header has 4",
		"42":                          "1 field, the header has 4",
	} {
		_, err := object(t, mapping.Options{}, header, row)
		var fault *mapping.Error
		if !errors.As(err, &fault) || fault.Reason != want || err.Error() != want {
			t.Errorf("%s: got %v, want %s", row, err, want)
		}
	}
}

// What a spreadsheet has exported instead of a value is no value: two customers would
// share it.
func TestWhatASpreadsheetHasDamaged(t *testing.T) {
	const header = "customerId;name;email;createdAt;score"
	for row, want := range map[string]string{
		"1.23457E+12;Ada;a@b.co;2024;1":         `customerId: column 1 ("customerId"): the number 1.23457E+12 was rounded by a spreadsheet: export the column in the number format 0, or store it as text`,
		"1,23457E+12;Ada;a@b.co;2024;1":         `customerId: column 1 ("customerId"): the number 1,23457E+12 was rounded by a spreadsheet: export the column in the number format 0, or store it as text`,
		"1.23456789012346E+15;Ada;a@b.co;2024;": `customerId: column 1 ("customerId"): the number 1.23456789012346E+15 has more than the 15 digits that a spreadsheet keeps: store it as text`,
		"42;#N/A;a@b.co;2024;1":                 `name: column 2 ("name"): the cell has the error #N/A`,
		"42;#1 Cars;a@b.co;2024;#N/A":           "",
		"E+12;1.2e+12;a@b.co;2024;1.2E+12":      "",
	} {
		_, err := object(t, mapping.Options{}, header, row)
		if got := fmt.Sprint(err); got != want && !(err == nil && want == "") {
			t.Errorf("%s: got %v, want %s", row, err, want)
		}
	}
}

// texts are field values, with what JSON has to escape.
var texts = rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\"\\/\x00\x1f\x7f\n\t é\u2028😀"))), 0, 12, -1)

// names are names of columns that have no special meaning.
var names = rapid.StringOfN(rapid.SampledFrom([]rune("abcXYZ éß\"\\;_-0189")), 0, 8, -1).Filter(func(s string) bool {
	return strings.TrimSpace(s) == s && s != ""
})

func TestRowsDecodeToTheSameValues(t *testing.T) {
	m, err := mapping.New(mapping.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		header := append([]string{"customerId", "name", "email", "createdAt"}, rapid.SliceOfNDistinct(names, 0, 6, rapid.ID).Draw(t, "names")...)
		header = rapid.Permutation(header).Draw(t, "header")
		want := map[string]string{}
		row := make([]string, len(header))
		for i := range row {
			row[i] = texts.Draw(t, "value")
			want[header[i]] = row[i]
		}
		r, err := m.Header(header)
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Object(row)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(body, &got); err != nil || !maps.Equal(got, want) {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	})
}

// The worker refuses an object that has a name twice, so whatever a header is like,
// the body's names differ and none of the values is lost.
func TestRowsKeepAllValuesUnderDifferentNames(t *testing.T) {
	m, err := mapping.New(mapping.Options{Fields: fields("customerId", "ID", "name", "Given+ +Family", "email", "Mail", "createdAt", "Date")})
	if err != nil {
		t.Fatal(err)
	}
	used := []string{"ID", "Given", "Family", "Mail", "Date"}
	odd := rapid.SampledFrom([]string{"", " ", "x", "X", "x (2)", "column1", "column7", "customerId", "name", "email", "createdAt", "name (2)", "\ufeff"})
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.Permutation(append(rapid.SliceOfN(odd, 0, 8).Draw(t, "others"), used...)).Draw(t, "header")
		row := make([]string, len(header))
		var want []string
		for i, name := range header {
			row[i] = fmt.Sprintf("value %d", i)
			if !slices.Contains(used, name) {
				want = append(want, row[i])
			}
		}
		r, err := m.Header(header)
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Object(row)
		if err != nil {
			t.Fatal(err)
		}
		value := func(name string) string { return row[slices.Index(header, name)] }
		want = append([]string{value("ID"), value("Given") + " " + value("Family"), value("Mail"), value("Date")}, want...)
		if got := values(t, body); !slices.Equal(got, want) {
			t.Fatalf("%s has %q, want %q", body, got, want)
		}
		var refusal *record.Refusal
		if _, err := new(record.Decoder).Decode(body); errors.As(err, &refusal) && refusal.Outcome == record.Malformed {
			t.Fatalf("%s: %v", body, err)
		}
	})
}

// values returns the values of an object in their order.
func values(t *rapid.T, body []byte) (all []string) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		value, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, value.(string))
	}
	return all
}

func TestObjectAllocatesOnce(t *testing.T) {
	for what, o := range map[string]mapping.Options{
		"columns":     {},
		"expressions": {Fields: fields("name", "first+ +last")},
		"a layout":    {TimeFormat: "2006-01-02 15:04:05"},
		"strftime":    {TimeFormat: "%Y-%m-%d %H:%M:%S"},
	} {
		r, row := benchmarkRow(t, o)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := r.Object(row); err != nil {
				t.Fatal(err)
			}
		}); n > 1 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func benchmarkRow(t testing.TB, o mapping.Options) (*mapping.Row, []string) {
	m, err := mapping.New(o)
	if err != nil {
		t.Fatal(err)
	}
	header := []string{"Customer ID", "name", "first", "last", "Email", "Created At", "Phone", "City", "Notes"}
	r, err := m.Header(header)
	if err != nil {
		t.Fatal(err)
	}
	return r, []string{"6543210987", "Ada Lovelace", "Ada", "Lovelace", "ada@example.com", "2024-01-31 12:34:56", "+44 20 7946 0000", "London", "prefers \"e-mail\""}
}

func BenchmarkRowObject(b *testing.B) {
	for _, c := range []struct {
		name    string
		options mapping.Options
	}{
		{"columns", mapping.Options{}},
		{"expression", mapping.Options{Fields: fields("name", "first+ +last")}},
		{"strftime", mapping.Options{TimeFormat: "%Y-%m-%d %H:%M:%S"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, row := benchmarkRow(b, c.options)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Object(row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
