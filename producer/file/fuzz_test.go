package file_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"ingestion/producer/file"
	"ingestion/producer/mapping"
)

// tally counts what became of the rows of a file.
type tally struct {
	records, reported, blank int
}

// tallyAll reads on after each error that concerns one record. It returns the last
// error that ends the reading, unless that is the end of the file.
func tallyAll(t *testing.T, r io.Reader, o file.Options) (n tally, lines []file.Line, err error) {
	t.Helper()
	reader, err := file.NewReader(r, lenient(o))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for after := 1; ; {
		line, err := reader.Next()
		var bad *file.LineError
		switch {
		case errors.Is(err, io.EOF):
			n.blank = reader.Blank()
			return n, lines, nil
		case errors.As(err, &bad) && bad.BadRecord:
			n.reported++
			continue
		case err != nil:
			return n, lines, err
		case line.Number < after:
			t.Fatalf("line %d comes after one that ends before line %d", line.Number, after)
		case line.Err != nil:
			n.reported++
		default:
			n.records++
			lines = append(lines, line)
		}
		after = line.After
	}
}

var lineEnd = regexp.MustCompile("\r\n|\r|\n")

// split returns the lines of a text, each with its end.
func split(text string) (lines []string) {
	for len(text) > 0 {
		end := len(text)
		if at := lineEnd.FindStringIndex(text); at != nil {
			end = at[1]
		}
		lines, text = append(lines, text[:end]), text[end:]
	}
	return lines
}

// The grammar of a row, and of one whose last field is open (RFC 4180).
var (
	wholeRow = regexp.MustCompile(`^(?s:"(?:[^"]|"")*"|[^",]*)(?:,(?s:"(?:[^"]|"")*"|[^",]*))*$`)
	openRow  = regexp.MustCompile(`^(?:(?s:"(?:[^"]|"")*"|[^",]*),)*"(?s:(?:[^"]|"")*)$`)
)

// expectCSV says what must become of the rows after the header, and returns the
// fields of the records.
func expectCSV(text string) (n tally, records [][]string) {
	lines := split(text)
	for len(lines) > 0 {
		row, used := strings.TrimRight(lines[0], "\r\n"), 1
		for openRow.MatchString(row) && used < len(lines) {
			row = strings.Join(lines[:used+1], "")
			used++
			row = strings.TrimSuffix(row, lineEnd.FindString(lines[used-1]))
		}
		if !wholeRow.MatchString(row) {
			n.reported++
			lines = lines[1:]
			continue
		}
		lines = lines[used:]
		fields := fieldsOf(row)
		for len(fields) > 4 && strings.TrimSpace(fields[len(fields)-1]) == "" {
			fields = fields[:len(fields)-1]
		}
		switch {
		case strings.TrimSpace(strings.Join(fields, "")) == "":
			n.blank++
		case !utf8.ValidString(row), len(fields) != 4, strings.HasPrefix(fields[0], "\ufeff"), strings.Join(fields, ",")+"\n" == header,
			rowsIn(fields, ",") > 0, slices.Contains(fields, `\N`),
			slices.ContainsFunc(fields, func(field string) bool { return mapping.SpreadsheetFault(field) != "" }):
			n.reported++
		default:
			n.records++
			records = append(records, fields)
		}
	}
	return n, records
}

func fieldsOf(row string) []string {
	if row == "" {
		return []string{""}
	}
	r := csv.NewReader(strings.NewReader(strings.NewReplacer("\r", "\ue000").Replace(row))) // which reads CRLF as LF
	r.FieldsPerRecord = -1
	fields, err := r.Read()
	if err != nil {
		return nil
	}
	for i := range fields {
		fields[i] = strings.ReplaceAll(fields[i], "\ue000", "\r")
	}
	return fields
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"1,Ada,a@b.co,2024\n", "1,Ada,a@b.co\r\n1,a,b,c,d\r", "1,\"a\nb\",e,t\r\n\"\",\"\"\"\",e,t", "1,\"a\n2,b,e,t\n", ",,,,\n \n1,a,e,t,,",
		"1, \"a, b\",e,t\n", "1,\"a\"b,e,t\n", "1,M\xfcller,e,t\n", header, "\ufeff" + header, "1,5\",e,t\n", "\ufeff2,b,e,t\n1.2E+12,b,e,t\n", "\"1,a\r2,b\r\n\"x\n3,c,e,t", "1,\"a,e,t\n2,b\",e,t\n1,\\N,e,t\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\ue000") {
			return // used by fieldsOf
		}
		want, records := expectCSV(text)
		o := file.Options{Format: file.CSV, Delimiter: ','}
		got, lines, err := tallyAll(t, strings.NewReader(header+text), o)
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
		if slow, _, err := tallyAll(t, iotest.OneByteReader(strings.NewReader(header+text)), o); err != nil || slow != got {
			t.Fatalf("%q: %+v (%v), byte by byte %+v", text, got, err, slow)
		}
	})
}

