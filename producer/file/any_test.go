package file_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"ingestion/producer/file"
)

// packings are the ways to compress a file that was written in parts.
var packings = map[string]func(parts []string) []byte{
	"none":        func(parts []string) []byte { return []byte(strings.Join(parts, "")) },
	"gzip":        func(parts []string) []byte { return packed(strings.Join(parts, "")) },
	"zstd":        func(parts []string) []byte { return zipped(strings.Join(parts, "")) },
	"joined gzip": func(parts []string) []byte { return join(parts, packed) },
	"joined zstd": func(parts []string) []byte { return join(parts, zipped) },
}

func join(parts []string, pack func(string) []byte) (all []byte) {
	for _, part := range parts {
		all = append(all, pack(part)...)
	}
	return all
}

type charset struct {
	option string
	in     encoding.Encoding
	chars  string // a regular expression for a field
}

const anyChar = `[\x{0}-\x{d7ff}\x{e000}-\x{fffc}\x{10000}-\x{10ffff}]*`

var charsets = map[string]charset{
	"UTF-8":        {"", encoding.Nop, anyChar},
	"UTF-16LE":     {"", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), anyChar},
	"UTF-16BE":     {"utf-16", unicode.UTF16(unicode.BigEndian, unicode.UseBOM), anyChar},
	"Latin-1":      {"latin1", charmap.ISO8859_1, `[\x00-\x7f\xa0-\xff]*`},
	"windows-1252": {"windows-1252", charmap.Windows1252, `[\x00-\x7f€äß]*`},
}

func pick[T any](t *rapid.T, from map[string]T, label string) T {
	names := make([]string, 0, len(from))
	for name := range from {
		names = append(names, name)
	}
	slices.Sort(names)
	return from[rapid.SampledFrom(names).Draw(t, label)]
}

// What is written as CSV is read, however it is written.
func TestAnyCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := pick(t, charsets, "charset")
		names := []string{"customerId", "name", "email", "createdAt", "note"}
		rows := rapid.SliceOf(rapid.SliceOfN(rapid.StringMatching(set.chars), 5, 5)).Draw(t, "rows")
		comma := rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "comma")
		var parts []string
		for _, row := range append([][]string{names}, rows...) {
			parts = append(parts, written(t, row, comma))
		}
		if rapid.Bool().Draw(t, "open end") {
			last := &parts[len(parts)-1]
			*last = strings.TrimRight(*last, "\r\n")
		}
		for i, part := range parts {
			encoder := set.in
			if i > 0 {
				encoder = withoutMark(encoder)
			}
			encoded, err := encoder.NewEncoder().String(part)
			must0(t, err)
			parts[i] = encoded
		}
		content := pick(t, packings, "packing")(parts)
		r, err := file.NewReader(bytes.NewReader(content), file.Options{Encoding: set.option})
		must0(t, err)
		for _, row := range rows {
			if strings.TrimSpace(strings.Join(row, "")) == "" {
				continue
			}
			line, err := r.Next()
			must0(t, err)
			if strings.HasPrefix(row[0], "\ufeff") {
				checkFault(t, line, file.RowError{Column: 1, Field: names[0], Reason: "begins with a byte order mark; was another file appended here?"})
				continue
			}
			if column := rowsIn(row, string(comma)); column > 0 {
				checkSwallowed(t, line, column, names[column-1])
				continue
			}
			must0(t, line.Err)
			checkRow(t, line, names, row, comma)
		}
		if line, err := r.Next(); err != io.EOF {
			t.Fatalf("after the last: %s %v %v", line.Body, line.Err, err)
		}
	})
}

// written returns a row as CSV with a random line end, and now and then a blank line.
func written(t *rapid.T, row []string, comma rune) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = comma
	must0(t, w.Write(row))
	w.Flush()
	end := rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\n\n", "\r\r\n"}).Draw(t, "end")
	return strings.TrimSuffix(b.String(), "\n") + end
}

