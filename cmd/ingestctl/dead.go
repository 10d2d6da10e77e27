package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/letters"
	"ingestion/streams"
)

const deadHelp = `dead manages the dead letters: refused records, each kept with the reason.

  list    shows them                                     (read-only)
  show    shows one, and which rules it breaks today     (read-only)
  export  writes their bodies for "producer load"        (read-only)
  replay  puts them back on the queue, unchanged         (changing)
  edit    puts one back on the queue with another body   (changing)
  purge   deletes them for good                          (changing)

What the changing commands do is counted in the ledger, so that the account of
"ingestctl reconcile" still balances. Do not delete dead letters with other
Redis commands: the account would no longer balance.

Replay once the reason for the refusal is gone, for example after a change to
the collection's validation rules or a higher limit. What is refused again
becomes a new dead letter. On a stream, a record that was put back keeps the ID
of its first entry as its origin.`

func deadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, show, edit, replay, export or purge dead letters",
		Long:  deadHelp,
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(listCommand(), showCommand(), editCommand(), replayCommand(), exportCommand(), purgeCommand())
	return cmd
}

// selection says which dead letters a command applies to.
type selection struct {
	letters.Filter
	all   bool
	limit int64 // 0: no limit
}

func (s *selection) addFilters(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.Events, "event", nil, "only this `EVENT`, such as rejected; may be repeated")
	app.DurationVar(cmd.Flags(), &s.OlderThan, "older-than", 0, "only those of at least this `AGE`, such as 24h or 7d")
	cmd.Flags().StringVar(&s.Customer, "customer", "", "only those of the customer with this `ID`")
	cmd.Flags().StringVar(&s.Reason, "reason", "", "only those whose reason contains this `TEXT`")
	app.CompleteFlag(cmd, "event", letters.Events()...)
}

// check reports a selection that is invalid or, for a command that changes dead
// letters, empty: those must be selected explicitly.
func (s *selection) check(cmd *cobra.Command, changes bool) error {
	if err := notEmpty(cmd, "event", "customer", "reason"); err != nil {
		return err
	}
	for _, event := range s.Events {
		if !slices.Contains(letters.Events(), event) {
			return fmt.Errorf("--event: %q is not one of %s", event, strings.Join(letters.Events(), ", "))
		}
	}
	const filters = "--event, --older-than, --customer"
	switch {
	case s.OlderThan < 0:
		return fmt.Errorf("--older-than: %v is negative", s.OlderThan)
	case s.limit < 0:
		return fmt.Errorf("--limit: %d is negative", s.limit)
	case len(s.Names) > 0 && (s.Narrow() || s.all || s.limit > 0):
		return errors.New("select dead letters by ID or by flags, not both")
	case s.all && s.Narrow():
		return fmt.Errorf("--all excludes %s and --reason", filters)
	case changes && len(s.Names) == 0 && !s.Narrow() && !s.all:
		return fmt.Errorf("no dead letters selected: give IDs, as \"ingestctl dead list\" shows them, or %s, --reason or --all", filters)
	}
	return nil
}

var entryID = regexp.MustCompile(`^[0-9]+-[0-9]+$`)

// letters returns the dead letters of the queue.
func (s *session) letters() *letters.Queue {
	if s.cfg.QueueMode == config.ModeList {
		return letters.Of(streams.NewListDeadLetters(s.redis, s.cfg.QueueKey))
	}
	var parts []*streams.DeadLetters
	for _, key := range s.keys() {
		parts = append(parts, streams.NewDeadLetters(s.redis, key))
	}
	return letters.Of(parts...)
}

// notEmpty reports flags that were given without a value, as by a variable of a script that is
// not set: without them the command would apply to more than was meant.
func notEmpty(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		f := cmd.Flags().Lookup(name)
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if f.Changed && strings.TrimSpace(strings.Join(values, "")) == "" {
			return fmt.Errorf("--%s: the value is empty; leave the flag out if that is meant", name)
		}
	}
	return nil
}

// unprinted is the error for a change that was made, but could not be reported.
func unprinted(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s, but that could not be printed: %w", what, err)
}
