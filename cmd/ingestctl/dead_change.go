package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/streams"
)

const replayHelp = `replay puts dead letters back on the queue, unchanged, oldest first. They are
processed like new records. What is refused again becomes a new dead letter,
which the same run does not replay.

Each dead letter is added, deleted and counted in one atomic step, so replay may
be interrupted, or repeated after a failure: none is replayed twice.`

const replayExample = `  # try one first, then the others
  ingestctl dead replay --event rejected --limit 1
  ingestctl dead replay --event rejected

  ingestctl dead replay 1795477478417-0 1795477478420-3
  ingestctl dead replay --all --dry-run`

const purgeHelp = `purge deletes dead letters for good and counts them as purged. It requires
--yes, or --dry-run to print how many it would delete.

To keep a copy, save them to a file first:

  ingestctl dead list --limit 0 --json > dead.ndjson`

const purgeExample = `  ingestctl dead purge --event parse_error --older-than 720h --dry-run
  ingestctl dead purge --event parse_error --older-than 720h --yes`

// change is a run of replay or purge, which both remove dead letters.
type change struct {
	done     string // for example "put back on the queue"
	apply    func(context.Context, partition, []string) (int, error)
	selected selection
	dryRun   bool
	unfit    []error // about letters that can't be put back
	left     int     // how many letters these are
}

func replayCommand() *cobra.Command {
	c := &change{
		done:  "put back on the queue",
		apply: func(ctx context.Context, p partition, ids []string) (int, error) { return p.Replay(ctx, ids) },
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
		apply: func(ctx context.Context, p partition, ids []string) (int, error) { return p.Purge(ctx, ids) },
	}
	cmd := &cobra.Command{
		Use:     "purge [ID ...]",
		Short:   "Delete dead letters for good",
		Long:    purgeHelp,
		Example: purgeExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !c.dryRun {
				return app.UsageError(errors.New("purge deletes for good: confirm with --yes, or use --dry-run to print how many"))
			}
			return c.run(cmd, args)
		},
	}
	c.addFlags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm the deletion")
	return cmd
}

func (c *change) addFlags(cmd *cobra.Command) {
	c.selected.addFilters(cmd)
	cmd.Flags().BoolVar(&c.selected.all, "all", false, "all dead letters")
	cmd.Flags().IntVar(&c.selected.limit, "limit", 0, "at most `N` dead letters; 0 means no limit")
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "print how many it would be, and change nothing")
}

func (c *change) run(cmd *cobra.Command, args []string) error {
	c.selected.ids = args
	if err := c.selected.check(true); err != nil {
		return app.UsageError(err)
	}
	ctx := cmd.Context()
	s, err := open(ctx, cmd, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.selected.start(ctx, s); err != nil {
		return err
	}
	changed, err := c.changeSelected(ctx, s)
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

// changeSelected returns how many letters were changed, also with an error.
func (c *change) changeSelected(ctx context.Context, s *session) (int, error) {
	partitions := s.partitions()
	if len(c.selected.ids) > 0 {
		return c.changeByID(ctx, s, partitions)
	}
	total := 0
	for _, p := range partitions {
		n, err := c.changeMatching(ctx, p, total)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// changeMatching changes the letters of one partition that match the flags.
// already is how many were changed in other partitions.
func (c *change) changeMatching(ctx context.Context, p partition, already int) (int, error) {
	b := buffer{change: c, partition: p}
	for letter, err := range p.Letters(ctx, false) {
		if err != nil {
			err = errors.Join(err, b.flush(ctx))
			return b.changed, err
		}
		if c.selected.limit > 0 && already+b.changed+len(b.ids) >= c.selected.limit {
			break
		}
		if !c.selected.matches(&letter) {
			continue
		}
		if err := b.add(ctx, letter.ID, len(letter.Data)); err != nil {
			return b.changed, err
		}
	}
	err := b.flush(ctx)
	return b.changed, err
}

// changeByID changes the letters whose IDs are on the command line.
func (c *change) changeByID(ctx context.Context, s *session, partitions []partition) (int, error) {
	byPartition, err := c.selected.byPartition(partitions)
	if err != nil {
		return 0, app.UsageError(err)
	}
	total := 0
	for i, ids := range byPartition {
		b := buffer{change: c, partition: partitions[i]}
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
	if absent := len(c.selected.ids) - total - c.left; absent > 0 && !c.dryRun {
		fmt.Fprintf(s.err, "%d of %d not found\n", absent, len(c.selected.ids))
	}
	return total, nil
}

// Limits of one call, which blocks Redis while it copies the bodies.
const (
	maxCallLetters = 200
	maxCallBytes   = 1 << 20
)

// buffer gathers the letters of one partition that are changed in one call.
type buffer struct {
	change    *change
	partition partition
	ids       []string
	bytes     int
	changed   int
}

func (b *buffer) add(ctx context.Context, id string, bytes int) error {
	b.ids, b.bytes = append(b.ids, id), b.bytes+bytes
	if len(b.ids) >= maxCallLetters || b.bytes >= maxCallBytes {
		return b.flush(ctx)
	}
	return nil
}

func (b *buffer) flush(ctx context.Context) error {
	ids := b.ids
	b.ids, b.bytes = nil, 0
	if b.change.dryRun {
		b.changed += len(ids)
		return nil
	}
	n, err := b.change.apply(ctx, b.partition, ids)
	b.changed += n
	if unfit, ok := errors.AsType[*streams.UnfitError](err); ok {
		b.change.unfit = append(b.change.unfit, unfit)
		b.change.left += unfit.Left
		return nil
	}
	return err
}
