package file_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"ingestion/producer/file"
	"ingestion/producer/mapping"
)

// FuzzUnquoted reads tables as databases write them: a line is a row, and what is between
// tabs is a field.
func FuzzUnquoted(f *testing.F) {
	for _, seed := range []string{"1\tAda \"L\te\tt\n\"\t\"\t\"\t\"\r\n", "1\t\\N\te\tt\r2\ta\\tb\te\t\\N", "\\N\t\\N\t\\N\t\\N\n\n \t\t\n1\ta\te\n", "1\ta\te\tt\t\t\n#N/A\ta\te\tt\n1\t\xff\te\tt"} {
		f.Add(seed)
	}
	names := strings.Split(strings.TrimSpace(header), ",")
	f.Fuzz(func(t *testing.T, text string) {
		var want tally
		var records [][]string
		for _, line := range split(text) {
			line = strings.TrimRight(line, "\r\n")
			fields := strings.Split(line, "\t")
			for i, field := range fields {
				if field == `\N` && utf8.ValidString(line) {
					fields[i] = ""
				}
			}
			for len(fields) > 4 && strings.TrimSpace(fields[len(fields)-1]) == "" {
				fields = fields[:len(fields)-1]
			}
			switch {
			case strings.TrimSpace(line) == "":
				want.blank++
			case !utf8.ValidString(line), len(fields) != 4, strings.HasPrefix(fields[0], "\ufeff"), slices.Equal(fields, names),
				slices.ContainsFunc(fields, func(field string) bool { return mapping.SpreadsheetFault(field) != "" }):
				want.reported++
			default:
				want.records++
				records = append(records, fields)
			}
		}
		text = strings.Join(names, "\t") + "\n" + text
		o := file.Options{Format: file.CSV, Delimiter: '\t', NoQuotes: true}
		got, lines, err := tallyAll(t, strings.NewReader(text), o)
		if err != nil || got != want {
			t.Fatalf("%q: %+v (%v), want %+v", text, got, err, want)
		}
		for i, line := range lines {
			var body struct{ CustomerID, Name, Email, CreatedAt string }
			if err := json.Unmarshal(line.Body, &body); err != nil {
				t.Fatalf("%q: %v", line.Body, err)
			}
			if fields := []string{body.CustomerID, body.Name, body.Email, body.CreatedAt}; !slices.Equal(fields, records[i]) {
				t.Fatalf("%q is read as %q, want %q", line.Raw, fields, records[i])
			}
		}
		if slow, _, err := tallyAll(t, iotest.OneByteReader(strings.NewReader(text)), o); err != nil || slow != got {
			t.Fatalf("%q: %+v (%v), byte by byte %+v", text, got, err, slow)
		}
	})
}
