package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ingestion/cmd/internal/app"
	"ingestion/producer/file"
)

// hints are what may help with a fault of a file. What names a flag that is given
// already is in again; without a text there, nothing is said.
var (
	hints = map[file.Hint]string{
		file.HintDelimiter:     "--delimiter says what is between the fields",
		file.HintEncoding:      "--encoding says how the file is encoded, for example --encoding windows-1252",
		file.HintQuotes:        "--quote none is for files without quotes around fields, such as those of databases",
		file.HintUTF16:         "--encoding utf-16 reads it",
		file.HintOtherEncoding: "another --encoding may fit",
		file.HintFormat:        "--format says what the file is",
		file.HintSheet:         "--sheet names a sheet",
		file.HintFromLine:      "--from-line is the line on which a record begins",
		file.HintTime:          "--time-format says how createdAt is written",
		file.HintFixed:         "change it in --map",

		file.HintNoSheet:     "leave out --sheet",
		file.HintNoDelimiter: "leave out --delimiter",
		file.HintNoColumns:   "leave out --no-header",
		file.HintNoEncoding:  "leave out --encoding",
		file.HintNoQuotes:    "leave out --quote",
	}
	flagOf = map[file.Hint]string{
		file.HintDelimiter: "delimiter", file.HintEncoding: "encoding", file.HintFormat: "format",
		file.HintSheet: "sheet", file.HintTime: "time-format",
	}
	again = map[file.Hint]string{
		file.HintDelimiter: "another --delimiter may fit",
		file.HintEncoding:  "another --encoding may fit",
		file.HintFormat:    "another --format may fit",
	}
)

// hint returns what may help, or nothing.
func (p *plan) hint(h file.Hint) string {
	switch h {
	case file.HintHeader:
		return p.anyOf("preset", "no-header") + " what the columns are"
	case file.HintOneColumn:
		columns := p.anyOf("preset", "no-header") + " what the columns are"
		if p.given("delimiter") {
			return again[file.HintDelimiter] + "; " + columns
		}
		return hints[file.HintDelimiter] + "; " + columns
	case file.HintFields:
		return p.anyOf("preset") + " which columns the fields are"
	case file.HintMembers:
		return p.anyOf("preset") + " which members the fields are, for example --map customerId='$.user.id'"
	}
	if flag := flagOf[h]; flag != "" && p.given(flag) {
		return again[h]
	}
	return hints[h]
}

// anyOf names --map, and those of the flags that are not given: "--map or --preset say".
func (p *plan) anyOf(flags ...string) string {
	flags = slices.DeleteFunc(flags, p.given)
	for i := range flags {
		flags[i] = "--" + flags[i]
	}
	flags = append([]string{"--map"}, flags...)
	last := len(flags) - 1
	if last == 0 {
		return "--map says"
	}
	return strings.Join(flags[:last], ", ") + " or " + flags[last] + " say"
}

// refusal returns why a file is refused, with the flag that may help. A flag that the
// file has no use for is wrong usage.
func (p *plan) refusal(refused *file.Refusal, err error) error {
	if refused.Hint == file.HintTime && p.given("time-format") {
		err = fmt.Errorf("%w; change --time-format", err)
	}
	err = p.withHint(err, refused.Hint)
	if refused.Values {
		err = fmt.Errorf("%w; with --format the file is sent as it is", err)
	}
	switch refused.Hint {
	case file.HintNoSheet, file.HintNoDelimiter, file.HintNoColumns, file.HintNoEncoding, file.HintNoQuotes:
		return app.UsageError(err)
	}
	return err
}

// withHint adds what may help.
func (p *plan) withHint(err error, hint file.Hint) error {
	if text := p.hint(hint); text != "" {
		return fmt.Errorf("%w; %s", err, text)
	}
	return err
}

// explained returns why a row is rejected, without its line. What may help is added
// once: the other rows have the same fault.
func (p *plan) explained(reason error) error {
	var row *file.RowError
	if !errors.As(reason, &row) {
		return reason
	}
	alone := *row
	alone.Line, alone.Hint = 0, file.NoHint
	if !p.told[row.Hint] {
		p.told[row.Hint] = true
		alone.Reason = p.withHint(errors.New(row.Reason), row.Hint).Error()
	}
	return &alone
}
