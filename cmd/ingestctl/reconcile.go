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
	"ingestion/streams"
)

const reconcileHelp = `reconcile shows where every entry of the stream is and whether the account
balances: every entry ever added must have exactly one outcome, or still be
waiting for it, or be known to be lost. It changes nothing.

  added         entries added since the consumer group was created
  undelivered   on the stream, not yet delivered to a worker
  pending       delivered to a worker, not yet settled
  ingested, duplicate, parse_error, validation_failed, rate_limited, rejected,
  poisoned, deferred   settled with this outcome
  missing       deleted by another client before they were settled, skipped, or
                dropped
  moved         moved to a list by "migrate stream-to-list"; shown if there are any
  delayed       deferred records that wait; each returns to the stream as a new
                entry when it is due
  dead letters  refused records that are kept

Each partition is read in one atomic step, so the account is exact while workers
run. Five equations are checked:

  presence      added = trimmed by the service + on the stream + gone, that is
                deleted by another client
  settlement    added = all outcomes + pending + undelivered + missing, and those
                moved to a list
  deferral      deferred = returned to the stream + delayed
  dead letters  written = there + replayed + purged
  documents     with --documents: at least as many documents in MongoDB as
                ingested, at most as many as ingested, pending, missing, poisoned
                and moved together, since some of the last four may have been
                inserted. Requires that only this stream feeds the collection

A line WRONG says which equation does not hold, by how much and what that means;
the exit code is then 1. If nothing is wrong but an equation can't be checked,
the account is unknown and the exit code is also 1: before a worker first opens
the stream, and after its ledger was deleted. What only the ledger counts is then
unknown too: null in JSON. If all equations hold but records
are missing, a line MISSING says so and the exit code is 3.

Workers begin a new epoch when the group was set back or recreated, or when a
failover has returned Redis to an earlier state. The counts are those of the
current epoch. Documents of entries that Redis has lost are counted separately. If
Redis lost entries that workers had read when this epoch began, a line MISSING says
between which, and the exit code is 3.

--queued reads the log of "producer generate", and looks for each entry that the
producer was told is queued. What is neither on the stream nor trimmed by the
service is lost: after a failover, Redis does not know of what was not replicated,
and nobody else can count it. A line MISSING says how many of each partition, and
the exit code is 3.

With --wait, reconcile first waits until nothing is undelivered, pending or
delayed.`

const reconcileExample = `  ingestctl reconcile
  ingestctl reconcile --json | jq '.total.outcomes'

  # after a failover: which of the entries that count as queued has Redis lost?
  producer generate --duration 1h >queued.log
  ingestctl reconcile --wait --queued queued.log

  # after a load: is everything settled, and in MongoDB?
  ingestctl reconcile --wait --timeout 30m --documents && echo complete`

type reconcileFlags struct {
	json      bool
	documents bool
	wait      bool
	queued    string
	timeout   time.Duration
}

func reconcileCommand() *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use:     "reconcile",
		Short:   "Show where every entry is and whether the account balances",
		Long:    reconcileHelp,
		Example: reconcileExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.timeout <= 0 {
				return app.UsageError(fmt.Errorf("--timeout: %v is not positive", f.timeout))
			}
			queued, err := readQueuedLog(f.queued)
			if err != nil {
				return err
			}
			var listMode bool
			s, err := open(cmd.Context(), cmd, func(cfg *config.Config) {
				listMode = cfg.QueueMode == config.ModeList
				cfg.QueueMode = config.ModeStream // the account is of a stream in either mode
			})
			if err != nil {
				return err
			}
			defer s.close()
			return s.reconcile(cmd.Context(), f, queued, listMode)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print JSON (docs/schema/ingestctl-reconcile.json)")
	flags.BoolVar(&f.documents, "documents", false, "also compare with the number of documents in MongoDB")
	flags.StringVar(&f.queued, "queued", "", "log `file` of the producer: look for each entry that it calls queued")
	flags.BoolVar(&f.wait, "wait", false, "wait until nothing is undelivered, pending or delayed")
	app.DurationVar(flags, &f.timeout, "timeout", 10*time.Minute, "with --wait: give up after this time")
	return cmd
}

func (s *session) reconcile(ctx context.Context, f reconcileFlags, queued []queuedLine, listMode bool) error {
	var unsettled error
	accounts, err := s.readAccounts(ctx)
	if err == nil {
		err = s.checkSettings(ctx, accounts, listMode)
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
		count, lost, err := app.CountDocuments(ctx, s.cfg, s.log, s.lostOf(accounts))
		if err != nil {
			return err
		}
		if accounts, err = s.readAccounts(ctx); err != nil {
			return err
		}
		r = newReport(accounts, s.cfg.StreamKey)
		r.addDocuments(streams.CompareDocuments(before, count, lost, streams.Total(accounts)))
	}
	found, err := s.lookForQueued(ctx, queued)
	if err != nil {
		return err
	}
	r.addQueued(found)
	write := r.writeTable
	if f.json {
		write = r.writeJSON
	}
	if err := write(s.out); err != nil {
		return fmt.Errorf("writing the account: %w", err)
	}
	return errors.Join(unsettled, r.failure())
}

// lostOf selects the documents whose entries Redis has lost. It returns nil if
// there are none.
func (s *session) lostOf(accounts []*streams.Account) *app.DocumentFilter {
	from, to := streams.Total(accounts).LostSpan()
	if to == "" {
		return nil
	}
	return &app.DocumentFilter{From: from, To: to, Match: func(customerID, streamID string) bool {
		for _, place := range s.cfg.Layout().Places(customerID) {
			if accounts[place].Lost(streamID) {
				return true
			}
		}
		return false
	}}
}

func (s *session) readAccounts(ctx context.Context) ([]*streams.Account, error) {
	accounts, err := streams.ReadAccounts(ctx, s.redis, s.keys(), s.cfg.StreamGroup)
	return accounts, app.NameOwner(err)
}

// checkSettings returns an error if no stream exists for the settings, and logs a
// warning if there are more partitions than the settings cover.
func (s *session) checkSettings(ctx context.Context, accounts []*streams.Account, listMode bool) error {
	next := fmt.Sprintf("%s:%d", s.cfg.StreamKey, s.cfg.StreamPartitions)
	if s.cfg.StreamPartitions == 1 {
		next = s.cfg.StreamKey + ":0"
	}
	more, err := s.redis.Exists(ctx, next).Result()
	if err == nil && more > 0 && !slices.Contains(s.keys(), next) { // only a hint, so without the right to ask there is none
		s.log.Warn("warning", "reason", fmt.Sprintf("stream %q also exists, but STREAM_PARTITIONS=%d does not cover it", next, s.cfg.StreamPartitions))
	}
	for _, a := range accounts {
		if a.StreamThere || a.Opened() {
			return nil
		}
	}
	hint := "no worker has run in stream mode with these settings"
	if listMode {
		hint = "QUEUE_MODE is list, and a list has no account"
	}
	return &app.SetupError{Err: fmt.Errorf("STREAM_KEY: neither a stream %q nor its ledger exists at %s with STREAM_PARTITIONS=%d: %s",
		s.cfg.StreamKey, s.cfg.RedisURL, s.cfg.StreamPartitions, hint)}
}
