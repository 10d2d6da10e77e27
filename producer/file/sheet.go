package file

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"

	"ingestion/producer/mapping"
)

// sheetSource makes a record of each row of a sheet.
type sheetSource struct {
	rows  *sheetRows
	table *table
	raw   []byte // the header as CSV, nil if there is none
	in    *opened
	from  int
	max   int
	dates []int // columns whose numbers are days since 1904
}

func newSheet(in *opened, o Options) (*sheetSource, error) {
	book, err := readBook(in)
	if err != nil {
		return nil, err
	}
	sheet, err := book.choose(o.Sheet)
	if err != nil {
		return nil, err
	}
	s := &sheetSource{in: in, from: o.FromLine, max: o.MaxLine}
	if s.rows, err = book.open(sheet); err != nil {
		return nil, err
	}
	names, err := s.header(sheet.Name, o)
	if err == nil {
		s.table, err = newTable(names, o.Mapper)
		var refused *Refusal
		if errors.As(err, &refused) && s.raw != nil {
			err = s.explain(refused, names, o.Mapper)
		}
	}
	if err == nil {
		s.dates = s.serials()
	}
	if err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

// readBook opens a workbook, or says what the file is instead.
func readBook(in *opened) (*book, error) {
	switch string(in.begin(len(zipMagic))) {
	case zipMagic:
	case "":
		return nil, &Refusal{Reason: "the file is empty"}
	default:
		if err := refuseKind(in); err != nil {
			return nil, err
		}
		return nil, &Refusal{Reason: "the file is no spreadsheet (.xlsx), which is a zip archive", Hint: HintFormat}
	}
	content, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	book, err := openBook(content)
	var refused *Refusal
	switch {
	case err == nil, errors.As(err, &refused):
		return book, err
	case errors.Is(err, zip.ErrFormat):
		return nil, &Refusal{Reason: "the spreadsheet is not complete, or damaged: the end of its zip archive is missing", Err: err}
	}
	return nil, &Refusal{Reason: fmt.Sprintf("the file can't be read as an xlsx spreadsheet: %v", err), Hint: HintFormat, Err: err}
}

// header returns the names of the columns, and consumes the first row that is not
// blank unless they are given.
func (s *sheetSource) header(sheet string, o Options) ([]string, error) {
	for s.rows.line < o.SkipLines {
		if _, err := s.rows.next(); err == io.EOF {
			return nil, allSkipped(o.SkipLines)
		} else if err != nil {
			return nil, err
		}
	}
	if len(o.Columns) > 0 {
		return slices.Clone(o.Columns), nil
	}
	for {
		row, err := s.rows.next()
		if err == io.EOF {
			return nil, &Refusal{Reason: fmt.Sprintf("the sheet %q has no header: it is empty", sheet), Hint: HintHeader, Err: ErrNoHeader}
		}
		if err != nil {
			return nil, err
		}
		if len(row.faults) > 0 {
			fault := row.faults[0]
			return nil, &Refusal{Reason: fmt.Sprintf("no header: line %d, column %d: %s", row.number, fault.column, fault.text)}
		}
		if blankRow(row.fields) {
			continue
		}
		s.raw, err = asCSV(row.fields)
		return row.fields, err
	}
}

func (s *sheetSource) next() (Line, error) {
	row, err := s.rows.next()
	if err != nil {
		return Line{After: s.rows.line + 1}, err
	}
	line := Line{Number: row.number, After: row.number + 1, End: -1}
	if line.Number < s.from || row.blank() {
		return line, nil
	}
	if row.hidden {
		at := RowError{Line: row.number, Reason: "the sheet hides this row, perhaps by a filter; hidden rows are read like others: to leave them out, copy the visible rows to a sheet of their own"}
		s.in.noteOnce("hidden", at.Error())
	}
	for len(row.fields) < len(s.table.names) {
		row.fields = append(row.fields, "")
	}
	row.date(s.dates)
	if line.Raw, err = asCSV(s.unmistakable(row)); err != nil {
		return line, &LineError{Line: line.Number, Err: err, BadRecord: true}
	}
	if len(line.Raw) > s.max {
		return line, &LineError{Line: line.Number, Err: tooLong(s.max), BadRecord: true}
	}
	line.Body, err = s.body(row)
	line.Err = inLine(err, line.Number)
	return line, nil
}

// concerns reports whether a fault is in a cell that a record is made of.
func (s *sheetSource) concerns(fault remark) bool {
	return fault.column <= len(s.table.names) && s.table.reads(fault.column)
}

// unmistakable returns the fields of a row with an error for each that a fault concerns,
// unless it has one: it must not be taken for what was meant when the row is read as CSV.
func (s *sheetSource) unmistakable(row bookRow) []string {
	fields := row.fields
	for _, fault := range row.faults {
		if i := fault.column - 1; s.concerns(fault) && mapping.SpreadsheetFault(fields[i]) == "" {
			if &fields[0] == &row.fields[0] {
				fields = slices.Clone(fields)
			}
			fields[i] = "#VALUE!"
		}
	}
	return fields
}

// body makes a record of a row. Cells beyond the header are a fault of their own, and
// faults in columns that it is not made of are none.
func (s *sheetSource) body(row bookRow) ([]byte, error) {
	for _, fault := range row.faults {
		if s.concerns(fault) {
			return nil, &RowError{Column: fault.column, Field: s.table.column(fault.column), Reason: fault.text}
		}
	}
	for _, note := range row.notes {
		at := &RowError{Line: row.number, Column: note.column, Field: s.table.column(note.column), Reason: note.text}
		about := note.text
		if !note.once {
			about = fmt.Sprint(note.column, note.text)
		}
		s.in.noteOnce(about, at.Error())
	}
	return s.table.body(row.fields)
}

func asCSV(row []string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(row); err != nil {
		return nil, err
	}
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), w.Error()
}

func (s *sheetSource) close() error { return s.rows.part.Close() }
