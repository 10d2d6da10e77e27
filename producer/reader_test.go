package producer_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ingestion/producer"
)

// readAll returns each record as "number-after body".
func readAll(text string, o producer.ReaderOptions) (lines []string, blank int, err error) {
	r, err := producer.NewReader(strings.NewReader(text), o)
	if err != nil {
		return nil, 0, err
	}
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines, r.Blank(), nil
		}
		if err != nil {
			return lines, r.Blank(), err
		}
		lines = append(lines, fmt.Sprintf("%d-%d %s", line.Number, line.After, line.Body))
	}
}

func TestReader(t *testing.T) {
	const header = "customerId,name,email,createdAt\n"
	for name, c := range map[string]struct {
		text  string
		o     producer.ReaderOptions
		want  []string
		blank int
	}{
		"empty":                {"", producer.ReaderOptions{}, nil, 0},
		"only blank lines":     {"\n \n\t\r\n", producer.ReaderOptions{}, nil, 3},
		"lines":                {"{}\n[1]\nnot JSON\n", producer.ReaderOptions{}, []string{"1-2 {}", "2-3 [1]", "3-4 not JSON"}, 0},
		"no final line feed":   {"{}\n{", producer.ReaderOptions{}, []string{"1-2 {}", "2-3 {"}, 0},
		"Windows line endings": {"{}\r\n\r\n{ }\r\n", producer.ReaderOptions{}, []string{"1-2 {}", "3-4 { }"}, 1},
		"byte order mark":      {"\ufeff{}\n\ufeff{}", producer.ReaderOptions{}, []string{"1-2 {}", "2-3 \ufeff{}"}, 0},
		"spaces are kept":      {"  {} \n", producer.ReaderOptions{}, []string{"1-2   {} "}, 0},
		"from a line":          {"a\n\nb\nc\n", producer.ReaderOptions{FromLine: 3}, []string{"3-4 b", "4-5 c"}, 0},
		"from beyond the end":  {"a\nb\n", producer.ReaderOptions{FromLine: 9}, nil, 0},
		"skip a long line":     {strings.Repeat("x", 200_000) + "\ny", producer.ReaderOptions{FromLine: 2, MaxLine: 100}, []string{"2-3 y"}, 0},
		"maximum length":       {strings.Repeat("x", 100) + "\r\n", producer.ReaderOptions{MaxLine: 101}, []string{"1-2 " + strings.Repeat("x", 100)}, 0},

		"CSV": {header + "1,Zoë,z@a.fr,2024\n", producer.ReaderOptions{}, []string{`2-3 {"customerId":"1","name":"Zoë","email":"z@a.fr","createdAt":"2024"}`}, 0},
		"CSV with byte order mark, Windows line endings and spaces in the header": {"\ufeff customerId , name\r\n1,a\r\n", producer.ReaderOptions{},
			[]string{`2-3 {"customerId":"1","name":"a"}`}, 0},
		"CSV with semicolons": {"name;customerId\nDoe, J;1\n", producer.ReaderOptions{}, []string{`2-3 {"name":"Doe, J","customerId":"1"}`}, 0},
		"CSV with tabs":       {"name\tcustomerId\nDoe\t1\n", producer.ReaderOptions{}, []string{`2-3 {"name":"Doe","customerId":"1"}`}, 0},
		"CSV with other columns, one unnamed, and a longer row": {"customerId,city,\n1,Łódź,x,y\n", producer.ReaderOptions{},
			[]string{`2-3 {"customerId":"1","city":"Łódź","column3":"x","column4":"y"}`}, 0},
		"CSV with a shorter row":       {header + "1,Zoë\n", producer.ReaderOptions{}, []string{`2-3 {"customerId":"1","name":"Zoë"}`}, 0},
		"CSV with blank lines":         {"\n\r\n" + header + "\n1\n\r\n  \n2\n\n", producer.ReaderOptions{}, []string{`5-6 {"customerId":"1"}`, `8-9 {"customerId":"2"}`}, 4},
		"CSV record on two lines":      {header + "1,\"a\nb\"\n2,c\n", producer.ReaderOptions{}, []string{`2-4 {"customerId":"1","name":"a\u000ab"}`, `4-5 {"customerId":"2","name":"c"}`}, 0},
		"CSV quoting":                  {header + `"1","say ""hi"" \n"`, producer.ReaderOptions{}, []string{`2-3 {"customerId":"1","name":"say \"hi\" \\n"}`}, 0},
		"invalid CSV row":              {header + "1,5\" pipe\n2,b\n", producer.ReaderOptions{}, []string{"2-3 1,5\" pipe", `3-4 {"customerId":"2","name":"b"}`}, 0},
		"CSV with invalid UTF-8":       {header + "1,M\xfcller\n", producer.ReaderOptions{}, []string{"2-3 {\"customerId\":\"1\",\"name\":\"M\xfcller\"}"}, 0},
		"CSV from a line":              {header + "1\n2\n3\n", producer.ReaderOptions{FromLine: 3}, []string{`3-4 {"customerId":"2"}`, `4-5 {"customerId":"3"}`}, 0},
		"CSV from after an open quote": {header + "1,\"a\n2\n3\n", producer.ReaderOptions{FromLine: 3}, []string{`3-4 {"customerId":"2"}`, `4-5 {"customerId":"3"}`}, 0},
		"CSV from its header":          {header + "1\n", producer.ReaderOptions{FromLine: 1}, []string{`2-3 {"customerId":"1"}`}, 0},
		"only a CSV header":            {"customerId", producer.ReaderOptions{}, nil, 0},
		"CSV read as NDJSON":           {header + "1\n", producer.ReaderOptions{Format: producer.NDJSON}, []string{"1-2 " + strings.TrimSpace(header), "2-3 1"}, 0},
		"NDJSON named .csv":            {"{}\n", producer.ReaderOptions{Name: "a.csv"}, []string{"1-2 {}"}, 0},
		"empty file named .csv":        {"\n", producer.ReaderOptions{Name: "a.csv"}, nil, 1},
		"CSV sent as lines":            {"id\n1\n", producer.ReaderOptions{Name: "a.csv", Format: producer.NDJSON}, []string{"1-2 id", "2-3 1"}, 0},
		"header not on line 1":         {"1,a,b\ncustomerId,name\n", producer.ReaderOptions{}, []string{"1-2 1,a,b", "2-3 customerId,name"}, 0},
	} {
		got, blank, err := readAll(c.text, c.o)
		if err != nil || blank != c.blank {
			t.Errorf("%s: %d blank lines, %v; want %d", name, blank, err, c.blank)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if again, _, err := readAll(string(packed(c.text)), c.o); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%s, compressed: %v, %v", name, again, err)
		}
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, text)
	z.Close()
	return b.Bytes()
}