func FuzzNDJSON(f *testing.F) {
	for _, seed := range []string{"{}\n{}\n", "{}\r\r\n \r{}", "\xff\n{\n", "\n\n\r\n\r", "{\"a\":\"\u2028\"}\v\n\t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want tally
		var bodies []string
		ascii, foreign := true, false // whether the lines so far, or the first that is not ASCII
		if strings.HasPrefix(text, "\ufeff") {
			ascii, foreign = false, true
		}
		for _, line := range split(strings.TrimPrefix(text, "\ufeff")) {
			line = strings.TrimRight(line, "\r\n")
			if ascii && strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
				ascii, foreign = false, !utf8.ValidString(line)
			}
			switch {
			case strings.Trim(line, " \t\v\f") == "":
				want.blank++
			case foreign && !utf8.ValidString(line):
				want.reported++
			default:
				want.records++
				bodies = append(bodies, line)
			}
		}
		o := file.Options{Format: file.NDJSON, Encoding: "utf-8"}
		for way, r := range map[string]io.Reader{"plain": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
			if bytes.HasPrefix([]byte(text), []byte{0x1f, 0x8b}) || bytes.HasPrefix([]byte(text), []byte{0x28, 0xb5, 0x2f, 0xfd}) || strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
				return // compressed, or another encoding
			}
			got, lines, err := tallyAll(t, r, o)
			if err != nil || got != want {
				t.Fatalf("%q, %s: %+v (%v), want %+v", text, way, got, err, want)
			}
			for i, line := range lines {
				if string(line.Body) != bodies[i] {
					t.Fatalf("%q, want %q", line.Body, bodies[i])
				}
			}
		}
	})
}

// expectJSON returns the compact records of a text by another decoder, and the number
// of values that are no objects. It is not ok if the text is not valid.
func expectJSON(text string) (records []string, others int, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var value json.RawMessage
		if err := d.Decode(&value); err == io.EOF {
			return records, others, true
		} else if err != nil {
			return nil, 0, false
		}
		elements := []json.RawMessage{value}
		if value[0] == '[' {
			if json.Unmarshal(value, &elements) != nil {
				return nil, 0, false
			}
		}
		for _, element := range elements {
			if element[0] != '{' || !utf8.Valid(element) {
				others++
				continue
			}
			var compact bytes.Buffer
			if json.Compact(&compact, element) != nil {
				return nil, 0, false
			}
			records = append(records, compact.String())
		}
	}
}

// lineSeparator is a record separator at the beginning of a line.
var lineSeparator = regexp.MustCompile("([\r\n])\x1e")

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`[{"a":1},{"b":[2,{}]}]`, "{\n\"a\":1\r\n}\r{}\n", `{}{} [] [1,"x",null,[{}]]`, "[{},", "{\"\xff\":1}", `{"a":"\ud800"}`, `[{"a":1,"a":2}`, "\x1e{}\n\x1e{\n\x1e\"a\":1}\n{\"\x1e\":1}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = "\n" + text // no compression, no byte order mark
		records, others, ok := expectJSON(lineSeparator.ReplaceAllString(text, "$1 "))
		for way, r := range map[string]io.Reader{"plain": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
			got, lines, err := tallyAll(t, r, file.Options{Format: file.JSON, Encoding: "utf-8"})
			if ok != (err == nil) {
				t.Fatalf("%q, %s: valid %t, but %v", text, way, ok, err)
			}
			if !ok {
				continue
			}
			if got.records != len(records) || got.reported != others {
				t.Fatalf("%q, %s: %+v, want %d records and %d others", text, way, got, len(records), others)
			}
			for i, line := range lines {
				var compact bytes.Buffer
				if err := json.Compact(&compact, line.Body); err != nil || compact.String() != records[i] || bytes.ContainsAny(line.Body, "\r\n") {
					t.Fatalf("%q, want %q (%v)", line.Body, records[i], err)
				}
			}
		}
	})
}
