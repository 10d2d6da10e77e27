package file_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"ingestion/producer/file"
)

// archive returns a zip archive of files with these names and contents, in turn. They are
// stored as they are.
func archive(t failing, flags uint16, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for ; len(files) > 0; files = files[2:] {
		h := &zip.FileHeader{Name: files[0], Flags: flags, CompressedSize64: uint64(len(files[1])), UncompressedSize64: uint64(len(files[1]))}
		to, err := w.CreateRaw(h)
		must(t, err)
		_, err = to.Write([]byte(files[1]))
		must(t, err)
	}
	must(t, w.Close())
	return b.String()
}

// What a spreadsheet is not is said without the words of a zip archive's format.
func TestArchives(t *testing.T) {
	book := string(workbook(t, nil, people("1")))
	const types, unpack, resave, asBook = "[Content_Types].xml", "unpack it first", "export it as CSV, NDJSON or xlsx", "save it as .xlsx or CSV"
	for name, c := range map[string]struct {
		content string
		o       file.Options
		says    string
	}{
		"a CSV":               {archive(t, 0, "export/", "", "export/customers.csv", header), file.Options{}, `a zip archive with "export/customers.csv" in it, neither NDJSON nor CSV: ` + unpack},
		"a CSV named .xlsx":   {archive(t, 0, "customers.csv", header), file.Options{Name: "customers.xlsx"}, `a zip archive with "customers.csv" in it`},
		"a CSV, said":         {archive(t, 0, "customers.csv", header), file.Options{Format: file.XLSX}, `a zip archive with "customers.csv" in it`},
		"a spreadsheet":       {archive(t, 0, "customers.xlsx", book), file.Options{}, `a zip archive with "customers.xlsx" in it, neither NDJSON nor CSV: ` + unpack},
		"a sheet of ODS":      {archive(t, 0, "a.ods", archive(t, 0, "mimetype", "application/vnd.oasis.opendocument.spreadsheet")), file.Options{}, `a zip archive with "a.ods" in it`},
		"a password":          {archive(t, 1, "customers.csv", "xxxx"), file.Options{}, `a zip archive with a password, with "customers.csv" in it, neither NDJSON nor CSV: ` + unpack},
		"a password, .xlsx":   {archive(t, 1, types, "xxxx"), file.Options{Name: "a.xlsx"}, "a zip archive with a password"},
		"ODS":                 {archive(t, 0, "mimetype", "application/vnd.oasis.opendocument.spreadsheet"), file.Options{}, "an OpenDocument spreadsheet, neither NDJSON nor CSV: " + asBook},
		"ODS named .xlsx":     {archive(t, 0, "mimetype", "application/vnd.oasis.opendocument.spreadsheet"), file.Options{Name: "a.xlsx"}, "an OpenDocument spreadsheet, neither NDJSON nor CSV: " + asBook},
		"ODT":                 {archive(t, 0, "mimetype", "application/vnd.oasis.opendocument.text"), file.Options{}, "an OpenDocument document, neither NDJSON nor CSV: " + resave},
		"xlsb":                {archive(t, 0, types, "<a/>", "_rels/.rels", "<a/>", "xl/workbook.bin", "x"), file.Options{}, "a binary Excel workbook (.xlsb), neither NDJSON nor CSV: " + asBook},
		"docx":                {archive(t, 0, types, "<a/>", "_rels/.rels", "<a/>", "word/document.xml", "<a/>"), file.Options{}, "a Word document (.docx)"},
		"docx named .xlsx":    {archive(t, 0, types, "<a/>", "_rels/.rels", "<a/>", "word/document.xml", "<a/>"), file.Options{Name: "a.xlsx"}, "a Word document (.docx)"},
		"pptx":                {archive(t, 0, "_rels/.rels", "<a/>", "ppt/presentation.xml", "<a/>"), file.Options{}, "a PowerPoint presentation (.pptx)"},
		"Numbers":             {archive(t, 0, "Index/Document.iwa", "x"), file.Options{}, "a document of Apple's Numbers or Pages"},
		"half a spreadsheet":  {book[:len(book)/2], file.Options{}, "the spreadsheet is not complete, or damaged"},
		"a spreadsheet, said": {header, file.Options{Format: file.XLSX}, "the file is no spreadsheet (.xlsx)"},
		"nothing, said":       {"", file.Options{Format: file.XLSX}, "the file is empty"},
		"a PDF, said":         {"%PDF-1.7\n", file.Options{Format: file.XLSX}, "the file is a PDF"},
		"xls":                 {ole + spread("Workbook"), file.Options{}, "an old Excel workbook (.xls), neither NDJSON nor CSV: " + asBook},
		"xls, said":           {ole + spread("Workbook"), file.Options{Format: file.XLSX}, "an old Excel workbook (.xls)"},
		"xls in Latin-1":      {ole + spread("Workbook"), file.Options{Encoding: "latin1"}, "an old Excel workbook (.xls)"},
		"doc":                 {ole + spread("WordDocument"), file.Options{}, "an old Word document (.doc)"},
		"an encrypted book":   {ole + strings.Repeat("\x00", 40_000) + spread("EncryptedPackage"), file.Options{}, "an Office document with a password, neither NDJSON nor CSV: save it as .xlsx or CSV, without a password"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readAll(strings.NewReader(c.content), c.o)
			var refused *file.Refusal
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%#v %v", err, err)
			}
		})
	}
}

const ole = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"

func TestHiddenSheets(t *testing.T) {
	rows := [][]any{columns, {"1", "a", "e", "t"}}
	content := workbook(t, func(f *excelize.File) {
		must(t, f.SetSheetVisible("Spring", false))
		must(t, f.SetSheetVisible("Autumn", false))
	}, map[string][][]any{"Spring": rows, "Autumn": nil})
	_, _, err := readAll(bytes.NewReader(content), file.Options{})
	if want := `all sheets of the spreadsheet that have rows are hidden, choose one: "Spring"`; err == nil || err.Error() != want {
		t.Error(err)
	}
	got, _, err := readAll(bytes.NewReader(content), file.Options{Sheet: "Spring"})
	if err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHiddenRows(t *testing.T) {
	content := workbook(t, func(f *excelize.File) {
		for _, row := range []int{3, 4} {
			must(t, f.SetRowVisible("Sheet1", row, false))
		}
	}, people("1", "2", "3"))
	got, _, err := readAll(bytes.NewReader(content), file.Options{})
	if err != nil || len(got) != 3 {
		t.Errorf("%q, %v", got, err)
	}
	notes := notesOf(t, content, file.Options{})
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "line 3: the sheet hides this row, perhaps by a filter") {
		t.Errorf("notes %q", notes)
	}
	if notes := notesOf(t, content, file.Options{FromLine: 5}); len(notes) > 0 {
		t.Errorf("from line 5: notes %q", notes)
	}
}
