package archive

// Entry is one entry of the stream, as it came.
type Entry struct {
	ID string // as Redis writes it: ms-seq
	// Fields are alternating names and values, in the order of the entry. Names may
	// repeat. Both may be any bytes.
	Fields []string
}

// Value returns the value of the first field of that name.
func (e *Entry) Value(name string) (value string, ok bool) {
	for i := 0; i+1 < len(e.Fields); i += 2 {
		if e.Fields[i] == name {
			return e.Fields[i+1], true
		}
	}
	return "", false
}
