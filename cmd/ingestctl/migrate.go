package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

const migrateHelp = `migrate moves a backlog from a list to a stream or back, when QUEUE_MODE
changes, and compares the documents of another service with the records of this
one.`

const toStreamHelp = `list-to-stream moves the records of the list QUEUE_KEY to the stream STREAM_KEY,
each to its customer's partition. It is a changing command.

It moves as many records as there are when it begins, oldest first, with their
bodies as they are. Each arrives on the stream when it is moved, since a list
does not say when a record was queued; with RATE_LIMIT_CLOCK=arrival that is
when it counts in its customer's window. Their order is kept in each partition.

Switch the producers to the stream first. Then stop or pause the workers of the
list: the command refuses to run while they take records from it. With --wait it
waits for that, for up to --timeout. It does not see workers of versions that
are not listed in {QUEUE_KEY}:workers; such a worker takes part of the records
itself, which loses none. Workers of the stream may run.

Each step of up to 500 records is atomic, so the command may be interrupted, or
repeated after a failure: no record is lost or moved twice. It needs a single
Redis: a Cluster keeps the list and the stream on different nodes.`

const toStreamExample = `  ingestctl migrate list-to-stream --dry-run
  ingestctl migrate list-to-stream --yes
  ingestctl migrate list-to-stream --rate 500/s --limit 10000 --yes`

const toListHelp = `stream-to-list moves the undelivered entries of the stream STREAM_KEY to the
tail of the list QUEUE_KEY. It is a changing command.

It moves the entries up to the newest one when it begins, in the order of their
arrival, with their bodies as they are. A list holds nothing else, so a trace
context and the place that was reserved for a deferred record are lost. The
ledger counts the entries as moved, and they stay on the stream for
STREAM_RETENTION like settled ones. Dead letters stay where they are.

Switch the producers to the list first. Then pause or stop the workers of the
stream: the command refuses to run while they read, and while entries are
pending or records deferred. With --wait it waits for that, for up to --timeout.
A worker of the list may run. Workers must not be older than this program, since
those would report the moved entries as missing.

Each step of up to 500 entries is atomic, so the command may be interrupted, or
repeated after a failure: no record is lost or moved twice. It needs a single
Redis: a Cluster keeps the list and the stream on different nodes.`

const toListExample = `  ingestctl migrate stream-to-list --dry-run
  ingestctl migrate stream-to-list --wait --timeout 10m --yes`

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move a backlog between a list and a stream (changing)",
		Long:  migrateHelp,
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(
		(&migration{name: toStream}).command("Move the records of the list to the stream", toStreamHelp, toStreamExample),
		(&migration{name: toList}).command("Move the undelivered entries of the stream to the list", toListHelp, toListExample),
		checkIDsCommand(),
	)
	return cmd
}

// The directions.
const (
	toStream = "list-to-stream"
	toList   = "stream-to-list"
)

// migration is a run of one of the two commands that move records.
type migration struct {
	name     string
	approval approval
	json     bool
	rate     rateFlag
	limit    int64
	wait     bool
	timeout  time.Duration
}

func (m *migration) command(short, long, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     m.name,
		Short:   short + " (changing)",
		Long:    long,
		Example: example,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return m.run(cmd) },
	}
	flags := cmd.Flags()
	m.approval.addFlags(cmd)
	flags.BoolVar(&m.json, "json", false, "print JSON instead of text")
	m.rate.addFlag(flags)
	flags.Int64Var(&m.limit, "limit", 0, "move at most `N` records; 0 means no limit")
	wait := "wait until no worker takes records from the list"
	if m.name == toList {
		wait = "wait until no worker reads and nothing is pending or deferred"
	}
	flags.BoolVar(&m.wait, "wait", false, wait)
	app.DurationVar(flags, &m.timeout, "timeout", 10*time.Minute, "with --wait: give up after this time")
	return cmd
}

func (m *migration) check(cmd *cobra.Command) error {
	switch {
	case m.limit < 0:
		return fmt.Errorf("--limit: %d is negative", m.limit)
	case m.timeout <= 0:
		return fmt.Errorf("--timeout: %v is not positive", m.timeout)
	}
	return m.approval.check(cmd)
}

func (m *migration) run(cmd *cobra.Command) error {
	if err := m.check(cmd); err != nil {
		return app.UsageError(err)
	}
	ctx := cmd.Context()
	s, err := open(ctx, cmd, func(cfg *config.Config) { cfg.QueueMode = config.ModeStream })
	if err != nil {
		return err
	}
	defer s.close()
	mover, err := s.mover(ctx)
	if err != nil {
		return err
	}
	b, err := m.backlogOf(ctx, s, mover)
	if err != nil {
		return err
	}
	if m.approval.dryRun {
		return b.report(s, 0, false)
	}
	if b.clients.any() {
		if err := b.awaitReady(ctx); err != nil {
			return err
		}
		if b, err = m.backlogOf(ctx, s, mover); err != nil { // records that came back meanwhile, too
			return err
		}
	}
	if b.empty() {
		return b.report(s, 0, true)
	}
	if err := m.approval.ask(cmd, b.question()); err != nil {
		return err
	}
	moved, err := b.move(ctx)
	if reported := b.report(s, moved, err == nil && !b.leaves(moved)); err == nil {
		return unprinted(plural.Of(moved, "record was", "records were")+" moved", reported)
	}
	return fmt.Errorf("not finished, and safe to repeat: %w", err)
}

// mover returns what moves the records, or an error if there are none to be moved here.
func (s *session) mover(ctx context.Context) (*streams.Migration, error) {
	if err := streams.CheckTypes(ctx, s.redis, "list", streams.KeysOf(s.cfg.QueueKey)); err != nil {
		return nil, fmt.Errorf("QUEUE_KEY: %w", err)
	}
	partitions := s.cfg.StreamPartitions
	mover, err := streams.NewMigration(streams.MigrationOptions{
		Client: s.redis, List: s.cfg.QueueKey, Stream: s.keys(), Group: s.cfg.StreamGroup,
		Home: func(body []byte) int {
			customer, ok := record.PeekCustomerID(body)
			if !ok {
				return 0 // as producers do
			}
			return record.HomePartition(customer, partitions)
		},
	})
	if errors.Is(err, streams.ErrMigrateCluster) {
		return nil, &app.SetupError{Err: fmt.Errorf("REDIS_URL: %w: let the workers of the old mode finish the backlog, then switch", err)}
	}
	return mover, err
}
