package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/streams"
)

const replayHelp = `replay puts dead letters back on the queue, unedited, the oldest first. They are
judged as if they had just come; what is refused again becomes a new dead letter,
which the same run leaves alone.

Adding, deleting and counting are one step for each letter, so replay may be
interrupted, or repeated after a failure: none goes back twice.`

const replayExample = `  # try one, then the others
  ingestctl dead replay --event rejected --limit 1
  ingestctl dead replay --event rejected

  ingestctl dead replay 1795477478417-0 1795477478420-3
  ingestctl dead replay --all --dry-run`

const purgeHelp = `purge deletes dead letters for good and counts them as purged. It wants --yes, or
--dry-run to see how many it would delete.

To keep what is deleted, write it to a file first:

  ingestctl dead list --limit 0 --json > dead.ndjson`

const purgeExample = `  ingestctl dead purge --event parse_error --older-than 720h --dry-run
  ingestctl dead purge --event parse_error --older-than 720h --yes`

// change is what replay and purge have in common: they take letters away.
type change struct {
	done   string // for example "put back on the queue"
	apply  func(partition) func(context.Context, []string) (int, error)
	chosen selection
	dryRun bool
	unfit  []error // of letters that can't be put back
	left   int     // how many these are
}

func replayCommand() *cobra.Command {
	c := &change{
		done:  "put back on the queue",
		apply: func(p partition) func(context.Context, []string) (int, error) { return p.Replay },
	}
	cmd := &cobra.Command{
		Use:     "replay [ID ...]",
		Short:   "Put dead letters back on the queue",
		Long:    replayHelp,
		Example: replayExample,
		RunE:    c.run,
	}
	c.addFlags(cmd)
	return cmd
}

func purgeCommand() *cobra.Command {
	var yes bool
	c := &change{
		done:  "deleted",
		apply: func(p partition) func(context.Context, []string) (int, error) { return p.Purge },
	}
	cmd := &cobra.Command{
		Use:     "purge [ID ...]",
		Short:   "Delete dead letters for good",
		Long:    purgeHelp,
		Example: purgeExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !c.dryRun {
				return app.UsageError(errors.New("purge deletes for good: add --yes, or --dry-run to see how many"))
			}
			return c.run(cmd, args)
		},
	}
	c.addFlags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do delete them")
	return cmd
}

func (c *change) addFlags(cmd *cobra.Command) {
	c.chosen.addFilters(cmd)
	cmd.Flags().BoolVar(&c.chosen.all, "all", false, "all of them")
	cmd.Flags().IntVar(&c.chosen.limit, "limit", 0, "so many at most; 0: no limit")
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "say how many it would be, and leave them alone")
}

func (c *change) run(cmd *cobra.Command, args []string) error {
	c.chosen.ids = args
	if err := c.chosen.check(true); err != nil {
		return app.UsageError(err)
	}
	s, err := open(cmd.Context(), cmd, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.chosen.start(cmd.Context(), s); err != nil {
		return err
	}
	changed, err := c.all(cmd.Context(), s)
	if c.dryRun && err == nil {
		fmt.Fprintf(s.out, "%s would be %s\n", counted(changed, "dead letter"), c.done)
		return nil
	}
	fmt.Fprintf(s.out, "%s %s\n", counted(changed, "dead letter"), c.done)
	if err != nil {
		return fmt.Errorf("not finished, and safe to repeat: %w", err)
	}
	return errors.Join(c.unfit...)
}

func (c *change) all(ctx context.Context, s *session) (int, error) {
	partitions := s.partitions()
	if len(c.chosen.ids) > 0 {
		return c.named(ctx, s, partitions)
	}
	total := 0
	for _, p := range partitions {
		n, err := c.matching(ctx, p, total)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// matching changes what is chosen in one partition. already is how many were
// changed in others.
func (c *change) matching(ctx context.Context, p partition, already int) (int, error) {
	b := batch{change: c, partition: p}
	for letter, err := range p.Letters(ctx, false) {
		if err != nil {
			err = errors.Join(err, b.flush(ctx))
			return b.changed, err
		}
		if c.chosen.limit > 0 && already+b.changed+len(b.ids) >= c.chosen.limit {
			break
		}
		if !c.chosen.matches(&letter) {
			continue
		}
		if err := b.add(ctx, letter.ID, len(letter.Data)); err != nil {
			return b.changed, err
		}
	}
	err := b.flush(ctx)
	return b.changed, err
}

// named changes the letters that the command line names.
func (c *change) named(ctx context.Context, s *session, partitions []partition) (int, error) {
	byPartition, err := c.chosen.byPartition(partitions)
	if err != nil {
		return 0, app.UsageError(err)
	}
	total := 0
	for i, ids := range byPartition {
		b := batch{change: c, partition: partitions[i]}
		for _, id := range ids {
			if err := b.add(ctx, id, 0); err != nil {
				return total + b.changed, err
			}
		}
		err := b.flush(ctx)
		total += b.changed
		if err != nil {
			return total, err
		}
	}
	if rest := len(c.chosen.ids) - total - c.left; rest > 0 && !c.dryRun {
		fmt.Fprintf(s.err, "%d of %d are not there any more\n", rest, len(c.chosen.ids))
	}
	return total, nil
}

// What one step takes at most: it holds Redis while the bodies are copied.
const (
	batchLetters = 200
	batchBytes   = 1 << 20
)

// batch collects letters for one step.
type batch struct {
	change    *change
	partition partition
	ids       []string
	bytes     int
	changed   int
}

func (b *batch) add(ctx context.Context, id string, bytes int) error {
	b.ids, b.bytes = append(b.ids, id), b.bytes+bytes
	if len(b.ids) >= batchLetters || b.bytes >= batchBytes {
		return b.flush(ctx)
	}
	return nil
}

func (b *batch) flush(ctx context.Context) error {
	ids := b.ids
	b.ids, b.bytes = nil, 0
	if b.change.dryRun {
		b.changed += len(ids)
		return nil
	}
	n, err := b.change.apply(b.partition)(ctx, ids)
	b.changed += n
	if unfit, ok := errors.AsType[*streams.UnfitError](err); ok {
		b.change.unfit = append(b.change.unfit, unfit)
		b.change.left += unfit.Left
		return nil
	}
	return err
}
