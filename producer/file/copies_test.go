package file_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"ingestion/producer/file"
)

// TestRecordsAreTheCallers: what the caller does with a record, or how long it keeps
// it, is of no concern for the others.
func TestRecordsAreTheCallers(t *testing.T) {
	var ndjson, csv strings.Builder
	csv.WriteString(header)
	var objects, rows []string
	for i := range 300 {
		name := strings.Repeat("x", i*i) // up to 90 kB, more than several short records
		objects = append(objects, person(fmt.Sprint(i), name))
		rows = append(rows, fmt.Sprintf("%d,%s,e,t", i, name))
		fmt.Fprintln(&ndjson, objects[i])
		fmt.Fprintln(&csv, rows[i])
	}
	for format, c := range map[file.Format]struct {
		text string
		raws []string
	}{
		file.NDJSON: {ndjson.String(), objects}, file.CSV: {csv.String(), rows}, file.JSON: {ndjson.String(), objects},
	} {
		reader, err := file.NewReader(strings.NewReader(c.text), lenient(file.Options{Format: format}))
		if err != nil {
			t.Fatal(err)
		}
		var read []file.Line
		for {
			line, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || line.Err != nil {
				t.Fatal(format, err, line.Err)
			}
			read = append(read, line)
		}
		if len(read) != len(objects) {
			t.Fatalf("%s: %d records, want %d", format, len(read), len(objects))
		}
		for _, line := range read {
			_, _ = append(line.Body, "body"...), append(line.Raw, "raw"...)
		}
		for i, line := range read {
			if string(line.Body) != objects[i] || string(line.Raw) != c.raws[i] {
				t.Errorf("%s: record %d is %.100s of the row %.100s", format, i, line.Body, line.Raw)
			}
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
}
