package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/record"
	"ingestion/streams"
)

const reconcileHelp = `reconcile says where every entry of the stream is, and whether the account of it
balances: whether each entry that was ever added is settled with one outcome, or
still to be settled, or known to be lost. It changes nothing.

  added         entries added since the consumer group was made
  undelivered   on the stream, and given to no worker yet
  pending       given to a worker, and not settled yet
  ingested, duplicate, parse_error, validation_failed, rate_limited, rejected,
  poisoned, deferred   settled so
  missing       deleted by somebody else before being settled, skipped, or dropped
  delayed       deferred records that wait; they come back as entries of their own
  dead letters  refused records that are kept

Each partition is read in one step, so the account holds while workers run, and
is the same whenever it is read. Five things are checked:

  presence      added = trimmed by the service + on the stream + gone, which is
                what somebody else deleted
  settlement    added = all outcomes + pending + undelivered + missing
  deferral      deferred = returned to the stream + delayed
  dead letters  written = there + replayed + purged
  documents     ingested <= documents in MongoDB <= ingested + pending, with
                --documents, for a collection that only this stream feeds

Where one of them does not hold, reconcile says by how much and what that means,
and exits with 1. It is "unknown", with exit code 1 too, where nothing is wrong
but not all can be judged: before a worker has first opened the stream, and after
its ledger was deleted. Where all hold and records are missing, a line says so
and the exit code is 3.

After the group was set back or made again, or Redis has gone back in a failover,
the workers begin a new epoch: the counts are those since. Documents of entries
that Redis lost then are counted apart.

--wait waits first until nothing is undelivered, pending or delayed.`

const reconcileExample = `  ingestctl reconcile
  ingestctl reconcile --json | jq '.total.outcomes'

  # after a load: is all of it worked off, and in MongoDB?
  ingestctl reconcile --wait --timeout 30m --documents && echo complete`

type reconcileFlags struct {
	json      bool
	documents bool
	wait      bool
	timeout   time.Duration
}

func reconcileCommand() *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use:     "reconcile",
		Short:   "Say where every entry is, and whether the account balances",
		Long:    reconcileHelp,
		Example: reconcileExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.timeout <= 0 {
				return app.UsageError(fmt.Errorf("--timeout %v is no length of time to wait for", f.timeout))
			}
			var listMode bool
			s, err := open(cmd.Context(), cmd, func(cfg *config.Config) {
				listMode = cfg.QueueMode == config.ModeList
				cfg.QueueMode = config.ModeStream // the account is of the stream, whatever the mode is by default
			})
			if err != nil {
				return err
			}
			defer s.close()
			return s.reconcile(cmd.Context(), f, listMode)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print JSON instead of a table")
	flags.BoolVar(&f.documents, "documents", false, "count the documents in MongoDB as well")
	flags.BoolVar(&f.wait, "wait", false, "wait until nothing is undelivered, pending or delayed")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "with --wait: exit with 1 if it takes longer")
	return cmd
}

func (s *session) reconcile(ctx context.Context, f reconcileFlags, listMode bool) error {
	var unsettled error
	accounts, err := s.readAccounts(ctx)
	if err == nil {
		err = s.checkPlace(ctx, accounts, listMode)
	}
	if err == nil && f.wait {
		accounts, unsettled, err = s.awaitSettled(ctx, accounts, f.timeout)
	}
	if err != nil {
		return err
	}
	r := newReport(accounts, s.cfg.StreamKey)
	if f.documents {
		before := streams.Total(accounts)
		count, lost, err := app.CountDocuments(ctx, s.cfg, s.log, lostOf(accounts))
		if err != nil {
			return err
		}
		if accounts, err = s.readAccounts(ctx); err != nil {
			return err
		}
		r = newReport(accounts, s.cfg.StreamKey)
		r.addDocuments(streams.CompareDocuments(before, count, lost, streams.Total(accounts)))
	}
	write := r.writeTable
	if f.json {
		write = r.writeJSON
	}
	if err := write(s.out); err != nil {
		return fmt.Errorf("writing the account: %w", err)
	}
	return errors.Join(unsettled, r.failure())
}

// lostOf chooses the documents whose entries Redis has lost; nil if it has lost
// none.
func lostOf(accounts []*streams.Account) *app.DocumentFilter {
	from, to := streams.Total(accounts).LostSpan()
	if to == "" {
		return nil
	}
	return &app.DocumentFilter{From: from, To: to, Match: func(customerID, streamID string) bool {
		return accounts[record.HomePartition(customerID, len(accounts))].Lost(streamID)
	}}
}

func (s *session) readAccounts(ctx context.Context) ([]*streams.Account, error) {
	accounts, err := streams.ReadAccounts(ctx, s.redis, s.keys(), s.cfg.StreamGroup)
	return accounts, app.NameOwner(err)
}

func (s *session) keys() []string {
	return streams.PartitionKeys(s.cfg.StreamKey, s.cfg.StreamPartitions)
}

// checkPlace finds out that the settings lead nowhere, or not to all there is.
func (s *session) checkPlace(ctx context.Context, accounts []*streams.Account, listMode bool) error {
	next := fmt.Sprintf("%s:%d", s.cfg.StreamKey, s.cfg.StreamPartitions)
	if s.cfg.StreamPartitions == 1 {
		next = s.cfg.StreamKey + ":0"
	}
	more, err := s.redis.Exists(ctx, next).Result()
	if err == nil && more > 0 { // a hint: a role that may not ask goes without
		s.log.Warn("warning", "reason", fmt.Sprintf("there is a stream %q too: STREAM_PARTITIONS=%d does not cover it", next, s.cfg.StreamPartitions))
	}
	for _, a := range accounts {
		if a.StreamThere || a.Opened() {
			return nil
		}
	}
	hint := "no worker has run in stream mode with these settings"
	if listMode {
		hint = "QUEUE_MODE is list, and there is no account of a list"
	}
	return &app.SetupError{Err: fmt.Errorf("STREAM_KEY: there is neither a stream %q nor a ledger of it at %s, with STREAM_PARTITIONS=%d: %s",
		s.cfg.StreamKey, s.cfg.RedisURL, s.cfg.StreamPartitions, hint)}
}
