package file_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"ingestion/producer/file"
)

// Reports have a title above their header. What is refused for it can be read.
func TestTitles(t *testing.T) {
	const row = "1,a,e,t\n"
	sheet := func(above ...[]any) string {
		return string(workbook(t, nil, map[string][][]any{"Sheet1": append(above, columns, []any{"1", "a", "e", "t"})}))
	}
	for name, c := range map[string]struct {
		text  string
		o     file.Options
		skip  int
		says  string
		after string // number of the line and the one after it
	}{
		"a title":          {"Customer export 2026-11-01\n\n" + header + row, file.Options{}, 2, `the header seems to be on line 3, below "Customer export 2026-11-01"`, "4-5 "},
		"several lines":    {"Customers\nof: Quillmarsh, \"Ltd\"\r\nfrom;2026\n" + header + row, file.Options{}, 3, `on line 4, below "Customers"`, "5-6 "},
		"a stray quote":    {"the \"big\" export\n" + header + row, file.Options{}, 1, `on line 2, below "the \"big\" export"`, "3-4 "},
		"no UTF-8":         {"Kunden f\xfcr 2026\n" + header + row, file.Options{}, 1, `on line 2, below "Kunden f`, "3-4 "},
		"a line sep=":      {"Customers\nsep=^\ncustomerId^name^email^createdAt\n1^a^e^t\n", file.Options{}, 1, "on line 2, below", "4-5 "},
		"a delimiter":      {"Customers\ncustomerId^name^email^createdAt\n1^a^e^t\n", file.Options{Delimiter: '^'}, 1, "on line 2, below", "3-4 "},
		"another one":      {"Customers, all\ncustomerId;name;email;createdAt\n1;a;e;t\n", file.Options{}, 1, "on line 2, below", "3-4 "},
		"NDJSON":           {"Customers:\n" + person("1", "a") + "\n", file.Options{}, 1, "the first record seems to be on line 2, below", "2-3 "},
		"of a sheet":       {sheet([]any{"Customers"}, nil, []any{"from", "2026"}), file.Options{}, 3, "the header seems to be on line 4, below \"Customers\"", "5-6 "},
		"of a sheet, said": {sheet([]any{"a", "b"}), file.Options{Format: file.XLSX}, 1, "on line 2, below \"a b\"", "3-4 "},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
				_, _, err := readAll(r, c.o)
				var refused *file.Refusal
				if !errors.As(err, &refused) || refused.Hint != file.HintSkipLines || refused.Skip != c.skip || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("%#v %v", err, err)
				}
			}
			c.o.SkipLines = c.skip
			got, _, err := readAll(strings.NewReader(c.text), c.o)
			if want := []string{c.after + person("1", "a")}; err != nil || !cmp.Equal(got, want) {
				t.Errorf("%q, %v", got, err)
			}
			r, err := file.NewReader(strings.NewReader(c.text), c.o)
			must(t, err)
			defer r.Close()
			if begin := strings.TrimPrefix(string(r.Head().Preamble), "\ufeff"); !strings.HasPrefix(begin, strings.Repeat("\n", c.skip)) {
				t.Errorf("the preamble is %q", begin)
			}
			must(t, r.Close())
		})
	}
}

func TestSkippedLines(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    file.Options
		want []string
		err  string
	}{
		"JSON":                {"x\n[{},\n{}]\n", file.Options{SkipLines: 1}, []string{"2-3 {}", "3-4 {}"}, ""},
		"NDJSON from a line":  {"x\r\n{}\r\n{}\r\n", file.Options{SkipLines: 1, FromLine: 3}, []string{"3-4 {}"}, ""},
		"a line of a title":   {"x\n{}\n", file.Options{SkipLines: 1, FromLine: 1}, []string{"2-3 {}"}, ""},
		"all":                 {"x\ny\n", file.Options{SkipLines: 2}, nil, "nothing is left of the file after the 2 lines to skip"},
		"more than all":       {"x\ny", file.Options{SkipLines: 9}, nil, "nothing is left of the file after the 9 lines to skip"},
		"none":                {"", file.Options{SkipLines: 1}, nil, ""},
		"a row without names": {"x\n1,a,e,t\n", file.Options{SkipLines: 1, Columns: []string{"customerId", "name", "email", "createdAt"}}, []string{"2-3 " + person("1", "a")}, ""},
		"a web page":          {"x\n<html>\n", file.Options{SkipLines: 1}, nil, "web page"},
	} {
		got, _, err := readAll(strings.NewReader(c.text), c.o)
		if !cmp.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	book := workbook(t, nil, people("1"))
	if _, _, err := readAll(bytes.NewReader(book), file.Options{SkipLines: 5}); err == nil || err.Error() != "nothing is left of the file after the 5 lines to skip" {
		t.Error(err)
	}
}
