package file

import "errors"

// Mapper makes a record of a row or of a JSON object. A Reader calls it in the
// goroutine that calls NewReader and Next.
type Mapper interface {
	// Header takes the names of the columns, as they stand in the file. It is called
	// before the first row, and if it refuses them, again for what else may be the
	// header. Its error says why the columns are refused.
	Header(header []string) (Row, error)
	// Object takes a JSON object and returns the record, which may be body itself. It
	// does not modify body. Its error may be a *RowError without a line.
	Object(body []byte) ([]byte, error)
	// Sample judges the objects of a file by the first ones. It is called once, before
	// the first object; nil means that all are accepted.
	Sample() Sample
}

// Sample takes the first objects of a file.
type Sample interface {
	// Add takes the next object, and reports whether enough is known to accept the file.
	Add(object []byte) (accepted bool)
	// Check returns an error if the file is refused.
	Check() error
}

// Row makes a record of a row, which has as many fields as the header. It does not
// keep row. Its error may be a *RowError without a line. If it has a method Reads()
// []bool, that tells for each column whether the record's own fields are made of it: in
// other columns, values that look damaged are no fault.
type Row interface {
	Object(row []string) ([]byte, error)
}

// inLine adds the line to an error of a Mapper.
func inLine(err error, line int) error {
	if err == nil {
		return nil
	}
	var fault *RowError
	if !errors.As(err, &fault) {
		return &RowError{Line: line, Reason: err.Error()}
	}
	placed := *fault
	placed.Line = line
	return &placed
}
