package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/logging"
	"ingestion/record"
)

const showHelpText = `show prints one dead letter: why and when the record was refused, where it came
from, its body, and whether the worker's rules would accept it today.

This command is read-only. In the body, only customerId and createdAt are shown
in full; --reveal shows all of it. A body that is not a JSON object is shown
with --reveal only.`

const showExample = `  ingestctl dead show 1795477478417-0
  ingestctl dead show 1795477478417-0 --reveal
  ingestctl dead show 2:1795477478417-0 --json`

func showCommand() *cobra.Command {
	var reveal, asJSON bool
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one dead letter, with personal data masked",
		Long:    showHelpText,
		Example: showExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := open(cmd.Context(), cmd, nil)
			if err != nil {
				return err
			}
			defer s.close()
			l, err := s.letter(cmd, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return s.showJSON(&l, reveal)
			}
			return s.showText(&l, reveal)
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show the body in full")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// letter returns the dead letter with the ID of the command line.
func (s *session) letter(cmd *cobra.Command, name string) (letters.Letter, error) {
	q := s.letters()
	if _, err := q.Names([]string{name}); err != nil {
		return letters.Letter{}, app.UsageError(err)
	}
	l, there, err := q.Get(cmd.Context(), name)
	if err == nil && !there {
		err = fmt.Errorf("no dead letter %s: it was never there, or has been put back or deleted", name)
	}
	return l, err
}

// today returns nil if the worker's rules would accept the letter's record today.
func (s *session) today(l *letters.Letter) error {
	if l.Fields != nil {
		return errors.New("the entry has not exactly one field \"data\"")
	}
	return s.valid([]byte(l.Data))
}

// valid applies the worker's rules to a body.
func (s *session) valid(body []byte) error {
	_, err := record.Decoder{MaxBytes: s.cfg.MaxRecordBytes}.Decode(body)
	return err
}

func (s *session) showText(l *letters.Letter, reveal bool) error {
	today := "follows all rules: replay may help"
	if err := s.today(l); err != nil {
		today = "still breaks the rules: " + err.Error()
	}
	p := fieldPrinter{w: s.out}
	for _, field := range [][2]string{
		{"id", l.Name}, {"written", l.Written().Format(logging.TimeLayout)}, {"event", l.Event}, {"reason", l.Reason}, {"today", today},
		{"customerId", letters.CustomerOf(&l.DeadLetter)}, {"entry", l.StreamID}, {"origin", l.Origin}, {"source", l.Source},
		{"deliveries", strconv.FormatInt(l.Deliveries, 10)}, {"failedAt", l.FailedAt}, {"worker", l.Worker},
		{"trace", l.TraceParent}, {"tracestate", l.TraceState}, {"bytes", strconv.Itoa(len(l.Data))},
	} {
		p.print(field[0], field[1])
	}
	if l.Fields != nil {
		p.fields(l.Fields, reveal)
	} else {
		p.body([]byte(l.Data), reveal)
	}
	return p.err
}

func (s *session) showJSON(l *letters.Letter, reveal bool) error {
	return answer.Write(s.out, answer.LetterDetailsOf(l, s.today(l), reveal), "")
}
