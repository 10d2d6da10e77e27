package file

import (
	"errors"

	"ingestion/producer/mapping"
)

// Columns is a Mapper that makes records as a mapping says. It is for one file.
type Columns struct {
	mapping *mapping.Mapping
	row     *mapping.Row // once there is a header
	notes   []string
}

// MapColumns returns a Mapper for one file.
func MapColumns(m *mapping.Mapping) *Columns { return &Columns{mapping: m} }

// Notes says how the columns of the header, or the members of the first objects, were
// understood.
func (c *Columns) Notes() []string { return c.notes }

// Header implements Mapper.
func (c *Columns) Header(header []string) (Row, error) {
	row, err := c.mapping.Header(header)
	if err != nil {
		return nil, err
	}
	c.row, c.notes = row, row.Notes()
	return mappedRow{row}, nil
}

// Place returns where a field of the records comes from.
func (c *Columns) Place(field string) mapping.Place {
	if c.row != nil {
		return c.row.Place(field)
	}
	return c.mapping.Place(field)
}

// Doubt says why records probably have wrong times, or nothing.
func (c *Columns) Doubt(bodies [][]byte) string { return c.mapping.Doubt(bodies) }

// Object implements Mapper.
func (c *Columns) Object(body []byte) ([]byte, error) {
	mapped, err := c.mapping.Object(body)
	return mapped, rowError(err)
}

// Sample implements Mapper.
func (c *Columns) Sample() Sample { return &columnsSample{c.mapping.Sample(), c} }

// columnsSample keeps the notes of a sample.
type columnsSample struct {
	*mapping.Sample
	of *Columns
}

func (s *columnsSample) Check() error {
	err := s.Sample.Check()
	s.of.notes = s.Notes()
	return err
}

// mappedRow maps rows, and says where they are at fault as the reader does.
type mappedRow struct{ row *mapping.Row }

func (r mappedRow) Object(row []string) ([]byte, error) {
	body, err := r.row.Object(row)
	return body, rowError(err)
}

// Reads tells for each column whether the record is made of it.
func (r mappedRow) Reads() []bool { return r.row.Reads() }

// rowError says what a mapping finds wrong as a fault of the row.
func rowError(err error) error {
	if err == nil {
		return nil
	}
	var fault *mapping.Error
	if !errors.As(err, &fault) {
		return err
	}
	row := &RowError{Column: fault.Column, Field: fault.Name, Reason: fault.Reason, Err: fault}
	if fault.Rule != "" && fault.Rule != "blank" {
		row.Hint = HintTime
	}
	switch {
	case fault.Name == "":
		row.Field = fault.Field
	case fault.Field != "" && fault.Field != fault.Name:
		row.Reason = fault.Field + ": " + fault.Reason
	}
	return row
}
