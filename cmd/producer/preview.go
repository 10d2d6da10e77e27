package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ingestion/internal/config"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/producer/file"
	"ingestion/producer/mapping"
	"ingestion/record"
)

// preview prints how the first rows of the file are read, and which of them would be
// rejected.
func preview(cmd *cobra.Command, cfg *config.Config, in io.Reader, p *plan) error {
	ctx := cmd.Context()
	type result struct {
		head  file.Head
		rows  []shownRow
		notes []string
		err   error
	}
	done := make(chan result, 1)
	go func() { // reading may block
		var r result
		r.head, r.rows, r.notes, r.err = readRows(in, p, record.Decoder{MaxBytes: cfg.MaxRecordBytes})
		done <- r
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		return nil // an interruption is the way to end it
	}
	if r.err != nil && len(r.rows) == 0 {
		return p.resumable(ctx, r.err, p.file.FromLine)
	}
	out := cmd.OutOrStdout()
	if len(r.rows) > 0 {
		writeRows(out, r.rows, widthOf(out))
	}
	for _, note := range slices.Concat(p.mapper.Notes(), r.notes, fitting(r.rows)) {
		printNote(out, note)
	}
	fmt.Fprintln(out, p.counted(r.rows, r.head))
	return p.resumable(ctx, r.err, p.file.FromLine)
}

// shownRow is a row of the preview.
type shownRow struct {
	line    int
	fields  [4]string
	others  []string // names of other fields
	refused string   // why it would be rejected
	created string   // its createdAt, if that would be rejected
	raw     string   // the row as it is in the file, if it is not a record
}

var fieldNames = [4]string{"customerId", "name", "email", "createdAt"}

// readRows reads the first rows, and the notes on them. After an error it returns those
// before.
func readRows(in io.Reader, p *plan, decoder record.Decoder) (head file.Head, rows []shownRow, notes []string, err error) {
	reader, err := file.NewReader(in, p.file)
	if err != nil {
		return head, nil, nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if head = reader.Head(); head.Empty {
		return head, nil, nil, errEmpty
	}
	for len(rows) < p.preview {
		line, err := reader.Next()
		notes = append(notes, line.Notes...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return head, rows, notes, err
		}
		rows = append(rows, p.showRow(line, decoder))
	}
	return head, rows, notes, nil
}

func (p *plan) showRow(line file.Line, decoder record.Decoder) shownRow {
	row := shownRow{line: line.Number}
	var fault *mapping.Error
	if errors.As(line.Err, &fault) {
		row.created = fault.Value
	}
	if line.Err != nil {
		row.refused, row.raw = p.explained(line.Err).Error(), string(line.Raw)
		return row
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(line.Body, &members) == nil {
		for i, name := range fieldNames {
			row.fields[i] = valueOf(members[name])
			delete(members, name)
		}
		for name := range members {
			row.others = append(row.others, name)
		}
		slices.Sort(row.others)
	}
	if err := p.validated(decoder, line.Body); err != nil {
		row.refused = err.Error()
		if faults, _ := decoder.Faults(line.Body); slices.ContainsFunc(faults, func(f record.Fault) bool { return f.Field == fieldNames[3] }) {
			row.created = row.fields[3]
		}
	}
	return row
}

// fitting returns a note on the time formats that fit all rows with times that would be
// rejected.
func fitting(rows []shownRow) []string {
	var values []string
	for _, row := range rows {
		if row.created != "" {
			values = append(values, row.created)
		}
	}
	switch formats := mapping.Guess(values); len(formats) {
	case 0:
		return nil
	case 1:
		return []string{"createdAt: the time format " + formats[0] + " fits"}
	default:
		return []string{"createdAt: the time formats that fit are " + strings.Join(formats, ", ")}
	}
}

// valueOf returns a string without its quotes, and any other value as it is.
func valueOf(member json.RawMessage) string {
	var text string
	if json.Unmarshal(member, &text) == nil {
		return text
	}
	return string(member)
}

// widthOf returns the width of a terminal; 0 means that lines may have any length.
func widthOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// writeRows prints the rows as a table, the reasons below their rows, and which other
// fields there are.
func writeRows(w io.Writer, rows []shownRow, width int) {
	t := table{width: width}
	t.add("LINE", fieldNames[:]...)
	others := []string{}
	for _, row := range rows {
		t.add(strconv.Itoa(row.line), row.fields[:]...)
		if row.raw != "" {
			t.below(cut(logging.Printable(row.raw), max(width-10, 70)))
		}
		if row.refused != "" {
			t.below("rejected: " + row.refused)
		}
		others = append(others, row.others...)
	}
	t.write(w)
	fmt.Fprintln(w)
	slices.Sort(others)
	if others = slices.Compact(others); len(others) > 0 {
		fmt.Fprintf(w, "other fields, which the worker ignores: %s\n", logging.Printable(strings.Join(others, ", ")))
	}
}

// counted says how many rows are shown, and how many of them would be rejected.
func (p *plan) counted(rows []shownRow, head file.Head) string {
	if len(rows) == 0 {
		return p.without(head) + ": there is nothing to show"
	}
	refused := 0
	for _, row := range rows {
		if row.refused != "" {
			refused++
		}
	}
	shown := plural.Of(len(rows), "row", "rows") + " shown, "
	if refused > 0 {
		return shown + fmt.Sprintf("of which %d would be rejected", refused)
	}
	return shown + "which would be accepted"
}
