package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/producer"
	"ingestion/record"
)

const generateHelp = `generate makes records up and puts them on the queue until it is told to stop.

Each customer of GEN_CUSTOMERS gets GEN_RPM records a minute at a pace of its own,
each up to GEN_JITTER_MS earlier or later. A share of them, GEN_INVALID_RATE, is
spoilt: broken JSON, missing fields, bad addresses and dates and more. A flag
wins over its variable. After an outage of Redis the records that were missed
are left out rather than sent all at once. If Redis is still away when --duration
is over, generate ends with exit code 1 and says how many records were not sent.

The same --seed makes the same records again; without it they differ from run to
run, and createdAt begins with the present.

Each record is logged on standard output as an event "queued". An interruption
(Ctrl-C) is an orderly end.`

const generateExample = `  # as the variables say, until Ctrl-C
  producer generate

  # 1,000 records of 50 customers, fast, one in ten spoilt
  producer generate --count 1000 --customers "$(seq -s, 1 50)" --rpm 6000 --invalid-rate 0.1

  # the same records each time, for two minutes
  producer generate --seed 7 --duration 2m`

type generateFlags struct {
	seed        uint64
	count       int
	duration    time.Duration
	customers   []string
	rpm         float64
	jitter      time.Duration
	invalidRate float64
}

func generateCommand() *cobra.Command {
	var f generateFlags
	cmd := &cobra.Command{
		Use:     "generate",
		Short:   "Make records up at a steady rate",
		Long:    generateHelp,
		Example: generateExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load()
			if err != nil {
				return err
			}
			opts := f.options(cmd, cfg)
			log, buffer := app.NewLog(cfg, cmd.OutOrStdout())
			return errors.Join(generate(cmd, cfg, log, opts), buffer.Close())
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.seed, "seed", 0, "make the same records as every run with this number")
	flags.IntVar(&f.count, "count", 0, "stop after so many records; 0: no end")
	flags.DurationVar(&f.duration, "duration", 0, "stop after so long, for example 90s or 1h; 0: no end")
	flags.StringSliceVar(&f.customers, "customers", nil, "customer IDs, comma-separated (GEN_CUSTOMERS)")
	flags.Float64Var(&f.rpm, "rpm", 0, "records a minute for each customer (GEN_RPM)")
	flags.DurationVar(&f.jitter, "jitter", 0, "each record comes up to so much earlier or later, for example 500ms (GEN_JITTER_MS)")
	flags.Float64Var(&f.invalidRate, "invalid-rate", 0, "share of spoilt records, 0 to 1 (GEN_INVALID_RATE)")
	return cmd
}

// options are the variables' values where no flag is given.
func (f generateFlags) options(cmd *cobra.Command, cfg *config.Config) producer.GeneratorOptions {
	given := cmd.Flags().Changed
	o := producer.GeneratorOptions{
		Customers: cfg.GenCustomers, PerMinute: cfg.GenRPM, Jitter: cfg.GenJitter.Duration(), InvalidRate: cfg.GenInvalidRate,
		Seed: f.seed, Count: f.count, Duration: f.duration,
	}
	if given("customers") {
		o.Customers = f.customers
	}
	if given("rpm") {
		o.PerMinute = f.rpm
	}
	if given("jitter") {
		o.Jitter = f.jitter
	}
	if given("invalid-rate") {
		o.InvalidRate = f.invalidRate
	}
	if !given("seed") {
		o.Seed, o.Epoch = rand.Uint64(), time.Now()
	}
	return o
}

func generate(cmd *cobra.Command, cfg *config.Config, log *slog.Logger, opts producer.GeneratorOptions) error {
	generator, err := producer.NewGenerator(opts)
	if err != nil {
		return app.UsageError(err)
	}
	ctx := cmd.Context()
	publisher, closeClient, err := connect(ctx, cfg, log, 0)
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer closeClient()
	begin, sent, spoilt := time.Now(), 0, 0
	limited, cancel := within(ctx, opts.Duration)
	defer cancel()
	err = generator.Run(limited, func(ctx context.Context, batch []producer.Generated) error {
		receipts, err := publisher.Publish(ctx, bodiesOf(batch))
		for i, receipt := range receipts {
			if !receipt.Queued {
				continue
			}
			queuedRecord(log, batch[i], receipt)
			sent++
			if batch[i].Want != record.Ingested {
				spoilt++
			}
		}
		return err
	})
	t := totals{sent: sent, elapsed: time.Since(begin)}
	t.note(spoilt, "of them spoilt")
	unsent := generator.Made() - sent
	t.note(unsent, "not sent")
	t.print(cmd.ErrOrStderr())
	if ctx.Err() == nil && limited.Err() != nil {
		err = overdue(err, unsent)
	}
	return unlessInterrupted(ctx, setup(err))
}

// grace is for the records of the last moment to be sent.
const grace = 3 * time.Second

var errOver = errors.New("the time of --duration is over")

// within ends the sending too some time after the duration, where that has an
// end: while Redis is away it would go on for ever.
func within(ctx context.Context, duration time.Duration) (context.Context, context.CancelFunc) {
	if duration <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, time.Now().Add(duration).Add(grace), errOver)
}

// overdue is the error of a run that lasted longer than the duration and grace.
func overdue(err error, unsent int) error {
	if errors.Is(err, errOver) {
		return fmt.Errorf("%w; %d records were not sent", err, unsent)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // all that was made is sent, late
	}
	return err
}

// unlessInterrupted drops the error of an interruption: it is how generate ends.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func bodiesOf(batch []producer.Generated) [][]byte {
	bodies := make([][]byte, len(batch))
	for i, made := range batch {
		bodies[i] = made.Body
	}
	return bodies
}
