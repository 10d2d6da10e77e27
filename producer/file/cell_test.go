package file_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"ingestion/producer/file"
)

// people returns a sheet with these customerIds, and the way to name their cells.
func people(ids ...any) map[string][][]any {
	rows := [][]any{{"customerId", "name", "email", "createdAt"}}
	for _, id := range ids {
		rows = append(rows, []any{id, "a", "e", "t"})
	}
	return map[string][][]any{"Sheet1": rows}
}

const neverCalculated = "the cell has a formula that was never calculated: open the file in a spreadsheet program and save it"

// A formula without a value is no blank cell.
func TestFormulas(t *testing.T) {
	content := workbook(t, func(f *excelize.File) {
		for cell, formula := range map[string]string{"A2": "1+1", "B3": `"a"&"b"`, "C4": "T(0)", "D5": "1+2"} {
			must(t, f.SetCellValue("Sheet1", cell, nil))
			must(t, f.SetCellFormula("Sheet1", cell, formula))
		}
	}, people(nil, "3", "4", "5"))
	content = rewritten(t, content,
		`<c r="A2" t="str"><f>1+1</f>`, `<c r="A2"><f>1+1</f><v></v>`,
		`<c r="C4"`, `<c r="C4" t="str"`, `<f>T(0)</f>`, `<f>T(0)</f><v></v>`,
		`<f>1+2</f>`, `<f>1+2</f><v>3</v>`)
	got, _, err := readAll(bytes.NewReader(content), file.Options{})
	must(t, err)
	want := []string{
		"line 2, column 1 (customerId): " + neverCalculated,
		"line 3, column 2 (name): " + neverCalculated,
		`4-5 {"customerId":"4","name":"a","email":"","createdAt":"t"}`,
		`5-6 {"customerId":"5","name":"a","email":"e","createdAt":"3"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A header whose cell has no value is refused.
func TestFormulaInTheHeader(t *testing.T) {
	content := workbook(t, func(f *excelize.File) { must(t, f.SetCellFormula("Sheet1", "E1", `"no"&"te"`)) }, people("1"))
	_, _, err := readAll(bytes.NewReader(content), file.Options{})
	if err == nil || !strings.Contains(err.Error(), "line 1, column 5: "+neverCalculated) {
		t.Error(err)
	}
}

// notesOf returns all notes on the way through a file.
func notesOf(t *testing.T, content []byte, o file.Options) (notes []string) {
	t.Helper()
	r, err := file.NewReader(bytes.NewReader(content), o)
	must(t, err)
	defer r.Close()
	for {
		line, err := r.Next()
		notes = append(notes, line.Notes...)
		if err != nil {
			return notes
		}
	}
}

// Identifiers must arrive as they are seen. Where a number is read in another way than
// the sheet shows it, a note says so.
func TestNumberFormats(t *testing.T) {
	for _, c := range []struct {
		format string
		stored any
		want   string
		noted  bool
	}{
		{"00000", 123, "00123", false},
		{"00000", 1234567, "1234567", false},
		{"00000", 0, "00000", false},
		{"00000", 12.5, "12.5", true},
		{"00000", -7, "-7", true},
		{"[$-407]00000", 123, "00123", false},
		{"00000-0000", 12345, "00001-2345", false},
		{"000-00-0000", 12345678, "012-34-5678", false},
		{`"K-"00000`, 42, "K-00042", false},
		{`00000;@`, 42, "00042", false},
		{"0", 42, "42", false},
		{"0", 42.4, "42.4", true},
		{"0.00", 42, "42", false},
		{"0.00", 42.25, "42.25", false},
		{"0.00", 42.256, "42.256", true},
		{"#,##0.00", 1234.5, "1234.5", false},
		{"#,##0", 1234567, "1234567", false},
		{"#,##0,", 1234567, "1234567", true},
		{"#,##0.00 [$€-407]", 1234.5, "1234.5", false},
		{`_-* #,##0.00 "kr"_-;-* #,##0.00 "kr"_-`, -1234.5, "-1234.5", false},
		{"0%", 0.19, "0.19", true},
		{"0.0E+00", 1234, "1234", true},
		{"# ?/?", 0.5, "0.5", true},
		{`"49"0`, 1701, "491701", false},
		{`"CUST-"0`, 1042, "CUST-1042", false},
		{`\K0`, 7, "K7", false},
		{`0"-DE"`, 1042, "1042-DE", false},
		{`0"-DE"`, 1.5, "1.5", true},
		{"h:mm", 0.5, "0.5", true},
		{"[<=9999999]###-####;(###) ###-####", 5551234, "5551234", true},
		{"0;;", -5, "-5", true},
		{"@", 42, "42", false},
		{"General", 1234567890123, "1234567890123", false},
		{"0.0##", 0.30000000000000004, "0.3", false},
	} {
		content := workbook(t, func(f *excelize.File) {
			style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &c.format})
			must(t, err)
			must(t, f.SetCellStyle("Sheet1", "A2", "A3", style))
		}, people(c.stored, c.stored))
		got, _, err := readAll(bytes.NewReader(content), file.Options{})
		if want := []string{"2-3 " + person(c.want, "a"), "3-4 " + person(c.want, "a")}; err != nil || !cmp.Equal(got, want) {
			t.Errorf("%v as %s: %q, %v", c.stored, c.format, got, err)
		}
		notes := notesOf(t, content, file.Options{})
		if want := "line 2, column 1 (customerId): numbers in the format " + c.format + " are read as they are stored, which is not what the sheet shows"; c.noted && !cmp.Equal(notes, []string{want}) || !c.noted && len(notes) > 0 {
			t.Errorf("%v as %s: %q", c.stored, c.format, notes)
		}
	}
}

