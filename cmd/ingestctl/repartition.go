package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/logging"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

const repartitionHelp = `repartition changes over how many partitions the customers of the stream are
spread (STREAM_PARTITIONS). It is a changing command.

It moves the windows and the own limits of customers to their new partitions, so
that no customer gets more than its limit. Entries stay where they are: the
workers go on reading the streams of the old partitions, and so do all commands,
with their dead letters, deferred records, history and archive. So nothing has
to be drained, and every account stays exact.

1. Stop the workers (in Kubernetes, scale them to 0). Producers may go on.
2. Run this command. It takes the number until now from {STREAM_KEY}:layout,
   where workers record it, else from STREAM_PARTITIONS.
3. Start the archiver, if there is one, the workers, and then the console, with
   STREAM_PARTITIONS set to the new number.
4. Restart the producers with the new number, not before the workers. Records
   that still arrive by the old one are processed, and limited, all the same.

What arrives in between waits, and is limited as if it had been processed when
it arrived (RATE_LIMIT_CLOCK=arrival).

The command refuses to run while workers are listed; with --wait it waits until
they have ended, for up to --timeout. A worker that was killed counts for half a
minute. Workers of versions before this command do not record the number, do not
refuse a wrong one and do not read the old streams: update them first.

It may be interrupted, or killed, and repeated: it goes on. Until it has ended,
no worker starts. Repeat it with --to and the old number to go back.`

const repartitionExample = `  ingestctl repartition --to 4 --dry-run
  ingestctl repartition --to 4 --wait --yes`

// repartition is a run of the command.
type repartition struct {
	to       int
	approval approval
	json     bool
	wait     bool
	timeout  time.Duration

	session *session
	before  streams.Layout // as it was recorded when the command began
	from    int            // the number until now
	workers []string       // that run
	moved   limiter.Moved
}

func repartitionCommand() *cobra.Command {
	r := &repartition{}
	cmd := &cobra.Command{
		Use:     "repartition",
		Short:   "Change the number of partitions of the stream (changing)",
		Long:    repartitionHelp,
		Example: repartitionExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	flags := cmd.Flags()
	flags.IntVar(&r.to, "to", 0, "the new `number` of partitions")
	r.approval.addFlags(cmd)
	flags.BoolVar(&r.json, "json", false, "print JSON instead of text (docs/schema/ingestctl-repartition.json)")
	flags.BoolVar(&r.wait, "wait", false, "wait until the workers have ended")
	app.DurationVar(flags, &r.timeout, "timeout", 10*time.Minute, "with --wait: give up after this time")
	return cmd
}

func (r *repartition) check(cmd *cobra.Command) error {
	switch {
	case !cmd.Flags().Changed("to"):
		return errors.New("--to: name the new number of partitions")
	case r.to < 1 || r.to > config.MaxPartitions:
		return fmt.Errorf("--to: %d: want 1 to %d", r.to, config.MaxPartitions)
	case r.timeout <= 0:
		return fmt.Errorf("--timeout: %v is not positive", r.timeout)
	}
	return r.approval.check(cmd)
}

func (r *repartition) run(cmd *cobra.Command) (err error) {
	if err := r.check(cmd); err != nil {
		return app.UsageError(err)
	}
	ctx := cmd.Context()
	r.session, err = openWith(ctx, cmd, func(cfg *config.Config) { cfg.QueueMode = config.ModeStream }, app.AnyLayoutRedis)
	if err != nil {
		return err
	}
	defer r.session.close()
	if err := r.look(ctx); err != nil {
		return err
	}
	switch {
	case r.done():
		return r.report(true)
	case r.approval.dryRun:
		if r.moved, err = r.move().Count(ctx); err != nil {
			return err
		}
		return r.report(false)
	}
	if err := r.awaitEnd(ctx); err != nil {
		return err
	}
	if err := r.approval.ask(cmd, r.question()); err != nil {
		return err
	}
	if err := r.change(ctx); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		return fmt.Errorf("not finished, and safe to repeat; until then no worker starts: %w", err)
	}
	return unprinted(r.summary(), r.report(true))
}

