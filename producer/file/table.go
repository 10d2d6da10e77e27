package file

import (
	"fmt"
	"slices"
	"strings"

	"ingestion/internal/plural"
)

// table makes records of rows by their header.
type table struct {
	names []string // as they stand in the file
	need  int      // number of columns up to the last one with a name
	row   Row
	read  []bool // for each column, whether the record is made of it; nil if all are
}

func newTable(names []string, m Mapper) (*table, error) {
	t := &table{names: names}
	header := make([]string, len(names))
	for i, name := range names {
		if strings.ContainsRune(name, '\r') {
			return nil, &Refusal{Reason: fmt.Sprintf("the name of column %d in the header has a carriage return: %q", i+1, name), Hint: HintQuote}
		}
		header[i] = strings.TrimSpace(name)
		if header[i] != "" {
			t.need = i + 1
		}
	}
	row, err := m.Header(header)
	if err != nil {
		return nil, &Refusal{Reason: err.Error(), Hint: HintHeader, Err: err}
	}
	t.row = row
	if r, ok := row.(interface{ Reads() []bool }); ok {
		t.read = r.Reads()
	}
	return t, nil
}

// body makes a record of a row. Its error may be a *RowError without a line.
func (t *table) body(row []string) ([]byte, error) {
	row, fault := t.fit(row)
	if fault != nil {
		return nil, fault
	}
	if t.repeated(row) {
		return nil, &RowError{Reason: "the header again; was another file appended here?"}
	}
	if strings.HasPrefix(row[0], "\ufeff") {
		return nil, &RowError{Column: 1, Field: t.column(1), Reason: "begins with a byte order mark; was another file appended here?"}
	}
	if fault := t.null(row); fault != nil {
		return nil, fault
	}
	return t.row.Object(row)
}

// reads reports whether a record is made of the column with this number.
func (t *table) reads(column int) bool {
	return t.read == nil || column <= len(t.read) && t.read[column-1]
}

// nullText is how databases write that there is no value, in files without quotes: MySQL
// and COPY of PostgreSQL.
const nullText = `\N`

// null returns a fault if a row has the text of no value where the record needs one.
func (t *table) null(row []string) *RowError {
	for i, field := range row {
		if field == nullText && t.reads(i+1) {
			return &RowError{Column: i + 1, Field: t.column(i + 1), Reason: nullText + " is how a database writes that there is no value", Hint: HintQuotes}
		}
	}
	return nil
}

// repeated reports whether a row is the header of a file that was appended to this
// one, perhaps with its byte order mark.
func (t *table) repeated(row []string) bool {
	return strings.TrimPrefix(row[0], "\ufeff") == t.names[0] && slices.Equal(row[1:], t.names[1:])
}

// fit gives a row as many fields as the header has. Fields beyond them must be
// blank, and only those of columns without a name may lack.
func (t *table) fit(row []string) ([]string, *RowError) {
	n := len(row)
	for n > len(t.names) && strings.TrimSpace(row[n-1]) == "" {
		n--
	}
	if n < t.need || n > len(t.names) {
		fault := &RowError{Reason: fmt.Sprintf("%s, the header has %d", plural.Of(n, "field", "fields"), len(t.names)), Hint: HintQuote}
		if n == 1 {
			fault.Hint = HintDelimiter
		}
		return nil, fault
	}
	row = row[:n]
	for len(row) < len(t.names) {
		row = append(row, "")
	}
	return row, nil
}

// column returns the name of the column with this number, the first is 1.
func (t *table) column(n int) string {
	if n < 1 || n > len(t.names) {
		return ""
	}
	return strings.TrimSpace(t.names[n-1])
}

// blankRow reports whether a row has no value, like those that spreadsheets export
// below their last record.
func blankRow(row []string) bool {
	return !slices.ContainsFunc(row, func(field string) bool { return strings.TrimSpace(field) != "" })
}
