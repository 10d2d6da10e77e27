package file_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"ingestion/producer/file"
)

var (
	cellError = regexp.MustCompile(`^#((DIV/0|NULL|NUM|REF|VALUE|BLOCKED|BUSY|CALC|CONNECT|FIELD|PYTHON|SPILL|UNKNOWN)!|NAME\?|N/A|GETTING_DATA)$`)
	cellPower = regexp.MustCompile(`E\+`)
)

// FuzzSheet writes texts into the cells of a workbook: lines are rows, and tabs are
// between cells.
func FuzzSheet(f *testing.F) {
	for _, seed := range []string{"1\ta\te\tt\n\n2\tb", "1\ta\te\tt\tx", " \t\t\n1\t<&>\"'\te\t", "customerId\tname\temail\tcreatedAt", "#N/A\t1\t2\t3", "1\ta\te\tt\t \t", "#J!"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		printed := strings.ContainsFunc(text, func(r rune) bool {
			return r != '\t' && r != '\n' && !unicode.IsPrint(r) || r == utf8.RuneError || r > 0xffff
		})
		if printed || len(text) > 300 || strings.Contains(text, "_x") || cellPower.MatchString(text) {
			return // XML can't have it, or it has another meaning in a cell
		}
		names := strings.Split(strings.TrimSpace(header), ",")
		var want tally
		var records [][]string
		book := excelize.NewFile()
		defer book.Close()
		for i, row := range append([]string{strings.Join(names, "\t")}, strings.Split(text, "\n")...) {
			cells := strings.Split(row, "\t")
			for j, cell := range cells {
				at, err := excelize.CoordinatesToCellName(j+1, i+1)
				if err == nil && cell != "" {
					err = book.SetCellStr("Sheet1", at, cell)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for len(cells) > 4 && strings.TrimSpace(cells[len(cells)-1]) == "" {
				cells = cells[:len(cells)-1]
			}
			cells = append(cells, "", "", "")[:max(len(cells), 4)]
			switch {
			case i == 0:
			case strings.TrimSpace(row) == "":
			case len(cells) > 4, slices.ContainsFunc(cells, cellError.MatchString), slices.Equal(cells, names):
				want.reported++
			default:
				want.records++
				records = append(records, cells)
			}
		}
		var content bytes.Buffer
		if err := book.Write(&content); err != nil {
			t.Fatal(err)
		}
		got, lines, err := tallyAll(t, &content, file.Options{})
		got.blank = 0 // rows without cells are not in the file
		if err != nil || got != want {
			t.Fatalf("%q: %+v (%v), want %+v", text, got, err, want)
		}
		for i, line := range lines {
			var body struct{ CustomerID, Name, Email, CreatedAt string }
			if err := json.Unmarshal(line.Body, &body); err != nil {
				t.Fatal(err)
			}
			if fields := []string{body.CustomerID, body.Name, body.Email, body.CreatedAt}; !slices.Equal(fields, records[i]) {
				t.Fatalf("%q is read as %q", records[i], fields)
			}
		}
	})
}
