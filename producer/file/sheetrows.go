package file

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// sheetRows reads the rows of a sheet one after another (ECMA-376, 18.3.1.73).
type sheetRows struct {
	book  *book
	part  io.ReadCloser
	xml   *xml.Decoder
	line  int     // number of the row that was returned last
	ahead *xmlRow // a row that was read but whose turn is yet to come
	ended bool
}

type xmlRow struct {
	Number int       `xml:"r,attr"`
	Hidden bool      `xml:"hidden,attr"`
	Cells  []xmlCell `xml:"c"`
}

type xmlCell struct {
	Ref     string    `xml:"r,attr"`
	Type    string    `xml:"t,attr"`
	Style   int       `xml:"s,attr"`
	Formula *struct{} `xml:"f"`
	Value   *string   `xml:"v"`
	Inline  richText  `xml:"is"`
}

// bookRow is a row of a sheet. Blank fields at its end may lack.
type bookRow struct {
	number        int
	hidden        bool
	fields        []string
	faults, notes []remark
}

// remark is about the cell in a column, the first is 1.
type remark struct {
	column int
	text   string
	once   bool // enough for all columns
}

// blank reports whether no cell has, or should have, a value.
func (r bookRow) blank() bool { return len(r.faults) == 0 && blankRow(r.fields) }

// The limits of a sheet.
const (
	maxRows    = 1 << 20
	maxColumns = 1 << 14
)

// next returns the next row, even if the file has left it out because it is blank.
func (r *sheetRows) next() (bookRow, error) {
	if r.ahead == nil {
		row, err := r.read()
		if err == io.EOF {
			return bookRow{}, err
		}
		if err != nil {
			return bookRow{}, &LineError{Line: r.line + 1, Err: fmt.Errorf("the sheet can't be read: %w", err)}
		}
		r.ahead = row
	}
	r.line++
	if r.line < r.ahead.Number {
		return bookRow{number: r.line}, nil
	}
	cells, hidden := r.ahead.Cells, r.ahead.Hidden
	r.ahead = nil
	row, err := r.row(cells)
	row.hidden = hidden
	if err != nil {
		return row, &LineError{Line: r.line, Err: err}
	}
	return row, nil
}

// read reads to the end of the next row.
func (r *sheetRows) read() (*xmlRow, error) {
	for !r.ended {
		token, err := r.xml.Token()
		if err != nil {
			return nil, err
		}
		if end, ok := token.(xml.EndElement); ok && end.Name.Local == "sheetData" {
			r.ended = true
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "row" {
			continue
		}
		row := &xmlRow{}
		if err := r.xml.DecodeElement(row, &start); err != nil {
			return nil, err
		}
		if row.Number == 0 {
			row.Number = r.line + 1
		}
		if row.Number <= r.line || row.Number > maxRows {
			return nil, fmt.Errorf("row %d follows row %d", row.Number, r.line)
		}
		return row, nil
	}
	return nil, io.EOF
}

func (r *sheetRows) row(cells []xmlCell) (bookRow, error) {
	row := bookRow{number: r.line}
	column := 0
	for i := range cells {
		cell := &cells[i]
		column++
		if cell.Ref != "" {
			column = columnOf(cell.Ref)
		}
		if column < 1 || column > maxColumns {
			return row, fmt.Errorf("the sheet has a cell %q", cell.Ref)
		}
		row.add(column, r.book.read(cell))
	}
	return row, nil
}

func (row *bookRow) add(column int, v value) {
	if v.text != "" {
		for len(row.fields) < column {
			row.fields = append(row.fields, "")
		}
		row.fields[column-1] = v.text
	}
	if v.fault != "" {
		row.faults = append(row.faults, remark{column: column, text: v.fault})
	}
	if v.note != "" {
		row.notes = append(row.notes, remark{column, v.note, v.once})
	}
}

// columnOf returns the number of the column of a reference such as AB12, or 0.
func columnOf(ref string) (n int) {
	letters := strings.TrimRight(ref, "0123456789")
	for _, c := range []byte(strings.ToUpper(letters)) {
		if c < 'A' || c > 'Z' || n > maxColumns {
			return 0
		}
		n = n*26 + int(c-'A') + 1
	}
	return n
}
