package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/producer/file"
)

// Each row is followed by a good one, which must still be read.
func TestRowErrors(t *testing.T) {
	const good = "8,Grace,g@quillmarsh.net,2024\n"
	for name, c := range map[string]struct {
		header, row string
		want        file.RowError
	}{
		"more fields": {"email,createdAt,name,customerId\n", "a@b.co,2024-01-15,Lovelace, Ada,42\n",
			file.RowError{Line: 2, Reason: "5 fields, the header has 4", Hint: file.HintQuote}},
		"fewer fields":         {header, "1,Ada,a@b.co\n", file.RowError{Line: 2, Reason: "3 fields, the header has 4", Hint: file.HintQuote}},
		"another delimiter":    {header, "1;Ada;a@b.co;2024\n", file.RowError{Line: 2, Reason: "1 field, the header has 4", Hint: file.HintDelimiter}},
		"a value far right":    {header, "1,Ada,a@b.co,2024,,x,\n", file.RowError{Line: 2, Reason: "6 fields, the header has 4", Hint: file.HintQuote}},
		"the header again":     {header, header, file.RowError{Line: 2, Reason: "the header again; was another file appended here?"}},
		"a mark in a row":      {header, "\ufeff2,B,e,t\n", file.RowError{Line: 2, Column: 1, Field: "customerId", Reason: "begins with a byte order mark; was another file appended here?"}},
		"the header with mark": {header, "\ufeff" + header, file.RowError{Line: 2, Reason: "the header again; was another file appended here?"}},
		"space before a quote": {header, `1, "Ada, L", a@b.co, 2024` + "\n", file.RowError{Line: 2, Column: 2, Field: "name", Reason: "a space is before the opening quote of the field", Hint: file.HintQuotes}},
		"space after a quote":  {header, `1,"Ada, L" ,a@b.co,2024` + "\n", file.RowError{Line: 2, Column: 2, Field: "name", Reason: "text follows the closing quote of the field", Hint: file.HintQuotes}},
		"quote in a field":     {header, `1,Ada,a@b.co,5" pipe` + "\n", file.RowError{Line: 2, Column: 4, Field: "createdAt", Reason: "a quote is within a field that does not begin with one; quote the field and double the quote", Hint: file.HintQuotes}},
		"Latin-1":              {header, "1,M\xfcller,a@b.co,2024\n", file.RowError{Line: 2, Column: 2, Field: "name", Reason: "the byte 0xFC is not valid UTF-8", Hint: file.HintEncoding}},
		"Latin-1 in quotes":    {header, "1,\"a\n\"\"M\xfcller\",a@b.co,2024\n", file.RowError{Line: 2, Column: 2, Field: "name", Reason: "the byte 0xFC is not valid UTF-8", Hint: file.HintEncoding}},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.header + c.row + good
			r, err := file.NewReader(strings.NewReader(text), file.Options{})
			if err != nil {
				t.Fatal(err)
			}
			line, err := r.Next()
			var got *file.RowError
			if err != nil || !errors.As(line.Err, &got) {
				t.Fatalf("%s %v %v", line.Body, line.Err, err)
			}
			if d := cmp.Diff(c.want, *got); d != "" || line.Number != c.want.Line || line.Body != nil {
				t.Errorf("line %d (-want +got):\n%s", line.Number, d)
			}
			if string(line.Raw) != strings.TrimSuffix(c.row, "\n") {
				t.Errorf("the raw row is %q", line.Raw)
			}
			if line, err := r.Next(); err != nil || line.Err != nil || len(line.Body) == 0 || int(line.End) != len(text) {
				t.Errorf("then %+v, %v", line, err)
			}
		})
	}
}