// The formats that spreadsheets know by their number alone.
func TestBuiltInFormats(t *testing.T) {
	for id, noted := range map[int]bool{0: false, 1: true, 2: false, 3: true, 4: false, 9: true, 10: true, 11: true, 12: true, 20: true, 37: true, 39: false, 44: false, 46: true, 48: true, 49: false} {
		content := workbook(t, func(f *excelize.File) {
			style, err := f.NewStyle(&excelize.Style{NumFmt: id})
			must(t, err)
			must(t, f.SetCellStyle("Sheet1", "A2", "A2", style))
		}, people(1.25))
		got, _, err := readAll(bytes.NewReader(content), file.Options{})
		if notes := notesOf(t, content, file.Options{}); err != nil || got[0] != "2-3 "+person("1.25", "a") || (len(notes) > 0) != noted {
			t.Errorf("%d: %q, %q, %v", id, got, notes, err)
		}
	}
}

// A workbook that asks to be calculated may have values of no meaning.
func TestFormulasToCalculate(t *testing.T) {
	content := workbook(t, func(f *excelize.File) {
		for _, cell := range []string{"D2", "D3"} {
			must(t, f.SetCellValue("Sheet1", cell, nil))
			must(t, f.SetCellFormula("Sheet1", cell, "1+1"))
		}
		yes := true
		must(t, f.SetCalcProps(&excelize.CalcPropsOptions{FullCalcOnLoad: &yes}))
	}, people("1", "2"))
	content = rewritten(t, content, "<f>1+1</f>", "<f>1+1</f><v>0</v>")
	want := []string{"line 2, column 4 (createdAt): the values of formulas may be wrong, since the workbook asks to be calculated again: open the file in a spreadsheet program and save it"}
	if diff := cmp.Diff(want, notesOf(t, content, file.Options{})); diff != "" {
		t.Error(diff)
	}
}

// A boolean of an unknown spelling is no blank cell.
func TestBooleans(t *testing.T) {
	content := workbook(t, nil, people(true))
	for stored, want := range map[string]string{"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE", "yes": "yes"} {
		got, _, err := readAll(bytes.NewReader(rewritten(t, content, `t="b"><v>1</v>`, `t="b"><v>`+stored+"</v>")), file.Options{})
		if err != nil || !cmp.Equal(got, []string{"2-3 " + person(want, "a")}) {
			t.Errorf("%s: %q, %v", stored, got, err)
		}
	}
}

// dated returns a workbook of rows with these serial numbers as createdAt, to as many
// digits as Excel writes.
func dated(t failing, serials []float64, is1904 bool) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &is1904}))
	must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"customerId", "name", "email", "createdAt"}))
	style, err := f.NewStyle(&excelize.Style{NumFmt: 22})
	must(t, err)
	const first = 7_000_000
	var replace []string
	for i, serial := range serials {
		must(t, f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+2), &[]any{i, "a", "e", first + i}))
		replace = append(replace, fmt.Sprintf("<v>%d</v>", first+i), fmt.Sprintf("<v>%s</v>", strconv.FormatFloat(serial, 'G', 17, 64)))
	}
	must(t, f.SetCellStyle("Sheet1", "D2", fmt.Sprintf("D%d", len(serials)+1), style))
	var b bytes.Buffer
	must(t, f.Write(&b))
	return rewritten(t, b.Bytes(), replace...)
}
