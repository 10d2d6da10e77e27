package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"ingestion/producer/file"
	"ingestion/producer/mapping"
	"ingestion/record"
)

// faults is Options.Faults by the worker's rules.
func faults(body []byte) (all []file.FieldFault, ok bool) {
	found, ok := record.Decoder{}.Faults(body)
	for _, f := range found {
		all = append(all, file.FieldFault(f))
	}
	return all, ok
}

const header4 = "customerId,name,email,Created\n"

// rows returns CSV with this createdAt in each of n rows.
func rowsWith(createdAt string, n int) string {
	return header4 + strings.Repeat("1,Ada,a@quillmarsh.net,"+createdAt+"\n", n)
}

// sheet returns the rows of CSV without quotes as a workbook, whose last column has numbers
// if they are such.
func sheet(t *testing.T, text string, is1904 bool) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &is1904}))
	for i, row := range strings.Split(strings.TrimSpace(text), "\n") {
		cells := strings.Split(row, ",")
		for j, cell := range cells {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			must(t, err)
			if j == len(cells)-1 && i > 0 && strings.Trim(cell, "0123456789.") == "" {
				must(t, f.SetCellDefault("Sheet1", at, cell))
			} else {
				must(t, f.SetCellStr("Sheet1", at, cell))
			}
		}
	}
	b, err := f.WriteToBuffer()
	must(t, err)
	return b.String()
}

func TestDoomedValues(t *testing.T) {
	const iso = "not an ISO 8601 time such as 2024-01-31T12:00:00Z"
	created := func(o mapping.Options) *file.Columns {
		o.Fields = map[string]string{"createdAt": "Created"}
		return mapperOf(t, o)
	}
	for name, c := range map[string]struct {
		text string
		o    file.Options
		hint file.Hint
		says string
	}{
		"American dates": {rowsWith("01/31/2024", 3), file.Options{Mapper: created(mapping.Options{})}, file.HintTime,
			"the worker would refuse all of the first 3 records: line 2, column 4 (Created): createdAt: " + iso + "; the time format %m/%d/%Y fits"},
		"ambiguous dates": {rowsWith("01/02/2024", 1), file.Options{Mapper: created(mapping.Options{})}, file.HintTime,
			"the worker would refuse the first record: line 2, column 4 (Created): createdAt: " + iso + "; the time formats %d/%m/%Y and %m/%d/%Y fit"},
		"more than are judged": {rowsWith("yesterday", 1000), file.Options{Mapper: created(mapping.Options{})}, file.HintTime,
			"the worker would refuse all of the first 100 records: line 2, column 4 (Created): createdAt: " + iso},
		"milliseconds": {rowsWith("1706702400123", 2), file.Options{Mapper: created(mapping.Options{})}, file.HintTime, "; the time format unix-ms fits"},
		"another format": {rowsWith("31.01.2024", 2), file.Options{Mapper: created(mapping.Options{TimeFormat: "%m/%d/%Y"})}, file.HintTime,
			`the worker would refuse all of the first 2 records: line 2, column 4 (Created): createdAt: not in the time format "%m/%d/%Y", such as "01/31/2024"; the time format %d.%m.%Y fits`},
		"a fixed text": {rowsWith("x", 2), file.Options{Mapper: mapperOf(t, mapping.Options{Fields: map[string]string{"createdAt": "'01/31/2024'"}})}, file.HintFixed,
			"all of the first 2 records: line 2 (createdAt): " + iso},
		"blank times": {rowsWith("", 2), file.Options{Mapper: created(mapping.Options{})}, file.HintFields, "line 2, column 4 (Created): createdAt: blank"},
		"no addresses": {strings.ReplaceAll(rowsWith("2024", 2), "a@quillmarsh.net", "Main Street"), file.Options{Mapper: created(mapping.Options{})}, file.HintFields,
			"all of the first 2 records: line 2, column 3 (email): has no @"},
		"several fields": {strings.ReplaceAll(rowsWith("01/31/2024", 2), ",Ada,", ",,"), file.Options{Mapper: created(mapping.Options{})}, file.HintFields,
			"line 2, column 2 (name): blank; line 2, column 4 (Created): createdAt: " + iso + "; the time format %m/%d/%Y fits"},
		"a spreadsheet": {sheet(t, rowsWith("45322", 2), false), file.Options{Mapper: created(mapping.Options{})}, file.HintTime,
			"line 2, column 4 (Created): createdAt: not an ISO 8601 date, such as 2024-01-31; the time format excel fits"},
		"NDJSON": {strings.Repeat(strings.Replace(good, "2024-01-02", "02.01.2024", 1)+"\n", 10), file.Options{}, file.HintTime,
			"all of the first 10 records: line 1 (createdAt): " + iso + "; the time format %d.%m.%Y fits"},
		"an array": {"[" + strings.Repeat(strings.Replace(good, "a@b.co", "a", 1)+",", 9) + strings.Replace(good, "a@b.co", "a", 1) + "]", file.Options{}, file.HintMembers, "all of the first 10 records: line 1 (email): has no @"},
		"a path": {strings.Repeat(`{"customerId":"1","name":"A","email":"a@b.co","at":{"x":"1.2.2024"}}`, 10), file.Options{Mapper: mapperOf(t, mapping.Options{Fields: map[string]string{"createdAt": "$.at.x"}})}, file.HintTime,
			"line 1 ($.at.x): createdAt: " + iso},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Faults = faults
			got, _, err := readAll(strings.NewReader(c.text), c.o)
			var refused *file.Refusal
			if len(got) > 0 || !errors.As(err, &refused) || refused.Hint != c.hint || !refused.Values || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d records, then %#v: %v\nwant %s", len(got), err, err, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), "1706702400123") || strings.Contains(err.Error(), "yesterday")) {
				t.Errorf("it quotes a value: %v", err)
			}
		})
	}
}

