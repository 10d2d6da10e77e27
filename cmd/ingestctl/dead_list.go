package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/streams"
)

const listHelp = `list shows dead letters, the newest first: ID, when, event, deliveries, the entry
it was (or first was), and the reason. With several partitions the ID begins with
the partition's number, as replay and purge take it.

The bodies hold personal data and are shown by --json only, which prints one
object a line. An entry that was not one body has "fields" there, names and
values in turn, and "data" only shows them. What is not UTF-8 is there byte for
byte as "dataBase64" or "fieldsBase64".`

const listExample = `  ingestctl dead list
  ingestctl dead list --event validation_failed --limit 100
  ingestctl dead list --limit 0 --json | jq -r .reason | sort | uniq -c | sort -rn`

func listCommand() *cobra.Command {
	var chosen selection
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show dead letters, the newest first",
		Long:    listHelp,
		Example: listExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := chosen.check(false); err != nil {
				return app.UsageError(err)
			}
			s, err := open(cmd.Context(), cmd, nil)
			if err != nil {
				return err
			}
			defer s.close()
			return s.list(cmd.Context(), &chosen, asJSON)
		},
	}
	chosen.addFilters(cmd)
	cmd.Flags().IntVar(&chosen.limit, "limit", 20, "show so many at most; 0: all, partition by partition")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line, with the body")
	return cmd
}

// named is a dead letter with its ID as the command line takes it.
type named struct {
	streams.DeadLetter
	name string
}

func (s *session) list(ctx context.Context, chosen *selection, asJSON bool) error {
	if err := chosen.start(ctx, s); err != nil {
		return err
	}
	there := int64(0)
	for _, p := range s.partitions() {
		n, err := p.Count(ctx)
		if err != nil {
			return err
		}
		there += n
	}
	letters := s.newest
	if chosen.limit == 0 {
		letters = s.all
	}
	show := s.printLetter
	if asJSON {
		show = s.printLetterJSON
	}
	shown := 0
	for l, err := range letters(ctx, chosen) {
		if err == nil {
			err = show(l)
		}
		if err != nil {
			return err
		}
		shown++
	}
	fmt.Fprintf(s.err, "%d of %d dead letters shown\n", shown, there)
	return nil
}

// all are the chosen letters, partition by partition, each read when its turn
// comes.
func (s *session) all(ctx context.Context, chosen *selection) iter.Seq2[named, error] {
	return func(yield func(named, error) bool) {
		for _, p := range s.partitions() {
			for l, err := range p.chosen(ctx, chosen) {
				if !yield(l, err) {
					return
				}
			}
		}
	}
}

// newest are the newest of the chosen letters over all partitions.
func (s *session) newest(ctx context.Context, chosen *selection) iter.Seq2[named, error] {
	return func(yield func(named, error) bool) {
		var found []named
		for _, p := range s.partitions() {
			n := 0
			for l, err := range p.chosen(ctx, chosen) {
				if err != nil {
					yield(named{}, err)
					return
				}
				found = append(found, l)
				if n++; n == chosen.limit {
					break
				}
			}
		}
		slices.SortStableFunc(found, func(a, b named) int { return cmp.Compare(written(b.ID), written(a.ID)) })
		for _, l := range found[:min(len(found), chosen.limit)] {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// chosen are one partition's letters that are chosen, the newest first.
func (p partition) chosen(ctx context.Context, chosen *selection) iter.Seq2[named, error] {
	return func(yield func(named, error) bool) {
		for letter, err := range p.Letters(ctx, true) {
			if err == nil && !chosen.matches(&letter) {
				continue
			}
			if !yield(named{letter, p.prefix + letter.ID}, err) {
				return
			}
		}
	}
}

func (s *session) printLetter(l named) error {
	_, err := fmt.Fprintf(s.out, "%-20s  %s  %-17s  %2d  %-20s  %s\n", l.name, time.UnixMilli(written(l.ID)).UTC().Format(time.RFC3339),
		l.Event, l.Deliveries, firstID(&l.DeadLetter), l.Reason)
	return err
}

func firstID(l *streams.DeadLetter) string {
	if l.Origin != "" {
		return l.Origin
	}
	return l.StreamID
}

// printLetterJSON prints one letter as a line. What JSON can't hold byte for byte,
// since it is not UTF-8, is there once more in base64.
func (s *session) printLetterJSON(l named) error {
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
