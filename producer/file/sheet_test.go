package file_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"ingestion/producer/file"
)

// workbook returns a spreadsheet whose sheets have these rows, from A1.
func workbook(t *testing.T, edit func(*excelize.File), sheets map[string][][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for name, rows := range sheets {
		_, err := f.NewSheet(name)
		must(t, err)
		for i, row := range rows {
			cell, err := excelize.CoordinatesToCellName(1, i+1)
			must(t, err)
			must(t, f.SetSheetRow(name, cell, &row))
		}
	}
	if edit != nil {
		edit(f)
	}
	var b bytes.Buffer
	must(t, f.Write(&b))
	return b.Bytes()
}

func must(t failing, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var columns = []any{"Customer ID", "name", "email", "createdAt"}

func TestSheet(t *testing.T) {
	at := time.Date(2024, 1, 15, 13, 30, 59, 0, time.UTC)
	content := workbook(t, func(f *excelize.File) {
		style := func(code string) int {
			id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
			must(t, err)
			return id
		}
		builtin, err := f.NewStyle(&excelize.Style{NumFmt: 14})
		must(t, err)
		must(t, f.SetCellStyle("People", "D3", "D3", builtin))
		must(t, f.SetCellStyle("People", "D4", "D4", style("dd.mm.yy hh:mm")))
		must(t, f.SetCellStyle("People", "A3", "A3", style("0.0E+00")))
		must(t, f.SetCellStyle("People", "A4", "A4", style(`"No. "#,##0.00`)))
	}, map[string][][]any{"People": {
		{},
		columns,
		{123456789012, "Ada \"L\",\nLovelace", "e", at.Truncate(24 * time.Hour)},
		{1234.5, "Zoë", "e", at},
		{"007", "a", "e", "2024"},
		{},
		{8, "b", "e"},
		{9, "c", "e", "t", nil, "x"},
		{10, "#N/A", "e", "t"},
		{true, "d", "e", "t"},
	}})
	want := []string{
		`3-4 {"customerId":"123456789012","name":"Ada \"L\",\u000aLovelace","email":"e","createdAt":"2024-01-15T00:00:00"}`,
		`4-5 {"customerId":"1234.5","name":"Zoë","email":"e","createdAt":"2024-01-15T13:30:59"}`,
		`5-6 {"customerId":"007","name":"a","email":"e","createdAt":"2024"}`,
		`7-8 {"customerId":"8","name":"b","email":"e","createdAt":""}`,
		"line 8: 6 fields, the header has 4",
		"line 9, column 2 (name): the cell has the error #N/A",
		`10-11 {"customerId":"TRUE","name":"d","email":"e","createdAt":"t"}`,
	}
	for way, in := range map[string]io.Reader{
		"plain": bytes.NewReader(content), "gzip": bytes.NewReader(packed(string(content))), "byte by byte": iotest.OneByteReader(bytes.NewReader(content)),
	} {
		got, blank, err := readAll(in, file.Options{})
		if err != nil || blank != 1 {
			t.Errorf("%s: %d blank rows, %v", way, blank, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", way, d)
		}
	}
	got, _, err := readAll(bytes.NewReader(content), file.Options{FromLine: 9})
	if err != nil || !cmp.Equal(got, want[5:]) {
		t.Errorf("from line 9: %v, %v", got, err)
	}
	r, err := file.NewReader(bytes.NewReader(content), file.Options{})
	must(t, err)
	defer r.Close()
	line, err := r.Next()
	if err != nil || string(line.Raw) != "123456789012,\"Ada \"\"L\"\",\nLovelace\",e,2024-01-15T00:00:00" || line.End != -1 || r.Head().Format != file.XLSX {
		t.Errorf("%q, %+v, %v", line.Raw, line, err)
	}
}

func TestChoosingASheet(t *testing.T) {
	rows := [][]any{columns, {"1", "a", "e", "t"}}
	other := [][]any{columns, {"2", "b", "e", "t"}}
	two := map[string][][]any{"Spring": rows, "Autumn": other}
	for name, c := range map[string]struct {
		sheets map[string][][]any
		edit   func(*excelize.File)
		o      file.Options
		want   string // a part of the body, or of the error
		hint   file.Hint
	}{
		"the only one":    {map[string][][]any{"Spring": rows}, nil, file.Options{}, `"customerId":"1"`, 0},
		"named":           {two, nil, file.Options{Sheet: "autumn"}, `"customerId":"2"`, 0},
		"a hidden one":    {two, func(f *excelize.File) { must(t, f.SetSheetVisible("Spring", false)) }, file.Options{}, `"customerId":"2"`, 0},
		"several":         {two, nil, file.Options{}, `choose one: `, file.HintSheet},
		"unknown":         {two, nil, file.Options{Sheet: "x"}, `no sheet "x", but "Sheet1", `, file.HintSheet},
		"empty":           {nil, nil, file.Options{}, `are empty: "Sheet1"`, file.HintSheet},
		"empty and named": {nil, nil, file.Options{Sheet: "Sheet1"}, "no header", file.HintHeader},
		"without header":  {map[string][][]any{"Spring": {{"1", "a", "e", "t"}}}, nil, file.Options{Columns: []string{"customerId", "name", "email", "createdAt"}}, `"customerId":"1"`, 0},
		"an encoding":     {map[string][][]any{"Spring": rows}, nil, file.Options{Encoding: "latin1"}, "the file is xlsx, which has no encodings to choose", file.HintNoEncoding},
		"its encoding":    {map[string][][]any{"Spring": rows}, nil, file.Options{Encoding: "UTF-8"}, `"customerId":"1"`, 0},
		"a delimiter":     {map[string][][]any{"Spring": rows}, nil, file.Options{Delimiter: ';'}, "the file is xlsx, which has no delimiters", file.HintNoDelimiter},
		"other columns":   {map[string][][]any{"Spring": {{"id", "a"}}}, nil, file.Options{}, `the header is "id", "a"`, file.HintHeader},
	} {
		content := workbook(t, c.edit, c.sheets)
		got, _, err := readAll(bytes.NewReader(content), c.o)
		var refused *file.Refusal
		switch {
		case c.hint == 0 && (err != nil || len(got) != 1 || !strings.Contains(got[0], c.want)):
			t.Errorf("%s: %q, %v", name, got, err)
		case c.hint != 0 && (!errors.As(err, &refused) || refused.Hint != c.hint || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// rewritten returns a spreadsheet with a text replaced in all its parts.
func rewritten(t failing, content []byte, replace ...string) []byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	must(t, err)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range archive.File {
		r, err := part.Open()
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		to, err := w.Create(part.Name)
		must(t, err)
		_, err = strings.NewReplacer(replace...).WriteString(to, string(text))
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// A sheet that is not XML must not end where the fault is.
func TestSheetWithAControlCharacter(t *testing.T) {
	content := workbook(t, nil, map[string][][]any{"People": {columns, {"1", "Ada", "e", "t"}, {77, "Grace", "e", "t"}, {"3", "Zoe", "e", "t"}}})
	got, _, err := readAll(bytes.NewReader(rewritten(t, content, "<v>77</v>", "<v>\x0b</v>")), file.Options{})
	var at *file.LineError
	if !errors.As(err, &at) || at.Line != 3 || !strings.Contains(err.Error(), "U+000B") || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

// A damaged spreadsheet must not end early without an error.
func TestDamagedSheet(t *testing.T) {
	content := workbook(t, nil, map[string][][]any{"People": {columns, {"1", "a", "e", "t"}, {"2", "b", "e", "t"}}})
	for _, at := range []int{len(content) / 4, len(content) / 2, len(content) * 3 / 4} {
		if _, _, err := readAll(bytes.NewReader(content[:at]), file.Options{}); err == nil {
			t.Errorf("cut off at %d: no error", at)
		}
	}
	whole, _, err := readAll(bytes.NewReader(content), file.Options{})
	must(t, err)
	for at := 0; at < len(content); at += 11 {
		damaged := bytes.Clone(content)
		damaged[at] ^= 0x20
		if got, _, err := readAll(bytes.NewReader(damaged), file.Options{}); err == nil && !cmp.Equal(got, whole) {
			t.Errorf("damaged at %d: %q", at, got)
		}
	}
}

// TestCellsThatAreNotWhatWasMeant has numbers that two customers would share, and the
// errors of later versions of Excel.
func TestCellsThatAreNotWhatWasMeant(t *testing.T) {
	sheet := map[string][][]any{"Sheet1": {
		{"customerId", "name", "email", "createdAt"},
		{int64(1234567890123456), "a", "e", "t"},
		{int64(123456789012345), "b", "e", "t"},
		{"1234567890123456", "c", "e", "t"},
		{4, "#SPILL!", "e", "t"},
	}}
	got, _, err := readAll(bytes.NewReader(workbook(t, nil, sheet)), file.Options{})
	must(t, err)
	want := []string{
		"line 2, column 1 (customerId): the number 1.23456789012346E+15 has more than the 15 digits that a spreadsheet keeps: store it as text",
		"3-4 " + person("123456789012345", "b"), "4-5 " + person("1234567890123456", "c"),
		"line 5, column 2 (name): the cell has the error #SPILL!",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
