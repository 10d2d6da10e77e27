package mapping

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HeaderError says which fields a header can't fill.
type HeaderError struct {
	Header []string // the names of the columns, trimmed
	Faults []Fault
}

// Fault says why a field has no value.
type Fault struct {
	Field  string
	Reason string
	Near   []string // similar names of columns or members, at most three
}

func (e *HeaderError) Error() string {
	return faultText(e.Faults) + "the header is " + quoteAll(e.Header)
}

// faultText returns the faults, each with a semicolon after it.
func faultText(faults []Fault) string {
	var b strings.Builder
	for _, f := range faults {
		b.WriteString(f.Field + ": " + f.Reason)
		if len(f.Near) > 0 {
			b.WriteString(" (similar: " + quoteAll(f.Near) + ")")
		}
		b.WriteString("; ")
	}
	return b.String()
}

// Header says where the fields of the rows below a header come from. Names of
// columns are compared exactly, and if that finds nothing, without case, white
// space, underscores and hyphens. The error is a *HeaderError if a field has no
// column, or more than one.
func (m *Mapping) Header(header []string) (*Row, error) {
	r := resolver{columns: newColumns(header)}
	row := &Row{width: len(header), clock: m.clock, names: r.columns.names}
	for i := range fieldNames {
		row.fields[i] = r.field(i, m.fields[i])
	}
	if row.fields[createdAt].constant && m.clock != nil {
		r.convert(&row.fields[createdAt], m.clock)
	}
	if len(r.faults) > 0 {
		return nil, &HeaderError{Header: r.columns.names, Faults: r.faults}
	}
	if id, ok := row.fields[customerID].single(); ok {
		if address, _ := row.fields[email].single(); address == id {
			r.note(fmt.Sprintf("column %q is both customerId and email", r.columns.names[id]))
		}
	}
	r.zone(&row.fields[createdAt], m)
	row.notes = r.notes
	row.prepare()
	return row, nil
}

// columns finds the columns of a header by name.
type columns struct {
	names []string // trimmed
	exact map[string][]int
	loose map[string][]int // by fold
}

func newColumns(header []string) columns {
	c := columns{exact: map[string][]int{}, loose: map[string][]int{}}
	for i, name := range header {
		name = clean(name)
		c.names = append(c.names, name)
		if name != "" {
			c.exact[name] = append(c.exact[name], i)
			c.loose[fold(name)] = append(c.loose[fold(name)], i)
		}
	}
	return c
}

// find returns the columns of a name. There are several if the name is ambiguous.
func (c *columns) find(name string) []int {
	if found := c.exact[clean(name)]; found != nil {
		return found
	}
	if folded := fold(name); folded != "" {
		return c.loose[folded]
	}
	return nil
}

// resolver resolves the fields of a header. It collects faults and notes.
type resolver struct {
	columns columns
	faults  []Fault
	notes   []string
}

func (r *resolver) fault(field int, near []string, format string, args ...any) {
	r.faults = append(r.faults, Fault{Field: fieldNames[field], Reason: fmt.Sprintf(format, args...), Near: near})
}

// field resolves a field. The result is valid only if there is no fault.
func (r *resolver) field(field int, rule rule) source {
	if rule.given != nil {
		s := r.resolve(field, *rule.given, false)
		r.glued(field, &s)
		return s
	}
	use := alternatives{{parts: []part{{text: fieldNames[field]}}}} // the column of that name
	if i := slices.IndexFunc(rule.candidates, func(a alternatives) bool { return slices.ContainsFunc(a, r.fits) }); i >= 0 {
		use = rule.candidates[i]
	}
	use = slices.DeleteFunc(slices.Clone(use), func(e Expression) bool { return !r.fits(e) })
	if len(use) == 0 {
		r.fault(field, nearAny(rule.wanted(field), r.columns.names), "%s", rule.lacks("column"))
		return source{}
	}
	s := r.resolve(field, use[0], true)
	s.mark = rule.mark
	if note := rule.remarks[use[0].String()]; note != "" {
		r.note(note)
	}
	r.alternatives(field, &s, use[1:])
	return s
}

// alternatives adds the sources for rows in which a field's first one has no value.
func (r *resolver) alternatives(field int, s *source, others alternatives) {
	for _, e := range others {
		if slices.ContainsFunc(e.parts, func(p part) bool { return len(r.columns.find(p.text)) > 1 }) {
			continue // it is not clear which column is meant
		}
		before := r.notes
		next := r.resolve(field, e, true)
		next.mark = s.mark
		if next.within(s) {
			r.notes = before
			continue
		}
		r.note(fmt.Sprintf("where %s, %s is %s", r.empty(s), fieldNames[field], r.list(&next)))
		s.next = &next
		s = &next
	}
}

// empty says that the columns of a source are empty.
func (r *resolver) empty(s *source) string {
	if len(s.used()) == 1 {
		return r.list(s) + " is empty"
	}
	return r.list(s) + " are empty"
}

