package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/config"
	"ingestion/internal/duration"
	"ingestion/internal/inspect"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/limiter"
)

const limitsSimulateHelp = `simulate says what a limit would have made of the customer's records that are
still on the stream: how many it would have admitted, refused or deferred. Beside
that it shows the same under the limit that applies now, and what really became
of the records as far as documents, dead letters and the delayed set tell. It
changes nothing.

Each record is judged once, by its time of arrival. RATE_LIMIT_POLICY decides
whether a record over the limit is refused or deferred. It looks at --scan entries,
the newest first and the customer's own partition first, and says how far that
was. Ctrl-C ends the scan; what was read until then is judged.

--since takes a time (2026-01-31, 2026-01-31T12:00:00Z) or a duration (2h, 7d).

Exit codes:
  0  printed
  1  no record of the customer was found, interrupted, or a server failed
  2  wrong usage or configuration, or list mode: a list keeps no arrivals`

type simulateFlags struct {
	json    bool
	scan    int64
	since   string
	timeout time.Duration

	customer string
	limit    limiter.Limit
}

func limitsSimulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:     "simulate CUSTOMER LIMIT/WINDOW",
		Short:   "Say what another limit would have done (read-only)",
		Long:    limitsSimulateHelp,
		Example: "  ingestctl limits simulate 42 100/60\n  ingestctl limits simulate 42 100/60 --since 2h\n  ingestctl limits simulate 42 10/1 --scan 5000000 --json",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			return withTracer(cmd, func(ctx context.Context, s *session, t *inspect.Tracer) error { return s.simulate(ctx, t, &f) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print one JSON object (docs/schema/ingestctl-limits-simulate.json)")
	flags.Int64Var(&f.scan, "scan", inspect.DefaultScan, "look at up to `N` entries")
	flags.StringVar(&f.since, "since", "", "only records that arrived after this `TIME`, or within this duration")
	app.DurationVar(flags, &f.timeout, "timeout", 5*time.Second, "give up searching MongoDB after this time")
	return cmd
}

func (f *simulateFlags) check(args []string) (err error) {
	if f.customer, err = customerArgument(args[0]); err != nil {
		return err
	}
	if f.limit, err = limitArgument(args[1]); err != nil {
		return err
	}
	switch {
	case f.scan < 1:
		return app.UsageError(fmt.Errorf("--scan: %d is less than 1", f.scan))
	case f.timeout <= 0:
		return app.UsageError(fmt.Errorf("--timeout: %v is not positive", f.timeout))
	}
	if _, err := f.sinceTime(time.Now()); err != nil {
		return app.UsageError(err)
	}
	return nil
}

// sinceTime reads --since as a time, or as a duration before now.
func (f *simulateFlags) sinceTime(now time.Time) (time.Time, error) {
	if f.since == "" {
		return time.Time{}, nil
	}
	if d, err := duration.Parse(f.since); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	at, err := inspect.CreatedAt(f.since)
	if err != nil {
		return at, fmt.Errorf("--since: %q is neither a time, such as 2026-01-31T12:00:00Z, nor a duration, such as 2h", f.since)
	}
	return at, nil
}

func (s *session) simulate(ctx context.Context, t *inspect.Tracer, f *simulateFlags) error {
	if s.cfg.QueueMode == config.ModeList {
		return app.UsageError(errors.New("QUEUE_MODE=list: a list keeps no arrivals, since records leave it when they are delivered"))
	}
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("asking Redis for the time: %w", err)
	}
	q := inspect.SimulationQuery{CustomerID: f.customer, Limit: f.limit, Reserve: s.cfg.RateLimitPolicy == config.PolicyDefer, MaxDelay: s.cfg.RateLimitMaxDelay.Duration()}
	if q.Since, err = f.sinceTime(now); err != nil {
		return app.UsageError(err)
	}
	s.addDocuments(ctx, t)
	shown := scanProgress{progress: progress{w: s.err, terminal: logging.CanRedraw(s.err)}}
	t.Scan, t.DocumentsTimeout, t.Progress = f.scan, f.timeout, shown.print
	sim, err := t.Simulate(ctx, q)
	shown.clear()
	if err != nil {
		return err
	}
	if f.json {
		err = printJSON(s.out, answer.SimulationOf(sim, s.cfg.RateLimitPolicy))
	} else {
		_, err = s.out.Write(simulationPage(sim, s.cfg.RateLimitPolicy))
	}
	switch {
	case err != nil:
		return fmt.Errorf("writing the result: %w", err)
	case ctx.Err() != nil:
		return errors.New("interrupted: the scan did not come to its end")
	case sim.Arrivals == 0:
		return fmt.Errorf("no valid record of customer %q found", f.customer)
	}
	return nil
}

func simulationPage(sim *inspect.Simulation, policy string) []byte {
	p := &page{}
	p.wrapped("", fmt.Sprintf("Customer %s: %s", sim.CustomerID, counted(sim.Arrivals, "valid record", "valid records")))
	if sim.Arrivals > 0 {
		p.line("arrived from %s to %s UTC", second(sim.From), second(sim.To))
	}
	p.line("")
	p.line("  %-16s  %-15s  %10s  %10s  %10s  %s", "", "LIMIT", "ADMITTED", "REFUSED", "DEFERRED", "WAIT")
	row := func(name string, t inspect.Tally) {
		wait := "-"
		if t.Deferred > 0 {
			wait = t.LongestDelay.Round(time.Second).String()
		}
		p.line("  %-16s  %-15s  %10s  %10s  %10s  %s", name, t.Limit, thousands(t.Admitted), thousands(t.Refused), thousands(t.Deferred), wait)
	}
	row("would have been", sim.Then)
	row("under today's", sim.Now)
	ingested := "unknown"
	if sim.Actual.IngestedErr == nil {
		ingested = thousands(sim.Actual.Ingested)
	}
	p.line("  %-16s  %-15s  %10s  %10s  %10s  %s", "what is known", "", ingested, thousands(sim.Actual.Refused), thousands(sim.Actual.Waiting), "")
	p.line("")
	p.notes(sim, policy)
	return p.Bytes()
}

// notes says what the numbers are of.
func (p *page) notes(sim *inspect.Simulation, policy string) {
	p.wrapped("", "RATE_LIMIT_POLICY="+policy+"; WAIT is the longest delay. What is known: records with a document, rate-limited dead letters, records that wait.")
	if sim.Actual.IngestedErr != nil {
		p.wrapped("", "documents: "+sim.Actual.IngestedErr.Error())
	}
	if sim.Invalid > 0 {
		p.wrapped("", plural.Of(sim.Invalid, "record was", "records were")+" left out: not valid, so refused before the limiter")
	}
	if sim.PutBack > 0 {
		p.wrapped("", plural.Of(sim.PutBack, "entry was", "entries were")+" put back after a deferral: the record counts when it came first")
	}
	for _, l := range sim.Looked {
		if text := l.Words("--scan"); text != "" {
			p.wrapped("", text)
		}
	}
}
