package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/letters"
)

const editHelp = `edit puts one dead letter back on the queue with another body. The new body has
to follow the worker's rules: otherwise edit says which it breaks, and changes
nothing. On a stream, the record keeps the ID of its first entry as its origin,
its source and its trace.

  --set    sets a field to a string, and leaves the rest of the body as it is
  --body   takes the whole body from a file, without the line end at its end
  neither  opens the body in $VISUAL, $EDITOR or vi

This command changes the queue. It shows what changes, with personal data
masked, and asks; without a terminal it wants --yes. The new entry is added, and
the dead letter deleted and counted as replayed, in one atomic step: edit may be
repeated after a failure, and says so if the dead letter is no longer there.`

const editExample = `  ingestctl dead edit 1795477478417-0
  ingestctl dead edit 1795477478417-0 --set email=ada@lovelace.org --yes
  ingestctl dead show 1795477478417-0 --reveal
  ingestctl dead edit 1795477478417-0 --body mended.json --dry-run`

// edit is a run of the command.
type edit struct {
	approval
	sets         []string
	body         string
	reveal, json bool
}

func editCommand() *cobra.Command {
	var e edit
	cmd := &cobra.Command{
		Use:     "edit ID",
		Short:   "Put one dead letter back on the queue with another body (changing)",
		Long:    editHelp,
		Example: editExample,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return e.run(cmd, args[0]) },
	}
	cmd.Flags().StringArrayVar(&e.sets, "set", nil, "set a field, as `FIELD=VALUE`; may be repeated")
	cmd.Flags().StringVar(&e.body, "body", "", "take the body from this `FILE`; - is standard input")
	cmd.Flags().BoolVar(&e.reveal, "reveal", false, "show what changes in full")
	cmd.Flags().BoolVar(&e.json, "json", false, "print the result as one JSON object")
	e.addFlags(cmd)
	app.CompleteFlag(cmd, "set", "customerId=", "name=", "email=", "createdAt=")
	return cmd
}

var recordFields = []string{"customerId", "name", "email", "createdAt"}

func (e *edit) check(cmd *cobra.Command) error {
	for _, set := range e.sets {
		field, _, ok := strings.Cut(set, "=")
		if !ok {
			return fmt.Errorf("--set: %q is not FIELD=VALUE, for example email=ada@lovelace.org", set)
		}
		if !slices.Contains(recordFields, field) {
			return fmt.Errorf("--set: %q is not one of %s", field, strings.Join(recordFields, ", "))
		}
	}
	switch {
	case len(e.sets) > 0 && e.body != "":
		return errors.New("give --set or --body, not both")
	case len(e.sets) == 0 && e.body == "" && !asksPeople(cmd):
		return errors.New("give --set or --body: there is no terminal for an editor")
	}
	return e.approval.check(cmd)
}

func (e *edit) run(cmd *cobra.Command, name string) error {
	if err := e.check(cmd); err != nil {
		return app.UsageError(err)
	}
	s, err := open(cmd.Context(), cmd, nil)
	if err != nil {
		return err
	}
	defer s.close()
	l, err := s.letter(cmd, name)
	if err != nil {
		return err
	}
	body, err := e.edited(cmd, s, &l)
	if err != nil {
		return err
	}
	if l.Fields == nil && bytes.Equal(body, []byte(l.Data)) {
		return errors.New("nothing was changed; to send it as it is, use \"ingestctl dead replay\"")
	}
	changed := l.Changed(body)
	if err := s.valid(body); err != nil {
		return errors.Join(e.printJSON(s, name, changed, err, false), fmt.Errorf("not sent, since the worker would refuse it: %w", err))
	}
	return e.send(cmd, s, &l, body, changed)
}

// send shows what changes, asks, and sends.
func (e *edit) send(cmd *cobra.Command, s *session, l *letters.Letter, body []byte, changed []string) error {
	if !e.json {
		(&fieldPrinter{w: s.out}).difference(l, body, e.reveal)
	}
	if e.dryRun {
		return e.finish(s, l.Name, changed, false, "would be put back on the queue")
	}
	if err := e.ask(cmd, "Put it back on the queue?"); err != nil {
		return err
	}
	sent, err := s.letters().Edit(cmd.Context(), l.Name, body)
	if err != nil {
		return fmt.Errorf("not finished, and safe to repeat: %w", err)
	}
	if !sent {
		return fmt.Errorf("the dead letter %s is no longer there: another command, or an earlier try of this one, has put it back or deleted it", l.Name)
	}
	const done = "put back on the queue"
	return unprinted("the dead letter "+l.Name+" was "+done, e.finish(s, l.Name, changed, true, done))
}

func (e *edit) finish(s *session, name string, changed []string, sent bool, done string) error {
	if e.json {
		return e.printJSON(s, name, changed, nil, sent)
	}
	_, err := fmt.Fprintf(s.out, "dead letter %s %s\n", name, done)
	return err
}

func (e *edit) printJSON(s *session, name string, changed []string, invalid error, sent bool) error {
	if !e.json {
		return nil
	}
	summary := answer.LetterEditOf(name, changed, invalid, e.reveal)
	summary.DryRun, summary.Sent = e.dryRun, sent
	return answer.Write(s.out, summary, "")
}

// edited returns the new body.
func (e *edit) edited(cmd *cobra.Command, s *session, l *letters.Letter) ([]byte, error) {
	switch {
	case e.body == "-":
		return readBody(cmd.InOrStdin())
	case e.body != "":
		f, err := os.Open(e.body)
		if err != nil {
			return nil, fmt.Errorf("--body: %w", err)
		}
		defer f.Close()
		return readBody(f)
	case len(e.sets) > 0:
		return e.withFields(l)
	}
	return s.inEditor(cmd, l)
}

func (e *edit) withFields(l *letters.Letter) ([]byte, error) {
	if l.Fields != nil {
		return nil, errors.New("the entry had not exactly one body, so that no field of it can be set: give the whole body with --body")
	}
	body := []byte(l.Data)
	for _, set := range e.sets {
		field, value, _ := strings.Cut(set, "=")
		next, err := letters.WithField(body, field, value)
		if errors.Is(err, letters.ErrNoObject) {
			return nil, fmt.Errorf("%w: give the whole body with --body", err)
		}
		if err != nil {
			return nil, fmt.Errorf("--set %s: %w", field, err)
		}
		body = next
	}
	return body, nil
}

// maxBodyFile is how much of a file is read, in bytes: more than any body has, also with each
// member on a line.
const maxBodyFile = 64 << 20

// readBody reads a body without the line end that files have.
func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBodyFile+1))
	if err != nil {
		return nil, fmt.Errorf("--body: %w", err)
	}
	if len(body) > maxBodyFile {
		return nil, errors.New("--body: the file is larger than 64 MiB")
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r")), nil
}