// list names the columns of a source.
func (r *resolver) list(s *source) string {
	var names []string
	for _, column := range s.used() {
		names = append(names, strconv.Quote(r.columns.names[column]))
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return strings.Join(names, "")
}

// glued notes that columns are joined without a text between them.
func (r *resolver) glued(field int, s *source) {
	for i, c := range s.columns[min(1, len(s.columns)):] {
		before := s.columns[i].column
		if c.separator == "" && c.column != none && before != none {
			r.note(gluedNote(field, enclose(r.columns.names[before], '"'), enclose(r.columns.names[c.column], '"')))
		}
	}
}

func gluedNote(field int, a, b string) string {
	return fmt.Sprintf("%s: %s and %s are joined without a space; with a space, this is written %s+' '+%s", fieldNames[field], a, b, a, b)
}

// zone decides in which zone createdAt is, and notes what may not be meant.
func (r *resolver) zone(s *source, m *Mapping) {
	given := m.clock != nil && m.clock.given
	said := false
	for ; s != nil; s = s.next {
		column, ok := s.single()
		if !ok || column == none {
			continue
		}
		name := r.columns.names[column]
		s.utc = inUTC(name)
		switch {
		case s.utc && given && m.clock.zone != time.UTC:
			r.note(fmt.Sprintf("column %q is read as UTC, as its name says, and not in the time zone %s", name, m.clock.zone))
		case !given && offset.MatchString(name):
			r.note(fmt.Sprintf("column %q is read as UTC, except for times with an offset, since no time zone is given", name))
		}
		said = said || s.utc || offset.MatchString(name)
	}
	if m.preset != nil && m.preset.local != "" && !given && !said {
		r.note(m.preset.local)
	}
}

// fits reports whether the header has at least one column of an expression.
func (r *resolver) fits(e Expression) bool {
	return slices.ContainsFunc(e.parts, func(p part) bool { return p.kind == nameKind && r.columns.find(p.text) != nil })
}

// resolve finds the columns of an expression. Columns that are optional and absent
// have no value.
func (r *resolver) resolve(field int, e Expression, optional bool) source {
	var s source
	for _, p := range e.parts {
		if p.kind == pathKind {
			r.fault(field, nil, "%s is a path into a JSON object, but the file has columns", p.path)
			return s
		}
		column, ok := r.column(field, p)
		switch {
		case ok:
			s.addColumn(column)
		case p.kind == textKind || !hasWord(p.text):
			s.addText(p.text)
		default:
			s.addColumn(none)
			if optional {
				r.note(fmt.Sprintf("there is no column %q for %s", p.text, fieldNames[field]))
			} else {
				r.fault(field, near(p.text, r.columns.names), "there is no column %q; a text that stands for itself needs single quotes%s", p.text, r.template(p.text))
			}
		}
	}
	if s.end(); s.constant && field != createdAt {
		r.fault(field, nil, "%s", constantReason(e))
	}
	return s
}

// template says how columns are joined, if a text names several.
func (r *resolver) template(text string) string {
	names := slices.Clone(r.columns.names)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // "Name" is in "First Name"
	rest := strings.ToLower(text)
	at := map[int]string{}
	for _, name := range names {
		if i := strings.Index(rest, strings.ToLower(name)); len(name) > 1 && i >= 0 {
			at[i] = enclose(name, '"')
			rest = rest[:i] + strings.Repeat("\x00", len(name)) + rest[min(i+len(name), len(rest)):]
		}
	}
	if len(at) < 2 {
		return ""
	}
	var parts []string
	for _, i := range slices.Sorted(maps.Keys(at)) {
		parts = append(parts, at[i])
	}
	return "; columns are joined like this: " + strings.Join(parts, "+' '+")
}

func constantReason(e Expression) string {
	return fmt.Sprintf("%s would be the same in all records; only createdAt may be", e)
}

// column finds the column that a part names.
func (r *resolver) column(field int, p part) (column int, ok bool) {
	if p.kind != nameKind {
		return none, false
	}
	found := r.columns.find(p.text)
	switch {
	case len(found) == 0:
		return none, false
	case len(found) > 1:
		r.fault(field, nil, "%s", r.ambiguous(p.text, found))
	case r.columns.names[found[0]] != clean(p.text):
		r.note(fmt.Sprintf("column %q is read as %s", r.columns.names[found[0]], r.readAs(field, p)))
	}
	return found[0], true
}

// readAs names what a loosely matched column is taken for.
func (r *resolver) readAs(field int, p part) string {
	if fold(p.text) == fold(fieldNames[field]) {
		return fieldNames[field]
	}
	return fmt.Sprintf("%q (%s)", p.text, fieldNames[field])
}

func (r *resolver) note(note string) {
	if !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
}

func (r *resolver) ambiguous(name string, found []int) string {
	const most = 5
	var which []string
	for _, i := range found[:min(most, len(found))] {
		which = append(which, fmt.Sprintf("%d (%q)", i+1, r.columns.names[i]))
	}
	if more := len(found) - most; more > 0 {
		which = append(which, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%q fits the columns %s", name, strings.Join(which, " and "))
}

// convert converts a time that is the same in all records.
func (r *resolver) convert(s *source, c *clock) {
	t, why := c.read(s.prefix, false)
	if why != (unread{}) {
		r.fault(createdAt, nil, "%s", why)
		return
	}
	s.prefix, s.converted = string(appendTime(nil, t)), true
}