func TestReaderErrors(t *testing.T) {
	gzipped := string(packed(numbered(4)))
	damaged := gzipped[:len(gzipped)-8] + "\x00\x00\x00\x00" + gzipped[len(gzipped)-4:]
	cutCSV := string(packed("name\n" + numbered(3) + "\"open\n"))
	long := strings.Repeat("x", 50)
	for name, c := range map[string]struct {
		text string
		o    producer.ReaderOptions
		line int // 0 means the whole file
		say  string
		read int
	}{
		"long line":                     {"a\n\n" + long + "\nb\n", producer.ReaderOptions{MaxLine: 40}, 3, "longer than 40 bytes", 1},
		"long first line":               {long, producer.ReaderOptions{MaxLine: 40}, 1, "longer than 40 bytes", 0},
		"open quote":                    {"name\nok\n\"a\nb\nc\n", producer.ReaderOptions{}, 3, "not closed", 1},
		"odd quote":                     {"name\nok\n\"a\nb\"c\nd", producer.ReaderOptions{}, 3, "not closed", 1},
		"long open quote":               {"name\nok\n\n\"a\n" + strings.Repeat("b\n", 9000), producer.ReaderOptions{MaxLine: 4000}, 4, "longer than 4000", 1},
		"no header":                     {"1,2,3\n", producer.ReaderOptions{Format: producer.CSV}, 0, "no CSV header", 0},
		"empty CSV":                     {"", producer.ReaderOptions{Format: producer.CSV}, 0, "no CSV header", 0},
		"column twice":                  {"name,a,a\n", producer.ReaderOptions{}, 0, `"a" twice`, 0},
		"UTF-16":                        {"\xff\xfe{\x00}\x00", producer.ReaderOptions{}, 0, "UTF-16", 0},
		"broken gzip":                   {"\x1f\x8bxxxxxxxxxxxxx", producer.ReaderOptions{}, 0, "gzip", 0},
		"unknown header":                {"id,mail\n1,a@b.fr\n", producer.ReaderOptions{Name: "a.csv"}, 0, "it has no CSV header: its first line names none of customerId,", 0},
		"unknown TSV header":            {string(packed("id\tmail\n1\ta@b.fr\n")), producer.ReaderOptions{Name: "A.TSV.gz"}, 0, "ends in .tsv, but it has no CSV header", 0},
		"truncated gzip":                {gzipped[:len(gzipped)-8], producer.ReaderOptions{}, 5, "the gzip file is truncated", 4},
		"truncated gzip of CSV":         {cutCSV[:len(cutCSV)-8], producer.ReaderOptions{}, 5, "the gzip file is truncated", 3},
		"truncated gzip while skipping": {gzipped[:len(gzipped)-8], producer.ReaderOptions{FromLine: 9}, 5, "the gzip file is truncated", 0},
		"truncated gzip header":         {gzipped[:5], producer.ReaderOptions{}, 0, "the gzip file is truncated", 0},
		"damaged gzip":                  {damaged, producer.ReaderOptions{}, 5, "the gzip file is damaged", 4},
		"unknown format":                {"{}", producer.ReaderOptions{Format: "xml"}, 0, `"xml"`, 0},
	} {
		got, _, err := readAll(c.text, c.o)
		line := 0
		var at *producer.LineError
		if errors.As(err, &at) {
			line = at.Line
		}
		if err == nil || !strings.Contains(err.Error(), c.say) || line != c.line || len(got) != c.read {
			t.Errorf("%s: %d records, then %v", name, len(got), err)
		}
		if bad := line > 0 && !strings.Contains(c.say, "gzip"); at != nil && at.BadRecord != bad {
			t.Errorf("%s: BadRecord %t, want %t", name, at.BadRecord, bad)
		}
	}
}

