package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/logging"
	"ingestion/streams"
)

const listHelp = `list shows dead letters, newest first, one per line: its ID, when it was
written, the event, the number of deliveries, the ID of the entry (of the first
one, if the record was replayed or deferred) and the reason. With several
partitions, the dead letter's ID starts with the number of its partition. replay
and purge take IDs in this form.

Bodies contain personal data, so only --json shows them. It prints one object
per line. "data" is the body. An entry that was not a single body also has
"fields", its names and values in turn; "data" then only describes them. Data
that is not valid UTF-8 is added byte for byte as "dataBase64" or
"fieldsBase64".`

const listExample = `  ingestctl dead list
  ingestctl dead list --event validation_failed --limit 100
  ingestctl dead list --limit 0 --json | jq -r .reason | sort | uniq -c`

func listCommand() *cobra.Command {
	var selected selection
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show dead letters, newest first",
		Long:    listHelp,
		Example: listExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := selected.check(false); err != nil {
				return app.UsageError(err)
			}
			s, err := open(cmd.Context(), cmd, nil)
			if err != nil {
				return err
			}
			defer s.close()
			return s.list(cmd.Context(), &selected, asJSON)
		},
	}
	selected.addFilters(cmd)
	cmd.Flags().IntVar(&selected.limit, "limit", 20, "show at most `N`; 0 shows all, by partition")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line, with the body")
	return cmd
}

// listed is a dead letter with its ID as the command line takes it.
type listed struct {
	streams.DeadLetter
	name string
}

func (s *session) list(ctx context.Context, selected *selection, asJSON bool) error {
	if err := selected.start(ctx, s); err != nil {
		return err
	}
	kept := int64(0)
	for _, p := range s.partitions() {
		n, err := p.Count(ctx)
		if err != nil {
			return err
		}
		kept += n
	}
	letters := s.newest
	if selected.limit == 0 {
		letters = s.all
	}
	show := s.printLetter
	if asJSON {
		show = s.printLetterJSON
	} else if kept > 0 && logging.IsTerminal(s.out) {
		fmt.Fprintf(s.out, rowFormat, "ID", "WRITTEN", "EVENT", "DELIVERIES", "ENTRY", "REASON")
	}
	shown := 0
	for l, err := range letters(ctx, selected) {
		if err == nil {
			err = show(l)
		}
		if err != nil {
			return err
		}
		shown++
	}
	fmt.Fprintf(s.err, "%d of %s shown\n", shown, counted(int(kept), "dead letter"))
	return nil
}

// all yields the selected letters of one partition after the other, reading as it
// goes.
func (s *session) all(ctx context.Context, selected *selection) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		for _, p := range s.partitions() {
			for l, err := range p.selected(ctx, selected) {
				if !yield(l, err) {
					return
				}
			}
		}
	}
}

// newest yields the newest selected letters of all partitions, at most limit.
func (s *session) newest(ctx context.Context, selected *selection) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		var found []listed
		for _, p := range s.partitions() {
			n := 0
			for l, err := range p.selected(ctx, selected) {
				if err != nil {
					yield(listed{}, err)
					return
				}
				found = append(found, l)
				if n++; n == selected.limit {
					break
				}
			}
		}
		slices.SortStableFunc(found, func(a, b listed) int { return cmp.Compare(writtenAt(b.ID), writtenAt(a.ID)) })
		for _, l := range found[:min(len(found), selected.limit)] {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// selected yields the selected letters of one partition, newest first.
func (p partition) selected(ctx context.Context, selected *selection) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		for letter, err := range p.Letters(ctx, true) {
			if err == nil && !selected.matches(&letter) {
				continue
			}
			if !yield(listed{letter, p.prefix + letter.ID}, err) {
				return
			}
		}
	}
}

// rowFormat aligns ID, time, event, deliveries, entry and reason. The widths fit
// the IDs of less than 100 partitions.
const rowFormat = "%-20s  %-20s  %-17s  %10v  %-20s  %s\n"

func (s *session) printLetter(l listed) error {
	at := time.UnixMilli(writtenAt(l.ID)).UTC().Format(time.RFC3339)
	_, err := fmt.Fprintf(s.out, rowFormat, l.name, at, printable(l.Event), l.Deliveries, printable(firstID(&l.DeadLetter)), printable(l.Reason))
	return err
}

// printable replaces what could move a terminal's cursor: anyone who can write to
// the stream of dead letters chooses these texts.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func firstID(l *streams.DeadLetter) string {
	if l.Origin != "" {
		return l.Origin
	}
	return l.StreamID
}

// printLetterJSON prints one letter as one line. Strings that are not valid UTF-8
// can't be represented in JSON byte for byte, so base64 is added.
func (s *session) printLetterJSON(l listed) error {
	line := struct {
		ID           string   `json:"id"`
		Event        string   `json:"event"`
		Reason       string   `json:"reason"`
		StreamID     string   `json:"streamId,omitempty"`
		Origin       string   `json:"origin,omitempty"`
		Deliveries   int64    `json:"deliveries"`
		FailedAt     string   `json:"failedAt"`
		Worker       string   `json:"worker"`
		Data         string   `json:"data"`
		DataBase64   []byte   `json:"dataBase64,omitempty"`
		Fields       []string `json:"fields,omitempty"`
		FieldsBase64 [][]byte `json:"fieldsBase64,omitempty"`
	}{
		ID: l.name, Event: l.Event, Reason: l.Reason, StreamID: l.StreamID, Origin: l.Origin, Deliveries: l.Deliveries,
		FailedAt: l.FailedAt, Worker: l.Worker, Data: l.Data, Fields: l.Fields,
	}
	if l.Fields == nil && !utf8.ValidString(l.Data) {
		line.DataBase64 = []byte(l.Data)
	}
	if slices.ContainsFunc(l.Fields, func(s string) bool { return !utf8.ValidString(s) }) {
		for _, s := range l.Fields {
			line.FieldsBase64 = append(line.FieldsBase64, []byte(s))
		}
	}
	return json.NewEncoder(s.out).Encode(line)
}