// What is not sure to be wrong is read.
func TestValuesThatMayBeGood(t *testing.T) {
	const bad = "1,Ada,a@quillmarsh.net,01/31/2024\n"
	const fine = "1,Ada,a@quillmarsh.net,2024-01-31\n"
	const names = "customerId,name,email,createdAt\n"
	for name, c := range map[string]struct {
		text string
		o    file.Options
		n    int
	}{
		"the hundredth row":        {names + strings.Repeat(bad, 99) + fine + bad, file.Options{}, 101},
		"each field in some rows":  {names + bad + "1,,a@quillmarsh.net,2024\n", file.Options{}, 2},
		"by the format":            {names + bad, file.Options{Format: file.CSV}, 1},
		"a short rest":             {names + fine + bad, file.Options{FromLine: 3}, 1},
		"rows of another length":   {names + "1,2\n3,4,5\n", file.Options{}, 2},
		"a few objects":            {strings.Repeat(strings.Replace(good, "a@b.co", "a", 1)+"\n", 9), file.Options{}, 9},
		"nothing":                  {names, file.Options{}, 0},
		"some are no records":      {names + "1\n" + bad + fine, file.Options{}, 3},
		"objects of other kinds":   {"x\n" + good + "\n", file.Options{Format: file.NDJSON}, 2},
		"rejected rows, then good": {names + "1,a,a@quillmarsh.net,nonsense\n1,a,a@quillmarsh.net,31.01.2024\n", file.Options{Mapper: mapperOf(t, mapping.Options{TimeFormat: "%d.%m.%Y"})}, 2},
	} {
		c.o.Faults = faults
		got, _, err := readAll(strings.NewReader(c.text), c.o)
		if err != nil || len(got) != c.n {
			t.Errorf("%s: %d records, %v; want %d", name, len(got), err, c.n)
		}
	}
}

// The first good row is returned before the next one can be read.
func TestGoodRowsAreNotHeldBack(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go fmt.Fprint(w, "customerId,name,email,createdAt\n1,Ada,a@quillmarsh.net,1706702400\n")
	reader, err := file.NewReader(r, file.Options{Faults: faults, Mapper: mapperOf(t, mapping.Options{TimeFormat: "unix"})})
	if err != nil {
		t.Fatal(err)
	}
	if line, err := reader.Next(); err != nil || !strings.Contains(string(line.Body), "2024-01-31T12:00:00Z") {
		t.Errorf("%s, %v", line.Body, err)
	}
}