func TestReaderReturnsErrorsOfTheFile(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, text := range []string{"{}\n{}\n{", "name\na\nb\nc"} {
		r, err := producer.NewReader(io.MultiReader(strings.NewReader(text), errReader{broken}), producer.ReaderOptions{})
		n := 0
		for err == nil {
			_, err = r.Next()
			n++
		}
		if !errors.Is(err, broken) || n != 3 {
			t.Errorf("%q: %v after %d records", text, err, n-1)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestReaderAnyLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bodies := rapid.SliceOf(rapid.StringMatching(`[^\r\n\x{feff}]{0,20}[^\s\v\x{feff}]`)).Draw(t, "bodies")
		text := strings.Join(bodies, "\n") + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end")
		from := rapid.IntRange(0, len(bodies)+2).Draw(t, "from")
		got, _, err := readAll(text, producer.ReaderOptions{Format: producer.NDJSON, FromLine: from})
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

func TestReaderAnyCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.SliceOfN(rapid.StringMatching(`[^\r]*`), 2, 5)).Draw(t, "rows")
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		must0(t, w.Write([]string{"customerId", "name", "email", "createdAt", "note"}))
		must0(t, w.WriteAll(rows))
		r, err := producer.NewReader(&text, producer.ReaderOptions{})
		must0(t, err)
		after := 2
		for _, row := range rows {
			line, err := r.Next()
			must0(t, err)
			if line.Number != after {
				t.Fatalf("the record is on line %d, the previous one ended before line %d", line.Number, after)
			}
			after = line.After
			got := map[string]string{}
			if err := json.Unmarshal(line.Body, &got); err != nil || !utf8.Valid(line.Body) {
				t.Fatalf("%q: %v", line.Body, err)
			}
			want := map[string]string{}
			for i, name := range []string{"customerId", "name", "email", "createdAt", "note"}[:len(row)] {
				want[name] = row[i]
			}
			if !cmp.Equal(got, want) {
				t.Fatal(cmp.Diff(want, got))
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last: %v", err)
		}
	})
}

func must0(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
