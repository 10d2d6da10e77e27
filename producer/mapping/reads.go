package mapping

// Reads tells for each column whether one of the four fields is made of it.
func (r *Row) Reads() []bool {
	reads := make([]bool, r.width)
	for i := range r.fields {
		for _, c := range r.fields[i].columns {
			if c.column != none {
				reads[c.column] = true
			}
		}
	}
	return reads
}