// Numbers in the wrong format are read as times of long ago.
func TestImplausibleTimes(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		values []string
		says   string // empty: the file is read
	}{
		"seconds as milliseconds":      {"unix-ms", []string{"1706702400", "1609459200"}, "in the time format unix-ms, createdAt is of 1970; in unix it would be of 2021 to 2024"},
		"days as seconds":              {"unix", []string{"45322"}, "in the time format unix, createdAt is of 1970; in excel it would be of 2024"},
		"a date as seconds":            {"unix", []string{"20240131"}, "createdAt is of 1970; in %Y%m%d it would be of 2024"},
		"years as days":                {"excel", []string{"2023", "2024"}, "in the time format excel, createdAt is of 1905; in %Y it would be of 2023 to 2024"},
		"milliseconds":                 {"unix-ms", []string{"1706702400000"}, ""},
		"one that is plausible":        {"unix-ms", []string{"1706702400", "1706702400000"}, ""},
		"old ones":                     {"unix", []string{"0", "86400000"}, ""},
		"of no other format":           {"unix", []string{"20240131", "-1"}, ""},
		"old ones in another notation": {"%Y", []string{"1905"}, ""},
	} {
		text := "customerId,name,email,createdAt\n"
		for i, value := range c.values {
			text += fmt.Sprintf("%d,A,a@quillmarsh.net,%s\n", i, value)
		}
		got, _, err := readAll(strings.NewReader(text), file.Options{Mapper: mapperOf(t, mapping.Options{TimeFormat: c.format})})
		var refused *file.Refusal
		switch {
		case c.says == "" && (err != nil || len(got) != len(c.values)):
			t.Errorf("%s: %d records, %v", name, len(got), err)
		case c.says != "" && (!errors.As(err, &refused) || refused.Hint != file.HintTime || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %d records, %v, want %s", name, len(got), err, c.says)
		}
		if got, _, err := readAll(strings.NewReader(text), file.Options{Format: file.CSV, Mapper: mapperOf(t, mapping.Options{TimeFormat: c.format})}); err != nil || len(got) != len(c.values) {
			t.Errorf("%s, in spite of it: %d records, %v", name, len(got), err)
		}
	}
}

// Numbers that a workbook counts from 1904 are not days since 1900, and what is rejected
// of them is a date.
func TestDaysSince1904(t *testing.T) {
	for _, c := range []struct {
		createdAt string
		is1904    bool
		want      string
	}{
		{"45322.5", false, "2024-01-31T12:00:00Z"},
		{"43860.5", true, "2024-01-31T12:00:00Z"},
		{"43860", true, "2024-01-31T00:00:00Z"},
		{"2024-01-31T12:00:00", true, "2024-01-31T12:00:00Z"}, // a text
		{"2957004", true, "line 2, column 4 (Created): the number in the cell is that of no day since 1904"},
		{"next week", true, `line 2, column 4 (Created): createdAt: "next week" is not days since 1900, such as 45322.5`},
	} {
		mapper := mapperOf(t, mapping.Options{TimeFormat: "excel", Fields: map[string]string{"createdAt": "Created"}})
		content := sheet(t, rowsWith(c.createdAt, 1), c.is1904)
		got, _, err := readAll(strings.NewReader(content), file.Options{Mapper: mapper})
		if err != nil || len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s, 1904 %t: %q, %v, want %s", c.createdAt, c.is1904, got, err, c.want)
		}
		reader, err := file.NewReader(strings.NewReader(content), file.Options{Mapper: mapper})
		must(t, err)
		line, err := reader.Next()
		must(t, err)
		again := string(reader.Head().Preamble) + string(line.Raw) + "\n"
		repeated, _, err := readAll(strings.NewReader(again), file.Options{Mapper: mapperOf(t, mapping.Options{TimeFormat: "excel", Fields: map[string]string{"createdAt": "Created"}})})
		if strings.HasPrefix(c.want, "2024") && (err != nil || len(repeated) != 1 || !strings.Contains(repeated[0], c.want)) {
			t.Errorf("%s, 1904 %t: %q is read as %q, %v", c.createdAt, c.is1904, again, repeated, err)
		}
	}
}

// A cell that is a date needs no format, though its column has one for the texts.
func TestDateCellsNeedNoFormat(t *testing.T) {
	content := dated(t, []float64{45322.5}, false)
	for _, o := range []mapping.Options{{TimeFormat: "%m/%d/%Y"}, {TimeFormat: "excel"}, {TimeFormat: "unix"}, {}} {
		got, _, err := readAll(bytes.NewReader(content), file.Options{Mapper: mapperOf(t, o)})
		if err != nil || len(got) != 1 || !strings.Contains(got[0], `"createdAt":"2024-01-31T12:00:00`) {
			t.Errorf("%+v: %q, %v", o, got, err)
		}
	}
}
