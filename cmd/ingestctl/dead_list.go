package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

const listHelp = `list shows dead letters, newest first, below a header row: its ID, when it was
written, the event, the number of deliveries, the ID of the entry (of the first
one, if the record was replayed or deferred), the customer and the reason, after
the file and line if the record was sent by producer load. A column without a
value has a dash. A dead letter is one line, but two or more on a terminal of
less than 160 columns. With several partitions, the dead letter's ID starts with
the number of its partition. replay and purge take IDs in this form.

Bodies contain personal data, so only --json shows them, unmasked; "ingestctl
dead show" masks them. --json prints one object per line. "data" is the body. An entry that was not a single body also has
"fields", its names and values in turn; "data" then only describes them. Data
that is not valid UTF-8 is added byte for byte as "dataBase64" or
"fieldsBase64".`

const listExample = `  ingestctl dead list
  ingestctl dead list --event validation_failed --limit 100
  ingestctl dead list --customer 42 --reason email
  ingestctl dead list --limit 0 --json | jq -r .reason | sort | uniq -c`

func listCommand() *cobra.Command {
	var selected selection
	var asJSON, noHeader bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show dead letters, newest first",
		Long:    listHelp,
		Example: listExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := selected.check(cmd, false); err != nil {
				return app.UsageError(err)
			}
			s, err := open(cmd.Context(), cmd, nil)
			if err != nil {
				return err
			}
			defer s.close()
			return s.list(cmd.Context(), &selected, s.listing(asJSON, noHeader))
		},
	}
	selected.addFilters(cmd)
	cmd.Flags().Int64Var(&selected.limit, "limit", 20, "show at most `N`; 0 shows all, by partition")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line, with the body")
	cmd.Flags().BoolVar(&noHeader, "no-header", false, "print no header row")
	return cmd
}

// listing returns the function that prints one dead letter.
func (s *session) listing(asJSON, noHeader bool) func(letters.Letter) error {
	if asJSON {
		return s.printLetterJSON
	}
	table := &letterTable{w: s.out, columns: logging.TerminalWidth(s.out), header: !noHeader}
	return table.print
}

func (s *session) list(ctx context.Context, selected *selection, show func(letters.Letter) error) error {
	if err := selected.Fix(ctx, s.redis); err != nil {
		return err
	}
	kept, err := s.letters().Count(ctx)
	if err != nil {
		return err
	}
	found := s.letters().Selected(ctx, &selected.Filter, nil, true)
	if selected.limit > 0 {
		found = s.letters().Newest(ctx, &selected.Filter, selected.limit)
	}
	shown := 0
	for l, err := range found {
		if err == nil {
			err = show(l)
		}
		if err != nil {
			return err
		}
		shown++
	}
	fmt.Fprintf(s.err, "%d of %s shown\n", shown, plural.Of(kept, "dead letter", "dead letters"))
	return nil
}

// printLetterJSON prints one letter as one line.
func (s *session) printLetterJSON(l letters.Letter) error {
	return answer.Write(s.out, answer.LetterOf(&l), "")
}
