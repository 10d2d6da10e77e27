package main

import (
	"errors"
	"fmt"
	"io"

	"ingestion/internal/logging"
	"ingestion/producer/file"
)

func printNote(w io.Writer, note string) {
	fmt.Fprintf(w, "note: %s\n", logging.Printable(note))
}

// errEmpty is the error of a file whose export may have failed.
var errEmpty = errors.New("the file is empty")

// without says what the file has if that is no record.
func (p *plan) without(head file.Head) string {
	rows := head.Format == file.CSV || head.Format == file.XLSX
	switch {
	case p.file.FromLine > 1:
		return fmt.Sprintf("no record begins on line %d or after it", p.file.FromLine)
	case rows && p.file.Columns == nil:
		return "the file has a header, but no rows"
	}
	return "the file has no records"
}
