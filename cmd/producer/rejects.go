package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"ingestion/producer/file"
)

// rejects writes the rows that are not sent to two files: the rows, so that they can be
// mended and loaded as the input was, and a CSV file with the reasons. A nil *rejects
// writes nothing.
type rejects struct {
	rows, reasons *appended
	json          bool // the input is JSON or NDJSON
	err           error
}

// reasonsOf returns the name of the file with the reasons.
func reasonsOf(name string) string { return name + ".reasons" }

// openRejects opens both files. What an earlier load left in them stays until this
// one rejects a row or is complete, or for good if it continues the earlier one.
func openRejects(name string, continued bool) (*rejects, error) {
	if name == "" {
		return nil, nil
	}
	for _, name := range []string{name, reasonsOf(name)} {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", name)
		}
	}
	rows, err := openAppended(name, continued)
	if err != nil {
		return nil, err
	}
	reasons, err := openAppended(reasonsOf(name), continued)
	if err != nil {
		return nil, errors.Join(err, rows.close())
	}
	reasons.preamble = "rejectsLine,line,reason\n"
	return &rejects{rows: rows, reasons: reasons}, nil
}

// begin tells what the input is. It is called before add.
func (r *rejects) begin(head file.Head) {
	if r != nil {
		r.rows.preamble, r.json = string(head.Preamble), head.Format == file.JSON || head.Format == file.NDJSON
	}
}

// mark is a byte order mark, which in a row means that files were joined.
const mark = "\ufeff"

// add writes a row and its reason. An error is kept for close.
func (r *rejects) add(line file.Line, reason error) {
	if r == nil || r.err != nil {
		return
	}
	row := line.Raw
	if r.json {
		row = oneLine(row)
	}
	r.err = errors.Join(r.rows.begin(), r.reasons.begin())
	at := r.rows.line()
	if at == 1 && bytes.HasPrefix(row, []byte(mark)) {
		row = append([]byte(mark), row...) // or the row's own would be that of the file
	}
	if r.err == nil {
		r.err = errors.Join(r.rows.write(string(row)+"\n"), r.reasons.write(csvRow(strconv.Itoa(at), strconv.Itoa(line.Number), reasonAlone(reason))))
	}
}

// oneLine returns a JSON value on one line, without the space between its parts if it has
// several. An array is put into another one: alone, it would be read as the records in it.
func oneLine(value []byte) []byte {
	if bytes.ContainsAny(value, "\r\n") {
		var b bytes.Buffer
		if err := json.Compact(&b, value); err != nil {
			return value
		}
		value = b.Bytes()
	}
	if bytes.HasPrefix(bytes.TrimLeft(value, " \t"), []byte("[")) && json.Valid(value) {
		return slices.Concat([]byte("["), value, []byte("]"))
	}
	return value
}

func csvRow(fields ...string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // a builder takes every write
	w.Flush()
	return b.String()
}

// reasonAlone is the reason without the line, which has a column of its own.
func reasonAlone(reason error) string {
	var row *file.RowError
	if !errors.As(reason, &row) {
		return reason.Error()
	}
	alone := *row
	alone.Line = 0
	return alone.Error()
}

// close completes the files. Without a rejected row in a complete load there are none.
func (r *rejects) close(complete bool) error {
	if r == nil {
		return nil
	}
	err := errors.Join(r.err, r.rows.end(complete), r.reasons.end(complete))
	if err != nil {
		err = fmt.Errorf("--rejects: %w", err)
	}
	return err
}