func TestJSONThatIsNotUTF8(t *testing.T) {
	r, err := file.NewReader(strings.NewReader("[\n{\"a\":{\"name\":\"M\xfcller\"}},\n{\"pr\xe9nom\":1},\n{}]"), lenient(file.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []file.RowError{
		{Line: 2, Field: "name", Reason: "the byte 0xFC is not valid UTF-8", Hint: file.HintEncoding},
		{Line: 3, Field: "pr\ufffdnom", Reason: "the byte 0xE9 is not valid UTF-8", Hint: file.HintEncoding},
	} {
		line, err := r.Next()
		var got *file.RowError
		if err != nil || !errors.As(line.Err, &got) || *got != want || line.Body != nil {
			t.Errorf("%s %v %v, want %v", line.Body, line.Err, err, &want)
		}
	}
	if line, err := r.Next(); err != nil || string(line.Body) != "{}" {
		t.Errorf("then %s, %v", line.Body, err)
	}
}

func TestRowErrorNamesThePlace(t *testing.T) {
	for want, err := range map[string]file.RowError{
		"line 2: 5 fields, the header has 4": {Line: 2, Reason: "5 fields, the header has 4"},
		"line 2, column 3 (name): bad":       {Line: 2, Column: 3, Field: "name", Reason: "bad"},
		"line 2 (name): bad":                 {Line: 2, Field: "name", Reason: "bad"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLineErrors(t *testing.T) {
	four := strings.Repeat("{\"n\":1}\n", 4)
	gzipped, zstded := string(packed(four)), string(zipped(four))
	damaged := gzipped[:len(gzipped)-8] + "\x00\x00\x00\x00" + gzipped[len(gzipped)-4:]
	cutCSV := string(packed(header + strings.Repeat("1,a,e,t\n", 3) + "\"open\n"))
	long := "{" + strings.Repeat("x", 50)
	pretty := "{\n\"a\":1\n}\n"
	for name, c := range map[string]struct {
		text string
		o    file.Options
		line int
		say  string
		read int
		bad  bool
	}{
		"long line":                     {"{}\n\n" + long + "\nb\n", file.Options{MaxLine: 40}, 3, "longer than 40 bytes", 1, true},
		"long first line":               {long, file.Options{MaxLine: 40}, 1, "longer than 40 bytes", 0, true},
		"open quote":                    {header + "1,a,e,t\n1,\"a\nb\nc\n", file.Options{}, 3, "not closed", 1, true},
		"odd quote":                     {header + "1,a,e,t\n1,\"a\nb\"c\nd", file.Options{}, 3, "not closed correctly: in column 2, text follows the closing quote", 1, true},
		"long open quote":               {header + "1,a,e,t\n\n\"a\n" + strings.Repeat("b\n", 900_000), file.Options{MaxLine: 4000}, 4, "longer than 4000", 1, true},
		"truncated gzip":                {gzipped[:len(gzipped)-8], file.Options{}, 5, "the gzip file is truncated", 4, false},
		"truncated gzip of CSV":         {cutCSV[:len(cutCSV)-8], file.Options{}, 5, "the gzip file is truncated", 3, false},
		"truncated gzip while skipping": {gzipped[:len(gzipped)-8], file.Options{FromLine: 9}, 5, "the gzip file is truncated", 0, false},
		"damaged gzip":                  {damaged, file.Options{}, 5, "the gzip file is damaged", 4, false},
		"truncated zstd":                {zstded[:len(zstded)-2], file.Options{}, 5, "the zstd file is truncated", 4, false},
		"invalid JSON":                  {pretty + "{\n\"a\":x\n}\n", file.Options{}, 5, "invalid JSON", 1, false},
		"a comma after the last":        {"[{},\n{},\n \n]\n", file.Options{}, 2, "invalid JSON: a comma follows the last element of an array", 2, false},
		"a comma after a record":        {"[{},\n{}\n,\r\n]\n", file.Options{}, 3, "invalid JSON: a comma follows the last element of an array", 2, false},
		"a comma in an object":          {"[{},\n{\n\"a\":1,\n},{}]\n", file.Options{}, 3, "invalid JSON: a comma follows the last member of an object", 1, false},
		"two commas":                    {"[{},\n{},\n,{}]\n", file.Options{}, 3, "invalid JSON: invalid character ','", 2, false},
		"cut-off JSON":                  {pretty + "{\n\"a\":1\n", file.Options{}, 4, "the file ends within a JSON value", 1, false},
		"cut-off array":                 {"[{},\n", file.Options{}, 2, "the file ends within a JSON value", 1, false},
		"text after an array":           {"[{}]\nx\n", file.Options{}, 2, "invalid JSON", 1, false},
		"a long JSON value":             {"[{},\n{\"a\":\"" + strings.Repeat("x", 900_000) + "\"}]", file.Options{MaxLine: 40}, 2, "longer than 40 bytes", 1, false},
		"a JSON value a little long":    {"[{},\n{\"a\":\"" + strings.Repeat("x", 50) + "\"}]", file.Options{MaxLine: 40}, 2, "longer than 40 bytes", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := readAll(strings.NewReader(c.text), c.o)
			var at *file.LineError
			if !errors.As(err, &at) || at.Line != c.line || at.BadRecord != c.bad || !strings.Contains(err.Error(), c.say) || len(got) != c.read {
				t.Errorf("%d records, then %#v %v", len(got), err, err)
			}
		})
	}
}

// After a record that can't be read, the next line is read.
func TestNextContinuesAfterABadRecord(t *testing.T) {
	r, err := file.NewReader(strings.NewReader(header+"1,\"a\n2,b,e,t\n"), file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil {
		t.Fatal("the open quote is no error")
	}
	if line, err := r.Next(); err != nil || line.Number != 3 || string(line.Body) != person("2", "b") {
		t.Errorf("%d %s %v", line.Number, line.Body, err)
	}
	if line, err := r.Next(); err != io.EOF || line.After != 4 {
		t.Errorf("%+v %v", line, err)
	}
}

func TestFromLine(t *testing.T) {
	row := "1,\"a\nb\",e,t\n"
	for name, c := range map[string]struct {
		text string
		from int
		say  string
	}{
		"past the end":           {"{}\n{}\n", 4, "line 4 is past the end of the file, whose last line is 2"},
		"past an open last line": {"{}\n{}", 4, "line 4 is past the end of the file, whose last line is 2"},
		"past the end of CSV":    {header + row, 5, "line 5 is past the end of the file, whose last line is 3"},
		"past the header":        {header, 3, "line 3 is past the end of the file, whose last line is 1"},
		"past the end of JSON":   {"{\n}", 4, "line 4 is past the end of the file, whose last line is 2"},
		"inside a quoted field":  {header + row + row, 5, "line 5 is inside the record that begins on line 4"},
		"inside an object":       {"{\n\"a\":1\n}\n", 2, "line 2 is inside the record that begins on line 1"},
	} {
		got, _, err := readAll(strings.NewReader(c.text), file.Options{FromLine: c.from})
		var refused *file.Refusal
		if !errors.As(err, &refused) || refused.Hint != file.HintFromLine || err.Error() != c.say || len(got) > 0 {
			t.Errorf("%s: %v, then %v", name, got, err)
		}
	}
}

func TestReaderReturnsErrorsOfTheFile(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, text := range []string{"{}\n{}\n{", header + "1,a,e,t\n2,a,e,t\n3,\"a", "[{},\n{},\n{"} {
		r, err := file.NewReader(io.MultiReader(strings.NewReader(text), errReader{broken}), lenient(file.Options{}))
		n := 0
		for err == nil {
			_, err = r.Next()
			n++
		}
		var at *file.LineError
		if !errors.Is(err, broken) || n != 3 || errors.As(err, &at) && at.BadRecord {
			t.Errorf("%q: %v after %d records", text, err, n-1)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A line end may lie on the edge of what is read at once.
func TestLongRecords(t *testing.T) {
	for pad := (256 << 10) - 20; pad < (256<<10)+4; pad++ {
		for _, end := range []string{"\n", "\r", "\r\n"} {
			long := fmt.Sprintf(`{"a":"%s"}`, strings.Repeat("x", pad-8))
			text := long + end + "{}" + end + long + long + end + "{}"
			got, _, err := readAll(strings.NewReader(text), file.Options{})
			want := []string{"1-2 " + long, "2-3 {}", "3-4 " + long + long, "4-5 {}"}
			if err != nil || !cmp.Equal(got, want) {
				t.Fatalf("%d %q: %d lines, %v", pad, end, len(got), err)
			}
		}
		row := "1,\"" + strings.Repeat("x", pad-len(header)-2) + "\r\n\"\"\",e,t"
		got, _, err := readAll(strings.NewReader(header+row+"\r\n"+row), file.Options{})
		body := person("1", strings.Repeat("x", pad-len(header)-2)+`\u000d\u000a\"`)
		if err != nil || !cmp.Equal(got, []string{"2-4 " + body, "4-6 " + body}) {
			t.Fatalf("CSV of %d: %d rows, %v", pad, len(got), err)
		}
	}
}

// End is the offset of the record's end, or grows up to the size of the file.
func TestEnd(t *testing.T) {
	text := "\ufeff" + header + "1,\"a\r\nb\",e,t\n\n2,b,e,t\n"
	for i, content := range [][]byte{[]byte(text), packed(text), zipped(text)} {
		r, err := file.NewReader(bytes.NewReader(content), file.Options{})
		if err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for {
			line, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil || line.End < last || i == 0 && !strings.HasSuffix(text[:line.End], "t\n") {
				t.Errorf("file %d, line %d: End %d after %d, %v", i, line.Number, line.End, last, err)
			}
			last = line.End
		}
		if last != int64(len(content)) {
			t.Errorf("file %d: End %d of %d", i, last, len(content))
		}
	}
}

// The progress of a compressed file does not begin with all that is read ahead.
func TestEndOfACompressedFile(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for range 2000 {
		fmt.Fprintf(&text, "{\"a\":\"%x\"}\n", random.Uint64())
	}
	for name, content := range map[string][]byte{"gzip": packed(text.String()), "zstd": zipped(text.String())} {
		r, err := file.NewReader(bytes.NewReader(content), lenient(file.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		if line, err := r.Next(); err != nil || line.End < 1 || name == "gzip" && line.End > int64(len(content))*3/4 {
			t.Errorf("%s: End %d of %d, %v", name, line.End, len(content), err)
		}
	}
}

// A record that never ends takes no more memory than the maximum allows.
func TestMemoryIsBounded(t *testing.T) {
	for _, begin := range []string{`{"a":"`, `[{"a":"`, header + "1,\"", "customerId"} {
		endless := io.LimitReader(endlessText{}, 64<<20)
		_, _, err := readAll(io.MultiReader(strings.NewReader(begin), endless), file.Options{MaxLine: 1 << 20})
		if err == nil || !strings.Contains(err.Error(), "longer than 1048576 bytes") {
			t.Errorf("%q: %v", begin, err)
		}
		if left := endless.(*io.LimitedReader).N; left < 32<<20 {
			t.Errorf("%q: %d MiB are read", begin, 64-left>>20)
		}
	}
}

type endlessText struct{}

func (endlessText) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
