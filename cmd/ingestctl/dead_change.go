package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/letters"
	"ingestion/internal/plural"
)

const replayHelp = `replay puts dead letters back on the queue, unchanged, oldest first. They are
processed like new records. What is refused again becomes a new dead letter,
which the same run does not replay.

This command changes the queue. It counts the dead letters that match, asks, and
then changes these and no others: not those that arrive meanwhile. Without a
terminal it wants --yes. --dry-run prints a token which --through takes, so that
a later command changes what was counted, as far as it is still there.

Each dead letter is added, deleted and counted in one atomic step, so replay may
be interrupted, or repeated after a failure: none is replayed twice.`

const replayExample = `  # try one first, then the others
  ingestctl dead replay --event rejected --limit 1
  ingestctl dead replay --event rejected

  ingestctl dead replay 1795477478417-0 1795477478420-3
  ingestctl dead replay --reason "unique index" --rate 50/s --yes

  # count first, and then replay what was counted
  ingestctl dead replay --all --dry-run
  ingestctl dead replay --all --through 1795477478417-0~f1dea85b --yes`

const purgeHelp = `purge deletes dead letters for good and counts them as purged.

This command changes the queue. It counts the dead letters that match, asks, and
then deletes these and no others: not those that arrive meanwhile. Without a
terminal it wants --yes. --dry-run prints a token which --through takes, so that
a later command deletes what was counted, as far as it is still there.

purge may be interrupted, and repeated after a failure. To keep a copy, export
them first, which "producer load" can send again:

  ingestctl dead export --output dead.ndjson --details dead.details.ndjson`

const purgeExample = `  ingestctl dead purge --event parse_error --older-than 30d
  ingestctl dead purge --event parse_error --older-than 30d --yes --rate 1000/s

  # count first, and then delete what was counted
  ingestctl dead purge --all --dry-run
  ingestctl dead purge --all --through 1795477478417-0~7c23f0ab --yes`

// change is a run of replay or purge, which both remove dead letters.
type change struct {
	approval
	action   letters.Action
	done     string // for example "put back on the queue"
	question string // with the number of letters
	selected selection
	through  string
	rate     rateFlag
	json     bool
}

func replayCommand() *cobra.Command {
	c := &change{action: letters.Replay, done: "put back on the queue", question: "Put %s back on the queue?"}
	cmd := &cobra.Command{
		Use:     "replay [ID ...]",
		Short:   "Put dead letters back on the queue (changing)",
		Long:    replayHelp,
		Example: replayExample,
		RunE:    c.run,
	}
	c.addFlags(cmd)
	return cmd
}

func purgeCommand() *cobra.Command {
	c := &change{action: letters.Purge, done: "deleted", question: "Delete %s for good?"}
	cmd := &cobra.Command{
		Use:     "purge [ID ...]",
		Short:   "Delete dead letters for good (changing)",
		Long:    purgeHelp,
		Example: purgeExample,
		RunE:    c.run,
	}
	c.addFlags(cmd)
	return cmd
}

func (c *change) addFlags(cmd *cobra.Command) {
	c.selected.addFilters(cmd)
	cmd.Flags().BoolVar(&c.selected.all, "all", false, "all dead letters")
	cmd.Flags().Int64Var(&c.selected.limit, "limit", 0, "at most `N` dead letters, the oldest of each partition; 0 means no limit")
	cmd.Flags().StringVar(&c.through, "through", "", "only what --dry-run has counted when it printed this `TOKEN`")
	c.rate.addFlag(cmd.Flags())
	cmd.Flags().BoolVar(&c.json, "json", false, "print the result as one JSON object")
	c.approval.addFlags(cmd)
}

func (c *change) run(cmd *cobra.Command, args []string) error {
	c.selected.Names = args
	if err := errors.Join(c.selected.check(cmd, true), notEmpty(cmd, "through")); err != nil {
		return app.UsageError(err)
	}
	if c.through != "" && len(args) > 0 {
		return app.UsageError(errors.New("--through bounds what flags select: it has no use with IDs"))
	}
	if err := c.approval.check(cmd); err != nil {
		return err
	}
	ctx := cmd.Context()
	s, err := open(ctx, cmd, nil)
	if err != nil {
		return err
	}
	defer s.close()
	preview, err := c.preview(ctx, s)
	if err != nil {
		return err
	}
	if c.dryRun {
		return c.show(s, preview)
	}
	if preview.Matched > 0 {
		if err := c.ask(cmd, fmt.Sprintf(c.question, plural.Of(preview.Matched, "dead letter", "dead letters"))); err != nil {
			return err
		}
	}
	return c.apply(ctx, s, preview)
}

// preview counts the letters that match.
func (c *change) preview(ctx context.Context, s *session) (*letters.Preview, error) {
	q := s.letters()
	var err error
	if c.selected.Names, err = q.Names(c.selected.Names); err != nil {
		return nil, app.UsageError(err)
	}
	var through letters.Through
	if c.through != "" {
		if through, err = q.ParseToken(c.through, string(c.action), &c.selected.Filter); err != nil {
			return nil, app.UsageError(fmt.Errorf("--through: %w", err))
		}
	}
	if err := c.selected.Fix(ctx, s.redis); err != nil {
		return nil, err
	}
	preview, err := q.Preview(ctx, &c.selected.Filter, c.selected.limit, through)
	if err != nil {
		return nil, err
	}
	if absent := int64(len(c.selected.Names)) - preview.Matched; len(c.selected.Names) > 0 && absent > 0 {
		fmt.Fprintf(s.err, "%d of %d not found\n", absent, len(c.selected.Names))
	}
	return preview, nil
}

// apply changes what the preview has counted.
func (c *change) apply(ctx context.Context, s *session, preview *letters.Preview) error {
	shown := c.progress(s, preview.Matched)
	done, err := (&letters.Change{
		Queue: s.letters(), Action: c.action, Filter: &c.selected.Filter, Limit: c.selected.limit, Through: preview.Through,
		Rate: c.rate.perSecond, Progress: shown.done,
	}).Run(ctx)
	shown.clear()
	if printErr := c.report(s, preview, done, err == nil); printErr != nil {
		return errors.Join(err, unprinted(plural.Of(done.Changed, "dead letter", "dead letters")+" "+c.done, printErr))
	}
	if err != nil {
		return c.unfinished(s, preview, err)
	}
	return errors.Join(done.Unfit...)
}

// unfinished is an error that says how to go on.
func (c *change) unfinished(s *session, preview *letters.Preview, err error) error {
	if len(c.selected.Names) > 0 {
		return fmt.Errorf("not finished: %w; repeat the command for the rest", err)
	}
	token := s.letters().Token(string(c.action), &c.selected.Filter, preview.Through)
	return fmt.Errorf("not finished: %w; to go on with the rest:\n%s", err, c.commandLine(token))
}
