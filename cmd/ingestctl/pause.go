package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/streams"
)

const pauseHelp = `pause makes all workers of the queue stop reading within 2 s, also those that
start later. They finish what they hold and keep its leases. Producers may go
on: their records wait in Redis, which needs room for them.

  --until  ends the pause at a time: 2026-01-31T06:00:00Z, or 06:00 for the next
           time that clocks here show that
  --for    ends it after a while, such as 30m or 2h
  neither  it lasts until "ingestctl resume"

This command changes the queue. It does not ask, since resume undoes it, and
every second may count. A second pause replaces the first one.

A warning says if no live worker would heed the pause, or if those that are
listed have other settings than this command. The pause is set all the same.

--wait waits until the workers have stopped: for the 2 s, and then until no live
worker holds an entry and none is delivered any more. It fails where the warning
is due. A list does not tell what workers hold, so there --wait is wrong usage.`

const pauseExample = `  ingestctl pause --for 30m --reason "new index"
  ingestctl pause --until 06:00 --wait
  ingestctl pause --until 2026-01-31T06:00:00+01:00
  ingestctl resume`

// pauseFlags is a run of pause.
type pauseFlags struct {
	until, by, reason         string
	length, timeout           time.Duration
	wait, dryRun, json, asked bool
}

func pauseCommand() *cobra.Command {
	var f pauseFlags
	cmd := &cobra.Command{
		Use:     "pause",
		Short:   "Make all workers stop reading (changing)",
		Long:    pauseHelp,
		Example: pauseExample,
		Args:    cobra.NoArgs,
		RunE:    f.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.until, "until", "", "end the pause at this `TIME`")
	app.DurationVar(flags, &f.length, "for", 0, "end the pause after this `DURATION`, such as 30m or 2h")
	flags.StringVar(&f.reason, "reason", "", "say why, for people: the `TEXT` is in the workers' log and /readyz")
	flags.StringVar(&f.by, "by", "", "say `WHO` pauses the queue; by default user@host")
	flags.BoolVar(&f.wait, "wait", false, "wait until the workers have stopped; stream mode only")
	app.DurationVar(flags, &f.timeout, "timeout", time.Minute, "with --wait: give up after this `DURATION`")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
	pauseApproval(cmd, &f.dryRun, &f.asked)
	return cmd
}

// pauseApproval adds the flags of all changing commands.
func pauseApproval(cmd *cobra.Command, dryRun, yes *bool) {
	cmd.Flags().BoolVar(dryRun, "dry-run", false, "show what would be done, and change nothing")
	cmd.Flags().BoolVar(yes, "yes", false, "accepted as by other changing commands; this one never asks")
}

func (f *pauseFlags) check(cmd *cobra.Command) error {
	switch {
	case f.until != "" && cmd.Flags().Changed("for"):
		return errors.New("give --until or --for, not both")
	case cmd.Flags().Changed("for") && f.length <= 0:
		return fmt.Errorf("--for: %v is not positive", f.length)
	case f.timeout <= 0:
		return fmt.Errorf("--timeout: %v is not positive", f.timeout)
	}
	return nil
}

func (f *pauseFlags) run(cmd *cobra.Command, _ []string) error {
	if err := f.check(cmd); err != nil {
		return app.UsageError(err)
	}
	ctx := cmd.Context()
	s, err := open(ctx, cmd, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if f.wait && s.cfg.QueueMode == config.ModeList {
		return app.UsageError(errors.New("--wait needs QUEUE_MODE=stream: a list does not tell what workers hold; the metric ingestion_records_in_flight of each worker does"))
	}
	p, err := f.pause(ctx, s)
	if err != nil {
		return err
	}
	return f.report(ctx, s, p)
}

// report prints what was done, and waits with --wait.
func (f *pauseFlags) report(ctx context.Context, s *session, p *pausing) error {
	var printed, err error
	if !f.json {
		printed = p.print(s)
	}
	if f.wait && !f.dryRun {
		err = p.awaitStopped(ctx, s, f.timeout)
		stopped := err == nil
		p.stopped = &stopped
	} else {
		p.warn(s)
	}
	if f.json {
		printed = p.printJSON(s)
	} else if p.stopped != nil && *p.stopped && printed == nil {
		_, printed = fmt.Fprintln(s.out, "the workers have stopped: no live one holds an entry, and none is delivered")
	}
	return errors.Join(err, printed)
}

// pausing is what pause has done, or would do.
type pausing struct {
	queue    string
	asked    streams.Control
	now      time.Time // by the clock of Redis
	replaced streams.Control
	workers  *streams.Holders // nil in list mode, and if they could not be read
	unread   []error          // what could not be read
	unheeded string           // why it has no effect on the workers, or not on all; "" if it has
	dryRun   bool
	stopped  *bool // nil without --wait
}

func (f *pauseFlags) pause(ctx context.Context, s *session) (p *pausing, err error) {
	p = &pausing{queue: s.queue(), dryRun: f.dryRun, asked: streams.Control{By: f.by, Reason: f.reason}}
	if p.asked.By == "" {
		p.asked.By = operator()
	}
	if p.now, err = s.redis.Time(ctx).Result(); err != nil {
		return nil, fmt.Errorf("asking Redis for the time: %w", err)
	}
	if p.asked.Until, err = f.end(p.now); err != nil {
		return nil, app.UsageError(err)
	}
	was, _, err := streams.ReadControl(ctx, s.redis, s.controlKey())
	p.couldNotRead("the pause before", err)
	if was.Active(p.now) {
		p.replaced = was
	}
	if !f.dryRun {
		if err := streams.Pause(ctx, s.redis, s.controlKey(), p.asked); err != nil {
			return nil, fmt.Errorf("nothing is paused: %w", explainFull(err, "or stop the workers instead: unless RATE_LIMIT_LIMIT=0 they read nothing while Redis is full"))
		}
	}
	p.look(ctx, s)
	return p, nil
}

// end returns the end of the pause, the zero value if it has none.
func (f *pauseFlags) end(now time.Time) (time.Time, error) {
	switch {
	case f.length > 0:
		return now.Add(f.length), nil
	case f.until == "":
		return time.Time{}, nil
	}
	end, err := pauseEnd(f.until, now)
	if err == nil && !end.After(now) {
		err = fmt.Errorf("%s has passed: Redis has %s", end.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return end, fmt.Errorf("--until: %w", err)
	}
	return end, nil
}

// pauseEnd reads a time. A clock time is the next one, in the zone of this host.
func pauseEnd(text string, now time.Time) (time.Time, error) {
	if end, err := time.Parse(time.RFC3339, text); err == nil {
		return end, nil
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time: want for example 2026-01-31T06:00:00Z or 06:00", text)
	}
	year, month, day := now.Local().Date()
	end := time.Date(year, month, day, clock.Hour(), clock.Minute(), 0, 0, time.Local)
	if !end.After(now) {
		end = time.Date(year, month, day+1, clock.Hour(), clock.Minute(), 0, 0, time.Local)
	}
	return end, nil
}

// operator is who runs this program.
func operator() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// queue names the queue as people set it.
func (s *session) queue() string {
	if s.cfg.QueueMode == config.ModeList {
		return s.cfg.QueueKey
	}
	return s.cfg.StreamKey
}

// controlKey is the key beside which the control of the queue is.
func (s *session) controlKey() string {
	if s.cfg.QueueMode == config.ModeList {
		return s.cfg.QueueKey
	}
	return s.keys()[0]
}
