package mapping

// Place is where a field of a record comes from.
type Place struct {
	Column int    // number of its column; the first is 1. 0 if it has none, or several
	Name   string // of the column, or of the member or its path; empty if there is no single one
	Fixed  bool   // it is the same in all records
}

// Place returns where a field comes from. It is the zero value for what is no field.
func (r *Row) Place(field string) (p Place) {
	for i, name := range fieldNames {
		s := &r.fields[i]
		if name != field || s.next != nil {
			continue
		}
		p.Fixed = s.constant
		if used := s.used(); len(used) == 1 {
			p.Column, p.Name = used[0]+1, r.names[used[0]]
		}
	}
	return p
}

// Place returns where a field of objects comes from, if its own expression says it.
func (m *Mapping) Place(field string) (p Place) {
	for i, name := range fieldNames {
		if name != field || m.fields[i].given == nil {
			continue
		}
		parts := m.fields[i].given.parts
		p.Fixed = true
		for _, part := range parts {
			if at, ok := part.member(nil); ok {
				p.Fixed = false
				if len(parts) == 1 {
					p.Name = at.String()
				}
			}
		}
	}
	return p
}

// Serials returns the columns, the first is 0, whose numbers are read as the days of a
// spreadsheet.
func (r *Row) Serials() (columns []int) {
	if r.clock == nil || r.clock.format != excel {
		return nil
	}
	for s := &r.fields[createdAt]; s != nil; s = s.next {
		columns = append(columns, s.used()...)
	}
	return columns
}
