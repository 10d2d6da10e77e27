package mapping

import (
	"fmt"
	"slices"
	"time"

	"ingestion/internal/plural"
)

// Row maps the rows below one header. It is safe for concurrent use.
type Row struct {
	names  []string // of the columns, trimmed
	width  int      // number of columns
	fields [len(fieldNames)]source
	others []other
	clock  *clock
	size   int // of the names and punctuation of an object, in bytes
	notes  []string
}

// other is a column that is no field.
type other struct {
	column int
	name   string // as JSON, between a comma and a colon
	// optional means that the header has no name for the column, so an empty value
	// is left out.
	optional bool
}

// names of the fields as JSON, in front of their values
var fieldPrefixes = [...]string{`{"customerId":"`, `","name":"`, `","email":"`, `","createdAt":"`}

// Notes says what was decided about the header: which columns have names that fit
// only roughly, which of a preset's are missing though the field has others, and
// which are renamed.
func (r *Row) Notes() []string { return slices.Clone(r.notes) }

// Object returns the record of a row as a JSON object of strings: the four fields,
// and then the columns that no field has used, under their own names. Columns
// without a name are called column5 and so on, and left out if they are empty.
// Invalid UTF-8 stays unchanged. An error is an *Error.
func (r *Row) Object(row []string) ([]byte, error) {
	if len(row) != r.width {
		return nil, &Error{Reason: fmt.Sprintf("%s, the header has %d", plural.Of(len(row), "field", "fields"), r.width)}
	}
	if err := r.damaged(row); err != nil {
		return nil, err
	}
	body := make([]byte, 0, r.sizeOf(row))
	for i := range r.fields {
		body = append(body, fieldPrefixes[i]...)
		if i < createdAt || r.clock == nil || r.fields[i].converted {
			body = r.fields[i].of(row).appendTo(body, row)
			continue
		}
		t, err := r.time(row)
		if err != nil {
			return nil, err
		}
		body = appendTime(body, t)
	}
	body = append(body, '"')
	for _, o := range r.others {
		if o.optional && row[o.column] == "" {
			continue
		}
		body = append(body, o.name...)
		body = appendEscaped(body, row[o.column])
		body = append(body, '"')
	}
	return append(body, '}'), nil
}

// damaged returns an *Error if a spreadsheet has damaged a value of one of the fields.
func (r *Row) damaged(row []string) error {
	for i := range r.fields {
		for _, c := range r.fields[i].of(row).columns {
			if c.column == none {
				continue
			}
			if why := SpreadsheetFault(row[c.column]); why != "" {
				return &Error{Field: fieldNames[i], Column: c.column + 1, Name: r.names[c.column], Reason: why}
			}
		}
	}
	return nil
}

func (r *Row) time(row []string) (time.Time, error) {
	s := r.fields[createdAt].of(row)
	t, why := r.clock.read(s.value(row), s.utc)
	if why == (unread{}) {
		return t, nil
	}
	err := &Error{Field: fieldNames[createdAt], Reason: why.String(), Value: why.value, Rule: why.rule}
	if len(s.columns) == 1 {
		err.Column = s.columns[0].column + 1
		err.Name = r.names[s.columns[0].column]
	}
	return t, err
}

// sizeOf returns the size of a row's object if little has to be escaped. It may be
// some bytes too much.
func (r *Row) sizeOf(row []string) int {
	size := r.size
	for i := range r.fields {
		for _, c := range r.fields[i].of(row).columns {
			if c.column != none {
				size += len(row[c.column])
			}
		}
	}
	for _, o := range r.others {
		size += len(row[o.column])
	}
	return size
}

// prepare completes a row whose fields are resolved.
func (r *Row) prepare() {
	used := map[int]bool{}
	for i := range r.fields {
		r.size += len(fieldPrefixes[i])
		for f := &r.fields[i]; f != nil; f = f.next {
			r.size += len(f.prefix) + len(f.suffix)
			for _, c := range f.columns {
				used[c.column] = true
				r.size += len(c.separator)
			}
		}
	}
	if r.clock != nil {
		r.size += len(time.RFC3339Nano)
	}
	const escapes = 16 // room for backslashes
	r.size += len(`"}`) + escapes
	taken := uniqueNames{}
	for _, name := range fieldNames {
		taken.add(name)
	}
	renamed := 0
	for column, name := range r.names {
		if used[column] {
			continue
		}
		if kept := r.addOther(column, name, taken); name != "" && kept != name {
			if renamed++; renamed <= notedNames {
				r.notes = append(r.notes, fmt.Sprintf("column %d, %q, is kept as %q", column+1, name, kept))
			}
		}
	}
	if more := renamed - notedNames; more > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s with the same names are kept under other names", plural.Of(more, "more column", "more columns")))
	}
}

const notedNames = 10

// addOther adds a column that is no field. Its name becomes unique, since the worker
// refuses an object that has a name twice.
func (r *Row) addOther(column int, name string, taken uniqueNames) (kept string) {
	o := other{column: column, optional: name == ""}
	if o.optional {
		name = fmt.Sprintf("column%d", column+1)
	}
	kept = taken.add(name)
	o.name = string(append(appendEscaped([]byte(`,"`), kept), `":"`...))
	r.size += len(o.name) + 1
	r.others = append(r.others, o)
	return kept
}

// plain tells which bytes need no escape in a JSON string (RFC 8259, section 7).
var plain = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return plain
}()

// appendEscaped appends the text of a JSON string, byte by byte.
func appendEscaped(body []byte, s string) []byte {
	const hex = "0123456789abcdef"
	done := 0 // bytes of s that are appended
	for i := range len(s) {
		c := s[i]
		if plain[c] {
			continue
		}
		body = append(body, s[done:i]...)
		done = i + 1
		if c < ' ' {
			body = append(body, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			body = append(body, '\\', c)
		}
	}
	return append(body, s[done:]...)
}

func appendTime(body []byte, t time.Time) []byte { return t.AppendFormat(body, time.RFC3339Nano) }