func withoutMark(e encoding.Encoding) encoding.Encoding {
	switch e {
	case charsets["UTF-16LE"].in:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case charsets["UTF-16BE"].in:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return e
}

func checkRow(t *rapid.T, line file.Line, names, row []string, comma rune) {
	got, want := map[string]string{}, map[string]string{}
	if err := json.Unmarshal(line.Body, &got); err != nil {
		t.Fatalf("%q: %v", line.Body, err)
	}
	for i, name := range names {
		want[name] = row[i]
	}
	if !cmp.Equal(got, want) {
		t.Fatal(cmp.Diff(want, got))
	}
	raw := csv.NewReader(bytes.NewReader(line.Raw))
	raw.Comma = comma
	again, err := raw.Read()
	for i := range row {
		row[i] = strings.ReplaceAll(row[i], "\r\n", "\n") // encoding/csv does so
	}
	if err != nil || !slices.Equal(again, row) {
		t.Fatalf("the raw row %q is %q (%v), want %q", line.Raw, again, err, row)
	}
}

func checkFault(t *rapid.T, line file.Line, want file.RowError) {
	var got *file.RowError
	if !errors.As(line.Err, &got) {
		t.Fatalf("%q: error %v, want %v", line.Raw, line.Err, want.Reason)
	}
	want.Line = got.Line
	if *got != want {
		t.Fatal(cmp.Diff(want, *got))
	}
}

// checkSwallowed checks the fault of a field that seems to have whole rows in it.
func checkSwallowed(t *rapid.T, line file.Line, column int, name string) {
	checkFault(t, line, file.RowError{Column: column, Field: name, Hint: file.HintQuotes, Reason: fmt.Sprintf(
		"the quoted value ends on line %d, and has lines that look like rows: perhaps a quote is missing", line.After-1)})
}

func must0(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnyLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bodies := rapid.SliceOf(rapid.StringMatching(`[^\x00\r\n\x{feff}]{0,20}[^\x00\s\v\x{feff}]`)).Draw(t, "bodies")
		var text strings.Builder
		for _, body := range bodies {
			text.WriteString(body + rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "end"))
		}
		from := rapid.IntRange(0, len(bodies)+3).Draw(t, "from")
		got, _, err := readAll(strings.NewReader(text.String()), file.Options{Format: file.NDJSON, FromLine: from})
		var refused *file.Refusal
		if from > len(bodies)+1 {
			if !errors.As(err, &refused) {
				t.Fatalf("from line %d of %d: %v", from, len(bodies), err)
			}
			return
		}
		var want []string
		for i, body := range bodies {
			if i+1 >= from {
				want = append(want, fmt.Sprintf("%d-%d %s", i+1, i+2, body))
			}
		}
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%v %s", err, cmp.Diff(want, got))
		}
	})
}

// What is written as JSON is read, in an array or not, indented or not. Whoever
// continues after any record reads the rest, perhaps with records of its last line.
func TestAnyJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.MapOf(rapid.String(), rapid.SliceOfN(rapid.String(), 0, 3))).Draw(t, "values")
		indent := rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent")
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r", ""}).Draw(t, "end")
		array := rapid.Bool().Draw(t, "array")
		var want, texts []string
		for _, value := range values {
			compact, err := json.Marshal(value)
			must0(t, err)
			text := compact
			if indent != "" {
				text, err = json.MarshalIndent(value, "", indent)
				must0(t, err)
			}
			want = append(want, string(compact))
			texts = append(texts, string(text))
		}
		text := strings.Join(texts, end)
		if array {
			text = "[" + end + strings.Join(texts, ","+end) + end + "]"
		}
		text = strings.ReplaceAll(text, "\n", rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "line end"))
		lines := readJSON(t, text, 0)
		if got := bodies(lines); !slices.Equal(got, want) {
			t.Fatalf("%q is read as %q, want %q", text, got, want)
		}
		for i, line := range lines {
			rest := bodies(readJSON(t, text, line.After))
			if skipped := len(want) - len(rest); skipped > i+1 || !slices.Equal(rest, want[skipped:]) {
				t.Fatalf("after record %d, from line %d: %q", i, line.After, rest)
			}
		}
	})
}

func readJSON(t *rapid.T, text string, from int) (lines []file.Line) {
	r, err := file.NewReader(strings.NewReader(text), lenient(file.Options{Format: file.JSON, FromLine: from}))
	must0(t, err)
	for {
		line, err := r.Next()
		if err == io.EOF {
			return lines
		}
		must0(t, err)
		must0(t, line.Err)
		lines = append(lines, line)
	}
}

func bodies(lines []file.Line) []string {
	all := []string{}
	for _, line := range lines {
		var compact bytes.Buffer
		if err := json.Compact(&compact, line.Body); err != nil {
			panic(err)
		}
		all = append(all, compact.String())
	}
	return all
}