// look reads what is recorded, and which workers run.
func (r *repartition) look(ctx context.Context) (err error) {
	s := r.session
	if r.before, err = streams.ReadLayout(ctx, s.redis, s.cfg.StreamKey); err != nil {
		return err
	}
	if r.from = r.before.Partitions; r.from == 0 {
		r.from = s.cfg.StreamPartitions
		if err := r.unrecorded(ctx); err != nil {
			return err
		}
	}
	r.workers, err = r.live(ctx)
	return err
}

// unrecorded checks STREAM_PARTITIONS, which is not recorded.
func (r *repartition) unrecorded(ctx context.Context) error {
	s := r.session
	if r.from == r.to {
		return app.UsageError(fmt.Errorf("STREAM_PARTITIONS: %s does not exist, so set the number that the stream has until now, not the new one", streams.LayoutKey(s.cfg.StreamKey)))
	}
	for _, key := range record.PartitionKeys(s.cfg.StreamKey, r.from) {
		if there, err := s.redis.Exists(ctx, key).Result(); err != nil || there > 0 {
			return err
		}
	}
	return app.UsageError(fmt.Errorf("STREAM_KEY: there is no stream %q at %s with STREAM_PARTITIONS=%d: set the number that it has until now",
		s.cfg.StreamKey, s.cfg.RedisURL, r.from))
}

func (r *repartition) done() bool {
	return r.before.Partitions == r.to && r.before.Next == 0
}

// layout is the one that the stream will have.
func (r *repartition) layout() record.Layout {
	former := append([]int{r.from}, r.before.Former...)
	if r.before.Next != 0 {
		former = append(former, r.before.Next)
	}
	return record.Layout{Key: r.session.cfg.StreamKey, Partitions: r.to, Former: former}
}

// readOn are the streams that are no partitions, and are read all the same.
func (r *repartition) readOn() []string { return r.layout().Keys()[r.to:] }

func (r *repartition) move() *limiter.Move {
	layout := r.layout()
	homes := layout.Homes()
	return &limiter.Move{
		Client: r.session.redis, Bases: layout.Keys(),
		Home: func(customerID string) string { return homes[layout.Home(customerID)] },
	}
}

// change does it. Workers that have looked at the layout before it changes are listed before
// it is looked for them again.
func (r *repartition) change(ctx context.Context) error {
	s := r.session
	if _, err := streams.BeginLayout(ctx, s.redis, s.cfg.StreamKey, r.from, r.to); err != nil {
		return explainFull(err, "and repeat the command")
	}
	if err := r.awaitLast(ctx); err != nil {
		return err
	}
	if err := r.takeOver(ctx); err != nil {
		return err
	}
	shown := &progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: time.Now()}
	move := r.move()
	move.Progress = func(m limiter.Moved) { shown.print(windowsAndLimits(m) + " moved") }
	moved, err := move.Run(ctx)
	shown.clear()
	if r.moved = moved; err != nil {
		return explainFull(err, "and repeat the command")
	}
	after, err := streams.EndLayout(ctx, s.redis, s.cfg.StreamKey, r.to)
	if err == nil && (after.Partitions != r.to || after.Next != 0) {
		err = errors.New("another repartition runs at the same time: repeat one of them")
	}
	return err
}

// live lists the workers of the stream, whatever their number of partitions.
func (r *repartition) live(ctx context.Context) (names []string, err error) {
	key := r.session.cfg.StreamKey
	for _, first := range []string{key, record.PartitionKeys(key, 2)[0]} {
		workers, err := r.session.liveWorkers(ctx, first)
		if err != nil {
			return nil, err
		}
		for _, w := range workers {
			names = append(names, w.Consumer)
		}
	}
	slices.Sort(names)
	return names, nil
}
