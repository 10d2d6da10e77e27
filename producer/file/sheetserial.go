package file

import (
	"strconv"

	"ingestion/producer/mapping"
)

// serialRow is a Row that reads the numbers of some columns as days.
type serialRow interface{ Serials() []int }

// Serials implements serialRow.
func (r mappedRow) Serials() []int { return r.row.Serials() }

// serials returns the columns whose numbers are days since 1904, the first is 0.
// Outside the workbook nothing tells that they are not days since 1900.
func (s *sheetSource) serials() []int {
	if r, ok := s.table.row.(serialRow); ok && s.rows.book.date1904 {
		return r.Serials()
	}
	return nil
}

// date makes dates in ISO 8601 of days since 1904.
func (row *bookRow) date(columns []int) {
	for _, column := range columns {
		if column >= len(row.fields) {
			continue
		}
		serial, err := strconv.ParseFloat(row.fields[column], 64)
		if err != nil || mapping.SpreadsheetFault(row.fields[column]) != "" {
			continue
		}
		v := isoDate(serial, true)
		if v.fault != "" {
			row.faults = append(row.faults, remark{column: column + 1, text: "the number in the cell is that of no day since 1904"})
		}
		row.fields[column] = v.text
	}
}
