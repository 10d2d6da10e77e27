package file

import "errors"

// csvSource makes a record of each row.
type csvSource struct {
	rows
	in     *opened
	from   int
	table  *table
	raw    []byte   // the header, nil if there is none
	given  bool     // the delimiter is given by the Options
	named  bool     // it is named by the file
	row    []string // reused
	copies copies
}

func newCSV(t *text, in *opened, o Options) (*csvSource, error) {
	s := &csvSource{rows: rows{text: t, plain: o.NoQuotes}, in: in, from: o.FromLine, given: o.Delimiter != 0}
	names, err := s.header(o)
	if err == nil {
		s.table, err = newTable(names, o.Mapper)
	}
	var refused *Refusal
	if errors.As(err, &refused) && s.raw != nil {
		err = s.explain(refused, o)
	}
	return s, err
}

func (s *csvSource) next() (Line, error) {
	t := s.text
	if err := t.passBroken(); err != nil {
		return Line{After: t.line}, t.fault(err)
	}
	line := Line{Number: t.line}
	found, err := s.read()
	if err != nil {
		return Line{After: t.line}, t.fault(err)
	}
	if found.fault != nil && found.lines > 1 {
		return Line{After: t.line}, s.lineFault(found.fault)
	}
	line.After = line.Number + found.lines
	if line.Number >= s.from {
		s.record(&line, found)
	}
	t.consume(found.next, found.lines)
	line.End = s.in.offset(t.at)
	return line, nil
}

// record sets the text of a line, and its body or error, unless it is blank.
func (s *csvSource) record(line *Line, found row) {
	s.row = s.fields(s.row[:0], string(found.raw))
	if found.fault == nil && blankRow(s.row) {
		return
	}
	line.Raw = s.copies.of(found.raw)
	s.in.noteMisread(found.raw, func(i int) RowError {
		column := s.columnAt(i)
		return RowError{Line: line.Number, Column: column, Field: s.table.column(column)}
	})
	if fault := s.faultOf(found); fault != nil {
		line.Raw = s.in.undecoded(line.Raw)
		fault.Line = line.Number
		line.Err = fault
		return
	}
	if found.lines > 1 {
		if fault := s.checkSwallowed(line.Number, found); fault != nil {
			line.Err = fault
			return
		}
	}
	if s.plain {
		s.unescape(line.Number)
	}
	body, err := s.table.body(s.row)
	if err != nil {
		line.Err = inLine(err, line.Number)
		return
	}
	line.Body = body
}

// faultOf returns the fault of a row in its quoting or encoding, or nil.
func (s *csvSource) faultOf(found row) *RowError {
	fault := found.fault
	if fault == nil {
		i := s.in.invalid(found.raw)
		if i < 0 {
			return nil
		}
		fault = s.in.encodingFault(found.raw, i)
		fault.Column = s.columnAt(i)
	}
	fault.Field = s.table.column(fault.Column)
	return fault
}

func (s *csvSource) close() error { return nil }
