package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/duration"
	"ingestion/internal/inspect"
	"ingestion/streams"
)

const statusHelp = `status shows the state of the queue: where the entries are and what became of
them, the lag, the workers and what they hold, the servers, and what is wrong.
The last line says what to do first. It changes nothing, and takes well below a
second however many entries wait.

Ages are those of the entries, by the clock of Redis. A worker is idle for as
long as it has not taken entries or renewed their leases. After
STREAM_CLAIM_IDLE_MS others take over what it holds: until they do, it is
"stuck" if it still runs, else "silent". What cannot be read is "unknown", never
0, and does not hide the rest. The customers that hit their limit most are of
the last hours, of which each counts half as much as the one after it.

The state is not in order, and the exit code 1, if
  - Redis or MongoDB, or a partition, cannot be read
  - Redis uses 95 % of its maxmemory, or could not save its data
  - a partition has no account, or one that does not balance
  - records wait and no worker runs
  - a worker does not renew the leases of what it holds
  - the oldest undelivered entry has waited longer than --max-age, or an entry is
    held that is older than that while nothing older waits
All else is in order, though it may be worth a warning or a note: a pause by
"ingestctl pause" (in which entries may wait as long as they like), entries that
other clients have deleted, dead letters.

--watch repeats it. On a terminal it redraws in place; elsewhere it prints one
block after the other. With --json, an object a line.

Exit codes:
  0  in order; with --watch: interrupted
  1  not in order
  2  wrong usage or configuration, or STREAM_GROUP is not the group of the stream`

const statusExample = `  ingestctl status
  ingestctl status --watch 5s
  ingestctl status --json | jq '.findings[] | select(.severity == "error")'

  # a check for a script
  ingestctl status --max-age 1m >/dev/null || echo 'look at the queue'`

type statusFlags struct {
	json   bool
	every  time.Duration // of --watch; 0 without
	maxAge time.Duration
}

// watchEvery is the time between two readings of --watch.
const watchEvery = 2 * time.Second

func statusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:     "status [INTERVAL]",
		Short:   "Show the state of the queue and what to do (read-only)",
		Long:    statusHelp,
		Example: statusExample,
		Args:    f.checkArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			watch := cmd.Flags().Changed("watch")
			if err := f.check(watch, args); err != nil {
				return app.UsageError(err)
			}
			s, err := observe(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			defer s.close()
			if watch {
				return s.watchStatus(cmd.Context(), f)
			}
			return s.status(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print JSON instead of text")
	app.DurationVar(flags, &f.every, "watch", 0, "repeat it every `INTERVAL`, until interrupted")
	flags.Lookup("watch").NoOptDefVal = watchEvery.String()
	app.CompleteFlag(cmd, "watch", "1s", "2s", "5s")
	app.DurationVar(flags, &f.maxAge, "max-age", inspect.MaxAge, "not in order if an entry has waited for longer")
	return cmd
}

// checkArgs allows an interval, but only with --watch.
func (f *statusFlags) checkArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && !cmd.Flags().Changed("watch") {
		return app.UsageError(fmt.Errorf("takes no argument without --watch, but got %q", args[0]))
	}
	return cobra.MaximumNArgs(1)(cmd, args)
}

func (f *statusFlags) check(watch bool, args []string) error {
	if len(args) > 0 { // --watch 5s, like --watch=5s
		var err error
		if f.every, err = duration.Parse(args[0]); err != nil {
			return fmt.Errorf("--watch: %w", err)
		}
	}
	const least = 100 * time.Millisecond
	switch {
	case watch && f.every < least:
		return fmt.Errorf("--watch: %v is less than %v", f.every, least)
	case f.maxAge <= 0:
		return fmt.Errorf("--max-age: %v is not positive", f.maxAge)
	}
	return nil
}

// observer is what the commands that look at everything need. Unlike a session's, its
// servers need not be there.
type observer struct {
	*session
	source inspect.Source
}

// observe loads the configuration and prepares the clients.
func observe(ctx context.Context, cmd *cobra.Command) (*observer, error) {
	s, err := load(cmd)
	if err != nil {
		return nil, err
	}
	if s.redis, err = app.ObserverRedis(s.cfg); err != nil {
		s.close()
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = s.redis.Close() })
	if err := app.ObserveLayout(ctx, s.cfg); err != nil {
		s.close()
		return nil, err
	}
	store, release, err := app.ObserverStore(ctx, s.cfg)
	if err != nil {
		s.close()
		return nil, err
	}
	s.store, s.closers = store, append(s.closers, release)
	return &observer{session: s, source: sourceOf(s)}, nil
}

// sourceOf is the queue of the settings.
func sourceOf(s *session) inspect.Source {
	src := inspect.Source{Redis: s.redis, Lease: s.cfg.StreamClaimIdle.Duration()}
	if s.cfg.QueueMode == config.ModeList {
		src.List = s.cfg.QueueKey
	} else {
		src.Keys, src.Homes, src.Group = s.keys(), s.cfg.StreamPartitions, s.cfg.StreamGroup
	}
	return src
}

func (o *observer) read(ctx context.Context, f statusFlags) sheet.Sheet {
	return sheet.New(inspect.ReadStatus(ctx, o.source, inspect.Options{Mongo: o.store, History: time.Hour}), inspect.Limits{MaxAge: f.maxAge})
}

func (o *observer) status(ctx context.Context, f statusFlags) error {
	sh := o.read(ctx, f)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	var err error
	if f.json {
		err = writeStatusJSON(o.out, sh, "  ")
	} else {
		_, err = colorprofile.NewWriter(o.out, os.Environ()).Write([]byte(sh.Text(0)))
	}
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return failure(sh)
}

// failure is the error that ends the command: nil if all is in order.
func failure(sh sheet.Sheet) error {
	for _, p := range sh.State.Partitions {
		var owner *streams.OwnerError
		if errors.As(p.Err, &owner) {
			return app.NameOwner(p.Err)
		}
	}
	if !inspect.InOrder(sh.Findings) {
		return app.ErrNotInOrder
	}
	return nil
}
